//! What the subsystems share: settings, guarded file reads, the clock, and saying things once.
//!
//! Every read is bounded and goes through here, so that a file that may not be read is said once, with the remedy,
//! and from then on only counted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::HostError;
use super::settings::Settings;
use crate::model::clock::Clock;
use crate::model::metric::{Descriptor, Kind, Unit};
use crate::model::part::PartBuilder;

/// Longest file that is read: /proc/stat of 1,000 CPUs and /proc/net/udp of 10,000 sockets stay below.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// Kernel fields that no static row knows get a row at run time; more than this many are left out.
const RUN_TIME_ROWS_MAX: usize = 512;

/// Different things that are said once each; behind that, silence.
const SAID_MAX: usize = 256;

/// Shared by all subsystems, alive as long as the host collector.
#[derive(Debug)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) clock: Clock,
    /// The subsystem that is running, for messages and counts.
    pub(super) running: &'static str,
    unreadable: BTreeMap<&'static str, u64>,
    said: HashSet<PathBuf>,
    rows: HashMap<String, Arc<Descriptor>>,
    #[cfg(target_os = "linux")]
    pub(super) linux: super::linux::Memory,
    #[cfg(any(test, not(target_os = "linux")))]
    pub(super) system: super::system::System,
    #[cfg(feature = "gpu")]
    pub(super) gpu: super::gpu::Gpu,
}

impl State {
    pub(super) fn new(settings: &Settings, clock: Clock) -> Self {
        Self {
            settings: settings.clone(),
            clock,
            running: "",
            unreadable: BTreeMap::new(),
            said: HashSet::new(),
            rows: HashMap::new(),
            #[cfg(target_os = "linux")]
            linux: super::linux::Memory::default(),
            #[cfg(any(test, not(target_os = "linux")))]
            system: super::system::System::default(),
            #[cfg(feature = "gpu")]
            gpu: super::gpu::Gpu::default(),
        }
    }

    /// A path below /proc.
    pub(super) fn proc(&self, below: &str) -> PathBuf {
        self.settings.procfs.join(below)
    }

    /// A path below /sys.
    pub(super) fn sys(&self, below: &str) -> PathBuf {
        self.settings.sysfs.join(below)
    }

    /// A path of the host, as seen through its root file system.
    pub(super) fn root(&self, absolute: &str) -> PathBuf {
        self.settings.rootfs.join(absolute.trim_start_matches('/'))
    }

    /// Reads a file that must be there.
    pub(super) fn read(&self, path: &Path) -> Result<String, HostError> {
        read(path).map_err(|source| HostError::read(path.to_owned(), source))
    }

    /// Reads a file that not every kernel or machine has.
    pub(super) fn read_optional(&self, path: &Path) -> Result<Option<String>, HostError> {
        match read(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(source) => Err(HostError::read(path.to_owned(), source)),
        }
    }

    /// Reads an attribute of /sys, trimmed. Drivers answer with all kinds of errors for what a device lacks, so any
    /// error means that there is none; only a refusal is worth a word.
    pub(super) fn attribute(&mut self, path: &Path) -> Option<String> {
        match read(path) {
            Ok(text) => Some(text.trim().to_owned()),
            Err(error) => {
                if error.kind() == io::ErrorKind::PermissionDenied {
                    self.refused(path, &error);
                }
                None
            }
        }
    }

    /// The same as a number.
    pub(super) fn number(&mut self, path: &Path) -> Option<f64> {
        number(&self.attribute(path)?)
    }

    /// Names in a directory, sorted so that the output is stable; empty when it is absent.
    pub(super) fn names(&mut self, path: &Path) -> Vec<String> {
        match std::fs::read_dir(path) {
            Ok(entries) => {
                let mut names: Vec<String> =
                    entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
                names.sort_unstable();
                names
            }
            Err(error) => {
                if error.kind() == io::ErrorKind::PermissionDenied {
                    self.refused(path, &error);
                }
                Vec::new()
            }
        }
    }

    /// Counts what may not be read, and says it the first time in each subsystem.
    pub(super) fn refused(&mut self, path: &Path, error: &io::Error) {
        let subsystem = PathBuf::from(self.running);
        self.refused_at(&subsystem, path, error);
    }

    /// The same, said the first time for each `about`.
    pub(super) fn refused_at(&mut self, about: &Path, path: &Path, error: &io::Error) {
        *self.unreadable.entry(self.running).or_default() += 1;
        if self.first_time(about) {
            tracing::warn!(
                collector = self.running, path = %path.display(), %error,
                "may not be read: let the service's user read it, or disable this subsystem of the host figures; further refusals are only counted"
            );
        }
    }

    /// Whether this has not been said yet.
    pub(super) fn first_time(&mut self, about: &Path) -> bool {
        self.said.len() < SAID_MAX && self.said.insert(about.to_owned())
    }

    /// What could not be read so far, by subsystem.
    pub(super) fn unreadable(&self) -> &BTreeMap<&'static str, u64> {
        &self.unreadable
    }

    /// Puts a field that no static row knows (a newer kernel's); such rows are made once.
    pub(super) fn put_field(
        &mut self,
        part: &mut PartBuilder,
        name: &str,
        kind: Kind,
        source: &'static str,
        value: f64,
    ) {
        if let Some(row) = self.rows.get(name) {
            part.put_shared(row, &[], value);
        } else if self.rows.len() < RUN_TIME_ROWS_MAX {
            let row = Arc::new(Descriptor {
                name: name.to_owned().into(),
                help: format!("A field of {source}.").into(),
                kind,
                unit: if name.ends_with("_bytes") { Unit::Bytes } else { Unit::None },
                labels: Vec::new().into(),
                source: source.into(),
                slow: false,
                deprecated: false,
            });
            part.put_shared(&row, &[], value);
            self.rows.insert(name.to_owned(), row);
        }
    }
}

/// A decimal number as the kernel writes it.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim();
    match text.parse::<u64>() {
        Ok(value) => Some(value as f64),
        Err(_) if text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.')) => text.parse().ok(),
        Err(_) => None,
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::with_capacity(4096);
    std::fs::File::open(path)?.take(FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// What a kernel without the feature answers: no file, or one that says so when opened.
fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(value: i64) {
            prop_assert_eq!(number(&format!(" {value}\n")), Some(value as f64));
        }

        #[test]
        fn no_text_is_an_infinity(text in "\\PC{0,12}") {
            prop_assert!(number(&text).is_none_or(f64::is_finite));
        }
    }

    #[test]
    fn what_may_not_be_read_is_said_once_and_counted() {
        let mut state = State::new(&Settings::default(), Clock::system());
        state.running = "host.dmi";
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        let path = Path::new("/sys/class/dmi/id/product_uuid");
        assert!(state.first_time(Path::new("/other")));
        state.refused(path, &error);
        assert!(!state.first_time(Path::new("host.dmi")), "it was said");
        state.refused(path, &error);
        assert_eq!(state.unreadable().get("host.dmi"), Some(&2));
    }
}
