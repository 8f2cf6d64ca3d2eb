//! Checks of values, all faults at once. Unknown keys and types are checked when a file is read.

use super::Settings;
use super::error::Fault;

/// Minutes of a day, which the grid divides so that a season has a whole number of points.
const DAY_MINUTES: u32 = 24 * 60;

/// Longest interval in seconds.
const DAY_SECONDS: u64 = 24 * 3600;

/// Spells values in the one form that the stages know: `:9180` becomes `[::]:9180`, as openstack-exporter has it.
pub(super) fn normalize(settings: &mut Settings) {
    for address in &mut settings.expose.listen_addresses {
        if address.starts_with(':') {
            *address = format!("[::]{address}");
        }
    }
}

/// Everything that is wrong with the values; the place is the key.
pub(super) fn faults(settings: &Settings) -> Vec<Fault> {
    let mut faults = Faults(Vec::new());
    check_openstack(settings, &mut faults);
    check_collect(settings, &mut faults);
    check_expose(settings, &mut faults);
    check_names(settings, &mut faults);
    check_rest(settings, &mut faults);
    faults.0
}

struct Faults(Vec<Fault>);

impl Faults {
    fn unless(&mut self, fine: bool, key: &str, message: impl Into<String>) {
        if !fine {
            self.0.push(Fault::new(key, message));
        }
    }

    fn range(&mut self, key: &str, value: u64, range: std::ops::RangeInclusive<u64>) {
        let (low, high) = (*range.start(), *range.end());
        self.unless(range.contains(&value), key, format!("{value} lies outside {low} to {high}"));
    }
}

/// A count as a number that [`Faults::range`] takes.
fn wide(value: usize) -> u64 {
    u64::try_from(value).unwrap_or(u64::MAX)
}

fn check_openstack(settings: &Settings, faults: &mut Faults) {
    let openstack = &settings.openstack;
    faults.range("openstack.request_timeout_seconds", openstack.request_timeout_seconds, 1..=3600);
    faults.range("openstack.connect_timeout_seconds", openstack.connect_timeout_seconds, 1..=600);
    faults.range("openstack.retries", openstack.retries.into(), 0..=10);
    faults.range("openstack.retry_after_max_seconds", openstack.retry_after_max_seconds, 0..=3600);
    faults.range("openstack.concurrency", wide(openstack.concurrency), 1..=256);
    faults.range("openstack.page_size", openstack.page_size.into(), 1..=100_000);
    faults.range("openstack.pages_max", wide(openstack.pages_max), 1..=1_000_000);
    faults.range("openstack.body_bytes_max", wide(openstack.body_bytes_max), 65_536..=4_294_967_296);
    faults.range("openstack.token_renewal_seconds", openstack.token_renewal_seconds, 0..=DAY_SECONDS);
    for (key, version) in [
        ("openstack.compute_api_version", &openstack.compute_api_version),
        ("openstack.baremetal_api_version", &openstack.baremetal_api_version),
    ] {
        let fine = version.as_deref().is_none_or(is_api_version);
        faults.unless(fine, key, "is no microversion; expected a form like 2.87, or latest");
    }
    let rate = openstack.requests_per_second;
    faults.unless(
        rate.is_finite() && rate >= 0.0,
        "openstack.requests_per_second",
        format!("{rate} is no rate; 0 is without limit"),
    );
}

