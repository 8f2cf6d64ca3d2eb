//! What collectors share in reading answers: lists that are noted, and forms in which the APIs write the same thing.
//!
//! Paging, limits and skipping odd items belong to `openstack::client`; what an item means belongs to each collector.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use serde::de::{Deserialize, DeserializeOwned, Deserializer};

use super::Cx;
use super::health::{Report, Visibility};
use crate::openstack::client::{Listed, Request};
use crate::openstack::error::{Error, ErrorKind};

/// Reads a list, and notes how it came out.
pub(super) async fn list<T: DeserializeOwned>(
    cx: &Cx,
    request: Request<'_>,
    key: &str,
    each: impl FnMut(T) + Send,
) -> Result<Listed, Error> {
    let listed = cx.client.list(request, key, each).await?;
    cx.note(&listed);
    Ok(listed)
}

/// Lists that one collector reads, each by a right of its own: a 403 on one hides only that one.
#[derive(Default)]
pub(super) struct Rights {
    listed: bool,
    refused: Option<Error>,
}

impl Rights {
    /// How a list came out; false (and nothing to say about it) when these credentials may not read it.
    pub(super) fn permitted(&mut self, result: Result<Listed, Error>) -> Result<bool, Error> {
        match result {
            Ok(_) => self.listed = true,
            Err(error) if error.kind == ErrorKind::Forbidden => {
                self.refused = Some(error);
                return Ok(false);
            }
            Err(error) => return Err(error),
        }
        Ok(true)
    }

    /// Says what could be seen; an error when nothing could.
    pub(super) fn conclude(self, report: &Report) -> Result<(), Error> {
        match self.refused {
            Some(error) if !self.listed => Err(error),
            Some(_) => {
                report.set_visibility(Visibility::Project);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// A table of another collector, waited for briefly: only labels are the poorer without it.
pub(super) async fn table_soon<T: Any + Send + Sync>(cx: &Cx) -> Option<Arc<T>> {
    const SOON: Duration = Duration::from_secs(5);
    tokio::time::timeout(SOON, cx.wait_for_table::<T>()).await.ok().flatten()
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

/// The items of a recorded answer, all of which must decode.
#[cfg(test)]
pub(super) fn recorded<T: DeserializeOwned>(body: &[u8], key: &str) -> Vec<T> {
    let members: serde_json::Value = serde_json::from_slice(body).unwrap();
    let items = members[key].as_array().unwrap().iter();
    items.map(|item| serde_json::from_str(&item.to_string()).unwrap_or_else(|e| panic!("{e}: {item}"))).collect()
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
    fn a_refused_list_hides_only_itself() {
        let error = |kind| Error::new(kind, "identity", "regions", "test");
        let (mut some, mut none) = (Rights::default(), Rights::default());
        assert!(!some.permitted(Err(error(ErrorKind::Forbidden))).unwrap());
        assert!(some.permitted(Ok(Listed::default())).unwrap());
        assert!(some.permitted(Err(error(ErrorKind::Server))).is_err());
        let report = Report::new("test");
        assert!(some.conclude(&report).is_ok());
        assert_eq!(report.finish().1, Visibility::Project);
        assert!(!none.permitted(Err(error(ErrorKind::Forbidden))).unwrap());
        assert_eq!(none.conclude(&report).unwrap_err().kind, ErrorKind::Forbidden);
    }

    #[test]
    fn nulls_absences_and_numbers() {
        let body = br#"{"things": [{"id": 1, "name": null}, {"id": "b", "name": "y"}, {"id": "c"}]}"#;
        let found = recorded::<Thing>(body, "things");
        let expected = [("1", ""), ("b", "y"), ("c", "")];
        assert_eq!(found, expected.map(|(id, name)| Thing { id: id.into(), name: name.into() }));
        assert!(serde_json::from_str::<Thing>(r#"{"id": null}"#).is_err());
    }
}
