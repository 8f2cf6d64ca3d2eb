//! Disk size of each instance, from the usage report.

use serde::Deserialize;

use crate::collect::decode::{list, null_as_default};
use crate::collect::health::Visibility;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::microversion::Microversion;

crate::metrics! {
    /// Root and ephemeral disk of an instance's flavor in GiB.
    SERVER_LOCAL_GB = gauge "openstack_nova_server_local_gb" [name id tenant_id], Gibibytes, "GET /os-simple-tenant-usage?detailed=1", slow;
}

/// From here on it comes in pages; one project's, which is one object and no list, is asked for below.
const PAGED: Microversion = Microversion::new(2, 40);
const UNPAGED: Microversion = Microversion::new(2, 39);

/// The report of one project, which its own members may read too.
#[derive(Deserialize)]
struct One {
    tenant_usage: Project,
}

#[derive(Deserialize)]
struct Project {
    #[serde(default, deserialize_with = "null_as_default")]
    server_usages: Vec<Server>,
}

#[derive(Deserialize)]
struct Server {
    instance_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    tenant_id: String,
    local_gb: f64,
}

/// The usage report.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut part = PartBuilder::new();
            if !cx.settings.servers.per_instance || !cx.keep.wants(&SERVER_LOCAL_GB.descriptor) {
                return Ok(part);
            }
            // Without start and end the window is this moment: the instances that exist now.
            let mut servers = Vec::new();
            if let Some(id) = &cx.settings.scope.project_id {
                let version = cx.client.negotiate(UNPAGED).await?;
                let request = Request::new(format!("os-simple-tenant-usage/{id}")).at(version);
                servers = cx.client.get_json::<One>(request).await?.tenant_usage.server_usages;
                cx.report.add_items(1);
                cx.report.set_visibility(Visibility::Project);
            } else {
                let version = cx.client.negotiate(PAGED).await?;
                let request = Request::new("os-simple-tenant-usage").query("detailed", "1").at(version);
                list(cx, request, "tenant_usages", |project: Project| servers.extend(project.server_usages)).await?;
            }
            emit(servers, &mut part);
            Ok(part)
        })
    }
}

fn emit(mut servers: Vec<Server>, part: &mut PartBuilder) {
    servers.sort_unstable_by(|a, b| a.instance_id.cmp(&b.instance_id));
    for server in &servers {
        part.put(&SERVER_LOCAL_GB, [&server.name, &server.instance_id, &server.tenant_id], server.local_gb);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{rows, seal};

    #[test]
    fn the_recorded_usage() {
        let body = include_bytes!("../../../tests/recordings/nova/simple-tenant-usage-detailed.json");
        let projects = recorded::<Project>(body, "tenant_usages");
        let mut part = PartBuilder::new();
        emit(projects.into_iter().flat_map(|project| project.server_usages).collect(), &mut part);
        let rows = rows(&seal(part), &SERVER_LOCAL_GB);
        let acme = "acme-03|0ab9524b-fe89-4de6-a2e7-54986971035a|28b5568b7e144f17b12b1d70150d09bb";
        assert!(rows.contains(&(acme.to_owned(), 80.0)));
        assert!(rows.is_sorted_by_key(|(labels, _)| labels.split('|').nth(1).unwrap().to_owned()));
    }
}
