//! Host aggregates, which also define availability zones.

use std::collections::BTreeMap;
use std::sync::Arc;

/// A host aggregate.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Name.
    pub name: Arc<str>,
    /// UUID (from 2.41 on).
    pub uuid: Option<Box<str>>,
    /// Availability zone that it defines.
    pub zone: Option<Arc<str>>,
    /// Hosts (service hosts, not hypervisor host names).
    pub hosts: Vec<Arc<str>>,
    /// Metadata.
    pub metadata: BTreeMap<Box<str>, Box<str>>,
}

impl Aggregate {
    /// Whether its only purpose is to name a zone: such aggregates are left out of `aggregates` labels.
    pub fn names_only_a_zone(&self) -> bool {
        self.metadata.len() == 1 && self.metadata.contains_key("availability_zone")
    }
}

/// All aggregates.
#[derive(Clone, Debug, Default)]
pub struct Aggregates(pub Vec<Aggregate>);

/// Zone and sorted aggregate names of one host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostPlace {
    /// Availability zone; empty when no aggregate names one.
    pub zone: Arc<str>,
    /// Names of the aggregates that are more than a zone, sorted.
    pub aggregates: Vec<Arc<str>>,
}

impl Aggregates {
    /// Zone and aggregates by service host.
    pub fn places(&self) -> BTreeMap<Arc<str>, HostPlace> {
        let mut places: BTreeMap<Arc<str>, HostPlace> = BTreeMap::new();
        for aggregate in &self.0 {
            for host in &aggregate.hosts {
                let place = places.entry(Arc::clone(host)).or_default();
                if let Some(zone) = &aggregate.zone {
                    place.zone = Arc::clone(zone);
                }
                if !aggregate.names_only_a_zone() {
                    place.aggregates.push(Arc::clone(&aggregate.name));
                }
            }
        }
        for place in places.values_mut() {
            place.aggregates.sort();
            place.aggregates.dedup();
        }
        places
    }
}
