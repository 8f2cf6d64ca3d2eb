//! `stackcast export`: readings of the history as CSV; without a range, the current state of everything as JSON.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Map, Value as Json, json};

use super::backup::Source;
use super::failure::{FAILED, Failure};
use super::once::Patience;
use crate::analyse::signals::Observer;
use crate::app;
use crate::config::Settings;
use crate::expose::Format;
use crate::history::{self, Reading, Selection};
use crate::model::clock::{Clock, Timestamp};
use crate::model::part::{Family, Value};
use crate::model::signal::Basis;
use crate::model::snapshot::{Snapshot, SnapshotStore};

/// The head of the CSV.
const HEAD: &str = "timestamp,signal,cloud,region,scope,entity,resource,basis,value\n";

/// Flags of `export`.
#[derive(Debug, clap::Args)]
pub(super) struct ExportFlags {
    /// First time of the range: RFC 3339, a date, or seconds since 1970
    #[arg(long, value_name = "TIME", value_parser = time, requires = "to")]
    from: Option<Timestamp>,
    /// End of the range, exclusive
    #[arg(long, value_name = "TIME", value_parser = time, requires = "from")]
    to: Option<Timestamp>,
    /// Signal to write, repeatable [default: all]
    #[arg(long = "signal", value_name = "NAME", requires = "from")]
    signals: Vec<String>,
    /// Entity to write, repeatable [default: all]
    #[arg(long = "entity", value_name = "NAME", requires = "from")]
    entities: Vec<String>,
    /// File to make, `-` for standard output [default: `-` with a range, infrastructure_metrics_TIMESTAMP.json without]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    patience: Patience,
}

pub(super) fn run(flags: &ExportFlags) -> Result<ExitCode, Failure> {
    match (flags.from, flags.to) {
        (Some(from), Some(to)) => readings(flags, from, to),
        _ => state(flags),
    }
}

fn readings(flags: &ExportFlags, from: Timestamp, to: Timestamp) -> Result<ExitCode, Failure> {
    if from >= to {
        return Err(Failure::usage("--from does not lie before --to", "give a range, for example a day and the next"));
    }
    let path = flags.source.file()?;
    let selection = Selection { from, to, signals: flags.signals.clone(), entities: flags.entities.clone() };
    let mut out = Sink::open(flags.out.as_deref().unwrap_or(Path::new("-")))?;
    let mut outcome = out.writer.write_all(HEAD.as_bytes());
    let told = history::export(&path, &selection, &mut |reading| {
        if outcome.is_ok() {
            outcome = out.writer.write_all(row(&reading).as_bytes());
        }
        outcome.is_ok()
    });
    let damage = told.map_err(|error| Failure::new(error.to_string()))?;
    out.finish(outcome)?;
    if damage.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    Err(Failure { lines: damage.into_iter().map(|line| (line, None)).collect(), code: FAILED })
}

/// One line of the CSV.
fn row(reading: &Reading<'_>) -> String {
    let key = reading.key;
    let texts = [
        &*key.signal,
        key.origin.cloud.as_deref().unwrap_or_default(),
        key.origin.region.as_deref().unwrap_or_default(),
        key.scope.as_str(),
        &*key.entity,
        &*key.resource,
        key.basis.map_or("", Basis::as_str),
    ];
    let mut line = reading.at.to_string();
    for text in texts {
        line.push(',');
        line.push_str(&field(text));
    }
    line.push(',');
    line.push_str(zmij::Buffer::new().format(reading.value));
    line.push('\n');
    line
}

/// A field of RFC 4180.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn state(flags: &ExportFlags) -> Result<ExitCode, Failure> {
    let loaded = super::start(&flags.source.flags())?;
    let collected = super::block_on(app::collect_once(&loaded.settings, flags.patience.duration(), Format::Text))??;
    let now = Clock::system().now();
    let stamp: String = now.to_string().chars().filter(|c| *c != '-' && *c != ':').collect();
    let name = PathBuf::from(format!("infrastructure_metrics_{stamp}.json"));
    let mut out = Sink::open(flags.out.as_deref().unwrap_or(&name))?;
    observe(&loaded.settings, &collected.store, now);
    let text = format!("{:#}\n", document(now, &collected.store.load()));
    let outcome = out.writer.write_all(text.as_bytes());
    out.finish(outcome)?;
    Ok(super::once::verdict(&collected))
}

