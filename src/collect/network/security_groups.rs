//! Security groups: how many, and their names.

use serde::Deserialize;

use super::with_fields;
use crate::collect::decode::{list, null_as_default};
use crate::collect::sight::Sight;
use crate::collect::{Collect, Collecting, Cx};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Security groups of all projects.
    SECURITY_GROUPS = gauge "openstack_neutron_security_groups" [], Count, "GET /v2.0/security-groups";
    /// A security group's name by its id, always 1; to join on.
    INFO = gauge "openstack_neutron_security_group_info" [security_group_id name project_id], Info, "GET /v2.0/security-groups";
}

#[derive(Deserialize)]
struct Item {
    id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    name: String,
    #[serde(default, deserialize_with = "null_as_default")]
    project_id: String,
    #[serde(default, deserialize_with = "null_as_default")]
    shared: bool,
}

/// Security groups.
pub(super) struct Collector;

impl Collect for Collector {
    fn collect<'a>(&'a mut self, cx: &'a Cx) -> Collecting<'a> {
        Box::pin(async move {
            let mut items = Vec::new();
            // Without their rules, which are most of the answer.
            let request = with_fields("security-groups", &["id", "name", "project_id", "shared"]);
            list(cx, request, "security_groups", |item: Item| items.push(item)).await?;
            let mut sight = Sight::of(cx).await;
            items.iter().filter(|item| !item.shared).for_each(|item| sight.see(&item.project_id));
            sight.report(cx);
            Ok(emit(&items, &sight))
        })
    }
}

fn emit(items: &[Item], sight: &Sight) -> PartBuilder {
    let mut part = PartBuilder::new();
    sight.count(&mut part, &SECURITY_GROUPS, items.len());
    for item in items {
        part.put(&INFO, [&item.id, &item.name, &item.project_id], 1.0);
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::decode::recorded;
    use crate::collect::sealed::{only, rows, seal};

    #[test]
    fn the_recorded_groups() {
        let body = include_bytes!("../../../tests/recordings/neutron/security-groups.json");
        let items = recorded::<Item>(body, "security_groups");
        let part = seal(emit(&items, &Sight::test(None)));
        assert_eq!(only(&part, &SECURITY_GROUPS), items.len() as f64);
        let globex = "11cfd0e4-cfcd-4026-be1a-d38b72c320bc|default|5680797f74df4363b955e3184f61dccf";
        assert_eq!(rows(&part, &INFO)[0], (globex.to_owned(), 1.0));
    }
}
