//! The classic text format, `text/plain; version=0.0.4`, written by hand because prometheus-client
//! has OpenMetrics only. Numbers are the shortest that read back the same, whole ones without a point.

use memchr::memchr3;

use crate::model::histogram::HistogramValue;
use crate::model::metric::Kind;
use crate::model::part::Value;

use super::plan::{Block, Plan, PlannedFamily};
use super::segment::{Run, Segment};

/// Whole numbers below this are printed as integers: all of them are exact.
const INTEGERS_BELOW: f64 = 9.0e15;

/// Writes a segment of a plan.
pub(crate) fn write(plan: &Plan, segment: &Segment, buffer: &mut Vec<u8>) {
    for run in &segment.runs {
        let Some((family, block)) = run.of(plan) else { continue };
        if run.head {
            write_head(family, buffer);
        }
        write_rows(family, block, run, buffer);
    }
}

fn write_head(family: &PlannedFamily, buffer: &mut Vec<u8>) {
    buffer.extend_from_slice(b"# HELP ");
    buffer.extend_from_slice(family.name.as_bytes());
    buffer.push(b' ');
    escape(buffer, &family.help, false);
    buffer.extend_from_slice(b"\n# TYPE ");
    buffer.extend_from_slice(family.name.as_bytes());
    buffer.extend_from_slice(match family.kind {
        Kind::Gauge => b" gauge\n",
        Kind::Counter => b" counter\n",
        Kind::Histogram => b" histogram\n",
        Kind::Untyped => b" untyped\n",
    });
}

fn write_rows(family: &PlannedFamily, block: &Block, run: &Run, buffer: &mut Vec<u8>) {
    let labels = Labels::new(block);
    let start = labels.start(&family.name);
    let mut scratch = Vec::new();
    for sample in block.samples_at(run.rows.clone()) {
        match sample.value() {
            Value::Number(number) => {
                buffer.extend_from_slice(&start);
                labels.write(sample.labels(), buffer);
                buffer.extend_from_slice(labels.close());
                write_number(buffer, number);
                buffer.push(b'\n');
            }
            Value::Histogram(value) => {
                scratch.clear();
                scratch.extend_from_slice(&labels.added);
                labels.write(sample.labels(), &mut scratch);
                write_histogram(&family.name, &scratch, value, buffer);
            }
        }
    }
}

/// The text around a block's label values, made once.
pub(crate) struct Labels {
    added: Vec<u8>,
    /// `name="` of each label, with the quote and comma that end the one before.
    keys: Vec<Vec<u8>>,
}

impl Labels {
    pub(crate) fn new(block: &Block) -> Self {
        let mut added = Vec::new();
        for (at, (name, value)) in block.added.iter().enumerate() {
            added.extend_from_slice(if at > 0 { b"\"," } else { b"" });
            added.extend_from_slice(name.as_bytes());
            added.extend_from_slice(b"=\"");
            escape(&mut added, value, true);
        }
        let names = &block.family().descriptor().labels;
        let key = |(at, name): (usize, &std::borrow::Cow<'static, str>)| {
            let joint: &[u8] = if at > 0 || !added.is_empty() { b"\"," } else { b"" };
            [joint, name.as_bytes(), b"=\""].concat()
        };
        let keys = names.iter().enumerate().map(key).collect();
        Self { added, keys }
    }

    fn any(&self) -> bool {
        !self.added.is_empty() || !self.keys.is_empty()
    }

    /// What every sample of the block begins with.
    pub(crate) fn start(&self, name: &str) -> Vec<u8> {
        let open: &[u8] = if self.any() { b"{" } else { b"" };
        [name.as_bytes(), open, &self.added].concat()
    }

    /// What stands between the labels and the value.
    pub(crate) fn close(&self) -> &'static [u8] {
        if self.any() { b"\"} " } else { b" " }
    }

    /// The labels of a sample, in front of [`Labels::close`].
    #[inline]
    pub(crate) fn write<'v>(&self, values: impl Iterator<Item = &'v str>, buffer: &mut Vec<u8>) {
        for (key, value) in self.keys.iter().zip(values) {
            buffer.extend_from_slice(key);
            escape(buffer, value, true);
        }
    }
}

