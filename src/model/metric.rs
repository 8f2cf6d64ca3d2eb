//! The metric table: one row per metric, written with [`metrics!`](crate::metrics) beside the code that fills it.
//!
//! Exposition, `docs/metrics.md`, API, history and CSV read these rows; nothing else knows a metric's name.

use std::borrow::Cow;

/// Prometheus' type of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A value that goes up and down.
    Gauge,
    /// A value that only grows; its name ends in `_total`.
    Counter,
    /// Buckets, sum and count.
    Histogram,
    /// As node_exporter calls what the kernel does not type.
    Untyped,
}

/// Bytes of a MiB, for figures that an API tells in it.
pub const MIB: f64 = 1024.0 * 1024.0;
/// Bytes of a GiB, for figures that an API tells in it.
pub const GIB: f64 = 1024.0 * MIB;

/// What a value is measured in; printed in docs/metrics.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
    /// MiB, only where the drop-in contract has it.
    Mebibytes,
    /// GiB, only where the drop-in contract has it.
    Gibibytes,
    /// Seconds.
    Seconds,
    /// Seconds since the epoch.
    Timestamp,
    /// 0 to 1 (may pass 1 where documented).
    Ratio,
    /// Always 1; the labels are the message.
    Info,
    /// A number standing for a state, explained in the help text.
    State,
    /// 0 or 1.
    Bool,
    /// Without a unit.
    None,
}

/// The name space of a family, which decides its prefix and whether cloud labels are added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// `openstack_*`: the drop-in families; cloud labels by setting.
    OpenStack,
    /// `stackcast_*`: computed and self metrics; cloud labels always, where they are about a cloud.
    Stackcast,
    /// `host_*`: the local host; never cloud labels.
    Host,
}

/// One row of the metric table.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    /// The full default name, as in the documentation; [`Descriptor::space`] says which part the prefix settings replace.
    pub name: Cow<'static, str>,
    /// One sentence; ends with a full stop.
    pub help: Cow<'static, str>,
    /// Prometheus' type.
    pub kind: Kind,
    /// Unit of the value.
    pub unit: Unit,
    /// Label names in the order in which values are given.
    pub labels: Cow<'static, [Cow<'static, str>]>,
    /// The API call, file or computation that the value comes from.
    pub source: Cow<'static, str>,
    /// Costs one call per project or more; dropped by `--disable-slow-metrics`.
    pub slow: bool,
    /// Kept for compatibility; dropped by `--disable-deprecated-metrics`.
    pub deprecated: bool,
}

impl Descriptor {
    /// The name space, read off the name.
    pub fn space(&self) -> Space {
        if self.name.starts_with("openstack_") {
            Space::OpenStack
        } else if self.name.starts_with("host_") {
            Space::Host
        } else {
            Space::Stackcast
        }
    }

    /// The name behind its name space's prefix, e.g. `nova_flavors`.
    pub fn bare_name(&self) -> &str {
        self.name.split_once('_').map_or(&self.name, |(_, rest)| rest)
    }
}

/// A row with its number of labels in the type: a `put` with another number does not compile.
#[derive(Debug)]
pub struct Metric<const N: usize> {
    /// The row.
    pub descriptor: Descriptor,
}

/// Builds rows and the table `METRICS` of a module.
///
/// ```ignore
/// metrics! {
///     /// Flavors, public and private.
///     FLAVORS = gauge "openstack_nova_flavors" [], Count, "GET /flavors/detail?is_public=None";
///     /// CPU cores limit of a project; -1 is unlimited.
///     LIMITS_VCPUS_MAX = gauge "openstack_nova_limits_vcpus_max" [tenant tenant_id], Count, "GET /limits", slow;
/// }
/// ```
#[macro_export]
macro_rules! metrics {
    ($($(#[doc = $help:literal])+ $row:ident = $kind:ident $name:literal [$($label:ident)*], $unit:ident, $source:literal $(, $flag:ident)*;)+) => {
        $(
            $(#[doc = $help])+
            pub(crate) static $row: $crate::model::metric::Metric<{ <[&str]>::len(&[$(stringify!($label)),*]) }> =
                $crate::model::metric::Metric {
                    descriptor: $crate::model::metric::Descriptor {
                        name: ::std::borrow::Cow::Borrowed($name),
                        help: ::std::borrow::Cow::Borrowed(concat!($($help),+).trim_ascii()),
                        kind: $crate::metric_kind!($kind),
                        unit: $crate::model::metric::Unit::$unit,
                        labels: ::std::borrow::Cow::Borrowed(&[$(::std::borrow::Cow::Borrowed(stringify!($label))),*]),
                        source: ::std::borrow::Cow::Borrowed($source),
                        slow: $crate::metric_flag!(slow $($flag)*),
                        deprecated: $crate::metric_flag!(deprecated $($flag)*),
                    },
                };
        )+
        /// Every row of this module, in order.
        pub(crate) static METRICS: &[&$crate::model::metric::Descriptor] = &[$(&$row.descriptor),+];
    };
}

/// Part of [`metrics!`]: the type keyword of a row.
#[doc(hidden)]
#[macro_export]
macro_rules! metric_kind {
    (gauge) => {
        $crate::model::metric::Kind::Gauge
    };
    (counter) => {
        $crate::model::metric::Kind::Counter
    };
    (histogram) => {
        $crate::model::metric::Kind::Histogram
    };
    (untyped) => {
        $crate::model::metric::Kind::Untyped
    };
}

/// Part of [`metrics!`]: whether a flag is among a row's flags.
#[doc(hidden)]
#[macro_export]
macro_rules! metric_flag {
    (slow) => { false };
    (deprecated) => { false };
    (slow slow $($rest:ident)*) => { true };
    (deprecated deprecated $($rest:ident)*) => { true };
    (slow $other:ident $($rest:ident)*) => { $crate::metric_flag!(slow $($rest)*) };
    (deprecated $other:ident $($rest:ident)*) => { $crate::metric_flag!(deprecated $($rest)*) };
}

#[cfg(test)]
mod tests {
    use super::*;

    metrics! {
        /// Things
        /// counted.
        THINGS = gauge "openstack_nova_things" [], Count, "GET /things";
        /// Slow and old things.
        OLD = counter "stackcast_old_total" [project_id class], Seconds, "GET /old", deprecated, slow;
    }

    #[test]
    fn rows_carry_what_was_written() {
        assert_eq!(METRICS.len(), 2);
        assert_eq!(THINGS.descriptor.help, "Things counted.");
        assert_eq!(THINGS.descriptor.space(), Space::OpenStack);
        assert_eq!(THINGS.descriptor.bare_name(), "nova_things");
        assert!(!THINGS.descriptor.slow && !THINGS.descriptor.deprecated);
        assert!(OLD.descriptor.slow && OLD.descriptor.deprecated);
        assert_eq!(OLD.descriptor.labels.as_ref(), ["project_id", "class"]);
        assert_eq!(OLD.descriptor.kind, Kind::Counter);
    }
}
