//! From structure to structure through an SMBIOS table.
//!
//! A structure is a formatted part (kind, length, handle, fields) followed by its strings, each
//! ending in NUL, the set ending in another NUL. Two things break real tables: the Generation 1
//! firmware of Hyper-V has a gap of unformatted bytes in its own table, and Windows may blank
//! serial numbers when it writes a dump. So where the chain breaks, the walk looks for the next
//! place that is a structure beyond doubt and says that it did.

use crate::platform::bytes::{u8_at, u16_at};
use alloc::{borrow::ToOwned, string::String};

/// Most structures that are read; the largest tables of real servers have some hundreds.
const MAX_STRUCTURES: u32 = 4096;
/// How often a broken chain is taken up again.
const MAX_RESUMPTIONS: u32 = 16;
/// Longest string that is kept, in characters.
const MAX_TEXT: usize = 256;
/// Kind of the structure that ends a table.
const END_OF_TABLE: u8 = 127;
/// Length of the header of every structure: kind, length, handle.
const HEADER: usize = 4;

/// Kinds after a break that are believed, with the lengths that versions 2.0 to 3.7 give them.
const BELIEVED: [(u8, u8, u8); 10] = [
    (0, 0x12, 0x20),
    (1, 0x08, 0x1B),
    (2, 0x08, 0x20),
    (3, 0x09, 0x20),
    (4, 0x1A, 0x36),
    (16, 0x0F, 0x17),
    (17, 0x15, 0x64),
    (19, 0x0F, 0x1F),
    (32, 0x0B, 0x20),
    (END_OF_TABLE, 0x04, 0x04),
];

/// One structure.
#[derive(Clone, Copy, Debug)]
pub(super) struct Structure<'a> {
    /// Which kind; the numbers are those of the specification.
    pub kind: u8,
    /// The formatted part, header included.
    pub fields: &'a [u8],
    /// The strings behind it.
    strings: &'a [u8],
}

impl<'a> Structure<'a> {
    pub fn u8(&self, offset: usize) -> Option<u8> {
        u8_at(self.fields, offset)
    }

    pub fn u16(&self, offset: usize) -> Option<u16> {
        u16_at(self.fields, offset)
    }

    /// The string whose number is in the field at `offset`. `None` for number 0 and for a string
    /// that is blank, as serial numbers in dumps often are.
    pub fn text(&self, offset: usize) -> Option<String> {
        self.string(self.u8(offset)?)
    }

    /// String `number`, counted from 1.
    pub fn string(&self, number: u8) -> Option<String> {
        let index = usize::from(number).checked_sub(1)?;
        clean(self.strings.split(|&b| b == 0).nth(index)?)
    }
}

/// Text without control characters and outer blanks; bytes that are no UTF-8 read as Latin-1.
fn clean(raw: &[u8]) -> Option<String> {
    let text: String = match core::str::from_utf8(raw) {
        Ok(text) => text.chars().take(MAX_TEXT).collect(),
        Err(_) => raw.iter().take(MAX_TEXT).map(|&b| char::from(b)).collect(),
    };
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The walk.
pub(super) struct Walk<'a> {
    table: &'a [u8],
    at: usize,
    read: u32,
    resumptions: u32,
    /// The end mark was reached, or the last byte.
    pub complete: bool,
}

impl<'a> Walk<'a> {
    pub fn new(table: &'a [u8]) -> Self {
        Self {
            table,
            at: 0,
            read: 0,
            resumptions: 0,
            complete: false,
        }
    }

    /// Whether the chain broke and was taken up again.
    pub fn resumed(&self) -> bool {
        self.resumptions > 0
    }

    /// The structure at `at` and the offset of the next.
    fn structure(&self, at: usize) -> Option<(Structure<'a>, usize)> {
        let rest = self.table.get(at..)?;
        let (&kind, &length) = (rest.first()?, rest.get(1)?);
        let length = usize::from(length);
        if length < HEADER {
            return None;
        }
        let fields = rest.get(..length)?;
        let tail = rest.get(length..)?;
        // A missing end is tolerated: the table may have been cut.
        let (strings, used) = match tail.windows(2).position(|pair| pair == [0, 0]) {
            Some(end) => (tail.get(..end)?, end + 2),
            None => (tail, tail.len()),
        };
        let structure = Structure {
            kind,
            fields,
            strings,
        };
        Some((structure, at + length + used))
    }

    /// The next place, from `from` on, that is a structure beyond doubt.
    fn believed_after(&self, from: usize) -> Option<usize> {
        (from.max(2)..self.table.len()).find(|&at| {
            let header = (u8_at(self.table, at), u8_at(self.table, at + 1));
            let (Some(kind), Some(length)) = header else {
                return false;
            };
            self.table.get(at - 2..at) == Some(&[0, 0])
                && u16_at(self.table, at + 2).is_some_and(|handle| handle != 0)
                && BELIEVED
                    .iter()
                    .any(|&(k, low, high)| k == kind && (low..=high).contains(&length))
                && self
                    .structure(at)
                    .is_some_and(|(found, _)| strings_fit(&found))
        })
    }
}

/// Whether the strings of a structure look like strings. Only asked after a break.
fn strings_fit(structure: &Structure<'_>) -> bool {
    structure
        .strings
        .iter()
        .all(|&b| b == 0 || (0x20..0x7F).contains(&b))
}

impl<'a> Iterator for Walk<'a> {
    type Item = Structure<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.complete || self.read >= MAX_STRUCTURES {
            return None;
        }
        if self.at >= self.table.len() {
            self.complete = true;
            return None;
        }
        let found = match self.structure(self.at) {
            Some(found) => found,
            None if self.resumptions < MAX_RESUMPTIONS => {
                let at = self.believed_after(self.at)?;
                self.resumptions += 1;
                self.structure(at)?
            }
            None => return None,
        };
        self.at = found.1;
        self.read += 1;
        if found.0.kind == END_OF_TABLE {
            self.complete = true;
            return None;
        }
        Some(found.0)
    }
}
