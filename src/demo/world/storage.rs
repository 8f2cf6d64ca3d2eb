//! What is stored: volumes with their snapshots and backups, images, shares, containers.
//!
//! Nothing here is kept: every list follows from the servers' rows, the seed and the size of the cloud, so that a
//! volume comes and goes with its server and the two services agree on who has which.

use super::seed::{Kind, mix, uuid, word};
use super::{Server, Status, World, seconds};

/// A type of volumes, and the pools that it is placed in.
pub(crate) struct VolumeType {
    pub(crate) name: &'static str,
    pub(crate) backend: &'static str,
    pools: &'static [usize],
}

pub(crate) const VOLUME_TYPES: [VolumeType; 3] = [
    VolumeType { name: "ssd", backend: "ssd", pools: &[0, 1] },
    VolumeType { name: "hdd", backend: "hdd", pools: &[2] },
    VolumeType { name: "archive", backend: "archive", pools: &[3] },
];

/// Pools: host@backend#pool, whether thin, and how full they are physically in percent.
pub(crate) const POOLS: [(&str, bool, u64); 4] = [
    ("storage-01@ssd#ssd-a", true, 62),
    ("storage-01@ssd#ssd-b", true, 71),
    ("storage-02@hdd#hdd", true, 55),
    ("storage-03@archive#archive", false, 80),
];

/// A volume; times are seconds since the epoch.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub(crate) id: u128,
    pub(crate) created: u32,
    pub(crate) updated: u32,
    /// Index of the project.
    pub(crate) project: u32,
    /// Index of the type.
    pub(crate) kind: usize,
    /// Index of the pool.
    pub(crate) pool: usize,
    /// GiB.
    pub(crate) size: u64,
    pub(crate) status: &'static str,
    /// Row of the server that has it.
    pub(crate) server: Option<u32>,
    pub(crate) bootable: bool,
}

/// A copy of a volume: a snapshot or a backup.
#[derive(Clone, Debug)]
pub(crate) struct VolumeCopy {
    pub(crate) id: u128,
    pub(crate) volume: u128,
    pub(crate) project: u32,
    pub(crate) size: u64,
    pub(crate) created: u32,
    pub(crate) status: &'static str,
}

/// An image as Glance has it.
#[derive(Clone, Debug)]
pub(crate) struct StoredImage {
    pub(crate) id: u128,
    pub(crate) name: String,
    pub(crate) distro: &'static str,
    pub(crate) project: u32,
    /// None before data was uploaded.
    pub(crate) size: Option<u64>,
    pub(crate) status: &'static str,
    pub(crate) visibility: &'static str,
    pub(crate) hidden: bool,
    pub(crate) created: u32,
}

/// A share.
#[derive(Clone, Debug)]
pub(crate) struct StoredShare {
    pub(crate) id: u128,
    pub(crate) number: u64,
    pub(crate) project: u32,
    pub(crate) size: u64,
    pub(crate) status: &'static str,
    pub(crate) protocol: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) created: u32,
}

/// A container of an account.
#[derive(Clone, Debug)]
pub(crate) struct Container {
    pub(crate) name: String,
    pub(crate) objects: u64,
    pub(crate) bytes: u64,
}

const DAY: u64 = 86_400;
const GIB: u64 = 1 << 30;

impl World {
    /// All volumes, newest first, as Cinder lists them.
    pub(crate) fn volumes(&self) -> Vec<Volume> {
        let mut all: Vec<Volume> = self.volumes_where(|_| true).collect();
        all.sort_unstable_by(|a, b| b.created.cmp(&a.created).then(b.id.cmp(&a.id)));
        all
    }

    /// Volumes of the projects that pass, in no order. Quotas ask for one project at a time, a thousand times.
    pub(crate) fn volumes_where(
        &self,
        passes: impl Fn(u32) -> bool + std::marker::Copy,
    ) -> impl Iterator<Item = Volume> {
        let rows = (0u32..).zip(&self.servers).filter(move |(_, server)| passes(server.project));
        let attached = rows.filter_map(|(row, server)| self.attached(row, server));
        let free = (0..self.settings.instances as u64 / 6).map(|number| self.unattached(number));
        attached.chain(free.filter(move |volume| passes(volume.project)))
    }

    fn attached(&self, row: u32, server: &Server) -> Option<Volume> {
        let id = server.volume().filter(|_| server.status != Status::Deleted && server.launched > 0)?;
        let disk = self.flavor_of(server).map_or(20, |flavor| u64::from(flavor.disk.max(10)));
        let boots = server.from_volume();
        let size = if boots { disk } else { 10 << (server.key(22) % 6) };
        let volume = Volume { status: "in-use", server: Some(row), bootable: boots, ..self.volume(id, server.project) };
        Some(Volume { created: server.created, updated: server.launched, size, ..volume })
    }

    fn unattached(&self, number: u64) -> Volume {
        let mut rng = fastrand::Rng::with_seed(mix(self.seed, number ^ 0x766f_6c75));
        let project = self.draw_project(&mut rng);
        let volume = self.volume(uuid(self.seed, Kind::Volume, number), project);
        let created = self.past(mix(number, 31));
        let status = match number % 100 {
            13 | 57 => "error",
            71 => "error_deleting",
            42 => "awaiting-transfer",
            _ => "available",
        };
        Volume { created, updated: created + 4, size: 10 << rng.u64(..7), status, bootable: rng.u8(..) < 60, ..volume }
    }

