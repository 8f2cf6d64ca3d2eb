//! Placing instances whose parts may come from several providers: each instance is a choice of a provider for every
//! group and class, and as many as possible have to share what is free.
//!
//! Parts that touch no common provider are independent of each other, and each fills its providers by itself. Where
//! they touch, all choices for one instance are listed, instances are placed evenly, and if that falls short of what
//! could be at best, a search over how often each choice is taken decides, within bounds. Where these do not suffice,
//! the best that could be is told, and that it is no more than an upper bound.

use std::collections::{BTreeMap, BTreeSet};

use super::demand::Demand;
use super::fit::{Cause, Draw, Fit, Seat, Spot, forbidden};
use super::ground::Node;
use super::packing::Search;

/// Choices that are listed for one instance.
const CHOICES_MAX: usize = 512;

/// A part of an instance that comes from one provider.
struct Item<'a> {
    amounts: &'a [(usize, u64)],
    granular: bool,
    /// Providers that have room for it, by their place in the list of nodes, and for how many.
    providers: Vec<(usize, u64)>,
}

impl Item<'_> {
    fn total(&self) -> u64 {
        self.providers.iter().fold(0, |sum, (_, fits)| sum.saturating_add(*fits))
    }
}

/// How many fit, no more than wanted if it can be told at once, and what these take.
pub(super) fn place(spot: Spot<'_>, demand: &Demand, want: u64) -> (Fit, Vec<Draw>) {
    let nodes: Vec<(Seat, &Node)> = spot.nodes().collect();
    let items = match items(&nodes, demand) {
        Ok(items) => items,
        Err(cause) => return (Fit::none(cause), Vec::new()),
    };
    let Some(scarce) = items.iter().min_by_key(|item| item.total()) else {
        return (Fit::none(Cause::Nothing), Vec::new());
    };
    let cause = scarce.amounts.first().map_or(Cause::Nothing, |(class, _)| Cause::Short(*class));
    if independent(&nodes, &items, demand) {
        let count = scarce.total();
        let draws = items.iter().flat_map(|item| fill(item, count.min(want), &nodes)).collect();
        return (Fit { count, cause, exact: true }, draws);
    }
    let mut choices = Choices { nodes: &nodes, items: &items, demand, found: BTreeSet::new(), full: false };
    choices.list(&mut Vec::new());
    let (found, cut) = (choices.found.into_iter().collect::<Vec<_>>(), choices.full);
    if found.is_empty() {
        let cause = demand.plain.required.first().map_or(cause, |name| Cause::Trait(*name));
        return (Fit::none(cause), Vec::new());
    }
    let (best, cause) = at_best(&nodes, &items, demand, cause);
    let (times, complete) = Search::new(&nodes, &found, best.min(want)).run();
    let count: u64 = times.iter().sum();
    let mut taken: BTreeMap<(usize, usize), u64> = BTreeMap::new();
    for (choice, times) in found.iter().zip(&times) {
        for (place, amount) in choice {
            *taken.entry(*place).or_default() += amount * times;
        }
    }
    let draws = taken.into_iter().filter_map(|((node, class), amount)| {
        let (seat, _) = nodes.get(node)?;
        (amount > 0).then_some(Draw { seat: *seat, class, amount })
    });
    let exact = count == best || (complete && !cut);
    (Fit { count: if exact || want < u64::MAX { count } else { best }, cause, exact }, draws.collect())
}

