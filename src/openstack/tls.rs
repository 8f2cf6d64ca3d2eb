//! Making the HTTP client of a cloud: trusted authorities, client certificate, redirects, proxies; and telling
//! a TLS fault from any other.

use std::error::Error as StdError;
use std::time::Duration;

use reqwest::redirect;
use reqwest::{Certificate, Client, ClientBuilder, Identity};
use secrecy::ExposeSecret;

use super::Settings;
use super::clouds::{CloudConfig, Pem, Tls};
use super::error::{Error, ErrorKind};
use super::fault;

/// Redirects followed on the same host.
const REDIRECTS_MAX: usize = 3;

/// A client for one cloud: certificates differ between clouds, the connection pool is shared by its services.
pub(super) fn client(config: &CloudConfig, settings: &Settings) -> Result<Client, Error> {
    let authorities = match &config.tls.cacert {
        Some(pem) => certificates(config, pem)?,
        None => Vec::new(),
    };
    let identity = identity(config)?;
    let builder = || {
        let builder = Client::builder()
            .user_agent(concat!("stackcast/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(settings.connect_timeout_seconds.max(1)))
            .tls_danger_accept_invalid_certs(!config.tls.verify)
            .redirect(redirect::Policy::custom(same_origin));
        match &identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        }
    };
    build(builder().tls_certs_merge(authorities.clone())).or_else(|error| {
        // An image without any system certificates: what is configured must do, and plain HTTP needs none.
        if authorities.is_empty() && config.auth_url.starts_with("https") {
            return Err(fault(config, "cacert", &format!("{error}; install ca-certificates or set cacert")));
        }
        build(builder().tls_certs_only(authorities)).map_err(|error| fault(config, "cacert", &error))
    })
}

fn build(builder: ClientBuilder) -> Result<Client, String> {
    builder.build().map_err(|error| fault::chain(&error))
}

fn fault(config: &CloudConfig, key: &str, reason: &str) -> Error {
    let detail = format!("cloud `{}`: `{key}`: {reason}", config.name);
    Error::new(ErrorKind::Config, "identity", "TLS settings", detail)
}

/// Following to the same scheme, host and port only: anything else would hand out the token.
fn same_origin(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if same && attempt.previous().len() <= REDIRECTS_MAX { attempt.follow() } else { attempt.stop() }
}

fn certificates(config: &CloudConfig, pem: &Pem) -> Result<Vec<Certificate>, Error> {
    let text = text(config, "cacert", pem)?;
    match Certificate::from_pem_bundle(&text) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(fault(config, "cacert", "holds no certificate in PEM form")),
    }
}

fn identity(config: &CloudConfig) -> Result<Option<Identity>, Error> {
    let Tls { cert: Some(cert), key, .. } = &config.tls else { return Ok(None) };
    let mut both = text(config, "cert", cert)?;
    if let Some(key) = key {
        both.push(b'\n');
        both.extend(text(config, "key", key)?);
    }
    let identity = Identity::from_pem(&both);
    identity.map(Some).map_err(|_| {
        fault(config, "cert", "certificate and private key (PEM) are not both to be found in `cert` and `key`")
    })
}

fn text(config: &CloudConfig, key: &str, pem: &Pem) -> Result<Vec<u8>, Error> {
    match pem {
        Pem::Inline(text) => Ok(text.expose_secret().as_bytes().to_vec()),
        Pem::File(path) => std::fs::read(path)
            .map_err(|error| fault(config, key, &format!("{} cannot be read: {}", path.display(), error.kind()))),
    }
}

/// Whether TLS is at fault, anywhere among the causes.
pub(super) fn is_tls(error: &(dyn StdError + 'static)) -> bool {
    cause(error).is_some()
}

/// rustls' error among the causes. `io::Error` hides what it wraps from `source`, hence the second way down.
fn cause<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a rustls::Error> {
    if let Some(found) = error.downcast_ref::<rustls::Error>() {
        return Some(found);
    }
    if let Some(inner) = error.downcast_ref::<std::io::Error>().and_then(|io| io.get_ref()) {
        return cause(inner);
    }
    error.source().and_then(cause)
}

/// The fault in words, and what to do.
pub(super) fn explain(error: &(dyn StdError + 'static)) -> String {
    let Some(cause) = cause(error) else { return fault::chain(error) };
    let remedy = match cause {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            "; its authority is not trusted: set `cacert` in clouds.yaml"
        }
        rustls::Error::InvalidCertificate(_) => "; correct the certificate, or the host name in the URL",
        rustls::Error::AlertReceived(_) => {
            "; the server refuses us: does it want a client certificate (`cert`, `key`)?"
        }
        rustls::Error::InvalidMessage(_) => "; is this port plain HTTP?",
        _ => "",
    };
    format!("TLS: {cause}{remedy}")
}