/// `labels` is the label text without its last quote, or empty.
fn write_histogram(name: &str, labels: &[u8], value: &HistogramValue, buffer: &mut Vec<u8>) {
    let mut cumulated = 0u64;
    let bounds = value.bounds.iter().copied().chain([f64::INFINITY]);
    for (bound, count) in bounds.zip(&value.counts) {
        cumulated += count;
        buffer.extend_from_slice(name.as_bytes());
        buffer.extend_from_slice(b"_bucket{");
        buffer.extend_from_slice(labels);
        buffer.extend_from_slice(if labels.is_empty() { b"le=\"" } else { b"\",le=\"" });
        write_number(buffer, bound);
        buffer.extend_from_slice(b"\"} ");
        buffer.extend_from_slice(itoa::Buffer::new().format(cumulated).as_bytes());
        buffer.push(b'\n');
    }
    for suffix in ["_sum", "_count"] {
        buffer.extend_from_slice(name.as_bytes());
        buffer.extend_from_slice(suffix.as_bytes());
        if !labels.is_empty() {
            buffer.push(b'{');
            buffer.extend_from_slice(labels);
            buffer.extend_from_slice(b"\"}");
        }
        buffer.push(b' ');
        match suffix {
            "_sum" => write_number(buffer, value.sum),
            _ => buffer.extend_from_slice(itoa::Buffer::new().format(cumulated).as_bytes()),
        }
        buffer.push(b'\n');
    }
}

/// Writes a number as Prometheus reads it.
#[inline]
pub(crate) fn write_number(buffer: &mut Vec<u8>, number: f64) {
    if number.abs() < INTEGERS_BELOW && number.fract() == 0.0 && !(number == 0.0 && number.is_sign_negative()) {
        // Exact: whole and below 2^53.
        buffer.extend_from_slice(itoa::Buffer::new().format(number as i64).as_bytes());
    } else if number.is_finite() {
        let mut float = zmij::Buffer::new();
        let text = float.format_finite(number);
        buffer.extend_from_slice(text.strip_suffix(".0").unwrap_or(text).as_bytes());
    } else if number.is_nan() {
        buffer.extend_from_slice(b"NaN");
    } else {
        buffer.extend_from_slice(if number > 0.0 { b"+Inf" } else { b"-Inf" });
    }
}

/// Writes text with backslashes and line feeds escaped, and quotes where `quoted`.
#[inline]
pub(crate) fn escape(buffer: &mut Vec<u8>, text: &str, quoted: bool) {
    let bytes = text.as_bytes();
    // Most values are short: a plain loop over them is quicker than setting up a vector search.
    let special = |b: &u8| matches!(b, b'\\' | b'\n' | b'"');
    let clean =
        if bytes.len() < 32 { !bytes.iter().any(special) } else { memchr3(b'\\', b'\n', b'"', bytes).is_none() };
    if clean { buffer.extend_from_slice(bytes) } else { escape_each(buffer, bytes, quoted) }
}

#[cold]
fn escape_each(buffer: &mut Vec<u8>, bytes: &[u8], quoted: bool) {
    for byte in bytes {
        match byte {
            b'\\' => buffer.extend_from_slice(b"\\\\"),
            b'\n' => buffer.extend_from_slice(b"\\n"),
            b'"' if quoted => buffer.extend_from_slice(b"\\\""),
            other => buffer.push(*other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number(value: f64) -> String {
        let mut buffer = Vec::new();
        write_number(&mut buffer, value);
        String::from_utf8(buffer).unwrap()
    }

    #[test]
    fn numbers_are_short_and_whole_ones_have_no_point() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (-1.0, "-1"),
            (0.1, "0.1"),
            (1_000_000.0, "1000000"),
            (17_179_869_184.0, "17179869184"),
            (1e300, "1e+300"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn help_keeps_its_quotes() {
        let mut buffer = Vec::new();
        escape(&mut buffer, "a \"b\"\\\nc", false);
        escape(&mut buffer, "\"", true);
        assert_eq!(buffer, b"a \"b\"\\\\\\nc\\\"");
    }

    proptest! {
        #[test]
        fn any_number_reads_back_the_same(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            let read: f64 = number(value).parse().unwrap();
            prop_assert!(read.to_bits() == value.to_bits() || read.is_nan() && value.is_nan());
        }
    }
}
