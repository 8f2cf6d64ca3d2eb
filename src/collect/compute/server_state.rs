//! All servers, kept current by changes between full reads.
//!
//! What makes the changes complete (each point was read in Nova's code, and the model test below plays it):
//! - `changes-since` compares with `updated_at`, which conductors and computes stamp with their own clocks before they
//!   commit. So a read asks from the service's time at the previous read *less an overlap* that covers clock
//!   differences, late commits and the gap between a server's last stamp and its removal. Where no proxy in front of
//!   Nova gives a time (uWSGI sends no `Date`), it is the newest stamp among the servers read, but never later than our
//!   own clock: a stamp from the future must not hide what comes. Our clock alone is never relied on.
//! - It also lists deleted servers (status DELETED) and soft-deleted ones, which the plain list hides: both leave.
//! - A server that changes while pages are read keeps its place in the list (sorted by creation), and is in the next read.
//! - A server that is being built may have no `updated_at` yet, and one deleted before it reached a cell never gets one.
//!   So each read also takes the short list of servers in BUILD; those kept as BUILD that are neither there nor among the
//!   changes are doubtful and asked for one by one. It is taken first: one that leaves BUILD then is among the changes.
//! - Servers in cell0 (never scheduled) are in both lists like any other.
//!
//! What changes nothing in the server's own record (its host's zone, volumes, rows archived within a minute, cells that
//! are down) is mended by the next full read.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;

use super::server_item::{Item, Shared};
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::server::{Server, Servers};

/// How far each read of changes reaches back behind the previous one.
pub(super) const OVERLAP: Duration = Duration::from_secs(60);

/// Maps kept for use again: placement's collector may hold the one before last until its own run.
const SPARES: usize = 2;

/// All servers and the time from which changes are asked for.
#[derive(Default)]
pub(super) struct State {
    servers: Arc<Servers>,
    /// Maps before that one and what they have not seen, to be used again when nobody holds them any more: with fifty
    /// changes, to copy 50,000 pointers and drop as many takes longer than all else that is done with them.
    spares: Vec<(Arc<Servers>, Changes)>,
    /// Those in BUILD.
    building: BTreeSet<Id>,
    shared: Shared,
    since: Option<Timestamp>,
    newest: Option<Timestamp>,
}

/// What servers became; none where they have gone.
type Changes = HashMap<Id, Option<Arc<Server>>>;

/// When a list was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadAt {
    /// The service's time at its first page, where it tells.
    pub(super) service: Option<Timestamp>,
    /// Our time before the first page.
    pub(super) ours: Timestamp,
}

/// A full read in progress.
pub(super) struct Reading<'a> {
    state: &'a mut State,
    servers: HashMap<Id, Arc<Server>>,
    newest: Option<Timestamp>,
}

impl State {
    /// The servers.
    pub(super) fn servers(&self) -> Arc<Servers> {
        Arc::clone(&self.servers)
    }

