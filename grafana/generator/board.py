"""Whole dashboards: variables, links, annotations, the grid."""

from . import query
from .panel import DATASOURCE

TAG = "stackcast"
SCHEMA = 39
WIDTH = 24

# What `link` passes on: the chosen data source, clouds, regions, aggregates and time.
PASSED = "${__url_time_range}&${datasource:queryparam}&${cloud:queryparam}&${region:queryparam}&${aggregate:queryparam}"


def link(uid, **variables):
    """The URL of another board with time and variables kept, and `variables` set."""
    return "&".join([f"/d/{uid}?{PASSED}", *(f"var-{name}={value}" for name, value in variables.items())])


def variable(name, label, definition, *, many=True, hidden=False, current=None, regex=""):
    """A variable whose values are those of a label: `label_values(…)`; `regex` takes them out of `query_result(…)`."""
    everything = {"selected": True, "text": ["All"], "value": ["$__all"]}
    one = {"selected": False, "text": current or "", "value": current or ""}
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query.expand(definition),
        "query": {"query": query.expand(definition), "refId": "PrometheusVariableQueryEditor-VariableQuery"},
        "refresh": 2,
        "sort": 1,
        "regex": regex,
        "hide": 2 if hidden else 0,
        "multi": many,
        "includeAll": many,
        # Also what has no such label: a single cloud's families may lack `cloud` and `region`.
        "allValue": ".*" if many else None,
        "current": everything if many else one,
        "options": [],
    }


def choice(name, label, values, current):
    """A variable with a fixed list of (text, value)."""
    options = [{"text": text, "value": value, "selected": value == current} for text, value in values]
    return {
        "name": name,
        "label": label,
        "type": "custom",
        "query": ",".join(f"{text} : {value}" for text, value in values),
        "current": next(option for option in options if option["selected"]),
        "options": options,
        "multi": False,
        "includeAll": False,
        "hide": 0,
    }


def _standard(aggregate):
    datasource = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "regex": "",
        "hide": 0,
        "multi": False,
        "includeAll": False,
        "current": {"selected": False, "text": "default", "value": "default"},
        "options": [],
        "refresh": 1,
    }
    # Only from families that carry the labels in any configuration.
    return [
        datasource,
        variable("cloud", "Cloud", "label_values(stackcast_collector_success, cloud)"),
        variable("region", "Region", 'label_values(stackcast_collector_success{cloud=~"$cloud"}, region)'),
        # Hidden where it filters nothing, so that it is still passed on.
        variable(
            "aggregate",
            "Aggregate",
            "label_values(stackcast_hypervisor_aggregate_info{CLOUD}, aggregate)",
            hidden=not aggregate,
        ),
    ]


def _annotation(name, color, expression, title, text, tags, enable=True):
    return {
        "name": name,
        "datasource": DATASOURCE,
        "enable": enable,
        "hide": False,
        "iconColor": color,
        "expr": query.expand(expression),
        "step": "300s",
        "titleFormat": title,
        "textFormat": text,
        "tagKeys": tags,
        "useValueForTime": "",
    }


def _annotations():
    built_in = {
        "builtIn": 1,
        "datasource": {"type": "grafana", "uid": "-- Grafana --"},
        "enable": True,
        "hide": True,
        "iconColor": "rgba(0, 211, 255, 1)",
        "name": "Annotations & Alerts",
        "type": "dashboard",
    }
    anomalies = query.anomalous('stackcast_anomaly_score{CLOUD, scope=~"cloud|az|aggregate"}')
    restarts = "changes(process_start_time_seconds[10m]) > 0 and on (instance, job) stackcast_build_info"
    return [
        built_in,
        _annotation("Anomalies", "purple", anomalies, "{{signal}} of {{scope}} {{entity}}", "anomaly score above the limit", "scope,signal"),
        _annotation("Restarts", "blue", restarts, "stackcast restarted", "{{instance}}", "instance", enable=False),
    ]


def row(title, *panels, collapsed=False):
    """A row of (panel, width, height); they flow from left to right."""
    return {"title": title, "panels": panels, "collapsed": collapsed}


def _placed(rows):
    made, number, top = [], 0, 0
    for row_ in rows:
        number += 1
        head = {"id": number, "type": "row", "title": row_["title"], "collapsed": row_["collapsed"], "panels": []}
        head["gridPos"] = {"x": 0, "y": top, "w": WIDTH, "h": 1}
        made.append(head)
        left, top, tallest = 0, top + 1, 0
        for panel, width, height in row_["panels"]:
            if left + width > WIDTH:
                left, top, tallest = 0, top + tallest, 0
            number += 1
            placed = {"id": number, **panel, "gridPos": {"x": left, "y": top, "w": width, "h": height}}
            (head["panels"] if row_["collapsed"] else made).append(placed)
            left, tallest = left + width, max(tallest, height)
        top += tallest
    return made


def board(name, title, description, rows, *, time=("now-24h", "now"), refresh="1m", variables=(), aggregate=False):
    """A dashboard; `name` makes its uid, which never changes."""
    links = [
        {
            "title": "stackcast",
            "type": "dashboards",
            "tags": [TAG],
            "asDropdown": True,
            "includeVars": True,
            "keepTime": True,
            "targetBlank": False,
            "icon": "external link",
            "tooltip": "All boards of stackcast, with the same time and variables",
            "url": "",
        }
    ]
    return {
        "uid": f"stackcast-{name}",
        "title": f"stackcast / {title}",
        "description": description,
        "tags": [TAG],
        "schemaVersion": SCHEMA,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "timezone": "browser",
        "weekStart": "",
        "fiscalYearStartMonth": 0,
        "liveNow": False,
        "refresh": refresh,
        "time": {"from": time[0], "to": time[1]},
        "timepicker": {},
        "links": links,
        "annotations": {"list": _annotations()},
        "templating": {"list": [*_standard(aggregate), *variables]},
        "panels": _placed(rows),
    }
