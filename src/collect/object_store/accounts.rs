//! Accounts: what each project stores, from the headers of its account.
//!
//! Own account for everyone; the others for credentials with the reseller's role, one call each, spread by the
//! [rounds](crate::collect::quota_rounds). Without that role no call is wasted on them.

use crate::collect::quota_rounds::Rounds;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

crate::metrics! {
    /// Containers of a project's account.
    CONTAINERS = gauge "openstack_object_store_account_containers" [project_id project], Count, "GET /v1/AUTH_{project}?limit=1 (headers)";
    /// Objects in a project's account.
    OBJECTS = gauge "openstack_object_store_account_objects" [project_id project], Count, "GET /v1/AUTH_{project}?limit=1 (headers)";
    /// Bytes in a project's account.
    BYTES = gauge "openstack_object_store_account_bytes" [project_id project], Bytes, "GET /v1/AUTH_{project}?limit=1 (headers)";
    /// Quota of a project's account, where one is set.
    QUOTA_BYTES = gauge "openstack_object_store_account_quota_bytes" [project_id project], Bytes, "GET /v1/AUTH_{project}?limit=1 (headers)";
}

/// Swift's default `reseller_admin_role`.
const RESELLER: &str = "ResellerAdmin";

const HEADERS: [&str; 4] =
    ["x-account-container-count", "x-account-object-count", "x-account-bytes-used", "x-account-meta-quota-bytes"];

/// Containers, objects, bytes, quota; none where the service does not say.
type Account = [Option<f64>; HEADERS.len()];

/// Accounts, with the answers in hand.
#[derive(Default)]
pub(super) struct Collector {
    rounds: Rounds<Account>,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let session = cx.client.cloud().session().await?;
            let own = session.project_id.as_deref().unwrap_or_default();
            let reseller = session.roles.iter().any(|role| role.eq_ignore_ascii_case(RESELLER));
            let ask = |id: Id| async move {
                let id = id.to_string();
                if id == own || reseller { account(cx, own, &id).await } else { Err(forbidden(cx)) }
            };
            self.rounds.run(cx, ask).await?;
            Ok(self.emit())
        })
    }
}

async fn account(cx: &Cx, own: &str, project: &str) -> Result<Account, Error> {
    let client = if project == own { Some(cx.client.clone()) } else { cx.client.at_project(own, project) };
    let client = client.ok_or_else(|| forbidden(cx))?;
    let request = Request::new("").query("format", "json").query("limit", "1");
    match client.headers(request, HEADERS).await {
        Ok(values) => Ok(values.map(|value| value.and_then(|text| text.parse().ok()))),
        // Accounts come into being with their first container.
        Err(error) if error.kind == ErrorKind::NotFound => Ok([Some(0.0), Some(0.0), Some(0.0), None]),
        Err(error) => Err(error),
    }
}

fn forbidden(cx: &Cx) -> Error {
    let detail = format!("other accounts take the role {RESELLER}, and an endpoint that ends in the project's id");
    Error::new(ErrorKind::Forbidden, cx.client.service_type(), "accounts", detail)
}

impl Collector {
    fn emit(&self) -> PartBuilder {
        let mut part = PartBuilder::new();
        for (id, name, account) in self.rounds.known() {
            let id = id.to_string();
            for (metric, value) in [&CONTAINERS, &OBJECTS, &BYTES, &QUOTA_BYTES].into_iter().zip(account) {
                if let Some(value) = value {
                    part.put(metric, [&id, name], *value);
                }
            }
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn what_is_not_told_has_no_sample() {
        let account = [Some(2.0), Some(5.0), Some(1024.0), None];
        let part = seal(Collector { rounds: Rounds::answered([("p", account)]) }.emit());
        assert_eq!(rows(&part, &BYTES), [("p|p".to_owned(), 1024.0)]);
        assert!(rows(&part, &QUOTA_BYTES).is_empty());
    }
}
