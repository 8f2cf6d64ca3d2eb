"""Capacity horizon: when is what full, and when must more be ordered?"""

from .. import query, tiers
from ..board import board, choice, row, variable
from ..panel import bargauge, now, stat, target, timeseries, utilization
from ..table import column, table

CHOSEN = 'CLOUD, scope="$scope", entity=~"$entity"'
BY = "cloud, region, entity, resource"
MONTH = 30 * tiers.DAY


def make():
    """The board."""
    cards = stat(
        "Full in, by resource",
        "Time until the chosen entities' resources are full, the soonest of them, by the middle of 400 simulated futures. "
        "Below your lead time, order now: see *When to order*.",
        [now(f"min by (resource) ({query.time_left(CHOSEN, 'mid')})", "{{resource}}")],
        "s",
        tiers.TIME_LEFT,
        many=True,
        mappings=tiers.NOT_IN_SIGHT,
        decimals=1,
        noValue="not known yet",
    )
    worst = stat(
        "At worst, by resource",
        "The same by the pessimistic end of the interval. Where it is far from the middle, the forecast is unsure: "
        "plan by this one for what takes long to buy.",
        [now(f"min by (resource) ({query.time_left(CHOSEN, 'upper')})", "{{resource}}")],
        "s",
        tiers.TIME_LEFT,
        many=True,
        mappings=tiers.NOT_IN_SIGHT,
        decimals=1,
        noValue="not known yet",
    )
    graph = utilization(
        "$resource of $entity: 60 days back, 30 days ahead",
        "Allocated over usable. Orange: what is forecast now, straight between 1, 7 and 30 days, with its interval. Grey: what "
        "was said 24 hours before, to judge by. Where the band meets the red line, the worst case is critical: order.",
        CHOSEN,
        ["24h", "7d", "30d"],
        "$resource",
    )
    entities = timeseries(
        "$resource by entity",
        "Utilisation of each entity of the scope. Lines that drift apart call for rebalancing before buying.",
        [target('max by (entity) (stackcast_capacity_utilization_ratio{CLOUD, scope="$scope", resource="$resource"})', "{{entity}}")],
        "percentunit",
        steps=tiers.PREDICTED,
        min=0,
    )
    amounts = [
        (
            timeseries(
                f"{name}: used and usable",
                f"{name} that instances hold, and what they may hold at most: without reserves, buffer, and hosts that are "
                "disabled or down. A step in *usable* is a host that came, went, or was disabled.",
                [
                    target(f"sum(stackcast_capacity_used_{family}{{{CHOSEN}}})", "used"),
                    target(f"sum(stackcast_capacity_usable_{family}{{{CHOSEN}}})", "usable"),
                ],
                unit,
                min=0,
            ),
            8,
            7,
        )
        for name, family, unit in (("vCPUs", "vcpus", "none"), ("Memory", "memory_bytes", "bytes"), ("Disk", "disk_bytes", "bytes"))
    ]
    tier_columns = [("medium", "A"), ("high", "B"), ("critical", "C"), ("full", "D")]
    order = table(
        "When to order",
        "Time until each tier is crossed for good, by the middle of the forecast, and *Order within*: the pessimistic time "
        "until full less the lead time chosen above; below 0 it should have been ordered. *Error*: mean absolute scaled error "
        "of forecasts for 7 days in the backtest; above 1 do not plan by that row.",
        [
            *(now(f"min by ({BY}) ({query.time_left(CHOSEN, 'mid', tier)})") for tier, _ in tier_columns),
            now(f"min by ({BY}) ({query.time_left(CHOSEN, 'upper')}) - $lead"),
            now(f'max by ({BY}) (stackcast_forecast_error_mase{{{CHOSEN}, signal="utilization", horizon="7d"}})'),
            now(f"max by ({BY}) (stackcast_capacity_utilization_ratio{{{CHOSEN}}})"),
        ],
        [
            column("cloud", "Cloud", width=90),
            column("region", "Region", width=110),
            column("entity", "Entity"),
            column("resource", "Resource", width=110),
            column("G", "Used", "percentunit", tiers.PREDICTED, decimals=1, width=90),
            *(
                column(letter, f"{tier} in", "s", tiers.TIME_LEFT, mappings=tiers.NOT_IN_SIGHT, decimals=1, width=120)
                for tier, letter in tier_columns
            ),
            column("E", "Order within", "s", tiers.steps("red", (0, "orange"), (MONTH, "green")), decimals=1, width=120),
            column("F", "Error", "none", tiers.MASE, decimals=2, width=80),
        ],
        "Order within",
        descending=False,
    )
    growth = bargauge(
        "Growth a week",
        "Trend of the daily means, in percentage points of the usable capacity a week; the bars are those that grow most. "
        "Ask the projects behind the longest bar what comes next.",
        [now(f"topk(10, 7 * max by (entity, resource) (stackcast_forecast_daily_growth_ratio{{{CHOSEN}}}))", "{{entity}} {{resource}}")],
        "percentunit",
        decimals=2,
    )
    quality = timeseries(
        "Error of forecasts, by horizon",
        "Mean absolute scaled error in the rolling backtest, mean over the chosen entities: 1 is as good as the seasonal "
        "naive. Above the line, believe the present value and not the forecast.",
        [target(f'avg by (horizon) (stackcast_forecast_error_mase{{{CHOSEN}, signal="utilization"}})', "{{horizon}}")],
        "none",
        steps=tiers.steps("green", (1, "red")),
        min=0,
    )
    coverage = bargauge(
        "What the interval held",
        "Share of what happened in the backtest that lay inside the 80 % interval, by horizon. Far below 0.8 the band in "
        "the graphs is too narrow, and time until full is surer than it should be.",
        [now(f'avg by (horizon) (stackcast_forecast_coverage_ratio{{{CHOSEN}, signal="utilization"}})', "{{horizon}}")],
        "percentunit",
        tiers.steps("red", (0.6, "orange"), (0.7, "green")),
        max=1,
        decimals=1,
    )
    variables = [
        choice("scope", "Scope", [("cloud", "cloud"), ("zone", "az"), ("aggregate", "aggregate")], "cloud"),
        variable("entity", "Entity", 'label_values(stackcast_capacity_utilization_ratio{CLOUD, scope="$scope"}, entity)'),
        variable(
            "resource",
            "Resource",
            'label_values(stackcast_capacity_utilization_ratio{CLOUD, scope="$scope"}, resource)',
            many=False,
            current="memory",
        ),
        choice("lead", "Lead time", [(f"{days} d", str(days * tiers.DAY)) for days in (14, 30, 60, 90)], str(MONTH)),
    ]
    return board(
        "capacity",
        "Capacity horizon",
        "When is what full, and when must more be ordered?",
        [
            row("Time left", (cards, 12, 5), (worst, 12, 5)),
            row("Forecast", (graph, 24, 10)),
            row("Ordering", (order, 24, 9)),
            row("Amounts", *amounts),
            row("Who grows, and how good forecasts are", (entities, 12, 8), (growth, 12, 8), (quality, 12, 8), (coverage, 12, 8)),
        ],
        time=("now-60d", "now+30d"),
        refresh="15m",
        variables=variables,
        aggregate=False,
    )
