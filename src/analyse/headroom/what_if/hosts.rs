//! The tables as a scenario would have them: other ratios, hosts that come. Which hosts go is chosen here, too; they are
//! taken out later, for their instances have to be known until then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::analyse::capacity::SHARING;
use crate::model::id::Id;
use crate::model::inventory::hypervisor::{Hypervisor, Hypervisors};
use crate::model::inventory::provider::{Provider, Providers};
use crate::model::what_if::{Added, COUNT_MAX, Fault, HOSTS_MAX, Lost, Scenario};

/// What makes hosts alike: the inventories and traits of their trees, in an order of their own.
type Kind = Vec<(Vec<(Arc<str>, [u64; 5])>, BTreeSet<Arc<str>>)>;

/// The tables of a region under change.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) providers: Providers,
    pub(super) hypervisors: Hypervisors,
    /// Providers of each tree, the root first, by the root's name.
    trees: BTreeMap<Arc<str>, Vec<Id>>,
}

/// Hosts that come and go.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// What each host that comes is like.
    pub(super) added_like: Vec<Arc<str>>,
    /// Names of hosts that go.
    pub(super) lost: BTreeSet<Arc<str>>,
}

impl Tables {
    pub(super) fn new(providers: &Providers, hypervisors: &Hypervisors) -> Self {
        let mut by_root: BTreeMap<&Id, Vec<Id>> = BTreeMap::new();
        for (id, provider) in providers.0.iter().filter(|(_, provider)| !provider.traits.contains(SHARING)) {
            let tree = by_root.entry(&provider.root).or_default();
            if *id == provider.root { tree.insert(0, id.clone()) } else { tree.push(id.clone()) }
        }
        let named =
            by_root.into_iter().filter_map(|(root, tree)| Some((Arc::clone(&providers.0.get(root)?.name), tree)));
        Self { trees: named.collect(), providers: providers.clone(), hypervisors: hypervisors.clone() }
    }

    /// Applies what the scenario says of ratios and hosts; those that go are still there.
    pub(super) fn apply(&mut self, scenario: &Scenario) -> Result<Chosen, Fault> {
        // Chosen among the hosts that there are: a host that comes does not go at once.
        let lost = self.lost(&scenario.hosts_lost)?;
        let mut chosen = Chosen { lost, ..Chosen::default() };
        for (at, added) in scenario.hosts_added.iter().enumerate() {
            self.add(&format!("hosts_added[{at}]"), added, &mut chosen.added_like)?;
        }
        for (class, name, ratio) in scenario.ratios.changed() {
            if !(ratio.is_finite() && (0.01..=1000.0).contains(&ratio)) {
                return Err(Fault::wrong(format!("ratios.{name}"), format!("{ratio} lies outside 0.01 to 1000")));
            }
            for provider in self.providers.0.values_mut() {
                if provider.inventories.contains_key(class)
                    && let Some(inventory) = Arc::make_mut(provider).inventories.get_mut(class)
                {
                    inventory.allocation_ratio = ratio;
                }
            }
        }
        Ok(chosen)
    }

    /// Takes hosts out, with their providers.
    pub(super) fn remove(&mut self, lost: &BTreeSet<Arc<str>>) {
        self.hypervisors.0.retain(|host| !lost.contains(&host.name));
        for id in lost.iter().filter_map(|name| self.trees.remove(name)).flatten() {
            self.providers.0.remove(&id);
        }
    }

    /// Notes amounts given away on a host: on the first of its providers that has the class, or else on a shared pool.
    pub(super) fn give(&mut self, host: &str, class: &str, amount: u64) {
        let own = self.trees.get(host).map(Vec::as_slice).unwrap_or_default();
        let has = |provider: &Arc<Provider>| provider.inventories.contains_key(class);
        let found = own.iter().find(|id| self.providers.0.get(id).is_some_and(has)).cloned();
        let pool =
            || self.providers.0.iter().find(|(_, of)| of.traits.contains(SHARING) && has(of)).map(|(id, _)| id.clone());
        if let Some(provider) = found.or_else(pool).and_then(|id| self.providers.0.get_mut(&id)) {
            *Arc::make_mut(provider).usages.entry(Arc::from(class)).or_default() += amount;
        }
    }