/// The parts with their providers, or why there is none for one.
fn items<'a>(nodes: &[(Seat, &Node)], demand: &'a Demand) -> Result<Vec<Item<'a>>, Cause> {
    let mut items = Vec::new();
    let granular = demand.granular.iter().map(|wish| (wish, &*wish.amounts, true));
    let plain = demand.plain.amounts.chunks(1).map(|amount| (&demand.plain, amount, false));
    for (wish, amounts, granular) in granular.chain(plain) {
        let allowed = |node: &Node| {
            let has_all = !granular || wish.required.iter().all(|name| node.traits.has(*name));
            has_all && !forbidden(node, wish)
        };
        let room = |node: &Node| {
            let each = amounts.iter().map(|(class, amount)| node.lot(*class).map_or(0, |lot| lot.fits(*amount)));
            each.min().unwrap_or(0)
        };
        let with_room: Vec<(usize, &Node, u64)> = nodes
            .iter()
            .enumerate()
            .map(|(place, (_, node))| (place, *node, room(node)))
            .filter(|(_, _, fits)| *fits > 0)
            .collect();
        let providers: Vec<(usize, u64)> =
            with_room.iter().filter(|(_, node, _)| allowed(node)).map(|(place, _, fits)| (*place, *fits)).collect();
        if providers.is_empty() {
            return Err(missing(nodes, amounts, &with_room, wish, granular));
        }
        items.push(Item { amounts, granular, providers });
    }
    Ok(items)
}

fn missing(
    nodes: &[(Seat, &Node)],
    amounts: &[(usize, u64)],
    with_room: &[(usize, &Node, u64)],
    wish: &super::demand::Wish,
    granular: bool,
) -> Cause {
    if let Some((_, node, _)) = with_room.first() {
        let lacking = wish.required.iter().find(|name| granular && !node.traits.has(**name));
        let bad = wish.forbidden.iter().find(|name| node.traits.has(**name));
        if let Some(name) = lacking.or(bad) {
            return Cause::Trait(*name);
        }
    }
    let lots = |class| nodes.iter().filter_map(move |(_, node)| node.lot(class));
    let short = amounts.iter().find(|(class, amount)| lots(*class).all(|lot| lot.fits(*amount) == 0));
    let Some((class, amount)) = short.or(amounts.first()) else { return Cause::Nothing };
    let unit = lots(*class).next().is_some() && lots(*class).all(|lot| !lot.admits(*amount));
    if unit { Cause::Unit(*class) } else { Cause::Short(*class) }
}

/// Whether every part may choose without regard to the others.
fn independent(nodes: &[(Seat, &Node)], items: &[Item<'_>], demand: &Demand) -> bool {
    let mut seen: BTreeSet<(usize, usize)> = BTreeSet::new();
    for item in items {
        for (node, _) in &item.providers {
            if !item.amounts.iter().all(|(class, _)| seen.insert((*node, *class))) {
                return false;
            }
        }
    }
    if demand.isolate {
        let mut apart = BTreeSet::new();
        let granular = items.iter().filter(|item| item.granular).flat_map(|item| &item.providers);
        if !granular.map(|(node, _)| *node).all(|node| apart.insert(node)) {
            return false;
        }
    }
    // Each trait that the plain group requires comes from a part all of whose providers have it.
    let has = |node: usize, name: usize| nodes.get(node).is_some_and(|(_, node)| node.traits.has(name));
    demand.plain.required.iter().all(|name| {
        let mut plain = items.iter().filter(|item| !item.granular);
        plain.any(|item| item.providers.iter().all(|(node, _)| has(*node, *name)))
    })
}

/// What so many of a part take, the first providers first.
fn fill(item: &Item<'_>, count: u64, nodes: &[(Seat, &Node)]) -> Vec<Draw> {
    let (mut left, mut draws) = (count, Vec::new());
    for (place, fits) in &item.providers {
        let times = left.min(*fits);
        left -= times;
        let Some((seat, _)) = nodes.get(*place) else { continue };
        for (class, amount) in item.amounts {
            if times > 0 {
                draws.push(Draw { seat: *seat, class: *class, amount: amount * times });
            }
        }
    }
    draws
}

/// What one instance takes: amounts by provider and class.
pub(super) type Choice = Vec<((usize, usize), u64)>;

/// Lists what one instance may take.
struct Choices<'a> {
    nodes: &'a [(Seat, &'a Node)],
    items: &'a [Item<'a>],
    demand: &'a Demand,
    found: BTreeSet<Choice>,
    full: bool,
}

