//! Registry values by name: those that Windows adds to a dump of the processor (its name, speed
//! and microcode), and those that a host writes into its guest, wherever they were found.
//!
//! The records of a dump are decoded by [`crate::container::blob`]; here they become names and
//! texts, as they come out of a hive in memory too.

use crate::container::blob::{RegistryValue, registry_records};
use alloc::{borrow::ToOwned, format, string::String, string::ToString, vec::Vec};

/// Names and values of the records in a dump (secondary data
/// `6c7ac389-4313-47dc-9f34-a8800a0fb56c`): numbers in decimal, several texts joined by `; `.
/// Bytes, and values that are empty or blank, are left out.
#[must_use]
pub fn pairs(data: &[u8]) -> Vec<(String, String)> {
    registry_records(data)
        .into_iter()
        .filter_map(|record| Some((record.name, text(&record.value)?)))
        .collect()
}

fn text(value: &RegistryValue) -> Option<String> {
    let text = match value {
        RegistryValue::Text(text) => text.clone(),
        RegistryValue::List(texts) => texts.join("; "),
        RegistryValue::Dword(number) => number.to_string(),
        RegistryValue::Qword(number) => number.to_string(),
        RegistryValue::Bytes(..) => return None,
    };
    let text: String = text.chars().filter(|c| !c.is_control()).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
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
    use alloc::vec;

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
