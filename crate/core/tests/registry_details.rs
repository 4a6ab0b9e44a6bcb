//! What keys have beside values, read as the file has it; and hives made to keep a reader busy.

mod support;

use bluepane::container::{DumpHeader, PageIndex, StoredPages};
use bluepane::memory::VirtualAddress;
use bluepane::nt::PagedDump;
use bluepane::nt::registry::{Key, RegistryError, RegistryMemory, Start, Until, owner};
use bluepane::source::Slice;
use bluepane_forge::{Scenario, Truth, forge};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

fn load(bytes: &[u8]) -> PagedDump {
    let source = Slice(bytes);
    let header = DumpHeader::read(&source).unwrap();
    let stored = StoredPages::read(&source, &header).unwrap();
    PagedDump::load(&source, header, PageIndex::new(stored).unwrap()).unwrap()
}

/// A machine with that hive as SMALL, and where its list of hives begins.
fn machine(build: u32, memory: u32, file: &Path) -> (Vec<u8>, Start) {
    let file = file.display();
    let text = format!(
        "[machine]\nbuild = {build}\nmemory = \"{memory} MiB\"\n[dump]\nkind = \"full\"\n\
         [[hives]]\nname = \"SMALL\"\nfile_path = '\\SystemRoot\\System32\\Config\\SMALL'\nfile = '{file}'\n"
    );
    let scenario = Scenario::from_toml(&text).unwrap();
    let head = Truth::of(&scenario).unwrap().variables["CmpHiveListHead"];
    let bytes = forge(&scenario).unwrap().to_vec();
    (bytes, Start::Head(VirtualAddress(head)))
}

/// A file that is gone when it is dropped.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let name = format!("bluepane-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The file's own words on a key: cells stand behind the base block, each behind its size.
struct File<'a>(&'a [u8]);

impl File<'_> {
    fn cell(&self, index: u32) -> &[u8] {
        &self.0[0x1004 + index as usize..]
    }

    fn u32(&self, index: u32, at: usize) -> u32 {
        u32::from_le_bytes(self.cell(index)[at..at + 4].try_into().unwrap())
    }

    fn u16(&self, index: u32, at: usize) -> u16 {
        u16::from_le_bytes(self.cell(index)[at..at + 2].try_into().unwrap())
    }

    fn class(&self, key: u32) -> Option<String> {
        let length = usize::from(self.u16(key, 0x4A));
        if length == 0 {
            return None;
        }
        let bytes = &self.cell(self.u32(key, 0x30))[..length];
        let units: Vec<u16> = bytes
            .chunks(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        Some(String::from_utf16(&units).unwrap())
    }

    fn security(&self, key: u32) -> &[u8] {
        let cell = self.u32(key, 0x2C);
        let length = self.u32(cell, 0x10) as usize;
        &self.cell(cell)[0x14..0x14 + length]
    }
}

fn compare(key: &Key<'_>, file: &File<'_>, classes: &mut u32) -> u32 {
    let class = key.class().unwrap();
    if file.u32(key.index(), 0x30) != u32::MAX {
        assert_eq!(class, file.class(key.index()), "{}", key.name);
        *classes += u32::from(class.is_some());
    }
    let security = key.security().unwrap();
    assert_eq!(security, file.security(key.index()), "{}", key.name);
    assert!(
        owner(&security).is_some_and(|owner| owner.starts_with("S-1-5-")),
        "{}",
        key.name
    );
    let below = key.subkeys();
    assert_eq!(below.gap, None);
    1 + below
        .items
        .iter()
        .map(|key| compare(key, file, classes))
        .sum::<u32>()
}

#[test]
fn classes_and_owners_are_those_of_the_file() {
    let Some(packed) = support::dump("hives/SYSTEM-win7.xz") else {
        return;
    };
    let mut hive = Vec::new();
    lzma_rs::xz_decompress(&mut &packed[..], &mut hive).unwrap();
    let file = Temporary::new("details", &hive);
    for build in [7601, 20348] {
        let (bytes, start) = machine(build, 256, &file.0);
        let (source, dump) = (Slice(&bytes), load(&bytes));
        let memory = RegistryMemory::find(&source, &dump, Some(start), Until::End);
        let mut classes = 0;
        let keys = memory.ask(&source, &dump, |registry| {
            let root = registry.open("HKLM\\SMALL").unwrap();
            assert!(root.flags().contains(&"hive entry"), "{:?}", root.flags());
            compare(&root, &File(&hive), &mut classes)
        });
        assert!(keys > Some(10_000), "{keys:?}");
        assert!(classes > 5, "{classes}");
    }
}

/// A hive in one bin: cells by their contents, the first of which is the root's.
struct Bin(Vec<u8>);

impl Bin {
    fn new() -> Self {
        let mut bytes = vec![0; 0x1020];
        bytes[..4].copy_from_slice(b"regf");
        bytes[4] = 1;
        bytes[8] = 1;
        bytes[0x14] = 1;
        bytes[0x18] = 5;
        bytes[0x20] = 1;
        bytes[0x24] = 0x20;
        bytes[0x1000..0x1004].copy_from_slice(b"hbin");
        Self(bytes)
    }

