//! What the flags say is changed.

use super::super::failure::Failure;
use crate::model::clock::Timestamp;
use crate::model::what_if::{Added, Landing, Lost, Ratios, Scenario, When};

/// Flags that say what is changed.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Changes {
    /// Cloud that is meant, where there are several
    #[arg(long, value_name = "NAME")]
    cloud: Option<String>,
    /// Region that is meant, where there are several
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Another allocation ratio: vcpu=8, memory=1.5 or disk=1; repeatable
    #[arg(long = "ratio", value_name = "RESOURCE=RATIO", value_parser = ratio)]
    ratios: Vec<(Resource, f64)>,
    /// Hosts that go: a name, a number of the commonest kind (3, or 3@AZ), or a whole zone (@AZ); repeatable
    #[arg(long, value_name = "HOST|N[@AZ]|@AZ", value_parser = lost)]
    hosts_lost: Vec<Lost>,
    /// Hosts that come: how many, and where (10, or 10@AZ); repeatable
    #[arg(long, value_name = "N[@AZ]", value_parser = added)]
    hosts_added: Vec<Added>,
    /// The host that those that come are like [default: one of the commonest kind]
    #[arg(long, value_name = "HOST", requires = "hosts_added")]
    like: Option<String>,
    /// Instances that come: FLAVOR=COUNT, or an amount as vcpus=200,memory=800GiB,disk=10TiB; @AZ behind it; repeatable
    #[arg(long, value_name = "WHAT[@AZ]", value_parser = landing)]
    landing: Vec<Landing>,
    /// When all of this happens: RFC 3339 or a date [default: now]
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Timestamp>,
    /// Flavor whose headroom is told, repeatable [default: all]
    #[arg(long = "flavor", value_name = "NAME")]
    flavors: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Resource {
    Vcpu,
    Memory,
    Disk,
}

impl Changes {
    /// The same as a question.
    pub(super) fn scenario(&self) -> Result<Scenario, Failure> {
        let mut ratios = Ratios::default();
        for (resource, ratio) in &self.ratios {
            let slot = match resource {
                Resource::Vcpu => &mut ratios.vcpu,
                Resource::Memory => &mut ratios.memory,
                Resource::Disk => &mut ratios.disk,
            };
            *slot = Some(*ratio);
        }
        let like = |added: &Added| Added { like: self.like.clone(), ..added.clone() };
        let scenario = Scenario {
            cloud: self.cloud.clone(),
            region: self.region.clone(),
            ratios,
            hosts_added: self.hosts_added.iter().map(like).collect(),
            hosts_lost: self.hosts_lost.clone(),
            landing: self.landing.clone(),
            at: self.at.map(When),
            flavors: self.flavors.clone(),
        };
        let changed = [scenario.hosts_added.len(), scenario.hosts_lost.len(), scenario.landing.len()];
        if changed == [0; 3] && scenario.ratios == Ratios::default() {
            let hint =
                "give --ratio, --hosts-lost, --hosts-added or --landing, e.g. `stackcast what-if --hosts-lost 3`";
            return Err(Failure::usage("nothing is changed", hint));
        }
        Ok(scenario)
    }
}

fn ratio(text: &str) -> Result<(Resource, f64), String> {
    let wrong = || "expected a form like vcpu=8, memory=1.5 or disk=1".to_owned();
    let (name, ratio) = text.split_once('=').ok_or_else(wrong)?;
    let resource = match name {
        "vcpu" => Resource::Vcpu,
        "memory" => Resource::Memory,
        "disk" => Resource::Disk,
        _ => return Err(wrong()),
    };
    Ok((resource, ratio.parse().map_err(|_| wrong())?))
}

/// What stands before the last `@`, and the zone behind it.
fn placed(text: &str) -> (&str, Option<String>) {
    match text.rsplit_once('@') {
        Some((what, az)) if !az.is_empty() => (what, Some(az.to_owned())),
        _ => (text, None),
    }
}

