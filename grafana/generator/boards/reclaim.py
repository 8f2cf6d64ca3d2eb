"""Reclaimable: what is held and probably not needed, what it would bring, and whom to ask."""

from .. import query, tiers
from ..board import board, row
from ..panel import bargauge, now, stat, target, text, timeseries
from ..table import column, table

LIMITS = """**Waste has a class and an age**: powered off or unattached for a week, in error for a day, a snapshot of 90 days, and \
what belongs to a project that is gone; each thing is in one class. *Idle* and *oversized* need measured use \
(`collect.diagnostics`); without it they are unknown, never 0. **Held, now** counts whatever is not in use at this moment, \
of any age. Neither knows what somebody keeps on purpose: ask the project first. `/api/v1/waste` has names."""

IDLE = 'openstack_neutron_floating_ips_associated{CLOUD, associated="false"}'
UNATTACHED = 'openstack_cinder_project_volume_bytes{CLOUD, attached="false"}'


def named(expression, label="tenant_id"):
    """Sums by project, with its name."""
    return query.of_projects(expression, label)


def regained():
    """What would come back, in one row."""
    figures = (
        ("vCPUs", "vcpus", "none", "vCPUs that come back when instances that are waste go or, if oversized, shrink"),
        ("Memory", "memory_bytes", "bytes", "Memory that comes back in the same way"),
        ("Disk of hosts", "disk_bytes", "bytes", "Root disks of such instances, where they are the host's"),
        ("Block storage", "volume_bytes", "bytes", "Size of volumes and snapshots that are waste"),
        ("Floating IPs", "floating_ips", "none", "Floating IPs without a port, or of projects that are gone"),
        ("Load balancers", "load_balancers", "none", "Load balancers that are empty, in error, or of projects that are gone"),
    )
    return [
        (
            stat(
                f"{name} to win back",
                f"{meaning}. By class below; names in /api/v1/waste.",
                [now(f"sum(stackcast_waste_{family}{{CLOUD}})")],
                unit,
                noValue="none",
            ),
            4,
            4,
        )
        for name, family, unit, meaning in figures
    ]


def classes():
    """The same by class, and what it means for a zone."""
    return [
        (
            bargauge(
                "Share of a zone that would come back",
                "Of what a zone may give out, the part that waste holds. From 5 % on in a zone that fills up, reclaim before "
                "you buy: /api/analysis says how many days that wins.",
                [now("sum by (az, resource) (stackcast:reclaimable:ratio{CLOUD})", "{{az}} {{resource}}")],
                "percentunit",
                tiers.RECLAIMABLE,
                max=1,
                decimals=1,
            ),
            8,
            8,
        ),
        (
            bargauge(
                "Instances by class",
                "Instances that are waste, each in the first class that fits: powered off, error, idle, oversized.",
                [now("sum by (class) (stackcast_waste_instances{CLOUD})", "{{class}}")],
                "none",
            ),
            8,
            8,
        ),
        (
            bargauge(
                "Volumes and snapshots by class",
                "Size by the first class that fits: of a project that is gone, in error, unattached, an old snapshot. What "
                "belongs to nobody can go at once.",
                [now("sum by (class) (stackcast_waste_volume_bytes{CLOUD})", "{{class}}")],
                "bytes",
            ),
            8,
            8,
        ),
        (
            timeseries(
                "Memory to win back, by class",
                "Whether reclaiming wins: a stack that only rises says that more is left behind than is cleaned up.",
                [target("sum by (class) (stackcast_waste_memory_bytes{CLOUD})", "{{class}}")],
                "bytes",
                stack=True,
            ),
            16,
            8,
        ),
        (
            bargauge(
                "Instances that are measured",
                "Share of the running instances whose use is measured for long enough to be called idle or oversized. At 0, "
                "switch collect.diagnostics on, or take these two classes for unknown.",
                [now("min by (az) (stackcast_waste_coverage_ratio{CLOUD})", "{{az}}")],
                "percentunit",
                tiers.steps("text", (0.01, "yellow"), (0.8, "green")),
                max=1,
                decimals=0,
                noValue="not measured",
            ),
            8,
            8,
        ),
    ]


