#!/usr/bin/env python3
"""A cloud with a past, and a Prometheus that knows it: what check.py asks and render/ draws.

    tools/dashboards/lab.py --program target/release/stackcast --folder /tmp/lab

The demo's past of 45 days is written as OpenMetrics, made into blocks, and served by a real Prometheus beside live
scrapes of the same demo: the same seed and the same hour give the same cloud. It stays up until it is interrupted. Check and draw within the hour:
the past ends with a full hour and is valid for 65 minutes, and the present learns anew what is anomalous for a day. The
past takes five minutes of CPU, 3 GB of disk and as much of memory. --days 8 takes half a minute, and is too short for forecasts of more than some days.
"""

import argparse
import datetime
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]

# An hour between two pages of the past: Prometheus must take a sample for valid for so long.
LOOKBACK = "65m"

CONFIGURATION = """\
global: {{scrape_interval: 15s, evaluation_interval: 15s}}
rule_files: ["{rules}/*.yml"]
# Nobody listens there: its errors are what a board shows.
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["127.0.0.1:9"]}}]}}]}}
scrape_configs:
  - job_name: stackcast
    honor_labels: true
    static_configs: [{{targets: ["{stackcast}"]}}]
    # The past has no scrape target. Without the target's labels the present continues the same series.
    metric_relabel_configs:
      - {{source_labels: [cloud], regex: .+, target_label: instance, replacement: ""}}
      - {{source_labels: [cloud], regex: .+, target_label: job, replacement: ""}}
      - {{source_labels: [__name__], regex: stackcast_threshold_ratio, target_label: instance, replacement: ""}}
      - {{source_labels: [__name__], regex: stackcast_threshold_ratio, target_label: job, replacement: ""}}
  - job_name: prometheus
    static_configs: [{{targets: ["{prometheus}"]}}]
"""


def say(words):
    """Tells what is done, with the time."""
    print(datetime.datetime.now().strftime("%H:%M:%S"), words, flush=True)


def answers(url, seconds=120):
    """Waits until something answers."""
    for _ in range(seconds):
        try:
            return urllib.request.urlopen(url, timeout=5).read()
        except OSError:
            time.sleep(1)
    sys.exit(f"{url} does not answer")


def start(log, command, **more):
    """Starts a program that stays."""
    return subprocess.Popen([str(word) for word in command], stdout=log.open("wb"), stderr=subprocess.STDOUT, **more)


def past(program, folder, days, size, environment):
    """Writes the past and makes blocks of it."""
    file = folder / "past.om"
    command = [program, "demo", *size, "--backfill", f"{days}d", "--openmetrics", file]
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=(folder / "past.log").open("wb"))
    say("making blocks of it")
    # Without --max-block-duration, promtool reads the whole file once for each two hours.
    command = ["promtool", "tsdb", "create-blocks-from", "--max-block-duration=240h", "openmetrics", file, folder / "data"]
    subprocess.run(command, check=True, stdout=(folder / "blocks.log").open("wb"), stderr=subprocess.STDOUT)
    file.unlink()


def recorded(folder, rules, days, address):
    """Evaluates the recording rules over the past, and adds the result."""
    now = int(time.time())
    command = ["promtool", "tsdb", "create-blocks-from", "rules", f"--start={now - days * 86400}", f"--end={now}"]
    command += [f"--url=http://{address}", "--eval-interval=1h", f"--output-dir={folder / 'recorded'}", rules / "recording.yml"]
    subprocess.run(command, check=True, stdout=(folder / "recorded.log").open("wb"), stderr=subprocess.STDOUT)
    for block in (folder / "recorded").iterdir():
        block.rename(folder / "data" / block.name)


def main():
    """Brings everything up, waits, takes it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / "target/release/stackcast")
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="emptied first")
    parser.add_argument("--days", type=int, default=45)
    parser.add_argument("--size", nargs="*", default=[], help="of the cloud, for the demo: hypervisors 10 instances 150")
    parser.add_argument("--stackcast", default="127.0.0.1:29180", help="address of the metrics page")
    parser.add_argument("--prometheus", default="127.0.0.1:29090", help="address of Prometheus")
    arguments = parser.parse_args()
    folder, rules, running = arguments.folder.resolve(), ROOT / "prometheus/rules", []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # clouds.yaml of the demo lies below TMPDIR: check.py asks the same cloud.
    environment = {**os.environ, "STACKCAST_EXPOSE__NAMING__CLOUD_LABELS": "always", "TMPDIR": str(folder)}
    # Off unless asked for, and on boards: workload records, and measured use of instances.
    serving = {
        **environment,
        "STACKCAST_WORKLOAD__ENABLED": "true",
        "STACKCAST_WORKLOAD__INTERVAL_SECONDS": "60",
        "STACKCAST_COLLECT__DIAGNOSTICS__ENABLED": "true",
    }
    if time.time() % 3600 > 3500:
        say("waiting for the full hour, so that past and present begin in the same one")
        time.sleep(3605 - time.time() % 3600)
    try:
        size = [f"--{word}" if word.isalpha() else word for word in arguments.size]
        serve = [arguments.program, "demo", *size, "--history", arguments.days, "--web.listen-address", arguments.stackcast]
        running.append(start(folder / "demo.log", serve, env=serving))
        say(f"writing the past of {arguments.days} days; minutes")
        past(arguments.program, folder, arguments.days, size, environment)
        configuration = folder / "prometheus.yml"
        configuration.write_text(CONFIGURATION.format(rules=rules, stackcast=arguments.stackcast, prometheus=arguments.prometheus))
        serve = ["prometheus", f"--config.file={configuration}", f"--storage.tsdb.path={folder / 'data'}"]
        serve += ["--storage.tsdb.retention.time=1y", f"--query.lookback-delta={LOOKBACK}", f"--web.listen-address={arguments.prometheus}"]
        running.append(start(folder / "prometheus.log", serve))
        answers(f"http://{arguments.prometheus}/-/ready")
        if (rules / "recording.yml").exists():
            say("evaluating the recording rules over the past")
            recorded(folder, rules, arguments.days, arguments.prometheus)
            # Blocks are looked for at the start, and else once a minute at most.
            running.pop().terminate()
            time.sleep(3)
            running.append(start(folder / "prometheus.log", serve))
            answers(f"http://{arguments.prometheus}/-/ready")
        say(f"ready: http://{arguments.prometheus}; graphs of stackcast itself need ten minutes of scrapes")
        while all(process.poll() is None for process in running):
            time.sleep(1)
        sys.exit(f"a program has ended; see the logs in {folder}")
    except KeyboardInterrupt:
        pass
    finally:
        for process in running:
            process.terminate()


if __name__ == "__main__":
    main()
