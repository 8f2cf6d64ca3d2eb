"""Boards about capacity: home, capacity, flavors, host."""

from page import Answer, mean

PLACE = ("cloud", "region", "entity")
RESOURCE = (*PLACE, "resource")
SCOPED = ("cloud", "region", "scope", "entity", "resource")
SERIES = ("cloud", "region", "scope", "entity", "signal")
WIDE = ("cloud", "az", "aggregate")
YEAR = 31536000
DAY = 86400


def used(page, **where):
    """Utilisations."""
    return page.rows("stackcast_capacity_utilization_ratio", **where)


def left(page, how=min, **where):
    """Times left, a year at most."""
    return page.rows("stackcast_forecast_exhaustion_seconds", **where).map(lambda value: min(value, YEAR))


def said(page, bound="", **where):
    """Forecasts of utilisations."""
    return page.rows(f"stackcast_forecast_utilization{bound}_ratio", **where)


def line(page, horizons, where):
    """The forecast as it is drawn: straight from the present through the horizons; a function of the time, by bound."""
    start = page.rows("stackcast_forecast_trained_timestamp_seconds").by(how=max).values[()]
    present = used(page, **where).by(how=max).values[()]

    def of(bound):
        points = [(start, present)]
        for days, horizon in horizons:
            points.append((start + days * DAY, said(page, bound, horizon=horizon, **where).by(how=max).values[()]))

        def at(time):
            for (begin, low), (end, high) in zip(points, points[1:]):
                if time <= end:
                    return low + (high - low) * (time - begin) / (end - begin)
            return points[-1][1]

        return at

    return {"A": present, "B": of(""), "C": of("_upper"), "D": of("_lower")}


def next_day(page, resource):
    """The graphs of the next day."""
    where = {"scope": "cloud", "resource": resource, "basis": "allocation"}
    limit = page.rows("stackcast_threshold_ratio", tier="critical", resource=resource, kind="predicted").by(how=max)
    bounds = {key: said(page, bound, horizon="24h", **where).by(how=max) for key, bound in (("B", ""), ("C", "_upper"), ("D", "_lower"))}
    return {"A": used(page, **where).by(how=max), **bounds, "E": limit}


def agents(page):
    """Agents that somebody wants to run: the best of each name on each host."""
    kinds = (
        ("nova", "compute", {"adminState": "enabled"}, ""),
        ("neutron", "network", {"adminState": "up"}, ""),
        ("cinder", "block-storage", {"adminState": "enabled"}, ""),
        ("sharev2", "shared-file-system", {"adminState": "enabled"}, ""),
        ("container_infra", "container-infra", {"adminState": "enabled"}, ""),
        ("heat", "orchestration", {}, ""),
        ("ironic", "baremetal", {}, ""),
        ("designate", "dns", {}, "designate-"),
    )
    found = {}
    for family, service, where, prefix in kinds:
        best = page.rows(f"openstack_{family}_agent_state", **where).by("cloud", "service", "hostname", how=max)
        found.update({(cloud, service, prefix + agent, host): value for (cloud, agent, host), value in best.values.items()})
    return found


def services(page):
    """Whether each service of the catalog's types is up."""
    names = {
        "identity": "identity", "nova": "compute", "placement": "placement", "neutron": "network", "cinder": "block-storage",
        "glance": "image", "object_store": "object-store", "loadbalancer": "load-balancer", "container_infra": "container-infra",
        "designate": "dns", "ironic": "baremetal", "heat": "orchestration", "trove": "database", "sharev2": "shared-file-system",
        "gnocchi": "metric",
    }  # fmt: skip
    return Answer(("service",), {(kind,): min(value for _, value in rows) for name, kind in names.items() if (rows := page.rows(f"openstack_{name}_up"))})


def strongest(page, count):
    """The highest scores and what belongs to them."""
    highest = page.rows("stackcast_anomaly_score").by(*SERIES, how=max).top(count)
    return highest, lambda family: page.rows(family).by(*SERIES, how=max).within(highest)


