#!/usr/bin/env python3
"""Writes examples/kubernetes/prometheus-operator/prometheusrule.yaml from prometheus/rules; with --check, says whether it has.

The rules are moved as text, so that their comments come along. Left out is aliases.yml: names for other tools, which cost
most of the evaluation. Everything else is one PrometheusRule.
"""

import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "examples/kubernetes/prometheus-operator/prometheusrule.yaml"
LEFT_OUT = {"aliases.yml"}

HEAD = """\
# Generated from prometheus/rules by tools/deploy/prometheusrule.py: change them there.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: stackcast
spec:
  groups:
"""


def groups(text):
    """The lines below `groups:`, two columns to the right."""
    _, found, below = text.partition("\ngroups:\n")
    if not found:
        raise ValueError("no `groups:` of its own line")
    return "".join(f"  {line}\n" if line.strip() else "\n" for line in below.rstrip("\n").split("\n"))


def rendered():
    """The whole file. What others read comes first."""
    files = sorted(ROOT.glob("prometheus/rules/*.yml"), key=lambda path: (path.name != "recording.yml", path.name))
    return HEAD + "\n".join(groups(path.read_text()) for path in files if path.name not in LEFT_OUT)


def main():
    """Writes, or compares."""
    text = rendered()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
        return 0
    if TARGET.exists() and TARGET.read_text() == text:
        return 0
    print(f"{TARGET.relative_to(ROOT)} is not what prometheus/rules say: run {pathlib.Path(__file__).relative_to(ROOT)}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
