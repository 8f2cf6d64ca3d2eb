//! From the labels of somebody else's series to entities of the clouds that are served.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::Regex;

use super::settings::BY_HOSTNAME;
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::part::Origin;
use crate::model::snapshot::Snapshot;

/// A hypervisor's region and name.
type Host = (Origin, Arc<str>);

/// Regions that are served, and their hypervisors.
#[derive(Clone, Debug, Default)]
pub struct Places {
    regions: Vec<Origin>,
    /// By each name that a hypervisor goes by; none where two of them share it.
    hosts: BTreeMap<Arc<str>, Option<Host>>,
}

impl Places {
    /// Those of a snapshot.
    pub fn of(snapshot: &Snapshot) -> Self {
        let mut places = Self::default();
        for part in snapshot.parts() {
            let origin = &part.key.origin;
            if origin.cloud.is_some() && origin.region.is_some() && !places.regions.contains(origin) {
                places.regions.push(origin.clone());
            }
        }
        for origin in places.regions.clone() {
            let Some(hypervisors) = snapshot.table::<Hypervisors>(&origin) else { continue };
            for host in &hypervisors.0 {
                let found = (origin.clone(), Arc::clone(&host.name));
                for name in [&host.name, &host.service_host] {
                    let slot = places.hosts.entry(Arc::clone(name)).or_insert_with(|| Some(found.clone()));
                    if slot.as_ref() != Some(&found) {
                        *slot = None;
                    }
                }
            }
        }
        places
    }

    /// A region that is told only in part, or not at all, is the only one that fits.
    fn complete(&self, origin: Origin) -> Origin {
        let fits = |region: &&Origin| {
            (origin.cloud.is_none() || origin.cloud == region.cloud)
                && (origin.region.is_none() || origin.region == region.region)
        };
        let mut fitting = self.regions.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => only.clone(),
            _ => origin,
        }
    }

    fn host(&self, name: &str, told: &Origin) -> Option<Host> {
        let without_port = name.rsplit_once(':').map(|(host, _)| host);
        let found = [Some(name), without_port].into_iter().flatten().find_map(|name| self.hosts.get(name))?;
        found.clone().filter(|(origin, _)| told.cloud.is_none() || told.cloud == origin.cloud)
    }
}

/// How the text of a label becomes an entity.
#[derive(Clone, Debug)]
pub(super) enum EntityMap {
    /// As it is.
    Same,
    /// By a pattern.
    Pattern(Regex),
    /// By the host name of a hypervisor.
    Hostname,
}

impl EntityMap {
    /// Checked with the settings: what is no pattern maps nothing.
    pub(super) fn of(text: Option<&str>) -> Option<Self> {
        match text {
            None => Some(Self::Same),
            Some(BY_HOSTNAME) => Some(Self::Hostname),
            Some(pattern) => Regex::new(pattern).ok().map(Self::Pattern),
        }
    }

    /// The entity, and the region that it belongs to.
    pub(super) fn place(&self, text: &str, told: Origin, places: &Places) -> Option<(Origin, Arc<str>)> {
        match self {
            Self::Same => Some((places.complete(told), Arc::from(text))),
            Self::Pattern(pattern) => {
                let found = pattern.captures(text)?;
                let entity = found.get(1).or_else(|| found.get(0))?.as_str();
                (!entity.is_empty()).then(|| (places.complete(told), Arc::from(entity)))
            }
            Self::Hostname => places.host(text, &told),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(regions: &[(&str, &[&str])]) -> Places {
        let mut places = Places::default();
        for (region, hosts) in regions {
            let origin = Origin::new("c", region);
            places.regions.push(origin.clone());
            for host in *hosts {
                let found = Some((origin.clone(), Arc::from(*host)));
                let twice = places.hosts.contains_key(*host);
                places.hosts.insert(Arc::from(*host), found.filter(|_| !twice));
            }
        }
        places
    }

    #[test]
    fn entities_are_found_by_pattern_or_host_name() {
        let one = places(&[("r", &["n1"])]);
        let pattern = EntityMap::of(Some("^([^.]+)\\.dc1$")).unwrap();
        let found = pattern.place("n7.dc1", Origin::LOCAL, &one).unwrap();
        assert_eq!(found, (Origin::new("c", "r"), Arc::from("n7")), "the only region is meant");
        assert!(pattern.place("n7.dc2", Origin::LOCAL, &one).is_none());
        let two = places(&[("r", &["n1", "n2"]), ("s", &["n2", "n3"])]);
        let hosts = EntityMap::of(Some(BY_HOSTNAME)).unwrap();
        assert_eq!(hosts.place("n3:9100", Origin::LOCAL, &two).unwrap().0, Origin::new("c", "s"));
        assert!(hosts.place("n2:9100", Origin::LOCAL, &two).is_none(), "two hosts have that name");
        assert!(hosts.place("n9", Origin::LOCAL, &two).is_none());
        let other = Origin { cloud: Some("d".into()), region: None };
        assert!(hosts.place("n1", other, &two).is_none(), "that of another cloud");
        let same = EntityMap::of(None).unwrap();
        assert_eq!(same.place("x", Origin::LOCAL, &two).unwrap().0, Origin::LOCAL, "any region may be meant");
        let half = Origin { cloud: None, region: Some("s".into()) };
        assert_eq!(same.place("x", half, &two).unwrap().0, Origin::new("c", "s"));
    }
}
