//! Nova's services (agents) and availability zones.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::collect::decode::{list, null_as_default, text_or_number};
use crate::collect::health::Visibility;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::inventory::compute_service::{ComputeService, ComputeServices};
use crate::model::inventory::interner::Interner;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::ErrorKind;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// A service's state: 1 up, 0 down.
    AGENT_STATE = gauge "openstack_nova_agent_state" [id hostname service adminState zone disabledReason], State, "GET /os-services";
    /// Availability zones with at least one service.
    AVAILABILITY_ZONES = gauge "openstack_nova_availability_zones" [], Count, "GET /os-availability-zone";
}

/// Ids are UUIDs from 2.53 on; at 2.69 services of a cell that is down are listed too.
const VERSION: Microversion = Microversion::new(2, 69);

#[derive(Deserialize)]
struct Item {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    binary: String,
    #[serde(default, deserialize_with = "null_as_default")]
    host: String,
    #[serde(default, deserialize_with = "null_as_default")]
    zone: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    state: String,
    #[serde(default, deserialize_with = "null_as_default")]
    disabled_reason: String,
}

/// Services and zones.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            let mut zones = 0usize;
            let request = Request::new("os-availability-zone").at(cx.client.negotiate(VERSION).await?);
            list(cx, request, "availabilityZoneInfo", |_: IgnoredAny| zones += 1).await?;
            part.put(&AVAILABILITY_ZONES, [], zones as f64);
            let mut items = Vec::new();
            let request = Request::new("os-services").at(cx.client.negotiate(VERSION).await?);
            match list(cx, request, "services", |item: Item| items.push(item)).await {
                Ok(_) => emit(&items, &mut part),
                // Everyone may list zones; services take more.
                Err(error) if error.kind == ErrorKind::Forbidden => cx.report.set_visibility(Visibility::Project),
                Err(error) => return Err(error),
            }
            Ok(part)
        })
    }
}

fn emit(items: &[Item], part: &mut PartBuilder) {
    let mut interner = Interner::default();
    let mut table = ComputeServices::default();
    for item in items {
        let up = item.state == "up";
        let labels = [&*item.id, &item.host, &item.binary, &item.status, &item.zone, &item.disabled_reason];
        part.put(&AGENT_STATE, labels, f64::from(u8::from(up)));
        table.0.push(ComputeService {
            binary: interner.intern(&item.binary),
            host: interner.intern(&item.host),
            zone: interner.intern(&item.zone),
            enabled: item.status == "enabled",
            up,
        });
    }
    part.table(Arc::new(table));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    fn part(body: &[u8]) -> crate::model::part::Part {
        let items = recorded::<Item>(body, "services");
        let mut part = PartBuilder::new();
        emit(&items, &mut part);
        seal(part)
    }

    #[test]
    fn the_recorded_services() {
        let part = part(include_bytes!("../../../tests/recordings/nova/os-services-2.69.json"));
        let rows = rows(&part, &AGENT_STATE);
        assert_eq!(rows.len(), 6);
        let disabled = "5b4c38f6-4607-4c6a-af97-0834a94156ee|compute-04|nova-compute|disabled|az-b|seed: maintenance";
        assert_eq!(rows[4], (disabled.to_owned(), 1.0));
        let table = part.tables.get::<ComputeServices>().unwrap();
        assert!(!table.0[4].enabled && table.0[4].up && table.0[3].enabled);
    }

    #[test]
    fn old_ids_are_numbers_and_a_dead_service_is_0() {
        let old = part(include_bytes!("../../../tests/recordings/nova/os-services-2.1.json"));
        assert!(rows(&old, &AGENT_STATE)[0].0.starts_with("1|controller|nova-conductor|enabled|internal|"));
        let down =
            part(br#"{"services": [{"id": "x", "host": "h", "state": "down", "status": "enabled", "zone": null}]}"#);
        assert_eq!(rows(&down, &AGENT_STATE), [("x|h||enabled||".to_owned(), 0.0)]);
    }

    #[test]
    fn the_recorded_zones() {
        let body = include_bytes!("../../../tests/recordings/nova/availability-zone-detail.json");
        assert_eq!(recorded::<IgnoredAny>(body, "availabilityZoneInfo").len(), 3);
    }
}
