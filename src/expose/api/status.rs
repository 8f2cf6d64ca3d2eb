//! `/api/status`: how the program is: clouds, open alerts, collectors, forecasts, data, its own use of CPU and memory.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Moment, finite, write};
use super::asked::Asked;
use super::facts::{facts, single};
use super::problem::Problem;
use super::series::Known;
use super::{Now, Route, Work};
use crate::model::alert::{self, Tier};
use crate::model::part::{Origin, Part};
use crate::model::prediction::Horizon;

/// Alerts that are told one by one.
const ALERTS_MAX: usize = 100;

pub(super) static ROUTE: Route = Route {
    path: "/api/status",
    summary: "Clouds, open alerts, collectors with the age of their facts, quality of the data, forecasts with their \
              accuracy, and the program's own CPU and memory.",
    parameters: &[],
    schema: |generator| generator.subschema_for::<Answer<State<'static>>>(),
    work: Work::Memory(answer),
};

/// The state of everything.
#[derive(Debug, Serialize, JsonSchema)]
struct State<'a> {
    /// Version of stackcast.
    version: &'static str,
    /// What is awaited before everything has been read once; null when nothing is.
    waiting_for: Option<&'a str>,
    /// What the reader may want to do.
    hints: &'a [String],
    /// The clouds.
    clouds: Vec<Cloud<'a>>,
    /// Tiers that are crossed, and anomalies.
    alerts: Alerts,
    /// How many collectors are how.
    collection: Collection,
    /// The collectors.
    collectors: Vec<Collector<'a>>,
    /// The forecasts.
    forecasts: Forecasts,
    /// Quality of the data.
    data: Data,
    /// The process itself.
    process: Process,
}

/// A cloud.
#[derive(Debug, Serialize, JsonSchema)]
struct Cloud<'a> {
    /// Name in clouds.yaml.
    cloud: &'a str,
    /// Its regions; empty before the first login.
    region: &'a str,
    /// Whether all of its collectors succeed.
    up: bool,
    /// What works and what does not, in a few words.
    detail: &'a str,
}

/// What is wrong now. Only the most urgent are told one by one.
#[derive(Debug, Serialize, JsonSchema)]
struct Alerts {
    /// Of each tier.
    critical: usize,
    high: usize,
    medium: usize,
    /// Series that are anomalous.
    anomaly: usize,
    /// The most urgent first, at most 100.
    items: Vec<OpenAlert>,
}

/// An alert.
#[derive(Debug, Serialize, JsonSchema)]
struct OpenAlert {
    /// critical, high, medium or anomaly.
    tier: &'static str,
    cloud: Option<String>,
    region: Option<String>,
    /// cloud, az, aggregate, hypervisor, project, pool, network, host or custom.
    scope: &'static str,
    /// Its name.
    entity: String,
    /// Resource, or signal of an anomaly.
    what: String,
    /// In a sentence.
    text: String,
    /// Since when it is open; for risks, not before the start of this process.
    since: Moment,
}

/// Collectors by how their last run came out.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Collection {
    /// Succeeded, and see everything that there is.
    whole: usize,
    /// Succeeded, but the credentials see only a part or nothing.
    blind: usize,
    /// Failed.
    failing: usize,
    /// Not ended yet.
    waiting: usize,
}

/// A collector of one region, or of the host.
#[derive(Debug, Default, Serialize, JsonSchema)]
struct Collector<'a> {
    /// Its name.
    collector: String,
    /// Cloud; null for the host.
    cloud: Option<&'a str>,
    /// Region of the cloud.
    region: Option<&'a str>,
    /// Whether its last run succeeded; null before the first has ended.
    success: Option<bool>,
    /// How long that run took.
    duration_seconds: Option<f64>,
    /// When it last succeeded.
    last_success: Option<Moment>,
    /// How long ago that was.
    data_age_seconds: Option<f64>,
    /// Objects read by then.
    items: Option<f64>,
    /// What its credentials let it see: all, project, none.
    visibility: Option<String>,
    /// Failed runs since the start.
    errors: f64,
}

/// The forecasts.
#[derive(Debug, Serialize, JsonSchema)]
struct Forecasts {
    /// Whether there is a history to forecast from.
    history: bool,
    /// Series that are forecast.
    series: usize,
    /// Those of them with enough history.
    ready: usize,
    /// How good they are; null before the first backtest.
    accuracy: Option<Accuracy>,
}

