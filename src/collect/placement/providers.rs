//! Resource providers: one list a run, details only of those that changed (see [`super::plan`]).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use futures_util::StreamExt;

use super::answer::{Aggregates, Allocations, Listing, Properties, Traits};
use super::plan::{Plan, Read};
use super::trees;
use crate::collect::decode::list;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::provider::{Provider, Providers};
use crate::model::inventory::server::{Servers, ServersSince};
use crate::model::metric::Descriptor;
use crate::model::part::{Part, PartBuilder};
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// Total of a resource class at a provider, before overcommit.
    TOTAL = gauge "openstack_placement_resource_total" [hostname resourcetype], None, "GET /resource_providers, GET /resource_providers/{uuid}/inventories";
    /// Overcommit factor of a resource class at a provider.
    ALLOCATION_RATIO = gauge "openstack_placement_resource_allocation_ratio" [hostname resourcetype], Ratio, "GET /resource_providers, GET /resource_providers/{uuid}/inventories";
    /// Generation of a provider: counts up with changes of what it has.
    GENERATION = gauge "openstack_placement_resource_generation" [hostname resourcetype], Count, "GET /resource_providers, GET /resource_providers/{uuid}/inventories";
    /// Amount of a resource class that is reserved at a provider.
    RESERVED = gauge "openstack_placement_resource_reserved" [hostname resourcetype], None, "GET /resource_providers, GET /resource_providers/{uuid}/inventories";
    /// Allocated amount of a resource class at a provider.
    USAGE = gauge "openstack_placement_resource_usage" [hostname resourcetype], None, "GET /resource_providers, sums of GET /resource_providers/{uuid}/allocations";
    /// Amount of a resource class that a consumer (uuid, mostly an instance) holds of a provider.
    ALLOCATIONS = gauge "openstack_placement_resource_provider_allocations" [hostname uuid resourcetype], None, "GET /resource_providers, GET /resource_providers/{uuid}/allocations";
}

/// Trees come with 1.14, aggregates in their present form with 1.19; nothing newer is needed.
const VERSION: Microversion = Microversion::new(1, 19);
const AGGREGATES_FROM: Microversion = Microversion::new(1, 1);
const TRAITS_FROM: Microversion = Microversion::new(1, 6);
/// Providers read at once; the client's own limit is usually the lower one.
const CONCURRENCY: usize = 16;

/// Providers, as known from the runs before.
#[derive(Default)]
pub(super) struct Collector {
    known: Arc<Providers>,
    /// Names of the providers whose rows the last run changed.
    changed: BTreeSet<Arc<str>>,
    /// Whether one of them has another place in a tree or other traits.
    trees_changed: bool,
    interner: Interner,
    plan: Plan,
}

/// The version to ask at, and what Placement then speaks.
#[derive(Clone, Copy)]
struct Version {
    asked: Option<Microversion>,
    spoken: Microversion,
}

type Detail = (Listing, Result<(Option<Properties>, Allocations), Error>);

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let version = version(cx).await?;
            let mut listings = Vec::new();
            let request = Request::new("resource_providers").at(version.asked);
            list(cx, request, "resource_providers", |listing: Listing| listings.push(listing)).await?;
            let snapshot = cx.snapshot();
            let since = snapshot.table::<ServersSince>(&cx.origin);
            self.plan.begin(snapshot.table::<Servers>(&cx.origin), since.as_deref());
            drop(snapshot);
            let round = cx.settings.interval.full_seconds / cx.interval.as_secs().max(1);
            let due = listings.iter().filter_map(|listing| {
                let read = self.plan.of(listing, &self.known, round);
                (read != Read::Nothing).then(|| (listing.clone(), read, self.known.0.get(&listing.uuid).cloned()))
            });
            let due: Vec<(Listing, Read, Option<Arc<Provider>>)> = due.collect();
            let details = futures_util::stream::iter(due.into_iter().map(|(listing, read, row)| async move {
                let detail = detail(cx, version, &listing, read, row.as_deref()).await;
                (listing, detail)
            }));
            let details: Vec<Detail> = details.buffer_unordered(CONCURRENCY).collect().await;
            let earlier = cx.part_with(&self.known);
            self.take(&listings, details, |error| cx.report.reject("provider_failed", &error.to_string()))?;
            let mut part = PartBuilder::new();
            self.emit(earlier.as_deref(), cx.settings.servers.per_instance, &mut part);
            part.table(Arc::clone(&self.known));
            Ok(part)
        })
    }
}

