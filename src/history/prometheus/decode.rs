//! Answers of `query_range`: series one by one, so that an odd one costs nothing but itself.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

/// Words of an answer that are repeated to people.
const MESSAGE_CHARS_MAX: usize = 300;

/// The frame of an answer.
#[derive(Debug, Deserialize)]
pub(super) struct Body<'a> {
    #[serde(default, borrow)]
    data: Option<Data<'a>>,
    #[serde(default, borrow)]
    error: Option<Cow<'a, str>>,
    #[serde(default)]
    warnings: Vec<String>,
    /// VictoriaMetrics: some of its nodes did not answer.
    #[serde(default, rename = "isPartial")]
    partial: bool,
}

#[derive(Debug, Deserialize)]
struct Data<'a> {
    #[serde(borrow)]
    result: Vec<&'a RawValue>,
}

/// One series as it was sent.
#[derive(Debug, Deserialize)]
pub(super) struct Row<'a> {
    #[serde(borrow)]
    pub(super) metric: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(borrow)]
    pub(super) values: Vec<Point<'a>>,
}

/// Time in seconds and value as text.
#[derive(Debug, Deserialize)]
pub(super) struct Point<'a>(f64, #[serde(borrow)] Cow<'a, str>);

impl Point<'_> {
    /// Time in milliseconds, and the value; none for NaN, infinities and what is no number.
    pub(super) fn reading(&self) -> Option<(i64, f64)> {
        let value = self.1.parse().ok().filter(|value: &f64| value.is_finite())?;
        self.0.is_finite().then_some(((self.0 * 1000.0).round() as i64, value))
    }
}

impl<'a> Body<'a> {
    /// Reads the frame.
    pub(super) fn parse(bytes: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The store's own words about a fault.
    pub(super) fn fault(&self) -> Option<String> {
        self.error.as_ref().map(|text| text.chars().take(MESSAGE_CHARS_MAX).collect())
    }

    /// What the store says is lacking.
    pub(super) fn warnings(&mut self) -> Vec<String> {
        let mut warnings = std::mem::take(&mut self.warnings);
        if self.partial {
            warnings.push("the answer is partial: some nodes of the store did not answer".to_owned());
        }
        warnings
    }

    /// Every series, and none for one that cannot be read.
    pub(super) fn rows(&self) -> impl Iterator<Item = Option<Row<'a>>> {
        let result = self.data.iter().flat_map(|data| &data.result);
        result.map(|raw| serde_json::from_str(raw.get()).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_series_is_left_out_and_the_rest_is_read() {
        let text = r#"{"status":"success","warnings":["one shard is away"],"isPartial":true,"data":{"resultType":"matrix",
            "result":[{"metric":{"a":"b\n"},"values":[[1.5,"2"],[2,"NaN"],[3,"+Inf"],[4,"x"]]},{"metric":7},
            {"metric":{},"values":[]}]}}"#;
        let mut body = Body::parse(text.as_bytes()).unwrap();
        assert_eq!(body.warnings().len(), 2);
        let rows: Vec<_> = body.rows().collect();
        assert_eq!(rows.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, true]);
        let first = rows[0].as_ref().unwrap();
        assert_eq!(first.metric["a"], "b\n");
        let readings: Vec<_> = first.values.iter().filter_map(Point::reading).collect();
        assert_eq!(readings, [(1500, 2.0)]);
        assert!(Body::parse(b"<html>").is_none());
        let fault = Body::parse(br#"{"status":"error","errorType":"bad_data","error":"parse error"}"#).unwrap();
        assert_eq!(fault.fault().as_deref(), Some("parse error"));
    }
}