fn check_collect(settings: &Settings, faults: &mut Faults) {
    let interval = &settings.collect.interval;
    faults.range("collect.interval.fast_seconds", interval.fast_seconds, 1..=DAY_SECONDS);
    faults.range("collect.interval.medium_seconds", interval.medium_seconds, 1..=DAY_SECONDS);
    faults.range("collect.interval.slow_seconds", interval.slow_seconds, 1..=DAY_SECONDS);
    faults.range("collect.interval.full_seconds", interval.full_seconds, 1..=7 * DAY_SECONDS);
    faults.range("collect.interval.max_age_intervals", interval.max_age_intervals.into(), 1..=1000);
    faults.range("collect.host.interval_seconds", settings.collect.host.interval_seconds, 1..=DAY_SECONDS);
    faults.range("collect.textfile.interval_seconds", settings.collect.textfile.interval_seconds, 1..=DAY_SECONDS);
    for label in settings.collect.servers.metadata_labels.keys() {
        let key = format!("collect.servers.metadata_labels.{label}");
        faults.unless(is_prefix(label) && !label.starts_with("__"), &key, format!("`{label}` is no label name"));
        let own = crate::collect::Servers::STATUS_LABELS.contains(&label.as_str());
        faults.unless(!own, &key, format!("openstack_nova_server_status has the label `{label}` already"));
    }
    for name in settings.collect.services.keys() {
        let key = format!("collect.services.{name}.enabled");
        let known = &crate::collect::Settings::SERVICE_NAMES;
        let message = || format!("unknown service `{name}`; one of {}", known.join(", "));
        faults.unless(known.contains(&name.as_str()), &key, message());
    }
}

fn check_expose(settings: &Settings, faults: &mut Faults) {
    let expose = &settings.expose;
    let listen = "expose.listen_addresses";
    faults.unless(!expose.listen_addresses.is_empty(), listen, "at least one address is needed");
    for address in &expose.listen_addresses {
        faults.unless(
            is_address(address),
            listen,
            format!("`{address}` is no address; expected a form like 127.0.0.1:9180, [::1]:9180, name:9180 or :9180"),
        );
    }
    let path = &expose.telemetry_path;
    faults.unless(
        path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#{}*".contains(&byte)),
        "expose.telemetry_path",
        format!("`{path}` is no path; expected a form like /metrics"),
    );
    for network in &expose.allow {
        faults.unless(
            is_network(network),
            "expose.allow",
            format!("`{network}` is no network; expected a form like 192.0.2.0/24 or 2001:db8::/32"),
        );
    }
    for name in &expose.hosts {
        let fine = !name.is_empty() && !name.contains(['/', ':', '*', ' ']);
        faults.unless(fine, "expose.hosts", format!("`{name}` is no host name; write it without scheme and port"));
    }
    let rate = expose.rate_limit.requests_per_second;
    let message = || format!("{rate} is no rate; 0 is without limit");
    faults.unless(rate.is_finite() && rate >= 0.0, "expose.rate_limit.requests_per_second", message());
    faults.range("expose.rate_limit.burst", expose.rate_limit.burst.into(), 1..=1_000_000);
    for label in expose.sd.labels.keys() {
        let key = format!("expose.sd.labels.{label}");
        faults.unless(is_prefix(label), &key, format!("`{label}` is no label name"));
    }
    faults.unless(expose.sd.port > 0, "expose.sd.port", "0 is no port");
    faults.range("expose.connections_max", wide(expose.connections_max), 1..=65_536);
    faults.range("expose.header_timeout_seconds", expose.header_timeout_seconds, 1..=600);
}

fn check_names(settings: &Settings, faults: &mut Faults) {
    let naming = &settings.expose.naming;
    for (key, prefix) in [("expose.naming.prefix", &naming.prefix), ("expose.naming.host_prefix", &naming.host_prefix)]
    {
        faults.unless(
            is_prefix(prefix),
            key,
            format!("`{prefix}` is no metric prefix; letters, digits and _, not a digit first"),
        );
    }
    faults.unless(
        naming.prefix != naming.host_prefix,
        "expose.naming.host_prefix",
        "is the same as expose.naming.prefix; families would collide",
    );
    let key = "clouds.names";
    let names = &settings.clouds.names;
    faults.unless(names.iter().all(|name| !name.trim().is_empty()), key, "a cloud without a name");
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort();
    sorted.dedup();
    faults.unless(sorted.len() == names.len(), key, "a cloud is named twice");
    // With one page per cloud the names cannot collide.
    faults.unless(
        names.len() < 2 || naming.cloud_labels != crate::expose::CloudLabels::Never || settings.clouds.is_per_cloud(),
        "expose.naming.cloud_labels",
        "`never` with several clouds makes their series collide; use auto or always",
    );
}

