//! Whether the figures can be trusted: clouds, collectors, data, and the program itself.

use serde::Deserialize;

use super::super::ask::{AskError, get};
use super::super::document::{Cell, Section, Tone};
use super::super::figures::{bytes, count, duration, percent};
use super::{Desk, things};

pub(super) const TITLE: &str = "Data health";
pub(super) const PATH: &str = "/api/status";

const ROWS_MAX: usize = 12;
/// Twice the longest interval at which anything is read by default.
const STALE_SECONDS: f64 = 1800.0;

#[derive(Debug, Deserialize)]
struct Body {
    version: String,
    waiting_for: Option<String>,
    clouds: Vec<Cloud>,
    collectors: Vec<Collector>,
    forecasts: Forecasts,
    data: Data,
    process: Process,
}

#[derive(Debug, Deserialize)]
struct Cloud {
    cloud: String,
    region: String,
    up: bool,
    detail: String,
}

#[derive(Debug, Deserialize)]
struct Collector {
    collector: String,
    cloud: Option<String>,
    success: Option<bool>,
    data_age_seconds: Option<f64>,
    visibility: Option<String>,
    errors: f64,
}

#[derive(Debug, Deserialize)]
struct Forecasts {
    history: bool,
    series: usize,
    ready: usize,
}

#[derive(Debug, Deserialize)]
struct Data {
    items_rejected: f64,
    samples_dropped: f64,
    missing_samples_ratio: Option<f64>,
    store_bytes: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Process {
    cpu_mean_ratio: Option<f64>,
    memory_bytes: Option<f64>,
}

pub(super) async fn fill(section: &mut Section, desk: &Desk<'_>) -> Result<(), AskError> {
    let answer = get::<Body>(desk.answers, PATH).await?;
    let (age, body) = (answer.data_age_seconds, answer.body);
    let down = body.clouds.iter().filter(|cloud| !cloud.up).count();
    let bad = |collector: &&Collector| collector.success == Some(false);
    let failing = body.collectors.iter().filter(bad).count();
    let blind = |collector: &&Collector| matches!(collector.visibility.as_deref(), Some("none" | "project"));
    let all = things(body.collectors.len(), "collector", "collectors");
    match (&body.waiting_for, failing) {
        (Some(waiting), _) => section.fact("Data", format!("not complete: {waiting}"), Tone::Warning),
        (None, 0) if body.clouds.is_empty() => section.fact("Data", "no cloud is watched", Tone::Warning),
        (None, 0) => section.fact("Data", format!("{all}, all succeed"), Tone::Good),
        (None, _) => {
            let tone = if down == body.clouds.len() { Tone::Critical } else { Tone::Warning };
            section.fact("Data", format!("{failing} of {all} fail"), tone);
        }
    }
    let rows = body.clouds.iter().take(ROWS_MAX).map(|cloud| {
        let (word, tone) = if cloud.up { ("up", Tone::Good) } else { ("not whole", Tone::Critical) };
        let name = if cloud.region.is_empty() { cloud.cloud.clone() } else { format!("{} ({})", cloud.cloud, cloud.region) };
        vec![Cell::new(name), Cell::toned(word, tone), Cell::new(&cloud.detail)]
    });
    let rows = rows.collect();
    section.table(&["Cloud", "State", "Collectors"], rows);
    let rows = body.collectors.iter().filter(|one| bad(one) || blind(one)).take(ROWS_MAX).map(|one| {
        let state = if bad(&one) { "fails" } else { "sees its own project only, or nothing" };
        let age = one.data_age_seconds.map_or_else(|| "never".to_owned(), |age| format!("{} ago", duration(age)));
        let name = one.cloud.as_ref().map_or_else(|| one.collector.clone(), |cloud| format!("{} ({cloud})", one.collector));
        let errors = format!("{state}; {} failures", count(one.errors));
        vec![Cell::new(name), Cell::toned(errors, Tone::Warning), Cell::new(age)]
    });
    let rows = rows.collect();
    section.table(&["Collector", "State", "Last success"], rows);
    if let Some(age) = age.filter(|age| *age > STALE_SECONDS) {
        section.warn(format!("The oldest facts are {} old: what rests on them may be out of date.", duration(age)));
    }
    section.note(sentence(&body));
    Ok(())
}

fn sentence(body: &Body) -> String {
    let mut text = format!("stackcast {}.", body.version);
    if body.forecasts.history {
        let (ready, series) = (count(body.forecasts.ready as f64), count(body.forecasts.series as f64));
        text.push_str(&format!(" {ready} of {series} forecasts may be acted upon."));
    } else {
        text.push_str(" There is no history, so nothing is forecast.");
    }
    if let Some(missing) = body.data.missing_samples_ratio {
        text.push_str(&format!(" At most {} of the samples of the last day are missing.", percent(missing)));
    }
    let (rejected, dropped) = (body.data.items_rejected, body.data.samples_dropped);
    text.push_str(&format!(" {} objects were not understood, {} samples left out.", count(rejected), count(dropped)));
    let parts = [
        body.data.store_bytes.map(|size| format!("store {}", bytes(size))),
        body.process.memory_bytes.map(|size| format!("memory {}", bytes(size))),
        body.process.cpu_mean_ratio.map(|ratio| format!("CPU {} of a core", percent(ratio))),
    ];
    let own = parts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    if !own.is_empty() {
        text.push_str(&format!(" Own use: {own}."));
    }
    text
}
