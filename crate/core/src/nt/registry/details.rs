//! What a key has beside its values: its class, its flags and who may open it.
//!
//! Source: the regf documentation of M. Suhanov (`nk`, `sk`); security descriptors and identifiers
//! are those of MS-DTYP, self-relative.

use super::RegistryError;
use super::cells::NO_CELL;
use super::keys::{Key, node, u16_at, u32_at};
use crate::source::utf16_lossy;
use alloc::{format, string::String, vec::Vec};

/// `sk`: length of the descriptor, and the descriptor.
mod security {
    pub const LENGTH: usize = 0x10;
    pub const DESCRIPTOR: usize = 0x14;
    /// Offset of the owner's identifier in the descriptor.
    pub const OWNER: usize = 4;
}
/// The longest descriptor, and the most parts of an identifier.
const MAX_SECURITY: u32 = 0x1_0000;
const MAX_PARTS: usize = 15;

/// Bits of a key's flags. Source: KEY_* of the kernel's public headers.
static FLAGS: &[(u16, &str)] = &[
    (0x01, "volatile"),
    (0x02, "hive exit"),
    (0x04, "hive entry"),
    (0x08, "may not be deleted"),
    (0x10, "link"),
    (0x20, "one byte a character"),
    (0x40, "predefined handle"),
];

impl Key<'_> {
    /// The flags, in words.
    #[must_use]
    pub fn flags(&self) -> Vec<&'static str> {
        let flags = u16_at(&self.cell, node::FLAGS).unwrap_or(0);
        let set = FLAGS.iter().filter(|(bit, _)| flags & bit != 0);
        set.map(|(_, word)| *word).collect()
    }

    /// The name of its class; `None` when it has none.
    ///
    /// # Errors
    /// When the cell cannot be read.
    pub fn class(&self) -> Result<Option<String>, RegistryError> {
        let length = u16_at(&self.cell, node::CLASS_LENGTH).unwrap_or(0);
        let index = self.word(node::CLASS);
        if length == 0 || index == NO_CELL {
            return Ok(None);
        }
        let bytes = self.contents(index, length.into())?;
        match bytes.len() == usize::from(length) {
            true => Ok(Some(utf16_lossy(&bytes))),
            false => Err(RegistryError::Cell { index }),
        }
    }

    /// Its security descriptor, self-relative.
    ///
    /// # Errors
    /// When the cell cannot be read, or holds none.
    pub fn security(&self) -> Result<Vec<u8>, RegistryError> {
        let index = self.word(node::SECURITY);
        let bad = RegistryError::Cell { index };
        let cell = self.contents(index, MAX_SECURITY)?;
        let length = u32_at(&cell, security::LENGTH).ok_or(bad)? as usize;
        let end = security::DESCRIPTOR.checked_add(length).ok_or(bad)?;
        let found = cell.get(security::DESCRIPTOR..end);
        let found = found.filter(|_| cell.starts_with(b"sk"));
        found.map(<[u8]>::to_vec).ok_or(bad)
    }
}

/// The owner in a security descriptor, as `S-1-5-32-544`.
#[must_use]
pub fn owner(descriptor: &[u8]) -> Option<String> {
    let at = u32_at(descriptor, security::OWNER)? as usize;
    let sid = descriptor.get(at..)?;
    let &[revision, parts, a, b, c, d, e, f] = sid.first_chunk::<8>()?;
    let parts = usize::from(parts);
    if at == 0 || revision != 1 || parts > MAX_PARTS {
        return None;
    }
    let authority = [a, b, c, d, e, f];
    let authority = authority
        .iter()
        .fold(0, |v: u64, &byte| v << 8 | u64::from(byte));
    let mut text = format!("S-1-{authority}");
    for part in 0..parts {
        text.push_str(&format!("-{}", u32_at(sid, 8 + 4 * part)?));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_is_written_as_windows_writes_it() {
        let mut descriptor = [0; 0x24];
        descriptor[4] = 0x14;
        descriptor[0x14..].copy_from_slice(&[1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 0x20, 2, 0, 0]);
        assert_eq!(owner(&descriptor).as_deref(), Some("S-1-5-32-544"));
        for cut in 0..descriptor.len() {
            assert_eq!(owner(&descriptor[..cut]), None);
        }
        descriptor[0x15] = 200;
        assert_eq!(owner(&descriptor), None);
    }
}
