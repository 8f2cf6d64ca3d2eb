//! Manila's services (agents).

use serde::Deserialize;

use crate::collect::decode::{list, null_as_default};
use crate::collect::{Collect, Collecting, Cx};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// A service's state: 1 up, 0 down.
    AGENT_STATE = gauge "openstack_sharev2_agent_state" [hostname service adminState zone], State, "GET /services at 2.7";
}

/// Before 2.7 the path is os-services.
const VERSION: Microversion = Microversion::new(2, 7);

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
}

/// Services.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let version = cx.client.negotiate(VERSION).await?;
            let path = if version == Some(VERSION) { "services" } else { "os-services" };
            let mut items = Vec::new();
            list(cx, Request::new(path).at(version), "services", |item: Item| items.push(item)).await?;
            Ok(emit(&items))
        })
    }
}

fn emit(items: &[Item]) -> PartBuilder {
    let mut part = PartBuilder::new();
    for item in items {
        let up = f64::from(u8::from(item.state == "up"));
        part.put(&AGENT_STATE, [&item.host, &item.binary, &item.status, &item.zone], up);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn up_and_down() {
        let body = br#"{"services": [
            {"id": 1, "binary": "manila-share", "host": "h@a", "zone": "nova", "status": "enabled", "state": "up"},
            {"id": 2, "binary": "manila-data", "host": "h", "zone": null, "status": "disabled", "state": "down"}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "services")));
        let expected = [("h@a|manila-share|enabled|nova".to_owned(), 1.0), ("h|manila-data|disabled|".to_owned(), 0.0)];
        assert_eq!(rows(&part, &AGENT_STATE), expected);
    }
}
