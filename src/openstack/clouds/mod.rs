//! clouds.yaml, secure.yaml, clouds-public.yaml and `OS_*` variables: which clouds there are and how to log in.
//!
//! Files are searched and merged as openstacksdk does it, so that what works with `openstack --os-cloud` works
//! here. Keys of other tools are ignored; a cloud that cannot work is reported by name, key and remedy, and does
//! not hide the others. Nothing is sent from here. Secrets are `SecretString` from here on.

mod environment;
mod files;
mod settle;
mod yaml;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;

pub use yaml::Place;

/// Where clouds come from. The environment is handed in, so that tests need not touch the real one.
#[derive(Clone, Default)]
pub struct Sources {
    /// The clouds.yaml to read; searched for when none.
    pub clouds_file: Option<PathBuf>,
    /// Environment variables.
    pub env: BTreeMap<String, String>,
}

impl Sources {
    /// With this process's environment.
    pub fn of_process(clouds_file: Option<PathBuf>) -> Self {
        let env = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self { clouds_file, env: env.collect() }
    }

    fn var(&self, name: &str) -> Option<&str> {
        self.env.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Sources {
    /// Names only: the values hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.env.keys().filter(|name| name.starts_with("OS_")).collect();
        f.debug_struct("Sources").field("clouds_file", &self.clouds_file).field("env", &names).finish()
    }
}

/// One cloud to log in to.
#[derive(Clone, Debug)]
pub struct CloudConfig {
    /// Name in clouds.yaml; `envvars` for one that comes from `OS_*` variables.
    pub name: String,
    /// Keystone's URL.
    pub auth_url: String,
    /// Region chosen by the configuration (`region_name`); all regions of the catalog otherwise.
    pub region: Option<String>,
    /// Regions listed by the configuration (`regions`); holds [`Self::region`] alone when that is set.
    pub regions: Vec<String>,
    /// Which of a service's endpoints to use.
    pub interface: Interface,
    /// Who logs in.
    pub credentials: Credentials,
    /// What the token shall be good for.
    pub scope: Scope,
    /// How servers are trusted, and how we prove who we are.
    pub tls: Tls,
    /// Endpoints by service type that replace the catalog's (`<type>_endpoint_override`).
    pub endpoints: BTreeMap<String, String>,
}

impl CloudConfig {
    /// A cloud with a user's password, scoped to a project, both of the domain `default`.
    pub fn with_password(name: &str, auth_url: &str, user: &str, password: SecretString, project: &str) -> Self {
        let domain = || Some(Domain::Id("default".into()));
        Self {
            name: name.into(),
            auth_url: auth_url.into(),
            region: None,
            regions: Vec::new(),
            interface: Interface::default(),
            credentials: Credentials::Password { user: Named::Name { name: user.into(), domain: domain() }, password },
            scope: Scope::Project(Named::Name { name: project.into(), domain: domain() }),
            tls: Tls::default(),
            endpoints: BTreeMap::new(),
        }
    }
}

/// The side of a service that an endpoint serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interface {
    /// For everybody.
    #[default]
    Public,
    /// For other services.
    Internal,
    /// For operators.
    Admin,
}

impl Interface {
    /// As catalogs spell it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

/// A user or project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Named {
    /// By its id, unique in the cloud.
    Id(String),
    /// By its name, unique in a domain only.
    Name {
        /// The name.
        name: String,
        /// The domain it is in.
        domain: Option<Domain>,
    },
}

/// A domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domain {
    /// By its id.
    Id(String),
    /// By its name.
    Name(String),
}

/// Who logs in, and how that is proved.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A user's password.
    Password {
        /// The user.
        user: Named,
        /// The password.
        password: SecretString,
    },
    /// A token that somebody else fetched; it cannot outlive its expiry.
    Token(SecretString),
    /// An application credential, which holds its project.
    ApplicationCredential {
        /// Its id, or its name.
        credential: AppCredential,
        /// Its secret.
        secret: SecretString,
    },
}

/// Which application credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppCredential {
    /// By its id.
    Id(String),
    /// By its name, unique for a user only.
    Name {
        /// The name.
        name: String,
        /// Its user.
        user: Named,
    },
}

/// What a token is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Whatever Keystone gives unasked: the user's default project, or the application credential's.
    Unscoped,
    /// A project.
    Project(Named),
    /// A domain.
    Domain(Domain),
    /// The whole system.
    System,
    /// A trust.
    Trust(String),
}

