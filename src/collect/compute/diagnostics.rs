//! Diagnostics of running guests, asked for one by one: opt-in, at a rate that is a setting.
//!
//! Each call goes from Nova's API to a compute host, which no list spares; so the instances take turns, and a page shows
//! the last answer of each until it is too old. How old it is, says its timestamp.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use tokio::time::MissedTickBehavior;

use super::diagnostics_answer::{Answer, METRICS};
use super::servers::spell;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::guest::Guests;
use crate::model::inventory::server::Servers;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};
use crate::openstack::microversion::Microversion;

/// Counters of each instance's guest: CPU time, memory, disks, network interfaces.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether they are read at all: one request per active instance, which Nova passes on to its compute host.
    pub enabled: bool,
    /// Requests per second (0.001 to 1000); the instances take turns.
    pub requests_per_second: f64,
    /// Figures of an instance older than this are withheld. All have had their turn after (active instances /
    /// requests_per_second) seconds and a quarter more.
    pub max_age_seconds: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { enabled: false, requests_per_second: 5.0, max_age_seconds: 3600 }
    }
}

impl Settings {
    /// The rate within its bounds; a file may say `nan`, of which no pace can be made.
    fn rate(&self) -> f64 {
        let wanted = self.requests_per_second;
        if wanted.is_nan() { Self::default().requests_per_second } else { wanted.clamp(0.001, 1000.0) }
    }
}

/// The form that does not depend on the driver.
const VERSION: Microversion = Microversion::new(2, 48);
/// Answers awaited at once: a compute host that hangs must not hold up the others.
const CONCURRENCY: usize = 8;
/// Share of an interval in which a run asks.
const WINDOW: f64 = 0.8;

/// The answers in hand, and whose turn was last.
#[derive(Default)]
pub(super) struct Collector {
    kept: BTreeMap<Id, Kept>,
    last: Option<Id>,
}

struct Kept {
    answer: Answer,
    at: Timestamp,
    since: Instant,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let settings = &cx.settings.diagnostics;
            if !settings.enabled || !METRICS.iter().any(|row| cx.keep.wants(row)) {
                return Ok(PartBuilder::new());
            }
            let Some(servers) = cx.wait_for_table::<Servers>().await else {
                let detail = "the instances are not known: compute.servers has not succeeded yet";
                return Err(Error::new(ErrorKind::Internal, "compute", "servers/{id}/diagnostics", detail));
            };
            let version =
                cx.client.negotiate(VERSION).await?.filter(|version| *version >= VERSION).ok_or_else(|| {
                    let detail = "Nova does not speak 2.48, the first with diagnostics of one form for all drivers";
                    Error::new(ErrorKind::Version, "compute", "servers/{id}/diagnostics", detail)
                })?;
            let rate = settings.rate();
            let window = cx.interval.mul_f64(WINDOW);
            let due = self.due(&servers, (rate * window.as_secs_f64()).max(1.0) as usize);
            let result = self.ask(cx, version, due, Duration::from_secs_f64(1.0 / rate), window).await;
            self.forget(&servers, Duration::from_secs(settings.max_age_seconds), cx.clock.instant());
            result?;
            Ok(self.emit())
        })
    }
}

impl Collector {
    /// The active instances whose turn it is, in order.
    fn due(&self, servers: &Servers, count: usize) -> Vec<Id> {
        let active = servers.0.iter().filter(|(_, server)| &*server.status == "ACTIVE");
        let mut ids: Vec<Id> = active.map(|(id, _)| id.clone()).collect();
        ids.sort_unstable();
        let next = self.last.as_ref().map_or(0, |last| ids.partition_point(|id| id <= last));
        ids.rotate_left(next);
        ids.truncate(count);
        ids
    }

