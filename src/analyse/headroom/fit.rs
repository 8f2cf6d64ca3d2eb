//! How many instances of one kind fit on one host: in closed form where the choices of providers do not touch each
//! other, which is nearly always; by search ([`super::search`]) where they do.
//!
//! Placement's rules: a group with a suffix takes all of its amounts from one provider, which has all of its required
//! traits and none of the forbidden ones; the group without may take each class from another provider of the tree or
//! from a pool that the host shares, none of them with a forbidden trait, all of them together with the required ones.

use super::demand::{Demand, Wish};
use super::ground::{Ground, Host, Node};
use super::search;
use crate::model::headroom::Stop;

/// What stops the next instance; numbers are those of [`Ground`]'s names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Cause {
    Short(usize),
    Unit(usize),
    Trait(usize),
    Aggregate,
    Unavailable,
    Nothing,
}

impl Cause {
    /// In names.
    pub(super) fn told(self, ground: &Ground, resource: impl Fn(&str) -> std::sync::Arc<str>) -> Stop {
        match self {
            Self::Short(class) => Stop::Resource(resource(&ground.classes.name(class))),
            Self::Unit(class) => Stop::Unit(resource(&ground.classes.name(class))),
            Self::Trait(name) => Stop::Trait(ground.traits.name(name)),
            Self::Aggregate => Stop::Aggregate,
            Self::Unavailable => Stop::Unavailable,
            Self::Nothing => Stop::Nothing,
        }
    }
}

/// How many fit, and why no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) count: u64,
    pub(super) cause: Cause,
    /// False where the search was cut short: then no more than this fit.
    pub(super) exact: bool,
}

impl Fit {
    pub(super) const fn none(cause: Cause) -> Self {
        Self { count: 0, cause, exact: true }
    }
}

/// Where a provider is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Seat {
    /// In the host's tree.
    Own(usize),
    /// Among the pools.
    Pool(usize),
}

/// What instances take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Draw {
    pub(super) seat: Seat,
    pub(super) class: usize,
    pub(super) amount: u64,
}

/// Everything that instances on one host may take from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot<'a> {
    pub(super) own: &'a [Node],
    pub(super) pools: &'a [Node],
    pub(super) shared: &'a [usize],
}

impl<'a> Spot<'a> {
    pub(super) fn nodes(self) -> impl Iterator<Item = (Seat, &'a Node)> {
        let own = self.own.iter().enumerate().map(|(place, node)| (Seat::Own(place), node));
        let pools = self.shared.iter().filter_map(move |place| Some((Seat::Pool(*place), self.pools.get(*place)?)));
        own.chain(pools)
    }

    /// How many fit here by Placement's rules.
    pub(super) fn fit(self, demand: &Demand) -> Fit {
        if demand.is_empty() {
            return Fit::none(Cause::Nothing);
        }
        if demand.granular.is_empty()
            && let Some(fit) = self.plain(&demand.plain)
        {
            return fit;
        }
        search::place(self, demand, u64::MAX).0
    }

    /// What so many instances, or as many as fit, take.
    pub(super) fn place(self, demand: &Demand, want: u64) -> (u64, Vec<Draw>) {
        let (fit, draws) = search::place(self, demand, want);
        (fit.count.min(want), draws)
    }

    /// The closed form for a group without suffix; none where a trait may come from providers of several classes.
    fn plain(self, wish: &Wish) -> Option<Fit> {
        let bound = self.bound(wish)?;
        let mut least: Option<(u64, f64, Cause)> = None;
        for (class, amount) in &wish.amounts {
            let (mut count, mut free) = (0, 0);
            for (_, node) in self.nodes() {
                let Some(lot) = node.lot(*class) else { continue };
                let traits = bound.iter().filter(|(of, _)| of == class);
                if !forbidden(node, wish) && traits.clone().all(|(_, name)| node.traits.has(*name)) {
                    count += lot.fits(*amount);
                    free += lot.free;
                }
            }
            let ratio = free as f64 / *amount as f64;
            if least.is_none_or(|(fewest, lowest, _)| (count, ratio) < (fewest, lowest)) {
                let cause = if count > 0 { Cause::Short(*class) } else { self.cause(wish, *class, *amount, &bound) };
                least = Some((count, ratio, cause));
            }
        }
        least.map(|(count, _, cause)| Fit { count, cause, exact: true })
    }

