//! The lists of loaded and unloaded drivers in a minidump.
//!
//! Windows writes loaded drivers in two styles: up to Windows 11 21H2 the name is a full path and
//! the loader's entry is mostly zero; Windows 11 24H2 writes the base name and the whole entry.

use super::layout::{self, DRIVER32, DRIVER32_LENGTHS, DRIVER64, DriverLayout, UnloadedLayout};
use super::{Piece, PieceReader, Problem, is_name, name_at};
use crate::container::header::Width;
use crate::source::{ReadError, Slice, SourceExt, utf16_lossy};
use alloc::{string::String, vec::Vec};

/// More drivers than a machine loads.
const MAX_DRIVERS: u64 = 8192;
/// Windows keeps 50 (MI_UNLOADED_DRIVERS).
const MAX_UNLOADED: u64 = 1024;

/// A loaded driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Driver {
    /// Its name as recorded: a full path or a base name. Empty when it cannot be read.
    pub name: String,
    /// Load address.
    pub base: u64,
    /// SizeOfImage.
    pub size: u32,
    /// Entry point; 0 when it is not recorded.
    pub entry_point: u64,
    /// PE checksum.
    pub checksum: u32,
    /// PE TimeDateStamp.
    pub timestamp: u32,
}

impl Driver {
    /// The name without its path.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.name
            .rsplit(['\\', '/'])
            .next()
            .unwrap_or(self.name.as_str())
    }

    /// The path, when more than a name is recorded.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.name.contains('\\').then_some(self.name.as_str())
    }
}

/// A driver that was unloaded before the machine stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnloadedDriver {
    /// Its name, cut at 12 characters.
    pub name: String,
    /// Where it began.
    pub start: u64,
    /// The first address behind it.
    pub end: u64,
}

impl PieceReader<'_> {
    pub(super) fn drivers(&mut self) -> Vec<Driver> {
        let (offset, count) = (
            self.u32(self.layout.drivers_at),
            self.u32(self.layout.driver_count),
        );
        if offset == 0 || count == 0 {
            return Vec::new();
        }
        let layout = match self.width {
            Width::Bits64 => DRIVER64,
            Width::Bits32 => self.driver32(offset, count),
        };
        let count = self.bounded(Piece::Drivers, offset, count, layout.len, MAX_DRIVERS);
        let bytes = self.source.bytes(offset, count.saturating_mul(layout.len));
        let Some(bytes) = self.keep(Piece::Drivers, offset, bytes) else {
            return Vec::new();
        };
        let mut drivers = Vec::with_capacity(bytes.len() / 0x4C);
        let mut odd = None;
        for (entry, at) in bytes
            .chunks_exact(layout.len as usize)
            .zip((offset..).step_by(layout.len as usize))
        {
            let entry = Slice(entry);
            let Ok(mut driver) = self.driver(entry, &layout) else {
                break;
            };
            match entry
                .u32(layout.name_at)
                .map(|at| name_at(self.source, at.into()))
            {
                Ok(Ok(Some(name))) => driver.name = name,
                // All names are asked for even when the first is not there yet.
                Ok(Err(ReadError::NotYet)) => self.not_yet = true,
                _ => odd = odd.or(Some(at)),
            }
            if driver.base == 0 && driver.size == 0 {
                odd = odd.or(Some(at));
            } else {
                drivers.push(driver);
            }
        }
        if let Some(at) = odd {
            self.note(Piece::Drivers, Problem::Implausible, at);
        }
        drivers
    }

    fn driver(&self, entry: Slice<'_>, layout: &DriverLayout) -> Result<Driver, ReadError> {
        let pointer = |at| match self.width {
            Width::Bits32 => entry.u32(at).map(u64::from),
            Width::Bits64 => entry.u64(at),
        };
        Ok(Driver {
            name: String::new(),
            base: pointer(layout.base)?,
            entry_point: pointer(layout.entry_point)?,
            size: entry.u32(layout.size)?,
            checksum: entry.u32(layout.checksum)?,
            timestamp: entry.u32(layout.timestamp)?,
        })
    }

    /// The 32-bit entry with the first length at which all entries look like drivers: page
    /// aligned, in kernel space, the name inside the string pool.
    fn driver32(&mut self, offset: u64, count: u64) -> DriverLayout {
        let pool = self.u32(self.layout.strings_at);
        let pool_end = pool.saturating_add(self.u32(self.layout.strings_len));
        let fits = |len: u64| {
            let bytes = self
                .source
                .bytes_up_to(offset, count.min(MAX_DRIVERS).saturating_mul(len))?;
            let mut entries = bytes.chunks_exact(len as usize).peekable();
            let any = entries.peek().is_some();
            Ok::<bool, ReadError>(
                any && entries.all(|entry| {
                    let entry = Slice(entry);
                    let base = entry.u32(DRIVER32.base).unwrap_or(1);
                    let name = entry.u32(DRIVER32.name_at).map_or(0, u64::from);
                    base & 0xFFF == 0 && base >= 0x8000_0000 && (pool..pool_end).contains(&name)
                }),
            )
        };
        for &len in DRIVER32_LENGTHS {
            match fits(len) {
                Ok(true) => return DriverLayout { len, ..DRIVER32 },
                Ok(false) => {}
                Err(_) => break,
            }
        }
        DRIVER32
    }

    pub(super) fn unloaded(&mut self) -> Vec<UnloadedDriver> {
        let offset = self.u32(self.layout.unloaded_at);
        if offset == 0 {
            return Vec::new();
        }
        let layout = layout::unloaded(self.width);
        let count = match self.width {
            Width::Bits32 => self.source.u32(offset).map(u64::from),
            Width::Bits64 => self.source.u64(offset),
        };
        let Some(count) = self.keep(Piece::UnloadedDrivers, offset, count) else {
            return Vec::new();
        };
        let first = offset.saturating_add(layout.first);
        let count = self.bounded(
            Piece::UnloadedDrivers,
            first,
            count,
            layout.len,
            MAX_UNLOADED,
        );
        let bytes = self.source.bytes(first, count.saturating_mul(layout.len));
        let Some(bytes) = self.keep(Piece::UnloadedDrivers, first, bytes) else {
            return Vec::new();
        };
        let entries = bytes.chunks_exact(layout.len as usize);
        let found: Vec<_> = entries
            .filter_map(|entry| unloaded_driver(Slice(entry), self.width, &layout))
            .collect();
        if (found.len() as u64) < count {
            self.note(Piece::UnloadedDrivers, Problem::Implausible, first);
        }
        found
    }
}

/// An entry; `None` when it is none. The pointer of the name's UNICODE_STRING, which stands
/// between its length and its characters, is not zero on Windows 11 24H2.
fn unloaded_driver(
    entry: Slice<'_>,
    width: Width,
    layout: &UnloadedLayout,
) -> Option<UnloadedDriver> {
    let pointer = |at| match width {
        Width::Bits32 => entry.u32(at).map(u64::from).ok(),
        Width::Bits64 => entry.u64(at).ok(),
    };
    let len = u64::from(entry.u16(layout.name_len).ok()?).min(layout.name_room);
    let room = entry.bytes(layout.name, layout.name_room).ok()?;
    let name = utf16_lossy(room.get(..len as usize & !1)?);
    let (start, end) = (pointer(layout.start)?, pointer(layout.end)?);
    (is_name(&name) && start < end).then_some(UnloadedDriver { name, start, end })
}
