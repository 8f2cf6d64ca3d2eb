//! `--web.config.file`, in the form of Prometheus' exporter-toolkit: TLS, basic auth, HTTP/2, headers.
//!
//! Read again when the file or one of the files it names changes. A file that cannot be read leaves
//! the present state in force, and so does one that would take TLS or authentication away: an editor
//! that empties the file for a moment must not open the door. That takes a restart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use axum::http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use serde::Deserialize;

use super::auth::Auth;
use super::error::ServeError;
use super::tls;

/// How often the files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Largest file read.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct File {
    tls_server_config: Option<tls::Section>,
    http_server_config: Option<HttpSection>,
    basic_auth_users: Option<BTreeMap<String, SecretString>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HttpSection {
    http2: Option<bool>,
    headers: Option<BTreeMap<String, String>>,
}

/// A web configuration in force.
#[derive(Debug)]
pub(crate) struct Loaded {
    /// TLS, if it is on.
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    /// Users, if there are any.
    pub(crate) auth: Option<Arc<Auth>>,
    /// Whether HTTP/2 is offered.
    pub(crate) http2: bool,
    /// Headers added to every answer.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    files: Vec<Stamp>,
}

impl Default for Loaded {
    fn default() -> Self {
        Self { tls: None, auth: None, http2: true, headers: Vec::new(), files: Vec::new() }
    }
}

/// How a file looked when it was read.
#[derive(Debug, PartialEq)]
struct Stamp {
    path: PathBuf,
    /// Time of change and length; none if it was not there.
    state: Option<(SystemTime, u64)>,
}

impl Stamp {
    fn of(path: PathBuf) -> Self {
        let state = std::fs::metadata(&path).and_then(|meta| Ok((meta.modified()?, meta.len()))).ok();
        Self { path, state }
    }

    fn is_current(&self) -> bool {
        Self::of(self.path.clone()).state == self.state
    }
}

/// The web configuration file, followed as it changes; or none, which never changes.
#[derive(Debug)]
pub(crate) struct WebConfig {
    path: Option<PathBuf>,
    current: ArcSwap<Loaded>,
    looked: Mutex<Looked>,
}

#[derive(Debug)]
struct Looked {
    at: Instant,
    /// Why the last attempt failed; it is made again at each look, but logged once.
    failure: Option<String>,
}

impl WebConfig {
    /// Reads the file.
    pub(crate) fn open(path: Option<PathBuf>) -> Result<Self, ServeError> {
        let loaded = path.as_deref().map(Loaded::read).transpose()?.unwrap_or_default();
        let looked = Mutex::new(Looked { at: Instant::now(), failure: None });
        Ok(Self { path, current: ArcSwap::from_pointee(loaded), looked })
    }

    /// What is in force, after a look at the files if the last one is a while ago.
    pub(crate) async fn current(self: &Arc<Self>) -> Arc<Loaded> {
        if self.path.is_some() && self.is_time_to_look() {
            let this = Arc::clone(self);
            let _ = tokio::task::spawn_blocking(move || this.refresh(false)).await;
        }
        self.current.load_full()
    }

    /// Reads the files if they have changed, or in any case when forced. Blocks.
    pub(crate) fn refresh(&self, forced: bool) -> Result<(), String> {
        let Some(path) = &self.path else { return Ok(()) };
        let present = self.current.load_full();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        looked.at = Instant::now();
        if !forced && looked.failure.is_none() && present.files.iter().all(Stamp::is_current) {
            return Ok(());
        }
        match Loaded::read(path).map_err(|error| error.to_string()).and_then(|next| next.replacing(&present, path)) {
            Ok(next) => {
                looked.failure = None;
                self.current.store(Arc::new(next));
                tracing::info!(file = %path.display(), "web configuration read again");
                Ok(())
            }
            Err(error) => {
                if looked.failure.as_ref() != Some(&error) {
                    tracing::warn!(error, "web configuration not taken over; the present one stays in force");
                }
                looked.failure = Some(error.clone());
                Err(error)
            }
        }
    }

    fn is_time_to_look(&self) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let due = looked.at.elapsed() >= LOOK_EVERY;
        if due {
            looked.at = Instant::now();
        }
        due
    }
}

impl Loaded {
    /// Reads the file and those it names.
    pub(super) fn read(path: &Path) -> Result<Self, ServeError> {
        // Before reading, so that a change in between is seen next time.
        let mut files = vec![Stamp::of(path.to_owned())];
        let text = read_text(path)?;
        let file = parse(path, &text)?;
        let http = file.http_server_config.unwrap_or_default();
        let http2 = http.http2.unwrap_or(true);
        let tls = match &file.tls_server_config {
            Some(section) => {
                let folder = path.parent().unwrap_or(Path::new(""));
                files.extend(section.files(folder).into_iter().map(Stamp::of));
                Some(Arc::new(section.server_config(path, http2)?))
            }
            None => None,
        };
        let users = file.basic_auth_users.unwrap_or_default();
        let auth = match users.is_empty() {
            true => None,
            false => Some(Arc::new(Auth::new(users).map_err(|fault| ServeError::web_config(path, fault))?)),
        };
        let headers = headers(http.headers.unwrap_or_default()).map_err(|fault| ServeError::web_config(path, fault))?;
        Ok(Self { tls, auth, http2, headers, files })
    }

