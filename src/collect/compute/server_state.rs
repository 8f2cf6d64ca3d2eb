//! All servers, kept current by changes between full reads.
//!
//! What makes the changes complete (each point was read in Nova's code, and the model test below plays it):
//! - `changes-since` compares with `updated_at`, which conductors and computes stamp with their own clocks before they
//!   commit. So a read asks from the service's time at the previous read *less an overlap* that covers clock
//!   differences, late commits and the gap between a server's last stamp and its removal. Our own clock plays no part.
//! - It also lists deleted servers (status DELETED) and soft-deleted ones, which the plain list hides: both leave.
//! - A server that changes while pages are read keeps its place in the list (sorted by creation), and is in the next read.
//! - A server that is being built may have no `updated_at` yet, and one deleted before it reached a cell never gets one.
//!   So each read also takes the short list of servers in BUILD; those kept as BUILD that are neither there nor among the
//!   changes are doubtful and asked for one by one. It is taken first: one that leaves BUILD then is among the changes.
//! - Servers in cell0 (never scheduled) are in both lists like any other.
//!
//! What changes nothing in the server's own record (its host's zone, volumes, rows archived within a minute, cells that
//! are down) is mended by the next full read.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::server_item::Item;
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::server::{Server, Servers};

/// How far each read of changes reaches back behind the previous one.
pub(super) const OVERLAP: Duration = Duration::from_secs(60);

/// All servers and the time from which changes are asked for.
#[derive(Default)]
pub(super) struct State {
    servers: Arc<Servers>,
    interner: Interner,
    since: Option<Timestamp>,
}

/// A full read in progress.
pub(super) struct Reading<'a> {
    state: &'a mut State,
    servers: HashMap<Id, Arc<Server>>,
}

impl State {
    /// The servers.
    pub(super) fn servers(&self) -> Arc<Servers> {
        Arc::clone(&self.servers)
    }

    /// From when on changes are to be read; none when only a full read will do.
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.since.map(|since| since.minus(OVERLAP))
    }

    /// Begins a full read; nothing changes unless it is finished.
    pub(super) fn read(&mut self) -> Reading<'_> {
        let servers = HashMap::with_capacity(self.servers.0.len());
        Reading { state: self, servers }
    }

    /// Kept as BUILD, but neither building any more nor changed: most likely deleted before they reached a cell.
    pub(super) fn doubtful(&self, building: &[Item], changed: &[Item]) -> Vec<Id> {
        let seen: HashSet<&Id> = building.iter().chain(changed).map(|item| &item.id).collect();
        let kept = self.servers.0.iter().filter(|(_, server)| &*server.status == "BUILD");
        kept.filter(|(id, _)| !seen.contains(id)).map(|(id, _)| id.clone()).collect()
    }

    /// Takes up a read of changes, in the order in which they were read (later ones count), and removes the `gone`;
    /// `at` is the service's time at the first page of what `changes-since` gave.
    pub(super) fn apply(&mut self, news: Vec<Item>, gone: &[Id], at: Option<Timestamp>) {
        self.since = at;
        let changes = |item: &Item| !item.is_gone() || self.servers.0.contains_key(&item.id);
        if gone.is_empty() && !news.iter().any(changes) {
            return;
        }
        // Copies the map of pointers when the last part still holds it; the servers themselves are shared.
        let servers = &mut Arc::make_mut(&mut self.servers).0;
        for id in gone {
            servers.remove(id);
        }
        for item in news {
            if item.is_gone() {
                servers.remove(&item.id);
            } else {
                put(servers, item, &mut self.interner, None);
            }
        }
    }
}

impl Reading<'_> {
    /// Takes up one server.
    pub(super) fn add(&mut self, item: Item) {
        if !item.is_gone() {
            put(&mut self.servers, item, &mut self.state.interner, Some(&self.state.servers.0));
        }
    }

    /// Replaces what was kept; `at` is the service's time at the first page.
    pub(super) fn finish(self, at: Option<Timestamp>) {
        self.state.servers = Arc::new(Servers(self.servers));
        self.state.since = at;
        self.state.interner.sweep();
    }
}