    /// What is given away on a host, by class.
    pub(super) fn given_away(&self, host: &str) -> Vec<(Arc<str>, u64)> {
        let own = self.trees.get(host).into_iter().flatten().filter_map(|id| self.providers.0.get(id));
        own.flat_map(|provider| &provider.usages).map(|(class, amount)| (Arc::clone(class), *amount)).collect()
    }

    fn add(&mut self, path: &str, added: &Added, like: &mut Vec<Arc<str>>) -> Result<(), Fault> {
        counted(path, added.count)?;
        if like.len().saturating_add(added.count as usize) > HOSTS_MAX as usize {
            return Err(Fault::wrong(format!("{path}.count"), format!("more than {HOSTS_MAX} hosts come in all")));
        }
        self.known_zone(path, added.az.as_deref())?;
        let model = match &added.like {
            Some(name) => self.host(&format!("{path}.like"), name)?,
            None => self
                .commonest(added.az.as_deref())
                .or_else(|| self.commonest(None))
                .and_then(|alike| alike.into_iter().next())
                .ok_or_else(|| {
                    Fault::wrong(path, "no host is up and enabled that it could be like; name one with `like`")
                })?,
        };
        let tree = self.trees.get(&model.name).cloned().unwrap_or_default();
        for _ in 0..added.count {
            self.copy(&model, &tree, added.az.as_deref(), like.len() + 1);
            like.push(Arc::clone(&model.name));
        }
        Ok(())
    }

    /// An empty host like another one.
    fn copy(&mut self, model: &Hypervisor, tree: &[Id], az: Option<&str>, number: usize) {
        let another = |text: &str| format!("{text} (added {number})");
        let root = tree.first().map(|id| Id::new(&another(&id.to_string()))).unwrap_or_default();
        let mut own = Vec::new();
        for (place, id) in tree.iter().enumerate() {
            let Some(provider) = self.providers.0.get(id) else { continue };
            let new = if place == 0 { root.clone() } else { Id::new(&another(&id.to_string())) };
            let copy = Provider {
                name: Arc::from(another(&provider.name)),
                root: root.clone(),
                parent: provider.parent.as_ref().map(|parent| Id::new(&another(&parent.to_string()))),
                usages: BTreeMap::new(),
                allocations: Vec::new(),
                ..Provider::clone(provider)
            };
            self.providers.0.insert(new.clone(), Arc::new(copy));
            own.push(new);
        }
        let name: Arc<str> = Arc::from(another(&model.name));
        self.trees.insert(Arc::clone(&name), own);
        // Metadata of aggregates is looked up by service host: it is that of the host that this one is like.
        let zone = az.map_or_else(|| Arc::clone(&model.zone), Arc::from);
        self.hypervisors.0.push(Hypervisor {
            name,
            zone,
            uuid: None,
            host_ip: None,
            state: "up".into(),
            status: "enabled".into(),
            ..model.clone()
        });
    }

    fn lost(&self, all: &[Lost]) -> Result<BTreeSet<Arc<str>>, Fault> {
        let mut lost = BTreeSet::new();
        for (at, one) in all.iter().enumerate() {
            let path = format!("hosts_lost[{at}]");
            match (&one.host, one.az.as_deref(), one.count) {
                (Some(name), None, None) => {
                    lost.insert(self.host(&format!("{path}.host"), name)?.name);
                }
                (None, Some(az), None) => {
                    self.known_zone(&path, Some(az))?;
                    let of_zone = self.hypervisors.0.iter().filter(|host| *host.zone == *az);
                    lost.extend(of_zone.map(|host| Arc::clone(&host.name)));
                }
                (None, az, Some(count)) => {
                    counted(&path, count)?;
                    self.known_zone(&path, az)?;
                    self.lose_commonest(&path, az, count as usize, &mut lost)?;
                }
                _ => return Err(Fault::wrong(path, "give `host`, or `az`, or `count`, or `az` and `count`")),
            }
        }
        Ok(lost)
    }

