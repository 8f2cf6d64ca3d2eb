"""PromQL that boards share. It knows stackcast's labels; it does not know panels."""

# Stands for the matchers of the variables `cloud` and `region` in every expression of a board.
CLOUD = 'cloud=~"$cloud", region=~"$region"'

# What a time until something is cut to: stackcast looks at most a year ahead and says +Inf beyond its window. The
# mapping `NOT_IN_SIGHT` of tiers.py names it; JSON has no infinity.
YEAR = 31536000


def expand(expression):
    """An expression with its CLOUD filled in, and on one line."""
    return " ".join(expression.replace("CLOUD", CLOUD).split())


def of_aggregate(expression):
    """The hypervisors of an expression with `entity` that are in the chosen aggregates.

    `stackcast_hypervisor_info` has no label `aggregate`: it matches the pattern of All and no other, so that hosts
    which are in no aggregate are there under All.
    """
    return (
        f"{expression} and on (cloud, region, entity) ("
        'stackcast_hypervisor_aggregate_info{CLOUD, aggregate=~"$aggregate"}'
        ' or stackcast_hypervisor_info{CLOUD, aggregate=~"$aggregate"})'
    )


def entity(expression, label):
    """An `openstack_*` expression with the join label `entity`, copied from `label`."""
    return f'label_replace({expression}, "entity", "$1", "{label}", "(.+)")'


def ahead(family, matchers, horizons):
    """What `family` said `horizon` ago of each moment: shown over a range that ends in the future, it is drawn there.

    The shortest horizon that reaches a moment is taken.
    """
    parts = [f'{family}{{{matchers}, horizon="{horizon}"}} offset {horizon}' for horizon in horizons]
    return f"({' or ignoring (horizon) '.join(parts)})"


def lasting(gauge):
    """A gauge that hardly ever changes as one level line over the whole range, the future included."""
    return f"last_over_time({gauge}[31d] @ end())"


DAYS = {"24h": 1, "7d": 7, "30d": 30}


def path(family, present, matchers, horizons):
    """The latest forecast as a line from the present value through its horizons.

    `ahead` shows beyond tomorrow what was said a week or a month ago, before much of what is known now. This is what
    is said now, but straight between horizons: the days' ups and downs are not in it.
    """
    last = lambda gauge: f"max(last_over_time({gauge}[31d] @ end()))"
    # Of any series: all are forecast in one run, and hypervisors have no such gauge of their own.
    start = last("stackcast_forecast_trained_timestamp_seconds{CLOUD}")
    line = value = last(f"{present}{{{matchers}}}")
    passed = 0
    for horizon in horizons:
        said = last(f'{family}{{{matchers}, horizon="{horizon}"}}')
        length = (DAYS[horizon] - passed) * 86400
        line += f" + ({said} - {value}) * clamp((time() - {start} - {passed * 86400}) / {length}, 0, 1)"
        value, passed = said, DAYS[horizon]
    return f"({line}) and ({start} < time() <= {start} + {passed * 86400})"


def time_left(matchers, bound, tier="full"):
    """Seconds until a tier is crossed for good; a year means not in sight."""
    return f'clamp_max(stackcast_forecast_exhaustion_seconds{{{matchers}, tier="{tier}", bound="{bound}"}}, {YEAR})'


def anomalous(scores):
    """Those of the scores that are above the limit which tickets wait for."""
    return f'{scores} > on () group_left () max(stackcast_threshold_ratio{{tier="ticket", resource="any", kind="anomaly"}})'


def joined(expression, by, key, family, names):
    """Sums by the labels `names` that an info family has for `key`.

    The info side is made unique: two stackcasts that watch one cloud differ in `instance` only.
    """
    on = f"cloud, region, {key}"
    info = f"max by ({on}, {', '.join(names)}) ({family}{{CLOUD}})"
    return f"sum by ({by}) ({expression} * on ({on}) group_left ({', '.join(names)}) {info})"


def of_projects(expression, label):
    """Sums by the `name` of the project whose id is in `label`."""
    summed = f"sum by (cloud, region, {label}) ({expression})"
    return joined(entity(summed, label), "name", "entity", "stackcast_project_info", ["name"])


def largest(count, by, shown, measure):
    """The `count` largest of `shown` over a range: the same ones at each moment, by what `measure` is on average.

    `topk` alone chooses anew at each moment, and a graph has three times as many lines.
    """
    chosen = f"topk({count}, sum by ({by}) (avg_over_time({measure}[$__range] @ end())))"
    return f"sum by ({by}) ({shown}) and on ({by}) {chosen}"
