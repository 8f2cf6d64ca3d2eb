//! What if: a change that is thought of, and what would be so after it, beside what is so now.
//!
//! The question is taken as JSON and the answer given as such; how one becomes the other is analysis' business.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::clock::Timestamp;
use super::signal::Scope;

/// Most instances of one item.
pub const COUNT_MAX: u32 = 100_000;
/// Most hosts that come.
pub const HOSTS_MAX: u32 = 5_000;
/// Most items of one list.
pub const ITEMS_MAX: usize = 100;

/// A time of day, RFC 3339 in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct When(pub Timestamp);

impl Serialize for When {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("`{text}` is no time; use a form like 2027-03-01T00:00:00Z"));
        Timestamp::parse(&text).map(Self).ok_or_else(wrong)
    }
}

impl JsonSchema for When {
    fn schema_name() -> Cow<'static, str> {
        "When".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}

/// What is changed; everything that is left out stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// The cloud that is meant; needed only where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub cloud: Option<String>,
    /// The region that is meant; needed only where there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub region: Option<String>,
    /// Allocation ratios from then on.
    #[serde(deserialize_with = "object")]
    pub ratios: Ratios,
    /// Hosts that come.
    #[serde(deserialize_with = "objects")]
    #[schemars(length(max = 100))]
    pub hosts_added: Vec<Added>,
    /// Hosts that go. Their instances move to other hosts of their zone, or to any if the whole zone goes.
    #[serde(deserialize_with = "objects")]
    #[schemars(length(max = 100))]
    pub hosts_lost: Vec<Lost>,
    /// Instances that come.
    #[serde(deserialize_with = "objects")]
    #[schemars(length(max = 100))]
    pub landing: Vec<Landing>,
    /// When all of this happens; now if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<When>,
    /// Flavors whose headroom is told; all if left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 255)))]
    pub flavors: Vec<String>,
}

/// Allocation ratios of every host; a ratio that is left out stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ratios {
    /// Of vCPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 1000.0))]
    pub vcpu: Option<f64>,
    /// Of memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 1000.0))]
    pub memory: Option<f64>,
    /// Of disk.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0.01, max = 1000.0))]
    pub disk: Option<f64>,
}

impl Ratios {
    /// Placement's resource class, our name and the ratio of each that is changed.
    pub fn changed(&self) -> impl Iterator<Item = (&'static str, &'static str, f64)> + use<> {
        let all = [("VCPU", "vcpu", self.vcpu), ("MEMORY_MB", "memory", self.memory), ("DISK_GB", "disk", self.disk)];
        all.into_iter().filter_map(|(class, name, ratio)| Some((class, name, ratio?)))
    }
}

/// Hosts that come: empty ones, each like a host that is there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Added {
    /// How many.
    #[schemars(range(min = 1, max = 5_000))]
    pub count: u32,
    /// The host that they are like, by its name; one of the commonest kind if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub like: Option<String>,
    /// Their availability zone; that of the host that they are like if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub az: Option<String>,
}

/// Hosts that go: one by its name, a whole zone, or some of the commonest kind, the fullest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Lost {
    /// The host of this name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub host: Option<String>,
    /// Hosts of this zone only; all of them without a count.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub az: Option<String>,
    /// So many of the commonest kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub count: Option<u32>,
}

/// Instances that come: so many of a flavor, or an amount of resources.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Landing {
    /// Flavor, by its name; without one, the amounts below say what comes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub flavor: Option<String>,
    /// Instances. An amount without a count comes as instances of one vCPU (of 1 GiB where no vCPU is asked for).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub count: Option<u32>,
    /// vCPUs of all of them together.
    #[schemars(range(max = 100_000))]
    pub vcpus: u32,
    /// Memory of all of them together, in bytes.
    #[schemars(range(max = 1_000_000_000_000_000_u64))]
    pub memory_bytes: u64,
    /// Disk of all of them together, in bytes.
    #[schemars(range(max = 1_000_000_000_000_000_u64))]
    pub disk_bytes: u64,
    /// Availability zone; any if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub az: Option<String>,
    /// Whether their root disks are volumes.
    pub volume_backed: bool,
}

/// A member that is a JSON object; serde would take an array of its members' values as well.
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Members<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<Object<T>, A::Error> {
                T::deserialize(MapAccessDeserializer::new(members)).map(Object)
            }
        }

        deserializer.deserialize_map(Members(PhantomData))
    }
}

fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Object::deserialize(deserializer).map(|Object(value)| value)
}

fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let all = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(all.into_iter().map(|Object(value)| value).collect())
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A value is out of its limits or contradicts another one.
    #[error("{path}: {message}")]
    Wrong {
        /// The member, e.g. `hosts_lost[0].count`.
        path: String,
        /// What is wrong, and what would be right.
        message: String,
    },
    /// A name that is not there.
    #[error("{path}: there is no {kind} `{name}`")]
    Unknown {
        /// The member.
        path: String,
        /// What it should be the name of.
        kind: &'static str,
        /// The name.
        name: String,
        /// Names that are there.
        known: Vec<Arc<str>>,
    },
    /// Providers, hypervisors or flavors have not been collected, or cannot be read.
    #[error("nothing is known of the hosts yet: providers, hypervisors and flavors have to be collected first")]
    NotReady,
}

impl Fault {
    /// A value that is out of its limits.
    pub fn wrong(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Wrong { path: path.into(), message: message.into() }
    }
}

