"""Reclaimable: what is held and probably not needed, as far as OpenStack's own families tell."""

from .. import query, tiers
from ..board import board, row
from ..panel import bargauge, now, stat, target, text, timeseries
from ..table import column, table

LIMITS = """**Held, not proven useless.** These figures count what is allocated and not in use *now*: an instance that is shut \
off, a volume that nothing has attached. They do not know for how long, nor whether somebody keeps it on purpose. Ask \
the project before anything is deleted. Instances that run and do nothing need measured use, and are not here."""

IDLE = 'openstack_neutron_floating_ips_associated{CLOUD, associated="false"}'
UNATTACHED = 'openstack_cinder_project_volume_bytes{CLOUD, attached="false"}'


def named(expression, label="tenant_id"):
    """Sums by project, with its name."""
    return query.of_projects(expression, label)


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
            row("Held", *first),
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
