//! Memory, every field of /proc/meminfo under its kernel name.

use super::super::error::HostError;
use super::super::state::{State, number};
use super::text;
use crate::model::metric::Kind;
use crate::model::part::PartBuilder;

text::field_metrics! {
    /// Memory that the kernel manages.
    MEMTOTAL = gauge "host_memory_MemTotal_bytes" from "MemTotal", Bytes, "/proc/meminfo";
    /// Memory that nothing uses.
    MEMFREE = gauge "host_memory_MemFree_bytes" from "MemFree", Bytes, "/proc/meminfo";
    /// Estimate of the memory that new programs can have without swapping.
    MEMAVAILABLE = gauge "host_memory_MemAvailable_bytes" from "MemAvailable", Bytes, "/proc/meminfo";
    /// Raw block device blocks in memory.
    BUFFERS = gauge "host_memory_Buffers_bytes" from "Buffers", Bytes, "/proc/meminfo";
    /// Page cache without swap cache.
    CACHED = gauge "host_memory_Cached_bytes" from "Cached", Bytes, "/proc/meminfo";
    /// Swapped-out memory that is also in memory.
    SWAPCACHED = gauge "host_memory_SwapCached_bytes" from "SwapCached", Bytes, "/proc/meminfo";
    /// Memory used recently.
    ACTIVE = gauge "host_memory_Active_bytes" from "Active", Bytes, "/proc/meminfo";
    /// Memory used less recently, reclaimed first.
    INACTIVE = gauge "host_memory_Inactive_bytes" from "Inactive", Bytes, "/proc/meminfo";
    /// Anonymous memory used recently.
    ACTIVE_ANON = gauge "host_memory_Active_anon_bytes" from "Active(anon)", Bytes, "/proc/meminfo";
    /// Anonymous memory used less recently.
    INACTIVE_ANON = gauge "host_memory_Inactive_anon_bytes" from "Inactive(anon)", Bytes, "/proc/meminfo";
    /// Page cache used recently.
    ACTIVE_FILE = gauge "host_memory_Active_file_bytes" from "Active(file)", Bytes, "/proc/meminfo";
    /// Page cache used less recently.
    INACTIVE_FILE = gauge "host_memory_Inactive_file_bytes" from "Inactive(file)", Bytes, "/proc/meminfo";
    /// Memory that cannot be reclaimed.
    UNEVICTABLE = gauge "host_memory_Unevictable_bytes" from "Unevictable", Bytes, "/proc/meminfo";
    /// Memory locked by programs.
    MLOCKED = gauge "host_memory_Mlocked_bytes" from "Mlocked", Bytes, "/proc/meminfo";
    /// High memory (32-bit kernels).
    HIGHTOTAL = gauge "host_memory_HighTotal_bytes" from "HighTotal", Bytes, "/proc/meminfo";
    /// Free high memory (32-bit kernels).
    HIGHFREE = gauge "host_memory_HighFree_bytes" from "HighFree", Bytes, "/proc/meminfo";
    /// Low memory (32-bit kernels).
    LOWTOTAL = gauge "host_memory_LowTotal_bytes" from "LowTotal", Bytes, "/proc/meminfo";
    /// Free low memory (32-bit kernels).
    LOWFREE = gauge "host_memory_LowFree_bytes" from "LowFree", Bytes, "/proc/meminfo";
    /// Swap space.
    SWAPTOTAL = gauge "host_memory_SwapTotal_bytes" from "SwapTotal", Bytes, "/proc/meminfo";
    /// Free swap space.
    SWAPFREE = gauge "host_memory_SwapFree_bytes" from "SwapFree", Bytes, "/proc/meminfo";
    /// Memory that compressed swap takes.
    ZSWAP = gauge "host_memory_Zswap_bytes" from "Zswap", Bytes, "/proc/meminfo";
    /// Memory held in compressed swap, before compression.
    ZSWAPPED = gauge "host_memory_Zswapped_bytes" from "Zswapped", Bytes, "/proc/meminfo";
    /// Memory waiting to be written to disk.
    DIRTY = gauge "host_memory_Dirty_bytes" from "Dirty", Bytes, "/proc/meminfo";
    /// Memory being written to disk.
    WRITEBACK = gauge "host_memory_Writeback_bytes" from "Writeback", Bytes, "/proc/meminfo";
    /// Anonymous memory mapped into programs.
    ANONPAGES = gauge "host_memory_AnonPages_bytes" from "AnonPages", Bytes, "/proc/meminfo";
    /// Files mapped into programs.
    MAPPED = gauge "host_memory_Mapped_bytes" from "Mapped", Bytes, "/proc/meminfo";
    /// Shared memory and tmpfs.
    SHMEM = gauge "host_memory_Shmem_bytes" from "Shmem", Bytes, "/proc/meminfo";
    /// Kernel memory that can be reclaimed under pressure.
    KRECLAIMABLE = gauge "host_memory_KReclaimable_bytes" from "KReclaimable", Bytes, "/proc/meminfo";
    /// Kernel data structures.
    SLAB = gauge "host_memory_Slab_bytes" from "Slab", Bytes, "/proc/meminfo";
    /// Part of Slab that can be reclaimed.
    SRECLAIMABLE = gauge "host_memory_SReclaimable_bytes" from "SReclaimable", Bytes, "/proc/meminfo";
    /// Part of Slab that cannot be reclaimed.
    SUNRECLAIM = gauge "host_memory_SUnreclaim_bytes" from "SUnreclaim", Bytes, "/proc/meminfo";
    /// Kernel stacks of all tasks.
    KERNELSTACK = gauge "host_memory_KernelStack_bytes" from "KernelStack", Bytes, "/proc/meminfo";
    /// Shadow call stacks of all tasks.
    SHADOWCALLSTACK = gauge "host_memory_ShadowCallStack_bytes" from "ShadowCallStack", Bytes, "/proc/meminfo";
    /// Page tables.
    PAGETABLES = gauge "host_memory_PageTables_bytes" from "PageTables", Bytes, "/proc/meminfo";
    /// Page tables of guests and devices.
    SECPAGETABLES = gauge "host_memory_SecPageTables_bytes" from "SecPageTables", Bytes, "/proc/meminfo";
    /// NFS pages sent but not yet safe on the server.
    NFS_UNSTABLE = gauge "host_memory_NFS_Unstable_bytes" from "NFS_Unstable", Bytes, "/proc/meminfo";
    /// Bounce buffers of block devices.
    BOUNCE = gauge "host_memory_Bounce_bytes" from "Bounce", Bytes, "/proc/meminfo";
    /// Buffers of FUSE for writing back.
    WRITEBACKTMP = gauge "host_memory_WritebackTmp_bytes" from "WritebackTmp", Bytes, "/proc/meminfo";
    /// Memory that may be promised to programs.
    COMMITLIMIT = gauge "host_memory_CommitLimit_bytes" from "CommitLimit", Bytes, "/proc/meminfo";
    /// Memory promised to programs.
    COMMITTED_AS = gauge "host_memory_Committed_AS_bytes" from "Committed_AS", Bytes, "/proc/meminfo";
    /// Address space for vmalloc.
    VMALLOCTOTAL = gauge "host_memory_VmallocTotal_bytes" from "VmallocTotal", Bytes, "/proc/meminfo";
    /// Used address space for vmalloc.
    VMALLOCUSED = gauge "host_memory_VmallocUsed_bytes" from "VmallocUsed", Bytes, "/proc/meminfo";
    /// Largest free block of address space for vmalloc.
    VMALLOCCHUNK = gauge "host_memory_VmallocChunk_bytes" from "VmallocChunk", Bytes, "/proc/meminfo";
    /// Memory of per-CPU variables.
    PERCPU = gauge "host_memory_Percpu_bytes" from "Percpu", Bytes, "/proc/meminfo";
    /// Memory found bad at boot.
    EARLYMEMTESTBAD = gauge "host_memory_EarlyMemtestBad_bytes" from "EarlyMemtestBad", Bytes, "/proc/meminfo";
    /// Memory taken out of use by hardware errors.
    HARDWARECORRUPTED = gauge "host_memory_HardwareCorrupted_bytes" from "HardwareCorrupted", Bytes, "/proc/meminfo";
    /// Anonymous memory in huge pages.
    ANONHUGEPAGES = gauge "host_memory_AnonHugePages_bytes" from "AnonHugePages", Bytes, "/proc/meminfo";
    /// Shared memory in huge pages.
    SHMEMHUGEPAGES = gauge "host_memory_ShmemHugePages_bytes" from "ShmemHugePages", Bytes, "/proc/meminfo";
    /// Shared memory mapped by huge pages.
    SHMEMPMDMAPPED = gauge "host_memory_ShmemPmdMapped_bytes" from "ShmemPmdMapped", Bytes, "/proc/meminfo";
    /// Page cache in huge pages.
    FILEHUGEPAGES = gauge "host_memory_FileHugePages_bytes" from "FileHugePages", Bytes, "/proc/meminfo";
    /// Page cache mapped by huge pages.
    FILEPMDMAPPED = gauge "host_memory_FilePmdMapped_bytes" from "FilePmdMapped", Bytes, "/proc/meminfo";
    /// Contiguous memory areas.
    CMATOTAL = gauge "host_memory_CmaTotal_bytes" from "CmaTotal", Bytes, "/proc/meminfo";
    /// Free contiguous memory areas.
    CMAFREE = gauge "host_memory_CmaFree_bytes" from "CmaFree", Bytes, "/proc/meminfo";
    /// Memory that a confidential guest has not accepted yet.
    UNACCEPTED = gauge "host_memory_Unaccepted_bytes" from "Unaccepted", Bytes, "/proc/meminfo";
    /// Memory given back to the hypervisor.
    BALLOON = gauge "host_memory_Balloon_bytes" from "Balloon", Bytes, "/proc/meminfo";
    /// Huge pages in the pool.
    HUGEPAGES_TOTAL = gauge "host_memory_HugePages_Total" from "HugePages_Total", Count, "/proc/meminfo";
    /// Huge pages of the pool that nothing uses.
    HUGEPAGES_FREE = gauge "host_memory_HugePages_Free" from "HugePages_Free", Count, "/proc/meminfo";
    /// Huge pages promised but not handed out.
    HUGEPAGES_RSVD = gauge "host_memory_HugePages_Rsvd" from "HugePages_Rsvd", Count, "/proc/meminfo";
    /// Huge pages above the configured number.
    HUGEPAGES_SURP = gauge "host_memory_HugePages_Surp" from "HugePages_Surp", Count, "/proc/meminfo";
    /// Default size of a huge page.
    HUGEPAGESIZE = gauge "host_memory_Hugepagesize_bytes" from "Hugepagesize", Bytes, "/proc/meminfo";
    /// Memory in huge pages of all sizes.
    HUGETLB = gauge "host_memory_Hugetlb_bytes" from "Hugetlb", Bytes, "/proc/meminfo";
    /// Kernel's direct map by 4 KiB pages.
    DIRECTMAP4K = gauge "host_memory_DirectMap4k_bytes" from "DirectMap4k", Bytes, "/proc/meminfo";
    /// Kernel's direct map by 4 MiB pages.
    DIRECTMAP4M = gauge "host_memory_DirectMap4M_bytes" from "DirectMap4M", Bytes, "/proc/meminfo";
    /// Kernel's direct map by 2 MiB pages.
    DIRECTMAP2M = gauge "host_memory_DirectMap2M_bytes" from "DirectMap2M", Bytes, "/proc/meminfo";
    /// Kernel's direct map by 1 GiB pages.
    DIRECTMAP1G = gauge "host_memory_DirectMap1G_bytes" from "DirectMap1G", Bytes, "/proc/meminfo";
}

