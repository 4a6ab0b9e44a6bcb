//! Headers whose numbers contradict each other or the file: what the rest bears out is read, and
//! the report says what was wrong. A number is changed in the bytes of a forged dump; the offsets
//! are those of the public descriptions of the containers, written down here on their own.

mod support;

use bluepane::model::{Kind, Report};
use bluepane_forge::{Scenario, forge};
use support::report;

/// The bitmap's header and its numbers, in a 64-bit dump of Windows 8 or later.
const BITMAP: usize = 0x2000;
const FIRST_PAGE: usize = BITMAP + 0x20;
const PRESENT: usize = BITMAP + 0x28;
const BITS: usize = BITMAP + 0x30;
/// The list of physical runs: how many, how many pages, then pairs of frame and count.
const RUN_COUNT: usize = 0x88;
const RUN_PAGES: usize = 0x90;
const RUNS: usize = 0x98;
/// Heads of lists.
const LOADED_MODULES: usize = 0x20;
const ACTIVE_PROCESSES: usize = 0x28;

fn forged(kind: &str) -> Vec<u8> {
    let text = format!(
        "[machine]\nmemory = \"24 MiB\"\n[stop]\ncode = 0x50\n[dump]\nkind = \"{kind}\"\n\
         [[processes]]\nname = \"odd.exe\"\npid = 4242\n[[black_boxes]]\n\
         guid = \"11111111-2222-3333-4444-555555555555\"\ntext = \"found\"\n"
    );
    forge(&Scenario::from_toml(&text).unwrap())
        .unwrap()
        .to_vec()
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
}

fn with(bytes: &[u8], at: usize, value: u64) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    bytes
}

fn note<'a>(report: &'a Report, code: &str) -> Option<&'a str> {
    let note = report.notes.iter().find(|note| note.code == code);
    note.map(|note| note.text.as_ref())
}

fn processes(report: &Report) -> usize {
    let memory = report.memory.as_ref();
    memory.map_or(0, |memory| memory.processes.len())
}

/// The whole report came, though something was wrong.
fn assert_whole(report: &Report, what: &str) {
    assert_eq!(report.modules.len(), 13, "{what}");
    assert_eq!(processes(report), 2, "{what}");
    let frames = report.stack.as_ref().map_or(0, |stack| stack.frames.len());
    assert!(frames > 1, "{what}");
    let own = |blob: &bluepane::model::SecondaryBlob| blob.guid.starts_with("11111111");
    assert!(report.secondary_data.iter().any(own), "{what}");
    assert!(!report.file.truncated, "{what}: {:?}", report.notes);
    assert!(note(report, "pages-cut").is_none(), "{what}");
}

#[test]
fn a_whole_dump_has_no_word_on_its_numbers() {
    for kind in ["full", "bitmap-full", "bitmap-kernel"] {
        let report = report(&forged(kind));
        assert_whole(&report, kind);
        assert!(note(&report, "page-count").is_none(), "{kind}");
    }
}

#[test]
fn a_wrong_count_of_stored_pages_costs_nothing_but_a_note() {
    for kind in ["bitmap-full", "bitmap-kernel"] {
        let bytes = forged(kind);
        let right = number(&bytes, PRESENT);
        for wrong in [0, 1, right - 1, right + 1, right * 2, 1 << 40, 1 << 63] {
            let what = format!("{kind}, {wrong:#x}");
            let report = report(&with(&bytes, PRESENT, wrong));
            assert_whole(&report, &what);
            assert!(
                note(&report, "page-count").is_some_and(|text| text.contains("one of them")),
                "{what}: {:?}",
                report.notes
            );
        }
    }
}

#[test]
fn a_wrong_length_of_the_bitmap_or_a_first_page_inside_it_is_mended_by_the_other() {
    let bytes = forged("bitmap-kernel");
    let bits = number(&bytes, BITS);
    let wrong = [(BITS, 0), (BITS, 1), (BITS, bits * 64), (BITS, u64::MAX)];
    let first = [0, 0x1000, 0x2000].map(|first| (FIRST_PAGE, first));
    for (at, value) in wrong.into_iter().chain(first) {
        let what = format!("{value:#x} at {at:#x}");
        let report = report(&with(&bytes, at, value));
        assert_whole(&report, &what);
        assert!(
            note(&report, "page-count").is_some_and(|text| text.contains("contradict")),
            "{what}: {:?}",
            report.notes
        );
    }
}

