//! Reads, writes, discards and flushes per disk from /proc/diskstats, and what udev knows about the disk.

use std::collections::HashMap;

use procfs::DiskStat;

use super::super::error::HostError;
use super::super::settings::admits;
use super::super::state::{State, number};
use crate::model::metric::Metric;
use crate::model::part::PartBuilder;

crate::metrics! {
    /// Reads completed.
    READS_COMPLETED = counter "host_disk_reads_completed_total" [device], Count, "/proc/diskstats";
    /// Reads merged into others before they reached the disk.
    READS_MERGED = counter "host_disk_reads_merged_total" [device], Count, "/proc/diskstats";
    /// Bytes read.
    READ_BYTES = counter "host_disk_read_bytes_total" [device], Bytes, "/proc/diskstats";
    /// Time that all reads took together.
    READ_TIME = counter "host_disk_read_time_seconds_total" [device], Seconds, "/proc/diskstats";
    /// Writes completed.
    WRITES_COMPLETED = counter "host_disk_writes_completed_total" [device], Count, "/proc/diskstats";
    /// Writes merged into others before they reached the disk.
    WRITES_MERGED = counter "host_disk_writes_merged_total" [device], Count, "/proc/diskstats";
    /// Bytes written.
    WRITTEN_BYTES = counter "host_disk_written_bytes_total" [device], Bytes, "/proc/diskstats";
    /// Time that all writes took together.
    WRITE_TIME = counter "host_disk_write_time_seconds_total" [device], Seconds, "/proc/diskstats";
    /// Requests in progress.
    IO_NOW = gauge "host_disk_io_now" [device], Count, "/proc/diskstats";
    /// Time in which at least one request was in progress.
    IO_TIME = counter "host_disk_io_time_seconds_total" [device], Seconds, "/proc/diskstats";
    /// The same, weighted with the number of requests in progress.
    IO_TIME_WEIGHTED = counter "host_disk_io_time_weighted_seconds_total" [device], Seconds, "/proc/diskstats";
    /// Discards completed.
    DISCARDS_COMPLETED = counter "host_disk_discards_completed_total" [device], Count, "/proc/diskstats";
    /// Discards merged into others.
    DISCARDS_MERGED = counter "host_disk_discards_merged_total" [device], Count, "/proc/diskstats";
    /// Sectors of 512 bytes discarded.
    DISCARDED_SECTORS = counter "host_disk_discarded_sectors_total" [device], Count, "/proc/diskstats";
    /// Time that all discards took together.
    DISCARD_TIME = counter "host_disk_discard_time_seconds_total" [device], Seconds, "/proc/diskstats";
    /// Flushes completed.
    FLUSHES = counter "host_disk_flush_requests_total" [device], Count, "/proc/diskstats";
    /// Time that all flushes took together.
    FLUSH_TIME = counter "host_disk_flush_requests_time_seconds_total" [device], Seconds, "/proc/diskstats";
    /// Identity of the disk; the labels are empty where udev is not to be read.
    INFO = gauge "host_disk_info" [device major minor path wwn model serial revision], Info, "/run/udev/data";
    /// File system that lies directly on the disk.
    FILESYSTEM_INFO = gauge "host_disk_filesystem_info" [device type usage uuid version], Info, "/run/udev/data";
    /// Logical volume or other mapping that the disk is.
    DEVICE_MAPPER_INFO = gauge "host_disk_device_mapper_info" [device name uuid vg_name lv_name lv_layer], Info, "/run/udev/data";
    /// 1 when the ATA disk has a write cache.
    ATA_WRITE_CACHE = gauge "host_disk_ata_write_cache" [device], Bool, "/run/udev/data";
    /// 1 when the ATA disk's write cache is on.
    ATA_WRITE_CACHE_ENABLED = gauge "host_disk_ata_write_cache_enabled" [device], Bool, "/run/udev/data";
    /// Revolutions of the ATA disk per minute; 0 without moving parts.
    ATA_ROTATION_RATE = gauge "host_disk_ata_rotation_rate_rpm" [device], None, "/run/udev/data";
}

/// The kernel counts in sectors of 512 bytes whatever the disk's own are.
const SECTOR_BYTES: f64 = 512.0;
const SECONDS_PER_TICK: f64 = 0.001;

