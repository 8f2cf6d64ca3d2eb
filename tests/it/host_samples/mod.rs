//! What the tests of the host figures share: the fake host, and a part as plain samples.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use stackcast::collect::host::Settings;
use stackcast::model::clock::Timestamp;
use stackcast::model::metric::Kind;
use stackcast::model::part::{Origin, PartBuilder, PartKey};

/// Where the fake host lies.
pub(crate) fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/host")
}

/// Settings that read the fake host.
pub(crate) fn fixture_settings() -> Settings {
    Settings {
        procfs: fixture().join("proc"),
        sysfs: fixture().join("sys"),
        rootfs: fixture().join("root"),
        udev_data: fixture().join("udev"),
        ..Settings::default()
    }
}

/// One sample.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    /// Empty labels are left out: to Prometheus they are the same as none.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels: Vec<String> = self.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        write!(f, "{}{{{}}} {}", self.name, labels.join(","), self.value)
    }
}

/// The samples of a part.
pub(crate) fn samples(part: PartBuilder) -> Vec<Sample> {
    let key = PartKey { group: "host", origin: Origin::LOCAL, source: "host".into() };
    let (part, dropped) = part.seal(key, Timestamp::default(), usize::MAX);
    assert!(dropped.is_empty(), "no label set may come twice: {dropped:?}");
    let mut samples = Vec::new();
    for family in &part.families {
        let row = family.descriptor();
        for sample in family.samples() {
            let labels = row.labels.iter().zip(sample.labels());
            let labels = labels.filter(|(_, value)| !value.is_empty());
            samples.push(Sample {
                name: row.name.to_string(),
                kind: match row.kind {
                    Kind::Gauge => "gauge",
                    Kind::Counter => "counter",
                    Kind::Histogram => "histogram",
                    Kind::Untyped => "untyped",
                },
                labels: labels.map(|(name, value)| (name.to_string(), value.to_owned())).collect(),
                value: sample.number(),
            });
        }
    }
    samples
}
