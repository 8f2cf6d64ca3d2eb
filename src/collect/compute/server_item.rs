//! A server as `servers/detail` lists it, and what is kept of it.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::model::clock::Timestamp;
use crate::model::id::Id;
use crate::model::inventory::interner::{Interner, Pool};
use crate::model::inventory::server::{AccessAddresses, HostId, InstanceName, Server, ServerFlavor};

/// An item of the list. Only id and status are always there: of servers in a cell that is down Nova knows no more.
#[derive(Deserialize)]
pub(super) struct Item {
    pub(super) id: Id,
    pub(super) status: String,
    name: Option<Box<str>>,
    tenant_id: Option<Id>,
    user_id: Option<Id>,
    #[serde(rename = "hostId")]
    host_id: Option<String>,
    #[serde(rename = "accessIPv4")]
    access_ipv4: Option<Box<str>>,
    #[serde(rename = "accessIPv6")]
    access_ipv6: Option<Box<str>>,
    flavor: Option<FlavorRef>,
    image: Option<ImageRef>,
    #[serde(rename = "OS-EXT-AZ:availability_zone")]
    zone: Option<String>,
    #[serde(rename = "OS-EXT-SRV-ATTR:hypervisor_hostname")]
    hypervisor: Option<String>,
    #[serde(rename = "OS-EXT-SRV-ATTR:instance_name")]
    instance_name: Option<String>,
    #[serde(rename = "OS-EXT-STS:vm_state")]
    vm_state: Option<String>,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task_state: Option<String>,
    #[serde(rename = "OS-EXT-STS:power_state")]
    power_state: Option<i64>,
    #[serde(rename = "os-extended-volumes:volumes_attached")]
    volumes: Option<Vec<IgnoredAny>>,
    /// Read only where labels are made of it.
    metadata: Option<Box<RawValue>>,
    created: Option<String>,
    updated: Option<String>,
}

/// By id before 2.47, embedded without id from then on.
#[derive(Deserialize)]
struct FlavorRef {
    id: Option<String>,
    original_name: Option<String>,
    #[serde(default)]
    vcpus: u32,
    #[serde(default)]
    ram: u32,
    #[serde(default)]
    disk: u32,
    #[serde(default)]
    ephemeral: u32,
}

/// An empty text when booted from a volume.
#[derive(Deserialize)]
#[serde(untagged)]
enum ImageRef {
    Image { id: Id },
    None(IgnoredAny),
}

/// What rows have in common; lives as long as the collector.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) texts: Interner,
    flavors: Pool<ServerFlavor>,
    /// Keys of the servers' metadata whose values are kept.
    pub(super) metadata_keys: Vec<String>,
}

impl Shared {
    /// Forgets what no row uses any more; flavors first, for they hold texts.
    pub(super) fn sweep(&mut self) {
        self.flavors.sweep();
        self.texts.sweep();
    }
}

impl Item {
    /// Whether it has left the cloud. Soft-deleted servers count as gone: only `changes-since` shows them, not the list.
    pub(super) fn is_gone(&self) -> bool {
        matches!(&*self.status, "DELETED" | "SOFT_DELETED")
    }

    /// When Nova last stamped it.
    pub(super) fn updated(&self) -> Option<Timestamp> {
        self.updated.as_deref().and_then(Timestamp::parse)
    }

    /// Whether its cell is down, so that nothing but id and status is known.
    pub(super) fn is_partial(&self) -> bool {
        self.name.is_none() && self.flavor.is_none()
    }

    /// The values of these keys of its metadata; empty for keys that it lacks.
    fn metadata(&self, keys: &[String], interner: &mut Interner) -> Option<Box<[Arc<str>]>> {
        if keys.is_empty() {
            return None;
        }
        let parsed = self.metadata.as_ref().and_then(|raw| serde_json::from_str(raw.get()).ok());
        let pairs: HashMap<String, String> = parsed.unwrap_or_default();
        let value = |key: &String| interner.intern(pairs.get(key).map_or("", String::as_str));
        Some(keys.iter().map(value).collect())
    }

    /// What is kept of it.
    pub(super) fn into_server(self, shared: &mut Shared) -> (Id, Server) {
        let Shared { texts, flavors, metadata_keys } = shared;
        let metadata = self.metadata(metadata_keys, texts);
        let text = |text: Option<&str>, texts: &mut Interner| texts.intern(text.unwrap_or_default());
        let time = |text: Option<&str>| text.and_then(Timestamp::parse).unwrap_or_default();
        let flavor = self.flavor.map_or_else(ServerFlavor::default, |flavor| ServerFlavor {
            name: text(flavor.original_name.as_deref(), texts),
            id: flavor.id.as_deref().map(|id| texts.intern(id)),
            vcpus: flavor.vcpus,
            memory_mib: flavor.ram,
            disk_gib: flavor.disk,
            ephemeral_gib: flavor.ephemeral,
        });
        let access =
            AccessAddresses { ipv4: self.access_ipv4.unwrap_or_default(), ipv6: self.access_ipv6.unwrap_or_default() };
        let server = Server {
            status: texts.intern(&self.status),
            vm_state: text(self.vm_state.as_deref(), texts),
            task_state: self.task_state.as_deref().map(|state| texts.intern(state)),
            power_state: self.power_state.and_then(|state| u8::try_from(state).ok()).unwrap_or(0),
            hypervisor: text(self.hypervisor.as_deref(), texts),
            zone: text(self.zone.as_deref(), texts),
            flavor: flavors.share(flavor),
            image: match self.image {
                Some(ImageRef::Image { id }) => Some(id),
                _ => None,
            },
            volumes_attached: self.volumes.is_some_and(|volumes| !volumes.is_empty()),
            metadata,
            created: time(self.created.as_deref()),
            updated: time(self.updated.as_deref()),
            name: self.name.unwrap_or_default(),
            project: self.tenant_id.unwrap_or_default(),
            user: self.user_id.unwrap_or_default(),
            host_id: self.host_id.as_deref().map(HostId::new).unwrap_or_default(),
            access: (access != AccessAddresses::default()).then(|| Box::new(access)),
            instance_name: self.instance_name.as_deref().map(InstanceName::new).unwrap_or_default(),
        };
        (self.id, server)
    }
}
