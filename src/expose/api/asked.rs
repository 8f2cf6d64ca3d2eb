//! Parameters of a question: declared in tables, read strictly. What is not declared, given twice or out of its limits
//! is refused with the values that would be right.

use std::collections::BTreeMap;
use std::time::Duration;

use axum::extract::Query;
use axum::http::Uri;

use super::problem::Problem;
use crate::model::clock::Timestamp;
use crate::model::day::Day;
use crate::model::prediction::Horizon;
use crate::model::signal::{Basis, Scope};
use crate::model::workload::ResourceType;

/// Longest value, in bytes: OpenStack's names end at 255 characters.
const VALUE_BYTES_MAX: usize = 1024;
/// The end of the year 9999, in seconds since 1970.
const LAST_SECOND: i64 = 253_402_300_799;
/// Longest duration.
const YEARS_10: Duration = Duration::from_secs(3650 * 86_400);

/// A parameter that an endpoint takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    /// One sentence for the document.
    pub(super) about: &'static str,
    pub(super) kind: Kind,
    /// What is taken when it is not given.
    pub(super) default: Option<&'static str>,
    pub(super) required: bool,
    /// Whether it is the last part of the path.
    pub(super) in_path: bool,
}

/// What a value may be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// Any text.
    Text,
    /// One of these.
    Choice(fn() -> Vec<&'static str>),
    /// A whole number.
    Count { least: usize, most: usize },
    /// Seconds, or a number with s, m, h, d or w behind it.
    Duration,
    /// A time of day.
    Moment,
    /// A day of the calendar.
    Day,
}

impl Parameter {
    const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, about, kind, default: None, required: false, in_path: false }
    }

    /// Any text.
    pub(super) const fn text(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Text, about)
    }

    /// One of the values that `choices` gives.
    pub(super) const fn choice(name: &'static str, choices: fn() -> Vec<&'static str>, about: &'static str) -> Self {
        Self::new(name, Kind::Choice(choices), about)
    }

    /// A whole number.
    pub(super) const fn count(name: &'static str, least: usize, most: usize, about: &'static str) -> Self {
        Self::new(name, Kind::Count { least, most }, about)
    }

    /// A duration.
    pub(super) const fn duration(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Duration, about)
    }

    /// A time of day.
    pub(super) const fn moment(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Moment, about)
    }

    /// A day.
    pub(super) const fn day(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Day, about)
    }

    /// With a value that is taken when none is given.
    pub(super) const fn or(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    /// One that is the last part of the path, in braces there.
    pub(super) const fn in_path(self) -> Self {
        Self { in_path: true, ..self }
    }

    /// One that has to be given.
    pub(super) const fn required(self) -> Self {
        Self { required: true, ..self }
    }

    fn check(&self, value: &str) -> Result<(), Problem> {
        let fault = |detail: String| Err(Problem::parameter(self.name, detail));
        match self.kind {
            _ if value.len() > VALUE_BYTES_MAX => {
                fault(format!("`{}` is longer than {VALUE_BYTES_MAX} bytes", self.name))
            }
            Kind::Text if value.is_empty() => fault(format!("`{}` is empty; leave it out for all", self.name)),
            Kind::Text => Ok(()),
            Kind::Choice(choices) => {
                let choices = choices();
                if choices.contains(&value) {
                    return Ok(());
                }
                let problem = Problem::parameter(self.name, format!("`{}` cannot be `{value}`", self.name));
                Err(problem.allowing(choices))
            }
            Kind::Count { least, most } => match value.parse::<usize>() {
                Ok(count) if (least..=most).contains(&count) => Ok(()),
                _ => fault(format!("`{}` is a whole number from {least} to {most}, not `{value}`", self.name)),
            },
            Kind::Day if Day::parse(value).is_some() => Ok(()),
            Kind::Day => fault(format!("`{}` is a day like 2026-11-22, not `{value}`", self.name)),
            Kind::Duration => match duration(value) {
                Some(_) => Ok(()),
                None => fault(format!(
                    "`{}` is a number of seconds or a form like 36h, 14d or 6w up to ten years, not `{value}`",
                    self.name
                )),
            },
            Kind::Moment if moment(value).is_some() => Ok(()),
            Kind::Moment => fault(format!(
                "`{}` is a time like 2026-11-22T06:30:00Z, or seconds since 1970, not `{value}`",
                self.name
            )),
        }
    }
}