#[test]
fn a_damaged_list_of_pages_is_not_blamed_on_how_the_file_was_copied() {
    let mut bytes = forged("bitmap-kernel");
    bytes[BITMAP..BITMAP + 4].copy_from_slice(b"XXXX");
    let report = report(&bytes);
    assert_eq!(report.file.kind, Kind::BitmapKernel);
    assert!(note(&report, "read-failed").is_none(), "{:?}", report.notes);
    assert!(
        note(&report, "page-list-bad").is_some(),
        "{:?}",
        report.notes
    );
    assert_eq!(report.bugcheck.map(|stop| stop.code), Some(0x50));
}

#[test]
fn runs_that_do_not_add_up_are_told() {
    let bytes = forged("full");
    let total = number(&bytes, RUN_PAGES);
    for wrong in [0, 1, total + 1, 1 << 50] {
        let report = report(&with(&bytes, RUN_PAGES, wrong));
        assert_eq!(report.modules.len(), 13, "{wrong:#x}");
        assert!(note(&report, "page-count").is_some(), "{wrong:#x}");
    }
    // No run at all: the count before them stays.
    let report = report(&with(&bytes, RUN_COUNT, 0));
    assert!(note(&report, "page-count").is_some(), "{:?}", report.notes);
    assert!(number(&bytes, RUNS) < 0x100);
}

/// The header of a dump by ranges: bytes of the list, the first page, then the ranges.
const METADATA: usize = 0x2010;
const FIRST_OF_RANGES: usize = 0x2018;
const RANGES: usize = 0x2030;

#[test]
fn of_two_numbers_that_end_the_list_of_ranges_one_is_enough() {
    for kind in ["range-kernel", "range-complete"] {
        let bytes = forged(kind);
        for (at, wrong) in [(METADATA, 0), (FIRST_OF_RANGES, 0), (FIRST_OF_RANGES, 1)] {
            let what = format!("{kind}, {wrong:#x} at {at:#x}");
            let report = report(&with(&bytes, at, wrong));
            assert_whole(&report, &what);
            assert!(note(&report, "page-count").is_some(), "{what}");
        }
    }
}

#[test]
fn ranges_at_the_end_of_all_numbers_end_in_a_report() {
    for kind in ["range-kernel", "range-complete"] {
        let bytes = forged(kind);
        for at in (RANGES..RANGES + 0x40).step_by(8) {
            for wrong in [u64::MAX, u64::MAX - 1, 1 << 63, 1 << 52, 1 << 40] {
                let report = report(&with(&bytes, at, wrong));
                let stop = report.bugcheck.as_ref().map(|stop| stop.code);
                assert_eq!(stop, Some(0x50), "{kind}, {wrong:#x} at {at:#x}");
            }
        }
    }
}

/// The form before Windows 8: header size (the first page), count, bits.
const OLD: [usize; 3] = [0x200C, 0x2014, 0x2018];

#[test]
fn the_old_form_is_known_by_the_type_where_its_first_page_is_wrong() {
    let text = "[machine]\nbuild = 7601\nmemory = \"24 MiB\"\n[stop]\ncode = 0x50\n\
                [dump]\nkind = \"kernel-summary\"";
    let bytes = forge(&Scenario::from_toml(text).unwrap()).unwrap();
    let bytes = bytes.to_vec();
    let wrong = [
        (OLD[0], 0),
        (OLD[0], 1),
        (OLD[0], 0x3001),
        (OLD[1], 1),
        (OLD[1], u32::MAX),
        (OLD[2], 0),
        (OLD[2], u32::MAX),
    ];
    for (at, wrong) in wrong {
        let mut bytes = bytes.clone();
        bytes[at..at + 4].copy_from_slice(&wrong.to_le_bytes());
        let report = report(&bytes);
        let what = format!("{wrong:#x} at {at:#x}: {:?}", report.notes);
        assert_eq!(report.modules.len(), 13, "{what}");
        assert!(note(&report, "page-count").is_some(), "{what}");
    }
}

#[test]
fn a_head_in_the_header_that_leads_nowhere_is_replaced_by_the_debuggers() {
    for kind in ["full", "bitmap-kernel"] {
        let bytes = forged(kind);
        for at in [LOADED_MODULES, ACTIVE_PROCESSES] {
            for wrong in [0, 0x1000, 0xFFFF_F800_0000_0000, u64::MAX] {
                let report = report(&with(&bytes, at, wrong));
                assert_whole(&report, &format!("{kind}, {wrong:#x} at {at:#x}"));
            }
        }
    }
}
