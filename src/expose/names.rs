//! Names and added labels: prefixes by setting, `cloud` and `region` by name space.
//!
//! Does not read values; what a group prints in which order is `plan`'s.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::metric::{Descriptor, Kind, Space};
use crate::model::part::{Origin, Part, PartKey};
use crate::model::snapshot::Snapshot;

use super::{CloudLabels, Naming};

/// Labels that are added in front of a row's own.
pub(crate) type Added = Vec<(&'static str, Arc<str>)>;

/// Which parts and families a page shows, and how it names them.
#[derive(Clone)]
pub struct View {
    naming: Naming,
    shows: Arc<dyn Fn(&PartKey) -> bool + Send + Sync>,
    keeps: Arc<dyn Fn(&Descriptor) -> bool + Send + Sync>,
    /// Whether it is the page of a single cloud, without the server's own families and without a `cloud` label.
    pub(crate) single_cloud: bool,
}

impl View {
    /// Everything.
    pub fn whole(naming: Naming) -> Self {
        Self { naming, shows: Arc::new(|_| true), keeps: Arc::new(|_| true), single_cloud: false }
    }

    /// The parts of one cloud, of those that `shows` selects.
    pub fn of_cloud(naming: Naming, shows: impl Fn(&PartKey) -> bool + Send + Sync + 'static) -> Self {
        Self { shows: Arc::new(shows), single_cloud: true, ..Self::whole(naming) }
    }

    /// Only parts that satisfy the test.
    pub fn showing(self, shows: impl Fn(&PartKey) -> bool + Send + Sync + 'static) -> Self {
        Self { shows: Arc::new(shows), ..self }
    }

    /// Of what is gathered at each scrape, only families that satisfy the test; what collectors publish is filtered there.
    pub fn keeping(self, keeps: impl Fn(&Descriptor) -> bool + Send + Sync + 'static) -> Self {
        Self { keeps: Arc::new(keeps), ..self }
    }

    /// A part gathered at a scrape without the families that are not kept.
    pub(crate) fn trim(&self, mut part: Part) -> Arc<Part> {
        part.families.retain(|family| (self.keeps)(family.descriptor()));
        Arc::new(part)
    }

    /// Whether a part is shown.
    pub(crate) fn shows(&self, key: &PartKey) -> bool {
        (self.shows)(key)
    }
}

impl std::fmt::Debug for View {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("View").field("naming", &self.naming).finish_non_exhaustive()
    }
}

/// The naming in force for one snapshot.
#[derive(Clone, Debug)]
pub(crate) struct Scheme {
    naming: Naming,
    cloud_labels: bool,
    single_cloud: bool,
}

impl Scheme {
    /// Decides `auto`: labels are added once parts of more than one (cloud, region) are there. Where a single cloud is
    /// shown nobody asks for labels, but its regions have to be told apart.
    pub(crate) fn of(view: &View, snapshot: &Snapshot) -> Self {
        let naming = &view.naming;
        let cloud_labels = match naming.cloud_labels {
            CloudLabels::Always if !view.single_cloud => true,
            CloudLabels::Never => false,
            CloudLabels::Auto | CloudLabels::Always => {
                let parts = snapshot.parts().filter(|part| view.shows(&part.key));
                let mut clouds = parts.map(|part| &part.key.origin).filter(|origin| origin.cloud.is_some());
                let first = clouds.next();
                clouds.any(|other| Some(other) != first)
            }
        };
        Self { naming: naming.clone(), cloud_labels, single_cloud: view.single_cloud }
    }

    /// The same for a page of everything.
    #[cfg(test)]
    pub(crate) fn new(naming: &Naming, snapshot: &Snapshot) -> Self {
        Self::of(&View::whole(naming.clone()), snapshot)
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
            .filter(|(name, _)| *name != "cloud" || !self.single_cloud)
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
    fn the_page_of_one_cloud_has_regions_only_where_there_are_several() {
        let of_a = |key: &PartKey| key.origin.cloud.as_deref() == Some("a");
        let (a1, a2, b) = (Origin::new("a", "1"), Origin::new("a", "2"), Origin::new("b", "1"));
        let labels = |cloud_labels, origins: &[Origin]| {
            let store = SnapshotStore::new(SeriesLimits::default());
            for origin in origins {
                let key = PartKey { group: "g", origin: origin.clone(), source: "s".into() };
                store.publish(PartBuilder::new().seal(key, Timestamp::default(), 1).0, Vec::new());
            }
            let view = View::of_cloud(Naming { cloud_labels, ..Naming::default() }, of_a);
            Scheme::of(&view, &store.load()).added(&AGENTS.descriptor, &a1).len()
        };
        assert_eq!(labels(CloudLabels::Always, &[a1.clone(), b.clone()]), 0);
        assert_eq!(labels(CloudLabels::Auto, &[a1.clone(), a2.clone(), b]), 1, "the region, not the cloud");
        assert_eq!(labels(CloudLabels::Never, &[a1.clone(), a2]), 0);
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
