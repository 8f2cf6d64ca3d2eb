"""Anomalies: what is unusual, since when, and compared with what?"""

from .. import query, tiers
from ..board import board, choice, link, row, variable
from ..panel import UNLISTED, bargauge, by_ref, fixed, now, stat, target, text, timeseries
from ..table import column, table

ONE = 'CLOUD, scope="$scope", entity=~"$entity", signal="$signal"'

EXPLANATION = """**A score above 1 is an anomaly**, whatever the unit, the load or the noise of the series: 1 means that its \
leading feature is as rare as an alarm should be. stackcast learns each series on its own; in its first day there is no \
score. Hypervisors and projects have one from 0.5 on: absent is quiet. *Watched* counts all of them. Disabled hosts are \
silent. A lasting shift becomes usual within days; *Level shifts* keeps it for a week."""


def make():
    """The board."""
    first = [
        (
            stat(
                "Anomalous now",
                "Series whose score is above the limit for tickets. Look at those that stay for more than a few minutes: "
                "*Open anomalies*, sorted by score.",
                [now("sum(stackcast_anomaly_score{CLOUD} > bool on () group_left () max(stackcast_threshold_ratio{tier=\"ticket\", resource=\"any\", kind=\"anomaly\"}))")],
                "none",
                tiers.FEW_IS_GOOD,
            ),
            4,
            4,
        ),
        (
            stat(
                "Highest score",
                "The most unusual series of all. From 2 on it is violent: see which it is in *Open anomalies*.",
                [now("max(stackcast_anomaly_score{CLOUD})")],
                "none",
                tiers.SCORE,
                decimals=2,
            ),
            4,
            4,
        ),
        *(
            (
                stat(
                    name,
                    description,
                    [now(f'sum(stackcast_anomaly_watched_series{{CLOUD, state="{state}"}})')],
                    "none",
                    steps,
                ),
                4,
                4,
            )
            for name, state, steps, description in (
                ("Watched", "watched", tiers.PLAIN, "Series that have a detector which has learned. What is not here cannot be anomalous."),
                ("Learning", "learning", tiers.PLAIN, "Series in their first day: no score yet. After a restart this is 0, since what was learned is kept."),
                ("Silent", "silent", tiers.PLAIN, "Series in maintenance: hosts that are disabled, and what the configuration silences. If it is many, look for hosts left disabled."),
                ("Missing", "missing", tiers.NONE_IS_GOOD, "Series that had readings and have none. A collector fails, or the thing is gone: see Exporter."),
            )
        ),
    ]
    by = "cloud, region, scope, entity, signal"
    open_ones = table(
        "Open anomalies",
        "Series by score, with their value, the band that held 99 % of the readings, and the direction. Click an entity to "
        "see it below. If many of one zone move together, look for a cause of the zone.",
        [
            now(f"max by ({by}) (topk(25, stackcast_anomaly_score{{CLOUD}}))"),
            now(f"max by ({by}) (stackcast_anomaly_direction{{CLOUD}} and on ({by}) topk(25, stackcast_anomaly_score{{CLOUD}}))"),
            now(f"max by ({by}) (stackcast:anomaly:value{{CLOUD}} and on ({by}) topk(25, stackcast_anomaly_score{{CLOUD}}))"),
            now(f"max by ({by}) (stackcast_anomaly_expected_lower{{CLOUD}} and on ({by}) topk(25, stackcast_anomaly_score{{CLOUD}}))"),
            now(f"max by ({by}) (stackcast_anomaly_expected_upper{{CLOUD}} and on ({by}) topk(25, stackcast_anomaly_score{{CLOUD}}))"),
        ],
        [
            column("cloud", "Cloud", width=90),
            column("region", "Region", width=110),
            column("scope", "Scope", width=100),
            column(
                "entity",
                "Entity",
                link=link("stackcast-anomalies", scope="${__data.fields.Scope}", entity="${__data.fields.Entity}", signal="${__data.fields.Signal}"),
            ),
            column("signal", "Signal"),
            column("A", "Score", "none", tiers.SCORE, decimals=2, width=80),
            column("B", "Direction", mappings=tiers.DIRECTION, width=100),
            column("C", "Value", "short", decimals=3, width=100),
            column("D", "Expected from", "short", decimals=3, width=130),
            column("E", "to", "short", decimals=3, width=100),
        ],
        "Score",
    )
    scores = timeseries(
        "Scores",
        "Scores of clouds, zones and aggregates, the ten highest of the range. Above the line is anomalous; what stays "
        "above is an incident, what touches it once is not.",
        [target(query.largest(10, "scope, entity, signal", *2 * ['stackcast_anomaly_score{CLOUD, scope=~"cloud|az|aggregate"}']), "{{entity}} {{signal}}")],
        "none",
        steps=tiers.SCORE,
        min=0,
    )
    rate = timeseries(
        "Share of anomalous signals",
        "Of each cloud, zone and aggregate, the share of its watched signals that are anomalous. Many at once have one "
        "cause: begin with the widest scope.",
        [target('max by (entity) (stackcast_anomaly_rate_ratio{CLOUD, scope=~"cloud|az|aggregate"})', "{{entity}}")],
        "percentunit",
        min=0,
        max=1,
    )
    value = timeseries(
        "$signal of $entity, and what is expected",
        "The chosen series and the band that held 99 % of its readings. Where it leaves the band and the score below "
        "stays low, it has done so before.",
        [
            target(f"max(stackcast:anomaly:value{{{ONE}}})", "value"),
            target(f"max(stackcast_anomaly_expected_upper{{{ONE}}})", "expected"),
            target(f"min(stackcast_anomaly_expected_lower{{{ONE}}})", "expected at least"),
        ],
        "short",
        [
            by_ref("A", color=fixed("blue"), custom_fillOpacity=0),
            by_ref("B", color=fixed("green"), custom_lineWidth=0, custom_fillBelowTo="expected at least", custom_fillOpacity=14),
            by_ref("C", color=fixed("green"), custom_lineWidth=0, custom_fillOpacity=0, custom_hideFrom=UNLISTED),
        ],
    )
    score = timeseries(
        "Score of $signal of $entity",
        "The chosen series' score. Above 1 is anomalous; a ticket needs it to stay there.",
        [target(f"max(stackcast_anomaly_score{{{ONE}}})", "score")],
        "none",
        [by_ref("A", color=fixed("purple"))],
        steps=tiers.SCORE,
        min=0,
    )
    events = bargauge(
        "Alarms, by signal",
        "Times that a score rose above 1 within the range of the board, by scope and signal. What rings often and never "
        "matters wants a floor or a silence in the configuration.",
        [now("topk(10, sum by (scope, signal) (increase(stackcast_anomaly_events_total{CLOUD}[$__range])))", "{{signal}} ({{scope}})")],
        "none",
        decimals=0,
        ranged=True,
    )
    shifts = table(
        "Level shifts",
        "Lasting shifts of the last week, by when they began: what changed after a deployment. No alarm by themselves; "
        "check that the latest were meant.",
        [now(f"time() - max by ({by}) (stackcast_changepoint_timestamp_seconds{{CLOUD}})")],
        [
            column("scope", "Scope", width=100),
            column("entity", "Entity"),
            column("signal", "Signal"),
            column("A", "Ago", "s", decimals=1, width=110),
        ],
        "Ago",
        descending=False,
    )
    return board(
        "anomalies",
        "Anomalies",
        "What is unusual, since when, and compared with what?",
        [
            row("Now", *first),
            row("Open", (open_ones, 24, 10)),
            row("The chosen series", (value, 24, 9), (score, 24, 6)),
            row("All", (scores, 14, 9), (rate, 10, 9)),
            row("Alarms and shifts", (events, 13, 10), (shifts, 11, 10)),
            row("Explanation", (text("What a score means", "How to read this board; nothing to do.", EXPLANATION), 24, 5)),
        ],
        time=("now-7d", "now"),
        refresh="5m",
        variables=[
            choice("scope", "Scope", [("cloud", "cloud"), ("zone", "az"), ("aggregate", "aggregate"), ("hypervisor", "hypervisor"), ("project", "project")], "cloud"),
            variable("entity", "Entity", 'label_values(stackcast_anomaly_score{CLOUD, scope="$scope"}, entity)'),
            variable("signal", "Signal", 'label_values(stackcast_anomaly_score{CLOUD, scope="$scope"}, signal)', many=False, current="instances"),
        ],
    )
