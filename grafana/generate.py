#!/usr/bin/env python3
"""Writes the dashboards in grafana/dashboards; with --check says which of them are out of date and writes nothing.

Needs Python 3.9 or newer and nothing else. What a board shows is in generator/boards, one module per board; the rest of
generator/ is how Grafana wants it said.
"""

import json
import pathlib
import sys

# Nothing but dashboards is written.
sys.dont_write_bytecode = True

from generator import boards  # noqa: E402

FOLDER = pathlib.Path(__file__).resolve().parent / "dashboards"


def rendered():
    """The text of every dashboard by its file's name."""
    return {
        f"{board['uid'].removeprefix('stackcast-')}.json": json.dumps(board, indent=1, ensure_ascii=False) + "\n"
        for board in boards.all_boards()
    }


def main(arguments):
    """Writes or checks; returns the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: generate.py [--check]", file=sys.stderr)
        return 2
    wanted = rendered()
    stored = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}
    if arguments:
        stale = sorted(name for name in wanted.keys() | stored.keys() if wanted.get(name) != stored.get(name))
        if stale:
            print(f"out of date: {', '.join(stale)}; run `python3 grafana/generate.py`", file=sys.stderr)
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name in stored.keys() - wanted.keys():
        (FOLDER / name).unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    print(f"{len(wanted)} dashboards in {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
