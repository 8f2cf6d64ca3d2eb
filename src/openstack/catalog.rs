//! The token's catalog: which endpoint serves a type of service in a region, and under which path its API lies.
//!
//! Clouds spell types differently (`volumev3`, `block-storage`) and leave versions out of endpoints or not;
//! both are settled here, so that collectors write `servers/detail` and `volumes/detail`.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Url;
use serde::Deserialize;

use super::clouds::Interface;

/// The services a token's holder may use.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Catalog(Vec<Entry>);

#[derive(Clone, Debug, Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    service_type: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Clone, Debug, Deserialize)]
struct Endpoint {
    interface: String,
    region: Option<String>,
    region_id: Option<String>,
    url: String,
}

impl Endpoint {
    fn region(&self) -> Option<&str> {
        self.region_id.as_deref().or(self.region.as_deref())
    }

    /// An endpoint without a region serves them all.
    fn serves(&self, region: &str) -> bool {
        self.region().is_none_or(|own| own == region) || self.region.as_deref() == Some(region)
    }
}

/// What a type is called officially, what else clouds call it, and where its API lies below a bare endpoint.
struct Official {
    name: &'static str,
    aliases: &'static [&'static str],
    version: &'static str,
    microversions: bool,
}

const fn official(name: &'static str, aliases: &'static [&'static str], version: &'static str) -> Official {
    Official { name, aliases, version, microversions: false }
}

const fn versioned(name: &'static str, aliases: &'static [&'static str], version: &'static str) -> Official {
    Official { name, aliases, version, microversions: true }
}

/// From the OpenStack service types authority, reduced to what has resources to count.
static OFFICIAL: &[Official] = &[
    official("identity", &[], "v3"),
    versioned("compute", &[], "v2.1"),
    versioned("placement", &[], ""),
    official("image", &[], "v2"),
    official("network", &[], "v2.0"),
    versioned("block-storage", &["volumev3", "block-store", "volume"], "v3"),
    versioned("shared-file-system", &["sharev2", "share"], "v2"),
    versioned("baremetal", &["bare-metal"], "v1"),
    versioned("baremetal-introspection", &[], "v1"),
    official("load-balancer", &[], "v2.0"),
    official("dns", &[], "v2"),
    official("orchestration", &[], "v1/{project}"),
    versioned("container-infrastructure-management", &["container-infra", "container-infrastructure"], "v1"),
    versioned("application-container", &["container"], "v1"),
    official("key-manager", &[], "v1"),
    official("object-store", &[], ""),
    official("database", &[], "v1.0/{project}"),
    official("metric", &[], "v1"),
    official("alarm", &["alarming"], "v2"),
    official("rating", &[], "v1"),
    official("reservation", &[], "v1"),
    versioned("accelerator", &[], "v2"),
    versioned("instance-ha", &["ha"], "v1"),
    official("workflow", &["workflowv2"], "v2"),
];

fn find(service_type: &str) -> Option<&'static Official> {
    OFFICIAL.iter().find(|official| official.name == service_type || official.aliases.contains(&service_type))
}

/// The official name of a type; its own when there is none.
pub(super) fn official_type(service_type: &str) -> &str {
    find(service_type).map_or(service_type, |official| official.name)
}

/// Whether asking for a range of microversions can be worth a request.
pub(super) fn may_have_microversions(service_type: &str) -> bool {
    find(service_type).is_none_or(|official| official.microversions)
}

impl Catalog {
    /// All regions, sorted.
    pub(super) fn regions(&self) -> Vec<String> {
        let names = self.0.iter().flat_map(|entry| &entry.endpoints).filter_map(Endpoint::region);
        names.map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// All types with their regions, sorted.
    pub(super) fn services(&self) -> Vec<(String, Vec<String>)> {
        let mut services: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for entry in &self.0 {
            let regions = services.entry(&entry.service_type).or_default();
            regions.extend(entry.endpoints.iter().filter_map(Endpoint::region));
        }
        let owned = |regions: BTreeSet<&str>| regions.into_iter().map(str::to_owned).collect();
        services.into_iter().map(|(name, regions)| (name.to_owned(), owned(regions))).collect()
    }

    /// The endpoint of the first type that the region has: (type as in the catalog, URL). The types' official
    /// aliases are tried behind all of them. An error says what there is instead.
    pub(super) fn endpoint(&self, types: &[&str], region: &str, interface: Interface) -> Result<(&str, &str), String> {
        for candidate in candidates(types) {
            let entries = self.0.iter().filter(|entry| entry.service_type == candidate);
            let endpoints = entries.flat_map(|entry| entry.endpoints.iter().map(move |e| (&entry.service_type, e)));
            let mut fitting = endpoints.filter(|(service_type, endpoint)| {
                endpoint.interface.trim_end_matches("URL") == interface.label()
                    && endpoint.serves(region)
                    && !is_old(service_type, &endpoint.url)
            });
            if let Some((service_type, endpoint)) = fitting.next() {
                return Ok((service_type, &endpoint.url));
            }
        }
        Err(self.absent(types, region, interface))
    }

    fn absent(&self, types: &[&str], region: &str, interface: Interface) -> String {
        if self.0.is_empty() {
            return "the token has no catalog: name a project (or system_scope) in the credentials".into();
        }
        let wanted = candidates(types);
        let near: BTreeSet<String> = self
            .0
            .iter()
            .filter(|entry| wanted.contains(&entry.service_type.as_str()))
            .flat_map(|entry| &entry.endpoints)
            .map(|e| format!("{} in {}", e.interface, e.region().unwrap_or("every region")))
            .collect();
        let (what, has) = match near.is_empty() {
            true => ("service", self.services().into_iter().map(|(name, _)| name).collect::<Vec<_>>().join(", ")),
            false => ("endpoint", near.into_iter().collect::<Vec<_>>().join(", ")),
        };
        format!("no such {what} in region {region}, interface {}; the catalog has: {has}", interface.label())
    }
}

fn candidates<'a>(types: &[&'a str]) -> Vec<&'a str> {
    let mut all: Vec<&str> = types.to_vec();
    for official in types.iter().filter_map(|wanted| find(wanted)) {
        for name in std::iter::once(official.name).chain(official.aliases.iter().copied()) {
            if !all.contains(&name) {
                all.push(name);
            }
        }
    }
    all
}

