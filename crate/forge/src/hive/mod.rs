//! Registry hives: cells built from keys and values, in the form that both hive files and memory share.
//! Layout: msuhanov's regf documentation for cells; names are the kernel's (_CM_KEY_NODE, _CM_KEY_VALUE, _HBIN, _HBASE_BLOCK).

use crate::bytes::{Bytes, utf16};
use crate::scenario::RegistryValue;
use std::collections::BTreeMap;

/// Keys by path, each with its values.
pub type Keys = BTreeMap<String, BTreeMap<String, RegistryValue>>;

/// Bytes of the base block, and of a bin's header.
pub const BASE_BLOCK: usize = 0x1000;
const BIN_HEADER: usize = 0x20;

/// A hive: its base block and its bins. Cell indices count from the first bin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hive {
    /// The base block, 4 KiB.
    pub base: Vec<u8>,
    /// The bins, a multiple of 4 KiB.
    pub bins: Vec<u8>,
}

/// A key while the tree is put together.
#[derive(Default)]
struct Node {
    children: BTreeMap<String, Node>,
    values: BTreeMap<String, RegistryValue>,
}

impl Hive {
    /// A hive of the given keys; `flag` is added to every cell reference (bit 31 for volatile storage).
    pub fn build(name: &str, keys: &Keys, time: u64, flag: u32) -> Self {
        let mut root = Node::default();
        for (path, values) in keys {
            let mut node = &mut root;
            for part in path.split('\\').filter(|p| !p.is_empty()) {
                node = node.children.entry(part.to_owned()).or_default();
            }
            node.values.extend(values.clone());
        }
        let mut cells = Cells {
            bins: Bytes::default(),
            time,
            flag,
        };
        let root_cell = cells.key("CMI-CreateHive{FORGE}", &root, u32::MAX, true);
        let bins = cells.finish();
        Self {
            base: base_block(name, root_cell, bins.len() as u32, time),
            bins,
        }
    }

    /// A hive from the bytes of a hive file.
    pub fn from_file(bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            bytes
                .get(at..at + 4)
                .map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        };
        if bytes.get(..4)? != b"regf" {
            return None;
        }
        let length = word(0x28)? as usize;
        let bins = bytes.get(BASE_BLOCK..BASE_BLOCK + length)?.to_vec();
        Some(Self {
            base: bytes.get(..BASE_BLOCK)?.to_vec(),
            bins,
        })
    }
}

fn base_block(name: &str, root: u32, length: u32, time: u64) -> Vec<u8> {
    let mut b = Bytes::zeroed(BASE_BLOCK);
    b.put(0, b"regf");
    b.u32(4, 1);
    b.u32(8, 1);
    b.u64(0xc, time);
    b.u32(0x14, 1);
    b.u32(0x18, 5);
    b.u32(0x20, 1);
    b.u32(0x24, root);
    b.u32(0x28, length);
    b.u32(0x2c, 1);
    let mut chars = utf16(name);
    chars.truncate(62);
    b.put(0x30, &chars);
    let sum = b.as_slice()[..0x1fc]
        .chunks(4)
        .fold(0, |a, w| a ^ u32::from_le_bytes([w[0], w[1], w[2], w[3]]));
    b.u32(0x1fc, sum);
    b.into_vec()
}

/// Cells in the order they are made; a cell never crosses into a new 4 KiB bin unless it is larger than one.
struct Cells {
    bins: Bytes,
    time: u64,
    flag: u32,
}

impl Cells {
    /// Room for a cell with `size` bytes of contents; returns its index without the storage flag.
    fn allocate(&mut self, size: usize) -> usize {
        let total = (size + 4).next_multiple_of(8);
        let used = self.bins.len();
        let room = used.next_multiple_of(0x1000) - used;
        if room < total {
            self.close_bin();
            let at = self.bins.len();
            let bin = (BIN_HEADER + total).next_multiple_of(0x1000);
            self.bins.append(&[0; BIN_HEADER]);
            self.bins.put(at, b"hbin");
            self.bins.u32(at + 4, at as u32);
            self.bins.u32(at + 8, bin as u32);
            self.bins.u64(at + 0x14, self.time);
        }
        let at = self.bins.append(&vec![0; total]);
        self.bins.u32(at, (-(total as i32)) as u32);
        at
    }

    /// Turns the rest of the last page into a free cell.
    fn close_bin(&mut self) {
        let used = self.bins.len();
        let room = used.next_multiple_of(0x1000) - used;
        if room > 0 {
            let at = self.bins.append(&vec![0; room]);
            self.bins.u32(at, room as u32);
        }
    }

    fn cell(&mut self, contents: &[u8]) -> u32 {
        let at = self.allocate(contents.len());
        self.bins.put(at + 4, contents);
        at as u32 | self.flag
    }

    fn finish(mut self) -> Vec<u8> {
        self.close_bin();
        self.bins.into_vec()
    }

