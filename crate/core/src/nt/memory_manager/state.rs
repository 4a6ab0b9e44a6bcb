//! The memory manager's state since Windows 10: `MiState` (_MI_SYSTEM_INFORMATION) with its visible
//! part Vs (_MI_VISIBLE_STATE): pools, commit of drivers and page tables, pages locked by drivers.
//!
//! Besides the kernel's identity two anchors lead to it, for nothing else has a name: a member of
//! the debugger data block that counted the commit of paged pool once and since Windows 10 points
//! into Vs (at PteFailures of its SystemPteInfo; measured on dumps of 19041 and 26100), and the
//! distance to the system partition, which is the same in every revision of a build but a few.

use super::neighbours::{self, Zero};
use super::partition::Partition;
use super::{MemoryManager, Reader, scan, source, sure};
use crate::memory::VirtualAddress;
use crate::model::Confidence;
use crate::nt::Member;
use crate::symbols::layout::{How, Shape};
use alloc::vec::Vec;

/// Where PteFailures stands in _MI_SYSTEM_PTE_TYPE of 64-bit kernels: from 22000 on, before, and in
/// 26100 as ntdiff has it. Which one it is, the alignment of Vs tells.
const PTE_FAILURES: [u64; 3] = [0x28, 0x20, 0x30];
/// Vs and MiState begin with a cache line.
const LINE: u64 = 0x40;

/// Figures of Vs: counter and member.
const VISIBLE: &[(&str, &str)] = &[
    ("mdl_pages", "MdlPagesAllocated"),
    ("contiguous", "ContiguousPagesAllocated"),
    ("process_commit", "ProcessCommit"),
    ("driver_commit", "DriverCommit"),
    ("page_tables", "SystemPageTableCommit"),
    ("nonpaged_pool_commit", "NonPagedPoolCommit"),
    ("nonpaged_pool_maximum", "MaximumNonPagedPoolInPages"),
    ("paged_pool_maximum", "SizeOfPagedPoolInPages"),
    ("page_file_hash", "PagefileHashPages"),
    ("shared_commit", "SharedCommit"),
    ("boot_commit", "BootCommit"),
    ("page_frame_database", "PfnDatabaseCommit"),
];

/// Figures before PfnDatabaseCommit that nothing else proves: where that stands in its place, they do.
const UNBOUND: &[&str] = &[
    "mdl_pages",
    "contiguous",
    "process_commit",
    "driver_commit",
    "page_tables",
    "page_file_hash",
    "shared_commit",
    "boot_commit",
];

/// Figures that stand one behind another.
const IN_A_ROW: &[&str] = &[
    "nonpaged_pool_maximum",
    "paged_pool_maximum",
    "shared_commit",
    "nonpaged_pool_commit",
    "mdl_pages",
    "contiguous",
    "page_tables",
    "process_commit",
    "driver_commit",
];

/// Where Vs may be.
#[derive(Clone, Copy)]
struct Place<'a> {
    at: VirtualAddress,
    /// MiState, and the layout by which Vs was found in it.
    state: Option<(VirtualAddress, Shape<'a>)>,
    shape: Shape<'a>,
    how: How,
    /// What speaks for it before its figures were looked at.
    prior: u32,
    /// Whether this very kernel should have it there.
    expected: bool,
    /// How well its figures fit.
    fit: Fit,
}

/// How well what stands at a place is what must stand there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fit {
    /// Figures that every running Windows has, and within their bounds.
    sound: u32,
    /// Figures beyond their bounds.
    wild: u32,
    /// Two members that say the same do so.
    equal: bool,
}

/// Figures that are looked at, and how many of them must be sound where the kernel's identity or an
/// anchor leads: one may be odd, for it is odd figures that people look for in a dump.
const LOOKED_AT: u32 = 8;
const MOST: u32 = 6;

impl Fit {
    fn score(self) -> i64 {
        2 * i64::from(self.sound) + i64::from(self.equal) - 3 * i64::from(self.wild)
    }

    /// Whether nothing is odd.
    fn is_whole(self) -> bool {
        self.sound == LOOKED_AT && self.wild == 0
    }
}

impl Place<'_> {
    /// A place that is not where this kernel should have it must leave nothing to wish for.
    fn is_believed(&self) -> bool {
        self.fit.is_whole() || self.expected && self.fit.sound >= MOST && self.fit.wild <= 1
    }
}

