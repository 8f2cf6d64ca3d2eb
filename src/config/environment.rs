//! Settings from the environment: `STACKCAST_<SECTION>__<KEY>` and a few short names.
//!
//! Values are converted by the type of the key they are for, never guessed, and never quoted in a message.

use std::collections::BTreeMap;

use serde_json::Value;

use super::error::Fault;
use super::keys::{Key, Section, Shape};
use super::suggest::nearest;

/// Prefix of our variables.
const PREFIX: &str = "STACKCAST_";

/// Variables with this prefix that are no setting.
const RESERVED: [&str; 1] = ["STACKCAST_CONFIG"];

/// Short names that other tools of the field use too, and the key each one sets.
const SHORT: [(&str, &[&str]); 10] = [
    ("COLLECTION_INTERVAL_MINUTES", &["analysis", "grid_minutes"]),
    ("DATA_RETENTION_DAYS", &["data", "retention_days"]),
    ("SMTP_SERVER", &["report", "mail", "server"]),
    ("SMTP_PORT", &["report", "mail", "port"]),
    ("EMAIL_USER", &["report", "mail", "username"]),
    ("EMAIL_PASSWORD_FILE", &["report", "mail", "password_file"]),
    ("EMAIL_FROM", &["report", "mail", "from"]),
    ("EMAIL_TO", &["report", "mail", "to"]),
    ("OS_COMPUTE_API_VERSION", &["openstack", "compute_api_version"]),
    ("OS_BAREMETAL_API_VERSION", &["openstack", "baremetal_api_version"]),
];

/// A key that the environment sets.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub(super) variable: String,
    pub(super) path: Vec<String>,
    pub(super) value: Value,
}

/// Whether a variable is for us, whatever it is worth.
pub(super) fn concerns_us(variable: &str) -> bool {
    variable.starts_with(PREFIX) || SHORT.iter().any(|(name, _)| *name == variable)
}

