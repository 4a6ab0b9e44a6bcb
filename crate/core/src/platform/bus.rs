//! The version of the bus (VMBus) on which guest and host agreed, found in the memory of the guest's
//! driver: the lesser of what both can speak, and so a measure of either.
//!
//! vmbus.sys tries the versions of a table of its own, the newest first, and keeps the one that the
//! host took in its record of the host's partition (`_XPART_PARTITION`: VmbusVersion behind
//! RefCount, before MaximumSupportedVersion, which a guest leaves at its highest value). A list in
//! its variables has that record as its only entry, and ParentPartition points at it. No table says
//! where these stand in a release, so they are looked for, and nothing is said unless exactly one
//! place obeys all of this. Sources: the symbol file of vmbus.sys 10.0.14347 (in
//! ProjectMile/Mile.HyperV, MIT) and the code that writes the member; the versions of hosts as
//! MacHyperVSupport, Mile.HyperV and boot logs have them.

use crate::image::{Image, Section};
use crate::memory::{AddressSpace, VirtualAddress};
use alloc::{vec, vec::Vec};

/// Bytes read at a time, and the most of one section.
const PAGE: u32 = 0x1000;
const MAX_SECTION: u32 = 0x1_0000;
/// Records that are looked at, and how much of one: up to Windows 11 all of it stands in the front.
const MAX_RECORDS: usize = 64;
const RECORD: usize = 0x100;
/// A reference count beyond this is none.
const MAX_COUNT: u32 = 0x1_0000;
/// What a guest leaves in MaximumSupportedVersion.
const UNLIMITED: u32 = u32::MAX;

/// Versions, major in the upper half, and the first Windows that speaks each.
static VERSIONS: &[(u32, &str)] = &[
    (0x0000_000D, "Windows Server 2008"),
    (0x0001_0001, "Windows Server 2008 R2"),
    (0x0002_0004, "Windows Server 2012"),
    (0x0003_0000, "Windows Server 2012 R2"),
    (0x0004_0000, "Windows Server 2016"),
    (0x0004_0001, "Windows 10 1709"),
    (0x0005_0000, "Windows 10 1709"),
    (0x0005_0001, "Windows 10 1803"),
    (0x0005_0002, "Windows Server 2019"),
    (0x0005_0003, "Windows Server 2022"),
    (0x0006_0000, "a Windows newer than Server 2022"),
];

/// What a version means.
#[must_use]
pub fn first_windows(version: u32) -> Option<&'static str> {
    let known = VERSIONS.iter().find(|(known, _)| *known == version);
    known.map(|(_, name)| *name)
}

/// What the driver's memory says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bus {
    /// The version that is spoken.
    pub agreed: u32,
    /// The newest that this driver can speak.
    pub newest: u32,
}

/// Looks for it in the driver at `base`; `None` where it is not found, or not beyond doubt.
#[must_use]
pub fn find(space: &dyn AddressSpace, base: VirtualAddress, width: u8) -> Option<Bus> {
    let image = Image::open(space, base).ok()?;
    let sections = image.sections().ok()?;
    // Both are asked for before the first is judged.
    let read_only = sections.iter().filter(|section| is_constant(section));
    let tables: Vec<u32> = read_only
        .flat_map(|section| tables(&words(space, base, section)))
        .collect();
    let data = sections.iter().filter(|section| section.is_data());
    let agreed: Vec<u32> = data
        .flat_map(|section| agreed(space, base, section, width))
        .collect();
    let (&[newest], &[agreed]) = (tables.as_slice(), agreed.as_slice()) else {
        return None;
    };
    (agreed <= newest).then_some(Bus { agreed, newest })
}

/// Whether a section holds constants: neither writable nor code nor thrown away after start.
fn is_constant(section: &Section) -> bool {
    const NOT: u32 = 0x8000_0000 | 0x2000_0000 | 0x0200_0000;
    section.flags & NOT == 0
}

/// A section page by page; what is not in the dump stays 0, which is no version and no address.
fn bytes(space: &dyn AddressSpace, base: VirtualAddress, section: &Section) -> Vec<u8> {
    let len = section.size.min(MAX_SECTION);
    let mut bytes = vec![0; len as usize];
    for (number, page) in bytes.chunks_mut(PAGE as usize).enumerate() {
        let offset = u64::from(section.rva) + (number as u64) * u64::from(PAGE);
        let read = base.checked_add(offset).map(|at| space.read(at, page));
        if !matches!(read, Some(Ok(()))) {
            page.fill(0);
        }
    }
    bytes
}