/// Reads it.
pub(super) fn read(reader: &Reader<'_>, partition: Option<&Partition>, found: &mut MemoryManager) {
    let physical = found.pages("physical").or(reader.target.pages);
    let bounds = Bounds {
        pages: physical.unwrap_or(1 << 36),
        committed: partition.and_then(|partition| partition.committed),
    };
    let mut tried = places(reader, partition);
    for place in &mut tried {
        place.fit = bounds.fit(reader, place).unwrap_or_default();
    }
    let fitting = tried.iter().filter(|place| place.is_believed());
    let best = fitting.copied().reduce(|best, next| {
        let rank = |place: &Place<'_>| (place.fit.score(), place.prior);
        if rank(&next) > rank(&best) {
            next
        } else {
            best
        }
    });
    let best = best.or_else(|| search(reader, &bounds));
    let best = best.map(|place| Place {
        state: place.state.or_else(|| state_of(reader, &place)),
        ..place
    });
    let Some(place) = best else {
        found.limits.push(
            "The memory manager's state was not found, or its figures fit no known layout: commit \
             of drivers and page tables and the pages that drivers locked cannot be told."
                .into(),
        );
        return;
    };
    let rivals = |rival: &Place<'_>| {
        let as_good = rival.fit == place.fit && rival.prior >= place.prior;
        // An odd figure in this build's own layout may be true, and then another's that seems whole is not.
        let own = rival.expected && !place.expected;
        (place.how == How::ByScan && as_good || own) && rival.is_believed()
    };
    tried.retain(rivals);
    visible(reader, &place, &tried, &bounds, found);
    frames(&bounds, found);
    let most = bounds.committed.unwrap_or(0).max(bounds.pages);
    let tail = VISIBLE.iter().filter(|(name, _)| IN_A_ROW.contains(name));
    let at = (place.at, &place.shape);
    neighbours::withhold_moved(reader, at, tail, VISIBLE, (0, most), found);
    pools(reader, &place, &bounds, found);
    errors(reader, &place, found);
    // What is more than its own limit is one of two figures in another's place.
    for pool in [
        ["nonpaged_pool", "nonpaged_pool_maximum"],
        ["paged_pool", "paged_pool_maximum"],
    ] {
        if let [Some(used), Some(most)] = pool.map(|name| found.pages(name))
            && used > most
        {
            for name in pool {
                found.withhold(name, "it is more than its limit");
            }
        }
    }
}

/// Candidates, the most probable first.
fn places<'a>(reader: &Reader<'a>, partition: Option<&Partition>) -> Vec<Place<'a>> {
    let mut found: Vec<Place<'a>> = Vec::new();
    let shapes = reader.shapes("_MI_VISIBLE_STATE");
    let states = reader.shapes("_MI_SYSTEM_INFORMATION");
    let anchors = anchors(reader, &shapes);
    let named = reader.variable("MiState");
    if let Some((state, how)) = named {
        for (number, row) in states.iter().enumerate() {
            let at = row
                .offset("Vs")
                .and_then(|offset| state.checked_add(offset));
            let Some(at) = at else { continue };
            for (index, &shape) in shapes.iter().enumerate() {
                let anchored = anchors.iter().any(|&(anchor, other)| {
                    anchor == at && other.offset("SystemPteInfo") == shape.offset("SystemPteInfo")
                });
                found.push(Place {
                    at,
                    state: Some((state, *row)),
                    shape,
                    how,
                    prior: u32::from(anchored),
                    expected: index == 0 && (anchored || number == 0),
                    fit: Fit::default(),
                });
            }
            if reader.pending.get() {
                break;
            }
        }
    }
    let layouts = reader.target.layouts;
    let build = layouts.identity().build;
    // Looked up once: a damaged block can lead to many places.
    let distances = match anchors.is_empty() {
        true => Vec::new(),
        false => layouts.distances("MiState", "MiSystemPartition"),
    };
    for (at, shape) in anchors {
        let state = named.and_then(|(state, _)| {
            let fits = |row: &&Shape<'_>| {
                row.offset("Vs").and_then(|vs| state.checked_add(vs)) == Some(at)
            };
            Some((state, *states.iter().find(fits)?))
        });
        let guessed = states.iter().filter_map(|row| {
            let base = VirtualAddress(at.0.checked_sub(row.offset("Vs")?)?);
            neighbours(&distances, partition, base).then_some((base, *row))
        });
        found.push(Place {
            at,
            state: state.or_else(|| guessed.clone().next()),
            shape,
            how: How::ByScan,
            prior: u32::from(shape.is_of_build(build)),
            expected: shape.is_of_build(build),
            fit: Fit::default(),
        });
    }
    found
}

