//! Reads Prometheus' text format 0.0.4, strictly: a file that a scraper would refuse is refused, with the line.
//!
//! Histograms and summaries come apart into their samples (`x_bucket`, `x_sum`, `x_count`) as untyped families, which
//! queries cannot tell from the real thing. Timestamps are refused, as node_exporter does: a file's values are those
//! of now, and its age is a metric.

use std::collections::HashMap;

use crate::model::metric::Kind;

/// A family of a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parsed {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) kind: Kind,
    pub(super) samples: Vec<Sample>,
}

/// One sample: labels in order of name, without empty ones.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) labels: Vec<(String, String)>,
    pub(super) value: f64,
}

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) reason: &'static str,
}

/// What TYPE said of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Simple(Kind),
    Histogram,
    Summary,
}

#[derive(Debug, Default)]
struct Reader {
    families: Vec<Parsed>,
    by_name: HashMap<String, usize>,
    types: HashMap<String, Said>,
    helps: HashMap<String, String>,
}

/// The families of a file that have samples, in order of appearance.
pub(super) fn parse(text: &str) -> Result<Vec<Parsed>, Fault> {
    let mut reader = Reader::default();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim_matches([' ', '\t']);
        let outcome = match line.strip_prefix('#') {
            _ if line.is_empty() => Ok(()),
            Some(comment) => reader.comment(comment),
            None => reader.sample(line),
        };
        outcome.map_err(|reason| Fault { line: at + 1, reason })?;
    }
    Ok(reader.families)
}

impl Reader {
    fn comment(&mut self, comment: &str) -> Result<(), &'static str> {
        let (keyword, rest) = word(comment);
        let (name, rest) = word(rest);
        match keyword {
            "HELP" if is_name(name) => match self.helps.insert(name.to_owned(), unescape_help(rest.trim_start())) {
                Some(_) => Err("a second HELP of the family"),
                None => Ok(()),
            },
            "TYPE" if is_name(name) => {
                let said = match word(rest).0 {
                    "gauge" => Said::Simple(Kind::Gauge),
                    // OpenMetrics asks for the ending; without it the value is all that can be told.
                    "counter" if name.ends_with("_total") => Said::Simple(Kind::Counter),
                    "counter" | "untyped" | "unknown" => Said::Simple(Kind::Untyped),
                    "histogram" => Said::Histogram,
                    "summary" => Said::Summary,
                    _ => return Err("unknown type"),
                };
                if self.by_name.contains_key(name) {
                    return Err("TYPE behind samples of the family");
                }
                match self.types.insert(name.to_owned(), said) {
                    Some(_) => Err("a second TYPE of the family"),
                    None => Ok(()),
                }
            }
            "HELP" | "TYPE" => Err("not a metric name"),
            _ => Ok(()),
        }
    }

    fn sample(&mut self, line: &str) -> Result<(), &'static str> {
        let end = line.find(['{', ' ', '\t']).ok_or("a sample without a value")?;
        let (name, rest) = line.split_at(end);
        if !is_name(name) {
            return Err("not a metric name");
        }
        let rest = rest.trim_start_matches([' ', '\t']);
        let (labels, rest) = match rest.strip_prefix('{') {
            Some(rest) => labels(rest)?,
            None => (Vec::new(), rest),
        };
        let (number, rest) = word(rest);
        if !rest.trim().is_empty() {
            return Err("a timestamp (or other text) behind the value; values are those of now");
        }
        let value = number.parse::<f64>().map_err(|_| "not a number")?;
        self.family(name).samples.push(Sample { labels, value });
        Ok(())
    }

    fn family(&mut self, name: &str) -> &mut Parsed {
        let next = self.families.len();
        let at = *self.by_name.entry(name.to_owned()).or_insert(next);
        if at == next {
            let (kind, help) = self.describe(name);
            self.families.push(Parsed { name: name.to_owned(), help, kind, samples: Vec::new() });
        }
        #[expect(clippy::indexing_slicing, reason = "`by_name` holds positions of `families` only")]
        &mut self.families[at]
    }

    /// Type and help of a sample name; those of a histogram's parts are the histogram's.
    fn describe(&self, name: &str) -> (Kind, String) {
        let help = |name: &str| self.helps.get(name).cloned().unwrap_or_default();
        if let Some(Said::Simple(kind)) = self.types.get(name) {
            return (*kind, help(name));
        }
        let whole = ["_bucket", "_sum", "_count"].iter().find_map(|ending| name.strip_suffix(ending));
        match whole.filter(|whole| matches!(self.types.get(*whole), Some(Said::Histogram | Said::Summary))) {
            Some(whole) => (Kind::Untyped, help(whole)),
            None => (Kind::Untyped, help(name)),
        }
    }
}

/// Names and values.
type Labels = Vec<(String, String)>;

/// The labels behind `{`, and what follows `}`.
fn labels(mut rest: &str) -> Result<(Labels, &str), &'static str> {
    let mut labels = Labels::new();
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        if let Some(rest) = rest.strip_prefix('}') {
            labels.sort();
            if labels.windows(2).any(|pair| matches!(pair, [(a, _), (b, _)] if a == b)) {
                return Err("a label that is there twice");
            }
            labels.retain(|(_, value)| !value.is_empty());
            return Ok((labels, rest));
        }
        let (name, behind) = rest.split_once('=').ok_or("a label without a value")?;
        let name = name.trim_matches([' ', '\t']);
        if !is_name(name) || name.contains(':') {
            return Err("not a label name");
        }
        let quoted = behind.trim_start_matches([' ', '\t']).strip_prefix('"').ok_or("a label value without quotes")?;
        let (value, behind) = quoted_text(quoted)?;
        labels.push((name.to_owned(), value));
        rest = behind.trim_start_matches([' ', '\t']);
        match rest.strip_prefix(',') {
            Some(behind) => rest = behind,
            None if rest.starts_with('}') => {}
            None => return Err("neither a comma nor } behind a label"),
        }
    }
}

