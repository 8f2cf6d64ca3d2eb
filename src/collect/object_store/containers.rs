//! Containers of the credentials' own account.

use serde::Deserialize;

use crate::collect::health::Visibility;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

crate::metrics! {
    /// Objects in a container of the credentials' own account.
    OBJECTS = gauge "openstack_object_store_objects" [container_name], Count, "GET /?format=json&marker={last} until empty";
    /// Bytes in a container of the credentials' own account.
    BYTES = gauge "openstack_object_store_bytes" [container_name], Bytes, "GET /?format=json&marker={last} until empty";
}

/// A page holds 10,000 containers by default, so this is a million of them.
const PAGES_MAX: usize = 100;

#[derive(Deserialize)]
struct Item {
    name: String,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    bytes: u64,
}

/// Containers.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            // An account is a project's; no list shows another's containers.
            cx.report.set_visibility(Visibility::Project);
            let items = read(cx).await?;
            cx.report.add_items(items.len());
            Ok(emit(&items))
        })
    }
}

/// The list is a bare array without links; it ends with an empty page, as its size is the service's secret.
async fn read(cx: &Cx) -> Result<Vec<Item>, Error> {
    let mut items: Vec<Item> = Vec::new();
    for _ in 0..PAGES_MAX {
        let request = Request::new("").query("format", "json");
        let request = match items.last() {
            Some(last) => request.query("marker", last.name.clone()),
            None => request,
        };
        let body = cx.client.get(request).await?;
        let page = page(&body).map_err(|error| fault(cx, ErrorKind::Decode, error.to_string()))?;
        if page.is_empty() {
            return Ok(items);
        }
        items.extend(page);
    }
    Err(fault(cx, ErrorKind::Paging, format!("more than {PAGES_MAX} pages of containers")))
}

/// Some servers answer 204 without a body for an empty list, whatever the format.
fn page(body: &[u8]) -> Result<Vec<Item>, serde_json::Error> {
    if body.trim_ascii().is_empty() { Ok(Vec::new()) } else { serde_json::from_slice(body) }
}

fn fault(cx: &Cx, kind: ErrorKind, detail: String) -> Error {
    Error::new(kind, cx.client.service_type(), "containers", detail)
}

fn emit(items: &[Item]) -> PartBuilder {
    let mut part = PartBuilder::new();
    for item in items {
        part.put(&OBJECTS, [&item.name], item.count as f64);
        part.put(&BYTES, [&item.name], item.bytes as f64);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn a_page_of_containers() {
        let body = br#"[{"count": 3, "bytes": 14, "name": "january", "last_modified": "2026-11-21T20:44:56.000000"},
            {"count": 0, "bytes": 0, "name": "marktwain"}]"#;
        let part = seal(emit(&page(body).unwrap()));
        assert_eq!(rows(&part, &OBJECTS), [("january".to_owned(), 3.0), ("marktwain".to_owned(), 0.0)]);
        assert_eq!(rows(&part, &BYTES)[0].1, 14.0);
    }

    #[test]
    fn an_empty_account_in_both_spellings() {
        assert!(page(b"[]").unwrap().is_empty() && page(b"\n").unwrap().is_empty());
        assert!(page(b"<html>").is_err());
    }
}
