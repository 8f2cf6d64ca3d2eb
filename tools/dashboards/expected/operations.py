"""Boards about services and programs: control, anomalies, alerts, exporter, system, application."""

from page import Answer, Rows, mean, quantile

from .capacity import agents, services, strongest, used

REGION = ("cloud", "region")
WIDE = ("cloud", "az", "aggregate")
FOREIGN = ("tmpfs", "ramfs", "squashfs", "overlay", "nsfs", "proc", "sysfs", "devtmpfs")
VIRTUAL = ("lo", "veth", "loop", "ram")


def quantiles(rows, part, name):
    """The quantile of each group's histogram; groups without observations have none."""
    groups = {}
    for labels, value in rows:
        groups.setdefault((labels[name],) if name else (), []).append((labels, value))
    filled = {key: buckets for key, buckets in groups.items() if max(value for _, value in buckets) > 0}
    return Answer((name,) if name else (), {key: quantile(part, buckets) for key, buckets in filled.items()})


def slowest(rows, part):
    """The quantile of each service in the region where it is worst."""
    worst = {}
    for cloud, region in {(labels.get("cloud", ""), labels.get("region", "")) for labels, _ in rows}:
        for key, value in quantiles(rows.where(cloud=cloud, region=region), part, "service").values.items():
            worst[key] = max(value, worst.get(key, 0))
    return Answer(("service",), worst)


def value_of(page):
    """The value of every series that has an anomaly score, by its name there."""
    key = lambda labels: tuple(labels[name] for name in ("cloud", "region", "scope", "entity", "signal") if name in labels)
    scored = {key(labels) for labels, _ in page.rows("stackcast_anomaly_score")}
    renamed = (({**labels, "signal": f"{labels['resource']}_{labels['basis']}_utilization"}, value) for labels, value in used(page))
    return Rows(row for row in [*renamed, *page.rows("stackcast_signal_value")] if key(row[0]) in scored)


def control(page, chosen, risen):
    best = agents(page)
    by_agent = {}
    for (_, _, agent, _), value in best.items():
        by_agent.setdefault((agent,), []).append(value)
    rates = {key: mean(values) for key, values in by_agent.items()}
    odd = Rows()
    for service in ("nova", "neutron", "cinder"):
        name = f"openstack_{service}_agent_state"
        odd += [({**labels, "__name__": name}, value) for labels, value in page.rows(name) if value == 0 or labels.get("adminState") in ("disabled", "down")]
    signal = lambda name: page.rows("stackcast_signal_value", scope="cloud", signal=name).by()
    moving = ("cloud", "region", "name", "hostname", "status", "task_state")
    return {
        ("Services", "A"): services(page),
        ("Endpoints", "A"): page.rows("openstack_api_up").by("service", how=min),
        ("Time to answer, by endpoint", "A"): page.rows("openstack_api_duration_seconds").by("service", how=max),
        ("95th percentile of requests, by service", "A"): slowest(page.rows("stackcast_openstack_request_duration_seconds_bucket"), 0.95).top(12),
        ("Agents that do not report, or are disabled", "A"): odd.by("__name__", *REGION, "service", "hostname", "adminState", "disabledReason", how=max),
        ("Agents that report, by kind", "A"): Answer(("agent",), rates).top(14, largest=False),
        ("Compute services down", "A"): signal("compute_services_down"),
        ("Instances not at rest", "A"): page.rows("openstack_nova_server_updated_timestamp_seconds").map(lambda time: page.time - time).by(*moving, how=min).top(20),
        ("Instances in ERROR and BUILD", "A"): signal("instances_error"),
        ("Instances in ERROR and BUILD", "B"): signal("instances_build"),
        ("Stacks by status", "A"): page.rows("openstack_heat_stacks").by("status"),
    }


