//! YAML as clouds.yaml needs it: scalars keep the spelling of the file (a password `007` is not 7), every
//! node knows its line, and no message ever shows a value, because any value may be a secret.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;

use super::CloudsError;

/// A node of a file. No `Debug`: it may hold secrets.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) place: Place,
}

#[derive(Clone)]
pub(super) enum Value {
    Null,
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<(String, Node)>),
}

/// Where a node was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file, or `environment`.
    pub file: Arc<str>,
    /// Line, counted from 1; 0 where there are no lines.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

impl Node {
    /// An empty map.
    pub(super) fn empty(file: &str) -> Self {
        Self { value: Value::Map(Vec::new()), place: Place { file: Arc::from(file), line: 0 } }
    }

    /// The value of a key; none too when this is no map or the value is null.
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(entries) => {
                entries.iter().rev().find(|(name, _)| name == key).map(|(_, node)| node).filter(|node| !node.is_null())
            }
            _ => None,
        }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The kind of node, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Puts a scalar below a key of this map.
    pub(super) fn put(&mut self, key: &str, text: &str) {
        if let Value::Map(entries) = &mut self.value {
            let node = Node { value: Value::Scalar(text.to_owned()), place: self.place.clone() };
            entries.push((key.to_owned(), node));
        }
    }

    /// Lays `over` on this one: maps are merged key by key, anything else is replaced, null changes nothing.
    pub(super) fn merge(self, over: &Node) -> Node {
        let Value::Map(new) = &over.value else {
            return if over.is_null() { self } else { over.clone() };
        };
        let Value::Map(mut entries) = self.value else { return over.clone() };
        for (key, node) in new {
            match entries.iter_mut().find(|(name, _)| name == key) {
                Some((_, old)) => *old = old.clone().merge(node),
                None => entries.push((key.clone(), node.clone())),
            }
        }
        Node { value: Value::Map(entries), place: over.place.clone() }
    }
}

/// Reads a file; none when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<Node>, CloudsError> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text, &path.display().to_string()).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(CloudsError::Unreadable { file: path.display().to_string(), reason: error.kind().to_string() })
        }
    }
}

/// Parses text; an empty document is an empty map.
pub(super) fn parse(text: &str, file: &str) -> Result<Node, CloudsError> {
    // Snippets would print neighbouring lines, and with them passwords.
    let options = serde_saphyr::options! {
        with_snippet: false,
        duplicate_keys: DuplicateKeyPolicy::LastWins,
    };
    let file: Arc<str> = Arc::from(file);
    if text.trim().is_empty() {
        return Ok(Node::empty(&file));
    }
    match serde_saphyr::from_str_with_options::<Spanned<Raw>>(text, options) {
        Ok(raw) => {
            let node = settle(raw, text, &file);
            Ok(if node.is_null() { Node::empty(&file) } else { node })
        }
        Err(error) => Err(CloudsError::Syntax {
            place: Place { file, line: error.location().map_or(0, |location| location.line()) },
            reason: fault(&error),
        }),
    }
}

/// What is wrong, without the parser's own words where these might quote a value.
fn fault(error: &serde_saphyr::Error) -> String {
    match error.without_snippet() {
        serde_saphyr::Error::Eof { .. } => "the file ends too early".into(),
        serde_saphyr::Error::MultipleDocuments { .. } => "more than one YAML document".into(),
        serde_saphyr::Error::ExternalMessage { msg, .. } => format!("not YAML: {msg}"),
        _ => "not YAML as clouds.yaml wants it (check indentation, quotes, tabs)".into(),
    }
}

