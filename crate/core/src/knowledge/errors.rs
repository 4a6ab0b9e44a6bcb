//! Error numbers that are not NTSTATUS: Win32 errors and HRESULTs, and how all three carry each
//! other. Event logs, tickets and programs show them; a stop code's parameter seldom does.
//!
//! Source of names and values: the constants of the windows-sys crate 0.61.2 (MIT OR Apache-2.0) and,
//! for what that lacks, the headers of mingw-w64 (public domain) and MS-ERREF itself, written to
//! `crate/core/data` by `scripts/status-tables.py`. The layout of the bits (severity,
//! customer, facility, and the bit that marks a mapped NTSTATUS): Microsoft's open specification
//! MS-ERREF, section 2.

use super::ntstatus;
use super::store::Table;
use super::text;
use alloc::format;

/// Facility of Win32 errors, in HRESULTs and in NTSTATUS values (`FACILITY_NTWIN32`).
const WIN32: u32 = 7;
/// The bit of an HRESULT that carries an NTSTATUS.
const MAPPED: u32 = 0x1000_0000;

/// What kind of number a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// NTSTATUS, of the kernel.
    Status,
    /// HRESULT, of COM and of most newer interfaces.
    Hresult,
    /// A Win32 or socket error, as `GetLastError` answers it.
    Win32,
}

impl Family {
    /// Every family, those that crashes show first.
    pub const ALL: [Family; 3] = [Family::Status, Family::Hresult, Family::Win32];

    /// How people call it.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Family::Status => "NTSTATUS",
            Family::Hresult => "HRESULT",
            Family::Win32 => "Win32 error",
        }
    }

    fn table(self) -> Table {
        match self {
            Family::Status => Table::Status,
            Family::Hresult => Table::Hresult,
            Family::Win32 => Table::Win32,
        }
    }

    /// All values and names, by ascending value.
    pub fn entries(self) -> impl Iterator<Item = (u32, &'static str)> {
        text::named_values(self.table())
    }

    /// The value and the table's own text of a name, spelled as in the Windows headers.
    #[must_use]
    pub fn named(self, name: &str) -> Option<ErrorName> {
        let value = text::value_of(self.table(), name)?;
        let name = self.name(value)?;
        Some(ErrorName {
            family: self,
            value,
            name,
        })
    }

    /// The name of a value of this family, itself and not what it may carry.
    #[must_use]
    pub fn name(self, value: u32) -> Option<&'static str> {
        text::name_of(self.table(), value)
    }
}

/// What an error number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorName {
    /// The family of the name, which may be one that the number carries.
    pub family: Family,
    /// The value in that family.
    pub value: u32,
    /// The name.
    pub name: &'static str,
}

/// What a number names: itself in each family where it has a name, and the number of another family
/// that it carries (`0x80070005` carries Win32 error 5, `0xD0000022` NTSTATUS `0xC0000022`).
pub fn all(value: u32) -> impl Iterator<Item = ErrorName> {
    let own = Family::ALL.into_iter().map(move |family| (family, value));
    own.chain(carried(value)).filter_map(|(family, value)| {
        let name = family.name(value)?;
        Some(ErrorName {
            family,
            value,
            name,
        })
    })
}

/// The number of another family inside of a number.
#[must_use]
pub fn carried(value: u32) -> Option<(Family, u32)> {
    let facility = value >> 16 & 0x0FFF;
    match value >> 28 {
        // An HRESULT of a Win32 error, or an NTSTATUS of one: 0x8007nnnn, 0xC007nnnn.
        8 | 0xC if facility == WIN32 => Some((Family::Win32, value & 0xFFFF)),
        0x9 | 0xD => Some((Family::Status, value & !MAPPED)),
        _ => None,
    }
}

/// What an error means, whichever way it was written; only for those that occur in crashes. A Win32
/// error means what the status of the same name does, unless the table says otherwise.
#[must_use]
pub fn meaning(found: &ErrorName) -> Option<&'static str> {
    let own = ntstatus::meaning_of(found.name);
    own.or_else(|| match (found.family, found.name.strip_prefix("ERROR_")) {
        (Family::Win32, Some(rest)) => ntstatus::meaning_of(&format!("STATUS_{rest}")),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::testing::assert_presentable;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    #[test]
    fn the_tables_are_sorted_and_names_are_unique() {
        for (family, least) in Family::ALL.into_iter().zip([2850, 5300, 3550]) {
            let mut names = BTreeSet::new();
            let mut last = None;
            for (value, name) in family.entries() {
                assert!(last < Some(value), "{name} is out of order");
                assert!(names.insert(name), "{name} stands twice");
                let found = family.named(name).map(|found| (found.value, found.name));
                assert_eq!(found, Some((value, name)));
                assert_presentable(family.label(), name);
                last = Some(value);
            }
            assert!(names.len() > least, "{}", family.label());
        }
    }

    /// The numbers that Microsoft's open specification lists, without their names.
    const LISTED: &str = include_str!("data/ms-erref.txt");

    #[test]
    fn every_number_of_the_specification_has_a_name() {
        let mut counts = [0; 3];
        for line in LISTED.lines().filter(|line| !line.starts_with('#')) {
            let tables = ["ntstatus", "hresult", "win32"];
            let at = tables.iter().position(|&table| line.starts_with(table));
            let upper = text::hex(line.split(' ').nth(1).unwrap()).unwrap() as u32;
            for run in line.split(' ').skip(2) {
                let (first, last) = run.split_once('-').unwrap_or((run, run));
                for lower in text::hex(first).unwrap()..=text::hex(last).unwrap() {
                    let value = upper << 16 | lower as u32;
                    assert!(all(value).next().is_some(), "{value:08X} has no name");
                    counts[at.unwrap()] += 1;
                }
            }
        }
        assert_eq!(counts, [1790, 2923, 2751]);
    }

    #[test]
    fn errors_of_every_family_are_told_in_words() {
        let told = |value| all(value).find_map(|e| meaning(&e)).unwrap_or_default();
        assert!(told(1117).contains("read or write"));
        assert!(told(0x8007_045D).contains("read or write"));
        assert!(told(1450).contains("resource"));
        assert!(told(0x887A_0006).contains("hung"));
        assert!(told(0x8004_2313).contains("storage"));
        // By the status of the same name.
        let lost = all(433).find(|e| e.name == "ERROR_NO_SUCH_DEVICE").unwrap();
        assert_eq!(meaning(&lost), ntstatus::meaning(0xC000_000E));
    }

    #[test]
    fn a_number_is_named_in_every_family_and_by_what_it_carries() {
        let names = |value| all(value).map(|e| e.name).collect::<Vec<_>>();
        assert_eq!(names(5), ["ERROR_ACCESS_DENIED"]);
        assert_eq!(
            names(0x8007_0005),
            ["E_ACCESSDENIED", "ERROR_ACCESS_DENIED"]
        );
        assert_eq!(names(0xC000_0022), ["STATUS_ACCESS_DENIED"]);
        assert_eq!(names(0xD000_0022), ["STATUS_ACCESS_DENIED"]);
        assert_eq!(names(0x8007_0002), ["ERROR_FILE_NOT_FOUND"]);
        assert_eq!(names(0x8000_4005), ["E_FAIL"]);
        assert_eq!(names(10054), ["WSAECONNRESET"]);
        assert!(names(0xDEAD_BEEF).is_empty());
    }
}
