//! The names and units in which resources are told.

use std::sync::Arc;

use crate::model::metric::{GIB, MIB};

/// A resource: the `resource` label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// Shared CPUs (`VCPU`).
    Vcpu,
    /// Dedicated CPUs (`PCPU`).
    Pcpu,
    /// Memory (`MEMORY_MB`), in bytes.
    Memory,
    /// Disk (`DISK_GB`), in bytes.
    Disk,
    /// Any other resource class, in lower case; `VGPU` is `gpu`.
    Devices(Arc<str>),
}

impl Resource {
    /// The resource of a Placement resource class, and what one unit of the class is in the resource's unit.
    pub(in crate::analyse) fn of_class(class: &str) -> (Self, f64) {
        match class {
            "VCPU" => (Self::Vcpu, 1.0),
            "PCPU" => (Self::Pcpu, 1.0),
            "MEMORY_MB" => (Self::Memory, MIB),
            "DISK_GB" => (Self::Disk, GIB),
            "VGPU" => (Self::Devices(Arc::from("gpu")), 1.0),
            other => (Self::Devices(Arc::from(other.to_ascii_lowercase())), 1.0),
        }
    }

    /// The label's value.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Vcpu => "vcpu",
            Self::Pcpu => "pcpu",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Devices(class) => class,
        }
    }
}
