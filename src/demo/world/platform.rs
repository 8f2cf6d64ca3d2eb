//! What projects run on the cloud beside instances (clusters, DNS zones, stacks, databases), and bare metal.
//!
//! Rows follow from the seed and the size of the cloud, and nothing happens to them: they are there to be listed.
//! Indexes are places in the lists; a project is an index into the identity's.

use super::World;
use super::identity::OWN_PROJECTS;
use super::seed::{Kind, mix, uuid, word};

/// What an id is for.
#[derive(Clone, Copy)]
enum Thing {
    Cluster,
    Template,
    Stack,
    Zone,
    RecordSet,
    Node,
    Instance,
    Database,
    Metric,
}

/// A Kubernetes cluster.
pub(crate) struct Cluster {
    pub(crate) id: u128,
    pub(crate) template: u128,
    pub(crate) stack: u128,
    pub(crate) project: usize,
    pub(crate) name: String,
    pub(crate) status: &'static str,
    pub(crate) health: Option<&'static str>,
    pub(crate) nodes: u32,
    pub(crate) masters: u32,
}

/// A stack.
pub(crate) struct Stack {
    pub(crate) id: u128,
    pub(crate) project: usize,
    pub(crate) name: String,
    pub(crate) status: &'static str,
}

/// A DNS zone.
pub(crate) struct Zone {
    pub(crate) id: u128,
    pub(crate) project: usize,
    pub(crate) name: String,
    pub(crate) status: &'static str,
    pub(crate) secondary: bool,
}

/// A record set.
pub(crate) struct RecordSet {
    pub(crate) id: u128,
    /// Index of its zone.
    pub(crate) zone: usize,
    pub(crate) name: String,
    pub(crate) kind: &'static str,
    pub(crate) status: &'static str,
}

/// A bare-metal node.
pub(crate) struct Node {
    pub(crate) id: u128,
    pub(crate) name: String,
    pub(crate) provision_state: &'static str,
    pub(crate) power_state: &'static str,
    pub(crate) maintenance: Option<&'static str>,
    pub(crate) last_error: Option<&'static str>,
    pub(crate) class: &'static str,
    /// The instance on it and the project that it is lent to.
    pub(crate) instance: Option<(u128, usize)>,
    pub(crate) retired: bool,
}

/// A database instance.
pub(crate) struct Database {
    pub(crate) id: u128,
    pub(crate) project: usize,
    pub(crate) name: String,
    pub(crate) datastore: (&'static str, &'static str),
    pub(crate) status: &'static str,
    pub(crate) size: u32,
}

impl World {
    fn id_of(&self, thing: Thing, number: usize) -> u128 {
        // Apart from the ids of other kinds of services.
        uuid(mix(self.seed, 0x706c_6174 + thing as u64), Kind::Service, number as u64)
    }

    /// Projects that own things, and the index of the one whose turn it is.
    fn owner(&self, number: usize) -> usize {
        OWN_PROJECTS + number % self.owners()
    }

    fn owners(&self) -> usize {
        self.identity.projects.len().saturating_sub(OWN_PROJECTS).max(1)
    }

    fn project_name(&self, project: usize) -> &str {
        self.identity.projects.get(project).map_or("", |project| &project.name)
    }

    /// Magnum's clusters.
    pub(crate) fn clusters(&self) -> Vec<Cluster> {
        let cluster = |number: usize| {
            let (status, health) = match number % 8 {
                3 => ("UPDATE_FAILED", Some("UNHEALTHY")),
                6 => ("CREATE_IN_PROGRESS", None),
                _ => ("CREATE_COMPLETE", Some("HEALTHY")),
            };
            let project = self.owner(number * 3);
            Cluster {
                id: self.id_of(Thing::Cluster, number),
                template: self.id_of(Thing::Template, number % 2),
                stack: self.id_of(Thing::Stack, number),
                project,
                name: format!("k8s-{}", self.project_name(project)),
                status,
                health,
                nodes: 1 + (number * 5 % 7) as u32,
                masters: if number.is_multiple_of(2) { 3 } else { 1 },
            }
        };
        (0..self.owners().div_ceil(3)).map(cluster).collect()
    }

    /// Heat's stacks; the first belong to clusters.
    pub(crate) fn stacks(&self) -> Vec<Stack> {
        const STATUSES: [&str; 5] =
            ["CREATE_COMPLETE", "UPDATE_COMPLETE", "CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_IN_PROGRESS"];
        let clusters = self.clusters();
        let stack = |number: usize| match clusters.get(number) {
            Some(cluster) => Stack {
                id: cluster.stack,
                project: cluster.project,
                name: cluster.name.clone(),
                status: cluster.status,
            },
            None => Stack {
                id: self.id_of(Thing::Stack, number),
                project: self.owner(number),
                name: format!("{}-{number}", word(&["web", "queue", "cache", "batch"], number as u64)),
                status: word(&STATUSES, (number / self.owners() + number) as u64),
            },
        };
        (0..clusters.len() + 2 * self.owners()).map(stack).collect()
    }