/// MiState around a visible part that was found by itself, by the layout of this build.
fn state_of<'a>(reader: &Reader<'a>, place: &Place<'a>) -> Option<(VirtualAddress, Shape<'a>)> {
    let build = reader.target.layouts.identity().build;
    let rows = reader.shapes("_MI_SYSTEM_INFORMATION");
    let mut rows = rows.into_iter().filter(|row| row.is_of_build(build));
    rows.find_map(|row| {
        let base = VirtualAddress(place.at.0.checked_sub(row.offset("Vs")?)?);
        let fits = has_pools(reader, (base, &row), (place.at, &place.shape));
        fits.then_some((base, row))
    })
}

/// Whether that is MiState: what it counts of nonpaged pool is what Vs has committed for it.
fn has_pools(
    reader: &Reader<'_>,
    (state, row): (VirtualAddress, &Shape<'_>),
    (at, shape): (VirtualAddress, &Shape<'_>),
) -> bool {
    let found = || {
        let pools = state.checked_add(row.offset("Pools")?)?;
        let form = *reader.shapes("_MI_POOL_STATE").first()?;
        let used = reader.value(pools, &form, "AllocatedNonPagedPool")?;
        let most = reader.value(pools, &form, "MaximumNonPagedPoolThreshold")?;
        let commit = reader.value(at, shape, "NonPagedPoolCommit")?;
        Some(used > 0 && used <= most && used.abs_diff(commit) <= commit / 4)
    };
    found().unwrap_or(false)
}

/// Whether that is MiState: it is as far from the partition as in known kernels of this build.
fn neighbours(distances: &[i64], partition: Option<&Partition>, state: VirtualAddress) -> bool {
    let base = partition.and_then(|partition| partition.base);
    base.is_some_and(|base| distances.contains(&(base.0.wrapping_sub(state.0) as i64)))
}

/// Where the debugger data block says that Vs is, for each shape.
fn anchors<'a>(reader: &Reader<'a>, shapes: &[Shape<'a>]) -> Vec<(VirtualAddress, Shape<'a>)> {
    let data = reader.target.debugger_data;
    let anchor = data.and_then(|data| data.address(Member::MmPagedPoolCommit));
    let Some(anchor) = anchor.filter(|_| reader.width() == 8) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for &shape in shapes {
        let Some(info) = shape.offset("SystemPteInfo") else {
            continue;
        };
        let at = PTE_FAILURES
            .iter()
            .filter_map(|failures| anchor.0.checked_sub(info + failures));
        found.extend(
            at.filter(|at| at % LINE == 0)
                .map(|at| (VirtualAddress(at), shape)),
        );
    }
    found
}

/// Looks for Vs among the kernel's variables. Its figures are so many, and bound so closely, that one
/// place obeys them all; where two do, nothing is believed.
fn search<'a>(reader: &Reader<'a>, bounds: &Bounds) -> Option<Place<'a>> {
    let shape = *reader.shapes("_MI_VISIBLE_STATE").first()?;
    if reader.pending.get() {
        return None;
    }
    let size = shape.offset("SizeOfPagedPoolInPages")? as usize;
    let mut found: Vec<Place<'a>> = Vec::new();
    scan::pages(reader, |page_at, page| {
        for line in (0..page.len()).step_by(LINE as usize) {
            let quick = scan::word(page, line.saturating_add(size), reader.width());
            let Some(at) = page_at.checked_add(line as u64) else {
                continue;
            };
            let place = Place {
                at,
                state: None,
                shape,
                how: How::ByScan,
                prior: 0,
                expected: false,
                fit: Fit::default(),
            };
            let near_end = line.saturating_add(size) >= page.len();
            if quick == 0 && !near_end {
                continue;
            }
            let fit = bounds.fit(reader, &place).unwrap_or_default();
            if fit.is_whole() && fit.equal {
                found.push(Place { fit, ..place });
            }
        }
    });
    let alone = found.len() == 1;
    found.pop().filter(|_| alone)
}

/// What figures of the state must stay below.
struct Bounds {
    pages: u64,
    committed: Option<u64>,
}

impl Bounds {
    /// Pages of the page-frame database: 48 bytes a page, and a little more where memory has holes.
    fn frames(&self) -> core::ops::RangeInclusive<u64> {
        let expected = (self.pages / 85).max(2);
        expected / 2..=expected.saturating_mul(4)
    }