impl Choices<'_> {
    fn list(&mut self, chosen: &mut Vec<usize>) {
        let Some(item) = self.items.get(chosen.len()) else {
            if self.collectively(chosen)
                && let Some(choice) = self.merged(chosen)
            {
                self.found.insert(choice);
            }
            return;
        };
        for (node, _) in &item.providers {
            if self.found.len() >= CHOICES_MAX {
                self.full = true;
                return;
            }
            let before = self.items.iter().zip(chosen.iter());
            let met = before.filter(|(other, _)| other.granular).any(|(_, taken)| taken == node);
            if self.demand.isolate && item.granular && met {
                continue;
            }
            chosen.push(*node);
            self.list(chosen);
            chosen.pop();
        }
    }

    /// Whether the providers of the group without suffix have its traits between them.
    fn collectively(&self, chosen: &[usize]) -> bool {
        self.demand.plain.required.iter().all(|name| {
            let mut plain = self.items.iter().zip(chosen).filter(|(item, _)| !item.granular);
            plain.any(|(_, place)| self.nodes.get(*place).is_some_and(|(_, node)| node.traits.has(*name)))
        })
    }

    /// Amounts put together; none if a provider gives less than that to one instance.
    fn merged(&self, chosen: &[usize]) -> Option<Choice> {
        let mut sums: BTreeMap<(usize, usize), u64> = BTreeMap::new();
        for (item, node) in self.items.iter().zip(chosen) {
            for (class, amount) in item.amounts {
                *sums.entry((*node, *class)).or_default() += amount;
            }
        }
        let fits = |((node, class), amount): (&(usize, usize), &u64)| {
            let lot = self.nodes.get(*node).and_then(|(_, node)| node.lot(*class));
            lot.is_some_and(|lot| lot.gives(*amount))
        };
        sums.iter().all(fits).then(|| sums.into_iter().collect())
    }
}

/// No more than this fit, whatever is chosen, and the class that says so.
fn at_best(nodes: &[(Seat, &Node)], items: &[Item<'_>], demand: &Demand, cause: Cause) -> (u64, Cause) {
    let least = items.iter().map(Item::total).min().unwrap_or(0);
    let mut best = (least, cause);
    for (class, amount) in demand.totals() {
        let touching = items.iter().filter(|item| item.amounts.iter().any(|(of, _)| *of == class));
        let touched: BTreeSet<usize> =
            touching.clone().flat_map(|item| &item.providers).map(|(node, _)| *node).collect();
        let lots = touched.iter().filter_map(|node| nodes.get(*node)?.1.lot(class));
        let free = lots.fold(0u64, |sum, lot| sum.saturating_add(lot.free));
        best = best.min((free / amount.max(1), Cause::Short(class)));
        // Apart from each other, one provider serves an instance once only.
        let (mut parts, mut smallest) = (0u64, u64::MAX);
        for item in touching.filter(|item| item.granular && demand.isolate) {
            parts += 1;
            let own = item.amounts.iter().filter(|(of, _)| *of == class).map(|(_, amount)| *amount);
            smallest = own.fold(smallest, u64::min);
        }
        if parts > 1 {
            let frees: Vec<u64> =
                touched.iter().filter_map(|node| Some(nodes.get(*node)?.1.lot(class)?.free)).collect();
            let holds = |count: u64| {
                let served = frees.iter().map(|free| (free / smallest.max(1)).min(count));
                served.fold(0u64, u64::saturating_add) >= parts.saturating_mul(count)
            };
            best = best.min((greatest(best.0, holds), Cause::Short(class)));
        }
    }
    best
}

/// The greatest number up to `most` for which something holds that holds for all smaller ones.
fn greatest(most: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, most);
    while low < high {
        let middle = low + (high - low).div_ceil(2);
        if holds(middle) { low = middle } else { high = middle - 1 }
    }
    low
}
