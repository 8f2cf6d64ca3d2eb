//! Quotas of the shared file system service with their use.
//!
//! One call per project, spread by the [rounds](crate::collect::quota_rounds). Most projects have no shares, and
//! openstack-exporter has no such family, so a round takes as long as a full re-read of other lists, not the slow interval.

use crate::collect::quota_rounds::Rounds;
use crate::collect::quota_set::{Answer, Quotas, table};
use crate::collect::{Collect, Collecting, Cx, quota};
use crate::model::id::Id;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};
use crate::openstack::microversion::Microversion;

/// Use is told from 2.25 on.
const VERSION: Microversion = Microversion::new(2, 25);

/// Quotas, with the answers in hand.
pub(super) struct Collector {
    rounds: Rounds<Quotas>,
}

impl Default for Collector {
    fn default() -> Self {
        Self { rounds: Rounds::within(|intervals| intervals.full_seconds.max(intervals.slow_seconds)) }
    }
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let version = cx.client.negotiate(VERSION).await?;
            if version != Some(VERSION) {
                let detail = format!("quotas with their use take microversion {VERSION} (Ocata)");
                return Err(Error::new(ErrorKind::Version, cx.client.service_type(), "quota-sets", detail));
            }
            let ask = |id: Id| async move {
                let request = Request::new(format!("quota-sets/{id}/detail")).at(version);
                Ok(cx.client.get_json::<Answer>(request).await?.quotas())
            };
            self.rounds.run(cx, ask).await?;
            let mut part = PartBuilder::new();
            quota::emit(&mut part, table("sharev2", &self.rounds));
            Ok(part)
        })
    }
}
