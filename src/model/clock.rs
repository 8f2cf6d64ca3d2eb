//! The only clock: everything that needs the time of day is handed one, so that tests and the demo
//! can drive time. Durations are measured with [`Clock::instant`], which never jumps.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since the epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Seconds since the epoch, as Prometheus wants them in `_timestamp_seconds`.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// How long `earlier` lies back; zero when it lies ahead.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// This much later.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// This much earlier.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }

    /// Parses the forms that OpenStack services answer with: RFC 3339, the same without a zone
    /// (taken as UTC, as Cinder and os-services mean it), and with a blank instead of `T` (Neutron agents).
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(at) = text.parse::<jiff::Timestamp>() {
            return Some(Self(at.as_millisecond()));
        }
        let civil: jiff::civil::DateTime = text.parse().ok()?;
        let zoned = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Self(zoned.timestamp().as_millisecond()))
    }
}

impl std::fmt::Display for Timestamp {
    /// RFC 3339 in UTC, whole seconds.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match jiff::Timestamp::from_second(self.0.div_euclid(1000)) {
            Ok(at) => write!(f, "{at}"),
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

/// Where the time of day comes from.
#[derive(Clone, Debug, Default)]
pub struct Clock(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    /// [`RELEASED`] once it follows the machine's.
    Manual(Arc<AtomicI64>),
}

/// What a manual clock holds that is manual no more; no time that anybody sets.
const RELEASED: i64 = i64::MIN;

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until [`Clock::set`] moves it.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(AtomicI64::new(start.0))))
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Source::System => system_now(),
            Source::Manual(at) => match at.load(Ordering::Relaxed) {
                RELEASED => system_now(),
                millis => Timestamp(millis),
            },
        }
    }

    /// Lets a manual clock, and every clone of it, follow the machine's from now on: a replayed past has met the present.
    pub fn release(&self) {
        self.set(Timestamp(RELEASED));
    }

    /// Moves a manual clock; the system clock is left alone.
    pub fn set(&self, to: Timestamp) {
        if let Source::Manual(at) = &self.0 {
            at.store(to.0, Ordering::Relaxed);
        }
    }

    /// A monotonic reading for measuring durations.
    pub fn instant(&self) -> Instant {
        Instant::now()
    }
}

fn system_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_every_form_the_services_answer() {
        let expected = Some(Timestamp::from_seconds(1_795_192_257));
        assert_eq!(Timestamp::parse("2026-11-20T16:30:57Z"), expected);
        assert_eq!(Timestamp::parse("2026-11-20T16:30:57.000000"), expected);
        assert_eq!(Timestamp::parse("2026-11-20 16:30:57"), expected);
        assert_eq!(Timestamp::parse("2026-11-20T17:30:57+01:00"), expected);
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn a_released_clock_follows_the_machine() {
        let clock = Clock::manual(Timestamp::from_seconds(5));
        let clone = clock.clone();
        assert_eq!(clone.now(), Timestamp::from_seconds(5));
        clock.release();
        assert!(clone.now() >= Timestamp::from_seconds(1_700_000_000));
    }

    #[test]
    fn since_never_goes_below_zero() {
        let (a, b) = (Timestamp::from_seconds(5), Timestamp::from_seconds(9));
        assert_eq!(b.since(a), Duration::from_secs(4));
        assert_eq!(a.since(b), Duration::ZERO);
    }
}
