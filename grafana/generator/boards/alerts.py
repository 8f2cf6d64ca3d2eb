"""Alerts: what fires, for how long, how often, and does the chain work?"""

from .. import tiers
from ..board import board, row
from ..panel import bargauge, now, stat, target, timeseries
from ..table import column, table

SEVERITY = [("critical", tiers.NONE_IS_GOOD), ("warning", tiers.steps("green", (1, "orange"))), ("info", tiers.steps("green", (1, "blue")))]


def make():
    """The board."""
    watchdog = 'ALERTS{alertname="StackcastWatchdog", alertstate="firing"}'
    first = [
        (
            stat(
                f"Firing, {severity}",
                f"Alerts of severity {severity} that fire now. The list below has their runbooks' names; what pages "
                "somebody is decided by the label reaction alone.",
                [now(f'count(ALERTS{{alertstate="firing", severity=~"{severity}|none"}}) - count({watchdog})')],
                "none",
                steps,
                noValue="no watchdog",
            ),
            4,
            4,
        )
        for severity, steps in SEVERITY
    ]
    first += [
        (
            stat(
                "Watchdog",
                "The alert that always fires: it proves that rules are evaluated. Down, nothing of this board is to be "
                "believed: look at Prometheus.",
                [now(f"count({watchdog}) > bool 0")],
                "none",
                tiers.ONE_IS_GOOD,
                mappings=tiers.UP_DOWN,
                noValue="down",
            ),
            4,
            4,
        ),
        (
            stat(
                "Alertmanagers",
                "Alertmanagers that Prometheus sends alerts to. 0: nobody is told anything; look at `alerting` in "
                "prometheus.yml.",
                [now("max(prometheus_notifications_alertmanagers_discovered)")],
                "none",
                tiers.ONE_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Slowest rules",
                "How long the slowest group of rules took at its last evaluation. Near the evaluation interval (15 s) alerts "
                "come late: give Prometheus more CPU.",
                [now("max(prometheus_rule_group_last_duration_seconds)")],
                "s",
                tiers.steps("green", (1, "yellow"), (7.5, "orange"), (15, "red")),
                decimals=2,
            ),
            4,
            4,
        ),
    ]
    open_ones = table(
        "Firing and pending",
        "Alerts that fire or are about to, with what they are about. Each name is a section of docs/runbooks.md. Pending "
        "ones wait for their `for`.",
        [
            now(
                "max by (alertname, alertstate, severity, reaction, cloud, region, scope, entity, resource, service, name)"
                ' (ALERTS{CLOUD, alertname!="StackcastWatchdog"})'
            )
        ],
        [
            column("alertname", "Alert"),
            column("alertstate", "State", width=90),
            column("severity", "Severity", width=100),
            column("reaction", "Reaction", width=100),
            column("cloud", "Cloud", width=90),
            column("region", "Region", width=110),
            column("scope", "Scope", width=100),
            column("entity", "Entity"),
            column("resource", "Resource", width=110),
            column("service", "Service", width=120),
        ],
        "State",
        descending=False,
    )
    over_time = timeseries(
        "Alerts by severity",
        "Alerts that fire, by severity. A level that never falls is noise that nobody reads: fix the cause or the "
        "threshold.",
        [target('count by (severity) (ALERTS{CLOUD, alertstate="firing"})', "{{severity}}")],
        "none",
        stack=True,
        min=0,
    )
    most = bargauge(
        "Longest firing, by alert",
        "Time that alerts fired within the range of the board, of all their series together (taken every 15 s). The top of "
        "this list is what to fix for good.",
        [now('topk(12, 15 * sum by (alertname) (count_over_time(ALERTS{CLOUD, alertstate="firing", alertname!="StackcastWatchdog"}[$__range])))', "{{alertname}}")],
        "s",
        ranged=True,
    )
    failures = timeseries(
        "Failures of the chain",
        "Rule evaluations that failed and notifications that were dropped or met an error, per second. Any line above 0 "
        "means that alerts may be lost: see Prometheus' log.",
        [
            target("sum(rate(prometheus_rule_evaluation_failures_total[$__rate_interval]))", "rule failures"),
            target("sum(rate(prometheus_notifications_dropped_total[$__rate_interval]))", "dropped"),
            target("sum(rate(prometheus_notifications_errors_total[$__rate_interval]))", "errors"),
        ],
        "ops",
        min=0,
    )
    groups = timeseries(
        "Evaluation time, by group",
        "How long each group of rules takes. A group that grows with the cloud needs recording rules.",
        [target('max by (rule_group) (label_replace(prometheus_rule_group_last_duration_seconds, "rule_group", "$1", "rule_group", ".*;(.+)"))', "{{rule_group}}")],
        "s",
        min=0,
    )
    return board(
        "alerts",
        "Alerts",
        "What fires, for how long, how often, and does the chain work?",
        [
            row("Now", *first),
            row("Open", (open_ones, 24, 11)),
            row("Over time", (over_time, 12, 8), (most, 12, 8)),
            row("The chain", (failures, 12, 7), (groups, 12, 7)),
        ],
        time=("now-24h", "now"),
    )
