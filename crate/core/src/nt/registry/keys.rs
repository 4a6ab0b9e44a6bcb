//! Keys and values: what the cells hold.
//!
//! Source: the regf documentation of M. Suhanov; the names are those of _CM_KEY_NODE,
//! _CM_KEY_VALUE, _CM_KEY_INDEX and _CM_BIG_DATA.

use super::cells::{NO_CELL, cell};
use super::{Hive, Registry, RegistryError};
use crate::memory::Missing;
use crate::source::utf16_lossy;
use alloc::{string::String, vec::Vec};

/// `nk`: offsets of its members. Source: as the room.
pub(super) mod node {
    pub const FLAGS: usize = 2;
    pub const TIME: usize = 4;
    pub const COUNTS: usize = 0x14;
    pub const LISTS: usize = 0x1C;
    pub const VALUE_COUNT: usize = 0x24;
    pub const VALUE_LIST: usize = 0x28;
    pub const SECURITY: usize = 0x2C;
    pub const CLASS: usize = 0x30;
    pub const NAME_LENGTH: usize = 0x48;
    pub const CLASS_LENGTH: usize = 0x4A;
    pub const NAME: usize = 0x4C;
    /// The key is a link to another.
    pub const LINK: u16 = 0x10;
    /// The name has one byte a character.
    pub const ASCII: u16 = 0x20;
}
/// `vk`: offsets of its members.
mod value {
    pub const NAME_LENGTH: usize = 2;
    pub const DATA_LENGTH: usize = 4;
    pub const DATA: usize = 8;
    pub const KIND: usize = 0xC;
    pub const FLAGS: usize = 0x10;
    pub const NAME: usize = 0x14;
    /// The name has one byte a character.
    pub const ASCII: u16 = 1;
    /// In DATA_LENGTH: the data stand in DATA itself.
    pub const INLINE: u32 = 0x8000_0000;
}
/// Bytes of a value in one segment of big data.
const SEGMENT: u32 = 16_344;
/// The longest name, in bytes, with what stands before it.
const MAX_NODE: u32 = 0x4C + 2 * 0x400;
const MAX_VALUE: u32 = 0x14 + 2 * 0x4000;
/// Most subkeys or values that are listed.
const MAX_LIST: usize = 0x1_0000;
/// The most of one value's data that is read; longer data are cut and say so.
pub const MAX_DATA: u32 = 0x10_0000;

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let found = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_le_bytes(found.try_into().ok()?))
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let found = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(found.try_into().ok()?))
}

/// A name: one byte a character (Latin-1), or UTF-16.
fn name(bytes: &[u8], narrow: bool) -> String {
    match narrow {
        true => bytes.iter().map(|&byte| char::from(byte)).collect(),
        false => utf16_lossy(bytes),
    }
}

/// A list with the reason why it is not whole.
#[derive(Clone, Debug)]
pub struct Listed<T> {
    /// What could be read.
    pub items: Vec<T>,
    /// Why the rest could not.
    pub gap: Option<RegistryError>,
}

/// A key.
#[derive(Clone, Debug)]
pub struct Key<'a> {
    registry: &'a Registry<'a>,
    hive: &'a Hive,
    index: u32,
    pub(super) cell: Vec<u8>,
    /// Its name.
    pub name: String,
}

/// A value.
#[derive(Clone, Debug)]
pub struct Value<'a> {
    registry: &'a Registry<'a>,
    hive: &'a Hive,
    cell: Vec<u8>,
    index: u32,
    /// Its name; empty for the key's unnamed value.
    pub name: String,
    /// Its type, REG_*.
    pub kind: u32,
}

impl<'a> Key<'a> {
    /// The key at a cell index.
    pub(super) fn at(
        registry: &'a Registry<'a>,
        hive: &'a Hive,
        index: u32,
    ) -> Result<Self, RegistryError> {
        let cell = cell(registry.spaces, registry.layout(), hive, index, MAX_NODE)?;
        let parsed = || {
            let narrow = u16_at(&cell, node::FLAGS)? & node::ASCII != 0;
            let length = usize::from(u16_at(&cell, node::NAME_LENGTH)?);
            let bytes = cell.get(node::NAME..node::NAME.checked_add(length)?)?;
            cell.starts_with(b"nk").then(|| name(bytes, narrow))
        };
        let name = parsed().ok_or(RegistryError::Cell { index })?;
        Ok(Self {
            registry,
            hive,
            index,
            cell,
            name,
        })
    }

    fn bad(&self) -> RegistryError {
        RegistryError::Cell { index: self.index }
    }

    pub(super) fn word(&self, at: usize) -> u32 {
        u32_at(&self.cell, at).unwrap_or(0)
    }

    pub(super) fn contents(&self, index: u32, most: u32) -> Result<Vec<u8>, RegistryError> {
        let registry = self.registry;
        cell(registry.spaces, registry.layout(), self.hive, index, most)
    }

    /// The index of its cell, by which [`Registry::key`] finds it again.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// When it was last written, FILETIME.
    #[must_use]
    pub fn written(&self) -> u64 {
        u64::from(self.word(node::TIME)) | u64::from(self.word(node::TIME + 4)) << 32
    }

