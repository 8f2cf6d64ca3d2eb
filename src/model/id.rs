//! Ids as OpenStack gives them: mostly 128-bit numbers in two spellings, now and then any text.

use std::fmt;
use std::sync::Arc;

/// An id: 16 bytes and how they are spelt when it is a UUID, else the text as it came; 24 bytes in all.
///
/// Keystone writes projects as 32 hex digits, Nova servers with dashes, and LDAP users or the
/// `default` domain as anything at all; printing gives back the spelling that was read.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Id {
    /// 32 lower-case hex digits without dashes.
    Plain(Uuid),
    /// The same with dashes, 8-4-4-4-12.
    Dashed(Uuid),
    /// Anything else.
    Text(Arc<str>),
}

/// 128 bits, kept as bytes because a `u128` asks for places at multiples of 16, which would make every id 32 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// The number.
    pub fn number(self) -> u128 {
        u128::from_be_bytes(self.0)
    }
}

impl From<u128> for Uuid {
    fn from(number: u128) -> Self {
        Self(number.to_be_bytes())
    }
}

const DASHES: [usize; 4] = [8, 13, 18, 23];

impl Id {
    /// Reads an id in any spelling.
    pub fn new(text: &str) -> Self {
        match text.len() {
            32 => hex(text.bytes()).map(Self::Plain),
            36 if DASHES.iter().all(|at| text.as_bytes().get(*at) == Some(&b'-')) => {
                hex(text.bytes().filter(|b| *b != b'-')).map(Self::Dashed)
            }
            _ => None,
        }
        .unwrap_or_else(|| Self::Text(Arc::from(text)))
    }

    /// Whether there is no id at all.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Text(text) if text.is_empty())
    }
}

/// Exactly 32 lower-case hex digits; upper case is kept as text so that printing gives back what was read.
fn hex(digits: impl Iterator<Item = u8>) -> Option<Uuid> {
    let (mut value, mut count) = (0u128, 0);
    for digit in digits {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        value = value << 4 | u128::from(nibble);
        count += 1;
    }
    (count == 32).then(|| Uuid::from(value))
}

impl Default for Id {
    fn default() -> Self {
        Self::Text(Arc::from(""))
    }
}

impl fmt::Display for Id {
    /// A page of 50,000 instances spells some 300,000 ids.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(value) => f.write_str(str::from_utf8(&digits(*value)).unwrap_or_default()),
            Self::Dashed(value) => f.write_str(str::from_utf8(&dashed(*value)).unwrap_or_default()),
            Self::Text(text) => f.write_str(text),
        }
    }
}

/// The 32 hex digits of a number: loops over arrays, which compile to a few vector instructions.
fn digits(value: Uuid) -> [u8; 32] {
    const fn digit(nibble: u8) -> u8 {
        if nibble < 10 { b'0' + nibble } else { b'a' - 10 + nibble }
    }
    let (high, low) = (value.0.map(|byte| digit(byte >> 4)), value.0.map(|byte| digit(byte & 15)));
    let mut digits = [0; 32];
    for (pair, (high, low)) in digits.as_chunks_mut::<2>().0.iter_mut().zip(high.into_iter().zip(low)) {
        *pair = [high, low];
    }
    digits
}

/// The same with dashes.
fn dashed(value: Uuid) -> [u8; 36] {
    let (digits, mut text) = (digits(value), [b'-'; 36]);
    text[..8].copy_from_slice(&digits[..8]);
    text[9..13].copy_from_slice(&digits[8..12]);
    text[14..18].copy_from_slice(&digits[12..16]);
    text[19..23].copy_from_slice(&digits[16..20]);
    text[24..].copy_from_slice(&digits[20..]);
    text
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

impl<'de> serde::Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Ok(Self::new(&text))
    }
}

impl serde::Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spellings_survive() {
        for text in [
            "7ae1b5ea0dcc459a8e9fcf53fd650311",
            "000214c2-38a2-4204-82bc-c0aa8aeb8ff7",
            "default",
            "",
            "7AE1B5EA0DCC459A8E9FCF53FD650311",
            "000214c2-38a2-4204-82bc-c0aa8aeb8ff",
            "000214c2x38a2-4204-82bc-c0aa8aeb8ff7",
        ] {
            assert_eq!(Id::new(text).to_string(), text);
        }
        assert!(matches!(Id::new("7ae1b5ea0dcc459a8e9fcf53fd650311"), Id::Plain(_)));
        assert!(matches!(Id::new("000214c2-38a2-4204-82bc-c0aa8aeb8ff7"), Id::Dashed(_)));
    }

    #[test]
    fn ids_are_small() {
        assert_eq!((size_of::<Id>(), size_of::<Option<Id>>()), (24, 24));
    }

    proptest! {
        #[test]
        fn any_text_survives(text in "\\PC{0,40}|[0-9a-f-]{32,36}") {
            prop_assert_eq!(Id::new(&text).to_string(), text);
        }
    }
}
