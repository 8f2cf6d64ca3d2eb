//! The allow list: networks in CIDR form, an address alone being a network of one.

use std::net::IpAddr;

use super::error::ServeError;

/// Networks that may connect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug)]
struct Network {
    bits: u128,
    mask: u128,
}

impl Networks {
    /// Reads the list from the settings.
    pub(crate) fn parse(list: &[String]) -> Result<Self, ServeError> {
        let networks = list
            .iter()
            .map(|text| Network::parse(text.trim()).ok_or_else(|| ServeError::Network { network: text.clone() }));
        Ok(Self(networks.collect::<Result<_, _>>()?))
    }

    /// Whether an address may connect; an empty list allows all.
    pub(crate) fn allow(&self, address: IpAddr) -> bool {
        let bits = as_v6_bits(address);
        self.0.is_empty() || self.0.iter().any(|network| bits & network.mask == network.bits)
    }
}

impl Network {
    fn parse(text: &str) -> Option<Self> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let host_bits = width - length.filter(|length| *length <= width).or(length.is_none().then_some(width))?;
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        Some(Self { bits: as_v6_bits(address) & mask, mask })
    }
}

/// IPv4 addresses are compared as IPv4-mapped IPv6 ones, which is how a dual-stack socket shows them.
fn as_v6_bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_and_strangers() {
        for (list, address, allowed) in [
            (vec![], "203.0.113.9", true),
            (vec!["10.0.0.0/8"], "10.255.0.1", true),
            (vec!["10.0.0.0/8"], "11.0.0.1", false),
            (vec!["10.0.0.0/8"], "::ffff:10.1.2.3", true),
            (vec!["::ffff:10.0.0.0/104"], "10.1.2.3", true),
            (vec!["192.0.2.7"], "192.0.2.7", true),
            (vec!["192.0.2.7"], "192.0.2.8", false),
            (vec!["192.0.2.7/24"], "192.0.2.200", true),
            (vec!["2001:db8::/32", "::1"], "::1", true),
            (vec!["2001:db8::/32"], "2001:db9::1", false),
            (vec!["0.0.0.0/0"], "203.0.113.9", true),
            (vec!["0.0.0.0/0"], "2001:db8::1", false),
            (vec!["::/0"], "203.0.113.9", true),
        ] {
            let list: Vec<String> = list.into_iter().map(str::to_owned).collect();
            assert_eq!(Networks::parse(&list).unwrap().allow(address.parse().unwrap()), allowed, "{list:?} {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in ["10.0.0.0/33", "10.0.0/8", "localhost", "::/129", "10.0.0.0/-1", "10.0.0.0/", ""] {
            let error = Networks::parse(&[text.to_owned()]).unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` in the allow list")), "{error}");
        }
    }
}