    /// Whether it leads to another key.
    #[must_use]
    pub fn is_link(&self) -> bool {
        u16_at(&self.cell, node::FLAGS).is_some_and(|flags| flags & node::LINK != 0)
    }

    /// How many subkeys it has, in both storages.
    #[must_use]
    pub fn subkey_count(&self) -> u32 {
        self.word(node::COUNTS)
            .saturating_add(self.word(node::COUNTS + 4))
    }

    /// How many values it has.
    #[must_use]
    pub fn value_count(&self) -> u32 {
        self.word(node::VALUE_COUNT)
    }

    /// Its subkeys, those of volatile storage last.
    #[must_use]
    pub fn subkeys(&self) -> Listed<Self> {
        let Listed { items, gap } = self.children(None);
        let mut listed = Listed {
            items: Vec::new(),
            gap,
        };
        for index in items {
            match Self::at(self.registry, self.hive, index) {
                Ok(key) => listed.items.push(key),
                Err(error) => listed.gap = Some(error.graver(listed.gap)),
            }
        }
        listed
    }

    /// The subkey called `name`, whatever its case; `None` when there is none.
    ///
    /// # Errors
    /// When the list could not be read to where it would stand.
    pub fn subkey(&self, name: &str) -> Result<Option<Self>, RegistryError> {
        let Listed { items, mut gap } = self.children(Some(name));
        for index in items {
            match Self::at(self.registry, self.hive, index) {
                Ok(key) if key.name.eq_ignore_ascii_case(name) => return Ok(Some(key)),
                Ok(_) => {}
                Err(error) => gap = Some(error.graver(gap)),
            }
        }
        gap.map_or(Ok(None), Err)
    }

    /// Cell indices of the subkeys; with a name only of those that may have it.
    fn children(&self, wanted: Option<&str>) -> Listed<u32> {
        let mut listed = Listed {
            items: Vec::new(),
            gap: None,
        };
        let mut left = MAX_LIST;
        for storage in [0, 4] {
            let list = self.word(node::LISTS + storage);
            if self.word(node::COUNTS + storage) != 0 && list != NO_CELL {
                self.list(list, wanted, &mut left, 0, &mut listed);
            }
        }
        listed
    }

    /// Takes what one list of subkeys holds: `lf` and `lh` with a hint of the name each, `li`
    /// without, `ri` a list of lists. `left` is how many entries may still be looked at: lists may
    /// name each other over and over.
    fn list(
        &self,
        index: u32,
        wanted: Option<&str>,
        left: &mut usize,
        depth: u8,
        listed: &mut Listed<u32>,
    ) {
        let found = self.contents(index, MAX_DATA).and_then(|list| {
            let count = u16_at(&list, 2).ok_or(RegistryError::Cell { index })?;
            Ok((usize::from(count), list))
        });
        let (count, list) = match found {
            Ok(found) => found,
            Err(error) => {
                listed.gap = Some(error.graver(listed.gap));
                return;
            }
        };
        let kind = list.get(..2).unwrap_or_default();
        let size = if matches!(kind, b"lf" | b"lh") { 8 } else { 4 };
        if !matches!(kind, b"lf" | b"lh" | b"li" | b"ri") {
            listed.gap = Some(RegistryError::Cell { index });
            return;
        }
        let entries = list.get(4..).unwrap_or_default();
        for entry in entries.chunks_exact(size).take(count) {
            let Some(cell) = u32_at(entry, 0) else { break };
            let Some(fewer) = left.checked_sub(1) else {
                listed.gap = Some(RegistryError::TooMany.graver(listed.gap));
                return;
            };
            *left = fewer;
            match (kind, wanted) {
                (b"ri", _) if depth == 0 => self.list(cell, wanted, left, 1, listed),
                (b"ri", _) => listed.gap = Some(RegistryError::Cell { index }),
                (b"lf" | b"lh", Some(name)) if !may_be(kind, entry, name) => {}
                _ => listed.items.push(cell),
            }
        }
    }

    /// Its values.
    #[must_use]
    pub fn values(&self) -> Listed<Value<'a>> {
        let mut listed = Listed {
            items: Vec::new(),
            gap: None,
        };
        let count = self.value_count() as usize;
        let list = self.word(node::VALUE_LIST);
        if count == 0 || list == NO_CELL {
            return listed;
        }
        let cells = match self.contents(list, MAX_DATA) {
            Ok(cells) => cells,
            Err(error) => {
                listed.gap = Some(error);
                return listed;
            }
        };
        if cells.len() / 4 < count {
            listed.gap = Some(self.bad());
        }
        for entry in cells.chunks_exact(4).take(count.min(MAX_LIST)) {
            match Value::at(self.registry, self.hive, u32_at(entry, 0).unwrap_or(0)) {
                Ok(value) => listed.items.push(value),
                Err(error) => listed.gap = Some(error.graver(listed.gap)),
            }
        }
        listed
    }

    /// The value called `name`, whatever its case; `None` when there is none.
    ///
    /// # Errors
    /// When it may be among those that could not be read.
    pub fn value(&self, name: &str) -> Result<Option<Value<'a>>, RegistryError> {
        let Listed { items, gap } = self.values();
        let found = items
            .into_iter()
            .find(|value| value.name.eq_ignore_ascii_case(name));
        match (found, gap) {
            (Some(value), _) => Ok(Some(value)),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(None),
        }
    }
}

