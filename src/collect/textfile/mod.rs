//! Custom metrics: `*.prom` files of some directories, as node_exporter's textfile collector reads them.
//!
//! A file that cannot be read hides no other. Their families are made at run time and join the page, the history and
//! the signals like any other; a family of ours, or one that an earlier file told with another type, is refused.

mod parse;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::model::metric::{Descriptor, Kind, Unit};
use crate::model::part::PartBuilder;
use parse::{Parsed, parse};

crate::metrics! {
    /// When a text file was last written.
    MTIME = gauge "host_textfile_mtime_seconds" [file], Timestamp, "collect.textfile.directories";
    /// 1 when a text file or directory could not be read, or a family of it was refused.
    SCRAPE_ERROR = gauge "host_textfile_scrape_error" [], Bool, "collect.textfile.directories";
}

/// Custom metrics from text files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Directories whose `*.prom` files are read. Write a file elsewhere and move it in, so that no half is read.
    pub directories: Vec<PathBuf>,
    /// Seconds between looks at the directories.
    pub interval_seconds: u64,
    /// Series of all files together; those beyond are left out and counted.
    pub series_max: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { directories: Vec::new(), interval_seconds: 15, series_max: 10_000 }
    }
}

/// Bytes of one file.
const FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Files in all.
const FILES_MAX: usize = 1000;
/// Name space that no file may use: its families are not all known here.
const OWN_PREFIX: &str = "stackcast_";

/// What was left out: the reason as a label, and what to tell.
pub(super) type Refused = Vec<(&'static str, String)>;

/// A file as of a look at it: its path, when it was written, its length.
type Stamp = (PathBuf, Option<SystemTime>, u64);

/// Reads the directories, again when something has changed.
#[derive(Debug)]
pub(super) struct TextFiles {
    settings: Settings,
    taken: HashSet<&'static str>,
    seen: Option<(Vec<Stamp>, Refused)>,
}

impl TextFiles {
    /// `taken` are names that no file may use.
    pub(super) fn new(settings: Settings, taken: impl Iterator<Item = &'static str>) -> Self {
        Self { settings, taken: taken.collect(), seen: None }
    }

    /// All families, and what was left out; none if nothing has changed since. Blocks.
    pub(super) fn read(&mut self) -> Option<(PartBuilder, Refused)> {
        let mut refused = Refused::new();
        let stamps = self.list(&mut refused);
        let seen = (stamps, refused);
        if self.seen.as_ref() == Some(&seen) {
            return None;
        }
        let (stamps, mut refused) = seen.clone();
        self.seen = Some(seen);
        let mut families = Families::default();
        let mut part = PartBuilder::new();
        for (path, written, bytes) in &stamps {
            let file = path.display().to_string();
            if let Some(age) = written.and_then(|written| written.duration_since(UNIX_EPOCH).ok()) {
                part.put(&MTIME, [&file], age.as_secs_f64());
            }
            match read_file(path, *bytes).and_then(|text| parse(&text).map_err(|fault| fault.to_string())) {
                Ok(parsed) => {
                    parsed.into_iter().for_each(|family| self.add(&mut families, &file, family, &mut refused))
                }
                Err(fault) => refused.push(("file", format!("{file}: {fault}"))),
            }
        }
        families.put(&mut part, self.settings.series_max, &mut refused);
        part.put(&SCRAPE_ERROR, [], if refused.is_empty() { 0.0 } else { 1.0 });
        Some((part, refused))
    }

    fn list(&self, refused: &mut Refused) -> Vec<Stamp> {
        let mut stamps = Vec::new();
        for directory in &self.settings.directories {
            let entries = match std::fs::read_dir(directory) {
                Ok(entries) => entries,
                Err(error) => {
                    refused.push(("directory", format!("{}: {error}", directory.display())));
                    continue;
                }
            };
            for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
                let is_ours = path.extension().is_some_and(|ending| ending == "prom");
                // What has gone since, and what is a pipe or a folder, is no file to read.
                if let Some(metadata) = std::fs::metadata(&path).ok().filter(|metadata| is_ours && metadata.is_file()) {
                    stamps.push((path, metadata.modified().ok(), metadata.len()));
                }
            }
        }
        stamps.sort();
        if stamps.len() > FILES_MAX {
            refused.push(("limit", format!("{} files; only the first {FILES_MAX} are read", stamps.len())));
            stamps.truncate(FILES_MAX);
        }
        stamps
    }

    fn add(&self, families: &mut Families, file: &str, family: Parsed, refused: &mut Refused) {
        let name = family.name.as_str();
        if name.starts_with(OWN_PREFIX) || self.taken.contains(name) {
            refused.push(("collision", format!("{file}: {name} is a family of stackcast's own; rename it")));
            return;
        }
        if let Some((kind, first)) = families.add(file, family) {
            let detail = format!("{file}: {} is told with another type than in {first}", kind.0);
            refused.push(("type", detail));
        }
    }
}

