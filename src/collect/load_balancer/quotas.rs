//! Quotas of the load balancer service with their use.
//!
//! Octavia lists the projects whose limits were changed, and the default ones once, so no call per project is needed. It
//! does not tell the use: that is counted from lists, most of which other collectors of the service have read already.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::pools::Members;
use crate::collect::decode::{list, null_as_default};
use crate::collect::quota_rounds::projects_in_sight;
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx, quota};
use crate::model::id::Id;
use crate::model::inventory::load_balancer::LoadBalancers;
use crate::model::inventory::project::Projects;
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

/// Service as the quota families name it.
const SERVICE: &str = "load-balancer";

/// A thing that there is a quota for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Resource {
    HealthMonitor,
    L7Policy,
    L7Rule,
    Listener,
    LoadBalancer,
    Member,
    Pool,
}

/// All of them under Octavia's names.
const RESOURCES: [(&str, Resource); 7] = [
    ("healthmonitor", Resource::HealthMonitor),
    ("l7policy", Resource::L7Policy),
    ("l7rule", Resource::L7Rule),
    ("listener", Resource::Listener),
    ("loadbalancer", Resource::LoadBalancer),
    ("member", Resource::Member),
    ("pool", Resource::Pool),
];

/// Limits of a project, or the default ones; -1 is unlimited, none is the default.
#[derive(Default, Deserialize)]
struct Limits {
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    healthmonitor: Option<i64>,
    l7policy: Option<i64>,
    l7rule: Option<i64>,
    listener: Option<i64>,
    loadbalancer: Option<i64>,
    member: Option<i64>,
    pool: Option<i64>,
}

impl Limits {
    fn of(&self, resource: Resource) -> Option<i64> {
        match resource {
            Resource::HealthMonitor => self.healthmonitor,
            Resource::L7Policy => self.l7policy,
            Resource::L7Rule => self.l7rule,
            Resource::Listener => self.listener,
            Resource::LoadBalancer => self.loadbalancer,
            Resource::Member => self.member,
            Resource::Pool => self.pool,
        }
    }
}

#[derive(Deserialize)]
struct DefaultLimits {
    quota: Limits,
}

/// Something that counts against its project's quota.
#[derive(Deserialize)]
struct Owned {
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: Id,
    /// Of layer 7 policies.
    #[serde(default, deserialize_with = "null_as_default")]
    rules: Vec<IgnoredAny>,
}

/// Things by project; a resource whose things are not known is left out.
type Use = BTreeMap<Resource, BTreeMap<Id, u64>>;

/// Quotas.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            if !quota::METRICS.iter().any(|row| cx.keep.wants(row)) {
                return Ok(PartBuilder::new());
            }
            let (mut sight, mut own) = (Sight::of(cx).await, BTreeMap::new());
            let each = |limits: Limits| {
                sight.see(&limits.project_id);
                own.insert(Id::new(&limits.project_id), limits);
            };
            list(cx, Request::new("lbaas/quotas"), "quotas", each).await?;
            sight.report(cx);
            let defaults = defaults(cx).await?;
            let projects = projects_in_sight(cx, sight.sees_all()).await?;
            Ok(emit(&projects, &own, &defaults, &used(cx).await?))
        })
    }
}

/// Limits of projects whose own were never set; asked by the name of any project, so of the token's own.
async fn defaults(cx: &Cx) -> Result<Limits, Error> {
    let session = cx.client.cloud().session().await?;
    let Some(project) = &session.project_id else { return Ok(Limits::default()) };
    let request = Request::new(format!("lbaas/quotas/{project}/default"));
    match cx.client.get_json::<DefaultLimits>(request).await {
        Ok(answer) => Ok(answer.quota),
        Err(error) if matches!(error.kind, ErrorKind::Forbidden | ErrorKind::NotFound) => Ok(Limits::default()),
        Err(error) => Err(error),
    }
}