/// As the parser sees it: plain scalars that look like numbers or booleans lose their spelling here and get
/// it back from the source in [`settle`].
enum Raw {
    Null,
    Plain,
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(String, Spanned<Raw>)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Raw, D::Error> {
        Raw::deserialize(deserializer)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Raw, E> {
        Ok(Raw::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Raw::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Raw::Map(entries))
    }
}

fn settle(raw: Spanned<Raw>, source: &str, file: &Arc<str>) -> Node {
    let place = Place { file: Arc::clone(file), line: raw.referenced.line() };
    let value = match raw.value {
        Raw::Null => Value::Null,
        Raw::Text(text) => Value::Scalar(text),
        Raw::Plain => Value::Scalar(spelling(source, raw.defined.span()).unwrap_or_default().trim().to_owned()),
        Raw::List(items) => Value::List(items.into_iter().map(|item| settle(item, source, file)).collect()),
        Raw::Map(entries) => {
            Value::Map(entries.into_iter().map(|(key, node)| (key, settle(node, source, file))).collect())
        }
    };
    Node { value, place }
}

fn spelling(source: &str, span: serde_saphyr::Span) -> Option<&str> {
    let start = usize::try_from(span.byte_offset()?).ok()?;
    let end = start.checked_add(usize::try_from(span.byte_len()?).ok()?)?;
    source.get(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scalar(node: &Node, key: &str) -> String {
        match &node.get(key).unwrap().value {
            Value::Scalar(text) => text.clone(),
            _ => panic!("{key} is no scalar"),
        }
    }

    #[test]
    fn scalars_keep_their_spelling() {
        let node = parse(
            "a: 007\nb: 1e3\nc: 'x: y'\nd: yes\ne: ~\nf: 12345678901234567890123\ng: &anchor 0x1F\nh: *anchor\nx: 1_0 # note",
            "f",
        )
        .unwrap_or_else(|e| panic!("{e}"));
        let found: Vec<_> = ["a", "b", "c", "d", "f", "g", "h", "x"].iter().map(|key| scalar(&node, key)).collect();
        assert_eq!(found, ["007", "1e3", "x: y", "yes", "12345678901234567890123", "0x1F", "0x1F", "1_0"]);
        assert!(node.get("e").is_none());
    }

    #[test]
    fn lines_are_counted_and_values_are_not_shown() {
        let node = parse("clouds:\n  a:\n    auth:\n      username: [x]\n", "f").unwrap_or_else(|e| panic!("{e}"));
        let place = |n: &Node| n.place.to_string();
        let auth = node.get("clouds").and_then(|n| n.get("a")).and_then(|n| n.get("auth")).unwrap();
        assert_eq!(place(auth.get("username").unwrap()), "f:4");
        for text in
            ["a:\n  b: 'hunter2\n", "a:\n\t- hunter2: [", "a: {hunter2", "a: hunter2: hunter2", "- a\nb: hunter2"]
        {
            let error = parse(text, "dir/clouds.yaml").err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.starts_with("dir/clouds.yaml:"), "{text:?}: {error}");
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn merging_goes_deep_and_null_changes_nothing() {
        let parse = |text| parse(text, "f").unwrap_or_else(|e| panic!("{e}"));
        let merged = parse("a: {x: 1, y: 2}\nb: [1]\nc: 1").merge(&parse("a: {y: 3}\nb: 4\nc:\n"));
        assert_eq!(scalar(merged.get("a").unwrap(), "x"), "1");
        assert_eq!(scalar(merged.get("a").unwrap(), "y"), "3");
        assert_eq!((scalar(&merged, "b"), scalar(&merged, "c")), ("4".into(), "1".into()));
    }

    proptest! {
        #[test]
        fn any_text_parses_or_fails(text in "\\PC{0,60}|([a-c:\\-\\[\\]{}&*'\" \\n]{0,60})") {
            let _ = parse(&text, "f");
        }

        #[test]
        fn any_quoted_scalar_survives(text in "[ -~]{0,40}") {
            let quoted = format!("key: '{}'\n", text.replace('\'', "''"));
            let node = parse(&quoted, "f").map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(scalar(&node, "key"), text);
        }

        #[test]
        fn any_number_survives(text in "-?[0-9]{1,25}(\\.[0-9]{1,9})?(e[0-9])?") {
            let node = parse(&format!("key: {text}\n"), "f").map_err(|e| TestCaseError::fail(e.to_string()))?;
            prop_assert_eq!(scalar(&node, "key"), text);
        }
    }
}
