#!/usr/bin/env python3
"""Asks a Prometheus every query of every board: none may fail, none may be empty, and they must say what the cloud says.

    tools/dashboards/check.py --recorded
    tools/dashboards/check.py --prometheus http://127.0.0.1:29090 --clouds /tmp/lab/stackcast-demo-*/clouds.yaml

--recorded starts a Prometheus of its own over a recorded page of the demo, and compares the answer to **every** query with
what follows from that page (expected/) and, where OpenStack's APIs tell it, with what these said (truth.py); a quarter of a minute.
Against any Prometheus it finds queries that fail or are empty there; with --clouds of a running `stackcast demo` values
are compared with what its APIs say now. The exit status is 1 when anything is wrong.
"""

import argparse
import json
import pathlib
import re
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request

sys.dont_write_bytecode = True

import expected  # noqa: E402
import history  # noqa: E402
import truth  # noqa: E402
from page import Answer  # noqa: E402

BOARDS = pathlib.Path(__file__).resolve().parents[2] / "grafana/dashboards"
SECONDS = {"m": 60, "h": 3600, "d": 86400}
# Points of a range query: as many as a small panel draws.
POINTS = 240


class Prometheus:
    """Prometheus' HTTP API."""

    def __init__(self, url):
        self.url = url.rstrip("/")

    def ask(self, path, **parameters):
        """The `data` of an answer; errors are raised with Prometheus' words."""
        body = urllib.parse.urlencode(parameters).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}", body, timeout=120) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from None


def moment(words, now):
    """Grafana's now, now-7d, now+1d."""
    found = re.fullmatch(r"now(?:([+-])(\d+)([mhd]))?", words)
    distance = int(found[2]) * SECONDS[found[3]] if found[1] else 0
    return now - distance if found[1] == "-" else now + distance


def values(prometheus, board, now):
    """Values of a board's variables as it opens."""
    chosen = {}
    for variable in board["templating"]["list"]:
        name, current = variable["name"], variable["current"].get("value")
        if variable.get("includeAll"):
            chosen[name] = ".*"
        elif variable["type"] == "query" and not current:
            chosen[name] = first(prometheus, fill(variable["definition"], chosen), variable["regex"], now)
        else:
            chosen[name] = current
    return chosen


def first(prometheus, definition, regex, now):
    """The first value, in order, that a variable's query gives."""
    label = re.fullmatch(r"label_values\((.+), (\w+)\)", definition)
    if label:
        found = prometheus.ask("series", **{"match[]": label[1], "start": now - 7200, "end": now})
        return min(one[label[2]] for one in found if one.get(label[2]))
    query = re.fullmatch(r"query_result\((.+)\)", definition)[1]
    # Grafana puts the series into words for the variable's pattern.
    labels = (",".join(f'{key}="{value}"' for key, value in one["metric"].items()) for one in prometheus.ask("query", query=query, time=now)["result"])
    return min(found[1] for found in (re.search(regex.strip("/"), text) for text in labels) if found)


def fill(text, chosen, span=0):
    """A query with its variables filled in."""
    text = text.replace("$__rate_interval", "5m").replace("$__range", f"{int(span)}s")
    for name in sorted(chosen, key=len, reverse=True):
        text = re.sub(rf"\$(?:{name}\b|{{{name}}})", lambda _: str(chosen[name]), text)
    return text


def answer(prometheus, board, panel, target, chosen, now):
    """Series of a query with their last value and its time, as the panel asks it."""
    begin, end = (moment(board["time"][side], now) for side in ("from", "to"))
    if "timeFrom" in panel:
        begin, end = moment(f"now-{panel['timeFrom']}", now), now
    query = fill(target["expr"], chosen, end - begin)
    if target.get("instant"):
        found = prometheus.ask("query", query=query, time=end)["result"]
        return [(one["metric"], float(one["value"][1]), end) for one in found]
    found = prometheus.ask("query_range", query=query, start=begin, end=end, step=max((end - begin) / POINTS, 15))["result"]
    return [(one["metric"], float(one["values"][-1][1]), one["values"][-1][0]) for one in found]


