//! Numbers that follow from the seed: mixing, ids, name parts. No state.

/// Mixes two numbers into one that looks random (the finaliser of SplitMix64).
pub(crate) fn mix(a: u64, b: u64) -> u64 {
    let mut x = a.wrapping_add(b.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// What an id is for; keeps ids of different kinds apart.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Server = 1,
    Project,
    User,
    Group,
    Domain,
    Role,
    Flavor,
    Image,
    Volume,
    Host,
    Service,
    Provider,
    Aggregate,
    Catalog,
    Endpoint,
    Audit,
    SecurityGroup,
    ServerGroup,
    Credential,
    Network,
    Subnet,
    Router,
    Port,
    FloatingIp,
    NetworkAgent,
    LoadBalancer,
    Listener,
    Pool,
    Member,
    Amphora,
}

/// A random-looking UUID (version 4) for the n-th thing of a kind.
pub(crate) fn uuid(seed: u64, kind: Kind, number: u64) -> u128 {
    let high = mix(mix(seed, kind as u64), number);
    let value = u128::from(high) << 64 | u128::from(mix(high, number));
    value & !(0xf << 76) & !(0x3 << 62) | 0x4 << 76 | 0x2 << 62
}

/// Reads an id with or without dashes.
pub(crate) fn parse_id(text: &str) -> Option<u128> {
    use crate::model::id::Id;
    match Id::new(text) {
        Id::Plain(uuid) | Id::Dashed(uuid) => Some(uuid.number()),
        Id::Text(_) => None,
    }
}

/// The n-th word, going round.
pub(crate) fn word<'a>(words: &[&'a str], number: u64) -> &'a str {
    let at = usize::try_from(number).unwrap_or(0).checked_rem(words.len()).unwrap_or(0);
    words.get(at).copied().unwrap_or("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_4_and_distinct() {
        let mut seen = std::collections::HashSet::new();
        for number in 0..10_000 {
            for kind in [Kind::Server, Kind::Volume] {
                let id = uuid(7, kind, number);
                assert!(seen.insert(id));
                let text = crate::demo::json::Uuid(id).to_string();
                assert_eq!(&text[14..15], "4");
                assert!("89ab".contains(&text[19..20]), "{text}");
                assert_eq!(parse_id(&text), Some(id));
            }
        }
    }
}
