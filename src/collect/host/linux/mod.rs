//! The subsystems of a Linux host, read from /proc and /sys as node_exporter does. Names, labels and values are
//! compared with a running node_exporter by `tests/it/host_vs_node_exporter.rs`.
//!
//! The parsers are our own where `procfs` would lose something: it rounds loads to f32, numbers CPUs by their order
//! (wrong when one is offline), knows a fixed set of fields, and gives up a whole file for one odd line.

mod arp;
mod bonding;
mod conntrack;
mod cpu;
mod cpufreq;
mod diskstats;
mod dmi;
mod edac;
mod entropy;
mod filefd;
mod filesystem;
mod hwmon;
mod loadavg;
mod machine;
mod mdadm;
mod meminfo;
mod netclass;
mod netdev;
mod netstat;
mod nvme;
mod os;
mod pressure;
mod processes;
mod schedstat;
mod selinux;
mod sockstat;
mod softnet;
mod stat;
mod statfs;
mod text;
mod thermal;
mod time;
mod udp_queues;
mod uname;
mod vmstat;

use std::sync::Arc;

use super::error::HostError;
use super::state::State;
use super::subsystems;

subsystems![
    arp,
    bonding,
    conntrack,
    cpu,
    cpufreq,
    diskstats,
    dmi every 300,
    edac every 30,
    entropy,
    filefd,
    filesystem,
    hwmon every 15,
    loadavg,
    machine every 300,
    mdadm every 15,
    meminfo,
    // 22 files per device: on a hypervisor with 500 taps that is too much for every 5 s.
    netclass every 30,
    netdev,
    netstat,
    nvme every 60,
    os every 300,
    pressure,
    // One file per process.
    processes every 15,
    schedstat,
    selinux every 60,
    sockstat,
    softnet,
    stat,
    thermal every 15,
    time,
    udp_queues,
    uname every 60,
    vmstat,
];

/// What Linux subsystems keep between runs.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// /proc/stat of this run, which two subsystems read.
    stat: Option<Arc<str>>,
    cpu: cpu::Seen,
    filesystem: statfs::Prober,
}

impl Memory {
    /// Forgets what holds for one run only.
    pub(super) fn begin_run(&mut self) {
        self.stat = None;
    }
}

/// /proc/stat, read once per run.
fn proc_stat(state: &mut State) -> Result<Arc<str>, HostError> {
    if let Some(text) = &state.linux.stat {
        return Ok(Arc::clone(text));
    }
    let text: Arc<str> = state.read(&state.proc("stat"))?.into();
    state.linux.stat = Some(Arc::clone(&text));
    Ok(text)
}
