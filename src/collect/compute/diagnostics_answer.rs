//! What a compute host says of one guest, in Nova's standard form (2.48), and its families.
//!
//! Instances have their id only; `openstack_nova_server_status` has their names to join.

use serde::Deserialize;

use crate::collect::decode::null_as_default;
use crate::model::clock::Timestamp;
use crate::model::inventory::guest::Guest;
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// When an instance's diagnostics were read: the age of the families openstack_nova_server_{cpu,memory,disk,network}_*.
    READ_AT = gauge "openstack_nova_server_diagnostics_timestamp_seconds" [id], Timestamp, "GET /servers/{id}/diagnostics at 2.48";
    /// CPU time of an instance's vCPUs, all together.
    CPU_SECONDS = counter "openstack_nova_server_cpu_seconds_total" [id], Seconds, "GET /servers/{id}/diagnostics at 2.48";
    /// vCPUs of an instance as its hypervisor runs it.
    CPUS = gauge "openstack_nova_server_cpus" [id], Count, "GET /servers/{id}/diagnostics at 2.48";
    /// Time since an instance's guest was started.
    UPTIME = gauge "openstack_nova_server_uptime_seconds" [id], Seconds, "GET /servers/{id}/diagnostics at 2.48";
    /// Memory that an instance may have at most.
    MEMORY_MAXIMUM = gauge "openstack_nova_server_memory_maximum_bytes" [id], Bytes, "GET /servers/{id}/diagnostics at 2.48";
    /// Memory that an instance uses, as its hypervisor sees it.
    MEMORY_USED = gauge "openstack_nova_server_memory_used_bytes" [id], Bytes, "GET /servers/{id}/diagnostics at 2.48";
    /// Bytes read from an instance's disk (disks are numbered in Nova's order).
    DISK_READ_BYTES = counter "openstack_nova_server_disk_read_bytes_total" [id disk], Bytes, "GET /servers/{id}/diagnostics at 2.48";
    /// Bytes written to an instance's disk.
    DISK_WRITTEN_BYTES = counter "openstack_nova_server_disk_written_bytes_total" [id disk], Bytes, "GET /servers/{id}/diagnostics at 2.48";
    /// Read requests to an instance's disk.
    DISK_READS = counter "openstack_nova_server_disk_reads_total" [id disk], Count, "GET /servers/{id}/diagnostics at 2.48";
    /// Write requests to an instance's disk.
    DISK_WRITES = counter "openstack_nova_server_disk_writes_total" [id disk], Count, "GET /servers/{id}/diagnostics at 2.48";
    /// Errors of an instance's disk.
    DISK_ERRORS = counter "openstack_nova_server_disk_errors_total" [id disk], Count, "GET /servers/{id}/diagnostics at 2.48";
    /// Bytes that an instance received at a network interface.
    RECEIVE_BYTES = counter "openstack_nova_server_network_receive_bytes_total" [id mac_address], Bytes, "GET /servers/{id}/diagnostics at 2.48";
    /// Packets that an instance received at a network interface.
    RECEIVE_PACKETS = counter "openstack_nova_server_network_receive_packets_total" [id mac_address], Count, "GET /servers/{id}/diagnostics at 2.48";
    /// Errors in receiving at an instance's network interface.
    RECEIVE_ERRORS = counter "openstack_nova_server_network_receive_errors_total" [id mac_address], Count, "GET /servers/{id}/diagnostics at 2.48";
    /// Packets dropped in receiving at an instance's network interface.
    RECEIVE_DROPS = counter "openstack_nova_server_network_receive_drop_total" [id mac_address], Count, "GET /servers/{id}/diagnostics at 2.48";
    /// Bytes that an instance sent at a network interface.
    TRANSMIT_BYTES = counter "openstack_nova_server_network_transmit_bytes_total" [id mac_address], Bytes, "GET /servers/{id}/diagnostics at 2.48";
    /// Packets that an instance sent at a network interface.
    TRANSMIT_PACKETS = counter "openstack_nova_server_network_transmit_packets_total" [id mac_address], Count, "GET /servers/{id}/diagnostics at 2.48";
    /// Errors in sending at an instance's network interface.
    TRANSMIT_ERRORS = counter "openstack_nova_server_network_transmit_errors_total" [id mac_address], Count, "GET /servers/{id}/diagnostics at 2.48";
    /// Packets dropped in sending at an instance's network interface.
    TRANSMIT_DROPS = counter "openstack_nova_server_network_transmit_drop_total" [id mac_address], Count, "GET /servers/{id}/diagnostics at 2.48";
}

