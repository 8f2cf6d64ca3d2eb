//! Every key and type of the recorded answers is in the demo's at the same microversion, and the other way round.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Client, small};
use crate::demo::Settings;

pub(super) type Shape = BTreeMap<String, BTreeSet<&'static str>>;

/// Objects whose keys are data.
const DATA: [&str; 11] = [
    "addresses",
    "metadata",
    "extra_specs",
    "properties",
    "hosts",
    "*host*",
    "inventories",
    "usages",
    "allocations",
    "resources",
    "scheduler_hints",
];

/// Deliberate differences: part of a path, and why.
const DIFFERENT: [(&str, &str); 4] = [
    (".CUSTOM_GPU", "the recorded cloud has no such class"),
    (".cpu_info", "as text it is compared as text"),
    (".email", "some users have one, in both; which ones is chance"),
    ("truncated", "only on cut lists"),
];

fn walk(path: &str, value: &Value, shape: &mut Shape) {
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    shape.entry(path.to_owned()).or_default().insert(kind);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(&format!("{path}[]"), item, shape)),
        Value::Object(fields) => {
            let name = path.rsplit('.').next().unwrap_or("");
            for (key, value) in fields {
                let key = match name {
                    "hosts" => "*host*",
                    "*host*" => "*service*",
                    _ if DATA.contains(&name) => "*",
                    _ => key,
                };
                walk(&format!("{path}.{key}"), value, shape);
            }
        }
        _ => {}
    }
}

pub(super) fn shape(value: &Value) -> Shape {
    let mut shape = Shape::new();
    walk("", value, &mut shape);
    shape
}

/// Paths of one that the other lacks, and paths whose types differ where both have a value.
pub(super) fn differences(ours: &Shape, theirs: &Shape) -> Vec<String> {
    let allowed = |path: &str| DIFFERENT.iter().any(|(part, _)| path.contains(part));
    let valued =
        |kinds: &BTreeSet<&'static str>| kinds.iter().filter(|k| **k != "null").copied().collect::<BTreeSet<_>>();
    let mut found = Vec::new();
    for path in ours.keys().chain(theirs.keys()).filter(|path| !allowed(path)).collect::<BTreeSet<_>>() {
        match (ours.get(path), theirs.get(path)) {
            (None, _) => found.push(format!("demo lacks {path}")),
            (_, None) => found.push(format!("recording lacks {path}")),
            (Some(ours), Some(theirs)) => {
                let (ours, theirs) = (valued(ours), valued(theirs));
                if !ours.is_empty() && !theirs.is_empty() && ours != theirs {
                    found.push(format!("{path}: demo {ours:?}, recording {theirs:?}"));
                }
            }
        }
    }
    found
}