    /// The fullest of the commonest kind: it is the worst that can happen.
    fn lose_commonest(
        &self,
        path: &str,
        az: Option<&str>,
        count: usize,
        lost: &mut BTreeSet<Arc<str>>,
    ) -> Result<(), Fault> {
        let alike = self.commonest(az).unwrap_or_default();
        let mut left: Vec<(u64, Arc<str>)> = alike
            .into_iter()
            .filter(|host| !lost.contains(&host.name))
            .map(|host| (self.used(&host.name, "MEMORY_MB"), host.name))
            .collect();
        if left.len() < count {
            let message = format!("of the commonest kind of hosts there are {} that are up and enabled", left.len());
            return Err(Fault::wrong(format!("{path}.count"), message));
        }
        left.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        lost.extend(left.into_iter().take(count).map(|(_, name)| name));
        Ok(())
    }

    fn used(&self, host: &str, class: &str) -> u64 {
        let own = self.trees.get(host).into_iter().flatten().filter_map(|id| self.providers.0.get(id));
        own.filter_map(|provider| provider.usages.get(class)).sum()
    }

    /// The hosts of the kind that most hosts are of, by name; none where no host is up and enabled.
    fn commonest(&self, az: Option<&str>) -> Option<Vec<Hypervisor>> {
        let usable = |host: &&Hypervisor| {
            super::super::ground::available(host)
                && az.is_none_or(|az| *host.zone == *az)
                && self.trees.contains_key(&host.name)
        };
        let mut kinds: BTreeMap<Kind, Vec<Hypervisor>> = BTreeMap::new();
        for host in self.hypervisors.0.iter().filter(usable) {
            kinds.entry(self.kind(&host.name)).or_default().push(host.clone());
        }
        // Of kinds that are equally common, the one whose first host comes first by name.
        let mut most = kinds.into_values().max_by(|a, b| {
            let first = |hosts: &[Hypervisor]| hosts.iter().map(|host| Arc::clone(&host.name)).min();
            a.len().cmp(&b.len()).then_with(|| first(b).cmp(&first(a)))
        })?;
        most.sort_by(|a, b| a.name.cmp(&b.name));
        Some(most)
    }

    fn kind(&self, host: &str) -> Kind {
        let own = self.trees.get(host).into_iter().flatten().filter_map(|id| self.providers.0.get(id));
        let mut kind: Kind = own
            .map(|provider| {
                let inventories = provider.inventories.iter().map(|(class, of)| {
                    let amounts = [of.total, of.reserved, of.allocation_ratio.to_bits(), of.max_unit, of.step_size];
                    (Arc::clone(class), amounts)
                });
                (inventories.collect(), provider.traits.clone())
            })
            .collect();
        kind.sort();
        kind
    }

    fn host(&self, path: &str, name: &str) -> Result<Hypervisor, Fault> {
        let found = self.hypervisors.0.iter().find(|host| *host.name == *name && self.trees.contains_key(&host.name));
        found.cloned().ok_or_else(|| {
            let known = self.hypervisors.0.iter().map(|host| Arc::clone(&host.name)).collect();
            Fault::Unknown { path: path.to_owned(), kind: "hypervisor", name: name.to_owned(), known }
        })
    }

    /// Whether a zone is there; hosts cannot come to one that is only a slip of the pen.
    pub(super) fn known_zone(&self, path: &str, az: Option<&str>) -> Result<(), Fault> {
        let Some(az) = az else { return Ok(()) };
        let known: BTreeSet<&Arc<str>> = self.hypervisors.0.iter().map(|host| &host.zone).collect();
        if known.iter().any(|zone| ***zone == *az) {
            return Ok(());
        }
        let known = known.into_iter().cloned().collect();
        Err(Fault::Unknown { path: format!("{path}.az"), kind: "availability zone", name: az.to_owned(), known })
    }
}

/// Whether a count is one.
pub(super) fn counted(path: &str, count: u32) -> Result<(), Fault> {
    if (1..=COUNT_MAX).contains(&count) {
        return Ok(());
    }
    Err(Fault::wrong(format!("{path}.count"), format!("{count} lies outside 1 to {COUNT_MAX}")))
}
