//! Listeners, counted: single ones matter only through their load balancer's status.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::collect::decode::{list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Listeners of a project by protocol and status.
    LISTENERS = gauge "openstack_loadbalancer_listeners" [project_id protocol operating_status provisioning_status], Count, "GET /v2.0/lbaas/listeners";
}

#[derive(Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    protocol: String,
    #[serde(default, deserialize_with = "null_as_default")]
    operating_status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    provisioning_status: String,
}

/// Listeners.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            if cx.keep.wants(&LISTENERS.descriptor) {
                list(cx, Request::new("lbaas/listeners"), "listeners", |item: Item| items.push(item)).await?;
            }
            let mut sight = Sight::of(cx).await;
            items.iter().for_each(|item| sight.see(&item.project_id));
            sight.report(cx);
            Ok(emit(&items))
        })
    }
}

fn emit(items: &[Item]) -> PartBuilder {
    let mut counts: BTreeMap<[&str; 4], u32> = BTreeMap::new();
    for item in items {
        let labels = [&*item.project_id, &item.protocol, &item.operating_status, &item.provisioning_status];
        *counts.entry(labels).or_default() += 1;
    }
    let mut part = PartBuilder::new();
    for (labels, count) in counts {
        part.put(&LISTENERS, labels, f64::from(count));
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn listeners_are_counted_by_status() {
        let body = br#"{"listeners": [
            {"id": "1", "project_id": "p", "protocol": "HTTP", "operating_status": "ONLINE", "provisioning_status": "ACTIVE"},
            {"id": "2", "project_id": "p", "protocol": "HTTP", "operating_status": "ONLINE", "provisioning_status": "ACTIVE"},
            {"id": "3", "project_id": "p", "protocol": "TCP", "operating_status": "OFFLINE", "provisioning_status": "ERROR"}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "listeners")));
        let expected = [("p|HTTP|ONLINE|ACTIVE".to_owned(), 2.0), ("p|TCP|OFFLINE|ERROR".to_owned(), 1.0)];
        assert_eq!(rows(&part, &LISTENERS), expected);
    }
}
