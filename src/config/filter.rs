//! Which families and labels are left out of the page. Says yes or no; collection and exposition apply it.

use std::collections::{BTreeMap, HashSet};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// Families and labels that are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Leave out families that cost one call per project or more.
    pub disable_slow: bool,
    /// Leave out families that are kept for compatibility only.
    pub disable_deprecated: bool,
    /// Leave out families that openstack-exporter has not, those about stackcast and the host among them.
    pub peer_families_only: bool,
    /// Keep these families only; empty keeps all. Names as in `disable_metrics`.
    pub enable_metrics: Vec<String>,
    /// Leave out these families, by name (`openstack_nova_flavors`), in openstack-exporter's form (`nova-flavors`), or
    /// with `*` for any text (`openstack_neutron_*`).
    pub disable_metrics: Vec<String>,
    /// Labels to leave out of a family: names as in `disable_metrics`, and the labels. Where two samples become the
    /// same by it the first one stays, and the others are counted in stackcast_series_dropped_total.
    pub drop_labels: BTreeMap<String, Vec<String>>,
}

/// openstack-exporter's families, one per line.
static PEER_FAMILIES: LazyLock<HashSet<&str>> = LazyLock::new(|| include_str!("peer_families.txt").lines().collect());

impl Filter {
    /// Whether a family, by its default name, is left out.
    pub fn drops(&self, name: &str, slow: bool, deprecated: bool) -> bool {
        (slow && self.disable_slow)
            || (deprecated && self.disable_deprecated)
            || (self.peer_families_only && !PEER_FAMILIES.contains(name))
            || (!self.enable_metrics.is_empty() && !names_any(&self.enable_metrics, name))
            || names_any(&self.disable_metrics, name)
    }

    /// Whether a label of a family, by its default name, is left out.
    pub fn drops_label(&self, name: &str, label: &str) -> bool {
        let of_family = self.drop_labels.iter().filter(|(entry, _)| names_family(entry, name));
        of_family.flat_map(|(_, labels)| labels).any(|dropped| dropped == label)
    }
}

fn names_any(entries: &[String], name: &str) -> bool {
    entries.iter().any(|entry| names_family(entry, name))
}

/// Whether `entry` names the family: its full name or `service-metric`, either with `*`.
fn names_family(entry: &str, name: &str) -> bool {
    if matches(entry, name) {
        return true;
    }
    match (entry.split_once('-'), name.strip_prefix("openstack_")) {
        (Some((service, metric)), Some(rest)) => {
            let metric_of = |rest: &str| rest.strip_prefix('_').is_some_and(|rest| matches(metric, rest));
            rest.strip_prefix(service).is_some_and(metric_of)
        }
        _ => false,
    }
}

/// Whether a text is as a pattern says, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let tail = parts.pop().unwrap_or_default();
    for part in parts {
        match text.split_once(part) {
            Some((_, behind)) => text = behind,
            None => return false,
        }
    }
    text.ends_with(tail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disable(entries: &[&str]) -> Filter {
        Filter { disable_metrics: entries.iter().map(|&entry| entry.to_owned()).collect(), ..Filter::default() }
    }

    #[test]
    fn all_forms_of_a_name_are_understood() {
        let filter = disable(&["nova-server_status", "host_load1", "openstack_neutron_*", "cinder-*_gb"]);
        let drops = |name: &str| filter.drops(name, false, false);
        assert!(drops("openstack_nova_server_status") && drops("host_load1"));
        assert!(!drops("openstack_nova_server_status_total"));
        assert!(!filter.drops("openstack_nova_flavors", true, true));
        assert!(drops("openstack_neutron_ports") && drops("openstack_cinder_volume_gb"));
        assert!(!drops("openstack_cinder_volume_gbs") && !drops("openstack_nova_neutron_ports"));
    }

    #[test]
    fn patterns() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*b*c", "a_b_c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("a", "ab", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn an_allow_list_and_the_peers_families() {
        let some = Filter { enable_metrics: vec!["openstack_nova_*".to_owned()], ..disable(&["nova-flavor"]) };
        assert!(!some.drops("openstack_nova_up", false, false));
        assert!(some.drops("openstack_nova_flavor", false, false), "what is disabled stays out");
        assert!(some.drops("stackcast_build_info", false, false));
        let peer = Filter { peer_families_only: true, ..Filter::default() };
        assert!(!peer.drops("openstack_nova_flavors", false, false));
        for own in ["stackcast_build_info", "host_load1", "process_threads", "openstack_api_up"] {
            assert!(peer.drops(own, false, false), "{own}");
        }
    }

    #[test]
    fn the_list_of_the_peers_families_is_the_catalogue() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/openstack-exporter-metrics.csv");
        let catalogue = std::fs::read_to_string(path).unwrap();
        let names: HashSet<&str> = catalogue.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        assert_eq!(*PEER_FAMILIES, names);
    }

    #[test]
    fn slow_and_deprecated_go_only_when_told() {
        let filter = Filter { disable_slow: true, ..Filter::default() };
        assert!(filter.drops("openstack_nova_limits_vcpus_max", true, false));
        assert!(!filter.drops("openstack_cinder_volume_status", false, true));
    }

    #[test]
    fn labels_by_family() {
        let labels = [("nova-server_status".to_owned(), vec!["user_id".to_owned()])];
        let filter = Filter { drop_labels: labels.into(), ..Filter::default() };
        assert!(filter.drops_label("openstack_nova_server_status", "user_id"));
        assert!(!filter.drops_label("openstack_nova_server_status", "id"));
        assert!(!filter.drops_label("openstack_nova_flavor", "user_id"));
    }
}