const NANOSECONDS: f64 = 1e9;
/// Nova's reference gives memory in MiB.
const MEBIBYTE: f64 = 1_048_576.0;

/// Diagnostics of one guest. A driver that does not know something says null.
#[derive(Deserialize)]
pub(super) struct Answer {
    uptime: Option<f64>,
    num_cpus: Option<f64>,
    #[serde(default, deserialize_with = "null_as_default")]
    cpu_details: Vec<Cpu>,
    #[serde(default, deserialize_with = "null_as_default")]
    memory_details: Memory,
    #[serde(default, deserialize_with = "null_as_default")]
    disk_details: Vec<Disk>,
    #[serde(default, deserialize_with = "null_as_default")]
    nic_details: Vec<Nic>,
}

#[derive(Deserialize)]
struct Cpu {
    /// In nanoseconds.
    time: Option<f64>,
}

#[derive(Default, Deserialize)]
struct Memory {
    maximum: Option<f64>,
    used: Option<f64>,
}

#[derive(Deserialize)]
struct Disk {
    read_bytes: Option<f64>,
    read_requests: Option<f64>,
    write_bytes: Option<f64>,
    write_requests: Option<f64>,
    errors_count: Option<f64>,
}

#[derive(Deserialize)]
struct Nic {
    #[serde(default, deserialize_with = "null_as_default")]
    mac_address: Box<str>,
    rx_octets: Option<f64>,
    rx_packets: Option<f64>,
    rx_errors: Option<f64>,
    rx_drop: Option<f64>,
    tx_octets: Option<f64>,
    tx_packets: Option<f64>,
    tx_errors: Option<f64>,
    tx_drop: Option<f64>,
}

impl Answer {
    /// What analysis needs of it. A driver that knows nothing of memory says 0 or less.
    pub(super) fn guest(&self, at: Timestamp) -> Guest {
        let memory = |of: Option<f64>| of.filter(|mebibytes| *mebibytes > 0.0);
        let sum = |of: fn(&Nic) -> Option<f64>| {
            let total: Option<f64> = self.nic_details.iter().map(of).sum();
            total.filter(|bytes| *bytes >= 0.0 && !self.nic_details.is_empty())
        };
        let maximum = memory(self.memory_details.maximum);
        Guest {
            at,
            cpu_seconds: self.cpu_seconds(),
            cpus: self.num_cpus,
            memory_ratio: memory(self.memory_details.used).zip(maximum).map(|(used, maximum)| used / maximum),
            received_bytes: sum(|nic| nic.rx_octets),
            sent_bytes: sum(|nic| nic.tx_octets),
        }
    }

    /// A sum without one of its parts would be no counter.
    fn cpu_seconds(&self) -> Option<f64> {
        let times: Option<f64> = self.cpu_details.iter().map(|cpu| cpu.time).sum();
        times.filter(|_| !self.cpu_details.is_empty()).map(|time| time / NANOSECONDS)
    }

