//! Prefixes of subnet pools: how many subnets of a length a prefix holds, and how many are still free.
//!
//! Pure arithmetic on numbers of 128 bits; IPv4 uses the lowest 32.

use std::net::IpAddr;

/// A prefix such as `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Prefix {
    v6: bool,
    first: u128,
    length: u8,
}

impl Prefix {
    /// Reads `address/length`; bits behind the length are dropped.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, length) = text.split_once('/')?;
        let length = length.parse().ok()?;
        let (v6, value) = match address.parse().ok()? {
            IpAddr::V4(address) => (false, u128::from(address.to_bits())),
            IpAddr::V6(address) => (true, address.to_bits()),
        };
        let prefix = Self { v6, first: value, length };
        (length <= prefix.width()).then(|| Self { first: value & !prefix.host_mask(), ..prefix })
    }

    /// Length in bits.
    pub(super) fn length(self) -> u8 {
        self.length
    }

    /// Subnets of a length in it.
    pub(super) fn subnets(self, length: u8) -> f64 {
        if length < self.length { 0.0 } else { 2f64.powi(i32::from(length) - i32::from(self.length)) }
    }

    /// Whether one of them holds the other.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.v6 == other.v6 && self.first <= other.last() && other.first <= self.last()
    }

    /// Subnets of a length that still fit beside those taken.
    pub(super) fn free(self, taken: &[Self], length: u8) -> f64 {
        if length < self.length {
            return 0.0;
        }
        let inside: Vec<Self> = taken.iter().copied().filter(|other| self.overlaps(*other)).collect();
        self.free_among(&inside, length)
    }

    /// Halves itself until a piece is free as a whole, taken as a whole, or as small as what is asked for.
    fn free_among(self, taken: &[Self], length: u8) -> f64 {
        if taken.is_empty() {
            return self.subnets(length);
        }
        if self.length == length || taken.iter().any(|other| other.length <= self.length) {
            return 0.0;
        }
        let halves = self.halves().map(|half| {
            let within: Vec<Self> = taken.iter().copied().filter(|other| half.overlaps(*other)).collect();
            half.free_among(&within, length)
        });
        halves.iter().sum()
    }

    fn halves(self) -> [Self; 2] {
        let length = self.length + 1;
        let low = Self { length, ..self };
        [low, Self { first: self.first | low.host_mask().wrapping_add(1), ..low }]
    }

    fn width(self) -> u8 {
        if self.v6 { 128 } else { 32 }
    }

    fn host_mask(self) -> u128 {
        let bits = u32::from(self.width() - self.length);
        1u128.checked_shl(bits).map_or(u128::MAX, |size| size - 1)
    }

    fn last(self) -> u128 {
        self.first | self.host_mask()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefix(text: &str) -> Prefix {
        Prefix::parse(text).unwrap_or_else(|| panic!("{text}"))
    }

    #[test]
    fn reads_both_families_and_nothing_else() {
        assert_eq!(prefix("10.1.2.3/8"), prefix("10.0.0.0/8"));
        assert_eq!(prefix("2001:db8::1/32"), prefix("2001:db8::/32"));
        assert_eq!(prefix("::/0").last(), u128::MAX);
        for text in ["", "10.0.0.0", "10.0.0.0/33", "::/129", "10.0.0/8", "x/8", "10.0.0.0/-1"] {
            assert_eq!(Prefix::parse(text), None, "{text}");
        }
    }

    #[test]
    fn taken_subnets_leave_what_is_beside_them() {
        let pool = prefix("10.0.0.0/16");
        assert_eq!(pool.subnets(24), 256.0);
        assert_eq!(pool.free(&[], 24), 256.0);
        assert_eq!(pool.free(&[prefix("10.0.1.0/24"), prefix("10.0.2.0/26"), prefix("192.0.2.0/24")], 24), 254.0);
        assert_eq!(pool.free(&[prefix("10.0.2.0/26")], 26), 1023.0);
        assert_eq!(pool.free(&[prefix("10.0.0.0/8")], 24), 0.0);
        assert_eq!(pool.free(&[], 8), 0.0);
        assert_eq!(pool.free(&[prefix("::/0")], 24), 256.0, "the other family is no neighbour");
        assert_eq!(prefix("2001:db8::/32").free(&[prefix("2001:db8::/64")], 64), 2f64.powi(32) - 1.0);
        assert_eq!(prefix("::/0").subnets(128), 2f64.powi(128));
    }

    proptest! {
        /// Against counting one by one in a /24.
        #[test]
        fn free_is_what_counting_finds(taken in proptest::collection::vec((0u32..256, 24u8..=32), 0..12), length in 24u8..=32) {
            let pool = prefix("192.0.2.0/24");
            let taken: Vec<_> = taken.iter().map(|(at, length)| prefix(&format!("192.0.2.{at}/{length}"))).collect();
            let all = (0..256u32).step_by(1 << (32 - length)).map(|at| prefix(&format!("192.0.2.{at}/{length}")));
            let counted = all.filter(|subnet| !taken.iter().any(|other| other.overlaps(*subnet))).count();
            prop_assert_eq!(pool.free(&taken, length), counted as f64);
        }
    }
}
