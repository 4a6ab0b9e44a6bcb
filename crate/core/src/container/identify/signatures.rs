//! The bytes by which formats are known.

use super::FileFormat as F;
use crate::source::{ReadError, Source, SourceExt};

/// Formats that are known by fixed bytes at a fixed place near the start: longest and rarest
/// first where one could be mistaken for another.
static HEADS: &[(usize, &[u8], F)] = &[
    (0, b"USERDUMP", F::UserDumpOld),
    (0, b"USERDU64", F::UserDumpOld),
    (0, b"MDMP", F::UserMinidump),
    (0, b"DumpBlob", F::SecondaryData),
    (0, b"PK\x03\x04", F::Zip),
    (0, b"PK\x05\x06", F::Zip),
    (0, b"PK\x07\x08", F::Zip),
    (0, b"\x1F\x8B", F::Gzip),
    (0, b"MSCF\0\0\0\0", F::Cab),
    (0, b"7z\xBC\xAF\x27\x1C", F::SevenZip),
    (0, b"Rar!\x1A\x07\x00", F::Rar4),
    (0, b"Rar!\x1A\x07\x01\x00", F::Rar5),
    (0, b"\xFD7zXZ\x00", F::Xz),
    (0, b"\x28\xB5\x2F\xFD", F::Zstd),
    (0, b"\x04\x22\x4D\x18", F::Lz4),
    (0, b"MSWIM\0\0\0", F::Wim),
    (257, b"ustar", F::Tar),
    (0, b"regf", F::RegistryHive),
    (0, b"ElfFile\0", F::EventLog),
    (4, b"LfLe", F::EventLog),
    (0, b"vhdxfile", F::Vhdx),
    (0, b"conectix", F::Vhd),
    (0, b"QFI\xFB", F::DiskImage),
    (0, b"KDMV", F::DiskImage),
    (0x40, b"\x7F\x10\xDA\xBE", F::DiskImage),
    (0, b"\x14\x20\x28\x01", F::HyperVStorage),
    (0, b"\xD0\xBE\xD2\xBE", F::VmwareState),
    (0, b"\xD1\xBA\xD1\xBA", F::VmwareState),
    (0, b"\xD2\xBE\xD2\xBE", F::VmwareState),
    (0, b"\xD3\xBE\xD3\xBE", F::VmwareState),
    (0, b"LibvirtQemudSave", F::QemuState),
    (0, b"QEVM", F::QemuState),
    (0, b"EMiL", F::RawMemory),
    // The interrupt table of a machine with a BIOS: page 0 of its memory (.vmem, raw captures).
    (0, b"\x53\xFF\x00\xF0\x53\xFF\x00\xF0", F::RawMemory),
    (0, b"hibr", F::Hibernation),
    (0, b"HIBR", F::Hibernation),
    (0, b"wake", F::Hibernation),
    (0, b"WAKE", F::Hibernation),
    (0, b"RSTR", F::Hibernation),
    (0, b"\x81\x81xpress", F::Hibernation),
    (0, b"Microsoft C/C++ MSF 7.00\r\n\x1ADS\0\0\0", F::Pdb),
    (0, b"Microsoft C/C++ program database 2.00", F::Pdb),
    (0, b"Microsoft MSFZ Container", F::Pdb),
    (0, b"BSJB", F::Pdb),
    (0, b"\xFE\xED\xFA\xCE", F::OtherProgram),
    (0, b"\xFE\xED\xFA\xCF", F::OtherProgram),
    (0, b"\xCE\xFA\xED\xFE", F::OtherProgram),
    (0, b"\xCF\xFA\xED\xFE", F::OtherProgram),
    (0, b"\xCA\xFE\xBA\xBE", F::OtherProgram),
    (0, b"\x89PNG\r\n\x1A\n", F::Picture),
    (0, b"\xFF\xD8\xFF", F::Picture),
    (0, b"GIF8", F::Picture),
    (8, b"ftypheic", F::Picture),
    (8, b"WEBPVP8", F::Picture),
    (4, b"ftyp", F::Video),
    (0, b"%PDF-", F::Document),
    (0, b"{\\rtf", F::Document),
    (0, b"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", F::OfficeStorage),
    (0, b"SQLite format 3\0", F::Database),
    (0, b"PGDMP", F::Database),
    (3, b"EXPORT:V", F::Database),
    (0, b"-FVE-FS-", F::DiskImage),
    (3, b"-FVE-FS-", F::DiskImage),
    (3, b"NTFS    ", F::DiskImage),
];

/// What the first bytes say; `len` is the length of the file.
pub(super) fn by_head(head: &[u8], len: u64) -> Option<F> {
    let at = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|b| b.starts_with(magic));
    if let Some(&(_, _, format)) = HEADS.iter().find(|(offset, magic, _)| at(*offset, magic)) {
        return Some(format);
    }
    if at(0, b"\x7FELF") {
        return Some(elf(head));
    }
    if at(0, b"MZ") {
        return pe(head, len);
    }
    // bzip2: a digit for the block size, then the first digits of pi.
    if at(0, b"BZh") && at(4, b"\x31\x41\x59\x26\x53\x59") {
        return Some(F::Bzip2);
    }
    None
}

/// ELF: e_type (u16 at 0x10) 4 is a core file.
fn elf(head: &[u8]) -> F {
    let kind = match (head.get(5), head.get(0x10), head.get(0x11)) {
        (Some(2), Some(&high), Some(&low)) => u16::from_be_bytes([high, low]),
        (_, Some(&low), Some(&high)) => u16::from_le_bytes([low, high]),
        _ => 0,
    };
    if kind == 4 {
        F::ElfCore
    } else {
        F::OtherProgram
    }
}

/// MZ alone is two letters; the PE signature it points to makes it a program.
fn pe(head: &[u8], len: u64) -> Option<F> {
    let pointer: &[u8; 4] = head.get(0x3C..0x40)?.first_chunk()?;
    let offset = u32::from_le_bytes(*pointer);
    let found = usize::try_from(offset).ok().and_then(|o| head.get(o..));
    match found {
        Some(found) => found.starts_with(b"PE\0\0").then_some(F::PeImage),
        // The signature lies behind what was read: believed when it lies in the file.
        None => (u64::from(offset) < len && offset < 0x10_0000).then_some(F::PeImage),
    }
}

/// Formats that are known by bytes elsewhere in the file.
pub(super) fn elsewhere(source: &dyn Source) -> Result<Option<F>, ReadError> {
    // A fixed VHD has nothing but its footer in the last 512 bytes.
    if source.len() >= 0x400 {
        let footer = source.bytes_up_to(source.len() - 0x200, 8)?;
        if footer == b"conectix" {
            return Ok(Some(F::Vhd));
        }
    }
    if source.len() >= 0x8006 && source.bytes(0x8001, 5)? == b"CD001" {
        return Ok(Some(F::DiskImage));
    }
    // A boot sector: a disk or a volume, sector by sector.
    if source.len() >= 0x10_0000 && source.len().is_multiple_of(0x200) {
        let sector = source.bytes(0, 0x200)?;
        if sector.ends_with(&[0x55, 0xAA])
            && sector
                .first()
                .is_some_and(|b| [0xEB, 0x33, 0xFA].contains(b))
        {
            return Ok(Some(F::DiskImage));
        }
    }
    Ok(None)
}
