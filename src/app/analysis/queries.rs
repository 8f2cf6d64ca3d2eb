//! The user's own signals: asked when their step begins, told until the next answer but one is due.
//!
//! One query that fails costs its own signal only.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::history::{Definition, Newest, Places, Queries};
use crate::model::clock::{Clock, Timestamp};
use crate::model::part::PartBuilder;
use crate::model::signal::{SeriesKey, Signal};
use crate::model::snapshot::Snapshot;

crate::metrics! {
    /// Whether the last query of a signal of your own was answered.
    SUCCESS = gauge "stackcast_signal_query_success" [signal], Bool, "configuration signals";
    /// How long the last query of a signal of your own took.
    DURATION = gauge "stackcast_signal_query_duration_seconds" [signal], Seconds, "configuration signals";
    /// When the last query of a signal of your own was answered.
    LAST_SUCCESS = gauge "stackcast_signal_query_last_success_timestamp_seconds" [signal], Timestamp, "configuration signals";
    /// Series that the last answered query of a signal of your own gave.
    SERIES = gauge "stackcast_signal_query_series" [signal], Count, "configuration signals";
    /// Series of the last answered query of a signal of your own that are beyond its max_series.
    LEFT_OUT = gauge "stackcast_signal_query_left_out_series" [signal], Count, "configuration signals";
}

/// All queries of a look together may take so long: readings of everything else wait for them.
const LIMIT: Duration = Duration::from_secs(20);

/// What was asked, and what was answered.
pub(super) struct Queried {
    queries: Arc<Queries>,
    clock: Clock,
    states: Mutex<BTreeMap<String, State>>,
}

#[derive(Default)]
struct State {
    /// The step whose values were asked for last.
    asked: Option<Timestamp>,
    success: bool,
    took: Duration,
    newest: Option<(Timestamp, Newest)>,
    warned: Vec<String>,
}

/// Values of a signal of the user's own.
pub(super) type Readings = Vec<(Arc<Signal>, Vec<(Arc<SeriesKey>, f64)>)>;

impl Queried {
    pub(super) fn new(queries: Arc<Queries>, clock: Clock) -> Self {
        Self { queries, clock, states: Mutex::default() }
    }

    /// Asks for every signal whose step has begun, and answers with the values of all that are not too old.
    pub(super) async fn look(&self, snapshot: &Snapshot, at: Timestamp, grid: Duration) -> Readings {
        let definitions = self.queries.definitions();
        self.lock().retain(|name, _| definitions.get(name).is_some());
        if definitions.is_empty() {
            return Readings::new();
        }
        self.queries.know(Places::of(snapshot));
        let due: Vec<(Arc<Definition>, Timestamp, Duration)> =
            definitions.iter().filter_map(|definition| self.due(definition, at, grid)).collect();
        let asking: FuturesUnordered<_> =
            due.iter().map(|(definition, point, step)| self.ask(definition, *point, *step)).collect();
        let all = asking.for_each(|()| std::future::ready(()));
        if tokio::time::timeout(LIMIT, all).await.is_err() {
            tracing::warn!(limit_s = LIMIT.as_secs(), "some signals' queries were not answered in time");
        }
        let states = self.lock();
        let fresh = |definition: &Arc<Definition>| {
            let (point, newest) = states.get(&*definition.signal.name)?.newest.as_ref()?;
            let step = definition.step.unwrap_or(grid);
            (*point >= at.minus(step * 2)).then(|| (Arc::clone(&definition.signal), newest.readings.clone()))
        };
        definitions.iter().filter_map(fresh).collect()
    }

    /// Marks a step as asked for: an answer that does not come in time is not waited for again.
    fn due(
        &self,
        definition: &Arc<Definition>,
        at: Timestamp,
        grid: Duration,
    ) -> Option<(Arc<Definition>, Timestamp, Duration)> {
        let step = definition.step.unwrap_or(grid);
        let millis = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1);
        let point = Timestamp::from_millis(at.millis().div_euclid(millis).saturating_mul(millis));
        let mut states = self.lock();
        let state = states.entry(definition.signal.name.to_string()).or_default();
        if state.asked == Some(point) {
            return None;
        }
        state.asked = Some(point);
        (state.success, state.took) = (false, LIMIT);
        Some((Arc::clone(definition), point, step))
    }

    async fn ask(&self, definition: &Definition, point: Timestamp, step: Duration) {
        let start = self.clock.instant();
        let outcome = self.queries.newest(definition, point, step).await;
        let signal = &*definition.signal.name;
        let mut states = self.lock();
        let state = states.entry(signal.to_owned()).or_default();
        state.took = start.elapsed();
        match outcome {
            Ok(newest) => {
                if newest.warnings != state.warned {
                    for warning in &newest.warnings {
                        tracing::warn!(signal, warning, "a signal's query");
                    }
                    state.warned.clone_from(&newest.warnings);
                }
                state.success = true;
                state.newest = Some((point, newest));
            }
            Err(error) => tracing::error!(signal, %error, "a signal's query failed"),
        }
    }

    /// What is told about queries.
    pub(super) fn emit(&self, part: &mut PartBuilder) {
        for (signal, state) in &*self.lock() {
            part.put(&SUCCESS, [signal], f64::from(u8::from(state.success)));
            part.put(&DURATION, [signal], state.took.as_secs_f64());
            if let Some((point, newest)) = &state.newest {
                part.put(&LAST_SUCCESS, [signal], point.seconds());
                part.put(&SERIES, [signal], newest.readings.len() as f64);
                part.put(&LEFT_OUT, [signal], newest.left_out as f64);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, State>> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
