//! Cinder's services (agents) and the state of their backends.

use serde::Deserialize;

use crate::collect::decode::{list, null_as_default};
use crate::collect::{Collect, Collecting, Cx};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// A service's state: 1 up, 0 down. Cinder's services have no id of their own, so uuid is empty.
    AGENT_STATE = gauge "openstack_cinder_agent_state" [uuid hostname service adminState zone disabledReason], State, "GET /os-services";
    /// Whether a volume service's backend works: 1 up, 0 down; the service itself may be up while its storage is not.
    BACKEND_STATE = gauge "openstack_cinder_backend_state" [hostname zone], State, "GET /os-services at 3.49";
}

/// Backends tell their state from 3.49 on.
const VERSION: Microversion = Microversion::new(3, 49);

#[derive(Deserialize)]
struct Item {
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
    backend_state: Option<String>,
}

/// Services.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            let request = Request::new("os-services").at(cx.client.negotiate(VERSION).await?);
            list(cx, request, "services", |item: Item| items.push(item)).await?;
            Ok(emit(&items))
        })
    }
}

fn emit(items: &[Item]) -> PartBuilder {
    let mut part = PartBuilder::new();
    let up = |state: &str| f64::from(u8::from(state == "up"));
    for item in items {
        let labels = ["", &*item.host, &item.binary, &item.status, &item.zone, &item.disabled_reason];
        part.put(&AGENT_STATE, labels, up(&item.state));
        if let Some(state) = &item.backend_state {
            part.put(&BACKEND_STATE, [&item.host, &item.zone], up(state));
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn the_recorded_services_of_both_ages() {
        let new: &[u8] = include_bytes!("../../../tests/recordings/cinder/os-services-3.56.json");
        let old: &[u8] = include_bytes!("../../../tests/recordings/cinder/os-services-3.0.json");
        let [new, old] = [new, old].map(|body| seal(emit(&recorded::<Item>(body, "services"))));
        assert_eq!(rows(&new, &AGENT_STATE), rows(&old, &AGENT_STATE));
        let first = "|volhost|cinder-scheduler|enabled|nova|";
        assert_eq!(rows(&new, &AGENT_STATE)[0], (first.to_owned(), 1.0));
        let backends = [("volhost@fast|nova".to_owned(), 1.0), ("volhost@bulk|nova".to_owned(), 1.0)];
        assert_eq!(rows(&new, &BACKEND_STATE), backends);
        assert!(rows(&old, &BACKEND_STATE).is_empty());
    }

    #[test]
    fn a_disabled_service_says_why_and_a_dead_one_is_0() {
        let body = br#"{"services": [{"binary": "cinder-backup", "host": "h", "zone": "z", "status": "disabled",
            "state": "down", "disabled_reason": "maintenance"}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "services")));
        assert_eq!(rows(&part, &AGENT_STATE), [("|h|cinder-backup|disabled|z|maintenance".to_owned(), 0.0)]);
    }
}
