"""The boards, in the order of the menu: one module each, with a function `make`."""

from . import (
    alerts,
    anomalies,
    application,
    capacity,
    control,
    exporter,
    flavors,
    home,
    host,
    network,
    projects,
    reclaim,
    storage,
    system,
)


def all_boards():
    """Every dashboard."""
    modules = (
        home, capacity, flavors, host, projects, reclaim, storage, network, control, anomalies, alerts, exporter, system,
        application,
    )  # fmt: skip
    return [module.make() for module in modules]