pub(super) const CLOUD: Parameter = Parameter::text("cloud", "Only this cloud.");
pub(super) const REGION: Parameter = Parameter::text("region", "Only this region.");
pub(super) const SCOPE: Parameter =
    Parameter::choice("scope", || Scope::ALL.map(Scope::as_str).to_vec(), "Only series about this kind of thing.");
pub(super) const ENTITY: Parameter =
    Parameter::text("entity", "Only the thing of this name (the id, for projects and networks).");
pub(super) const RESOURCE: Parameter =
    Parameter::text("resource", "Only this resource: vcpu, memory, disk, a custom class, ...");
pub(super) const BASIS: Parameter = Parameter::choice(
    "basis",
    || [Basis::Allocation, Basis::Demand].map(Basis::as_str).to_vec(),
    "Only what is given away (allocation), or only what is really used (demand).",
);
pub(super) const SIGNAL: Parameter = Parameter::text("signal", "Only this signal: utilization, load1, ...");
pub(super) const HORIZON: Parameter =
    Parameter::choice("horizon", || Horizon::ALL.map(Horizon::as_str).to_vec(), "How far ahead.");
pub(super) const TYPE: Parameter =
    Parameter::choice("type", || ResourceType::ALL.map(ResourceType::as_str).to_vec(), "Only resources of this type.");
/// Most rows of one answer: some 4 MB.
pub(super) const LIMIT: Parameter = Parameter::count("limit", 1, 10_000, "Most rows of this answer.").or("1000");
pub(super) const OFFSET: Parameter =
    Parameter::count("offset", 0, 100_000_000, "Rows to leave out; the answer's next_offset goes on from here.")
        .or("0");