def home(page, chosen, risen):
    highest, beside = strongest(page, 10)
    wide = {"scope": WIDE}
    urgency = {"critical": 3, "high": 2, "medium": 1, "low": 0}
    advice = page.rows("stackcast_recommendation_info")
    todo = type(advice)((labels, urgency[labels["severity"]]) for labels, _ in advice)
    up = agents(page).values()
    return {
        ("Full soonest", "A"): left(page, tier="full", bound="mid", **wide).by(how=min),
        ("Highest utilisation", "A"): used(page, **wide).by(how=max),
        ("Anomalies", "A"): sum(value > 1 for _, value in page.rows("stackcast_anomaly_score")),
        ("Alerts firing", "A"): len(page.rows("ALERTS", alertstate="firing", alertname=lambda name: name != "StackcastWatchdog")),
        ("Agents down", "A"): len(up) - sum(up),
        ("Oldest figures", "A"): page.time - page.rows("stackcast_collector_last_success_timestamp_seconds").by(how=min).values[()],
        **{(f"{name}, with the next day", key): answer for name, resource in (("vCPUs", "vcpu"), ("Memory", "memory"), ("Disk", "disk")) for key, answer in next_day(page, resource).items()},
        ("Closest to full", "A"): left(page, tier="full", bound="mid", **wide).by(*SCOPED, how=min),
        ("Closest to full", "B"): left(page, tier="full", bound="upper", **wide).by(*SCOPED, how=min),
        ("Closest to full", "C"): used(page, **wide).by(*SCOPED, how=max),
        ("Closest to full", "D"): said(page, "_upper", horizon="24h", **wide).by(*SCOPED, how=max),
        ("Closest to full", "E"): page.rows("stackcast_forecast_daily_growth_ratio", **wide).map(lambda growth: 7 * growth).by(*SCOPED, how=max),
        ("Closest to full", "F"): page.rows("stackcast_risk_level", resource=lambda name: name != "overall", **wide).by(*SCOPED, how=max),
        ("What to do", "A"): todo.by(*SCOPED, "action", how=max),
        ("Strongest anomalies", "A"): highest,
        ("Strongest anomalies", "B"): beside("stackcast_anomaly_direction"),
        ("OpenStack services", "A"): services(page),
        ("Instances by status", "A"): page.rows("openstack_nova_servers").by("status"),
    }


def horizon(page, chosen, risen):
    entity = {"scope": chosen["scope"]}
    here = {**entity, "resource": chosen["resource"], "basis": "allocation"}
    limit = page.rows("stackcast_threshold_ratio", tier="critical", resource=chosen["resource"], kind="predicted").by(how=max)
    drawn = line(page, ((1, "24h"), (7, "7d"), (30, "30d")), here)
    drawn |= {"E": limit, "F": said(page, horizon="24h", **here).by(how=max)}
    order = {key: left(page, tier=tier, bound="mid", **entity).by(*RESOURCE, how=min) for key, tier in zip("ABCD", ("medium", "high", "critical", "full"))}
    order["E"] = left(page, tier="full", bound="upper", **entity).by(*RESOURCE, how=min).map(lambda time: time - float(chosen["lead"]))
    order["F"] = page.rows("stackcast_forecast_error_mase", signal="utilization", horizon="7d", **entity).by(*RESOURCE, how=max)
    order["G"] = used(page, **entity).by(*RESOURCE, how=max)
    graph = f"$resource of $entity: 60 days back, 30 days ahead"
    found = {(graph, key): answer for key, answer in drawn.items()} | {("When to order", key): answer for key, answer in order.items()}
    for name, family in (("vCPUs", "vcpus"), ("Memory", "memory_bytes"), ("Disk", "disk_bytes")):
        for key, what in (("A", "used"), ("B", "usable")):
            found[f"{name}: used and usable", key] = page.rows(f"stackcast_capacity_{what}_{family}", **entity).by()
    growth = page.rows("stackcast_forecast_daily_growth_ratio", **entity).by("entity", "resource", how=max)
    quality = lambda family: page.rows(family, signal="utilization", **entity).by("horizon", how=mean)
    return found | {
        ("Full in, by resource", "A"): left(page, tier="full", bound="mid", **entity).by("resource", how=min),
        ("At worst, by resource", "A"): left(page, tier="full", bound="upper", **entity).by("resource", how=min),
        ("$resource by entity", "A"): used(page, resource=chosen["resource"], **entity).by("entity", how=max),
        ("Growth a week", "A"): growth.map(lambda value: 7 * value).top(10),
        ("Error of forecasts, by horizon", "A"): quality("stackcast_forecast_error_mase"),
        ("What the interval held", "A"): quality("stackcast_forecast_coverage_ratio"),
    }


def by_flavor(page):
    """Instances of each flavor, by its name."""
    return page.rows("openstack_nova_server_status").map(lambda _: 1).with_labels(page.rows("stackcast_flavor_info"), ["flavor_id"], ["flavor"]).by("flavor")


