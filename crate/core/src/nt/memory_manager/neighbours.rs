//! What stands beside a figure: whether the members of a structure lie as its layout says.
//!
//! Servicing puts a member in, or takes one out, and all behind it move. Then some figure that is never
//! zero while Windows runs reads zero, and the same distance mends it and every one behind it: that is
//! what is looked for. A count that is zero nearly always proves nothing of itself; what lies behind it
//! must be in order. Members as in the layouts: Microsoft's public symbols (JPCERTCC, Vergilius).

use super::{MemoryManager, NEVER_ZERO, Reader};
use crate::memory::VirtualAddress;
use crate::symbols::layout::Shape;
use alloc::vec::Vec;

/// The farthest that members are thought to have moved, in bytes.
const FAR: u64 = 0x40;
const MOVED: &str = "what stands beside it looks as if the members from here on had moved";

/// A figure by its place.
struct Figure {
    name: &'static str,
    at: VirtualAddress,
    width: u8,
}

impl Figure {
    fn must_not_be_zero(&self) -> bool {
        NEVER_ZERO.contains(&self.name)
    }

    /// Whether what stands `by` bytes from its place may be it.
    fn is_sound(&self, reader: &Reader<'_>, by: i64, most: u64) -> bool {
        // Sizes of address ranges and counts are bound by nothing that a machine has.
        let unbound = self.name.ends_with("_maximum") || self.name == "failed_commit_charges";
        let most = if unbound { most.max(1 << 36) } else { most };
        let at = VirtualAddress(self.at.0.wrapping_add_signed(by));
        reader.int(at, self.width).is_ok_and(|value| {
            let least = u64::from(self.must_not_be_zero());
            (least..=most).contains(&value)
        })
    }
}

/// Withholds the figures of a structure that a distance common to them would mend: none may then
/// begin below `floor`, or pass `most`. Of a layout of another build all from the first odd one on.
/// What stands farther back in `all` goes with them.
pub(super) fn withhold_moved<'n>(
    reader: &Reader<'_>,
    (at, shape): (VirtualAddress, &Shape<'_>),
    members: impl Iterator<Item = &'n (&'static str, &'static str)>,
    all: &[(&'static str, &'static str)],
    (floor, most): (u64, u64),
    found: &mut MemoryManager,
) {
    let mut figures: Vec<Figure> = members
        .filter_map(|&(name, member)| {
            let place = shape.member(member)?;
            Some(Figure {
                name,
                at: at.checked_add(place.offset.into())?,
                width: place.width.unwrap_or(reader.width()),
            })
        })
        .collect();
    figures = crate::order::by_key(figures, |figure| (figure.at.0, 0));
    let odd = |figure: &Figure| !figure.is_sound(reader, 0, most);
    let Some(first_odd) = figures.iter().position(odd) else {
        return;
    };
    let withhold = |found: &mut MemoryManager, from: VirtualAddress| {
        let from = from.0.checked_sub(at.0);
        for &(name, member) in all {
            if shape.offset(member) >= from {
                found.withhold(name, MOVED);
            }
        }
    };
    if let Some(odd) = figures.get(first_odd)
        && !shape.is_of_build(reader.target.layouts.identity().build)
    {
        withhold(found, odd.at);
    }
    let step = u64::from(reader.width());
    for first in 0..=first_odd {
        let tail = figures.get(first..).unwrap_or_default();
        let Some(head) = tail.first() else { return };
        let before = figures.get(..first).unwrap_or_default().iter();
        let free = before
            .filter(|figure| figure.must_not_be_zero())
            .map(|figure| figure.at.0.saturating_add(figure.width.into()))
            .fold(floor, u64::max);
        let mends = |by: i64| {
            head.at.0.wrapping_add_signed(by) >= free
                && tail.iter().all(|figure| figure.is_sound(reader, by, most))
        };
        let mut ways = (1..=FAR / step).flat_map(|steps| {
            let by = (steps * step) as i64;
            [by, -by]
        });
        if let Some(by) = ways.find(|&by| mends(by)) {
            for figure in tail {
                found.withhold(figure.name, MOVED);
            }
            let from = head.at.0.wrapping_add_signed(by.min(0));
            return withhold(found, VirtualAddress(from));
        }
    }
}

/// What a count of zero is worth.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Zero {
    /// What lies behind it is in order.
    Proven,
    /// Nothing speaks for or against it.
    Plain,
    /// Something lies behind it that does not belong there.
    Doubtful,
}

/// The traces of page-file writes lie behind ChargeCommitmentFailures (PageFileTraceIndex, then
/// PageFileTraces): a time, and the pages that were available then.
pub(super) fn behind_failures(
    reader: &Reader<'_>,
    failures: VirtualAddress,
    shape: &Shape<'_>,
    pages: u64,
) -> Zero {
    let bitmap = shape.offset("PageTableBitmapPages").is_some();
    let index = failures.checked_add(0x10 + 8 * u64::from(bitmap && reader.width() == 8));
    let words: Vec<u64> = (0..9)
        .filter_map(|word| reader.int(index?.checked_add(8 * word)?, 8).ok())
        .collect();
    if words.iter().all(|&word| word == 0) {
        return Zero::Plain;
    }
    // CurrentTime is the second or the third word of a trace.
    let trace = |at: usize| match (words.get(at), words.get(at + 1)) {
        (Some(&time), Some(&available)) => (1 << 28..1 << 60).contains(&time) && available <= pages,
        _ => false,
    };
    match trace(2) || trace(3) {
        true => Zero::Proven,
        false => Zero::Doubtful,
    }
}
