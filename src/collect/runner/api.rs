//! Reachability and latency of each endpoint in a cloud's catalog, also of services that nothing else is asked of.
//!
//! One request per endpoint and fast interval, for its version document, without a token: the answer comes from the API
//! itself and not from what lies behind it. Endpoints stay known while Keystone is away.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::MissedTickBehavior;

use super::{Runner, served_regions};
use crate::model::part::{Origin, PartBuilder, PartKey};
use crate::openstack::client::{Cloud, ServiceClient, Session};
use crate::openstack::error::Error;

crate::metrics! {
    /// 1 when the endpoint answers, whatever it says short of overload (429) and faults of its own (5xx).
    API_UP = gauge "openstack_api_up" [service interface], Bool, "GET of the endpoint's version document";
    /// How long the endpoint took to answer; absent when it does not.
    API_DURATION = gauge "openstack_api_duration_seconds" [service interface], Seconds, "GET of the endpoint's version document";
}

/// Exposition group and source.
const GROUP: &str = "api";
/// A login is not waited for longer; the endpoints of the last one are asked.
const LOGIN_PATIENCE: Duration = Duration::from_secs(5);

/// The endpoints of a region.
type Endpoints = Vec<(Origin, Vec<ServiceClient>)>;

impl Runner {
    /// Starts to ask a cloud's endpoints, unless nobody wants to know.
    pub(super) fn spawn_apis(&self, cloud: Arc<Cloud>) {
        if !self.asks_apis() {
            return;
        }
        let runner = self.clone();
        self.tasks.spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_secs(runner.settings.interval.fast_seconds.max(1)));
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            let mut endpoints = Endpoints::new();
            loop {
                tokio::select! {
                    _ = ticks.tick() => {}
                    () = runner.stop.cancelled() => return,
                }
                let round = async {
                    if let Ok(Ok(session)) = tokio::time::timeout(LOGIN_PATIENCE, cloud.session()).await {
                        endpoints = endpoints_of(&cloud, &session).await;
                    }
                    runner.ask_apis(&endpoints).await;
                };
                tokio::select! {
                    () = round => {}
                    () = runner.stop.cancelled() => return,
                }
            }
        });
    }

    /// Asks every endpoint once: for `once` and `check`.
    pub(super) async fn ask_apis_once(&self, cloud: &Arc<Cloud>, session: &Session) {
        if self.asks_apis() {
            self.ask_apis(&endpoints_of(cloud, session).await).await;
        }
    }

    fn asks_apis(&self) -> bool {
        self.settings.api.enabled && METRICS.iter().any(|row| self.keep.wants(row))
    }

    async fn ask_apis(&self, endpoints: &Endpoints) {
        for (origin, clients) in endpoints {
            let answers = join_all(clients.iter().map(ServiceClient::ping)).await;
            let mut part = PartBuilder::new();
            for (client, answer) in clients.iter().zip(answers) {
                put(&mut part, client, answer);
            }
            self.keep.apply(&mut part);
            let key = PartKey { group: GROUP, origin: origin.clone(), source: GROUP.into() };
            let (part, dropped) = part.seal(key, self.clock.now(), self.store.limits().per_family);
            self.store.publish(part, dropped);
        }
    }
}

fn put(part: &mut PartBuilder, client: &ServiceClient, answer: Result<Duration, Error>) {
    let labels = [client.service_type(), client.cloud().config().interface.label()];
    match answer {
        Ok(took) => {
            part.put(&API_UP, labels, 1.0);
            part.put(&API_DURATION, labels, took.as_secs_f64());
        }
        Err(error) => {
            tracing::debug!(cloud = client.cloud().name(), %error, "endpoint does not answer");
            part.put(&API_UP, labels, 0.0);
        }
    }
}

/// A client per service type of the catalog and region; those without an endpoint of the chosen interface are left out.
async fn endpoints_of(cloud: &Arc<Cloud>, session: &Session) -> Endpoints {
    let mut endpoints = Endpoints::new();
    for region in served_regions(cloud, session) {
        let mut clients: Vec<ServiceClient> = Vec::new();
        for (service_type, _) in
            session.services.iter().filter(|(_, regions)| regions.is_empty() || regions.contains(&region))
        {
            if let Ok(client) = cloud.service(&[service_type.as_str()], &region).await
                // An alias may lead to a type that is asked already.
                && !clients.iter().any(|known| known.service_type() == client.service_type())
            {
                clients.push(client);
            }
        }
        endpoints.push((Origin::new(cloud.name(), &region), clients));
    }
    endpoints
}
