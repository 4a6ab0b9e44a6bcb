//! The system partition since Windows 10: `MiSystemPartition` (_MI_PARTITION), above all its visible
//! part Vp (_MI_VISIBLE_PARTITION).
//!
//! Vp begins with the lowest and highest page and the number of pages, which the dump knows from
//! elsewhere, and is followed by the array of page files: that finds it without a name. Where its
//! other members stand differs by build and by servicing, so each known layout is tried.

mod parts;

use super::neighbours::{self, Zero};
use super::page_files::{self, SLOTS};
use super::{MemoryManager, Reader, scan, source, sure};
use crate::memory::VirtualAddress;
use crate::model::Confidence;
use crate::symbols::layout::{How, Shape};
use alloc::vec::Vec;
use parts::Parts;

/// Bytes of the partition in which Vp is looked for when it is not where it should be.
const SEARCHED: u64 = 0x6000;
/// Bytes of Vp in the builds in which it is longest.
const LONGEST: u64 = 0x1700;
/// Cache lines: what both structures are aligned to.
const LINE: u64 = 0x40;
/// The lowest page is one of the first; so many at most.
const MAX_LOWEST: u64 = 0x1000;
/// MMLISTS: the numbers by which lists of pages name themselves.
const ZEROED: u64 = 0;
const FREE: u64 = 1;
const STANDBY: u64 = 2;
const BAD: u64 = 5;
const MODIFIED: u64 = 3;
const MODIFIED_NO_WRITE: u64 = 4;

/// Where the visible part is.
#[derive(Clone, Copy)]
struct Place {
    at: VirtualAddress,
    /// Where the partition begins, when its name led there.
    base: Option<VirtualAddress>,
    how: How,
    /// Vp stands where the most probable layout has it.
    expected: bool,
}

/// The partition as it was found: what the memory manager's state is checked against.
pub(super) struct Partition {
    /// Where it begins, when that is known beyond doubt.
    pub base: Option<VirtualAddress>,
    pub committed: Option<u64>,
}

/// Figures of the visible part: counter and member.
const VISIBLE: &[(&str, &str)] = &[
    ("resident_available", "ResidentAvailablePages"),
    ("committed", "TotalCommittedPages"),
    ("commit_limit", "TotalCommitLimit"),
    ("modified", "ModifiedPageListHead"),
    ("modified_no_write", "ModifiedNoWritePageListHead"),
    ("modified_page_file", "TotalPagesForPagingFile"),
    ("shared_commit", "SharedCommit"),
    ("mdl_pages", "MdlPagesAllocated"),
    ("contiguous", "ContiguousPagesAllocated"),
    ("physical_vads", "VadPhysicalPages"),
    ("process_locked", "ProcessLockedFilePages"),
    ("slab_allocator", "SlabAllocatorPages"),
];

const CHARGES: (&str, &str) = ("failed_commit_charges", "ChargeCommitmentFailures");

/// Figures that stand one behind another since Windows 10, with nothing that proves them.
const BEHIND_LIMIT: &[&str] = &[
    "modified_page_file",
    "shared_commit",
    "mdl_pages",
    "contiguous",
    "physical_vads",
    "process_locked",
    "slab_allocator",
];

/// Reads it.
pub(super) fn read(reader: &Reader<'_>, found: &mut MemoryManager) -> Option<Partition> {
    let shapes = reader.shapes("_MI_VISIBLE_PARTITION");
    let best = places(reader, &shapes)
        .into_iter()
        .filter_map(|place| Some((place, choose(reader, place, &shapes)?)))
        .reduce(|best, next| {
            if next.1.score > best.1.score {
                next
            } else {
                best
            }
        });
    let Some((place, choice)) = best else {
        found.limits.push(missing(reader).into());
        return None;
    };
    let (how, trust) = choice.shape.trust();
    let how = if place.how == How::ByScan {
        How::ByScan
    } else {
        how
    };
    let trust = if place.expected {
        trust
    } else {
        trust.min(Confidence::Likely)
    };
    let confidence = sure(trust, choice.score > 0, choice.score >= PROVEN);
    let vp = "MiSystemPartition.Vp";
    let head = |member| reader.number(place.at, &choice.shape, member);
    // The first members are where they always were, whatever servicing did to the rest.
    let certain = sure(trust, true, true);
    let text = source(vp, "NumberOfPhysicalPages", how);
    found.put("physical", head("NumberOfPhysicalPages"), text, certain);
    let text = source(vp, "AvailablePages", how);
    found.put("available", head("AvailablePages"), text, certain);
    let sane = || {
        let named = names(reader, place.at, &choice.shape);
        named == MODIFIED_LISTS.len() || is_sane(reader, place.at, &choice.shape)
    };
    if choice.score > 0 || place.expected && sane() {
        visible(reader, place.at, &choice, (how, confidence), found);
        if choice.score == 0 {
            found.limits.push(ODD.into());
        }
    } else {
        found.limits.push(NO_FIT.into());
        limit_by_sum(reader, place.at, &choice, found);
    }
    // An array of no page files is what any empty place holds.
    let proven = choice.count > 0 || choice.score > 0;
    page_files::keep(choice.files, choice.count, (proven, certain), found);
    let parts = Parts {
        reader,
        place,
        trust: (how, trust),
        named: lists_are_named(reader, place.at, &choice.shape),
    };
    let base = parts.read(found);
    Some(Partition {
        base,
        committed: found.pages("committed"),
    })
}

