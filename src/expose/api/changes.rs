//! `/api/v1/changes`: what came, changed and went in the clouds, the latest first.

use futures_util::FutureExt;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use super::answer::{Answer, Extent, Page, write};
use super::asked::{Asked, CLOUD, LIMIT, OFFSET, Parameter, REGION, TYPE};
use super::csv::days;
use super::problem::Problem;
use super::{Now, Route, Work};
use crate::model::workload::{ChangeNoticed, ChangesWanted, RecordsError, ResourceType};

const FROM: Parameter = super::csv::FROM;
const TO: Parameter = super::csv::TO;

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/changes",
    summary: "Resources that came, changed or went, the latest first, from the workload records of this installation.",
    parameters: &[CLOUD, REGION, TYPE, FROM, TO, LIMIT, OFFSET],
    schema: |generator| generator.subschema_for::<Answer<Page<Noticed>>>(),
    work: Work::History(|now, asked| answer(now, asked).boxed()),
};

/// A change of one resource.
#[derive(Debug, Serialize, JsonSchema)]
struct Noticed {
    /// Name of the cloud.
    cloud: String,
    /// Region.
    region: String,
    /// Type of the resource.
    r#type: &'static str,
    /// added, modified or removed.
    change: &'static str,
    /// Id of the resource.
    id: String,
    /// When it was noticed; it happened since the comparison before.
    #[schemars(with = "String", extend("format" = "date-time"))]
    time: String,
    /// Of a modified resource, values from before of what changed; of a removed one, what it was.
    before: Map<String, Value>,
}

async fn answer(now: Now, asked: Asked) -> Result<Vec<u8>, Problem> {
    let records = now.records()?;
    let text = |parameter| asked.text(parameter).map(str::to_owned);
    let wanted = ChangesWanted {
        cloud: text(&CLOUD),
        region: text(&REGION),
        kind: asked.text(&TYPE).and_then(ResourceType::parse),
        days: days(&now, &asked)?,
        limit: asked.count(&LIMIT),
        offset: asked.count(&OFFSET),
    };
    let found = tokio::task::spawn_blocking(move || records.changes(&wanted)).await;
    let found = found.map_err(|fault| Problem::internal(&fault))?.map_err(unavailable)?;
    let items: Vec<Noticed> = found.changes.into_iter().map(noticed).collect();
    let page = Page { extent: Extent::of(found.total, &asked), items };
    write(&now, None, now.status.ready.is_ok(), page)
}

fn noticed(change: ChangeNoticed) -> Noticed {
    let ChangeNoticed { cloud, region, kind, change, id, time, before } = change;
    Noticed { cloud, region, r#type: kind.as_str(), change: change.as_str(), id, time, before }
}

/// What the store's trouble is, is for the log.
pub(super) fn unavailable(error: RecordsError) -> Problem {
    tracing::error!(%error, "workload records cannot be told");
    Problem::unavailable("the workload records cannot be read or written now; the log says why")
}