/// What the variables set, short names first so that full ones win. Empty values are taken as unset, as
/// compose files cannot leave a variable out.
pub(super) fn read(variables: &BTreeMap<String, String>, root: &Section) -> Result<Vec<Assignment>, Vec<Fault>> {
    let mut assignments = Vec::new();
    let mut faults = Vec::new();
    let short = variables.iter().filter(|(name, _)| !name.starts_with(PREFIX));
    let full = variables.iter().filter(|(name, _)| name.starts_with(PREFIX));
    for (variable, text) in short.chain(full).filter(|(_, text)| !text.is_empty()) {
        match assign(variable, text, root) {
            Ok(Some(assignment)) => assignments.push(assignment),
            Ok(None) => {}
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(assignments) } else { Err(faults) }
}

fn assign(variable: &str, text: &str, root: &Section) -> Result<Option<Assignment>, Fault> {
    let path: Vec<String> = match SHORT.iter().find(|(name, _)| *name == variable) {
        Some((_, path)) => path.iter().map(|&name| name.to_owned()).collect(),
        None => match variable.strip_prefix(PREFIX) {
            Some(rest) if !RESERVED.contains(&variable) => rest.to_lowercase().split("__").map(str::to_owned).collect(),
            _ => return Ok(None),
        },
    };
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    let Some(key) = root.find(&names) else {
        return unknown(variable, root).map_or(Ok(None), Err);
    };
    match convert(text, key) {
        Some(value) => Ok(Some(Assignment { variable: variable.to_owned(), path, value })),
        None => Err(Fault::new(
            format!("environment variable {variable}: {}", key.name()),
            format!("expected {}", wanted(&key.shape)),
        )),
    }
}

/// The fault of an unknown variable, or none when it is likely not meant for us: Kubernetes sets
/// `STACKCAST_PORT` and others for a service of this name.
fn unknown(variable: &str, root: &Section) -> Option<Fault> {
    if is_of_kubernetes(variable) {
        return None;
    }
    let names: Vec<String> = root.all().iter().map(|key| key.environment()).collect();
    // The one key without a section is too near to what Kubernetes sets.
    let sectioned = names.iter().map(String::as_str).filter(|name| name.contains("__"));
    let meant = nearest(variable, sectioned);
    let fault = Fault::new(format!("environment variable {variable}"), "sets no known key");
    match meant {
        Some(meant) => Some(fault.hint(format!("did you mean `{meant}`?"))),
        None if variable.contains("__") => {
            Some(fault.hint("`stackcast reference config` lists every key with its variable"))
        }
        None => None,
    }
}

/// Whether it tells where a service called `stackcast`, or `stackcast-...`, is; some are near to keys' names.
fn is_of_kubernetes(variable: &str) -> bool {
    let ours = variable.strip_prefix(PREFIX).unwrap_or_default();
    let tells = |what: &str| ours.starts_with(what) || ours.contains(&format!("_{what}"));
    !ours.contains("__") && (tells("SERVICE_HOST") || tells("SERVICE_PORT") || ours.starts_with("PORT"))
}

fn convert(text: &str, key: &Key) -> Option<Value> {
    Some(match &key.shape {
        Shape::Boolean => Value::Bool(text.parse().ok()?),
        Shape::Whole => Value::from(text.parse::<u64>().ok()?),
        Shape::Number => Value::from(text.parse::<f64>().ok().filter(|number| number.is_finite())?),
        Shape::Text => Value::from(text),
        Shape::Choice(words) => Value::from(words.iter().find(|word| *word == text)?.as_str()),
        Shape::List => Value::from(text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>()),
    })
}

fn wanted(shape: &Shape) -> String {
    match shape {
        Shape::Boolean => "true or false".to_owned(),
        Shape::Whole => "a whole number from 0 up".to_owned(),
        Shape::Number => "a number".to_owned(),
        Shape::Text => "text".to_owned(),
        Shape::Choice(words) => format!("one of {}", words.join(", ")),
        Shape::List => "a list with commas".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::root;
    use super::*;

    fn run(variables: &[(&str, &str)]) -> Result<Vec<Assignment>, Vec<Fault>> {
        let map = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        read(&map, &root())
    }

    #[test]
    fn values_take_the_type_of_their_key() {
        let set = run(&[
            ("STACKCAST_EXPOSE__LISTEN_ADDRESSES", "127.0.0.1:1, [::1]:2"),
            ("STACKCAST_CLOUDS__FILE", "007"),
            ("STACKCAST_COLLECT__SERVICES__COMPUTE__ENABLED", "false"),
            ("STACKCAST_LOG__LEVEL", ""),
        ])
        .unwrap();
        let found: Vec<_> = set.iter().map(|a| (a.path.join("."), a.value.clone())).collect();
        let expected = [
            ("clouds.file", Value::from("007")),
            ("collect.services.compute.enabled", Value::from(false)),
            ("expose.listen_addresses", Value::from(vec!["127.0.0.1:1", "[::1]:2"])),
        ];
        assert_eq!(found, expected.map(|(key, value)| (key.to_owned(), value)));
    }

    #[test]
    fn a_full_name_wins_over_a_short_one() {
        let set = run(&[("COLLECTION_INTERVAL_MINUTES", "15"), ("STACKCAST_ANALYSIS__GRID_MINUTES", "10")]).unwrap();
        assert_eq!(set.last().unwrap().value, 10);
    }

    #[test]
    fn faults_are_all_told_and_quote_no_value() {
        let faults = run(&[
            ("STACKCAST_ANALYSIS__GRID_MINUTES", "hunter2"),
            ("STACKCAST_LOG_LEVEL", "hunter2"),
            ("STACKCAST_MAIL__PASSWORD", "hunter2"),
        ])
        .unwrap_err();
        assert_eq!(faults.len(), 3);
        assert!(!format!("{faults:?}").contains("hunter2"));
        assert_eq!(faults[1].hint.as_deref(), Some("did you mean `STACKCAST_LOG__LEVEL`?"));
    }

    #[test]
    fn what_kubernetes_sets_for_a_service_of_our_name_is_left_alone() {
        let set = run(&[
            ("STACKCAST_PORT", "tcp://10.0.0.1:9180"),
            ("STACKCAST_SERVICE_HOST", "10.0.0.1"),
            ("STACKCAST_PORT_9180_TCP_PROTO", "tcp"),
            ("STACKCAST_SERVICE_PORT_METRICS", "9180"),
            ("STACKCAST_METRICS_SERVICE_HOST", "10.0.0.2"),
            ("STACKCAST_CONFIG", "x.toml"),
        ]);
        assert!(set.unwrap().is_empty());
    }
}