    fn key(&mut self, name: &str, node: &Node, parent: u32, root: bool) -> u32 {
        let at = self.allocate(0x4c + name.len());
        let index = at as u32 | self.flag;
        let children: Vec<(String, u32)> = node
            .children
            .iter()
            .map(|(name, child)| (name.clone(), self.key(name, child, index, false)))
            .collect();
        let values: Vec<u32> = node
            .values
            .iter()
            .map(|(name, v)| self.value(name, v))
            .collect();
        let list = if values.is_empty() {
            u32::MAX
        } else {
            let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            self.cell(&bytes)
        };
        let subkeys = if children.is_empty() {
            u32::MAX
        } else {
            self.subkeys(&children)
        };
        let volatile = usize::from(self.flag != 0);
        let b = &mut self.bins;
        let n = at + 4;
        b.put(n, b"nk");
        b.u16(n + 2, if root { 0x2c } else { 0x20 });
        b.u64(n + 4, self.time);
        b.u32(n + 0x10, parent);
        b.u32(n + 0x14 + 4 * volatile, children.len() as u32);
        b.u32(n + 0x1c, u32::MAX);
        b.u32(n + 0x20, u32::MAX);
        b.u32(n + 0x1c + 4 * volatile, subkeys);
        b.u32(n + 0x24, values.len() as u32);
        b.u32(n + 0x28, list);
        b.u32(n + 0x2c, u32::MAX);
        b.u32(n + 0x30, u32::MAX);
        b.u16(n + 0x48, name.len() as u16);
        b.put(n + 0x4c, name.as_bytes());
        index
    }

    /// A hash leaf: names must be in the order the kernel compares them, which is upper case.
    fn subkeys(&mut self, children: &[(String, u32)]) -> u32 {
        let mut sorted = children.to_vec();
        sorted.sort_by_key(|(name, _)| name.to_uppercase());
        let mut bytes = b"lh".to_vec();
        bytes.extend((sorted.len() as u16).to_le_bytes());
        for (name, cell) in &sorted {
            let hash = name
                .to_uppercase()
                .encode_utf16()
                .fold(0_u32, |h, c| h.wrapping_mul(37).wrapping_add(u32::from(c)));
            bytes.extend(cell.to_le_bytes());
            bytes.extend(hash.to_le_bytes());
        }
        self.cell(&bytes)
    }

    fn value(&mut self, name: &str, value: &RegistryValue) -> u32 {
        let (kind, data) = encode(value);
        let inline = data.len() <= 4;
        let place = if inline {
            let mut word = [0; 4];
            word[..data.len()].copy_from_slice(&data);
            u32::from_le_bytes(word)
        } else {
            self.cell(&data)
        };
        let mut b = Bytes::zeroed(0x14);
        b.put(0, b"vk");
        b.u16(2, name.len() as u16);
        b.u32(4, data.len() as u32 | if inline { 0x8000_0000 } else { 0 });
        b.u32(8, place);
        b.u32(0xc, kind);
        b.u16(0x10, 1);
        b.append(name.as_bytes());
        self.cell(b.as_slice())
    }
}

fn encode(value: &RegistryValue) -> (u32, Vec<u8>) {
    let text = |t: &str| {
        let mut b = utf16(t);
        b.extend([0, 0]);
        b
    };
    match value {
        RegistryValue::Dword(n) => (4, n.to_le_bytes().to_vec()),
        RegistryValue::Text(t) => (1, text(t)),
        RegistryValue::Texts(list) => {
            let mut b: Vec<u8> = list.iter().flat_map(|t| text(t)).collect();
            b.extend([0, 0]);
            (7, b)
        }
        RegistryValue::Binary { hex } => (3, crate::secondary::hex_bytes(hex)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Keys {
        let mut values = BTreeMap::new();
        values.insert("Name".to_owned(), RegistryValue::Text("forge".into()));
        values.insert("Count".to_owned(), RegistryValue::Dword(7));
        BTreeMap::from([(r"Select\Deep".to_owned(), values)])
    }

    #[test]
    fn the_root_cell_is_a_key_with_its_subkey_in_a_hash_leaf() {
        let h = Hive::build("TEST", &keys(), 1, 0);
        let word =
            |b: &[u8], at: usize| u32::from_le_bytes(b[at..at + 4].try_into().unwrap()) as usize;
        assert_eq!((&h.base[..4], &h.bins[..4]), (&b"regf"[..], &b"hbin"[..]));
        let root = word(&h.base, 0x24) + 4;
        assert_eq!(&h.bins[root..root + 2], b"nk");
        let leaf = word(&h.bins, root + 0x1c) + 4;
        assert_eq!(&h.bins[leaf..leaf + 2], b"lh");
        let child = word(&h.bins, leaf + 4) + 4;
        assert_eq!(&h.bins[child + 0x4c..child + 0x52], b"Select");
    }

    #[test]
    fn cells_fill_the_bins_exactly() {
        let h = Hive::build("TEST", &keys(), 1, 0);
        let mut at = 0x20;
        while at < h.bins.len() {
            let size = i32::from_le_bytes(h.bins[at..at + 4].try_into().unwrap());
            at += size.unsigned_abs() as usize;
        }
        assert_eq!(at, h.bins.len());
    }

    #[test]
    fn a_hive_survives_the_way_through_a_file() {
        let h = Hive::build("TEST", &keys(), 1, 0);
        let mut file = h.base.clone();
        file.extend(&h.bins);
        assert_eq!(Hive::from_file(&file), Some(h));
        assert_eq!(Hive::from_file(b"nothing"), None);
    }
}
