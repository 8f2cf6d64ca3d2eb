//! Glance: images.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::decode::{bool_label, list, null_as_default};
use super::scope::Scope;
use super::{Cadence, Collect, Collecting, CollectorSpec, Cx, Service};
use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::image::{Image, Images};
use crate::model::inventory::interner::Interner;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

crate::metrics! {
    /// Images of all projects, hidden ones and other projects' community images included.
    IMAGES = gauge "openstack_glance_images" [], Count, "GET /images?visibility=all, and the same with os_hidden=true";
    /// Size of an image's data in bytes; 0 before any was uploaded.
    IMAGE_BYTES = gauge "openstack_glance_image_bytes" [id name tenant_id], Bytes, "GET /images?visibility=all, and the same with os_hidden=true", slow;
    /// When an image was created.
    IMAGE_CREATED_AT = gauge "openstack_glance_image_created_at" [id name tenant_id visibility hidden status], Timestamp, "GET /images?visibility=all, and the same with os_hidden=true", slow;
    /// Images of a project by visibility and status.
    PROJECT_IMAGES = gauge "openstack_glance_project_images" [tenant_id visibility status], Count, "GET /images?visibility=all, and the same with os_hidden=true";
    /// Size of a project's images by visibility and status.
    PROJECT_IMAGE_BYTES = gauge "openstack_glance_project_image_bytes" [tenant_id visibility status], Bytes, "GET /images?visibility=all, and the same with os_hidden=true";
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_glance_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "image",
    catalog_types: &["image"],
    tables: &[METRICS],
    up: &UP,
    collectors: &[CollectorSpec {
        name: "image.images",
        cadence: Cadence::Medium,
        make: || Box::new(Collector::default()),
    }],
};

/// Besides these members an image has its owner's own properties, of any name and form.
#[derive(Deserialize)]
struct Item {
    id: Id,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    owner: Id,
    size: Option<u64>,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    visibility: String,
    #[serde(default, deserialize_with = "null_as_default")]
    os_hidden: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    min_disk: u64,
    #[serde(default, deserialize_with = "null_as_default")]
    min_ram: u64,
    #[serde(default, deserialize_with = "null_as_default")]
    created_at: String,
    #[serde(default, deserialize_with = "null_as_default")]
    updated_at: String,
}

/// Images; shared texts live as long as it.
#[derive(Default)]
struct Collector {
    interner: Interner,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            // Who is no administrator sees public and shared images and its own project's.
            let scope = Scope::of(cx).await?;
            let items = if cx.settings.compat { read(cx, Request::new("images")).await? } else { read_all(cx).await? };
            let part = if scope.hides(items.len()) { PartBuilder::new() } else { self.emit(&items) };
            self.interner.sweep();
            Ok(part)
        })
    }
}

type Items = BTreeMap<Id, Item>;

/// Glance leaves out hidden images unless asked for them alone, and other projects' community images.
async fn read_all(cx: &Cx) -> Result<Items, Error> {
    let request = |hidden: bool| {
        let request = Request::new("images").query("visibility", "all");
        if hidden { request.query("os_hidden", "true") } else { request }
    };
    match read(cx, request(false)).await {
        Ok(mut items) => {
            items.extend(read(cx, request(true)).await?);
            Ok(items)
        }
        // Before 2.5 of the API there are no community images, and `all` is no visibility.
        Err(error) if error.kind == ErrorKind::Client => read(cx, Request::new("images")).await,
        Err(error) => Err(error),
    }
}

async fn read(cx: &Cx, request: Request<'_>) -> Result<Items, Error> {
    let request = match &cx.settings.scope.project_id {
        Some(project) => request.query("owner", project.as_str()),
        None => request,
    };
    let mut items = Items::new();
    list(cx, request, "images", |item: Item| drop(items.insert(item.id.clone(), item))).await?;
    Ok(items)
}

impl Collector {
    fn emit(&mut self, items: &Items) -> PartBuilder {
        let mut part = PartBuilder::new();
        part.put(&IMAGES, [], items.len() as f64);
        let mut table = Images::default();
        let mut by_project: BTreeMap<(&Id, &str, &str), (u64, u64)> = BTreeMap::new();
        for (id, item) in items {
            let (id_text, owner, size) = (id.to_string(), item.owner.to_string(), item.size.unwrap_or(0));
            part.put(&IMAGE_BYTES, [&id_text, &item.name, &owner], size as f64);
            let created = Timestamp::parse(&item.created_at);
            if let Some(created) = created {
                let hidden = bool_label(item.os_hidden);
                let labels = [&*id_text, &item.name, &owner, &item.visibility, hidden, &item.status];
                part.put(&IMAGE_CREATED_AT, labels, created.seconds());
            }
            let (count, bytes) = by_project.entry((&item.owner, &item.visibility, &item.status)).or_default();
            (*count, *bytes) = (*count + 1, *bytes + size);
            let image = Image {
                owner: item.owner.clone(),
                size_bytes: item.size,
                status: self.interner.intern(&item.status),
                visibility: self.interner.intern(&item.visibility),
                min_disk_gib: item.min_disk,
                min_ram_mib: item.min_ram,
                created: created.unwrap_or_default(),
                updated: Timestamp::parse(&item.updated_at).unwrap_or_default(),
            };
            table.0.insert(id.clone(), image);
        }
        for ((owner, visibility, status), (count, bytes)) in by_project {
            let owner = owner.to_string();
            part.put(&PROJECT_IMAGES, [&owner, visibility, status], count as f64);
            part.put(&PROJECT_IMAGE_BYTES, [&owner, visibility, status], bytes as f64);
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
    use crate::model::part::Part;

    fn part(body: &[u8]) -> Part {
        let items = recorded::<Item>(body, "images").into_iter().map(|item| (item.id.clone(), item));
        seal(Collector::default().emit(&items.collect()))
    }

    #[test]
    fn the_recorded_images() {
        let part = part(include_bytes!("../../tests/recordings/glance/images-all-visibilities.json"));
        assert_eq!(only(&part, &IMAGES), 7.0);
        let owner = "612c9d32961343bd96348e55951b56ad";
        let mini = format!("e07751ca-a02b-411c-98a6-1a52d5b40aa4|debian-mini|{owner}");
        assert!(rows(&part, &IMAGE_BYTES).contains(&(mini.clone(), 65_536.0)));
        // 2026-11-21T20:42:45Z
        assert!(rows(&part, &IMAGE_CREATED_AT).contains(&(format!("{mini}|public|false|active"), 1_795_293_765.0)));
        let queued = format!("9377b34d-1f7f-4850-bac5-da2ac4175452|snap-of-initech-04|{owner}");
        assert!(rows(&part, &IMAGE_BYTES).contains(&(queued, 0.0)));
        assert_eq!(rows(&part, &PROJECT_IMAGES).iter().map(|(_, count)| count).sum::<f64>(), 7.0);
        let table = part.tables.get::<Images>().unwrap();
        assert_eq!(table.0[&Id::new("9377b34d-1f7f-4850-bac5-da2ac4175452")].size_bytes, None);
    }

    #[test]
    fn odd_properties_do_no_harm() {
        let part = part(
            br#"{"images": [{"id": "a", "name": null, "owner": null, "size": null, "status": "active", "visibility":
            "community", "os_hidden": true, "created_at": "2026-11-21T20:42:45Z", "properties": {"x": [1]}, "tags": 7}]}"#,
        );
        assert_eq!(rows(&part, &IMAGE_CREATED_AT)[0].0, "a|||community|true|active");
    }
}
