//! Paging, faults and out-of-memory kills: the fields of /proc/vmstat that node_exporter takes by default.

use super::super::error::HostError;
use super::super::state::{State, number};
use super::text;
use crate::model::metric::Kind;
use crate::model::part::PartBuilder;

text::field_metrics! {
    /// Processes killed because memory ran out.
    OOM_KILL = untyped "host_vmstat_oom_kill" from "oom_kill", Count, "/proc/vmstat";
    /// Page faults, minor and major.
    PGFAULT = untyped "host_vmstat_pgfault" from "pgfault", Count, "/proc/vmstat";
    /// Page faults that needed a read from disk.
    PGMAJFAULT = untyped "host_vmstat_pgmajfault" from "pgmajfault", Count, "/proc/vmstat";
    /// KiB read from block devices through the page cache.
    PGPGIN = untyped "host_vmstat_pgpgin" from "pgpgin", Count, "/proc/vmstat";
    /// KiB written to block devices through the page cache.
    PGPGOUT = untyped "host_vmstat_pgpgout" from "pgpgout", Count, "/proc/vmstat";
    /// Pages read from swap.
    PSWPIN = untyped "host_vmstat_pswpin" from "pswpin", Count, "/proc/vmstat";
    /// Pages written to swap.
    PSWPOUT = untyped "host_vmstat_pswpout" from "pswpout", Count, "/proc/vmstat";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let text = state.read(&state.proc("vmstat"))?;
    for (name, mut words) in text::lines(&text).filter(|(name, _)| is_wanted(name)) {
        let Some(value) = words.next().and_then(number) else { continue };
        match text::row_of(FIELDS, name) {
            Some(row) => part.put(row, [], value),
            None => state.put_field(part, &format!("host_vmstat_{name}"), Kind::Untyped, "/proc/vmstat", value),
        }
    }
    Ok(())
}

/// As node_exporter's default `^(oom_kill|pgpg|pswp|pg.*fault).*`.
fn is_wanted(name: &str) -> bool {
    ["oom_kill", "pgpg", "pswp"].iter().any(|start| name.starts_with(start))
        || name.strip_prefix("pg").is_some_and(|rest| rest.contains("fault"))
}
