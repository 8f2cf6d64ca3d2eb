//! Every configuration key with its documentation, type, default and environment name, read off the JSON schema
//! of [`Settings`]. The reference, the environment and the suggestions all read this; nothing lists keys by hand.

use serde_json::Value;

use super::Settings;

/// Stands for any name in a path, e.g. `collect.services.<name>.enabled`.
pub(crate) const ANY: &str = "<name>";

/// A table of the configuration.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    /// Names from the root; empty for the root itself.
    pub path: Vec<String>,
    /// What it is for.
    pub doc: String,
    /// Its own keys.
    pub keys: Vec<Key>,
    /// Tables below it.
    pub sections: Vec<Section>,
}

/// One key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// Names from the root.
    pub path: Vec<String>,
    /// What it is for.
    pub doc: String,
    /// What it holds.
    pub shape: Shape,
    /// Default; null when unset by default.
    pub default: Value,
    /// A value to show for a key that is unset by default.
    pub example: Option<Value>,
}

/// What a key holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// True or false.
    Boolean,
    /// A whole number from 0 up.
    Whole,
    /// A number.
    Number,
    /// Text.
    Text,
    /// One of these words.
    Choice(Vec<String>),
    /// A list of texts.
    List,
}

impl Key {
    /// Dotted path.
    pub(crate) fn name(&self) -> String {
        self.path.join(".")
    }

    /// Name of the environment variable.
    pub(crate) fn environment(&self) -> String {
        format!("STACKCAST_{}", self.path.join("__").to_uppercase())
    }
}

impl Section {
    /// The key at a path; [`ANY`] in the schema matches every name.
    pub(crate) fn find(&self, path: &[&str]) -> Option<&Key> {
        let same = |known: &[String]| {
            known.len() == path.len() && known.iter().zip(path).all(|(known, asked)| known == ANY || known == asked)
        };
        self.keys
            .iter()
            .find(|key| same(&key.path))
            .or_else(|| self.sections.iter().find_map(|section| section.find(path)))
    }

    /// Every name that a key or a table below has.
    pub(crate) fn names(&self) -> Vec<&str> {
        let own = self.path.last().map(String::as_str).into_iter();
        let keys = self.keys.iter().filter_map(|key| key.path.last()).map(String::as_str);
        own.chain(keys).chain(self.sections.iter().flat_map(Self::names)).collect()
    }

    /// Every key below, depth first.
    pub(crate) fn all(&self) -> Vec<&Key> {
        self.keys.iter().chain(self.sections.iter().flat_map(Self::all)).collect()
    }
}

/// The JSON schema of the settings.
pub(crate) fn schema() -> Value {
    schemars::schema_for!(Settings).to_value()
}

/// The keys of the settings.
pub(crate) fn root() -> Section {
    let schema = schema();
    let defaults = serde_json::to_value(Settings::default()).unwrap_or(Value::Null);
    let walk = Walk { definitions: schema.get("$defs").cloned().unwrap_or(Value::Null) };
    walk.section(&schema, Vec::new(), String::new(), &defaults)
}

struct Walk {
    definitions: Value,
}

impl Walk {
    fn section(&self, node: &Value, path: Vec<String>, doc: String, defaults: &Value) -> Section {
        let mut section = Section { path, doc, keys: Vec::new(), sections: Vec::new() };
        let named = node.get("properties").and_then(Value::as_object).into_iter().flatten();
        for (name, property) in named {
            self.property(&mut section, name, property, defaults.get(name));
        }
        if let Some(any) = node.get("additionalProperties").filter(|any| any.is_object()) {
            self.property(&mut section, ANY, any, None);
        }
        section
    }

    fn property(&self, section: &mut Section, name: &str, property: &Value, default: Option<&Value>) {
        let target = self.resolve(property);
        let doc = [property, target].into_iter().find_map(|node| node.get("description")).and_then(Value::as_str);
        // Of a map with single values the keys say no more than the map.
        let doc = doc.unwrap_or(if name == ANY { &section.doc } else { "" }).to_owned();
        let mut path = section.path.clone();
        path.push(name.to_owned());
        if type_of(target) == Some("object") {
            section.sections.push(self.section(target, path, doc, default.unwrap_or(&Value::Null)));
            return;
        }
        let example = property.get("examples").and_then(Value::as_array).and_then(|all| all.first()).cloned();
        let default = default.or_else(|| property.get("default")).cloned().unwrap_or(Value::Null);
        section.keys.push(Key { path, doc, shape: shape(target), default, example });
    }

    /// Follows references, and picks the other branch of "or null".
    fn resolve<'a>(&'a self, node: &'a Value) -> &'a Value {
        if let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            let name = reference.rsplit('/').next().unwrap_or_default();
            return self.definitions.get(name).map_or(node, |target| self.resolve(target));
        }
        for key in ["anyOf", "allOf"] {
            let branches = node.get(key).and_then(Value::as_array).into_iter().flatten();
            if let Some(branch) = branches.into_iter().find(|branch| type_of(branch) != Some("null")) {
                return self.resolve(branch);
            }
        }
        node
    }
}

/// The type of a schema node, "null" only when it is nothing else.
fn type_of(node: &Value) -> Option<&str> {
    match node.get("type")? {
        Value::String(name) => Some(name),
        Value::Array(names) => names.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        _ => None,
    }
}

fn shape(node: &Value) -> Shape {
    let words =
        |list: &Value| list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
    if let Some(branches) = node.get("oneOf").and_then(Value::as_array) {
        let constant = |branch: &Value| branch.get("const").and_then(Value::as_str).map(str::to_owned);
        return Shape::Choice(branches.iter().filter_map(constant).collect());
    }
    if let Some(list) = node.get("enum") {
        return Shape::Choice(words(list));
    }
    match type_of(node) {
        Some("boolean") => Shape::Boolean,
        Some("integer") => Shape::Whole,
        Some("number") => Shape::Number,
        Some("array") => Shape::List,
        _ => Shape::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_every_kind_are_found_with_type_and_default() {
        let root = root();
        let key = |path: &[&str]| root.find(path).unwrap_or_else(|| panic!("{path:?}"));
        assert_eq!(
            key(&["log", "level"]).shape,
            Shape::Choice(["error", "warn", "info", "debug", "trace"].map(str::to_owned).to_vec())
        );
        assert_eq!(key(&["analysis", "grid_minutes"]).default, 5);
        assert_eq!(key(&["clouds", "file"]).shape, Shape::Text);
        assert_eq!(key(&["clouds", "file"]).default, Value::Null);
        assert_eq!(key(&["expose", "listen_addresses"]).shape, Shape::List);
        assert_eq!(key(&["openstack", "requests_per_second"]).shape, Shape::Number);
        assert_eq!(key(&["collect", "services", "compute", "enabled"]).shape, Shape::Boolean);
        assert_eq!(
            key(&["collect", "interval", "fast_seconds"]).environment(),
            "STACKCAST_COLLECT__INTERVAL__FAST_SECONDS"
        );
        assert!(root.find(&["nothing"]).is_none());
    }

    #[test]
    fn every_key_is_documented_and_has_an_environment_name_with_a_section() {
        for key in root().all() {
            assert!(!key.doc.is_empty(), "{} has no doc comment", key.name());
            // Kubernetes sets STACKCAST_PORT and the like, so keys have a section; `compat` resembles none of those.
            assert!(key.environment().contains("__") || key.name() == "compat", "{} is at the root", key.name());
            assert_eq!(key.name(), key.name().to_lowercase(), "environment names are lower-cased");
        }
    }
}
