"""Home: do I have to act today?"""

from .. import query, tiers
from ..board import board, link, row
from ..panel import now, stat, target, text, timeseries, utilization
from ..table import column, table

SCOPES = 'CLOUD, scope=~"cloud|az|aggregate"'
BY = "cloud, region, scope, entity, resource"
SERIES = "cloud, region, scope, entity, signal"

# Numbers, because a table sorts words by the alphabet.
URGENT = [
    f'{number} * stackcast_recommendation_info{{CLOUD, severity="{severity}"}}'
    for number, severity in ((3, "critical"), (2, "high"), (1, "medium"), (0, "low"))
]
ACTIONS = [
    {
        "type": "value",
        "options": {
            action: {"text": action.replace("_", " "), "color": "text", "index": number}
            for number, action in enumerate(("add_capacity", "rebalance", "reclaim", "resize", "investigate"))
        },
    }
]

HOW_TO_READ = """**Read from left to right, top to bottom.** Green everywhere: nothing to do today. A coloured number says what it is \
and what to do in its *i*. In graphs, blue is what was measured, orange what is forecast for the next day, with the \
interval that held 80 % of the past; where both are drawn, you see how good yesterday's forecast was. The dashed red \
line is where `critical` begins. Purple marks are anomalies."""


def make():
    """The board."""
    first = [
        (
            stat(
                "Full soonest",
                "Time until the first resource of an aggregate, zone or cloud is full, by the middle of 400 simulated "
                "futures. Below 30 days, look in *Closest to full* which one it is and order, free or rebalance.",
                [now(f"min({query.time_left(SCOPES, 'mid')})")],
                "s",
                tiers.TIME_LEFT,
                mappings=tiers.NOT_IN_SIGHT,
                decimals=1,
                noValue="not known yet",
            ),
            4,
            4,
        ),
        (
            stat(
                "Highest utilisation",
                "The fullest resource of any aggregate, zone or cloud: used over usable, as Placement counts it. "
                "From 80 % on, new instances begin to fail for large flavors: look in *Closest to full*.",
                [now(f"max(stackcast_capacity_utilization_ratio{{{SCOPES}}})")],
                "percentunit",
                tiers.PREDICTED,
                decimals=1,
            ),
            4,
            4,
        ),
        (
            stat(
                "Anomalies",
                "Series whose anomaly score is above 1 right now, of every scope. A few come and go on any cloud; look "
                "at those that stay, on the board Anomalies.",
                [now("sum(stackcast_anomaly_score{CLOUD} > bool 1)")],
                "none",
                tiers.FEW_IS_GOOD,
                links=[{"title": "Anomalies", "url": link("stackcast-anomalies")}],
            ),
            4,
            4,
        ),
        (
            stat(
                "Alerts firing",
                "Alerts that fire in Prometheus, without the watchdog, which always does. Without a number, the rules "
                "are not loaded or Prometheus does not evaluate them.",
                [now('count(ALERTS{alertstate="firing"}) - count(ALERTS{alertname="StackcastWatchdog", alertstate="firing"})')],
                "none",
                tiers.FEW_IS_GOOD,
                noValue="no watchdog",
                links=[{"title": "Alerts", "url": link("stackcast-alerts")}],
            ),
            4,
            4,
        ),
        (
            stat(
                "Agents down",
                "Agents and services of OpenStack that are enabled and do not report, of all projects together; "
                "disabled ones are left out. See Control plane for which.",
                [now("count(stackcast:agent:up{CLOUD}) - sum(stackcast:agent:up{CLOUD})")],
                "none",
                tiers.NONE_IS_GOOD,
                links=[{"title": "Control plane", "url": link("stackcast-control")}],
            ),
            4,
            4,
        ),
        (
            stat(
                "Oldest figures",
                "Age of the figures of the collector that is furthest behind. Slow collectors run every 15 minutes; "
                "above half an hour one of them fails: see Exporter.",
                [now("max(time() - stackcast_collector_last_success_timestamp_seconds{CLOUD})")],
                "s",
                tiers.AGE,
                decimals=0,
                links=[{"title": "Exporter", "url": link("stackcast-exporter")}],
            ),
            4,
            4,
        ),
    ]
    graphs = [
        (
            utilization(
                f"{name}, with the next day",
                f"{name} that is allocated, over what is usable, of the fullest cloud chosen; orange is what was said 24 "
                "hours before. If the forecast runs into the dashed line, capacity must come within the day.",
                'CLOUD, scope="cloud"',
                ["24h"],
                resource,
            ),
            8,
            8,
        )
        for name, resource in (("vCPUs", "vcpu"), ("Memory", "memory"), ("Disk", "disk"))
    ]
    closest = table(
        "Closest to full",
        "Resources by the time until they are full: the middle, and the pessimistic end, of 400 simulated futures. "
        "*Tomorrow at most* is the upper end of the interval. *Risk* weighs level, forecast and date. Start with the first row; "
        "the entity opens its forecast.",
        [
            now(f"min by ({BY}) ({query.time_left(SCOPES, 'mid')})"),
            now(f"min by ({BY}) ({query.time_left(SCOPES, 'upper')})"),
            now(f"max by ({BY}) (stackcast_capacity_utilization_ratio{{{SCOPES}}})"),
            now(f"max by ({BY}) (stackcast_forecast_utilization_upper_ratio{{{SCOPES}, horizon=\"24h\"}})"),
            now(f"max by ({BY}) (7 * stackcast_forecast_daily_growth_ratio{{{SCOPES}}})"),
            now(f'max by ({BY}) (stackcast_risk_level{{{SCOPES}, resource!="overall"}})'),
        ],
        [
            column("cloud", "Cloud", width=90),
            column("region", "Region", width=110),
            column("scope", "Scope", width=100),
            column(
                "entity",
                "Entity",
                link=link("stackcast-capacity", scope="${__data.fields.Scope}", entity="${__data.fields.Entity}"),
            ),
            column("resource", "Resource", width=120),
            column("F", "Risk", mappings=tiers.RISKS, width=90),
            column("C", "Used", "percentunit", tiers.PREDICTED, decimals=1, width=90),
            column("D", "Tomorrow at most", "percentunit", tiers.PREDICTED, decimals=1, width=150),
            column("E", "Growth a week", "percentunit", decimals=2, width=130),
            column("A", "Full in", "s", tiers.TIME_LEFT, mappings=tiers.NOT_IN_SIGHT, decimals=1, width=130),
            column("B", "At worst in", "s", tiers.TIME_LEFT, mappings=tiers.NOT_IN_SIGHT, decimals=1, width=130),
        ],
        "At worst in",
        descending=False,
    )
    todo = table(
        "What to do",
        "What stackcast recommends, the most urgent 200 of a region: add capacity, rebalance, reclaim, resize, investigate. "
        "Reason, amount and effect of each: /api/analysis.",
        [now(f"max by (cloud, region, scope, entity, resource, action) ({' or '.join(URGENT)})")],
        [
            column("A", "Urgency", mappings=tiers.RISKS, width=100),
            column("action", "Do", mappings=ACTIONS, width=150),
            column("resource", "Resource", width=130),
            column("scope", "Of", width=110),
            column("entity", "Entity"),
            column("cloud", "Cloud", width=90),
            column("region", "Region", width=110),
        ],
        "Urgency",
    )
    services = stat(
        "OpenStack services",
        "1 while every permitted collector of a service succeeds. A service that is down here either does not answer "
        "or refuses what stackcast asks: the board Exporter has the reason.",
        [now("min by (service) (stackcast:service:up{CLOUD})", "{{service}}")],
        "none",
        tiers.ONE_IS_GOOD,
        many=True,
        mappings=tiers.UP_DOWN,
    )
    open_ones = table(
        "Strongest anomalies",
        "Series by their anomaly score; above 1 is anomalous, whatever the unit. Only what stays deserves work: open "
        "the entity for its expected band.",
        [
            now(f"max by ({SERIES}) (topk(10, stackcast_anomaly_score{{CLOUD}}))"),
            now(f"max by ({SERIES}) (stackcast_anomaly_direction{{CLOUD}} and on ({SERIES}) topk(10, stackcast_anomaly_score{{CLOUD}}))"),
        ],
        [
            column("scope", "Scope", width=100),
            column("entity", "Entity", link=link("stackcast-anomalies", scope="${__data.fields.Scope}", entity="${__data.fields.Entity}", signal="${__data.fields.Signal}")),
            column("signal", "Signal"),
            column("A", "Score", "none", tiers.SCORE, decimals=2, width=80),
            column("B", "Direction", mappings=tiers.DIRECTION, width=100),
        ],
        "Score",
    )
    return board(
        "home",
        "Home",
        "Do I have to act today?",
        [
            row("Now", *first),
            row("The next day", *graphs),
            row("Ranking", (closest, 24, 10)),
            row("Recommended", (todo, 24, 9)),
            row("What is odd, what is down", (open_ones, 12, 9), (services, 12, 9)),
            row(
                "Instances",
                (
                    timeseries(
                        "Instances by status",
                        "Instances of all projects by status. ERROR that grows, or BUILD that does not go away, is a "
                        "fault of scheduling or of a host: see Control plane.",
                        [target("sum by (status) (openstack_nova_servers{CLOUD})", "{{status}}")],
                        "none",
                        stack=True,
                    ),
                    16,
                    8,
                ),
                (
                    text(
                        "How to read these boards",
                        "What the colours and lines of all boards mean; nothing to do.",
                        HOW_TO_READ,
                    ),
                    8,
                    8,
                ),
            ),
        ],
        time=("now-7d", "now+1d"),
        refresh="5m",
    )
