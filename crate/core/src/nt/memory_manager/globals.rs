//! Counters up to Windows 8.1: each a variable of its own.

use super::{MemoryManager, Reader, page_files, scan, source};
use crate::memory::{Missing, VirtualAddress};
use crate::model::Confidence;
use crate::nt::Member;
use crate::symbols::layout::How;
use alloc::{format, vec::Vec};

/// How a variable counts.
#[derive(Clone, Copy, PartialEq)]
enum Unit {
    Pages,
    Bytes,
    /// 32 bits wide.
    Count,
}
use Unit::{Bytes, Count, Pages};

/// Counter, variable, member of the debugger data block that points to it, unit.
const GLOBALS: &[(&str, &str, Option<Member>, Unit)] = &[
    (
        "physical",
        "MmNumberOfPhysicalPages",
        Some(Member::MmNumberOfPhysicalPages),
        Pages,
    ),
    (
        "available",
        "MmAvailablePages",
        Some(Member::MmAvailablePages),
        Pages,
    ),
    (
        "resident_available",
        "MmResidentAvailablePages",
        Some(Member::MmResidentAvailablePages),
        Pages,
    ),
    (
        "committed",
        "MmTotalCommittedPages",
        Some(Member::MmTotalCommittedPages),
        Pages,
    ),
    (
        "commit_limit",
        "MmTotalCommitLimit",
        Some(Member::MmTotalCommitLimit),
        Pages,
    ),
    (
        "committed_peak",
        "MmPeakCommitment",
        Some(Member::MmPeakCommitment),
        Pages,
    ),
    (
        "commit_limit_maximum",
        "MmTotalCommitLimitMaximum",
        Some(Member::MmTotalCommitLimitMaximum),
        Pages,
    ),
    (
        "shared_commit",
        "MmSharedCommit",
        Some(Member::MmSharedCommit),
        Pages,
    ),
    (
        "driver_commit",
        "MmDriverCommit",
        Some(Member::MmDriverCommit),
        // In 9600 another variable follows 4 bytes behind it.
        Count,
    ),
    (
        "process_commit",
        "MmProcessCommit",
        Some(Member::MmProcessCommit),
        Pages,
    ),
    (
        "paged_pool_commit",
        "MmPagedPoolCommit",
        Some(Member::MmPagedPoolCommit),
        Pages,
    ),
    (
        "zeroed",
        "MmZeroedPageListHead",
        Some(Member::MmZeroedPageListHead),
        Pages,
    ),
    (
        "free",
        "MmFreePageListHead",
        Some(Member::MmFreePageListHead),
        Pages,
    ),
    (
        "standby",
        "MmStandbyPageListHead",
        Some(Member::MmStandbyPageListHead),
        Pages,
    ),
    (
        "modified",
        "MmModifiedPageListHead",
        Some(Member::MmModifiedPageListHead),
        Pages,
    ),
    (
        "modified_no_write",
        "MmModifiedNoWritePageListHead",
        Some(Member::MmModifiedNoWritePageListHead),
        Pages,
    ),
    (
        "nonpaged_pool_maximum",
        "MmMaximumNonPagedPoolInBytes",
        Some(Member::MmMaximumNonPagedPoolInBytes),
        Bytes,
    ),
    (
        "paged_pool_maximum",
        "MmSizeOfPagedPoolInBytes",
        Some(Member::MmSizeOfPagedPoolInBytes),
        Bytes,
    ),
    (
        "nonpaged_pool",
        "MmAllocatedNonPagedPool",
        Some(Member::MmAllocatedNonPagedPool),
        Pages,
    ),
    ("mdl_pages", "MmMdlPagesAllocated", None, Pages),
    ("kernel_stacks", "MmKernelStackPages", None, Count),
    (
        "modified_page_file",
        "MmTotalPagesForPagingFile",
        None,
        Pages,
    ),
    (
        "failed_commit_charges",
        "MiChargeCommitmentFailures",
        None,
        Count,
    ),
    ("page_hash_errors", "MiPageHashErrors", None, Count),
];

/// The last build before the page-file hash came: no such variable in its symbols.
const LAST_WITHOUT_HASH: u32 = 7601;
/// Bytes behind the kernel's base that hold itself: no page file lies there.
const KERNEL_LEN: u64 = 0x100_0000;
/// Most candidates for the array of page files that are looked into.
const MAX_CANDIDATES: usize = 200;

