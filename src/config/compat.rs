//! The master switch of compatibility: which keys it sets. It ranks just above the defaults, so that whatever a
//! file, a variable or a flag says wins over it.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Whose behaviour is taken on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub enum Compat {
    /// The families, labels, values, quirks and address of openstack-exporter.
    #[serde(rename = "openstack-exporter")]
    OpenstackExporter,
}

impl Compat {
    /// The keys it sets.
    pub(super) fn layer(self) -> Value {
        match self {
            Self::OpenstackExporter => json!({
                "clouds": { "probe_only": true },
                "collect": { "compat": true, "host": { "enabled": false }, "api": { "enabled": false } },
                "expose": {
                    "listen_addresses": [":9180"],
                    "naming": { "cloud_labels": "never" },
                    "probe": { "unknown_is_empty": true },
                },
                "analysis": { "enabled": false },
                "filter": { "peer_families_only": true },
            }),
        }
    }
}
