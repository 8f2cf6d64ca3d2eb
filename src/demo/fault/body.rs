//! Damages answers. Bodies are read into a tree here; that is slow, and only faults pay for it.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use serde_json::{Map, Value, json};

use super::Effect;
use crate::demo::call::Answer;

/// The body to send for an answer, damaged or not.
pub(crate) enum Damaged {
    /// A plain body.
    Whole(Answer),
    /// A body that is sent in its own way.
    Streamed(Answer, Body),
}

const BLOCK: usize = 64 * 1024;
static BLANKS: [u8; BLOCK] = [b' '; BLOCK];

/// Applies an effect to an answer; `this` is the address asked for, for loops. `Hang` is the caller's business.
pub(crate) fn damage(answer: Answer, effect: &Effect, this: &str) -> Damaged {
    match effect {
        Effect::Status { code, retry_after } => Damaged::Whole(status(*code, *retry_after)),
        Effect::Hang => Damaged::Whole(answer),
        Effect::Html => {
            let page =
                "<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n";
            Damaged::Whole(Answer::new(200, page.into()).with("content-type", "text/html; charset=UTF-8"))
        }
        Effect::TruncatedJson => Damaged::Whole(Answer { body: half(&answer.body).to_vec(), ..answer }),
        Effect::Cut => {
            let first = Bytes::copy_from_slice(half(&answer.body));
            let broken = || Err(io::Error::from(io::ErrorKind::ConnectionAborted));
            // The wait lets the first half leave the machine before the connection goes.
            let end = stream::once(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                broken()
            });
            Damaged::Streamed(answer, Body::from_stream(stream::iter([Ok(first)]).chain(end)))
        }
        Effect::HugeBody { bytes } => {
            let head = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"{\"servers\": ["))]);
            let blocks = usize::try_from(bytes.div_ceil(BLOCK as u64)).unwrap_or(usize::MAX);
            let rest = stream::iter(std::iter::repeat_n((), blocks)).map(|()| Ok(Bytes::from_static(&BLANKS)));
            Damaged::Streamed(Answer::new(200, Vec::new()), Body::from_stream(head.chain(rest)))
        }
        Effect::SlowBytes { bytes_per_second } => {
            let step = usize::try_from(bytes_per_second.div_ceil(10).max(1)).unwrap_or(usize::MAX);
            let body = Bytes::from(answer.body.clone());
            let trickle = stream::unfold(body, move |mut left| async move {
                if left.is_empty() {
                    return None;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                let piece = left.split_to(step.min(left.len()));
                Some((Ok::<_, Infallible>(piece), left))
            });
            Damaged::Streamed(answer, Body::from_stream(trickle))
        }
        Effect::OddItem => Damaged::Whole(edit(answer, |tree| lists(tree, add_odd))),
        Effect::DuplicateItems => Damaged::Whole(edit(answer, |tree| lists(tree, repeat_first))),
        Effect::PagingLoop => Damaged::Whole(edit(answer, |tree| link_to(tree, this))),
    }
}

fn status(code: u16, retry_after: Option<u64>) -> Answer {
    let text = match code {
        429 => "Too many requests",
        503 => "The server is currently unavailable. Please try again at a later time.",
        _ => "The server has either erred or is incapable of performing the requested operation.",
    };
    let body = json!({"error": {"code": code, "message": text}}).to_string().into_bytes();
    let answer = Answer::new(code, body);
    match retry_after {
        Some(seconds) => answer.with("retry-after", seconds.to_string()),
        None => answer,
    }
}

fn half(body: &[u8]) -> &[u8] {
    body.get(..body.len() / 2).unwrap_or_default()
}

fn edit(answer: Answer, change: impl FnOnce(&mut Map<String, Value>)) -> Answer {
    match serde_json::from_slice(&answer.body) {
        Ok(Value::Object(mut tree)) => {
            change(&mut tree);
            Answer { body: Value::Object(tree).to_string().into_bytes(), ..answer }
        }
        _ => answer,
    }
}

/// Changes each list of items, links left alone.
fn lists(tree: &mut Map<String, Value>, change: fn(&mut Vec<Value>)) {
    for (key, value) in tree.iter_mut() {
        if let Value::Array(items) = value
            && !key.ends_with("links")
        {
            change(items);
        }
    }
}

fn add_odd(items: &mut Vec<Value>) {
    let odd = items.first().map_or(Value::Null, odd);
    items.insert(items.len() / 2, odd);
}

fn repeat_first(items: &mut Vec<Value>) {
    if let Some(first) = items.first().cloned() {
        items.push(first);
    }
}

/// The same keys with values of other types.
fn odd(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), odd_field(value))).collect(),
        other => odd_field(other),
    }
}

fn odd_field(value: &Value) -> Value {
    match value {
        Value::String(_) | Value::Null => json!([7]),
        Value::Number(_) | Value::Bool(_) => json!("not a number"),
        Value::Array(_) => json!({"0": true}),
        Value::Object(_) => json!(["not an object"]),
    }
}

/// Nova: `<collection>_links`; Keystone and Glance: `links.next`, `next`.
fn link_to(tree: &mut Map<String, Value>, this: &str) {
    if let Some(Value::Object(links)) = tree.get_mut("links") {
        links.insert("next".to_owned(), json!(this));
        return;
    }
    let collection =
        tree.iter().find(|(key, value)| value.is_array() && !key.ends_with("_links")).map(|(key, _)| key.clone());
    if let Some(collection) = collection {
        tree.insert(format!("{collection}_links"), json!([{"rel": "next", "href": this}]));
    }
}
