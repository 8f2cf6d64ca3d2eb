//! The stage as a whole, over a real file: days that pass, rights that come and go, reports, CSV.

use std::io::Read;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Desk, Looked, Sight, Store, Telemetry, Tracker};
use crate::model::clock::{Clock, Timestamp};
use crate::model::day::Day;
use crate::model::id::Id;
use crate::model::inventory::flavor::Flavors;
use crate::model::inventory::project::{Project, Projects};
use crate::model::inventory::server::{Server, ServerFlavor, Servers};
use crate::model::part::{Origin, PartBuilder, PartKey};
use crate::model::snapshot::{SeriesLimits, Snapshot, SnapshotStore};
use crate::model::workload::{Change, ChangesWanted, Days, Export, Fate, Records, RecordsError, ResourceType};

/// A store with all that works on it.
struct Bench {
    directory: tempfile::TempDir,
    store: Arc<Store>,
    telemetry: Arc<Telemetry>,
    tracker: Tracker,
    clock: Clock,
}

fn origin() -> Origin {
    Origin::new("secret-cloud-name", "secret-region-name")
}

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap()
}

fn days(from: &str, to: &str) -> Days {
    Days { from: Day::parse(from).unwrap(), to: Day::parse(to).unwrap() }
}

impl Bench {
    fn new() -> Self {
        Self::over(tempfile::tempdir().unwrap())
    }

    fn over(directory: tempfile::TempDir) -> Self {
        let clock = Clock::manual(at("2026-11-01T10:00:00Z"));
        let store = Arc::new(Store::open(directory.path(), Day::of(clock.now())).unwrap());
        let telemetry = Arc::new(Telemetry::default());
        let tracker = Tracker::new(Arc::clone(&store), Arc::clone(&telemetry));
        Self { directory, store, telemetry, tracker, clock }
    }

    /// As after a restart.
    fn again(self) -> Self {
        let Self { directory, store, telemetry, tracker, .. } = self;
        drop((store, telemetry, tracker));
        Self::over(directory)
    }

    fn desk(&self) -> Desk {
        let (store, telemetry) = (Arc::clone(&self.store), Arc::clone(&self.telemetry));
        Desk::new(store, telemetry, self.clock.clone(), Some(1 << 20))
    }

    fn look(&mut self, when: &str, projects: &[(&str, bool)]) -> Looked {
        self.look_as(when, projects, Sight::All)
    }

    fn look_as(&mut self, when: &str, projects: &[(&str, bool)], sight: Sight) -> Looked {
        self.clock.set(at(when));
        let snapshot = snapshot(|part| part.table(Arc::new(tenants(projects))));
        self.tracker.look(&snapshot, &origin(), ResourceType::Tenant, sight, at(when)).unwrap()
    }

