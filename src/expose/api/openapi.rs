//! `/api/openapi.json`: the API described by itself, made from the table of routes.

use std::sync::LazyLock;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::asked::{Kind, Parameter};
use super::problem::Problem;
use super::{ROUTES, Route, Work};

pub(super) static ROUTE: Route = Route {
    path: "/api/openapi.json",
    summary: "This description (OpenAPI 3.1).",
    parameters: &[],
    schema: |_| schemars::json_schema!({"type": "object"}),
    work: Work::Memory(|_, _| Ok(DOCUMENT.clone())),
};

static DOCUMENT: LazyLock<Vec<u8>> = LazyLock::new(|| document().to_string().into_bytes());

fn document() -> Value {
    let paths: Map<String, Value> = ROUTES.iter().map(|route| (route.path.to_owned(), path(route))).collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "stackcast",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What is known, forecast and left of OpenStack clouds. Reads only; every answer says when it \
                            was made, how old its facts are, and whether it may be acted upon.",
        },
        "paths": paths,
        "components": {"schemas": {"Problem": schema(Problem::json_schema)}},
    })
}

/// A schema that stands for itself: clients need not follow references.
fn schema(of: impl FnOnce(&mut schemars::SchemaGenerator) -> schemars::Schema) -> schemars::Schema {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    of(&mut settings.for_serialize().into_generator())
}

fn path(route: &Route) -> Value {
    let problem = |description: &str| {
        let reference = json!({"$ref": "#/components/schemas/Problem"});
        json!({"description": description, "content": {"application/problem+json": {"schema": reference}}})
    };
    let form = match route.work {
        Work::Download(_) => "text/csv",
        Work::Stream(_) => "text/event-stream",
        _ => "application/json",
    };
    let mut responses = json!({
        "200": {"description": "The answer.", "content": {form: {"schema": schema(route.schema)}}},
        "400": problem("A parameter is unknown, missing or out of its limits."),
        "405": problem("Another method than GET and HEAD."),
        "default": problem("Anything else."),
    });
    if let Value::Object(responses) = &mut responses {
        if !route.parameters.is_empty() {
            responses.insert("404".to_owned(), problem("No series has such a name."));
        }
        if matches!(route.work, Work::History(_)) {
            responses.insert("503".to_owned(), problem("The history cannot answer now."));
        }
    }
    let parameters: Vec<Value> = route.parameters.iter().map(parameter).collect();
    if let Work::Post { body, .. } = route.work {
        let content = json!({"application/json": {"schema": body()}});
        let body = json!({"required": true, "content": content});
        return json!({"post": {"summary": route.summary, "requestBody": body, "responses": responses}});
    }
    json!({"get": {"summary": route.summary, "parameters": parameters, "responses": responses}})
}

/// What [`Kind::Duration`] takes: up to ten years, whatever the unit.
const DURATION: &str = "^([0-9]{1,8}s?|[0-9]{1,6}m|[0-9]{1,4}h|([0-2]?[0-9]{1,3}|3[0-5][0-9]{2})d|[0-4]?[0-9]{1,2}w)$";

fn parameter(parameter: &Parameter) -> Value {
    let mut schema = match parameter.kind {
        Kind::Text => json!({"type": "string", "minLength": 1}),
        Kind::Choice(choices) => json!({"type": "string", "enum": choices()}),
        Kind::Count { least, most } => json!({"type": "integer", "minimum": least, "maximum": most}),
        Kind::Moment => json!({"type": "string", "anyOf": [{"format": "date-time"}, {"pattern": "^[0-9]{1,12}$"}]}),
        Kind::Day => json!({"type": "string", "format": "date"}),
        Kind::Duration => json!({"type": "string", "pattern": DURATION}),
    };
    if let (Some(default), Value::Object(schema)) = (parameter.default, &mut schema) {
        let number = default.parse::<u64>().ok().filter(|_| matches!(parameter.kind, Kind::Count { .. }));
        schema.insert("default".to_owned(), number.map_or_else(|| default.into(), Value::from));
    }
    json!({
        "name": parameter.name,
        "in": if parameter.in_path { "path" } else { "query" },
        "description": parameter.about,
        "required": parameter.required || parameter.in_path,
        "schema": schema,
    })
}
