//! A strict reader of Prometheus' text formats: it refuses what a scraper would refuse, so that a test
//! which reads a page proves the page. Independent of stackcast's own writers.

use std::collections::{BTreeMap, BTreeSet};

/// One sample's labels by name.
pub type Labels = BTreeMap<String, String>;

/// A family as read from a page.
#[derive(Clone, Debug, Default)]
pub struct Family {
    pub kind: String,
    pub help: String,
    /// By sample name (histograms have several) and labels.
    pub samples: BTreeMap<(String, Labels), f64>,
}

/// A page by family name.
pub type Page = BTreeMap<String, Family>;

/// Reads a page of either format; says the line and the fault.
pub fn parse(text: &str) -> Result<Page, String> {
    let mut page = Page::new();
    let mut current: Option<String> = None;
    let mut closed = BTreeSet::new();
    let mut ended = false;
    for (at, line) in text.lines().enumerate() {
        let fault = |what: &str| format!("line {}: {what}: {line}", at + 1);
        if ended {
            return Err(fault("text behind # EOF"));
        }
        if line == "# EOF" {
            ended = true;
            continue;
        }
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (keyword, name) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            if !matches!(keyword, "HELP" | "TYPE" | "UNIT") {
                return Err(fault("unknown comment"));
            }
            if current.as_deref() != Some(name) {
                if !closed.insert(name.to_owned()) {
                    return Err(fault("family appears twice"));
                }
                current = Some(name.to_owned());
            }
            let family = page.entry(name.to_owned()).or_default();
            let value = words.next().unwrap_or("").to_owned();
            let slot = if keyword == "HELP" { &mut family.help } else { &mut family.kind };
            if keyword != "UNIT" && !std::mem::replace(slot, value).is_empty() {
                return Err(fault("said twice"));
            }
            continue;
        }
        let (name, labels, value) = sample(line).map_err(|what| fault(&what))?;
        let family_name = current.clone().ok_or_else(|| fault("sample before its TYPE"))?;
        let family = page.entry(family_name.clone()).or_default();
        let suffix = name.strip_prefix(&family_name).ok_or_else(|| fault("sample outside its family"))?;
        let suffix_fits = match family.kind.as_str() {
            "histogram" => matches!(suffix, "_bucket" | "_sum" | "_count"),
            "counter" => matches!(suffix, "" | "_total"),
            _ => suffix.is_empty(),
        };
        if !suffix_fits {
            return Err(fault("sample name does not fit its type"));
        }
        if family.samples.insert((name, labels), value).is_some() {
            return Err(fault("sample appears twice"));
        }
    }
    Ok(page)
}

fn sample(line: &str) -> Result<(String, Labels, f64), String> {
    let name_end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, rest) = line.split_at(name_end);
    if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':') {
        return Err("bad name".to_owned());
    }
    let mut labels = Labels::new();
    let rest = match rest.strip_prefix('{') {
        Some(rest) => labels_of(rest, &mut labels)?,
        None => rest,
    };
    let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    let number = match value {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        _ => value.parse().map_err(|_| "bad value")?,
    };
    Ok((name.to_owned(), labels, number))
}

fn labels_of<'a>(mut rest: &'a str, labels: &mut Labels) -> Result<&'a str, String> {
    loop {
        if let Some(rest) = rest.strip_prefix('}') {
            return Ok(rest);
        }
        let (name, quoted) = rest.split_once("=\"").ok_or("label without a value")?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next().ok_or("open quote")? {
                (at, '"') => break at + 1,
                (_, '\\') => match characters.next().ok_or("open escape")?.1 {
                    'n' => value.push('\n'),
                    c @ ('"' | '\\') => value.push(c),
                    other => return Err(format!("bad escape \\{other}")),
                },
                (_, c) => value.push(c),
            }
        };
        if labels.insert(name.to_owned(), value).is_some() {
            return Err(format!("label {name} twice"));
        }
        rest = quoted.get(end..).unwrap_or("");
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// The value of the only sample of a family that has these labels (others may be there too).
pub fn value(page: &Page, family: &str, wanted: &[(&str, &str)]) -> Option<f64> {
    let samples = &page.get(family)?.samples;
    let fits = |labels: &Labels| wanted.iter().all(|(k, v)| labels.get(*k).map(String::as_str) == Some(*v));
    let mut found = samples.iter().filter(|((_, labels), _)| fits(labels)).map(|(_, value)| *value);
    let first = found.next()?;
    assert!(found.next().is_none(), "{family} {wanted:?} is not unique");
    Some(first)
}

#[test]
fn refuses_what_a_scraper_refuses() {
    let good = "# HELP a_total A.\n# TYPE a_total counter\na_total{x=\"q\\\"\\\\\\n\"} 1.5\na_total 2\n";
    let page = parse(good).unwrap();
    assert_eq!(value(&page, "a_total", &[("x", "q\"\\\n")]), Some(1.5));
    for bad in [
        "a 1\n",
        "# TYPE a gauge\na 1\na 1\n",
        "# TYPE a gauge\n# TYPE b gauge\n# TYPE a gauge\n",
        "# TYPE a gauge\na{x=\"1\",x=\"2\"} 1\n",
        "# TYPE a gauge\na{x=\"1} 1\n",
        "# TYPE a gauge\nb 1\n",
        "# TYPE a gauge\na one\n",
        "# EOF\n# TYPE a gauge\n",
    ] {
        assert!(parse(bad).is_err(), "{bad}");
    }
}
