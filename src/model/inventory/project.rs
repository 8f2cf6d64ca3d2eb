//! Projects and domains.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::id::Id;

/// A project.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Name, unique within its domain.
    pub name: Arc<str>,
    /// Domain id.
    pub domain: Arc<str>,
    /// Whether it may be used.
    pub enabled: bool,
}

/// All projects by id.
#[derive(Clone, Debug, Default)]
pub struct Projects(pub BTreeMap<Id, Project>);

/// Says that [`Projects`] holds every project of the cloud, so that another one has gone.
#[derive(Clone, Copy, Debug)]
pub struct EveryProject;

/// Names of domains by id, where the credentials may list them.
#[derive(Clone, Debug, Default)]
pub struct Domains(pub BTreeMap<Arc<str>, Arc<str>>);
