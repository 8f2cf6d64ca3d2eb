"""Boards about what projects hold: projects, reclaim, storage, network."""

from page import Answer, Rows

REGION = ("cloud", "region")
GIB = 1 << 30


def named(page, rows, label="tenant_id"):
    """Sums by the name of the project whose id is in `label`."""
    info = Rows(({**labels, label: labels["entity"]}, 1) for labels, _ in page.rows("stackcast_project_info"))
    return rows.with_labels(info, [label], ["name"]).by("name")


def quota(page, family, kind):
    """Of one kind; what is unlimited has no limit."""
    rows = page.rows(family, type=("in_use", "used") if kind == "used" else kind)
    return Rows(row for row in rows if kind == "used" or row[1] >= 0)


def projects(page, chosen, risen):
    tenant = (*REGION, "tenant")
    share = lambda family: quota(page, family, "used").by(*tenant).over(quota(page, family, "limit").by(*tenant))
    cores, instances = quota(page, "openstack_nova_quota_cores", "used"), quota(page, "openstack_nova_quota_instances", "used")
    usable = lambda family: page.rows(f"stackcast_capacity_usable_{family}", scope="cloud").by().values[()]
    promised = lambda family: quota(page, family, "limit").by().values[()]
    families = ("nova_quota_cores", "nova_quota_ram", "nova_quota_instances", "neutron_quota_floatingip", "neutron_quota_port")
    found = {("Use of quotas", key): share(f"openstack_{family}") for key, family in zip("ABCDE", families)}
    volumes = lambda what: page.rows(f"openstack_cinder_limits_volume_{what}_gb").by(*tenant)
    ids = {labels["entity"] for labels, _ in page.rows("stackcast_project_info")}
    whose = page.rows("stackcast_project_info")
    signal = {"scope": "project", "signal": "instances", "entity": ids}
    ahead = lambda bound: page.rows(f"stackcast_forecast{bound}_value", horizon="7d", **signal).by()
    out = lambda family, **where: page.rows(f"stackcast_project_{family}", **where).with_labels(whose, ["entity"], ["name"])
    by = (*REGION, "name", "resource")
    changes = page.rows("stackcast_workload_changes_total").map(lambda value: value * 3600 / risen)
    attributes = page.rows("stackcast_workload_attribute_changes_total").map(lambda value: value * 7 * 86400 / risen)
    graph = "Instances of the chosen projects, with the next week"
    return found | {
        ("Projects", "A"): page.rows("openstack_identity_projects").by(),
        ("Projects without instances", "A"): sum(value == 0 for value in instances.by(*tenant).values.values()),
        ("vCPUs promised", "A"): promised("openstack_nova_quota_cores") / usable("vcpus"),
        ("Memory promised", "A"): promised("openstack_nova_quota_ram") * (1 << 20) / usable("memory_bytes"),
        ("Use of quotas", "F"): volumes("used").over(volumes("max").only(lambda limit: limit > 0)),
        ("Quotas that run out", "A"): out("utilization_ratio").by(*by, how=max),
        ("Quotas that run out", "B"): out("growth_ratio", window="7d").by(*by, how=max),
        ("Quotas that run out", "C"): out("growth_ratio", window="30d").by(*by, how=max),
        ("Quotas that run out", "D"): out("quota_exhaustion_seconds").map(lambda time: min(time, 31536000)).by(*by, how=min),
        ("Projects by vCPUs", "A"): cores.by("tenant").top(10),
        # The made-up past stands still.
        ("Grown most in 7 days", "A"): cores.map(lambda _: 0).by("tenant").top(10),
        ("vCPUs by project", "A"): cores.by("tenant").top(10),
        (graph, "A"): page.rows("stackcast_signal_value", **signal).by(),
        (graph, "B"): ahead(""),
        (graph, "C"): ahead("_upper"),
        (graph, "D"): ahead("_lower"),
        ("Changes an hour, by type", "A"): changes.by("type", "change"),
        ("What was changed most", "A"): attributes.by("type", "attribute").top(10),
        ("Workload records", "A"): page.rows("stackcast_workload_resources").by(*REGION, "type"),
        ("Workload records", "B"): page.rows("stackcast_workload_last_change_timestamp_seconds").map(lambda time: page.time - time).by(*REGION, "type", how=min),
        ("Workload records", "C"): page.rows("stackcast_workload_fetch_success").by(*REGION, "type", how=min),
    }


