//! Writes JSON straight into a byte buffer, spaced as Python's `json.dumps` does.
//!
//! Pages of 1,000 servers are built here, so there is no tree in between. It does not check that keys are
//! distinct or that a key is followed by a value; the structural tests do.

use std::io::Write;

/// A JSON text that grows.
#[derive(Debug, Default)]
pub(crate) struct Json {
    out: Vec<u8>,
    comma: bool,
}

/// What can be written as one JSON value.
pub(crate) trait Put {
    /// Appends the value, without a separator.
    fn put(&self, out: &mut Vec<u8>);
}

impl Json {
    /// An empty text with room for `bytes`.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes), comma: false }
    }

    /// The text.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    fn separate(&mut self) {
        if self.comma {
            self.out.extend_from_slice(b", ");
        }
        self.comma = true;
    }

    /// `"key": ` ahead of a value.
    pub(crate) fn key(&mut self, key: impl AsRef<str>) -> &mut Self {
        self.separate();
        key.as_ref().put(&mut self.out);
        self.out.extend_from_slice(b": ");
        self.comma = false;
        self
    }

    /// A member of an object.
    pub(crate) fn put(&mut self, key: &str, value: impl Put) -> &mut Self {
        self.key(key).item(value)
    }

    /// A value: an element of an array, or what follows a key.
    pub(crate) fn item(&mut self, value: impl Put) -> &mut Self {
        self.separate();
        value.put(&mut self.out);
        self
    }

    /// `{…}`.
    pub(crate) fn object(&mut self, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.enclose(b'{', b'}', fill)
    }

    /// `[…]`.
    pub(crate) fn array(&mut self, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.enclose(b'[', b']', fill)
    }

    fn enclose(&mut self, open: u8, close: u8, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.separate();
        self.out.push(open);
        self.comma = false;
        fill(self);
        self.out.push(close);
        self.comma = true;
        self
    }
}

/// An object as a whole text.
pub(crate) fn object(fill: impl FnOnce(&mut Json)) -> Vec<u8> {
    let mut json = Json::with_capacity(1024);
    json.object(fill);
    json.into_bytes()
}

/// `null`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Null;

/// A number as a UUID with dashes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Uuid(pub(crate) u128);

/// A number as 32 hex digits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hex(pub(crate) u128);

/// Seconds since the epoch as `2026-11-21T20:45:09Z`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zulu(pub(crate) u32);

/// Seconds since the epoch as `2026-11-21T20:45:09.000000`: no zone, as the services print database times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Micros(pub(crate) u32);

/// Text made of pieces; must hold nothing that JSON escapes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plain<'a>(pub(crate) std::fmt::Arguments<'a>);

impl Put for str {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        for byte in self.bytes() {
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\n' => out.extend_from_slice(b"\\n"),
                0..=0x1f => drop(write!(out, "\\u{byte:04x}")),
                _ => out.push(byte),
            }
        }
        out.push(b'"');
    }
}

impl Put for String {
    fn put(&self, out: &mut Vec<u8>) {
        self.as_str().put(out);
    }
}

impl<T: Put + ?Sized> Put for &T {
    fn put(&self, out: &mut Vec<u8>) {
        (**self).put(out);
    }
}

impl<T: Put> Put for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.put(out),
            None => Null.put(out),
        }
    }
}

impl Put for Null {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"null");
    }
}

impl Put for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Put for f64 {
    fn put(&self, out: &mut Vec<u8>) {
        drop(write!(out, "{self:?}"));
    }
}

macro_rules! integers {
    ($($kind:ty)*) => {$(
        impl Put for $kind {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend_from_slice(itoa::Buffer::new().format(*self).as_bytes());
            }
        }
    )*};
}
integers!(i32 i64 u16 u32 u64 usize);

impl Put for Plain<'_> {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        drop(out.write_fmt(self.0));
        out.push(b'"');
    }
}

impl Put for Hex {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        hex(out, self.0, 0, 32);
        out.push(b'"');
    }
}

impl Put for Uuid {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        dashed(out, self.0);
        out.push(b'"');
    }
}

impl Put for Zulu {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        date_time(out, self.0);
        out.extend_from_slice(b"Z\"");
    }
}

impl Put for Micros {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(b'"');
        date_time(out, self.0);
        out.extend_from_slice(b".000000\"");
    }
}

impl std::fmt::Display for Uuid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::with_capacity(36);
        dashed(&mut text, self.0);
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

/// Hex digits `from..to` of a number written with 32.
fn hex(out: &mut Vec<u8>, value: u128, from: u32, to: u32) {
    for digit in from..to {
        let nibble = (value >> (4 * (31 - digit)) & 0xf) as u8;
        out.push(if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 });
    }
}

fn dashed(out: &mut Vec<u8>, value: u128) {
    for (index, (from, to)) in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].into_iter().enumerate() {
        if index > 0 {
            out.push(b'-');
        }
        hex(out, value, from, to);
    }
}

fn digits(out: &mut Vec<u8>, value: u32, width: u32) {
    for place in (0..width).rev() {
        out.push(b'0' + (value / 10u32.pow(place) % 10) as u8);
    }
}

/// `2026-11-21T20:45:09`; days become a date by the usual era arithmetic (years start in March).
fn date_time(out: &mut Vec<u8>, seconds: u32) {
    let (days, second) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    digits(out, era * 400 + year_of_era + u32::from(month <= 2), 4);
    out.push(b'-');
    digits(out, month, 2);
    out.push(b'-');
    digits(out, day_of_year - (153 * shifted + 2) / 5 + 1, 2);
    for (mark, value) in [(b'T', second / 3600), (b':', second / 60 % 60), (b':', second % 60)] {
        out.push(mark);
        digits(out, value, 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock::Timestamp;
    use proptest::prelude::*;

    #[test]
    fn is_spaced_as_the_services_do() {
        let text = object(|j| {
            j.put("a", 1u32).put("b", Some("x\"\n")).key("c").array(|j| {
                j.item(1.0).item(None::<u32>).object(|_| {});
            });
            j.put("d", Uuid(0x7ae1_b5ea_0dcc_459a_8e9f_cf53_fd65_0311)).put("e", true);
        });
        assert_eq!(
            String::from_utf8(text).unwrap(),
            r#"{"a": 1, "b": "x\"\n", "c": [1.0, null, {}], "d": "7ae1b5ea-0dcc-459a-8e9f-cf53fd650311", "e": true}"#
        );
    }

    proptest! {
        #[test]
        fn dates_read_back(seconds in any::<u32>()) {
            let mut text = Vec::new();
            date_time(&mut text, seconds);
            let text = String::from_utf8(text).unwrap();
            prop_assert_eq!(Timestamp::parse(&text), Some(Timestamp::from_seconds(i64::from(seconds))));
        }

        #[test]
        fn any_text_reads_back(text in "\\PC{0,30}|[\\x00-\\x7f]{0,20}") {
            let mut out = Vec::new();
            text.as_str().put(&mut out);
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
