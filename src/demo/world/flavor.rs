//! Flavors and images of the simulated cloud: a table of usual ones, and variants of them when more are asked for.

use super::seed::{Kind, mix, uuid, word};

/// A flavor.
#[derive(Clone, Debug)]
pub struct Flavor {
    /// Id as Nova gives it: a number for the oldest, a UUID otherwise.
    pub id: String,
    /// Name.
    pub name: String,
    /// vCPUs.
    pub vcpus: u32,
    /// MiB of memory.
    pub ram: u32,
    /// GiB of root disk.
    pub disk: u32,
    /// GiB of ephemeral disk.
    pub ephemeral: u32,
    /// MiB of swap.
    pub swap: u32,
    /// Whether every project may use it.
    pub public: bool,
    /// Devices of CUSTOM_GPU.
    pub gpus: u32,
    /// Whether the trait CUSTOM_SSD is required.
    pub ssd: bool,
    /// Other extra specs.
    pub specs: &'static [(&'static str, &'static str)],
    pub(crate) weight: u32,
}

impl Flavor {
    /// GiB that Placement accounts: root, ephemeral and swap, rounded up.
    pub fn disk_gb(&self) -> u32 {
        self.disk + self.ephemeral + self.swap.div_ceil(1024)
    }

    /// Extra specs, requirements included.
    pub fn extra_specs(&self) -> Vec<(String, String)> {
        let mut specs: Vec<_> = self.specs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        if self.ssd {
            specs.push(("trait:CUSTOM_SSD".to_owned(), "required".to_owned()));
        }
        if self.gpus > 0 {
            specs.push(("resources:CUSTOM_GPU".to_owned(), self.gpus.to_string()));
        }
        specs
    }
}

/// name, vCPUs, MiB, GiB, GPUs, SSD, weight
type Row = (&'static str, u32, u32, u32, u32, bool, u32);

const TABLE: [Row; 14] = [
    ("m1.small", 1, 2048, 20, 0, false, 26),
    ("m1.medium", 2, 4096, 40, 0, false, 24),
    ("m1.large", 4, 8192, 80, 0, false, 18),
    ("m1.xlarge", 8, 16_384, 160, 0, false, 8),
    ("m1.tiny", 1, 512, 1, 0, false, 6),
    ("c2.large", 8, 8192, 40, 0, false, 6),
    ("r2.large", 4, 32_768, 80, 0, false, 4),
    ("db.ssd.large", 4, 16_384, 200, 0, true, 4),
    ("g1.large", 8, 65_536, 200, 1, false, 2),
    ("private.batch", 4, 8192, 40, 0, false, 2),
    ("x1.impossible", 256, 4_194_304, 10, 0, false, 0),
    ("r2.2xlarge", 8, 65_536, 160, 0, false, 1),
    ("g1.4xlarge", 32, 131_072, 800, 4, false, 1),
    ("m1.2xlarge", 16, 32_768, 320, 0, false, 2),
];

/// The flavor that no host can take; the first of the instances in ERROR ask for it.
pub(crate) const IMPOSSIBLE: &str = "x1.impossible";

/// `count` flavors.
pub(crate) fn flavors(seed: u64, count: usize) -> Vec<Flavor> {
    TABLE.iter().cycle().take(count).enumerate().map(|(number, row)| flavor(seed, number, *row)).collect()
}

fn flavor(seed: u64, number: usize, (name, vcpus, ram, disk, gpus, ssd, weight): Row) -> Flavor {
    let round = number / TABLE.len();
    let private = name.starts_with("private") || name == IMPOSSIBLE;
    let batch = name.starts_with("private");
    Flavor {
        id: if number < 4 {
            (number + 2).to_string()
        } else {
            crate::demo::json::Uuid(uuid(seed, Kind::Flavor, number as u64)).to_string()
        },
        name: if round == 0 { name.to_owned() } else { format!("{name}.v{}", round + 1) },
        vcpus,
        ram,
        disk,
        ephemeral: if batch { 10 } else { 0 },
        swap: if batch { 512 } else { 0 },
        public: !private,
        gpus,
        ssd,
        specs: match name {
            "m1.large" => &[("hw:cpu_policy", "shared")],
            "c2.large" => &[("quota:cpu_shares", "2048")],
            _ => &[],
        },
        weight,
    }
}

/// An image that instances were booted from.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its id.
    pub id: u128,
    /// Its `os_distro` property.
    pub distro: &'static str,
}

/// The images in use.
pub(crate) fn images(seed: u64) -> Vec<Image> {
    ["ubuntu", "debian", "rocky", "windows", "fedora-coreos"]
        .into_iter()
        .enumerate()
        .map(|(number, distro)| Image { id: uuid(seed, Kind::Image, number as u64), distro })
        .collect()
}

/// What a name says an instance is for.
pub(crate) fn role(key: u64) -> &'static str {
    word(&["web", "db", "cache", "api", "worker", "queue", "ci", "search"], mix(key, 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_asked_with_distinct_names_and_ids() {
        let all = flavors(1, 100);
        let names: std::collections::HashSet<_> = all.iter().map(|f| &f.name).collect();
        let ids: std::collections::HashSet<_> = all.iter().map(|f| &f.id).collect();
        assert_eq!((all.len(), names.len(), ids.len()), (100, 100, 100));
        assert_eq!(all[9].disk_gb(), 51);
        assert_eq!(all[8].extra_specs(), vec![("resources:CUSTOM_GPU".to_owned(), "1".to_owned())]);
    }
}
