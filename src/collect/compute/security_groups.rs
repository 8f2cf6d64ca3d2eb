//! Security groups, as Nova shows them up to 2.35 (they are Neutron's).

use serde::de::IgnoredAny;

use crate::collect::decode::list;
use crate::collect::health::Visibility;
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::ErrorKind;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// Security groups that Nova's API shows to these credentials.
    SECURITY_GROUPS = gauge "openstack_nova_security_groups" [], Count, "GET /os-security-groups?all_tenants=1 at 2.35";
}

/// From 2.36 on the call is gone.
const VERSION: Microversion = Microversion::new(2, 35);

/// Security groups.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            let version = cx.client.negotiate(VERSION).await?;
            let request = Request::new("os-security-groups").query("all_tenants", "1").at(version);
            match list(cx, request, "security_groups", |_: IgnoredAny| {}).await {
                Ok(listed) => {
                    // all_tenants is not refused without the right to it, but passed over.
                    let sight = Sight::of(cx).await;
                    sight.count(&mut part, &SECURITY_GROUPS, listed.items);
                    sight.report(cx);
                }
                // A Nova that no longer speaks 2.35 does not know the call: nothing to say, and no fault.
                Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Version) => {
                    cx.report.set_visibility(Visibility::None);
                }
                Err(error) => return Err(error),
            }
            Ok(part)
        })
    }
}
