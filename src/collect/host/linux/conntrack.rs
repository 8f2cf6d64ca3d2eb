//! Connection tracking: a full table drops new connections, a classic failure of network nodes.

use super::super::error::HostError;
use super::super::state::State;
use super::text::{self, Fields};
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Connections tracked.
    ENTRIES = gauge "host_nf_conntrack_entries" [], Count, "/proc/sys/net/netfilter/nf_conntrack_count";
    /// Connections that the table holds at most.
    ENTRIES_LIMIT = gauge "host_nf_conntrack_entries_limit" [], Count, "/proc/sys/net/netfilter/nf_conntrack_max";
    /// Searched entries that were found.
    FOUND = gauge "host_nf_conntrack_stat_found" [], Count, "/proc/net/stat/nf_conntrack";
    /// Packets that cannot be tracked.
    INVALID = gauge "host_nf_conntrack_stat_invalid" [], Count, "/proc/net/stat/nf_conntrack";
    /// Packets that belong to an entry already.
    IGNORE = gauge "host_nf_conntrack_stat_ignore" [], Count, "/proc/net/stat/nf_conntrack";
    /// Entries added.
    INSERT = gauge "host_nf_conntrack_stat_insert" [], Count, "/proc/net/stat/nf_conntrack";
    /// Entries that could not be added.
    INSERT_FAILED = gauge "host_nf_conntrack_stat_insert_failed" [], Count, "/proc/net/stat/nf_conntrack";
    /// Packets dropped because tracking failed, mostly on a full table.
    DROP = gauge "host_nf_conntrack_stat_drop" [], Count, "/proc/net/stat/nf_conntrack";
    /// Entries dropped early to make room in a full table.
    EARLY_DROP = gauge "host_nf_conntrack_stat_early_drop" [], Count, "/proc/net/stat/nf_conntrack";
    /// Searches begun anew because the table was resized.
    SEARCH_RESTART = gauge "host_nf_conntrack_stat_search_restart" [], Count, "/proc/net/stat/nf_conntrack";
}

static FIELDS: Fields = &[
    ("found", &FOUND),
    ("invalid", &INVALID),
    ("ignore", &IGNORE),
    ("insert", &INSERT),
    ("insert_failed", &INSERT_FAILED),
    ("drop", &DROP),
    ("early_drop", &EARLY_DROP),
    ("search_restart", &SEARCH_RESTART),
];

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    for (file, row) in [("nf_conntrack_count", &ENTRIES), ("nf_conntrack_max", &ENTRIES_LIMIT)] {
        if let Some(value) = state.number(&state.proc("sys/net/netfilter").join(file)) {
            part.put(row, [], value);
        }
    }
    if let Some(text) = state.read_optional(&state.proc("net/stat/nf_conntrack"))? {
        for (name, sum) in column_sums(&text) {
            if let Some(row) = text::row_of(FIELDS, name) {
                part.put(row, [], sum as f64);
            }
        }
    }
    Ok(())
}

/// A header line, then a line of hexadecimal numbers per CPU: the sums by column name. Kernels renamed and dropped
/// columns over time, so the header decides and not the position.
fn column_sums(text: &str) -> Vec<(&str, u64)> {
    let mut lines = text.lines();
    let mut sums: Vec<(&str, u64)> =
        lines.next().unwrap_or("").split_ascii_whitespace().map(|name| (name, 0)).collect();
    for line in lines {
        for ((_, sum), word) in sums.iter_mut().zip(line.split_ascii_whitespace()) {
            *sum = sum.saturating_add(u64::from_str_radix(word, 16).unwrap_or(0));
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn columns_are_summed_by_name(rows in proptest::collection::vec((0u32..1 << 30, 0u32..1 << 30), 0..6)) {
            let mut text = String::from("entries  found drop\n");
            for (found, drop) in &rows {
                text += &format!("00000001 {found:08x} {drop:08x}\n");
            }
            let found: u64 = rows.iter().map(|row| u64::from(row.0)).sum();
            let drop: u64 = rows.iter().map(|row| u64::from(row.1)).sum();
            prop_assert_eq!(column_sums(&text), [("entries", rows.len() as u64), ("found", found), ("drop", drop)]);
        }

        #[test]
        fn any_text_is_survived(text in "\\PC{0,60}\n\\PC{0,60}") {
            let _ = column_sums(&text);
        }
    }
}
