//! A page patched segment by segment is the page rendered from nothing, and costs what changed.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use proptest::prelude::*;
use stackcast::expose::{CloudLabels, Encoding, Exposition, Format, Naming};
use stackcast::metrics;
use stackcast::model::histogram::HistogramValue;
use stackcast::model::part::Origin;
use stackcast::model::snapshot::SnapshotStore;

use super::{exposition, publish, store};

metrics! {
    /// Before the big family.
    AHEAD = gauge "openstack_nova_ahead" [id], Count, "test";
    /// One row per server.
    SERVERS = gauge "openstack_nova_server_status" [id name note], State, "test";
    /// Waits.
    WAITS = histogram "openstack_nova_wait_seconds" [id], Seconds, "test";
    /// Counts.
    STARTS = counter "openstack_nova_starts_total" [id], Count, "test";
}

/// Note and value by id.
type Rows = BTreeMap<u16, (u8, f64)>;

#[derive(Clone, Debug)]
enum Edit {
    Put(u16, u8, f64),
    Remove(u16),
    RemoveMany(u16, u16),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let id = 0..400u16;
    let edit = prop_oneof![
        6 => (id.clone(), any::<u8>(), any::<f64>()).prop_map(|(id, note, value)| Edit::Put(id, note, value)),
        3 => id.clone().prop_map(Edit::Remove),
        1 => (id, 0..100u16).prop_map(|(id, count)| Edit::RemoveMany(id, count)),
    ];
    prop::collection::vec(edit, 1..6)
}

fn apply(rows: &mut Rows, edit: &Edit) {
    match edit {
        Edit::Put(id, note, value) => {
            rows.insert(*id, (*note, *value));
        }
        Edit::Remove(id) => {
            rows.remove(id);
        }
        Edit::RemoveMany(first, count) => rows.retain(|id, _| !(*first..first + count).contains(id)),
    }
}

/// Two clouds with rows in common, so that some of them are left out.
fn publish_all(store: &SnapshotStore, rows: &Rows) {
    for (cloud, every) in [("a", 1), ("b", 7)] {
        publish(store, "g", Origin::new(cloud, "r"), "s", |part| {
            for (id, (note, value)) in rows.iter().filter(|(id, _)| *id % every == 0) {
                let text = format!("server-{id:05}");
                if id % 50 == 0 {
                    part.put(&AHEAD, [&text], *value);
                }
                part.put(&SERVERS, [&text, &"name\\\"".repeat(40), &note.to_string()], *value);
                let counts = vec![u64::from(*note), 2];
                part.put_histogram(&WAITS, [&text], HistogramValue { bounds: &[0.5], counts, sum: *value });
                part.put(&STARTS, [&text], f64::from(*note));
            }
        });
    }
}

/// Without the self metrics, which differ.
fn groups(runtime: &tokio::runtime::Runtime, page: &Arc<Exposition>, format: Format, encoding: Encoding) -> String {
    let bytes = runtime.block_on(page.page(format, encoding)).pieces.concat();
    let mut text = String::new();
    match encoding {
        Encoding::Identity => text.push_str(std::str::from_utf8(&bytes).unwrap()),
        // Reads one member only, and checks its length and checksum.
        Encoding::Gzip => assert!(flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).is_ok()),
    }
    let end = text.find("# HELP stackcast_").expect("self metrics");
    assert!(format == Format::Text || text.ends_with("# EOF\n"));
    text.truncate(end);
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn a_patched_page_is_a_new_page(edits in edits()) {
        assert_eq!(METRICS.len(), 4);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let naming = Naming { cloud_labels: CloudLabels::Never, ..Naming::default() };
        let store = store();
        let patched = exposition(&store, naming.clone());
        let mut rows: Rows = (0..300).map(|id| (id, (1, 0.5))).collect();
        publish_all(&store, &rows);
        let variants = [Format::Text, Format::OpenMetrics].into_iter().flat_map(|format| [(format, Encoding::Identity), (format, Encoding::Gzip)]);
        for (format, encoding) in variants.clone() {
            groups(&runtime, &patched, format, encoding);
        }
        for edit in &edits {
            apply(&mut rows, edit);
            publish_all(&store, &rows);
            let new = exposition(&store, naming.clone());
            for (format, encoding) in variants.clone() {
                let found = groups(&runtime, &patched, format, encoding);
                // No `assert_eq`: the texts are long.
                prop_assert!(found == groups(&runtime, &new, format, Encoding::Identity), "{:?} {:?}", format, encoding);
            }
        }
    }
}

#[tokio::test]
async fn a_changed_row_costs_its_neighbourhood() {
    let store = store();
    let exposition = exposition(&store, Naming::default());
    let mut rows: Rows = (0..2_000).map(|id| (id, (1, 0.5))).collect();
    let made = |exposition: &Exposition| exposition.stats()["g"].bytes;
    for (note, format) in [(2, Format::Text), (3, Format::OpenMetrics)] {
        publish_all(&store, &rows);
        exposition.page(format, Encoding::Gzip).await;
        let whole = made(&exposition);
        for id in [3, 900, 1_999] {
            rows.insert(id, (note, 0.75));
            publish_all(&store, &rows);
            let before = made(&exposition);
            exposition.page(format, Encoding::Gzip).await;
            let patch = made(&exposition) - before;
            assert!(patch > 0 && patch < whole / 8, "{patch} of {whole} bytes");
        }
    }
}
