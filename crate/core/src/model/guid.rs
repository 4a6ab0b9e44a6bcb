//! GUIDs as Windows stores and prints them.

use core::fmt;

/// A GUID in the byte order of memory: the first three fields are little-endian.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    /// The three integers and eight bytes that it is printed from.
    fn fields(self) -> (u32, u16, u16, [u8; 8]) {
        let [a0, a1, a2, a3, b0, b1, c0, c1, rest @ ..] = self.0;
        (
            u32::from_le_bytes([a0, a1, a2, a3]),
            u16::from_le_bytes([b0, b1]),
            u16::from_le_bytes([c0, c1]),
            rest,
        )
    }

    /// The form that symbol stores use in paths: upper case, no dashes.
    #[must_use]
    pub fn symbol_store(self) -> SymbolStoreGuid {
        SymbolStoreGuid(self)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b, c, [d, e, rest @ ..]) = self.fields();
        write!(f, "{a:08x}-{b:04x}-{c:04x}-{d:02x}{e:02x}-")?;
        rest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// See [`Guid::symbol_store`].
#[derive(Clone, Copy, Debug)]
pub struct SymbolStoreGuid(Guid);

impl fmt::Display for SymbolStoreGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, b, c, rest) = self.0.fields();
        write!(f, "{a:08X}{b:04X}{c:04X}")?;
        rest.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn a_guid_is_printed_with_its_first_fields_swapped() {
        let guid = Guid(core::array::from_fn(|i| i as u8 | 0xA0));
        assert_eq!(guid.to_string(), "a3a2a1a0-a5a4-a7a6-a8a9-aaabacadaeaf");
        assert_eq!(
            guid.symbol_store().to_string(),
            "A3A2A1A0A5A4A7A6A8A9AAABACADAEAF"
        );
    }
}