def differs(found, expected, tolerance):
    """What is wrong with an answer, if anything."""
    near = lambda have, want: abs(have - want) <= max(tolerance * abs(want), 2.001 if tolerance and abs(want) > 1 else 1e-9)
    if not isinstance(expected, dict):
        total = sum(value for _, value, _ in found)
        return None if near(total, expected) else f"is {total:g}, the cloud says {expected:g}"
    have = {value: number for labels, number, _ in found for value in labels.values()}
    wrong = [f"{key} is {have.get(key)}, the cloud says {want}" for key, want in expected.items() if not near(have.get(key, 0), want)]
    return "; ".join(wrong) or None


def departs(found, want):
    """What is wrong with an answer that is known to the last series, if anything."""
    near = lambda have, should: abs(have - should) <= max(1e-6 * abs(should), 1e-9)
    if not isinstance(want, Answer):
        want = Answer((), {(): want(found[0][2]) if callable(want) else want})
    have = {tuple(labels.get(name, "") for name in want.names): value for labels, value, _ in found}
    if len(have) != len(found):
        return f"several series have the same {', '.join(want.names) or 'place'}"
    of = want.among
    wrong = [f"{key} is {value:g}, and should {'not be there' if key not in of else f'be {of[key]:g}'}" for key, value in have.items() if key not in of or not near(value, of[key])]
    wrong += [f"{key} is missing, should be {value:g}" for key, value in want.values.items() if key not in have]
    wrong += [f"{len(have)} series, should be {want.count}"] if want.count not in (None, len(have)) else []
    return "; ".join(wrong[:4]) or None


def check(prometheus, now, cloud, page=None):
    """Prints what is wrong, and a summary; the number of faults."""
    boards = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(BOARDS.glob("*.json"))]
    chosen = {board["uid"].removeprefix("stackcast-"): values(prometheus, board, now) for board in boards}
    facts = truth.facts(cloud) if cloud else {}
    known = expected.everything(page, chosen) if page else {}
    asked, compared, wrong = 0, 0, []
    for board in boards:
        name = board["uid"].removeprefix("stackcast-")
        for panel in board["panels"]:
            for target in panel.get("targets", []):
                place, asked = (name, panel["title"], target["refId"]), asked + 1
                try:
                    found = answer(prometheus, board, panel, target, chosen[name], now)
                except ValueError as error:
                    wrong.append(f"{place}: {error}")
                    continue
                faults = [] if found else [f"empty: {target['expr']}"]
                if place in facts:
                    compared += 1
                    fact, tolerance = facts.pop(place)
                    # Of the page's two clouds, one has APIs.
                    alone = answer(prometheus, board, panel, target, {**chosen[name], "cloud": "demo"}, now) if page else found
                    faults += [differs(alone, fact, 0 if page else tolerance)] if found else []
                if place in known:
                    faults += [departs(found, known.pop(place))] if found else []
                elif page:
                    faults.append("nobody says what it should answer: see tools/dashboards/expected")
                wrong += [f"{place}: {fault}" for fault in faults if fault]
    wrong += [f"{place}: no such query, but an expected value" for place in [*facts, *known]]
    for line in wrong:
        print(line)
    print(f"{asked} queries of {len(boards)} boards, {asked if page else 0} compared with the page, {compared} with the cloud, {len(wrong)} wrong")
    return len(wrong)


def main():
    """Checks; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--recorded", action="store_true", help="the page in tests/it/bundle/recorded")
    which.add_argument("--prometheus", help="URL")
    parser.add_argument("--clouds", help="clouds.yaml of the demo that Prometheus scrapes")
    arguments = parser.parse_args()
    if not arguments.recorded:
        cloud = truth.Cloud(arguments.clouds) if arguments.clouds else None
        return 1 if check(Prometheus(arguments.prometheus), time.time(), cloud) else 0
    page, answers = history.recorded()
    with tempfile.TemporaryDirectory() as folder, history.Running(page, folder) as running:
        return 1 if check(Prometheus(running.url), page.time, truth.Recorded(answers), page) else 0


if __name__ == "__main__":
    sys.exit(main())
