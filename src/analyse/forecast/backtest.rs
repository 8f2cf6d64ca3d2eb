//! Rolling origins: every model is asked what it would have said at past instants, and at the end of the
//! history. One pass serves both, so the forecast and its error come from the same code.

use super::components::{Expert, Question, all};
use super::history::History;
use super::kernel_weights::{Errors, Row};

/// At most so many past origins. Between them lie 19/24 of a season, so that they see every hour of the day.
const MAX_ORIGINS: usize = 24;
/// An error so many seasons old counts half.
const HALF_LIFE: f64 = 10.0;
/// Experts may leave the range seen so far by half of its width.
const MARGIN: f64 = 0.5;
/// Models on logarithms need a minimum above this share of the mean.
const POSITIVE: f64 = 0.02;

/// What every expert said at every origin.
#[derive(Debug)]
pub(crate) struct Backtest {
    /// Past origins, ascending, then the end of the history.
    pub(crate) origins: Vec<usize>,
    /// Leads predicted.
    pub(crate) horizon: usize,
    /// The experts.
    pub(crate) experts: Vec<Expert>,
}

/// Past origins, ascending: the newest a quarter of a season before the end, the oldest with enough history.
fn past_origins(history: &History) -> Vec<usize> {
    let (n, season) = (history.len(), history.short);
    let mut apart = (season * 19 / 24).max(1);
    while season > 2 && greatest_divisor(apart, season) > 1 {
        apart -= 1;
    }
    // For seasons of a few steps, leave some time between origins all the same.
    let apart = if season < 8 { apart.max(2) } else { apart };
    let oldest = (3 * season).max(n / 3).max(8);
    let newest = n.saturating_sub((season / 4).max(1));
    let mut origins: Vec<usize> =
        (0..MAX_ORIGINS).map_while(|k| newest.checked_sub(k * apart)).take_while(|o| *o >= oldest).collect();
    origins.reverse();
    origins
}

fn greatest_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_divisor(b, a % b) }
}

impl Backtest {
    /// Runs every model over the history.
    pub(crate) fn run(history: &History, horizon: usize, bounds: (f64, f64)) -> Self {
        let mut origins = past_origins(history);
        origins.push(history.len());
        let experts = answers(&Question { history, origins: &origins, horizon, known: None }, bounds);
        Self { origins, horizon, experts }
    }

    /// How many past origins there are.
    pub(crate) fn past(&self) -> usize {
        self.origins.len().saturating_sub(1)
    }

    /// The errors of every expert at every past origin and lead whose outcome is known.
    pub(crate) fn errors(&self, history: &History) -> Errors {
        let mut errors = Errors::new(self.experts.len());
        let mut cells = Vec::with_capacity(self.experts.len());
        for (index, &origin) in self.origins.iter().enumerate().take(self.past()) {
            let actual = history.y.get(origin..).unwrap_or_default();
            let leads = self.horizon.min(actual.len());
            let age = (history.len() - origin) as f64 / history.short as f64;
            let weight = 0.5_f64.powf(age / HALF_LIFE) / leads.max(1) as f64;
            for (lead, truth) in actual.iter().enumerate().take(leads) {
                cells.clear();
                let said = self.experts.iter().map(|e| e.paths.row(index).get(lead).copied().unwrap_or(*truth));
                cells.extend(said.map(|s| s - truth));
                errors.push(Row { origin: index, lead, weight }, &cells);
            }
        }
        errors
    }
}

/// What every expert says, within reason: inside the bounds, and not far outside of what was.
pub(super) fn answers(question: &Question, bounds: (f64, f64)) -> Vec<Expert> {
    let history = question.history;
    let low = history.y.iter().copied().fold(f64::INFINITY, f64::min);
    let high = history.y.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let positive = low > POSITIVE * history.mean(0, history.len()).abs();
    let margin = MARGIN * (high - low);
    let (floor, ceiling) = ((low - margin).max(bounds.0), (high + margin).min(bounds.1));
    let fallback = history.y.last().copied().unwrap_or(0.0);
    let mut experts = Vec::with_capacity(32);
    for component in all() {
        if component.needs_positive() && !positive {
            continue;
        }
        experts.extend(component.experts(question));
    }
    for expert in &mut experts {
        // Bounds that the history itself leaves are wrong about it; then only the range counts.
        expert.paths.limit(floor.min(high), ceiling.max(low), fallback);
    }
    experts
}
