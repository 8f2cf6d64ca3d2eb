//! Trove: database instances.
//!
//! Administrators read the management list of all projects; whoever may not is shown the own project's. Neither says
//! how full a volume is where the guest is not asked, and then there is no sample, where openstack-exporter prints 0.

use serde::Deserialize;

use super::decode::{list, null_as_default};
use super::health::Visibility;
use super::{Cadence, Collect, Collecting, CollectorSpec, Cx, Service};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

crate::metrics! {
    /// Database instances of all projects, members of clusters left out.
    TOTAL_INSTANCES = gauge "openstack_trove_total_instances" [], Count, "GET /v1.0/{project}/mgmt/instances (on 403: GET /v1.0/{project}/instances)";
    /// Status of a database instance as a number: 1 BUILD, 2 ACTIVE, 6 RESTART_REQUIRED, 10 SHUTDOWN, 12 ERROR, ... (see docs), -1 any other.
    INSTANCE_STATUS = gauge "openstack_trove_instance_status" [datastore_type datastore_version health_status id name region status tenant_id], State, "GET /v1.0/{project}/mgmt/instances (on 403: GET /v1.0/{project}/instances)";
    /// Size of a database instance's volume in GiB.
    VOLUME_SIZE = gauge "openstack_trove_instance_volume_size_gb" [datastore_type datastore_version health_status id name region status tenant_id], Gibibytes, "GET /v1.0/{project}/mgmt/instances (on 403: GET /v1.0/{project}/instances)";
    /// Used part of a database instance's volume in GiB, where Trove tells it.
    VOLUME_USED = gauge "openstack_trove_instance_volume_used_gb" [datastore_type datastore_version health_status id name region status tenant_id], Gibibytes, "GET /v1.0/{project}/mgmt/instances (on 403: GET /v1.0/{project}/instances)";
    /// 1 while every permitted collector of the service succeeds.
    UP = gauge "openstack_trove_up" [], Bool, "derived: the last run of every permitted collector";
}

/// The service.
pub static SERVICE: Service = Service {
    name: "database",
    catalog_types: &["database"],
    tables: &[METRICS],
    up: &UP,
    collectors: &[CollectorSpec { name: "database.instances", cadence: Cadence::Fast, make: || Box::new(Instances) }],
};

/// openstack-exporter's numbers of statuses: places in this list.
const STATUSES: [&str; 13] = [
    "NEW",
    "BUILD",
    "ACTIVE",
    "REBOOT",
    "RESIZE",
    "UPGRADE",
    "RESTART_REQUIRED",
    "PROMOTE",
    "EJECT",
    "DETACH",
    "SHUTDOWN",
    "BACKUP",
    "ERROR",
];

#[derive(Deserialize)]
struct Instance {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    status: String,
    #[serde(default, deserialize_with = "null_as_default")]
    region: String,
    #[serde(default, deserialize_with = "null_as_default")]
    tenant_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    datastore: Datastore,
    volume: Option<Volume>,
    /// The name that openstack-exporter reads; Trove itself gives one of the two below.
    health_status: Option<String>,
    operating_status: Option<String>,
    service_status: Option<String>,
}

#[derive(Default, Deserialize)]
struct Datastore {
    #[serde(rename = "type", default, deserialize_with = "null_as_default")]
    kind: String,
    #[serde(default, deserialize_with = "null_as_default")]
    version: String,
}

#[derive(Default, Deserialize)]
struct Volume {
    size: Option<f64>,
    used: Option<f64>,
}

/// Database instances.
struct Instances;

impl Collect for Instances {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let all = Request::new("mgmt/instances").query("include_clustered", "False").query("deleted", "False");
            let mut instances = match read(cx, all).await {
                Err(error) if error.kind == ErrorKind::Forbidden => read_own(cx).await?,
                result => result?,
            };
            instances.retain(|instance| cx.settings.holds_project(&instance.tenant_id));
            Ok(emit(&instances, cx.settings.compat))
        })
    }
}

