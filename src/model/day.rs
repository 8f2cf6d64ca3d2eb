//! Days of the calendar (UTC), as records that are kept by the day have them.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::clock::Timestamp;

/// A day in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// The day that a moment lies in; 1970-01-01 for one that no calendar has.
    pub fn of(at: Timestamp) -> Self {
        let moment = jiff::Timestamp::from_millisecond(at.millis()).unwrap_or_default();
        Self(moment.to_zoned(TimeZone::UTC).date())
    }

    /// Reads `YYYY-MM-DD`, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        let form = |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
        if text.len() != 10 || !text.bytes().enumerate().all(form) {
            return None;
        }
        text.parse().ok().map(Self)
    }

    /// The next day; the same at the end of the calendar.
    pub fn next(self) -> Self {
        Self(self.0.tomorrow().unwrap_or(self.0))
    }

    /// So many days earlier; the first day of the calendar where there is none.
    pub fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub(jiff::Span::new().days(days.min(3_000_000))))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_moment_lies_in_its_day() {
        let midnight = Timestamp::parse("2026-03-01T00:00:00Z").unwrap();
        let day = Day::of(midnight);
        assert_eq!(day.to_string(), "2026-03-01");
        assert_eq!(Day::of(Timestamp::from_millis(midnight.millis() - 1)), day.minus(1));
        assert_eq!(day.minus(1).to_string(), "2026-02-28");
        assert_eq!(day.minus(1).next(), day);
        assert!(Day::parse("9999-12-31").unwrap().next() >= day && day.minus(u32::MAX) < day);
    }

    proptest! {
        #[test]
        fn only_the_one_form_is_read(text in "\\PC{0,12}|[0-9]{4}-[0-9]{2}-[0-9]{2}") {
            if let Some(day) = Day::parse(&text) {
                prop_assert_eq!(day.to_string(), text);
            }
        }
    }
}
