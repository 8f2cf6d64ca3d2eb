//! Subject alternative names of a certificate: the one extension that `client_allowed_sans` needs.
//!
//! Reads just enough DER to get there, and gives no names for anything malformed. Whether the
//! certificate may be trusted is not decided here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
const OCTETS: u8 = 0x04;
/// `[3] EXPLICIT Extensions` in TBSCertificate.
const EXTENSIONS: u8 = 0xa3;
/// 2.5.29.17, encoded.
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];

struct Element<'d> {
    tag: u8,
    content: &'d [u8],
}

/// DNS names, mail addresses, URIs and IP addresses in the certificate.
pub(crate) fn subject_alt_names(certificate: &[u8]) -> Vec<String> {
    find(certificate).unwrap_or_default()
}

fn find(certificate: &[u8]) -> Option<Vec<String>> {
    let outer = elements(certificate).next()?;
    let to_be_signed = elements(expect(outer, SEQUENCE)?).next()?;
    let wrapped = elements(expect(to_be_signed, SEQUENCE)?).find(|element| element.tag == EXTENSIONS)?;
    let list = elements(wrapped.content).next()?;
    let extension = elements(expect(list, SEQUENCE)?).find(|extension| {
        let id = elements(extension.content).next();
        id.is_some_and(|id| id.tag == OBJECT_ID && id.content == SUBJECT_ALT_NAME)
    })?;
    let value = elements(extension.content).find(|element| element.tag == OCTETS)?;
    let names = elements(value.content).next()?;
    Some(elements(expect(names, SEQUENCE)?).filter_map(name).collect())
}

fn expect<'d>(element: Element<'d>, tag: u8) -> Option<&'d [u8]> {
    (element.tag == tag).then_some(element.content)
}

/// A GeneralName: [1] mail, [2] DNS, [6] URI, [7] IP.
fn name(element: Element<'_>) -> Option<String> {
    match element.tag {
        0x81 | 0x82 | 0x86 => String::from_utf8(element.content.to_vec()).ok(),
        0x87 => {
            let v4 = <[u8; 4]>::try_from(element.content).map(|octets| IpAddr::V4(Ipv4Addr::from(octets)));
            let v6 = <[u8; 16]>::try_from(element.content).map(|octets| IpAddr::V6(Ipv6Addr::from(octets)));
            v4.or(v6).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// The elements of a constructed value; ends at the first malformed one.
fn elements(mut der: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let (tag, rest) = der.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(*first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (digits.iter().fold(0usize, |length, digit| length << 8 | usize::from(*digit)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        der = rest;
        Some(Element { tag: *tag, content })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    fn certificate() -> Vec<u8> {
        let mut params = CertificateParams::new(vec!["prometheus.example.org".to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress("192.0.2.7".parse().unwrap()));
        params.subject_alt_names.push(SanType::IpAddress("2001:db8::7".parse().unwrap()));
        params.subject_alt_names.push(SanType::URI("spiffe://example.org/prometheus".try_into().unwrap()));
        params.subject_alt_names.push(SanType::Rfc822Name("ops@example.org".try_into().unwrap()));
        let key = KeyPair::generate().unwrap();
        params.self_signed(&key).unwrap().der().to_vec()
    }

    #[test]
    fn every_kind_is_found() {
        let names = subject_alt_names(&certificate());
        let expected = [
            "prometheus.example.org",
            "192.0.2.7",
            "2001:db8::7",
            "spiffe://example.org/prometheus",
            "ops@example.org",
        ];
        assert_eq!(names, expected);
    }

    proptest! {
        #[test]
        fn anything_malformed_gives_no_panic(cut in 0usize..600, at in 0usize..600, byte in any::<u8>()) {
            let mut der = certificate();
            der.truncate(cut);
            if let Some(target) = der.get_mut(at) {
                *target = byte;
            }
            let _ = subject_alt_names(&der);
        }
    }
}
