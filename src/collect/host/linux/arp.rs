//! Neighbours per device (IPv4).

use std::collections::BTreeMap;

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Entries of the ARP table.
    ENTRIES = gauge "host_arp_entries" [device], Count, "/proc/net/arp";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let Some(text) = state.read_optional(&state.proc("net/arp"))? else { return Ok(()) };
    let mut devices: BTreeMap<&str, u32> = BTreeMap::new();
    for device in text.lines().skip(1).filter_map(|line| line.split_ascii_whitespace().nth(5)) {
        *devices.entry(device).or_default() += 1;
    }
    for (device, entries) in devices {
        part.put(&ENTRIES, [device], f64::from(entries));
    }
    Ok(())
}