async fn version(cx: &Cx) -> Result<Version, Error> {
    let asked = cx.client.negotiate(VERSION).await?;
    let spoken = match asked {
        Some(version) => version,
        None => cx.client.microversions().await?.map_or(Microversion::new(1, 0), |(least, _)| least),
    };
    Ok(Version { asked, spoken })
}

/// Allocations first: they are needed in any case, are mostly all that changed, and carry the generation at which they
/// were read, so that a property that changes behind it is seen in the next run.
async fn detail(
    cx: &Cx,
    version: Version,
    listing: &Listing,
    read: Read,
    row: Option<&Provider>,
) -> Result<(Option<Properties>, Allocations), Error> {
    let request = |what: &str| Request::new(format!("resource_providers/{}/{what}", listing.uuid)).at(version.asked);
    let allocations: Allocations = cx.client.get_json(request("allocations")).await?;
    let explained = || row.is_some_and(|row| allocations.explain(listing.generation, row));
    if read == Read::Holdings || (read == Read::Changes && explained()) {
        return Ok((None, allocations));
    }
    let inventories = cx.client.get_json(request("inventories")).await?;
    let traits =
        if version.spoken >= TRAITS_FROM { cx.client.get_json(request("traits")).await? } else { Traits::default() };
    let aggregates = if version.spoken >= AGGREGATES_FROM {
        cx.client.get_json(request("aggregates")).await?
    } else {
        Aggregates::default()
    };
    Ok((Some(Properties { inventories, traits, aggregates }), allocations))
}

impl Collector {
    /// Takes up a run's answers. A provider that failed keeps its old row (and so its old generation: it is read again
    /// in the next run); when every one failed, so did the run. One that vanished meanwhile goes.
    fn take(&mut self, listings: &[Listing], details: Vec<Detail>, failed: impl Fn(&Error)) -> Result<(), Error> {
        let mut rows: BTreeMap<Id, Arc<Provider>> = listings
            .iter()
            .filter_map(|listing| Some((listing.uuid.clone(), Arc::clone(self.known.0.get(&listing.uuid)?))))
            .collect();
        self.changed.clear();
        self.trees_changed = false;
        let (mut read, mut error) = (0, None);
        for (listing, detail) in details {
            match detail {
                Ok((properties, allocations)) => {
                    let before = rows.get(&listing.uuid);
                    let row = listing.provider(properties, &allocations, before.map(|row| &**row), &mut self.interner);
                    if before.is_none_or(|before| **before != row) {
                        self.trees_changed |= before.is_none_or(|before| !trees::are_alike(before, &row));
                        self.changed.extend([&row.name].into_iter().chain(before.map(|row| &row.name)).cloned());
                        rows.insert(listing.uuid, Arc::new(row));
                    }
                    read += 1;
                }
                Err(gone) if gone.kind == ErrorKind::NotFound => {
                    rows.remove(&listing.uuid);
                    read += 1;
                }
                Err(fault) => {
                    failed(&fault);
                    error = Some(fault);
                }
            }
        }
        if let Some(error) = error.filter(|_| read == 0) {
            return Err(error);
        }
        let before = self.changed.len();
        let gone = self.known.0.iter().filter(|(id, _)| !rows.contains_key(id));
        self.changed.extend(gone.map(|(_, row)| Arc::clone(&row.name)));
        self.trees_changed |= self.changed.len() > before;
        if !self.changed.is_empty() {
            self.known = Arc::new(Providers(rows));
            self.interner.sweep();
        }
        Ok(())
    }
}

