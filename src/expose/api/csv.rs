//! `/api/v1/csv/{type}`: workload records of all installations as CSV, or all of it as a zip archive.

use super::asked::{Asked, Parameter};
use super::download::Download;
use super::problem::Problem;
use super::{Now, Route, Work};
use crate::model::day::Day;
use crate::model::workload::{Days, Export, ResourceType};

/// Part of Fuel's collector, which had plugins; OpenStack has none.
const PLUGINS: &str = "plugins";
/// Days before the last one, where no first one is asked for.
const DAYS: u32 = 90;

const WHAT: Parameter = Parameter::choice(
    "type",
    || ResourceType::ALL.map(ResourceType::as_str).into_iter().chain(["clusters", "all", PLUGINS]).collect(),
    "A type of resource; clusters; all (zip). plugins, which Fuel had, is always 404.",
)
.in_path();
pub(super) const FROM: Parameter = Parameter::day("from_date", "The first day (UTC); 90 days before the last one if left out.");
pub(super) const TO: Parameter = Parameter::day("to_date", "The last day (UTC), included; today if left out.");

pub(super) static ROUTE: Route = Route {
    path: "/api/v1/csv/{type}",
    summary: "Workload records of all installations as CSV: a line for each resource and day. Days without a record are \
              filled with copies of the one before, which say so (is_filled).",
    parameters: &[WHAT, FROM, TO],
    schema: |_| schemars::json_schema!({"type": "string"}),
    work: Work::Download(answer),
};

fn answer(now: &Now, asked: &Asked) -> Result<Download, Problem> {
    let what = match asked.text(&WHAT).unwrap_or_default() {
        PLUGINS => return Err(Problem::not_found("there are no plugins in OpenStack: Fuel had them, clouds have not")),
        "clusters" => Export::Clusters,
        "all" => Export::All,
        name => Export::Records(ResourceType::parse(name).ok_or_else(|| Problem::not_found("there is no such type"))?),
    };
    let days = days(now, asked)?;
    let records = now.records()?;
    let (name, content_type) = match what {
        Export::Records(kind) => (format!("{}.csv", kind.as_str()), "text/csv; charset=utf-8; header=present"),
        Export::Clusters => ("clusters.csv".to_owned(), "text/csv; charset=utf-8; header=present"),
        Export::All => (format!("reports_from{}_to{}.zip", days.from, days.to), "application/zip"),
    };
    let make = move |out: &mut dyn std::io::Write| records.export(what, days, out).map_err(|error| error.to_string());
    Ok(Download { name, content_type, make: Box::new(make) })
}

/// The days that are asked for.
pub(super) fn days(now: &Now, asked: &Asked) -> Result<Days, Problem> {
    let to = asked.day(&TO).unwrap_or_else(|| Day::of(now.at));
    let from = asked.day(&FROM).unwrap_or_else(|| to.minus(DAYS));
    if from > to {
        return Err(Problem::parameter(FROM.name, format!("`from_date` {from} lies behind `to_date` {to}")));
    }
    Ok(Days { from, to })
}
