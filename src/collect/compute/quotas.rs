//! Compute quotas with their use, and the limits_* families from the same answers.
//!
//! One call per project, so the calls are spread: the first run asks for every project, later runs for the share that
//! keeps every answer younger than the slow interval. Answers in hand are published in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::collect::health::Visibility;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::project::{Project, Projects};
use crate::model::inventory::quota::{ComputeQuota, ComputeQuotas, Quota};
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// vCPU limit of a project; -1 is unlimited.
    LIMITS_VCPUS_MAX = gauge "openstack_nova_limits_vcpus_max" [tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// vCPUs that a project's instances hold.
    LIMITS_VCPUS_USED = gauge "openstack_nova_limits_vcpus_used" [tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// Memory limit of a project in MiB; -1 is unlimited.
    LIMITS_MEMORY_MAX = gauge "openstack_nova_limits_memory_max" [tenant tenant_id], Mebibytes, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// Memory that a project's instances hold, in MiB.
    LIMITS_MEMORY_USED = gauge "openstack_nova_limits_memory_used" [tenant tenant_id], Mebibytes, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// Instances of a project.
    LIMITS_INSTANCES_USED = gauge "openstack_nova_limits_instances_used" [tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// Instance limit of a project; -1 is unlimited.
    LIMITS_INSTANCES_MAX = gauge "openstack_nova_limits_instances_max" [tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35", slow;
    /// vCPU quota of a project (type in_use, reserved, limit; limit -1 is unlimited).
    CORES = gauge "openstack_nova_quota_cores" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Instance quota of a project (type in_use, reserved, limit; limit -1 is unlimited).
    INSTANCES = gauge "openstack_nova_quota_instances" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Key pair quota of a project's users (type in_use, reserved, limit; limit -1 is unlimited).
    KEY_PAIRS = gauge "openstack_nova_quota_key_pairs" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of metadata items per instance (type in_use, reserved, limit; limit -1 is unlimited).
    METADATA_ITEMS = gauge "openstack_nova_quota_metadata_items" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Memory quota of a project in MiB (type in_use, reserved, limit; limit -1 is unlimited).
    RAM = gauge "openstack_nova_quota_ram" [type tenant tenant_id], Mebibytes, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Server group quota of a project (type in_use, reserved, limit; limit -1 is unlimited).
    SERVER_GROUPS = gauge "openstack_nova_quota_server_groups" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of members per server group (type in_use, reserved, limit; limit -1 is unlimited).
    SERVER_GROUP_MEMBERS = gauge "openstack_nova_quota_server_group_members" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Fixed IP quota of a project, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    FIXED_IPS = gauge "openstack_nova_quota_fixed_ips" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Floating IP quota of a project, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    FLOATING_IPS = gauge "openstack_nova_quota_floating_ips" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of rules per security group, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    SECURITY_GROUP_RULES = gauge "openstack_nova_quota_security_group_rules" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Security group quota of a project, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    SECURITY_GROUPS = gauge "openstack_nova_quota_security_groups" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of bytes per injected file, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    INJECTED_FILE_CONTENT_BYTES = gauge "openstack_nova_quota_injected_file_content_bytes" [type tenant tenant_id], Bytes, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of bytes per path of an injected file, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    INJECTED_FILE_PATH_BYTES = gauge "openstack_nova_quota_injected_file_path_bytes" [type tenant tenant_id], Bytes, "GET /os-quota-sets/{project}/detail at 2.35";
    /// Quota of injected files, where Nova still has it (type in_use, reserved, limit; limit -1 is unlimited).
    INJECTED_FILES = gauge "openstack_nova_quota_injected_files" [type tenant tenant_id], Count, "GET /os-quota-sets/{project}/detail at 2.35";
}

/// Network quotas leave at 2.36, file quotas at 2.57.
const VERSION: Microversion = Microversion::new(2, 35);
/// Calls under way at once; the client's own limit is usually the lower one.
const CONCURRENCY: usize = 16;

/// Members of the answer and their families.
static FIELDS: [(&str, &Metric<3>); 14] = [
    ("cores", &CORES),
    ("instances", &INSTANCES),
    ("key_pairs", &KEY_PAIRS),
    ("metadata_items", &METADATA_ITEMS),
    ("ram", &RAM),
    ("server_groups", &SERVER_GROUPS),
    ("server_group_members", &SERVER_GROUP_MEMBERS),
    ("fixed_ips", &FIXED_IPS),
    ("floating_ips", &FLOATING_IPS),
    ("security_group_rules", &SECURITY_GROUP_RULES),
    ("security_groups", &SECURITY_GROUPS),
    ("injected_file_content_bytes", &INJECTED_FILE_CONTENT_BYTES),
    ("injected_file_path_bytes", &INJECTED_FILE_PATH_BYTES),
    ("injected_files", &INJECTED_FILES),
];

/// One project's answer, in the order of [`FIELDS`].
type Quotas = [Option<Quota>; FIELDS.len()];

#[derive(Deserialize)]
struct Answer {
    quota_set: BTreeMap<String, Box<RawValue>>,
}

#[derive(Deserialize)]
struct Detail {
    limit: i64,
    in_use: i64,
    #[serde(default)]
    reserved: i64,
}

impl Answer {
    fn quotas(&self) -> Quotas {
        FIELDS.map(|(name, _)| {
            let detail: Detail = serde_json::from_str(self.quota_set.get(name)?.get()).ok()?;
            Some(Quota { limit: detail.limit, in_use: detail.in_use, reserved: detail.reserved })
        })
    }
}

/// Quotas, with the answers in hand.
#[derive(Default)]
pub(super) struct Collector {
    ran: bool,
    kept: BTreeMap<Id, Kept>,
}

struct Kept {
    name: Arc<str>,
    /// None where these credentials may not ask.
    quotas: Option<Quotas>,
    /// When it was asked for last.
    asked: Option<Instant>,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let projects = if self.ran { cx.table::<Projects>() } else { cx.wait_for_table::<Projects>().await };
            self.ran = true;
            let projects = match projects {
                Some(projects) => projects,
                None => own_project(cx).await?,
            };
            self.follow(&projects);
            let runs = cx.settings.interval.slow_seconds / cx.interval.as_secs().max(1);
            let due = self.due(usize::try_from(runs).unwrap_or(usize::MAX));
            self.ask(cx, due).await?;
            if self.kept.values().any(|kept| kept.quotas.is_none() && kept.asked.is_some()) {
                cx.report.set_visibility(Visibility::Project);
            }
            Ok(self.emit())
        })
    }
}

