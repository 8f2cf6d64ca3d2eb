//! DNS zones.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::id::Id;

/// A zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    /// Name, with the dot at its end.
    pub name: Arc<str>,
    /// Project that owns it.
    pub project: Arc<str>,
}

/// All zones by id.
#[derive(Clone, Debug, Default)]
pub struct Zones(pub BTreeMap<Id, Zone>);
