//! As much of PromQL as it takes to find the metrics, labels and comparisons of a query; Prometheus' own tools judge the
//! rest of it.

use std::ops::Range;

/// A metric that a query selects, with the labels that it matches on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    pub labels: Vec<String>,
}

/// What a query mentions.
#[derive(Clone, Debug, Default)]
pub struct Mentions {
    pub selectors: Vec<Selector>,
    /// Labels of `by`, `without`, `on`, `ignoring`, `group_left`, `group_right`.
    pub groupings: Vec<String>,
    /// Labels that `label_replace` and `label_join` make or read.
    pub made: Vec<String>,
    /// Where its comparisons are, matchers of labels included.
    pub comparisons: Vec<Range<usize>>,
}

const GROUPING: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
const OPERATORS: [&str; 6] = ["and", "or", "unless", "offset", "bool", "Inf"];

/// Reads a query.
pub fn mentions(query: &str) -> Mentions {
    let mut found = Mentions::default();
    let bytes = query.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = text_end(bytes, at),
            b'[' => at += query[at..].find(']').unwrap() + 1,
            b'{' => at = matchers(query, at, &mut found),
            b'0'..=b'9' => at = word_end(bytes, at),
            b'=' | b'!' | b'<' | b'>' => at = comparison(bytes, at, &mut found),
            byte if is_word(byte) => at = word(query, at, &mut found),
            _ => at += 1,
        }
    }
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':'
}

fn word_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take_while(|byte| is_word(**byte) || **byte == b'.').count()
}

fn text_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while bytes[end] != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    end + 1
}

fn comparison(bytes: &[u8], at: usize, found: &mut Mentions) -> usize {
    let end = at + if matches!(bytes.get(at + 1), Some(b'=' | b'~')) { 2 } else { 1 };
    found.comparisons.push(at..end);
    end
}

/// A metric, a function or a key word.
fn word(query: &str, at: usize, found: &mut Mentions) -> usize {
    let end = at + query[at..].bytes().take_while(|byte| is_word(*byte)).count();
    let (name, rest) = (&query[at..end], query[end..].trim_start());
    if GROUPING.contains(&name) {
        if let Some(list) = rest.strip_prefix('(') {
            let (list, _) = list.split_once(')').unwrap();
            found
                .groupings
                .extend(list.split(',').map(|label| label.trim().to_owned()).filter(|label| !label.is_empty()));
            return end + query[end..].find(')').unwrap() + 1;
        }
    } else if name == "label_replace" || name == "label_join" {
        // Which argument is the label cannot be told without its end; names are all that looks like one.
        let names = query[end..].split('"').skip(1).step_by(2);
        found.made.extend(names.filter(|text| text.bytes().all(is_word) && !text.is_empty()).map(str::to_owned));
    } else if !rest.starts_with('(') && !is_aggregation(rest) && !OPERATORS.contains(&name) {
        found.selectors.push(Selector { metric: name.to_owned(), labels: Vec::new() });
    }
    end
}

/// `sum by (...)`: what stands before the grouping.
fn is_aggregation(rest: &str) -> bool {
    ["by (", "by(", "without (", "without("].iter().any(|grouping| rest.starts_with(grouping))
}

/// `{name="value", ...}` behind a metric.
fn matchers(query: &str, at: usize, found: &mut Mentions) -> usize {
    let bytes = query.as_bytes();
    let mut end = at + 1;
    while bytes[end] != b'}' {
        match bytes[end] {
            b'"' => end = text_end(bytes, end),
            b'=' | b'!' => end = comparison(bytes, end, found),
            byte if is_word(byte) => {
                let stop = word_end(bytes, end);
                found.selectors.last_mut().unwrap().labels.push(query[end..stop].to_owned());
                end = stop;
            }
            _ => end += 1,
        }
    }
    end + 1
}

/// The opposite of a comparison.
pub fn negated(comparison: &str) -> &'static str {
    match comparison {
        ">" => "<=",
        "<" => ">=",
        ">=" => "<",
        "<=" => ">",
        "==" | "=" => "!=",
        "!=" => "=",
        "=~" => "!~",
        "!~" => "=~",
        other => panic!("no comparison: {other}"),
    }
}

#[test]
fn a_query_is_taken_apart() {
    let query = r#"sum by (a, b) (rate(m_total{x="{>", y!~"z"}[5m] offset 1h)) / on (a) group_left (c) n:o > 0.8
        and label_replace(p == 1, "q", "$1", "r", "(.+)") < +Inf"#;
    let found = mentions(query);
    let metrics: Vec<&str> = found.selectors.iter().map(|selector| selector.metric.as_str()).collect();
    assert_eq!(metrics, ["m_total", "n:o", "p"]);
    assert_eq!(found.selectors[0].labels, ["x", "y"]);
    assert_eq!(found.groupings, ["a", "b", "a", "c"]);
    assert_eq!(found.made, ["q", "r"]);
    let comparisons: Vec<&str> = found.comparisons.iter().map(|range| &query[range.clone()]).collect();
    assert_eq!(comparisons, ["=", "!~", ">", "==", "<"]);
}