def reclaim(page, chosen, risen):
    servers = page.rows("openstack_nova_servers")
    unattached = page.rows("openstack_cinder_project_volume_bytes", attached="false")
    snapshots = page.rows("openstack_cinder_project_snapshot_bytes")
    idle = page.rows("openstack_neutron_floating_ips_associated", associated="false")
    status = lambda name: page.rows("openstack_nova_server_status", status=name).map(lambda _: 1)
    waste = lambda family: page.rows(f"stackcast_waste_{family}")
    share = {}
    for resource, amount in (("vcpu", "vcpus"), ("memory", "memory_bytes")):
        usable = page.rows(f"stackcast_capacity_usable_{amount}", scope="az", basis="allocation").by("cloud", "entity").values
        for (cloud, zone), value in waste(amount).by("cloud", "az").values.items():
            if usable.get((cloud, zone)):
                share[zone, resource] = share.get((zone, resource), 0) + value / usable[cloud, zone]
    won = (
        ("vCPUs", "vcpus"), ("Memory", "memory_bytes"), ("Disk of hosts", "disk_bytes"), ("Block storage", "volume_bytes"),
        ("Floating IPs", "floating_ips"), ("Load balancers", "load_balancers"),
    )  # fmt: skip
    return {(f"{name} to win back", "A"): waste(family).by() for name, family in won} | {
        ("Share of a zone that would come back", "A"): Answer(("az", "resource"), share),
        ("Instances by class", "A"): waste("instances").by("class"),
        ("Volumes and snapshots by class", "A"): waste("volume_bytes").by("class"),
        ("Memory to win back, by class", "A"): waste("memory_bytes").by("class"),
        ("Instances that are measured", "A"): waste("coverage_ratio").by("az", how=min),
        ("Shut-off instances", "A"): servers.where(status="SHUTOFF").by(),
        ("Instances in ERROR", "A"): servers.where(status="ERROR").by(),
        ("Unattached volumes", "A"): unattached.by(),
        ("Snapshots", "A"): snapshots.by(),
        ("Idle floating IPs", "A"): idle.by(),
        ("Routers without a gateway", "A"): page.rows("openstack_neutron_routers_without_gateway").by(),
        ("Instances that do not run", "A"): servers.where(status=lambda name: name not in ("ACTIVE", "BUILD")).by("status"),
        ("Space that is not attached", "A"): unattached.by("volume_type"),
        ("Unattached volumes by project", "A"): named(page, unattached).top(10),
        ("Snapshots by project", "A"): named(page, snapshots).top(10),
        ("Idle floating IPs by project", "A"): named(page, idle, "project_id").top(10),
        ("Shut-off instances by project", "A"): named(page, status("SHUTOFF")),
        ("Shut-off instances by project", "B"): named(page, status("ERROR")),
    }