    /// How well a place obeys them; `None` when it cannot be read.
    fn fit(&self, reader: &Reader<'_>, place: &Place<'_>) -> Option<Fit> {
        let number = |member| reader.value(place.at, &place.shape, member);
        let (nonpaged, most) = (
            number("NonPagedPoolCommit")?,
            number("MaximumNonPagedPoolInPages")?,
        );
        let size = number("SizeOfPagedPoolInPages")?;
        let (drivers, tables) = (number("DriverCommit")?, number("SystemPageTableCommit")?);
        let processes = number("ProcessCommit")?;
        let (used, maximum) = paged_pool(reader, place)?;
        let committed = self.committed.unwrap_or(self.pages);
        // Sizes of address ranges: no more than the kernel's half can hold.
        const RANGE: u64 = 1 << 36;
        // Commit of a process's tables and of drivers is part of what is committed.
        let figures = [
            (nonpaged, self.pages),
            (drivers, self.pages),
            (tables, self.pages),
            (processes, committed.max(self.pages)),
            (used, maximum.min(RANGE)),
            (most, RANGE),
            (size, RANGE),
            (maximum, RANGE),
        ];
        let mut fit = Fit {
            equal: size == maximum,
            ..Fit::default()
        };
        for (value, bound) in figures {
            fit.sound += u32::from((1..=bound).contains(&value));
            fit.wild += u32::from(value > bound);
        }
        fit.wild += u32::from((1..nonpaged).contains(&most) && nonpaged <= self.pages);
        Some(fit)
    }
}

/// The layout of a structure within another one that belongs to the same builds.
fn companion<'a>(
    reader: &Reader<'a>,
    structure: &'static str,
    of: &Shape<'_>,
) -> Option<Shape<'a>> {
    let shapes = reader.shapes(structure);
    let found = shapes.iter().find(|shape| shape.goes_with(of));
    found.or(shapes.first()).copied()
}

/// Paged pool in use, and its limit.
fn paged_pool(reader: &Reader<'_>, place: &Place<'_>) -> Option<(u64, u64)> {
    let at = place.at.checked_add(place.shape.offset("PagedPoolInfo")?)?;
    let shape = companion(reader, "_MM_PAGED_POOL_INFO", &place.shape)?;
    let used = reader.value(at, &shape, "AllocatedPagedPool")?;
    Some((used, reader.value(at, &shape, "MaximumSize")?))
}

