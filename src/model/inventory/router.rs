//! Routers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::id::Id;

/// A router.
#[derive(Clone, Debug, PartialEq)]
pub struct Router {
    /// Name.
    pub name: Arc<str>,
    /// Project.
    pub project: Id,
    /// Status, e.g. `ACTIVE`.
    pub status: Arc<str>,
    /// Whether several agents serve it, of which one is active; false where the token may not know.
    pub ha: bool,
    /// Network of its gateway; none without a way out.
    pub external_network: Option<Id>,
}

/// All routers by id.
#[derive(Clone, Debug, Default)]
pub struct Routers(pub BTreeMap<Id, Router>);