impl Collector {
    /// Puts what the providers have and lend. Of those that have not changed since the `earlier` part, it is taken from
    /// that: their name, which no other has, is the first label everywhere.
    fn emit(&self, earlier: Option<&Part>, per_instance: bool, part: &mut PartBuilder) {
        let rows = by_name(&self.known);
        self.amended(
            &rows,
            earlier,
            &[&TOTAL, &ALLOCATION_RATIO, &GENERATION, &RESERVED, &USAGE].map(|metric| &metric.descriptor),
            put_sums,
            part,
        );
        if per_instance {
            self.amended(&rows, earlier, &[&ALLOCATIONS.descriptor], put_allocations, part);
        }
        trees::emit(&rows, &self.known, earlier.filter(|_| !self.trees_changed), part);
    }

    /// Puts some families: with `put` what is of changed providers, if the earlier part has all of the families in order,
    /// and what is of all, if not.
    fn amended(
        &self,
        rows: &[&Provider],
        earlier: Option<&Part>,
        metrics: &[&'static Descriptor],
        put: fn(&Provider, &mut PartBuilder),
        part: &mut PartBuilder,
    ) {
        let families =
            |part: &'_ Part| metrics.iter().map(|row| part.in_order(row).cloned()).collect::<Option<Vec<_>>>();
        let families = earlier.and_then(families);
        let due = rows.iter().filter(|row| families.is_none() || self.changed.contains(&row.name));
        due.for_each(|provider| put(provider, part));
        let stale = self.changed.iter().map(|name| &**name).collect();
        families.iter().flatten().for_each(|family| part.amend(family, &stale));
    }
}

fn put_sums(provider: &Provider, part: &mut PartBuilder) {
    let generation = provider.generation as f64;
    for (class, inventory) in &provider.inventories {
        let labels = [&*provider.name, &**class];
        part.put(&TOTAL, labels, inventory.total as f64);
        part.put(&ALLOCATION_RATIO, labels, inventory.allocation_ratio);
        part.put(&GENERATION, labels, generation);
        part.put(&RESERVED, labels, inventory.reserved as f64);
    }
    for (class, used) in &provider.usages {
        part.put(&USAGE, [&provider.name, class], *used as f64);
    }
}

/// Three samples per instance.
fn put_allocations(provider: &Provider, part: &mut PartBuilder) {
    let mut consumer = String::new();
    for allocation in &provider.allocations {
        consumer.clear();
        // Writing to a String cannot fail.
        let _ = write!(consumer, "{}", allocation.consumer);
        part.put(&ALLOCATIONS, [&provider.name, &consumer, &allocation.class], allocation.amount as f64);
    }
}

/// Names are unique, and the first label.
fn by_name(providers: &Providers) -> Vec<&Provider> {
    let mut rows: Vec<&Provider> = providers.0.values().map(|row| &**row).collect();
    rows.sort_by_key(|row| &row.name);
    rows
}

#[cfg(test)]
mod tests {
    use super::super::answer::Difference;
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    const UUID: &str = "1146dbfa-9614-5c29-b144-21cf275511dc";

    macro_rules! recording {
        ($name:literal) => {
            include_bytes!(concat!("../../../tests/recordings/placement/resource_provider", $name, ".json")).as_slice()
        };
    }

    fn listings() -> Vec<Listing> {
        recorded(recording!("s-1.20"), "resource_providers")
    }

    fn answers() -> (Option<Properties>, Allocations) {
        let properties = Properties {
            inventories: serde_json::from_slice(recording!("-inventories")).unwrap(),
            traits: serde_json::from_slice(recording!("-traits")).unwrap(),
            aggregates: serde_json::from_slice(recording!("-aggregates")).unwrap(),
        };
        (Some(properties), serde_json::from_slice(recording!("-allocations")).unwrap())
    }

