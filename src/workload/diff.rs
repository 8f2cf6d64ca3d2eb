//! What changed between two listings of the same resources.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::listing::Item;
use super::record::STICKY;
use crate::model::clock::Timestamp;
use crate::model::workload::Change;

/// Something that happened to one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Event {
    /// Which resource.
    pub(super) id: String,
    /// When it was noticed: RFC 3339, UTC.
    pub(super) time: String,
    /// Modified: values from before of what changed. Removed: everything that the resource was. Added: nothing.
    #[serde(flatten)]
    pub(super) before: Map<String, Value>,
}

/// What happened on one day, in order of time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Changes {
    pub(super) added: Vec<Event>,
    pub(super) modified: Vec<Event>,
    pub(super) removed: Vec<Event>,
}

impl Changes {
    pub(super) fn is_empty(&self) -> bool {
        Change::ALL.iter().all(|change| self.of(*change).is_empty())
    }

    /// The events of one sort.
    pub(super) fn of(&self, change: Change) -> &[Event] {
        match change {
            Change::Added => &self.added,
            Change::Modified => &self.modified,
            Change::Removed => &self.removed,
        }
    }

    /// Adds what happened later on the same day.
    pub(super) fn extend(&mut self, later: Self) {
        self.added.extend(later.added);
        self.modified.extend(later.modified);
        self.removed.extend(later.removed);
    }
}

/// The resources of a stored JSON array.
pub(super) fn items(array: &str) -> Result<Vec<Item>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Identified<'a> {
        #[serde(borrow)]
        id: std::borrow::Cow<'a, str>,
    }
    let resources: Vec<&RawValue> = serde_json::from_str(array)?;
    let item = |resource: &RawValue| {
        let identified: Identified<'_> = serde_json::from_str(resource.get())?;
        Ok(Item { id: Box::from(&*identified.id), json: Box::from(resource.get()) })
    };
    resources.into_iter().map(item).collect()
}

/// What leads from one listing to another, both sorted by id. What is sticky is put back into the new listing.
pub(super) fn compare(old: &[Item], new: &mut [Item], at: Timestamp) -> Changes {
    let time = at.to_string();
    let event = |item: &Item, before| Event { id: item.id.to_string(), time: time.clone(), before };
    let mut changes = Changes::default();
    let (mut old, mut new) = (old.iter().peekable(), new.iter_mut().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(old), Some(new)) => old.id.cmp(&new.id),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break changes,
        };
        let gone = if order.is_le() { old.next() } else { None };
        let come = if order.is_ge() { new.next() } else { None };
        match (gone, come) {
            (Some(gone), None) => {
                let mut before = members(&gone.json);
                before.shift_remove("id");
                changes.removed.push(event(gone, before));
            }
            (None, Some(come)) => changes.added.push(event(come, Map::new())),
            (Some(was), Some(is)) if was.json != is.json => {
                let before = difference(&was.json, is);
                if !before.is_empty() {
                    changes.modified.push(event(is, before));
                }
            }
            _ => {}
        }
    }
}

/// Values from before of what differs; null for an attribute that was not there.
fn difference(was: &str, is: &mut Item) -> Map<String, Value> {
    let (was, mut now) = (members(was), members(&is.json));
    let mut kept = false;
    for name in STICKY {
        let lost = now.get(name).is_some_and(Value::is_null);
        if let Some(value) = was.get(name).filter(|value| lost && !value.is_null()) {
            now.insert(name.to_owned(), value.clone());
            kept = true;
        }
    }
    if kept {
        is.json = Value::Object(now.clone()).to_string().into_boxed_str();
    }
    let mut before = Map::new();
    for name in now.keys().chain(was.keys()) {
        if was.get(name) != now.get(name) {
            before.insert(name.clone(), was.get(name).cloned().unwrap_or(Value::Null));
        }
    }
    before
}

