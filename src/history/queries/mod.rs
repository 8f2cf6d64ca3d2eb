//! The user's own signals: PromQL expressions, read from a Prometheus-compatible store whatever the history is.
//!
//! Their newest values ([`Queries::newest`]) join the readings of the built-in signals, and are kept with them; their past
//! ([`Asking`]) comes from the store that is asked, which knows it from before the signal was written down. When to ask,
//! and what becomes of the answers, is `app`'s business.

mod places;
mod settings;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;

use super::prometheus::{Placing, PrometheusHistory};
use super::{Answer, History, HistoryError, Pending, Store, Want};
use crate::model::clock::Timestamp;
use crate::model::part::Origin;
use crate::model::signal::{Query, SeriesKey, Signal, Tick};
use places::EntityMap;
pub use places::Places;
pub use settings::{SignalQuery, SignalUnit};

/// A signal of the user's own.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The signal.
    pub signal: Arc<Signal>,
    /// Time between two readings; none: the grid's.
    pub step: Option<Duration>,
    max_series: usize,
    map: EntityMap,
}

/// All of them, by name.
#[derive(Clone, Debug, Default)]
pub struct Definitions(BTreeMap<String, Arc<Definition>>);

impl Definitions {
    /// From settings that were checked.
    pub fn of(settings: &BTreeMap<String, SignalQuery>) -> Self {
        let own =
            settings.iter().filter_map(|(name, query)| Some((name.clone(), Arc::new(Definition::of(name, query)?))));
        Self(own.collect())
    }

    /// The signal of a name.
    pub fn get(&self, name: &str) -> Option<&Arc<Definition>> {
        self.0.get(name)
    }

    /// Every one, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.0.values()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Definition {
    fn of(name: &str, asked: &SignalQuery) -> Option<Self> {
        let basis = asked.utilization();
        let expression = match &asked.ceiling_query {
            Some(ceiling) => format!("({}) / ({ceiling})", asked.query),
            None => asked.query.clone(),
        };
        let query = Query {
            expression: expression.into(),
            scope: Some(asked.scope),
            entity_label: asked.entity_label.clone().into(),
            resource: Some(asked.resource.clone().unwrap_or_default().into()),
            basis,
        };
        let signal = Signal {
            name: name.to_owned().into(),
            help: format!("Query of signals.{name}.").into(),
            unit: if basis.is_some() { crate::model::metric::Unit::Ratio } else { asked.unit.into() },
            min: asked.min.or(basis.map(|_| 0.0)),
            max: asked.max,
            ceiling: basis.map(|_| 1.0),
            counter: false,
            season: asked.season_seconds.map(Duration::from_secs),
            direction: asked.direction,
            query,
        };
        Some(Self {
            signal: Arc::new(signal),
            step: asked.step_seconds.map(Duration::from_secs),
            max_series: asked.max_series,
            map: EntityMap::of(asked.entity_map.as_deref())?,
        })
    }
}

/// Which way the labels of a definition's series lead.
struct Placed<'a>(&'a Definition, Arc<Places>);

impl Placing for Placed<'_> {
    fn place(&self, text: &str, told: Origin) -> Option<(Origin, Arc<str>)> {
        self.0.map.place(text, told, &self.1)
    }
}

/// The newest values of a signal.
#[derive(Clone, Debug)]
pub struct Newest {
    /// By series.
    pub readings: Vec<(Arc<SeriesKey>, f64)>,
    /// Series beyond the definition's limit.
    pub left_out: usize,
    /// What the store says is lacking, and what of its answer cannot be used.
    pub warnings: Vec<String>,
}

/// The store that is asked, and what is asked of it.
#[derive(Debug)]
pub struct Queries {
    source: PrometheusHistory,
    definitions: Arc<ArcSwap<Definitions>>,
    places: ArcSwap<Places>,
}

impl Queries {
    pub(super) fn new(source: PrometheusHistory, definitions: Arc<ArcSwap<Definitions>>) -> Self {
        Self { source, definitions, places: ArcSwap::default() }
    }

    /// The definitions in force.
    pub fn definitions(&self) -> Arc<Definitions> {
        self.definitions.load_full()
    }

    /// Takes note of the regions and hypervisors that there are.
    pub fn know(&self, places: Places) {
        self.places.store(Arc::new(places));
    }

    /// The values of a signal over the step that ends at a time.
    ///
    /// # Errors
    /// The store cannot be asked, refuses, or answers with something else.
    pub async fn newest(&self, definition: &Definition, at: Timestamp, step: Duration) -> Result<Newest, HistoryError> {
        let signal = Arc::clone(&definition.signal);
        let want = Want { signal, only: None, from: at.minus(step), to: at, step };
        let (answer, left_out) = self.ask(definition, &want).await?;
        let newest = |stretch: super::Stretch| Some((stretch.key, *stretch.values.last()?));
        let readings = answer.stretches.into_iter().filter_map(newest).filter(|(_, value)| value.is_finite());
        Ok(Newest { readings: readings.collect(), left_out, warnings: answer.warnings })
    }

