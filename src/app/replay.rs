//! A past gone through step by step: the collectors and the analysis as they run in the server, on a clock that is moved.
//!
//! ```text
//!  clock ─► cloud ─► collectors ─► snapshot ─► analysis (history, forecasts) ─► store on disk, or a recording
//! ```
//! The cloud has to go by the same clock: the simulated one does. Nothing that a step publishes knows of later ones.

use std::sync::Arc;
use std::time::Duration;

use super::Error;
use super::clouds::open_clouds;
use super::running::App;
use crate::analyse::signals;
use crate::collect::CollectorSpec;
use crate::collect::runner::{Rounds, Runner};
use crate::config::Settings;
use crate::expose::Recording;
use crate::model::clock::{Clock, Timestamp};
use crate::openstack::client::{Cloud, Session};

/// A stretch of time, both ends included where a step meets them.
#[derive(Clone, Copy, Debug)]
pub struct Past {
    /// First step.
    pub from: Timestamp,
    /// No step is later.
    pub to: Timestamp,
    /// From one step to the next.
    pub step: Duration,
}

impl Past {
    fn steps(self) -> impl Iterator<Item = Timestamp> {
        let step = self.step.max(Duration::from_secs(1));
        std::iter::successors(Some(self.from), move |at| Some(at.plus(step))).take_while(move |at| *at <= self.to)
    }
}

/// Collectors whose tables others of the same step read: they run ahead of those.
const FIRST: [&str; 1] = ["placement.providers"];
/// Collectors that those of signals take names and places from.
const BESIDE_SIGNALS: [&str; 4] = ["compute.hypervisors", "compute.flavors", "identity.projects", "network.networks"];

/// How long a watch for anomalies has to have looked before the present, at its own pace: past a detector's first day.
const WATCHED: Duration = Duration::from_secs(2 * 86_400);

/// Fills the history in the data directory with the readings of a past; of the collectors, only those run that signals need.
///
/// Its last two days are gone through at the pace of the analysis grid and watched for anomalies, so that a server that
/// starts then knows what is usual.
pub async fn fill_history(settings: &Settings, clock: &Clock, past: Past) -> Result<(), Error> {
    let grid = Duration::from_secs(60) * settings.analysis.grid_minutes;
    let turn = past.to.minus(WATCHED.min(past.to.since(past.from)));
    let long_ago = Past { to: turn.minus(Duration::from_millis(1)), ..past };
    let lately = Past { from: turn, to: past.to, step: grid.min(past.step) };
    let needed: Vec<&str> = signals::sources().map(|(collector, _)| collector).chain(BESIDE_SIGNALS).collect();
    for (past, watched) in [(long_ago, false), (lately, true)] {
        let mut settings = for_steps(settings, past.step);
        settings.analysis.forecast.enabled = false;
        settings.analysis.anomaly.enabled &= watched;
        settings.collect.api.enabled = false;
        replay(&settings, clock, past, |spec| needed.contains(&spec.name), |_, _| {}).await?;
    }
    Ok(())
}

/// Goes through a past with everything that the metrics page would have shown of the clouds, and keeps it.
///
/// Left out is what says nothing of a past: the local host, and stackcast's figures about itself.
pub async fn record(settings: &Settings, clock: &Clock, past: Past) -> Result<Recording, Error> {
    let settings = for_steps(settings, past.step);
    let mut recording = Recording::new(settings.expose.naming.clone());
    let mut each = |app: &App, clouds: &[Watched]| {
        let up = clouds.iter().flat_map(|watched| app.own.cloud_parts(watched.cloud.name(), None, &|_| true));
        recording.take(&app.store.load(), up.collect(), app.clock.now());
    };
    replay(&settings, clock, past, |_| true, &mut each).await?;
    Ok(recording)
}

/// Everything is asked anew at each step, whatever its cadence, and as quickly as the cloud answers.
fn for_steps(settings: &Settings, step: Duration) -> Settings {
    let mut settings = settings.clone();
    let seconds = step.as_secs().max(1);
    let interval = &mut settings.collect.interval;
    (interval.fast_seconds, interval.medium_seconds, interval.slow_seconds, interval.full_seconds) =
        (seconds, seconds, seconds, seconds);
    settings.openstack.requests_per_second = 0.0;
    settings.collect.host.enabled = false;
    settings
}

/// A cloud and its collectors, in the order in which they run.
struct Watched {
    cloud: Arc<Cloud>,
    session: Arc<Session>,
    waves: [Rounds; 2],
}

async fn replay(
    settings: &Settings,
    clock: &Clock,
    past: Past,
    chosen: impl Fn(&CollectorSpec) -> bool,
    mut each: impl FnMut(&App, &[Watched]),
) -> Result<(), Error> {
    settings.data.prepare()?;
    clock.set(past.from);
    let own = settings.clone();
    let app = App::new(settings, Arc::new(move || Ok(own.clone())), clock.clone());
    let runner = app.runner(settings);
    let mut watched = Vec::new();
    for cloud in open_clouds(settings, clock)?.insist()? {
        watched.push(watch(&runner, cloud, &chosen).await?);
    }
    let mut analysis = app.stepped_analysis(settings).await?;
    let mut told = past.from;
    for at in past.steps() {
        clock.set(at);
        for Watched { cloud, session, waves } in &mut watched {
            runner.ask_apis_once(cloud, session).await;
            for wave in waves {
                wave.run().await;
            }
        }
        analysis.look().await?;
        each(&app, &watched);
        if at.since(told) >= TELL {
            tracing::info!(%at, "replayed");
            told = at;
        }
    }
    analysis.end().await;
    Ok(())
}

/// Simulated time between two lines of the log.
const TELL: Duration = Duration::from_secs(5 * 86_400);

async fn watch(runner: &Runner, cloud: Arc<Cloud>, chosen: impl Fn(&CollectorSpec) -> bool) -> Result<Watched, Error> {
    let session = cloud.session().await.map_err(|error| Error::Cloud(cloud.name().to_owned(), error))?;
    let first = |spec: &CollectorSpec| FIRST.contains(&spec.name);
    let waves = [
        runner.rounds(&cloud, &session, |spec| chosen(spec) && first(spec)).await,
        runner.rounds(&cloud, &session, |spec| chosen(spec) && !first(spec)).await,
    ];
    Ok(Watched { cloud, session, waves })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_include_both_ends() {
        let at = Timestamp::from_seconds;
        let steps = |to, step| {
            let past = Past { from: at(100), to: at(to), step: Duration::from_secs(step) };
            past.steps().map(|at| at.millis() / 1000).collect::<Vec<_>>()
        };
        assert_eq!(steps(300, 100), [100, 200, 300]);
        assert_eq!(steps(299, 100), [100, 200]);
        assert_eq!(steps(99, 100), [0; 0]);
        assert_eq!(steps(102, 0), [100, 101, 102], "no endless past");
    }

    #[test]
    fn what_signals_read_is_collected() {
        let all: Vec<&str> =
            crate::collect::SERVICES.iter().flat_map(|service| service.collectors).map(|spec| spec.name).collect();
        let known = |name: &&str| all.contains(name);
        assert!(FIRST.iter().chain(&BESIDE_SIGNALS).all(known));
        assert!(
            signals::sources()
                .map(|(collector, _)| collector)
                // Those two are no services' collectors.
                .filter(|name| !["host", "api"].contains(name))
                .all(|name| all.contains(&name))
        );
    }
}
