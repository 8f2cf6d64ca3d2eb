#!/usr/bin/env python3
"""Draws a series and its anomaly scores as an SVG (Python 3.11+, no packages).

  stackcast anomaly --in nyc_taxi.csv --out scores.csv
  tools/anomaly_svg.py --series nyc_taxi.csv --scores scores.csv --out docs/anomalies.svg

Above, the values, a band of lowest to highest to each column; below, the highest score of each column, red above 1.
"""
import argparse
import csv
from pathlib import Path

WIDTH, HEIGHT, LEFT, RIGHT = 860, 300, 52, 848
VALUES, SCORES = (14, 190), (206, 270)
COLUMNS = 398


def column(path, name):
    with path.open(newline="") as rows:
        return [(row["timestamp"], float(row[name])) for row in csv.DictReader(rows)]


def place(number, low, high, lane):
    return lane[1] - (number - low) / (high - low or 1) * (lane[1] - lane[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("series", "scores", "out"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    args = parser.parse_args()
    series, scores = column(args.series, "value"), column(args.scores, "score")
    assert len(series) == len(scores), "one score for each value"
    low, high = min(v for _, v in series), max(v for _, v in series)
    most = max(1.5, max(s for _, s in scores))
    size = len(series) / COLUMNS
    cut = [(int(c * size), max(int((c + 1) * size), int(c * size) + 1)) for c in range(COLUMNS)]
    at = lambda c: LEFT + c * (RIGHT - LEFT) / COLUMNS
    tops = [f"{at(c):.1f},{place(max(v for _, v in series[a:b]), low, high, VALUES):.1f}" for c, (a, b) in enumerate(cut)]
    feet = [f"{at(c):.1f},{place(min(v for _, v in series[a:b]), low, high, VALUES):.1f}" for c, (a, b) in enumerate(cut)]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
           f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
           f'<polygon points="{" ".join(tops + feet[::-1])}" fill="#9dbbd8" stroke="#35618f" stroke-width="0.5"/>']
    one = place(1, 0, most, SCORES)
    out.append(f'<line x1="{LEFT}" x2="{RIGHT}" y1="{one:.1f}" y2="{one:.1f}" stroke="#c0392b" stroke-dasharray="4 3"/>')
    for c, (a, b) in enumerate(cut):
        score = max(s for _, s in scores[a:b])
        color = "#c0392b" if score > 1 else "#999"
        out.append(f'<line x1="{at(c):.1f}" x2="{at(c):.1f}" y1="{SCORES[1]}" y2="{place(score, 0, most, SCORES):.1f}" stroke="{color}" stroke-width="1.6"/>')
        if score > 1:
            when = next(t for t, s in scores[a:b] if s == score)
            out.append(f'<text x="{at(c):.1f}" y="{SCORES[0] - 4}" text-anchor="middle" font-size="9" fill="#c0392b">{when[5:10]}</text>')
    for text, y in ((f"{high:g}", VALUES[0] + 4), (f"{low:g}", VALUES[1]), (f"{most:.1f}", SCORES[0] + 4), ("1", one + 4), ("0", SCORES[1])):
        out.append(f'<text x="{LEFT - 6}" y="{y:.1f}" text-anchor="end" fill="#555">{text}</text>')
    for share in range(5):
        row = min(int(share / 4 * len(series)), len(series) - 1)
        anchor = "end" if share == 4 else "middle" if share else "start"
        out.append(f'<text x="{LEFT + share / 4 * (RIGHT - LEFT):.1f}" y="290" text-anchor="{anchor}" fill="#555">{series[row][0][:10]}</text>')
    args.out.write_text("\n".join(out + ["</svg>"]) + "\n")


if __name__ == "__main__":
    main()