    /// An answer with no more series than allowed, and how many were too many.
    async fn ask(&self, definition: &Definition, want: &Want) -> Result<(Answer, usize), HistoryError> {
        let placed = Placed(definition, self.places.load_full());
        let mut answer = self.source.read_placed(want, &placed, definition.step.unwrap_or_default()).await?;
        let left_out = answer.stretches.len().saturating_sub(definition.max_series);
        if left_out > 0 {
            answer.stretches.truncate(definition.max_series);
            let name = &definition.signal.name;
            answer
                .warnings
                .push(format!("{left_out} series of `{name}` are beyond signals.{name}.max_series and left out"));
        }
        Ok((answer, left_out))
    }
}

/// A history that asks for the past of the user's own signals where they come from.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) base: Arc<dyn History>,
    /// What was read since the signal was written down: for when the other store cannot be asked.
    pub(super) store: Arc<Store>,
    pub(super) queries: Arc<Queries>,
}

impl Asking {
    async fn answer(&self, definition: &Definition, want: &Want) -> Result<Answer, HistoryError> {
        let error = match self.queries.ask(definition, want).await {
            Ok((answer, _)) => return Ok(answer),
            Err(error) => error,
        };
        let mut kept = self.store.read(want).await?;
        if kept.stretches.is_empty() {
            return Err(error);
        }
        kept.warnings.push(format!("only what was read before is told: {error}"));
        Ok(kept)
    }
}

impl History for Asking {
    fn append(&self, tick: Tick) -> Result<(), HistoryError> {
        self.base.append(tick)
    }

    fn read<'a>(&'a self, want: &'a Want) -> Pending<'a, Answer> {
        let definitions = self.queries.definitions();
        match definitions.get(&want.signal.name).cloned() {
            Some(definition) => Box::pin(async move { self.answer(&definition, want).await }),
            None => self.base.read(want),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::testing::{tick, want};
    use crate::history::{FILE_NAME, Prometheus, Retention, Telemetry};
    use crate::model::clock::Clock;
    use crate::model::metric::Unit;
    use crate::model::signal::{Basis, Scope};

    #[test]
    fn a_ceiling_makes_a_utilisation() {
        let asked = SignalQuery {
            query: "sum by (instance) (used)".to_owned(),
            ceiling_query: Some("sum by (instance) (all)".to_owned()),
            scope: Scope::Hypervisor,
            resource: Some("memory".to_owned()),
            season_seconds: Some(86_400),
            ..SignalQuery::default()
        };
        let settings = BTreeMap::from([("memory_used".to_owned(), asked)]);
        let definitions = Definitions::of(&settings);
        let signal = &definitions.get("memory_used").unwrap().signal;
        assert_eq!(signal.query.expression, "(sum by (instance) (used)) / (sum by (instance) (all))");
        assert_eq!((signal.unit, signal.ceiling, signal.min), (Unit::Ratio, Some(1.0), Some(0.0)));
        assert_eq!((signal.query.basis, signal.query.resource.as_deref()), (Some(Basis::Demand), Some("memory")));
        assert_eq!(signal.season, Some(Duration::from_secs(86_400)));
    }

    #[tokio::test]
    async fn without_the_store_that_is_asked_what_was_read_before_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let retention = Retention { raw_days: 30, rollup_days: 400 };
        let path = directory.path().join(FILE_NAME);
        let store = Store::open(&path, retention, &Clock::system(), &Arc::new(Telemetry::default())).unwrap();
        let store = Arc::new(store);
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let source = Prometheus { url: Some(format!("http://{closed}")), ..Prometheus::default() };
        let own = SignalQuery { query: "up".to_owned(), ..SignalQuery::default() };
        let definitions = Definitions::of(&BTreeMap::from([("load".to_owned(), own)]));
        let definitions = Arc::new(ArcSwap::from_pointee(definitions));
        let queries = Arc::new(Queries::new(PrometheusHistory::new(&source).unwrap(), definitions));
        let asking = Asking { base: Arc::clone(&store) as Arc<dyn History>, store: Arc::clone(&store), queries };
        let error = asking.read(&want("load", 0, 600, 300)).await.unwrap_err();
        assert!(error.to_string().contains("cannot be reached"), "{error}");
        asking.append(tick(300, &[("a", 5.0)])).unwrap();
        store.settle().unwrap();
        let answer = asking.read(&want("load", 0, 600, 300)).await.unwrap();
        assert_eq!(answer.stretches[0].values, [5.0]);
        assert!(answer.warnings[0].contains("read before") && answer.warnings[0].contains("cannot be reached"));
        assert!(asking.read(&want("other", 0, 600, 300)).await.unwrap().warnings.is_empty(), "the store's own");
    }
}
