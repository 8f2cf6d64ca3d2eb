"""Colours, and where they begin: the defaults of `analysis.tiers`, which a test compares with the program's.

Whoever changes the tiers in stackcast.toml changes the numbers here and runs generate.py: lines in graphs read
`stackcast_threshold_ratio` and follow by themselves, Grafana's colours cannot.
"""

MEDIUM, HIGH, CRITICAL, FULL = 0.7, 0.8, 0.9, 1.0
MEASURED = {"cpu": 0.8, "memory": 0.9, "disk": 0.85}
ANOMALY = 1.0

DAY = 86400


def steps(base, *rising):
    """Grafana's steps: a colour below everything, then (value, colour) pairs."""
    return [{"color": base, "value": None}] + [{"color": color, "value": value} for value, color in rising]


# No judgement: a number that is neither good nor bad.
PLAIN = steps("blue")
PREDICTED = steps("green", (MEDIUM, "yellow"), (HIGH, "orange"), (CRITICAL, "red"))
TIME_LEFT = steps("red", (14 * DAY, "orange"), (30 * DAY, "yellow"), (90 * DAY, "green"))
NONE_IS_GOOD = steps("green", (1, "red"))
FEW_IS_GOOD = steps("green", (1, "orange"), (10, "red"))
ONE_IS_GOOD = steps("red", (1, "green"))
SCORE = steps("green", (0.5, "yellow"), (ANOMALY, "red"))
# Against the seasonal naive: 1 is no better than yesterday's value.
MASE = steps("green", (0.8, "yellow"), (1, "orange"), (1.5, "red"))
# Collectors run every 60 to 900 s; after half an hour something is wrong.
AGE = steps("green", (1200, "yellow"), (1800, "orange"), (3600, "red"))
# Seconds that a request may take before somebody waits for it.
LATENCY = steps("green", (1, "yellow"), (5, "orange"), (15, "red"))


def measured(resource):
    """Steps of a measured utilisation: yellow from 0.1 below what `analysis.tiers.measured_*` calls too much."""
    return steps("green", (round(MEASURED[resource] - 0.1, 2), "yellow"), (MEASURED[resource], "red"))


NOT_IN_SIGHT = [{"type": "value", "options": {"31536000": {"text": "not in sight", "color": "green", "index": 0}}}]
UP_DOWN = [
    {
        "type": "value",
        "options": {
            "0": {"text": "down", "color": "red", "index": 0},
            "1": {"text": "up", "color": "green", "index": 1},
        },
    }
]
RISK = steps("green", (1, "yellow"), (2, "orange"), (3, "red"))
RISKS = [
    {
        "type": "value",
        "options": {
            "0": {"text": "low", "color": "green", "index": 0},
            "1": {"text": "medium", "color": "yellow", "index": 1},
            "2": {"text": "high", "color": "orange", "index": 2},
            "3": {"text": "critical", "color": "red", "index": 3},
        },
    }
]
# How many more instances of a flavor, or how many hosts may fail.
LEFT = steps("red", (1, "orange"), (2, "yellow"), (5, "green"))
SPARE_HOSTS = steps("red", (1, "yellow"), (2, "green"))
# Share of what is usable that could be had without buying anything.
RECLAIMABLE = steps("green", (0.05, "yellow"), (0.1, "orange"))
DIRECTION = [
    {
        "type": "value",
        "options": {
            "-1": {"text": "too low", "color": "blue", "index": 0},
            "0": {"text": "odd", "color": "text", "index": 1},
            "1": {"text": "too high", "color": "orange", "index": 2},
        },
    }
]
