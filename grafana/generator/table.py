"""Tables: one row per set of labels, one column per label or query, coloured and linked."""

from . import panel, tiers


def column(field, name, unit=None, steps=None, **more):
    """A column: `field` is a label or the letter of a query. `link` is a URL, `width` pixels, `mappings` words."""
    return {"field": field, "name": name, "unit": unit, "steps": steps, **more}


def _override(column):
    properties = []
    if column["unit"]:
        properties.append({"id": "unit", "value": column["unit"]})
    if column["steps"]:
        properties.append({"id": "thresholds", "value": {"mode": "absolute", "steps": column["steps"]}})
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    for key, id_ in (("width", "custom.width"), ("mappings", "mappings"), ("decimals", "decimals"), ("no", "noValue")):
        if key in column:
            properties.append({"id": id_, "value": column[key]})
    if "mappings" in column and not column["steps"]:
        properties.append({"id": "custom.cellOptions", "value": {"type": "color-text"}})
    if "link" in column:
        properties.append({"id": "links", "value": [{"title": f"open {column['name']}", "url": column["link"]}]})
    return {"matcher": {"id": "byName", "options": column["name"]}, "properties": properties}


def table(title, description, targets, columns, sort=None, descending=True):
    """A table of instant queries, merged by their labels; only the named columns are shown, in that order."""
    letters = [chr(ord("A") + number) for number in range(len(targets))]
    # Grafana's own names of value columns.
    values = {letter: f"Value #{letter}" if len(targets) > 1 else "Value" for letter in letters}
    names = {values.get(column["field"], column["field"]): column["name"] for column in columns}
    # `filterFieldsByName` rather than a list of what to leave out: labels may be added to a family.
    transformations = [
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"names": list(names)}}},
        {
            "id": "organize",
            "options": {
                "excludeByName": {},
                "indexByName": {field: number for number, field in enumerate(names)},
                "renameByName": names,
            },
        },
    ]
    options = {"showHeader": True, "cellHeight": "sm", "footer": {"show": False, "reducer": ["sum"], "countRows": False, "fields": ""}}
    if sort:
        options["sortBy"] = [{"displayName": sort, "desc": descending}]
    defaults = panel.defaults("none", tiers.PLAIN, custom={"align": "auto", "cellOptions": {"type": "auto"}, "filterable": True})
    made = panel.panel(
        "table",
        title,
        description,
        [{**one, "format": "table"} for one in targets],
        defaults,
        options,
        [_override(column) for column in columns],
    )
    return {**made, **panel.PRESENT, "transformations": transformations}