    /// Keeps the values of these keys of the servers' metadata; to be said ahead of the first read.
    pub(super) fn keep_metadata<'k>(&mut self, keys: impl Iterator<Item = &'k String>) {
        if self.since.is_none() {
            self.shared.metadata_keys = keys.cloned().collect();
        }
    }

    /// From when on changes are to be read; none when only a full read will do.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.since.map(|since| since.minus(OVERLAP))
    }

    /// Begins a full read; nothing changes unless it is finished.
    pub(super) fn read(&mut self) -> Reading<'_> {
        let servers = HashMap::with_capacity(self.servers.0.len());
        Reading { state: self, servers, newest: None }
    }

    /// Kept as BUILD, but neither building any more nor changed: most likely deleted before they reached a cell.
    pub(super) fn doubtful(&self, building: &[Item], changed: &[Item]) -> Vec<Id> {
        let seen: HashSet<&Id> = building.iter().chain(changed).map(|item| &item.id).collect();
        self.building.iter().filter(|id| !seen.contains(id)).cloned().collect()
    }

    /// Takes up a read of changes, in the order in which they were read (later ones count), and removes the `gone`;
    /// `at` is when the list of changes was read. Tells whose rows are others than before: reads overlap, so most of
    /// what is read is known.
    pub(super) fn apply(&mut self, news: Vec<Item>, gone: &[Id], at: ReadAt) -> BTreeSet<Id> {
        self.newest = news.iter().filter_map(Item::updated).max().max(self.newest);
        self.since = at.since(self.newest);
        let mut now: Changes = gone.iter().map(|id| (id.clone(), None)).collect();
        for item in news {
            if item.is_gone() {
                now.insert(item.id, None);
            } else {
                let earlier = now.get(&item.id).map_or_else(|| self.servers.0.get(&item.id), Option::as_ref).cloned();
                let (id, server) = row(item, &mut self.shared, earlier.as_deref());
                now.insert(id, Some(Arc::new(server)));
            }
        }
        now.retain(|id, server| self.servers.0.get(id) != server.as_ref());
        if now.is_empty() {
            return BTreeSet::new();
        }
        for (id, server) in &now {
            if server.as_ref().is_some_and(|server| is_building(server)) {
                self.building.insert(id.clone());
            } else {
                self.building.remove(id);
            }
        }
        let mut next = self.spare();
        put(&mut next, &now);
        let changed = now.keys().cloned().collect();
        self.spares.iter_mut().for_each(|(_, behind)| behind.extend(now.clone()));
        self.spares.push((std::mem::replace(&mut self.servers, Arc::new(next)), now));
        let excess = self.spares.len().saturating_sub(SPARES);
        self.spares.drain(..excess);
        changed
    }

    /// A map as the servers are now, which nobody holds.
    fn spare(&mut self) -> Servers {
        let free = self.spares.iter().position(|(spare, _)| Arc::strong_count(spare) == 1);
        let free = free.map(|at| self.spares.remove(at));
        match free.map(|(spare, behind)| (Arc::try_unwrap(spare), behind)) {
            Some((Ok(mut spare), behind)) => {
                put(&mut spare, &behind);
                spare
            }
            _ => Servers::clone(&self.servers),
        }
    }
}

fn put(servers: &mut Servers, changes: &Changes) {
    for (id, server) in changes {
        match server {
            Some(server) => drop(servers.0.insert(id.clone(), Arc::clone(server))),
            None => drop(servers.0.remove(id)),
        }
    }
}

impl ReadAt {
    fn since(self, newest: Option<Timestamp>) -> Option<Timestamp> {
        self.service.or(newest.map(|newest| newest.min(self.ours)))
    }
}

impl Reading<'_> {
    /// Takes up one server.
    pub(super) fn add(&mut self, item: Item) {
        self.newest = item.updated().max(self.newest);
        if !item.is_gone() {
            let earlier = self.servers.get(&item.id).or_else(|| self.state.servers.0.get(&item.id)).cloned();
            let (id, server) = row(item, &mut self.state.shared, earlier.as_deref());
            self.servers.insert(id, Arc::new(server));
        }
    }

    /// Replaces what was kept.
    pub(super) fn finish(self, at: ReadAt) {
        let building = self.servers.iter().filter(|(_, server)| is_building(server));
        self.state.building = building.map(|(id, _)| id.clone()).collect();
        self.state.servers = Arc::new(Servers(self.servers));
        self.state.spares.clear();
        self.state.newest = self.newest;
        self.state.since = at.since(self.newest);
        self.state.shared.sweep();
    }
}

fn is_building(server: &Server) -> bool {
    &*server.status == "BUILD"
}