/// Adds what analysis makes of this moment: capacity and signals. Rates need two readings, and are left out.
fn observe(settings: &Settings, store: &SnapshotStore, now: Timestamp) {
    if !settings.analysis.enabled {
        return;
    }
    let observation = Observer::default().observe(&store.load(), &settings.analysis, now);
    for (key, mut part) in observation.parts {
        part.retain(|row| !settings.filter.drops(&row.name, row.slow, row.deprecated));
        part.drop_labels(|row, label| settings.filter.drops_label(&row.name, label));
        let (part, dropped) = part.seal(key, now, store.limits().per_family);
        store.publish(part, dropped);
    }
}

/// Every family with its samples; families that several clouds have are one.
fn document(now: Timestamp, snapshot: &Snapshot) -> Json {
    let mut families: Map<String, Json> = Map::new();
    for part in snapshot.parts() {
        for family in &part.families {
            let row = family.descriptor();
            let samples = samples(family, &part.key.origin, part.collected_at);
            let entry = families.entry(row.name.clone());
            let entry = entry.or_insert_with(
                || json!({"help": row.help, "type": format!("{:?}", row.kind).to_lowercase(), "samples": []}),
            );
            if let Some(Json::Array(all)) = entry.get_mut("samples") {
                all.extend(samples);
            }
        }
    }
    families.sort_keys();
    json!({"timestamp": now.to_string(), "families": families})
}

fn samples(family: &Family, origin: &crate::model::part::Origin, at: Timestamp) -> Vec<Json> {
    let names = &family.descriptor().labels;
    let one = |sample: crate::model::part::Sample| {
        let place = [("cloud", &origin.cloud), ("region", &origin.region)];
        let mut labels: Map<String, Json> =
            place.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.as_deref()?.into()))).collect();
        labels.extend(names.iter().zip(sample.labels()).map(|(name, value)| (name.to_string(), value.into())));
        let value = match sample.value() {
            Value::Number(number) => number.into(),
            Value::Histogram(histogram) => {
                json!({"bounds": histogram.bounds, "counts": histogram.counts, "sum": histogram.sum})
            }
        };
        json!({"labels": labels, "value": value, "collected_at": at.to_string()})
    };
    family.samples().map(one).collect()
}

/// A new file, or standard output.
struct Sink {
    writer: Box<dyn Write>,
    name: String,
}

impl Sink {
    fn open(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        if name == "-" {
            return Ok(Self { writer: Box::new(BufWriter::new(std::io::stdout().lock())), name });
        }
        let file: File = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(|error| Failure::new(format!("cannot make {name}: {error}")))?;
        Ok(Self { writer: Box::new(BufWriter::new(file)), name })
    }

    fn finish(mut self, outcome: std::io::Result<()>) -> Result<(), Failure> {
        match outcome.and_then(|()| self.writer.flush()) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::new(format!("cannot write {}: {error}", self.name)))
            }
            _ => Ok(()),
        }
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    let seconds = text.parse().ok().map(Timestamp::from_seconds);
    seconds
        .or_else(|| Timestamp::parse(text))
        .ok_or_else(|| "expected a form like 2026-11-22T06:00:00Z, 2026-11-22 or 1795305600".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::part::Origin;
    use crate::model::signal::{Scope, SeriesKey};

    #[test]
    fn rows_are_quoted_where_needed_and_times_have_three_forms() {
        let key = SeriesKey {
            signal: "load".into(),
            origin: Origin::LOCAL,
            scope: Scope::Host,
            entity: "a,\"b\"".into(),
            resource: "".into(),
            basis: None,
        };
        let at = time("1795305600").unwrap();
        assert_eq!(
            row(&Reading { at, key: &key, value: 0.5 }),
            "2026-11-22T00:00:00Z,load,,,host,\"a,\"\"b\"\"\",,,0.5\n"
        );
        assert_eq!(time("2026-11-22"), Ok(at));
        assert_eq!(time("2026-11-22T00:00:00Z"), Ok(at));
        assert!(time("yesterday").is_err());
    }
}
