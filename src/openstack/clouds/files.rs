//! Which files hold clouds, where they are searched, and how they are laid on top of each other.

use std::path::{Path, PathBuf};

use super::yaml::{self, Node, Value};
use super::{CloudsError, Sources, settle};

/// The files of one folder, as far as they are there.
pub(super) struct Files {
    clouds: Node,
    secure: Node,
    public: Node,
    /// Where it was looked.
    pub(super) searched: String,
}

/// Searches for clouds.yaml and reads what lies beside it.
pub(super) fn find(sources: &Sources) -> Result<Files, CloudsError> {
    let explicit = sources.clouds_file.clone().or_else(|| sources.var("OS_CLIENT_CONFIG_FILE").map(PathBuf::from));
    if let Some(path) = explicit {
        let path = expand(&path, sources);
        let clouds = yaml::read(&path)?.ok_or_else(|| CloudsError::Unreadable {
            file: path.display().to_string(),
            reason: "no such file".into(),
        })?;
        return companions(clouds, path.parent().unwrap_or(Path::new(".")), sources);
    }
    let config = sources.var("XDG_CONFIG_HOME").map(PathBuf::from);
    let config = config.or_else(|| sources.var("HOME").map(|home| Path::new(home).join(".config")));
    let folders: Vec<PathBuf> = [Some(PathBuf::from(".")), config.map(|c| c.join("openstack"))]
        .into_iter()
        .flatten()
        .chain([PathBuf::from("/etc/openstack")])
        .collect();
    for folder in &folders {
        if let Some(clouds) = first(folder, "clouds")? {
            return companions(clouds, folder, sources);
        }
    }
    let searched = folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ");
    let empty = || Node::empty("environment");
    Ok(Files { clouds: empty(), secure: empty(), public: empty(), searched })
}

fn companions(clouds: Node, folder: &Path, sources: &Sources) -> Result<Files, CloudsError> {
    refuse_vault(&clouds)?;
    let secure = match sources.var("OS_CLIENT_SECURE_FILE") {
        Some(path) => yaml::read(&expand(Path::new(path), sources))?,
        None => first(folder, "secure")?,
    };
    let public = first(folder, "clouds-public")?;
    let or_empty = |node: Option<Node>| node.unwrap_or_else(|| Node::empty("-"));
    let searched = folder.display().to_string();
    Ok(Files { clouds, secure: or_empty(secure), public: or_empty(public), searched })
}

/// openstack-exporter fetches one password for all clouds from Vault when the file says so. Here an agent beside us
/// does that, which renews it too; to log in without would fail with a riddle.
fn refuse_vault(clouds: &Node) -> Result<(), CloudsError> {
    let Some(node) = clouds.get("use_vault") else { return Ok(()) };
    match &node.value {
        Value::Scalar(text) if text.eq_ignore_ascii_case("true") => Err(CloudsError::Syntax {
            place: node.place.clone(),
            reason:
                "`use_vault` is not supported: let Vault Agent (or the secrets operator) write the password to a file, \
                     name it by auth.password_file, and remove `use_vault`"
                    .into(),
        }),
        _ => Ok(()),
    }
}

fn first(folder: &Path, stem: &str) -> Result<Option<Node>, CloudsError> {
    for ending in ["yaml", "yml", "json"] {
        if let Some(node) = yaml::read(&folder.join(format!("{stem}.{ending}")))? {
            return Ok(Some(node));
        }
    }
    Ok(None)
}

/// `~/` is the home folder, as in openstacksdk.
pub(super) fn expand(path: &Path, sources: &Sources) -> PathBuf {
    match (path.strip_prefix("~"), sources.var("HOME")) {
        (Ok(rest), Some(home)) => Path::new(home).join(rest),
        _ => path.to_owned(),
    }
}

impl Files {
    /// The clouds by name, secure.yaml laid on top.
    pub(super) fn clouds(&self) -> Result<Vec<(String, Node)>, CloudsError> {
        let Some(clouds) = self.clouds.get("clouds") else { return Ok(Vec::new()) };
        let Value::Map(entries) = &clouds.value else {
            return Err(CloudsError::Syntax {
                place: clouds.place.clone(),
                reason: format!("`clouds` must be a map from names to clouds, but is {}", clouds.kind()),
            });
        };
        let secure = self.secure.get("clouds");
        let laid = entries.iter().map(|(name, node)| {
            let node = match secure.and_then(|secure| secure.get(name)) {
                // The place stays that of clouds.yaml: there the rest of the cloud is to be found.
                Some(over) => Node { place: node.place.clone(), ..node.clone().merge(over) },
                None => node.clone(),
            };
            (name.clone(), node)
        });
        Ok(laid.collect())
    }

    /// Lays the cloud on the profile it names, if any.
    pub(super) fn with_profile(&self, cloud: &str, node: Node) -> Result<Node, CloudsError> {
        let Some((key, named)) = ["profile", "cloud"].into_iter().find_map(|key| Some((key, node.get(key)?))) else {
            return Ok(node);
        };
        let Value::Scalar(profile) = &named.value else {
            return Err(settle::wrong(cloud, key, named, "a profile's name"));
        };
        match self.public.get("public-clouds").and_then(|public| public.get(profile)) {
            Some(base) => Ok(Node { place: node.place.clone(), ..base.clone().merge(&node) }),
            // Many files name a vendor that only openstacksdk ships; with an auth_url the cloud works without.
            None if node.get("auth").and_then(|auth| auth.get("auth_url")).is_some() => Ok(node),
            None => Err(CloudsError::Value {
                place: named.place.clone(),
                cloud: cloud.into(),
                key: key.into(),
                reason: "names a profile that is not in clouds-public.yaml beside clouds.yaml: \
                         add it there, or set auth.auth_url"
                    .into(),
            }),
        }
    }
}