/// What is kept of a server that was read.
fn row(item: Item, shared: &mut Shared, earlier: Option<&Server>) -> (Id, Server) {
    // Of a server whose cell is down only the status is news.
    match earlier.filter(|_| item.is_partial()) {
        Some(known) => (item.id, Server { status: shared.texts.intern(&item.status), ..Server::clone(known) }),
        None => item.into_server(shared),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use serde_json::json;

    fn item(id: u32, status: &str) -> Item {
        stamped(id, status, None)
    }

    fn stamped(id: u32, status: &str, updated: Option<i64>) -> Item {
        let flavor = json!({"original_name": "m1.small", "vcpus": 1, "ram": 512, "disk": 1, "ephemeral": 0});
        let updated = updated.map(|at| Timestamp::from_seconds(at).to_string());
        let item = json!({"id": id.to_string(), "status": status, "name": "n", "flavor": flavor, "updated": updated});
        serde_json::from_value(item).unwrap()
    }

    fn at(seconds: i64) -> ReadAt {
        let time = Timestamp::from_seconds(seconds);
        ReadAt { service: Some(time), ours: time }
    }

    /// A server in Nova's databases.
    #[derive(Clone)]
    struct Row {
        status: &'static str,
        /// None while nothing has stamped it.
        updated: Option<i64>,
        /// Only a build request so far; `changes-since` shows those whatever it is asked.
        requested: bool,
    }

    /// Nova's lists as its code makes them.
    struct Nova {
        now: i64,
        next: u32,
        rows: BTreeMap<u32, Row>,
        /// Without it, how far our clock is off.
        tells_time: Result<(), i64>,
    }

    impl Nova {
        fn step(&mut self, random: &mut fastrand::Rng) {
            self.now += random.i64(0..20);
            let stamp = Some(self.now - random.i64(0..30));
            if random.u8(0..4) == 0 || self.rows.is_empty() {
                let row = Row { status: "BUILD", updated: None, requested: random.bool() };
                self.rows.insert(self.next, row);
                self.next += 1;
                return;
            }
            let place = random.usize(0..self.rows.len());
            let id = *self.rows.keys().nth(place).unwrap();
            let row = self.rows.get_mut(&id).unwrap();
            match (row.status, random.u8(0..6)) {
                ("DELETED", _) => {}
                ("BUILD", 0) => drop(self.rows.remove(&id)),
                ("BUILD", 1) => row.requested = false,
                (_, 2) => *row = Row { status: "DELETED", updated: stamp, requested: false },
                (_, 3) => *row = Row { status: "SOFT_DELETED", updated: stamp, requested: false },
                (_, 4) => *row = Row { status: "ERROR", updated: stamp, requested: false },
                _ => *row = Row { status: "ACTIVE", updated: stamp, requested: false },
            }
        }

        fn select(&self, keep: impl Fn(&Row) -> bool) -> Vec<Item> {
            self.rows
                .iter()
                .filter(|(_, row)| keep(row))
                .map(|(id, row)| stamped(*id, row.status, row.updated))
                .collect()
        }

        fn time(&self) -> ReadAt {
            let now = Timestamp::from_seconds(self.now);
            match self.tells_time {
                Ok(()) => ReadAt { service: Some(now), ours: Timestamp::from_seconds(0) },
                Err(off) => ReadAt { service: None, ours: Timestamp::from_seconds(self.now + off) },
            }
        }

        fn changed(&self, since: Timestamp) -> Vec<Item> {
            let since = since.millis() / 1000;
            self.select(|row| row.requested || row.updated.is_some_and(|updated| updated >= since))
        }

        fn plain(&self) -> BTreeMap<String, &'static str> {
            let alive = self.rows.iter().filter(|(_, row)| !matches!(row.status, "DELETED" | "SOFT_DELETED"));
            alive.map(|(id, row)| (id.to_string(), row.status)).collect()
        }
    }

    fn kept(state: &State) -> BTreeMap<String, String> {
        state.servers.0.iter().map(|(id, server)| (id.to_string(), server.status.to_string())).collect()
    }

    /// A full read that sees half of the list before Nova moves on, and the rest after.
    fn read_all(state: &mut State, nova: &mut Nova, random: &mut fastrand::Rng) {
        let read_at = nova.time();
        let (plain, mut reading) = (nova.plain(), state.read());
        for (count, (id, _)) in plain.iter().enumerate() {
            if count == plain.len() / 2 {
                (0..5).for_each(|_| nova.step(random));
            }
            if let Some(row) = nova.rows.get(&id.parse().unwrap()) {
                reading.add(stamped(id.parse().unwrap(), row.status, row.updated));
            }
        }
        reading.finish(read_at);
    }

    /// One run of the collector, with Nova moving on between its calls when `steps` is above 0.
    fn follow(state: &mut State, nova: &mut Nova, random: &mut fastrand::Rng, steps: usize) {
        let Some(since) = state.since() else { return read_all(state, nova, random) };
        let building = nova.select(|row| row.status == "BUILD");
        (0..steps).for_each(|_| nova.step(random));
        let at = nova.time();
        let changed = nova.changed(since);
        (0..steps).for_each(|_| nova.step(random));
        let mut gone = Vec::new();
        let mut news = Vec::new();
        for id in state.doubtful(&building, &changed) {
            match nova.rows.get(&id.to_string().parse().unwrap()) {
                Some(row) => news.push(stamped(id.to_string().parse().unwrap(), row.status, row.updated)),
                None => gone.push(id),
            }
        }
        let news = building.into_iter().chain(changed).chain(news).collect();
        state.apply(news, &gone, at);
    }

    #[test]
    fn changes_lose_nothing() {
        for seed in 0..200 {
            let random = &mut fastrand::Rng::with_seed(seed);
            let tells_time = [Ok(()), Err(0), Err(500), Err(-500)][seed as usize % 4];
            let mut nova = Nova { now: 1_000_000, next: 0, rows: BTreeMap::new(), tells_time };
            let mut state = State::default();
            (0..20).for_each(|_| nova.step(random));
            read_all(&mut state, &mut nova, random);
            follow(&mut state, &mut nova, random, 0);
            for _ in 0..20 {
                let steps = random.usize(0..6);
                follow(&mut state, &mut nova, random, steps);
                follow(&mut state, &mut nova, random, 0);
                if state.since().is_none() {
                    continue;
                }
                follow(&mut state, &mut nova, random, 0);
                let truth: BTreeMap<_, _> = nova.plain().into_iter().map(|(id, s)| (id, s.to_owned())).collect();
                assert_eq!(kept(&state), truth, "seed {seed}");
            }
        }
    }

    #[test]
    fn a_quiet_read_keeps_the_very_table() {
        let mut state = State::default();
        let mut reading = state.read();
        reading.add(item(1, "ACTIVE"));
        reading.finish(at(100));
        let before = state.servers();
        let touched = state.apply(vec![item(9, "DELETED"), item(1, "ERROR"), item(1, "ACTIVE")], &[], at(160));
        assert!(touched.is_empty() && Arc::ptr_eq(&before, &state.servers()));
        assert_eq!(state.since(), Some(Timestamp::from_seconds(100)), "a minute of overlap");
        let ours = Timestamp::from_seconds(1000);
        state.apply(Vec::new(), &[], ReadAt { service: None, ours });
        assert_eq!(state.since(), None, "without any time of the service's only a full read will do");
        state.apply(vec![stamped(1, "ERROR", Some(500))], &[], ReadAt { service: None, ours });
        assert_eq!(state.since(), Some(Timestamp::from_seconds(440)), "its newest stamp");
        state.apply(vec![stamped(1, "ERROR", Some(5000))], &[], ReadAt { service: None, ours });
        assert_eq!(state.since(), Some(Timestamp::from_seconds(940)), "but none from the future");
    }

    #[test]
    fn a_table_that_somebody_holds_stays_as_it_was() {
        let mut state = State::default();
        let mut held = Vec::new();
        for status in ["ACTIVE", "ERROR", "SHUTOFF", "PAUSED", "ACTIVE"] {
            state.apply(vec![item(1, status), item(2, "ACTIVE")], &[], at(100));
            held.push((status, state.servers()));
            // The third one is let go of, and may be used again.
            held.retain(|(status, _)| *status != "SHUTOFF");
        }
        for (status, servers) in held {
            assert_eq!((&*servers.0[&Id::new("1")].status, servers.0.len()), (status, 2));
        }
    }

    #[test]
    fn what_changed_is_told() {
        let mut state = State::default();
        let mut reading = state.read();
        (1..=4).for_each(|id| reading.add(item(id, "ACTIVE")));
        reading.finish(at(100));
        let news = vec![item(1, "ACTIVE"), item(2, "ERROR"), item(3, "DELETED"), item(5, "BUILD")];
        let touched = state.apply(news, &[Id::new("4"), Id::new("6")], at(160));
        assert_eq!(touched, ["2", "3", "4", "5"].map(Id::new).into());
        assert_eq!(state.servers.0.len(), 3);
    }

    #[test]
    fn an_unfinished_read_changes_nothing() {
        let mut state = State::default();
        let mut reading = state.read();
        reading.add(item(1, "ACTIVE"));
        drop(reading);
        assert!(state.servers.0.is_empty() && state.since().is_none());
    }

    #[test]
    fn of_a_server_in_a_cell_that_is_down_only_the_status_changes() {
        let mut state = State::default();
        let mut reading = state.read();
        reading.add(item(1, "ACTIVE"));
        reading.finish(at(100));
        let partial: Item = serde_json::from_value(json!({"id": "1", "status": "UNKNOWN", "links": []})).unwrap();
        let mut reading = state.read();
        reading.add(partial);
        reading.finish(at(200));
        let server = &state.servers.0[&Id::new("1")];
        assert_eq!((&*server.status, &*server.flavor.name), ("UNKNOWN", "m1.small"));
    }
}
