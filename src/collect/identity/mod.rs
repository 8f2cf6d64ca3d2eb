//! Keystone: projects, users and groups, domains and regions.
//!
//! Keystone's lists come whole unless its operator set a limit; then they are followed by `links.next`.

mod domains;
mod projects;
mod users;

use super::health::Visibility;
use super::{Cadence, CollectorSpec, Cx, Service};
use crate::openstack::client::Request;

crate::metrics! {
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_identity_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "identity",
    catalog_types: &["identity"],
    tables: &[METRICS, domains::METRICS, projects::METRICS, users::METRICS],
    up: &UP,
    collectors: &[
        CollectorSpec { name: "identity.domains", cadence: Cadence::Slow, make: || Box::new(domains::Collector) },
        CollectorSpec {
            name: "identity.projects",
            cadence: Cadence::Slow,
            make: || Box::new(projects::Collector::default()),
        },
        CollectorSpec { name: "identity.users", cadence: Cadence::Slow, make: || Box::new(users::Collector) },
    ],
};

/// Whether Keystone shows only what belongs to the token's domain, which is noted in the report.
async fn is_of_domain(cx: &Cx) -> bool {
    let of_domain = cx.client.cloud().session().await.is_ok_and(|session| session.is_of_domain());
    if of_domain {
        cx.report.set_visibility(Visibility::Domain);
    }
    of_domain
}

/// The request for a list of domains' members: of the chosen domain's, where one is chosen.
fn of_domain(cx: &Cx, path: &'static str) -> Request<'static> {
    let request = Request::new(path);
    match &cx.settings.scope.domain_id {
        Some(id) => request.query("domain_id", id.clone()),
        None => request,
    }
}
