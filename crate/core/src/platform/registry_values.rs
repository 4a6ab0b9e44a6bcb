//! Values of the hardware registry that Windows adds to dumps (secondary data
//! `6c7ac389-4313-47dc-9f34-a8800a0fb56c`): name and speed of the processor, the microcode that
//! the firmware loaded and the one that Windows did.
//!
//! Layout, seen in dumps of 9600, 19041, 22000 and 26100: length of the name in bytes (u32), the
//! name in UTF-16 with its NUL, the registry's type (u32), length of the data (u32), the data.

use super::bytes::{u32_at, u64_at};
use alloc::{format, string::String, string::ToString, vec::Vec};

/// Most values that are read; real dumps have nine or ten.
const MAX_VALUES: usize = 256;
/// Longest name, bytes; the registry allows 16 383 characters.
const MAX_NAME: usize = 0x8000;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryValue {
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: RegistryData,
}

/// The data of a value, by the type that the registry gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryData {
    /// REG_SZ, REG_EXPAND_SZ.
    Text(String),
    /// REG_MULTI_SZ.
    Texts(Vec<String>),
    /// REG_DWORD, REG_QWORD.
    Number(u64),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl RegistryValue {
    /// As a name and a line of text: numbers in decimal, several texts joined by `; `. `None` for
    /// bytes.
    #[must_use]
    pub fn pair(&self) -> Option<(String, String)> {
        let text = match &self.data {
            RegistryData::Text(text) => text.clone(),
            RegistryData::Texts(texts) => texts.join("; "),
            RegistryData::Number(number) => number.to_string(),
            RegistryData::Bytes(_) => return None,
        };
        Some((self.name.clone(), text))
    }
}

/// Reads the values up to the first that does not fit.
#[must_use]
pub fn values(data: &[u8]) -> Vec<RegistryValue> {
    let mut found = Vec::new();
    let mut at = 0;
    while found.len() < MAX_VALUES {
        let Some((value, next)) = value(data, at) else {
            break;
        };
        found.push(value);
        at = next;
    }
    found
}

/// The values as the rest of the room takes them: names with a line of text each.
#[must_use]
pub fn pairs(data: &[u8]) -> Vec<(String, String)> {
    values(data)
        .iter()
        .filter_map(RegistryValue::pair)
        .collect()
}

/// The value at `at` and the offset behind it.
fn value(data: &[u8], at: usize) -> Option<(RegistryValue, usize)> {
    let length = |offset| usize::try_from(u32_at(data, offset)?).ok();
    let name_length = length(at).filter(|&n| n > 0 && n <= MAX_NAME && n % 2 == 0)?;
    let name_at = at.checked_add(4)?;
    let kind_at = name_at.checked_add(name_length)?;
    let name = texts(data.get(name_at..kind_at)?).into_iter().next()?;
    let kind = u32_at(data, kind_at)?;
    let body_length = length(kind_at.checked_add(4)?)?;
    let body_at = kind_at.checked_add(8)?;
    let end = body_at.checked_add(body_length)?;
    let body = data.get(body_at..end)?;
    let data = match kind {
        1 | 2 => RegistryData::Text(texts(body).into_iter().next().unwrap_or_default()),
        7 => RegistryData::Texts(texts(body)),
        4 if body.len() == 4 => RegistryData::Number(u32_at(body, 0)?.into()),
        11 if body.len() == 8 => RegistryData::Number(u64_at(body, 0)?),
        _ => RegistryData::Bytes(body.to_vec()),
    };
    Some((RegistryValue { name, data }, end))
}

/// The texts between the NULs, none of them empty, without control characters and outer blanks.
fn texts(utf16: &[u8]) -> Vec<String> {
    let units = utf16
        .chunks_exact(2)
        .filter_map(|pair| Some(u16::from_le_bytes(pair.try_into().ok()?)));
    let all: String = char::decode_utf16(units)
        .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect();
    let clean = |part: &str| {
        let part: String = part.chars().filter(|c| !c.is_control()).collect();
        String::from(part.trim())
    };
    all.split('\0')
        .map(clean)
        .filter(|part| !part.is_empty())
        .collect()
}

