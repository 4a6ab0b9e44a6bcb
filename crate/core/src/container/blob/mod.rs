//! Secondary data: what drivers and parts of Windows add to a dump while it is written, one blob
//! after another, each tagged with a GUID.
//!
//! It begins with `DumpBlob`, right behind the last page of a full or kernel dump, or at
//! SizeOfDump of a minidump. Layout: the ntoseye project's description, verified on dumps of
//! 9600, 19041, 22000 and 26100. Blobs without data and with a zero GUID occur in all of them.

mod blackbox;
mod extra;
mod records;

#[cfg(test)]
mod tests;

pub use blackbox::{BootStatus, NtfsRecord, PlugAndPlay, Winlogon};
pub use blackbox::{boot_status, ntfs, plug_and_play, winlogon};
pub use extra::{ExtraMemory, extra_memory};
pub use records::{RegistryRecord, RegistryValue, registry_records};

use crate::model::Guid;
use crate::source::{ReadError, Source, SourceExt};
use alloc::vec::Vec;

/// More blobs than any dump has; the largest seen has 50.
const MAX_BLOBS: usize = 1024;
/// The longest blob that is read as a whole; SMBIOS and ACPI tables take some KiB.
const MAX_WHOLE: u64 = 1 << 20;

/// Offsets in the file header and in a blob's header.
mod layout {
    pub const SIGNATURE: &[u8; 8] = b"DumpBlob";
    pub const FILE_HEADER_LEN: u64 = 0x08;
    pub const BUILD: u64 = 0x0C;
    pub const FILE_HEADER_MIN: u64 = 0x10;
    pub const HEADER_LEN: u64 = 0x00;
    pub const TAG: u64 = 0x04;
    pub const DATA_LEN: u64 = 0x14;
    pub const PRE_PAD: u64 = 0x18;
    pub const POST_PAD: u64 = 0x1C;
    pub const HEADER_MIN: u64 = 0x20;
}

/// One blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Whose it is.
    pub guid: Guid,
    /// Where its data begins in the file.
    pub offset: u64,
    /// Its length in bytes, as recorded.
    pub size: u32,
    /// Whether the file ends before its data does.
    pub cut: bool,
}

impl Blob {
    /// Its data, as much as the file holds, at most 1 MiB.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    pub fn data(&self, source: &dyn Source) -> Result<Vec<u8>, ReadError> {
        up_to(source, self.offset, u64::from(self.size).min(MAX_WHOLE))
    }
}

/// All secondary data of a dump.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecondaryData {
    /// Where `DumpBlob` stands in the file.
    pub offset: u64,
    /// The build that wrote it.
    pub build: u32,
    /// The blobs in file order. Empty ones are not listed.
    pub blobs: Vec<Blob>,
    /// Where the last blob ends.
    pub end: u64,
    /// Whether the file ends inside it.
    pub cut: bool,
}

impl SecondaryData {
    /// The first blob with that tag, written as GUIDs are.
    #[must_use]
    pub fn find(&self, guid: Guid) -> Option<&Blob> {
        self.blobs.iter().find(|blob| blob.guid == guid)
    }

    /// The data of the first blob with that tag.
    ///
    /// # Errors
    /// As [`Source::read_at`].
    pub fn data(&self, source: &dyn Source, guid: Guid) -> Result<Option<Vec<u8>>, ReadError> {
        self.find(guid).map(|blob| blob.data(source)).transpose()
    }
}

/// Tags of the blobs that are decoded in this room. The bytes are as in memory.
pub mod tag {
    use crate::model::Guid;

    const fn guid(a: u32, b: u16, c: u16, d: [u8; 8]) -> Guid {
        let [a0, a1, a2, a3] = a.to_le_bytes();
        let [b0, b1] = b.to_le_bytes();
        let [c0, c1] = c.to_le_bytes();
        let [d0, d1, d2, d3, d4, d5, d6, d7] = d;
        Guid([
            a0, a1, a2, a3, b0, b1, c0, c1, d0, d1, d2, d3, d4, d5, d6, d7,
        ])
    }