fn lost(text: &str) -> Result<Lost, String> {
    let (what, az) = placed(text);
    match (what.parse(), what, az) {
        (Ok(count), _, az) => Ok(Lost { count: Some(count), az, host: None }),
        (_, "", Some(az)) => Ok(Lost { az: Some(az), ..Lost::default() }),
        (_, "", None) => Err("expected a host, a number, or @AZ".to_owned()),
        // Names may hold an @.
        _ => Ok(Lost { host: Some(text.to_owned()), ..Lost::default() }),
    }
}

fn added(text: &str) -> Result<Added, String> {
    let (count, az) = placed(text);
    let count = count.parse().map_err(|_| "expected a number of hosts, as 10 or 10@AZ".to_owned())?;
    Ok(Added { count, like: None, az })
}

fn landing(text: &str) -> Result<Landing, String> {
    let (what, az) = placed(text);
    let mut landing = Landing { az, ..Landing::default() };
    let wrong = || "expected FLAVOR=COUNT, or an amount like vcpus=200,memory=800GiB,disk=10TiB,count=50".to_owned();
    for item in what.split(',') {
        let (name, value) = item.split_once('=').ok_or_else(wrong)?;
        match name {
            "vcpus" => landing.vcpus = value.parse().map_err(|_| wrong())?,
            "memory" => landing.memory_bytes = bytes(value)?,
            "disk" => landing.disk_bytes = bytes(value)?,
            "count" => landing.count = Some(value.parse().map_err(|_| wrong())?),
            flavor => {
                landing.flavor = Some(flavor.to_owned());
                landing.count = Some(value.parse().map_err(|_| wrong())?);
            }
        }
    }
    Ok(landing)
}

fn bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 4] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("", 1)];
    let unit = UNITS.into_iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)));
    let amount = unit.and_then(|(number, size)| number.parse::<u64>().ok()?.checked_mul(size));
    amount.ok_or_else(|| format!("`{text}` is no size; write it like 800GiB or 10TiB"))
}

fn time(text: &str) -> Result<Timestamp, String> {
    Timestamp::parse(text).ok_or_else(|| "expected a form like 2027-03-01 or 2027-03-01T06:00:00Z".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        changes: Changes,
    }

    fn scenario(words: &[&str]) -> Result<Scenario, String> {
        let line = Line::try_parse_from([&["what-if"], words].concat()).map_err(|error| error.to_string())?;
        line.changes.scenario().map_err(|failure| failure.lines[0].0.clone())
    }

    #[test]
    fn flags_say_the_same_as_a_question_in_json() {
        let words = [
            "--ratio=vcpu=8",
            "--hosts-lost=3@az-a",
            "--hosts-lost",
            "@az-b",
            "--hosts-lost=node-1",
            "--hosts-added=10@az-c",
            "--like=node-2",
            "--landing=m1.large=20",
            "--landing=vcpus=200,memory=800GiB,disk=10TiB@az-a",
            "--at=2027-03-01",
            "--flavor=m1.tiny",
            "--region=r",
        ];
        let expected = serde_json::json!({
            "region": "r", "ratios": {"vcpu": 8.0}, "flavors": ["m1.tiny"], "at": "2027-03-01T00:00:00Z",
            "hosts_lost": [{"az": "az-a", "count": 3}, {"az": "az-b"}, {"host": "node-1"}],
            "hosts_added": [{"count": 10, "like": "node-2", "az": "az-c"}],
            "landing": [
                {"flavor": "m1.large", "count": 20},
                {"vcpus": 200, "memory_bytes": 858_993_459_200_u64, "disk_bytes": 10_995_116_277_760_u64, "az": "az-a"},
            ],
        });
        assert_eq!(scenario(&words).unwrap(), serde_json::from_value(expected).unwrap());
    }

    #[test]
    fn what_is_wrong_is_said() {
        assert_eq!(scenario(&[]), Err("nothing is changed".to_owned()));
        for words in [
            "--ratio=cpu=1",
            "--ratio=vcpu",
            "--hosts-lost=",
            "--hosts-added=many",
            "--landing=m1",
            "--landing=memory=8GB",
            "--at=soon",
        ] {
            assert!(scenario(&[words]).is_err(), "{words}");
        }
    }
}
