"""Compute host: one hypervisor in detail, and all of them ranked."""

from .. import query, tiers
from ..board import board, link, row, variable
from ..panel import now, stat, target, timeseries, utilization
from ..table import column, table

HOST = 'CLOUD, scope="hypervisor", entity="$host"'
NOVA = 'CLOUD, hostname="$host"'


def used(resource):
    """Utilisation of the chosen host."""
    return f'max(stackcast_capacity_utilization_ratio{{{HOST}, resource="{resource}", basis="allocation"}})'


def make():
    """The board."""
    state = stat(
        "Compute service",
        "Whether the host's nova-compute reports. Down with running instances: log in and look at the service; Nova can "
        "neither start nor move anything there.",
        [now('max(stackcast_hypervisor_info{CLOUD, entity="$host", state="up"}) or min(0 * stackcast_hypervisor_info{CLOUD, entity="$host"})')],
        "none",
        tiers.ONE_IS_GOOD,
        mappings=tiers.UP_DOWN,
    )
    numbers = [
        (
            stat(
                f"{name} allocated",
                f"{name} that instances hold on this host, over what is usable there. A full host is nothing bad: the "
                "scheduler fills hosts up. Above 100 %, a ratio was lowered under load.",
                [now(used(resource))],
                "percentunit",
                tiers.steps("green", (1.0001, "red")),
                decimals=1,
            ),
            4,
            4,
        )
        for name, resource in (("vCPUs", "vcpu"), ("Memory", "memory"), ("Disk", "disk"))
    ]
    instances = stat(
        "Instances",
        "Instances on this host, of any status. 0 on an enabled host for long: the scheduler avoids it, look at its "
        "aggregates and traits.",
        [now(f"sum(openstack_nova_servers{{{NOVA}}})")],
        "none",
    )
    tasks = stat(
        "Tasks",
        "Builds, migrations and snapshots in progress on the host (Nova's workload). Many for long: something on the host "
        "is stuck.",
        [now(f"max(openstack_nova_current_workload{{{NOVA}}})")],
        "none",
        tiers.steps("green", (10, "orange")),
    )
    graphs = [
        (
            utilization(
                f"{name}, with the next week",
                f"{name} allocated over usable. Orange: what is forecast now, straight between 1 and 7 days, with its interval; "
                "grey: what was said the day before. A host that fills up matters only where its aggregate does, too.",
                HOST,
                ["24h", "7d"],
                resource,
                limit=False,
            ),
            12,
            8,
        )
        for name, resource in (("vCPUs", "vcpu"), ("Memory", "memory"))
    ]
    by_status = timeseries(
        "Instances by status",
        "Instances of this host by Nova's status. A sudden drop is a host that lost its instances, or an evacuation.",
        [target(f"sum by (status) (openstack_nova_servers{{{NOVA}}})", "{{status}}")],
        "none",
        stack=True,
    )
    by_project = timeseries(
        "Active instances by project",
        "Whose instances run here: whom to tell before maintenance.",
        [
            target(query.of_projects(f"openstack_nova_running_vms{{{NOVA}}}", "tenant_id"), "{{name}}"),
        ],
        "none",
        stack=True,
    )
    compared = table(
        "All hypervisors",
        "Utilisation by allocation of every hypervisor of the chosen aggregates, and the highest forecast for memory within "
        "a week. Sort by any column; click a host to open it above.",
        [
            *(
                now(
                    "max by (cloud, region, entity) ("
                    + query.of_aggregate(f'stackcast_capacity_utilization_ratio{{CLOUD, scope="hypervisor", resource="{resource}", basis="allocation"}}')
                    + ")"
                )
                for resource in ("vcpu", "memory", "disk")
            ),
            now(
                "max by (cloud, region, entity) ("
                + query.of_aggregate('stackcast_forecast_utilization_upper_ratio{CLOUD, scope="hypervisor", resource="memory", horizon="7d"}')
                + ")"
            ),
            now("max by (cloud, region, entity, az, state, status) (" + query.of_aggregate("stackcast_hypervisor_info{CLOUD}") + ")"),
            now("sum by (cloud, region, entity) (" + query.entity("openstack_nova_servers{CLOUD}", "hostname") + ")"),
        ],
        [
            column("entity", "Hypervisor", link=link("stackcast-host", host="${__data.fields.Hypervisor}")),
            column("az", "Zone", width=80),
            column("state", "State", width=80),
            column("status", "Status", width=90),
            column("F", "Instances", "none", width=90),
            column("A", "vCPUs", "percentunit", tiers.PREDICTED, decimals=1, width=90),
            column("B", "Memory", "percentunit", tiers.PREDICTED, decimals=1, width=90),
            column("C", "Disk", "percentunit", tiers.PREDICTED, decimals=1, width=90),
            column("D", "Memory in 7 d at most", "percentunit", tiers.PREDICTED, decimals=1, width=170, no="too full to say"),
        ],
        "Memory",
    )
    here = table(
        "Instances on the host",
        "Every instance of the host, with its flavor and project. "
        "Before maintenance, these must be moved; what is in ERROR should be mended first.",
        [
            now(
                query.joined(
                    'openstack_nova_server_status{CLOUD, hypervisor_hostname="$host"}',
                    "name, status, tenant_id, flavor, id",
                    "flavor_id",
                    "stackcast_flavor_info",
                    ["flavor"],
                )
            )
        ],
        [
            column("name", "Instance"),
            column("status", "Status", width=110),
            column("flavor", "Flavor", width=140),
            column("id", "Id", width=320),
            column("tenant_id", "Project", width=290),
        ],
        "Status",
    )
    return board(
        "host",
        "Compute host",
        "One hypervisor in detail, and all of them ranked.",
        [
            row("$host", (state, 4, 4), *numbers, (instances, 4, 4), (tasks, 4, 4)),
            row("Forecast", *graphs),
            row("Instances", (by_status, 12, 7), (by_project, 12, 7), (here, 24, 8)),
            row("Compare", (compared, 24, 11)),
        ],
        time=("now-14d", "now+7d"),
        refresh="5m",
        variables=[
            variable(
                "host",
                "Hypervisor",
                "query_result(" + query.of_aggregate("stackcast_hypervisor_info{CLOUD}") + ")",
                many=False,
                regex='/entity="([^"]+)"/',
            )
        ],
        aggregate=True,
    )
