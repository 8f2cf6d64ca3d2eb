#!/usr/bin/env python3
"""Fails unless each container named stackcast of the given manifests is as locked down as the examples say."""

import pathlib
import sys

import yaml

CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
# Of the container or of its pod.
EITHER = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}


def faults(pod):
    """What a pod's stackcast lacks; None when it has no such container."""
    found = [container for container in pod["containers"] if container["name"] == "stackcast"]
    if not found:
        return None
    container = found[0]
    own = container.get("securityContext", {})
    both = pod.get("securityContext", {}) | own
    wrong = [f"{key}: {own.get(key)}" for key, value in CONTAINER.items() if own.get(key) != value]
    wrong += [f"{key}: {both.get(key)}" for key, value in EITHER.items() if both.get(key) != value]
    wrong += [] if "memory" in container.get("resources", {}).get("limits", {}) else ["no limit of memory"]
    wrong += [] if "livenessProbe" in container else ["no livenessProbe"]
    wrong += [] if pod.get("enableServiceLinks") is False else ["enableServiceLinks"]
    return wrong


def main():
    """Every file has one at least."""
    status = 0
    for path in sys.argv[1:]:
        documents = yaml.safe_load_all(pathlib.Path(path).read_text())
        pods = [found["spec"]["template"]["spec"] for found in documents if found["kind"] == "Deployment"]
        told = [wrong for wrong in map(faults, pods) if wrong is not None]
        if not told or any(told):
            print(f"{path}: {told or 'no container stackcast'}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
