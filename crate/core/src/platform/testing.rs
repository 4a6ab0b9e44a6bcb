//! What the tests of this room share: the real dumps, read with as little code as will do, and
//! damage to do to bytes.

extern crate std;

use crate::memory::VirtualAddress;
use crate::nt::{Module, ModuleList};
use alloc::{string::String, vec::Vec};
use std::path::{Path, PathBuf};

/// SMBIOS table with its header.
pub(super) const SMBIOS: [u8; 4] = [0x8F, 0x00, 0x5C, 0xBC];
/// Processor registers.
pub(super) const REGISTERS: [u8; 4] = [0x6F, 0xC0, 0x3D, 0xD0];
/// Registry values.
pub(super) const REGISTRY: [u8; 4] = [0x89, 0xC3, 0x7A, 0x6C];
/// ACPI tables.
pub(super) const ACPI: [u8; 4] = [0xD2, 0x40, 0x3B, 0xE8];

/// The folder of real dumps (`BLUEPANE_CORPUS`, default `../shared/corpus` beside the
/// repository), or `None` with a line that says the test was skipped.
pub(super) fn corpus() -> Option<PathBuf> {
    let folder = match std::env::var_os("BLUEPANE_CORPUS") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
    };
    let there = folder.join("triage").is_dir();
    if !there {
        std::eprintln!("skipped: no corpus (set BLUEPANE_CORPUS)");
    }
    there.then_some(folder)
}

/// One real triage dump.
pub(super) struct Dump {
    /// Its file name.
    pub name: String,
    bytes: Vec<u8>,
}

/// All real triage dumps, by name; none with a line that says so when there is no corpus.
pub(super) fn dumps() -> Vec<Dump> {
    let Some(corpus) = corpus() else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for folder in ["triage", "triage/folder-of-8"] {
        for entry in std::fs::read_dir(corpus.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "dmp") {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                let bytes = std::fs::read(&path).unwrap();
                found.push(Dump { name, bytes });
            }
        }
    }
    assert!(found.len() >= 14, "the corpus has 14 triage dumps");
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

impl Dump {
    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes[at..at + 8].try_into().unwrap())
    }

    /// Secondary data whose identity begins with these four bytes.
    pub fn blob(&self, identity: [u8; 4]) -> Option<&[u8]> {
        // Secondary data begins where the triage header says that the dump ends.
        let start = self.u32(0x2004) as usize;
        if self.bytes.get(start..start + 8) != Some(b"DumpBlob") {
            return None;
        }
        let mut at = start + self.u32(start + 8) as usize;
        while at + 32 <= self.bytes.len() {
            let header = self.u32(at) as usize;
            let [size, before, after] = [0x14, 0x18, 0x1C].map(|o| self.u32(at + o) as usize);
            if header < 32 {
                return None;
            }
            let data = at + header + before;
            if self.bytes[at + 4..at + 8] == identity && size > 0 {
                return Some(&self.bytes[data..data + size]);
            }
            at = data + size + after;
        }
        None
    }

    /// Windows build.
    pub fn build(&self) -> u32 {
        self.u32(0x0C)
    }

    /// When it stopped, FILETIME.
    pub fn time(&self) -> u64 {
        self.u64(0xFA8)
    }

    /// The driver list: names, link times, sizes.
    pub fn modules(&self) -> ModuleList {
        let (list, count) = (self.u32(0x2030) as usize, self.u32(0x2034) as usize);
        let modules = (0..count).map(|index| {
            let entry = list + index * 0x90;
            let name = self.u32(entry) as usize;
            let length = self.u32(name) as usize * 2;
            let path = crate::source::utf16_lossy(&self.bytes[name + 4..name + 4 + length]);
            let file = path.rsplit('\\').next().unwrap_or_default();
            Module {
                name: file.into(),
                base: VirtualAddress(self.u64(entry + 0x38)),
                size: self.u32(entry + 0x48),
                timestamp: Some(self.u32(entry + 0x88)),
                ..Module::default()
            }
        });
        ModuleList::new(modules.collect())
    }
}

/// Calls `check` with `good` cut at every length (long ones in strides) and with seeded flips.
pub(super) fn damaged(good: &[u8], mut check: impl FnMut(&[u8])) {
    let stride = (good.len() / 600).max(1);
    for length in (0..good.len()).step_by(stride) {
        check(&good[..length]);
    }
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 16).unwrap_or(0)
    };
    for _ in 0..600 {
        let mut bytes = good.to_vec();
        for _ in 0..1 + next() % 8 {
            let at = next() % bytes.len().max(1);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = [0, 0xFF, 0x7F, 0x80, u8::try_from(next() & 0xFF).unwrap()][next() % 5];
            }
        }
        check(&bytes);
    }
}
