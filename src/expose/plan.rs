//! What a group prints: its families in order, each once, with the samples that may stand in it.
//!
//! Several parts may feed one family (clouds, collectors); here they are joined, repeated label sets
//! and names that a parser would refuse are left out and counted. Makes no text.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use hashbrown::{DefaultHashBuilder, HashTable};

use crate::model::metric::Kind;
use crate::model::part::{Dropped, Family, Origin, Part, Sample};

use super::names::{Added, Scheme, are_label_names, family_key, is_metric_name};

/// Everything one group prints.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Families in order of first appearance.
    pub(crate) families: Vec<PlannedFamily>,
    /// What was left out, and why.
    pub(crate) dropped: Vec<Dropped>,
}

/// One family: a HELP and TYPE line and the samples below it.
#[derive(Debug)]
pub(crate) struct PlannedFamily {
    /// Name as printed.
    pub(crate) name: String,
    /// Help, not escaped.
    pub(crate) help: Cow<'static, str>,
    /// Type.
    pub(crate) kind: Kind,
    /// Samples, by part.
    pub(crate) blocks: Vec<Block>,
}

/// The samples that one part has of a family.
#[derive(Debug)]
pub(crate) struct Block {
    family: Family,
    /// Labels in front of the row's own.
    pub(crate) added: Added,
    /// Positions of repeated label sets, ascending.
    skip: Vec<usize>,
}

impl Block {
    /// The family of the part.
    pub(crate) fn family(&self) -> &Family {
        &self.family
    }

    /// Samples to print of those at these places.
    pub(crate) fn samples_at(&self, rows: Range<usize>) -> impl Iterator<Item = Sample> {
        let skip = &self.skip;
        let all = rows.clone().zip(self.family.samples_at(rows));
        all.filter(|(at, _)| skip.is_empty() || skip.binary_search(at).is_err()).map(|(_, sample)| sample)
    }

    /// Hashes what the text of these rows depends on beside their labels and values, and beside their family's head.
    pub(crate) fn hash_around(&self, rows: &Range<usize>, state: &mut impl Hasher) {
        self.added.hash(state);
        self.family.descriptor().labels.hash(state);
        for at in self.skip.iter().filter(|at| rows.contains(at)) {
            (at - rows.start).hash(state);
        }
    }

    fn len(&self) -> usize {
        self.family.len() - self.skip.len()
    }
}

impl PlannedFamily {
    /// The name under which it may exist once on the page.
    pub(crate) fn key(&self) -> &str {
        family_key(&self.name, self.kind)
    }

    fn samples(&self) -> usize {
        self.blocks.iter().map(Block::len).sum()
    }
}

impl Plan {
    /// Joins the families of a group's parts.
    pub(crate) fn new<'p>(parts: impl Iterator<Item = &'p Arc<Part>>, scheme: &Scheme) -> Self {
        let mut plan = Self::default();
        let mut by_key: HashMap<String, usize> = HashMap::new();
        for part in parts {
            for family in part.families.iter().filter(|family| !family.is_empty()) {
                plan.add(&mut by_key, &part.key.origin, family, scheme);
            }
        }
        for family in &mut plan.families {
            let repeated = drop_repeated(&mut family.blocks);
            if repeated > 0 {
                plan.dropped.push(drop(&family.name, "duplicate", repeated));
            }
        }
        plan
    }

    fn add(&mut self, by_key: &mut HashMap<String, usize>, origin: &Origin, family: &Family, scheme: &Scheme) {
        let row = family.descriptor();
        let name = scheme.name(row);
        if !is_metric_name(&name) || !are_label_names(row) {
            self.dropped.push(drop(&name, "name", family.len()));
            return;
        }
        let block = Block { family: family.clone(), added: scheme.added(row, origin), skip: Vec::new() };
        let key = family_key(&name, row.kind);
        match by_key.get(key).and_then(|at| self.families.get_mut(*at)) {
            Some(found) if found.kind == row.kind && found.name == name => found.blocks.push(block),
            Some(_) => self.dropped.push(drop(&name, "conflict", family.len())),
            None => {
                by_key.insert(key.to_owned(), self.families.len());
                self.families.push(PlannedFamily { name, help: row.help.clone(), kind: row.kind, blocks: vec![block] });
            }
        }
    }

    /// Leaves out the families that another group prints already, so that the page stays valid.
    pub(crate) fn exclude(&mut self, taken: &HashSet<String>) {
        let dropped = &mut self.dropped;
        self.families.retain(|family| {
            let keep = !taken.contains(family.key());
            if !keep {
                dropped.push(drop(&family.name, "conflict", family.samples()));
            }
            keep
        });
    }
}

fn drop(name: &str, reason: &'static str, samples: usize) -> Dropped {
    Dropped { family: Cow::Owned(name.to_owned()), reason, samples: samples as u64 }
}

/// Marks samples whose label set an earlier block of the family has; returns how many.
///
/// Within a part sealing has seen to it, and blocks that differ in an added label, or that are sorted and have first
/// labels of their own (the quotas of a service), cannot collide: the search is for what is left, e.g. two clouds with
/// cloud labels switched off.
fn drop_repeated(blocks: &mut [Block]) -> usize {
    if blocks.len() < 2 || distinct_by_added(blocks) || distinct_by_first_label(blocks) {
        return 0;
    }
    let repeated = repeated(blocks);
    let count = repeated.values().map(Vec::len).sum();
    for (which, skip) in repeated {
        if let Some(block) = blocks.get_mut(which) {
            block.skip = skip;
        }
    }
    count
}

