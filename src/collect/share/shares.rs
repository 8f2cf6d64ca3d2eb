//! Shares: each of them, and counted by project, type and status.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::collect::decode::{list, null_as_default};
use crate::collect::scope::Scope;
use crate::collect::volume::status_number;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::interner::Interner;
use crate::model::inventory::share::{Share, Shares};
use crate::model::metric::GIB;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// Shares of all projects.
    SHARES = gauge "openstack_sharev2_shares_counter" [], Count, "GET /shares/detail?all_tenants=1";
    /// Size of a share in GiB; share_type is the type's id, share_type_name its name.
    SHARE_GB = gauge "openstack_sharev2_share_gb" [id name status availability_zone share_type share_proto share_type_name project_id], Gibibytes, "GET /shares/detail?all_tenants=1";
    /// Status of a share as openstack-exporter's number of a volume's status: 0 creating, 1 available, 7 deleting, 9 error, 10 error_deleting, 19 extending, -1 any that volumes have not.
    SHARE_STATUS = gauge "openstack_sharev2_share_status" [id name status size share_type share_proto share_type_name project_id], State, "GET /shares/detail?all_tenants=1";
    /// Shares by status; every status that Manila has is there, 0 included.
    SHARE_STATUS_COUNTER = gauge "openstack_sharev2_share_status_counter" [status], Count, "GET /shares/detail?all_tenants=1";
    /// Shares of a project by type and status.
    PROJECT_SHARES = gauge "openstack_sharev2_project_shares" [project_id share_type_name status], Count, "GET /shares/detail?all_tenants=1";
    /// Size of a project's shares by type and status.
    PROJECT_SHARE_BYTES = gauge "openstack_sharev2_project_share_bytes" [project_id share_type_name status], Bytes, "GET /shares/detail?all_tenants=1";
}

/// Types have their names told from 2.6 on; from 2.9 on export locations, which cost Manila a join, are left out.
const VERSION: Microversion = Microversion::new(2, 9);

/// The statuses that openstack-exporter counts.
const STATUSES: [&str; 19] = [
    "creating",
    "available",
    "updating",
    "migrating",
    "migration_error",
    "extending",
    "deleting",
    "shrinking",
    "error",
    "error_deleting",
    "shrinking_error",
    "reverting_error",
    "restoring",
    "reverting",
    "managing",
    "unmanaging",
    "reverting_to_snapshot",
    "soft_deleting",
    "inactive",
];

#[derive(Deserialize)]
struct Item {
    id: Id,
    #[serde(default, deserialize_with = "null_as_default")]
    name: Box<str>,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    size: u64,
    #[serde(default, deserialize_with = "null_as_default")]
    availability_zone: String,
    /// The type's id from 2.6 on, its name before.
    #[serde(default, deserialize_with = "null_as_default")]
    share_type: String,
    #[serde(default, deserialize_with = "null_as_default")]
    share_type_name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    share_proto: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: Id,
    #[serde(default, deserialize_with = "null_as_default")]
    created_at: String,
}

impl Item {
    fn type_name(&self) -> &str {
        if self.share_type_name.is_empty() { &self.share_type } else { &self.share_type_name }
    }
}

/// Shares; shared texts live as long as it.
#[derive(Default)]
pub(super) struct Collector {
    interner: Interner,
}

type Items = BTreeMap<Id, Item>;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            // openstack-exporter asks without a microversion: the type's name stands for its id, and nothing for its name.
            let version = if cx.settings.compat { None } else { cx.client.negotiate(VERSION).await? };
            let scope = Scope::of(cx).await?;
            let request = Request::new("shares/detail").at(version);
            let items = match read(cx, &scope, scope.all_tenants(request.clone())).await {
                // Newer Manilas refuse what older ones ignore.
                Err(error) if error.kind == ErrorKind::Forbidden => read(cx, &scope, scope.own(request)).await?,
                result => result?,
            };
            let part = if scope.hides(items.len()) { PartBuilder::new() } else { self.emit(items) };
            self.interner.sweep();
            Ok(part)
        })
    }
}

async fn read(cx: &Cx, scope: &Scope, request: Request<'_>) -> Result<Items, Error> {
    let mut items = Items::new();
    list(cx, request, "shares", |item: Item| {
        if scope.wants(&item.project_id) {
            items.insert(item.id.clone(), item);
        }
    })
    .await?;
    Ok(items)
}

