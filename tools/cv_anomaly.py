#!/usr/bin/env python3
"""Cross-validates `stackcast anomaly` by file, and prints what each score costs and finds (Python 3.11+, no packages).

  score_anomaly.py export --out T
  tools/cv_anomaly.py --scorer PATH/score_anomaly.py --tasks T --program target/release/stackcast

Every setting of --sensitivity is a run of its own, since one alarm per episode depends on it. For each of 5 folds of the
files (sorted by name, dealt like cards) the best setting of the other folds is applied to it with threshold 1; the sum is
the cross-validated score. The best setting on all files is printed beside it: far apart, the settings were fitted.
The second table is for alert rules: alarms outside the labelled windows per series and week, and windows found.
"""
import argparse
import importlib.util
import subprocess
import sys
from datetime import datetime
from pathlib import Path

SETTINGS = "0.6 0.7 0.75 0.8 0.85 0.9 0.95 1 1.05 1.1 1.15 1.2 1.3 1.5 2"
LEVELS = [1, 1.1, 1.25, 1.5, 2, 3, 4, 6, 10]


def load(path):
    spec = importlib.util.spec_from_file_location("scorer", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def gain(scores, weights, threshold, fp):
    """Raw score above silence of one file at a fixed threshold; alarms outside; windows found."""
    rows, start = weights
    best, outside = {}, []
    for x, (s, window) in zip(scores[start:], rows):
        if x < threshold:
            continue
        if window < 0:
            outside.append(s)
        else:
            best[window] = max(best.get(window, -1.0), s)
    return fp * sum(outside) + sum(b + 1 for b in best.values()), len(outside), len(best)


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--scorer", required=True, help="path of score_anomaly.py")
    ap.add_argument("--tasks", required=True, help="folder made by 'score_anomaly.py export'")
    ap.add_argument("--program", required=True, help="the stackcast binary")
    ap.add_argument("--sensitivity", default=SETTINGS, help="settings to choose from (default: %(default)s)")
    ap.add_argument("--folds", type=int, default=5)
    a = ap.parse_args()
    scorer, tasks = load(a.scorer), Path(a.tasks)
    windows = scorer.read_windows(tasks)
    files = sorted(windows)
    weights, rows, weeks = {}, {}, 0.0
    for f in files:
        (times,) = scorer.read_csv(tasks / "in" / f, "timestamp")
        weights[f], rows[f] = scorer.row_weights(times, windows[f], f), len(times)
        span = datetime.fromisoformat(times[-1]) - datetime.fromisoformat(times[weights[f][1]])
        weeks += span.total_seconds() / 604800
    count = sum(map(len, windows.values()))
    profiles = {name: fp for name, (fp, fn) in scorer.PROFILES.items() if fn == 1}
    table, scores = {}, {}
    for setting in a.sensitivity.split():
        out = tasks / "out" / f"cv-{setting}"
        done = subprocess.run([a.program, "anomaly", "--in", tasks / "in", "--out", out, "--sensitivity", setting])
        if done.returncode:
            sys.exit(f"cv_anomaly.py: {a.program} failed at --sensitivity {setting}")
        scores[setting] = {f: scorer.read_scores(out / f, rows[f]) for f in files}
        table[setting] = {p: [gain(scores[setting][f], weights[f], 1.0, fp)[0] for f in files] for p, fp in profiles.items()}
    print("sensitivity  " + "  ".join(f"{p:>8s}" for p in profiles))
    for setting, by in table.items():
        print(f"{setting:>11s}  " + "  ".join(f"{50 * sum(by[p]) / count:8.2f}" for p in profiles))
    for p in profiles:
        best = max(table, key=lambda s: sum(table[s][p]))
        total = 0.0
        for k in range(a.folds):
            chosen = max(table, key=lambda s: sum(g for i, g in enumerate(table[s][p]) if i % a.folds != k))
            total += sum(g for i, g in enumerate(table[chosen][p]) if i % a.folds == k)
        print(f"{p}: cross-validated {50 * total / count:.2f}, best on all files {50 * sum(table[best][p]) / count:.2f} (sensitivity {best})")
    if "1" in scores:
        print(f"\nscore >  alarms outside windows per series and week   windows found   ({len(files)} series, {weeks:.0f} weeks)")
        for level in LEVELS:
            each = [gain(scores["1"][f], weights[f], level, 0.0) for f in files]
            print(f"{level:7g}  {sum(e[1] for e in each) / weeks:44.2f}   {sum(e[2] for e in each):5d} of {count}")


if __name__ == "__main__":
    main()