/// Positions of repeated label sets, by block.
fn repeated(blocks: &[Block]) -> BTreeMap<usize, Vec<usize>> {
    // Held all at once: label sets borrow from them.
    let samples: Vec<Vec<Sample>> = blocks.iter().map(|block| block.family.samples().collect()).collect();
    let mut seen: HashTable<LabelSet<'_>> = HashTable::new();
    let hasher = DefaultHashBuilder::default();
    let mut repeated: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (which, (block, samples)) in blocks.iter().zip(&samples).enumerate() {
        for (at, sample) in samples.iter().enumerate() {
            let labels = label_set(block, sample);
            let hash = hasher.hash_one(&labels);
            if seen.find(hash, |other| *other == labels).is_some() {
                repeated.entry(which).or_default().push(at);
            } else {
                seen.insert_unique(hash, labels, |other| hasher.hash_one(other));
            }
        }
    }
    repeated
}

fn distinct_by_added(blocks: &[Block]) -> bool {
    let names = |block: &Block| block.added.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let same_names = blocks.first().is_none_or(|first| blocks.iter().all(|block| names(block) == names(first)));
    let mut seen = HashSet::new();
    same_names && blocks.iter().all(|block| seen.insert(&block.added))
}

fn distinct_by_first_label(blocks: &[Block]) -> bool {
    let Some(first) = blocks.first() else { return true };
    let labels = |block: &Block| block.family.descriptor().labels.clone();
    let alike = blocks.iter().all(|block| block.added == first.added && labels(block) == labels(first));
    let ranges: Option<Vec<_>> = blocks.iter().map(|block| block.family.first_labels()).collect();
    let Some(mut ranges) = ranges.filter(|_| alike) else { return false };
    ranges.sort_unstable();
    ranges.iter().zip(ranges.iter().skip(1)).all(|((_, before), (next, _))| before < next)
}

/// Name and value pairs in order of name; an empty value is the same as no label, as for Prometheus.
type LabelSet<'a> = Vec<(&'a str, &'a str)>;

fn label_set<'a>(block: &'a Block, sample: &'a Sample) -> LabelSet<'a> {
    let names = &block.family.descriptor().labels;
    let own = names.iter().map(AsRef::as_ref).zip(sample.labels());
    let added = block.added.iter().map(|(name, value)| (*name, value.as_ref()));
    let mut labels: LabelSet<'a> = added.chain(own).filter(|(_, value)| !value.is_empty()).collect();
    labels.sort_unstable();
    labels
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expose::{CloudLabels, Naming};
    use crate::model::clock::Timestamp;
    use crate::model::metric::Metric;
    use crate::model::part::{PartBuilder, PartKey};
    use crate::model::snapshot::{SeriesLimits, Snapshot, SnapshotStore};

    crate::metrics! {
        /// Agents.
        AGENTS = gauge "openstack_nova_agents" [host], Count, "test";
        /// Jobs.
        JOBS = gauge "stackcast_jobs" [], Count, "test";
        /// Jobs so far.
        JOBS_TOTAL = counter "stackcast_jobs_total" [], Count, "test";
    }

    fn snapshot(parts: Vec<(&'static str, Origin, &'static Metric<1>, &[&str])>) -> Arc<Snapshot> {
        let store = SnapshotStore::new(SeriesLimits::default());
        for (source, origin, metric, hosts) in parts {
            let mut builder = PartBuilder::new();
            for host in hosts {
                builder.put(metric, [host], 1.0);
            }
            let key = PartKey { group: "g", origin, source: source.into() };
            let (part, dropped) = builder.seal(key, Timestamp::default(), 100);
            store.publish(part, dropped);
        }
        store.load()
    }

    fn samples(plan: &Plan) -> usize {
        plan.families.iter().map(PlannedFamily::samples).sum()
    }

    fn plan(naming: &Naming, snapshot: &Snapshot) -> Plan {
        Plan::new(snapshot.parts(), &Scheme::new(naming, snapshot))
    }

    #[test]
    fn repeated_label_sets_across_parts_are_dropped_only_where_labels_do_not_tell_them_apart() {
        assert_eq!(METRICS.len(), 3);
        let (a, b) = (Origin::new("a", "r"), Origin::new("b", "r"));
        let two = snapshot(vec![("x", a.clone(), &AGENTS, &["h1", "h2"]), ("x", b, &AGENTS, &["h2", "h3"])]);
        let labelled = plan(&Naming::default(), &two);
        assert_eq!((samples(&labelled), labelled.dropped.len()), (4, 0));
        let bare = plan(&Naming { cloud_labels: CloudLabels::Never, ..Naming::default() }, &two);
        assert_eq!(samples(&bare), 3);
        assert_eq!(bare.dropped, [drop("openstack_nova_agents", "duplicate", 1)]);
        let same = snapshot(vec![("x", a.clone(), &AGENTS, &["h1"]), ("y", a, &AGENTS, &["h1", "h9"])]);
        assert_eq!(samples(&plan(&Naming::default(), &same)), 2, "two collectors, one origin");
    }

    #[test]
    fn a_name_is_printed_once() {
        let mut builder = PartBuilder::new();
        builder.put(&JOBS, [], 1.0);
        builder.put(&JOBS_TOTAL, [], 1.0);
        let key = PartKey { group: "g", origin: Origin::LOCAL, source: "s".into() };
        let (part, _) = builder.seal(key, Timestamp::default(), 100);
        let part = Arc::new(part);
        let scheme = Scheme::new(&Naming::default(), &Snapshot::default());
        let mut plan = Plan::new([&part].into_iter(), &scheme);
        assert_eq!(plan.dropped, [drop("stackcast_jobs_total", "conflict", 1)], "one name in OpenMetrics");
        plan.exclude(&HashSet::from(["stackcast_jobs".to_owned()]));
        assert!(plan.families.is_empty());
        assert_eq!(plan.dropped.len(), 2);
    }
}