    /// Adds the samples of an instance.
    pub(super) fn emit(&self, id: &str, read_at: Timestamp, part: &mut PartBuilder) {
        part.put(&READ_AT, [id], read_at.seconds());
        put(part, &CPU_SECONDS, [id], self.cpu_seconds());
        put(part, &CPUS, [id], self.num_cpus);
        put(part, &UPTIME, [id], self.uptime);
        put(part, &MEMORY_MAXIMUM, [id], self.memory_details.maximum.map(|mebibytes| mebibytes * MEBIBYTE));
        put(part, &MEMORY_USED, [id], self.memory_details.used.map(|mebibytes| mebibytes * MEBIBYTE));
        for (number, disk) in self.disk_details.iter().enumerate() {
            let number = number.to_string();
            let labels = [id, &number];
            put(part, &DISK_READ_BYTES, labels, disk.read_bytes);
            put(part, &DISK_WRITTEN_BYTES, labels, disk.write_bytes);
            put(part, &DISK_READS, labels, disk.read_requests);
            put(part, &DISK_WRITES, labels, disk.write_requests);
            put(part, &DISK_ERRORS, labels, disk.errors_count);
        }
        for nic in &self.nic_details {
            let labels = [id, &nic.mac_address];
            put(part, &RECEIVE_BYTES, labels, nic.rx_octets);
            put(part, &RECEIVE_PACKETS, labels, nic.rx_packets);
            put(part, &RECEIVE_ERRORS, labels, nic.rx_errors);
            put(part, &RECEIVE_DROPS, labels, nic.rx_drop);
            put(part, &TRANSMIT_BYTES, labels, nic.tx_octets);
            put(part, &TRANSMIT_PACKETS, labels, nic.tx_packets);
            put(part, &TRANSMIT_ERRORS, labels, nic.tx_errors);
            put(part, &TRANSMIT_DROPS, labels, nic.tx_drop);
        }
    }
}

/// Drivers write null, and libvirt -1, for what they do not know.
fn put<const N: usize>(part: &mut PartBuilder, metric: &'static Metric<N>, labels: [&str; N], value: Option<f64>) {
    if let Some(value) = value.filter(|value| *value >= 0.0) {
        part.put(metric, labels, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collect::sealed::{only, rows, seal};
    use crate::model::part::Part;

    fn emitted(body: &[u8]) -> Part {
        let answer: Answer = serde_json::from_slice(body).unwrap();
        let mut part = PartBuilder::new();
        answer.emit("a", Timestamp::from_seconds(1000), &mut part);
        seal(part)
    }

    #[test]
    fn the_recorded_diagnostics() {
        let part = emitted(include_bytes!("../../../tests/recordings/nova/server-diagnostics.json"));
        assert_eq!(only(&part, &CPU_SECONDS), 17.3);
        assert_eq!(only(&part, &CPUS), 1.0);
        assert_eq!(only(&part, &UPTIME), 46_664.0);
        assert_eq!(only(&part, &READ_AT), 1000.0);
        assert_eq!(only(&part, &MEMORY_USED), 0.0);
        assert_eq!(only(&part, &MEMORY_MAXIMUM), 524_288.0 * 1_048_576.0);
        assert_eq!(rows(&part, &DISK_WRITTEN_BYTES), [("a|0".to_owned(), 5_778_432.0)]);
        assert_eq!(rows(&part, &DISK_READS), [("a|0".to_owned(), 112.0)]);
        assert_eq!(rows(&part, &RECEIVE_BYTES), [("a|01:23:45:67:89:ab".to_owned(), 2_070_139.0)]);
        assert_eq!(rows(&part, &TRANSMIT_DROPS), [("a|01:23:45:67:89:ab".to_owned(), 500.0)]);
    }

    #[test]
    fn what_a_driver_does_not_know_has_no_sample() {
        let body = br#"{"state": "running", "uptime": null, "num_cpus": 2, "memory_details": null, "nic_details": null,
            "cpu_details": [{"id": 0, "time": 5}, {"id": 1, "time": null}], "disk_details": [{"errors_count": -1}]}"#;
        let part = emitted(body);
        let names: Vec<_> = part.families.iter().map(|family| &*family.descriptor().name).collect();
        assert_eq!(names, ["openstack_nova_server_diagnostics_timestamp_seconds", "openstack_nova_server_cpus"]);
    }
}
