//! Users: only what workload records may hold.

use std::collections::BTreeMap;

use crate::model::id::Id;

/// A user, without its name.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// Whether it may log in.
    pub enabled: bool,
    /// Default project.
    pub default_project: Option<Id>,
}

/// All users by id.
#[derive(Clone, Debug, Default)]
pub struct Users(pub BTreeMap<Id, User>);