/// Without any list of projects there is still the one that the token is for.
async fn own_project(cx: &Cx) -> Result<Arc<Projects>, Error> {
    cx.report.set_visibility(Visibility::Project);
    let session = cx.client.cloud().session().await?;
    let id = session.project_id.as_deref().ok_or_else(|| {
        let detail = "no project is known: the token has none, and projects could not be listed; use a project scope";
        Error::new(ErrorKind::Forbidden, "compute", "os-quota-sets", detail)
    })?;
    let name = Arc::from(session.project_name.as_deref().unwrap_or_default());
    let project = Project { name, domain: Arc::from(""), enabled: true };
    Ok(Arc::new(Projects([(Id::new(id), project)].into())))
}

impl Collector {
    /// Takes up new projects and names, forgets projects that are gone.
    fn follow(&mut self, projects: &Projects) {
        self.kept.retain(|id, _| projects.0.contains_key(id));
        for (id, project) in &projects.0 {
            let kept = self.kept.entry(id.clone()).or_insert_with(|| Kept {
                name: Arc::clone(&project.name),
                quotas: None,
                asked: None,
            });
            kept.name = Arc::clone(&project.name);
        }
    }

    /// Whom to ask now: all that were never asked, and of the others the longest unasked `1/runs`.
    fn due(&self, runs: usize) -> Vec<Id> {
        let mut ids: Vec<(&Id, Option<Instant>)> = self.kept.iter().map(|(id, kept)| (id, kept.asked)).collect();
        ids.sort_by_key(|(_, asked)| *asked);
        let never = ids.partition_point(|(_, asked)| asked.is_none());
        let share = ids.len().div_ceil(runs.max(1));
        ids.into_iter().take(never.max(share)).map(|(id, _)| id.clone()).collect()
    }

