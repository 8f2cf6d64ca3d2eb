"""A Prometheus over a made-up past of one recorded page: gauges have always been what they are, counters have risen evenly.

So every answer can be worked out, whatever the range of its query: the boards' forecasts that are drawn a day, a week and a
month ahead included. Nothing here depends on the time of day.
"""

import gzip
import json
import pathlib
import re
import socket
import subprocess
import time
import urllib.request

import expected
from page import Page

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORDED = ROOT / "tests/it/bundle/recorded"
DAY, HOUR, MINUTE = 86400, 3600, 60
# A day between two samples, and a little.
LOOKBACK = "25h"
# As Prometheus scrapes it: what belongs to a cloud keeps job and instance, too.
TARGET = {"job": "stackcast", "instance": "stackcast:9180"}


def recorded():
    """The page with what Prometheus adds and says of itself, and the cloud's answers."""
    answers = json.loads(gzip.decompress((RECORDED / "boards.json.gz").read_bytes()))
    text = gzip.decompress((RECORDED / "boards.prom.gz").read_bytes()).decode()
    page, beside = Page(text, answers["time"]), Page((RECORDED / "beside.prom").read_text(encoding="utf-8"), answers["time"])
    for name in beside.families.keys() - page.families.keys():
        page.families[name], page.types[name] = beside.families[name], beside.types[name]
    for name, rows in page.families.items():
        if not name.startswith(("prometheus_", "ALERTS")):
            for labels, _ in rows:
                labels.update(TARGET)
    page.add_twin()
    return page, answers


def moments(page):
    """When gauges and counters have samples: days, the last hours and minutes; counters each hour of a week."""
    recent = [page.time - minute * MINUTE for minute in range(12)]
    # A minute off, and hours half a minute, so that no sample lies on the end of a range of whole days: whether it
    # belongs to it, versions of Prometheus see differently.
    days = [page.time - day * DAY - MINUTE for day in range(1, 62)]
    hours = [page.time - hour * HOUR + 30 for hour in range(1, 7 * 24 + 1)]
    page.dense = len(recent)
    return sorted(recent + days), sorted(recent + hours)


def write(page, file):
    """The past as OpenMetrics."""
    of_gauges, of_counters = moments(page)
    with file.open("w", encoding="utf-8") as out:
        for name, rows in page.families.items():
            # Types matter to nobody here, and OpenMetrics would want other names of counters.
            out.write(f"# TYPE {name} unknown\n")
            rises = page.counts(name)
            for labels, value in rows:
                series = name + "{" + ",".join(f'{key}="{text}"' for key, text in labels.items()) + "}"
                for at in of_counters if rises else of_gauges:
                    now = value * (1 + (at - page.time) / expected.RISEN) if rises else value
                    out.write(f"{series} {str(now).replace('inf', 'Inf').replace('nan', 'NaN')} {at}\n")
        out.write("# EOF\n")


class Running:
    """A Prometheus over that past, in a folder of its own; a context manager."""

    def __init__(self, page, folder):
        self.page, self.folder, self.process = page, pathlib.Path(folder), None

    def __enter__(self):
        write(self.page, self.folder / "past.om")
        self.make_blocks("openmetrics", self.folder / "past.om", self.folder / "data")
        (self.folder / "prometheus.yml").write_text("scrape_configs: []\n", encoding="utf-8")
        self.start()
        # Recorded series are there at the end, which is all that boards read of them but for `avg_over_time`.
        end = self.page.time
        self.make_blocks("rules", f"--start={end - 11 * MINUTE}", f"--end={end}", "--eval-interval=1m", f"--url={self.url}", f"--output-dir={self.folder / 'recorded'}", ROOT / "prometheus/rules/recording.yml")
        self.stop()
        for block in (self.folder / "recorded").iterdir():
            block.rename(self.folder / "data" / block.name)
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def make_blocks(self, kind, *arguments):
        """By promtool."""
        more = ["--max-block-duration=1440h"] if kind == "openmetrics" else []
        done = subprocess.run(["promtool", "tsdb", "create-blocks-from", *more, kind, *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"promtool: {done.stderr[-2000:]}")

    def start(self):
        """On a free port; waits until it answers."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{free.getsockname()[1]}"
        self.url = f"http://{address}"
        command = ["prometheus", f"--config.file={self.folder / 'prometheus.yml'}", f"--storage.tsdb.path={self.folder / 'data'}"]
        command += ["--storage.tsdb.retention.time=100y", f"--query.lookback-delta={LOOKBACK}", f"--web.listen-address={address}"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=(self.folder / "prometheus.log").open("wb"))
        for _ in range(600):
            try:
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=5).read()
                return
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit((self.folder / "prometheus.log").read_text()[-2000:]) from None
                time.sleep(0.1)
        raise SystemExit("Prometheus does not answer")

    def stop(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait()
