//! `flavors`, `flavors/detail`, `flavors/{id}`.

use super::{Nova, Result, error};
use crate::demo::call::Answer;
use crate::demo::json::{Json, Null};
use crate::demo::world::Flavor;

/// The object behind `extra_specs`.
pub(super) fn extra_specs(j: &mut Json, flavor: &Flavor) {
    j.key("extra_specs").object(|j| {
        for (key, value) in flavor.extra_specs() {
            j.put(&key, value);
        }
    });
}

impl Nova<'_> {
    pub(super) fn flavors(&self, detail: bool) -> Result<Answer> {
        let limit = self.limit()?;
        let admin = self.session.admin();
        let public = match self.call.param("is_public").as_deref() {
            Some("None" | "none") if admin => None,
            Some("False" | "false" | "0") if admin => Some(false),
            _ => Some(true),
        };
        let mut all: Vec<&Flavor> =
            self.call.world.flavors().iter().filter(|flavor| public.is_none_or(|public| flavor.public == public)).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        let start = match self.call.param("marker") {
            None => 0,
            Some(id) => {
                let missing = || error(400, &format!("marker [{id}] not found"));
                all.iter().position(|flavor| flavor.id == id).ok_or_else(missing)? + 1
            }
        };
        let page: Vec<&Flavor> = all.into_iter().skip(start).take(limit).collect();
        let last = page.last().filter(|_| page.len() == limit).map(|flavor| flavor.id.clone());
        let path = if detail { "/v2.1/flavors/detail" } else { "/v2.1/flavors" };
        Ok(Answer::object(|j| {
            j.key("flavors").array(|j| {
                for flavor in &page {
                    j.object(|j| if detail { self.write_flavor(j, flavor) } else { self.brief_flavor(j, flavor) });
                }
            });
            self.next_link(j, "flavors_links", path, last);
        }))
    }

    pub(super) fn flavor(&self, id: &str) -> Result<Answer> {
        let found = self.call.world.flavors().iter().find(|flavor| flavor.id == id);
        let flavor = found.ok_or_else(|| error(404, &format!("Flavor {id} could not be found.")))?;
        Ok(Answer::object(|j| {
            j.key("flavor").object(|j| self.write_flavor(j, flavor));
        }))
    }

    fn brief_flavor(&self, j: &mut Json, flavor: &Flavor) {
        j.put("id", &flavor.id).put("name", &flavor.name);
        self.links(j, "flavors", &flavor.id);
        if self.version >= 55 {
            j.put("description", Null);
        }
    }

    fn write_flavor(&self, j: &mut Json, flavor: &Flavor) {
        j.put("id", &flavor.id).put("name", &flavor.name).put("ram", flavor.ram).put("disk", flavor.disk);
        // Without swap it is an empty text until 2.75, a zero from then on.
        if flavor.swap == 0 && self.version < 75 { j.put("swap", "") } else { j.put("swap", flavor.swap) };
        j.put("OS-FLV-EXT-DATA:ephemeral", flavor.ephemeral);
        if self.version < 102 {
            j.put("OS-FLV-DISABLED:disabled", false);
        }
        j.put("vcpus", flavor.vcpus).put("os-flavor-access:is_public", flavor.public);
        if self.version < 102 {
            j.put("rxtx_factor", 1.0);
        }
        self.links(j, "flavors", &flavor.id);
        if self.version >= 55 {
            j.put("description", Null);
        }
        if self.version >= 61 {
            extra_specs(j, flavor);
        }
    }
}