    /// Asks; an error that hits every project of the run is the run's.
    async fn ask(&mut self, cx: &Cx, due: Vec<Id>) -> Result<(), Error> {
        let version = cx.client.negotiate(VERSION).await?;
        let answers = futures_util::stream::iter(due.into_iter().map(|id| async move {
            let request = Request::new(format!("os-quota-sets/{id}/detail")).at(version);
            (id, cx.client.get_json::<Answer>(request).await)
        }));
        let answers: Vec<_> = answers.buffer_unordered(CONCURRENCY).collect().await;
        for (_, answer) in &answers {
            match answer {
                Ok(_) => cx.report.add_items(1),
                Err(error) if error.kind == ErrorKind::Forbidden => {}
                Err(error) => cx.report.reject("project_failed", &error.to_string()),
            }
        }
        let answers = answers.into_iter().map(|(id, answer)| (id, answer.map(|answer| answer.quotas())));
        self.take(answers.collect(), cx.clock.instant())
    }

    /// Takes the answers up. One project's failure loses only its own news; what was known of it stays.
    fn take(&mut self, answers: Vec<(Id, Result<Quotas, Error>)>, now: Instant) -> Result<(), Error> {
        let (mut answered, mut failed, mut forbidden) = (0, None, None);
        for (id, answer) in answers {
            let Some(kept) = self.kept.get_mut(&id) else { continue };
            match answer {
                Ok(quotas) => {
                    (kept.quotas, kept.asked) = (Some(quotas), Some(now));
                    answered += 1;
                }
                Err(error) if error.kind == ErrorKind::Forbidden => {
                    (kept.quotas, kept.asked) = (None, Some(now));
                    forbidden = Some(error);
                }
                // One that never answered is asked again in the next run, others when their turn comes.
                Err(error) => {
                    kept.asked = kept.asked.map(|_| now);
                    failed = Some(error);
                }
            }
        }
        let blind = self.kept.values().all(|kept| kept.quotas.is_none());
        match failed.or(forbidden.filter(|_| blind)) {
            Some(error) if answered == 0 => Err(error),
            _ => Ok(()),
        }
    }

    fn emit(&self) -> PartBuilder {
        let mut part = PartBuilder::new();
        let mut table = ComputeQuotas::default();
        let known = self.kept.iter().filter_map(|(id, kept)| Some((id, &kept.name, kept.quotas.as_ref()?)));
        for (id, name, quotas) in known {
            let text = id.to_string();
            emit_limits(&mut part, [name, &text], quotas);
            for ((_, metric), quota) in FIELDS.iter().zip(quotas) {
                if let Some(quota) = quota {
                    part.put(metric, ["in_use", name, &text], quota.in_use as f64);
                    part.put(metric, ["reserved", name, &text], quota.reserved as f64);
                    part.put(metric, ["limit", name, &text], quota.limit as f64);
                }
            }
            let [cores, instances, _, _, ram, ..] = *quotas;
            table.0.insert(id.clone(), ComputeQuota { instances, cores, memory_mib: ram });
        }
        part.table(Arc::new(table));
        part
    }
}