/// The variable with the number of page files is named.
const SURE: (bool, Confidence) = (true, Confidence::Certain);

/// Reads them.
pub(super) fn read(reader: &Reader<'_>, found: &mut MemoryManager) {
    for &(name, variable, member, unit) in GLOBALS {
        let Some((at, how)) = place(reader, variable, member) else {
            continue;
        };
        let width = if unit == Count { 4 } else { reader.width() };
        let mut value = reader.int(at, width);
        if name == "failed_commit_charges" {
            // Two kinds of them, which the debugger adds up.
            let second = at.checked_add(4).ok_or(Missing::Unmapped);
            value = value.and_then(|first| Ok(first + reader.int(second?, 4)?));
        }
        if unit == Bytes {
            // Below zero stays below zero.
            value = value.map(|bytes| (bytes as i64 >> 12) as u64);
        }
        let text = source(variable, "", how);
        found.put(name, Some(value), text, Confidence::Certain);
    }
    nonpaged_pool(reader, found);
    paged_pool(reader, found);
    standby(reader, found);
    files(reader, found);
    let build = reader.target.layouts.identity().build;
    if build <= LAST_WITHOUT_HASH {
        found.never(
            "page_hash_errors",
            "this Windows keeps no hash of page-file pages",
        );
    }
}

/// Where a variable is: the debugger data block points to it, or the kernel is a known one.
fn place(
    reader: &Reader<'_>,
    variable: &str,
    member: Option<Member>,
) -> Option<(VirtualAddress, How)> {
    let data = reader.target.debugger_data;
    let pointed = member.and_then(|member| data?.address(member));
    let pointed = pointed.filter(|at| reader.in_kernel(at.0 & !7));
    pointed
        .map(|at| (at, How::ByIdentity))
        .or_else(|| reader.variable(variable))
}

/// The first build whose MmAllocatedNonPagedPool counts pages.
const POOL_IN_PAGES_FROM: u32 = 7_600;

/// MmAllocatedNonPagedPool counted bytes once: more pages than the machine has are none.
fn nonpaged_pool(reader: &Reader<'_>, found: &mut MemoryManager) {
    let physical = found.pages("physical").or(reader.target.pages);
    if let (Some(physical), Some(counter)) = (physical, found.counters.get_mut("nonpaged_pool"))
        && let Some(pages) = &mut counter.pages
        && pages.0 > physical
    {
        let old = reader.target.layouts.identity().build < POOL_IN_PAGES_FROM;
        let fits = old && pages.0 >> 12 <= physical && pages.0 & 0xFFF == 0;
        counter.confidence = match fits {
            true => Confidence::Likely,
            false => Confidence::Possible,
        };
        pages.0 >>= 12 * u64::from(fits);
    }
}

fn paged_pool(reader: &Reader<'_>, found: &mut MemoryManager) {
    let info = place(
        reader,
        "MmPagedPoolInfo",
        Some(Member::MmPagedPoolInformation),
    );
    let shape = reader.shapes("_MM_PAGED_POOL_INFO");
    if let (Some((at, how)), Some(shape)) = (info, shape.first()) {
        let used = reader.number(at, shape, "AllocatedPagedPool");
        let text = source("MmPagedPoolInfo", "AllocatedPagedPool", how);
        found.put("paged_pool", used, text, shape.trust().1);
        let most = found.pages("paged_pool_maximum");
        let pool = found.pages("paged_pool");
        if let (Some(pool), Some(most)) = (pool, most)
            && pool > most.max(1)
        {
            found.counters.remove("paged_pool");
        }
    }
    // In steady state the pool's commit is what it uses.
    if let Some(commit) = found.pages("paged_pool_commit") {
        let text = source("MmPagedPoolCommit", "", How::ByIdentity);
        found.put("paged_pool", Some(Ok(commit)), text, Confidence::Likely);
    }
}

/// The standby list by priority, and its sum where the head of the whole list is not used.
fn standby(reader: &Reader<'_>, found: &mut MemoryManager) {
    let Some((at, how)) = reader.variable("MmStandbyPageListByPriority") else {
        return;
    };
    let shapes = reader.shapes("_MMPFNLIST");
    if let Some(stride) = shapes.first().and_then(|shape| shape.size()) {
        priorities(
            reader,
            at,
            stride,
            "MmStandbyPageListByPriority",
            (how, Confidence::Certain),
            found,
        );
    }
}

