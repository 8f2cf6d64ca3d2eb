//! Hypervisors, their providers in Placement, zones and aggregates; what is free, and where the next instance goes.

use super::flavor::Flavor;
use super::seed::{Kind, mix, uuid};

/// Memory in MiB that Nova keeps for each host (`reserved_host_memory_mb`).
pub(crate) const RESERVED_MB: u64 = 512;
/// vCPUs per physical one that Placement hands out.
pub(crate) const CPU_RATIO: f64 = 4.0;
/// Providers of GPUs below a GPU host, and devices of each.
pub(crate) const GPU_PROVIDERS: u32 = 2;
/// Devices of one GPU provider.
pub(crate) const GPUS: u32 = 4;
/// Availability zones.
pub(crate) const ZONES: [&str; 3] = ["az-a", "az-b", "az-c"];

/// What is handed out or asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// vCPUs.
    pub vcpus: u64,
    /// MiB of memory.
    pub memory_mb: u64,
    /// GiB of disk.
    pub disk_gb: u64,
}

impl Resources {
    pub(crate) fn of(flavor: &Flavor, from_volume: bool) -> Self {
        // An instance booted from a volume takes no root disk of the host.
        let root = if from_volume { u64::from(flavor.disk) } else { 0 };
        Self {
            vcpus: u64::from(flavor.vcpus),
            memory_mb: u64::from(flavor.ram),
            disk_gb: u64::from(flavor.disk_gb()) - root,
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.vcpus += other.vcpus;
        self.memory_mb += other.memory_mb;
        self.disk_gb += other.disk_gb;
    }

    pub(crate) fn subtract(&mut self, other: Self) {
        self.vcpus = self.vcpus.saturating_sub(other.vcpus);
        self.memory_mb = self.memory_mb.saturating_sub(other.memory_mb);
        self.disk_gb = self.disk_gb.saturating_sub(other.disk_gb);
    }
}

/// A hypervisor with its compute service and root provider.
#[derive(Clone, Debug)]
pub struct Host {
    /// Name of the compute service.
    pub name: String,
    /// `hypervisor_hostname`, and name of the provider.
    pub hostname: String,
    /// Hypervisor and provider id.
    pub uuid: u128,
    /// Id of the compute service.
    pub service: u128,
    /// Index of its zone (a, b, c).
    pub zone: usize,
    /// Whether the disks are SSDs.
    pub ssd: bool,
    /// Whether GPU providers hang below.
    pub gpu: bool,
    /// What there is.
    pub total: Resources,
    /// What instances take.
    pub used: Resources,
    /// Devices in use of each GPU provider.
    pub gpus_used: [u32; GPU_PROVIDERS as usize],
    /// Reason when the compute service is disabled.
    pub disabled: Option<&'static str>,
    /// Generation of the root provider: rises with each change of allocations.
    pub generation: u32,
    /// Generations of the GPU providers.
    pub gpu_generations: [u32; GPU_PROVIDERS as usize],
    /// Rows of the instances on it.
    pub servers: Vec<u32>,
}

impl Host {
    fn fits(&self, need: Resources, gpus: u32) -> bool {
        self.disabled.is_none()
            && need.vcpus <= self.total.vcpus
            && (self.used.vcpus + need.vcpus) as f64 <= self.total.vcpus as f64 * CPU_RATIO
            && self.used.memory_mb + need.memory_mb + RESERVED_MB <= self.total.memory_mb
            && self.used.disk_gb + need.disk_gb <= self.total.disk_gb
            && (gpus == 0 || self.gpu_slot(gpus).is_some())
    }

    /// The GPU provider that has this many devices left.
    pub(crate) fn gpu_slot(&self, gpus: u32) -> Option<usize> {
        if !self.gpu {
            return None;
        }
        self.gpus_used.iter().position(|used| used + gpus <= GPUS)
    }

    fn filling(&self) -> f64 {
        self.used.memory_mb as f64 / self.total.memory_mb.max(1) as f64
    }
}

/// A host aggregate.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Id.
    pub uuid: u128,
    /// Name.
    pub name: &'static str,
    /// Index of the zone that it makes.
    pub zone: Option<usize>,
    /// Key of its other metadata.
    pub mark: Option<&'static str>,
}

impl Aggregate {
    /// Whether a host belongs to it.
    pub fn holds(&self, host: &Host) -> bool {
        match self.zone {
            Some(zone) => host.zone == zone,
            None if self.mark == Some("gpu") => host.gpu,
            None => host.ssd,
        }
    }
}

