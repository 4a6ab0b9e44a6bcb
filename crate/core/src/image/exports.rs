//! All that an image exports, by place: what code of it can be called by without a symbol file.
//!
//! The export directory of a loaded image holds the tables and the names in one stretch (the
//! kernel's is 100 KiB), so it is read as a whole, page by page; a page that is missing costs the
//! names on it and no more. Layout: Microsoft's PE format specification.

use super::{DirectoryKind, Image, ImageError, MAX_EXPORTS, MAX_NAME, int, layout};
use crate::memory::Missing;
use crate::order;
use alloc::{string::String, vec, vec::Vec};

/// The largest directory that is read.
const MAX_DIRECTORY: u32 = 1 << 20;
const PAGE: u64 = 0x1000;

/// Exported functions and variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exports {
    /// Places from the base with their names, ascending.
    entries: Vec<(u32, String)>,
    /// Why some are missing.
    pub missing: Option<Missing>,
}

impl Exports {
    /// What begins at `rva` or nearest before it, and how far before.
    #[must_use]
    pub fn at(&self, rva: u32) -> Option<(&str, u32)> {
        let after = self.entries.partition_point(|&(place, _)| place <= rva);
        let (place, name) = self.entries.get(after.checked_sub(1)?)?;
        Some((name, rva - place))
    }

    /// Every place with its name, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        self.entries.iter().map(|(place, name)| (*place, &**name))
    }
}

impl Image<'_> {
    /// Everything that is exported by name.
    ///
    /// # Errors
    /// When the directory itself is missing. An image that exports nothing gives no names.
    pub fn exports(&self) -> Result<Exports, ImageError> {
        let Some(directory) = self.directory(DirectoryKind::Export) else {
            return Ok(Exports::default());
        };
        let len = directory.size.min(MAX_DIRECTORY) as usize;
        let mut bytes = vec![0; len];
        let mut missing = None;
        let mut at = 0;
        while at < len {
            let address = self.at(u64::from(directory.rva) + at as u64)?;
            let end = len.min(at + (PAGE - address.0 % PAGE) as usize);
            if let Some(page) = bytes.get_mut(at..end)
                && let Err(why) = self.space.read(address, page)
            {
                page.fill(0);
                missing = missing.or(Some(why));
            }
            at = end;
        }
        let tables = Tables {
            bytes: &bytes,
            rva: directory.rva,
        };
        let found = tables.entries().unwrap_or_default();
        if let (true, Some(why)) = (found.is_empty(), missing) {
            return Err(why.into());
        }
        Ok(Exports {
            entries: order::by_key(found, |(place, _)| (u64::from(*place), 0)),
            missing,
        })
    }
}

/// The directory as it was read.
struct Tables<'a> {
    bytes: &'a [u8],
    rva: u32,
}

impl Tables<'_> {
    fn word(&self, rva: u64, len: usize) -> Option<u64> {
        int(self.bytes, rva.checked_sub(self.rva.into())?, len)
    }

    fn name(&self, rva: u64) -> Option<String> {
        let from = usize::try_from(rva.checked_sub(self.rva.into())?).ok()?;
        let bytes = self.bytes.get(from..)?;
        let end = bytes.iter().take(MAX_NAME).position(|&b| b == 0)?;
        let name = core::str::from_utf8(bytes.get(..end)?).ok()?;
        (!name.is_empty()).then(|| name.into())
    }

    fn entries(&self) -> Option<Vec<(u32, String)>> {
        let field = |offset: u64| self.word(u64::from(self.rva) + offset, 4);
        let count = field(layout::EXPORT_NAMES)?.min(MAX_EXPORTS.into());
        let (functions, names) = (
            field(layout::EXPORT_FUNCTION_TABLE)?,
            field(layout::EXPORT_NAME_TABLE)?,
        );
        let ordinals = field(layout::EXPORT_ORDINALS)?;
        let entry = |index: u64| {
            let name = self.name(self.word(names.checked_add(index * 4)?, 4)?)?;
            let ordinal = self.word(ordinals.checked_add(index * 2)?, 2)?;
            let place = self.word(functions.checked_add(ordinal * 4)?, 4)?;
            // A place within the directory is a text: the function is another image's.
            let own = place
                .checked_sub(self.rva.into())
                .is_none_or(|into| into >= self.bytes.len() as u64);
            (place != 0 && own).then_some((place as u32, name))
        };
        // No two names share their letters, so all of them are no longer than the directory.
        let mut letters = 0;
        let fits = |found: &(u32, String)| {
            letters += found.1.len();
            letters <= self.bytes.len()
        };
        Some((0..count).filter_map(entry).take_while(fits).collect())
    }
}
