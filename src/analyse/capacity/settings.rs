//! How capacity is counted.

use serde::{Deserialize, Serialize};

/// What of the installed capacity is meant to be used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// So many of the largest hosts of a zone, aggregate or cloud may fail: their capacity is not counted as usable.
    pub failure_reserve_hosts: u32,
    /// Share (0 to 1) of each host that is kept free besides.
    pub buffer_ratio: f64,
}
