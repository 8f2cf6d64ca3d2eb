//! Snapshots of volumes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::collect::decode::{list, null_as_default};
use crate::collect::scope::Scope;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::volume_snapshot::{VolumeSnapshot, VolumeSnapshots};
use crate::model::metric::GIB;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;

crate::metrics! {
    /// Snapshots of volumes, of all projects.
    SNAPSHOTS = gauge "openstack_cinder_snapshots" [], Count, "GET /snapshots/detail?all_tenants=1";
    /// Snapshots of a project by status.
    PROJECT_SNAPSHOTS = gauge "openstack_cinder_project_snapshots" [tenant_id status], Count, "GET /snapshots/detail?all_tenants=1";
    /// Size of the volumes that a project's snapshots were taken of, by status: what its quota counts.
    PROJECT_SNAPSHOT_BYTES = gauge "openstack_cinder_project_snapshot_bytes" [tenant_id status], Bytes, "GET /snapshots/detail?all_tenants=1";
}

#[derive(Deserialize)]
struct Item {
    id: Id,
    #[serde(default, deserialize_with = "null_as_default")]
    volume_id: Id,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    size: u64,
    #[serde(default, deserialize_with = "null_as_default", rename = "os-extended-snapshot-attributes:project_id")]
    project: Id,
    #[serde(default, deserialize_with = "null_as_default")]
    created_at: String,
}

/// Snapshots; shared texts live as long as it.
#[derive(Default)]
pub(super) struct Collector {
    interner: Interner,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let scope = Scope::of(cx).await?;
            let mut items = Vec::new();
            let request = scope.all_tenants(Request::new("snapshots/detail"));
            list(cx, request, "snapshots", |item: Item| {
                if scope.wants(&item.project) {
                    items.push(item);
                }
            })
            .await?;
            let part = if scope.hides(items.len()) { PartBuilder::new() } else { self.emit(items) };
            self.interner.sweep();
            Ok(part)
        })
    }
}

impl Collector {
    fn emit(&mut self, items: Vec<Item>) -> PartBuilder {
        let mut table = VolumeSnapshots::default();
        for item in items {
            let row = VolumeSnapshot {
                volume: item.volume_id,
                project: item.project,
                size_gib: item.size,
                status: self.interner.intern(&item.status),
                created: Timestamp::parse(&item.created_at).unwrap_or_default(),
            };
            table.0.insert(item.id, row);
        }
        let mut part = PartBuilder::new();
        part.put(&SNAPSHOTS, [], table.0.len() as f64);
        let mut by_project: BTreeMap<(&Id, &str), (u64, u64)> = BTreeMap::new();
        for snapshot in table.0.values() {
            let (count, gib) = by_project.entry((&snapshot.project, &snapshot.status)).or_default();
            (*count, *gib) = (*count + 1, *gib + snapshot.size_gib);
        }
        for ((project, status), (count, gib)) in by_project {
            let project = project.to_string();
            part.put(&PROJECT_SNAPSHOTS, [&project, status], count as f64);
            part.put(&PROJECT_SNAPSHOT_BYTES, [&project, status], gib as f64 * GIB);
        }
        part.table(Arc::new(table));
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn the_recorded_snapshots() {
        let body = include_bytes!("../../../tests/recordings/cinder/snapshots-detail.json");
        let part = seal(Collector::default().emit(recorded::<Item>(body, "snapshots")));
        assert_eq!(only(&part, &SNAPSHOTS), 3.0);
        let acme = "28b5568b7e144f17b12b1d70150d09bb|available";
        assert_eq!(rows(&part, &PROJECT_SNAPSHOTS)[0], (acme.to_owned(), 1.0));
        assert_eq!(rows(&part, &PROJECT_SNAPSHOT_BYTES)[0].1, 50.0 * GIB);
        let table = part.tables.get::<VolumeSnapshots>().unwrap();
        let snapshot = &table.0[&Id::new("1d47ab66-2879-4c61-88af-4481144ac005")];
        assert_eq!(snapshot.volume, Id::new("43b9db32-7001-4cba-95e4-5a4e781c73e5"));
        assert_eq!(snapshot.created.to_string(), "2026-11-21T20:44:56Z");
    }
}
