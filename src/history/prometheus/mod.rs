//! History from any store that speaks Prometheus' HTTP API: Prometheus, Thanos, Mimir, VictoriaMetrics.
//!
//! Nothing is written: the store scrapes us. A question becomes as many `query_range` requests as the limit of 11,000
//! points a series and the limit on answers ask for. The value of a point is what the store knows at the end of its step:
//! the mean over the step where the step is coarse, else (and for counters) the latest reading.

mod client;
mod decode;
mod labels;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::grid::{Gather, Grid, Take};
use super::settings::Prometheus;
use super::{Answer, History, HistoryError, Pending, Want};
use crate::model::signal::{SeriesKey, Tick};
use client::Http;
use decode::{Body, Point};
use labels::Mapping;
pub(super) use labels::Placing;

/// Points of one series that Prometheus answers at once.
const POINTS_MAX: usize = 11_000;
/// Warnings of one answer that are kept.
const WARNINGS_MAX: usize = 20;

/// Why a Prometheus-compatible store gives no history.
#[derive(Debug, thiserror::Error)]
pub enum PrometheusError {
    /// Settings that cannot be used: key below `history.prometheus` (or `history.signals`) and why.
    #[error("history.prometheus (or history.signals).{0}: {1}")]
    Settings(&'static str, String),
    /// No connection, or one that broke.
    #[error("the history at history.prometheus.url cannot be reached: {0}")]
    Unreachable(String),
    /// No complete answer in time.
    #[error("the history gave no complete answer within {0} s (history.prometheus.timeout_seconds)")]
    Timeout(u64),
    /// More than the limit even for the smallest piece.
    #[error("an answer of the history has more than {0} bytes (history.prometheus.response_bytes_max)")]
    TooLarge(usize),
    /// The store refuses.
    #[error("the history refuses a query of signal `{signal}` with status {status}: {message}")]
    Refused {
        /// The signal.
        signal: String,
        /// HTTP status.
        status: u16,
        /// The store's own words, cut short.
        message: String,
    },
    /// Not the API.
    #[error(
        "the answer of the history is no answer of Prometheus' API; does history.prometheus.url end before /api/v1?"
    )]
    Foreign,
}

/// The history of a Prometheus-compatible store.
#[derive(Debug)]
pub struct PrometheusHistory {
    http: Http,
    resolution: i64,
}

impl PrometheusHistory {
    /// Makes the client; nothing is asked yet.
    pub fn new(settings: &Prometheus) -> Result<Self, PrometheusError> {
        let resolution = i64::try_from(settings.resolution_seconds).unwrap_or(i64::MAX).saturating_mul(1000);
        Ok(Self { http: Http::new(settings)?, resolution })
    }

    /// Reads a signal whose entities are found by `placing`, and whose readings lie `spacing` or more apart.
    pub(super) async fn read_placed(
        &self,
        want: &Want,
        placing: &dyn Placing,
        spacing: Duration,
    ) -> Result<Answer, HistoryError> {
        let spacing = i64::try_from(spacing.as_millis()).unwrap_or(i64::MAX);
        self.answer(want, Some(placing), self.resolution.max(spacing)).await
    }

    async fn answer(
        &self,
        want: &Want,
        placing: Option<&dyn Placing>,
        resolution: i64,
    ) -> Result<Answer, HistoryError> {
        let grid = Grid::new(want)?;
        let mapping = Mapping::new(want, placing);
        let mut found = Found { mapping, grid, series: BTreeMap::new(), notes: Notes::default() };
        let expression = expression(want, &grid, resolution);
        let mut first = 0;
        let mut size = POINTS_MAX;
        while first < grid.points() {
            let last = (first + size).min(grid.points()) - 1;
            match self.piece(want, &grid, &expression, first, last, &mut found).await {
                Ok(()) => first = last + 1,
                // Half of it may be small enough.
                Err(HistoryError::Prometheus(error)) if size > 1 && too_much(&error) => {
                    size = size.min(last - first + 1).div_ceil(2)
                }
                Err(error) => return Err(error),
            }
        }
        Ok(found.finish())
    }

    async fn piece(
        &self,
        want: &Want,
        grid: &Grid,
        expression: &str,
        first: usize,
        last: usize,
        found: &mut Found<'_>,
    ) -> Result<(), HistoryError> {
        let end_of_step = grid.step() - 1;
        let at = |index: usize| seconds(grid.time(index).saturating_add(end_of_step));
        let form = [
            ("query", expression.to_owned()),
            ("start", at(first)),
            ("end", at(last)),
            ("step", seconds(grid.step())),
            // VictoriaMetrics would move the points to multiples of the step.
            ("nocache", "1".to_owned()),
        ];
        let response = self.http.query_range(&form).await?;
        let Some(mut body) = Body::parse(&response.body) else {
            let foreign = match response.status {
                200..300 => PrometheusError::Foreign,
                status => refused(want, status, status_words(status)),
            };
            return Err(foreign.into());
        };
        if let Some(message) = body.fault() {
            return Err(refused(want, response.status, message).into());
        }
        found.notes.warnings.extend(body.warnings());
        for row in body.rows() {
            match row {
                Some(row) => found.row(&row.metric, &row.values, end_of_step)?,
                None => found.notes.odd += 1,
            }
        }
        Ok(())
    }
}

