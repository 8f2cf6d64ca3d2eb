//! Names and added labels: prefixes by setting, `cloud` and `region` by name space.
//!
//! Does not read values; what a group prints in which order is `plan`'s.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::metric::{Descriptor, Kind, Space};
use crate::model::part::Origin;
use crate::model::snapshot::Snapshot;

use super::{CloudLabels, Naming};

/// Labels that are added in front of a row's own.
pub(crate) type Added = Vec<(&'static str, Arc<str>)>;

/// The naming in force for one snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Scheme {
    naming: Naming,
    cloud_labels: bool,
}

impl Scheme {
    /// Decides `auto`: labels are added once parts of more than one (cloud, region) are there.
    pub(crate) fn new(naming: &Naming, snapshot: &Snapshot) -> Self {
        let cloud_labels = match naming.cloud_labels {
            CloudLabels::Always => true,
            CloudLabels::Never => false,
            CloudLabels::Auto => {
                let mut clouds = snapshot.parts().map(|part| &part.key.origin).filter(|origin| origin.cloud.is_some());
                let first = clouds.next();
                clouds.any(|other| Some(other) != first)
            }
        };
        Self { naming: naming.clone(), cloud_labels }
    }

    /// Whether `openstack_*` families carry cloud labels; a group rendered with another answer is stale.
    pub(crate) fn cloud_labels(&self) -> bool {
        self.cloud_labels
    }

    /// The name as printed.
    pub(crate) fn name(&self, row: &Descriptor) -> String {
        let prefix = match row.space() {
            Space::OpenStack => &self.naming.prefix,
            Space::Host => &self.naming.host_prefix,
            Space::Stackcast => return row.name.clone().into_owned(),
        };
        if prefix.is_empty() { row.bare_name().to_owned() } else { format!("{prefix}_{}", row.bare_name()) }
    }

    /// The labels added to a row's samples of this origin; a label that the row has itself wins.
    pub(crate) fn added(&self, row: &Descriptor, origin: &Origin) -> Added {
        let wanted = match row.space() {
            Space::OpenStack => self.cloud_labels,
            Space::Stackcast => true,
            Space::Host => false,
        };
        if !wanted {
            return Vec::new();
        }
        [("cloud", &origin.cloud), ("region", &origin.region)]
            .into_iter()
            .filter(|(name, _)| !row.labels.iter().any(|own| own == name))
            .filter_map(|(name, value)| value.as_ref().map(|value| (name, Arc::clone(value))))
            .collect()
    }
}

/// The name under which a family may exist once: OpenMetrics knows the counter `x_total` as `x`.
pub(crate) fn family_key(name: &str, kind: Kind) -> &str {
    match kind {
        Kind::Counter => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    }
}

/// Whether a name may be printed as a metric name.
pub(crate) fn is_metric_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b':')
}

/// Whether a row's label names may be printed: well formed, none twice, none that the format needs itself.
pub(crate) fn are_label_names(row: &Descriptor) -> bool {
    let labels: &[Cow<'static, str>] = &row.labels;
    labels.iter().enumerate().all(|(at, label)| {
        is_metric_name(label)
            && !label.contains(':')
            && !labels.iter().take(at).any(|before| before == label)
            && (row.kind != Kind::Histogram || label != "le")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::Timestamp;
    use crate::model::part::{PartBuilder, PartKey};
    use crate::model::snapshot::{SeriesLimits, SnapshotStore};

    crate::metrics! {
        /// Agents.
        AGENTS = gauge "openstack_nova_agents" [host], Count, "test";
        /// Limits.
        LIMITS = gauge "openstack_nova_limits" [region], Count, "test";
        /// Uptime.
        UPTIME = gauge "host_uptime" [], Count, "test";
        /// Ours.
        OURS = gauge "stackcast_ours" [], Count, "test";
    }

    fn scheme(naming: &Naming, origins: &[Origin]) -> Scheme {
        let store = SnapshotStore::new(SeriesLimits::default());
        for origin in origins {
            let key = PartKey { group: "g", origin: origin.clone(), source: "s".into() };
            let (part, dropped) = PartBuilder::new().seal(key, Timestamp::default(), 1);
            store.publish(part, dropped);
        }
        Scheme::new(naming, &store.load())
    }

    #[test]
    fn prefixes_replace_their_own_name_space_only() {
        assert_eq!(METRICS.len(), 4);
        let naming =
            Naming { prefix: "os".to_owned(), host_prefix: "node".to_owned(), cloud_labels: CloudLabels::Auto };
        let scheme = scheme(&naming, &[]);
        let names: Vec<_> = METRICS.iter().map(|row| scheme.name(row)).collect();
        assert_eq!(names, ["os_nova_agents", "os_nova_limits", "node_uptime", "stackcast_ours"]);
    }

    #[test]
    fn labels_by_name_space_setting_and_number_of_clouds() {
        let (a, b) = (Origin::new("a", "r1"), Origin::new("a", "r2"));
        let names = |scheme: &Scheme, row: &Descriptor, origin: &Origin| -> Vec<String> {
            scheme.added(row, origin).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        let one = scheme(&Naming::default(), &[a.clone(), Origin::LOCAL]);
        assert!(names(&one, &AGENTS.descriptor, &a).is_empty());
        assert_eq!(names(&one, &OURS.descriptor, &a), ["cloud=a", "region=r1"]);
        assert!(names(&one, &OURS.descriptor, &Origin::LOCAL).is_empty());
        let two = scheme(&Naming::default(), &[a.clone(), b.clone()]);
        assert_eq!(names(&two, &AGENTS.descriptor, &b), ["cloud=a", "region=r2"]);
        assert_eq!(names(&two, &LIMITS.descriptor, &b), ["cloud=a"], "the row's own region wins");
        assert!(names(&two, &UPTIME.descriptor, &b).is_empty());
        let never = Naming { cloud_labels: CloudLabels::Never, ..Naming::default() };
        assert!(names(&scheme(&never, &[a.clone(), b]), &AGENTS.descriptor, &a).is_empty());
    }

    #[test]
    fn names_that_a_parser_would_refuse() {
        for (name, good) in [("a_b:c1", true), ("_x", true), ("1a", false), ("a-b", false), ("", false), ("ä", false)]
        {
            assert_eq!(is_metric_name(name), good, "{name}");
        }
        let mut row = LIMITS.descriptor.clone();
        row.labels = vec!["a".into(), "a".into()].into();
        assert!(!are_label_names(&row));
        row.labels = vec!["a:b".into()].into();
        assert!(!are_label_names(&row));
        row.labels = vec!["le".into()].into();
        assert!(are_label_names(&row));
        row.kind = Kind::Histogram;
        assert!(!are_label_names(&row));
    }
}
