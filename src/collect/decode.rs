//! Reading answers item by item, so that one odd object costs one object.
//!
//! Paging, limits and errors of the wire belong to `openstack::client`; what an item means belongs to each collector.

use std::collections::HashMap;
use std::time::Duration;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::value::RawValue;

use super::Cx;
use crate::model::clock::Timestamp;
use crate::openstack::client::{Listed, Request};
use crate::openstack::error::{Error, ErrorKind};

/// An answer whose members are not looked at yet.
type Members = HashMap<String, Box<RawValue>>;

/// Reads a list that the API gives in one piece (no paging parameters: some services refuse them), and notes it.
pub(super) async fn whole_list<T: DeserializeOwned>(
    cx: &Cx,
    request: Request<'_>,
    key: &str,
    each: impl FnMut(T),
) -> Result<usize, Error> {
    let path = request.path.to_string();
    let members: Members = cx.client.get_json(request).await?;
    let listed = items(&members, key, each).map_err(|detail| Error::new(ErrorKind::Decode, "", path, detail))?;
    cx.note(&listed);
    Ok(listed.items)
}

/// Reads a list page by page, and notes it; gives the service's clock at the first page.
pub(super) async fn paged_list<T: DeserializeOwned>(
    cx: &Cx,
    request: Request<'_>,
    key: &str,
    each: impl FnMut(T) + Send,
) -> Result<Option<Timestamp>, Error> {
    let listed = cx.client.list(request, key, each).await?;
    cx.note(&listed);
    Ok(listed.server_time)
}

/// A table of another collector, waited for briefly: only labels are the poorer without it.
pub(super) async fn table_soon<T: std::any::Any + Send + Sync>(cx: &Cx) -> Option<std::sync::Arc<T>> {
    const SOON: Duration = Duration::from_secs(5);
    tokio::time::timeout(SOON, cx.wait_for_table::<T>()).await.ok().flatten()
}

fn items<T: DeserializeOwned>(members: &Members, key: &str, mut each: impl FnMut(T)) -> Result<Listed, String> {
    let list = members.get(key).ok_or_else(|| format!("the answer has no list `{key}`"))?;
    let raw: Vec<&RawValue> = serde_json::from_str(list.get()).map_err(|e| format!("`{key}`: {e}"))?;
    let mut listed = Listed { pages: 1, ..Listed::default() };
    for item in raw {
        match serde_json::from_str(item.get()) {
            Ok(item) => {
                each(item);
                listed.items += 1;
            }
            Err(e) => listed.rejected.push(("decode", format!("{key}: {e}"))),
        }
    }
    Ok(listed)
}

/// For members that are null where one expects an empty text, list or number.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// For ids that are numbers at old microversions and text at newer ones.
pub(super) fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Form {
        Text(String),
        Number(i64),
    }
    Ok(match Form::deserialize(deserializer)? {
        Form::Text(text) => text,
        Form::Number(number) => number.to_string(),
    })
}

/// `true` or `false`, as the drop-in families write booleans in labels.
pub(super) fn bool_label(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

/// The items of a recorded answer, through the same code.
#[cfg(test)]
pub(super) fn recorded<T: DeserializeOwned>(body: &[u8], key: &str) -> (Vec<T>, Listed) {
    let members: Members = serde_json::from_slice(body).unwrap();
    let mut found = Vec::new();
    let listed = items(&members, key, |item| found.push(item)).unwrap();
    (found, listed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Thing {
        #[serde(deserialize_with = "text_or_number")]
        id: String,
        #[serde(default, deserialize_with = "null_as_default")]
        name: String,
    }

    #[test]
    fn an_odd_item_costs_only_itself() {
        let body = br#"{"links": {}, "things": [{"id": 1, "name": null}, {"name": "x"}, 7, {"id": "b", "name": "y"}]}"#;
        let (found, listed) = recorded::<Thing>(body, "things");
        assert_eq!(found, [Thing { id: "1".into(), name: String::new() }, Thing { id: "b".into(), name: "y".into() }]);
        assert_eq!((listed.items, listed.rejected.len()), (2, 2));
    }

    #[test]
    fn an_answer_without_the_list_is_an_error() {
        let members: Members = serde_json::from_str(r#"{"other": []}"#).unwrap();
        assert!(items::<Thing>(&members, "things", |_| {}).is_err());
    }
}
