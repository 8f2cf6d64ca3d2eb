"""Network: addresses, ports, routers, load balancers."""

from .. import query, tiers
from ..board import board, row
from ..panel import bargauge, now, stat, target, timeseries
from ..table import column, table

ADDRESSES = "openstack_neutron_network_ip_availabilities"


def make():
    """The board."""
    first = [
        (
            stat(
                "Fullest IPv4 network",
                "Used over available addresses of the fullest network. Full, no port can be made there: add a subnet.",
                [now("max(stackcast:addresses_used:ratio{CLOUD})")],
                "percentunit",
                tiers.PREDICTED,
                decimals=1,
            ),
            4,
            4,
        ),
        (
            stat(
                "Floating IPs",
                "Floating IPs that are allocated, in use or not. Compare with the external network's addresses below.",
                [now("sum(openstack_neutron_floating_ips{CLOUD})")],
                "none",
            ),
            4,
            4,
        ),
        (
            stat(
                "Floating IPs not active",
                "Floating IPs that are associated and not active: traffic to them goes nowhere. Look at the router and at "
                "the L3 agent.",
                [now("sum(openstack_neutron_floating_ips_associated_not_active{CLOUD})")],
                "none",
                tiers.FEW_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Failed port bindings",
                "Ports whose binding failed: their instances have no network. Look at the layer-2 agent of the host below.",
                [now("sum(openstack_neutron_ports_binding_failed{CLOUD})")],
                "none",
                tiers.FEW_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Routers not active",
                "Routers whose status is not ACTIVE. Their networks have no way out: look at the L3 agents.",
                [now("sum(openstack_neutron_routers_not_active{CLOUD})")],
                "none",
                tiers.NONE_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Load balancers in trouble",
                "Load balancers whose operating status is neither ONLINE nor NO_MONITOR. Look at their members, then at "
                "their amphorae.",
                [now('sum(openstack_loadbalancer_loadbalancers{CLOUD}) - sum(openstack_loadbalancer_loadbalancers{CLOUD, operating_status=~"ONLINE|NO_MONITOR"})')],
                "none",
                tiers.NONE_IS_GOOD,
            ),
            4,
            4,
        ),
    ]
    networks = table(
        "Addresses by subnet",
        "Used and available addresses of every subnet. The external ones limit floating IPs and routers; add a subnet to "
        "those that turn orange.",
        [
            now(f'max by (cloud, region, network_name, subnet_name, cidr) ({ADDRESSES}_used{{CLOUD, ip_version="4"}})'),
            now(f'max by (cloud, region, network_name, subnet_name, cidr) ({ADDRESSES}_total{{CLOUD, ip_version="4"}})'),
            now(
                f'max by (cloud, region, network_name, subnet_name, cidr) ({ADDRESSES}_used{{CLOUD, ip_version="4"}}'
                f' / {ADDRESSES}_total{{CLOUD, ip_version="4"}})'
            ),
        ],
        [
            column("cloud", "Cloud", width=90),
            column("network_name", "Network"),
            column("subnet_name", "Subnet"),
            column("cidr", "CIDR", width=150),
            column("A", "Used", "locale", width=100),
            column("B", "Available", "locale", width=110),
            column("C", "Share", "percentunit", tiers.PREDICTED, decimals=1, width=90),
        ],
        "Used",
    )
    used = timeseries(
        "Addresses used, by network",
        "IPv4 addresses in use on the ten busiest networks. A steady slope on the external network says when the next "
        "range must be bought.",
        [target(query.largest(10, "network_name", *2 * [f'{ADDRESSES}_used{{CLOUD, ip_version="4"}}']), "{{network_name}}")],
        "none",
    )
    ports = timeseries(
        "Ports by status",
        "Ports by status. DOWN ports of running instances have no traffic; a jump is an agent that lost its wiring.",
        [target("sum by (status) (openstack_neutron_ports_by_state{CLOUD})", "{{status}}")],
        "none",
        stack=True,
    )
    floating = timeseries(
        "Floating IPs, associated or not",
        "Floating IPs by whether they are associated. Those that are not are the first to ask for when addresses run short.",
        [target("sum by (associated) (openstack_neutron_floating_ips_associated{CLOUD})", "associated: {{associated}}")],
        "none",
        stack=True,
    )
    agents = table(
        "Agents that carry routers",
        "Routers by the L3 agent that has them, and whether that agent lives. If all routers are on few agents, the loss of "
        "one host takes many networks down.",
        [now("count by (cloud, region, agent_host, agent_alive, agent_admin_up) (openstack_neutron_l3_agent_of_router{CLOUD})")],
        [
            column("agent_host", "Host"),
            column("agent_alive", "Alive", width=75),
            column("agent_admin_up", "Enabled", width=85),
            column("A", "Routers", "none", width=90),
        ],
        "Routers",
    )
    failed = bargauge(
        "Failed bindings by host",
        "Ports whose binding failed, by host. One long bar is that host's agent; bars of equal length are the server side.",
        [now("topk(10, sum by (hostname) (openstack_neutron_ports_binding_failed{CLOUD}))", "{{hostname}}")],
        "none",
        tiers.FEW_IS_GOOD,
    )
    balancers = bargauge(
        "Load balancers by status",
        "Load balancers by operating and provisioning status. PENDING for long is stuck, ERROR can be failed over.",
        [
            now(
                "sum by (operating_status, provisioning_status) (openstack_loadbalancer_loadbalancers{CLOUD})",
                "{{operating_status}} {{provisioning_status}}",
            )
        ],
        "none",
    )
    amphorae = table(
        "Amphorae by status",
        "Machines behind the load balancers by status and role, and when the first of their certificates ends. A certificate "
        "that has ended cuts the amphora off from Octavia: fail the load balancer over.",
        [
            now("count by (cloud, region, status, role) (openstack_loadbalancer_amphora_status{CLOUD})"),
            now(
                "min by (cloud, region, status, role) (openstack_loadbalancer_amphora_status{CLOUD} * 0"
                " + on (cloud, region, id) group_left () openstack_loadbalancer_amphora_certificate_expiry_timestamp_seconds{CLOUD}) - time()"
            ),
        ],
        [
            column("status", "Status", width=110),
            column("role", "Role"),
            column("A", "Number", "none", width=80),
            column("B", "Certificate ends in", "s", tiers.steps("red", (0, "orange"), (14 * tiers.DAY, "green")), decimals=1, width=160),
        ],
        "Number",
    )
    return board(
        "network",
        "Network",
        "Addresses, ports, routers and load balancers.",
        [
            row("Now", *first),
            row("Addresses", (networks, 14, 9), (used, 10, 9)),
            row("Ports and floating IPs", (ports, 8, 8), (floating, 8, 8), (failed, 8, 8)),
            row("Routers and load balancers", (agents, 10, 6), (amphorae, 14, 6), (balancers, 24, 6)),
        ],
        time=("now-7d", "now"),
        refresh="5m",
    )