pub(super) fn collect(state: &mut State, part: &mut PartBuilder) -> Result<(), HostError> {
    let path = state.proc("meminfo");
    let text = state.read(&path)?;
    let mut found = false;
    for (field, value, in_bytes) in fields(&text) {
        found = true;
        match text::row_of(FIELDS, field) {
            Some(row) => part.put(row, [], value),
            None => state.put_field(part, &family(field, in_bytes), Kind::Gauge, "/proc/meminfo", value),
        }
    }
    if found { Ok(()) } else { Err(HostError::Malformed { path, what: "lines like `MemTotal: 1 kB`" }) }
}

/// Field, value, and whether it is in bytes; the kernel's kB are KiB.
fn fields(text: &str) -> impl Iterator<Item = (&str, f64, bool)> {
    text::lines(text).filter_map(|(first, mut words)| {
        let field = first.strip_suffix(':')?;
        let value = number(words.next()?)?;
        Some(match words.next() {
            Some("kB") => (field, value * 1024.0, true),
            _ => (field, value, false),
        })
    })
}

/// The family of a field that no row knows: `Active(new)` is `host_memory_Active_new_bytes`.
fn family(field: &str, in_bytes: bool) -> String {
    let plain: String = field
        .chars()
        .filter(|character| *character != ')')
        .map(|character| if character.is_ascii_alphanumeric() { character } else { '_' })
        .collect();
    format!("host_memory_{plain}{}", if in_bytes { "_bytes" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_are_named_as_unknown_fields_would_be() {
        for (field, row) in FIELDS {
            assert_eq!(family(field, !field.starts_with("HugePages_")), row.descriptor.name);
        }
    }

    proptest! {
        #[test]
        fn fields_come_back(rows in proptest::collection::vec(("[A-Z][A-Za-z_()]{0,12}", 0u64..1 << 40, any::<bool>()), 0..9)) {
            let text: String = rows
                .iter()
                .map(|(name, value, kib)| format!("{name}:  {value:>8}{}\n", if *kib { " kB" } else { "" }))
                .collect();
            let expected: Vec<(&str, f64, bool)> = rows
                .iter()
                .map(|(name, value, kib)| (name.as_str(), *value as f64 * if *kib { 1024.0 } else { 1.0 }, *kib))
                .collect();
            prop_assert_eq!(fields(&text).collect::<Vec<_>>(), expected);
        }
    }
}
