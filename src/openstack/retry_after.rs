//! The Retry-After and Date headers: seconds, or HTTP's way to write a time.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::model::clock::Timestamp;

/// How long the service asks to wait. A date is measured against the same answer's Date header, so that
/// no clock but the service's own matters; without one it is ignored.
pub(super) fn read(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    Some(http_date(text)?.since(date(headers)?))
}

/// The service's clock.
pub(super) fn date(headers: &HeaderMap) -> Option<Timestamp> {
    http_date(headers.get(DATE)?.to_str().ok()?)
}

fn http_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Timestamp::from_millis(zoned.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn seconds_and_dates() {
        assert_eq!(read(&headers(&[("retry-after", "7")])), Some(Duration::from_secs(7)));
        let dated =
            headers(&[("date", "Sat, 21 Nov 2026 20:45:30 GMT"), ("retry-after", "Sat, 21 Nov 2026 20:46:00 GMT")]);
        assert_eq!(read(&dated), Some(Duration::from_secs(30)));
        assert_eq!(date(&dated).unwrap().to_string(), "2026-11-21T20:45:30Z");
        assert_eq!(read(&headers(&[("retry-after", "Sat, 21 Nov 2026 20:46:00 GMT")])), None);
        for odd in ["", "-1", "soon", "1.5", "99999999999999999999999"] {
            assert_eq!(read(&headers(&[("retry-after", odd)])), None, "{odd}");
        }
    }
}
