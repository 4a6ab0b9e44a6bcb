use super::*;
use crate::diagnose::testing::{Machine, Words, address, frame, text};
use crate::model::How;
use alloc::{string::ToString, vec};

const NT: &str = "ntoskrnl.exe";
const NAME: u64 = 0x30_0000;
const RECORD: u64 = 0x40_0000;
const ENTRY: u64 = 0x50_0000;

fn named(facts: &Facts<'_>) -> Option<(String, Confidence)> {
    let verdict = blame(facts);
    let blame = verdict.named()?;
    Some((blame.module.clone(), blame.confidence))
}

fn likely(name: &str) -> Option<(String, Confidence)> {
    Some((name.into(), Confidence::Likely))
}

fn walked(names: &[&str]) -> Machine {
    let each = names.iter().enumerate().map(|(at, name)| {
        let how = if at == 0 { How::Context } else { How::Unwind };
        frame(name, how, Confidence::Certain)
    });
    Machine::with(each.collect())
}

#[test]
fn the_driver_that_a_parameter_names_wins_over_the_stack_and_over_the_record() {
    let at = address("acme.sys", 0x77);
    let machine = walked(&[NT, NT, "other.sys", NT]);
    let mut facts = machine.facts(0xC4, [0xF6, 0x36C, 0x1000, at]);
    facts.broken_driver = Some("nvlddmkm.sys");
    assert_eq!(named(&facts), likely("acme.sys"));
    // A handle and a process name nobody: then the stack decides.
    let nobody = [0xF6, 0x36C, 0x1000, address(NT, 0x77)];
    assert_eq!(named(&machine.facts(0xC4, nobody)), likely("other.sys"));
    assert_eq!(named(&machine.facts(0x1A, [0x41790, 0, 0, at])), None);
}

#[test]
fn code_among_the_parameters_comes_before_other_addresses_in_drivers() {
    let machine = walked(&[NT, NT]);
    let (own, lock) = (address("acme.sys", 0x77), address("other.sys", 0x99));
    let values = [0x21F, own, lock, 0];
    assert_eq!(named(&machine.facts(0xC9, values)), likely("acme.sys"));
}

#[test]
fn a_driver_that_leaves_memory_behind_is_named_by_its_name_or_by_the_verifiers_record() {
    let machine = walked(&[NT, NT, NT]);
    let values = [0x62, NAME, RECORD, 3];
    let plain = |name: &str| {
        let units: Vec<u16> = name.encode_utf16().chain([0; 8]).collect();
        let words = units.chunks_exact(4).zip(0..).map(|(each, at)| {
            let word = each
                .iter()
                .rev()
                .fold(0, |all, unit| all << 16 | u64::from(*unit));
            (NAME + 8 * at, word)
        });
        Words(words.collect())
    };
    let asked = |memory: &Words| {
        let facts = Facts {
            space: Some(memory),
            ..machine.facts(0xC4, values)
        };
        named(&facts)
    };
    assert_eq!(asked(&plain("acme.sys")), likely("acme.sys"));
    assert_eq!(asked(&plain("gone.sys")), likely("gone.sys"));
    // A name that no driver has, and one of Windows.
    assert_eq!(asked(&plain("nobody.sys")), None);
    assert_eq!(asked(&plain("ndis.sys")), None);
    let mut recorded = text(ENTRY + 0x18, "acme.sys");
    recorded.push((RECORD, ENTRY));
    assert_eq!(asked(&Words(recorded)), likely("acme.sys"));
}

#[test]
fn who_locked_the_pages_that_were_left_is_named_by_the_address_of_its_call() {
    let machine = walked(&[NT, NT]);
    let values = |at| [at, 0, 0x1000, 1];
    let own = values(address("acme.sys", 0x77));
    assert_eq!(named(&machine.facts(0xCB, own)), likely("acme.sys"));
    // Newer systems have a record there.
    assert_eq!(named(&machine.facts(0xCB, values(0x8000_1000))), None);
}

