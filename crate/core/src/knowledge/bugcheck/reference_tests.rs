//! The tables against Microsoft's documentation, where a copy of it is at hand: every code and
//! every documented case is covered, and no sentence is taken over.

use alloc::collections::BTreeSet;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::*;
use crate::knowledge::testing::{csv, reference};

/// Words in a row that may not be shared with the documentation.
const SHARED_WORDS: usize = 7;

/// Codes whose documented table is not keyed by the first parameter; they have tests of their own
/// or a broken table.
const OTHER_KEYS: [u32; 4] = [0x4E, 0x93, 0xC1, 0xD2];

/// Codes, and single cases, whose rows in the reference have the columns shifted: what the case means
/// stands where a parameter should.
const SHIFTED: [u32; 6] = [0x7C, 0x85, 0xE7, 0x10D, 0x112, 0x15E];
const SHIFTED_CASES: [(u32, u64); 2] = [(0x9F, 0x500), (0xC4, 0x100A)];

struct Row {
    code: u32,
    name: String,
    p1: String,
    cells: Vec<String>,
}

fn rows() -> Option<Vec<Row>> {
    let table = reference("BUGCHECKS.csv")?;
    let rows = csv(&table).into_iter().skip(1).map(|record| {
        let code = record[0].strip_prefix("0x").unwrap();
        Row {
            code: u32::from_str_radix(code, 16).unwrap(),
            name: record[1].to_string(),
            p1: record[6].to_string(),
            cells: record[5..12].to_vec(),
        }
    });
    Some(rows.collect())
}

#[test]
fn every_documented_code_has_its_documented_name() {
    let Some(rows) = rows() else { return };
    let codes: BTreeSet<u32> = rows.iter().map(|row| row.code).collect();
    assert_eq!(codes.len(), 425);
    for row in rows {
        assert_eq!(
            name(row.code).as_deref(),
            Some(row.name.as_str()),
            "{:#x}",
            row.code
        );
    }
}

/// The numbers in a documented key: hexadecimal with prefix, decimal in the list of fast-fail
/// codes.
fn keys(row: &Row) -> Vec<u64> {
    let words = row
        .p1
        .split([' ', ',', ';', '-', ':'])
        .filter(|word| !word.is_empty());
    if row.code == 0x139 {
        return words.filter_map(|word| word.parse().ok()).collect();
    }
    let prefixed = |word: &str| {
        let digits = word
            .strip_prefix("0x")
            .or_else(|| word.strip_prefix("0X"))?;
        u64::from_str_radix(digits, 16).ok()
    };
    words.filter_map(prefixed).collect()
}

#[test]
fn every_documented_case_of_the_first_parameter_is_covered() {
    let Some(rows) = rows() else { return };
    let mut covered = 0;
    for row in rows.iter().filter(|row| !OTHER_KEYS.contains(&row.code)) {
        for key in keys(row) {
            assert!(
                subtype(row.code, key).is_some(),
                "{:#x}: case {key:#x}",
                row.code
            );
            covered += 1;
        }
    }
    assert!(covered > 950, "only {covered} keys were read");
}

/// Whether a cell of the documentation says that something is there.
fn says_something(cell: &str) -> bool {
    let cell = cell.trim().trim_end_matches('.').to_ascii_lowercase();
    let nothing = [
        "",
        "0",
        "0x0",
        "none",
        "n/a",
        "na",
        "unused",
        "not used",
        "(reserved)",
        "null",
    ];
    let begins = ["reserved", "0 ", "zero", "see ", "refer ", "depend"];
    let unsaid = nothing.contains(&cell.as_str()) || begins.iter().any(|b| cell.starts_with(b));
    !unsaid && !cell.contains("reserved")
}

#[test]
fn every_documented_parameter_is_explained() {
    let Some(rows) = rows() else { return };
    let (mut seen, mut missing) = (0, Vec::new());
    let in_place = |row: &&Row| !OTHER_KEYS.contains(&row.code) && !SHIFTED.contains(&row.code);
    for row in rows.iter().filter(in_place) {
        let mut keys = keys(row);
        keys.retain(|key| !SHIFTED_CASES.contains(&(row.code, *key)));
        for (index, cell) in row.cells[2..6].iter().enumerate().skip(1) {
            if !says_something(cell) {
                continue;
            }
            seen += 1;
            let told = |key: &u64| {
                let kind = parameters(row.code, [*key, 0, 0, 0])[index].kind;
                !matches!(kind, ParameterKind::Reserved | ParameterKind::Undocumented)
            };
            let of_this =
                |line| matches!(line, Line::Parameter(at, ..) | Line::Value(at, ..) if at == index);
            // A row for no value of the first parameter is told above the cases or in one of them.
            let any = || lookup(row.code).unwrap().stanza.lines().any(of_this);
            if !(if keys.is_empty() {
                any()
            } else {
                keys.iter().all(told)
            }) {
                missing.push(format!("{:X} {keys:X?} P{}: {cell}", row.code, index + 1));
            }
        }
    }
    assert!(seen > 1500, "{seen}");
    assert!(
        missing.is_empty(),
        "{} of {seen}: {missing:#?}",
        missing.len()
    );
}

#[test]
fn every_live_dump_code_is_marked_as_one() {
    let Some(list) = reference("livedump_codes.json") else {
        return;
    };
    let codes = list.split('"').filter_map(|word| word.strip_prefix("0x"));
    let mut count = 0;
    for code in codes {
        let code = u32::from_str_radix(code, 16).unwrap();
        assert_ne!(lookup(code).unwrap().fatality, Fatality::Stop, "{code:#x}");
        count += 1;
    }
    assert!(count >= 50);
}

fn words(text: &str) -> Vec<String> {
    let split = |c: char| !(c.is_alphanumeric() || c == '_' || c == '\'');
    text.split(split)
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// Every run of [`SHARED_WORDS`] words in the documentation.
fn documented() -> Option<BTreeSet<String>> {
    let rows = rows()?;
    let mut runs = BTreeSet::new();
    for cell in rows.iter().flat_map(|row| &row.cells) {
        for window in words(cell).windows(SHARED_WORDS) {
            runs.insert(window.join(" "));
        }
    }
    assert!(runs.len() > 10_000);
    Some(runs)
}

#[test]
fn no_seven_words_in_a_row_are_the_documentations() {
    let Some(documented) = documented() else {
        return;
    };
    let assert_own = |what: &str, text: &str| {
        for window in words(text).windows(SHARED_WORDS) {
            let shared = window.join(" ");
            assert!(!documented.contains(&shared), "{what}: {shared:?}");
        }
    };
    for found in all() {
        for line in found.stanza.raw_lines() {
            assert_own(&format!("{:X}", found.code), line);
        }
    }
    for table in [
        Table::Family,
        Table::StatusMeaning,
        Table::Driver,
        Table::PoolTag,
        Table::Secondary,
        Table::Platform,
        Table::Components,
        Table::Services,
    ] {
        for line in table.text().lines() {
            assert_own("other tables", line);
        }
    }
    for kind in ParameterKind::ALL {
        assert_own(kind.word(), kind.default_text());
        assert_own(kind.word(), kind.legend().unwrap_or_default());
    }
}
