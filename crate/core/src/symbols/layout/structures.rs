//! Members of structures by family of builds. The form of the table is told at its top.

use super::{ARM64, How, Placed, X86};
use crate::knowledge::store::Table;
use crate::knowledge::text;
use crate::model::Confidence;
use crate::order;
use crate::symbols::KernelIdentity;
use alloc::{format, vec::Vec};

/// One layout of one structure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The line that names the members, behind the structure's own name.
    names: &'static str,
    /// The line of this layout from the size on.
    cells: &'static str,
    /// IMAGE_FILE_MACHINE_* of the kernels that were seen with it.
    pub machine: u16,
    /// By which way it was chosen.
    pub how: How,
    /// How sure that is.
    pub confidence: Confidence,
    /// The first kernel that was seen with it: build and revision.
    pub first: (u32, u32),
    /// The last one.
    pub last: (u32, u32),
}

impl Layout {
    /// Where a member stands; `None` when this layout has no such member.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Placed> {
        let index = self.names.split(' ').position(|known| known == name)?;
        let cell = self.cells.split(' ').skip(1).nth(index)?;
        let (offset, width) = match cell.split_once(':') {
            Some((offset, width)) => (offset, text::hex(width).map(|width| width as u8)),
            None => (cell, None),
        };
        Some(Placed {
            offset: text::hex(offset)? as u32,
            width,
            how: self.how,
            confidence: self.confidence,
        })
    }

    /// The offset alone.
    #[must_use]
    pub fn offset(&self, name: &str) -> Option<u64> {
        self.member(name).map(|placed| placed.offset.into())
    }

    /// Bytes of the whole structure, where known.
    #[must_use]
    pub fn size(&self) -> Option<u32> {
        let size = text::hex(self.cells.split(' ').next()?)? as u32;
        (size != 0).then_some(size)
    }

    /// Whether kernels of this build were seen with it.
    #[must_use]
    pub fn is_of_build(&self, build: u32) -> bool {
        (self.first.0..=self.last.0).contains(&build)
    }
}

/// The layouts of a structure, the most probable for this kernel first.
pub(super) fn rows(identity: &KernelIdentity, known: bool, structure: &str) -> Vec<Layout> {
    let architecture = match identity.machine {
        X86 => "x86",
        ARM64 => "arm64",
        _ => "x64",
    };
    // A structure begins with its name at the start of a line; all that stands before is skipped
    // unread, because a report asks some hundred times.
    let table = Table::Structures.text();
    let head = format!("\n{structure} ");
    // The page's tables have no comments above their first line.
    let first = head.get(1..).and_then(|head| table.strip_prefix(head));
    let rest = first.or_else(|| Some(table.split_once(head.as_str())?.1));
    let mut lines = rest.unwrap_or("").lines();
    let Some(names) = lines.next() else {
        return Vec::new();
    };
    let found: Vec<Layout> = lines
        .take_while(|line| !line.starts_with('_'))
        .filter_map(|line| parse(line.strip_prefix(architecture)?.strip_prefix(' ')?, names))
        .collect();
    let rank = |row: &Layout| distance(identity, row);
    // Of two that fit alike the later one is that of serviced kernels, which is what people have.
    let key = |row: &Layout| (rank(row), u64::MAX - u64::from(row.first.1));
    let mut found = order::by_key(found, key);
    let alone = found
        .iter()
        .filter(|row| row.is_of_build(identity.build))
        .count()
        == 1;
    for row in &mut found {
        row.machine = identity.machine;
        (row.how, row.confidence) = match (distance(identity, row), known) {
            (0, true) => (How::ByIdentity, Confidence::Certain),
            (0, false) if identity.revision.is_some() => (How::ByFamily, Confidence::Likely),
            (0 | 1, _) if alone => (How::ByFamily, Confidence::Likely),
            _ => (How::ByFamily, Confidence::Possible),
        };
    }
    found
}

/// How far a layout is from a kernel: 0 when kernels on both sides of it have it, 1 when others of
/// its build do, else by the number of the build.
fn distance(identity: &KernelIdentity, row: &Layout) -> u64 {
    let (build, revision) = (identity.build, identity.revision);
    if row.is_of_build(build) {
        let within = |revision| (row.first..=row.last).contains(&(build, revision));
        return u64::from(!revision.is_none_or(within));
    }
    let away = match build < row.first.0 {
        true => row.first.0.abs_diff(build),
        false => row.last.0.abs_diff(build),
    };
    u64::from(away).saturating_add(1)
}

fn parse(line: &'static str, names: &'static str) -> Option<Layout> {
    let (first, rest) = line.split_once(' ')?;
    let (last, cells) = rest.split_once(' ')?;
    let version = |text: &str| {
        let (build, revision) = text.split_once('.')?;
        Some((build.parse().ok()?, revision.parse().ok()?))
    };
    Some(Layout {
        names,
        cells,
        machine: 0,
        how: How::ByFamily,
        confidence: Confidence::Possible,
        first: version(first)?,
        last: version(last)?,
    })
}
