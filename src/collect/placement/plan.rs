//! Which providers to read anew in a run.
//!
//! A provider's `generation` counts up with every change of its inventories, traits and aggregates, and when an
//! allocation is *made or moved*; mostly it is the latter, so of a provider that changed the allocations are read first,
//! and the rest only when they do not account for all of the change. It does **not** when an allocation is deleted by `DELETE /allocations/{consumer}`, and
//! that is how Nova ends an instance unless deferred deletion is configured (read in Placement's `delete_all` and in
//! Nova's `_complete_deletion`). So the holdings of a provider are also read anew when one of its consumers is a server
//! that has gone from Nova's list; now and then while one of them is no server at all (a migration's, which nobody lists
//! when it ends); and everything once in a while, spread over the runs, for what none of this shows.

use std::sync::{Arc, Weak};

use hashbrown::HashMap;

use super::answer::{Difference, Listing};
use crate::model::id::Id;
use crate::model::inventory::provider::{Provider, Providers};
use crate::model::inventory::server::{Servers, ServersSince};

/// Runs in which a server that has gone is looked for: Nova drops it from its list a little before its allocations.
const GONE_RUNS: u8 = 3;
/// Runs for a whole round of the re-read of what Nova's servers do not tell: of all when they are not known.
const BLIND_ROUND: u64 = 10;

/// What to read of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    /// Nothing; what is known holds.
    Nothing,
    /// Allocations.
    Holdings,
    /// Allocations, and everything else unless they account for all of the change.
    Changes,
    /// Everything.
    All,
}

/// Memory between runs.
#[derive(Default)]
pub(super) struct Plan {
    run: u64,
    servers: Option<Arc<Servers>>,
    gone: HashMap<Id, u8>,
    sieve: Sieve,
}

/// A bit for each id that it holds, by some of the id's: tells of most others that they are none, without a look into a
/// map for each of 50,000 consumers.
struct Sieve([u64; 64]);

impl Sieve {
    fn of<'i>(ids: impl Iterator<Item = &'i Id>) -> Self {
        let mut bits = [0; 64];
        for id in ids {
            let (word, bit) = Self::place(id);
            bits.get_mut(word).into_iter().for_each(|word| *word |= bit);
        }
        Self(bits)
    }

    /// Whether it may hold this id.
    fn passes(&self, id: &Id) -> bool {
        let (word, bit) = Self::place(id);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    fn place(id: &Id) -> (usize, u64) {
        let turn = turn(id);
        ((turn >> 6) as usize % 64, 1 << (turn % 64))
    }
}

impl Default for Sieve {
    fn default() -> Self {
        Self([0; 64])
    }
}

impl Plan {
    /// Begins a run: notes which servers have gone; `since` tells it, if it goes on from the table that was seen last.
    pub(super) fn begin(&mut self, servers: Option<Arc<Servers>>, since: Option<&ServersSince>) {
        self.run = self.run.wrapping_add(1);
        self.gone.retain(|_, runs| {
            *runs -= 1;
            *runs > 0
        });
        if let (Some(before), Some(now)) = (&self.servers, &servers)
            && !Arc::ptr_eq(before, now)
        {
            match since.filter(|since| Weak::ptr_eq(&since.before, &Arc::downgrade(before))) {
                Some(since) => self.gone.extend(since.gone.iter().map(|id| (id.clone(), GONE_RUNS))),
                None => {
                    let gone = before.0.keys().filter(|id| !now.0.contains_key(*id));
                    self.gone.extend(gone.map(|id| (id.clone(), GONE_RUNS)));
                }
            }
        }
        if servers.is_some() {
            self.servers = servers;
        }
        self.sieve = Sieve::of(self.gone.keys());
    }

    /// What to read of a provider that the list shows; `round` is the number of runs in which all are read once.
    pub(super) fn of(&self, listing: &Listing, known: &Providers, round: u64) -> Read {
        let Some(row) = known.0.get(&listing.uuid) else { return Read::All };
        let round = if self.servers.is_some() { round } else { round.min(BLIND_ROUND) }.max(1);
        if turn(&listing.uuid) % round == self.run % round {
            return Read::All;
        }
        match listing.differs(row) {
            Some(Difference::Place) => return Read::All,
            Some(Difference::Generation) => return Read::Changes,
            None => {}
        }
        let strange = turn(&listing.uuid) % BLIND_ROUND == self.run % BLIND_ROUND && self.has_a_stranger(row);
        if strange || self.lost_a_consumer(row) { Read::Holdings } else { Read::Nothing }
    }

    fn has_a_stranger(&self, row: &Provider) -> bool {
        let stranger = |servers: &Servers| consumers(row).any(|consumer| !servers.0.contains_key(consumer));
        self.servers.as_deref().is_some_and(stranger)
    }

    fn lost_a_consumer(&self, row: &Provider) -> bool {
        !self.gone.is_empty()
            && consumers(row).any(|consumer| self.sieve.passes(consumer) && self.gone.contains_key(consumer))
    }
}

