//! Collectors that run when somebody says so and not at their own pace: once for `once` and `check`, and at each step of
//! a replay. Nothing here waits for a clock or withholds what is old.

use std::sync::Arc;

use futures_util::future::{join, join_all};

use super::task::Task;
use super::{Runner, in_catalog, served_regions, wanted};
use crate::collect::{Collect, CollectorSpec};
use crate::model::part::Origin;
use crate::openstack::client::{Cloud, Session};

/// Collectors of a cloud with what they remember between runs.
pub struct Rounds(Vec<(Task, Option<Box<dyn Collect>>)>);

impl std::fmt::Debug for Rounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rounds({})", self.0.len())
    }
}

impl Rounds {
    /// Runs every collector once, side by side. What one finds is published as ever; what fails is logged and noted.
    pub async fn run(&mut self) {
        join_all(self.0.iter_mut().map(|(task, collector)| task.attempt(collector))).await;
    }
}

impl Runner {
    /// Those collectors of a cloud that the settings want, the catalog has and `chosen` names.
    pub async fn rounds(
        &self,
        cloud: &Arc<Cloud>,
        session: &Session,
        chosen: impl Fn(&CollectorSpec) -> bool,
    ) -> Rounds {
        let mut tasks = Vec::new();
        for region in served_regions(cloud, session) {
            let origin = Origin::new(cloud.name(), &region);
            for (service, spec) in wanted(&self.settings).filter(|(_, spec)| chosen(spec)) {
                if self.settings.insists(service.name) || in_catalog(cloud, service, &region).await {
                    tasks.push((self.task(cloud, &origin, service, spec), None));
                }
            }
        }
        Rounds(tasks)
    }

    /// Runs every collector of a cloud once, side by side: for `once` and `check`.
    pub async fn collect_cloud_once(&self, cloud: &Arc<Cloud>, session: &Session) {
        let mut rounds = self.rounds(cloud, session, |_| true).await;
        join(self.ask_apis_once(cloud, session), rounds.run()).await;
    }
}
