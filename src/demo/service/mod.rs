//! The services that the simulated cloud speaks. A new one is a file here and a word in the list below.

use super::call::{Answer, Call};

/// A service: where it is, how the catalog calls it, and how it answers.
#[derive(Debug)]
pub(crate) struct Service {
    /// Name, as in statistics and faults.
    pub(crate) name: &'static str,
    /// First piece of its path, behind the region's.
    pub(crate) base: &'static str,
    /// Whether there is one for all regions.
    pub(crate) shared: bool,
    /// Catalog entries: type, name, and what the endpoint has behind the base.
    pub(crate) catalog: &'static [(&'static str, &'static str, &'static str)],
    /// Answers a request.
    pub(crate) answer: fn(&Call<'_>) -> Answer,
}

macro_rules! services {
    ($($name:ident)*) => {
        $(mod $name;)*
        /// All services, in the order of the catalog.
        pub(crate) const SERVICES: &[Service] = &[$($name::SERVICE),*];
    };
}

services! { keystone placement nova glance cinder neutron octavia manila swift magnum designate ironic heat trove gnocchi }

impl Service {
    /// The service whose base a piece of a path names.
    pub(crate) fn by_base(base: &str) -> Option<&'static Self> {
        SERVICES.iter().find(|service| service.base == base)
    }
}
