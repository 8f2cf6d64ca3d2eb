"""Control plane: do OpenStack's services answer, and do their agents report?"""

from .. import tiers
from ..board import board, row
from ..panel import bargauge, now, stat, target, timeseries
from ..table import column, table

STATES = "openstack_nova_agent_state|openstack_neutron_agent_state|openstack_cinder_agent_state"


def make():
    """The board."""
    services = stat(
        "Services",
        "Each service of OpenStack: up while every permitted collector of it succeeds. Down: the board Exporter says which "
        "request fails, and why.",
        [now("min by (service) (stackcast:service:up{CLOUD})", "{{service}}")],
        "none",
        tiers.ONE_IS_GOOD,
        many=True,
        mappings=tiers.UP_DOWN,
    )
    endpoints = stat(
        "Endpoints",
        "Endpoints of the catalog, by service type: up when all that are asked answer with anything short of overload and "
        "faults of their own. Down here and up in Services: one interface only, look at its proxy.",
        [now("min by (service) (openstack_api_up{CLOUD})", "{{service}}")],
        "none",
        tiers.ONE_IS_GOOD,
        many=True,
        mappings=tiers.UP_DOWN,
    )
    latency = timeseries(
        "Time to answer, by endpoint",
        "How long each endpoint took to answer a request for its version document. All slow: the proxy or Keystone's "
        "database; one slow: that service.",
        [target("max by (service) (openstack_api_duration_seconds{CLOUD})", "{{service}}")],
        "s",
    )
    slowest = bargauge(
        "95th percentile of requests, by service",
        "What 95 of 100 of stackcast's own requests took at most, over 5 minutes. They are list calls like those of a "
        "dashboard: what is slow here is slow for users.",
        [now("sort_desc(topk(12, max by (service) (stackcast:openstack_request_duration_seconds:p95_5m{CLOUD})))", "{{service}}")],
        "s",
        tiers.LATENCY,
    )
    down = table(
        "Agents that do not report, or are disabled",
        "Agents and services that are down, enabled or not, with the reason given when they were disabled. Enabled and down: "
        "log in to the host and look at the service.",
        [
            now(
                f'max by (__name__, cloud, region, service, hostname, adminState, disabledReason) ({{__name__=~"{STATES}", CLOUD}} == 0)'
                f' or max by (__name__, cloud, region, service, hostname, adminState, disabledReason) ({{__name__=~"{STATES}", CLOUD, adminState=~"disabled|down"}})'
            )
        ],
        [
            column("hostname", "Host", width=170),
            column("service", "Agent", width=150),
            column("adminState", "Enabled", width=90),
            column("disabledReason", "Reason"),
            column("A", "State", mappings=tiers.UP_DOWN, width=90),
        ],
        "Host",
        descending=False,
    )
    groups = bargauge(
        "Agents that report, by kind",
        "Share of the enabled agents of each kind that report, the worst 14 kinds. A kind at 0 is a service that is gone, whatever its API says.",
        [now("sort(bottomk(14, avg by (agent) (stackcast:agent:up{CLOUD})))", "{{agent}}")],
        "percentunit",
        tiers.steps("red", (0.5, "orange"), (0.999, "green")),
        max=1,
        decimals=0,
    )
    compute = timeseries(
        "Compute services down",
        "Enabled compute services that do not report, as it is kept, forecast and watched. Anything above 0 for more than "
        "minutes is a host to look at.",
        [target('sum(stackcast_signal_value{CLOUD, scope="cloud", signal="compute_services_down"})', "down")],
        "none",
        min=0,
    )
    stuck = table(
        "Instances not at rest",
        "Instances with a task, or in a status that should pass, by the time since their last change. Minutes are normal; "
        "hours are stuck: reset the state, or look at the host's nova-compute.",
        [
            now(
                "topk(20, time() - max by (cloud, region, name, hostname, status, task_state)"
                " (openstack_nova_server_updated_timestamp_seconds{CLOUD}))"
            )
        ],
        [
            column("name", "Instance"),
            column("hostname", "Hypervisor"),
            column("status", "Status", width=100),
            column("task_state", "Task", width=110),
            column("A", "Unchanged for", "s", tiers.steps("green", (600, "yellow"), (3600, "orange"), (tiers.DAY, "red")), decimals=1, width=130),
        ],
        "Unchanged for",
    )
    errors = timeseries(
        "Instances in ERROR and BUILD",
        "Instances in error and in build, of all projects. Errors that rise with builds are failed boots: look at "
        "nova-conductor's log for NoValidHost.",
        [
            target('sum(stackcast_signal_value{CLOUD, scope="cloud", signal="instances_error"})', "error"),
            target('sum(stackcast_signal_value{CLOUD, scope="cloud", signal="instances_build"})', "build"),
        ],
        "none",
        min=0,
    )
    platform = bargauge(
        "Stacks by status",
        "Heat's stacks of all projects by status. What is FAILED or for long IN_PROGRESS holds resources of other "
        "services.",
        [now("sum by (status) (openstack_heat_stacks{CLOUD})", "{{status}}")],
        "none",
    )
    return board(
        "control",
        "Control plane",
        "Do OpenStack's services answer, and do their agents report?",
        [
            row("Services", (services, 12, 7), (endpoints, 12, 7)),
            row("Answers", (latency, 13, 10), (slowest, 11, 10)),
            row("Agents", (down, 13, 11), (groups, 11, 11), (compute, 24, 6)),
            row("Instances and platform", (stuck, 14, 9), (errors, 10, 9), (platform, 24, 6)),
        ],
        time=("now-24h", "now"),
    )
