//! From a merged cloud of clouds.yaml to a [`CloudConfig`]: which method, which scope, which certificates.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

use super::files::expand;
use super::yaml::{Node, Value};
use super::{AppCredential, CloudConfig, CloudsError, Credentials, Domain, Interface, Named, Pem, Scope, Sources, Tls};

/// Settles one cloud.
pub(super) fn cloud(name: &str, node: &Node, sources: &Sources) -> Result<CloudConfig, CloudsError> {
    if !matches!(node.value, Value::Map(_)) {
        return Err(wrong(name, name, node, "a map"));
    }
    let auth = node.get("auth");
    if let Some(other) = auth.filter(|auth| !matches!(auth.value, Value::Map(_))) {
        return Err(wrong(name, "auth", other, "a map"));
    }
    let cloud = Cloud { name, node, auth, sources };
    let auth_url = cloud.auth_url()?;
    let regions = cloud.regions()?;
    let (credentials, scope) = cloud.credentials()?;
    Ok(CloudConfig {
        name: name.to_owned(),
        auth_url,
        region: cloud.text("region_name")?,
        regions,
        interface: cloud.interface()?,
        credentials,
        scope,
        tls: cloud.tls()?,
        endpoints: cloud.endpoints()?,
    })
}

/// A value of the wrong kind.
pub(super) fn wrong(cloud: &str, key: &str, node: &Node, expected: &str) -> CloudsError {
    CloudsError::Value {
        place: node.place.clone(),
        cloud: cloud.into(),
        key: key.into(),
        reason: format!("must be {expected}, but is {}", node.kind()),
    }
}

struct Cloud<'a> {
    name: &'a str,
    node: &'a Node,
    auth: Option<&'a Node>,
    sources: &'a Sources,
}

