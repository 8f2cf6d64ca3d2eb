//! Which families are left out of the page. Says yes or no; exposition applies it.

use serde::{Deserialize, Serialize};

/// Families that are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Filter {
    /// Leave out families that cost one call per project or more.
    pub disable_slow: bool,
    /// Leave out families that are kept for compatibility only.
    pub disable_deprecated: bool,
    /// Leave out these families, by name (`openstack_nova_flavors`) or in openstack-exporter's form (`nova-flavors`).
    pub disable_metrics: Vec<String>,
}

impl Filter {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        !self.disable_slow && !self.disable_deprecated && self.disable_metrics.is_empty()
    }

    /// Whether a family, by its default name, is left out.
    pub fn drops(&self, name: &str, slow: bool, deprecated: bool) -> bool {
        (slow && self.disable_slow)
            || (deprecated && self.disable_deprecated)
            || self.disable_metrics.iter().any(|entry| names_family(entry, name))
    }
}

/// Whether `entry` names the family: its full name, or `service-metric`.
fn names_family(entry: &str, name: &str) -> bool {
    if entry == name {
        return true;
    }
    match (entry.split_once('-'), name.strip_prefix("openstack_")) {
        (Some((service, metric)), Some(rest)) => {
            rest.strip_prefix(service).and_then(|r| r.strip_prefix('_')) == Some(metric)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_a_name_are_understood() {
        let filter = Filter {
            disable_metrics: vec!["nova-server_status".to_owned(), "host_load1".to_owned()],
            ..Filter::default()
        };
        assert!(filter.drops("openstack_nova_server_status", false, false));
        assert!(filter.drops("host_load1", false, false));
        assert!(!filter.drops("openstack_nova_server_status_total", false, false));
        assert!(!filter.drops("openstack_nova_flavors", true, true));
        assert!(!filter.is_empty());
    }

    #[test]
    fn slow_and_deprecated_go_only_when_told() {
        let filter = Filter { disable_slow: true, ..Filter::default() };
        assert!(filter.drops("openstack_nova_limits_vcpus_max", true, false));
        assert!(!filter.drops("openstack_cinder_volume_status", false, true));
        assert!(Filter::default().is_empty());
    }
}
