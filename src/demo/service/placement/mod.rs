//! Placement: providers with generations, inventories, usages, traits, aggregates, allocations.
//!
//! GPU hosts have nested providers. Generations rise when something is allocated or moved away, not when it is deleted.

mod allocations;

use super::Service;
use crate::demo::call::{Answer, Call};
use crate::demo::json::{self, Json, Uuid};
use crate::demo::world::host::{CPU_RATIO, GPU_PROVIDERS, GPUS, RESERVED_MB};
use crate::demo::world::seed::{Kind, parse_id, uuid};
use crate::demo::world::Host;

pub(super) const SERVICE: Service = Service {
    name: "placement",
    base: "placement",
    shared: false,
    catalog: &[("placement", "placement", "")],
    answer,
};

type Result<T> = std::result::Result<T, Answer>;

/// A request that may be answered, at a microversion `1.N`.
struct Placement<'a> {
    call: &'a Call<'a>,
    version: u16,
}

/// A provider: a host, or one of the GPU groups below it.
#[derive(Clone, Copy)]
struct Provider<'a> {
    row: u32,
    host: &'a Host,
    gpu: Option<u32>,
}

const TRAITS: [&str; 8] = [
    "COMPUTE_NODE",
    "COMPUTE_TRUSTED_CERTS",
    "COMPUTE_DEVICE_TAGGING",
    "COMPUTE_NET_ATTACH_INTERFACE",
    "COMPUTE_VOLUME_MULTI_ATTACH",
    "COMPUTE_IMAGE_TYPE_QCOW2",
    "HW_CPU_X86_AVX2",
    "OWNER_NOVA",
];
const EXTRA_TRAITS: [&str; 3] = ["CUSTOM_SSD", "CUSTOM_GPU_A100", "COMPUTE_STATUS_DISABLED"];
const CLASSES: [&str; 6] = ["VCPU", "MEMORY_MB", "DISK_GB", "PCPU", "VGPU", "CUSTOM_GPU"];

fn answer(call: &Call<'_>) -> Answer {
    if call.path.is_empty() {
        return versions(call).with("openstack-api-version", "placement 1.0").with("vary", "openstack-api-version");
    }
    let Some(session) = call.session() else { return Answer::unauthorized(call) };
    let version = match negotiate(call) {
        Ok(version) => version,
        Err(refused) => return refused,
    };
    let placement = Placement { call, version };
    let answer = if session.admin() { placement.dispatch() } else { Err(placement.forbidden()) };
    let answer = match answer {
        Ok(answer) if version >= 15 => answer.with("cache-control", "no-cache"),
        Ok(answer) | Err(answer) => answer,
    };
    answer.with("openstack-api-version", format!("placement 1.{version}")).with("vary", "openstack-api-version")
}

fn versions(call: &Call<'_>) -> Answer {
    Answer::object(|j| {
        j.key("versions").array(|j| {
            j.object(|j| {
                j.put("id", "v1.0").put("max_version", format!("1.{}", call.cloud.settings.placement_max_microversion));
                j.put("min_version", "1.0").put("status", "CURRENT").key("links").array(|j| {
                    j.object(|j| {
                        j.put("rel", "self").put("href", &call.root);
                    });
                });
            });
        });
    })
}

fn negotiate(call: &Call<'_>) -> Result<u16> {
    let newest = call.cloud.settings.placement_max_microversion;
    let asked = call.header("openstack-api-version").and_then(|header| {
        header.split(',').find_map(|one| one.trim().strip_prefix("placement ").map(str::trim))
    });
    let minor = match asked {
        None => return Ok(0),
        Some("latest") => return Ok(newest),
        Some(text) => text.split_once('.').and_then(|(major, minor)| Some((major.parse::<u16>().ok()?, minor.parse().ok()?))),
    };
    let asked = asked.unwrap_or_default();
    match minor {
        Some((1, minor)) if minor <= newest => Ok(minor),
        Some(_) => {
            let detail = "The resource could not be generated that was acceptable to your browser (content of type \
                          application/json. \n\n Invalid microversion: Unacceptable version header: ";
            Err(error(call, 406, "Not Acceptable", &format!("{detail}{asked}"), Some(newest)))
        }
        None => {
            let detail = format!("invalid version string: {asked}");
            Err(error(call, 400, "Bad Request", &detail, None))
        }
    }
}