    /// Adds a cell and tells its index.
    fn cell(&mut self, contents: &[u8]) -> u32 {
        let index = self.0.len() - 0x1000;
        let size = (contents.len() + 4).next_multiple_of(8);
        self.0.extend((-(size as i32)).to_le_bytes());
        self.0.extend(contents);
        self.0.resize(0x1000 + index + size, 0);
        index as u32
    }

    fn key(name: &str, lists: [u32; 2], values: u32) -> Vec<u8> {
        let mut key = vec![0; 0x4C];
        key[..4].copy_from_slice(b"nk\x20\0");
        for (place, number) in [
            (0x14, lists[0]),
            (0x1C, lists[1]),
            (0x24, values),
            (0x28, lists[1]),
        ] {
            key[place..place + 4].copy_from_slice(&number.to_le_bytes());
        }
        key[0x30..0x34].copy_from_slice(&u32::MAX.to_le_bytes());
        key[0x48] = name.len() as u8;
        key.extend(name.bytes());
        key
    }

    fn finish(mut self) -> Vec<u8> {
        let length = (self.0.len() - 0x1000).next_multiple_of(0x1000);
        self.0.resize(0x1000 + length, 0);
        self.0[0x28..0x2C].copy_from_slice(&(length as u32).to_le_bytes());
        self.0[0x1008..0x100C].copy_from_slice(&(length as u32).to_le_bytes());
        self.0
    }
}

fn within<T>(limit: Duration, what: &str, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let found = run();
    assert!(start.elapsed() < limit, "{what} took {:?}", start.elapsed());
    found
}

#[test]
fn lists_that_name_each_other_over_and_over_are_not_followed_for_ever() {
    const MOST: usize = 0xFFFF;
    let mut bin = Bin::new();
    // The root's cell comes first; its list is made behind it.
    let root = bin.cell(&Bin::key("ROOT", [1, 0x78], 0));
    assert_eq!(root, 0x20);
    assert_eq!(bin.0.len(), 0x1078);
    let many = 4 + 4 * MOST;
    let leaves = 0x78 + (many + 4).next_multiple_of(8) as u32;
    let mut lists = b"ri\xFF\xFF".to_vec();
    (0..MOST).for_each(|_| lists.extend(leaves.to_le_bytes()));
    assert_eq!(bin.cell(&lists), 0x78);
    let mut keys = b"lh\xFF\xFF".to_vec();
    (0..MOST).for_each(|_| keys.extend([0x20, 0, 0, 0, 1, 2, 3, 4]));
    assert_eq!(bin.cell(&keys), leaves);
    let file = Temporary::new("lists", &bin.finish());
    let (bytes, start) = machine(9600, 96, &file.0);
    let (source, dump) = (Slice(&bytes), load(&bytes));
    let memory = RegistryMemory::find(&source, &dump, Some(start), Until::End);
    memory.ask(&source, &dump, |registry| {
        let root = registry.open("HKLM\\SMALL").unwrap();
        let found = within(Duration::from_secs(20), "a name", || root.subkey("nobody"));
        assert_eq!(found.map(|_| ()), Err(RegistryError::TooMany));
        let below = within(Duration::from_secs(60), "the list", || root.subkeys());
        assert_eq!(below.gap, Some(RegistryError::TooMany));
    });
}

#[test]
fn counts_beyond_the_cell_are_gaps_and_freed_cells_are_no_keys() {
    let mut bin = Bin::new();
    assert_eq!(bin.cell(&Bin::key("ROOT", [1, 0x78], 0xFFFF_FFFF)), 0x20);
    let mut keys = b"lf\x03\0".to_vec();
    for cell in [0x98_u32, 0x7FFF_FFF8, 0x20] {
        keys.extend(cell.to_le_bytes());
        keys.extend(b"ROOT");
    }
    assert_eq!(bin.cell(&keys), 0x78);
    let freed = bin.cell(&Bin::key("FREED", [0, u32::MAX], 0));
    assert_eq!(freed, 0x98);
    let at = 0x1000 + freed as usize;
    let size = i32::from_le_bytes(bin.0[at..at + 4].try_into().unwrap());
    bin.0[at..at + 4].copy_from_slice(&(-size).to_le_bytes());
    let file = Temporary::new("counts", &bin.finish());
    let (bytes, start) = machine(9600, 96, &file.0);
    let (source, dump) = (Slice(&bytes), load(&bytes));
    let memory = RegistryMemory::find(&source, &dump, Some(start), Until::End);
    memory.ask(&source, &dump, |registry| {
        let root = registry.open("HKLM\\SMALL").unwrap();
        let below = root.subkeys();
        let names: Vec<&str> = below.items.iter().map(|key| key.name.as_str()).collect();
        assert_eq!(names, ["ROOT"]);
        assert!(
            matches!(below.gap, Some(RegistryError::Cell { .. })),
            "{:?}",
            below.gap
        );
        let values = root.values();
        assert!(values.items.is_empty() && values.gap.is_some());
        assert!(root.security().is_err());
        assert_eq!(root.class(), Ok(None));
    });
}