/// How servers are trusted, and how we prove who we are.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Whether certificates are checked at all.
    pub verify: bool,
    /// Authorities to trust besides the system's.
    pub cacert: Option<Pem>,
    /// Client certificate.
    pub cert: Option<Pem>,
    /// Key of the client certificate, when it is not in the same file.
    pub key: Option<Pem>,
}

impl Default for Tls {
    fn default() -> Self {
        Self { verify: true, cacert: None, cert: None, key: None }
    }
}

/// PEM text, or where it lies.
#[derive(Clone, Debug)]
pub enum Pem {
    /// A file, read when the client is made.
    File(PathBuf),
    /// The text itself.
    Inline(SecretString),
}

/// Why there is no such cloud, or it cannot work. Never shows a value that might be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudsError {
    /// A file that is there, or was asked for, but cannot be read.
    #[error("{file}: cannot be read: {reason}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        reason: String,
    },
    /// Not YAML.
    #[error("{place}: {reason}")]
    Syntax {
        /// File and line.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// A key with a value that cannot be used.
    #[error("{place}: cloud `{cloud}`: `{key}` {reason}")]
    Value {
        /// File and line.
        place: Place,
        /// The cloud.
        cloud: String,
        /// The key.
        key: String,
        /// What is expected instead.
        reason: String,
    },
    /// A setting that is missing.
    #[error("{place}: cloud `{cloud}`: `{key}` is missing: {remedy}")]
    Missing {
        /// File and line of the cloud.
        place: Place,
        /// The cloud.
        cloud: String,
        /// The key.
        key: String,
        /// What to do.
        remedy: String,
    },
    /// No cloud at all.
    #[error("no cloud is configured: no clouds.yaml in {searched}, and OS_AUTH_URL is not set")]
    Nothing {
        /// Where it was looked for.
        searched: String,
    },
    /// No cloud of this name.
    #[error("no cloud `{name}`; there are: {known}")]
    Unknown {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: String,
    },
}

/// Every cloud found: those that can be used, and why the others cannot.
#[derive(Clone, Debug, Default)]
pub struct Clouds {
    /// Clouds that can be logged in to, in the order of the file.
    pub usable: Vec<CloudConfig>,
    /// Why the others cannot, by name.
    pub faults: Vec<(String, CloudsError)>,
}

impl Clouds {
    /// Reads files and environment. An error is one that concerns all clouds; what concerns one is in `faults`.
    pub fn read(sources: &Sources) -> Result<Self, CloudsError> {
        let files = files::find(sources)?;
        let mut nodes = files.clouds()?;
        environment::apply(sources, &mut nodes)?;
        if nodes.is_empty() {
            return Err(CloudsError::Nothing { searched: files.searched });
        }
        let mut clouds = Self::default();
        for (name, node) in nodes {
            let settled = files.with_profile(&name, node).and_then(|node| settle::cloud(&name, &node, sources));
            match settled {
                Ok(config) => clouds.usable.push(config),
                Err(fault) => clouds.faults.push((name, fault)),
            }
        }
        Ok(clouds)
    }

    /// One cloud by name.
    pub fn select(self, name: &str) -> Result<CloudConfig, CloudsError> {
        if let Some((_, fault)) = self.faults.iter().find(|(cloud, _)| cloud == name) {
            return Err(fault.clone());
        }
        let names: Vec<&str> = self.usable.iter().map(|cloud| cloud.name.as_str()).collect();
        let known = names.into_iter().chain(self.faults.iter().map(|(n, _)| n.as_str())).collect::<Vec<_>>().join(", ");
        let found = self.usable.into_iter().find(|cloud| cloud.name == name);
        found.ok_or_else(|| CloudsError::Unknown { name: name.into(), known })
    }
}

/// All clouds that can be used; each of the others is logged as an error. Fails when none can be.
pub fn load(sources: &Sources) -> Result<Vec<CloudConfig>, CloudsError> {
    let clouds = Clouds::read(sources)?;
    for (cloud, fault) in &clouds.faults {
        tracing::error!(cloud, fault = %fault, "cloud left out");
    }
    match clouds.faults.into_iter().next() {
        Some((_, fault)) if clouds.usable.is_empty() => Err(fault),
        _ => Ok(clouds.usable),
    }
}

/// One cloud by name.
pub fn select(sources: &Sources, name: &str) -> Result<CloudConfig, CloudsError> {
    Clouds::read(sources)?.select(name)
}

#[cfg(test)]
mod tests;
