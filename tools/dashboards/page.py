"""A metrics page, read by other code than Prometheus': what a query should answer is worked out from this."""

import collections
import re

LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


class Rows(list):
    """Samples as (labels, value)."""

    def where(self, **wanted):
        """Those whose labels are as wanted: a text, a collection of texts, or a test."""
        def fits(labels):
            for name, want in wanted.items():
                have = labels.get(name, "")
                if not (want(have) if callable(want) else have == want if isinstance(want, str) else have in want):
                    return False
            return True

        return Rows(row for row in self if fits(row[0]))

    def map(self, change):
        """With other values; `change` takes the value."""
        return Rows((labels, change(value)) for labels, value in self)

    def by(self, *names, how=sum):
        """What `how` makes of the values of each group."""
        groups = collections.defaultdict(list)
        for labels, value in self:
            groups[tuple(labels.get(name, "") for name in names)].append(value)
        return Answer(names, {key: how(values) for key, values in groups.items()})

    def with_labels(self, others, on, names):
        """Each row with the labels `names` of the row of `others` that has the same labels `on`; without one, it goes."""
        found = {tuple(labels.get(name, "") for name in on): labels for labels, _ in others}
        joined = ((labels, value, found.get(tuple(labels.get(name, "") for name in on))) for labels, value in self)
        return Rows(({**labels, **{name: more[name] for name in names}}, value) for labels, value, more in joined if more)


class Answer:
    """What a query should answer: values by those labels that tell its series apart.

    `values` must be there. With `among`, others of these may be, `count` in all: of the `top` ones, equals at the edge are
    as good as each other.
    """

    def __init__(self, names, values, among=None, count=None):
        self.names, self.values, self.among, self.count = names, values, among or values, count

    def top(self, count, largest=True):
        """The largest, or smallest."""
        ranked = sorted(self.values.items(), key=lambda item: item[1], reverse=largest)
        if len(ranked) <= count:
            return self
        edge = ranked[count - 1][1]
        sure = {key: value for key, value in ranked[:count] if value != edge}
        return Answer(self.names, sure, sure | {key: value for key, value in ranked if value == edge}, count)

    def within(self, other):
        """Those that another answer has, too."""
        both = lambda keys: {key: self.values[key] for key in keys if key in self.values}
        return Answer(self.names, both(other.values), both(other.among))

    def over(self, other):
        """Quotients of what both have."""
        both = self.values.keys() & other.values.keys()
        return Answer(self.names, {key: self.values[key] / other.values[key] for key in both if other.values[key]})

    def map(self, change):
        """With other values."""
        return Answer(self.names, {key: change(value) for key, value in self.values.items()})

    def only(self, test):
        """Those whose value passes."""
        return Answer(self.names, {key: value for key, value in self.values.items() if test(value)})


def mean(values):
    """Of a list."""
    return sum(values) / len(values)


def quantile(part, buckets):
    """The quantile of a histogram, by rows with `le`: linear within the bucket, as Prometheus defines it."""
    bounds = sorted((float(labels["le"]), value) for labels, value in buckets)
    merged = collections.OrderedDict()
    for bound, value in bounds:
        merged[bound] = merged.get(bound, 0) + value
    bounds = list(merged.items())
    total = bounds[-1][1]
    rank, below, before = part * total, 0.0, 0.0
    for bound, count in bounds:
        if count >= rank:
            if bound == float("inf"):
                return below
            return below + (bound - below) * (rank - before) / (count - before)
        below, before = bound, count
    return below


def twin_of(labels):
    """The labels of the same thing in the second cloud."""
    new = {"cloud": "twin", "region": "RegionTwo", "instance": "twin:9180"}
    if labels.get("scope") == "cloud":
        new["entity"] = "twin"
    # What belongs to no region, such as requests to Keystone, belongs to none there, either.
    return {name: new.get(name, value) if value else value for name, value in labels.items()}


class Page:
    """All samples of a page by family."""

    def __init__(self, text, time):
        self.time, self.types, self.families = time, {}, collections.defaultdict(Rows)
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split()
                self.types[name] = kind
            elif line and not line.startswith("#"):
                series, value = line.rsplit(" ", 1)
                name, _, labels = series.partition("{")
                self.families[name].append((dict(LABEL.findall(labels)), float(value)))

    def add_twin(self):
        """A second cloud, watched by a second stackcast, whose figures are a quarter larger and half an hour older.

        With one alone, a query may take the maximum for the sum, or join without regard to clouds, and nobody would see.
        """
        for name, rows in self.families.items():
            if not name.startswith(("ALERTS", "prometheus_")):
                older = "timestamp" in name or name.endswith(("start_time_seconds", "boot_time_seconds"))
                rows += [(twin_of(labels), value - 1800 if older else value if value in (0, 1) else value * 1.25) for labels, value in rows]

    def rows(self, name, **wanted):
        """A family's samples, those that are as wanted."""
        return self.families.get(name, Rows()).where(**wanted)

    def counts(self, name):
        """Whether a sample of that name only ever rises."""
        base = re.sub("_(bucket|sum|count)$", "", name)
        return self.types.get(name) == "counter" or self.types.get(base) == "histogram" or name == "host_vmstat_oom_kill"