/// An error in Placement's form; the range only comes with 406, the code with all others.
fn error(call: &Call<'_>, status: u16, title: &str, detail: &str, newest: Option<u16>) -> Answer {
    let body = json::object(|j| {
        j.key("errors").array(|j| {
            j.object(|j| {
                j.put("status", status).put("title", title).put("detail", detail);
                if newest.is_none() {
                    j.put("code", "placement.undefined_code");
                }
                j.put("request_id", &call.request_id);
                if let Some(newest) = newest {
                    j.put("max_version", format!("1.{newest}")).put("min_version", "1.0");
                }
            });
        });
    });
    Answer::new(status, body)
}

impl<'a> Provider<'a> {
    fn uuid(&self, seed: u64) -> u128 {
        match self.gpu {
            None => self.host.uuid,
            Some(slot) => uuid(seed, Kind::Provider, u64::from(self.row * GPU_PROVIDERS + slot)),
        }
    }

    fn generation(&self) -> u32 {
        let nested = |slot: u32| self.host.gpu_generations.get(slot as usize).copied().unwrap_or(0);
        self.gpu.map_or(self.host.generation, nested)
    }

    /// class, total, reserved, ratio, used
    fn resources(&self) -> Vec<(&'static str, u64, u64, f64, u64)> {
        let (total, used) = (self.host.total, self.host.used);
        match self.gpu {
            Some(slot) => {
                let used = self.host.gpus_used.get(slot as usize).copied().unwrap_or(0);
                vec![("CUSTOM_GPU", u64::from(GPUS), 0, 1.0, u64::from(used))]
            }
            None => vec![
                ("VCPU", total.vcpus, 0, CPU_RATIO, used.vcpus),
                ("MEMORY_MB", total.memory_mb, RESERVED_MB, 1.0, used.memory_mb),
                ("DISK_GB", total.disk_gb, 0, 1.0, used.disk_gb),
            ],
        }
    }
}

impl<'a> Placement<'a> {
    fn dispatch(&self) -> Result<Answer> {
        let since = |minor: u16| self.version >= minor;
        match self.call.path.as_slice() {
            ["resource_providers"] => Ok(self.list()),
            ["resource_providers", id] => {
                let provider = self.find(id)?;
                Ok(Answer::object(|j| self.write(j, provider)))
            }
            ["resource_providers", id, "inventories"] => Ok(self.inventories(self.find(id)?)),
            ["resource_providers", id, "usages"] => Ok(self.usages(self.find(id)?)),
            ["resource_providers", id, "traits"] if since(6) => Ok(self.traits(self.find(id)?)),
            ["resource_providers", id, "aggregates"] if since(1) => Ok(self.aggregates(self.find(id)?)),
            ["resource_providers", id, "allocations"] => Ok(self.allocations(self.find(id)?)),
            ["allocations", id] => Ok(self.consumer(id)),
            ["usages"] if since(9) => self.project_usages(),
            ["resource_classes"] if since(2) => Ok(self.classes()),
            ["traits"] if since(6) => Ok(self.all_traits()),
            _ => Err(error(self.call, 404, "Not Found", "The resource could not be found.\n\n   ", None)),
        }
    }

    fn forbidden(&self) -> Answer {
        let rule = self.call.path.first().copied().unwrap_or_default();
        let detail = format!(
            "Access was denied to this resource.\n\n Policy does not allow placement:{rule}:list to be performed.  "
        );
        error(self.call, 403, "Forbidden", &detail, None)
    }