fn read_file(path: &Path, bytes: u64) -> Result<String, String> {
    if bytes > FILE_BYTES_MAX {
        return Err(format!("{bytes} bytes are more than the {FILE_BYTES_MAX} that a file may have"));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    // It may have grown since it was looked at.
    file.take(FILE_BYTES_MAX).read_to_string(&mut text).map_err(|error| error.to_string())?;
    Ok(text)
}

/// Families of all files, by name.
#[derive(Debug, Default)]
struct Families(BTreeMap<String, (Parsed, String)>);

/// Name of a family that is told twice.
struct Named(String);

impl Families {
    /// Joins a family to what is there; gives its name and the first file if that told another type.
    fn add(&mut self, file: &str, family: Parsed) -> Option<(Named, String)> {
        match self.0.get_mut(&family.name) {
            Some((known, first)) if known.kind != family.kind => Some((Named(family.name), first.clone())),
            Some((known, _)) => {
                known.samples.extend(family.samples);
                None
            }
            None => {
                self.0.insert(family.name.clone(), (family, file.to_owned()));
                None
            }
        }
    }

    fn put(self, part: &mut PartBuilder, series_max: usize, refused: &mut Refused) {
        let mut left = series_max;
        for (family, _) in self.0.into_values() {
            if family.samples.len() > left {
                let over = family.samples.len() - left;
                refused
                    .push(("limit", format!("{over} series of {} are over collect.textfile.series_max", family.name)));
            }
            let row = Arc::new(describe(&family));
            let names: Vec<&str> = row.labels.iter().map(AsRef::as_ref).collect();
            for sample in family.samples.iter().take(left) {
                let value = |name: &&str| {
                    let found = sample.labels.iter().find(|(own, _)| own == name);
                    found.map_or("", |(_, value)| value.as_str())
                };
                let values: Vec<&str> = names.iter().map(value).collect();
                part.put_shared(&row, &values, sample.value);
            }
            left = left.saturating_sub(family.samples.len());
        }
    }
}

/// The row of a family: its labels are those that any of its samples has; an empty value is no label.
fn describe(family: &Parsed) -> Descriptor {
    let names: BTreeSet<&str> = family.samples.iter().flat_map(|s| &s.labels).map(|(name, _)| name.as_str()).collect();
    let help = if family.help.is_empty() { "Read from a text file." } else { family.help.as_str() };
    Descriptor {
        name: family.name.clone().into(),
        help: help.to_owned().into(),
        kind: family.kind,
        unit: if family.kind == Kind::Counter { Unit::Count } else { Unit::None },
        labels: names.into_iter().map(|name| name.to_owned().into()).collect(),
        source: "collect.textfile.directories".into(),
        slow: false,
        deprecated: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{only, rows, seal};
    use crate::model::part::Part;

    fn texts(files: &[(&str, &str)]) -> (tempfile::TempDir, TextFiles) {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(directory.path().join(name), text).unwrap();
        }
        let settings =
            Settings { directories: vec![directory.path().to_owned()], series_max: 5, ..Settings::default() };
        (directory, TextFiles::new(settings, ["host_load1"].into_iter()))
    }

    fn family(part: &Part, name: &str) -> Vec<(String, f64)> {
        let family = part.families.iter().find(|family| family.descriptor().name == name);
        let samples = family.into_iter().flat_map(|family| family.samples());
        samples.map(|s| (s.labels().collect::<Vec<_>>().join("|"), s.number())).collect()
    }

    #[test]
    fn a_bad_file_hides_no_other() {
        let (_keep, mut files) = texts(&[
            ("a.prom", "raid{disk=\"sda\"} 1\nraid{disk=\"sdb\",array=\"md0\"} 0\n"),
            ("b.prom", "backup_age_seconds 12\nbroken{\n"),
            ("c.prom", "backup_age_seconds 7\nraid{disk=\"sdc\"} 1\n"),
            ("d.txt", "not_read 1\n"),
        ]);
        let (part, refused) = files.read().unwrap();
        let part = seal(part);
        assert_eq!(METRICS.len(), 2);
        let raid = [("|sda".to_owned(), 1.0), ("md0|sdb".to_owned(), 0.0), ("|sdc".to_owned(), 1.0)];
        assert_eq!(family(&part, "raid"), raid);
        assert_eq!(family(&part, "backup_age_seconds"), [(String::new(), 7.0)]);
        assert!(family(&part, "not_read").is_empty());
        assert_eq!(only(&part, &SCRAPE_ERROR), 1.0);
        assert_eq!(rows(&part, &MTIME).len(), 3);
        let reasons: Vec<_> = refused.iter().map(|(reason, _)| *reason).collect();
        assert_eq!(reasons, ["file"]);
        assert!(refused[0].1.contains("b.prom: line 2"), "{refused:?}");
    }

    #[test]
    fn collisions_types_and_limits_are_refused_with_the_reason() {
        let (_keep, mut files) = texts(&[
            ("a.prom", "# TYPE first gauge\nfirst 1\nhost_load1 3\nstackcast_x 1\n"),
            ("b.prom", "# TYPE first untyped\nfirst{a=\"b\"} 2\n"),
            (
                "c.prom",
                "many{n=\"1\"} 1\nmany{n=\"2\"} 1\nmany{n=\"3\"} 1\nmany{n=\"4\"} 1\nmany{n=\"5\"} 1\nmany{n=\"6\"} 1\n",
            ),
        ]);
        let (part, refused) = files.read().unwrap();
        let part = seal(part);
        let reasons: Vec<_> = refused.iter().map(|(reason, _)| *reason).collect();
        assert_eq!(reasons, ["collision", "collision", "type", "limit"]);
        assert!(family(&part, "host_load1").is_empty());
        assert_eq!(family(&part, "first"), [(String::new(), 1.0)]);
        assert_eq!(family(&part, "many").len(), 4);
    }

    #[test]
    fn files_are_read_again_when_something_has_changed() {
        let (directory, mut files) = texts(&[("a.prom", "x 1\n")]);
        assert!(files.read().is_some());
        assert!(files.read().is_none());
        std::fs::write(directory.path().join("b.prom"), "y 1\n").unwrap();
        assert!(files.read().is_some());
        std::fs::remove_file(directory.path().join("a.prom")).unwrap();
        let part = seal(files.read().unwrap().0);
        assert!(family(&part, "x").is_empty() && !family(&part, "y").is_empty());
        drop(directory);
        let (_, refused) = files.read().unwrap();
        assert_eq!(refused[0].0, "directory");
    }
}