    fn csv(&self, what: Export, days: Days) -> Vec<Vec<String>> {
        let mut text = Vec::new();
        self.desk().export(what, days, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect()
    }

    /// Day, whether it is a copy, id, added, modified, removed of each line.
    fn tenants_csv(&self, days: Days) -> Vec<String> {
        let pick = |row: &Vec<String>| [2, 5, 7, 8, 9, 10].map(|at| row[at].as_str()).join(" ");
        self.csv(Export::Records(ResourceType::Tenant), days).iter().skip(1).map(pick).collect()
    }

    fn changes(&self) -> Vec<(Change, String)> {
        let days = days("2026-01-01", "2026-12-31");
        let wanted = ChangesWanted { cloud: None, region: None, kind: None, days, limit: 100, offset: 0 };
        let found = self.desk().changes(&wanted).unwrap();
        assert_eq!(found.total, found.changes.len());
        found.changes.into_iter().map(|change| (change.change, change.id)).collect()
    }
}

fn tenants(rows: &[(&str, bool)]) -> Projects {
    let project = |enabled| Project { name: "planted-name".into(), domain: "planted-domain".into(), enabled };
    Projects(rows.iter().map(|(id, enabled)| (Id::new(id), project(*enabled))).collect())
}

fn snapshot(fill: impl FnOnce(&mut PartBuilder)) -> Arc<Snapshot> {
    let store = SnapshotStore::new(SeriesLimits::default());
    let mut part = PartBuilder::new();
    fill(&mut part);
    let key = PartKey { group: "test", origin: origin(), source: "test".into() };
    let (part, dropped) = part.seal(key, Timestamp::default(), 10);
    store.publish(part, dropped);
    store.load()
}

#[test]
fn days_pass_and_a_restart_changes_nothing() {
    let mut bench = Bench::new();
    assert_eq!(bench.look("2026-11-01T10:00:00Z", &[("a", true), ("b", true)]), Looked::Baseline);
    assert_eq!(bench.look("2026-11-01T10:15:00Z", &[("b", true), ("a", true)]), Looked::Same);
    assert!(bench.changes().is_empty(), "a baseline is no addition");
    bench.look("2026-11-01T11:00:00Z", &[("a", false), ("b", true), ("c", true)]);
    let mut bench = bench.again();
    assert_eq!(bench.look("2026-11-02T10:00:00Z", &[("a", false), ("b", true), ("c", true)]), Looked::Same);
    assert_eq!(bench.look("2026-11-04T10:00:00Z", &[("a", false), ("c", true)]), Looked::Changed);
    assert_eq!(bench.look("2026-11-04T11:00:00Z", &[("a", false), ("b", true), ("c", true)]), Looked::Changed);
    let text = |change, id: &str| (change, id.to_owned());
    let expected =
        [text(Change::Added, "b"), text(Change::Removed, "b"), text(Change::Added, "c"), text(Change::Modified, "a")];
    assert_eq!(bench.changes(), expected, "the latest first");
    let rows = bench.tenants_csv(days("2026-11-01", "2026-11-30"));
    let expected = [
        "2026-11-01 false a false true false",
        "2026-11-01 false b false false false",
        "2026-11-01 false c true false false",
        "2026-11-02 true a false false false",
        "2026-11-02 true b false false false",
        "2026-11-02 true c false false false",
        "2026-11-03 true a false false false",
        "2026-11-03 true b false false false",
        "2026-11-03 true c false false false",
        "2026-11-04 false a false false false",
        "2026-11-04 false b true false false",
        "2026-11-04 false c false false false",
    ];
    assert_eq!(rows, expected, "copies up to the last day on which the cloud was read, and said to be copies");
    let later = bench.tenants_csv(days("2026-11-03", "2026-11-03"));
    assert_eq!(later.len(), 3, "a record of before the first day holds on it: {later:?}");
    assert!(bench.tenants_csv(days("2026-11-05", "2026-11-30")).is_empty(), "nothing is known of those days");
}

#[test]
fn what_cannot_be_seen_is_not_removed() {
    let mut bench = Bench::new();
    let (all, own) = ([("a", true), ("b", true)], [("a", true)]);
    assert_eq!(bench.look_as("2026-11-01T10:00:00Z", &own, Sight::Project), Looked::Baseline);
    assert_eq!(bench.look_as("2026-11-01T11:00:00Z", &all, Sight::All), Looked::Baseline, "more rights");
    assert_eq!(bench.look_as("2026-11-01T12:00:00Z", &own, Sight::Project), Looked::Blind, "fewer rights");
    assert_eq!(bench.look_as("2026-11-01T12:00:00Z", &[], Sight::Nothing), Looked::Blind, "the collector fails");
    let empty = snapshot(|_| ());
    let missing = bench.tracker.look(&empty, &origin(), ResourceType::Tenant, Sight::All, at("2026-11-01T13:00:00Z"));
    assert_eq!(missing.unwrap(), Looked::Blind, "the table is missing");
    assert!(bench.changes().is_empty());
    assert_eq!(bench.look("2026-11-01T14:00:00Z", &own), Looked::Changed);
    assert_eq!(bench.changes(), [(Change::Removed, "b".to_owned())]);
}

#[test]
fn the_newest_row_never_expires() {
    let mut bench = Bench::new();
    bench.look("2026-11-01T10:00:00Z", &[("a", true)]);
    bench.look("2026-11-02T10:00:00Z", &[("a", false)]);
    assert_eq!(bench.tracker.expire(14, 400, Day::parse("2026-11-15").unwrap()).unwrap(), 0);
    assert_eq!(bench.tracker.expire(14, 400, Day::parse("2027-11-15").unwrap()).unwrap(), 1);
    assert_eq!(bench.tracker.expire(14, 400, Day::parse("2027-11-16").unwrap()).unwrap(), 0);
    assert_eq!(bench.look("2027-11-15T10:00:00Z", &[("a", false)]), Looked::Same, "and nothing is reported as new");
}

#[test]
fn a_clock_that_goes_back_makes_no_second_newest_row() {
    let mut bench = Bench::new();
    bench.look("2026-11-05T10:00:00Z", &[("a", true)]);
    assert_eq!(bench.look("2026-11-04T10:00:00Z", &[("a", false)]), Looked::Changed);
    assert_eq!(bench.look("2026-11-05T10:00:00Z", &[("a", false)]), Looked::Same);
}

/// A record as another installation sends it.
fn record(id: i64, current: Value) -> Value {
    json!({
        "master_node_uid": "other", "id": id, "cluster_id": 1, "created_date": "2026-11-01", "updated_time": "10:00:00",
        "resource_type": "tenant", "resource_checksum": "x",
        "resource_data": {"current": current, "added": [], "modified": [], "removed": []},
    })
}

/// What became of each record, and where records departed from the form.
type Received = (Vec<Fate>, Vec<(usize, String)>);

fn receive(bench: &Bench, records: Value) -> Result<Received, RecordsError> {
    let body = json!({"oswl_stats": records}).to_string();
    let received = bench.desk().receive(body.as_bytes(), None)?;
    let departures = received.departures.into_iter().map(|departure| (departure.record, departure.path)).collect();
    Ok((received.outcomes.iter().map(|outcome| outcome.fate).collect(), departures))
}

#[test]
fn good_records_of_a_report_are_kept_and_bad_ones_named() {
    let bench = Bench::new();
    let good = record(1, json!([{"id": "t", "enabled": true}]));
    let named = record(2, json!([{"id": "t", "name": "planted-name"}]));
    let mut wrong = record(3, json!([{"id": "t", "enabled": "yes"}]));
    let typeless = json!({"master_node_uid": "other", "id": 4});
    let (fates, departures) = receive(&bench, json!([good, named, wrong, typeless, 7, record(1, json!([]))])).unwrap();
    use Fate::{Added, Failed, Updated};
    assert_eq!(fates, [Added, Failed, Failed, Failed, Failed, Updated]);
    let paths = [
        (1, "oswl_stats[1].resource_data.current[0].name"),
        (2, "oswl_stats[2].resource_data.current[0].enabled"),
        (3, "oswl_stats[3].resource_type"),
        (4, "oswl_stats[4]"),
    ];
    assert_eq!(departures, paths.map(|(at, path)| (at, path.to_owned())));
    assert_eq!(receive(&bench, json!([record(1, json!([]))])).unwrap().0, [Updated]);
    wrong = record(5, json!([]));
    wrong["resource_data"]["removed"] = json!([{"id": "t", "time": "09:00:00", "email": "a@b"}]);
    let mut dated = record(6, json!([]));
    dated["created_date"] = "2026-13-01".into();
    let mut own = record(7, json!([]));
    own["master_node_uid"] = bench.store.master_node_uid().into();
    let (fates, departures) = receive(&bench, json!([wrong, dated, own])).unwrap();
    assert_eq!(fates, [Failed; 3]);
    let paths: Vec<&str> = departures.iter().map(|(_, path)| path.as_str()).collect();
    let expected =
        ["oswl_stats[0].resource_data.removed[0].email", "oswl_stats[1].created_date", "oswl_stats[2].master_node_uid"];
    assert_eq!(paths, expected);
    for body in ["", "[]", "{}", r#"{"oswl_stats": 7}"#, r#"{"oswl_stats": [], "more": 1}"#, r#"{"oswl_stats": []} x"#]
    {
        let refused = bench.desk().receive(body.as_bytes(), None);
        assert!(matches!(refused, Err(RecordsError::Body { .. })), "{body}");
    }
}

#[test]
fn what_is_written_is_what_a_collector_reads() {
    let (mut here, there) = (Bench::new(), Bench::new());
    here.look("2026-11-01T10:00:00Z", &[("a", true), ("b", true)]);
    here.look("2026-11-02T10:00:00Z", &[("a", false), ("c", true)]);
    let today = Day::parse("2026-11-02").unwrap();
    assert_eq!(here.store.unsent(0, today.minus(1), 10, usize::MAX).unwrap().len(), 1, "today's row rests");
    let rows = here.store.unsent(0, today, 10, usize::MAX).unwrap();
    assert_eq!(here.store.unsent(0, today, 10, 1).unwrap().len(), 1, "a large row goes by itself");
    let sent: Vec<(i64, i64)> = rows.iter().map(|row| (row.id, row.revision)).collect();
    let uid = here.store.master_node_uid().to_owned();
    let body = super::report::write(&uid, rows).unwrap();
    assert!(!String::from_utf8_lossy(&body).contains("secret-"), "neither cloud nor region are named");
    there.clock.set(here.clock.now());
    let received = there.desk().receive(&body, Some(&uid)).unwrap();
    assert_eq!(received.departures, []);
    assert!(received.outcomes.iter().all(|outcome| outcome.fate == Fate::Added));
    let of_days = days("2026-11-01", "2026-11-02");
    assert_eq!(
        there.csv(Export::Records(ResourceType::Tenant), of_days),
        here.csv(Export::Records(ResourceType::Tenant), of_days),
    );
    here.look("2026-11-02T11:00:00Z", &[("a", true), ("c", true)]);
    here.store.sent(&sent).unwrap();
    let left = here.store.unsent(0, today, 10, usize::MAX).unwrap();
    assert_eq!(left.iter().map(|row| row.revision).collect::<Vec<_>>(), [2], "what changed meanwhile is sent again");
    let clusters = there.csv(Export::Clusters, of_days);
    let mut archive = Vec::new();
    there.desk().export(Export::All, of_days, &mut archive).unwrap();
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(archive)).unwrap();
    assert_eq!(archive.len(), 7);
    let mut text = String::new();
    archive.by_name("clusters.csv").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), clusters.len());
    assert_eq!(clusters[1][0], uid);
    assert_eq!(&clusters[1][2..5], ["2026-11-01", "2026-11-02", "2026-11-02"]);
    assert_eq!(clusters[1][9], "2", "tenants of the newest row: {clusters:?}");
}

