//! Finding the one sentence in an error's body: every service has a form of its own.

use serde_json::Value;

/// Characters of a service's message that are kept.
const CHARS_MAX: usize = 200;

/// The service's message: from any of OpenStack's JSON forms, HTML without its marks, or plain text.
pub(super) fn message(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let trimmed = text.trim_start();
    let found = match serde_json::from_str::<Value>(trimmed) {
        Ok(json) => of_json(&json, 0).unwrap_or_default(),
        Err(_) if trimmed.starts_with('<') => of_html(trimmed),
        Err(_) => trimmed.to_owned(),
    };
    // Glance's mark-up outlives its way into JSON and plain text.
    cut(&found.replace("<br />", " "))
}

/// nova, cinder {"forbidden": {"message"}}; keystone {"error": {"message"}}; placement {"errors": [{"detail"}]};
/// neutron {"NeutronError": {"message"}} or its bare text; ironic {"error_message": "{\"faultstring\"...}"}.
fn of_json(json: &Value, depth: usize) -> Option<String> {
    if depth > 4 {
        return None;
    }
    match json {
        // Ironic puts JSON into a string.
        Value::String(text) if text.trim_start().starts_with('{') => {
            serde_json::from_str(text).ok().and_then(|inner| of_json(&inner, depth + 1)).or_else(|| Some(text.clone()))
        }
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => items.first().and_then(|first| of_json(first, depth + 1)),
        Value::Object(entries) => {
            const WORDS: [&str; 9] = [
                "message",
                "detail",
                "faultstring",
                "error_message",
                "error",
                "errors",
                "NeutronError",
                "explanation",
                "title",
            ];
            let named = WORDS.iter().filter_map(|word| entries.get(*word)).find(|value| !is_blank(value));
            // {"itemNotFound": {...}}: the only entry, whatever its name.
            let only = || entries.values().find(|value| value.is_object());
            named.or_else(only).and_then(|value| of_json(value, depth + 1))
        }
        _ => None,
    }
}

fn is_blank(value: &Value) -> bool {
    matches!(value, Value::Null | Value::Number(_) | Value::Bool(_))
        || value.as_str().is_some_and(|s| s.trim().is_empty())
}

fn of_html(text: &str) -> String {
    let mut plain = String::with_capacity(text.len().min(4096));
    let mut rest = text;
    while let Some((before, tagged)) = rest.split_once('<') {
        plain.push_str(before);
        plain.push(' ');
        let tag = tagged.get(..tagged.len().min(8)).unwrap_or("").to_ascii_lowercase();
        // Titles repeat the heading; styles and scripts are no message.
        let skip = ["title", "style", "script"].into_iter().find(|name| tag.starts_with(name));
        let end = skip.and_then(|name| tagged.find(&format!("</{name}>")));
        rest = end.and_then(|end| tagged.get(end + 1..)).unwrap_or(tagged);
        rest = rest.split_once('>').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&")
}

/// On one line, without control characters, not longer than can be read.
fn cut(text: &str) -> String {
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > CHARS_MAX * 4 {
            break;
        }
    }
    match line.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or("")),
        None => line,
    }
}

/// An error with its causes, each said once.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn recorded_bodies() {
        let keystone = "The request you have made requires authentication.";
        for (name, expected) in [
            ("nova-unauthorized", keystone),
            ("cinder-unauthorized", keystone),
            ("keystone-unauthorized", keystone),
            ("neutron-unauthorized", keystone),
            ("placement-unauthorized", keystone),
            ("keystone-auth-tokens-wrong-password", keystone),
            ("glance-unauthorized", "401 Unauthorized This server could not verify that you are authorized"),
            ("nova-not-found", "Instance 00000000-0000-0000-0000-000000000000 could not be found."),
            ("cinder-not-found", "Volume 00000000-0000-0000-0000-000000000000 could not be found."),
            ("keystone-not-found", "Could not find project: 0123456789abcdef0123456789abcdef."),
            ("neutron-not-found", "Network 00000000-0000-0000-0000-000000000000 could not be found."),
            ("neutron-v2.0-without-slash", "The resource could not be found."),
            ("placement-not-found", "The resource could not be found. No resource provider with uuid"),
            ("nova-forbidden-hypervisors-as-reader", "Policy doesn't allow os_compute_api:os-hypervisors:list-detail"),
            ("cinder-forbidden-pools-as-reader", "Policy doesn't allow scheduler_extension:scheduler_stats:get_pools"),
            ("keystone-forbidden", "You are not authorized to perform the requested action: identity:list_projects."),
            ("placement-forbidden-as-member", "Access was denied to this resource. Policy does not allow placement:"),
            ("nova-bad-marker", "marker [00000000-0000-0000-0000-000000000000] not found"),
            ("nova-microversion-too-high", "Version 2.999 is not supported by the API. Minimum is 2.1 and maximum is"),
            ("cinder-microversion-too-high", "Version 3.999 is not supported by the API."),
            ("placement-microversion-too-high", "The resource could not be generated that was acceptable"),
            ("cinder-foreign-microversion-header", "The server could not comply with the request"),
        ] {
            let path = format!("{}/tests/recordings/openstack_client/{name}.json", env!("CARGO_MANIFEST_DIR"));
            let found = message(&std::fs::read(path).unwrap());
            assert!(found.starts_with(expected), "{name}: {found}");
        }
    }

    #[test]
    fn forms_that_no_recording_has() {
        for (body, expected) in [
            (
                r#"{"error_message": "{\"debuginfo\": null, \"faultcode\": \"Client\", \"faultstring\": \"Node x\"}"}"#,
                "Node x",
            ),
            (
                r#"{"debuginfo": null, "faultcode": "Client", "faultstring": "Policy does not allow"}"#,
                "Policy does not allow",
            ),
            (r#"{"code": 403, "type": "forbidden", "request_id": "r", "message": "zone"}"#, "zone"),
            (
                r#"{"code": 404, "error": {"message": "The Stack", "type": "E"}, "explanation": "x", "title": "Not Found"}"#,
                "The Stack",
            ),
            (r#"{"NeutronError": "plain"}"#, "plain"),
            (r#"{"errors": [{"status": 404, "title": "Not Found", "detail": ""}]}"#, "Not Found"),
            ("upstream connect error\n  or   disconnect", "upstream connect error or disconnect"),
            (
                "<html><head><style>p {x}</style></head><body><h1>502 Bad &amp; Gateway</h1>\r\nnginx",
                "502 Bad & Gateway nginx",
            ),
            (r#"{"message": "You are not authorized.<br /><br />\n\n", "code": "403"}"#, "You are not authorized."),
            ("", ""),
            ("{}", ""),
            ("[]", ""),
            ("null", ""),
        ] {
            assert_eq!(message(body.as_bytes()), expected, "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_body_gives_a_short_line(body in proptest::collection::vec(any::<u8>(), 0..600)) {
            let text = message(&body);
            prop_assert!(text.chars().count() <= CHARS_MAX + 1);
            prop_assert!(!text.contains('\n'));
        }

        #[test]
        fn any_markup_ends(text in "[<>/a-z \"&;{}]{0,200}") {
            let _ = message(format!("<{text}").as_bytes());
        }
    }
}
