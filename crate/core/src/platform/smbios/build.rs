//! Writes SMBIOS tables for tests, from the specification and not with the reader's offsets.

use alloc::{vec, vec::Vec};

/// A table under construction.
#[derive(Clone, Default)]
pub(crate) struct Table {
    bytes: Vec<u8>,
    handle: u16,
}

impl Table {
    /// Adds a structure: `fields` follow the header of four bytes.
    pub fn structure(mut self, kind: u8, fields: &[u8], strings: &[&str]) -> Self {
        let length = u8::try_from(fields.len() + 4).unwrap();
        self.handle += 1;
        self.bytes.extend([kind, length]);
        self.bytes.extend(self.handle.to_le_bytes());
        self.bytes.extend(fields);
        for string in strings {
            assert!(!string.is_empty(), "an absent string has the number 0");
            self.bytes.extend(string.as_bytes());
            self.bytes.push(0);
        }
        self.bytes.extend(if strings.is_empty() {
            &[0, 0][..]
        } else {
            &[0]
        });
        self
    }

    /// Type 0 of version 2.4.
    pub fn firmware(self, vendor: &str, version: &str, date: &str, virtual_machine: bool) -> Self {
        let mut fields = vec![1, 2, 0, 0xE0, 3, 0x0F];
        fields.extend([0; 8]);
        fields.extend([
            0x01,
            if virtual_machine { 0x1C } else { 0x0C },
            1,
            0,
            0xFF,
            0xFF,
        ]);
        self.structure(0, &fields, &[vendor, version, date])
    }

    /// Type 1 of version 2.4, without UUID.
    pub fn system(self, maker: &str, product: &str, version: &str, family: &str) -> Self {
        let mut fields = vec![1, 2, 3, 4];
        fields.extend([0; 16]);
        fields.extend([6, 0, if family.is_empty() { 0 } else { 5 }]);
        let strings = [maker, product, version, "0000-1111", family];
        let used = if family.is_empty() { 4 } else { 5 };
        self.structure(1, &fields, &strings[..used])
    }

    /// Type 2.
    pub fn board(self, maker: &str, product: &str) -> Self {
        self.structure(2, &[1, 2, 0, 0], &[maker, product])
    }

    /// Type 3.
    pub fn chassis(self, maker: &str, asset_tag: &str) -> Self {
        let mut fields = vec![1, 3, 0, 0, if asset_tag.is_empty() { 0 } else { 2 }];
        fields.extend([3, 3, 3, 3, 0, 0, 0, 0]);
        let used = if asset_tag.is_empty() { 1 } else { 2 };
        self.structure(3, &fields, &[maker, asset_tag][..used])
    }

    /// Type 17 of version 2.8; `size` as the word of the specification, `extended` in MiB.
    pub fn slot(self, locator: &str, size: u16, extended: u32, kind: u8, speed: u16) -> Self {
        let mut fields = vec![0, 0x10, 0xFE, 0xFF, 64, 0, 64, 0];
        fields.extend(size.to_le_bytes());
        fields.extend([9, 0, 1, 2, kind, 0, 0]);
        fields.extend(speed.to_le_bytes());
        fields.extend([3, 0, 0, 4, 0]);
        fields.extend(extended.to_le_bytes());
        fields.extend(speed.to_le_bytes());
        fields.extend([0; 6]);
        self.structure(17, &fields, &[locator, "BANK 0", "Unknown", "PART-1"])
    }

    /// Type 19 of version 2.7; bounds in KiB.
    pub fn range(self, start: u32, end: u32) -> Self {
        let mut fields = vec![];
        fields.extend(start.to_le_bytes());
        fields.extend(end.to_le_bytes());
        fields.extend([0; 19]);
        self.structure(19, &fields, &[])
    }

    /// The table with its end mark.
    pub fn table(self) -> Vec<u8> {
        self.structure(127, &[], &[]).bytes
    }

    /// The table without an end mark.
    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }

    /// The table behind the header of eight bytes, version 3.1.
    pub fn blob(self) -> Vec<u8> {
        let table = self.table();
        let mut blob = vec![0, 3, 1, 0];
        blob.extend(u32::try_from(table.len()).unwrap().to_le_bytes());
        blob.extend(table);
        blob
    }
}
