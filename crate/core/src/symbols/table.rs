//! A symbol file, made compact: names by place, places by name, structures with their members.
//!
//! PDB and ISF files are read by kept libraries outside the core, in a module of its own in the
//! browser. What they hold of use crosses over in this form, which is read where it lies: nothing of
//! it is copied or sorted again. The form is this project's own and is never stored.

use super::{Names, TypeMember, Types};
use crate::model::Guid;
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::cmp::Reverse;
use core::fmt;

/// The first bytes.
pub const MAGIC: &[u8; 8] = b"BPSYMTAB";
const VERSION: u32 = 1;

/// Where the head keeps what.
mod head {
    pub(super) const VERSION: usize = 8;
    pub(super) const AGE: usize = 12;
    pub(super) const GUID: usize = 16;
    pub(super) const SYMBOLS: usize = 32;
    pub(super) const STRUCTURES: usize = 36;
    pub(super) const MEMBERS: usize = 40;
    pub(super) const STRINGS: usize = 44;
    pub(super) const NAME: usize = 48;
    pub(super) const LEN: usize = 52;
}
/// A symbol: place, name. A structure: name, size, first member, count. A member: name, offset, width.
const SYMBOL: usize = 8;
const STRUCTURE: usize = 16;
const MEMBER: usize = 12;

/// Names longer than this are cut.
const MAX_NAME: usize = 512;

/// The names and types of one image, from a symbol file.
#[derive(Clone, PartialEq, Eq)]
pub struct SymbolTable {
    bytes: Vec<u8>,
    symbols: usize,
    structures: usize,
    members: usize,
}

impl fmt::Debug for SymbolTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SymbolTable({}, {} names)", self.name(), self.symbols)
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(found.try_into().ok()?))
}

impl SymbolTable {
    /// Takes a table that [`SymbolTableBuilder`] wrote; `None` when it is none.
    #[must_use]
    pub fn parse(bytes: Vec<u8>) -> Option<Self> {
        if !bytes.starts_with(MAGIC) || word(&bytes, head::VERSION)? != VERSION {
            return None;
        }
        let count = |at| Some(word(&bytes, at)? as usize);
        let (symbols, structures) = (count(head::SYMBOLS)?, count(head::STRUCTURES)?);
        let (members, strings) = (count(head::MEMBERS)?, count(head::STRINGS)?);
        let len = symbols
            .checked_mul(SYMBOL + 4)?
            .checked_add(structures.checked_mul(STRUCTURE)?)?
            .checked_add(members.checked_mul(MEMBER)?)?
            .checked_add(strings)?
            .checked_add(head::LEN)?;
        (len == bytes.len()).then_some(Self {
            bytes,
            symbols,
            structures,
            members,
        })
    }

    /// The symbol file's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        word(&self.bytes, head::NAME).map_or("", |at| self.text(at))
    }

    /// Its identity.
    #[must_use]
    pub fn guid(&self) -> Guid {
        let bytes = self.bytes.get(head::GUID..head::SYMBOLS);
        Guid(bytes.and_then(|b| b.try_into().ok()).unwrap_or_default())
    }

    /// How often it was rewritten.
    #[must_use]
    pub fn age(&self) -> u32 {
        word(&self.bytes, head::AGE).unwrap_or_default()
    }

    /// How many places it names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.symbols
    }

    /// Whether it names no place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.symbols == 0
    }

    /// Every place with its name, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        (0..self.symbols).filter_map(|index| self.symbol(index))
    }

    fn structures_at(&self) -> usize {
        head::LEN + self.symbols * (SYMBOL + 4)
    }

    fn members_at(&self) -> usize {
        self.structures_at() + self.structures * STRUCTURE
    }

    fn text(&self, offset: u32) -> &str {
        let strings = self.members_at() + self.members * MEMBER;
        let from = strings.saturating_add(offset as usize);
        let bytes = self.bytes.get(from..).unwrap_or_default();
        let end = bytes.iter().take(MAX_NAME + 1).position(|&b| b == 0);
        let bytes = bytes.get(..end.unwrap_or(0)).unwrap_or_default();
        core::str::from_utf8(bytes).unwrap_or("")
    }

    fn symbol(&self, index: usize) -> Option<(u32, &str)> {
        let at = head::LEN + index * SYMBOL;
        let name = word(&self.bytes, at + 4)?;
        Some((word(&self.bytes, at)?, self.text(name)))
    }

    /// The symbol that stands `rank`-th by name.
    fn ranked(&self, rank: usize) -> Option<(u32, &str)> {
        let at = head::LEN + self.symbols * SYMBOL + rank * 4;
        self.symbol(word(&self.bytes, at)? as usize)
    }

    fn structure(&self, name: &str) -> Option<(u32, usize, usize)> {
        let (mut low, mut high) = (0, self.structures);
        while low < high {
            let middle = low + (high - low) / 2;
            let at = self.structures_at() + middle * STRUCTURE;
            let field = |index: usize| word(&self.bytes, at + index * 4);
            match self.text(field(0)?).cmp(name) {
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
                core::cmp::Ordering::Equal => {
                    return Some((field(1)?, field(2)? as usize, field(3)? as usize));
                }
            }
        }
        None
    }
}