/// How far off forecasts for the next day were in their backtests.
#[derive(Debug, Serialize, JsonSchema)]
struct Accuracy {
    /// Series with a backtest.
    series: usize,
    /// Median of their mean absolute scaled errors; below 1 beats the seasonal naive inside the history.
    mase_median: f64,
    /// Share of the series that beat the seasonal naive at the same origins.
    better_than_naive_ratio: f64,
    /// Mean share of what happened that lay inside the 80 % interval.
    coverage_ratio: Option<f64>,
}

/// Quality of the data, since the start.
#[derive(Debug, Serialize, JsonSchema)]
struct Data {
    /// Samples held.
    samples: usize,
    /// Objects of answers that could not be understood.
    items_rejected: f64,
    /// Samples left out of the metrics page.
    samples_dropped: f64,
    /// Samples of histories that forecasts left out or moved.
    history_samples_rejected: f64,
    /// Why and where samples of histories were rejected.
    rejected: Vec<Rejected>,
    /// Largest share of samples of any signal that was missing within the last day; null before the first forecast.
    missing_samples_ratio: Option<f64>,
    /// The same of each signal that lacks any.
    missing: Vec<Missing>,
    /// Size of the embedded store; null where there is none.
    store_bytes: Option<f64>,
}

/// Samples that were rejected.
#[derive(Debug, Serialize, JsonSchema)]
struct Rejected {
    /// Signal, or collector of an answer that could not be understood.
    source: String,
    /// range, outlier, reset, shift, or what was wrong with the answer.
    reason: String,
    /// How many since the start.
    samples: f64,
}

/// Samples that are missing.
#[derive(Debug, Serialize, JsonSchema)]
struct Missing {
    /// Signal.
    signal: String,
    /// Share of the last day's hours without a reading, mean over its series.
    ratio: f64,
}

/// The process.
#[derive(Debug, Serialize, JsonSchema)]
struct Process {
    /// CPU time since the start, in seconds; null where the system does not tell.
    cpu_seconds: Option<f64>,
    /// CPU time over the time since the start: 1 is one core.
    cpu_mean_ratio: Option<f64>,
    /// Resident memory.
    memory_bytes: Option<f64>,
    /// When it was started.
    started_at: Option<Moment>,
    /// Open file descriptors.
    open_files: Option<f64>,
    /// Threads.
    threads: Option<f64>,
}

/// Also what the streams tell.
pub(super) fn answer(now: &Now, _: &Asked) -> Result<Vec<u8>, Problem> {
    let own = now.own();
    let collectors = collectors(now, &own);
    let known = Known::of(&now.snapshot);
    let clouds = now.status.clouds.iter().map(|cloud| Cloud {
        cloud: &cloud.cloud,
        region: &cloud.region,
        up: cloud.up,
        detail: &cloud.detail,
    });
    let state = State {
        version: env!("CARGO_PKG_VERSION"),
        waiting_for: now.status.ready.as_ref().err().map(String::as_str),
        hints: &now.status.hints,
        clouds: clouds.collect(),
        alerts: alerts(now),
        collection: collection(&collectors),
        forecasts: Forecasts {
            history: now.history().is_some(),
            series: known.all().count(),
            ready: known.all().filter(|(_, prediction)| prediction.ready).count(),
            accuracy: accuracy(&known),
        },
        data: data(now, &own),
        process: process(now, &own),
        collectors,
    };
    let oldest = state.collectors.iter().filter_map(|collector| collector.last_success).min();
    write(now, oldest.map(|moment| moment.0), now.status.ready.is_ok(), state)
}

fn alerts(now: &Now) -> Alerts {
    let open = now.snapshot.parts().find_map(|part| part.tables.get::<alert::Alerts>()).unwrap_or_default();
    let count = |tier| open.0.iter().filter(|alert| alert.tier == tier).count();
    let told = |alert: &alert::Alert| OpenAlert {
        tier: alert.tier.as_str(),
        cloud: alert.subject.origin.cloud.as_deref().map(str::to_owned),
        region: alert.subject.origin.region.as_deref().map(str::to_owned),
        scope: alert.subject.scope.as_str(),
        entity: alert.subject.entity.to_string(),
        what: alert.subject.what.to_string(),
        text: alert.text.clone(),
        since: Moment(alert.since),
    };
    Alerts {
        critical: count(Tier::Critical),
        high: count(Tier::High),
        medium: count(Tier::Medium),
        anomaly: count(Tier::Anomaly),
        items: open.0.iter().take(ALERTS_MAX).map(told).collect(),
    }
}

