//! A strict reader of both text formats, for tests only: anything odd is a panic.

use std::collections::{BTreeMap, BTreeSet};

/// A sample: name, labels, value.
pub(crate) type Sample = (String, BTreeMap<String, String>, f64);

/// Reads a page; each family has to have one HELP and one TYPE line in front of all its samples.
pub(crate) fn parse(page: &str, openmetrics: bool) -> Vec<Sample> {
    let mut lines: Vec<&str> = page.split('\n').collect();
    assert_eq!(lines.pop(), Some(""), "the page ends with a line feed");
    if openmetrics {
        assert_eq!(lines.pop(), Some("# EOF"));
    }
    let (mut seen_families, mut seen_samples) = (BTreeSet::new(), BTreeSet::new());
    let (mut help, mut family, mut samples) = (None, None, Vec::new());
    for line in lines {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            assert!(help.is_none(), "two HELP lines: {line}");
            let (name, text) = rest.split_once(' ').unwrap();
            unescape(text, openmetrics);
            assert!(seen_families.insert(name.to_owned()), "family twice: {name}");
            help = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').unwrap();
            assert_eq!(help.take().as_deref(), Some(name), "TYPE without its HELP");
            let untyped = if openmetrics { "unknown" } else { "untyped" };
            assert!(["gauge", "counter", "histogram", untyped].contains(&kind), "{line}");
            family = Some((name.to_owned(), kind.to_owned()));
        } else {
            assert!(help.is_none(), "HELP without TYPE before {line}");
            let (name, labels, value) = sample(line);
            let (family, kind) = family.as_ref().expect("a sample before any TYPE");
            let suffixes: &[&str] = match (kind.as_str(), openmetrics) {
                ("histogram", _) => &["_bucket", "_sum", "_count"],
                ("counter", true) => &["_total"],
                _ => &[""],
            };
            assert!(suffixes.iter().any(|suffix| name == format!("{family}{suffix}")), "{name} in family {family}");
            assert!(seen_samples.insert((name.clone(), labels.clone())), "sample twice: {line}");
            samples.push((name, labels, value));
        }
    }
    samples
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).unwrap();
    let (name, rest) = line.split_at(end);
    assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':'), "{line}");
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest),
        None => (BTreeMap::new(), rest),
    };
    let value = rest.strip_prefix(' ').unwrap_or_else(|| panic!("no blank before the value: {line}"));
    let number = match value {
        "NaN" => f64::NAN,
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        finite => {
            let allowed = |c: char| c.is_ascii_digit() || "+-.e".contains(c);
            assert!(finite.chars().all(allowed), "not a number: {line}");
            finite.parse().unwrap()
        }
    };
    (name.to_owned(), labels, number)
}

/// Reads labels up to the closing brace; returns what is behind it.
fn labels(mut rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    loop {
        let (name, behind) = rest.split_once("=\"").unwrap();
        assert!(!name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "label {name:?}");
        let mut end = None;
        let mut escaped = false;
        for (at, c) in behind.char_indices() {
            match c {
                '"' if !escaped => {
                    end = Some(at);
                    break;
                }
                _ => escaped = c == '\\' && !escaped,
            }
        }
        let (value, behind) = behind.split_at(end.unwrap());
        assert!(labels.insert(name.to_owned(), unescape(value, true)).is_none(), "label twice: {name}");
        rest = &behind[1..];
        match rest.split_at(1) {
            (",", next) => rest = next,
            ("}", next) => return (labels, next),
            other => panic!("{other:?} behind a label"),
        }
    }
}

fn unescape(text: &str, quotes: bool) -> String {
    let mut plain = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('\\') => plain.push('\\'),
                Some('n') => plain.push('\n'),
                Some('"') if quotes => plain.push('"'),
                other => panic!("escape {other:?}"),
            },
            '"' if quotes => panic!("a quote that is not escaped"),
            c => plain.push(c),
        }
    }
    plain
}