impl Names for SymbolTable {
    fn name_at(&self, rva: u32) -> Option<(&str, u32)> {
        let (mut low, mut high) = (0, self.symbols);
        while low < high {
            let middle = low + (high - low) / 2;
            if self.symbol(middle)?.0 <= rva {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let (place, name) = self.symbol(low.checked_sub(1)?)?;
        Some((name, rva - place))
    }

    fn rva_of(&self, name: &str) -> Option<u32> {
        let (mut low, mut high) = (0, self.symbols);
        while low < high {
            let middle = low + (high - low) / 2;
            let (place, found) = self.ranked(middle)?;
            match found.cmp(name) {
                core::cmp::Ordering::Less => low = middle + 1,
                core::cmp::Ordering::Greater => high = middle,
                core::cmp::Ordering::Equal => return Some(place),
            }
        }
        None
    }
}

impl Types for SymbolTable {
    fn member(&self, structure: &str, member: &str) -> Option<TypeMember> {
        let (_, first, count) = self.structure(structure)?;
        let end = first.checked_add(count)?.min(self.members);
        (first..end).find_map(|index| {
            let at = self.members_at() + index * MEMBER;
            let name = self.text(word(&self.bytes, at)?);
            let width = word(&self.bytes, at + 8)?;
            (name == member).then_some(TypeMember {
                offset: word(&self.bytes, at + 4)?,
                width: u8::try_from(width).ok().filter(|&width| width != 0),
            })
        })
    }

    fn size(&self, structure: &str) -> Option<u32> {
        self.structure(structure).map(|(size, _, _)| size)
    }

    fn variable(&self, name: &str) -> Option<u32> {
        self.rva_of(name)
    }
}

/// A member for [`SymbolTableBuilder`]: name, offset in bytes, bytes it takes or 0.
pub type MemberEntry = (String, u32, u8);

/// Collects what a symbol file holds and writes the table.
#[derive(Clone, Debug, Default)]
pub struct SymbolTableBuilder {
    /// The symbol file's own name.
    pub name: String,
    /// Its identity.
    pub guid: Guid,
    /// How often it was rewritten.
    pub age: u32,
    /// Places, relative to the base of the image, and their names; in any order.
    pub symbols: Vec<(u32, String)>,
    /// Structures by name, with their size.
    pub structures: BTreeMap<String, (u32, Vec<MemberEntry>)>,
}

/// Texts, each once.
#[derive(Default)]
struct Strings<'a> {
    bytes: Vec<u8>,
    known: BTreeMap<&'a str, u32>,
}

impl<'a> Strings<'a> {
    fn add(&mut self, text: &'a str) -> u32 {
        let mut end = text.len().min(MAX_NAME);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = text.get(..end).unwrap_or_default();
        let text = text.split('\0').next().unwrap_or_default();
        *self.known.entry(text).or_insert_with(|| {
            let at = self.bytes.len() as u32;
            self.bytes.extend_from_slice(text.as_bytes());
            self.bytes.push(0);
            at
        })
    }
}

impl SymbolTableBuilder {
    /// Writes the table.
    #[must_use]
    pub fn build(mut self) -> Vec<u8> {
        self.symbols.retain(|(_, name)| !name.is_empty());
        self.symbols.sort_by(|a, b| rank(a).cmp(&rank(b)));
        let mut strings = Strings::default();
        let name = strings.add(&self.name);
        // One place keeps one name; all names keep their place below.
        let mut by_name: Vec<usize> = (0..self.symbols.len()).collect();
        by_name.sort_by(|&a, &b| self.symbols[a].1.cmp(&self.symbols[b].1));
        let mut places = Vec::new();
        for (place, name) in &self.symbols {
            places.extend_from_slice(&place.to_le_bytes());
            places.extend_from_slice(&strings.add(name).to_le_bytes());
        }
        for index in by_name {
            places.extend_from_slice(&(index as u32).to_le_bytes());
        }
        let (mut structures, mut members) = (Vec::new(), Vec::new());
        for (name, (size, all)) in &self.structures {
            let first = members.len() / MEMBER;
            for field in [strings.add(name), *size, first as u32, all.len() as u32] {
                structures.extend_from_slice(&field.to_le_bytes());
            }
            for (name, offset, width) in all {
                for field in [strings.add(name), *offset, u32::from(*width)] {
                    members.extend_from_slice(&field.to_le_bytes());
                }
            }
        }
        let mut bytes = MAGIC.to_vec();
        for field in [VERSION, self.age] {
            bytes.extend_from_slice(&field.to_le_bytes());
        }
        bytes.extend_from_slice(&self.guid.0);
        let counts = [
            self.symbols.len(),
            self.structures.len(),
            members.len() / MEMBER,
            strings.bytes.len(),
            name as usize,
        ];
        for count in counts {
            bytes.extend_from_slice(&(count as u32).to_le_bytes());
        }
        for part in [places, structures, members, strings.bytes] {
            bytes.extend_from_slice(&part);
        }
        bytes
    }
}

/// By place. Of names for one place the last is found: the shortest that does not begin with an
/// underscore is the one that people know, and of equals the first by the alphabet
/// (`KiStartSystemThread` before `KxStartSystemThread`).
fn rank((place, name): &(u32, String)) -> (u32, bool, Reverse<usize>, Reverse<&str>) {
    let plain = !name.starts_with('_');
    (*place, plain, Reverse(name.len()), Reverse(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn table() -> SymbolTable {
        let mut builder = SymbolTableBuilder {
            name: "ntkrnlmp.pdb".into(),
            guid: Guid([7; 16]),
            age: 2,
            ..SymbolTableBuilder::default()
        };
        for (place, name) in [
            (0x3000, "KeBugCheckEx"),
            (0x1000, "memmove"),
            (0x1000, "_memcpy"),
            (0x1000, "memcpy"),
        ] {
            builder.symbols.push((place, name.into()));
        }
        let members = vec![("Pcb".into(), 0, 0), ("UniqueProcessId".into(), 0x440, 8)];
        builder
            .structures
            .insert("_EPROCESS".into(), (0xA40, members));
        builder.structures.insert("_A".into(), (4, Vec::new()));
        SymbolTable::parse(builder.build()).unwrap()
    }

    #[test]
    fn places_are_found_by_name_and_names_by_place() {
        let table = table();
        assert_eq!(table.name_at(0x3010), Some(("KeBugCheckEx", 0x10)));
        assert_eq!(table.name_at(0x1004), Some(("memcpy", 4)));
        assert_eq!(table.name_at(0xFFF), None);
        assert_eq!(table.rva_of("memmove"), Some(0x1000));
        assert_eq!(table.rva_of("KeBugCheckEx"), Some(0x3000));
        assert_eq!(table.rva_of("nothing"), None);
        assert_eq!((table.name(), table.age()), ("ntkrnlmp.pdb", 2));
    }

    #[test]
    fn members_and_sizes_are_those_of_the_structure() {
        let table = table();
        let id = table.member("_EPROCESS", "UniqueProcessId");
        assert_eq!(id.map(|m| (m.offset, m.width)), Some((0x440, Some(8))));
        assert_eq!(table.size("_EPROCESS"), Some(0xA40));
        assert_eq!(table.member("_A", "Pcb"), None);
        assert_eq!(table.size("_NONE"), None);
    }

    #[test]
    fn a_table_that_lies_about_its_size_is_none() {
        let good = table().bytes;
        for at in 0..good.len().min(head::LEN) {
            let mut bad = good.clone();
            bad[at] ^= 0x80;
            if let Some(table) = SymbolTable::parse(bad) {
                let _ = (table.name_at(0x1000), table.member("_EPROCESS", "x"));
            }
        }
        assert_eq!(SymbolTable::parse(good[..good.len() - 1].to_vec()), None);
        assert_eq!(SymbolTable::parse(Vec::new()), None);
    }
}
