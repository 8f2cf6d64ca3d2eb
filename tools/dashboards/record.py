#!/usr/bin/env python3
"""Records what `check.py --recorded` works on: a page of a small demo, and what its OpenStack APIs say at that moment.

    STACKCAST_EXPOSE__NAMING__CLOUD_LABELS=always STACKCAST_WORKLOAD__ENABLED=true STACKCAST_WORKLOAD__INTERVAL_SECONDS=60 \\
      STACKCAST_COLLECT__DIAGNOSTICS__ENABLED=true TMPDIR=/tmp/small \\
      stackcast demo --hypervisors 10 --instances 250 --projects 6 --churn 0.001 --web.listen-address 127.0.0.1:29280 &
    tools/dashboards/record.py --page http://127.0.0.1:29280/metrics --clouds /tmp/small/stackcast-demo-*/clouds.yaml

Of the page those families are kept that a board or a recording rule reads. Cloud and page must agree, while instances come
and go: it tries until nothing has changed for longer than collectors take.
"""

import argparse
import gzip
import json
import pathlib
import re
import sys
import time
import urllib.request

sys.dont_write_bytecode = True

import truth  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Instances are read every minute.
STILL = 75


def extract(page):
    """The families that are asked for."""
    read = (ROOT / "prometheus/rules/recording.yml").read_text(encoding="utf-8")
    read += "".join(board.read_text(encoding="utf-8") for board in (ROOT / "grafana/dashboards").glob("*.json"))
    words = set(re.findall(r"[a-zA-Z_:][\w:]*", read))
    kept = []
    for line in page.splitlines():
        name = line.split()[2] if line.startswith("# TYPE ") else re.match(r"[\w:]*", line)[0]
        family = {name, *(name + suffix for suffix in ("_bucket", "_sum", "_count"))} if line.startswith("#") else {name}
        if family & words and not line.startswith("# HELP"):
            kept.append(line)
    return "\n".join(kept) + "\n"


def main():
    """Records."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", required=True)
    parser.add_argument("--clouds", required=True)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "tests/it/bundle/recorded")
    arguments = parser.parse_args()
    cloud = truth.Cloud(arguments.clouds)
    before = None
    while True:
        cloud.answers.clear()
        facts = truth.facts(cloud)
        if facts == before:
            break
        before = facts
        time.sleep(STILL)
    now = time.time()
    page = extract(urllib.request.urlopen(arguments.page).read().decode())
    if truth.facts(cloud) != facts:
        sys.exit("something changed while the page was read: try again")
    # Without a time of making, the same record is the same file.
    write = lambda name, text: (arguments.out / name).write_bytes(gzip.compress(text.encode(), mtime=0))
    write("boards.prom.gz", page)
    write("boards.json.gz", json.dumps({"time": round(now), "urls": cloud.urls, "answers": cloud.answers}, indent=0, sort_keys=True))
    print(f"{page.count(chr(10))} lines, {len(cloud.answers)} answers")


if __name__ == "__main__":
    main()