fn check_rest(settings: &Settings, faults: &mut Faults) {
    let limits = &settings.limits;
    faults.range("limits.series_per_family", wide(limits.series_per_family), 1..=100_000_000);
    faults.range("limits.series_total", wide(limits.series_total), 1..=100_000_000);
    faults.unless(
        limits.series_total >= limits.series_per_family,
        "limits.series_total",
        "lies below limits.series_per_family",
    );
    faults.range("data.retention_days", settings.data.retention_days.into(), 1..=3650);
    faults.unless(!settings.data.directory.as_os_str().is_empty(), "data.directory", "a path is needed");
    faults.range("history.rollup_days", settings.history.rollup_days.into(), 1..=3650);
    for (key, message) in settings.history.prometheus.faults() {
        faults.unless(false, &format!("history.prometheus.{key}"), message);
    }
    for (key, message) in settings.history.signals.faults() {
        faults.unless(false, &format!("history.signals.{key}"), message);
    }
    check_signals(settings, faults);
    for (key, message) in settings.workload.faults() {
        faults.unless(false, &format!("workload.{key}"), message);
    }
    for (key, message) in settings.report.faults() {
        faults.unless(false, &format!("report.{key}"), message);
    }
    let grid = settings.analysis.grid_minutes;
    faults.unless(
        (1..=60).contains(&grid) && DAY_MINUTES.is_multiple_of(grid),
        "analysis.grid_minutes",
        format!("{grid} does not divide a day into points; use 1 to 60, for example 5, 10, 15, 20, 30 or 60"),
    );
    let capacity = &settings.analysis.capacity;
    faults.range("analysis.capacity.failure_reserve_hosts", capacity.failure_reserve_hosts.into(), 0..=1000);
    faults.unless(
        (0.0..1.0).contains(&capacity.buffer_ratio),
        "analysis.capacity.buffer_ratio",
        format!("{} is no share to keep free; use 0 to less than 1, for example 0.1", capacity.buffer_ratio),
    );
    check_analysis(&settings.analysis, faults);
    check_filter(&settings.filter, faults);
}

fn check_signals(settings: &Settings, faults: &mut Faults) {
    let mut utilizations = std::collections::BTreeMap::new();
    for (name, signal) in &settings.signals {
        for (key, message) in signal.faults(name) {
            faults.unless(false, &format!("signals.{name}.{key}"), message);
        }
        let query = format!("signals.{name}.query");
        let built_in = crate::analyse::signals::Observer::reads(name);
        faults.unless(!built_in, &query, format!("`{name}` is a built-in signal; choose another name"));
        let store = settings.history.of_signals().is_some();
        faults.unless(store, &query, "has no store to ask; set history.prometheus.url or history.signals.url");
        // Gauges of utilisations tell entity, resource and basis, but not which signal they are of.
        if let Some(basis) = signal.utilization() {
            let of = (signal.scope, signal.resource.as_deref().unwrap_or_default(), basis);
            let twin = utilizations.insert(of, name);
            let message =
                |twin: &String| format!("has the scope, resource and basis of signals.{twin}; choose another");
            faults.unless(twin.is_none(), &format!("signals.{name}.resource"), twin.map(message).unwrap_or_default());
        }
    }
}