    /// The firmware's description of the machine.
    pub const SMBIOS: Guid = guid(
        0xBC5C_008F,
        0x1E3A,
        0x44D7,
        [0x98, 0x8D, 0x86, 0xF6, 0x88, 0x4C, 0x67, 0x58],
    );
    /// Registry values about processors and firmware.
    pub const REGISTRY_VALUES: Guid = guid(
        0x6C7A_C389,
        0x4313,
        0x47DC,
        [0x9F, 0x34, 0xA8, 0x80, 0x0A, 0x0F, 0xB5, 0x6C],
    );
    /// CPUID leaves and registers.
    pub const REGISTERS: Guid = guid(
        0xD03D_C06F,
        0xD88E,
        0x44C5,
        [0xBA, 0x2A, 0xFA, 0xE0, 0x35, 0x17, 0x2D, 0x19],
    );
    /// ACPI tables.
    pub const ACPI: Guid = guid(
        0xE83B_40D2,
        0xB0A0,
        0x4842,
        [0xAB, 0xEA, 0x71, 0xC9, 0xE3, 0x46, 0x3D, 0xD1],
    );
    /// The list of address ranges that drivers asked to have in a minidump.
    pub const TRIAGE_RANGES: Guid = guid(
        0x2B4A_E195,
        0xA64D,
        0x4F04,
        [0x8E, 0xDE, 0x7E, 0x4F, 0x98, 0x1B, 0xD4, 0x2A],
    );
    /// Memory that drivers asked to have in a minidump, from Windows 11 24H2 on.
    pub const TRIAGE_MEMORY: Guid = guid(
        0x0D91_0545,
        0xE694,
        0x4B15,
        [0x87, 0x0C, 0x01, 0x62, 0x5F, 0xB3, 0x2A, 0x6F],
    );
    /// Boot status data.
    pub const BLACK_BOX_BOOT: Guid = guid(
        0xF573_08DF,
        0xCC45,
        0x4E01,
        [0xAD, 0x76, 0x29, 0xA4, 0xEB, 0xB0, 0x10, 0xEC],
    );
    /// Time-outs in NTFS.
    pub const BLACK_BOX_NTFS: Guid = guid(
        0x00AF_E9C4,
        0x940D,
        0x4213,
        [0x80, 0x16, 0xCD, 0x37, 0x19, 0xB5, 0xBC, 0x20],
    );
    /// The Plug and Play event in progress.
    pub const BLACK_BOX_PNP: Guid = guid(
        0xB763_1941,
        0x532A,
        0x4CD6,
        [0xB1, 0xB1, 0xED, 0xB5, 0x91, 0x7D, 0x45, 0x57],
    );
    /// What Winlogon was doing.
    pub const BLACK_BOX_WINLOGON: Guid = guid(
        0x80CC_79CF,
        0xA719,
        0x4AF1,
        [0xBF, 0x97, 0xFE, 0x29, 0xFF, 0x76, 0xEB, 0xC1],
    );
}

/// Walks the secondary data that begins at `offset`; `None` when there is none.
///
/// # Errors
/// As [`Source::read_at`], but never [`ReadError::Truncated`]: a cut tail gives what is whole.
pub fn walk(source: &dyn Source, offset: u64) -> Result<Option<SecondaryData>, ReadError> {
    let head = up_to(source, offset, layout::FILE_HEADER_MIN)?;
    if !head.starts_with(layout::SIGNATURE) || (head.len() as u64) < layout::FILE_HEADER_MIN {
        return Ok(None);
    }
    let header_len = source.u32(offset.saturating_add(layout::FILE_HEADER_LEN))?;
    let build = source.u32(offset.saturating_add(layout::BUILD))?;
    let header_len = u64::from(header_len).max(layout::FILE_HEADER_MIN);
    let mut data = SecondaryData {
        offset,
        // The four highest bits mark a free build, as in NtBuildNumber.
        build: build & 0x0FFF_FFFF,
        end: offset.saturating_add(header_len),
        ..SecondaryData::default()
    };
    for _ in 0..MAX_BLOBS {
        match blob(source, data.end)? {
            Step::Blob(blob, end) => {
                data.cut |= blob.cut;
                data.end = end;
                if blob.size != 0 {
                    data.blobs.push(blob);
                }
            }
            Step::End => break,
            Step::Cut => {
                data.cut = true;
                break;
            }
        }
        if data.cut {
            break;
        }
    }
    Ok(Some(data))
}

/// As many of `len` bytes as there are from `offset` on, which may be none.
fn up_to(source: &dyn Source, offset: u64, len: u64) -> Result<Vec<u8>, ReadError> {
    if offset >= source.len() {
        return Ok(Vec::new());
    }
    source.bytes_up_to(offset, len)
}

enum Step {
    Blob(Blob, u64),
    End,
    Cut,
}

fn blob(source: &dyn Source, at: u64) -> Result<Step, ReadError> {
    let header = up_to(source, at, layout::HEADER_MIN)?;
    if header.is_empty() {
        return Ok(Step::End);
    }
    let header = crate::source::Slice(&header);
    if header.len() < layout::HEADER_MIN {
        return Ok(Step::Cut);
    }
    let header_len = u64::from(header.u32(layout::HEADER_LEN)?);
    if header_len < layout::HEADER_MIN {
        return Ok(Step::End);
    }
    let size = header.u32(layout::DATA_LEN)?;
    let mut tag = [0; 16];
    header.read_at(layout::TAG, &mut tag)?;
    let start = at
        .saturating_add(header_len)
        .saturating_add(u64::from(header.u32(layout::PRE_PAD)?));
    let end = start.saturating_add(u64::from(size));
    let blob = Blob {
        guid: Guid(tag),
        offset: start,
        size,
        cut: end > source.len(),
    };
    let next = end.saturating_add(u64::from(header.u32(layout::POST_PAD)?));
    Ok(Step::Blob(blob, next))
}
