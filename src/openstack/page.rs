//! Lists: page after page, and item by item where an item is odd.
//!
//! A page is decoded in one pass from bytes to the caller's type; only when that fails, its items are taken one by
//! one, so that an odd one costs itself and not the page. Duplicates across pages are passed on.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::catalog::official_type;
use super::client::{Listed, Request, ServiceClient};
use super::error::{Error, ErrorKind};
use super::http::Target;
use super::retry_after;

/// Rejected items whose words are kept; of the rest the reason is enough.
const REJECTED_DETAILS_MAX: usize = 1000;

/// All pages of a list; an empty `key` means that the answer is the list itself, as Gnocchi's are.
pub(super) async fn list<T, F>(
    client: &ServiceClient,
    mut request: Request<'_>,
    key: &str,
    mut each: F,
) -> Result<Listed, Error>
where
    T: DeserializeOwned,
    F: FnMut(T) + Send,
{
    let style = style(client.service_type(), &request.path);
    let asked = request.query.iter().find(|(name, _)| *name == "limit").map(|(_, value)| value.parse().ok());
    let mut page_size = match asked {
        Some(asked) => asked,
        None if style == Style::Unlimited => None,
        None => {
            let size = client.settings().page_size.max(1);
            request.query.push(("limit", Cow::Owned(size.to_string())));
            Some(size as usize)
        }
    };
    let first = client.target_of(&request)?;
    let path = first.path.clone();
    let mut target = first.clone();
    let mut listed = Listed::default();
    let mut seen = HashSet::new();
    let mut read = 0;
    loop {
        if listed.pages >= client.settings().pages_max {
            let detail = format!("more than {} pages (pages_max)", listed.pages);
            return Err(client.fault(ErrorKind::Paging, &path, detail));
        }
        seen.insert(target.url.query().unwrap_or_default().to_owned());
        let answer = client.fetch(target, request.microversion).await?;
        if listed.pages == 0 {
            listed.server_time = retry_after::date(&answer.headers);
        }
        listed.pages += 1;
        let page = read_page(&answer.body, key, &mut listed.rejected, &mut each)
            .map_err(|error| client.decode_error(&path, &answer.body, &error))?;
        if style == Style::Walked && listed.pages == 1 {
            page_size = page_size.map(|size| size.min(page.items));
        }
        listed.items += page.items - page.rejected;
        let last = || last_id(&answer.body, key);
        read += page.items;
        let next = if style == Style::Offset {
            offset(&first, &page, read)
        } else {
            next(&first, &page, style, page_size, last)
        };
        let Some(next) = next else { return Ok(listed) };
        if seen.contains(next.url.query().unwrap_or_default()) {
            return Err(client.fault(ErrorKind::Paging, &path, "the next page is one that was read already"));
        }
        target = next;
    }
}

/// How a list is paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    /// Takes a limit, links to the next page.
    Linked,
    /// Takes a limit and a marker, without links.
    Marked,
    /// The same, but a limit above the service's own is cut down unsaid: only a page shorter than the first one is
    /// the last.
    Walked,
    /// Takes a limit and an offset. Manila's links carry a marker that it then ignores, so they lead nowhere.
    Offset,
    /// Takes no limit: some paths refuse the unknown parameter, and Cinder's pools take it for a filter.
    /// A link is followed nevertheless.
    Unlimited,
}

fn style(service_type: &str, path: &str) -> Style {
    let known = |names: &[&str]| {
        let collection = path.strip_suffix("/detail").unwrap_or(path);
        if names.contains(&collection) { Style::Linked } else { Style::Unlimited }
    };
    match official_type(service_type) {
        "compute" => known(&["servers", "flavors", "os-hypervisors", "os-migrations"]),
        "block-storage" => known(&["volumes", "snapshots", "backups", "types", "groups", "attachments"]),
        "shared-file-system" if known(&["shares", "snapshots", "share-networks"]) == Style::Linked => Style::Offset,
        // quotas have no id to page by
        "network" => {
            if path == "quotas" {
                Style::Unlimited
            } else {
                Style::Linked
            }
        }
        "image" => known(&["images", "tasks"]),
        "load-balancer" | "baremetal" => Style::Linked,
        "dns" => known(&["zones", "recordsets"]),
        "container-infrastructure-management" => known(&["clusters", "clustertemplates"]),
        "orchestration" if path == "stacks" => Style::Marked,
        "metric" if path == "metric" => Style::Walked,
        _ => Style::Unlimited,
    }
}

/// Where the next page is, if there is one.
fn next(
    first: &Target,
    page: &Page,
    style: Style,
    page_size: Option<usize>,
    last_id: impl FnOnce() -> Option<String>,
) -> Option<Target> {
    if page.items == 0 && page.next.is_none() {
        return None;
    }
    let mut url = first.url.clone();
    if let Some(link) = &page.next {
        // Of the link only the query is used: behind a proxy its host and path are often not those that we must
        // ask, and a link can so never take the token elsewhere.
        let linked = first.url.join(link).ok()?;
        let named: HashSet<Cow<'_, str>> = linked.query_pairs().map(|(name, _)| name).collect();
        let kept: Vec<_> = first.url.query_pairs().filter(|(name, _)| !named.contains(name)).collect();
        url.set_query(linked.query());
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
    } else if matches!(style, Style::Marked | Style::Walked) && page_size.is_some_and(|size| page.items >= size) {
        let kept: Vec<_> = first.url.query_pairs().filter(|(name, _)| name != "marker").collect();
        url.query_pairs_mut().clear().extend_pairs(kept).append_pair("marker", &last_id()?);
    } else {
        return None;
    }
    Some(Target { url, ..first.clone() })
}

