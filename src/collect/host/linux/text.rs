//! The few shapes in which the kernel writes figures: a name and numbers per line, and tables with a header line.
//!
//! Reading is lenient: a line that does not fit is skipped, because new kernels add lines and one of them must not
//! cost the rest.

use super::super::state::number;
use crate::model::metric::Metric;

/// Declares rows without labels together with the kernel's name of each field.
macro_rules! field_metrics {
    ($($(#[doc = $help:literal])+ $row:ident = $kind:ident $name:literal from $field:literal, $unit:ident, $source:literal;)+) => {
        $crate::metrics! { $($(#[doc = $help])+ $row = $kind $name [], $unit, $source;)+ }
        /// The rows by the kernel's names.
        static FIELDS: $crate::collect::host::linux::text::Fields = &[$(($field, &$row)),+];
    };
}
pub(super) use field_metrics;

/// Rows by the kernel's names of their fields.
pub(super) type Fields = &'static [(&'static str, &'static Metric<0>)];

/// The row of a field.
pub(super) fn row_of(fields: Fields, name: &str) -> Option<&'static Metric<0>> {
    fields.iter().find(|(field, _)| *field == name).map(|(_, row)| *row)
}

/// The first word of each line, and the words behind it.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (&str, std::str::SplitAsciiWhitespace<'_>)> {
    text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        words.next().map(|first| (first, words))
    })
}

/// Pairs of lines `Protocol: Name Name` and `Protocol: 1 2`, as in /proc/net/netstat and snmp: (protocol, name, value).
pub(super) fn header_pairs(text: &str) -> impl Iterator<Item = (&str, &str, f64)> {
    let mut lines = text.lines();
    let pairs = std::iter::from_fn(move || Some((lines.next()?, lines.next()?)));
    pairs.flat_map(|(header, values)| {
        let (mut names, mut values) = (header.split_ascii_whitespace(), values.split_ascii_whitespace());
        let protocol =
            names.next().filter(|first| values.next() == Some(first)).and_then(|first| first.strip_suffix(':'));
        let fields = names.zip(values).filter_map(|(name, value)| Some((name, number(value)?)));
        protocol.into_iter().flat_map({
            let fields: Vec<(&str, f64)> = fields.collect();
            move |protocol| fields.clone().into_iter().map(move |(name, value)| (protocol, name, value))
        })
    })
}

/// `name value name value ...`, as in /proc/net/sockstat.
pub(super) fn word_pairs<'a>(mut words: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (&'a str, f64)> {
    std::iter::from_fn(move || Some((words.next()?, words.next()?)))
        .filter_map(|(name, value)| Some((name, number(value)?)))
}

/// `KEY=value` lines of os-release and udev, quotes removed.
pub(super) fn assignment(line: &str) -> Option<(&str, String)> {
    let (key, value) = line.trim().split_once('=')?;
    if key.is_empty() || key.starts_with('#') {
        return None;
    }
    Some((key, unquote(value)))
}

/// Removes one layer of shell quotes.
fn unquote(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            if quote == '\'' {
                return inner.to_owned();
            }
            let mut plain = String::with_capacity(inner.len());
            let mut escaped = false;
            for character in inner.chars() {
                if character == '\\' && !escaped {
                    escaped = true;
                } else {
                    plain.push(character);
                    escaped = false;
                }
            }
            return plain;
        }
    }
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn header_lines_name_the_values_below_them() {
        let text = "Tcp: RtoMin MaxConn InSegs\nTcp: 200 -1 143606\nUdp: InDatagrams\nIcmp: 5\nIp: Forwarding\nIp: 2\n";
        let found: Vec<_> = header_pairs(text).collect();
        assert_eq!(
            found,
            [
                ("Tcp", "RtoMin", 200.0),
                ("Tcp", "MaxConn", -1.0),
                ("Tcp", "InSegs", 143606.0),
                ("Ip", "Forwarding", 2.0)
            ]
        );
    }

    #[test]
    fn quotes_of_os_release() {
        assert_eq!(assignment("NAME=\"Debian \\\"x\\\" Linux\""), Some(("NAME", "Debian \"x\" Linux".to_owned())));
        assert_eq!(assignment("ID='a\\b'"), Some(("ID", "a\\b".to_owned())));
        assert_eq!(assignment("ID=debian"), Some(("ID", "debian".to_owned())));
        assert_eq!(assignment("# X=y"), None);
        assert_eq!(assignment("X=\""), Some(("X", "\"".to_owned())));
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(\\PC{0,20}\n){0,6}") {
            let _ = header_pairs(&text).count();
            let _ = lines(&text).map(|(_, words)| word_pairs(words).count()).sum::<usize>();
            let _ = text.lines().filter_map(assignment).count();
        }

        #[test]
        fn word_pairs_come_back(pairs in proptest::collection::vec(("[a-z_]{1,8}", 0u32..1_000_000), 0..8)) {
            let line: Vec<String> = pairs.iter().map(|(name, value)| format!("{name} {value}")).collect();
            let line = line.join(" ");
            let found: Vec<(String, u32)> =
                word_pairs(line.split_ascii_whitespace()).map(|(name, value)| (name.to_owned(), value as u32)).collect();
            prop_assert_eq!(found, pairs);
        }
    }
}
