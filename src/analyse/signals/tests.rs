//! Signals of a small cloud and a host, from the tables and samples that collectors leave in the snapshot.

use super::*;
use crate::analyse::capacity::tests::{hypervisor, provider};
use crate::model::id::Id;
use crate::model::inventory::compute_service::{ComputeService, ComputeServices};
use crate::model::inventory::hypervisor::Hypervisors;
use crate::model::inventory::load_balancer::{LoadBalancer, LoadBalancers};
use crate::model::inventory::network::{AddressPool, AddressPools, Network, Networks};
use crate::model::inventory::network_agent::{NetworkAgent, NetworkAgents};
use crate::model::inventory::provider::Providers;
use crate::model::inventory::quota::{ProjectQuotas, Quota, ServiceQuotas};
use crate::model::inventory::server::ServerCounts;
use crate::model::snapshot::{SeriesLimits, SnapshotStore};

crate::metrics! {
    /// CPU.
    CPU = counter "host_cpu_seconds_total" [cpu mode], Seconds, "/proc/stat";
    /// Memory.
    MEMORY = gauge "host_memory_MemTotal_bytes" [], Bytes, "/proc/meminfo";
    /// Available.
    AVAILABLE = gauge "host_memory_MemAvailable_bytes" [], Bytes, "/proc/meminfo";
    /// Size.
    SIZE = gauge "host_filesystem_size_bytes" [device mountpoint], Bytes, "statfs(2)";
    /// Free.
    AVAIL = gauge "host_filesystem_avail_bytes" [device mountpoint], Bytes, "statfs(2)";
    /// Received.
    RECEIVED = counter "host_network_receive_bytes_total" [device], Bytes, "/proc/net/dev";
    /// Answer.
    API = gauge "openstack_api_duration_seconds" [service interface], Seconds, "GET";
    /// Name.
    UNAME = gauge "host_uname_info" [sysname nodename], Info, "uname(2)";
}

#[test]
fn the_planted_families_are_the_hosts() {
    assert!(METRICS.iter().all(|row| row.name.starts_with("host_") || row.name == "openstack_api_duration_seconds"));
}

fn publish(store: &SnapshotStore, origin: &Origin, group: &'static str, builder: PartBuilder) {
    let key = PartKey { group, origin: origin.clone(), source: group.into() };
    let (part, dropped) = builder.seal(key, Timestamp::default(), 1000);
    store.publish(part, dropped);
}

fn host(store: &SnapshotStore, busy: f64, idle: f64, received: f64) {
    let mut part = PartBuilder::new();
    part.put(&CPU, ["0", "user"], busy);
    part.put(&CPU, ["0", "idle"], idle);
    part.put(&MEMORY, [], 1000.0);
    part.put(&AVAILABLE, [], 250.0);
    for (mountpoint, size, free) in [("/", 100.0, 20.0), ("/srv", 100.0, 60.0), ("/empty", 0.0, 0.0)] {
        part.put(&SIZE, ["sda", mountpoint], size);
        part.put(&AVAIL, ["sda", mountpoint], free);
    }
    part.put(&RECEIVED, ["lo"], received * 100.0);
    part.put(&RECEIVED, ["eth0"], received);
    part.put(&UNAME, ["Linux", "a"], 1.0);
    publish(store, &Origin::LOCAL, "host", part);
}

fn cloud(store: &SnapshotStore, origin: &Origin) {
    let mut part = PartBuilder::new();
    let providers = [provider("a", "a", &[("VCPU", 16, 0, 1.0, 4)]), provider("b", "b", &[("VCPU", 16, 0, 1.0, 12)])];
    part.table(Arc::new(Providers(providers.into())));
    let hypervisors = [hypervisor("a", "az1", &[], "up", "enabled"), hypervisor("b", "az2", &[], "up", "enabled")];
    part.table(Arc::new(Hypervisors(hypervisors.into())));
    let by = |counts: &[(&str, u32)]| counts.iter().map(|(name, count)| (Arc::from(*name), *count)).collect();
    part.table(Arc::new(ServerCounts {
        all: 3,
        by_zone: by(&[("az1", 1), ("az2", 1)]),
        by_project: [(Id::new("p"), 2), (Id::new("q"), 1)].into(),
        by_status: by(&[("ACTIVE", 1), ("BUILD", 1), ("ERROR", 1)]),
    }));
    let service = |enabled, up| ComputeService {
        binary: Arc::from("nova-compute"),
        host: Arc::from("a"),
        zone: Arc::from("az1"),
        enabled,
        up,
    };
    part.table(Arc::new(ComputeServices(vec![service(true, true), service(true, false), service(false, false)])));
    platform(&mut part);
    part.put(&API, ["compute", "public"], 0.25);
    publish(store, origin, "api", part);
}