    /// Refuses to weaken what is in force.
    fn replacing(self, present: &Self, path: &Path) -> Result<Self, String> {
        let weaker = [("tls_server_config", present.tls.is_some() && self.tls.is_none())]
            .into_iter()
            .chain([("basic_auth_users", present.auth.is_some() && self.auth.is_none())])
            .find(|(_, gone)| *gone);
        match weaker {
            Some((key, _)) => Err(format!("{}: {key} is gone; switching it off takes a restart", path.display())),
            None => Ok(self),
        }
    }
}

/// Reads a small text file.
pub(super) fn read_text(path: &Path) -> Result<String, ServeError> {
    let length = std::fs::metadata(path).map_err(|error| ServeError::web_config(path, error.to_string()))?.len();
    if length > FILE_BYTES_MAX {
        return Err(ServeError::web_config(path, format!("larger than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read_to_string(path).map_err(|error| ServeError::web_config(path, error.to_string()))
}

fn parse(path: &Path, text: &str) -> Result<File, ServeError> {
    let parsed: Result<Option<File>, _> = serde_saphyr::from_str(text);
    parsed.map(Option::unwrap_or_default).map_err(|error| ServeError::WebConfig {
        file: path.to_owned(),
        line: error.location().map(|location| location.line()),
        message: without_values(&error.without_snippet().to_string()),
    })
}

/// The parser's message without its place (given apart) and without values, which may be secret.
fn without_values(message: &str) -> String {
    let message = message.split(" at line ").next().unwrap_or(message);
    let message =
        message.split_once(": line ").map_or(message, |(_, rest)| rest.split_once(": ").map_or(rest, |r| r.1));
    match message.split_once('"') {
        Some((before, after)) => {
            let rest = after.rsplit_once('"').map_or("", |(_, rest)| rest);
            format!("{before}(value not shown){rest}")
        }
        None => message.to_owned(),
    }
}

fn headers(headers: BTreeMap<String, String>) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
    let parse = |(name, value): (String, String)| {
        let header =
            HeaderName::try_from(&name).map_err(|_| format!("http_server_config: `{name}` is no header name"))?;
        let value = HeaderValue::try_from(value).map_err(|_| {
            format!("http_server_config: the value of header `{name}` has characters that cannot be sent")
        })?;
        if matches!(header.as_str(), "content-length" | "transfer-encoding" | "content-encoding" | "content-type") {
            return Err(format!("http_server_config: header `{name}` is set by the server"));
        }
        Ok((header, value))
    };
    headers.into_iter().map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        std::fs::write(&path, text).unwrap();
        let error = Loaded::read(&path).unwrap_err().to_string();
        error.replace(&folder.path().display().to_string(), "DIR")
    }

    #[test]
    fn every_fault_names_file_line_and_key() {
        for (text, expected) in [
            ("tls_server_confg:\n  cert_file: a\n", "DIR/web.yml:1: unknown field `tls_server_confg`"),
            ("http_server_config:\n  http2: true\n  http3: true\n", "DIR/web.yml:3: unknown field `http3`"),
            ("tls_server_config:\n  cert_file: a\n  key_fil: b\n", "DIR/web.yml:3: unknown field `key_fil`"),
            ("basic_auth_users:\n  bob: hunter2\n", "DIR/web.yml: basic_auth_users: the hash of `bob` is not"),
            ("http_server_config:\n  headers:\n    'X Y': z\n", "DIR/web.yml: http_server_config: `X Y` is no header"),
            ("tls_server_config:\n  cert_file: a\n", "DIR/web.yml: tls_server_config: key_file is missing"),
            ("tls_server_config:\n  cert_file: a\n  key_file: b\n", "DIR/a: No such file"),
            ("basic_auth_users: hunter2\n", "DIR/web.yml:1: "),
            ("a: [", "DIR/web.yml:"),
        ] {
            let error = fault(text);
            assert!(error.starts_with(expected), "{text} gives {error}");
            assert!(!error.contains("hunter2") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn nothing_in_the_file_is_nothing_switched_on() {
        for text in ["", "# later\n", "{}\n", "basic_auth_users:\n", "http_server_config:\n  http2: false\n"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("web.yml");
            std::fs::write(&path, text).unwrap();
            let loaded = Loaded::read(&path).unwrap();
            assert!(loaded.tls.is_none() && loaded.auth.is_none());
            assert_eq!(loaded.http2, !text.contains("false"));
        }
    }

    #[test]
    fn a_change_is_taken_over_unless_it_opens_the_door() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.yml");
        let users = |name: &str| format!("basic_auth_users:\n  {name}: {}\n", bcrypt::hash("x", 4).unwrap());
        std::fs::write(&path, users("alice")).unwrap();
        let config = WebConfig::open(Some(path.clone())).unwrap();
        let before = config.current.load_full();
        assert!(config.refresh(false).is_ok() && Arc::ptr_eq(&before, &config.current.load()), "nothing has changed");
        std::fs::write(&path, users("roberta")).unwrap();
        config.refresh(false).unwrap();
        let after = config.current.load_full();
        assert!(!Arc::ptr_eq(&before, &after));
        std::fs::write(&path, "").unwrap();
        let error = config.refresh(false).unwrap_err();
        assert!(error.contains("basic_auth_users is gone"), "{error}");
        assert!(Arc::ptr_eq(&after, &config.current.load()));
        assert!(config.refresh(false).is_err(), "tried again, as a file that it names may be what was mended");
        std::fs::write(&path, users("alice")).unwrap();
        config.refresh(false).unwrap();
        assert!(!Arc::ptr_eq(&after, &config.current.load()));
    }
}