    /// Asks one after the other at the pace, until the window ends.
    async fn ask(
        &mut self,
        cx: &Cx,
        version: Microversion,
        due: Vec<Id>,
        pace: Duration,
        window: Duration,
    ) -> Result<(), Error> {
        let mut ticks = tokio::time::interval(pace);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let turns = futures_util::stream::unfold((ticks, due.into_iter()), |(mut ticks, mut due)| async move {
            let id = due.next()?;
            ticks.tick().await;
            Some((id, (ticks, due)))
        });
        let mut started = None;
        let answers = turns.map(|id| {
            started = Some(id.clone());
            async move {
                let request = Request::new(format!("servers/{id}/diagnostics")).at(version);
                let answer = cx.client.get_json::<Answer>(request).await;
                (id, answer)
            }
        });
        let answers = answers.buffer_unordered(CONCURRENCY).take_until(tokio::time::sleep(window));
        let mut answers = Box::pin(answers);
        let (mut answered, mut failed) = (0usize, None);
        while let Some((id, answer)) = answers.next().await {
            match answer {
                Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::Auth) => return Err(error),
                answer => match self.take(id, answer, cx.clock.now(), cx.clock.instant()) {
                    Ok(()) => answered += 1,
                    Err(error) => {
                        cx.report.reject("server_failed", &error.to_string());
                        failed = Some(error);
                    }
                },
            }
        }
        drop(answers);
        // One whose compute host hangs has had its turn too.
        self.last = started.or(self.last.take());
        cx.report.add_items(answered);
        failed.filter(|_| answered == 0).map_or(Ok(()), Err)
    }

    /// Takes an answer up. That there is none because the instance has stopped or gone, is an answer too.
    fn take(&mut self, id: Id, answer: Result<Answer, Error>, at: Timestamp, since: Instant) -> Result<(), Error> {
        match answer {
            Ok(answer) => {
                self.kept.insert(id, Kept { answer, at, since });
            }
            Err(error) if matches!(error.kind, ErrorKind::NotFound | ErrorKind::Client) => {
                self.kept.remove(&id);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Forgets instances that are gone, and answers that are too old.
    fn forget(&mut self, servers: &Servers, max_age: Duration, now: Instant) {
        self.kept.retain(|id, kept| servers.0.contains_key(id) && now.saturating_duration_since(kept.since) <= max_age);
    }

    fn emit(&self) -> PartBuilder {
        let mut part = PartBuilder::new();
        let mut text = String::new();
        let mut guests = Guests::default();
        for (id, kept) in &self.kept {
            kept.answer.emit(spell(&mut text, id), kept.at, &mut part);
            guests.0.insert(id.clone(), kept.answer.guest(kept.at));
        }
        part.table(Arc::new(guests));
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::server::Server;

    fn servers(ids: &[&str]) -> Servers {
        let server = |status: &str| Arc::new(Server { status: Arc::from(status), ..Server::default() });
        let active = ids.iter().map(|id| (Id::new(id), server("ACTIVE")));
        Servers(active.chain([(Id::new("stopped"), server("SHUTOFF"))]).collect())
    }

    fn answer() -> Answer {
        serde_json::from_str(r#"{"num_cpus": 1}"#).unwrap()
    }

    fn error(kind: ErrorKind) -> Result<Answer, Error> {
        Err(Error::new(kind, "compute", "diagnostics", "test"))
    }

    #[test]
    fn any_rate_makes_a_pace() {
        let rate = |requests_per_second| Settings { requests_per_second, ..Settings::default() }.rate();
        assert_eq!([f64::NAN, f64::INFINITY, -1.0, 0.0, 2.0].map(rate), [5.0, 1000.0, 0.001, 0.001, 2.0]);
    }

    #[test]
    fn active_instances_take_turns_and_none_is_left_out() {
        let mut collector = Collector::default();
        let mut asked = Vec::new();
        for turn in 0..3 {
            // One comes and one goes meanwhile.
            let all = if turn < 2 { servers(&["a", "b", "d", "e"]) } else { servers(&["a", "c", "e"]) };
            let due = collector.due(&all, 2);
            collector.last = due.last().cloned();
            asked.push(due.iter().map(Id::to_string).collect::<Vec<_>>().concat());
        }
        assert_eq!(asked, ["ab", "de", "ac"]);
        assert_eq!(collector.due(&servers(&["a", "b"]), 100).len(), 2);
    }

    #[test]
    fn a_stopped_instance_is_no_fault_and_old_answers_go() {
        let mut collector = Collector::default();
        let start = Instant::now();
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        for id in ["a", "b", "c"] {
            collector.take(Id::new(id), Ok(answer()), Timestamp::default(), at(0)).unwrap();
        }
        collector.take(Id::new("a"), error(ErrorKind::Client), Timestamp::default(), at(50)).unwrap();
        assert!(collector.take(Id::new("b"), error(ErrorKind::Timeout), Timestamp::default(), at(50)).is_err());
        collector.take(Id::new("c"), Ok(answer()), Timestamp::default(), at(60)).unwrap();
        assert_eq!(collector.emit().samples(), 4, "b keeps what it had");
        collector.forget(&servers(&["b", "c"]), Duration::from_secs(100), at(120));
        assert_eq!(collector.kept.keys().map(Id::to_string).collect::<Vec<_>>(), ["c"]);
        collector.forget(&servers(&["b"]), Duration::from_secs(100), at(120));
        assert!(collector.kept.is_empty(), "it has left the cloud");
    }
}