    /// Designate's zones: one per project.
    pub(crate) fn zones(&self) -> Vec<Zone> {
        let zone = |number: usize| {
            let project = self.owner(number);
            let status = match number % 11 {
                7 => "PENDING",
                10 => "ERROR",
                _ => "ACTIVE",
            };
            let name = format!("{}.example.", self.project_name(project));
            Zone { id: self.id_of(Thing::Zone, number), project, name, status, secondary: number % 9 == 8 }
        };
        (0..self.owners()).map(zone).collect()
    }

    /// Their record sets: SOA and NS, and hosts; those of secondary zones have not arrived yet.
    pub(crate) fn record_sets(&self, zones: &[Zone]) -> Vec<RecordSet> {
        let mut all = Vec::new();
        for (at, zone) in zones.iter().enumerate().filter(|(_, zone)| !zone.secondary) {
            for number in 0..2 + at * 7 % 9 {
                let (kind, name) = match number {
                    0 => ("SOA", zone.name.clone()),
                    1 => ("NS", zone.name.clone()),
                    _ => (if number % 3 == 0 { "AAAA" } else { "A" }, format!("host-{number}.{}", zone.name)),
                };
                let id = self.id_of(Thing::RecordSet, at * 16 + number);
                all.push(RecordSet { id, zone: at, name, kind, status: zone.status });
            }
        }
        all
    }

    /// Ironic's nodes: one for ten hypervisors.
    pub(crate) fn nodes(&self) -> Vec<Node> {
        let node = |number: usize| {
            let (provision_state, power_state) = match number % 7 {
                0 | 3 | 5 => ("active", "power on"),
                2 => ("clean failed", "power off"),
                6 => ("manageable", "power off"),
                _ => ("available", "power off"),
            };
            let failed = provision_state == "clean failed";
            let active = provision_state == "active";
            Node {
                id: self.id_of(Thing::Node, number),
                name: format!("r{}-{:02}", number / 20 + 1, number % 20 + 1),
                provision_state,
                power_state,
                maintenance: failed.then_some("cleaning failed; disk to be replaced"),
                last_error: failed.then_some("Timeout reached while cleaning the node."),
                class: if number % 3 == 1 { "baremetal.gpu" } else { "baremetal.large" },
                instance: active.then(|| (self.id_of(Thing::Instance, number), self.owner(number))),
                retired: number % 29 == 28,
            }
        };
        (0..self.hosts.len().div_ceil(10).max(3)).map(node).collect()
    }

    /// Trove's instances: one for two projects.
    pub(crate) fn databases(&self) -> Vec<Database> {
        const STORES: [(&str, &str); 3] = [("mysql", "8.0"), ("postgresql", "16"), ("mariadb", "10.11")];
        let database = |number: usize| Database {
            id: self.id_of(Thing::Database, number),
            project: self.owner(number * 2),
            name: format!("{}-db", self.project_name(self.owner(number * 2))),
            datastore: STORES.get(number % STORES.len()).copied().unwrap_or_default(),
            status: match number % 10 {
                4 => "BACKUP",
                9 => "ERROR",
                _ => "ACTIVE",
            },
            size: 10 << (number % 3),
        };
        (0..self.owners().div_ceil(2)).map(database).collect()
    }

    /// How many metrics Gnocchi keeps.
    pub(crate) fn metrics(&self) -> usize {
        self.settings.instances * 4
    }

    /// Id of a metric; ids grow with the index, as Gnocchi lists by them.
    pub(crate) fn metric_id(&self, index: usize) -> u128 {
        let (random, step) = (self.id_of(Thing::Metric, index), self.metric_step());
        // In the middle of its step, so that the version's digit below never moves it out.
        let high = step * index as u64 + step / 4 + ((random >> 64) as u64) % (step / 2);
        u128::from(high & !0xf000 | 0x4000) << 64 | random & u128::from(u64::MAX)
    }

    /// Index of the metric that follows an id.
    pub(crate) fn metric_behind(&self, id: u128) -> usize {
        ((id >> 64) as u64 / self.metric_step()) as usize + 1
    }

    fn metric_step(&self) -> u64 {
        u64::MAX / (self.metrics() as u64 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::Settings;
    use crate::demo::world::Identity;
    use crate::model::clock::Timestamp;

    #[test]
    fn metrics_are_found_by_their_ids() {
        let settings = Settings { instances: 50, ..Settings::default() };
        let identity = std::sync::Arc::new(Identity::new(1, settings.projects));
        let world = World::new(&settings, 0, identity, Timestamp::from_seconds(1_795_293_909));
        let ids: Vec<u128> = (0..world.metrics()).map(|index| world.metric_id(index)).collect();
        assert!(ids.is_sorted() && ids.len() == 200);
        for (index, id) in ids.into_iter().enumerate() {
            assert_eq!(world.metric_behind(id), index + 1);
            let text = crate::demo::json::Uuid(id).to_string();
            assert_eq!(&text[14..15], "4", "{text}");
        }
    }
}