pub(super) fn recording(file: &str) -> Value {
    let path = format!("{}/tests/recordings/{file}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))).unwrap()
}

/// What a recording was asked with: file, path at the demo, header.
const NOVA: [(&str, &str, &[u16]); 17] = [
    ("hypervisors-detail", "os-hypervisors/detail", &[1, 28, 33, 53, 87, 88, 104]),
    ("hypervisors-list", "os-hypervisors", &[1]),
    ("hypervisors-detail-limit-2", "os-hypervisors/detail?limit=2", &[53]),
    ("hypervisors-detail-with-servers", "os-hypervisors/detail?with_servers=true", &[53]),
    ("hypervisors-statistics", "os-hypervisors/statistics", &[87]),
    ("os-services", "os-services", &[1, 11, 53, 69, 104]),
    ("servers-detail-all-tenants", "servers/detail?all_tenants=1", &[1, 47, 69, 90, 104]),
    ("servers-detail-limit-5", "servers/detail?all_tenants=1&limit=5", &[104]),
    ("flavors-detail", "flavors/detail?is_public=None", &[1, 55, 61, 104]),
    ("limits", "limits", &[1, 36, 39, 57, 104]),
    ("quota-set-detail", "os-quota-sets/PROJECT/detail", &[1, 57, 104]),
    ("limits-of-project", "limits?tenant_id=PROJECT", &[104]),
    ("quota-set", "os-quota-sets/PROJECT", &[104]),
    ("quota-set-defaults", "os-quota-sets/PROJECT/defaults", &[104]),
    ("aggregates", "os-aggregates", &[104]),
    ("availability-zone-detail", "os-availability-zone/detail", &[104]),
    ("simple-tenant-usage-detailed", "os-simple-tenant-usage?detailed=1&start=2026-11-20T00:00:00", &[104]),
];

/// Files without the microversion in their names.
const UNVERSIONED: [&str; 7] = [
    "limits-of-project",
    "quota-set",
    "quota-set-defaults",
    "aggregates",
    "availability-zone-detail",
    "simple-tenant-usage-detailed",
    "server-diagnostics",
];

#[tokio::test]
async fn nova_answers_have_the_recorded_shape() {
    // Pages of 5 make every list page; here whole lists are compared.
    let client = Client::new(Settings { instances: 400, ..small() }).await;
    let project = format!("{:032x}", client.demo.world(0).unwrap().identity().projects[2].id);
    let mut wrong = Vec::new();
    for (name, path, versions) in NOVA {
        for version in versions {
            let file = if UNVERSIONED.contains(&name) { name.to_owned() } else { format!("{name}-2.{version}") };
            let path = format!("compute/v2.1/{}", path.replace("PROJECT", &project));
            let (status, ours) = client.get(&path, &format!("compute 2.{version}")).await;
            assert_eq!(status, 200, "{path}: {ours}");
            let found = differences(&shape(&ours), &shape(&recording(&format!("nova/{file}"))));
            // Any five servers need not have every optional field.
            wrong.extend(
                found.into_iter().filter(|_| name != "servers-detail-limit-5").map(|line| format!("{file}: {line}")),
            );
        }
    }
    let running =
        client.get("compute/v2.1/servers/detail?all_tenants=1&status=ACTIVE&limit=1", "compute 2.104").await.1;
    let id = running["servers"][0]["id"].as_str().unwrap();
    for (file, path) in
        [("server-diagnostics", format!("servers/{id}/diagnostics")), ("server-active", format!("servers/{id}"))]
    {
        let ours = client.get(&format!("compute/v2.1/{path}"), "compute 2.104").await.1;
        let found = differences(&shape(&ours), &shape(&recording(&format!("nova/{file}"))));
        // One server: addresses, tags, volumes and security groups come and go.
        let chance = [
            "addresses",
            "security_groups",
            "tags",
            "volumes_attached",
            "metadata",
            ".image",
            "extra_specs",
            "scheduler_hints",
        ];
        wrong.extend(
            found
                .into_iter()
                .filter(|line| !chance.iter().any(|c| line.contains(c)))
                .map(|line| format!("{file}: {line}")),
        );
    }
    for (file, path) in [("versions", "compute/"), ("v2.1", "compute/v2.1/")] {
        let ours = client.get(path, "").await.1;
        wrong.extend(differences(&shape(&ours), &shape(&recording(&format!("nova/{file}")))));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn keystone_answers_have_the_recorded_shape() {
    let client = Client::new(small()).await;
    let mut wrong = Vec::new();
    for file in [
        "v3",
        "projects",
        "users",
        "domains",
        "groups",
        "regions",
        "roles",
        "services",
        "endpoints",
        "auth-catalog",
        "auth-projects",
        "auth-domains",
        "auth-system",
        "projects-limit-2",
    ] {
        let path = if file == "v3" {
            "v3".to_owned()
        } else {
            format!("v3/{}", file.replace("auth-", "auth/").replace("-limit-2", "?limit=2"))
        };
        let (status, ours) = client.get(&format!("identity/{path}"), "").await;
        assert_eq!(status, 200, "{path}: {ours}");
        let found = differences(&shape(&ours), &shape(&recording(&format!("keystone/{file}"))));
        wrong.extend(found.into_iter().map(|line| format!("{file}: {line}")));
    }
    let (status, ours) = client.get("identity/", "").await;
    assert_eq!(status, 300);
    wrong.extend(differences(&shape(&ours), &shape(&recording("keystone/versions"))));
    let project = serde_json::json!({"project": {"name": "admin", "domain": {"name": "Default"}}});
    let domain = serde_json::json!({"domain": {"name": "Default"}});
    let system = serde_json::json!({"system": {"all": true}});
    for (file, scope) in [
        ("project-scope", Some(project)),
        ("domain-scope", Some(domain)),
        ("system-scope", Some(system)),
        ("unscoped", None),
    ] {
        let (status, token, ours) = client.login("monitoring", None, scope).await;
        assert_eq!((status, token.len()), (201, 183), "{ours}");
        let found = differences(&shape(&ours), &shape(&recording(&format!("keystone/auth-tokens-{file}"))));
        wrong.extend(found.into_iter().map(|line| format!("{file}: {line}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn placement_answers_have_the_recorded_shape() {
    let client = Client::new(small()).await;
    let mut wrong = Vec::new();
    let mut compare = |file: &str, ours: &Value| {
        let found = differences(&shape(ours), &shape(&recording(&format!("placement/{file}"))));
        wrong.extend(found.into_iter().map(|line| format!("{file}: {line}")));
    };
    for minor in [0, 14, 20, 39] {
        let ours = client.get("placement/resource_providers", &format!("placement 1.{minor}")).await.1;
        compare(&format!("resource_providers-1.{minor}"), &ours);
    }
    let (id, server, project) = {
        let world = client.demo.world(0).unwrap();
        let server = world.servers().iter().find(|s| s.host == Some(1)).unwrap();
        (world.hosts()[1].uuid, server.id, world.project_of(server).unwrap().id)
    };
    for what in ["inventories", "usages", "traits", "aggregates", "allocations"] {
        let ours = client.get(&format!("placement/resource_providers/{id:032x}/{what}"), "placement 1.39").await.1;
        compare(&format!("resource_provider-{what}"), &ours);
    }
    for (file, path, version) in [
        ("allocations-of-server", format!("allocations/{server:032x}"), "placement 1.39"),
        ("resource_classes", "resource_classes".to_owned(), "placement 1.39"),
        ("traits", "traits".to_owned(), "placement 1.39"),
        ("usages-of-project-1.9", format!("usages?project_id={project:032x}"), "placement 1.9"),
        ("usages-of-project", format!("usages?project_id={project:032x}"), "placement 1.39"),
        ("versions", String::new(), ""),
    ] {
        compare(file, &client.get(&format!("placement/{path}"), version).await.1);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn errors_are_the_recorded_ones() {
    let mut client = Client::new(small()).await;
    let zero = "00000000-0000-0000-0000-000000000000";
    for (file, path, version, expected) in [
        ("nova/not-found", format!("compute/v2.1/servers/{zero}"), "compute 2.104", 404),
        ("nova/bad-marker", format!("compute/v2.1/servers/detail?marker={zero}"), "compute 2.104", 400),
        ("nova/microversion-too-high", "compute/v2.1/servers".to_owned(), "compute 2.999", 406),
        ("nova/microversion-malformed", "compute/v2.1/servers".to_owned(), "compute two.one", 400),
        (
            "nova/hypervisors-statistics-2.88-gone",
            "compute/v2.1/os-hypervisors/statistics".to_owned(),
            "compute 2.88",
            404,
        ),
        ("keystone/not-found", "identity/v3/projects/0123456789abcdef0123456789abcdef".to_owned(), "", 404),
        ("placement/not-found", format!("placement/resource_providers/{zero}"), "placement 1.39", 404),
        ("placement/microversion-too-high", "placement/resource_providers".to_owned(), "placement 1.999", 406),
    ] {
        let (status, mut ours) = client.get(&path, version).await;
        let mut theirs = recording(file);
        for body in [&mut ours, &mut theirs] {
            if let Some(id) = body.pointer_mut("/errors/0/request_id") {
                *id = Value::Null;
            }
        }
        assert_eq!((status, ours), (expected, theirs), "{file}");
    }
    let project = serde_json::json!({"project": {"name": "admin", "domain": {"name": "Default"}}});
    client.token = client.login("monitoring", None, Some(project.clone())).await.1;
    let (status, body) = client.get("compute/v2.1/os-hypervisors/detail", "compute 2.104").await;
    assert_eq!((status, body), (403, recording("nova/forbidden-hypervisors-as-reader")));
    let (status, body) = client.get("identity/v3/projects", "").await;
    assert_eq!((status, body), (403, recording("keystone/forbidden")));
    let (status, _, body) = client.login("monitoring", Some("wrong"), Some(project)).await;
    assert_eq!((status, body), (401, recording("keystone/auth-tokens-wrong-password")));
    client.token.clear();
    for (file, path) in [
        ("nova/unauthorized", "compute/v2.1/servers/detail"),
        ("placement/unauthorized", "placement/resource_providers"),
        ("keystone/unauthorized", "identity/v3/projects"),
    ] {
        let answer = client.request(path, "").send().await.unwrap();
        assert!(answer.headers().contains_key("www-authenticate"));
        assert_eq!(answer.status().as_u16(), 401);
        assert_eq!(serde_json::from_slice::<Value>(&answer.bytes().await.unwrap()).unwrap(), recording(file), "{file}");
    }
}