def storage(page, chosen, risen):
    pool = ("cloud", "region", "name", "volume_backend_name")
    row = lambda family: page.rows(f"openstack_cinder_pool_{family}")
    of = lambda family: row(family).by("cloud", "region", "name", how=max)
    backed = lambda answer: (
        Rows((dict(zip(answer.names, key)), value) for key, value in answer.values.items())
        .with_labels(row("info"), ["cloud", "region", "name"], ["volume_backend_name"])
        .by(*pool, how=max)
    )
    written, promised = of("capacity_free_gb").over(of("capacity_total_gb")).map(lambda free: 1 - free), of("provisioned_bytes").over(of("provisionable_bytes"))
    volumes = page.rows("openstack_cinder_project_volume_bytes")
    snapshots = page.rows("openstack_cinder_project_snapshot_bytes").by()
    back_ends = page.rows("openstack_cinder_backend_state")
    status = page.rows("openstack_cinder_volume_status_counter")
    return {
        ("Fullest pool, written", "A"): max(written.values.values()),
        ("Most promised pool", "A"): max(promised.values.values()),
        ("Volumes", "A"): page.rows("openstack_cinder_volumes").by(),
        ("Volumes in error", "A"): status.where(status=lambda name: name.startswith("error")).by(),
        ("Back ends down", "A"): sum(value == 0 for _, value in back_ends),
        ("Images", "A"): page.rows("openstack_glance_images").by(),
        ("Pools", "A"): row("capacity_total_gb").map(lambda size: size * GIB).by(*pool, how=max),
        ("Pools", "B"): row("capacity_free_gb").map(lambda size: size * GIB).by(*pool, how=max),
        ("Pools", "C"): backed(written),
        ("Pools", "D"): backed(of("provisioned_bytes")),
        ("Pools", "E"): backed(promised),
        ("Pools", "F"): backed(of("max_over_subscription_ratio")),
        ("Written, by pool", "A"): written,
        ("Promised, by pool", "A"): promised,
        ("Volumes by type", "A"): volumes.by("volume_type"),
        ("Volumes by status", "A"): status.where(status=lambda name: name not in ("available", "in-use")).by("status").only(lambda count: count > 0),
        ("Snapshots and backups", "A"): snapshots,
        ("Snapshots and backups", "B"): page.rows("openstack_cinder_project_backup_bytes").by(),
        ("Images by visibility", "A"): page.rows("openstack_glance_project_image_bytes").by("visibility"),
        ("Shares by type", "A"): page.rows("openstack_sharev2_project_share_bytes").by("share_type_name", "status"),
        ("Object storage by account", "A"): page.rows("openstack_object_store_account_bytes").by("project").top(10),
    }


def network(page, chosen, risen):
    where = {"ip_version": "4"}
    addresses = lambda what: page.rows(f"openstack_neutron_network_ip_availabilities_{what}", **where)
    subnet = ("cloud", "region", "network_name", "subnet_name", "cidr")
    balancers = page.rows("openstack_loadbalancer_loadbalancers")
    failed = page.rows("openstack_neutron_ports_binding_failed")
    amphorae = page.rows("openstack_loadbalancer_amphora_status")
    ends = {(labels["cloud"], labels["id"]): value for labels, value in page.rows("openstack_loadbalancer_amphora_certificate_expiry_timestamp_seconds")}
    ending = Rows((labels, ends[key] - page.time) for labels, _ in amphorae if (key := (labels["cloud"], labels["id"])) in ends)
    number = lambda family: page.rows(f"openstack_neutron_{family}").by()
    by_network = addresses("used").by("network_name")
    network_id = ("cloud", "region", "network_id")
    full = addresses("used").by(*network_id).over(addresses("total").by(*network_id))
    kind = ("cloud", "region", "status", "role")
    fine = lambda status: status in ("ONLINE", "NO_MONITOR")
    return {
        ("Fullest IPv4 network", "A"): max(full.values.values()),
        ("Floating IPs", "A"): number("floating_ips"),
        ("Floating IPs not active", "A"): number("floating_ips_associated_not_active"),
        ("Failed port bindings", "A"): failed.by(),
        ("Routers not active", "A"): number("routers_not_active"),
        ("Load balancers in trouble", "A"): sum(value for labels, value in balancers if not fine(labels["operating_status"])),
        ("Addresses by subnet", "A"): addresses("used").by(*subnet, how=max),
        ("Addresses by subnet", "B"): addresses("total").by(*subnet, how=max),
        ("Addresses by subnet", "C"): addresses("used").by(*subnet, how=max).over(addresses("total").by(*subnet, how=max)),
        ("Addresses used, by network", "A"): by_network.top(10),
        ("Ports by status", "A"): page.rows("openstack_neutron_ports_by_state").by("status"),
        ("Floating IPs, associated or not", "A"): page.rows("openstack_neutron_floating_ips_associated").by("associated"),
        ("Failed bindings by host", "A"): failed.by("hostname").top(10),
        ("Agents that carry routers", "A"): page.rows("openstack_neutron_l3_agent_of_router").by("cloud", "region", "agent_host", "agent_alive", "agent_admin_up", how=len),
        ("Amphorae by status", "A"): amphorae.by(*kind, how=len),
        ("Amphorae by status", "B"): ending.by(*kind, how=min),
        ("Load balancers by status", "A"): balancers.by("operating_status", "provisioning_status"),
    }


BOARDS = {"projects": projects, "reclaim": reclaim, "storage": storage, "network": network}