/// Reads the figures of Vs. One that a layout which fits as well reads otherwise is withheld.
fn visible(
    reader: &Reader<'_>,
    place: &Place<'_>,
    rivals: &[Place<'_>],
    bounds: &Bounds,
    found: &mut MemoryManager,
) {
    let (how, trusted) = trust(reader, place);
    let frames = reader.value(place.at, &place.shape, "PfnDatabaseCommit");
    let bound =
        how == How::BySymbols || frames.is_some_and(|pages| bounds.frames().contains(&pages));
    for &(name, member) in VISIBLE {
        let value = reader.number(place.at, &place.shape, member);
        let agree = |rival: &Place<'_>| reader.number(rival.at, &rival.shape, member) == value;
        let undisputed = rivals.iter().all(agree);
        let new = !found.counters.contains_key(name);
        let sure = match bound || !UNBOUND.contains(&name) {
            true => trusted,
            false => trusted.min(Confidence::Likely),
        };
        found.put(name, value, source("MiState.Vs", member, how), sure);
        if new && !undisputed {
            found.withhold(name, "another layout that fits as well reads it otherwise");
        }
    }
    if let Some((used, _)) = paged_pool(reader, place) {
        let text = source("MiState.Vs.PagedPoolInfo", "AllocatedPagedPool", how);
        found.put("paged_pool", Some(Ok(used)), text, trusted);
    }
    let info = place.shape.offset("SystemPteInfo");
    let shape = companion(reader, "_MI_SYSTEM_PTE_TYPE", &place.shape);
    if let (Some(at), Some(shape)) = (info.and_then(|info| place.at.checked_add(info)), shape) {
        let free = reader.number(at, &shape, "TotalFreeSystemPtes");
        let text = source("MiState.Vs.SystemPteInfo", "TotalFreeSystemPtes", how);
        found.put("free_system_ptes", free, text, trusted);
    }
}

/// What is far from the size of the page-frame database is another member's place, and so are its
/// neighbours.
fn frames(bounds: &Bounds, found: &mut MemoryManager) {
    if found
        .pages("page_frame_database")
        .is_some_and(|pages| !bounds.frames().contains(&pages))
    {
        for name in [
            "boot_commit",
            "mdl_pages",
            "contiguous",
            "page_tables",
            "process_commit",
            "driver_commit",
            "page_frame_database",
        ] {
            found.withhold(name, "the page-frame database behind it has not its size");
        }
    }
}

fn trust(reader: &Reader<'_>, place: &Place<'_>) -> (How, Confidence) {
    let build = reader.target.layouts.identity().build;
    let (how, trust) = place.shape.trust();
    let scanned = place.how == How::ByScan;
    let how = if scanned { How::ByScan } else { how };
    let trust = if scanned {
        trust.min(Confidence::Likely)
    } else {
        trust
    };
    // That another build's layout fits proves little.
    let own = place.shape.is_of_build(build);
    let confidence = sure(trust, true, own && place.fit.is_whole() && place.fit.equal);
    let confidence = match reader.astray.get() {
        true => confidence.min(Confidence::Likely),
        false => confidence,
    };
    // One figure that is odd casts doubt on its neighbours.
    let whole = place.fit.is_whole();
    (
        how,
        if whole {
            confidence
        } else {
            confidence.min(Confidence::Likely)
        },
    )
}

/// Nonpaged pool in use: a member of MiState itself, and its commit where that is not known.
fn pools(reader: &Reader<'_>, place: &Place<'_>, bounds: &Bounds, found: &mut MemoryManager) {
    let (how, confidence) = trust(reader, place);
    let commit = found.pages("nonpaged_pool_commit");
    let shapes = reader.shapes("_MI_POOL_STATE");
    if let (Some((state, row)), Some(shape)) = (place.state, shapes.first())
        && let Some(at) = row.offset("Pools").or(Some(0)).and_then(|at| state.checked_add(at))
        && let Some(used) = reader.value(at, shape, "AllocatedNonPagedPool")
        // What is in use and what is committed for it are nearly the same.
        && commit.is_none_or(|commit| used.abs_diff(commit) <= commit / 4)
        && (1..=bounds.pages).contains(&used)
    {
        let text = source("MiState.Pools", "AllocatedNonPagedPool", how);
        found.put("nonpaged_pool", Some(Ok(used)), text, confidence);
    }
    if let Some(commit) = commit {
        let text = source("MiState.Vs", "NonPagedPoolCommit", how);
        let confidence = confidence.min(Confidence::Likely);
        found.put("nonpaged_pool", Some(Ok(commit)), text, confidence);
    }
}

/// Pages of the page file whose content was not what had been written.
fn errors(reader: &Reader<'_>, place: &Place<'_>, found: &mut MemoryManager) {
    let Some((state, row)) = place.state else {
        return;
    };
    let shapes = reader.shapes("_MI_ERROR_STATE");
    let shape = shapes.iter().find(|shape| shape.goes_with(&row));
    let at = row
        .offset("Errors")
        .and_then(|offset| state.checked_add(offset));
    let (Some(at), Some(shape)) = (at, shape) else {
        return;
    };
    let kinds = [
        "PageHashErrors",
        "PageHashReadErrors",
        "PageHashStandbyErrors",
        "PageHashTransferErrors",
    ];
    let kinds: Vec<_> = kinds
        .iter()
        .filter_map(|kind| reader.number(at, shape, kind))
        .collect();
    if kinds.is_empty() {
        return;
    }
    let sum = kinds.into_iter().sum::<Result<u64, _>>();
    // Each of them is a disaster: a great number is no count of them.
    if sum.is_ok_and(|sum| sum > 1 << 20) {
        return;
    }
    // A zero proves nothing where the whole is not laid out as in kernels of this build.
    let build = reader.target.layouts.identity().build;
    let named = reader.variable("MiState").is_some();
    let foreign = !row.is_of_build(build) || place.how == How::ByScan && named;
    if foreign && sum == Ok(0) {
        return;
    }
    let (how, confidence) = trust(reader, place);
    let text = source("MiState.Errors", "PageHashErrors", how);
    let zero = match sum {
        Ok(0) => behind_errors(reader, at, shape),
        _ => Zero::Proven,
    };
    found.put_count("page_hash_errors", (sum, zero), text, confidence);
}

/// Beside the counts of hash errors stand CheckZeroCount, ZeroedPageSingleBitErrorsDetected,
/// BadPagesDetected and ScrubPasses: zero as well, unless memory fails.
fn behind_errors(reader: &Reader<'_>, at: VirtualAddress, shape: &Shape<'_>) -> Zero {
    let last = shape
        .offset("PageHashAllocationErrors")
        .or(shape.offset("PageHashErrors"));
    let odd = |next: i64| {
        let at = last.and_then(|last| at.checked_add(last.wrapping_add_signed(4 * next)));
        at.is_some_and(|at| reader.int(at, 4).is_ok_and(|value| value != 0))
    };
    // WsleFailures and ForcedCommits.Wrap before it; in 22000 other things.
    let before = shape.offset("PageHashErrors").is_some().then_some(-2..0);
    match before.into_iter().flatten().chain(1..5).any(odd) {
        true => Zero::Doubtful,
        false => Zero::Plain,
    }
}
