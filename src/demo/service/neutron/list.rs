//! Lists: `fields`, `limit` and `marker`, links to the next and the previous page.

use super::{Neutron, Result, error};
use crate::demo::call::Answer;
use crate::demo::json::{Hex, Json, Put, Uuid, Zulu};
use crate::demo::world::seed::parse_id;

/// An object of which the client may have asked for some members only.
pub(super) struct Row<'j> {
    json: &'j mut Json,
    fields: &'j [String],
}

impl<'j> Row<'j> {
    /// An object with all its members.
    pub(super) fn whole(json: &'j mut Json) -> Self {
        Self { json, fields: &[] }
    }

    pub(super) fn wants(&self, key: &str) -> bool {
        self.fields.is_empty() || self.fields.iter().any(|field| field == key)
    }

    pub(super) fn put(&mut self, key: &str, value: impl Put) -> &mut Self {
        if self.wants(key) {
            self.json.put(key, value);
        }
        self
    }

    pub(super) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Json)) -> &mut Self {
        if self.wants(key) {
            self.json.key(key).object(fill);
        }
        self
    }

    pub(super) fn array(&mut self, key: &str, fill: impl FnOnce(&mut Json)) -> &mut Self {
        if self.wants(key) {
            self.json.key(key).array(fill);
        }
        self
    }

    /// Both names of the project; an empty text where there is none.
    pub(super) fn project(&mut self, id: u128) -> &mut Self {
        for key in ["project_id", "tenant_id"] {
            if id == 0 { self.put(key, "") } else { self.put(key, Hex(id)) };
        }
        self
    }

    /// What ends every resource.
    pub(super) fn standard(&mut self, created: u32) -> &mut Self {
        self.array("tags", |_| {}).put("created_at", Zulu(created)).put("updated_at", Zulu(created));
        self.put("revision_number", 2u32)
    }
}

impl Neutron<'_> {
    /// A page of a list: `items` with their ids, in a lasting order. Ids are spelled for the page only: the page behind
    /// the 99,000th port would else be most of the demo's work.
    pub(super) fn list<T>(
        &self,
        path: &str,
        items: impl Iterator<Item = (u128, T)>,
        write: impl Fn(&mut Row<'_>, &str, &T),
    ) -> Result<Answer> {
        let call = self.call;
        let key = path.replace('-', "_");
        let fields: Vec<String> = call.all("fields").map(std::borrow::Cow::into_owned).collect();
        let greatest = call.cloud.settings.page_size;
        let limit = match call.param("limit").map(|text| text.parse::<usize>()) {
            None | Some(Ok(0)) => greatest,
            Some(Ok(limit)) => limit.min(greatest),
            Some(Err(_)) => return Err(error(400, "HTTPBadRequest", "Bad limit request: Limit must be an integer")),
        };
        let marker = call.param("marker");
        let mut items = items;
        if let Some(marker) = &marker
            && !parse_id(marker).is_some_and(|marker| items.any(|(id, _)| id == marker))
        {
            return Err(error(404, "MarkerNotFound", &format!("The marker {marker} could not be found.")));
        }
        let page: Vec<(u128, T)> = items.take(limit).collect();
        let mut j = Json::with_capacity(256 + page.len() * if fields.is_empty() { 1200 } else { 500 });
        j.object(|j| {
            j.key(&key).array(|j| {
                for (id, item) in &page {
                    let id = Uuid(*id).to_string();
                    j.object(|json| write(&mut Row { json, fields: &fields }, &id, item));
                }
            });
            j.key(format!("{key}_links")).array(|j| self.links(j, path, &page, limit));
        });
        Ok(Answer::new(200, j.into_bytes()))
    }

    fn links<T>(&self, j: &mut Json, path: &str, page: &[(u128, T)], limit: usize) {
        let path = format!("/v2.0/{path}");
        if let Some((last, _)) = page.last().filter(|_| page.len() == limit) {
            j.object(|j| {
                j.put("rel", "next").put("href", self.call.next_href(&path, &Uuid(*last).to_string()));
            });
        }
        if let Some((first, _)) = page.first() {
            j.object(|j| {
                let href = self.call.next_href(&path, &Uuid(*first).to_string());
                j.put("rel", "previous").put("href", format!("{href}&page_reverse=True"));
            });
        }
    }
}
