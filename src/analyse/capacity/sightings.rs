//! Whether the hosts of a region can be told from its other providers.
//!
//! Nova's hypervisors say which root providers are hosts, and which of these may be used. While their table is not there
//! (at the start, or because its collector fails) a figure made without it would count disabled and down hosts as
//! capacity. So there is none until the table has come; only a region that has gone without for long has no Nova, or
//! none that may be read, and is told by its providers alone.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::clock::Timestamp;
use crate::model::part::Origin;

/// Without hypervisors for so long from the start, a region is one that has none.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

#[derive(Clone, Copy, Debug)]
enum Sighting {
    /// Hypervisors were there at some time.
    Seen,
    /// Looked for since.
    Awaited(Timestamp),
}

/// What is known of the hypervisors of every region.
#[derive(Debug, Default)]
pub(in crate::analyse) struct Sightings(BTreeMap<Origin, Sighting>);

impl Sightings {
    /// Whether figures may be made now.
    pub(in crate::analyse) fn tell_hosts(&mut self, origin: &Origin, present: bool, at: Timestamp) -> bool {
        if present {
            self.0.insert(origin.clone(), Sighting::Seen);
            return true;
        }
        match self.0.entry(origin.clone()).or_insert(Sighting::Awaited(at)) {
            Sighting::Seen => false,
            Sighting::Awaited(since) => at.since(*since) >= PATIENCE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_that_had_hypervisors_is_never_told_without() {
        let (mut sightings, origin) = (Sightings::default(), Origin::new("c", "r"));
        let mut tell = |present, at| sightings.tell_hosts(&origin, present, Timestamp::from_seconds(at));
        assert!(!tell(false, 0), "not there yet");
        assert!(!tell(false, 599));
        assert!(tell(true, 600));
        assert!(!tell(false, 660), "withheld");
        assert!(!tell(false, 1_000_000));
        assert!(tell(true, 1_000_060));
    }

    #[test]
    fn a_region_without_nova_is_told_after_a_while() {
        let (mut sightings, origin) = (Sightings::default(), Origin::new("c", "r"));
        let mut tell = |at| sightings.tell_hosts(&origin, false, Timestamp::from_seconds(at));
        assert!(!tell(1000));
        assert!(!tell(1540));
        assert!(tell(1600));
        assert!(tell(9000));
    }
}