fn words(space: &dyn AddressSpace, base: VirtualAddress, section: &Section) -> Vec<u32> {
    numbers(&bytes(space, base, section))
}

fn numbers(bytes: &[u8]) -> Vec<u32> {
    let word = |unit: &[u8]| unit.try_into().map_or(0, u32::from_le_bytes);
    bytes.chunks_exact(4).map(word).collect()
}

/// The first number of each table of versions: they fall, and end with the two oldest.
fn tables(words: &[u32]) -> Vec<u32> {
    const END: [u32; 2] = [VERSIONS[1].0, VERSIONS[0].0];
    let mut found = Vec::new();
    for (at, pair) in words.windows(2).enumerate() {
        if pair != END {
            continue;
        }
        let before = words.get(..at).unwrap_or_default();
        let newer = before.iter().rev().scan(END[0], |last, &version| {
            let goes_on = version > *last && first_windows(version).is_some();
            *last = version;
            goes_on.then_some(version)
        });
        found.push(newer.last().unwrap_or(END[0]));
    }
    found
}

/// The versions in records of a partition to which this section leads.
fn agreed(
    space: &dyn AddressSpace,
    base: VirtualAddress,
    section: &Section,
    width: u8,
) -> Vec<u32> {
    let bytes = bytes(space, base, section);
    let step = usize::from(width);
    let pointers: Vec<u64> = bytes.chunks_exact(step).map(pointer).collect();
    let first = base.0.wrapping_add(section.rva.into());
    let mut found = Vec::new();
    let mut tried = 0;
    for (at, pair) in pointers.windows(2).enumerate() {
        let head = first.wrapping_add((at * step) as u64);
        let one = match *pair {
            [next, back] if next == back && next != head && is_kernel(next, width) => next,
            _ => continue,
        };
        tried += 1;
        if tried > MAX_RECORDS {
            break;
        }
        // Two of them are the list's; a third is ParentPartition.
        if pointers.iter().filter(|&&value| value == one).count() < 3 {
            continue;
        }
        let mut record = [0; RECORD];
        if space.read(VirtualAddress(one), &mut record).is_err() {
            continue;
        }
        let links = record.chunks_exact(step).take(2).map(pointer);
        if links.into_iter().all(|link| link == head) {
            found.extend(of_record(&record));
        }
    }
    found
}

fn pointer(unit: &[u8]) -> u64 {
    unit.iter()
        .rev()
        .fold(0, |v, &byte| v << 8 | u64::from(byte))
}

fn is_kernel(at: u64, width: u8) -> bool {
    match width {
        4 => at >= 0x8000_0000,
        _ => at >> 47 == 0x1_FFFF,
    }
}

/// RefCount, VmbusVersion, MaximumSupportedVersion, one behind the other, if that is so at exactly
/// one place.
fn of_record(record: &[u8]) -> Option<u32> {
    let numbers = numbers(record);
    let mut found = numbers.windows(3).filter_map(|three| match *three {
        [count, version, UNLIMITED] if (1..MAX_COUNT).contains(&count) => {
            first_windows(version).map(|_| version)
        }
        _ => None,
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
    }

    #[test]
    fn a_version_counts_only_between_its_neighbours_and_only_once() {
        let fits = [7, 0, 2, 0x3_0000, UNLIMITED, 0, 0];
        assert_eq!(of_record(&record(&fits)), Some(0x3_0000));
        assert_eq!(of_record(&record(&[0, 0x3_0000, UNLIMITED])), None);
        assert_eq!(of_record(&record(&[2, 0x3_0001, UNLIMITED])), None);
        assert_eq!(of_record(&record(&[2, 0x3_0000, 0])), None);
        let twice = [1, 0x3_0000, UNLIMITED, 1, 0x4_0000, UNLIMITED];
        assert_eq!(of_record(&record(&twice)), None);
    }

    #[test]
    fn a_table_of_versions_falls_and_ends_with_the_oldest() {
        let of_14347 = [9, 0x4_0000, 0x3_0000, 0x2_0004, 0x1_0001, 0xD, 5];
        assert_eq!(tables(&of_14347), [0x4_0000]);
        assert_eq!(tables(&[0x1_0001, 0xD]), [0x1_0001]);
        assert_eq!(tables(&[0x2_0004, 0x4_0000, 0x1_0001, 0xD]), [0x4_0000]);
        assert_eq!(tables(&[0x2_0004, 0x1_0001, 0]), [] as [u32; 0]);
    }
}