async fn read(cx: &Cx, request: Request<'_>) -> Result<Vec<Instance>, Error> {
    let mut instances = Vec::new();
    list(cx, request, "instances", |instance: Instance| instances.push(instance)).await?;
    Ok(instances)
}

/// The own project's instances; the list does not say whose they are.
async fn read_own(cx: &Cx) -> Result<Vec<Instance>, Error> {
    cx.report.set_visibility(Visibility::Project);
    let mut instances = read(cx, Request::new("instances")).await?;
    let session = cx.client.cloud().session().await?;
    let own = session.project_id.as_deref().unwrap_or_default();
    let nameless = instances.iter_mut().filter(|instance| instance.tenant_id.is_empty());
    nameless.for_each(|instance| own.clone_into(&mut instance.tenant_id));
    Ok(instances)
}

fn emit(instances: &[Instance], compat: bool) -> PartBuilder {
    let mut part = PartBuilder::new();
    part.put(&TOTAL_INSTANCES, [], instances.len() as f64);
    for instance in instances {
        let health = match (&instance.health_status, compat) {
            // Empty while Trove has not heard of it.
            (None, false) => {
                let operating = instance.operating_status.as_deref().filter(|status| !status.is_empty());
                operating.or(instance.service_status.as_deref())
            }
            (known, _) => known.as_deref(),
        };
        let labels = [
            &*instance.datastore.kind,
            &instance.datastore.version,
            health.unwrap_or_default(),
            &instance.id,
            &instance.name,
            &instance.region,
            &instance.status,
            &instance.tenant_id,
        ];
        let number = STATUSES.iter().position(|known| *known == instance.status).map_or(-1.0, |at| at as f64);
        part.put(&INSTANCE_STATUS, labels, number);
        let volume = instance.volume.as_ref();
        for (metric, value) in [
            (&VOLUME_SIZE, volume.and_then(|volume| volume.size)),
            (&VOLUME_USED, volume.and_then(|volume| volume.used)),
        ] {
            if let Some(value) = value.or(compat.then_some(0.0)) {
                part.put(metric, labels, value);
            }
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    fn part(compat: bool) -> crate::model::part::Part {
        let body = include_bytes!("../../tests/recordings/trove/mgmt-instances.json");
        seal(emit(&recorded(body, "instances"), compat))
    }

    #[test]
    fn instances_as_trove_gives_them() {
        let part = part(false);
        assert_eq!(only(&part, &TOTAL_INSTANCES), 3.0);
        let statuses = rows(&part, &INSTANCE_STATUS);
        let first = "mysql|5.7|HEALTHY|7de1bed8-6983-4d46-9a52-0abfbb0d27a2|test|RegionOne|ACTIVE|9f8dd5eacb074c9f87d2d822c9092aa5";
        assert_eq!(statuses[0], (first.to_owned(), 2.0));
        assert!(
            statuses[1].0.starts_with("mysql|5.7|NEW|b76a6a76"),
            "older ones say service_status: {}",
            statuses[1].0
        );
        assert_eq!(statuses.iter().map(|row| row.1).collect::<Vec<_>>(), [2.0, 12.0, -1.0]);
        assert_eq!(rows(&part, &VOLUME_SIZE).iter().map(|row| row.1).collect::<Vec<_>>(), [20.0, 1.0]);
        let used = rows(&part, &VOLUME_USED);
        assert_eq!(used, [(first.to_owned(), 0.4)], "nobody knows of the others, and so there is no 0");
    }

    #[test]
    fn instances_as_openstack_exporter_prints_them() {
        let part = part(true);
        let first =
            "mysql|5.7||7de1bed8-6983-4d46-9a52-0abfbb0d27a2|test|RegionOne|ACTIVE|9f8dd5eacb074c9f87d2d822c9092aa5";
        assert_eq!(rows(&part, &VOLUME_SIZE)[0], (first.to_owned(), 20.0));
        assert_eq!(rows(&part, &VOLUME_USED).iter().map(|row| row.1).collect::<Vec<_>>(), [0.4, 0.0, 0.0]);
    }
}
