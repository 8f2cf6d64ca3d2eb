//! Many pages as one file: OpenMetrics with a time stamp on every sample, as `promtool tsdb create-blocks-from` reads it.
//!
//! The format wants each family in one piece, and in it each series, in order of time; pages come the other way round. So
//! they are held until the end, each series as runs of equal values: what does not change costs nothing. Names and labels
//! are the page's. Histograms are left out: no figure of a cloud is one.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use hashbrown::HashMap;

use crate::model::clock::Timestamp;
use crate::model::metric::Kind;
use crate::model::part::{Part, Value};
use crate::model::snapshot::Snapshot;

use super::Naming;
use super::names::{Scheme, View, family_key};
use super::plan::{Block, Plan, PlannedFamily};
use super::text::{Labels, escape, write_number};

/// Pages of a stretch of time.
#[derive(Debug)]
pub struct Recording {
    view: View,
    times: Vec<Timestamp>,
    /// By the name under which it may exist once.
    families: BTreeMap<String, Recorded>,
}

#[derive(Debug)]
struct Recorded {
    /// Name of its samples.
    name: String,
    help: String,
    kind: Kind,
    /// By the text of name and labels.
    series: HashMap<Vec<u8>, Vec<Run>>,
}

/// A value that pages had without a change, by their numbers.
#[derive(Clone, Copy, Debug)]
struct Run {
    first: u32,
    last: u32,
    value: f64,
}

impl Recording {
    /// Without a page yet.
    pub fn new(naming: Naming) -> Self {
        Self { view: View::whole(naming), times: Vec::new(), families: BTreeMap::new() }
    }

    /// Adds the page of a snapshot and of `further` parts, as of a later time than those before.
    pub fn take(&mut self, snapshot: &Snapshot, further: Vec<Part>, at: Timestamp) {
        let page = u32::try_from(self.times.len()).unwrap_or(u32::MAX);
        self.times.push(at);
        let scheme = Scheme::of(&self.view, snapshot);
        let further: Vec<Arc<Part>> = further.into_iter().map(Arc::new).collect();
        let plan = Plan::new(snapshot.parts().chain(&further), &scheme);
        for family in plan.families.iter().filter(|family| family.kind != Kind::Histogram) {
            self.family(family).take(family, page);
        }
    }

    fn family(&mut self, planned: &PlannedFamily) -> &mut Recorded {
        self.families.entry(planned.key().to_owned()).or_insert_with(|| Recorded {
            name: planned.name.clone(),
            help: planned.help.clone().into_owned(),
            kind: planned.kind,
            series: HashMap::new(),
        })
    }

    /// Writes everything; says how many samples that were.
    ///
    /// # Errors
    /// What the system says of the file.
    pub fn write(&self, out: &mut impl Write) -> io::Result<u64> {
        let stamps: Vec<Vec<u8>> = self.times.iter().map(|at| stamp(*at)).collect();
        let mut samples = 0;
        for family in self.families.values() {
            samples += family.write(&stamps, out)?;
        }
        out.write_all(b"# EOF\n")?;
        Ok(samples)
    }
}

impl Recorded {
    fn take(&mut self, planned: &PlannedFamily, page: u32) {
        let mut text = Vec::new();
        for block in &planned.blocks {
            let labels = Labels::new(block);
            let start = labels.start(&planned.name);
            for sample in all(block) {
                let Value::Number(value) = sample.value() else { continue };
                text.clear();
                text.extend_from_slice(&start);
                labels.write(sample.labels(), &mut text);
                text.extend_from_slice(labels.close());
                match self.series.get_mut(&text) {
                    Some(runs) => put(runs, page, value),
                    None => drop(self.series.insert(text.clone(), vec![Run { first: page, last: page, value }])),
                }
            }
        }
    }

    fn write(&self, stamps: &[Vec<u8>], out: &mut impl Write) -> io::Result<u64> {
        self.write_head(out)?;
        let mut series: Vec<(&Vec<u8>, &Vec<Run>)> = self.series.iter().collect();
        series.sort_unstable_by_key(|(text, _)| *text);
        let (mut samples, mut value) = (0, Vec::new());
        for (text, runs) in series {
            for run in runs {
                value.clear();
                write_number(&mut value, run.value);
                let pages = run.first as usize..=run.last as usize;
                for stamp in stamps.get(pages).unwrap_or_default() {
                    for piece in [text, &value, stamp] {
                        out.write_all(piece)?;
                    }
                    samples += 1;
                }
            }
        }
        Ok(samples)
    }