/// The values by name. A name may stand behind a path; only its last part counts, whatever its
/// case.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a>(pub &'a [(String, String)]);

impl<'a> Values<'a> {
    /// The text of the value called `name`, if it is not blank.
    #[must_use]
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(found, _)| {
                found
                    .rsplit('\\')
                    .next()
                    .is_some_and(|last| last.eq_ignore_ascii_case(name))
            })
            .map(|(_, text)| text.trim())
            .filter(|text| !text.is_empty())
    }

    /// The number of the value called `name`, written in decimal or as `0x…`.
    #[must_use]
    pub fn number(self, name: &str) -> Option<u64> {
        let text = self.text(name)?;
        match text.strip_prefix("0x") {
            Some(digits) => u64::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    }

    /// Where a value stands, for evidence.
    #[must_use]
    pub fn place(name: &str) -> String {
        format!("registry value {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::testing::{self, REGISTRY, damaged};
    use alloc::{borrow::ToOwned, vec};

    fn record(name: &str, kind: u32, body: &[u8]) -> Vec<u8> {
        let name = wide(name);
        let mut bytes = vec![];
        bytes.extend(u32::try_from(name.len()).unwrap().to_le_bytes());
        bytes.extend(name);
        bytes.extend(kind.to_le_bytes());
        bytes.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        bytes.extend(body);
        bytes
    }

    fn wide(text: &str) -> Vec<u8> {
        let units = text.encode_utf16().chain([0]);
        units.flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let mut data = record("~MHz", 4, &2594u32.to_le_bytes());
        data.extend(record("ProcessorNameString", 1, &wide("Model T  ")));
        data.extend(record(
            "SystemBiosVersion",
            7,
            &wide("VRTUAL - 5001223\0BIOS Date\0"),
        ));
        data.extend(record("MSR8B", 11, &(0x1Bu64 << 32).to_le_bytes()));
        data.extend(record("Component Information", 3, &[1, 2]));
        let pairs = pairs(&data);
        let values = Values(&pairs);
        assert_eq!(values.number("~mhz"), Some(2594));
        assert_eq!(values.text("ProcessorNameString"), Some("Model T"));
        let versions = values.text("SystemBiosVersion");
        assert_eq!(versions, Some("VRTUAL - 5001223; BIOS Date"));
        assert_eq!(values.number("MSR8B"), Some(0x1B << 32));
        assert_eq!(values.text("Component Information"), None);
        assert_eq!(pairs.len(), 4);
    }

    #[test]
    fn a_path_before_the_name_does_not_hide_the_value() {
        let pairs = [(
            "Guest\\Parameters\\HostingSystemOsMajor".to_owned(),
            "6".to_owned(),
        )];
        assert_eq!(Values(&pairs).number("HostingSystemOsMajor"), Some(6));
        assert_eq!(Values(&pairs).number("OsMajor"), None);
    }

    #[test]
    fn real_dumps_name_processor_and_speed() {
        for dump in testing::dumps() {
            let pairs = pairs(dump.blob(REGISTRY).unwrap());
            let values = Values(&pairs);
            let speed = values.number("~MHz").unwrap();
            assert!((1_000..6_000).contains(&speed), "{}: {speed}", dump.name);
            let vendor = values.text("VendorIdentifier").unwrap();
            let known = ["GenuineIntel", "AuthenticAMD", "Qualcomm Technologies Inc"];
            assert!(known.contains(&vendor), "{}: {vendor}", dump.name);
            assert!(
                values.text("ProcessorNameString").is_some(),
                "{}",
                dump.name
            );
        }
    }

    #[test]
    fn damaged_values_neither_panic_nor_grow() {
        let mut data = record("~MHz", 4, &2594u32.to_le_bytes());
        data.extend(record("Identifier", 1, &wide("Fabrikam Family 6")));
        damaged(&data, |bytes| {
            let size: usize = pairs(bytes).iter().map(|(n, t)| n.len() + t.len()).sum();
            assert!(size <= bytes.len() * 3);
        });
    }
}
