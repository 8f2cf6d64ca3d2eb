"""System overview: the machine that stackcast runs on."""

from .. import tiers
from ..board import board, row, variable
from ..panel import now, stat, target, timeseries
from ..table import column, table

AT = 'instance=~"$instance"'
# Not memory, not images: what fills up.
REAL = 'fstype!~"tmpfs|ramfs|squashfs|overlay|nsfs|proc|sysfs|devtmpfs"'
RATE = "[$__rate_interval]"
DEVICES = 'device!~"lo|veth.*|loop.*|ram.*"'


def make():
    """The board."""
    first = [
        (
            stat(
                "CPU",
                "Share of CPU time that is not idle, over the last minutes; the busiest machine. Near 100 % for long, "
                "collecting and analysis come late: look for who else runs here.",
                [now(f"max(1 - avg by (instance) (rate(host_cpu_seconds_total{{{AT}, mode=\"idle\"}}[5m])))")],
                "percentunit",
                tiers.measured("cpu"),
                decimals=1,
            ),
            4,
            4,
        ),
        (
            stat(
                "Memory",
                "Memory that is not available, over all; the fullest machine. From 90 % on, the kernel begins to kill: see "
                "*Memory by use* for what grows.",
                [now(f"max(1 - host_memory_MemAvailable_bytes{{{AT}}} / host_memory_MemTotal_bytes{{{AT}}})")],
                "percentunit",
                tiers.measured("memory"),
                decimals=1,
            ),
            4,
            4,
        ),
        (
            stat(
                "Fullest file system",
                "Used over size of the fullest file system. The history is on one of them: full, nothing more is kept.",
                [now(f"max(1 - host_filesystem_avail_bytes{{{AT}, {REAL}}} / host_filesystem_size_bytes{{{AT}, {REAL}}})")],
                "percentunit",
                tiers.measured("disk"),
                decimals=1,
            ),
            4,
            4,
        ),
        (
            stat(
                "Load per CPU",
                "Tasks that run or wait, mean of five minutes, over CPUs. Above 1 tasks wait.",
                [now(f'max(host_load5{{{AT}}} / on (instance, job) count by (instance, job) (host_cpu_seconds_total{{{AT}, mode="idle"}}))')],
                "none",
                tiers.steps("green", (1, "yellow"), (2, "orange"), (4, "red")),
                decimals=2,
            ),
            4,
            4,
        ),
        (
            stat(
                "Up for",
                "Time since the machine started; the youngest. Shorter than you remember: it has restarted by itself.",
                [now(f"min(time() - host_boot_time_seconds{{{AT}}})")],
                "s",
                decimals=1,
            ),
            4,
            4,
        ),
        (
            stat(
                "Killed for memory",
                "Processes that the kernel killed because memory ran out, in the last day. Any is one too many: see the "
                "kernel's log for which.",
                [now(f"sum(increase(host_vmstat_oom_kill{{{AT}}}[1d]))")],
                "none",
                tiers.NONE_IS_GOOD,
                decimals=0,
            ),
            4,
            4,
        ),
    ]
    graphs = [
        (
            timeseries(
                "CPU by mode",
                "CPU time by mode, as a share of all CPUs. Much iowait is a slow disk, much steal a crowded hypervisor "
                "below.",
                [target(f'avg by (mode) (rate(host_cpu_seconds_total{{{AT}, mode!="idle"}}{RATE}))', "{{mode}}")],
                "percentunit",
                stack=True,
                min=0,
                max=1,
            ),
            12,
            8,
        ),
        (
            timeseries(
                "Memory by use",
                "What memory is used for. Cached is given back when it is needed; what grows without end is used.",
                [
                    target(f"sum(host_memory_MemTotal_bytes{{{AT}}} - host_memory_MemAvailable_bytes{{{AT}}})", "used"),
                    target(f"sum(host_memory_Cached_bytes{{{AT}}})", "cached"),
                    target(f"sum(host_memory_MemFree_bytes{{{AT}}})", "free"),
                ],
                "bytes",
                min=0,
            ),
            12,
            8,
        ),
        (
            timeseries(
                "Pressure",
                "Share of time in which at least one task waited for CPU, memory or disk (the kernel's PSI). The best sign "
                "that a machine is too small, and for what.",
                [
                    target(f"max(rate(host_pressure_{what}_waiting_seconds_total{{{AT}}}{RATE}))", what)
                    for what in ("cpu", "memory", "io")
                ],
                "percentunit",
                min=0,
            ),
            8,
            8,
        ),
        (
            timeseries(
                "Disk",
                "Bytes read and written a second, of all disks. Compare with what the disk can do before you blame it.",
                [
                    target(f"sum(rate(host_disk_read_bytes_total{{{AT}, {DEVICES}}}{RATE}))", "read"),
                    target(f"sum(rate(host_disk_written_bytes_total{{{AT}, {DEVICES}}}{RATE}))", "written"),
                ],
                "Bps",
                min=0,
            ),
            8,
            8,
        ),
        (
            timeseries(
                "Disk time",
                "Share of time in which each disk had a request. Near 100 % the disk is the limit.",
                [target(f"max by (device) (rate(host_disk_io_time_seconds_total{{{AT}, {DEVICES}}}{RATE}))", "{{device}}")],
                "percentunit",
                min=0,
            ),
            8,
            8,
        ),
        (
            timeseries(
                "Network",
                "Bytes received and sent a second, of all devices but loopback. Level is good; a cliff is a cable or a "
                "switch.",
                [
                    target(f"sum(rate(host_network_receive_bytes_total{{{AT}, {DEVICES}}}{RATE}))", "received"),
                    target(f"sum(rate(host_network_transmit_bytes_total{{{AT}, {DEVICES}}}{RATE}))", "sent"),
                ],
                "Bps",
                min=0,
            ),
            8,
            8,
        ),
        (
            timeseries(
                "Network faults",
                "Errors and drops a second, of all devices. Errors are hardware, drops are queues that were full.",
                [
                    target(f"sum(rate(host_network_receive_errs_total{{{AT}}}{RATE}) + rate(host_network_transmit_errs_total{{{AT}}}{RATE}))", "errors"),
                    target(f"sum(rate(host_network_receive_drop_total{{{AT}}}{RATE}) + rate(host_network_transmit_drop_total{{{AT}}}{RATE}))", "drops"),
                ],
                "ops",
                min=0,
            ),
            8,
            8,
        ),
        (
            timeseries(
                "Processes",
                "Processes by state. D for long waits for a disk or a file server; Z are ended and not collected by their "
                "parent.",
                [target(f"sum by (state) (host_processes_state{{{AT}}})", "{{state}}")],
                "none",
                stack=True,
            ),
            8,
            8,
        ),
    ]
    files = table(
        "File systems",
        "Every file system with its size, what is free, and how much of space and inodes is used. Inodes can run out before "
        "space does.",
        [
            now(f"max by (instance, mountpoint, fstype) (host_filesystem_size_bytes{{{AT}, {REAL}}})"),
            now(f"max by (instance, mountpoint, fstype) (host_filesystem_avail_bytes{{{AT}, {REAL}}})"),
            now(f"max by (instance, mountpoint, fstype) (1 - host_filesystem_avail_bytes{{{AT}, {REAL}}} / host_filesystem_size_bytes{{{AT}, {REAL}}})"),
            now(f"max by (instance, mountpoint, fstype) (1 - host_filesystem_files_free{{{AT}, {REAL}}} / host_filesystem_files{{{AT}, {REAL}}})"),
        ],
        [
            column("instance", "Instance"),
            column("mountpoint", "Mount point"),
            column("fstype", "Type", width=90),
            column("A", "Size", "bytes", width=110),
            column("B", "Free", "bytes", width=110),
            column("C", "Used", "percentunit", tiers.measured("disk"), decimals=1, width=100),
            column("D", "Inodes used", "percentunit", tiers.measured("disk"), decimals=1, width=120),
        ],
        "Used",
    )
    machine = table(
        "Machine",
        "Kernel and name of each machine. Unequal kernels on equal machines are updates that stopped half-way.",
        [now(f"max by (instance, nodename, sysname, release, machine) (host_uname_info{{{AT}}})")],
        [
            column("instance", "Instance"),
            column("nodename", "Name"),
            column("sysname", "System", width=90),
            column("release", "Kernel"),
            column("machine", "Machine", width=100),
        ],
        "Instance",
        descending=False,
    )
    return board(
        "system",
        "System overview",
        "The machine that stackcast runs on.",
        [row("Now", *first), row("Over time", *graphs), row("File systems and kernel", (files, 14, 7), (machine, 10, 7))],
        time=("now-6h", "now"),
        variables=[variable("instance", "Instance", "label_values(host_boot_time_seconds, instance)")],
    )
