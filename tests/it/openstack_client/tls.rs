//! TLS: an authority of one's own, client certificates, and what is said when either is missing.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;
use stackcast::model::clock::Clock;
use stackcast::openstack::Settings;
use stackcast::openstack::client::{Cloud, Request};
use stackcast::openstack::clouds::{CloudConfig, Pem, Tls};
use stackcast::openstack::error::{Error, ErrorKind};
use tokio::net::TcpListener;

use super::fake::{Fake, json_reply, quick};

/// An authority, and what it signed.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Certificate and key in PEM form.
    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    async fn server(&self, name: &str, clients: Option<&Authority>) -> Arc<Fake> {
        let (cert, key) = self.sign(name, ExtendedKeyUsagePurpose::ServerAuth);
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = match clients {
            Some(clients) => {
                let mut roots = RootCertStore::empty();
                roots.add(CertificateDer::from_pem_slice(clients.issuer.pem().as_bytes()).unwrap()).unwrap();
                let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .unwrap();
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let cert = CertificateDer::from_pem_slice(cert.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let config = builder.with_single_cert(vec![cert], key).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Fake::serve(listener, Some(Arc::new(config).into()), |_, _| async { json_reply(200, &json!({"ok": 1})) })
    }
}

async fn ask(fake: &Fake, tls: Tls) -> Result<(), Error> {
    let config = CloudConfig { tls, ..fake.config() };
    let cloud = Cloud::new(config, &Settings { retries: 0, ..quick() }, Clock::system())?;
    let compute = cloud.service(&["compute"], "one").await?;
    compute.get(Request::new("servers")).await.map(drop)
}

fn inline(pem: &str) -> Option<Pem> {
    Some(Pem::Inline(pem.into()))
}

#[tokio::test]
async fn an_authority_of_one_s_own() {
    let authority = Authority::new();
    let fake = authority.server("127.0.0.1", None).await;
    let error = ask(&fake, Tls::default()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Tls);
    assert!(error.detail.contains("`cacert`"), "{error}");

    ask(&fake, Tls { cacert: inline(&authority.issuer.pem()), ..Tls::default() }).await.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.issuer.pem()).unwrap();
    ask(&fake, Tls { cacert: Some(Pem::File(file.path().into())), ..Tls::default() }).await.unwrap();
    ask(&fake, Tls { verify: false, ..Tls::default() }).await.unwrap();

    for (pem, part) in
        [(Pem::File("/nonexistent/ca.pem".into()), "/nonexistent/ca.pem"), (Pem::Inline("x".into()), "PEM")]
    {
        let error = ask(&fake, Tls { cacert: Some(pem), ..Tls::default() }).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.detail.contains("cloud `test`: `cacert`") && error.detail.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused() {
    let authority = Authority::new();
    let fake = authority.server("elsewhere.example.org", None).await;
    let error = ask(&fake, Tls { cacert: inline(&authority.issuer.pem()), ..Tls::default() }).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Tls);
    assert!(error.detail.contains("host name"), "{error}");
}

#[tokio::test]
async fn client_certificates() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let fake = servers.server("127.0.0.1", Some(&clients)).await;
    let (cert, key) = clients.sign("stackcast", ExtendedKeyUsagePurpose::ClientAuth);
    let cacert = || inline(&servers.issuer.pem());
    ask(&fake, Tls { cacert: cacert(), cert: inline(&cert), key: inline(&key), ..Tls::default() }).await.unwrap();
    ask(&fake, Tls { cacert: cacert(), cert: inline(&format!("{cert}{key}")), ..Tls::default() }).await.unwrap();

    let without = ask(&fake, Tls { cacert: cacert(), ..Tls::default() }).await.unwrap_err();
    assert_eq!(without.kind, ErrorKind::Tls, "{without}");
    assert!(without.detail.contains("client certificate"), "{without}");
    let half = ask(&fake, Tls { cacert: cacert(), cert: inline(&cert), ..Tls::default() }).await.unwrap_err();
    assert_eq!(half.kind, ErrorKind::Config);
    assert!(half.detail.contains("`cert`"), "{half}");
}

#[tokio::test]
async fn plain_http_where_tls_was_meant() {
    let fake = Fake::plain(|_, _| json_reply(200, &json!({}))).await;
    let config = CloudConfig { auth_url: fake.url.replace("http:", "https:"), ..fake.config() };
    let cloud = Cloud::new(config, &Settings { retries: 0, ..quick() }, Clock::system()).unwrap();
    let error = cloud.session().await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Tls, "{error}");
    assert!(error.detail.contains("plain HTTP"), "{error}");
}
