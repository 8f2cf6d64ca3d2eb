//! Loading: defaults < file < environment < flags, merged by the `config` crate.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::environment::{self, Assignment};
use super::error::{Error, Fault};
use super::file::File;
use super::layer::Layer;
use super::{Compat, Settings, keys};

/// Where a configuration file is looked for when none is named; the first that exists is taken.
pub const SEARCH: [&str; 4] =
    ["stackcast.toml", "stackcast.yaml", "/etc/stackcast/stackcast.toml", "/etc/stackcast/stackcast.yaml"];

/// Where settings come from. Kept for the life of the process, so that a reload reads the same places again.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The file named by `--config`; it must exist.
    pub file: Option<PathBuf>,
    /// Files of which the first that exists is taken when none is named.
    pub search: Vec<PathBuf>,
    /// Variables of the environment; those that do not concern us are ignored.
    pub environment: BTreeMap<String, String>,
    /// What the flags set; later ones win.
    pub overrides: Vec<Override>,
}

/// A key that a flag sets.
#[derive(Clone, Debug, PartialEq)]
pub struct Override {
    /// The flag, for messages.
    pub flag: &'static str,
    /// Names from the root.
    pub path: Vec<String>,
    /// The value.
    pub value: Value,
}

/// Settings and where they came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings, checked.
    pub settings: Settings,
    /// Every place that had a say, in order of rank, for people.
    pub sources: Vec<String>,
}

impl Sources {
    /// The usual search and the process's environment, of which only our own variables are kept.
    pub fn of_process(file: Option<PathBuf>, overrides: Vec<Override>) -> Self {
        let ours = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        let environment = ours
            .filter(|(name, _)| environment::concerns_us(name))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        Self { file, search: SEARCH.iter().map(PathBuf::from).collect(), environment, overrides }
    }

    /// Reads everything anew.
    pub fn load(&self) -> Result<Loaded, Error> {
        let root = keys::root();
        let mut faults = Vec::new();
        let file = self.read_file().unwrap_or_else(|fault| {
            faults.push(fault);
            None
        });
        let assignments = environment::read(&self.environment, &root).unwrap_or_else(|found| {
            faults.extend(found);
            Vec::new()
        });
        if !faults.is_empty() {
            return Err(Error { faults });
        }
        let found = Found { file, assignments, overrides: &self.overrides };
        let mut settings = found.merge(None)?;
        if let Some(compat) = settings.compat {
            settings = found.merge(Some(compat))?;
        }
        super::validate::normalize(&mut settings);
        let faults: Vec<Fault> = super::validate::faults(&settings)
            .into_iter()
            .map(|fault| Fault { place: found.place(&fault.place), ..fault })
            .collect();
        if !faults.is_empty() {
            return Err(Error { faults });
        }
        Ok(Loaded { settings, sources: found.describe() })
    }

    fn read_file(&self) -> Result<Option<File>, Fault> {
        match &self.file {
            Some(path) => File::read(path).map(Some),
            None => self.search.iter().find(|path| path.exists()).map(|path| File::read(path)).transpose(),
        }
    }
}

/// What every place said, before it is merged.
struct Found<'a> {
    file: Option<File>,
    assignments: Vec<Assignment>,
    overrides: &'a [Override],
}

