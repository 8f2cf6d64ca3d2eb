"""Application performance: what stackcast answers, how fast, and what it costs."""

from .. import tiers
from ..board import board, row, variable
from ..panel import bargauge, now, stat, target, timeseries

AT = 'instance=~"$instance"'
RATE = "[$__rate_interval]"


def quantile(share, family, by, window=RATE, matchers=AT):
    """A quantile of a histogram's observations."""
    # Without observations a quantile is NaN, which no comparison holds for.
    return f"histogram_quantile({share}, sum by (le{by}) (rate({family}_bucket{{{matchers}}}{window}))) >= 0"


def busiest(family):
    """The rates of the eight groups that cost most over the range."""
    of = f"{family}{{{AT}}}"
    chosen = f"topk(8, sum by (group) (increase({of}[$__range] @ end())))"
    return f"sum by (group) (rate({of}{RATE})) and on (group) {chosen}"


def make():
    """The board."""
    http = "stackcast_http_request_duration_seconds"
    cloud = "stackcast_openstack_request_duration_seconds"
    model = "stackcast_model_run_duration_seconds"
    first = [
        (
            stat(
                "Requests",
                "HTTP requests a second that stackcast answers: scrapes, API, health. One Prometheus at 15 s makes 0.07.",
                [now(f"sum(rate(stackcast_http_requests_total{{{AT}}}[5m]))")],
                "reqps",
                decimals=2,
            ),
            4,
            4,
        ),
        (
            stat(
                "Refused or failed",
                "Share of answers with status 400 and above. Unauthorised and not found are somebody's configuration; 5xx "
                "is a fault of stackcast: report it.",
                [now(f'1 - sum(rate(stackcast_http_requests_total{{{AT}, code=~"[123].."}}[5m])) / sum(rate(stackcast_http_requests_total{{{AT}}}[5m]))')],
                "percentunit",
                tiers.steps("green", (0.01, "yellow"), (0.1, "red")),
                decimals=1,
            ),
            4,
            4,
        ),
        (
            stat(
                "95 % of answers within",
                "What 95 of 100 answers took at most until they were ready to be sent. The page is rendered ahead, so "
                "milliseconds are normal even at 1,000 hypervisors.",
                [now(quantile(0.95, http, "", "[5m]"))],
                "s",
                tiers.steps("green", (0.1, "yellow"), (1, "red")),
            ),
            4,
            4,
        ),
        (
            stat(
                "CPU",
                "CPU that stackcast uses, in CPUs. Peaks are forecasts, once an hour; a level near the container's limit "
                "makes figures late.",
                [now(f'sum(rate(process_cpu_seconds_total{{{AT}, job="$job"}}[5m]))')],
                "none",
                decimals=3,
            ),
            4,
            4,
        ),
        (
            stat(
                "Memory",
                "Memory that stackcast holds. It follows the number of series; growth without more series is a leak: report "
                "it.",
                [now(f'sum(process_resident_memory_bytes{{{AT}, job="$job"}})')],
                "bytes",
            ),
            4,
            4,
        ),
        (
            stat(
                "File descriptors",
                "Open file descriptors over the limit. Above 80 % connections begin to fail: raise LimitNOFILE.",
                [now(f'max(process_open_fds{{{AT}, job="$job"}} / process_max_fds{{{AT}, job="$job"}})')],
                "percentunit",
                tiers.PREDICTED,
                decimals=1,
            ),
            4,
            4,
        ),
    ]
    graphs = [
        (
            timeseries(
                "Requests by handler",
                "Requests a second by handler and status. A rate that doubles is a second Prometheus, or a browser left open.",
                [target(f"sum by (handler, code) (rate(stackcast_http_requests_total{{{AT}}}{RATE}))", "{{handler}} {{code}}")],
                "reqps",
                stack=True,
            ),
            12,
            8,
        ),
        (
            timeseries(
                "Time to answer",
                "Median, 95th and 99th percentile of the time until an answer was ready. If only the last one rises, large "
                "API answers or a busy machine are the cause.",
                [target(quantile(share, http, ""), name) for share, name in ((0.5, "50 %"), (0.95, "95 %"), (0.99, "99 %"))],
                "s",
                min=0,
            ),
            12,
            8,
        ),
        (
            timeseries(
                "Requests to OpenStack, 95th percentile",
                "What 95 of 100 requests to each service took at most, body included. It is OpenStack's time, not "
                "stackcast's; above the collector's deadline the run fails.",
                [target(quantile(0.95, cloud, ", service", "[5m]", "CLOUD"), "{{service}}")],
                "s",
                min=0,
            ),
            12,
            8,
        ),
        (
            timeseries(
                "Requests to OpenStack, median",
                "What half of the requests to each service took at most. Compare with the percentile beside: far apart means "
                "few, very slow calls.",
                [target(quantile(0.5, cloud, ", service", "[5m]", "CLOUD"), "{{service}}")],
                "s",
                min=0,
            ),
            12,
            8,
        ),
        (
            timeseries(
                "Text rendered, by group",
                "Bytes of metrics text rendered a second. Unchanged rows are not rendered again: this is what the cache of "
                "the page does not save. A quiet cloud renders little.",
                [target(busiest("stackcast_exposition_rendered_bytes_total"), "{{group}}")],
                "Bps",
                stack=True,
            ),
            12,
            8,
        ),
        (
            timeseries(
                "Time spent rendering",
                "CPUs that rendering and compressing the page take. Above 0.1 look for a group that changes all the time.",
                [target(busiest("stackcast_exposition_render_seconds_total"), "{{group}}")],
                "none",
                stack=True,
            ),
            12,
            8,
        ),
        (
            timeseries(
                "CPU over time",
                "CPUs that stackcast uses. Compare peaks with the runs of models beside.",
                [target(f'sum(rate(process_cpu_seconds_total{{{AT}, job="$job"}}{RATE}))', "CPUs")],
                "none",
                min=0,
            ),
            8,
            7,
        ),
        (
            timeseries(
                "Memory over time",
                "Memory that stackcast holds. It should be level after the first hour.",
                [target(f'sum(process_resident_memory_bytes{{{AT}, job="$job"}})', "resident")],
                "bytes",
                min=0,
            ),
            8,
            7,
        ),
        (
            timeseries(
                "Connections",
                "Open HTTP connections. A number that only grows is a client that never closes.",
                [target(f"sum(stackcast_http_connections{{{AT}}})", "open")],
                "none",
                min=0,
            ),
            8,
            7,
        ),
    ]
    models = bargauge(
        "Mean run of models",
        "How long one run over all series took on average since the start, by stage. Forecasts run once an hour; longer than "
        "minutes means too many series for this machine.",
        [now(f"sum by (stage) ({model}_sum{{{AT}}}) / (sum by (stage) ({model}_count{{{AT}}}) > 0)", "{{stage}}")],
        "s",
        tiers.steps("green", (60, "yellow"), (600, "red")),
    )
    runs = bargauge(
        "Series that models ran for",
        "Series by stage and result in the last hour. Skipped have too little history; errors are in the log.",
        [now(f"sum by (stage, result) (increase(stackcast_model_runs_total{{{AT}}}[1h]))", "{{stage}} {{result}}")],
        "none",
        decimals=0,
    )
    scrape = timeseries(
        "Scrapes by Prometheus",
        "How long Prometheus took to fetch the page, network included. Above its scrape timeout (10 s) everything is lost "
        "for that moment.",
        [target(f'max by (instance) (scrape_duration_seconds{{{AT}, job="$job"}})', "{{instance}}")],
        "s",
        min=0,
    )
    return board(
        "application",
        "Application performance",
        "What stackcast answers, how fast, and what it costs.",
        [
            row("Now", *first),
            row("Requests", *graphs[:4]),
            row("Rendering", *graphs[4:6]),
            row("Process", *graphs[6:]),
            row("Models and scrapes", (models, 8, 6), (runs, 8, 6), (scrape, 8, 6)),
        ],
        time=("now-6h", "now"),
        variables=[
            variable("job", "Job", "label_values(stackcast_build_info, job)", many=False, current="stackcast"),
            variable("instance", "Instance", 'label_values(stackcast_build_info{job="$job"}, instance)'),
        ],
    )
