//! Microversions: `major.minor`, compared as numbers (2.9 lies below 2.10).

use std::fmt;
use std::str::FromStr;

/// A microversion such as 2.87.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Microversion {
    /// In front of the dot.
    pub major: u16,
    /// Behind the dot.
    pub minor: u16,
}

impl Microversion {
    /// A microversion.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }
}

impl fmt::Display for Microversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Not a microversion.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("not a microversion: `{0}` (expected a form like 2.87)")]
pub struct InvalidMicroversion(String);

impl FromStr for Microversion {
    type Err = InvalidMicroversion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidMicroversion(text.to_owned());
        let (major, minor) = text.split_once('.').ok_or_else(invalid)?;
        Ok(Self { major: major.parse().map_err(|_| invalid())?, minor: minor.parse().map_err(|_| invalid())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordered_as_numbers_not_as_text() {
        let parse = |text: &str| text.parse::<Microversion>().unwrap();
        assert!(parse("2.9") < parse("2.10"));
        assert!(parse("1.39") < parse("2.1"));
        assert_eq!(parse("2.87").to_string(), "2.87");
        assert!("latest".parse::<Microversion>().is_err());
    }
}
