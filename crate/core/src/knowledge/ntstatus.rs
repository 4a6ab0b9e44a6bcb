//! NTSTATUS and exception codes: name, value, and what they mean when they stand in a crash.
//!
//! Source of names and values: the constants of the windows-sys crate 0.61.2 (MIT OR Apache-2.0),
//! written to `crate/core/data/ntstatus.txt` by `scripts/status-tables.py`. The meanings in
//! `status-meaning.txt` are this project's words.

use super::text;
use crate::knowledge::store::Table;

/// The name of a status code, for example `STATUS_IO_DEVICE_ERROR`.
pub fn name(status: u32) -> Option<&'static str> {
    text::name_of(Table::Status, status)
}

/// The value behind a name, spelled exactly as in the Windows headers.
pub fn value(name: &str) -> Option<u32> {
    text::value_of(Table::Status, name)
}

/// What a status code says in the context of a crash; only for codes that occur in crashes.
pub fn meaning(status: u32) -> Option<&'static str> {
    meaning_of(name(status)?)
}

/// What the status or error of that name says.
pub(super) fn meaning_of(name: &str) -> Option<&'static str> {
    let order = |line| text::word(line).0.cmp(name);
    let line = text::search(Table::StatusMeaning.text(), order)?;
    Some(text::word(line).1)
}

/// The status code in a stop-code parameter, which on 64-bit Windows is often sign-extended:
/// the upper half must be all zeros, or all ones over a set sign bit. Anything else is no status.
pub fn from_parameter(parameter: u64) -> Option<u32> {
    let low = u32::try_from(parameter & 0xFFFF_FFFF).ok()?;
    match parameter >> 32 {
        0 => Some(low),
        0xFFFF_FFFF if low & 0x8000_0000 != 0 => Some(low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::errors;
    use crate::knowledge::testing::assert_presentable;

    #[test]
    fn names_and_values_lead_to_each_other() {
        for (status, known) in [
            (0x0000_0000, "STATUS_SUCCESS"),
            (0x8000_0003, "STATUS_BREAKPOINT"),
            (0xC000_0005, "STATUS_ACCESS_VIOLATION"),
            (0xC000_000E, "STATUS_NO_SUCH_DEVICE"),
            (0xC000_009A, "STATUS_INSUFFICIENT_RESOURCES"),
            (0xC000_0185, "STATUS_IO_DEVICE_ERROR"),
        ] {
            assert_eq!(name(status), Some(known));
            assert_eq!(value(known), Some(status));
        }
        assert_eq!(name(0xC000_FFFF), None);
        assert_eq!(value("STATUS_OF_NOTHING"), None);
    }

    #[test]
    fn meanings_are_sorted_presentable_and_belong_to_known_names() {
        let mut last = "";
        for (known, text) in text::lines(Table::StatusMeaning.text()).map(text::word) {
            assert!(last < known, "{known} is out of order");
            let mut families = errors::Family::ALL.into_iter();
            let found = families.find_map(|family| family.named(known));
            let found = found.unwrap_or_else(|| panic!("{known} is no name"));
            assert_presentable(known, text);
            assert_eq!(errors::meaning(&found), Some(text));
            last = known;
        }
    }

    #[test]
    fn every_status_that_a_failed_page_read_gives_is_explained() {
        for status in [
            0xC000_0006u32,
            0xC000_000E,
            0xC000_0010,
            0xC000_0015,
            0xC000_0032,
            0xC000_003E,
            0xC000_003F,
            0xC000_009A,
            0xC000_009C,
            0xC000_009D,
            0xC000_009E,
            0xC000_00A3,
            0xC000_00B5,
            0xC000_00C0,
            0xC000_0102,
            0xC000_012D,
            0xC000_016A,
            0xC000_0185,
            0xC000_026E,
            0xC000_02B6,
            0xC000_0470,
            0xC000_0483,
        ] {
            assert!(meaning(status).is_some(), "{status:#x}");
        }
    }

    #[test]
    fn a_parameter_is_a_status_only_when_sign_extended_or_short() {
        assert_eq!(from_parameter(0xC000_0005), Some(0xC000_0005));
        assert_eq!(from_parameter(0xFFFF_FFFF_C000_0005), Some(0xC000_0005));
        assert_eq!(from_parameter(0xFFFF_FFFF_0000_0005), None);
        assert_eq!(from_parameter(0xFFFF_F801_C000_0005), None);
    }
}