    /// Required traits with the class whose providers alone can bring them; none if several classes could bring one.
    fn bound(self, wish: &Wish) -> Option<Vec<(usize, usize)>> {
        let mut bound = Vec::new();
        for name in &wish.required {
            let mut bringing = Vec::new();
            let mut certain = false;
            for (class, amount) in &wish.amounts {
                let fitting = self.nodes().filter(|(_, node)| {
                    node.lot(*class).is_some_and(|lot| lot.fits(*amount) > 0) && !forbidden(node, wish)
                });
                let (mut some, mut all) = (false, true);
                for (_, node) in fitting {
                    let has = node.traits.has(*name);
                    (some, all) = (some || has, all && has);
                }
                certain |= some && all;
                if some {
                    bringing.push(*class);
                }
            }
            match bringing.as_slice() {
                _ if certain => {}
                [class] => bound.push((*class, *name)),
                // Nothing that fits has it: any class will do, and none will fit.
                [] => bound.extend(wish.amounts.first().map(|(class, _)| (*class, *name))),
                _ => return None,
            }
        }
        Some(bound)
    }

    /// Why not one fits.
    fn cause(self, wish: &Wish, class: usize, amount: u64, bound: &[(usize, usize)]) -> Cause {
        let lots = || self.nodes().filter_map(|(_, node)| Some((node, node.lot(class)?)));
        if lots().next().is_some() && lots().all(|(_, lot)| !lot.admits(amount)) {
            return Cause::Unit(class);
        }
        let mut fitting = lots().filter(|(_, lot)| lot.fits(amount) > 0);
        let Some((node, _)) = fitting.next() else { return Cause::Short(class) };
        let missing = bound.iter().find(|(of, name)| *of == class && !node.traits.has(*name)).map(|(_, name)| *name);
        let bad = wish.forbidden.iter().copied().find(|name| node.traits.has(*name));
        missing.or(bad).map_or(Cause::Short(class), Cause::Trait)
    }
}

/// Whether a provider has a trait that the group must not meet.
pub(super) fn forbidden(node: &Node, wish: &Wish) -> bool {
    wish.forbidden.iter().any(|name| node.traits.has(*name))
}

impl Host {
    /// What instances on it may take from.
    pub(super) fn spot<'a>(&'a self, pools: &'a [Node]) -> Spot<'a> {
        Spot { own: &self.nodes, pools, shared: &self.shared }
    }

    /// Whether the scheduler would look at it at all.
    pub(super) fn admits(&self, demand: &Demand) -> Result<(), Cause> {
        if !self.available {
            return Err(Cause::Unavailable);
        }
        let met = |(key, asked): &(Box<str>, Box<str>)| self.metadata.meets(key, asked);
        if demand.metadata.iter().all(met) { Ok(()) } else { Err(Cause::Aggregate) }
    }

    /// How many fit.
    pub(super) fn fit(&self, demand: &Demand, pools: &[Node]) -> Fit {
        match self.admits(demand) {
            Ok(()) => self.spot(pools).fit(demand),
            Err(cause) => Fit::none(cause),
        }
    }

    /// Puts so many instances on it, or as many as fit; tells how many did.
    pub(super) fn put(&mut self, demand: &Demand, want: u64, pools: &mut [Node]) -> u64 {
        if self.admits(demand).is_err() {
            return 0;
        }
        let (count, draws) = self.spot(pools).place(demand, want);
        for draw in draws {
            let node = match draw.seat {
                Seat::Own(place) => self.nodes.get_mut(place),
                Seat::Pool(place) => pools.get_mut(place),
            };
            if let Some(node) = node {
                node.take(draw.class, draw.amount);
            }
        }
        count
    }
}