/// What would be so, beside what is so.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Outcome {
    /// Cloud.
    pub cloud: String,
    /// Region.
    pub region: String,
    /// When the change happens; null for now.
    pub at: Option<When>,
    /// The hosts that go and come, and what becomes of instances.
    pub hosts: HostChanges,
    /// Capacity of every zone, aggregate and the region as a whole, by resource.
    pub places: Vec<PlaceChange>,
    /// What each place runs out of first.
    pub limits: Vec<LimitChange>,
    /// How many more instances of each flavor fit in each zone.
    pub headroom: Vec<RoomChange>,
    /// How many of the largest hosts of each zone and aggregate may fail.
    pub resilience: Vec<SurvivalChange>,
    /// What is left out of the figures, in sentences.
    pub notes: Vec<String>,
}

/// Hosts that go and come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostChanges {
    /// Names of those that go.
    pub lost: Vec<String>,
    /// Names of the hosts that those that come are like, one for each.
    pub added_like: Vec<String>,
    /// Instances of hosts that go that find another host.
    pub instances_moved: u32,
    /// Instances of hosts that go that find none.
    pub instances_homeless: u32,
    /// Instances that come and find a host.
    pub instances_landed: u32,
    /// Instances that come and find none.
    pub instances_refused: u32,
    /// Flavors (or `amount`) of which an instance finds no host.
    pub refused_flavors: Vec<String>,
}

/// One resource of one place before and after.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceChange {
    /// cloud, az or aggregate.
    pub scope: Scope,
    /// Its name.
    pub entity: String,
    /// Resource.
    pub resource: String,
    /// As it is.
    pub before: Amounts,
    /// As it would be, also of instances that find no host.
    pub after: Amounts,
    /// When it is full as things are; null where no forecast may be acted upon.
    pub full_before: Option<Dates>,
    /// When it would be full.
    pub full_after: Option<Dates>,
    /// Full from this date on until the change happens, in half of the simulated futures; null if the change comes in time.
    pub short_from: Option<When>,
    /// Utilisation forecast for the date of the change, without it; null for now or further than the forecast reaches.
    pub forecast_before: Option<Expected>,
    /// The same with the change.
    pub forecast_after: Option<Expected>,
}

/// Amounts in bytes or pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Amounts {
    /// (total - reserved) x allocation ratio of hosts that are up and enabled, less buffer and failure reserve.
    pub usable: f64,
    /// Given away.
    pub used: f64,
    /// Usable and not given away.
    pub free: f64,
    /// Used over usable; null where nothing is usable.
    pub utilization_ratio: Option<f64>,
}

/// When something is full; null for not inside the forecast's window.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dates {
    /// The soonest date to reckon with.
    pub pessimistic: Option<When>,
    /// Half of the simulated futures are full before.
    pub mid: Option<When>,
    /// The latest date to hope for.
    pub optimistic: Option<When>,
}

/// A forecast with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Expected {
    /// The forecast.
    pub mean: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
}

/// What a place runs out of first: by date where one is known, else the fullest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LimitChange {
    /// cloud, az or aggregate.
    pub scope: Scope,
    /// Its name.
    pub entity: String,
    /// Resource as things are.
    pub before: Option<String>,
    /// Resource after the change.
    pub after: Option<String>,
}

/// Headroom of one flavor in one zone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RoomChange {
    /// Name of the flavor.
    pub flavor: String,
    /// Zone; empty for hosts of none.
    pub az: String,
    /// As it is.
    pub before: Fits,
    /// As it would be.
    pub after: Fits,
}

/// How many fit, and what stops the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fits {
    /// Instances.
    pub instances: u32,
    /// What stops the next: a resource, `trait`, `aggregate` or `host`.
    pub limited_by: String,
    /// False where filters that Placement does not know may let fewer in.
    pub exact: bool,
}

/// What a place survives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SurvivalChange {
    /// az or aggregate.
    pub scope: Scope,
    /// Its name.
    pub entity: String,
    /// As it is; null where there is no host.
    pub before: Option<Survives>,
    /// As it would be; null where no host is left.
    pub after: Option<Survives>,
}

/// Hosts that may fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Survives {
    /// Hosts that are up and enabled.
    pub hosts: u32,
    /// So many of the largest may fail.
    pub evacuation_hosts: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_strictly_and_written_briefly() {
        let text =
            r#"{"ratios": {"vcpu": 8.0}, "hosts_lost": [{"az": "a", "count": 2}], "at": "2027-03-01T00:00:00Z"}"#;
        let scenario: Scenario = serde_json::from_str(text).unwrap();
        assert_eq!(scenario.at.unwrap().0.to_string(), "2027-03-01T00:00:00Z");
        assert_eq!(scenario.ratios.changed().collect::<Vec<_>>(), [("VCPU", "vcpu", 8.0)]);
        let again: Scenario = serde_json::from_str(&serde_json::to_string(&scenario).unwrap()).unwrap();
        assert_eq!(again, scenario);
        for wrong in [
            r#"{"ratio": {}}"#,
            r#"{"hosts_added": [{}]}"#,
            r#"{"hosts_lost": [{"name": "x"}]}"#,
            r#"{"at": "soon"}"#,
            r#"{"landing": [{"vcpus": -1}]}"#,
            r#"{"ratios": [8.0]}"#,
            r#"{"hosts_added": [[1]]}"#,
        ] {
            assert!(serde_json::from_str::<Scenario>(wrong).is_err(), "{wrong}");
        }
    }
}