    fn write_head(&self, out: &mut impl Write) -> io::Result<()> {
        let mut help = Vec::new();
        escape(&mut help, &self.help, true);
        // A counter without `_total` cannot be one in this format; `unknown` lets its name stay.
        let (name, kind) = match self.kind {
            Kind::Counter if self.name.ends_with("_total") => (family_key(&self.name, self.kind), "counter"),
            Kind::Counter | Kind::Untyped | Kind::Histogram => (&*self.name, "unknown"),
            Kind::Gauge => (&*self.name, "gauge"),
        };
        write!(out, "# HELP {name} ")?;
        out.write_all(&help)?;
        write!(out, "\n# TYPE {name} {kind}\n")
    }
}

fn all(block: &Block) -> impl Iterator<Item = crate::model::part::Sample> {
    block.samples_at(0..usize::MAX)
}

fn put(runs: &mut Vec<Run>, page: u32, value: f64) {
    match runs.last_mut() {
        // The same series twice on a page: the plan has seen to it.
        Some(run) if run.last >= page => {}
        Some(run) if run.last + 1 == page && run.value.to_bits() == value.to_bits() => run.last = page,
        _ => runs.push(Run { first: page, last: page, value }),
    }
}

/// A blank, the time in seconds, and the end of the line.
fn stamp(at: Timestamp) -> Vec<u8> {
    let mut text = vec![b' '];
    write_number(&mut text, at.seconds());
    text.push(b'\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::part::{Origin, PartBuilder, PartKey};

    crate::metrics! {
        /// Agents, "all".
        AGENTS = gauge "openstack_nova_recorded_agents" [host], Count, "test";
        /// Jobs so far.
        JOBS = counter "stackcast_recorded_jobs_total" [], Count, "test";
        /// Bytes so far.
        BYTES = counter "openstack_nova_recorded_bytes" [], Bytes, "test";
    }

    fn part(agents: &[(&str, f64)], jobs: f64) -> Part {
        let mut builder = PartBuilder::new();
        for (host, value) in agents {
            builder.put(&AGENTS, [host], *value);
        }
        builder.put(&JOBS, [], jobs);
        builder.put(&BYTES, [], f64::INFINITY);
        let key = PartKey { group: "g", origin: Origin::new("c", "r"), source: "s".into() };
        builder.seal(key, Timestamp::default(), 100).0
    }

    #[test]
    fn series_stand_together_and_gaps_stay() {
        assert_eq!(METRICS.len(), 3);
        let mut recording = Recording::new(Naming::default());
        let pages: [(&[(&str, f64)], f64); 4] = [
            (&[("b", 1.0), ("a", 0.5)], 1.0),
            (&[("b", 1.0)], 2.0),
            (&[("b", 3.0), ("a", 0.5)], 2.0),
            (&[("b", 3.0)], 2.0),
        ];
        for (at, (agents, jobs)) in (1..).zip(pages) {
            recording.take(&Snapshot::default(), vec![part(agents, jobs)], Timestamp::from_millis(at * 1500));
        }
        let mut text = Vec::new();
        assert_eq!(recording.write(&mut text).unwrap(), 14);
        let expected = r#"# HELP openstack_nova_recorded_agents Agents, \"all\".
# TYPE openstack_nova_recorded_agents gauge
openstack_nova_recorded_agents{host="a"} 0.5 1.5
openstack_nova_recorded_agents{host="a"} 0.5 4.5
openstack_nova_recorded_agents{host="b"} 1 1.5
openstack_nova_recorded_agents{host="b"} 1 3
openstack_nova_recorded_agents{host="b"} 3 4.5
openstack_nova_recorded_agents{host="b"} 3 6
# HELP openstack_nova_recorded_bytes Bytes so far.
# TYPE openstack_nova_recorded_bytes unknown
openstack_nova_recorded_bytes +Inf 1.5
openstack_nova_recorded_bytes +Inf 3
openstack_nova_recorded_bytes +Inf 4.5
openstack_nova_recorded_bytes +Inf 6
# HELP stackcast_recorded_jobs Jobs so far.
# TYPE stackcast_recorded_jobs counter
stackcast_recorded_jobs_total{cloud="c",region="r"} 1 1.5
stackcast_recorded_jobs_total{cloud="c",region="r"} 2 3
stackcast_recorded_jobs_total{cloud="c",region="r"} 2 4.5
stackcast_recorded_jobs_total{cloud="c",region="r"} 2 6
# EOF
"#;
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
