//! What a flavor may ask of the metadata of a host's aggregates (Nova's AggregateInstanceExtraSpecsFilter), and what
//! that metadata keeps away from a host.

use std::collections::{BTreeMap, BTreeSet};

/// Metadata that binds a host to projects (AggregateMultiTenancyIsolation, and the pre-filter by tenant).
const TENANT: &str = "filter_tenant_id";

/// The metadata of all aggregates of a host: each key with all of its values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Metadata {
    values: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// Only certain projects may use the host.
    pub(super) tenant_bound: bool,
    /// Traits that a flavor has to require to come here, where isolated aggregates are configured.
    pub(super) isolated_by: BTreeSet<Box<str>>,
}

impl Metadata {
    /// Puts together what several aggregates say.
    pub(super) fn of<'a>(aggregates: impl Iterator<Item = &'a BTreeMap<Box<str>, Box<str>>>) -> Self {
        let mut all = Self::default();
        for (key, text) in aggregates.flatten() {
            all.tenant_bound |= key.starts_with(TENANT);
            if let Some(name) = key.strip_prefix("trait:")
                && &**text == "required"
            {
                all.isolated_by.insert(Box::from(name));
            }
            let values = all.values.entry(key.clone()).or_default();
            values.extend(text.split(',').map(|value| Box::from(value.trim())));
        }
        all
    }

    /// Whether any value of the key is what is asked for.
    pub(super) fn meets(&self, key: &str, asked: &str) -> bool {
        self.values.get(key).is_some_and(|values| values.iter().any(|value| matches(value, asked)))
    }
}

/// Whether a value is what an extra spec asks for: a text, or an operator with its operands.
fn matches(value: &str, asked: &str) -> bool {
    let mut words = asked.split_whitespace();
    let first = words.next().unwrap_or_default();
    let rest: Vec<&str> = words.collect();
    let operand = rest.first().copied().unwrap_or_default();
    let ordered = || Some((value.parse::<f64>().ok()?, operand.parse::<f64>().ok()?));
    match first {
        "=" | ">=" => ordered().is_some_and(|(value, least)| value >= least),
        "<=" => ordered().is_some_and(|(value, most)| value <= most),
        "==" => ordered().is_some_and(|(value, other)| value == other),
        "!=" => ordered().is_some_and(|(value, other)| value != other),
        "s==" => value == operand,
        "s!=" => value != operand,
        "s<" => value < operand,
        "s<=" => value <= operand,
        "s>" => value > operand,
        "s>=" => value >= operand,
        "<in>" => !operand.is_empty() && value.contains(operand),
        "<all-in>" => !rest.is_empty() && rest.iter().all(|word| value.contains(word)),
        "<or>" => rest.iter().any(|word| *word != "<or>" && *word == value),
        _ => value == asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_are_understood_as_nova_does() {
        for (value, asked, met) in [
            ("true", "true", true),
            ("true", "True", false),
            ("4", "= 3", true),
            ("2", "= 3", false),
            ("4", "<= 3", false),
            ("3.0", "== 3", true),
            ("3", "!= 3", false),
            ("many", "= 3", false),
            ("ssd", "s== ssd", true),
            ("ssd", "s!= ssd", false),
            ("b", "s> a", true),
            ("12311321", "<in> 11", true),
            ("12311321", "<in>", false),
            ("aes mmx", "<all-in> aes mmx", true),
            ("aes", "<all-in> aes mmx", false),
            ("hdd", "<or> ssd <or> hdd", true),
            ("tape", "<or> ssd <or> hdd", false),
            ("<or>", "<or> ssd", false),
        ] {
            assert_eq!(matches(value, asked), met, "{value} {asked}");
        }
    }

    #[test]
    fn values_of_several_aggregates_are_all_there() {
        let of = |rows: &[(&str, &str)]| rows.iter().map(|(key, value)| (Box::from(*key), Box::from(*value))).collect();
        let (one, two): (BTreeMap<Box<str>, Box<str>>, _) = (
            of(&[("disk", "ssd, nvme"), ("filter_tenant_id1", "p")]),
            of(&[("disk", "hdd"), ("trait:HW_X", "required")]),
        );
        let metadata = Metadata::of([&one, &two].into_iter());
        for value in ["ssd", "nvme", "hdd"] {
            assert!(metadata.meets("disk", value), "{value}");
        }
        assert!(!metadata.meets("disk", "ssd, nvme") && !metadata.meets("size", "1"));
        assert!(metadata.tenant_bound && metadata.isolated_by.contains("HW_X"));
        assert!(!Metadata::of(std::iter::empty()).tenant_bound);
    }
}