/// Reads the figures of the visible part that no others prove, and withholds those that something
/// speaks against.
fn visible(
    reader: &Reader<'_>,
    at: VirtualAddress,
    choice: &Choice<'_>,
    (how, confidence): (How, Confidence),
    found: &mut MemoryManager,
) {
    let shape = &choice.shape;
    // That another build's layout fits says little of what no sum binds.
    let build = reader.target.layouts.identity().build;
    // None of them can be put in or taken out where what follows them is in its place.
    let bound = || {
        let failures = at.checked_add(shape.offset(CHARGES.1)?)?;
        let pages = found.pages("physical").unwrap_or(u64::MAX);
        Some(neighbours::behind_failures(reader, failures, shape, pages) == Zero::Proven)
    };
    let bound = bound() == Some(true);
    let unbound = match shape.is_of_build(build) {
        true if bound || how == How::BySymbols => confidence,
        true => confidence.min(Confidence::Likely),
        false => Confidence::Possible,
    };
    for &(name, member) in VISIBLE {
        let text = source("MiSystemPartition.Vp", member, how);
        let value = reader.number(at, shape, member);
        let sure = if BEHIND_LIMIT.contains(&name) {
            unbound
        } else {
            confidence
        };
        found.put(name, value, text, sure);
    }
    failures(reader, at, shape, (how, unbound), found);
    let named = lists_are_named(reader, at, shape);
    for (name, member, list) in MODIFIED_LISTS {
        if is_other_list(reader, at, shape, (member, list), named) {
            found.withhold(name, OTHER_LIST);
            let from = shape.offset(member);
            for &(name, member) in VISIBLE.iter().chain([&CHARGES]) {
                if named && shape.offset(member) > from {
                    found.withhold(name, BEHIND_OTHER_LIST);
                }
            }
        }
    }
    choice.withhold_disputed(reader, at, found);
    let behind = VISIBLE
        .iter()
        .filter(|(name, _)| BEHIND_LIMIT.contains(name));
    let behind = behind.chain([&CHARGES]);
    let most = found.pages("commit_limit").unwrap_or(1 << 36);
    let limit = shape.offset("TotalCommitLimit").unwrap_or(0);
    let floor = at.0.saturating_add(limit + u64::from(reader.width()));
    neighbours::withhold_moved(reader, (at, shape), behind, VISIBLE, (floor, most), found);
    let disordered = found.pages("committed") > found.pages("commit_limit");
    if choice.score == 0 && how == How::ByFamily && disordered {
        for name in ["committed", "commit_limit"] {
            found.withhold(name, "more is committed there than its limit");
        }
    }
}

/// Where no layout fits: the commit limit is physical memory and the page files to the page, so the one
/// place that holds their sum is it.
fn limit_by_sum(
    reader: &Reader<'_>,
    at: VirtualAddress,
    choice: &Choice<'_>,
    found: &mut MemoryManager,
) {
    let files = &choice.files.files;
    let whole = files.len() == choice.count;
    let sum = found.pages("physical").filter(|_| whole);
    let sum = sum.map(|pages| pages.saturating_add(page_files::capacity(files).0));
    let width = reader.width();
    let first = choice.shape.offset("ResidentAvailablePages").unwrap_or(0) + u64::from(width);
    let places = (first..LONGEST).step_by(width.into());
    let read = places.filter_map(|offset| reader.int(at.checked_add(offset)?, width).ok());
    if read.filter(|&value| Some(value) == sum).count() == 1 {
        let text = source("MiSystemPartition.Vp", "TotalCommitLimit", How::ByScan);
        found.put("commit_limit", sum.map(Ok), text, Confidence::Likely);
    }
}

