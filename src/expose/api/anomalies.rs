//! `/api/v1/anomalies`: what is unusual now, since when, and why one thinks so.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::answer::{Answer, Moment, Page, finite, write};
use super::asked::{Asked, BASIS, CLOUD, ENTITY, LIMIT, OFFSET, Parameter, REGION, RESOURCE, SCOPE, SIGNAL};
use super::problem::Problem;
use super::series::{Labels, select, unit, wants};
use super::{Now, Route, Work};
use crate::model::anomaly::{Anomalies, Anomaly, Watching, signal_label};
use crate::model::signal::SeriesKey;

const ORDER: Parameter =
    Parameter::choice("order_by", || vec!["score", "since"], "The strongest, or the latest first.").or("score");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/anomalies",
    summary: "Series that are unusual now: since when, by what, how rare it is, which peers are quiet, and what else \
              began at the same time.",
    parameters: &[CLOUD, REGION, SCOPE, ENTITY, RESOURCE, BASIS, SIGNAL, ORDER, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Found<'static>>>(),
    work: Work::Memory(answer),
};

/// Everything unusual, and how much was looked at: no row means quiet only where series are watched.
#[derive(Debug, Serialize, JsonSchema)]
struct Found<'a> {
    /// Of the selected series, how many are watched in which way.
    series: Counts,
    #[serde(flatten)]
    page: Page<Row<'a>>,
}

/// Series by how they are watched.
#[derive(Clone, Copy, Debug, Default, Serialize, JsonSchema)]
struct Counts {
    /// Judged at every point of the grid.
    watched: usize,
    /// In their first day: not judged yet.
    learning: usize,
    /// In maintenance, or silenced.
    silent: usize,
    /// Without a reading now.
    missing: usize,
}

impl Counts {
    const fn add(&mut self, state: Watching) {
        match state {
            Watching::Watched => self.watched += 1,
            Watching::Learning => self.learning += 1,
            Watching::Silent => self.silent += 1,
            Watching::Missing => self.missing += 1,
        }
    }
}

/// A series that is unusual now.
#[derive(Debug, Serialize, JsonSchema)]
struct Row<'a> {
    #[serde(flatten)]
    series: Labels<'a>,
    /// The `signal` label of the gauges about anomalies: resource, basis and signal in one word.
    signal_label: String,
    /// When it began.
    since: Moment,
    /// How long ago that is.
    duration_seconds: f64,
    /// Above 1; 2 is twice as strong.
    score: f64,
    /// 1 too high, -1 too low, 0 neither.
    direction: i8,
    /// What is most unusual: a feature of the detector, stray, jump, relation, still, threshold, missing, peers or fleet.
    feature: &'a str,
    /// The same in words.
    reason: &'a str,
    /// The latest value; null while the series is missing.
    value: Option<f64>,
    /// Unit of value and band.
    unit: Option<&'static str>,
    /// Lower end of the band that held 99 % of the readings; null where nothing was learned yet.
    expected_lower: Option<f64>,
    /// Its upper end.
    expected_upper: Option<f64>,
    /// Probability of a reading (of a stray, jump or relation: of a day) at least this unusual, by the history of the
    /// series and its like.
    rarity_ratio: f64,
    /// The group that it is compared with; null where there is none of five or more.
    group: Option<&'a str>,
    /// How far it is from the group's median; above 1 is an outlier.
    peer_score: Option<f64>,
    /// Members of the group that are as usual, at most ten.
    quiet_peers: &'a [Arc<str>],
    /// What else began within half an hour before or after, the strongest first, at most ten.
    also: Vec<Also<'a>>,
}

/// A series that became unusual at about the same time.
#[derive(Debug, Serialize, JsonSchema)]
struct Also<'a> {
    #[serde(flatten)]
    series: Labels<'a>,
    /// The `signal` label of the gauges about anomalies.
    signal_label: String,
}

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let tables: Vec<Arc<Anomalies>> = now.snapshot.parts().filter_map(|part| part.tables.get()).collect();
    let all = tables.iter().flat_map(|table| table.watched.iter().map(|row| (table.at, row))).collect();
    let selected = select(all, |(_, (key, _))| key, asked)?;
    let mut series = Counts::default();
    selected.iter().for_each(|(_, (_, state))| series.add(*state));
    let oldest = selected.iter().map(|(at, _)| *at).min();
    let mut rows: Vec<&Anomaly> =
        tables.iter().flat_map(|table| &table.current).filter(|anomaly| wants(asked, &anomaly.key)).collect();
    match asked.text(&ORDER) {
        Some("since") => rows.sort_by_key(|anomaly| std::cmp::Reverse(anomaly.since)),
        _ => rows.sort_by(|a, b| b.score.total_cmp(&a.score)),
    }
    let ready = now.status.ready.is_ok() && series.watched > 0;
    let page = Page::of(rows.into_iter().map(|anomaly| row(now, anomaly)), asked);
    write(now, oldest, ready, Found { series, page })
}

fn row<'a>(now: &Now, anomaly: &'a Anomaly) -> Row<'a> {
    let (lower, upper) = anomaly.expected.unzip();
    Row {
        series: Labels::of(&anomaly.key),
        signal_label: signal_label(&anomaly.key),
        since: Moment(anomaly.since),
        duration_seconds: now.age(anomaly.since),
        score: anomaly.score,
        direction: anomaly.direction,
        feature: anomaly.cause,
        reason: anomaly.reason,
        value: anomaly.value.and_then(finite),
        unit: unit(now, &anomaly.key.signal),
        expected_lower: lower.and_then(finite),
        expected_upper: upper.and_then(finite),
        rarity_ratio: anomaly.rarity,
        group: anomaly.group.as_deref(),
        peer_score: anomaly.peer_score,
        quiet_peers: &anomaly.quiet_peers,
        also: anomaly.also.iter().map(|key| also(key)).collect(),
    }
}

fn also(key: &SeriesKey) -> Also<'_> {
    Also { series: Labels::of(key), signal_label: signal_label(key) }
}
