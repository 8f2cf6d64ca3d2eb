//! Every exported value equals what the databases of OpenStack's services say.
//!
//! The truth is taken by SQL (tests/openstack/truth/), never through stackcast's own code. Compared are the families of the
//! services that the truth speaks of, as the catalogue names them; what stackcast shows beyond is tested elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::time::Duration;

use super::{alone, change, clouds_yaml};
use crate::support::exposition::{Labels, Page, value};
use crate::support::process::Stackcast;

type Truth = BTreeMap<String, BTreeMap<Labels, f64>>;

/// The families that openstack-exporter has, with the service of each.
fn catalogue() -> BTreeMap<&'static str, &'static str> {
    let rows = include_str!("../../data/openstack-exporter-metrics.csv").lines().skip(1);
    rows.filter_map(|row| {
        let columns: Vec<_> = row.split(',').collect();
        Some((*columns.first()?, *columns.get(3)?))
    })
    .collect()
}

/// Every sample that the databases tell of.
fn truth() -> Truth {
    let mut truth = Truth::new();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/openstack/truth.sh");
    let output = Command::new(script).output().unwrap();
    assert!(output.status.success(), "truth.sh: {}", String::from_utf8_lossy(&output.stderr));
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let mut columns = line.split('\t');
        let (family, labels, value) = (columns.next(), columns.next(), columns.next());
        let labels: Labels = serde_json::from_str(labels.unwrap()).unwrap();
        let value: f64 = value.unwrap().parse().unwrap();
        let before = truth.entry(family.unwrap().to_owned()).or_default().insert(labels, value);
        assert_eq!(before, None, "the truth says a sample twice: {line}");
    }
    truth
}

/// What the page says of the services that the truth speaks of.
fn exported(page: &Page, truth: &Truth) -> Truth {
    let catalogue = catalogue();
    let services: BTreeSet<_> = truth.keys().filter_map(|family| catalogue.get(family.as_str())).collect();
    let of_peer = |name: &str| catalogue.get(name).is_some_and(|service| services.contains(service));
    // Of our own families those that the truth tells.
    let in_scope = |name: &str| of_peer(name) || truth.contains_key(name);
    let families = page.iter().filter(|(name, family)| in_scope(name) && !family.samples.is_empty());
    families
        .map(|(name, family)| {
            let samples = family.samples.iter().map(|((_, labels), value)| (labels.clone(), *value)).collect();
            (name.clone(), samples)
        })
        .collect()
}

/// Every family of both sides, sample for sample; differences in words.
fn differences(truth: &Truth, found: &Truth) -> Vec<String> {
    let mut faults = Vec::new();
    let names: BTreeSet<_> = truth.keys().chain(found.keys()).collect();
    for name in names {
        let none = BTreeMap::new();
        let (want, have) = (truth.get(name).unwrap_or(&none), found.get(name).unwrap_or(&none));
        let labels: BTreeSet<_> = want.keys().chain(have.keys()).collect();
        let wrong: Vec<_> = labels.into_iter().filter(|l| want.get(*l) != have.get(*l)).collect();
        for labels in wrong.iter().take(3) {
            faults.push(format!(
                "{name} {labels:?}: database {:?}, stackcast {:?}",
                want.get(*labels),
                have.get(*labels)
            ));
        }
        if wrong.len() > 3 {
            faults.push(format!("{name}: {} more", wrong.len() - 3));
        }
    }
    faults
}

/// Waits until the page says what the databases say now; prints families compared / exported.
async fn agrees(stackcast: &mut Stackcast, when: &str) {
    let page = stackcast
        .until(120, |page| {
            // Taken anew for each page: heartbeats and updates go on while the test waits.
            let truth = truth();
            let faults = differences(&truth, &exported(page, &truth));
            if faults.is_empty() { Ok(()) } else { Err(faults.join("\n")) }
        })
        .await;
    let truth = truth();
    let exported = exported(&page, &truth);
    let (compared, samples) = (truth.len(), exported.values().map(BTreeMap::len).sum::<usize>());
    say!("{when}: {compared} families compared / {} exported, {samples} samples, all equal", exported.len());
    assert!(compared >= 95, "the truth covers only {compared} families");
}

