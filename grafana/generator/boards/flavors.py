"""Placement and flavors: what do instances ask for, and where is there room?"""

from .. import query, tiers
from ..board import board, link, row
from ..panel import bargauge, now, stat, target, timeseries
from ..table import column, table

HOSTS = 'CLOUD, scope="hypervisor"'


def free(family):
    """Free capacity of the chosen aggregates' hypervisors."""
    return query.of_aggregate(f"stackcast_capacity_free_{family}{{{HOSTS}}}")


def make():
    """The board."""
    first = [
        (
            stat(
                "Hypervisors available",
                "Hypervisors that the scheduler may use: up and enabled. If it is less than yesterday, look below for "
                "the ones that are disabled or down.",
                [now('sum(stackcast_capacity_hypervisors{CLOUD, scope="cloud", state="available"})')],
                "none",
            ),
            4,
            4,
        ),
        (
            stat(
                "Disabled",
                "Hypervisors whose compute service is disabled: maintenance, or forgotten after it. Their capacity counts "
                "as not usable; enable them, or remove them.",
                [now('sum(stackcast_capacity_hypervisors{CLOUD, scope="cloud", state="disabled"})')],
                "none",
                tiers.steps("green", (1, "yellow")),
            ),
            4,
            4,
        ),
        (
            stat(
                "Down",
                "Hypervisors whose compute service does not report although it is enabled. Instances on them may run on, "
                "but nothing can be changed: see Control plane.",
                [now('sum(stackcast_capacity_hypervisors{CLOUD, scope="cloud", state="down"})')],
                "none",
                tiers.NONE_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Waiting for a host",
                "Instances in BUILD without a host: what the scheduler has still to place. If it does not fall back to 0 "
                "within minutes, there is no room or no scheduler.",
                [now("sum(openstack_nova_build_requests{CLOUD})")],
                "none",
                tiers.FEW_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Most free vCPUs on one host",
                "The largest piece of free vCPUs that one hypervisor of the chosen aggregates has: no flavor above it "
                "can be booted, whatever is free in all.",
                [now(f"max({free('vcpus')})")],
                "none",
            ),
            4,
            4,
        ),
        (
            stat(
                "Most free memory on one host",
                "The largest piece of free memory that one hypervisor of the chosen aggregates has: no flavor above it "
                "can be booted, whatever is free in all.",
                [now(f"max({free('memory_bytes')})")],
                "bytes",
            ),
            4,
            4,
        ),
    ]
    instances = "count by (cloud, region, flavor_id) (openstack_nova_server_status{CLOUD})"
    by_flavor = query.joined(instances, "flavor", "flavor_id", "stackcast_flavor_info", ["flavor"])
    flavors = bargauge(
        "Instances by flavor",
        "Instances of each flavor, of all projects. The longest bars are what capacity must be cut for; a flavor that "
        "nobody uses can go.",
        [
            now(
                f"sort_desc({by_flavor})",
                "{{flavor}}",
            )
        ],
        "none",
    )
    mix = timeseries(
        "Instances by flavor, over time",
        "The same over time. A shift to larger flavors leaves gaps on hosts that small ones no longer fill.",
        [target(by_flavor, "{{flavor}}")],
        "none",
        stack=True,
    )
    zones = [
        (
            bargauge(
                f"Free {name} by zone",
                f"{name} that are usable and not used, by availability zone. The shortest bar is where instances that "
                "name their zone fail first.",
                [now(f'sum by (entity) (stackcast_capacity_free_{family}{{CLOUD, scope="az"}})', "{{entity}}")],
                unit,
            ),
            8,
            6,
        )
        for name, family, unit in (("vCPUs", "vcpus", "none"), ("memory", "memory_bytes", "bytes"), ("disk", "disk_bytes", "bytes"))
    ]
    overcommit = table(
        "Allocation by resource class",
        "Placement's inventories, by resource class: total, reserved, allocation ratio (mean over providers) and usage. "
        "*Promised* is usage over total: above 100 % physical resources are promised more than once.",
        [
            now("sum by (resourcetype) (openstack_placement_resource_total{CLOUD})"),
            now("sum by (resourcetype) (openstack_placement_resource_reserved{CLOUD})"),
            now("avg by (resourcetype) (openstack_placement_resource_allocation_ratio{CLOUD})"),
            now("sum by (resourcetype) (openstack_placement_resource_usage{CLOUD})"),
            now(
                "sum by (resourcetype) (openstack_placement_resource_usage{CLOUD})"
                " / sum by (resourcetype) (openstack_placement_resource_total{CLOUD})"
            ),
        ],
        [
            column("resourcetype", "Resource class"),
            column("A", "Total", "locale", width=120),
            column("B", "Reserved", "locale", width=120),
            column("C", "Ratio", "none", decimals=1, width=90),
            column("D", "Used", "locale", width=120),
            column("E", "Promised", "percentunit", tiers.steps("green", (1, "yellow")), decimals=1, width=110),
        ],
        "Promised",
    )
    hosts = table(
        "Hypervisors by free capacity",
        "What is free on each hypervisor of the chosen aggregates. A host with much memory and no vCPUs (or the other way "
        "round) cannot be filled any more: move what fills the scarce one.",
        [
            now(f"sum by (cloud, region, entity) ({free('vcpus')})"),
            now(f"sum by (cloud, region, entity) ({free('memory_bytes')})"),
            now(f"sum by (cloud, region, entity) ({free('disk_bytes')})"),
            now("max by (cloud, region, entity, az, status, state) (" + query.of_aggregate("stackcast_hypervisor_info{CLOUD}") + ")"),
        ],
        [
            column("entity", "Hypervisor", link=link("stackcast-host", host="${__data.fields.Hypervisor}")),
            column("az", "Zone", width=80),
            column("status", "Status", width=90),
            column("state", "State", width=80),
            column("A", "Free vCPUs", "none", tiers.steps("red", (1, "orange"), (8, "green")), width=110),
            column("B", "Free memory", "bytes", tiers.steps("red", (1 << 30, "orange"), (16 << 30, "green")), width=120),
            column("C", "Free disk", "bytes", tiers.steps("red", (10 << 30, "orange"), (100 << 30, "green")), width=110),
        ],
        "Free memory",
        descending=False,
    )
    gpus = bargauge(
        "Devices used",
        "Used over usable of resources other than vCPUs, memory and disk: GPUs, dedicated CPUs, custom classes. Devices are "
        "few: one that is full stops its flavors at once.",
        [now('max by (entity, resource) (stackcast_capacity_utilization_ratio{CLOUD, scope=~"az|aggregate", resource!~"vcpu|memory|disk"})', "{{entity}} {{resource}}")],
        "percentunit",
        tiers.PREDICTED,
        max=1,
        decimals=1,
    )
    return board(
        "flavors",
        "Placement and flavors",
        "What do instances ask for, and where is there room?",
        [
            row("Room", *first),
            row("Demand", (flavors, 8, 10), (mix, 16, 10)),
            row("Free capacity", *zones),
            row("Placement", (overcommit, 14, 7), (gpus, 10, 7)),
            row("Hypervisors", (hosts, 24, 11)),
        ],
        time=("now-7d", "now"),
        refresh="5m",
        aggregate=True,
    )