fn put(
    servers: &mut HashMap<Id, Arc<Server>>,
    item: Item,
    interner: &mut Interner,
    before: Option<&HashMap<Id, Arc<Server>>>,
) {
    // Of a server whose cell is down only the status is news.
    if item.is_partial()
        && let Some(known) = servers.get(&item.id).or_else(|| before?.get(&item.id))
    {
        let server = Server { status: interner.intern(&item.status), ..Server::clone(known) };
        servers.insert(item.id, Arc::new(server));
        return;
    }
    let (id, server) = item.into_server(interner);
    servers.insert(id, Arc::new(server));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use serde_json::json;

    fn item(id: u32, status: &str) -> Item {
        let flavor = json!({"original_name": "m1.small", "vcpus": 1, "ram": 512, "disk": 1, "ephemeral": 0});
        serde_json::from_value(json!({"id": format!("{id}"), "status": status, "name": "n", "flavor": flavor})).unwrap()
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
    #[derive(Default)]
    struct Nova {
        now: i64,
        next: u32,
        rows: BTreeMap<u32, Row>,
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
            self.rows.iter().filter(|(_, row)| keep(row)).map(|(id, row)| item(*id, row.status)).collect()
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

    /// One run of the collector, with Nova moving on between its calls when `steps` is above 0.
    fn follow(state: &mut State, nova: &mut Nova, random: &mut fastrand::Rng, steps: usize) {
        let building = nova.select(|row| row.status == "BUILD");
        (0..steps).for_each(|_| nova.step(random));
        let at = Timestamp::from_seconds(nova.now);
        let changed = nova.changed(state.since().unwrap());
        (0..steps).for_each(|_| nova.step(random));
        let mut gone = Vec::new();
        let mut news = Vec::new();
        for id in state.doubtful(&building, &changed) {
            match nova.rows.get(&id.to_string().parse().unwrap()) {
                Some(row) => news.push(item(id.to_string().parse().unwrap(), row.status)),
                None => gone.push(id),
            }
        }
        let news = building.into_iter().chain(changed).chain(news).collect();
        state.apply(news, &gone, Some(at));
    }

    #[test]
    fn changes_lose_nothing() {
        for seed in 0..200 {
            let random = &mut fastrand::Rng::with_seed(seed);
            let mut nova = Nova { now: 1_000_000, ..Nova::default() };
            let mut state = State::default();
            (0..20).for_each(|_| nova.step(random));
            // The full read sees half of the list, then Nova moves on, then it sees the rest.
            let at = Timestamp::from_seconds(nova.now);
            let (plain, mut reading) = (nova.plain(), state.read());
            for (count, (id, _)) in plain.iter().enumerate() {
                if count == plain.len() / 2 {
                    (0..5).for_each(|_| nova.step(random));
                }
                if let Some(row) = nova.rows.get(&id.parse().unwrap()) {
                    reading.add(item(id.parse().unwrap(), row.status));
                }
            }
            reading.finish(Some(at));
            for _ in 0..20 {
                let steps = random.usize(0..6);
                follow(&mut state, &mut nova, random, steps);
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
        reading.finish(Some(Timestamp::from_seconds(100)));
        let before = state.servers();
        state.apply(vec![item(9, "DELETED")], &[], Some(Timestamp::from_seconds(160)));
        assert!(Arc::ptr_eq(&before, &state.servers()));
        assert_eq!(state.since(), Some(Timestamp::from_seconds(100)), "a minute of overlap");
        state.apply(Vec::new(), &[], None);
        assert_eq!(state.since(), None, "without the service's time only a full read will do");
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
        reading.finish(Some(Timestamp::from_seconds(100)));
        let partial: Item = serde_json::from_value(json!({"id": "1", "status": "UNKNOWN", "links": []})).unwrap();
        let mut reading = state.read();
        reading.add(partial);
        reading.finish(Some(Timestamp::from_seconds(200)));
        let server = &state.servers.0[&Id::new("1")];
        assert_eq!((&*server.status, &*server.flavor_name), ("UNKNOWN", "m1.small"));
    }
}
