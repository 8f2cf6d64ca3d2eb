//! Version documents: the range of microversions a service reports, whatever the form; and which header asks for one.

use serde_json::Value;

use super::catalog::official_type;
use super::microversion::Microversion;

/// Least and greatest.
pub(super) type Range = (Microversion, Microversion);

/// The range that a document reports for a version of the API (`v2.1`; none where paths have no version).
/// Services nest entries in `version`, `versions` or `versions.values`, and call the greatest one `version` or
/// `max_version`; an empty text means none.
pub(super) fn range(document: &Value, wanted: Option<&str>) -> Option<Range> {
    let mut found = Vec::new();
    entries(document, 0, &mut found);
    let major = |id: &str| id.trim_start_matches('v').split('.').next().map(str::to_owned);
    let exact = found.iter().find(|(id, _)| wanted.is_some_and(|wanted| id == wanted));
    let same_major = found.iter().filter(|(id, _)| wanted.is_none_or(|wanted| major(id) == major(wanted)));
    exact.or_else(|| same_major.max_by_key(|(_, range)| range.1)).map(|(_, range)| *range)
}

fn entries(node: &Value, depth: usize, found: &mut Vec<(String, Range)>) {
    match node {
        Value::Array(items) if depth < 4 => items.iter().for_each(|item| entries(item, depth + 1, found)),
        Value::Object(object) if depth < 4 => {
            let parse = |key: &str| object.get(key).and_then(Value::as_str).and_then(|text| text.parse().ok());
            if let (Some(least), Some(greatest)) =
                (parse("min_version"), parse("max_version").or_else(|| parse("version")))
            {
                let id = object.get("id").and_then(Value::as_str).unwrap_or_default();
                found.push((id.to_owned(), (least, greatest)));
            }
            for key in ["version", "versions", "values", "default_version"] {
                if let Some(inner) = object.get(key) {
                    entries(inner, depth + 1, found);
                }
            }
        }
        _ => {}
    }
}

/// Headers that ask a service for a microversion: the common one, and the older one of three services.
/// Cinder refuses a name that is not `volume`.
pub(super) fn headers(service_type: &str, version: Microversion) -> Vec<(&'static str, String)> {
    let official = official_type(service_type);
    let name = match official {
        "block-storage" => "volume",
        "container-infrastructure-management" => "container-infra",
        "application-container" => "container",
        other => other,
    };
    let legacy = match official {
        "compute" => Some("x-openstack-nova-api-version"),
        "baremetal" => Some("x-openstack-ironic-api-version"),
        "shared-file-system" => Some("x-openstack-manila-api-version"),
        _ => None,
    };
    let mut headers = vec![("openstack-api-version", format!("{name} {version}"))];
    headers.extend(legacy.map(|header| (header, version.to_string())));
    headers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Microversion {
        text.parse().unwrap()
    }

    #[test]
    fn recorded_documents() {
        let read = |name: &str| {
            let path = format!("{}/tests/recordings/openstack_client/{name}.json", env!("CARGO_MANIFEST_DIR"));
            serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
        };
        for (name, wanted, expected) in [
            ("nova-versions", Some("v2.1"), Some(("2.1", "2.104"))),
            ("nova-versions", Some("v2"), Some(("2.1", "2.104"))),
            ("nova-v2.1", Some("v2.1"), Some(("2.1", "2.104"))),
            ("cinder-versions", Some("v3"), Some(("3.0", "3.71"))),
            ("cinder-v3", Some("v3"), Some(("3.0", "3.71"))),
            ("placement-versions", None, Some(("1.0", "1.39"))),
            ("glance-versions", Some("v2"), None),
            ("keystone-versions", Some("v3"), None),
            ("keystone-v3", Some("v3"), None),
            ("neutron-versions", Some("v2.0"), None),
            ("neutron-v2.0", Some("v2.0"), None),
        ] {
            let expected = expected.map(|(least, greatest)| (at(least), at(greatest)));
            assert_eq!(range(&read(name), wanted), expected, "{name}");
        }
    }

    #[test]
    fn forms_that_no_recording_has() {
        let ironic = r#"{"name": "OpenStack Ironic API", "default_version": {"id": "v1", "min_version": "1.1", "version": "1.95",
            "status": "CURRENT", "links": []}, "versions": [{"id": "v1", "min_version": "1.1", "version": "1.95"}]}"#;
        let ironic_v1 =
            r#"{"id": "v1", "links": [], "version": {"id": "v1", "min_version": "1.1", "version": "1.95"}}"#;
        let magnum =
            r#"{"versions": [{"id": "v1", "max_version": "1.11", "min_version": "1.1", "status": "CURRENT"}]}"#;
        let manila = r#"{"versions": [{"id": "v1.0", "version": "", "min_version": ""}, {"id": "v2.0", "version": "2.78", "min_version": "2.0"}]}"#;
        for (text, wanted, expected) in [
            (ironic, Some("v1"), Some(("1.1", "1.95"))),
            (ironic_v1, Some("v1"), Some(("1.1", "1.95"))),
            (magnum, Some("v1"), Some(("1.1", "1.11"))),
            (manila, Some("v2"), Some(("2.0", "2.78"))),
            (manila, Some("v1"), None),
            (r#"{"versions": [{"id": "v2.0", "status": "CURRENT"}]}"#, Some("v2"), None),
            ("[]", None, None),
            ("null", Some("v1"), None),
        ] {
            let document = serde_json::from_str(text).unwrap();
            let expected = expected.map(|(least, greatest)| (at(least), at(greatest)));
            assert_eq!(range(&document, wanted), expected, "{text}");
        }
    }

    #[test]
    fn each_service_gets_its_own_header() {
        assert_eq!(headers("volumev3", at("3.59")), [("openstack-api-version", "volume 3.59".to_owned())]);
        assert_eq!(headers("placement", at("1.39")), [("openstack-api-version", "placement 1.39".to_owned())]);
        let nova = headers("compute", at("2.87"));
        assert_eq!(
            nova,
            [("openstack-api-version", "compute 2.87".to_owned()), ("x-openstack-nova-api-version", "2.87".to_owned()),]
        );
    }
}
