//! Requests that openstack-exporter makes for one scrape, counted from its code: each scrape reads everything, with a login
//! and a version document per service, and one call after the other per project, router, zone and provider.

use std::fmt;

use super::child::Exporter;

/// Items of a page where a service is not asked for more; what most services give at most.
const PAGE: f64 = 1000.0;
/// Glance gives 25 images unless asked for more, Designate 20 zones.
const IMAGE_PAGE: f64 = 25.0;
const ZONE_PAGE: f64 = 20.0;

/// What there is of each kind, as the metrics page says.
pub struct Things {
    hypervisors: f64,
    servers: f64,
    ports: f64,
    volumes: f64,
    projects: f64,
    routers: f64,
    networks: f64,
    subnets: f64,
    floating_ips: f64,
    images: f64,
    zones: f64,
    snapshots: f64,
}

impl Things {
    pub fn of(exporter: &Exporter) -> Self {
        let count = |name: &str| exporter.value(&format!("openstack_{name}"));
        Self {
            hypervisors: exporter.lines("openstack_nova_vcpus_available{"),
            servers: count("nova_total_vms"),
            ports: count("neutron_ports"),
            volumes: count("cinder_volumes"),
            projects: count("identity_projects"),
            routers: count("neutron_routers"),
            networks: count("neutron_networks"),
            subnets: count("neutron_subnets"),
            floating_ips: count("neutron_floating_ips"),
            images: count("glance_images"),
            zones: count("designate_zones"),
            snapshots: count("cinder_snapshots"),
        }
    }

    pub fn pages_of_servers(&self) -> f64 {
        pages(self.servers, PAGE)
    }

    /// Placement has a provider per hypervisor here.
    pub fn requests_per_scrape(&self) -> f64 {
        let logins_and_versions = 15.0 + 13.0;
        // Lists that fit on a page.
        let lists = 31.0;
        let paged = [
            (1.0, self.servers),
            (1.0, self.hypervisors),
            (1.0, self.ports),
            (2.0, self.volumes),
            (1.0, self.snapshots),
            (1.0, self.networks),
            (2.0, self.subnets),
            (1.0, self.routers),
            (1.0, self.floating_ips),
            // Security groups, of which each project has one.
            (1.0, self.networks),
            (1.0, self.networks),
        ];
        let paged: f64 = paged.iter().map(|(times, items)| times * pages(*items, PAGE)).sum();
        let images = 2.0 * pages(self.images, IMAGE_PAGE);
        // Limits, and quotas of Nova, of Neutron and (twice) of Cinder.
        let per_project = 5.0 * self.projects;
        let per_zone = pages(self.zones, ZONE_PAGE) + self.zones;
        let per_provider = 3.0 * self.hypervisors;
        logins_and_versions + lists + paged + images + per_project + per_zone + per_provider + self.routers
    }
}

fn pages(items: f64, size: f64) -> f64 {
    (items / size).ceil().max(1.0)
}

impl fmt::Display for Things {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} hypervisors, {} instances, {} ports, {} volumes, {} projects, {} routers; page size 1000",
            self.hypervisors, self.servers, self.ports, self.volumes, self.projects, self.routers
        )
    }
}
