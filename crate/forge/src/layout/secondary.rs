//! The container of secondary data behind a dump, and the tags of its usual owners.
//! Layout: checked on small dumps of 9600 to 26100; owners as the crate ntoseye read them off 26100 images.

/// File header: `DumpBlob`, header size, build.
pub const SIGNATURE: [u8; 8] = *b"DumpBlob";
pub const FILE_HEADER: usize = 0x10;
/// The high bits of the build word: a free build.
pub const FREE_BUILD: u32 = 0xf000_0000;
/// Header of each blob.
pub const BLOB_HEADER: usize = 0x20;
pub const BLOB_GUID: usize = 0x04;
pub const BLOB_SIZE: usize = 0x14;
pub const BLOB_PRE_PAD: usize = 0x18;
pub const BLOB_POST_PAD: usize = 0x1c;

/// SMBIOS tables.
pub const SMBIOS: &str = "bc5c008f-1e3a-44d7-988d-86f6884c6758";
/// Processor values of the registry.
pub const REGISTRY_VALUES: &str = "6c7ac389-4313-47dc-9f34-a8800a0fb56c";
/// CPUID leaves and model specific registers.
pub const REGISTERS: &str = "d03dc06f-d88e-44c5-ba2a-fae035172d19";
/// ACPI tables.
pub const ACPI: &str = "e83b40d2-b0a0-4842-abea-71c9e3463dd1";
/// The crash dump driver's own mark, empty in most dumps.
pub const CRASH_DUMP: &str = "65755a40-f146-43ea-8c91-36b85728fd35";

/// Turns the printed form of a GUID into its 16 bytes: three little-endian words, then eight bytes.
pub fn guid_bytes(text: &str) -> Option<[u8; 16]> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    if digits.len() != 32 {
        return None;
    }
    let mut raw = [0; 16];
    for (i, b) in raw.iter_mut().enumerate() {
        *b = u8::from_str_radix(&digits[2 * i..2 * i + 2], 16).ok()?;
    }
    raw[0..4].reverse();
    raw[4..6].reverse();
    raw[6..8].reverse();
    Some(raw)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_guid_is_stored_with_its_first_three_groups_reversed() {
        assert_eq!(
            super::guid_bytes("bc5c008f-1e3a-44d7-988d-86f6884c6758").unwrap(),
            [
                0x8f, 0x00, 0x5c, 0xbc, 0x3a, 0x1e, 0xd7, 0x44, 0x98, 0x8d, 0x86, 0xf6, 0x88, 0x4c,
                0x67, 0x58
            ]
        );
        assert_eq!(super::guid_bytes("bc5c008f"), None);
    }
}
