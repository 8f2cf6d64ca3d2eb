"""Placement and flavors: what do instances ask for, and where is there room?"""

from .. import query, tiers
from ..board import board, link, row
from ..panel import bargauge, now, stat, target, timeseries
from ..table import column, table

HOSTS = 'CLOUD, scope="hypervisor"'


EXACT = [
    {
        "type": "value",
        "options": {
            "upper_bound": {"text": "at most", "color": "yellow", "index": 0},
            "exact": {"text": "exact", "color": "green", "index": 1},
        },
    }
]


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
    instances = "stackcast:flavor_instances:count{CLOUD}"
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
    used = f"({by_flavor})"
    more = "stackcast_capacity_flavor_headroom_instances{CLOUD}"
    fitting = bargauge(
        "Instances that still fit",
        "How many more instances of each flavor in use the scheduler would let in now, in all zones. A flavor at 0 ends in "
        "*No valid host*: the table beside says what is missing.",
        [now(f"sort(sum by (flavor) ({more}) and on (flavor) {used})", "{{flavor}}")],
        "none",
        tiers.LEFT,
    )
    room = table(
        "Room by flavor and zone",
        "How many more of each flavor fit into a zone, and what stops the next on most of its hosts. *at most*: something "
        "decides that Placement does not count (NUMA, PCI, aggregates); see /api/v1/headroom.",
        [
            now(f"max by (cloud, region, flavor, az) ({more})"),
            now("max by (cloud, region, flavor, az, resource, exact) (stackcast_capacity_flavor_limit_info{CLOUD})"),
        ],
        [
            column("cloud", "Cloud", width=90),
            column("region", "Region", width=110),
            column("flavor", "Flavor"),
            column("az", "Zone", width=90),
            column("A", "More fit", "none", tiers.LEFT, width=100),
            column("resource", "Stopped by", width=120),
            column("exact", "Count is", mappings=EXACT, width=110),
        ],
        "More fit",
        descending=False,
    )
    shrinking = timeseries(
        "Room, over time",
        "Instances that still fit, of the eight flavors in use that have most instances. A line that falls faster than "
        "instances are made is room that breaks into pieces: live-migrate small ones together.",
        [target(f"sum by (flavor) ({more}) and on (flavor) topk(8, {query.joined('last_over_time(stackcast:flavor_instances:count{CLOUD}[1d] @ end())', 'flavor', 'flavor_id', 'stackcast_flavor_info', ['flavor'])})", "{{flavor}}")],
        "none",
        min=0,
    )
    spare = bargauge(
        "Hosts that may fail",
        "How many of a zone's or aggregate's largest hosts may fail so that all of their instances fit on its others. 0: the "
        "next failure leaves instances without a host. Aggregates of one host have 0 by nature.",
        [now('min by (scope, entity) (stackcast_capacity_evacuation_hosts{CLOUD, scope=~"az|aggregate"})', "{{scope}} {{entity}}")],
        "none",
        tiers.SPARE_HOSTS,
    )
    stranded = bargauge(
        "Stranded",
        "Part of what is usable that stays free when every host is filled with the flavors in use, because another resource "
        "runs out first. Much of it: change flavors or allocation ratios before buying.",
        [now('max by (entity, resource) (stackcast_capacity_stranded_ratio{CLOUD, scope="az"})', "{{entity}} {{resource}}")],
        "percentunit",
        tiers.steps("green", (0.1, "yellow"), (0.2, "orange")),
        max=1,
        decimals=1,
    )
    stranding = timeseries(
        "Stranded, over time",
        "The same over time, of the whole cloud. It rises with flavors of an odd shape and with hosts of another proportion.",
        [target('max by (resource) (stackcast_capacity_stranded_ratio{CLOUD, scope="cloud"})', "{{resource}}")],
        "percentunit",
        min=0,
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
            row("What still fits", (fitting, 8, 12), (room, 16, 12), (shrinking, 24, 8)),
            row("What cannot be used, what may fail", (spare, 8, 9), (stranded, 8, 9), (stranding, 8, 9)),
            row("Free capacity", *zones),
            row("Placement", (overcommit, 14, 7), (gpus, 10, 7)),
            row("Hypervisors", (hosts, 24, 11)),
        ],
        time=("now-7d", "now"),
        refresh="5m",
        aggregate=True,
    )