impl Found<'_> {
    fn merge(&self, compat: Option<Compat>) -> Result<Settings, Error> {
        let failed = |error: config::ConfigError| Error::from(Fault::new("configuration", error.to_string()));
        let defaults =
            serde_json::to_value(Settings::default()).map_err(|error| Fault::new("defaults", error.to_string()))?;
        let mut builder = config::Config::builder().add_source(Layer { origin: "defaults".to_owned(), tree: defaults });
        if let Some(compat) = compat {
            builder = builder.add_source(Layer { origin: "compat".to_owned(), tree: compat.layer() });
        }
        if let Some(file) = &self.file {
            builder = builder.add_source(Layer { origin: file.path.display().to_string(), tree: file.tree.clone() });
        }
        let environment = self.assignments.iter().map(|a| (a.path.clone(), a.value.clone()));
        let flags = self.overrides.iter().map(|o| (o.path.clone(), o.value.clone()));
        builder
            .add_source(Layer::from_keys("environment", environment))
            .add_source(Layer::from_keys("flags", flags))
            .build()
            .map_err(failed)?
            .try_deserialize()
            .map_err(failed)
    }

    /// Where a key was set last, in front of its name.
    fn place(&self, key: &str) -> String {
        let flag = self.overrides.iter().rfind(|o| o.path.join(".") == key).map(|o| format!("flag {}", o.flag));
        let variable = || {
            let set = self.assignments.iter().rfind(|a| a.path.join(".") == key);
            set.map(|a| format!("environment variable {}", a.variable))
        };
        let file = || self.file.as_ref().and_then(|file| file.place(key));
        match flag.or_else(variable).or_else(file) {
            Some(place) => format!("{place}: {key}"),
            None => key.to_owned(),
        }
    }

    fn describe(&self) -> Vec<String> {
        let mut sources = vec!["defaults".to_owned()];
        sources.extend(self.file.as_ref().map(|file| format!("file {}", file.path.display())));
        sources.extend(self.assignments.iter().map(|a| format!("environment variable {}", a.variable)));
        sources.extend(self.overrides.iter().map(|o| format!("flag {}", o.flag)));
        sources.dedup();
        sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(flag: &'static str, path: &str, value: impl Into<Value>) -> Override {
        Override { flag, path: path.split('.').map(str::to_owned).collect(), value: value.into() }
    }

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("stackcast.toml");
        std::fs::write(&path, text).unwrap();
        (directory, path)
    }

    #[test]
    fn each_place_wins_over_the_one_before() {
        let (_keep, path) =
            file("[analysis]\ngrid_minutes = 15\n[data]\nretention_days = 7\n[log]\nlevel = \"warn\"\n");
        let mut sources = Sources { file: Some(path), ..Sources::default() };
        let grid = |sources: &Sources| sources.load().unwrap().settings.analysis.grid_minutes;
        assert_eq!(grid(&Sources::default()), 5);
        assert_eq!(grid(&sources), 15);
        sources.environment.insert("COLLECTION_INTERVAL_MINUTES".to_owned(), "20".to_owned());
        assert_eq!(grid(&sources), 20);
        sources.environment.insert("STACKCAST_ANALYSIS__GRID_MINUTES".to_owned(), "30".to_owned());
        assert_eq!(grid(&sources), 30);
        sources.overrides.push(over("--grid", "analysis.grid_minutes", 60));
        let loaded = sources.load().unwrap();
        assert_eq!(loaded.settings.analysis.grid_minutes, 60);
        assert_eq!(loaded.settings.data.retention_days, 7, "what a higher place leaves out stays");
        assert_eq!(loaded.sources.len(), 5, "{:?}", loaded.sources);
    }

    #[test]
    fn lists_are_replaced_as_a_whole() {
        let (_keep, path) = file("[expose]\nlisten_addresses = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n");
        let mut sources = Sources { file: Some(path), ..Sources::default() };
        sources.overrides.push(over("--web.listen-address", "expose.listen_addresses", vec!["127.0.0.1:3"]));
        assert_eq!(sources.load().unwrap().settings.expose.listen_addresses, ["127.0.0.1:3"]);
    }

    #[test]
    fn faults_of_values_are_all_told_with_the_place_that_set_them() {
        let (_keep, path) = file("\n[analysis]\ngrid_minutes = 7\n");
        let mut sources = Sources { file: Some(path.clone()), ..Sources::default() };
        sources.environment.insert("DATA_RETENTION_DAYS".to_owned(), "0".to_owned());
        sources.overrides.push(over("--prefix", "expose.naming.prefix", "1a"));
        let places: Vec<String> = sources.load().unwrap_err().faults.into_iter().map(|f| f.place).collect();
        let grid = format!("{}:3: analysis.grid_minutes", path.display());
        assert!(places.contains(&grid), "{places:?}");
        assert!(
            places.contains(&"environment variable DATA_RETENTION_DAYS: data.retention_days".to_owned()),
            "{places:?}"
        );
        assert!(places.contains(&"flag --prefix: expose.naming.prefix".to_owned()), "{places:?}");
    }

    #[test]
    fn compatibility_ranks_below_what_is_set() {
        let mut sources =
            Sources { overrides: vec![over("--compat", "compat", "openstack-exporter")], ..Sources::default() };
        let settings = sources.load().unwrap().settings;
        assert!(settings.collect.compat && settings.filter.peer_families_only && !settings.collect.host.enabled);
        assert_eq!(settings.expose.listen_addresses, ["[::]:9180"]);
        assert_eq!(settings.expose.naming.cloud_labels, crate::expose::CloudLabels::Never);
        let (_keep, path) =
            file("[filter]\npeer_families_only = false\n[expose]\nlisten_addresses = [\"127.0.0.1:1\"]\n");
        sources.file = Some(path);
        let settings = sources.load().unwrap().settings;
        assert!(settings.collect.compat && !settings.filter.peer_families_only);
        assert_eq!(settings.expose.listen_addresses, ["127.0.0.1:1"]);
    }

    #[test]
    fn a_named_file_must_exist_and_a_searched_one_need_not() {
        let missing = PathBuf::from("/nonexistent/stackcast.toml");
        assert!(Sources { search: vec![missing.clone()], ..Sources::default() }.load().is_ok());
        let error = Sources { file: Some(missing), ..Sources::default() }.load().unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/stackcast.toml: cannot read"), "{error}");
    }
}