async fn used(cx: &Cx) -> Result<Use, Error> {
    let mut used = Use::new();
    if let Some(balancers) = cx.wait_for_table::<LoadBalancers>().await {
        let mut add = |resource, project: &Id, count: u32| {
            *used.entry(resource).or_default().entry(project.clone()).or_default() += u64::from(count);
        };
        for balancer in balancers.0.values() {
            add(Resource::LoadBalancer, &balancer.project, 1);
            add(Resource::Listener, &balancer.project, balancer.listeners);
            add(Resource::Pool, &balancer.project, balancer.pools);
        }
        for resource in [Resource::LoadBalancer, Resource::Listener, Resource::Pool] {
            used.entry(resource).or_default();
        }
    }
    if let Some(members) = cx.wait_for_table::<Members>().await {
        used.insert(Resource::Member, members.0.clone());
    }
    let mut monitors = BTreeMap::new();
    let each = |item: Owned| *monitors.entry(item.project_id).or_default() += 1;
    list(cx, Request::new("lbaas/healthmonitors"), "healthmonitors", each).await?;
    used.insert(Resource::HealthMonitor, monitors);
    let (mut policies, mut rules) = (BTreeMap::new(), BTreeMap::new());
    let each = |item: Owned| {
        *rules.entry(item.project_id.clone()).or_default() += item.rules.len() as u64;
        *policies.entry(item.project_id).or_default() += 1;
    };
    list(cx, Request::new("lbaas/l7policies"), "l7policies", each).await?;
    used.extend([(Resource::L7Policy, policies), (Resource::L7Rule, rules)]);
    Ok(used)
}

fn emit(projects: &Projects, own: &BTreeMap<Id, Limits>, defaults: &Limits, used: &Use) -> PartBuilder {
    let mut part = PartBuilder::new();
    let projects: Vec<_> = projects.0.iter().map(|(id, project)| (id, id.to_string(), project)).collect();
    for (name, resource) in RESOURCES {
        for (id, text, project) in &projects {
            let limit = own.get(id).and_then(|limits| limits.of(resource)).or(defaults.of(resource));
            let in_use = used.get(&resource).map(|by_project| by_project.get(id).copied().unwrap_or(0));
            quota::emit_known(&mut part, [SERVICE, name, text, &project.name], limit, in_use);
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{rows, seal};
    use std::sync::Arc;

    use crate::model::inventory::project::Project;

    #[test]
    fn limits_as_the_api_reference_shows_them_and_use_where_it_is_known() {
        let body = br#"{"loadbalancer": 10, "listener": -1, "member": 50, "pool": null, "healthmonitor": 3,
            "project_id": "e3cd678b11784734bc366148aa37580e", "l7policy": 5, "l7rule": 4, "load_balancer": 10}"#;
        let limits: Limits = serde_json::from_slice(body).unwrap();
        let defaults = Limits { pool: Some(7), loadbalancer: Some(-1), ..Limits::default() };
        let (a, b) = (Id::new(&limits.project_id), Id::new("b"));
        let project = |name| Project { name: Arc::from(name), domain: Arc::from("default"), enabled: true };
        let projects = Projects([(a.clone(), project("acme")), (b, project("bare"))].into());
        let used = Use::from([(Resource::LoadBalancer, [(a.clone(), 2)].into())]);
        let part = seal(emit(&projects, &[(a, limits)].into(), &defaults, &used));
        let found = |metric, resource: &str| -> Vec<(String, f64)> {
            let wanted = |labels: &str| labels.contains(&format!("|{resource}|"));
            let short = |labels: String| labels.rsplit('|').next().unwrap().to_owned();
            rows(&part, metric).into_iter().filter(|(l, _)| wanted(l)).map(|(l, v)| (short(l), v)).collect()
        };
        let row = |name: &str, value: f64| (name.to_owned(), value);
        assert_eq!(found(&quota::LIMIT, "loadbalancer"), [row("acme", 10.0), row("bare", -1.0)]);
        assert_eq!(found(&quota::LIMIT, "pool"), [row("acme", 7.0), row("bare", 7.0)], "the default of who has no own");
        assert_eq!(found(&quota::LIMIT, "l7rule"), [row("acme", 4.0)], "no default is known");
        assert_eq!(found(&quota::USED, "loadbalancer"), [row("acme", 2.0), row("bare", 0.0)]);
        assert_eq!(found(&quota::USED, "member"), [], "nobody has counted them");
        assert_eq!(rows(&part, &quota::RESERVED), []);
    }
}
