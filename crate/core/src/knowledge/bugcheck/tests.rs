use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use super::stanza::Line;
use super::*;
use crate::knowledge::family::Setting;
use crate::knowledge::testing::assert_presentable;

#[test]
fn the_tables_are_sorted_and_every_code_stands_once() {
    let codes: Vec<u32> = all().map(|found| found.code).collect();
    assert!(codes.len() >= 422);
    assert!(
        codes.windows(2).all(|pair| pair[0] < pair[1]),
        "order: {codes:x?}"
    );
}

#[test]
fn every_code_is_found_and_its_neighbours_are_not_mistaken_for_it() {
    let codes: Vec<u32> = all().map(|found| found.code).collect();
    for &code in &codes {
        assert_eq!(exact(code).map(|found| found.code), Some(code), "{code:X}");
        for near in [code.wrapping_sub(1), code + 1] {
            assert_eq!(exact(near).is_some(), codes.contains(&near), "{near:X}");
        }
    }
}

#[test]
fn every_stanza_line_is_understood_and_presentable() {
    for found in all() {
        let what = format!("{:X}", found.code);
        assert_presentable(&what, found.name);
        for raw in found.stanza.raw_lines() {
            let single = stanza::line_for_tests(raw);
            match single {
                Some(Line::Meaning(text) | Line::Causes(text) | Line::Case(_, text)) => {
                    assert_presentable(&what, text);
                }
                Some(Line::Next(text) | Line::Guest(text)) => assert_presentable(&what, text),
                Some(Line::Family(word)) => assert!(family(word).is_some(), "{what}: {word}"),
                Some(Line::Parameter(_, _, text) | Line::Value(_, _, text)) => {
                    assert_presentable(&what, text);
                }
                Some(Line::SameAs(other)) => assert!(lookup(other).is_some(), "{what}"),
                None => panic!("{what}: cannot read {raw:?}"),
            }
        }
    }
}

#[test]
fn every_code_has_meaning_causes_parameters_next_steps_and_a_word_on_virtual_machines() {
    for found in all() {
        let what = format!("{:X}", found.code);
        let told = explain(found.code, [0; 4]).expect(&what);
        for text in [found.meaning, found.usual_causes, told.next, told.guest] {
            assert_presentable(&what, text);
        }
        assert!(!told.family.steps(&Setting::UNKNOWN).is_empty());
        for case in [[0; 4], [1, 0, 0, 0], [u64::MAX; 4]] {
            for parameter in parameters(found.code, case) {
                assert_presentable(&what, parameter.text);
            }
        }
    }
}

#[test]
fn every_case_can_be_reached() {
    for found in all() {
        let mut seen = BTreeSet::new();
        for line in found.stanza.lines() {
            if let Line::Case(condition, text) = line {
                assert!(
                    seen.insert(condition),
                    "{:X}: {condition} {text} stands twice",
                    found.code
                );
            }
        }
    }
}

#[test]
fn every_entry_of_the_tables_is_found_by_its_code() {
    for found in all() {
        assert_eq!(lookup(found.code).map(|again| again.name), Some(found.name));
    }
}

#[test]
fn the_minidump_form_is_the_plain_code_with_a_suffix() {
    assert_eq!(
        name(0x1000_007E).as_deref(),
        Some("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED_M")
    );
    assert_eq!(
        name(0x1000_00EA).as_deref(),
        Some("THREAD_STUCK_IN_DEVICE_DRIVER_M")
    );
    assert_eq!(lookup(0x1000_0050).unwrap().code, 0x50);
    assert_eq!(name(0x1234_5678), None);
}

#[test]
fn codes_without_documentation_are_named_when_real_dumps_hold_them() {
    for code in [
        0xA000_0001,
        0xDEAD_DEAD,
        0x2_0001,
        0xC000_021A,
        0xBFE,
        0x17F,
    ] {
        assert!(name(code).is_some(), "{code:#x}");
    }
    assert_eq!(name(0x4000_00AD), name(0xAD));
    assert_eq!(
        name(0x8000_007E).as_deref(),
        Some("SYSTEM_THREAD_EXCEPTION_NOT_HANDLED")
    );
    assert_eq!(
        name(0xC000_0420).as_deref(),
        Some("STATUS_ASSERTION_FAILURE")
    );
}

#[test]
fn a_page_file_hash_mismatch_is_told_apart() {
    let found = explain(0x1A, [0x3F, 0x1234, 1, 2]).unwrap();
    assert!(found.case.unwrap().contains("page file"));
    assert!(found.parameters[1].text.contains("page file"));
    assert_eq!(subtype(0x1A, 0x3F), found.case);
}

#[test]
fn the_two_layouts_of_a_data_inpage_error_are_told_apart() {
    let by_pte = parameters(0x7A, [0xFFFF_F6FC_4000_8770, 0xC000_0185, 0x1C9E_B860, 1]);
    assert_eq!(
        by_pte.map(|p| p.kind)[..3],
        [
            ParameterKind::PteAddress,
            ParameterKind::Status,
            ParameterKind::PteContents
        ]
    );
    let by_lock = parameters(0x7A, [1, 0xC000_0185, 0xFFFF_8000_0000_0000, 1]);
    assert_eq!(by_lock[2].kind, ParameterKind::Process);
    let support = parameters(0x7A, [3, 0xC000_0185, 0xFFFF_8000_0000_0000, 1]);
    assert_eq!(support[2].kind, ParameterKind::Pointer);
}

