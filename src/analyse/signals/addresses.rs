//! IPv4 addresses of networks that tenants share: external ones, and those that everybody may use.
//!
//! A tenant's own network is the tenant's business, and there are tens of thousands of them; an IPv6 prefix is not used up.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::compute::UTILIZATION;
use super::{Reader, Source};
use crate::analyse::capacity::Place;
use crate::model::id::Id;
use crate::model::inventory::network::{AddressPools, Networks};
use crate::model::signal::{Basis, Scope};

pub(super) const SOURCE: Source = Source { collector: "network.address_pools", signals: &[&UTILIZATION], read };

fn read(reader: &mut Reader<'_>) {
    let Some(pools) = reader.snapshot.table::<AddressPools>(reader.origin) else { return };
    let Some(networks) = reader.snapshot.table::<Networks>(reader.origin) else { return };
    let mut found: BTreeMap<&Id, (f64, f64)> = BTreeMap::new();
    for pool in pools.0.iter().filter(|pool| pool.ip_version == 4) {
        if networks.0.get(&pool.network).is_some_and(|network| network.external || network.shared) {
            let (used, total) = found.entry(&pool.network).or_default();
            *used += pool.used;
            *total += pool.total;
        }
    }
    for (network, (used, total)) in found {
        if total > 0.0 {
            let place = Place { scope: Scope::Network, entity: Arc::from(network.to_string()) };
            reader.utilization(&place, "addresses", Basis::Allocation, used / total);
        }
    }
}
