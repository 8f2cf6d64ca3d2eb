//! Projects; for credentials that may not list them, those that they may enter.

use std::sync::Arc;

use serde::Deserialize;

use super::of_domain;
use crate::collect::decode::{bool_label, list, null_as_default, table_soon};
use crate::collect::health::Visibility;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::id::Id;
use crate::model::inventory::project::{Domains, EveryProject, Project, Projects};
use crate::model::part::PartBuilder;
use crate::openstack::client::Request;
use crate::openstack::error::{Error, ErrorKind};

crate::metrics! {
    /// Projects of all domains (or of what `collect.scope` names).
    PROJECTS = gauge "openstack_identity_projects" [], Count, "GET /v3/projects (on 403: GET /v3/auth/projects)";
    /// A project, always 1; tags are joined by commas.
    PROJECT_INFO = gauge "openstack_identity_project_info" [is_domain description domain_id enabled id name parent_id tags], Info,
        "GET /v3/projects (on 403: GET /v3/auth/projects)";
    /// A project's name and domain (name, or id where names may not be read) by its id, always 1; to join on.
    INFO = gauge "stackcast_project_info" [entity name domain], Info, "GET /v3/projects, GET /v3/domains";
}

#[derive(Default, Deserialize)]
struct Item {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    description: String,
    #[serde(default, deserialize_with = "null_as_default")]
    domain_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    parent_id: String,
    #[serde(default = "enabled")]
    enabled: bool,
    #[serde(default)]
    is_domain: bool,
    #[serde(default, deserialize_with = "null_as_default")]
    tags: Vec<String>,
}

fn enabled() -> bool {
    true
}

/// One project, asked for by id.
#[derive(Deserialize)]
struct One {
    project: Item,
}

/// Projects.
#[derive(Default)]
pub(super) struct Collector {
    ran: bool,
}

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let (mut items, known) = read(cx).await?;
            items.sort_by(|a, b| a.id.cmp(&b.id));
            let domains = if self.ran { cx.table::<Domains>() } else { table_soon::<Domains>(cx).await };
            self.ran = true;
            Ok(emit(&items, known, domains.as_deref()))
        })
    }
}

/// How far projects are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Every one.
    All,
    /// Those that the token may enter, or that were chosen.
    Some,
    /// The token's own, by name only.
    Own,
}

/// The projects, and how far they are known.
async fn read(cx: &Cx) -> Result<(Vec<Item>, Known), Error> {
    let chosen = cx.settings.scope.project_id.as_deref();
    let asked = match chosen {
        Some(id) => cx.client.get_json(Request::new(format!("projects/{id}"))).await.map(|one: One| vec![one.project]),
        None => listed(cx, of_domain(cx, "projects")).await,
    };
    let forbidden = match asked {
        Ok(items) => {
            cx.report.add_items(usize::from(chosen.is_some()));
            let all = cx.settings.scope.includes_all() && !super::is_of_domain(cx).await;
            return Ok((items, if all { Known::All } else { Known::Some }));
        }
        Err(error) if error.kind == ErrorKind::Forbidden => error,
        Err(error) => return Err(error),
    };
    cx.report.set_visibility(Visibility::Project);
    let mut own = listed(cx, Request::new("auth/projects")).await.unwrap_or_default();
    own.retain(|item| cx.settings.scope.includes(&item.id, &item.domain_id));
    if !own.is_empty() {
        return Ok((own, Known::Some));
    }
    // Application credentials may be barred from auth/projects too; the token itself names one project.
    let session = cx.client.cloud().session().await?;
    // Its domain is not known here, so that it can lie in no chosen one.
    match session.project_id.clone().filter(|id| cx.settings.scope.includes(id, "")) {
        Some(id) => {
            let name = session.project_name.clone().unwrap_or_default();
            Ok((vec![Item { id, name, enabled: true, ..Item::default() }], Known::Own))
        }
        None => Err(forbidden),
    }
}

async fn listed(cx: &Cx, request: Request<'_>) -> Result<Vec<Item>, Error> {
    let mut items = Vec::new();
    list(cx, request, "projects", |item: Item| items.push(item)).await?;
    Ok(items)
}

fn emit(items: &[Item], known: Known, domains: Option<&Domains>) -> PartBuilder {
    let mut part = PartBuilder::new();
    if known != Known::Own {
        emit_listed(items, &mut part);
    }
    if known == Known::All {
        part.table(Arc::new(EveryProject));
    }
    let mut table = Projects::default();
    for item in items {
        let domain = domains.and_then(|domains| domains.0.get(&*item.domain_id)).map_or(&*item.domain_id, |name| name);
        part.put(&INFO, [&item.id, &item.name, domain], 1.0);
        let project =
            Project { name: Arc::from(&*item.name), domain: Arc::from(&*item.domain_id), enabled: item.enabled };
        table.0.insert(Id::new(&item.id), project);
    }
    part.table(Arc::new(table));
    part
}

fn emit_listed(items: &[Item], part: &mut PartBuilder) {
    part.put(&PROJECTS, [], items.len() as f64);
    for item in items {
        let tags = item.tags.join(",");
        let labels = [
            bool_label(item.is_domain),
            &item.description,
            &item.domain_id,
            bool_label(item.enabled),
            &item.id,
            &item.name,
            &item.parent_id,
            &tags,
        ];
        part.put(&PROJECT_INFO, labels, 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn the_recorded_projects() {
        let items = recorded::<Item>(include_bytes!("../../../tests/recordings/keystone/projects.json"), "projects");
        let domains = Domains([(Arc::from("default"), Arc::from("Default"))].into());
        let part = seal(emit(&items, Known::All, Some(&domains)));
        assert_eq!(only(&part, &PROJECTS), items.len() as f64);
        let infos = rows(&part, &PROJECT_INFO);
        assert_eq!(infos[0].0, "false|seeded: acme|default|true|28b5568b7e144f17b12b1d70150d09bb|acme|default|");
        assert!(infos[2].0.contains("|false|50386c6bac164ff29c640c09275b306c|corp-closed|"), "a disabled project");
        let joins = rows(&part, &INFO);
        assert_eq!(joins[0].0, "28b5568b7e144f17b12b1d70150d09bb|acme|Default");
        assert_eq!(joins[1].0, "396848f0ed2640e7ab8688c95001966e|corp-lab|fef66b8eee884abda94668739c25b4f4");
        let table = part.tables.get::<Projects>().unwrap();
        assert!(!table.0[&Id::new("50386c6bac164ff29c640c09275b306c")].enabled);
    }

    #[test]
    fn tags_are_joined_by_commas() {
        let body =
            br#"{"projects": [{"id": "a", "name": "n", "tags": ["x", "y"], "parent_id": null, "enabled": true}]}"#;
        let items = recorded::<Item>(body, "projects");
        let part = seal(emit(&items, Known::All, None));
        assert_eq!(rows(&part, &PROJECT_INFO)[0].0, "false|||true|a|n||x,y");
    }

    #[test]
    fn of_a_project_known_from_the_token_only_its_name_is_said() {
        let own = Item { id: "a".into(), name: "n".into(), enabled: true, ..Item::default() };
        let part = seal(emit(&[own], Known::Own, None));
        assert!(rows(&part, &PROJECTS).is_empty() && rows(&part, &PROJECT_INFO).is_empty());
        assert_eq!(rows(&part, &INFO), [("a|n|".to_owned(), 1.0)]);
    }
}
