//! Sockets by protocol and state.

use super::super::error::HostError;
use super::super::state::State;
use super::text;
use crate::model::metric::Kind;
use crate::model::part::PartBuilder;

text::field_metrics! {
    /// TCP sockets in use.
    TCP_INUSE = gauge "host_sockstat_TCP_inuse" from "TCP_inuse", Count, "/proc/net/sockstat";
    /// TCP sockets that no process holds any more.
    TCP_ORPHAN = gauge "host_sockstat_TCP_orphan" from "TCP_orphan", Count, "/proc/net/sockstat";
    /// TCP sockets that wait out their end (TIME_WAIT).
    TCP_TW = gauge "host_sockstat_TCP_tw" from "TCP_tw", Count, "/proc/net/sockstat";
    /// TCP sockets allocated, in use or not.
    TCP_ALLOC = gauge "host_sockstat_TCP_alloc" from "TCP_alloc", Count, "/proc/net/sockstat";
    /// Pages of memory that TCP buffers take.
    TCP_MEM = gauge "host_sockstat_TCP_mem" from "TCP_mem", Count, "/proc/net/sockstat";
    /// UDP sockets in use.
    UDP_INUSE = gauge "host_sockstat_UDP_inuse" from "UDP_inuse", Count, "/proc/net/sockstat";
    /// Pages of memory that UDP buffers take.
    UDP_MEM = gauge "host_sockstat_UDP_mem" from "UDP_mem", Count, "/proc/net/sockstat";
    /// UDP-Lite sockets in use.
    UDPLITE_INUSE = gauge "host_sockstat_UDPLITE_inuse" from "UDPLITE_inuse", Count, "/proc/net/sockstat";
    /// Raw sockets in use.
    RAW_INUSE = gauge "host_sockstat_RAW_inuse" from "RAW_inuse", Count, "/proc/net/sockstat";
    /// Fragment reassembly sockets in use.
    FRAG_INUSE = gauge "host_sockstat_FRAG_inuse" from "FRAG_inuse", Count, "/proc/net/sockstat";
    /// Bytes of memory that Fragment reassembly takes.
    FRAG_MEMORY = gauge "host_sockstat_FRAG_memory" from "FRAG_memory", Bytes, "/proc/net/sockstat";
    /// IPv6 TCP sockets in use.
    TCP6_INUSE = gauge "host_sockstat_TCP6_inuse" from "TCP6_inuse", Count, "/proc/net/sockstat6";
    /// IPv6 UDP sockets in use.
    UDP6_INUSE = gauge "host_sockstat_UDP6_inuse" from "UDP6_inuse", Count, "/proc/net/sockstat6";
    /// IPv6 UDP-Lite sockets in use.
    UDPLITE6_INUSE = gauge "host_sockstat_UDPLITE6_inuse" from "UDPLITE6_inuse", Count, "/proc/net/sockstat6";
    /// IPv6 raw sockets in use.
    RAW6_INUSE = gauge "host_sockstat_RAW6_inuse" from "RAW6_inuse", Count, "/proc/net/sockstat6";
    /// IPv6 fragment reassembly sockets in use.
    FRAG6_INUSE = gauge "host_sockstat_FRAG6_inuse" from "FRAG6_inuse", Count, "/proc/net/sockstat6";
    /// Bytes of memory that IPv6 fragment reassembly takes.
    FRAG6_MEMORY = gauge "host_sockstat_FRAG6_memory" from "FRAG6_memory", Bytes, "/proc/net/sockstat6";
    /// Memory that TCP buffers take.
    TCP_MEM_BYTES = gauge "host_sockstat_TCP_mem_bytes" from "TCP_mem_bytes", Bytes, "/proc/net/sockstat";
    /// Memory that UDP buffers take.
    UDP_MEM_BYTES = gauge "host_sockstat_UDP_mem_bytes" from "UDP_mem_bytes", Bytes, "/proc/net/sockstat";
    /// Sockets of all kinds in use.
    SOCKETS_USED = gauge "host_sockstat_sockets_used" from "sockets_used", Count, "/proc/net/sockstat";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    for file in ["net/sockstat", "net/sockstat6"] {
        let Some(text) = state.read_optional(&state.proc(file))? else { continue };
        for (first, words) in text::lines(&text) {
            let Some(protocol) = first.strip_suffix(':') else { continue };
            for (name, value) in text::word_pairs(words) {
                put(state, part, &format!("{protocol}_{name}"), value);
                if name == "mem" {
                    put(state, part, &format!("{protocol}_mem_bytes"), value * procfs::page_size() as f64);
                }
            }
        }
    }
    Ok(())
}

fn put(state: &mut State, part: &mut PartBuilder, field: &str, value: f64) {
    match text::row_of(FIELDS, field) {
        Some(row) => part.put(row, [], value),
        None => state.put_field(part, &format!("host_sockstat_{field}"), Kind::Gauge, "/proc/net/sockstat", value),
    }
}
