//! `tls_server_config` of the web configuration file, turned into a rustls configuration.
//!
//! TLS 1.2 and 1.3 only: what the toolkit knows beyond that is refused with the reason, never ignored.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
    SupportedProtocolVersion,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::error::ServeError;
use super::san::subject_alt_names;
use super::web_config::read_text;

/// The section as written; file names are relative to the file's folder.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Section {
    cert_file: Option<PathBuf>,
    key_file: Option<PathBuf>,
    cert: Option<String>,
    key: Option<SecretString>,
    client_auth_type: Option<String>,
    client_ca_file: Option<PathBuf>,
    client_ca: Option<String>,
    client_allowed_sans: Option<Vec<String>>,
    min_version: Option<String>,
    max_version: Option<String>,
    cipher_suites: Option<Vec<String>>,
    curve_preferences: Option<Vec<String>>,
    /// Accepted as in the toolkit; the server's order is always preferred.
    #[serde(rename = "prefer_server_cipher_suites")]
    _prefer_server_cipher_suites: Option<bool>,
}

impl Section {
    /// The files it names.
    pub(crate) fn files(&self, folder: &Path) -> Vec<PathBuf> {
        let files = [&self.cert_file, &self.key_file, &self.client_ca_file];
        files.into_iter().flatten().map(|file| folder.join(file)).collect()
    }

    /// Reads certificates and key.
    pub(crate) fn server_config(&self, path: &Path, http2: bool) -> Result<ServerConfig, ServeError> {
        let fault = |message: String| ServeError::web_config(path, format!("tls_server_config: {message}"));
        let folder = path.parent().unwrap_or(Path::new(""));
        let provider = Arc::new(self.provider().map_err(fault)?);
        let versions = self.versions().map_err(fault)?;
        let pem = |text: &Option<String>, file: &Option<PathBuf>, key: &str| match (text, file) {
            (Some(text), None) => Ok((path.to_owned(), text.clone())),
            (None, Some(file)) => Ok((folder.join(file), read_text(&folder.join(file))?)),
            (None, None) => Err(fault(format!("{key}_file is missing"))),
            (Some(_), Some(_)) => Err(fault(format!("both {key} and {key}_file are given"))),
        };
        let inline_key = self.key.as_ref().map(|key| key.expose_secret().to_owned());
        if self.key_file.is_none() && inline_key.is_none() {
            return Err(fault("key_file is missing".to_owned()));
        }
        let (chain_file, chain) = pem(&self.cert, &self.cert_file, "cert")?;
        let chain = certificates(&chain_file, &chain)?;
        let (key_file, key) = pem(&inline_key, &self.key_file, "key")?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|_| ServeError::web_config(key_file, "no private key in PEM form"))?;
        let anchors = match (&self.client_ca, &self.client_ca_file) {
            (None, None) => None,
            _ => {
                let (file, text) = pem(&self.client_ca, &self.client_ca_file, "client_ca")?;
                Some(roots(&file, &text)?)
            }
        };
        let verifier = self.verifier(anchors, &provider).map_err(fault)?;
        let builder = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&versions)
            .map_err(|error| fault(error.to_string()))?;
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| ServeError::web_config(chain_file, format!("does not go with the key: {error}")))?;
        // Without this, clients get HTTP/1.1 only.
        config.alpn_protocols = match http2 {
            true => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            false => vec![b"http/1.1".to_vec()],
        };
        Ok(config)
    }

    fn provider(&self) -> Result<CryptoProvider, String> {
        let mut provider = aws_lc_rs::default_provider();
        if let Some(names) = &self.cipher_suites {
            // As in Go, the list is about TLS 1.2; the suites of TLS 1.3 are always on.
            let go_name =
                |suite: &rustls::SupportedCipherSuite| format!("{:?}", suite.suite()).replacen("TLS13_", "TLS_", 1);
            let known: Vec<String> = provider.cipher_suites.iter().map(go_name).collect();
            if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
                return Err(format!("cipher suite `{unknown}` is not supported; there are {}", known.join(", ")));
            }
            provider.cipher_suites.retain(|suite| suite.tls13().is_some() || names.contains(&go_name(suite)));
        }
        if let Some(names) = self.curve_preferences.as_ref().filter(|names| !names.is_empty()) {
            let group = |name: &String| match name.as_str() {
                "X25519" | "CurveX25519" => Ok(aws_lc_rs::kx_group::X25519),
                "CurveP256" => Ok(aws_lc_rs::kx_group::SECP256R1),
                "CurveP384" => Ok(aws_lc_rs::kx_group::SECP384R1),
                "X25519MLKEM768" => Ok(aws_lc_rs::kx_group::X25519MLKEM768),
                other => Err(format!(
                    "curve `{other}` is not supported; there are X25519MLKEM768, X25519, CurveP256, CurveP384"
                )),
            };
            provider.kx_groups = names.iter().map(group).collect::<Result<_, _>>()?;
        }
        Ok(provider)
    }

    fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
        let rank = |key: &str, version: &Option<String>, default: u8| match version.as_deref() {
            None | Some("") => Ok(default),
            Some("TLS12") => Ok(2),
            Some("TLS13") => Ok(3),
            Some(old @ ("TLS10" | "TLS11")) if key == "max_version" => {
                Err(format!("{key} {old}: TLS before 1.2 is not supported"))
            }
            // A lower bound below what there is asks for nothing that is missing, but promises it.
            Some(old @ ("TLS10" | "TLS11")) => Err(format!("{key} {old}: TLS before 1.2 is not supported; use TLS12")),
            Some(other) => Err(format!("{key} `{other}` is unknown; there are TLS12 and TLS13")),
        };
        let least = rank("min_version", &self.min_version, 2)?;
        let most = rank("max_version", &self.max_version, 3)?;
        let all = [(2, &rustls::version::TLS12), (3, &rustls::version::TLS13)];
        let versions: Vec<_> = all.into_iter().filter(|(rank, _)| (least..=most).contains(rank)).map(|v| v.1).collect();
        if versions.is_empty() {
            return Err("min_version is above max_version".to_owned());
        }
        Ok(versions)
    }

    fn verifier(
        &self,
        anchors: Option<RootCertStore>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        let sans = self.client_allowed_sans.clone().unwrap_or_default();
        let (verified, mandatory) = match self.client_auth_type.as_deref().unwrap_or("") {
            "" | "NoClientCert" if anchors.is_some() => {
                return Err("client_ca_file is given, but client_auth_type asks for no certificate".to_owned());
            }
            "" | "NoClientCert" if !sans.is_empty() => {
                return Err("client_allowed_sans is given, but client_auth_type asks for no certificate".to_owned());
            }
            "" | "NoClientCert" => return Ok(None),
            "RequestClientCert" => (false, false),
            "RequireAnyClientCert" | "RequireClientCert" => (false, true),
            "VerifyClientCertIfGiven" => (true, false),
            "RequireAndVerifyClientCert" => (true, true),
            other => {
                return Err(format!(
                    "client_auth_type `{other}` is unknown; there are NoClientCert, RequestClientCert, \
                     RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert"
                ));
            }
        };
        let inner = match (verified, anchors) {
            (true, None) => return Err("client_ca_file is missing; client_auth_type needs it".to_owned()),
            (true, Some(anchors)) => {
                let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(anchors), Arc::clone(provider));
                Some(builder.build().map_err(|error| format!("client_ca_file: {error}"))?)
            }
            (false, _) => None,
        };
        Ok(Some(Arc::new(Verifier { inner, mandatory, sans, provider: Arc::clone(provider) })))
    }
}