def anomalies(page, chosen, risen):
    scores = page.rows("stackcast_anomaly_score")
    limit = page.rows("stackcast_threshold_ratio", tier="ticket", resource="any", kind="anomaly").by(how=max).values[()]
    highest, beside = strongest(page, 25)
    watched = lambda state: page.rows("stackcast_anomaly_watched_series", state=state).by()
    one = {"scope": chosen["scope"], "signal": chosen["signal"]}
    bound = lambda what, how: page.rows(f"stackcast_anomaly_expected_{what}", **one).by(how=how)
    graph = "$signal of $entity, and what is expected"
    series = ("cloud", "region", "scope", "entity", "signal")
    alarms = page.rows("stackcast_anomaly_events_total").map(lambda value: value * 7 * 86400 / risen)
    return {
        ("Anomalous now", "A"): sum(value > limit for _, value in scores),
        ("Highest score", "A"): scores.by(how=max),
        **{(name, "A"): watched(name.lower()) for name in ("Watched", "Learning", "Silent", "Missing")},
        ("Open anomalies", "A"): highest,
        ("Open anomalies", "B"): beside("stackcast_anomaly_direction"),
        ("Open anomalies", "C"): value_of(page).by(*series, how=max).within(highest),
        ("Open anomalies", "D"): beside("stackcast_anomaly_expected_lower"),
        ("Open anomalies", "E"): beside("stackcast_anomaly_expected_upper"),
        (graph, "A"): value_of(page).where(**one).by(how=max),
        (graph, "B"): bound("upper", max),
        (graph, "C"): bound("lower", min),
        ("Score of $signal of $entity", "A"): scores.where(**one).by(how=max),
        ("Scores", "A"): scores.where(scope=WIDE).by("scope", "entity", "signal").top(10),
        ("Share of anomalous signals", "A"): page.rows("stackcast_anomaly_rate_ratio", scope=WIDE).by("entity", how=max),
        ("Alarms, by signal", "A"): alarms.by("scope", "signal").top(10),
        ("Level shifts", "A"): page.rows("stackcast_changepoint_timestamp_seconds").map(lambda time: page.time - time).by(*series, how=min),
    }


def alerts(page, chosen, risen):
    firing = page.rows("ALERTS", alertstate="firing", alertname=lambda name: name != "StackcastWatchdog")
    of = lambda severity: len(firing.where(severity=severity))
    family = lambda name: page.rows(f"prometheus_{name}")
    rate = lambda name: family(name).map(lambda value: value / risen).by()
    groups = Rows(({"rule_group": labels["rule_group"].split(";")[-1]}, value) for labels, value in family("rule_group_last_duration_seconds"))
    # The made-up past has one sample a day, and one a minute at the end.
    seen = firing.map(lambda _: 15 * page.dense).by("alertname")
    shown = ("alertname", "alertstate", "severity", "reaction", "cloud", "region", "scope", "entity", "resource", "service", "name")
    return {
        **{(f"Firing, {severity}", "A"): of(severity) for severity in ("critical", "warning", "info")},
        ("Watchdog", "A"): 1,
        ("Alertmanagers", "A"): family("notifications_alertmanagers_discovered").by(how=max),
        ("Slowest rules", "A"): family("rule_group_last_duration_seconds").by(how=max),
        ("Firing and pending", "A"): page.rows("ALERTS", alertname=lambda name: name != "StackcastWatchdog").by(*shown, how=max),
        ("Alerts by severity", "A"): page.rows("ALERTS", alertstate="firing").by("severity", how=len),
        ("Longest firing, by alert", "A"): seen.top(12),
        ("Failures of the chain", "A"): rate("rule_evaluation_failures_total"),
        ("Failures of the chain", "B"): rate("notifications_dropped_total"),
        ("Failures of the chain", "C"): rate("notifications_errors_total"),
        ("Evaluation time, by group", "A"): groups.by("rule_group", how=max),
    }


