//! Which clouds are served. The credentials themselves are read by `openstack::clouds`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which clouds are served.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Clouds {
    /// The clouds.yaml to read. Unset: OS_CLIENT_CONFIG_FILE, else ./clouds.yaml, ~/.config/openstack/clouds.yaml,
    /// /etc/openstack/clouds.yaml, as every OpenStack client does.
    #[schemars(example = &"/etc/openstack/clouds.yaml")]
    pub file: Option<PathBuf>,
    /// Names in clouds.yaml of the clouds to serve. Empty: the one that OS_CLOUD names, else all of the file, and
    /// `envvars` when OS_AUTH_URL is set.
    pub names: Vec<String>,
    /// Any cloud of clouds.yaml (of `names`, if that is not empty) may be asked for at /probe, also one that was added
    /// since the start: it is collected from its first probe on.
    pub multi_cloud: bool,
    /// Collect nothing before the first probe, and show no cloud on the metrics page but on /probe only.
    pub probe_only: bool,
    /// Which endpoints of the catalog are used. Unset: `interface` of the cloud in clouds.yaml, else public.
    #[schemars(example = &"internal")]
    pub endpoint_type: Option<EndpointType>,
}

/// Kind of a catalog endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointType {
    /// For everybody.
    Public,
    /// For the cloud's own services.
    Internal,
    /// For operators.
    Admin,
}

impl EndpointType {
    /// The name in the catalog.
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// What was asked for, before clouds.yaml is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// These; one that is missing is an error.
    Named(Vec<String>),
    /// Every cloud of the file and the one of the `OS_*` variables; none at all is fine.
    All,
}

impl Clouds {
    /// What to tell a user who has no cloud configured; the host is served all the same.
    pub const HOW_TO_ADD: &str = "put a clouds.yaml into ./, ~/.config/openstack/ or /etc/openstack/, or set the OS_* \
         variables of an openrc file; `stackcast demo` shows everything without a cloud";

    /// Whether clouds are shown one by one, at /probe, and never beside each other.
    pub fn is_per_cloud(&self) -> bool {
        self.multi_cloud && self.probe_only
    }

    /// What is to be served, given the value of OS_CLOUD.
    pub fn wanted(&self, os_cloud: Option<&str>) -> Wanted {
        match os_cloud {
            _ if !self.names.is_empty() => Wanted::Named(self.names.clone()),
            Some(name) if !name.is_empty() => Wanted::Named(vec![name.to_owned()]),
            _ => Wanted::All,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_win_over_os_cloud_and_nothing_means_all() {
        let none = Clouds::default();
        let one = Clouds { names: vec!["a".to_owned()], ..Clouds::default() };
        assert_eq!(one.wanted(Some("b")), Wanted::Named(vec!["a".to_owned()]));
        assert_eq!(none.wanted(Some("b")), Wanted::Named(vec!["b".to_owned()]));
        assert_eq!(none.wanted(Some("")), Wanted::All);
        assert_eq!(none.wanted(None), Wanted::All);
    }
}