fn certificates(file: &Path, pem: &str) -> Result<Vec<CertificateDer<'static>>, ServeError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(ServeError::web_config(file, "no certificate in PEM form")),
    }
}

fn roots(file: &Path, pem: &str) -> Result<RootCertStore, ServeError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(file, pem)? {
        store.add(certificate).map_err(|error| ServeError::web_config(file, error.to_string()))?;
    }
    Ok(store)
}

/// Client certificates by the toolkit's five policies: checked against authorities only if there are any.
#[derive(Debug)]
struct Verifier {
    inner: Option<Arc<dyn ClientCertVerifier>>,
    mandatory: bool,
    sans: Vec<String>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.as_ref().map_or(&[], |inner| inner.root_hint_subjects())
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if let Some(inner) = &self.inner {
            inner.verify_client_cert(certificate, intermediates, now)?;
        }
        if !self.sans.is_empty() && !subject_alt_names(certificate).iter().any(|name| self.sans.contains(name)) {
            return Err(CertificateError::ApplicationVerificationFailure.into());
        }
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(yaml: &str) -> Section {
        serde_saphyr::from_str(yaml).unwrap()
    }

    #[test]
    fn versions_suites_and_curves() {
        for (yaml, count) in
            [("{}", 2), ("min_version: TLS13", 1), ("max_version: TLS12", 1), ("min_version: TLS12", 2)]
        {
            assert_eq!(section(yaml).versions().unwrap().len(), count, "{yaml}");
        }
        for (yaml, fault) in [
            ("min_version: TLS10", "TLS before 1.2 is not supported"),
            ("max_version: TLS11", "TLS before 1.2 is not supported"),
            ("min_version: SSL3", "unknown"),
            ("{min_version: TLS13, max_version: TLS12}", "above"),
        ] {
            assert!(section(yaml).versions().unwrap_err().contains(fault), "{yaml}");
        }
        let suites =
            section("cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]").provider().unwrap().cipher_suites;
        assert_eq!(suites.iter().filter(|suite| suite.tls13().is_none()).count(), 1);
        assert!(section("cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]").provider().unwrap_err().contains("RC4"));
        assert_eq!(section("curve_preferences: [CurveP256]").provider().unwrap().kx_groups.len(), 1);
        assert!(section("curve_preferences: [CurveP521]").provider().unwrap_err().contains("CurveP521"));
    }

    #[test]
    fn client_certificates_by_policy() {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = |yaml: &str| section(yaml).verifier(None, &provider);
        assert!(verifier("{}").unwrap().is_none());
        assert!(!verifier("client_auth_type: RequestClientCert").unwrap().unwrap().client_auth_mandatory());
        assert!(verifier("client_auth_type: RequireAnyClientCert").unwrap().unwrap().client_auth_mandatory());
        for (yaml, fault) in [
            ("client_auth_type: RequireAndVerifyClientCert", "client_ca_file is missing"),
            ("client_auth_type: VerifyClientCertIfGiven", "client_ca_file is missing"),
            ("client_auth_type: Sometimes", "unknown"),
            ("client_allowed_sans: [a]", "asks for no certificate"),
        ] {
            assert!(verifier(yaml).unwrap_err().contains(fault), "{yaml}");
        }
    }
}