/// Networks, volumes, load balancers and quotas.
fn platform(part: &mut PartBuilder) {
    let network = |external| Network {
        name: Arc::from("n"),
        project: Id::new("p"),
        status: Arc::from("ACTIVE"),
        external,
        shared: false,
    };
    part.table(Arc::new(Networks([(Id::new("ext"), network(true)), (Id::new("own"), network(false))].into())));
    let pool = |network: &str, ip_version, used, total| AddressPool {
        network: Id::new(network),
        subnet: Id::new("s"),
        project: Id::new("p"),
        ip_version,
        used,
        total,
    };
    let pools = vec![
        pool("ext", 4, 10.0, 50.0),
        pool("ext", 4, 20.0, 50.0),
        pool("ext", 6, 1.0, 1e20),
        pool("own", 4, 9.0, 10.0),
    ];
    part.table(Arc::new(AddressPools(pools)));
    let agent = |enabled| NetworkAgent { binary: Arc::from("b"), host: Arc::from("h"), enabled, alive: false };
    part.table(Arc::new(NetworkAgents([(Arc::from("1"), agent(true)), (Arc::from("2"), agent(false))].into())));
    let balancer = |status: &str| LoadBalancer {
        name: Arc::from("lb"),
        project: Id::new("p"),
        provisioning_status: Arc::from(status),
        operating_status: Arc::from("ONLINE"),
        listeners: 1,
        pools: 1,
    };
    part.table(Arc::new(LoadBalancers([(Id::new("1"), balancer("ERROR")), (Id::new("2"), balancer("ACTIVE"))].into())));
    let quota = |limit, in_use| Quota { limit, in_use, reserved: 0 };
    let resources =
        vec![("cores".into(), quota(20, 5)), ("ram".into(), quota(-1, 5)), ("key_pairs".into(), quota(9, 9))];
    let projects = [(Id::new("p"), ProjectQuotas { name: Arc::from("p"), resources })].into();
    part.table(Arc::new(ServiceQuotas { service: "compute", projects }));
}

/// `signal scope entity resource basis` and value, sorted.
fn told(tick: &Tick, origin: &Origin) -> Vec<(String, f64)> {
    let own = tick.readings.iter().filter(|(key, _)| key.origin == *origin);
    let mut rows: Vec<(String, f64)> = own
        .map(|(key, value)| {
            let basis = key.basis.map_or("", Basis::as_str);
            let text = format!("{} {} {} {} {basis}", key.signal, key.scope.as_str(), key.entity, key.resource);
            (text.trim_end().to_owned(), *value)
        })
        .collect();
    rows.sort_by(|a, b| a.0.cmp(&b.0));
    rows
}

#[test]
fn a_cloud_and_the_host_in_it_are_read() {
    let store = SnapshotStore::new(SeriesLimits::default());
    let origin = Origin::new("c", "r");
    let mut observer = Observer::default();
    cloud(&store, &origin);
    host(&store, 100.0, 900.0, 1000.0);
    let settings = Settings::default();
    let first = observer.observe(&store.load(), &settings, Timestamp::from_seconds(0));
    assert!(!told(&first.tick, &Origin::LOCAL).iter().any(|(name, _)| name.contains("cpu")), "a rate of one look");
    host(&store, 130.0, 970.0, 2000.0);
    let second = observer.observe(&store.load(), &settings, Timestamp::from_seconds(100));
    let expected = [
        ("api_response_seconds custom compute", 0.25),
        ("compute_services_down cloud c", 1.0),
        ("instances az az1", 1.0),
        ("instances az az2", 1.0),
        ("instances cloud c", 3.0),
        ("instances project p", 2.0),
        ("instances project q", 1.0),
        ("instances_build cloud c", 1.0),
        ("instances_error cloud c", 1.0),
        ("load_balancers_error cloud c", 1.0),
        ("network_agents_down cloud c", 1.0),
        ("utilization az az1 vcpu allocation", 0.25),
        ("utilization az az2 vcpu allocation", 0.75),
        ("utilization cloud c vcpu allocation", 0.5),
        ("utilization hypervisor a disk demand", 0.8),
        ("utilization hypervisor a memory demand", 0.75),
        ("utilization hypervisor a vcpu allocation", 0.25),
        ("utilization hypervisor a vcpu demand", 0.3),
        ("utilization hypervisor b vcpu allocation", 0.75),
        ("utilization network ext addresses allocation", 0.3),
        ("utilization project p vcpu allocation", 0.25),
    ];
    let rounded = |rows: Vec<(String, f64)>| -> Vec<(String, f64)> {
        rows.into_iter().map(|(name, value)| (name, (value * 1e9).round() / 1e9)).collect()
    };
    assert_eq!(rounded(told(&second.tick, &origin)), expected.map(|(name, value)| (name.to_owned(), value)));
    let expected = [
        ("network_receive_bytes_per_second host a", 10.0),
        ("utilization host a cpu demand", 0.3),
        ("utilization host a disk demand", 0.8),
        ("utilization host a memory demand", 0.75),
    ];
    let local = rounded(told(&second.tick, &Origin::LOCAL));
    assert_eq!(local, expected.map(|(name, value)| (name.to_owned(), value)));
}

