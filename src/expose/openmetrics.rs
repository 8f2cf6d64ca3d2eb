//! OpenMetrics 1.0 text, written by prometheus-client: one registry with one [`Collector`] per segment.
//!
//! Seen to here, because the library does not: help text is escaped, infinities carry their sign,
//! and a counter without `_total` in its name (the drop-in set has some) is `unknown`, so that its name stays.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelKey, EncodeLabelSet, EncodeLabelValue, LabelSetEncoder, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::model::metric::Kind;
use crate::model::part::{Sample, Value};

use super::names::family_key;
use super::plan::{Block, Plan, PlannedFamily};
use super::segment::{Run, Segment};
use super::text::escape;

/// Writes a segment of a plan.
pub(crate) fn write(plan: &Arc<Plan>, segment: &Segment, buffer: &mut Vec<u8>) {
    let start = buffer.len();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Rows { plan: Arc::clone(plan), segment: segment.clone() }));
    if encode_registry(&mut Writer { buffer, after_blank: false }, &registry).is_err() {
        tracing::error!("a group could not be written as OpenMetrics");
    }
    if segment.runs.first().is_some_and(|run| !run.head) {
        drop_head(buffer, start);
    }
}

/// The library writes a head before any sample; in the middle of a family it has to go.
fn drop_head(buffer: &mut Vec<u8>, start: usize) {
    let text = buffer.get(start..).unwrap_or(&[]);
    let head: usize = text.split_inclusive(|b| *b == b'\n').take_while(|l| l.starts_with(b"# ")).map(<[u8]>::len).sum();
    buffer.drain(start..start + head);
}

/// Ends the page.
pub(crate) fn write_end(buffer: &mut Vec<u8>) {
    // Writing to memory cannot fail.
    let _ = encode_eof(&mut Writer { buffer, after_blank: false });
}

#[derive(Debug)]
struct Rows {
    plan: Arc<Plan>,
    segment: Segment,
}

impl Collector for Rows {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Behind the first run, a family begins where a head does.
        let mut runs = self.segment.runs.iter().peekable();
        while let Some(first) = runs.next() {
            let Some((family, block)) = first.of(&self.plan) else { continue };
            let mut help = Vec::new();
            escape(&mut help, &family.help, true);
            let help = String::from_utf8_lossy(&help);
            let (name, kind) = name_and_type(family);
            let mut metric = encoder.encode_descriptor(name, &help, None, kind)?;
            encode_rows(&mut metric, kind, block, first)?;
            while let Some(run) = runs.next_if(|run| !run.head) {
                if let Some((_, block)) = run.of(&self.plan) {
                    encode_rows(&mut metric, kind, block, run)?;
                }
            }
        }
        Ok(())
    }
}

fn encode_rows(metric: &mut MetricEncoder<'_>, kind: MetricType, block: &Block, run: &Run) -> fmt::Result {
    block.samples_at(run.rows.clone()).try_for_each(|sample| encode_sample(metric, kind, block, &sample))
}

fn name_and_type(family: &PlannedFamily) -> (&str, MetricType) {
    match family.kind {
        Kind::Gauge => (&family.name, MetricType::Gauge),
        Kind::Histogram => (&family.name, MetricType::Histogram),
        Kind::Counter if family.name.ends_with("_total") => {
            (family_key(&family.name, family.kind), MetricType::Counter)
        }
        Kind::Counter | Kind::Untyped => (&family.name, MetricType::Unknown),
    }
}

fn encode_sample(metric: &mut MetricEncoder<'_>, kind: MetricType, block: &Block, sample: &Sample) -> fmt::Result {
    // The library would print braces around no labels.
    if block.added.is_empty() && sample.labels().len() == 0 {
        return encode_value(metric, kind, sample.value());
    }
    encode_value(&mut metric.encode_family(&Labels { block, sample })?, kind, sample.value())
}

fn encode_value(metric: &mut MetricEncoder<'_>, kind: MetricType, value: Value<'_>) -> fmt::Result {
    match value {
        Value::Number(number) if matches!(kind, MetricType::Counter) => {
            metric.encode_counter::<NoLabelSet, _, f64>(&number, None)
        }
        Value::Number(number) => metric.encode_gauge(&number),
        Value::Histogram(value) => {
            let bounds = value.bounds.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(value.counts.iter().copied()).collect();
            let count = value.counts.iter().sum();
            metric.encode_histogram::<NoLabelSet>(value.sum, count, &buckets, None)
        }
    }
}

#[derive(Debug)]
struct Labels<'a> {
    block: &'a Block,
    sample: &'a Sample,
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let names = &self.block.family().descriptor().labels;
        let own = names.iter().map(AsRef::as_ref).zip(self.sample.labels());
        for (name, value) in self.block.added.iter().map(|(name, value)| (*name, value.as_ref())).chain(own) {
            let mut label = encoder.encode_label();
            let mut key = label.encode_label_key()?;
            EncodeLabelKey::encode(&name, &mut key)?;
            let mut text = key.encode_label_value()?;
            EncodeLabelValue::encode(&value, &mut text)?;
            text.finish()?;
        }
        Ok(())
    }
}

/// Takes the library's pieces; a lone `inf` behind the blank before a value gets its sign.
struct Writer<'b> {
    buffer: &'b mut Vec<u8>,
    after_blank: bool,
}

impl fmt::Write for Writer<'_> {
    #[inline]
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let text = match text {
            "inf" if self.after_blank => "+Inf",
            "-inf" if self.after_blank => "-Inf",
            other => other,
        };
        self.buffer.extend_from_slice(text.as_bytes());
        self.after_blank = text == " ";
        Ok(())
    }
}
