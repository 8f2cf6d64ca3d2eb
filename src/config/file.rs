//! One configuration file, checked on its own so that a fault names file, line and column.
//!
//! TOML and YAML are parsed here, once; the `config` crate gets the finished tree.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Settings;
use super::error::Fault;
use super::keys;
use super::suggest::nearest;

/// Bytes of a configuration file; a larger one is something else.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// A file that parsed.
#[derive(Clone, Debug)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) tree: Value,
    /// Line of each key, by dotted path; empty for YAML.
    lines: Vec<(String, usize)>,
}

impl File {
    /// Reads and checks a file; its ending tells the format.
    pub(super) fn read(path: &Path) -> Result<Self, Fault> {
        let place = path.display().to_string();
        let unreadable = |error: std::io::Error| Fault::new(&place, format!("cannot read the configuration: {error}"));
        let bytes = std::fs::metadata(path).map_err(unreadable)?.len();
        if bytes > FILE_BYTES_MAX {
            return Err(Fault::new(&place, format!("{bytes} bytes are too large for a configuration")));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("toml") => Self::toml(path, &text),
            Some("yaml" | "yml") => Self::yaml(path, &text),
            _ => Err(Fault::new(&place, "unknown format").hint("name it .toml, .yaml or .yml")),
        }
    }

    fn toml(path: &Path, text: &str) -> Result<Self, Fault> {
        let fault = |error: toml::de::Error| {
            let at = error.span().map(|span| position(text, span.start));
            explain(path, at, error.message())
        };
        let checked: Result<Settings, _> = toml::from_str(text);
        checked.map_err(fault)?;
        let tree = toml::from_str(text).map_err(fault)?;
        let document = toml::de::DeTable::parse(text).map_err(fault)?;
        let mut lines = Vec::new();
        collect_lines(text, "", document.get_ref(), &mut lines);
        Ok(Self { path: path.to_owned(), tree, lines })
    }

    fn yaml(path: &Path, text: &str) -> Result<Self, Fault> {
        let fault = |error: serde_saphyr::Error| {
            let at = error.location().map(|at| (narrow(at.line()), narrow(at.column())));
            explain(path, at, &bare_message(&error))
        };
        let mut tree: Value = serde_saphyr::from_str(text).map_err(fault)?;
        if tree.is_null() {
            tree = Value::Object(serde_json::Map::new());
        } else {
            let checked: Result<Settings, _> = serde_saphyr::from_str(text);
            checked.map_err(fault)?;
        }
        Ok(Self { path: path.to_owned(), tree, lines: Vec::new() })
    }

    /// Where the file sets a key, if it does; an entry of a list counts as its key.
    pub(super) fn place(&self, key: &str) -> Option<String> {
        let pointer = format!("/{}", key.replace('.', "/"));
        self.tree.pointer(&pointer)?;
        let line = self.lines.iter().find(|(path, _)| path == key).map(|(_, line)| *line);
        Some(match line {
            Some(line) => format!("{}:{line}", self.path.display()),
            None => self.path.display().to_string(),
        })
    }
}

fn collect_lines(text: &str, parent: &str, table: &toml::de::DeTable<'_>, lines: &mut Vec<(String, usize)>) {
    for (key, value) in table {
        let path = if parent.is_empty() { key.get_ref().to_string() } else { format!("{parent}.{}", key.get_ref()) };
        lines.push((path.clone(), position(text, key.span().start).0));
        if let toml::de::DeValue::Table(inner) = value.get_ref() {
            collect_lines(text, &path, inner, lines);
        }
    }
}

/// Line and column, from 1.
fn position(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

fn narrow(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The message without place and source snippet, which could show a secret written to the wrong file.
fn bare_message(error: &serde_saphyr::Error) -> String {
    let message = error.without_snippet().to_string();
    let first = message.lines().next().unwrap_or_default();
    let first = first.split_once(" at line ").map_or(first, |(text, _)| text);
    first.trim_start_matches("error: ").to_owned()
}

/// A parser's message in the words of this program.
fn explain(path: &Path, at: Option<(usize, usize)>, message: &str) -> Fault {
    let place = match at {
        Some((line, column)) => format!("{}:{line}:{column}", path.display()),
        None => path.display().to_string(),
    };
    let message = message.lines().collect::<Vec<_>>().join("; ");
    let mut quoted = message.split('`').skip(1).step_by(2);
    if message.starts_with("unknown field")
        && let Some(unknown) = quoted.next()
    {
        // The YAML parser does not say what it would have taken; then every name of the schema is a candidate.
        let known: Vec<&str> = quoted.collect();
        let root = keys::root();
        let candidates = if known.is_empty() { root.names() } else { known.clone() };
        let fault = Fault::new(place, format!("unknown key `{unknown}`"));
        return match nearest(unknown, candidates) {
            Some(meant) => fault.hint(format!("did you mean `{meant}`?")),
            None if known.is_empty() => fault,
            None => fault.hint(format!("known here: {}", known.join(", "))),
        };
    }
    Fault::new(place, in_words(&message))
}

/// Serde names Rust's types; users know numbers, lists and words.
fn in_words(message: &str) -> String {
    let words = [
        ("expected u64", "expected a whole number from 0 up"),
        ("expected u32", "expected a whole number from 0 up"),
        ("expected usize", "expected a whole number from 0 up"),
        ("expected f64", "expected a number"),
        ("expected a boolean", "expected true or false"),
        ("expected a sequence", "expected a list"),
        ("unknown variant", "unknown value"),
        ("expected path string", "expected a path"),
        ("invalid u64", "expected a whole number from 0 up"),
        ("invalid u32", "expected a whole number from 0 up"),
        ("invalid usize", "expected a whole number from 0 up"),
        ("invalid boolean", "expected true or false"),
        ("invalid float, expected `inf`", "text must be in quotes"),
        ("expected mapping start", "expected keys with values, not a list or a single value"),
    ];
    words.iter().fold(message.to_owned(), |text, (from, to)| text.replace(from, to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_keys_are_known_in_every_toml_form() {
        let text = "# first\n[log]\nlevel = \"info\"\n[collect.interval]\nfast_seconds = 5\n";
        let file = File::toml(Path::new("a.toml"), text).unwrap();
        assert_eq!(file.place("collect.interval.fast_seconds").as_deref(), Some("a.toml:5"));
        assert_eq!(file.place("log.level").as_deref(), Some("a.toml:3"));
        assert_eq!(file.place("log.format"), None);
        let inline = File::toml(Path::new("a.toml"), "\nanalysis = { grid_minutes = 5 }").unwrap();
        assert_eq!(inline.place("analysis.grid_minutes").as_deref(), Some("a.toml:2"));
    }

    #[test]
    fn an_empty_file_is_a_configuration_without_settings() {
        assert!(File::toml(Path::new("a.toml"), "").is_ok());
        assert!(File::yaml(Path::new("a.yaml"), "# nothing\n").is_ok());
        assert!(File::yaml(Path::new("a.yaml"), "").is_ok());
    }

    #[test]
    fn no_value_that_is_in_the_wrong_place_is_repeated() {
        let toml = File::toml(Path::new("a.toml"), "[log]\npassword = \"hunter2\"\n").unwrap_err();
        let yaml = File::yaml(Path::new("a.yaml"), "log:\n  password: hunter2\n").unwrap_err();
        for fault in [toml, yaml] {
            assert!(fault.message.contains("`password`"), "{fault:?}");
            assert!(!format!("{fault:?}").contains("hunter2"), "{fault:?}");
        }
    }
}
