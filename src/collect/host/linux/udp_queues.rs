//! Bytes waiting in the queues of UDP sockets.

use super::super::error::HostError;
use super::super::state::State;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Bytes in the queues of UDP sockets.
    QUEUES = gauge "host_udp_queues" [queue ip], Bytes, "/proc/net/udp, /proc/net/udp6";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    for (file, ip) in [("net/udp", "v4"), ("net/udp6", "v6")] {
        if let Some(text) = state.read_optional(&state.proc(file))? {
            let (transmit, receive) = queued(&text);
            part.put(&QUEUES, ["tx", ip], transmit as f64);
            part.put(&QUEUES, ["rx", ip], receive as f64);
        }
    }
    Ok(())
}

/// Sums of the column `tx_queue:rx_queue`.
fn queued(text: &str) -> (u64, u64) {
    let columns = text.lines().skip(1).filter_map(|line| line.split_ascii_whitespace().nth(4)?.split_once(':'));
    let hex = |word: &str| u64::from_str_radix(word, 16).unwrap_or(0);
    columns.fold((0, 0), |(tx, rx), (t, r)| (u64::saturating_add(tx, hex(t)), u64::saturating_add(rx, hex(r))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_summed() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr\n\
                    1: 00000000:0035 00000000:0000 07 00000010:00000001 00:00000000\n\
                    2: 00000000:0035 00000000:0000 07 00000001:000000FF 00:00000000\nodd\n";
        assert_eq!(queued(text), (17, 256));
    }
}
