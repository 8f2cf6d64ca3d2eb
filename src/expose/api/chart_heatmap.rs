//! `/charts/heatmap`: hypervisors by resource, the fullest on top, as a Plotly figure.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::answer::{Answer, write};
use super::asked::{Asked, BASIS, CLOUD, Parameter, REGION};
use super::facts::facts;
use super::figure::{Figure, layout};
use super::problem::Problem;
use super::surveyed::known;
use super::{Now, Route, Work};
use crate::model::part::Part;

/// A hypervisor: cloud, region and name.
type Node<'a> = (Option<&'a str>, Option<&'a str>, &'a str);

const NODES: Parameter = Parameter::count("nodes", 1, 1000, "Most hypervisors of the figure, the fullest first.").or("50");
const USE: Parameter = BASIS.or("allocation");

pub(super) static ROUTE: Route = Route {
    path: "/charts/heatmap",
    summary: "A figure for plotly.js: utilisation of hypervisors by resource, the fullest on top.",
    parameters: &[CLOUD, REGION, USE, NODES],
    schema: |generator| generator.subschema_for::<Answer<Figure>>(),
    work: Work::Memory(answer),
};

fn answer(now: &Now, asked: &Asked) -> Result<Vec<u8>, Problem> {
    let parts = || now.snapshot.group("analysis.capacity").map(|part| -> &Part { part });
    known(asked, &CLOUD, parts().filter_map(|part| part.key.origin.cloud.as_deref()))?;
    known(asked, &REGION, parts().filter_map(|part| part.key.origin.region.as_deref()))?;
    let is = |parameter, name: Option<&str>| asked.text(parameter).is_none_or(|wanted| name == Some(wanted));
    let wanted = || parts().filter(|part| {
        is(&CLOUD, part.key.origin.cloud.as_deref()) && is(&REGION, part.key.origin.region.as_deref())
    });
    let mut nodes: BTreeMap<Node<'_>, BTreeMap<&str, f64>> = BTreeMap::new();
    let ratios: Vec<_> = facts(wanted(), "stackcast_capacity_utilization_ratio").collect();
    for fact in &ratios {
        if fact.label("scope") == "hypervisor" && asked.text(&USE) == Some(fact.label("basis")) {
            let (cloud, region) = (fact.origin.cloud.as_deref(), fact.origin.region.as_deref());
            nodes.entry((cloud, region, fact.label("entity"))).or_default().insert(fact.label("resource"), fact.number());
        }
    }
    let resources: BTreeSet<&str> = nodes.values().flat_map(|row| row.keys().copied()).collect();
    let fullest = |row: &BTreeMap<&str, f64>| row.values().copied().fold(0.0, f64::max);
    let regions: BTreeSet<_> = nodes.keys().map(|(cloud, region, _)| (*cloud, *region)).collect();
    let mut rows: Vec<_> = nodes.into_iter().collect();
    rows.sort_by(|(_, a), (_, b)| fullest(b).total_cmp(&fullest(a)));
    rows.truncate(asked.count(&NODES));
    // Hypervisors of several regions may have the same name.
    let name = |(cloud, region, node): &Node<'_>| match regions.len() {
        0 | 1 => (*node).to_owned(),
        _ => format!("{}/{}/{node}", cloud.unwrap_or_default(), region.unwrap_or_default()),
    };
    let names: Vec<String> = rows.iter().map(|(node, _)| name(node)).collect();
    let values: Vec<Vec<Option<f64>>> = rows
        .iter()
        .map(|(_, row)| resources.iter().map(|resource| row.get(resource).copied().filter(|ratio| ratio.is_finite())).collect())
        .collect();
    let trace = json!({
        "type": "heatmap", "x": resources, "y": names, "z": values, "zmin": 0, "zmax": 1, "colorscale": "YlOrRd",
        "reversescale": true, "hoverongaps": false, "colorbar": {"tickformat": ".0%"},
        "hovertemplate": "%{y}<br>%{x}: %{z:.1%}<extra></extra>",
    });
    let axes = (json!({"title": {"text": "resource"}}), json!({"autorange": "reversed", "automargin": true, "type": "category"}));
    let figure = Figure { data: vec![trace], layout: layout("Utilisation of hypervisors", axes.0, axes.1) };
    let oldest = wanted().map(|part| part.collected_at).min();
    write(now, oldest, now.status.ready.is_ok() && !names.is_empty(), figure)
}