/// Lists of the visible part: counter, member, and the number by which it names itself.
const MODIFIED_LISTS: [(&str, &str, u64); 2] = [
    ("modified", "ModifiedPageListHead", MODIFIED),
    (
        "modified_no_write",
        "ModifiedNoWritePageListHead",
        MODIFIED_NO_WRITE,
    ),
];
const OTHER_LIST: &str = "what stands there names itself another list, or is none";

const BEHIND_OTHER_LIST: &str = "a list of pages before it is not where it should be";

/// Whether the lists of pages of this machine name themselves, as those of every Windows do: then one
/// that does not is none. Dumps that other tools made may lack the names.
fn lists_are_named(reader: &Reader<'_>, at: VirtualAddress, shape: &Shape<'_>) -> bool {
    names(reader, at, shape) > 0
}

/// How many of them name themselves rightly.
fn names(reader: &Reader<'_>, at: VirtualAddress, shape: &Shape<'_>) -> usize {
    let named = MODIFIED_LISTS.iter().filter(|&&(_, member, name)| {
        let found = list(reader, at, shape, (member, name), true);
        found.is_some()
    });
    named.count()
}

/// Whether the head of a list of pages stands elsewhere: what is here names itself another list, or
/// is empty, or any at all where lists are `named`, and names itself nothing.
fn is_other_list(
    reader: &Reader<'_>,
    at: VirtualAddress,
    shape: &Shape<'_>,
    (member, name): (&str, u64),
    named: bool,
) -> bool {
    let place = shape
        .offset(member)
        .and_then(|offset| at.checked_add(offset));
    let Some(place) = place else {
        return false;
    };
    let own = place
        .checked_add(reader.width().into())
        .map(|at| reader.int(at, 4));
    match (reader.int(place, reader.width()), own) {
        (Ok(total), Some(Ok(own))) => own != name && (named || own != 0 || total == 0),
        // What is missing has its own reason.
        _ => false,
    }
}

/// Whether figures that break the rules are still figures: then they are shown as doubtful, where this
/// very kernel has them.
fn is_sane(reader: &Reader<'_>, at: VirtualAddress, shape: &Shape<'_>) -> bool {
    let number = |member| reader.value(at, shape, member);
    let sane = || {
        let (how, _) = shape.trust();
        let most = number("NumberOfPhysicalPages")?.checked_mul(64)?;
        let (committed, limit) = (number("TotalCommittedPages")?, number("TotalCommitLimit")?);
        let range = 1..=most;
        Some(how != How::ByFamily && range.contains(&committed) && range.contains(&limit))
    };
    sane().unwrap_or(false)
}

const ODD: &str = "Figures of the memory manager's partition break rules that they obey while Windows \
    runs: they are doubtful, or withheld where they cannot be.";
const NO_FIT: &str = "The memory manager's partition was found, but its figures fit no known \
    layout: they are withheld.";

