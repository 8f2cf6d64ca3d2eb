//! One layer of settings for the `config` crate, which merges them.
//!
//! All formats arrive here as JSON values, parsed once by us: the crate's own parsers name no line, and its
//! environment source guesses types, which damages values such as `007`.

use config::{ConfigError, Map, Source, Value, ValueKind};
use serde_json::Value as Json;

/// Settings from one place.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    /// The place, for messages.
    pub(super) origin: String,
    /// A tree of settings.
    pub(super) tree: Json,
}

impl Layer {
    /// A layer from single keys; later ones win.
    pub(super) fn from_keys(origin: &str, keys: impl IntoIterator<Item = (Vec<String>, Json)>) -> Self {
        let mut tree = Json::Object(serde_json::Map::new());
        for (path, value) in keys {
            insert(&mut tree, &path, value);
        }
        Self { origin: origin.to_owned(), tree }
    }
}

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        convert(&self.origin, &self.tree).into_table()
    }
}

fn insert(tree: &mut Json, path: &[String], value: Json) {
    match path.split_first() {
        None => *tree = value,
        Some((first, rest)) => {
            if !tree.is_object() {
                *tree = Json::Object(serde_json::Map::new());
            }
            if let Some(object) = tree.as_object_mut() {
                insert(object.entry(first.clone()).or_insert(Json::Null), rest, value);
            }
        }
    }
}

fn convert(origin: &String, value: &Json) -> Value {
    let kind = match value {
        Json::Null => ValueKind::Nil,
        Json::Bool(value) => ValueKind::Boolean(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => ValueKind::I64(whole),
            (None, Some(whole)) => ValueKind::U64(whole),
            (None, None) => ValueKind::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => ValueKind::String(text.clone()),
        Json::Array(items) => ValueKind::Array(items.iter().map(|item| convert(origin, item)).collect()),
        Json::Object(object) => {
            ValueKind::Table(object.iter().map(|(key, value)| (key.clone(), convert(origin, value))).collect())
        }
    };
    Value::new(Some(origin), kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_grow_into_a_tree_and_the_last_one_wins() {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let keys = [(path("a.b"), Json::from(1)), (path("a.c"), Json::from("x")), (path("a.b"), Json::from(2))];
        assert_eq!(Layer::from_keys("test", keys).tree, serde_json::json!({"a": {"b": 2, "c": "x"}}));
    }
}
