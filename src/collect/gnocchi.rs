//! Gnocchi: how many metrics there are, and how far processing is behind.
//!
//! Metrics can only be counted by listing them, page by page, so that is done at the slow pace. The status is asked for
//! without its details, which hold a row per metric.

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::decode::list;
use super::sight::Sight;
use super::{Cadence, Collect, Collecting, CollectorSpec, Cx, Service};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Processors of measures (metricd) that are members of the group.
    PROCESSORS = gauge "openstack_gnocchi_status_metricd_processors" [], Count, "GET /v1/status?details=False";
    /// Metrics with measures that wait to be processed.
    WAITING_METRICS = gauge "openstack_gnocchi_status_metric_having_measures_to_process" [], Count, "GET /v1/status?details=False";
    /// Measures that wait to be processed.
    WAITING_MEASURES = gauge "openstack_gnocchi_status_measures_to_process" [], Count, "GET /v1/status?details=False";
    /// Metrics that are listed to these credentials.
    TOTAL_METRICS = gauge "openstack_gnocchi_total_metrics" [], Count, "GET /v1/metric";
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_gnocchi_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "gnocchi",
    catalog_types: &["metric", "gnocchi"],
    tables: &[METRICS],
    up: &UP,
    collectors: &[
        CollectorSpec { name: "gnocchi.status", cadence: Cadence::Fast, make: || Box::new(State) },
        CollectorSpec { name: "gnocchi.metrics", cadence: Cadence::Slow, make: || Box::new(Metrics) },
    ],
};

#[derive(Deserialize)]
struct Status {
    /// Since Gnocchi 4.1.
    metricd: Option<Metricd>,
    storage: Storage,
}

/// The processors are null where the coordinator does not know its members.
#[derive(Deserialize)]
struct Metricd {
    processors: Option<Vec<IgnoredAny>>,
}

#[derive(Deserialize)]
struct Storage {
    summary: Summary,
}

#[derive(Deserialize)]
struct Summary {
    metrics: u64,
    measures: u64,
}

/// The status.
struct State;

impl Collect for State {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let status: Status = cx.client.get_json(Request::new("status").query("details", "False")).await?;
            cx.report.add_items(1);
            Ok(emit(&status, cx.settings.compat))
        })
    }
}

/// Processors that nobody knows the number of are 0 to openstack-exporter.
fn emit(status: &Status, compat: bool) -> PartBuilder {
    let mut part = PartBuilder::new();
    let known = status.metricd.as_ref().and_then(|metricd| Some(metricd.processors.as_ref()?.len()));
    if let Some(processors) = known.or(compat.then_some(0)) {
        part.put(&PROCESSORS, [], processors as f64);
    }
    part.put(&WAITING_METRICS, [], status.storage.summary.metrics as f64);
    part.put(&WAITING_MEASURES, [], status.storage.summary.measures as f64);
    part
}

/// The number of metrics.
struct Metrics;

impl Collect for Metrics {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            if !cx.keep.wants(&TOTAL_METRICS.descriptor) {
                return Ok(part);
            }
            // The answer is a list without an object around it.
            let listed = list(cx, Request::new("metric"), "", |_: IgnoredAny| {}).await?;
            let sight = Sight::of(cx).await;
            sight.count(&mut part, &TOTAL_METRICS, listed.items);
            sight.report(cx);
            Ok(part)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn the_status() {
        let body = include_bytes!("../../tests/recordings/gnocchi/status.json");
        let part = seal(emit(&serde_json::from_slice(body).unwrap(), false));
        assert_eq!(only(&part, &PROCESSORS), 2.0);
        assert_eq!((only(&part, &WAITING_METRICS), only(&part, &WAITING_MEASURES)), (291.0, 298.0));
    }

    #[test]
    fn unknown_processors_are_none_or_0() {
        for body in [
            r#"{"metricd": {"processors": null, "statistics": {}}, "storage": {"summary": {"metrics": 0, "measures": 0}}}"#,
            r#"{"storage": {"summary": {"metrics": 0, "measures": 0}}}"#,
        ] {
            let status: Status = serde_json::from_str(body).unwrap();
            assert!(rows(&seal(emit(&status, false)), &PROCESSORS).is_empty());
            assert_eq!(only(&seal(emit(&status, true)), &PROCESSORS), 0.0);
        }
    }
}