impl History for PrometheusHistory {
    /// The store scrapes what it keeps.
    fn append(&self, _tick: Tick) -> Result<(), HistoryError> {
        Ok(())
    }

    fn read<'a>(&'a self, want: &'a Want) -> Pending<'a, Answer> {
        Box::pin(self.answer(want, None, self.resolution))
    }
}

/// What is evaluated at the last millisecond of each step.
fn expression(want: &Want, grid: &Grid, resolution: i64) -> String {
    let expression = &want.signal.query.expression;
    if want.signal.counter || grid.step() < resolution.saturating_mul(2) {
        return expression.clone().into_owned();
    }
    format!("avg_over_time(({expression})[{}ms:{resolution}ms])", grid.step())
}

/// What pieces brought so far.
struct Found<'a> {
    mapping: Mapping<'a>,
    grid: Grid,
    /// By key: the labels that it came with, and its values.
    series: BTreeMap<Arc<SeriesKey>, (BTreeMap<String, String>, Gather)>,
    notes: Notes,
}

/// What was left out, for the answer's warnings.
#[derive(Default)]
struct Notes {
    warnings: Vec<String>,
    odd: usize,
    unmapped: usize,
    doubled: usize,
}

impl Found<'_> {
    fn row(
        &mut self,
        labels: &BTreeMap<std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>>,
        values: &[Point<'_>],
        shift: i64,
    ) -> Result<(), HistoryError> {
        let Some(key) = self.mapping.key(labels) else {
            self.notes.unmapped += 1;
            return Ok(());
        };
        if !self.mapping.wanted(&key) {
            return Ok(());
        }
        self.grid.allow(self.series.len() + 1)?;
        let (mine, gather) = self.series.entry(Arc::new(key)).or_insert_with(|| {
            let labels = labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            (labels, Gather::new(&self.grid, Take::Last))
        });
        let same = mine.len() == labels.len()
            && mine.iter().all(|(name, value)| labels.get(name.as_str()).is_some_and(|v| v == value));
        if !same {
            self.notes.doubled += 1;
            return Ok(());
        }
        for (at, value) in values.iter().filter_map(Point::reading) {
            gather.add(&self.grid, at.saturating_sub(shift), value);
        }
        Ok(())
    }

    fn finish(self) -> Answer {
        let mut warnings = self.notes.warnings;
        warnings.sort();
        warnings.dedup();
        warnings.truncate(WARNINGS_MAX);
        let signal = self.mapping.signal();
        for (count, what) in [
            (self.notes.odd, "cannot be read and are left out"),
            (self.notes.unmapped, "lack the labels that the signal's query names and are left out"),
            (
                self.notes.doubled,
                "differ from another one in labels only that the signal does not know, and are left out; aggregate them in the query",
            ),
        ] {
            if count > 0 {
                warnings.push(format!("{count} series of `{signal}` {what}"));
            }
        }
        let grid = self.grid;
        let stretches = self.series.into_iter().filter_map(|(key, (_, gather))| gather.finish(&grid, key)).collect();
        Answer { stretches, warnings }
    }
}

fn refused(want: &Want, status: u16, message: String) -> PrometheusError {
    PrometheusError::Refused { signal: want.signal.name.clone().into_owned(), status, message }
}

/// What a status means here, where the store says nothing itself.
fn status_words(status: u16) -> String {
    let words = match status {
        401 => "it does not know us; look at username, password_file and bearer_token_file",
        403 => "we may not ask; look at the credentials and the tenant",
        404 => "there is no such API; does history.prometheus.url end before /api/v1?",
        429 | 502..=504 => "it is busy or away, and repeats did not help",
        300..=399 => "it redirects, which is not followed; correct history.prometheus.url",
        _ => "it does not say why",
    };
    words.to_owned()
}

/// Whether a smaller question may be answered.
fn too_much(error: &PrometheusError) -> bool {
    match error {
        PrometheusError::TooLarge(_) => true,
        PrometheusError::Refused { message, .. } => {
            // Prometheus: samples, points; VictoriaMetrics: -search.maxSamplesPerQuery and its kin; Mimir: limits.
            ["too many samples", "exceeded maximum resolution", "-search.max", "exceeded the maximum number of samples"]
                .iter()
                .any(|words| message.contains(words))
        }
        _ => false,
    }
}

/// Seconds as the API takes them.
fn seconds(millis: i64) -> String {
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}