/// What we wrote ourselves is an object.
fn members(json: &str) -> Map<String, Value> {
    serde_json::from_str(json).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::listing::{array, canonical};
    use super::super::record::Vm;
    use super::*;

    fn vm(id: &str, status: &str, flavor: Option<&str>) -> Vm {
        Vm { id: id.to_owned(), status: Some(status.into()), flavor_id: flavor.map(Into::into), ..Vm::default() }
    }

    fn listed(rows: &[Vm]) -> Vec<Item> {
        canonical(rows.iter().cloned())
    }

    fn between(old: &[Vm], new: &[Vm]) -> (Changes, Vec<Item>) {
        let mut new = listed(new);
        (compare(&listed(old), &mut new, Timestamp::from_seconds(0)), new)
    }

    #[test]
    fn each_sort_of_change_says_what_was_before() {
        let old = [vm("a", "ACTIVE", None), vm("b", "ACTIVE", None), vm("c", "ACTIVE", None)];
        let new = [vm("d", "BUILD", None), vm("c", "ACTIVE", None), vm("b", "SHUTOFF", None)];
        let (changes, _) = between(&old, &new);
        let text = serde_json::to_value(&changes).unwrap();
        let time = "1970-01-01T00:00:00Z";
        assert_eq!(text["added"], serde_json::json!([{"id": "d", "time": time}]));
        assert_eq!(text["modified"], serde_json::json!([{"id": "b", "time": time, "status": "ACTIVE"}]));
        assert_eq!((&text["removed"][0]["id"], &text["removed"][0]["status"]), (&"a".into(), &"ACTIVE".into()));
        assert_eq!(text["removed"][0].as_object().unwrap().len(), 9, "all of it, and the time");
        assert_eq!(serde_json::from_value::<Changes>(text).unwrap(), changes);
    }

    #[test]
    fn a_flavor_that_is_deleted_changes_no_server() {
        let (changes, now) = between(&[vm("a", "ACTIVE", Some("f"))], &[vm("a", "ACTIVE", None)]);
        assert!(changes.is_empty());
        assert_eq!(now, listed(&[vm("a", "ACTIVE", Some("f"))]));
        let (changes, now) = between(&[vm("a", "ACTIVE", Some("f"))], &[vm("a", "SHUTOFF", None)]);
        assert_eq!(changes.modified[0].before.keys().collect::<Vec<_>>(), ["status"]);
        assert_eq!(now, listed(&[vm("a", "SHUTOFF", Some("f"))]));
        let (changes, _) = between(&[vm("a", "ACTIVE", None)], &[vm("a", "ACTIVE", Some("g"))]);
        assert_eq!(changes.modified[0].before["flavor_id"], Value::Null, "what was not known before is told as null");
    }

    proptest! {
        #[test]
        fn changes_lead_from_the_old_to_the_new(
            old in prop::collection::btree_map("[a-d]{1,2}", 0..3u8, 0..12),
            new in prop::collection::btree_map("[a-d]{1,2}", 0..3u8, 0..12),
        ) {
            let rows = |map: &BTreeMap<String, u8>| -> Vec<Vm> {
                map.iter().map(|(id, status)| vm(id, &status.to_string(), None)).collect()
            };
            let (changes, now) = between(&rows(&old), &rows(&new));
            prop_assert_eq!(&items(&array(&now)).unwrap(), &now);
            let mut replayed = old.clone();
            for event in &changes.removed {
                let was = replayed.remove(&event.id).unwrap().to_string();
                prop_assert_eq!(event.before["status"].as_str(), Some(&*was));
            }
            for event in &changes.modified {
                let was = replayed.insert(event.id.clone(), new[&event.id]).unwrap().to_string();
                prop_assert_eq!(event.before["status"].as_str(), Some(&*was));
            }
            for event in &changes.added {
                prop_assert_eq!(replayed.insert(event.id.clone(), new[&event.id]), None);
            }
            prop_assert_eq!(replayed, new);
        }
    }
}