/// Why there is nothing.
fn missing(reader: &Reader<'_>) -> &'static str {
    if reader.variable("MiSystemPartition").is_some() {
        "The memory manager's partition is not where this kernel has it, or its pages are not in \
         the dump: its counters cannot be told."
    } else {
        "This kernel is in no symbol table, and what the memory manager's partition must hold was \
         found nowhere among its variables: the memory counters cannot be told. Its symbol file, \
         dropped beside the dump, would tell."
    }
}

/// ChargeCommitmentFailures counts four kinds of charges that were refused.
fn failures(
    reader: &Reader<'_>,
    at: VirtualAddress,
    shape: &Shape<'_>,
    (how, confidence): (How, Confidence),
    found: &mut MemoryManager,
) {
    let member = CHARGES.1;
    let Some(at) = shape
        .offset(member)
        .and_then(|offset| at.checked_add(offset))
    else {
        return;
    };
    let kinds = (0..4_u64).map(|kind| {
        let at = at.checked_add(kind * 4);
        at.map_or(Err(crate::memory::Missing::Unmapped), |at| {
            reader.int(at, 4)
        })
    });
    let sum = kinds.sum::<Result<u64, _>>();
    let text = source("MiSystemPartition.Vp", member, how);
    let pages = found.pages("physical").unwrap_or(u64::MAX);
    let behind = neighbours::behind_failures(reader, at, shape, pages);
    let confidence = match behind {
        Zero::Proven => confidence,
        Zero::Plain => confidence.min(Confidence::Likely),
        Zero::Doubtful => Confidence::Possible,
    };
    let zero = if sum == Ok(0) { behind } else { Zero::Proven };
    found.put_count("failed_commit_charges", (sum, zero), text, confidence);
}

/// Where Vp may be, the most probable place first.
fn places(reader: &Reader<'_>, shapes: &[Shape<'_>]) -> Vec<Place> {
    let mut found = Vec::new();
    let Some(shape) = shapes.first() else {
        return found;
    };
    let base = reader.variable("MiSystemPartition");
    if let Some((base, how)) = base {
        let rows = reader.shapes("_MI_PARTITION");
        for (index, row) in rows.iter().enumerate() {
            let at = row.offset("Vp").and_then(|offset| base.checked_add(offset));
            let Some(at) = at.filter(|&at| is_head(reader, at, shape)) else {
                continue;
            };
            if !found.iter().any(|place: &Place| place.at == at) {
                let expected = index == 0;
                found.push(Place {
                    at,
                    base: Some(base),
                    how,
                    expected,
                });
            }
        }
        // It begins with a cache line in every kernel; anywhere else only where none is it.
        for step in [LINE, reader.width().into()] {
            if !found.is_empty() || reader.pending.get() {
                break;
            }
            let anywhere = (0..SEARCHED / step).filter_map(|index| base.checked_add(index * step));
            let at = anywhere.filter(|&at| is_head(reader, at, shape));
            found.extend(at.map(|at| Place {
                at,
                base: Some(base),
                how: How::ByScan,
                expected: false,
            }));
        }
    }
    if found.is_empty() && !reader.pending.get() {
        // Looked up once: the variables are a hundred thousand lines.
        let head = HEAD.map(|member| shape.offset(member));
        scan::pages(reader, |page_at, page| {
            for line in (0..page.len()).step_by(LINE as usize) {
                let at = page_at.checked_add(line as u64);
                if may_be_head(reader, page, line, head)
                    && let Some(at) = at.filter(|&at| is_head(reader, at, shape))
                {
                    found.push(Place {
                        at,
                        base: None,
                        how: How::ByScan,
                        expected: false,
                    });
                }
            }
        });
    }
    found
}

/// The first members of Vp.
const HEAD: [&str; 3] = [
    "LowestPhysicalPage",
    "HighestPhysicalPage",
    "NumberOfPhysicalPages",
];

/// Whether the first three numbers may be those of Vp, whose offsets are `head`.
fn may_be_head(reader: &Reader<'_>, page: &[u8], line: usize, head: [Option<u64>; 3]) -> bool {
    let number = |offset: u64| scan::word(page, line + offset as usize, reader.width());
    matches!(head.map(|offset| offset.map(number)),
        [Some(low), Some(high), Some(pages)] if plausible(reader, low, high, pages))
}

fn plausible(reader: &Reader<'_>, low: u64, high: u64, pages: u64) -> bool {
    let counted = reader.target.pages;
    // Memory that is added or taken away while Windows runs changes one count before the other.
    let near = |counted: u64| pages.abs_diff(counted) <= counted / 50;
    let range = low <= MAX_LOWEST && pages > 0x400 && high.saturating_add(1) >= pages;
    range && high < 1 << 40 && counted.is_none_or(near)
}

/// Whether Vp stands there: its numbers, and an array of page files.
fn is_head(reader: &Reader<'_>, at: VirtualAddress, shape: &Shape<'_>) -> bool {
    let number = |member| reader.value(at, shape, member);
    let [Some(low), Some(high), Some(pages)] = HEAD.map(number) else {
        return false;
    };
    let files = files(reader, at, shape);
    let known = reader.target.pages.is_some();
    // Without a count to compare with, page files must prove it.
    plausible(reader, low, high, pages) && files.is_some_and(|files| known || !files.is_empty())
}

/// Where the page files are; `None` when what stands there is no array of them.
fn files(
    reader: &Reader<'_>,
    at: VirtualAddress,
    shape: &Shape<'_>,
) -> Option<Vec<VirtualAddress>> {
    let place = at.checked_add(shape.offset("NumberOfPagingFiles")?)?;
    let count = usize::try_from(reader.int(place, 4).ok()?).ok()?;
    let array = at.checked_add(shape.offset("PagingFile")?)?;
    if count > SLOTS {
        return None;
    }
    let mut found = Vec::new();
    for slot in 0..SLOTS {
        let stride = u64::from(reader.width());
        let value = reader
            .pointer(array.checked_add(slot as u64 * stride)?)
            .ok()?;
        match slot < count {
            true if reader.in_kernel(value.0) => found.push(value),
            false if value.0 == 0 => {}
            _ => return None,
        }
    }
    Some(found)
}

