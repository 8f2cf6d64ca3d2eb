//! Traffic and errors per network device, from /proc/net/dev.

use super::super::error::HostError;
use super::super::settings::admits;
use super::super::state::{State, number};
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Bytes received.
    RECEIVE_BYTES = counter "host_network_receive_bytes_total" [device], Bytes, "/proc/net/dev";
    /// Packets received.
    RECEIVE_PACKETS = counter "host_network_receive_packets_total" [device], Count, "/proc/net/dev";
    /// Packets received with errors.
    RECEIVE_ERRS = counter "host_network_receive_errs_total" [device], Count, "/proc/net/dev";
    /// Packets received and dropped.
    RECEIVE_DROP = counter "host_network_receive_drop_total" [device], Count, "/proc/net/dev";
    /// Packets lost because the device's buffer was full.
    RECEIVE_FIFO = counter "host_network_receive_fifo_total" [device], Count, "/proc/net/dev";
    /// Packets received with a broken frame.
    RECEIVE_FRAME = counter "host_network_receive_frame_total" [device], Count, "/proc/net/dev";
    /// Compressed packets received.
    RECEIVE_COMPRESSED = counter "host_network_receive_compressed_total" [device], Count, "/proc/net/dev";
    /// Multicast packets received.
    RECEIVE_MULTICAST = counter "host_network_receive_multicast_total" [device], Count, "/proc/net/dev";
    /// Packets received that no protocol wanted.
    RECEIVE_NOHANDLER = counter "host_network_receive_nohandler_total" [device], Count, "/sys/class/net/<device>/statistics/rx_nohandler";
    /// Bytes sent.
    TRANSMIT_BYTES = counter "host_network_transmit_bytes_total" [device], Bytes, "/proc/net/dev";
    /// Packets sent.
    TRANSMIT_PACKETS = counter "host_network_transmit_packets_total" [device], Count, "/proc/net/dev";
    /// Packets that could not be sent because of errors.
    TRANSMIT_ERRS = counter "host_network_transmit_errs_total" [device], Count, "/proc/net/dev";
    /// Packets dropped before they were sent.
    TRANSMIT_DROP = counter "host_network_transmit_drop_total" [device], Count, "/proc/net/dev";
    /// Packets lost on sending because the device's buffer ran empty or full.
    TRANSMIT_FIFO = counter "host_network_transmit_fifo_total" [device], Count, "/proc/net/dev";
    /// Collisions on sending.
    TRANSMIT_COLLS = counter "host_network_transmit_colls_total" [device], Count, "/proc/net/dev";
    /// Packets not sent because the carrier was lost.
    TRANSMIT_CARRIER = counter "host_network_transmit_carrier_total" [device], Count, "/proc/net/dev";
    /// Compressed packets sent.
    TRANSMIT_COMPRESSED = counter "host_network_transmit_compressed_total" [device], Count, "/proc/net/dev";
}

/// The columns of /proc/net/dev.
static COLUMNS: [&Metric<1>; 16] = [
    &RECEIVE_BYTES,
    &RECEIVE_PACKETS,
    &RECEIVE_ERRS,
    &RECEIVE_DROP,
    &RECEIVE_FIFO,
    &RECEIVE_FRAME,
    &RECEIVE_COMPRESSED,
    &RECEIVE_MULTICAST,
    &TRANSMIT_BYTES,
    &TRANSMIT_PACKETS,
    &TRANSMIT_ERRS,
    &TRANSMIT_DROP,
    &TRANSMIT_FIFO,
    &TRANSMIT_COLLS,
    &TRANSMIT_CARRIER,
    &TRANSMIT_COMPRESSED,
];

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let text = state.read(&state.proc("net/dev"))?;
    for (device, values) in devices(&text) {
        let network = &state.settings.network;
        if !admits(network.device_include.as_ref(), network.device_exclude.as_ref(), device) {
            continue;
        }
        for (row, value) in COLUMNS.iter().zip(values) {
            part.put(row, [device], value);
        }
        if let Some(packets) = state.number(&state.sys("class/net").join(device).join("statistics/rx_nohandler")) {
            part.put(&RECEIVE_NOHANDLER, [device], packets);
        }
    }
    Ok(())
}

/// Device names (an alias may hold a colon, so the last one counts) and their columns. Old kernels write the first
/// number right behind the colon.
fn devices(text: &str) -> impl Iterator<Item = (&str, Vec<f64>)> {
    text.lines().skip(2).filter_map(|line| {
        let (device, values) = line.rsplit_once(':')?;
        let values: Vec<f64> = values.split_ascii_whitespace().map_while(number).collect();
        (values.len() == COLUMNS.len()).then_some((device.trim(), values))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn devices_come_back(rows in proptest::collection::vec(("[a-z][a-z0-9.-]{0,14}(:[0-9])?", proptest::array::uniform16(0u64..1 << 50)), 0..6)) {
            let mut text = String::from("Inter-| x\n face | y\n");
            for (device, values) in &rows {
                text += &format!("{device:>6}:{}\n", values.map(|value| value.to_string()).join("  "));
            }
            let expected: Vec<(&str, Vec<f64>)> =
                rows.iter().map(|(device, values)| (device.as_str(), values.map(|value| value as f64).to_vec())).collect();
            prop_assert_eq!(devices(&text).collect::<Vec<_>>(), expected);
        }
    }
}