fn collection(collectors: &[Collector<'_>]) -> Collection {
    let mut found = Collection::default();
    for collector in collectors {
        *match (collector.success, collector.visibility.as_deref()) {
            (None, _) => &mut found.waiting,
            (Some(false), _) => &mut found.failing,
            (Some(true), Some("project" | "none")) => &mut found.blind,
            (Some(true), _) => &mut found.whole,
        } += 1;
    }
    found
}

fn accuracy(known: &Known) -> Option<Accuracy> {
    let tested = known.all().filter_map(|(_, prediction)| prediction.ahead.get(&Horizon::Day)?.accuracy);
    let tested: Vec<_> = tested.filter(|accuracy| accuracy.mase.is_finite()).collect();
    let mut errors: Vec<f64> = tested.iter().map(|accuracy| accuracy.mase).collect();
    errors.sort_unstable_by(f64::total_cmp);
    let mase_median = *errors.get(errors.len() / 2)?;
    let better = tested.iter().filter(|accuracy| accuracy.mase < accuracy.naive_mase).count();
    let held: Vec<f64> = tested.iter().filter_map(|accuracy| finite(accuracy.coverage)).collect();
    Some(Accuracy {
        series: tested.len(),
        mase_median,
        better_than_naive_ratio: better as f64 / tested.len() as f64,
        coverage_ratio: (!held.is_empty()).then(|| held.iter().sum::<f64>() / held.len() as f64),
    })
}

fn collectors<'a>(now: &Now, own: &'a [Part]) -> Vec<Collector<'a>> {
    let mut found: BTreeMap<(&Origin, String), Collector<'a>> = BTreeMap::new();
    for name in ["success", "duration_seconds", "last_success_timestamp_seconds", "items", "visibility_info", "errors_total"] {
        for fact in facts(own.iter(), &format!("stackcast_collector_{name}")) {
            let (collector, value) = (fact.label("collector").to_owned(), fact.number());
            let row = found.entry((fact.origin, collector.clone())).or_insert_with(|| Collector {
                collector,
                cloud: fact.origin.cloud.as_deref(),
                region: fact.origin.region.as_deref(),
                ..Collector::default()
            });
            match name {
                "success" => row.success = Some(value > 0.0),
                "duration_seconds" => row.duration_seconds = finite(value),
                "items" => row.items = finite(value),
                "visibility_info" => row.visibility = Some(fact.label("visibility").to_owned()),
                "errors_total" => row.errors += value,
                _ => {
                    row.last_success = Moment::of_seconds(value);
                    row.data_age_seconds = row.last_success.map(|moment| now.age(moment.0));
                }
            }
        }
    }
    found.into_values().collect()
}

fn data(now: &Now, own: &[Part]) -> Data {
    let sum = |name| facts(own.iter(), name).map(|fact| fact.number()).sum::<f64>();
    let missing = facts(own.iter(), "stackcast_data_missing_samples_ratio").filter_map(|fact| {
        Some(Missing { signal: fact.label("signal").to_owned(), ratio: finite(fact.number())? })
    });
    let mut missing: Vec<Missing> = missing.collect();
    missing.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
    let of = |family: &'static str, label: &'static str| {
        facts(own.iter(), family).map(move |fact| Rejected {
            source: fact.label(label).to_owned(),
            reason: fact.label("reason").to_owned(),
            samples: fact.number(),
        })
    };
    let rejected = of("stackcast_data_rejected_samples_total", "signal");
    let rejected = rejected.chain(of("stackcast_items_rejected_total", "collector"));
    Data {
        samples: now.snapshot.samples(),
        items_rejected: sum("stackcast_items_rejected_total"),
        samples_dropped: sum("stackcast_series_dropped_total"),
        history_samples_rejected: sum("stackcast_data_rejected_samples_total"),
        rejected: rejected.filter(|rejected| rejected.samples > 0.0).collect(),
        missing_samples_ratio: missing.first().map(|worst| worst.ratio),
        missing: missing.into_iter().filter(|missing| missing.ratio > 0.0).collect(),
        store_bytes: single(own.iter(), "stackcast_store_size_bytes"),
    }
}

fn process(now: &Now, own: &[Part]) -> Process {
    let of = |name| single(own.iter(), name);
    let started_at = of("process_start_time_seconds").and_then(Moment::of_seconds);
    let cpu_seconds = of("process_cpu_seconds_total");
    let lived = started_at.map(|moment| now.age(moment.0)).filter(|seconds| *seconds > 0.0);
    Process {
        cpu_seconds,
        cpu_mean_ratio: cpu_seconds.zip(lived).map(|(cpu, lived)| cpu / lived),
        memory_bytes: of("process_resident_memory_bytes"),
        started_at,
        open_files: of("process_open_fds"),
        threads: of("process_threads"),
    }
}