#[test]
fn every_reading_is_a_gauge_too() {
    let store = SnapshotStore::new(SeriesLimits::default());
    let origin = Origin::new("c", "r");
    cloud(&store, &origin);
    let seen = Observer::default().observe(&store.load(), &Settings::default(), Timestamp::default());
    let mut gauges = 0;
    for (key, builder) in seen.parts {
        let (part, dropped) = builder.seal(key, Timestamp::default(), 10_000);
        assert!(dropped.is_empty());
        let shown = part.families.iter().filter(|family| {
            ["stackcast_capacity_utilization_ratio", "stackcast_signal_value"].contains(&&*family.descriptor().name)
        });
        gauges += shown.map(|family| family.len()).sum::<usize>();
    }
    assert_eq!(gauges, seen.tick.readings.len());
}

#[test]
fn readings_from_elsewhere_join_and_a_built_in_one_stays() {
    let store = SnapshotStore::new(SeriesLimits::default());
    let origin = Origin::new("c", "r");
    cloud(&store, &origin);
    let mut seen = Observer::default().observe(&store.load(), &Settings::default(), Timestamp::default());
    let before = seen.tick.readings.len();
    let key = |entity: &str, basis: Option<Basis>| {
        Arc::new(SeriesKey {
            signal: "own".into(),
            origin: origin.clone(),
            scope: Scope::Hypervisor,
            entity: entity.into(),
            resource: if basis.is_some() { "vcpu".into() } else { "".into() },
            basis,
        })
    };
    let own = Signal { name: "own".into(), ..compute::UTILIZATION.clone() };
    let readings =
        vec![(key("a", Some(Basis::Allocation)), 0.9), (key("a", Some(Basis::Demand)), 0.4), (key("a", None), 7.0)];
    seen.take_in(&own, readings);
    let new: Vec<f64> = seen.tick.readings.iter().skip(before).map(|(_, value)| *value).collect();
    assert_eq!(new, [0.4, 7.0]);
    let mut part = PartBuilder::new();
    describe(&mut part, [&own]);
    let told: usize = seen
        .parts
        .into_iter()
        .map(|(key, builder)| {
            let (part, dropped) = builder.seal(key, Timestamp::default(), 10_000);
            assert!(dropped.is_empty());
            part.families
                .iter()
                .filter(|family| family.descriptor().name == "stackcast_signal_value")
                .map(|f| f.len())
                .sum::<usize>()
        })
        .sum();
    let values = seen.tick.readings.iter().filter(|(key, _)| key.basis.is_none()).count();
    assert_eq!(told, values);
}

#[test]
fn nothing_is_read_from_nothing() {
    let store = SnapshotStore::new(SeriesLimits::default());
    let seen = Observer::default().observe(&store.load(), &Settings::default(), Timestamp::default());
    assert!(seen.tick.readings.is_empty() && seen.parts.is_empty());
}

#[test]
fn built_in_signals_have_names_of_their_own_and_ask_for_their_own_gauge() {
    let signals = built_in();
    for signal in &signals {
        assert_eq!(signals.iter().filter(|other| other.name == signal.name).count(), 1, "{}", signal.name);
        let named = format!("\"{}\"", signal.name);
        assert!(signal.ceiling.is_some() || signal.query.expression.contains(&named), "{}", signal.name);
        assert!(signal.help.ends_with('.'));
    }
    assert!(sources().any(|(collector, names)| collector == "host" && names.contains(&"load1")));
}