static ATA: [(&str, &Metric<1>); 3] = [
    ("ID_ATA_WRITE_CACHE", &ATA_WRITE_CACHE),
    ("ID_ATA_WRITE_CACHE_ENABLED", &ATA_WRITE_CACHE_ENABLED),
    ("ID_ATA_ROTATION_RATE_RPM", &ATA_ROTATION_RATE),
];

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let path = state.proc("diskstats");
    let text = state.read(&path)?;
    let mut understood = text.trim().is_empty();
    for line in text.lines() {
        // A line that is not understood costs only its own disk.
        let Ok(disk) = DiskStat::from_line(line) else { continue };
        understood = true;
        if admits(None, state.settings.disk.device_exclude.as_ref(), &disk.name) {
            put_counters(&disk, part);
            put_identity(state, &disk, part);
        }
    }
    if understood { Ok(()) } else { Err(HostError::Malformed { path, what: "a line for each disk" }) }
}

fn put_counters(disk: &DiskStat, part: &mut PartBuilder) {
    let rows: [(&'static Metric<1>, Option<u64>, f64); 17] = [
        (&READS_COMPLETED, Some(disk.reads), 1.0),
        (&READS_MERGED, Some(disk.merged), 1.0),
        (&READ_BYTES, Some(disk.sectors_read), SECTOR_BYTES),
        (&READ_TIME, Some(disk.time_reading), SECONDS_PER_TICK),
        (&WRITES_COMPLETED, Some(disk.writes), 1.0),
        (&WRITES_MERGED, Some(disk.writes_merged), 1.0),
        (&WRITTEN_BYTES, Some(disk.sectors_written), SECTOR_BYTES),
        (&WRITE_TIME, Some(disk.time_writing), SECONDS_PER_TICK),
        (&IO_NOW, Some(disk.in_progress), 1.0),
        (&IO_TIME, Some(disk.time_in_progress), SECONDS_PER_TICK),
        (&IO_TIME_WEIGHTED, Some(disk.weighted_time_in_progress), SECONDS_PER_TICK),
        (&DISCARDS_COMPLETED, disk.discards, 1.0),
        (&DISCARDS_MERGED, disk.discards_merged, 1.0),
        (&DISCARDED_SECTORS, disk.sectors_discarded, 1.0),
        (&DISCARD_TIME, disk.time_discarding, SECONDS_PER_TICK),
        (&FLUSHES, disk.flushes, 1.0),
        (&FLUSH_TIME, disk.time_flushing, SECONDS_PER_TICK),
    ];
    for (row, count, factor) in rows {
        if let Some(count) = count {
            part.put(row, [&disk.name], count as f64 * factor);
        }
    }
}

fn put_identity(state: &mut State, disk: &DiskStat, part: &mut PartBuilder) {
    let (device, major, minor) = (disk.name.as_str(), disk.major.to_string(), disk.minor.to_string());
    let text = state.attribute(&state.settings.udev_data.join(format!("b{major}:{minor}"))).unwrap_or_default();
    let properties: HashMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("E:")?.split_once('=')).collect();
    let get = |key: &str| properties.get(key).copied().unwrap_or("");
    // What is printed on the disk comes first; virtio disks know only the last.
    let serial = ["SCSI_IDENT_SERIAL", "ID_SERIAL_SHORT", "ID_SERIAL"].map(get);
    let serial = serial.into_iter().find(|serial| !serial.is_empty()).unwrap_or("");
    let identity = [get("ID_PATH"), get("ID_WWN"), get("ID_MODEL"), serial, get("ID_REVISION")];
    let [path, wwn, model, serial, revision] = identity;
    part.put(&INFO, [device, &major, &minor, path, wwn, model, serial, revision], 1.0);
    if !get("ID_FS_TYPE").is_empty() {
        let labels = [device, get("ID_FS_TYPE"), get("ID_FS_USAGE"), get("ID_FS_UUID"), get("ID_FS_VERSION")];
        part.put(&FILESYSTEM_INFO, labels, 1.0);
    }
    if !get("DM_NAME").is_empty() {
        let volume = [get("DM_NAME"), get("DM_UUID"), get("DM_VG_NAME"), get("DM_LV_NAME"), get("DM_LV_LAYER")];
        let [name, uuid, vg_name, lv_name, lv_layer] = volume;
        part.put(&DEVICE_MAPPER_INFO, [device, name, uuid, vg_name, lv_name, lv_layer], 1.0);
    }
    if !get("ID_ATA").is_empty() {
        for (key, row) in ATA {
            if let Some(value) = number(get(key)) {
                part.put(row, [device], value);
            }
        }
    }
}