/// The checked parameters of one question.
#[derive(Debug, Default)]
pub(super) struct Asked(BTreeMap<&'static str, String>);

impl Asked {
    /// Reads the part of a URL behind `?`.
    pub(super) fn read(known: &'static [Parameter], query: &str) -> Result<Self, Problem> {
        let mut asked = Self::default();
        let in_query = || known.iter().filter(|parameter| !parameter.in_path);
        for (name, value) in pairs(query)? {
            let Some(parameter) = in_query().find(|parameter| parameter.name == name) else {
                let problem = Problem::parameter(&name, format!("there is no parameter `{name}` here"));
                return Err(problem.allowing(in_query().map(|parameter| parameter.name)));
            };
            parameter.check(&value)?;
            if asked.0.insert(parameter.name, value).is_some() {
                return Err(Problem::parameter(&name, format!("`{name}` is given twice")));
            }
        }
        for parameter in in_query() {
            match parameter.default {
                Some(default) => drop(asked.0.entry(parameter.name).or_insert_with(|| default.to_owned())),
                None if parameter.required && !asked.0.contains_key(parameter.name) => {
                    return Err(Problem::parameter(parameter.name, format!("`{}` has to be given", parameter.name)));
                }
                None => {}
            }
        }
        Ok(asked)
    }

    /// The same, with the parameter that is the last part of the path, where there is one.
    pub(super) fn read_at(known: &'static [Parameter], path: &str, query: &str) -> Result<Self, Problem> {
        let mut asked = Self::read(known, query)?;
        if let Some(parameter) = known.iter().find(|parameter| parameter.in_path) {
            let value = path.rsplit('/').next().unwrap_or_default();
            parameter.check(value).map_err(Problem::of_path)?;
            asked.0.insert(parameter.name, value.to_owned());
        }
        Ok(asked)
    }

    /// A value as it was given.
    pub(super) fn text(&self, parameter: &Parameter) -> Option<&str> {
        self.0.get(parameter.name).map(String::as_str)
    }

    /// A whole number; 0 where there is neither a value nor a default.
    pub(super) fn count(&self, parameter: &Parameter) -> usize {
        self.text(parameter).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    /// A time of day.
    pub(super) fn moment(&self, parameter: &Parameter) -> Option<Timestamp> {
        self.text(parameter).and_then(moment)
    }

    /// A day.
    pub(super) fn day(&self, parameter: &Parameter) -> Option<Day> {
        self.text(parameter).and_then(Day::parse)
    }

    /// A duration.
    pub(super) fn duration(&self, parameter: &Parameter) -> Option<Duration> {
        self.text(parameter).and_then(duration)
    }
}

fn pairs(query: &str) -> Result<Vec<(String, String)>, Problem> {
    let malformed = || Problem::parameter("", "the parameters cannot be read; use name=value&name=value");
    let uri: Uri = format!("/?{query}").parse().map_err(|_| malformed())?;
    Query::try_from_uri(&uri).map(|Query(pairs)| pairs).map_err(|_| malformed())
}

fn moment(text: &str) -> Option<Timestamp> {
    match text.parse::<i64>() {
        Ok(seconds) => (0..=LAST_SECOND).contains(&seconds).then(|| Timestamp::from_seconds(seconds)),
        Err(_) => Timestamp::parse(text),
    }
}

fn duration(text: &str) -> Option<Duration> {
    const UNITS: [(char, u64); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 7 * 86_400)];
    let unit = UNITS.into_iter().find_map(|(unit, seconds)| Some((text.strip_suffix(unit)?, seconds)));
    let (number, seconds) = unit.unwrap_or((text, 1));
    let duration = Duration::from_secs(number.parse::<u64>().ok()?.checked_mul(seconds)?);
    (duration <= YEARS_10).then_some(duration)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: &[Parameter] = &[SCOPE, ENTITY, LIMIT, Parameter::duration("lead_time", "Time to act."), AT];
    const AT: Parameter = Parameter::moment("at", "When.");

    fn fault(query: &str) -> serde_json::Value {
        serde_json::to_value(Asked::read(KNOWN, query).unwrap_err()).unwrap()
    }

    #[test]
    fn what_is_declared_is_read() {
        let asked = Asked::read(KNOWN, "scope=az&entity=r%C3%A4um+1&lead_time=2w").unwrap();
        assert_eq!((asked.text(&SCOPE), asked.text(&ENTITY)), (Some("az"), Some("räum 1")));
        assert_eq!((asked.count(&LIMIT), asked.duration(&KNOWN[3])), (1000, Some(Duration::from_secs(14 * 86_400))));
        for at in ["1795329000", "2026-11-22T06:30:00Z", "2026-11-22T07:30:00%2B01:00"] {
            let asked = Asked::read(KNOWN, &format!("at={at}")).unwrap();
            assert_eq!(asked.moment(&AT), Some(Timestamp::from_seconds(1_795_329_000)), "{at}");
        }
        assert_eq!(Asked::read(KNOWN, "limit=7").unwrap().count(&LIMIT), 7);
    }

    #[test]
    fn what_is_wrong_is_named_with_what_would_be_right() {
        let unknown = fault("scop=az");
        assert_eq!((&unknown["parameter"], &unknown["allowed"][0]), (&"scop".into(), &"scope".into()));
        assert_eq!(fault("scope=zone")["allowed"].as_array().unwrap().len(), Scope::ALL.len());
        for (query, parameter) in [
            ("limit=0", "limit"),
            ("limit=10001", "limit"),
            ("limit=-1", "limit"),
            ("limit=1&limit=1", "limit"),
            ("entity=", "entity"),
            ("lead_time=soon", "lead_time"),
            ("lead_time=99999999999w", "lead_time"),
            ("lead_time=4000d", "lead_time"),
            ("at=noon", "at"),
            ("at=-1", "at"),
            ("at=99999999999999", "at"),
        ] {
            let fault = fault(query);
            assert_eq!((&fault["status"], &fault["parameter"]), (&400.into(), &parameter.into()), "{query}");
        }
        const NEEDED: &[Parameter] = &[SIGNAL.required()];
        assert!(Asked::read(NEEDED, "").is_err());
    }

    proptest! {
        #[test]
        fn no_question_panics(query in "\\PC{0,60}") {
            let _ = Asked::read(KNOWN, &query);
            let _ = duration(&query);
            let _ = moment(&query);
        }
    }
}
