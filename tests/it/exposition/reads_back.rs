//! What is put in comes out: any labels and values, in both formats and encodings.

use std::collections::BTreeMap;
use std::io::Read;

use proptest::prelude::*;
use stackcast::expose::{CloudLabels, Encoding, Format, Naming};
use stackcast::metrics;
use stackcast::model::part::Origin;

use super::parser::{Sample, parse};
use super::{exposition, publish, store};

metrics! {
    /// Any values.
    GAUGE = gauge "openstack_nova_any" [a b], Count, "test";
    /// Any counts.
    COUNTER = counter "stackcast_any_total" [a], Count, "test";
}

type Row = (String, String, f64);

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let label = prop_oneof![any::<String>(), "[\\\\\"\n a-c]{0,12}", Just(" ".to_owned()), Just("inf".to_owned())];
    let value = prop_oneof![any::<f64>(), any::<u64>().prop_map(f64::from_bits), any::<i32>().prop_map(f64::from)];
    prop::collection::vec((label.clone(), label, value), 0..12)
}

fn expected(clouds: &[Vec<Row>]) -> Vec<Sample> {
    let mut samples = BTreeMap::new();
    for (cloud, rows) in clouds.iter().enumerate() {
        for (a, b, value) in rows {
            let cloud = [("cloud", format!("c{cloud}")), ("region", "r".to_owned())];
            let own = [("a", a.clone()), ("b", b.clone())];
            let labels = |own: &[(&str, String)]| -> BTreeMap<String, String> {
                cloud.iter().chain(own).map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
            };
            samples.entry(("openstack_nova_any".to_owned(), labels(&own))).or_insert(*value);
            samples.entry(("stackcast_any_total".to_owned(), labels(&own[..1]))).or_insert(*value);
        }
    }
    samples.into_iter().map(|((name, labels), value)| (name, labels, value)).collect()
}

/// Samples in order, with values as bits so that NaN equals itself.
fn comparable(mut samples: Vec<Sample>) -> Vec<(String, BTreeMap<String, String>, u64)> {
    samples.retain(|(name, _, _)| !name.starts_with("stackcast_http") && !name.starts_with("stackcast_exposition"));
    samples.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    let bits = |value: f64| if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
    samples.into_iter().map(|(name, labels, value)| (name, labels, bits(value))).collect()
}

fn read(pieces: Vec<bytes::Bytes>, encoding: Encoding) -> String {
    let bytes = pieces.concat();
    let mut text = String::new();
    match encoding {
        Encoding::Identity => text.push_str(std::str::from_utf8(&bytes).unwrap()),
        // Reads one member only.
        Encoding::Gzip => assert!(flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).is_ok()),
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_labels_and_values(clouds in prop::collection::vec(rows(), 1..3)) {
        assert_eq!(METRICS.len(), 2);
        let store = store();
        for (cloud, rows) in clouds.iter().enumerate() {
            publish(&store, "g", Origin::new(&format!("c{cloud}"), "r"), "s", |part| {
                for (a, b, value) in rows {
                    part.put(&GAUGE, [a, b], *value);
                    part.put(&COUNTER, [a], *value);
                }
            });
        }
        let naming = Naming { cloud_labels: CloudLabels::Always, ..Naming::default() };
        let exposition = exposition(&store, naming);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for format in [Format::Text, Format::OpenMetrics] {
            for encoding in [Encoding::Gzip, Encoding::Identity] {
                let page = runtime.block_on(exposition.page(format, encoding));
                let text = read(page.pieces, encoding);
                let found = parse(&text, format == Format::OpenMetrics);
                prop_assert_eq!(comparable(found), comparable(expected(&clouds)));
            }
        }
    }
}
