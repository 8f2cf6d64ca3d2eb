//! Software RAID: members of each array by state, from /proc/mdstat.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Members that the array needs.
    DISKS_REQUIRED = gauge "host_md_disks_required" [device], Count, "/proc/mdstat";
    /// Members by state.
    DISKS = gauge "host_md_disks" [device state], Count, "/proc/mdstat";
    /// State of the array: 1 for the one it is in.
    STATE = gauge "host_md_state" [device state], Bool, "/proc/mdstat";
    /// Blocks of 1 KiB.
    BLOCKS = gauge "host_md_blocks" [device], Count, "/proc/mdstat";
    /// Blocks in sync; all of them unless a rebuild or check runs.
    BLOCKS_SYNCED = gauge "host_md_blocks_synced" [device], Count, "/proc/mdstat";
}

const STATES: [&str; 5] = ["active", "inactive", "recovering", "resync", "check"];

#[derive(Debug, Default, PartialEq)]
struct Array {
    name: String,
    state: &'static str,
    required: u32,
    active: u32,
    failed: u32,
    spare: u32,
    blocks: f64,
    synced: f64,
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let Some(text) = state.read_optional(&state.proc("mdstat"))? else { return Ok(()) };
    for array in arrays(&text) {
        let device = array.name.as_str();
        part.put(&DISKS_REQUIRED, [device], f64::from(array.required));
        for (kind, count) in [("active", array.active), ("failed", array.failed), ("spare", array.spare)] {
            part.put(&DISKS, [device, kind], f64::from(count));
        }
        for known in STATES {
            part.put(&STATE, [device, known], f64::from(u8::from(known == array.state)));
        }
        part.put(&BLOCKS, [device], array.blocks);
        part.put(&BLOCKS_SYNCED, [device], array.synced);
    }
    Ok(())
}

/// Each array is a line `md0 : active raid1 sdb1[1] sda1[0](F)` and indented lines behind it.
fn arrays(text: &str) -> Vec<Array> {
    let mut arrays: Vec<Array> = Vec::new();
    for line in text.lines() {
        if let Some((name, rest)) = line.split_once(" : ").filter(|(name, _)| name.starts_with("md")) {
            arrays.push(array(name, rest));
        } else if line.starts_with(' ')
            && let Some(array) = arrays.last_mut()
        {
            detail(array, line.trim());
        }
    }
    arrays
}

fn array(name: &str, rest: &str) -> Array {
    let members = rest.split_ascii_whitespace().filter(|word| word.contains('['));
    let mut array = Array { name: name.trim().to_owned(), ..Array::default() };
    for member in members {
        match member.rsplit_once('(').map(|(_, flag)| flag) {
            Some("F)") => array.failed += 1,
            Some("S)") => array.spare += 1,
            _ => array.active += 1,
        }
    }
    array.state = if rest.starts_with("inactive") { "inactive" } else { "active" };
    // Without a `[2/2]` behind it (raid0, linear), all members are needed.
    array.required = if array.state == "active" { array.active } else { 0 };
    array
}

fn detail(array: &mut Array, line: &str) {
    let mut words = line.split_ascii_whitespace();
    if let (Some(count), Some("blocks")) = (words.next(), words.next()) {
        array.blocks = count.parse().unwrap_or(0.0);
        array.synced = array.blocks;
        let ratio = line.split('[').find_map(|piece| piece.split_once(']')?.0.split_once('/'));
        if let Some((required, active)) = ratio
            && let (Ok(required), Ok(active)) = (required.parse(), active.parse())
        {
            (array.required, array.active) = (required, active);
        }
        return;
    }
    let running = [("recovery", "recovering"), ("reshape", "resync"), ("resync", "resync"), ("check", "check")];
    if let Some((_, state)) =
        running.iter().find(|(word, _)| line.contains(&format!("{word} ")) || line.contains(&format!("{word}=")))
    {
        array.state = state;
        let synced = line.split(['(', ')']).nth(1).and_then(|progress| progress.split_once('/')?.0.parse().ok());
        array.synced = synced.unwrap_or(if line.contains('=') { 0.0 } else { array.synced });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_degraded_mirror_rebuilds() {
        let text = "Personalities : [raid1]\nmd0 : active raid1 sdc1[2](S) sdb1[1](F) sda1[0]\n      \
            1000 blocks super 1.2 [2/1] [U_]\n      [=>...]  recovery =  8.5% (85/1000) finish=1min speed=2K/sec\n\n\
            md1 : active raid0 sdd[0] sde[1]\n      500 blocks 64k chunks\nunused devices: <none>\n";
        let found = arrays(text);
        let mirror = Array {
            name: "md0".into(),
            state: "recovering",
            required: 2,
            active: 1,
            failed: 1,
            spare: 1,
            blocks: 1000.0,
            synced: 85.0,
        };
        assert_eq!(found[0], mirror);
        let stripe = Array {
            name: "md1".into(),
            state: "active",
            required: 2,
            active: 2,
            blocks: 500.0,
            synced: 500.0,
            ..Array::default()
        };
        assert_eq!(found[1], stripe);
        assert_eq!(found.len(), 2);
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "(md0 : )?\\PC{0,30}\n \\PC{0,40}") {
            let _ = arrays(&text);
        }
    }
}