    fn volume(&self, id: u128, project: u32) -> Volume {
        let key = mix(id as u64, 11);
        let kind = if key % 10 < 6 { 0 } else { 1 + usize::from(key % 10 == 9) };
        let pools = VOLUME_TYPES.get(kind).map_or(&[0][..], |kind| kind.pools);
        let pool = pools.get((key >> 8) as usize % pools.len().max(1)).copied().unwrap_or(0);
        Volume {
            id,
            created: 0,
            updated: 0,
            project,
            kind,
            pool,
            size: 0,
            status: "available",
            server: None,
            bootable: false,
        }
    }

    /// A moment of the last 200 days.
    fn past(&self, key: u64) -> u32 {
        seconds(self.started).saturating_sub((key % (200 * DAY)) as u32 + 60)
    }

    /// Snapshots: of every fifth volume.
    pub(crate) fn snapshot_of(&self, volume: &Volume) -> Option<VolumeCopy> {
        self.copy_of(volume, 5, 41)
    }

    /// Backups: of every ninth volume.
    pub(crate) fn backup_of(&self, volume: &Volume) -> Option<VolumeCopy> {
        self.copy_of(volume, 9, 43)
    }

    fn copy_of(&self, volume: &Volume, every: u64, purpose: u64) -> Option<VolumeCopy> {
        let key = mix(volume.id as u64, purpose);
        if !key.is_multiple_of(every) {
            return None;
        }
        let key = mix(key, 1);
        // Reckoned from the start, so that it stays where it is while time goes on.
        let age = u64::from(seconds(self.started).saturating_sub(volume.created));
        Some(VolumeCopy {
            id: uuid(key, Kind::Volume, purpose),
            volume: volume.id,
            project: volume.project,
            size: volume.size,
            created: volume.created + (key % age.max(1)) as u32,
            status: if key.is_multiple_of(40) { "error" } else { "available" },
        })
    }

    /// Images: those that servers are booted from, then projects' own, newest first.
    pub(crate) fn stored_images(&self) -> Vec<StoredImage> {
        let public = self.images.iter().map(|image| StoredImage {
            id: image.id,
            name: format!("{}-{}", image.distro, 20 + image.id % 6),
            distro: image.distro,
            project: 0,
            size: Some(GIB + (image.id as u64 % 8) * GIB / 4),
            status: "active",
            visibility: "public",
            hidden: false,
            created: self.past(image.id as u64),
        });
        let own = (0..self.settings.instances as u64 / 100).map(|number| self.own_image(number));
        let mut all: Vec<StoredImage> = public.chain(own).collect();
        all.sort_unstable_by(|a, b| b.created.cmp(&a.created).then(b.id.cmp(&a.id)));
        all
    }

    fn own_image(&self, number: u64) -> StoredImage {
        let mut rng = fastrand::Rng::with_seed(mix(self.seed, number ^ 0x696d_6167));
        let queued = number % 13 == 7;
        StoredImage {
            id: uuid(mix(self.seed, 51), Kind::Image, number),
            name: format!("golden-{number}"),
            distro: word(&["ubuntu", "debian", "rocky"], number),
            project: self.draw_project(&mut rng),
            size: (!queued).then(|| GIB / 2 + rng.u64(..12) * GIB),
            status: if queued { "queued" } else { "active" },
            visibility: if number % 11 == 3 { "community" } else { word(&["private", "shared"], number / 3) },
            hidden: number % 7 == 2,
            created: self.past(mix(number, 53)),
        }
    }

    /// Shares, newest first.
    pub(crate) fn shares(&self) -> Vec<StoredShare> {
        let share = |number: u64| {
            let mut rng = fastrand::Rng::with_seed(mix(self.seed, number ^ 0x7368_6172));
            StoredShare {
                id: uuid(mix(self.seed, 61), Kind::Volume, number),
                number,
                project: self.draw_project(&mut rng),
                size: 10 << rng.u64(..6),
                status: match number % 30 {
                    7 => "error",
                    19 => "shrinking",
                    _ => "available",
                },
                protocol: word(&["CEPHFS", "NFS"], number),
                kind: word(&["cephfs", "nfs-gold"], number),
                created: self.past(mix(number, 63)),
            }
        };
        let mut all: Vec<StoredShare> = (0..self.settings.instances as u64 / 50).map(share).collect();
        all.sort_unstable_by(|a, b| b.created.cmp(&a.created).then(b.id.cmp(&a.id)));
        all
    }

    /// Containers of a project's account, by name.
    pub(crate) fn containers(&self, project: usize) -> Vec<Container> {
        let count = 2 + mix(self.seed, project as u64 ^ 0x7377_6966) % 12;
        let container = |number: u64| {
            let key = mix(mix(self.seed, project as u64), number);
            let objects = key % 5000;
            let name = format!("{}-{number:03}", word(&["backups", "logs", "media", "artifacts"], key));
            Container { name, objects, bytes: objects * (1 + (key >> 20) % 4_000_000) }
        };
        let mut all: Vec<Container> = (0..count).map(container).collect();
        all.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        all
    }
}
