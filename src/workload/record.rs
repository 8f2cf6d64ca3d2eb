//! What is kept of a resource: the white list, as one struct per kind. What is no member here cannot be kept, sent or
//! received. Identifiers stay as they are; names, addresses, users of resources, keys and descriptions are left out.
//!
//! Members stand in alphabetical order, as canonical JSON wants them ([`listing`](super::listing)).

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::workload::ResourceType;

/// Attributes that are known at some times only (a server's flavor cannot be looked up once it is deleted): what was
/// known stays.
pub(super) const STICKY: [&str; 1] = ["flavor_id"];

/// A resource as it is kept.
pub(super) trait Resource: Serialize + DeserializeOwned {
    /// Which one.
    fn id(&self) -> &str;
}

/// Writes the structs with what all have in common.
macro_rules! resources {
    ($($(#[$doc:meta])+ $name:ident { $($(#[$field_doc:meta])+ $field:ident: $kind:ty,)+ })+) => {
        $(
            $(#[$doc])+
            #[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(super) struct $name {
                $($(#[$field_doc])+ pub(super) $field: $kind,)+
            }

            impl Resource for $name {
                fn id(&self) -> &str {
                    &self.id
                }
            }
        )+
    };
}

resources! {
    /// A server.
    Vm {
        /// Creation.
        created_at: Option<String>,
        /// Flavor; null where it is not known any more.
        flavor_id: Option<Arc<str>>,
        /// Nova's hash of host and project: tells neither.
        #[serde(rename = "hostId")] host_id: Option<String>,
        /// Id.
        id: String,
        /// Image; null when booted from a volume.
        image_id: Option<String>,
        /// Nova's number of the power state.
        power_state: Option<i64>,
        /// API status.
        status: Option<Arc<str>>,
        /// Project.
        tenant_id: Option<String>,
    }
    /// A flavor.
    Flavor {
        /// Root disk in GiB.
        disk: Option<u64>,
        /// Ephemeral disk in GiB.
        ephemeral: Option<u64>,
        /// Id.
        id: String,
        /// Memory in MiB.
        ram: Option<u64>,
        /// Swap in MiB.
        swap: Option<u64>,
        /// vCPUs.
        vcpus: Option<u64>,
    }
    /// An image.
    Image {
        /// Creation.
        created: Option<String>,
        /// Id.
        id: String,
        /// GiB of disk that it needs.
        #[serde(rename = "minDisk")] min_disk: Option<u64>,
        /// MiB of memory that it needs.
        #[serde(rename = "minRam")] min_ram: Option<u64>,
        /// Bytes of its data.
        size: Option<u64>,
        /// Last change.
        updated: Option<String>,
    }
    /// A volume.
    Volume {
        /// Where it is attached.
        #[serde(default)] attachments: Vec<Attachment>,
        /// Availability zone.
        availability_zone: Option<Arc<str>>,
        /// Whether a server can boot from it.
        bootable: Option<bool>,
        /// Whether its data is encrypted.
        encrypted: Option<bool>,
        /// Id.
        id: String,
        /// Size in GiB.
        size: Option<u64>,
        /// Snapshot that it was made of.
        snapshot_id: Option<String>,
        /// API status.
        status: Option<Arc<str>>,
        /// Project.
        tenant_id: Option<String>,
        /// Type.
        volume_type: Option<Arc<str>>,
    }
    /// An attachment of a volume.
    Attachment {
        /// Where the server sees it.
        device: Option<Arc<str>>,
        /// Id.
        id: String,
        /// Server.
        server_id: Option<String>,
    }
    /// A project.
    Tenant {
        /// Whether it may be used.
        enabled: Option<bool>,
        /// Id.
        id: String,
    }
    /// A user.
    KeystoneUser {
        /// Whether it may log in.
        enabled: Option<bool>,
        /// Id.
        id: String,
        /// Default project.
        tenant_id: Option<String>,
    }
}

/// The white list of a kind: its attributes in order, the id left out.
pub(super) const fn attributes(kind: ResourceType) -> &'static [&'static str] {
    match kind {
        ResourceType::Vm => &["created_at", "flavor_id", "hostId", "image_id", "power_state", "status", "tenant_id"],
        ResourceType::Flavor => &["disk", "ephemeral", "ram", "swap", "vcpus"],
        ResourceType::Image => &["created", "minDisk", "minRam", "size", "updated"],
        ResourceType::Volume => &[
            "attachments",
            "availability_zone",
            "bootable",
            "encrypted",
            "size",
            "snapshot_id",
            "status",
            "tenant_id",
            "volume_type",
        ],
        ResourceType::Tenant => &["enabled"],
        ResourceType::KeystoneUser => &["enabled", "tenant_id"],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn members<R: Resource + Default>() -> Vec<String> {
        let Value::Object(members) = serde_json::to_value(R::default()).unwrap() else { panic!() };
        members.keys().cloned().collect()
    }

    #[test]
    fn the_white_list_is_what_is_written_and_in_canonical_order() {
        for (kind, members) in [
            (ResourceType::Vm, members::<Vm>()),
            (ResourceType::Flavor, members::<Flavor>()),
            (ResourceType::Image, members::<Image>()),
            (ResourceType::Volume, members::<Volume>()),
            (ResourceType::Tenant, members::<Tenant>()),
            (ResourceType::KeystoneUser, members::<KeystoneUser>()),
        ] {
            assert!(members.is_sorted(), "{kind:?}: {members:?}");
            let but_id: Vec<&str> = members.iter().map(String::as_str).filter(|name| *name != "id").collect();
            assert_eq!(but_id, attributes(kind), "{kind:?}");
            for forbidden in ["name", "address", "user", "key", "password", "ip", "description", "metadata"] {
                assert!(members.iter().all(|member| !member.contains(forbidden)), "{kind:?} {forbidden}");
            }
        }
        assert!(members::<Attachment>().is_sorted());
    }
}