/// `volume` and `share` may still be the versions before the one we speak.
fn is_old(service_type: &str, url: &str) -> bool {
    match official_type(service_type) {
        "block-storage" => url.contains("/v1") || url.contains("/v2"),
        "shared-file-system" => url.contains("/v1"),
        _ => false,
    }
}

/// The URL that paths are appended to: the endpoint, with the API's version when the catalog leaves it out.
/// Credentials, query and fragment of a catalog's URL are dropped.
pub(super) fn root(service_type: &str, endpoint: &str, project: Option<&str>) -> Result<Url, String> {
    let mut url = Url::parse(endpoint).map_err(|_| "the catalog's endpoint is no URL".to_owned())?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err("the catalog's endpoint is no http URL".into());
    }
    let (_, _) = (url.set_username(""), url.set_password(None));
    url.set_query(None);
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    let version = match find(service_type) {
        Some(official) if official.name == "identity" && path.ends_with("/v2.0") => {
            url.set_path(&format!("{}/v3", path.trim_end_matches("/v2.0")));
            return Ok(url);
        }
        Some(official) if version_of(&path).is_none() => official.version,
        _ => "",
    };
    let version = version.replace("{project}", project.unwrap_or(""));
    let joined = if version.is_empty() { path } else { format!("{path}/{version}") };
    url.set_path(joined.trim_end_matches('/'));
    Ok(url)
}

