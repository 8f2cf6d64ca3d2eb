//! OpenMetrics 1.0 text, written by prometheus-client: one registry with one [`Collector`] per group.
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
use super::output::Output;
use super::plan::{Block, Plan, PlannedFamily};
use super::text::escape;

/// Writes a group.
pub(crate) fn write(plan: &Arc<Plan>, out: &mut Output) {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Group(Arc::clone(plan))));
    if encode_registry(&mut Writer { out, after_blank: false }, &registry).is_err() {
        tracing::error!("a group could not be written as OpenMetrics");
    }
}

/// Ends the page.
pub(crate) fn write_end(out: &mut Output) {
    let mut writer = Writer { out, after_blank: false };
    // Writing to memory cannot fail.
    let _ = encode_eof(&mut writer);
}

#[derive(Debug)]
struct Group(Arc<Plan>);

impl Collector for Group {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in &self.0.families {
            let mut help = Vec::new();
            escape(&mut help, &family.help, true);
            let help = String::from_utf8_lossy(&help);
            let (name, kind) = name_and_type(family);
            let mut metric = encoder.encode_descriptor(name, &help, None, kind)?;
            for block in &family.blocks {
                for sample in block.samples() {
                    encode_sample(&mut metric, kind, block, sample)?;
                }
            }
        }
        Ok(())
    }
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

fn encode_sample(metric: &mut MetricEncoder<'_>, kind: MetricType, block: &Block, sample: Sample<'_>) -> fmt::Result {
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
    sample: Sample<'a>,
}

impl EncodeLabelSet for Labels<'_> {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let names = self.block.family().map_or(&[][..], |family| &family.descriptor().labels);
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
struct Writer<'o> {
    out: &'o mut Output,
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
        self.out.buffer().extend_from_slice(text.as_bytes());
        self.after_blank = text == " ";
        if text == "\n" {
            self.out.checkpoint();
        }
        Ok(())
    }
}
