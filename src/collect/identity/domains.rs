//! Domains and regions.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::collect::decode::{Rights, bool_label, list, null_as_default};
use crate::collect::{Collect, Collecting, Cx};
use crate::model::inventory::project::Domains;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Domains.
    DOMAINS = gauge "openstack_identity_domains" [], Count, "GET /v3/domains";
    /// A domain, always 1.
    DOMAIN_INFO = gauge "openstack_identity_domain_info" [description enabled id name], Info, "GET /v3/domains";
    /// Regions.
    REGIONS = gauge "openstack_identity_regions" [], Count, "GET /v3/regions";
}

#[derive(Deserialize)]
struct Domain {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    description: String,
    #[serde(default = "enabled")]
    enabled: bool,
}

fn enabled() -> bool {
    true
}

/// Domains and regions.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            let mut rights = Rights::default();
            super::is_of_domain(cx).await;
            // By default everyone may list regions; domains take a reader of the system or an admin.
            let mut regions = 0usize;
            let listed = list(cx, Request::new("regions"), "regions", |_: IgnoredAny| regions += 1).await;
            if rights.permitted(listed)? {
                part.put(&REGIONS, [], regions as f64);
            }
            let mut domains = Vec::new();
            let listed = list(cx, Request::new("domains"), "domains", |domain: Domain| domains.push(domain)).await;
            if rights.permitted(listed)? {
                emit(&domains, &mut part);
            }
            rights.conclude(&cx.report)?;
            Ok(part)
        })
    }
}

fn emit(domains: &[Domain], part: &mut PartBuilder) {
    part.put(&DOMAINS, [], domains.len() as f64);
    let mut table = Domains::default();
    for domain in domains {
        let labels = [&*domain.description, bool_label(domain.enabled), &domain.id, &domain.name];
        part.put(&DOMAIN_INFO, labels, 1.0);
        table.0.insert(Arc::from(&*domain.id), Arc::from(&*domain.name));
    }
    part.table(Arc::new(table));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn the_recorded_domains() {
        let domains = recorded::<Domain>(include_bytes!("../../../tests/recordings/keystone/domains.json"), "domains");
        let mut part = PartBuilder::new();
        emit(&domains, &mut part);
        let part = seal(part);
        assert_eq!(only(&part, &DOMAINS), 2.0);
        let expected =
            ["The default domain|true|default|Default", "a second domain|true|fef66b8eee884abda94668739c25b4f4|corp"];
        assert_eq!(rows(&part, &DOMAIN_INFO), expected.map(|labels| (labels.to_owned(), 1.0)));
        assert_eq!(&*part.tables.get::<Domains>().unwrap().0["default"], "Default");
    }

    #[test]
    fn the_recorded_regions() {
        let regions =
            recorded::<IgnoredAny>(include_bytes!("../../../tests/recordings/keystone/regions.json"), "regions");
        assert_eq!(regions.len(), 1);
    }
}
