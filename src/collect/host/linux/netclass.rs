//! Properties of network devices from /sys/class/net: up or down, speed, MTU, and the like.

use std::path::Path;

use super::super::error::HostError;
use super::super::settings::admits;
use super::super::state::State;
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// How the device's address was assigned (0 permanent, 1 random, 2 stolen, 3 set).
    ADDRESS_ASSIGN_TYPE = gauge "host_network_address_assign_type" [device], State, "/sys/class/net/<device>/addr_assign_type";
    /// 1 when the device has a carrier.
    CARRIER = gauge "host_network_carrier" [device], Bool, "/sys/class/net/<device>/carrier";
    /// Changes of the carrier.
    CARRIER_CHANGES = counter "host_network_carrier_changes_total" [device], Count, "/sys/class/net/<device>/carrier_changes";
    /// Times that the carrier came.
    CARRIER_UP_CHANGES = counter "host_network_carrier_up_changes_total" [device], Count, "/sys/class/net/<device>/carrier_up_count";
    /// Times that the carrier went.
    CARRIER_DOWN_CHANGES = counter "host_network_carrier_down_changes_total" [device], Count, "/sys/class/net/<device>/carrier_down_count";
    /// Number that tells devices with the same address apart.
    DEVICE_ID = gauge "host_network_device_id" [device], None, "/sys/class/net/<device>/dev_id";
    /// 1 when the device waits for something, e.g. for authentication.
    DORMANT = gauge "host_network_dormant" [device], Bool, "/sys/class/net/<device>/dormant";
    /// The device's flags (IFF_UP is 1).
    FLAGS = gauge "host_network_flags" [device], State, "/sys/class/net/<device>/flags";
    /// Index of the device.
    IFACE_ID = gauge "host_network_iface_id" [device], None, "/sys/class/net/<device>/ifindex";
    /// Index of the device below this one, or its own.
    IFACE_LINK = gauge "host_network_iface_link" [device], None, "/sys/class/net/<device>/iflink";
    /// Link mode (0 default, 1 dormant).
    IFACE_LINK_MODE = gauge "host_network_iface_link_mode" [device], State, "/sys/class/net/<device>/link_mode";
    /// Largest packet.
    MTU = gauge "host_network_mtu_bytes" [device], Bytes, "/sys/class/net/<device>/mtu";
    /// How the device's name was assigned (1 by the kernel, 2 predictable, 3 by a user, 4 renamed).
    NAME_ASSIGN_TYPE = gauge "host_network_name_assign_type" [device], State, "/sys/class/net/<device>/name_assign_type";
    /// Group of the device.
    NET_DEV_GROUP = gauge "host_network_net_dev_group" [device], None, "/sys/class/net/<device>/netdev_group";
    /// Type of the device's protocol (1 is Ethernet).
    PROTOCOL_TYPE = gauge "host_network_protocol_type" [device], State, "/sys/class/net/<device>/type";
    /// Speed in bytes per second; -125000 when the driver does not know it.
    SPEED = gauge "host_network_speed_bytes" [device], Bytes, "/sys/class/net/<device>/speed";
    /// Packets that the device's send queue holds.
    TRANSMIT_QUEUE_LENGTH = gauge "host_network_transmit_queue_length" [device], Count, "/sys/class/net/<device>/tx_queue_len";
    /// 1 when the device's operational state is up.
    UP = gauge "host_network_up" [device], Bool, "/sys/class/net/<device>/operstate";
    /// Addresses, state, duplex and alias of the device.
    INFO = gauge "host_network_info" [device address broadcast duplex operstate ifalias], Info, "/sys/class/net/<device>";
}

/// Attribute files and their rows.
static ATTRIBUTES: [(&str, &Metric<1>); 16] = [
    ("addr_assign_type", &ADDRESS_ASSIGN_TYPE),
    ("carrier", &CARRIER),
    ("carrier_changes", &CARRIER_CHANGES),
    ("carrier_up_count", &CARRIER_UP_CHANGES),
    ("carrier_down_count", &CARRIER_DOWN_CHANGES),
    ("dev_id", &DEVICE_ID),
    ("dormant", &DORMANT),
    ("flags", &FLAGS),
    ("ifindex", &IFACE_ID),
    ("iflink", &IFACE_LINK),
    ("link_mode", &IFACE_LINK_MODE),
    ("mtu", &MTU),
    ("name_assign_type", &NAME_ASSIGN_TYPE),
    ("netdev_group", &NET_DEV_GROUP),
    ("tx_queue_len", &TRANSMIT_QUEUE_LENGTH),
    ("type", &PROTOCOL_TYPE),
];

/// /sys gives megabits per second.
const BYTES_PER_MEGABIT: f64 = 125_000.0;

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let folder = state.sys("class/net");
    for device in state.names(&folder) {
        let directory = folder.join(&device);
        let network = &state.settings.network;
        if !admits(network.device_include.as_ref(), network.class_exclude.as_ref(), &device) || !directory.is_dir() {
            continue;
        }
        put_device(state, part, &device, &directory);
    }
    Ok(())
}

fn put_device(state: &mut State, part: &mut PartBuilder, device: &str, directory: &Path) {
    for (file, row) in ATTRIBUTES {
        if let Some(value) = state.attribute(&directory.join(file)).as_deref().and_then(integer) {
            part.put(row, [device], value);
        }
    }
    if let Some(megabits) = state.attribute(&directory.join("speed")).as_deref().and_then(integer) {
        part.put(&SPEED, [device], megabits * BYTES_PER_MEGABIT);
    }
    let [address, broadcast, duplex, operstate, ifalias] = ["address", "broadcast", "duplex", "operstate", "ifalias"]
        .map(|file| state.attribute(&directory.join(file)).unwrap_or_default());
    part.put(&UP, [device], f64::from(u8::from(operstate == "up")));
    part.put(&INFO, [device, &address, &broadcast, &duplex, &operstate, &ifalias], 1.0);
}

/// Decimal, or hexadecimal behind 0x.
fn integer(text: &str) -> Option<f64> {
    let value = match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16),
        None => text.parse(),
    };
    value.ok().map(|value| value as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_both_kinds() {
        assert_eq!(integer("0x1003"), Some(4099.0));
        assert_eq!(integer("-1"), Some(-1.0));
        assert_eq!(integer(""), None);
        assert_eq!(integer("up"), None);
    }
}