/// Quick intervals, so that a change shows within seconds; deltas and generations stay in use.
const QUICK: [(&str, &str); 3] = [
    ("STACKCAST_COLLECT__INTERVAL__FAST_SECONDS", "2"),
    ("STACKCAST_COLLECT__INTERVAL__MEDIUM_SECONDS", "3"),
    ("STACKCAST_COLLECT__INTERVAL__SLOW_SECONDS", "3"),
];

fn start(clouds: &str, cloud: &str, more: &[(&str, &str)]) -> Stackcast {
    let data = std::env::temp_dir().join(format!("stackcast-real-{}", crate::support::process::free_port()));
    let data = data.to_str().unwrap();
    let mut environment = vec![("OS_CLIENT_CONFIG_FILE", clouds), ("STACKCAST_DATA__DIRECTORY", data)];
    environment.extend(QUICK);
    environment.extend(more);
    Stackcast::start(&[cloud], &environment)
}

#[tokio::test]
async fn every_value_equals_the_databases_before_and_after_changes() {
    let Some(clouds) = clouds_yaml() else { return };
    let _alone = alone().await;
    let mut stackcast = start(&clouds, "admin", &[]);
    agrees(&mut stackcast, "seeded").await;
    for what in ["create", "resize", "delete", "more", "less"] {
        change(&clouds, &[what]);
        agrees(&mut stackcast, what).await;
    }
    let logins = |page: &Page| value(page, "stackcast_openstack_logins_total", &[]).unwrap_or(0.0);
    let before = logins(&stackcast.page().await.unwrap());
    change(&clouds, &["--cloud", "admin", "revoke-tokens"]);
    stackcast.until(60, |page| if logins(page) > before { Ok(()) } else { Err("no new login".to_owned()) }).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    agrees(&mut stackcast, "revoked tokens").await;

    // Alone, and at a pace that Neutron's one process keeps up with: small pages are many requests.
    drop(stackcast);
    let paced = ["FAST", "MEDIUM", "SLOW"].map(|kind| format!("STACKCAST_COLLECT__INTERVAL__{kind}_SECONDS"));
    let mut settings: Vec<(&str, &str)> = paced.iter().map(|name| (name.as_str(), "12")).collect();
    settings.push(("STACKCAST_OPENSTACK__PAGE_SIZE", "5"));
    let mut small_pages = start(&clouds, "admin", &settings);
    agrees(&mut small_pages, "page size 5").await;
}

/// A reader sees less; what it cannot see is absent and said to be so, never a confident 0.
#[tokio::test]
async fn a_reader_gets_fewer_families_and_no_wrong_zeros() {
    let Some(clouds) = clouds_yaml() else { return };
    let mut stackcast = start(&clouds, "monitoring", &[]);
    let blind = |page: &Page, collector: &str, visibility: &str| {
        let labels = [("collector", collector), ("visibility", visibility)];
        value(page, "stackcast_collector_visibility_info", &labels) == Some(1.0)
    };
    let page = stackcast
        .until(60, |page| {
            let said = blind(page, "compute.hypervisors", "none") && blind(page, "placement.providers", "none");
            if said && blind(page, "compute.servers", "project") {
                Ok(())
            } else {
                Err("visibility not said".to_owned())
            }
        })
        .await;
    for hidden in [
        "openstack_nova_vcpus_available",
        "openstack_placement_resource_total",
        "openstack_identity_users",
        "openstack_neutron_agent_state",
        "openstack_cinder_agent_state",
        "openstack_cinder_pool_capacity_total_gb",
    ] {
        assert!(!page.contains_key(hidden), "{hidden} is not the reader's to know");
    }
}