#[test]
fn a_copy_of_the_store_is_whole() {
    let mut bench = Bench::new();
    bench.look("2026-11-01T10:00:00Z", &[("a", true)]);
    let to = tempfile::tempdir().unwrap();
    super::backup(bench.directory.path(), &to.path().join(super::FILE_NAME)).unwrap();
    let copy = Bench::over(to);
    assert_eq!(copy.store.master_node_uid(), bench.store.master_node_uid());
    assert_eq!(copy.tenants_csv(days("2026-11-01", "2026-11-01")).len(), 1);
}

/// 50,000 servers on 1,000 nodes, 5 % of which change a day: how much the store grows, told by
/// `cargo test --lib workload::tests::growth -- --nocapture`.
#[test]
fn growth_stays_below_20_kb_per_node_and_day() {
    const NODES: u32 = 1_000;
    let mut bench = Bench::new();
    let mut servers = Servers::default();
    let flavor = Arc::new(ServerFlavor { id: Some("flavor-1".into()), ..ServerFlavor::default() });
    let mut rng = fastrand::Rng::with_seed(7);
    let mut server = |day: u32| {
        let number = |rng: &mut fastrand::Rng| u128::from(rng.u64(..)) << 64 | u128::from(rng.u64(..));
        let row = Server {
            status: "ACTIVE".into(),
            power_state: 1,
            project: Id::Plain(u128::from(rng.u8(..)).into()),
            flavor: Arc::clone(&flavor),
            image: Some(Id::Dashed(u128::from(rng.u8(..)).into())),
            host_id: crate::model::inventory::server::HostId::new(&format!("{:056x}", rng.u32(..NODES))),
            created: Timestamp::from_seconds(1_790_000_000 + i64::from(day * 86_400 + rng.u32(..86_400))),
            ..Server::default()
        };
        (Id::Dashed(number(&mut rng).into()), Arc::new(row))
    };
    servers.0.extend((0..50 * NODES).map(|_| server(0)));
    let mut sizes = Vec::new();
    for day in 1..=3u32 {
        let gone: Vec<Id> = servers.0.keys().take(1_250).cloned().collect();
        gone.iter().for_each(|id| drop(servers.0.remove(id)));
        servers.0.extend((0..1_250).map(|_| server(day)));
        let table = Arc::new(servers.clone());
        let snapshot = snapshot(|part| {
            part.table(table);
            part.table(Arc::new(Flavors::default()));
        });
        let when = at(&format!("2026-11-{day:02}T10:00:00Z"));
        bench.tracker.look(&snapshot, &origin(), ResourceType::Vm, Sight::All, when).unwrap();
        let file = rusqlite::Connection::open(bench.directory.path().join(super::FILE_NAME)).unwrap();
        file.query_row("SELECT sum(length(current) + length(changes)) FROM own", [], |row| {
            sizes.push(row.get::<_, u32>(0)?);
            Ok(())
        })
        .unwrap();
    }
    let grown = (sizes[2] - sizes[1]) / NODES;
    println!("{grown} bytes per node and day, {} bytes after three days", sizes[2]);
    assert!(grown < 20_000, "{sizes:?}");
}

proptest! {
    #[test]
    fn no_report_panics(body in "\\PC{0,80}|\\{\"oswl_stats\": \\[\\PC{0,60}\\]\\}") {
        if let Ok(envelope) = super::report::parse::<super::report::Envelope<'_>>(body.as_bytes()) {
            envelope.oswl_stats.iter().for_each(|record| drop(super::report::read(record)));
        }
    }
}