impl Cloud<'_> {
    /// A key below `auth`, or at the top as older files have it.
    fn find(&self, key: &str) -> Option<&Node> {
        self.auth.and_then(|auth| auth.get(key)).or_else(|| self.node.get(key))
    }

    fn text(&self, key: &str) -> Result<Option<String>, CloudsError> {
        match self.find(key) {
            None => Ok(None),
            Some(node) => match &node.value {
                Value::Scalar(text) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
                _ => Err(wrong(self.name, key, node, "a single value")),
            },
        }
    }

    /// The first key that is there.
    fn any(&self, keys: &[&str]) -> Result<Option<String>, CloudsError> {
        for key in keys {
            if let Some(text) = self.text(key)? {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// A secret by its key, or from the file that `<key>_file` names (its last line break is not part of it).
    fn secret(&self, key: &str) -> Result<Option<SecretString>, CloudsError> {
        if let Some(text) = self.text(key)? {
            return Ok(Some(text.into()));
        }
        let file_key = format!("{key}_file");
        let Some(path) = self.text(&file_key)? else { return Ok(None) };
        let path = expand(Path::new(&path), self.sources);
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim_end_matches(['\r', '\n']).into())),
            Err(error) => Err(self.refuse(&file_key, &format!("names {}: {}", path.display(), error.kind()))),
        }
    }

    fn bool(&self, key: &str) -> Result<Option<bool>, CloudsError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(Some(true)),
            "false" | "no" | "off" | "0" => Ok(Some(false)),
            _ => Err(self.refuse(key, "must be true or false")),
        }
    }

    fn refuse(&self, key: &str, reason: &str) -> CloudsError {
        let place = self.find(key).unwrap_or(self.node).place.clone();
        CloudsError::Value { place, cloud: self.name.into(), key: key.into(), reason: reason.into() }
    }

    fn missing(&self, key: &str, remedy: &str) -> CloudsError {
        CloudsError::Missing {
            place: self.node.place.clone(),
            cloud: self.name.into(),
            key: key.into(),
            remedy: remedy.into(),
        }
    }

    fn auth_url(&self) -> Result<String, CloudsError> {
        let remedy = "set it to Keystone's URL, e.g. https://cloud.example.org:5000/v3";
        let text = self.text("auth_url")?.ok_or_else(|| self.missing("auth.auth_url", remedy))?;
        let url = reqwest::Url::parse(&text)
            .map_err(|_| self.refuse("auth_url", "must be a URL, e.g. https://cloud.example.org:5000/v3"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(self.refuse("auth_url", "must begin with https:// (or http://) and a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(self.refuse("auth_url", "must not hold credentials: use auth.username and auth.password"));
        }
        Ok(text)
    }

    fn regions(&self) -> Result<Vec<String>, CloudsError> {
        if let Some(region) = self.text("region_name")? {
            return Ok(vec![region]);
        }
        let Some(node) = self.node.get("regions") else { return Ok(Vec::new()) };
        let Value::List(items) = &node.value else {
            return Err(wrong(self.name, "regions", node, "a list of region names"));
        };
        let names = items.iter().map(|item| match (&item.value, item.get("name").map(|name| &name.value)) {
            (Value::Scalar(name), _) | (_, Some(Value::Scalar(name))) => Ok(name.clone()),
            _ => Err(wrong(self.name, "regions", item, "a region's name")),
        });
        names.collect()
    }

    fn interface(&self) -> Result<Interface, CloudsError> {
        let Some(text) = self.any(&["interface", "endpoint_type"])? else { return Ok(Interface::Public) };
        // Old files and variables write publicURL.
        match text.trim_end_matches("URL") {
            "public" => Ok(Interface::Public),
            "internal" => Ok(Interface::Internal),
            "admin" => Ok(Interface::Admin),
            _ => {
                let key = if self.find("interface").is_some() { "interface" } else { "endpoint_type" };
                Err(self.refuse(key, "must be public, internal or admin"))
            }
        }
    }

    fn tls(&self) -> Result<Tls, CloudsError> {
        let verify = match self.bool("insecure")? {
            Some(true) => false,
            _ => self.bool("verify")?.unwrap_or(true),
        };
        let tls = Tls { verify, cacert: self.pem("cacert")?, cert: self.pem("cert")?, key: self.pem("key")? };
        if tls.key.is_some() && tls.cert.is_none() {
            return Err(self.missing("cert", "`key` is of no use without the client certificate"));
        }
        Ok(tls)
    }

    fn pem(&self, key: &str) -> Result<Option<Pem>, CloudsError> {
        Ok(self.text(key)?.map(|text| match text.trim_start().starts_with("-----BEGIN") {
            true => Pem::Inline(text.into()),
            false => Pem::File(expand(Path::new(&text), self.sources)),
        }))
    }

    fn endpoints(&self) -> Result<BTreeMap<String, String>, CloudsError> {
        let Value::Map(entries) = &self.node.value else { return Ok(BTreeMap::new()) };
        let mut found = BTreeMap::new();
        for (key, _) in entries {
            let Some(service) = key.strip_suffix("_endpoint_override") else { continue };
            if let Some(url) = self.text(key)? {
                if reqwest::Url::parse(&url).is_err() {
                    return Err(self.refuse(key, "must be a URL"));
                }
                found.insert(service.replace('_', "-"), url);
            }
        }
        Ok(found)
    }

    fn domain(&self, prefix: &str) -> Result<Option<Domain>, CloudsError> {
        if let Some(id) = self.any(&[&format!("{prefix}_domain_id")])? {
            return Ok(Some(Domain::Id(id)));
        }
        Ok(self.text(&format!("{prefix}_domain_name"))?.map(Domain::Name))
    }

    /// The domain of a user or project: its own, the common one, or `default`, as the command line client assumes.
    fn domain_of(&self, prefix: &str) -> Result<Option<Domain>, CloudsError> {
        let own = match self.domain(prefix)? {
            Some(domain) => Some(domain),
            None => self.common_domain()?,
        };
        Ok(own.or_else(|| Some(Domain::Id("default".into()))))
    }

    fn common_domain(&self) -> Result<Option<Domain>, CloudsError> {
        if let Some(id) = self.any(&["domain_id", "default_domain_id", "default_domain"])? {
            return Ok(Some(Domain::Id(id)));
        }
        Ok(self.any(&["domain_name", "default_domain_name"])?.map(Domain::Name))
    }

    fn user(&self) -> Result<Option<Named>, CloudsError> {
        if let Some(id) = self.text("user_id")? {
            return Ok(Some(Named::Id(id)));
        }
        match self.any(&["username", "user_name"])? {
            Some(name) => Ok(Some(Named::Name { name, domain: self.domain_of("user")? })),
            None => Ok(None),
        }
    }

    fn credentials(&self) -> Result<(Credentials, Scope), CloudsError> {
        let method = match self.text("auth_type")?.as_deref() {
            None | Some("") => self.implicit(),
            Some("password" | "v3password") => Method::Password,
            Some("token" | "v3token") => Method::Token,
            Some("v3applicationcredential" | "application_credential") => Method::ApplicationCredential,
            Some(_) => {
                return Err(self.refuse(
                    "auth_type",
                    "must be one of password, v3password, token, v3token, v3applicationcredential",
                ));
            }
        };
        match method {
            Method::Password => {
                let user = self.user()?.ok_or_else(|| {
                    self.missing("auth.username", "set it (or auth.user_id), or use an application credential")
                })?;
                let password = self.secret("password")?.ok_or_else(|| {
                    self.missing("auth.password", "set it in secure.yaml, by auth.password_file, or by OS_PASSWORD")
                })?;
                Ok((Credentials::Password { user, password }, self.scope()?))
            }
            Method::Token => {
                let token = self.secret("token")?.ok_or_else(|| {
                    self.missing("auth.token", "set it, or set auth_type to password or v3applicationcredential")
                })?;
                Ok((Credentials::Token(token), self.scope()?))
            }
            Method::ApplicationCredential => Ok((self.application_credential()?, Scope::Unscoped)),
        }
    }

    /// Without `auth_type` the keys that are there decide.
    fn implicit(&self) -> Method {
        let has = |key: &str| self.find(key).is_some();
        if has("application_credential_id") || has("application_credential_name") {
            Method::ApplicationCredential
        } else if (has("token") || has("token_file")) && !has("password") && !has("password_file") {
            Method::Token
        } else {
            Method::Password
        }
    }

    fn application_credential(&self) -> Result<Credentials, CloudsError> {
        let secret = self.secret("application_credential_secret")?.ok_or_else(|| {
            self.missing(
                "auth.application_credential_secret",
                "set it in secure.yaml, or by auth.application_credential_secret_file",
            )
        })?;
        let credential = match self.text("application_credential_id")? {
            Some(id) => AppCredential::Id(id),
            None => AppCredential::Name {
                name: self.text("application_credential_name")?.ok_or_else(|| {
                    self.missing(
                        "auth.application_credential_id",
                        "set it, or application_credential_name and username",
                    )
                })?,
                user: self.user()?.ok_or_else(|| {
                    self.missing("auth.username", "an application credential's name is unique for a user only")
                })?,
            },
        };
        Ok(Credentials::ApplicationCredential { credential, secret })
    }

    fn scope(&self) -> Result<Scope, CloudsError> {
        if let Some(trust) = self.text("trust_id")? {
            return Ok(Scope::Trust(trust));
        }
        if let Some(system) = self.text("system_scope")? {
            return match system.as_str() {
                "all" => Ok(Scope::System),
                _ => Err(self.refuse("system_scope", "must be all")),
            };
        }
        if let Some(id) = self.any(&["project_id", "tenant_id"])? {
            return Ok(Scope::Project(Named::Id(id)));
        }
        if let Some(name) = self.any(&["project_name", "tenant_name"])? {
            return Ok(Scope::Project(Named::Name { name, domain: self.domain_of("project")? }));
        }
        if let Some(id) = self.text("domain_id")? {
            return Ok(Scope::Domain(Domain::Id(id)));
        }
        Ok(self.text("domain_name")?.map_or(Scope::Unscoped, |name| Scope::Domain(Domain::Name(name))))
    }
}

enum Method {
    Password,
    Token,
    ApplicationCredential,
}
