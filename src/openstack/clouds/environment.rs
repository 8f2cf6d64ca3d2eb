//! `OS_*` variables: a cloud of their own (`envvars`), or laid over the cloud that `OS_CLOUD` names.

use super::yaml::{Node, Value};
use super::{CloudsError, Place, Sources};

/// Name of the cloud made of variables alone.
const CLOUD: &str = "envvars";

/// Variables that say which cloud or how the client behaves, not what a cloud is like.
const SELECTORS: [&str; 7] = [
    "OS_CLOUD",
    "OS_CLOUD_NAME",
    "OS_CLIENT_CONFIG_FILE",
    "OS_CLIENT_SECURE_FILE",
    "OS_IDENTITY_API_VERSION",
    "OS_VOLUME_API_VERSION",
    "OS_IMAGE_API_VERSION",
];

/// Variables of which one is enough to take the environment for a cloud.
const MARKS: [&str; 5] = ["OS_AUTH_URL", "OS_USERNAME", "OS_USER_ID", "OS_TOKEN", "OS_APPLICATION_CREDENTIAL_ID"];

/// Adds the environment to the clouds of the files.
pub(super) fn apply(sources: &Sources, clouds: &mut Vec<(String, Node)>) -> Result<(), CloudsError> {
    let over = node(sources);
    match sources.var("OS_CLOUD") {
        Some(name) if name != own_name(sources) => {
            let known = clouds.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
            let Some((_, cloud)) = clouds.iter_mut().find(|(cloud, _)| cloud == name) else {
                return Err(CloudsError::Unknown { name: format!("{name} (of OS_CLOUD)"), known });
            };
            let place = cloud.place.clone();
            *cloud = Node { place, ..cloud.clone().merge(&over) };
            clouds.retain(|(cloud, _)| cloud == name);
        }
        _ if MARKS.iter().any(|mark| sources.var(mark).is_some()) => {
            let name = own_name(sources);
            if clouds.iter().any(|(cloud, _)| cloud == name) {
                return Err(CloudsError::Value {
                    place: Place { file: "environment".into(), line: 0 },
                    cloud: name.into(),
                    key: "OS_CLOUD_NAME".into(),
                    reason: "is the name of a cloud in clouds.yaml too: set it to another name".into(),
                });
            }
            clouds.push((name.to_owned(), over));
        }
        _ => {}
    }
    Ok(())
}

fn own_name(sources: &Sources) -> &str {
    sources.var("OS_CLOUD_NAME").unwrap_or(CLOUD)
}

/// The variables as a cloud of clouds.yaml: OS_PROJECT_NAME is `project_name`, which is found at the top as well as
/// below `auth`; credentials go below `auth`, so that they win over those of the file.
fn node(sources: &Sources) -> Node {
    let mut cloud = Node::empty("environment");
    let mut auth = Node::empty("environment");
    for (name, value) in sources.env.iter().filter(|(_, value)| !value.is_empty()) {
        let Some(key) = name.strip_prefix("OS_") else { continue };
        if SELECTORS.contains(&name.as_str()) {
            continue;
        }
        match key {
            "REGION_NAME" | "INTERFACE" | "CACERT" | "CERT" | "KEY" | "AUTH_TYPE" => {
                cloud.put(&key.to_ascii_lowercase(), value);
            }
            "ENDPOINT_TYPE" => cloud.put("endpoint_type", value),
            "INSECURE" => cloud.put("insecure", value),
            _ if key.ends_with("_ENDPOINT_OVERRIDE") => cloud.put(&key.to_ascii_lowercase(), value),
            _ => auth.put(&key.to_ascii_lowercase(), value),
        }
    }
    if let Value::Map(entries) = &mut cloud.value {
        entries.push(("auth".into(), auth));
    }
    cloud
}
