#!/usr/bin/env python3
"""Five-fold cross-validation, by series, of what score_forecast.py ran (Python 3.11+, standard library only).

  cv_forecast.py --tasks T/azure24 T/m4h48 T/azure24q --names base power2 power4 ...

Each name is a run of one build (TASKS/out/NAME), built with another value of a tuned constant. For each fold the name with
the smallest relMASE (mean of its logarithm over all sets, one choice for all sets) on the other four folds is chosen, and
scored on the fold it was not chosen by. With one name nothing is chosen, and the spread over folds is what is to be read.
A series, with all its origins, lies in one fold.
"""
import argparse
import csv
import json
import math
import statistics
from pathlib import Path

FOLDS = 5


def score(task, rows, level, bounds, naive):
    clip = (lambda x: min(max(x, bounds[0]), bounds[1])) if bounds else (lambda x: x)
    alpha, n, scale = 1 - level, len(task["actual"]), task["scale"]
    mae = smape = inside = winkler = ref = 0.0
    for y, r, s in zip(task["actual"], rows, naive):
        f, lo, up = (clip(float(r[k])) for k in ("forecast", "lower", "upper"))
        mae += abs(y - f)
        smape += 200 * abs(y - f) / (abs(y) + abs(f)) if y or f else 0.0
        inside += lo <= y <= up
        winkler += up - lo + 2 / alpha * (max(lo - y, 0) + max(y - up, 0))
        ref += abs(y - s)
    out = {"sMAPE": smape / n, "coverage": inside / n}
    if scale > 1e-9:  # a series that repeats itself exactly has no scale
        log = math.log((mae / n + 1e-3 * scale) / (ref / n + 1e-3 * scale))
        out |= {"MASE": mae / n / scale, "log relMASE": log, "MSIS": winkler / n / scale}
    return out


def load(folder, name):
    """{series: [scores of its tasks]}"""
    truth, out = json.loads((folder / "truth.json").read_text()), {}
    for task, t in truth["tasks"].items():
        lines = (folder / "in" / f"{task}.csv").read_text().split()
        day = [float(x.rsplit(",", 1)[1]) for x in lines[-truth["season"]:]]
        naive = [day[k % truth["season"]] for k in range(truth["horizon"])]
        with open(folder / "out" / name / f"{task}.csv", newline="") as f:
            rows = list(csv.DictReader(f))
        out.setdefault(t["series"], []).append(score(t, rows, truth["level"], truth["bounds"], naive))
    return out


def figures(scores):
    keys = ("sMAPE", "MASE", "log relMASE", "coverage", "MSIS")
    means = {k: statistics.fmean(s[k] for s in scores if k in s) for k in keys}
    means["relMASE"] = math.exp(means.pop("log relMASE"))
    return means


def show(label, f, spread=None):
    cells = (f"{k} {f[k]:.3f}" + (f" ({spread[k][0]:.3f}-{spread[k][1]:.3f})" if spread else "")
             for k in ("sMAPE", "MASE", "relMASE", "coverage", "MSIS"))
    print(f"{label:22s}", "  ".join(cells))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--tasks", nargs="+", type=Path, required=True)
    ap.add_argument("--names", nargs="+", required=True)
    a = ap.parse_args()
    data = {t: {n: load(t, n) for n in a.names} for t in a.tasks}
    fold = {}  # one fold per machine: azure24 and azure24q hold the same ones
    for runs in data.values():
        for i, series in enumerate(sorted(next(iter(runs.values())))):
            fold.setdefault(series, i % FOLDS)

    def pick(t, name, keep):
        return [s for series, many in data[t][name].items() if keep(fold[series]) for s in many]

    chosen = []
    for k in range(FOLDS):
        cost = {n: statistics.fmean(math.log(figures(pick(t, n, lambda f: f != k))["relMASE"]) for t in a.tasks) for n in a.names}
        chosen.append(min(cost, key=cost.get))
    print("chosen without the fold:", ", ".join(f"{k}: {n}" for k, n in enumerate(chosen)))
    for t in a.tasks:
        print(t.name)
        for name in a.names:
            show(f"  all: {name}", figures(pick(t, name, lambda f: True)))
        held = [figures(pick(t, chosen[k], lambda f, k=k: f == k)) for k in range(FOLDS)]
        pooled = figures([s for k in range(FOLDS) for s in pick(t, chosen[k], lambda f, k=k: f == k)])
        show("  cross-validated", pooled, {k: (min(h[k] for h in held), max(h[k] for h in held)) for k in pooled})


if __name__ == "__main__":
    main()