/// The part of a path that names a version, e.g. `v2.1`, with the path up to and with it.
pub(super) fn version_of(path: &str) -> Option<(&str, &str)> {
    let mut end = 0;
    for segment in path.split('/') {
        end += segment.len();
        let digits = segment.strip_prefix('v').unwrap_or("");
        if digits.starts_with(|c: char| c.is_ascii_digit()) && digits.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return Some((segment, path.get(..end)?));
        }
        end += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> Catalog {
        let endpoint = |interface: &str, region: &str, url: &str| serde_json::json!({"interface": interface, "region": region, "region_id": region, "url": url});
        let entries = serde_json::json!([
            {"type": "compute", "name": "nova", "endpoints": [
                endpoint("public", "two", "http://two/v2.1"), endpoint("admin", "one", "http://adm/v2.1"),
                endpoint("public", "one", "http://one/v2.1")]},
            {"type": "volume", "endpoints": [endpoint("public", "one", "http://c/v1/abc")]},
            {"type": "volumev3", "endpoints": [endpoint("public", "one", "http://c/v3/abc")]},
            {"type": "container-infra", "endpoints": [endpoint("publicURL", "one", "http://m/v1")]},
            {"type": "dns", "endpoints": [{"interface": "public", "region": null, "url": "http://d"}]},
            {"type": "empty"},
        ]);
        serde_json::from_value(entries).unwrap()
    }

    #[test]
    fn types_regions_interfaces_and_aliases() {
        let catalog = catalog();
        let public = |types: &[&str], region: &str| catalog.endpoint(types, region, Interface::Public);
        assert_eq!(public(&["compute"], "one"), Ok(("compute", "http://one/v2.1")));
        assert_eq!(public(&["compute"], "two"), Ok(("compute", "http://two/v2.1")));
        assert_eq!(catalog.endpoint(&["compute"], "one", Interface::Admin), Ok(("compute", "http://adm/v2.1")));
        assert_eq!(public(&["block-storage"], "one"), Ok(("volumev3", "http://c/v3/abc")));
        assert_eq!(public(&["volume"], "one"), Ok(("volumev3", "http://c/v3/abc")));
        assert_eq!(public(&["container-infrastructure-management"], "one"), Ok(("container-infra", "http://m/v1")));
        assert_eq!(public(&["dns"], "anywhere"), Ok(("dns", "http://d")));
        let absent = public(&["compute"], "three").unwrap_err();
        assert!(
            absent.contains("region three") && absent.contains("admin in one, public in one, public in two"),
            "{absent}"
        );
        let absent = public(&["image"], "one").unwrap_err();
        assert!(absent.contains("compute") && absent.contains("volumev3"), "{absent}");
        assert!(Catalog::default().endpoint(&["image"], "one", Interface::Public).unwrap_err().contains("project"));
        assert_eq!(catalog.regions(), ["one", "two"]);
        assert_eq!(catalog.services().first().unwrap(), &("compute".to_owned(), vec!["one".into(), "two".into()]));
    }

    #[test]
    fn endpoints_are_completed_and_no_more() {
        let root = |service: &str, url: &str| super::root(service, url, Some("p1")).unwrap().to_string();
        for (service, endpoint, expected) in [
            ("compute", "http://c:8774/v2.1", "http://c:8774/v2.1"),
            ("compute", "http://c:8774/v2.1/abc/", "http://c:8774/v2.1/abc"),
            ("compute", "https://c/compute", "https://c/compute/v2.1"),
            ("identity", "http://k:5000", "http://k:5000/v3"),
            ("identity", "http://k:5000/v2.0/", "http://k:5000/v3"),
            ("identity", "http://k/identity/v3", "http://k/identity/v3"),
            ("image", "http://g:9292", "http://g:9292/v2"),
            ("image", "http://g:9292/v2/", "http://g:9292/v2"),
            ("network", "http://n:9696/", "http://n:9696/v2.0"),
            ("placement", "http://p:8778/", "http://p:8778/"),
            ("placement", "http://p/placement", "http://p/placement"),
            ("volumev3", "http://c/v3/abc", "http://c/v3/abc"),
            ("block-storage", "http://c", "http://c/v3"),
            ("orchestration", "http://h", "http://h/v1/p1"),
            ("load-balancer", "http://u:pw@o:9876/?x=1#y", "http://o:9876/v2.0"),
            ("unheard-of", "http://x/y", "http://x/y"),
        ] {
            assert_eq!(root(service, endpoint), expected, "{service} {endpoint}");
        }
        assert!(super::root("compute", "ftp://x", None).is_err());
        assert!(super::root("compute", "%(tenant_id)s", None).is_err());
        assert_eq!(version_of("/compute/v2.1/abc"), Some(("v2.1", "/compute/v2.1")));
        assert_eq!(version_of("/vault/very"), None);
    }
}