def exporter(page, chosen, risen):
    success = page.rows("stackcast_collector_success")
    seen = page.rows("stackcast_collector_visibility_info")
    age = page.rows("stackcast_collector_last_success_timestamp_seconds").map(lambda time: page.time - time)
    each = (*REGION, "collector")
    requests = page.rows("stackcast_openstack_requests_total").map(lambda value: value / risen)
    day = lambda family: page.rows(family).map(lambda value: value * 86400 / risen)
    builds = page.rows("stackcast_build_info")
    began = {labels["instance"]: value for labels, value in page.rows("process_start_time_seconds")}
    running = Rows((labels, page.time - began[labels["instance"]]) for labels, _ in builds)
    return {
        ("Collectors failing", "A"): sum(value == 0 for _, value in success),
        ("Oldest figures", "A"): age.by(how=max),
        ("Blind collectors", "A"): sum(labels["visibility"] != "all" for labels, _ in seen),
        ("Series", "A"): page.rows("stackcast_series").by(),
        ("Token ends in", "A"): page.rows("stackcast_token_expiry_timestamp_seconds").by(how=min).map(lambda time: time - page.time),
        ("Forecasts ready", "A"): page.rows("stackcast_forecast_ready").by(how=mean),
        ("Collectors", "A"): success.by(*each, how=min),
        ("Collectors", "B"): age.by(*each, how=max),
        ("Collectors", "C"): page.rows("stackcast_collector_duration_seconds").by(*each, how=max),
        ("Collectors", "D"): page.rows("stackcast_collector_items").by(*each, how=max),
        ("Requests to OpenStack, by service", "A"): requests.by("service"),
        ("Answers, by status", "A"): requests.by("code"),
        ("What the credentials see", "A"): seen.by(*REGION, "visibility", how=len),
        ("Series without readings, by signal", "A"): page.rows("stackcast_data_missing_samples_ratio").by("signal", how=max),
        ("Data left out by forecasts", "A"): day("stackcast_data_rejected_samples_total").by("reason"),
        ("Models in use", "A"): page.rows("stackcast_forecast_model_info").by("model", how=len),
        ("Largest groups of series", "A"): page.rows("stackcast_series").by("group").top(10),
        ("History on disk", "A"): page.rows("stackcast_store_size_bytes").by(),
        ("Last written", "A"): page.rows("stackcast_store_last_write_timestamp_seconds").by(how=min).map(lambda time: page.time - time),
        ("Store errors", "A"): day("stackcast_store_errors_total").by(),
        ("Versions", "A"): builds.by("instance", "version", how=max),
        ("Versions", "B"): running.by("instance", "version", how=max),
    }


def system(page, chosen, risen):
    here = lambda family, **where: page.rows(f"host_{family}", **where)
    rate = lambda family, **where: here(family, **where).map(lambda value: value / risen)
    total = lambda family: here(family).by().values[()]
    each = lambda family: here(family).by("instance")
    idle = rate("cpu_seconds_total", mode="idle")
    highest = lambda answer: max(answer.values.values())
    disk = lambda name: not any(name == kind or kind != "lo" and name.startswith(kind) for kind in VIRTUAL)
    mount = ("instance", "mountpoint", "fstype")
    real = {"fstype": lambda kind: kind not in FOREIGN}
    size, free = here("filesystem_size_bytes", **real).by(*mount, how=max), here("filesystem_avail_bytes", **real).by(*mount, how=max)
    files = lambda what: here(f"filesystem_{what}", **real).by(*mount, how=max)
    fullness = free.over(size).map(lambda part: 1 - part)
    memory = each("memory_MemAvailable_bytes").over(each("memory_MemTotal_bytes")).map(lambda part: 1 - part)
    both = lambda what: rate(f"network_receive_{what}_total").by().values[()] + rate(f"network_transmit_{what}_total").by().values[()]
    return {
        ("CPU", "A"): highest(idle.by("instance", how=mean).map(lambda part: 1 - part)),
        ("Memory", "A"): highest(memory),
        ("Fullest file system", "A"): max(fullness.values.values()),
        ("Load per CPU", "A"): highest(each("load5").over(idle.by("instance", how=len))),
        ("Up for", "A"): page.time - highest(each("boot_time_seconds")),
        ("Killed for memory", "A"): rate("vmstat_oom_kill").map(lambda value: value * 86400).by(),
        ("CPU by mode", "A"): rate("cpu_seconds_total", mode=lambda name: name != "idle").by("mode", how=mean),
        ("Memory by use", "A"): total("memory_MemTotal_bytes") - total("memory_MemAvailable_bytes"),
        ("Memory by use", "B"): here("memory_Cached_bytes").by(),
        ("Memory by use", "C"): here("memory_MemFree_bytes").by(),
        **{("Pressure", key): rate(f"pressure_{what}_waiting_seconds_total").by(how=max) for key, what in zip("ABC", ("cpu", "memory", "io"))},
        ("Disk", "A"): rate("disk_read_bytes_total", device=disk).by(),
        ("Disk", "B"): rate("disk_written_bytes_total", device=disk).by(),
        ("Disk time", "A"): rate("disk_io_time_seconds_total", device=disk).by("device", how=max),
        ("Network", "A"): rate("network_receive_bytes_total", device=disk).by(),
        ("Network", "B"): rate("network_transmit_bytes_total", device=disk).by(),
        ("Network faults", "A"): both("errs"),
        ("Network faults", "B"): both("drop"),
        ("Processes", "A"): here("processes_state").by("state"),
        ("File systems", "A"): size,
        ("File systems", "B"): free,
        ("File systems", "C"): fullness,
        ("File systems", "D"): files("files_free").over(files("files")).map(lambda part: 1 - part),
        ("Machine", "A"): here("uname_info").by("instance", "nodename", "sysname", "release", "machine", how=max),
    }