#[test]
fn only_a_driver_that_was_watched_is_caught() {
    let machine = walked(&[NT, NT, NT, "other.sys", "acme.sys", NT]);
    let values = [0, 2, 0x200, 0];
    let mut facts = machine.facts(0xC4, values);
    assert_eq!(named(&facts), likely("other.sys"));
    for all in ["*", "", "acme.sys other.sys"] {
        facts.verified = Some(all);
        assert_eq!(named(&facts), likely("other.sys"), "{all}");
    }
    facts.verified = Some("ACME.sys");
    assert_eq!(named(&facts), likely("acme.sys"));
    facts.verified = Some("third.sys");
    assert_eq!(named(&facts), None);
    // With other codes the list says nothing.
    facts.code = 0xC2;
    facts.parameters = [7, 0, 0, 0];
    assert_eq!(named(&facts), likely("other.sys"));
}

#[test]
fn the_verifiers_own_frames_give_way_however_many_they_are() {
    let mut names = vec![NT; 9];
    names.extend(["verifierext.sys", NT, "ndis.sys", "acme.sys"]);
    let machine = Machine::stopped_by(&names[1..]);
    let values = [0x91, 0, 0, 0];
    assert_eq!(named(&machine.facts(0xC4, values)), likely("acme.sys"));
    // The same stack with a code of no verifier: it is too far away.
    assert_eq!(named(&machine.facts(0x15, [0; 4])), None);
}

#[test]
fn who_was_interrupted_is_not_caught() {
    let frames = vec![
        frame(NT, How::Context, Confidence::Certain),
        frame(NT, How::Scan, Confidence::Certain),
        frame("acme.sys", How::Scan, Confidence::Likely),
        frame(NT, How::Scan, Confidence::Possible),
        frame("other.sys", How::TrapFrame, Confidence::Likely),
    ];
    let machine = Machine::with(frames);
    assert_eq!(
        named(&machine.facts(0xC4, [0x91, 0, 0, 0])),
        likely("acme.sys")
    );
}

#[test]
fn a_disk_that_changes_its_sectors_and_a_bit_that_fell_over_are_nobodys() {
    let machine = walked(&[NT, NT, "acme.sys"]);
    assert_eq!(named(&machine.facts(0xC4, [0xA0, 0, 0, 7])), None);
    assert_eq!(named(&machine.facts(0xC1, [0x1000, 0x1010, 0, 0x32])), None);
    assert_eq!(
        named(&machine.facts(0xC1, [0x1000, 0, 0, 0x20])),
        likely("acme.sys")
    );
    let written = named(&machine.facts(0xC1, [0x1000, 0x1010, 0, 0x24]));
    assert_eq!(written, Some(("acme.sys".into(), Confidence::Possible)));
}

#[test]
fn what_the_verifier_was_set_to_is_told_and_nothing_of_one_that_was_off() {
    let machine = walked(&[NT, NT, "acme.sys"]);
    let mut facts = machine.facts(0xD1, [0x10, 2, 0, address("acme.sys", 5)]);
    facts.verified = Some("acme.sys");
    let told = |facts: &Facts<'_>| {
        let found = crate::diagnose::findings(facts);
        let found = found.into_iter().find(|f| f.id == "driver-verifier-active");
        found.map(|found| {
            found
                .evidence
                .into_iter()
                .map(|e| e.text)
                .collect::<Vec<_>>()
        })
    };
    facts.verifier_level = Some(0);
    assert_eq!(told(&facts), None);
    facts.verifier_level = Some(0x2_0009);
    let settings = "Its settings are 0x20009: special pool, pool tracking, DDI compliance.";
    let expected = vec![
        settings.into(),
        "It was told to watch acme.sys.".to_string(),
    ];
    assert_eq!(told(&facts), Some(expected));
}