    fn details(listings: &[Listing]) -> Vec<Detail> {
        listings.iter().map(|listing| (listing.clone(), Ok(answers()))).collect()
    }

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "placement", "resource_providers", "test")
    }

    #[test]
    fn the_recorded_provider() {
        let listings: Vec<_> = listings().into_iter().filter(|listing| listing.uuid == Id::new(UUID)).collect();
        let mut collector = Collector::default();
        collector.take(&listings, details(&listings), |_| {}).unwrap();
        let part = emitted(&collector, None);
        let row = |labels: &str, value: f64| (labels.to_owned(), value);
        let total =
            [("compute-02|DISK_GB", 20_000.0), ("compute-02|MEMORY_MB", 1_048_576.0), ("compute-02|VCPU", 128.0)];
        assert_eq!(rows(&part, &TOTAL), total.map(|(labels, value)| row(labels, value)));
        assert_eq!(rows(&part, &ALLOCATION_RATIO)[2], row("compute-02|VCPU", 4.0));
        assert_eq!(rows(&part, &GENERATION)[0], row("compute-02|DISK_GB", 13.0));
        assert_eq!(rows(&part, &RESERVED)[1], row("compute-02|MEMORY_MB", 512.0));
        assert_eq!(rows(&part, &USAGE)[2], row("compute-02|VCPU", 22.0));
        let allocations = rows(&part, &ALLOCATIONS);
        assert_eq!(allocations.len(), 30);
        assert!(allocations.contains(&row("compute-02|0ab9524b-fe89-4de6-a2e7-54986971035a|VCPU", 4.0)));
        let provider = &collector.known.0[&Id::new(UUID)];
        assert!(provider.traits.contains("COMPUTE_NODE") && provider.aggregates.len() == 1);
        assert_eq!(provider.root, Id::new(UUID));
    }

    #[test]
    fn the_oldest_answer_has_no_trees() {
        let listings: Vec<Listing> = recorded(recording!("s-1.0"), "resource_providers");
        let (_, allocations) = answers();
        let row = listings[0].provider(None, &allocations, None, &mut Interner::default());
        assert_eq!((row.root, row.parent), (listings[0].uuid.clone(), None));
    }

    #[test]
    fn unchanged_rows_and_tables_are_the_same_ones() {
        let listings = listings();
        let mut collector = Collector::default();
        collector.take(&listings, details(&listings), |_| {}).unwrap();
        let before = Arc::clone(&collector.known);
        collector.take(&listings, Vec::new(), |_| {}).unwrap();
        collector.take(&listings, details(&listings), |_| {}).unwrap();
        assert!(Arc::ptr_eq(&before, &collector.known));
        let holdings = vec![(listings[0].clone(), Ok((None, answers().1)))];
        collector.take(&listings, holdings, |_| {}).unwrap();
        assert!(Arc::ptr_eq(&before, &collector.known), "properties stay when only holdings were read");
    }

    fn emitted(collector: &Collector, earlier: Option<&Part>) -> Part {
        let mut part = PartBuilder::new();
        collector.emit(earlier, true, &mut part);
        seal(part)
    }

    #[test]
    fn an_amended_part_is_the_one_made_anew() {
        let listings = listings();
        let mut collector = Collector::default();
        collector.take(&listings, details(&listings), |_| {}).unwrap();
        let first = emitted(&collector, None);
        assert!(first.in_order(&ALLOCATIONS.descriptor).is_some());
        // One holds less now, one has another name, one is gone.
        let mut later = listings[1..].to_vec();
        later[1].name = "renamed".to_owned();
        let mut news = details(&later[..2]);
        let held = news[0].1.as_mut().unwrap();
        held.1 = serde_json::from_str(r#"{"allocations": {}, "resource_provider_generation": 14}"#).unwrap();
        collector.take(&later, news, |_| {}).unwrap();
        assert_eq!(collector.changed.len(), 4);
        let (amended, anew) = (emitted(&collector, Some(&first)), emitted(&collector, None));
        assert!(amended.prints_like(&anew), "{amended:?}");
        assert!(!rows(&amended, &ALLOCATIONS).is_empty());
        collector.take(&later, Vec::new(), |_| {}).unwrap();
        assert!(emitted(&collector, Some(&amended)).prints_like(&anew), "nothing has changed");
    }

    #[test]
    fn one_that_fails_keeps_its_row_and_one_that_vanished_goes() {
        let listings: Vec<Listing> = listings().into_iter().map(|listing| listing.with_generation(13)).collect();
        let mut collector = Collector::default();
        collector.take(&listings, details(&listings), |_| {}).unwrap();
        let newer: Vec<Listing> = listings.iter().map(|listing| listing.clone().with_generation(14)).collect();
        let mut news = details(&newer);
        news[0].1 = Err(error(ErrorKind::Server));
        news[1].1 = Err(error(ErrorKind::NotFound));
        news[2].1.as_mut().unwrap().1.at(14);
        collector.take(&newer, news, |_| {}).unwrap();
        assert_eq!(collector.known.0.len(), listings.len() - 1);
        let differs = |at: usize| newer[at].differs(&collector.known.0[&newer[at].uuid]);
        assert_eq!(differs(0), Some(Difference::Generation), "read again in the next run");
        assert_eq!(differs(2), None);
        assert_eq!(differs(3), Some(Difference::Generation), "its allocations were read before it changed");
        let failures = newer.iter().map(|listing| (listing.clone(), Err(error(ErrorKind::Timeout)))).collect();
        assert!(collector.take(&newer, failures, |_| {}).is_err());
        collector.take(&newer[..1], Vec::new(), |_| {}).unwrap();
        assert_eq!(collector.known.0.len(), 1, "what the list no longer shows goes");
    }

    #[test]
    fn usages_are_what_placement_sums_up() {
        let listing = listings().swap_remove(0);
        let (properties, allocations) = answers();
        let row = listing.provider(properties, &allocations, None, &mut Interner::default());
        let recorded: serde_json::Value = serde_json::from_slice(recording!("-usages")).unwrap();
        let usages: serde_json::Value = row.usages.iter().map(|(class, used)| (class.to_string(), *used)).collect();
        assert_eq!(usages, recorded["usages"]);
        let nothing = serde_json::from_str(r#"{"allocations": {}, "resource_provider_generation": 14}"#).unwrap();
        let row = listing.provider(None, &nothing, Some(&row), &mut Interner::default());
        assert_eq!(row.usages.values().collect::<Vec<_>>(), [&0, &0, &0], "a class that nobody uses is used 0");
    }

    #[test]
    fn allocations_account_for_the_generations_that_they_made() {
        let listing = listings().swap_remove(0);
        let (properties, allocations) = answers();
        let row = listing.provider(properties, &allocations, None, &mut Interner::default());
        let held = |generation: u64, changes: &[(&str, u64)]| {
            let mut body: serde_json::Value = serde_json::from_slice(recording!("-allocations")).unwrap();
            body["resource_provider_generation"] = generation.into();
            for (consumer, vcpus) in changes {
                body["allocations"][*consumer] = serde_json::json!({"resources": {"VCPU": vcpus}});
            }
            serde_json::from_value::<Allocations>(body).unwrap().explain(generation, &row)
        };
        let known = "0ab9524b-fe89-4de6-a2e7-54986971035a";
        assert!(held(14, &[("new", 1)]));
        assert!(held(15, &[("new", 1), (known, 8)]));
        assert!(!held(15, &[("new", 1)]), "something else changed too");
        assert!(!held(14, &[]), "only something else changed");
        assert!(!held(12, &[]), "a provider that was made anew");
    }
}
