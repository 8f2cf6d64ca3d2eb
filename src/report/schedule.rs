//! When a report is due, in UTC: daily, weekly or monthly at a time of the day.

use jiff::civil::{DateTime, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, Unit};

use crate::model::clock::Timestamp;

/// What a schedule looks like, for messages.
const FORMS: &str = "expected a form like `daily 06:00`, `weekly mon 06:00` or `monthly 1 06:00` (UTC)";

/// A schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schedule {
    every: Every,
    at: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Every {
    Day,
    Week(Weekday),
    /// 1 to 28, so that every month has it.
    Month(i8),
}

impl Schedule {
    /// Reads a schedule.
    ///
    /// # Errors
    /// Says what is wrong, and what would be right.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fault = |what: String| format!("{what}; {FORMS}");
        let words: Vec<&str> = text.split_whitespace().collect();
        let (every, at) = match *words.as_slice() {
            ["daily", at] => (Every::Day, at),
            ["weekly", day, at] => {
                let day = weekday(day).ok_or_else(|| fault(format!("`{day}` is no day of the week")))?;
                (Every::Week(day), at)
            }
            ["monthly", day, at] => {
                let number = day.parse::<i8>().ok().filter(|number| (1..=28).contains(number));
                (Every::Month(number.ok_or_else(|| fault(format!("`{day}` is no day from 1 to 28")))?), at)
            }
            _ => return Err(fault(format!("`{text}` is no schedule"))),
        };
        let at = clock_time(at).ok_or_else(|| fault(format!("`{at}` is no time of the day")))?;
        Ok(Self { every, at })
    }

    /// The latest moment at or before `now` at which a report was due.
    pub(super) fn last(&self, now: Timestamp) -> Timestamp {
        let moment = jiff::Timestamp::from_millisecond(now.millis()).unwrap_or_default();
        let now = moment.to_zoned(TimeZone::UTC).datetime();
        let mut date = now.date();
        // A month and a day lie at most so far back.
        for _ in 0..32 {
            let due = date.to_datetime(self.at);
            let fits = match self.every {
                Every::Day => true,
                Every::Week(day) => date.weekday() == day,
                Every::Month(day) => date.day() == day,
            };
            if fits && due <= now {
                return timestamp(due);
            }
            date = date.saturating_sub(Span::new().days(1));
        }
        timestamp(now)
    }
}

fn timestamp(at: DateTime) -> Timestamp {
    let rounded = at.round(Unit::Second).unwrap_or(at);
    rounded
        .to_zoned(TimeZone::UTC)
        .map_or_else(|_| Timestamp::from_millis(0), |zoned| Timestamp::from_millis(zoned.timestamp().as_millisecond()))
}

/// `HH:MM`, and nothing else.
fn clock_time(text: &str) -> Option<Time> {
    let (hours, minutes) = text.split_once(':')?;
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let two = |text: &str| digits(text).then(|| text.parse::<i8>().ok()).flatten();
    Time::new(two(hours)?, two(minutes)?, 0, 0).ok()
}

fn weekday(text: &str) -> Option<Weekday> {
    let names = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let place = names.iter().position(|name| *name == text)?;
    Weekday::from_monday_zero_offset(i8::try_from(place).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn last(schedule: &str, now: &str) -> String {
        Schedule::parse(schedule).unwrap().last(Timestamp::parse(now).unwrap()).to_string()
    }

    #[test]
    fn the_latest_due_moment_is_found_across_months_and_years() {
        // 2026-11-22 is a Sunday.
        assert_eq!(last("daily 06:00", "2026-11-22T06:00:00Z"), "2026-11-22T06:00:00Z");
        assert_eq!(last("daily 06:00", "2026-11-22T05:59:59Z"), "2026-11-21T06:00:00Z");
        assert_eq!(last("weekly mon 06:00", "2026-11-22T12:00:00Z"), "2026-11-16T06:00:00Z");
        assert_eq!(last("weekly sun 06:00", "2026-11-22T12:00:00Z"), "2026-11-22T06:00:00Z");
        assert_eq!(last("monthly 28 23:30", "2027-01-05T00:00:00Z"), "2026-12-28T23:30:00Z");
        assert_eq!(last("monthly 1 00:00", "2026-03-31T10:00:00Z"), "2026-03-01T00:00:00Z");
    }

    #[test]
    fn what_is_no_schedule_is_refused_with_the_forms() {
        for wrong in [
            "",
            "hourly",
            "daily",
            "daily 6:00",
            "daily 24:00",
            "weekly 06:00",
            "weekly xyz 06:00",
            "monthly 29 06:00",
            "monthly 0 06:00",
            "daily 06:00 UTC",
            "daily +6:00",
        ] {
            let fault = Schedule::parse(wrong).unwrap_err();
            assert!(fault.contains("weekly mon 06:00"), "{wrong}: {fault}");
        }
    }

    proptest! {
        #[test]
        fn it_lies_behind_and_not_far(seconds in 0_i64..4_000_000_000, day in 1_i8..=28, minutes in 0_i8..60) {
            let now = Timestamp::from_seconds(seconds);
            for (text, days) in [(format!("daily 05:{minutes:02}"), 1), (format!("weekly wed 05:{minutes:02}"), 7),
                (format!("monthly {day} 05:{minutes:02}"), 31)]
            {
                let last = Schedule::parse(&text).unwrap().last(now);
                prop_assert!(last <= now || seconds < 32 * 86_400);
                prop_assert!(now.since(last).as_secs() < days * 86_400);
                // Nothing is due between the two.
                prop_assert_eq!(Schedule::parse(&text).unwrap().last(last), last);
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,30}") {
            let _ = Schedule::parse(&text);
        }
    }
}
