//! Sets the cloud up as it stands at its first moment: hosts filled with instances of the last 200 days.

use std::collections::BinaryHeap;
use std::sync::Arc;

use hashbrown::HashMap;

use super::flavor::{IMPOSSIBLE, flavors, images};
use super::identity::{Identity, OWN_PROJECTS};
use super::seed::{Kind, mix, uuid};
use super::server::{Server, Status};
use super::{ProjectUse, QUOTA_DEFAULT, Quota, World, anomaly, host, seconds};
use crate::demo::settings::Settings;
use crate::model::clock::Timestamp;

/// How far back the oldest instance was created.
const PAST_SECONDS: u64 = 200 * 86_400;

impl World {
    /// The cloud of a region at `start`.
    pub(crate) fn new(settings: &Settings, region: usize, identity: Arc<Identity>, start: Timestamp) -> Self {
        let seed = mix(settings.seed, region as u64 + 1);
        let hosts = host::hosts(seed, settings.hypervisors, settings.instances);
        let projects = identity.projects.len();
        let anomalies =
            if settings.anomalies { anomaly::planted(start, settings.lead_days, hosts.len()) } else { Vec::new() };
        let mut world = Self {
            seed,
            region: settings.regions.get(region).cloned().unwrap_or_default(),
            flavors: flavors(seed, settings.flavors),
            images: images(seed),
            scheduler: host::Scheduler::new(&hosts),
            hosts,
            aggregates: host::aggregates(seed),
            servers: Vec::with_capacity(settings.instances + settings.instances / 8),
            by_id: HashMap::with_capacity(settings.instances),
            quotas: vec![QUOTA_DEFAULT; projects],
            usage: vec![ProjectUse::default(); projects],
            anomalies,
            identity,
            settings: settings.clone(),
            alive: Vec::with_capacity(settings.instances),
            changes: Vec::new(),
            pending: BinaryHeap::new(),
            sequence: 0,
            minute: start.millis().div_euclid(60_000) + 1,
            started: start,
            now: start,
        };
        world.populate();
        world
    }

    /// A region of its own, without sockets, in which just these anomalies happen: for measurements that need weeks.
    pub fn simulated(settings: &Settings, start: Timestamp, anomalies: Vec<anomaly::Anomaly>) -> Self {
        let identity = Arc::new(Identity::new(settings.seed, settings.projects));
        Self { anomalies, ..Self::new(settings, 0, identity, start) }
    }

    fn populate(&mut self) {
        let mut rng = fastrand::Rng::with_seed(self.seed);
        let (count, end) = (self.settings.instances as u64, seconds(self.started));
        for number in 0..count {
            let age = PAST_SECONDS * (count - number) / (count + 1) + 90;
            let created = end.saturating_sub(u32::try_from(age).unwrap_or(0));
            self.add_existing(number, created, end, &mut rng);
        }
        let mut changes: Vec<(u32, u32)> = (0u32..).zip(&self.servers).map(|(row, s)| (s.updated, row)).collect();
        changes.sort_unstable();
        self.changes = changes;
        for (quota, usage) in self.quotas.iter_mut().zip(&self.usage).skip(OWN_PROJECTS) {
            let limit = |used: u64, step: u64| ((used * 3 / 2 / step + 1) * step) as i64;
            *quota = Quota {
                instances: limit(usage.instances, 10).max(QUOTA_DEFAULT.instances),
                cores: limit(usage.cores, 40).max(QUOTA_DEFAULT.cores),
                ram: if usage.instances % 5 == 4 { -1 } else { limit(usage.ram, 65_536) },
            };
        }
    }

    fn add_existing(&mut self, number: u64, created: u32, end: u32, rng: &mut fastrand::Rng) {
        let status = initial_status(number);
        let impossible = number % 200 == 25;
        let (project, mut flavor) = (self.draw_project(rng), self.draw_flavor(rng));
        if impossible && let Some(at) = self.flavors.iter().position(|f| f.name == IMPOSSIBLE) {
            flavor = at as u32;
        }
        let row = self.insert(project, flavor, created);
        let placed = !matches!(status, Status::ShelvedOffloaded) && !impossible && self.occupy_somewhere(row, rng);
        let launched = (created + rng.u32(4..60)).min(end);
        let stayed = end.saturating_sub(launched);
        let changed = launched + (f64::from(stayed) * rng.f64()) as u32;
        let Some(server) = self.servers.get_mut(row as usize) else { return };
        if !placed && status != Status::ShelvedOffloaded {
            (server.status, server.updated) = (Status::Error, created + 1);
        } else {
            server.status = status;
            server.launched = launched;
            server.booted = launched;
            server.updated = if status == Status::Active && rng.u8(..) < 200 { launched } else { changed };
        }
        server.before = server.status;
    }

    /// A new row, in BUILD and without a host, counted to its project.
    pub(super) fn insert(&mut self, project: u32, flavor: u32, created: u32) -> u32 {
        let row = self.servers.len() as u32;
        let id = uuid(self.seed, Kind::Server, u64::from(row));
        let slot = self.alive.len() as u32;
        self.servers.push(Server {
            id,
            created,
            launched: 0,
            booted: 0,
            updated: created,
            project,
            flavor,
            host: None,
            gpu_slot: None,
            status: Status::Build,
            before: Status::Build,
            slot,
        });
        self.by_id.insert(id, row);
        self.alive.push(row);
        self.count(row, 1);
        row
    }

    /// A project by size: the first have most instances.
    pub(super) fn draw_project(&self, rng: &mut fastrand::Rng) -> u32 {
        let own = self.identity.projects.len().saturating_sub(OWN_PROJECTS).max(1);
        let skewed = (own as f64).powf(rng.f64()) - 1.0;
        (OWN_PROJECTS + (skewed as usize).min(own - 1)) as u32
    }

    /// A flavor by its weight.
    pub(super) fn draw_flavor(&self, rng: &mut fastrand::Rng) -> u32 {
        let total: u32 = self.flavors.iter().map(|flavor| flavor.weight).sum();
        let mut left = rng.u32(..total.max(1));
        for (at, flavor) in (0u32..).zip(&self.flavors) {
            if left < flavor.weight {
                return at;
            }
            left -= flavor.weight;
        }
        0
    }
}

/// A mix that holds every status from 100 instances on.
fn initial_status(number: u64) -> Status {
    match number % 100 {
        1 | 13 | 22 | 37 | 51 | 66 | 78 | 91 => Status::Shutoff,
        25 | 73 => Status::Error,
        40 => Status::Paused,
        60 => Status::Suspended,
        70 => Status::Rescue,
        80 => Status::VerifyResize,
        90 | 95 => Status::ShelvedOffloaded,
        _ => Status::Active,
    }
}
