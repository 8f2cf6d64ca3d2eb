"""Exporter: does stackcast itself get what it asks for, and how current is it?"""

from .. import tiers
from ..board import board, row
from ..panel import bargauge, now, stat, target, timeseries
from ..table import column, table

BY = "cloud, region, collector"


def make():
    """The board."""
    first = [
        (
            stat(
                "Collectors failing",
                "Collectors whose last run failed. Their figures stay until they are too old, then vanish: see the table "
                "below for which, and `stackcast check` for why.",
                [now("count(stackcast_collector_success{CLOUD}) - sum(stackcast_collector_success{CLOUD})")],
                "none",
                tiers.NONE_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Oldest figures",
                "Age of the figures of the collector that is furthest behind. Above half an hour something fails.",
                [now("max(time() - stackcast_collector_last_success_timestamp_seconds{CLOUD})")],
                "s",
                tiers.AGE,
                decimals=0,
            ),
            4,
            4,
        ),
        (
            stat(
                "Blind collectors",
                "Collectors that may see one project only, or nothing: their families are incomplete. Give the monitoring "
                "user the roles that `stackcast check` names.",
                [now("count(stackcast_collector_visibility_info{CLOUD}) - count(stackcast_collector_visibility_info{CLOUD, visibility=\"all\"})")],
                "none",
                tiers.FEW_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Series",
                "Series on the metrics page. Compare with the limit; a jump is a new label with many values.",
                [now("sum(stackcast_series)")],
                "none",
            ),
            4,
            4,
        ),
        (
            stat(
                "Token ends in",
                "Time until the present token ends; it is renewed ahead of that. Near 0, Keystone refuses to give a new one: "
                "check user and password.",
                [now("min(stackcast_token_expiry_timestamp_seconds{CLOUD}) - time()")],
                "s",
                tiers.steps("red", (300, "orange"), (600, "green")),
                decimals=0,
            ),
            4,
            4,
        ),
        (
            stat(
                "Forecasts ready",
                "Share of the watched series that have enough history for a forecast: two seasons, less than 20 % missing. "
                "On a new installation this takes two days; later, a low share is gaps in the history.",
                [now("avg(stackcast_forecast_ready{CLOUD})")],
                "percentunit",
                tiers.steps("red", (0.5, "orange"), (0.8, "green")),
                decimals=0,
            ),
            4,
            4,
        ),
    ]
    collectors = table(
        "Collectors",
        "Every collector: whether its last run succeeded, how long it took, how old its figures are, what it read. Sort by "
        "age to find the one that is behind.",
        [
            now(f"min by ({BY}) (stackcast_collector_success{{CLOUD}})"),
            now(f"max by ({BY}) (time() - stackcast_collector_last_success_timestamp_seconds{{CLOUD}})"),
            now(f"max by ({BY}) (stackcast_collector_duration_seconds{{CLOUD}})"),
            now(f"max by ({BY}) (stackcast_collector_items{{CLOUD}})"),
        ],
        [
            column("cloud", "Cloud", width=90),
            column("region", "Region", width=110),
            column("collector", "Collector"),
            column("A", "Last run", mappings=tiers.UP_DOWN, width=100),
            column("B", "Age", "s", tiers.AGE, decimals=0, width=100),
            column("C", "Took", "s", tiers.LATENCY, decimals=2, width=100),
            column("D", "Objects", "locale", width=100),
        ],
        "Age",
    )
    requests = timeseries(
        "Requests to OpenStack, by service",
        "Requests a second that stackcast sends. It should be level: peaks every 15 minutes are quotas, anything else is a "
        "retry storm.",
        [target("sum by (service) (rate(stackcast_openstack_requests_total{CLOUD}[$__rate_interval]))", "{{service}}")],
        "reqps",
        stack=True,
    )
    answers = timeseries(
        "Answers, by status",
        "Answers of OpenStack by HTTP status (or the kind of error where none came). 401 now and then is a token being "
        "renewed; 429 and 5xx are OpenStack's trouble.",
        [target("sum by (code) (rate(stackcast_openstack_requests_total{CLOUD}[$__rate_interval]))", "{{code}}")],
        "reqps",
        stack=True,
    )
    visibility = table(
        "What the credentials see",
        "What each collector may see: all projects, its own, or nothing. Where it is not all, figures of the cloud are too "
        "low.",
        [now("count by (cloud, region, visibility) (stackcast_collector_visibility_info{CLOUD})")],
        [
            column("cloud", "Cloud", width=80),
            column("region", "Region", width=110),
            column("visibility", "Sees"),
            column("A", "Collectors", "none", width=110),
        ],
        "Collectors",
    )
    rejected = bargauge(
        "Data left out by forecasts",
        "Samples of histories that forecasts left out or moved, by reason: impossible values, lone spikes, resets, shifts. "
        "Many impossible ones are a fault of a back end.",
        [now("sum by (reason) (increase(stackcast_data_rejected_samples_total[1d]))", "{{reason}}")],
        "none",
    )
    missing = bargauge(
        "Series without readings, by signal",
        "Series of each signal that had readings within the last day and have none now, over all of its series. Above 0, "
        "a collector fails or things are gone.",
        [now("max by (signal) (stackcast_data_missing_samples_ratio)", "{{signal}}")],
        "percentunit",
        tiers.steps("green", (0.01, "yellow"), (0.2, "red")),
        max=1,
        decimals=1,
    )
    models = bargauge(
        "Models in use",
        "Which model has the most weight for the next day, and for how many series. All on one simple model: histories are "
        "short or without a pattern.",
        [now("sort_desc(count by (model) (stackcast_forecast_model_info{CLOUD}))", "{{model}}")],
        "none",
    )
    series = bargauge(
        "Largest groups of series",
        "Series by group of the page, the ten largest. What grows with instances (compute.servers) can be switched off.",
        [now("topk(10, sum by (group) (stackcast_series))", "{{group}}")],
        "none",
    )
    version = table(
        "Versions",
        "Version of each stackcast that is scraped, and since when it runs. Unequal versions are a roll-out that stopped "
        "half-way.",
        [
            now("max by (instance, version) (stackcast_build_info)"),
            now("max by (instance, version) (stackcast_build_info * 0 + on (instance, job) group_left () (time() - process_start_time_seconds))"),
        ],
        [
            column("instance", "Instance"),
            column("version", "Version", width=110),
            column("B", "Up for", "s", decimals=1, width=110),
        ],
        "Instance",
        descending=False,
    )
    store = [
        (
            stat(
                "History on disk",
                "Size of the embedded history, write-ahead log included. It levels off when the retention is reached; if it "
                "does not, the roll-ups fail.",
                [now("sum(stackcast_store_size_bytes)")],
                "bytes",
            ),
            4,
            5,
        ),
        (
            stat(
                "Last written",
                "Time since the history last took a tick (every 5 minutes). Above 15 minutes nothing is kept: see the log "
                "for the disk's error.",
                [now("time() - min(stackcast_store_last_write_timestamp_seconds)")],
                "s",
                tiers.steps("green", (900, "orange"), (3600, "red")),
                decimals=0,
            ),
            4,
            5,
        ),
        (
            stat(
                "Store errors",
                "Faults of the history in the last day, of any kind. Full and denied are the disk's; damaged blocks are left "
                "out and named in the log.",
                [now("sum(increase(stackcast_store_errors_total[1d]))")],
                "none",
                tiers.NONE_IS_GOOD,
                decimals=0,
            ),
            4,
            5,
        ),
    ]
    return board(
        "exporter",
        "Exporter",
        "Does stackcast get what it asks for, and how current is it?",
        [
            row("Now", *first),
            row("Collectors", (collectors, 24, 11)),
            row("Requests", (requests, 12, 8), (answers, 12, 8)),
            row("Rights and data", (visibility, 8, 7), (missing, 8, 7), (rejected, 8, 7)),
            row("Models and series", (models, 12, 9), (series, 12, 9)),
            row("History and version", *store, (version, 12, 5)),
        ],
        time=("now-6h", "now"),
    )