def make():
    """The board."""
    first = [
        (
            stat(
                "Shut-off instances",
                "Instances in SHUTOFF: they hold their vCPUs, memory and disk as if they ran. Shelve or delete those that "
                "nobody will start.",
                [now('sum(openstack_nova_servers{CLOUD, status="SHUTOFF"})')],
                "none",
            ),
            4,
            4,
        ),
        (
            stat(
                "Instances in ERROR",
                "Instances in ERROR: most can be deleted or reset, and hold resources until then. Look at their fault in "
                "Nova first: it may be yours.",
                [now('sum(openstack_nova_servers{CLOUD, status="ERROR"})')],
                "none",
                tiers.FEW_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Unattached volumes",
                "Size of volumes that no instance has attached. Delete or archive, beginning with the projects listed below.",
                [now(f"sum({UNATTACHED})")],
                "bytes",
            ),
            4,
            4,
        ),
        (
            stat(
                "Snapshots",
                "Size of the volumes that snapshots were taken of, as Cinder counts them. Old ones hold space in the pool "
                "and keep volumes from being deleted.",
                [now("sum(openstack_cinder_project_snapshot_bytes{CLOUD})")],
                "bytes",
            ),
            4,
            4,
        ),
        (
            stat(
                "Idle floating IPs",
                "Floating IPs that are allocated to a project and not associated. Public addresses are scarce: release them.",
                [now('sum(openstack_neutron_floating_ips_associated{CLOUD, associated="false"})')],
                "none",
            ),
            4,
            4,
        ),
        (
            stat(
                "Routers without a gateway",
                "Routers that lead nowhere. Each may hold agents, ports and addresses; ask, then delete.",
                [now("sum(openstack_neutron_routers_without_gateway{CLOUD})")],
                "none",
            ),
            4,
            4,
        ),
    ]
    graphs = [
        (
            timeseries(
                "Instances that do not run",
                "Instances by status, without those that are active. A line that only rises is a habit that costs "
                "capacity: talk to its projects.",
                [target('sum by (status) (openstack_nova_servers{CLOUD, status!~"ACTIVE|BUILD"})', "{{status}}")],
                "none",
                stack=True,
            ),
            12,
            8,
        ),
        (
            timeseries(
                "Space that is not attached",
                "Size of unattached volumes, by type. Compare with the growth of the pools on the board Storage: it may be "
                "cheaper to clean than to buy.",
                [target(f"sum by (volume_type) ({UNATTACHED})", "{{volume_type}}")],
                "bytes",
                stack=True,
            ),
            12,
            8,
        ),
    ]
    bars = [
        (
            bargauge(
                "Unattached volumes by project",
                "Projects that hold most space in volumes that nothing has attached. Start with the longest bar.",
                [now(f"topk(10, {named(UNATTACHED)})", "{{name}}")],
                "bytes",
            ),
            8,
            9,
        ),
        (
            bargauge(
                "Snapshots by project",
                "Projects whose snapshots hold most space. Suggest a rotation.",
                [now(f"topk(10, {named('openstack_cinder_project_snapshot_bytes{CLOUD}')})", "{{name}}")],
                "bytes",
            ),
            8,
            9,
        ),
        (
            bargauge(
                "Idle floating IPs by project",
                "Projects with allocated floating IPs that point nowhere. Start with the longest bar.",
                [
                    now(
                        f"topk(10, {named(IDLE, 'project_id')})",
                        "{{name}}",
                    )
                ],
                "none",
            ),
            8,
            9,
        ),
    ]
    off = table(
        "Shut-off instances by project",
        "Instances in SHUTOFF and ERROR of each project. Shelving frees the host and keeps the instance.",
        [
            now(
                query.of_projects(f'(openstack_nova_server_status{{CLOUD, status="{status}"}} >= bool -1)', "tenant_id")
            )
            for status in ("SHUTOFF", "ERROR")
        ],
        [
            column("name", "Project"),
            column("A", "Shut off", "none", no="0"),
            column("B", "In error", "none", tiers.FEW_IS_GOOD, no="0"),
        ],
        "Shut off",
    )
    return board(
        "reclaim",
        "Reclaimable",
        "What is held and probably not needed?",
        [
            row("To win back", *regained()),
            row("By class", *classes()),
            row("Held, now", *first),
            row("Over time", *graphs),
            row("Whom to ask", *bars),
            row(
                "Instances",
                (off, 12, 9),
                (text("What these figures are", "What can and cannot be concluded from this board; nothing to do.", LIMITS), 12, 9),
            ),
        ],
        time=("now-30d", "now"),
        refresh="15m",
    )