impl Collector {
    fn emit(&mut self, items: Items) -> PartBuilder {
        let mut part = PartBuilder::new();
        part.put(&SHARES, [], items.len() as f64);
        emit_counts(&items, &mut part);
        let mut table = Shares::default();
        for (id, item) in items {
            emit_each(&id, &item, &mut part);
            let share = Share {
                share_type: self.interner.intern(item.type_name()),
                name: item.name,
                project: item.project_id,
                protocol: self.interner.intern(&item.share_proto),
                status: self.interner.intern(&item.status),
                size_gib: item.size,
                created: Timestamp::parse(&item.created_at).unwrap_or_default(),
            };
            table.0.insert(id, share);
        }
        part.table(Arc::new(table));
        part
    }
}

fn emit_each(id: &Id, item: &Item, part: &mut PartBuilder) {
    let (id, project, size) = (id.to_string(), item.project_id.to_string(), item.size.to_string());
    let (name, status) = (&*item.name, &*item.status);
    let (kind, protocol, kind_name) = (&*item.share_type, &*item.share_proto, &*item.share_type_name);
    let labels = [&*id, name, status, &*item.availability_zone, kind, protocol, kind_name, &*project];
    part.put(&SHARE_GB, labels, item.size as f64);
    let labels = [&*id, name, status, &*size, kind, protocol, kind_name, &*project];
    part.put(&SHARE_STATUS, labels, status_number(status));
}

fn emit_counts(items: &Items, part: &mut PartBuilder) {
    let mut by_status: BTreeMap<&str, usize> = STATUSES.iter().map(|status| (*status, 0)).collect();
    let mut by_project: BTreeMap<(&Id, &str, &str), (u64, u64)> = BTreeMap::new();
    for item in items.values() {
        *by_status.entry(&item.status).or_default() += 1;
        let (count, gib) = by_project.entry((&item.project_id, item.type_name(), &item.status)).or_default();
        (*count, *gib) = (*count + 1, *gib + item.size);
    }
    for (status, count) in by_status {
        part.put(&SHARE_STATUS_COUNTER, [status], count as f64);
    }
    for ((project, kind, status), (count, gib)) in by_project {
        let project = project.to_string();
        part.put(&PROJECT_SHARES, [&project, kind, status], count as f64);
        part.put(&PROJECT_SHARE_BYTES, [&project, kind, status], gib as f64 * GIB);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    /// After Manila's API reference; the last is of before 2.6.
    const BODY: &[u8] = br#"{"shares": [
        {"id": "011d21e2-fbc3-4e4a-9993-9ea223f73264", "name": "share_London", "status": "available", "size": 1,
         "availability_zone": "nova", "share_type": "25747776-08e5-494f-ab40-a64b9d20d8f7", "share_type_name": "default",
         "share_proto": "NFS", "project_id": "16e1ab15c35a457e9c2b2aa189f544e1", "created_at": "2026-09-18T10:25:24.000000"},
        {"id": "b", "name": null, "status": "shrinking", "size": 5, "availability_zone": null, "share_type": "gold",
         "share_proto": "CEPHFS", "project_id": "16e1ab15c35a457e9c2b2aa189f544e1", "created_at": null}]}"#;

    #[test]
    fn each_share_and_their_counts() {
        let items = recorded::<Item>(BODY, "shares").into_iter().map(|item| (item.id.clone(), item)).collect();
        let part = seal(Collector::default().emit(items));
        assert_eq!(only(&part, &SHARES), 2.0);
        let project = "16e1ab15c35a457e9c2b2aa189f544e1";
        let london = "011d21e2-fbc3-4e4a-9993-9ea223f73264|share_London|available";
        let kind = format!("25747776-08e5-494f-ab40-a64b9d20d8f7|NFS|default|{project}");
        assert_eq!(rows(&part, &SHARE_GB)[0], (format!("{london}|nova|{kind}"), 1.0));
        assert_eq!(rows(&part, &SHARE_STATUS)[0], (format!("{london}|1|{kind}"), 1.0));
        assert_eq!(rows(&part, &SHARE_STATUS)[1].1, -1.0, "volumes do not shrink");
        let counts = rows(&part, &SHARE_STATUS_COUNTER);
        assert_eq!(counts.len(), 19);
        assert!(counts.contains(&("shrinking".to_owned(), 1.0)) && counts.contains(&("inactive".to_owned(), 0.0)));
        assert_eq!(rows(&part, &PROJECT_SHARE_BYTES)[1], (format!("{project}|gold|shrinking"), 5.0 * GIB));
        assert_eq!(part.tables.get::<Shares>().unwrap().0.len(), 2);
    }
}