    /// Roots and what hangs below them.
    fn providers(&self) -> impl Iterator<Item = Provider<'_>> {
        (0u32..).zip(self.call.world.hosts()).flat_map(|(row, host)| {
            let nested = (0..if host.gpu { GPU_PROVIDERS } else { 0 }).map(Some);
            std::iter::once(None).chain(nested).map(move |gpu| Provider { row, host, gpu })
        })
    }

    fn find(&self, id: &str) -> Result<Provider<'_>> {
        let seed = self.call.world.seed;
        let wanted = parse_id(id);
        self.providers().find(|provider| Some(provider.uuid(seed)) == wanted).ok_or_else(|| {
            let detail = format!("The resource could not be found.\n\n No resource provider with uuid {id} found  ");
            error(self.call, 404, "Not Found", &detail, None)
        })
    }

    fn name(&self, provider: Provider<'_>) -> String {
        match provider.gpu {
            None => provider.host.hostname.clone(),
            Some(slot) => format!("{}_pci_0000:{:02x}:00.0", provider.host.hostname, 0x3b + slot * 0x40),
        }
    }

    fn list(&self) -> Answer {
        let seed = self.call.world.seed;
        let (name, id, tree) = (self.call.param("name"), self.call.param("uuid"), self.call.param("in_tree"));
        let (id, tree) = (id.map(|id| parse_id(&id)), tree.map(|id| parse_id(&id)));
        let root = tree.map(|tree| self.providers().find(|p| Some(p.uuid(seed)) == tree).map(|p| p.row));
        let wanted = |provider: &Provider<'_>| {
            name.as_ref().is_none_or(|name| self.name(*provider) == *name)
                && id.is_none_or(|id| Some(provider.uuid(seed)) == id)
                && root.is_none_or(|root| root == Some(provider.row))
        };
        let mut j = Json::with_capacity(self.call.world.hosts().len() * 900);
        j.object(|j| {
            j.key("resource_providers").array(|j| {
                for provider in self.providers().filter(wanted) {
                    j.object(|j| self.write(j, provider));
                }
            });
        });
        Answer::new(200, j.into_bytes())
    }

    fn write(&self, j: &mut Json, provider: Provider<'_>) {
        let id = Uuid(provider.uuid(self.call.world.seed));
        j.put("uuid", id).put("name", self.name(provider)).put("generation", provider.generation());
        let root = &self.call.root;
        j.key("links").array(|j| {
            j.object(|j| {
                j.put("rel", "self").put("href", json::Plain(format_args!("{root}/resource_providers/{id}")));
            });
            let later = [("inventories", 0), ("usages", 0), ("aggregates", 1), ("traits", 6), ("allocations", 11)];
            for (rel, _) in later.iter().filter(|(_, minor)| self.version >= *minor) {
                j.object(|j| {
                    j.put("rel", *rel).put("href", json::Plain(format_args!("{root}/resource_providers/{id}/{rel}")));
                });
            }
        });
        if self.version >= 14 {
            j.put("parent_provider_uuid", provider.gpu.map(|_| Uuid(provider.host.uuid)));
            j.put("root_provider_uuid", Uuid(provider.host.uuid));
        }
    }

    fn inventories(&self, provider: Provider<'_>) -> Answer {
        Answer::object(|j| {
            j.put("resource_provider_generation", provider.generation());
            j.key("inventories").object(|j| {
                for (class, total, reserved, ratio, _) in provider.resources() {
                    j.key(class).object(|j| {
                        j.put("total", total).put("reserved", reserved).put("min_unit", 1u32).put("max_unit", total);
                        j.put("step_size", 1u32).put("allocation_ratio", ratio);
                    });
                }
            });
        })
    }

    fn usages(&self, provider: Provider<'_>) -> Answer {
        Answer::object(|j| {
            j.put("resource_provider_generation", provider.generation());
            j.key("usages").object(|j| {
                for (class, _, _, _, used) in provider.resources() {
                    j.put(class, used);
                }
            });
        })
    }

    fn traits(&self, provider: Provider<'_>) -> Answer {
        let (host, nested) = (provider.host, provider.gpu.is_some());
        Answer::object(|j| {
            j.key("traits").array(|j| {
                let own = EXTRA_TRAITS.iter().zip([host.ssd && !nested, nested, host.disabled.is_some() && !nested]);
                for name in TRAITS.iter().filter(|_| !nested).chain(own.filter(|(_, has)| *has).map(|(name, _)| name)) {
                    j.item(*name);
                }
            });
            j.put("resource_provider_generation", provider.generation());
        })
    }

    fn aggregates(&self, provider: Provider<'_>) -> Answer {
        let member = |aggregate: &&crate::demo::world::Aggregate| provider.gpu.is_none() && aggregate.holds(provider.host);
        Answer::object(|j| {
            j.key("aggregates").array(|j| {
                for aggregate in self.call.world.aggregates.iter().filter(member) {
                    j.item(Uuid(aggregate.uuid));
                }
            });
            if self.version >= 19 {
                j.put("resource_provider_generation", provider.generation());
            }
        })
    }

    fn classes(&self) -> Answer {
        Answer::object(|j| {
            j.key("resource_classes").array(|j| {
                for class in CLASSES {
                    j.object(|j| {
                        j.put("name", class).key("links").array(|j| {
                            j.object(|j| {
                                let href = format!("{}/resource_classes/{class}", self.call.root);
                                j.put("rel", "self").put("href", href);
                            });
                        });
                    });
                }
            });
        })
    }

    fn all_traits(&self) -> Answer {
        Answer::object(|j| {
            j.key("traits").array(|j| {
                for name in TRAITS.iter().chain(&EXTRA_TRAITS) {
                    j.item(*name);
                }
            });
        })
    }
}
