//! Damage of every kind: nothing may panic, hang or allocate without bound.

mod support;

use bluepane::container::identify;
use bluepane::memory::{AddressSpace, VirtualAddress};
use bluepane::nt::Minidump;
use bluepane::source::{Cache, CacheLimits, Provider, Range, Slice, SliceProvider, Source};

/// The smallest of the corpus: 280 KiB.
const FILE: &str = "triage/folder-of-8/111217-27671-01.dmp";

/// Opens it and uses what came of it.
fn open(bytes: &[u8]) -> Option<usize> {
    let source = Slice(bytes);
    identify(&source).unwrap();
    let dump = Minidump::load(&source).ok()?;
    let space = dump.space(&source);
    if let Some((low, _)) = dump.stack() {
        let _ = space.read(low, &mut [0; 64]);
    }
    let _ = space.read(VirtualAddress(u64::MAX - 3), &mut [0; 64]);
    let _ = dump.kernel_bug_check(&source);
    let fields = dump.header.fields().fields.len();
    Some(fields + dump.modules.as_slice().len() + dump.notes.len())
}

#[test]
fn every_prefix_opens_as_far_as_it_goes() {
    let Some(bytes) = support::dump(FILE) else {
        return;
    };
    let mut modules = 0;
    for len in (0..bytes.len()).step_by(512) {
        if let Ok(dump) = Minidump::load(&Slice(&bytes[..len])) {
            let found = dump.modules.as_slice().len();
            assert!(
                found >= modules,
                "{len:#x}: {found} modules after {modules}"
            );
            modules = found;
            let whole = dump.pieces.size_of_dump <= len as u64;
            assert_eq!(dump.notes.is_empty(), whole && !cut(&dump), "{len:#x}");
        }
        open(&bytes[..len]);
    }
    assert_eq!(modules, 166);
}

/// Reads all but one page, as from a disk with a bad sector.
struct BadSector<'a>(&'a [u8], u64);

impl Provider for BadSector<'_> {
    fn fetch(&mut self, range: Range) -> Option<Vec<u8>> {
        let bad = range.offset <= self.1 && self.1 < range.offset + range.len;
        if bad {
            return None;
        }
        SliceProvider(self.0).fetch(range)
    }
}

#[test]
fn a_bad_sector_costs_the_piece_that_stands_there_and_no_more() {
    let Some(bytes) = support::dump(FILE) else {
        return;
    };
    // Behind the first block that is fetched: without the headers there is nothing.
    for bad in (0x8000..bytes.len() as u64).step_by(0x4000) {
        let limits = CacheLimits {
            whole_file: 0,
            ..CacheLimits::default()
        };
        let mut cache = Cache::with_limits(bytes.len() as u64, limits);
        let mut provider = BadSector(&bytes, bad);
        let dump = support::complete(&mut cache, &mut provider, |cache| Minidump::load(cache));
        let dump = dump.unwrap_or_else(|error| panic!("{bad:#x}: {error}"));
        assert_eq!(dump.header.file_len, cache.len());
        assert_eq!(dump.stop_code(), Some(0xA000_0001), "{bad:#x}");
    }
}

fn cut(dump: &Minidump) -> bool {
    dump.secondary.as_ref().is_some_and(|data| data.cut)
}

#[test]
fn flipped_bytes_never_panic() {
    let Some(mut bytes) = support::dump(FILE) else {
        return;
    };
    let mut random = support::Random(0x5EED);
    // Most of the structure stands in the headers and in the first pieces.
    let places = [0x2000, 0x2080, 0x2300, 0xA000, 0x1_0000, bytes.len()];
    let mut opened = 0;
    for round in 0..2000 {
        let end = places[round % places.len()];
        let saved: Vec<(usize, u8)> = (0..1 + random.below(8))
            .map(|_| random.below(end))
            .map(|at| (at, bytes[at]))
            .collect();
        for &(at, _) in &saved {
            bytes[at] = match random.below(4) {
                0 => 0,
                1 => 0xFF,
                _ => random.next() as u8,
            };
        }
        opened += usize::from(open(&bytes).is_some());
        for &(at, byte) in saved.iter().rev() {
            bytes[at] = byte;
        }
    }
    assert!(opened > 1500, "{opened}");
}

#[test]
fn damaged_32_bit_and_arm64_minidumps_never_panic() {
    for (architecture, build, headers) in [("x86", 7601, 0x1068), ("arm64", 22000, 0x2080)] {
        let text = format!("[machine]\nbuild = {build}\narchitecture = \"{architecture}\"\n");
        let scenario = bluepane_forge::Scenario::from_toml(&text).unwrap();
        let mut bytes = bluepane_forge::forge(&scenario).unwrap().to_vec();
        let mut random = support::Random(0xA5A5);
        let mut opened = 0;
        for round in 0..1000 {
            let (from, to) = match round % 3 {
                0 => (0, headers),
                1 => (headers - 0x80, headers),
                _ => (headers, bytes.len()),
            };
            let at = from + random.below(to - from);
            let saved = bytes[at];
            bytes[at] = random.next() as u8;
            opened += usize::from(open(&bytes).is_some());
            bytes[at] = saved;
        }
        assert!(opened > 900, "{architecture}: {opened}");
        for len in (0..bytes.len()).step_by(512) {
            open(&bytes[..len]);
        }
    }
}

#[test]
fn offsets_and_counts_that_lie_are_survived() {
    let Some(bytes) = support::dump(FILE) else {
        return;
    };
    for at in (0x2000..0x2080).step_by(4) {
        for value in [
            0,
            1,
            0x7FFF_FFFF,
            0x8000_0000,
            u32::MAX,
            bytes.len() as u32 - 3,
        ] {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
            assert!(open(&bytes).is_some(), "{at:#x} {value:#x}");
        }
    }
}