pub(crate) fn aggregates(seed: u64) -> Vec<Aggregate> {
    let rows = [
        ("rack-a", Some(0), None),
        ("rack-b", Some(1), None),
        ("rack-c", Some(2), None),
        ("ssd", None, Some("ssd")),
        ("gpu", None, Some("gpu")),
    ];
    let id = |number: usize| uuid(seed, Kind::Aggregate, number as u64);
    rows.into_iter()
        .enumerate()
        .map(|(number, (name, zone, mark))| Aggregate { uuid: id(number), name, zone, mark })
        .collect()
}

/// Hosts big enough that the instances fill about 60 % of their memory.
pub(crate) fn hosts(seed: u64, count: usize, instances: usize) -> Vec<Host> {
    let density = (instances as f64 / count as f64).max(4.0);
    let size = |mean: f64, least: u64| ((mean * density) as u64).max(least).next_power_of_two();
    // Means per instance of the flavor table, divided by how full the hosts shall be.
    let base = Resources {
        vcpus: size(3.3 / CPU_RATIO / 0.5, 32),
        memory_mb: size(10_500.0 / 0.7, 131_072),
        disk_gb: size(75.0 / 0.5, 2048),
    };
    (0..count).map(|number| host(seed, number, base)).collect()
}

fn host(seed: u64, number: usize, base: Resources) -> Host {
    let key = mix(seed, number as u64);
    let zone = number % ZONES.len();
    let letter = ["a", "b", "c"].get(zone).copied().unwrap_or("x");
    let name = format!("cmp-{letter}-{:04}", number / ZONES.len() + 1);
    // A second generation of hardware is twice as big.
    let factor = if key % 10 < 3 { 2 } else { 1 };
    Host {
        hostname: format!("{name}.cloud.initech.example"),
        name,
        uuid: uuid(seed, Kind::Host, number as u64),
        service: uuid(seed, Kind::Service, number as u64),
        zone,
        ssd: number % 4 == 1,
        gpu: number % 10 == 6 || number == 0,
        total: Resources {
            vcpus: base.vcpus * factor,
            memory_mb: base.memory_mb * factor,
            disk_gb: base.disk_gb * factor,
        },
        used: Resources::default(),
        gpus_used: [0; GPU_PROVIDERS as usize],
        disabled: (number % 40 == 17).then_some("maintenance: replacing DIMMs"),
        generation: 3,
        gpu_generations: [2; GPU_PROVIDERS as usize],
        servers: Vec::new(),
    }
}

/// Which hosts may take what, so that a place is found without reading all hosts.
#[derive(Debug)]
pub(crate) struct Scheduler {
    plain: Vec<u32>,
    ssd: Vec<u32>,
    gpu: Vec<u32>,
}

impl Scheduler {
    pub(crate) fn new(hosts: &[Host]) -> Self {
        let pick = |wanted: &dyn Fn(&Host) -> bool| {
            hosts.iter().enumerate().filter(|(_, host)| wanted(host)).map(|(at, _)| at as u32).collect::<Vec<u32>>()
        };
        let plain = pick(&|host| !host.gpu);
        Self {
            plain: if plain.is_empty() { pick(&|_| true) } else { plain },
            ssd: pick(&|host| host.ssd),
            gpu: pick(&|host| host.gpu),
        }
    }

    /// A host that takes the instance: the emptiest of a few, else the first of all that fits.
    pub(crate) fn place(
        &self,
        hosts: &[Host],
        flavor: &Flavor,
        need: Resources,
        rng: &mut fastrand::Rng,
    ) -> Option<u32> {
        let candidates = match (flavor.gpus, flavor.ssd) {
            (0, false) => &self.plain,
            (0, true) => &self.ssd,
            _ => &self.gpu,
        };
        if candidates.is_empty() {
            return None;
        }
        let fits =
            |at: &u32| hosts.get(*at as usize).filter(|host| host.fits(need, flavor.gpus)).map(|host| (*at, host));
        let mut best: Option<(u32, f64)> = None;
        for _ in 0..6 {
            let found = candidates.get(rng.usize(..candidates.len())).and_then(fits);
            if let Some((at, host)) = found
                && best.is_none_or(|(_, filling)| host.filling() < filling)
            {
                best = Some((at, host.filling()));
            }
        }
        best.map(|(at, _)| at).or_else(|| candidates.iter().find_map(fits).map(|(at, _)| at))
    }
}

/// Nova's services that run on controllers: binary, host, id.
pub(crate) const CONTROL_SERVICES: [(&str, &str, u32); 4] = [
    ("nova-conductor", "controller-1", 1),
    ("nova-conductor", "controller-2", 2),
    ("nova-scheduler", "controller-1", 3),
    ("nova-scheduler", "controller-2", 4),
];
