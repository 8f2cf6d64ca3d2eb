//! Backups of volumes.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::collect::decode::{list, null_as_default};
use crate::collect::scope::Scope;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::metric::GIB;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// Backups of volumes, of all projects.
    BACKUPS = gauge "openstack_cinder_backups" [], Count, "GET /backups/detail?all_tenants=1 at 3.18";
    /// Backups of a project by status.
    PROJECT_BACKUPS = gauge "openstack_cinder_project_backups" [tenant_id status], Count, "GET /backups/detail?all_tenants=1 at 3.18";
    /// Size of a project's backups by status: of the volumes for full ones, of the changes for incremental ones.
    PROJECT_BACKUP_BYTES = gauge "openstack_cinder_project_backup_bytes" [tenant_id status], Bytes, "GET /backups/detail?all_tenants=1 at 3.18";
}

/// Backups tell their project from 3.18 on.
const VERSION: Microversion = Microversion::new(3, 18);

#[derive(Deserialize)]
struct Item {
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    size: u64,
    #[serde(rename = "os-backup-project-attr:project_id")]
    project: Option<Id>,
}

/// Backups.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let scope = Scope::of(cx).await?;
            let version = cx.client.negotiate(VERSION).await?;
            let request = scope.all_tenants(Request::new("backups/detail")).at(version);
            let mut items = Vec::new();
            list(cx, request, "backups", |item: Item| {
                if item.project.as_ref().is_none_or(|project| scope.wants(project)) {
                    items.push(item);
                }
            })
            .await?;
            Ok(if scope.hides(items.len()) { PartBuilder::new() } else { emit(&items) })
        })
    }
}

fn emit(items: &[Item]) -> PartBuilder {
    let mut part = PartBuilder::new();
    part.put(&BACKUPS, [], items.len() as f64);
    let mut by_project: BTreeMap<(&Id, &str), (u64, u64)> = BTreeMap::new();
    // Before 3.18 a backup does not say whose it is; then only their number is known.
    for (item, project) in items.iter().filter_map(|item| Some((item, item.project.as_ref()?))) {
        let (count, gib) = by_project.entry((project, &item.status)).or_default();
        (*count, *gib) = (*count + 1, *gib + item.size);
    }
    for ((project, status), (count, gib)) in by_project {
        let project = project.to_string();
        part.put(&PROJECT_BACKUPS, [&project, status], count as f64);
        part.put(&PROJECT_BACKUP_BYTES, [&project, status], gib as f64 * GIB);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn none_is_a_number_too() {
        let body = include_bytes!("../../../tests/recordings/cinder/backups-detail.json");
        let part = seal(emit(&recorded::<Item>(body, "backups")));
        assert_eq!(only(&part, &BACKUPS), 0.0);
        assert!(rows(&part, &PROJECT_BACKUPS).is_empty());
    }

    #[test]
    fn by_project_where_it_is_told() {
        let body = br#"{"backups": [
            {"id": "a", "status": "available", "size": 10, "os-backup-project-attr:project_id": "p"},
            {"id": "b", "status": "available", "size": 5, "os-backup-project-attr:project_id": "p"},
            {"id": "c", "status": "error", "size": null, "os-backup-project-attr:project_id": "p"},
            {"id": "d", "status": "available", "size": 7}]}"#;
        let part = seal(emit(&recorded::<Item>(body, "backups")));
        assert_eq!(only(&part, &BACKUPS), 4.0);
        let expected = [("p|available".to_owned(), 2.0), ("p|error".to_owned(), 1.0)];
        assert_eq!(rows(&part, &PROJECT_BACKUPS), expected);
        assert_eq!(rows(&part, &PROJECT_BACKUP_BYTES)[0].1, 15.0 * GIB);
    }
}
