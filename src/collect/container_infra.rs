//! Magnum: clusters and its conductors.
//!
//! Administrators get the clusters of all projects without asking, everyone else silently their own. Only the detailed
//! list says whose a cluster is, so that one is read; openstack-exporter reads the short one.

use serde::Deserialize;

use super::decode::{list, null_as_default, text_or_number};
use super::sight::Sight;
use super::{Cadence, Collect, Collecting, CollectorSpec, Cx, Service};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

crate::metrics! {
    /// Clusters of all projects.
    TOTAL_CLUSTERS = gauge "openstack_container_infra_total_clusters" [], Count, "GET /v1/clusters/detail";
    /// Master nodes of a cluster.
    CLUSTER_MASTERS = gauge "openstack_container_infra_cluster_masters" [uuid name stack_id status node_count project_id], Count, "GET /v1/clusters/detail";
    /// Worker nodes of a cluster.
    CLUSTER_NODES = gauge "openstack_container_infra_cluster_nodes" [uuid name stack_id status master_count project_id], Count, "GET /v1/clusters/detail";
    /// Status of a cluster as a number: 0 CREATE_COMPLETE, 1 CREATE_FAILED, 4 UPDATE_FAILED, 5 UPDATE_COMPLETE, 7 DELETE_FAILED, ... (see docs), -1 any other.
    CLUSTER_STATUS = gauge "openstack_container_infra_cluster_status" [uuid name stack_id status node_count master_count project_id], State, "GET /v1/clusters/detail";
    /// A cluster's template, version and health as its own API reports it, always 1.
    CLUSTER_INFO = gauge "openstack_container_infra_cluster_info" [uuid name project_id cluster_template_id coe_version health_status], Info, "GET /v1/clusters/detail";
    /// A conductor's state: 1 up, 0 down.
    AGENT_STATE = gauge "openstack_container_infra_agent_state" [id hostname service adminState disabledReason], State, "GET /v1/mservices";
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_container_infra_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "container-infra",
    catalog_types: &["container-infra", "container-infrastructure-management"],
    tables: &[METRICS],
    up: &UP,
    collectors: &[
        CollectorSpec { name: "container_infra.clusters", cadence: Cadence::Fast, make: || Box::new(Clusters) },
        CollectorSpec { name: "container_infra.agents", cadence: Cadence::Fast, make: || Box::new(Agents) },
    ],
};

/// openstack-exporter's numbers of statuses: places in this list.
const STATUSES: [&str; 18] = [
    "CREATE_COMPLETE",
    "CREATE_FAILED",
    "CREATE_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "UPDATE_FAILED",
    "UPDATE_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_FAILED",
    "DELETE_COMPLETE",
    "RESUME_COMPLETE",
    "RESUME_FAILED",
    "RESTORE_COMPLETE",
    "ROLLBACK_IN_PROGRESS",
    "ROLLBACK_FAILED",
    "ROLLBACK_COMPLETE",
    "SNAPSHOT_COMPLETE",
    "CHECK_COMPLETE",
    "ADOPT_COMPLETE",
];

#[derive(Deserialize)]
struct Cluster {
    uuid: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    stack_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    cluster_template_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    coe_version: String,
    #[serde(default, deserialize_with = "null_as_default")]
    health_status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    node_count: u32,
    #[serde(default, deserialize_with = "null_as_default")]
    master_count: u32,
}

#[derive(Deserialize)]
struct Agent {
    #[serde(deserialize_with = "text_or_number")]
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    host: String,
    #[serde(default, deserialize_with = "null_as_default")]
    binary: String,
    #[serde(default, deserialize_with = "null_as_default")]
    state: String,
    #[serde(default, deserialize_with = "null_as_default")]
    disabled: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    disabled_reason: String,
}

/// Clusters.
struct Clusters;

impl Collect for Clusters {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut clusters = match cx.settings.compat {
                true => read(cx, "clusters").await?,
                false => match read(cx, "clusters/detail").await {
                    Err(error) if error.kind == ErrorKind::Forbidden => read(cx, "clusters").await?,
                    result => result?,
                },
            };
            let sight = Sight::of(cx).await;
            sight.report(cx);
            clusters.retain(|cluster| cx.settings.holds_project(&cluster.project_id));
            Ok(emit(&clusters, &sight))
        })
    }
}

async fn read(cx: &Cx, path: &'static str) -> Result<Vec<Cluster>, Error> {
    let mut clusters = Vec::new();
    list(cx, Request::new(path), "clusters", |cluster: Cluster| clusters.push(cluster)).await?;
    Ok(clusters)
}