def application(page, chosen, risen):
    ours = {name: chosen[name] for name in ("job", "instance") if chosen[name] != ".*"}
    rate = lambda family, **where: page.rows(family, **where).map(lambda value: value / risen)
    requests = rate("stackcast_http_requests_total")
    total = requests.by().values[()]
    answered = sum(value for labels, value in requests if labels["code"][0] in "123")
    took = page.rows("stackcast_http_request_duration_seconds_bucket")
    asked = page.rows("stackcast_openstack_request_duration_seconds_bucket")
    runs = lambda what: page.rows(f"stackcast_model_run_duration_seconds_{what}").by("stage")
    process = lambda family: page.rows(f"process_{family}", **ours)
    return {
        ("Requests", "A"): total,
        ("Refused or failed", "A"): 1 - answered / total,
        ("95 % of answers within", "A"): quantiles(took, 0.95, None),
        ("CPU", "A"): rate("process_cpu_seconds_total", **ours).by(),
        ("Memory", "A"): process("resident_memory_bytes").by(),
        ("File descriptors", "A"): max(process("open_fds").by("instance").over(process("max_fds").by("instance")).values.values()),
        ("Requests by handler", "A"): requests.by("handler", "code"),
        **{("Time to answer", key): quantiles(took, part, None) for key, part in (("A", 0.5), ("B", 0.95), ("C", 0.99))},
        ("Requests to OpenStack, 95th percentile", "A"): quantiles(asked, 0.95, "service"),
        ("Requests to OpenStack, median", "A"): quantiles(asked, 0.5, "service"),
        ("Text rendered, by group", "A"): rate("stackcast_exposition_rendered_bytes_total").by("group").top(8),
        ("Time spent rendering", "A"): rate("stackcast_exposition_render_seconds_total").by("group").top(8),
        ("CPU over time", "A"): rate("process_cpu_seconds_total", **ours).by(),
        ("Memory over time", "A"): process("resident_memory_bytes").by(),
        ("Connections", "A"): page.rows("stackcast_http_connections").by(),
        ("Mean run of models", "A"): runs("sum").over(runs("count")),
        ("Series that models ran for", "A"): rate("stackcast_model_runs_total").map(lambda value: value * 3600).by("stage", "result"),
        ("Scrapes by Prometheus", "A"): page.rows("scrape_duration_seconds", **ours).by("instance", how=max),
    }


BOARDS = {
    "control": control,
    "anomalies": anomalies,
    "alerts": alerts,
    "exporter": exporter,
    "system": system,
    "application": application,
}