def flavors(page, chosen, risen):
    hosts = {"scope": "hypervisor"}
    free = lambda family, **where: page.rows(f"stackcast_capacity_free_{family}", **where)
    placed = lambda what, how=sum: page.rows(f"openstack_placement_resource_{what}").by("resourcetype", how=how)
    instances, room = by_flavor(page), page.rows("stackcast_capacity_flavor_headroom_instances")
    at = lambda state: page.rows("stackcast_capacity_hypervisors", scope="cloud", state=state).by()
    flavor = ("cloud", "region", "flavor", "az")
    device = lambda name: name not in ("vcpu", "memory", "disk")
    found = {
        ("Hypervisors available", "A"): at("available"),
        ("Disabled", "A"): at("disabled"),
        ("Down", "A"): at("down"),
        ("Waiting for a host", "A"): page.rows("openstack_nova_build_requests").by(),
        ("Most free vCPUs on one host", "A"): free("vcpus", **hosts).by(how=max),
        ("Most free memory on one host", "A"): free("memory_bytes", **hosts).by(how=max),
        ("Instances by flavor", "A"): instances,
        ("Instances by flavor, over time", "A"): instances,
        ("Instances that still fit", "A"): room.by("flavor").within(instances),
        ("Room by flavor and zone", "A"): room.by(*flavor, how=max),
        ("Room by flavor and zone", "B"): page.rows("stackcast_capacity_flavor_limit_info").by(*flavor, "resource", "exact", how=max),
        ("Room, over time", "A"): room.by("flavor").within(instances.top(8)),
        ("Hosts that may fail", "A"): page.rows("stackcast_capacity_evacuation_hosts").by("scope", "entity", how=min),
        ("Stranded", "A"): page.rows("stackcast_capacity_stranded_ratio", scope="az").by("entity", "resource", how=max),
        ("Stranded, over time", "A"): page.rows("stackcast_capacity_stranded_ratio", scope="cloud").by("resource", how=max),
        ("Allocation by resource class", "A"): placed("total"),
        ("Allocation by resource class", "B"): placed("reserved"),
        ("Allocation by resource class", "C"): placed("allocation_ratio", mean),
        ("Allocation by resource class", "D"): placed("usage"),
        ("Allocation by resource class", "E"): placed("usage").over(placed("total")),
        ("Devices used", "A"): used(page, scope=("az", "aggregate"), resource=device).by("entity", "resource", how=max),
        ("Hypervisors by free capacity", "D"): page.rows("stackcast_hypervisor_info").by(*PLACE, "az", "status", "state", how=max),
    }
    for key, name, family in (("A", "vCPUs", "vcpus"), ("B", "memory", "memory_bytes"), ("C", "disk", "disk_bytes")):
        found[f"Free {name} by zone", "A"] = free(family, scope="az").by("entity")
        found["Hypervisors by free capacity", key] = free(family, **hosts).by(*PLACE)
    return found


def host(page, chosen, risen):
    one, every = {"entity": chosen["host"], "scope": "hypervisor"}, {"scope": "hypervisor"}
    share = lambda resource: used(page, resource=resource, basis="allocation", **one).by(how=max)
    info, projects = page.rows("stackcast_hypervisor_info"), page.rows("stackcast_project_info")
    found = {
        ("Compute service", "A"): page.rows("stackcast_hypervisor_info", entity=chosen["host"]).map(lambda _: 1).by(how=max),
        ("Instances", "A"): page.rows("openstack_nova_servers", hostname=chosen["host"]).by(),
        ("Tasks", "A"): page.rows("openstack_nova_current_workload", hostname=chosen["host"]).by(how=max),
        ("Instances by status", "A"): page.rows("openstack_nova_servers", hostname=chosen["host"]).by("status"),
        ("Active instances by project", "A"): page.rows("openstack_nova_running_vms", hostname=chosen["host"])
        .with_labels(type(projects)(({**labels, "tenant_id": labels["entity"]}, 1) for labels, _ in projects), ["tenant_id"], ["name"])
        .by("name"),
        ("Instances on the host", "A"): page.rows("openstack_nova_server_status", hypervisor_hostname=chosen["host"])
        .with_labels(page.rows("stackcast_flavor_info"), ["flavor_id"], ["flavor"])
        .by("name", "status", "tenant_id", "flavor", "id"),
        ("All hypervisors", "D"): said(page, "_upper", resource="memory", horizon="7d", **every).by(*PLACE, how=max),
        ("All hypervisors", "E"): info.by(*PLACE, "az", "state", "status", how=max),
        ("All hypervisors", "F"): type(info)(({**labels, "entity": labels["hostname"]}, value) for labels, value in page.rows("openstack_nova_servers")).by(*PLACE),
    }
    for key, name, resource in (("A", "vCPUs", "vcpu"), ("B", "Memory", "memory"), ("C", "Disk", "disk")):
        found[f"{name} allocated", "A"] = share(resource)
        found["All hypervisors", key] = used(page, resource=resource, basis="allocation", **every).by(*PLACE, how=max)
        if resource != "disk":
            where = {"resource": resource, "basis": "allocation", **one}
            drawn = line(page, ((1, "24h"), (7, "7d")), where) | {"E": said(page, horizon="24h", **where).by(how=max)}
            found |= {(f"{name}, with the next week", key): answer for key, answer in drawn.items()}
    return found


BOARDS = {"home": home, "capacity": horizon, "flavors": flavors, "host": host}