/// Names of the counters of the standby list by priority.
pub(super) const PRIORITIES: [&str; 8] = [
    "standby_0",
    "standby_1",
    "standby_2",
    "standby_3",
    "standby_4",
    "standby_5",
    "standby_6",
    "standby_7",
];

/// Reads the heads of the standby list by priority, `stride` bytes apart. They are kept when they
/// add up to the whole list, or when the head of the whole list is not in use.
pub(super) fn priorities(
    reader: &Reader<'_>,
    at: VirtualAddress,
    stride: u32,
    place: &str,
    (how, confidence): (How, Confidence),
    found: &mut MemoryManager,
) {
    let head = |index: usize| {
        let at = at.checked_add(u64::from(stride).checked_mul(index as u64)?)?;
        Some(reader.int(at, reader.width()))
    };
    let heads: Vec<Result<u64, Missing>> = (0..PRIORITIES.len()).filter_map(head).collect();
    let sum = heads
        .iter()
        .try_fold(0_u64, |sum, head| sum.checked_add((*head).ok()?));
    let known = found.pages("standby");
    let whole = known.unwrap_or(0);
    let physical = found
        .pages("physical")
        .or(reader.target.pages)
        .unwrap_or(u64::MAX);
    // Nothing on every list proves nothing where the whole is not known.
    let agrees = |sum| sum == whole && known.is_some() || whole == 0 && sum > 0;
    let Some(sum) = sum.filter(|&sum| agrees(sum) && sum <= physical) else {
        return;
    };
    for (index, (name, head)) in PRIORITIES.into_iter().zip(heads).enumerate() {
        let text = source(&format!("{place}[{index}]"), "", how);
        found.put(name, Some(head), text, confidence);
    }
    if whole == 0 && sum > 0 {
        found.counters.remove("standby");
        let text = format!("{}: the sum by priority", source(place, "", how));
        found.put("standby", Some(Ok(sum)), text, confidence);
    }
}

fn files(reader: &Reader<'_>, found: &mut MemoryManager) {
    let count = place(
        reader,
        "MmNumberOfPagingFiles",
        Some(Member::MmNumberOfPagingFiles),
    );
    let count = count.and_then(|(at, _)| reader.int(at, 4).ok());
    let Some(count) = count.filter(|&count| count <= page_files::SLOTS as u64) else {
        page_files::keep(page_files::read(reader, &[]), 1, SURE, found);
        return;
    };
    let count = count as usize;
    let named = reader.variable("MmPagingFile").and_then(|(at, _)| {
        let slot = |index: u64| {
            let at = at.checked_add(index * u64::from(reader.width()))?;
            reader.pointer(at).ok()
        };
        let found: Vec<VirtualAddress> = (0..count as u64).map_while(slot).collect();
        let pointers = found.iter().all(|at| reader.in_kernel(at.0));
        (found.len() == count && pointers).then_some(found)
    });
    let read = match named {
        Some(at) => page_files::read(reader, &at),
        None if reader.pending.get() || count == 0 => page_files::read(reader, &[]),
        None => search(reader, count),
    };
    page_files::keep(read, count, SURE, found);
}

/// Looks for the array of page files among the kernel's variables: as many pointers as there are
/// files, nothing in the other slots, and page files behind the pointers.
fn search(reader: &Reader<'_>, count: usize) -> page_files::Read {
    let mut candidates: Vec<Vec<VirtualAddress>> = Vec::new();
    scan::pages(reader, |_, page| {
        for offset in (0..page.len()).step_by(reader.width().into()) {
            if candidates.len() >= MAX_CANDIDATES {
                return;
            }
            let array = scan::pointers(reader, page, offset, count, page_files::SLOTS);
            let outside =
                |at: &VirtualAddress| at.0.wrapping_sub(reader.target.kernel.0) > KERNEL_LEN;
            candidates.extend(array.filter(|array| array.iter().all(outside)));
        }
    });
    let read = candidates.iter().map(|at| page_files::read(reader, at));
    let empty = page_files::Read {
        files: Vec::new(),
        score: 0,
    };
    read.fold(
        empty,
        |best, read| {
            if read.score > best.score { read } else { best }
        },
    )
}
