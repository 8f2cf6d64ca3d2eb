//! The metrics page through its public face: what it prints, and what it does not print again.

mod cache;
mod golden;
mod parser;
mod reads_back;
mod segments;

use std::sync::Arc;

use stackcast::expose::{Encoding, Exposition, Format, Naming};
use stackcast::model::clock::Timestamp;
use stackcast::model::part::{Origin, PartBuilder, PartKey};
use stackcast::model::snapshot::{SeriesLimits, SnapshotStore};

/// Publishes what `fill` puts.
fn publish(
    store: &SnapshotStore,
    group: &'static str,
    origin: Origin,
    source: &'static str,
    fill: impl FnOnce(&mut PartBuilder),
) {
    let mut builder = PartBuilder::new();
    fill(&mut builder);
    let key = PartKey { group, origin, source: source.into() };
    let (part, dropped) = builder.seal(key, Timestamp::default(), 1_000_000);
    store.publish(part, dropped);
}

fn store() -> Arc<SnapshotStore> {
    SnapshotStore::new(SeriesLimits::default())
}

fn exposition(store: &Arc<SnapshotStore>, naming: Naming) -> Arc<Exposition> {
    Exposition::new(Arc::clone(store), naming, Arc::new(Vec::new))
}

async fn text(exposition: &Arc<Exposition>, format: Format) -> String {
    let page = exposition.page(format, Encoding::Identity).await;
    assert_eq!(page.content_type, format.content_type());
    String::from_utf8(page.pieces.concat()).unwrap()
}