/// A quoted text up to its closing quote, and what follows.
fn quoted_text(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((value, text.get(at + 1..).unwrap_or_default())),
            '\\' => value.push(match characters.next() {
                Some((_, 'n')) => '\n',
                Some((_, escaped @ ('\\' | '"'))) => escaped,
                _ => return Err("an escape other than \\\\, \\\" and \\n"),
            }),
            other => value.push(other),
        }
    }
    Err("a label value without an end")
}

fn unescape_help(text: &str) -> String {
    let mut help = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => help.push('\n'),
                Some('\\') => help.push('\\'),
                Some(other) => help.extend(['\\', other]),
                None => help.push('\\'),
            },
            other => help.push(other),
        }
    }
    help
}

/// The first word, and what follows it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim_start_matches([' ', '\t']);
    text.split_at(text.find([' ', '\t']).unwrap_or(text.len()))
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(labels: &[(&str, &str)], value: f64) -> Sample {
        Sample { labels: labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(), value }
    }

    #[test]
    fn the_forms_that_the_format_allows() {
        let text = "# a comment\n\n# HELP jobs_total Jobs \\\\ so\\nfar.\n#  TYPE  jobs_total  counter\n\
            jobs_total{b=\"2\", a = \"q\\\"\\\\\\n\" ,} 1e3\njobs_total 2\nbare{empty=\"\"} +Inf\n\tspaced \t NaN\t\n";
        let families = parse(text).unwrap();
        assert_eq!(families[0].help, "Jobs \\ so\nfar.");
        assert_eq!(families[0].kind, Kind::Counter);
        assert_eq!(families[0].samples, [sample(&[("a", "q\"\\\n"), ("b", "2")], 1000.0), sample(&[], 2.0)]);
        assert_eq!((families[1].name.as_str(), families[1].kind), ("bare", Kind::Untyped));
        assert_eq!(families[1].samples, [sample(&[], f64::INFINITY)], "an empty label is none");
        assert!(families[2].samples[0].value.is_nan());
    }

    #[test]
    fn histograms_come_apart() {
        let text =
            "# HELP h Waits.\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n";
        let families = parse(text).unwrap();
        let names: Vec<_> = families.iter().map(|f| (f.name.as_str(), f.kind, f.help.as_str())).collect();
        let untyped = |name| (name, Kind::Untyped, "Waits.");
        assert_eq!(names, [untyped("h_bucket"), untyped("h_sum"), untyped("h_count")]);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, line) in [
            ("a 1 1700000000000\n", 1),
            ("a 1\n# TYPE a gauge\n", 2),
            ("# TYPE a gauge\n# TYPE a gauge\n", 2),
            ("# HELP a x\n# HELP a y\n", 2),
            ("# TYPE a colour\n", 1),
            ("# TYPE 1a gauge\n", 1),
            ("ok 1\na\n", 2),
            ("a one\n", 1),
            ("1a 1\n", 1),
            ("a{b=\"1\",b=\"2\"} 1\n", 1),
            ("a{b=1} 1\n", 1),
            ("a{b=\"1\" c=\"2\"} 1\n", 1),
            ("a{b=\"\\x\"} 1\n", 1),
            ("a{b=\"1} 1\n", 1),
            ("a{b:c=\"1\"} 1\n", 1),
            ("<html>\n", 1),
        ] {
            assert_eq!(parse(text).map_err(|fault| fault.line), Err(line), "{text}");
        }
    }

    fn write(families: &[Parsed]) -> String {
        let mut text = String::new();
        for family in families {
            let help = family.help.replace('\\', "\\\\").replace('\n', "\\n");
            let kind = if family.kind == Kind::Gauge { "gauge" } else { "untyped" };
            text += &format!("# HELP {0} {help}\n# TYPE {0} {kind}\n", family.name);
            for sample in &family.samples {
                let escape = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                let labels: Vec<_> = sample.labels.iter().map(|(n, v)| format!("{n}=\"{}\"", escape(v))).collect();
                text += &format!("{}{{{}}} {}\n", family.name, labels.join(","), sample.value);
            }
        }
        text
    }

    fn families() -> impl Strategy<Value = Vec<Parsed>> {
        let labels = proptest::collection::btree_map("[a-z_][a-z0-9_]{0,5}", "[^\r\n]{1,8}|\n\"\\\\", 0..4);
        let sample = (labels, proptest::num::f64::NORMAL | proptest::num::f64::ZERO)
            .prop_map(|(labels, value)| Sample { labels: labels.into_iter().collect(), value });
        let samples = proptest::collection::vec(sample, 1..4);
        let family = ("[^\r ]([^\r]{0,10}[^\r\\s])?", proptest::bool::ANY, samples)
            .prop_filter("trimmed", |(help, ..)| help.trim() == help);
        proptest::collection::btree_map("[a-z:_][a-z0-9:_]{0,8}", family, 0..4).prop_map(|map| {
            let family = |(name, (help, gauge, samples))| {
                let kind = if gauge { Kind::Gauge } else { Kind::Untyped };
                Parsed { name, help, kind, samples }
            };
            map.into_iter().map(family).collect()
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(families in families()) {
            prop_assert_eq!(parse(&write(&families)), Ok(families));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "(\\PC|[#{}\"\\\\=, \n]|# TYPE |a 1\n){0,60}") {
            let _ = parse(&text);
        }
    }
}
