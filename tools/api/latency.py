#!/usr/bin/env python3
"""How long a running stackcast takes to answer each GET of its API, beside /-/healthy of the same run.

    STACKCAST_EXPOSE__RATE_LIMIT__REQUESTS_PER_SECOND=0 \\
        target/release/stackcast demo --hypervisors 1000 --instances 50000 --web.listen-address 127.0.0.1:29186 &
    until curl -sf http://127.0.0.1:29186/-/ready; do sleep 1; done
    tools/api/latency.py --url http://127.0.0.1:29186 --count 200

The demo replays weeks first, at this size for many minutes; `--history 0` starts at once, without forecasts.
Paths come from /api/openapi.json; those without an end (streams), and those that need an id, are left out. Rows are
asked in turn, one at a time, over one connection, so that each path meets whatever the analysis does meanwhile.
Prints milliseconds (p50, p99, largest) and kB.
"""

import argparse
import http.client
import json
import sys
import time
import urllib.parse

STREAMS = ("stream", "events", "/ws")
# What has no default and a good value.
QUESTIONS = {"/api/v1/compare": f"?at={int(time.time()) - 86400}"}


def ask(connection: http.client.HTTPConnection, path: str) -> tuple[int, int, float]:
    """Status, bytes and milliseconds."""
    start = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    length = len(answer.read())
    return answer.status, length, 1000 * (time.perf_counter() - start)


def paths(connection: http.client.HTTPConnection) -> list[str]:
    connection.request("GET", "/api/openapi.json")
    described = json.loads(connection.getresponse().read())["paths"]
    fit = [path for path, methods in described.items() if "get" in methods and "{" not in path]
    return sorted(path for path in fit if not any(word in path for word in STREAMS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", required=True)
    parser.add_argument("--count", type=int, default=200)
    flags = parser.parse_args()
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(flags.url).netloc, timeout=60)
    wanted = ["/-/healthy", *(path + QUESTIONS.get(path, "") for path in paths(connection))]
    first = {path: ask(connection, path) for path in wanted}
    times: dict[str, list[float]] = {path: [] for path in wanted if first[path][0] == 200}
    for _ in range(flags.count):
        for path, spent in times.items():
            spent.append(ask(connection, path)[2])
    print(f"{'path':44} {'kB':>8} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8}")
    for path, spent in times.items():
        spent.sort()
        p50, p99 = spent[len(spent) // 2], spent[min(len(spent) - 1, int(0.99 * len(spent)))]
        print(f"{path:44} {first[path][1] / 1000:8.1f} {p50:8.2f} {p99:8.2f} {spent[-1]:8.2f}")
    for path in wanted:
        if path not in times:
            print(f"{path:44} answers {first[path][0]}: not measured", file=sys.stderr)


if __name__ == "__main__":
    main()