/// Whether an entry of a list of subkeys may be the one of that name: `lh` holds a hash of the
/// name in upper case, `lf` its first four characters.
fn may_be(kind: &[u8], entry: &[u8], name: &str) -> bool {
    let (Some(hint), true) = (entry.get(4..8), name.is_ascii()) else {
        return true;
    };
    if kind == b"lh" {
        let hash = name.bytes().fold(0_u32, |hash, byte| {
            let upper = byte.to_ascii_uppercase();
            hash.wrapping_mul(37).wrapping_add(u32::from(upper))
        });
        return hint == hash.to_le_bytes();
    }
    let mut start = [0; 4];
    for (place, byte) in start.iter_mut().zip(name.bytes()) {
        *place = byte;
    }
    hint.eq_ignore_ascii_case(&start) || hint.first() == Some(&0)
}

impl<'a> Value<'a> {
    fn at(registry: &'a Registry<'a>, hive: &'a Hive, index: u32) -> Result<Self, RegistryError> {
        let cell = cell(registry.spaces, registry.layout(), hive, index, MAX_VALUE)?;
        let parsed = || {
            let narrow = u16_at(&cell, value::FLAGS)? & value::ASCII != 0;
            let length = usize::from(u16_at(&cell, value::NAME_LENGTH)?);
            let bytes = cell.get(value::NAME..value::NAME.checked_add(length)?)?;
            let kind = u32_at(&cell, value::KIND)?;
            cell.starts_with(b"vk").then(|| (name(bytes, narrow), kind))
        };
        let (name, kind) = parsed().ok_or(RegistryError::Cell { index })?;
        Ok(Self {
            registry,
            hive,
            cell,
            index,
            name,
            kind,
        })
    }

    /// How long its data are, bytes.
    #[must_use]
    pub fn len(&self) -> u32 {
        u32_at(&self.cell, value::DATA_LENGTH).unwrap_or(0) & !value::INLINE
    }

    /// Whether it has no data.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Its data, at most [`MAX_DATA`] bytes of them.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn data(&self) -> Result<Vec<u8>, RegistryError> {
        self.data_up_to(MAX_DATA)
    }

    /// The first `most` bytes of its data.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn data_up_to(&self, most: u32) -> Result<Vec<u8>, RegistryError> {
        let bad = RegistryError::Cell { index: self.index };
        let recorded = u32_at(&self.cell, value::DATA_LENGTH).ok_or(bad)?;
        let length = recorded & !value::INLINE;
        if recorded & value::INLINE != 0 {
            let from = value::DATA;
            let to = from.saturating_add(length as usize);
            let inline = self.cell.get(from..to).filter(|_| length <= 4);
            return inline.map(<[u8]>::to_vec).ok_or(bad);
        }
        if length == 0 {
            return Ok(Vec::new());
        }
        let wanted = length.min(most).min(MAX_DATA);
        let index = u32_at(&self.cell, value::DATA).ok_or(bad)?;
        // A cell is at least as long as what it holds; one that is shorter may be a list of others.
        let data = self.contents(index, length.min(MAX_DATA).min(wanted.max(SEGMENT + 1)))?;
        match data.starts_with(b"db") && length > SEGMENT && data.len() <= SEGMENT as usize {
            true => self.big_data(index, &data, wanted),
            false if data.len() >= wanted as usize => {
                let mut data = data;
                data.truncate(wanted as usize);
                Ok(data)
            }
            false => Err(bad),
        }
    }

    fn contents(&self, index: u32, most: u32) -> Result<Vec<u8>, RegistryError> {
        let registry = self.registry;
        cell(registry.spaces, registry.layout(), self.hive, index, most)
    }

    /// Data in several cells: `db`, the number of segments, the list of their cells.
    fn big_data(&self, index: u32, head: &[u8], wanted: u32) -> Result<Vec<u8>, RegistryError> {
        let bad = RegistryError::Cell { index };
        let count = u16_at(head, 2).ok_or(bad)?;
        let list = self.contents(u32_at(head, 4).ok_or(bad)?, 4 * u32::from(count))?;
        let mut data = Vec::new();
        let mut gap = None;
        for entry in list.chunks_exact(4) {
            let left = wanted.saturating_sub(data.len() as u32);
            if left == 0 {
                break;
            }
            let part = self.contents(u32_at(entry, 0).ok_or(bad)?, left.min(SEGMENT));
            match part {
                Ok(part) => data.extend(part),
                // The other segments are asked for too; nobody sees what was put together.
                Err(RegistryError::Missing(Missing::File(error))) => {
                    gap = Some(Missing::File(error).into());
                }
                Err(error) => return Err(error),
            }
        }
        match gap {
            Some(error) => Err(error),
            None if data.len() == wanted as usize => Ok(data),
            None => Err(bad),
        }
    }
}
