"""Storage: pools, volumes, images, shares, objects."""

from .. import tiers
from ..board import board, row
from ..panel import bargauge, now, stat, target, timeseries
from ..table import column, table

POOL = "{CLOUD}"
GIB = 1 << 30


def make():
    """The board."""
    first = [
        (
            stat(
                "Fullest pool, written",
                "The part of the fullest pool that data takes. Above 85 % most back ends slow down; at 100 % writes fail in "
                "instances: add space or move volumes before.",
                [now("max(stackcast:pool_written:ratio{CLOUD})")],
                "percentunit",
                tiers.PREDICTED,
                decimals=1,
            ),
            4,
            4,
        ),
        (
            stat(
                "Most promised pool",
                "Provisioned space over what may be provisioned (total x over-subscription ratio, less reserve) of the most "
                "promised pool. At 100 % the scheduler puts no more volumes there.",
                [now("max(stackcast:pool_provisioned:ratio{CLOUD})")],
                "percentunit",
                tiers.PREDICTED,
                decimals=1,
            ),
            4,
            4,
        ),
        (
            stat(
                "Volumes",
                "Volumes of all projects. Nothing to do; compare with *Volumes by status*.",
                [now("sum(openstack_cinder_volumes{CLOUD})")],
                "none",
            ),
            4,
            4,
        ),
        (
            stat(
                "Volumes in error",
                "Volumes whose status says error. They hold quota and often space: reset or delete them, and look for the "
                "cause in cinder-volume's log.",
                [now('sum(openstack_cinder_volume_status_counter{CLOUD, status=~"error.*"})')],
                "none",
                tiers.FEW_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Back ends down",
                "Volume back ends whose service is enabled and does not report: no volume there can be made, attached or "
                "deleted. See cinder-volume on the host.",
                [now("count(openstack_cinder_backend_state{CLOUD}) - sum(openstack_cinder_backend_state{CLOUD})")],
                "none",
                tiers.NONE_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Images",
                "Images in Glance, of all projects. Nothing to do; sizes are below.",
                [now("sum(openstack_glance_images{CLOUD})")],
                "none",
            ),
            4,
            4,
        ),
    ]
    pools = table(
        "Pools",
        "Every pool: size, what is written, what is promised to volumes, and how far promises may go. A thin pool that is "
        "promised far beyond its size fills up when its volumes do: watch *Written*.",
        [
            now(f"max by (cloud, region, name, volume_backend_name) (openstack_cinder_pool_capacity_total_gb{POOL} * {GIB})"),
            now(f"max by (cloud, region, name, volume_backend_name) (openstack_cinder_pool_capacity_free_gb{POOL} * {GIB})"),
            now("max by (cloud, region, name, volume_backend_name) (stackcast:pool_written:ratio{CLOUD})"),
            now(
                f"max by (cloud, region, name, volume_backend_name) (openstack_cinder_pool_provisioned_bytes{POOL}"
                f" * on (cloud, region, name) group_left (volume_backend_name) openstack_cinder_pool_info{POOL})"
            ),
            now(
                f"max by (cloud, region, name, volume_backend_name) (stackcast:pool_provisioned:ratio{POOL}"
                f" * on (cloud, region, name) group_left (volume_backend_name) openstack_cinder_pool_info{POOL})"
            ),
            now(
                f"max by (cloud, region, name, volume_backend_name) (openstack_cinder_pool_max_over_subscription_ratio{POOL}"
                f" * on (cloud, region, name) group_left (volume_backend_name) openstack_cinder_pool_info{POOL})"
            ),
        ],
        [
            column("cloud", "Cloud", width=90),
            column("name", "Pool"),
            column("volume_backend_name", "Back end", width=120),
            column("A", "Size", "bytes", width=110),
            column("B", "Free", "bytes", width=110),
            column("C", "Written", "percentunit", tiers.PREDICTED, decimals=1, width=100),
            column("D", "Promised", "bytes", width=110),
            column("E", "Promised of allowed", "percentunit", tiers.PREDICTED, decimals=1, width=160),
            column("F", "Over-subscription", "none", decimals=1, width=150, no="thick"),
        ],
        "Written",
    )
    written = timeseries(
        "Written, by pool",
        "What data takes of each pool. The slope counts: a pool that grows 1 % a day has as many days left as it has "
        "percent.",
        [target(f"1 - openstack_cinder_pool_capacity_free_gb{POOL} / openstack_cinder_pool_capacity_total_gb{POOL}", "{{name}}")],
        "percentunit",
        steps=tiers.PREDICTED,
        min=0,
        max=1,
    )
    promised = timeseries(
        "Promised, by pool",
        "Space that volumes may take, over what may be promised. At 1 the scheduler places no more volumes there.",
        [target(f"openstack_cinder_pool_provisioned_bytes{POOL} / openstack_cinder_pool_provisionable_bytes{POOL}", "{{name}}")],
        "percentunit",
        steps=tiers.PREDICTED,
        min=0,
    )
    status = timeseries(
        "Volumes by status",
        "Volumes by status, without those at rest (available, in use). What stays in a passing status (creating, deleting, "
        "attaching) is stuck: reset its state.",
        [target('sum by (status) (openstack_cinder_volume_status_counter{CLOUD, status!~"available|in-use"}) > 0', "{{status}}")],
        "none",
        stack=True,
    )
    kinds = timeseries(
        "Volumes by type",
        "Size of all volumes by type. The type that grows names the pool that fills.",
        [target("sum by (volume_type) (openstack_cinder_project_volume_bytes{CLOUD})", "{{volume_type}}")],
        "bytes",
        stack=True,
    )
    copies = timeseries(
        "Snapshots and backups",
        "Size of snapshots and backups of all projects. If they grow and volumes do not, nobody deletes old ones.",
        [
            target("sum(openstack_cinder_project_snapshot_bytes{CLOUD})", "snapshots"),
            target("sum(openstack_cinder_project_backup_bytes{CLOUD})", "backups"),
        ],
        "bytes",
    )
    images = bargauge(
        "Images by visibility",
        "Size of images by visibility. Private ones are their projects' own; public ones deserve a look once a year.",
        [now("sum by (visibility) (openstack_glance_project_image_bytes{CLOUD})", "{{visibility}}")],
        "bytes",
    )
    shares = bargauge(
        "Shares by type",
        "Size of shared file systems by type and status. Anything that is not available needs a look at manila-share.",
        [now("sum by (share_type_name, status) (openstack_sharev2_project_share_bytes{CLOUD})", "{{share_type_name}} {{status}}")],
        "bytes",
    )
    objects = bargauge(
        "Object storage by account",
        "Bytes of each account of the object store that may be read. The longest bar pays for the next disk.",
        [now("topk(10, sum by (project) (openstack_object_store_account_bytes{CLOUD}))", "{{project}}")],
        "bytes",
    )
    return board(
        "storage",
        "Storage",
        "Pools, volumes, images, shares and objects.",
        [
            row("Now", *first),
            row("Pools", (pools, 24, 7), (written, 12, 8), (promised, 12, 8)),
            row("Volumes", (kinds, 8, 8), (status, 8, 8), (copies, 8, 8)),
            row("Images, shares, objects", (images, 8, 6), (shares, 8, 6), (objects, 8, 6)),
        ],
        time=("now-30d", "now"),
        refresh="5m",
    )