fn emit(clusters: &[Cluster], sight: &Sight) -> PartBuilder {
    let mut part = PartBuilder::new();
    sight.count(&mut part, &TOTAL_CLUSTERS, clusters.len());
    for cluster in clusters {
        let Cluster { uuid, name, stack_id, status, project_id, .. } = cluster;
        let (nodes, masters) = (cluster.node_count.to_string(), cluster.master_count.to_string());
        let number = STATUSES.iter().position(|known| known == status).map_or(-1.0, |at| at as f64);
        let labels = [uuid, name, stack_id, status, &nodes, project_id];
        part.put(&CLUSTER_MASTERS, labels.map(String::as_str), f64::from(cluster.master_count));
        let labels = [uuid, name, stack_id, status, &masters, project_id];
        part.put(&CLUSTER_NODES, labels.map(String::as_str), f64::from(cluster.node_count));
        let labels = [uuid, name, stack_id, status, &nodes, &masters, project_id];
        part.put(&CLUSTER_STATUS, labels.map(String::as_str), number);
        let Cluster { cluster_template_id, coe_version, health_status, .. } = cluster;
        let labels = [uuid, name, project_id, cluster_template_id, coe_version, health_status];
        part.put(&CLUSTER_INFO, labels.map(String::as_str), 1.0);
    }
    part
}

/// Conductors.
struct Agents;

impl Collect for Agents {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            list(cx, Request::new("mservices"), "mservices", |agent: Agent| emit_agent(&agent, &mut part)).await?;
            Ok(part)
        })
    }
}

fn emit_agent(agent: &Agent, part: &mut PartBuilder) {
    let admin = if agent.disabled { "disabled" } else { "enabled" };
    let labels = [&*agent.id, &agent.host, &agent.binary, admin, &agent.disabled_reason];
    part.put(&AGENT_STATE, labels, f64::from(u8::from(agent.state == "up")));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn clusters_of_every_kind_of_status() {
        let body = include_bytes!("../../tests/recordings/magnum/clusters-detail.json");
        let part = seal(emit(&recorded(body, "clusters"), &Sight::test(None)));
        assert_eq!(only(&part, &TOTAL_CLUSTERS), 3.0);
        let first = "746e779a-751a-456b-a3e9-c883d734946f|k8s|9c6f1169-7300-4d08-a444-d2be38758719|CREATE_COMPLETE";
        let project = "0cbd49cbf76d405d9c86562e1d579bd3";
        assert_eq!(rows(&part, &CLUSTER_MASTERS)[0], (format!("{first}|4|{project}"), 3.0));
        assert_eq!(rows(&part, &CLUSTER_NODES)[0], (format!("{first}|3|{project}"), 4.0));
        assert_eq!(rows(&part, &CLUSTER_STATUS)[0], (format!("{first}|4|3|{project}"), 0.0));
        let statuses: Vec<f64> = rows(&part, &CLUSTER_STATUS).into_iter().map(|(_, value)| value).collect();
        assert_eq!(statuses, [0.0, 4.0, -1.0], "UPDATE_FAILED, and RESUME_IN_PROGRESS, which has no number");
        let infos = rows(&part, &CLUSTER_INFO);
        let template = "0562d357-8641-4759-8fed-8173f02c9633";
        assert_eq!(
            infos[0].0,
            format!("746e779a-751a-456b-a3e9-c883d734946f|k8s|{project}|{template}|v1.27.4|HEALTHY")
        );
        assert!(infos[1].0.ends_with("||"), "no version and no health before there is an API: {}", infos[1].0);
    }

    #[test]
    fn the_short_list_does_not_say_whose_they_are() {
        let body = include_bytes!("../../tests/recordings/magnum/clusters.json");
        let part = seal(emit(&recorded(body, "clusters"), &Sight::test(None)));
        let expected =
            "731387cf-a92b-4c36-981e-3271d63e5597|k8s|31c1ee6c-081e-4f39-9f0f-f1d87a7defa1|CREATE_IN_PROGRESS|1|1|";
        assert_eq!(rows(&part, &CLUSTER_STATUS), [(expected.to_owned(), 2.0)]);
    }

    #[test]
    fn conductors() {
        let body = include_bytes!("../../tests/recordings/magnum/mservices.json");
        let mut part = PartBuilder::new();
        recorded::<Agent>(body, "mservices").iter().for_each(|agent| emit_agent(agent, &mut part));
        let expected = [
            ("1|magnum-manager|magnum-conductor|enabled|".to_owned(), 1.0),
            ("2|magnum-2|magnum-conductor|disabled|upgrade".to_owned(), 0.0),
        ];
        assert_eq!(rows(&seal(part), &AGENT_STATE), expected);
    }
}
