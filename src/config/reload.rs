//! What a reload changed, and what of it takes effect at the next start only.

use serde_json::Value;

use super::Settings;

/// Keys, or sections ending in a dot, that are read at the start only: sockets, limits and the log are set up once.
const AT_START: [&str; 22] = [
    "expose.listen_addresses",
    "compat",
    "clouds.multi_cloud",
    "clouds.probe_only",
    "expose.systemd_socket",
    "expose.naming.",
    "expose.probe.",
    "expose.sd.",
    "expose.telemetry_path",
    "expose.connections_max",
    "expose.header_timeout_seconds",
    "expose.hosts",
    "expose.rate_limit.",
    "limits.",
    "data.directory",
    "data.retention_days",
    "history.",
    "analysis.enabled",
    "analysis.grid_minutes",
    "workload.",
    "report.",
    "log.",
];

/// The keys whose values differ, by dotted path, sorted.
pub fn changed_keys(old: &Settings, new: &Settings) -> Vec<String> {
    let tree = |settings: &Settings| serde_json::to_value(settings).unwrap_or(Value::Null);
    let mut keys = Vec::new();
    compare("", &tree(old), &tree(new), &mut keys);
    keys.sort();
    keys
}

/// Those of the changed keys that take effect at the next start only.
pub fn restart_keys(changed: &[String]) -> Vec<String> {
    let fixed =
        |key: &&String| AT_START.iter().any(|fixed| key == fixed || (fixed.ends_with('.') && key.starts_with(fixed)));
    changed.iter().filter(fixed).cloned().collect()
}

fn compare(path: &str, old: &Value, new: &Value, keys: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(before), Value::Object(after)) => {
            let gone = before.keys().filter(|key| !after.contains_key(*key));
            for key in after.keys().chain(gone) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let value = |object: &serde_json::Map<String, Value>| object.get(key).cloned().unwrap_or(Value::Null);
                compare(&path, &value(before), &value(after), keys);
            }
        }
        _ if old != new => keys.push(path.to_owned()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_named_and_those_for_the_next_start_told_apart() {
        let old = Settings::default();
        let mut new = old.clone();
        assert!(changed_keys(&old, &new).is_empty());
        new.collect.interval.fast_seconds = 30;
        new.limits.series_total = 2_000_000;
        new.clouds.names.push("a".to_owned());
        let changed = changed_keys(&old, &new);
        assert_eq!(changed, ["clouds.names", "collect.interval.fast_seconds", "limits.series_total"]);
        assert_eq!(restart_keys(&changed), ["limits.series_total"]);
    }

    #[test]
    fn every_key_that_is_read_at_the_start_exists() {
        let root = super::super::keys::root();
        for fixed in AT_START {
            let name = fixed.trim_end_matches('.');
            let known = root.all().iter().any(|key| key.name() == name || key.name().starts_with(fixed));
            assert!(known, "{fixed}");
        }
    }
}