/// Who holds something of a provider: its allocations are in the consumers' order, some for each.
fn consumers(row: &Provider) -> impl Iterator<Item = &Id> {
    row.allocations.chunk_by(|a, b| a.consumer == b.consumer).filter_map(|held| Some(&held.first()?.consumer))
}

/// A number that spreads providers evenly; UUIDs are random enough.
fn turn(id: &Id) -> u64 {
    match id {
        Id::Plain(uuid) | Id::Dashed(uuid) => (uuid.number() ^ (uuid.number() >> 64)) as u64,
        Id::Text(text) => text.bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::provider::Allocation;

    const ROUND: u64 = 60;

    fn listing(uuid: &str, generation: u64) -> Listing {
        serde_json::from_value(serde_json::json!({"uuid": uuid, "name": "n", "generation": generation})).unwrap()
    }

    fn known(uuid: &str, consumer: &str) -> Providers {
        let allocation = Allocation { consumer: Id::new(consumer), class: Arc::from("VCPU"), amount: 1 };
        let row = Provider {
            name: Arc::from("n"),
            generation: 5,
            parent: None,
            root: Id::new(uuid),
            inventories: Default::default(),
            usages: Default::default(),
            traits: Default::default(),
            aggregates: Default::default(),
            allocations: vec![allocation],
        };
        Providers([(Id::new(uuid), Arc::new(row))].into())
    }

    fn servers(ids: &[&str]) -> Option<Arc<Servers>> {
        Some(Arc::new(Servers(ids.iter().map(|id| (Id::new(id), Arc::default())).collect())))
    }

    /// What is read in runs that are not the provider's turn.
    fn read(plan: &Plan, generation: u64) -> Read {
        let uuid = (0..).map(|n: u64| format!("p{n}")).find(|id| turn(&Id::new(id)) % ROUND == 30).unwrap();
        plan.of(&listing(&uuid, generation), &known(&uuid, "s"), ROUND)
    }

    #[test]
    fn generations_and_servers_that_have_gone_lead_to_reading() {
        let mut plan = Plan::default();
        plan.begin(servers(&["s", "t"]), None);
        assert_eq!(plan.of(&listing("new", 1), &Providers::default(), ROUND), Read::All);
        assert_eq!(read(&plan, 5), Read::Nothing);
        assert_eq!(read(&plan, 6), Read::Changes);
        plan.begin(servers(&["s"]), None);
        assert_eq!(read(&plan, 5), Read::Nothing, "another provider's consumer");
        plan.begin(servers(&[]), None);
        for _ in 0..GONE_RUNS {
            assert_eq!(read(&plan, 5), Read::Holdings);
            plan.begin(servers(&[]), None);
        }
        assert_eq!(read(&plan, 5), Read::Nothing);
    }

    #[test]
    fn what_has_gone_is_told_only_since_the_table_that_was_seen_last() {
        let (first, second) = (servers(&["s", "t"]), servers(&["t"]));
        let since = |before: &Option<Arc<Servers>>| {
            let before = before.as_ref().map(Arc::downgrade).unwrap_or_default();
            ServersSince { before, gone: vec![Id::new("s")] }
        };
        let mut plan = Plan::default();
        plan.begin(first.clone(), None);
        plan.begin(second.clone(), Some(&since(&first)));
        assert_eq!(read(&plan, 5), Read::Holdings);
        let mut plan = Plan::default();
        plan.begin(first.clone(), None);
        // It skipped the second table: both tables are compared.
        plan.begin(servers(&[]), Some(&ServersSince { before: Arc::downgrade(&second.unwrap()), gone: Vec::new() }));
        assert_eq!(read(&plan, 5), Read::Holdings);
    }

    #[test]
    fn a_consumer_that_is_no_server_is_looked_after_now_and_then() {
        let mut plan = Plan::default();
        let mut reads = Vec::new();
        for _ in 0..2 * BLIND_ROUND {
            plan.begin(servers(&["another"]), None);
            reads.push(read(&plan, 5));
        }
        assert_eq!(reads.iter().filter(|read| **read == Read::Holdings).count(), 2, "{reads:?}");
    }

    #[test]
    fn a_table_that_is_missing_for_a_while_means_no_server_has_gone() {
        let mut plan = Plan::default();
        plan.begin(servers(&["s"]), None);
        plan.begin(None, None);
        assert_eq!(read(&plan, 5), Read::Nothing);
        plan.begin(servers(&[]), None);
        assert_eq!(read(&plan, 5), Read::Holdings, "found out when it is back");
    }

    #[test]
    fn everything_has_its_turn_once_a_round_and_evenly() {
        let mut random = fastrand::Rng::with_seed(1);
        let ids: Vec<Id> = (0..6000).map(|_| Id::Dashed(random.u128(..).into())).collect();
        let mut counts = HashMap::new();
        for run in 0..ROUND {
            counts.insert(run, ids.iter().filter(|id| turn(id) % ROUND == run).count());
        }
        assert_eq!(counts.values().sum::<usize>(), 6000);
        assert!(counts.values().all(|count| (50..=160).contains(count)), "{counts:?}");
    }
}
