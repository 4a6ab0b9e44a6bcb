//! Physical memory of the dumped machine: the pages that a dump stores.

use super::{Missing, Pfn, PhysicalAddress};
use crate::container::PageIndex;
use crate::container::pages::{Absent, PAGE};
use crate::source::{ReadError, Source};
use core::fmt;

/// The physical memory that a dump with pages holds.
#[derive(Clone, Copy)]
pub struct PhysicalMemory<'a> {
    source: &'a dyn Source,
    index: &'a PageIndex,
}

impl fmt::Debug for PhysicalMemory<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PhysicalMemory({} bytes of file)", self.source.len())
    }
}

impl<'a> PhysicalMemory<'a> {
    /// The pages that `index` finds in `source`.
    #[must_use]
    pub fn new(source: &'a dyn Source, index: &'a PageIndex) -> Self {
        Self { source, index }
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &'a dyn Source {
        self.source
    }

    /// The index of stored pages.
    #[must_use]
    pub fn index(&self) -> &'a PageIndex {
        self.index
    }

    /// Where a page stands in the file.
    ///
    /// # Errors
    /// When it was not written, or the file cannot say.
    pub fn locate(&self, pfn: Pfn) -> Result<u64, Missing> {
        self.index
            .locate(self.source, pfn.0)
            .map_err(|why| match why {
                Absent::NotStored => {
                    Missing::NotInDump(PhysicalAddress(pfn.0.saturating_mul(PAGE)))
                }
                Absent::File(error) => Missing::File(error),
            })
    }

    /// Whether a page is stored; an error when that cannot be told (yet).
    ///
    /// # Errors
    /// When the list of pages cannot be read there.
    pub fn holds(&self, pfn: Pfn) -> Result<bool, Missing> {
        match self.locate(pfn) {
            Ok(_) => Ok(true),
            Err(Missing::NotInDump(_)) => Ok(false),
            // A page that the list names and the end of the file cuts off was written once.
            Err(Missing::File(ReadError::Truncated { .. })) => Ok(true),
            Err(why) => Err(why),
        }
    }

    /// Fills `buf` from `address` on, or says why the first missing byte is missing. Pages behind
    /// one that is not fetched yet are asked for too.
    ///
    /// # Errors
    /// See [`Missing`].
    pub fn read(&self, address: PhysicalAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let mut result = Ok(());
        let mut at = address.0;
        let mut rest = buf;
        while !rest.is_empty() {
            let into = at % PAGE;
            let take = rest.len().min((PAGE - into) as usize);
            let (here, next) = rest.split_at_mut(take);
            let read = self.locate(Pfn(at / PAGE)).and_then(|offset| {
                self.source
                    .read_at(offset.saturating_add(into), here)
                    .map_err(Missing::File)
            });
            match read {
                Ok(()) => {}
                Err(Missing::File(_)) => result = result.and(read),
                Err(why) => return result.and(Err(why)),
            }
            rest = next;
            at = match at.checked_add(take as u64) {
                Some(next) => next,
                None if rest.is_empty() => break,
                None => return result.and(Err(Missing::Unmapped)),
            };
        }
        result
    }

    /// A little-endian integer of 4 or 8 bytes.
    ///
    /// # Errors
    /// As [`PhysicalMemory::read`].
    pub fn word(&self, address: PhysicalAddress, width: u8) -> Result<u64, Missing> {
        let mut buf = [0; 8];
        let bytes = buf.get_mut(..usize::from(width.min(8))).unwrap_or_default();
        self.read(address, bytes)?;
        Ok(u64::from_le_bytes(buf))
    }
}