/// The shape that fits what stands at a place.
struct Choice<'a> {
    shape: Shape<'a>,
    /// 0 when it fits nothing but the head.
    score: u32,
    files: page_files::Read,
    /// Page files that there are.
    count: usize,
    /// Other shapes that fit as well.
    rivals: Vec<Shape<'a>>,
}

impl Choice<'_> {
    /// A figure that another shape reads otherwise, which fits as well, is withheld: unless this
    /// very kernel is known to have the one that was chosen.
    fn withhold_disputed(
        &self,
        reader: &Reader<'_>,
        at: VirtualAddress,
        found: &mut MemoryManager,
    ) {
        let (how, _) = self.shape.trust();
        if how != How::ByFamily {
            return;
        }
        let disputed = |member: &str| {
            let own = reader.number(at, &self.shape, member);
            let others = self
                .rivals
                .iter()
                .filter_map(|rival| reader.number(at, rival, member));
            own.is_some_and(|own| others.into_iter().any(|other| other != own))
        };
        for &(name, member) in VISIBLE.iter().chain([&CHARGES]) {
            if disputed(member) {
                found.withhold(name, "another layout that fits as well reads it otherwise");
            }
        }
    }
}

/// From this score on something more than order of size speaks for the shape.
const PROVEN: u32 = 3;

fn choose<'a>(reader: &Reader<'_>, place: Place, shapes: &[Shape<'a>]) -> Option<Choice<'a>> {
    let mut best: Option<Choice<'a>> = None;
    for shape in shapes {
        let Some(at) = files(reader, place.at, shape) else {
            continue;
        };
        let files = page_files::read(reader, &at);
        let score = score(reader, place.at, shape, &files).unwrap_or(0);
        if best.as_ref().is_none_or(|best| score > best.score) {
            let count = at.len();
            best = Some(Choice {
                shape: *shape,
                score,
                files,
                count,
                rivals: Vec::new(),
            });
        } else if let Some(best) = best.as_mut().filter(|best| score == best.score) {
            best.rivals.push(*shape);
        }
        if reader.pending.get() {
            break;
        }
    }
    best
}

/// How well the figures of a shape obey what they must; `None` when they do not.
fn score(
    reader: &Reader<'_>,
    at: VirtualAddress,
    shape: &Shape<'_>,
    files: &page_files::Read,
) -> Option<u32> {
    let number = |member| reader.value(at, shape, member);
    let pages = number("NumberOfPhysicalPages")?;
    let (committed, limit) = (number("TotalCommittedPages")?, number("TotalCommitLimit")?);
    let (size, most) = page_files::capacity(&files.files);
    let bounds = pages / 4..=pages.saturating_mul(4).saturating_add(most);
    let order = 0 < committed && committed <= limit && bounds.contains(&limit);
    let named = lists_are_named(reader, at, shape);
    let (mut listed, mut names) = (0_u64, 0);
    for (_, member, name) in MODIFIED_LISTS {
        let found = list(reader, at, shape, (member, name), named)?;
        listed = listed.checked_add(found.0)?;
        names += found.1;
    }
    let within = listed.checked_add(number("AvailablePages")?)? <= pages;
    let shared = number("SharedCommit").is_none_or(|shared| shared <= limit);
    if !(order && within && shared) {
        return None;
    }
    let exact = limit == pages.saturating_add(size);
    Some(1 + names + 2 * u32::from(exact))
}

/// The length of a list of pages, and how much its own name speaks for it; `None` when it names
/// itself another list, or nothing where lists are `named`.
fn list(
    reader: &Reader<'_>,
    at: VirtualAddress,
    shape: &Shape<'_>,
    (member, name): (&str, u64),
    named: bool,
) -> Option<(u64, u32)> {
    let at = at.checked_add(shape.offset(member)?)?;
    let total = reader.int(at, reader.width()).ok()?;
    let own = reader.int(at.checked_add(reader.width().into())?, 4).ok()?;
    match own {
        _ if own == name => Some((total, 1)),
        0 if !named => Some((total, 0)),
        _ => None,
    }
}
