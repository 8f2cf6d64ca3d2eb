"""Panels in the form of Grafana's dashboard JSON: stat, bargauge, timeseries, text. Tables have a module of their own.

Numbers are evaluated at the present, also on boards whose range ends in the future (`timeFrom`): an instant query at
the end of such a range finds nothing.
"""

from . import query, tiers

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
PRESENT = {"timeFrom": "1h", "hideTimeOverride": True}


def target(expression, legend="", **more):
    """A query over the range of the board."""
    return {"expr": query.expand(expression), "legendFormat": legend, "range": True, **more}


def now(expression, legend="", **more):
    """A query of one moment."""
    return {"expr": query.expand(expression), "legendFormat": legend, "instant": True, **more}


def panel(kind, title, description, targets, defaults, options, overrides=()):
    """What all panels have; `board` adds id and place."""
    numbered = [
        {"refId": chr(ord("A") + number), "datasource": DATASOURCE, "editorMode": "code", **one}
        for number, one in enumerate(targets)
    ]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": numbered,
        "fieldConfig": {"defaults": defaults, "overrides": list(overrides)},
        "options": options,
    }


def defaults(unit, steps, **more):
    """Defaults of a field; colours come from thresholds."""
    thresholds = {"mode": "absolute", "steps": steps}
    return {"unit": unit, "thresholds": thresholds, "color": {"mode": "thresholds"}, "mappings": [], **more}


def stat(title, description, targets, unit, steps=tiers.PLAIN, **more):
    """One number, or one per series, coloured."""
    many = more.pop("many", False)
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "auto",
        "textMode": "value_and_name" if many else "value",
        "colorMode": "background" if steps is not tiers.PLAIN else "value",
        "graphMode": "none",
        "justifyMode": "center",
        "wideLayout": True,
    }
    made = panel("stat", title, description, targets, defaults(unit, steps, **more), options)
    return {**made, **PRESENT}


def bargauge(title, description, targets, unit, steps=tiers.PLAIN, **more):
    """Bars, one per series; `ranged` ones are about the whole range of the board."""
    ranged = more.pop("ranged", False)
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "orientation": "horizontal",
        "displayMode": "basic",
        "valueMode": "color",
        "showUnfilled": True,
        "namePlacement": "left",
        "minVizWidth": 8,
        "minVizHeight": 16,
        "sizing": "auto",
    }
    made = panel("bargauge", title, description, targets, defaults(unit, steps, **{"min": 0, **more}), options)
    return made if ranged else {**made, **PRESENT}


def timeseries(title, description, targets, unit, overrides=(), **more):
    """Lines; `stack`, `bars`, `points` and `steps` (dashed lines at thresholds) change what is drawn."""
    stack, steps = more.pop("stack", False), more.pop("steps", None)
    legend = more.pop("legend", "list")
    custom = {
        "drawStyle": "bars" if more.pop("bars", False) else "line",
        "lineInterpolation": "linear",
        "lineWidth": 2 if not stack else 1,
        "fillOpacity": 35 if stack else 8,
        "gradientMode": "none",
        "showPoints": "never",
        "spanNulls": 7200000,
        "axisBorderShow": False,
        "stacking": {"mode": "normal" if stack else "none", "group": "A"},
        "thresholdsStyle": {"mode": "dashed" if steps else "off"},
    }
    field = defaults(unit, steps or tiers.PLAIN, **more)
    field.update(color={"mode": "palette-classic"}, custom=custom)
    options = {
        "legend": {
            "showLegend": legend != "none",
            "displayMode": "table" if legend == "table" else "list",
            "placement": "right" if legend == "table" else "bottom",
            "calcs": ["lastNotNull", "max"] if legend == "table" else [],
        },
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, description, targets, field, options, overrides)


def text(title, description, content):
    """Words, as Markdown."""
    return {
        "type": "text",
        "title": title,
        "description": description,
        "options": {"mode": "markdown", "content": content},
    }


def by_ref(ref, **properties):
    """An override of everything that a query gives; `custom_x` is `custom.x`."""
    named = [{"id": key.replace("custom_", "custom."), "value": value} for key, value in properties.items()]
    return {"matcher": {"id": "byFrameRefID", "options": ref}, "properties": named}


def fixed(color):
    """A colour that no palette changes."""
    return {"mode": "fixed", "fixedColor": color}


DASHED = {"fill": "dash", "dash": [8, 6]}
# The lower end of a band: it is drawn with the upper one, and needs no entry in the legend.
UNLISTED = {"legend": True, "tooltip": False, "viz": False}


def forecast(title, description, actual, said, limit=None, before=None, unit="percentunit", **more):
    """History, forecast and its band on one time axis. `said` gives the expression of a bound: "", "_upper", "_lower";
    `before` is a line of earlier forecasts.

    All must be one line each, so that the band lies between the right two.
    """
    targets = [
        target(actual, "measured"),
        target(said(""), "forecast"),
        target(said("_upper"), "interval"),
        target(said("_lower"), "interval, lower end"),
    ]
    overrides = [
        by_ref("A", color=fixed("blue"), custom_fillOpacity=10),
        by_ref("B", color=fixed("orange"), custom_lineStyle=DASHED, custom_fillOpacity=0),
        by_ref("C", color=fixed("orange"), custom_lineWidth=0, custom_fillBelowTo="interval, lower end", custom_fillOpacity=22),
        by_ref("D", color=fixed("orange"), custom_lineWidth=0, custom_fillOpacity=0, custom_hideFrom=UNLISTED),
    ]
    last = lambda: chr(ord("A") + len(targets) - 1)
    if limit:
        targets.append(target(f"max({query.lasting(limit)})", "limit"))
        overrides.append(by_ref(last(), color=fixed("red"), custom_lineStyle=DASHED, custom_fillOpacity=0, custom_lineWidth=1))
    if before:
        targets.append(target(before, "said the day before"))
        overrides.append(by_ref(last(), color=fixed("#8e8e99"), custom_lineWidth=1, custom_fillOpacity=0))
    return timeseries(title, description, targets, unit, overrides, **more)


def utilization(title, description, matchers, horizons, resource, limit=True):
    """`forecast` of a utilisation by allocation, a day ahead or further; several entities show the highest of them."""
    matchers = f'{matchers}, resource="{resource}", basis="allocation"'
    family, present = "stackcast_forecast_utilization{}_ratio", "stackcast_capacity_utilization_ratio"
    day_before = lambda bound: f"max({query.ahead(family.format(bound), matchers, ['24h'])})"
    far = len(horizons) > 1
    return forecast(
        title,
        description,
        f"max({present}{{{matchers}}})",
        (lambda bound: query.path(family.format(bound), present, matchers, horizons)) if far else day_before,
        f'stackcast_threshold_ratio{{tier="critical", resource="{resource}", kind="predicted"}}' if limit else None,
        day_before("") if far else None,
        min=0,
    )
