//! clouds.yaml, secure.yaml, clouds-public.yaml and `OS_*` variables. (interface stub: helper `openstack` replaces this file)

/// One cloud to log in to.
#[derive(Clone, Debug)]
pub struct CloudConfig {
    /// Name in clouds.yaml; `envvars` for one that comes from `OS_*` variables.
    pub name: String,
    /// Keystone's URL.
    pub auth_url: String,
    /// Region chosen by the configuration; all regions of the catalog otherwise.
    pub region: Option<String>,
}
