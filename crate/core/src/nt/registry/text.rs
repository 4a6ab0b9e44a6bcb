//! Values as text: by the type that the registry gives them.

use alloc::{borrow::Cow, format, string::String, vec::Vec};

/// Most bytes of binary data that are shown.
const MAX_SHOWN: usize = 256;

/// The types of values. Source: winnt.h, REG_*.
const KINDS: [&str; 12] = [
    "REG_NONE",
    "REG_SZ",
    "REG_EXPAND_SZ",
    "REG_BINARY",
    "REG_DWORD",
    "REG_DWORD_BIG_ENDIAN",
    "REG_LINK",
    "REG_MULTI_SZ",
    "REG_RESOURCE_LIST",
    "REG_FULL_RESOURCE_DESCRIPTOR",
    "REG_RESOURCE_REQUIREMENTS_LIST",
    "REG_QWORD",
];

/// A type of values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(pub u32);

impl Kind {
    /// Its name, or its number where it has none.
    #[must_use]
    pub fn name(self) -> Cow<'static, str> {
        let known = usize::try_from(self.0).ok().and_then(|at| KINDS.get(at));
        known.map_or_else(|| format!("{:#x}", self.0).into(), |&name| name.into())
    }
}

/// The texts between the NULs, empty ones at the end left out.
#[must_use]
pub fn texts(data: &[u8]) -> Vec<String> {
    let units = data
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    let all: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    let mut parts: Vec<String> = all.split('\0').map(String::from).collect();
    while parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    parts
}

/// The integer of a REG_DWORD, REG_DWORD_BIG_ENDIAN or REG_QWORD.
#[must_use]
pub fn number(kind: u32, data: &[u8]) -> Option<u64> {
    match kind {
        4 => Some(u32::from_le_bytes(data.get(..4)?.try_into().ok()?).into()),
        5 => Some(u32::from_be_bytes(data.get(..4)?.try_into().ok()?).into()),
        11 => Some(u64::from_le_bytes(data.get(..8)?.try_into().ok()?)),
        _ => None,
    }
}

/// Data as one line: text, several texts joined by `; `, a number in decimal, else bytes in
/// hexadecimal.
#[must_use]
pub fn show(kind: u32, data: &[u8]) -> String {
    if let Some(number) = number(kind, data) {
        return format!("{number}");
    }
    match kind {
        1 | 2 | 6 => texts(data).into_iter().next().unwrap_or_default(),
        7 => texts(data).join("; "),
        _ => {
            let mut text = String::new();
            for byte in data.iter().take(MAX_SHOWN) {
                text.push_str(&format!("{byte:02x}"));
            }
            if data.len() > MAX_SHOWN {
                text.push_str(&format!("… ({} bytes)", data.len()));
            }
            text
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn every_type_is_shown_as_what_it_holds() {
        assert_eq!(show(1, &wide("pagefile.sys\0")), "pagefile.sys");
        assert_eq!(show(7, &wide("a 0 0\0b\0\0")), "a 0 0; b");
        assert_eq!(show(4, &[1, 2, 0, 0]), "513");
        assert_eq!(show(5, &[0, 0, 2, 1]), "513");
        assert_eq!(show(11, &[0, 0, 0, 0, 1, 0, 0, 0]), "4294967296");
        assert_eq!(show(3, &[0xDE, 0xAD]), "dead");
        assert_eq!(show(4, &[1]), "01");
        assert!(show(3, &[0; 300]).ends_with("(300 bytes)"));
        assert_eq!(Kind(7).name(), "REG_MULTI_SZ");
        assert_eq!(Kind(99).name(), "0x63");
    }
}