fn emit_limits(part: &mut PartBuilder, labels: [&str; 2], quotas: &Quotas) {
    let [cores, instances, _, _, ram, ..] = quotas;
    let families = [
        (cores, &LIMITS_VCPUS_MAX, &LIMITS_VCPUS_USED),
        (ram, &LIMITS_MEMORY_MAX, &LIMITS_MEMORY_USED),
        (instances, &LIMITS_INSTANCES_MAX, &LIMITS_INSTANCES_USED),
    ];
    for (quota, max, used) in families {
        if let Some(quota) = quota {
            part.put(max, labels, quota.limit as f64);
            part.put(used, labels, quota.in_use as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::collect::sealed::{rows, seal};

    fn answer(body: &[u8]) -> Quotas {
        serde_json::from_slice::<Answer>(body).unwrap().quotas()
    }

    fn old() -> Quotas {
        answer(include_bytes!("../../../tests/recordings/nova/quota-set-detail-2.1.json"))
    }

    fn projects(count: usize) -> Projects {
        let project = Project { name: Arc::from("p"), domain: Arc::from("d"), enabled: true };
        Projects((0..count).map(|n| (Id::new(&format!("{n:03}")), project.clone())).collect())
    }

    fn error(kind: ErrorKind) -> Error {
        Error::new(kind, "compute", "os-quota-sets", "test")
    }

    #[test]
    fn the_recorded_quotas() {
        let mut collector = Collector::default();
        collector.follow(&projects(1));
        collector.take(vec![(Id::new("000"), Ok(old()))], Instant::now()).unwrap();
        let part = seal(collector.emit());
        let row = |labels: &str, value: f64| (labels.to_owned(), value);
        assert_eq!(
            rows(&part, &CORES),
            [row("in_use|p|000", 289.0), row("reserved|p|000", 0.0), row("limit|p|000", 4000.0)]
        );
        assert_eq!(rows(&part, &LIMITS_VCPUS_MAX), [row("p|000", 4000.0)]);
        assert_eq!(rows(&part, &LIMITS_MEMORY_USED), [row("p|000", 4_257_280.0)]);
        assert_eq!(rows(&part, &FLOATING_IPS)[2], row("limit|p|000", -1.0));
        assert_eq!(part.tables.get::<ComputeQuotas>().unwrap().0[&Id::new("000")].instances.unwrap().limit, 20);
    }

    #[test]
    fn what_an_answer_lacks_has_no_sample() {
        let mut collector = Collector::default();
        collector.follow(&projects(1));
        let new = answer(include_bytes!("../../../tests/recordings/nova/quota-set-detail-2.57.json"));
        collector.take(vec![(Id::new("000"), Ok(new))], Instant::now()).unwrap();
        let part = seal(collector.emit());
        assert!(rows(&part, &FLOATING_IPS).is_empty() && rows(&part, &INJECTED_FILES).is_empty());
        assert_eq!(rows(&part, &CORES).len(), 3);
    }

    #[test]
    fn the_first_run_asks_all_later_runs_a_share_and_none_is_forgotten() {
        let mut collector = Collector::default();
        collector.follow(&projects(31));
        let mut now = Instant::now();
        let due = collector.due(15);
        assert_eq!(due.len(), 31);
        collector.take(due.into_iter().map(|id| (id, Ok(old()))).collect(), now).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..15 {
            now += Duration::from_secs(60);
            let due = collector.due(15);
            assert_eq!(due.len(), 3);
            seen.extend(due.iter().cloned());
            collector.take(due.into_iter().map(|id| (id, Ok(old()))).collect(), now).unwrap();
        }
        assert_eq!(seen.len(), 31);
        collector.follow(&projects(40));
        assert_eq!(collector.due(15).len(), 9, "new projects are asked at once");
        collector.follow(&projects(2));
        assert_eq!(collector.kept.len(), 2);
    }

    #[test]
    fn one_failure_loses_neither_the_others_nor_what_was_known() {
        let mut collector = Collector::default();
        collector.follow(&projects(2));
        let (a, b) = (Id::new("000"), Id::new("001"));
        let now = Instant::now();
        let answers = vec![(a.clone(), Ok(old())), (b.clone(), Err(error(ErrorKind::Server)))];
        collector.take(answers, now).unwrap();
        assert_eq!(collector.due(1000), std::slice::from_ref(&b), "asked again at once");
        collector.take(vec![(b.clone(), Ok(old()))], now).unwrap();
        assert!(collector.take(vec![(b.clone(), Err(error(ErrorKind::Timeout)))], now).is_err());
        assert!(collector.kept[&b].quotas.is_some());
        collector.take(vec![(b.clone(), Err(error(ErrorKind::Forbidden)))], now).unwrap();
        assert!(collector.kept[&b].quotas.is_none() && collector.kept[&a].quotas.is_some());
        assert!(collector.take(vec![(a, Err(error(ErrorKind::Forbidden)))], now).is_err(), "nothing is visible");
    }
}