/// The page behind `read` items; the last one is empty, as the service may cut pages shorter than asked for.
fn offset(first: &Target, page: &Page, read: usize) -> Option<Target> {
    if page.items == 0 {
        return None;
    }
    let mut url = first.url.clone();
    url.query_pairs_mut().append_pair("offset", &read.to_string());
    Some(Target { url, ..first.clone() })
}

/// What one page held.
#[derive(Debug, Default, PartialEq)]
struct Page {
    items: usize,
    rejected: usize,
    next: Option<String>,
}

/// Hands a page's items on; an error is one of the whole page.
fn read_page<T: DeserializeOwned>(
    body: &[u8],
    key: &str,
    rejected: &mut Vec<(&'static str, String)>,
    each: &mut impl FnMut(T),
) -> Result<Page, serde_json::Error> {
    if let Ok((items, next)) = decode::<T>(body, key) {
        let page = Page { items: items.len(), next, ..Page::default() };
        items.into_iter().for_each(each);
        return Ok(page);
    }
    let (items, next) = decode::<&RawValue>(body, key)?;
    let mut page = Page { items: items.len(), next, ..Page::default() };
    for item in items {
        match serde_json::from_str(item.get()) {
            Ok(item) => each(item),
            Err(error) => {
                page.rejected += 1;
                let detail = if rejected.len() < REJECTED_DETAILS_MAX {
                    format!("{} {}: {error}", key, id_of(item.get()).unwrap_or_else(|| "without id".into()))
                } else {
                    String::new()
                };
                rejected.push(("decode", detail));
            }
        }
    }
    Ok(page)
}

fn last_id(body: &[u8], key: &str) -> Option<String> {
    let (items, _) = decode::<&RawValue>(body, key).ok()?;
    items.last().and_then(|item| id_of(item.get()))
}

fn id_of(item: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Identified {
        #[serde(alias = "uuid")]
        id: serde_json::Value,
    }
    match serde_json::from_str::<Identified>(item).ok()?.id {
        serde_json::Value::String(id) => Some(id),
        serde_json::Value::Number(id) => Some(id.to_string()),
        _ => None,
    }
}

/// Items below `key`, and the next page's link.
fn decode<'de, T: Deserialize<'de>>(body: &'de [u8], key: &str) -> Result<(Vec<T>, Option<String>), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(body);
    let page = PageSeed { key, items: PhantomData }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(page)
}

/// Decodes an object of which one key, known at run time only, holds the items.
struct PageSeed<'k, T> {
    key: &'k str,
    items: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for PageSeed<'_, T> {
    type Value = (Vec<T>, Option<String>);

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if self.key.is_empty() { deserializer.deserialize_seq(self) } else { deserializer.deserialize_map(self) }
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for PageSeed<'_, T> {
    type Value = (Vec<T>, Option<String>);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.key.is_empty() { f.write_str("a list") } else { write!(f, "an object with the list `{}`", self.key) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok((items, None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut items, mut next) = (None, None);
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if key == self.key {
                items = Some(map.next_value::<Option<Vec<T>>>()?.unwrap_or_default());
            } else if key == "next" || key == "links" || key.ends_with("_links") {
                next = map.next_value::<Links>()?.next().or(next);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        let items =
            items.ok_or_else(|| serde::de::Error::custom(format_args!("there is no `{}` in the answer", self.key)))?;
        Ok((items, next))
    }
}

/// Links as services give them: nova `[{"rel", "href"}]`, glance and ironic a text, keystone and designate an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Links {
    Text(String),
    List(Vec<Link>),
    Object { next: Option<String> },
    Other(IgnoredAny),
}

#[derive(Deserialize)]
struct Link {
    rel: String,
    href: String,
}

impl Links {
    fn next(self) -> Option<String> {
        let next = match self {
            Self::Text(next) => Some(next),
            Self::List(links) => links.into_iter().find(|link| link.rel == "next").map(|link| link.href),
            Self::Object { next } => next,
            Self::Other(_) => None,
        };
        next.filter(|next| !next.is_empty())
    }
}

/// Whether an answer is a web page.
pub(super) fn looks_like_html(body: &[u8]) -> bool {
    body.trim_ascii_start().first() == Some(&b'<')
}

/// Why an answer is not the JSON that was expected.
pub(super) fn decode_fault(body: &[u8], error: &serde_json::Error) -> String {
    if body.trim_ascii().is_empty() {
        "an empty answer instead of JSON".into()
    } else if looks_like_html(body) {
        "HTML instead of JSON".into()
    } else if error.is_eof() {
        format!("truncated JSON ({} bytes): {error}", body.len())
    } else if error.is_syntax() {
        format!("not JSON: {error}")
    } else {
        format!("JSON of another form: {error}")
    }
}

#[cfg(test)]
mod tests;
