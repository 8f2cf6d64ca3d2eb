//! One request as the services see it, and their answer.

use std::borrow::Cow;
use std::sync::RwLockReadGuard;

use axum::http::{HeaderMap, Method};

use super::cloud::Cloud;
use super::json::{self, Json};
use super::tokens::Session;
use super::world::World;
use crate::model::clock::Timestamp;

/// A request to one service of one region.
pub(crate) struct Call<'a> {
    /// The whole cloud.
    pub(crate) cloud: &'a Cloud,
    /// The region's state; no event is applied while it is read.
    pub(crate) world: RwLockReadGuard<'a, World>,
    /// Where the service is: `http://127.0.0.1:1234/compute`.
    pub(crate) url: String,
    /// Path of the same.
    pub(crate) root: String,
    /// GET, mostly.
    pub(crate) method: &'a Method,
    /// Path behind the service's base, in pieces.
    pub(crate) path: Vec<&'a str>,
    /// Query as it came.
    pub(crate) query: &'a str,
    /// Headers.
    pub(crate) headers: &'a HeaderMap,
    /// Body.
    pub(crate) body: &'a [u8],
    /// The moment of the answer.
    pub(crate) now: Timestamp,
    /// `x-openstack-request-id`.
    pub(crate) request_id: String,
}

impl Call<'_> {
    /// A query parameter.
    pub(crate) fn param(&self, key: &str) -> Option<Cow<'_, str>> {
        params(self.query).find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// All values of a query parameter that may be repeated.
    pub(crate) fn all(&self, key: &str) -> impl Iterator<Item = Cow<'_, str>> {
        params(self.query).filter(move |(name, _)| name == key).map(|(_, value)| value)
    }

    /// All names of query parameters.
    pub(crate) fn param_names(&self) -> impl Iterator<Item = Cow<'_, str>> {
        params(self.query).map(|(name, _)| name)
    }

    /// A header as text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Who asks; none without a token, or with one that has ended.
    pub(crate) fn session(&self) -> Option<Session> {
        self.cloud.session(self.header("x-auth-token")?, self.now)
    }

    /// This address with another marker, for a link to the next page.
    pub(crate) fn next_href(&self, path: &str, marker: &str) -> String {
        let kept: Vec<&str> = self.query.split('&').filter(|p| !p.is_empty() && !p.starts_with("marker=")).collect();
        let lead = if kept.is_empty() { String::new() } else { kept.join("&") + "&" };
        format!("{}{path}?{lead}marker={marker}", self.url)
    }
}

/// Query parameters, decoded.
fn params(query: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name), decode(value))
    })
}

/// Undoes percent encoding and `+`; what is no encoding stays.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let (mut out, mut bytes) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            (b'+', _, _) => out.push(b' '),
            _ => out.push(byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

/// What a service answers.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: u16,
    /// Headers beside those that every answer has.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// An answer with a JSON body.
    pub(crate) fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    /// 200 with an object.
    pub(crate) fn object(fill: impl FnOnce(&mut Json)) -> Self {
        Self::new(200, json::object(fill))
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// What keystonemiddleware answers in front of Nova and Placement to a missing or ended token.
    pub(crate) fn unauthorized(call: &Call<'_>) -> Self {
        let body = json::object(|j| {
            j.key("error").object(|j| {
                j.put("code", 401u32).put("title", "Unauthorized");
                j.put("message", "The request you have made requires authentication.");
            });
        });
        Self::new(401, body).with("www-authenticate", format!("Keystone uri=\"{}\"", call.cloud.identity_url()))
    }
}

/// An error as Nova, Cinder and Manila write it: the key names the status.
pub(crate) fn error(code: u16, message: &str) -> Answer {
    let key = match code {
        400 => "badRequest",
        403 => "forbidden",
        404 => "itemNotFound",
        409 => "conflictingRequest",
        _ => "computeFault",
    };
    let body = json::object(|j| {
        j.key(key).object(|j| {
            j.put("code", code).put("message", message);
        });
    });
    Answer::new(code, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_decoded() {
        let all: Vec<_> = params("a=1&changes-since=2026-11-21T20%3A45%3A09%2B00:00&name=a+b%zz&flag").collect();
        assert_eq!(all[1].1, "2026-11-21T20:45:09+00:00");
        assert_eq!(all[2].1, "a b%zz");
        assert_eq!(all[3], ("flag".into(), "".into()));
    }
}