#[test]
fn the_two_layouts_of_a_stack_inpage_error_are_told_apart() {
    assert_eq!(
        parameters(0x77, [1, 5, 0, 9])[3].kind,
        ParameterKind::StackAddress
    );
    let status = parameters(0x77, [0xC000_000E, 0xC000_000E, 0, 0xB5_F000]);
    assert_eq!(status[0].kind, ParameterKind::Status);
}

#[test]
fn the_region_of_a_patchguard_stop_comes_from_the_fourth_parameter() {
    assert!(
        explain(0x109, [0, 0, 0, 2])
            .unwrap()
            .case
            .unwrap()
            .contains("interrupt")
    );
}

#[test]
fn a_live_dump_of_a_driver_check_shares_the_rules_of_the_stop() {
    assert_eq!(subtype(0x1C4, 0x4_0009), subtype(0xC4, 0x4_0009));
    let found = explain(0x1C4, [0x4_0009, 0, 0, 0]).unwrap();
    assert_eq!(found.parameters[1].kind, ParameterKind::AnsiText);
    assert!(subtype(0x1C4, 0x7_1001).unwrap().contains("PcIrqlDDIs"));
    assert_eq!(subtype(0xC4, 0x7_1001), None);
}

#[test]
fn a_case_has_causes_and_next_steps_of_its_own() {
    let told = |p1| explain(0x7E, [p1, 1, 1, 1]).unwrap();
    let (disk, driver) = (told(0xC000_0006), told(0xC000_0005));
    assert_eq!(
        (disk.family.word, driver.family.word),
        ("storage", "driver")
    );
    assert!(disk.causes.contains("disk") && disk.next.contains("status of the read"));
    assert_eq!(driver.causes, driver.bug_check.usual_causes);
    assert_eq!(told(0xC000_9999).case, None);
}

#[test]
fn shared_cases_leave_the_parameters_of_the_code_alone() {
    let kinds = |code, values| parameters(code, values).map(|p| p.kind);
    let values = [0xC000_0006, 1, 2, 3];
    assert_eq!(kinds(0x3B, values)[2], ParameterKind::ContextRecord);
    assert_eq!(kinds(0x8E, values)[2], ParameterKind::TrapFrame);
    assert!(
        explain(0x3B, values)
            .unwrap()
            .case
            .unwrap()
            .contains("disk")
    );
    assert_eq!(
        kinds(0x1E, [0xC000_0005, 1, 8, 3])[2],
        ParameterKind::AccessMode
    );
}

#[test]
fn a_pointer_that_is_empty_freed_or_overwritten_is_told_apart() {
    let case = |code, p| explain(code, p).unwrap().case.unwrap();
    assert!(case(0xD1, [8, 2, 0, 1]).contains("empty"));
    assert!(case(0xD1, [0xFFFF_8001_0000_0000, 2, 8, 1]).contains("no code"));
    assert!(case(0xD1, [0x20, 2, 8, 1]).contains("execute at an empty"));
    assert!(case(0x0A, [0x0065_0000_1234_5678, 2, 1, 1]).contains("cannot exist"));
    assert!(case(0x0A, [0xFFFF_8001_0000_0000, 2, 1, 1]).contains("written"));
    assert!(case(0x0A, [0xF832_0000, 2, 0, 1]).contains("read"));
    assert!(case(0x50, [0x7FFE_0320, 0, 1, 8]).contains("every program has"));
}

#[test]
fn what_a_list_of_values_does_not_have_and_what_is_not_documented_is_said() {
    let texts = parameters(0x50, [0xFFFF_FFFF_0000_0090, 0, 1, 0xC]);
    assert!(texts[3].value.unwrap().contains("not documented"));
    let texts = parameters(0x19, [0x22, 1, 1, 0]);
    assert!(texts[2].text.contains("not documented"));
    assert_eq!(texts[3].text, "Not used");
}

#[test]
fn an_unknown_code_has_four_undocumented_parameters() {
    assert!(lookup(0xFFFF_0000).is_none());
    let kinds = parameters(0xFFFF_0000, [0; 4]).map(|p| p.kind);
    assert_eq!(kinds, [ParameterKind::Undocumented; 4]);
}

#[test]
fn kinds_have_distinct_words_that_lead_back() {
    let words: BTreeSet<&str> = ParameterKind::ALL.iter().map(|kind| kind.word()).collect();
    assert_eq!(words.len(), ParameterKind::ALL.len());
    for kind in ParameterKind::ALL {
        assert_eq!(ParameterKind::from_word(kind.word()), Some(*kind));
    }
}

#[test]
fn access_words_follow_the_kind_of_parameter() {
    assert_eq!(access(ParameterKind::AccessMode, 8), Some("executing"));
    assert_eq!(access(ParameterKind::FaultAccess, 0x11), Some("executing"));
    assert_eq!(access(ParameterKind::FaultAccess, 2), Some("writing"));
    assert_eq!(access(ParameterKind::FaultAccess, 1), None);
}