fn check_analysis(analysis: &crate::analyse::Settings, faults: &mut Faults) {
    let forecast = &analysis.forecast;
    faults.range("analysis.forecast.interval_minutes", forecast.interval_minutes.into(), 5..=1440);
    faults.range("analysis.forecast.fit_hours", forecast.fit_hours.into(), 1..=720);
    faults.range("analysis.forecast.history_days", forecast.history_days.into(), 2..=400);
    let level = forecast.interval_level;
    faults.unless(
        level > 0.0 && level < 1.0,
        "analysis.forecast.interval_level",
        format!("{level} is no probability; use more than 0 and less than 1, for example 0.8"),
    );
    if let Some((key, fault)) = analysis.tiers.fault() {
        faults.unless(false, &format!("analysis.tiers.{key}"), fault);
    }
    faults.range("analysis.risk.runway_days", analysis.risk.runway_days.into(), 1..=365);
    if let Some((key, fault)) = analysis.waste.fault() {
        faults.unless(false, &format!("analysis.waste.{key}"), fault);
    }
    if let Some((key, fault)) = analysis.anomaly.fault() {
        faults.unless(false, &format!("analysis.anomaly.{key}"), fault);
    }
}

fn check_filter(filter: &super::Filter, faults: &mut Faults) {
    let entries = |key: &str, list: &[String], faults: &mut Faults| {
        for entry in list {
            let name = entry.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-*".contains(&byte));
            let message = format!(
                "`{entry}` is no metric; expected a form like openstack_nova_flavors, nova-flavors or openstack_nova_*"
            );
            faults.unless(name && !entry.is_empty(), key, message);
        }
    };
    entries("filter.enable_metrics", &filter.enable_metrics, faults);
    entries("filter.disable_metrics", &filter.disable_metrics, faults);
    for (metric, labels) in &filter.drop_labels {
        let key = format!("filter.drop_labels.{metric}");
        entries(&key, std::slice::from_ref(metric), faults);
        for label in labels {
            faults.unless(is_prefix(label), &key, format!("`{label}` is no label name"));
        }
    }
}

/// A version as `2.87`, or `latest`.
fn is_api_version(text: &str) -> bool {
    text == "latest" || text.parse::<crate::openstack::microversion::Microversion>().is_ok()
}

/// `host:port`; the host may be a name, an IPv4 address or an IPv6 address in brackets.
fn is_address(address: &str) -> bool {
    if address.parse::<std::net::SocketAddr>().is_ok() {
        return true;
    }
    match address.rsplit_once(':') {
        Some((host, port)) => {
            let name = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte));
            // What looks like an IPv4 address has to be one; a name that ends in digits is none.
            let digits_last = host.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
            name && !digits_last && port.parse::<u16>().is_ok()
        }
        None => false,
    }
}

/// An address, or an address and the number of its leading bits.
fn is_network(network: &str) -> bool {
    let (address, bits) = match network.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (network, None),
    };
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits <= most))
}

/// A prefix that keeps family names valid in every text format.
fn is_prefix(prefix: &str) -> bool {
    let mut bytes = prefix.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_fine() {
        assert_eq!(faults(&Settings::default()), []);
    }

    #[test]
    fn addresses() {
        for good in ["127.0.0.1:9180", "[::1]:9180", "[::]:0", "localhost:80", "metrics.example.org:443"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["", "9180", "127.0.0.1", "256.0.0.1:80", "::1:80", "a b:80", "host:99999", ":80"] {
            assert!(!is_address(bad), "{bad}");
        }
        let mut settings = Settings::default();
        settings.expose.listen_addresses = vec![":9180".to_owned()];
        normalize(&mut settings);
        assert_eq!(settings.expose.listen_addresses, ["[::]:9180"]);
        assert_eq!(faults(&settings), []);
    }

    #[test]
    fn networks_and_prefixes() {
        for good in ["10.0.0.0/8", "::/0", "192.0.2.1"] {
            assert!(is_network(good), "{good}");
        }
        for bad in ["10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/"] {
            assert!(!is_network(bad), "{bad}");
        }
        assert!(is_prefix("openstack") && is_prefix("_a9"));
        assert!(!is_prefix("") && !is_prefix("9a") && !is_prefix("a-b") && !is_prefix("ä"));
    }
}
