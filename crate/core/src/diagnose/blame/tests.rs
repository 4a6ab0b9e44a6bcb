use super::*;
use crate::diagnose::testing::{DEVICE, GONE, IRP, Machine, address, frame, objects};
use crate::model::{Exception, Hex, How};
use alloc::vec;

fn named(facts: &Facts<'_>) -> Option<(String, Confidence)> {
    blame(facts)
        .named()
        .map(|blame| (blame.module.clone(), blame.confidence))
}

fn likely(name: &str) -> Option<(String, Confidence)> {
    Some((name.into(), Confidence::Likely))
}

fn possible(name: &str) -> Option<(String, Confidence)> {
    Some((name.into(), Confidence::Possible))
}

const NT: &str = "ntoskrnl.exe";

#[test]
fn a_driver_that_asked_windows_to_stop_is_named_whatever_the_code() {
    let machine = Machine::stopped_by(&["acme.sys", NT]);
    for code in [0x65, 0x1A, 0xF7] {
        assert_eq!(named(&machine.facts(code, [0; 4])), likely("acme.sys"));
    }
    let kernel = Machine::stopped_by(&[NT, NT]);
    assert_eq!(named(&kernel.facts(0x65, [0; 4])), None);
    let framework = Machine::stopped_by(&["dxgkrnl.sys", NT]);
    assert_eq!(named(&framework.facts(0x65, [0; 4])), None);
}

#[test]
fn a_dump_asked_for_by_hand_blames_nobody() {
    let machine = Machine::stopped_by(&["acme.sys"]);
    assert_eq!(named(&machine.facts(0xE2, [0; 4])), None);
    assert_eq!(named(&machine.facts(0x1C8, [0x1B58, 0, 0, 0])), None);
    let mut live = machine.facts(0xD1, [0, 2, 0, address("acme.sys", 0x99)]);
    assert_eq!(named(&live), likely("acme.sys"));
    live.kind = Kind::Live;
    assert_eq!(named(&live), None);
}

#[test]
fn the_instruction_at_fault_names_its_driver_and_offset() {
    let machine = Machine::stopped_by(&[NT]);
    let at = address("acme.sys", 0x334C);
    for (code, parameters) in [
        (0xD1, [0x10, 2, 0, at]),
        (0x0A, [0x10, 2, 0, at]),
        (0x50, [0xFFFF_9000_0000_0000, 0, at, 2]),
        (0x1000_007E, [0xFFFF_FFFF_C000_0005, at, 0, 0]),
        (0x3B, [0xC000_0005, at, 0, 0]),
        (0x1E, [0xC000_0005, at, 0, 0]),
        (0x1000_008E, [0xC000_0005, at, 0, 0]),
        (0xD5, [0xFFFF_9000_0000_0000, 0, at, 0]),
    ] {
        let verdict = blame(&machine.facts(code, parameters));
        let blame = verdict.named();
        let text = blame.map(|b| b.evidence[0].text.as_str());
        assert!(
            text.is_some_and(|t| t.contains("acme+0x334c")),
            "{code:#x} {verdict:?}"
        );
    }
}

#[test]
fn a_fault_in_the_kernel_or_a_framework_names_neither() {
    let machine = Machine::stopped_by(&[NT, NT]);
    for name in [NT, "hal.dll", "ndis.sys", "dxgkrnl.sys"] {
        let facts = machine.facts(0xD1, [0x10, 2, 0, address(name, 0x99)]);
        assert_eq!(named(&facts), None, "{name}");
    }
    let Verdict::NoGround(why) =
        blame(&machine.facts(0xD1, [0x10, 2, 0, address("ndis.sys", 0x99)]))
    else {
        return assert_eq!(1, 0, "somebody was named");
    };
    assert!(why.contains("ndis+0x99"), "{why}");
}

#[test]
fn a_fault_in_a_device_driver_of_windows_is_only_possible() {
    let machine = Machine::stopped_by(&[NT]);
    let at = address("amdppm.sys", 0x334C);
    let facts = machine.facts(0x1000_007E, [0xFFFF_FFFF_C000_0005, at, 0, 0]);
    assert_eq!(named(&facts), possible("amdppm.sys"));
}

#[test]
fn the_exceptions_address_counts_where_no_parameter_has_it_but_the_placeholder_does_not() {
    let machine = Machine::stopped_by(&[NT]);
    let exception = Exception {
        code: 0xC000_0409,
        address: Hex(address("acme.sys", 0x55)),
        ..Exception::default()
    };
    let mut facts = machine.facts(0x139, [3, 0, 0, 0]);
    assert_eq!(named(&facts), None);
    facts.exception = Some(&exception);
    assert_eq!(named(&facts), likely("acme.sys"));
    let placeholder = Exception {
        code: 0x8000_0003,
        ..exception.clone()
    };
    facts.exception = Some(&placeholder);
    assert_eq!(named(&facts), None);
}

#[test]
fn a_trap_frame_counts_only_when_it_carries_the_reported_fault() {
    for (sure, wanted) in [
        (Confidence::Certain, likely("acme.sys")),
        (Confidence::Likely, possible("acme.sys")),
    ] {
        let trap = frame("acme.sys", How::TrapFrame, sure);
        let first = frame(NT, How::Context, Confidence::Certain);
        let machine = Machine::with(vec![first, trap]);
        assert_eq!(named(&machine.facts(0xBE, [0x1000; 4])), wanted);
    }
}

#[test]
fn code_of_an_unloaded_driver_that_still_runs_names_it() {
    let machine = Machine::stopped_by(&[NT]);
    let facts = machine.facts(0xCE, [GONE + 0x10, 8, GONE + 0x10, 0]);
    assert_eq!(named(&facts), likely("gone.sys"));
    let facts = machine.facts(0x50, [GONE + 0x10, 0x10, GONE + 0x10, 0]);
    assert_eq!(named(&facts), likely("gone.sys"));
    // The kernel read where a driver had been: it may have left something behind.
    let facts = machine.facts(0x50, [GONE + 0x10, 0, address(NT, 0x99), 0]);
    assert_eq!(named(&facts), possible("gone.sys"));
}

#[test]
fn windows_own_record_names_a_driver_but_not_the_kernel() {
    let machine = Machine::stopped_by(&[NT]);
    let mut facts = machine.facts(0xA, [0x10, 2, 0, address(NT, 5)]);
    facts.broken_driver = Some(r"\SystemRoot\System32\drivers\acme.sys");
    assert_eq!(named(&facts), likely("acme.sys"));
    facts.broken_driver = Some("ntoskrnl.exe");
    assert_eq!(named(&facts), None);
    facts.broken_driver = Some("");
    assert_eq!(named(&facts), None);
}

#[test]
fn amds_own_code_names_its_loaded_driver_and_evidence_adds_up() {
    let machine = Machine::stopped_by(&[NT]);
    let facts = machine.facts(0xA000_0001, [5, 0, 0, 0]);
    assert_eq!(named(&facts), likely("atikmdag.sys"));
    assert_eq!(named(&machine.facts(0xB000_0001, [5, 0, 0, 0])), None);

    let machine = Machine::stopped_by(&["atikmdag.sys", "atikmdag.sys"]);
    let verdict = blame(&machine.facts(0xA000_0001, [5, 0, 0, 0]));
    let texts = verdict.named().map_or(0, |blame| blame.evidence.len());
    assert!(texts >= 3, "{verdict:?}");
}

#[test]
fn a_graphics_watchdog_names_the_display_driver_by_parameter_or_stack() {
    let machine = Machine::stopped_by(&["dxgkrnl.sys", "nvlddmkm.sys", "dxgkrnl.sys"]);
    let pointer = address("nvlddmkm.sys", 0x1000);
    assert_eq!(
        named(&machine.facts(0x116, [1, pointer, 0, 4])),
        likely("nvlddmkm.sys")
    );
    assert_eq!(
        named(&machine.facts(0x119, [1, 0, 0, 0])),
        possible("nvlddmkm.sys")
    );
    let machine = Machine::stopped_by(&["dxgkrnl.sys", "atikmdag.sys", NT, "atikmdag.sys"]);
    assert_eq!(
        named(&machine.facts(0x1000_00EA, [1, 0, 0, 0])),
        likely("atikmdag.sys")
    );
    let nobody = Machine::stopped_by(&["dxgkrnl.sys", NT]);
    let framework = address("dxgkrnl.sys", 8);
    assert_eq!(named(&nobody.facts(0x116, [1, framework, 0, 4])), None);
}

#[test]
fn the_only_display_driver_is_possible_and_of_two_makers_neither() {
    let two = Machine::stopped_by(&["dxgkrnl.sys", NT]);
    assert_eq!(named(&two.facts(0x119, [2, 0, 0, 0])), None);
    let mut one = Machine::stopped_by(&["dxgkrnl.sys", NT]);
    let amd = |m: &&crate::nt::Module| m.name != "nvlddmkm.sys";
    let kept = one.modules.as_slice().iter().filter(amd).cloned().collect();
    one.modules = crate::nt::ModuleList::new(kept);
    assert_eq!(
        named(&one.facts(0x119, [2, 0, 0, 0])),
        possible("atikmdag.sys")
    );
}

#[test]
fn driver_verifier_and_refused_calls_name_the_caller() {
    let machine = Machine::stopped_by(&[NT]);
    let at = address("acme.sys", 0x77);
    let caught = Machine::stopped_by(&[NT, NT, "acme.sys"]);
    let (verifier, caller) = ([0x91, 0, 0, 0], [7, 0, 0, 0]);
    assert_eq!(named(&caught.facts(0xC4, verifier)), likely("acme.sys"));
    assert_eq!(named(&caught.facts(0xC2, caller)), None);
    let twice = Machine::stopped_by(&[NT, NT, "acme.sys", "acme.sys"]);
    assert_eq!(named(&twice.facts(0xC2, caller)), possible("acme.sys"));
    assert_eq!(
        named(&machine.facts(0xC4, [0x2000, at, 0, 0])),
        likely("acme.sys")
    );
    assert_eq!(
        named(&machine.facts(0xC2, [0x9B, 0, 0, at])),
        likely("acme.sys")
    );
    assert_eq!(named(&machine.facts(0xC2, [7, 0, 0, at])), None);
    let kernel = address(NT, 0x77);
    assert_eq!(named(&machine.facts(0xC4, [0x2000, kernel, 0, 0])), None);
}

#[test]
fn the_nearest_driver_is_possible_when_close_and_nobody_when_deep() {
    let blamed = |names: &[&str]| {
        let machine = Machine::stopped_by(names);
        named(&machine.facts(0xA, [0x10, 2, 0, address(NT, 5)]))
    };
    assert_eq!(
        blamed(&[NT, "fltmgr.sys", "acme.sys", "acme.sys"]),
        possible("acme.sys")
    );
    // Single values of a stack that was scanned may be left over, or lie behind Windows' own work.
    assert_eq!(blamed(&[NT, "fltmgr.sys", "acme.sys", NT]), None);
    assert_eq!(
        blamed(&[NT, "fltmgr.sys", "acme.sys", NT, "acme.sys"]),
        None
    );
    assert_eq!(blamed(&[NT, "ndis.sys", "acme.sys", "acme.sys"]), None);
    assert_eq!(blamed(&[NT, NT, NT, NT, NT, NT, NT, "acme.sys", NT]), None);
    let thrice = [
        NT, NT, NT, NT, NT, "acme.sys", NT, "acme.sys", NT, "acme.sys",
    ];
    assert_eq!(blamed(&thrice), possible("acme.sys"));
}

#[test]
fn a_jump_to_nowhere_is_told_with_its_caller_and_blames_nobody() {
    let nowhere = 0xFFFF_9000_0000_0000;
    let mut machine = Machine::stopped_by(&[NT]);
    let frames = &mut machine.stack.frames;
    frames.push(frame("", How::TrapFrame, Confidence::Certain));
    frames.push(frame("fltmgr.sys", How::Scan, Confidence::Possible));
    let why = |p| match blame(&machine.facts(0x50, p)) {
        Verdict::NoGround(why) => why,
        Verdict::Named(blame) => blame.module,
    };
    let told = why([nowhere, 0x11, nowhere, 2]);
    assert!(told.contains("0xffff900000000000") && told.contains("fltmgr+0x1234"));
    assert!(!why([nowhere, 0, address(NT, 5), 2]).contains("pointer to code"));
}

#[test]
fn nearness_counts_from_the_fault_not_from_its_handling() {
    let mut machine = Machine::stopped_by(&[NT, "other.sys", NT]);
    let frames = &mut machine.stack.frames;
    frames.push(frame(NT, How::TrapFrame, Confidence::Certain));
    frames.push(frame("acme.sys", How::Scan, Confidence::Likely));
    let facts = machine.facts(0xA, [0x10, 2, 0, address(NT, 5)]);
    assert_eq!(named(&facts), possible("acme.sys"));
}

#[test]
fn damage_hardware_storage_and_lost_processes_are_nobodys_and_say_why() {
    let machine = Machine::stopped_by(&[NT, "acme.sys", "acme.sys", "acme.sys"]);
    for code in [
        0x1A, 0x4E, 0x19, 0x109, 0x124, 0x12B, 0x7A, 0xEF, 0xF4, 0x101, 0x9F, 0x1C7,
    ] {
        match blame(&machine.facts(code, [0; 4])) {
            Verdict::NoGround(why) => assert!(why.ends_with('.'), "{why}"),
            Verdict::Named(blame) => assert_eq!(code, 0, "{blame:?}"),
        }
    }
    let in_page = [0xFFFF_FFFF_C000_0006, address("acme.sys", 4), 0, 0];
    assert_eq!(named(&machine.facts(0x7E, in_page)), None);
}

#[test]
fn the_power_request_is_followed_to_the_driver_that_holds_it() {
    let machine = Machine::stopped_by(&[NT]);
    let mut facts = machine.facts(0x9F, [3, DEVICE, 0, IRP]);
    assert_eq!(named(&facts), None);
    let acme = objects("acme.sys", NT);
    facts.space = Some(&acme);
    assert_eq!(named(&facts), likely("acme.sys"));
    let disk = objects("disk.sys", NT);
    facts.space = Some(&disk);
    assert_eq!(named(&facts), None);
    facts.parameters[0] = 4;
    facts.space = Some(&acme);
    assert_eq!(named(&facts), None);
}

/// A stack walked call by call, innermost first.
fn walked(names: &[&str]) -> Machine {
    let each = names
        .iter()
        .map(|name| frame(name, How::Unwind, Confidence::Likely));
    Machine::with(each.collect())
}

#[test]
fn the_kernel_gives_way_to_the_driver_that_called_it() {
    let machine = walked(&[NT, NT, NT, "acme.sys", "acme.sys", NT]);
    // A lock that its thread does not hold, and damage found when memory was given back.
    assert_eq!(
        named(&machine.facts(0xE3, [1, 2, 3, 4])),
        likely("acme.sys")
    );
    assert_eq!(
        named(&machine.facts(0x19, [0x22, 1, 1, 0])),
        possible("acme.sys")
    );
    assert_eq!(
        named(&machine.facts(0x13A, [0x12, 1, 1, 0])),
        possible("acme.sys")
    );
    // Damage of page tables has nothing to do with who was running.
    assert_eq!(named(&machine.facts(0x1A, [0x41790, 1, 1, 0])), None);
    let framework = walked(&[NT, NT, "ndis.sys", "acme.sys"]);
    assert_eq!(named(&framework.facts(0x13A, [0x12, 1, 1, 0])), None);
}

#[test]
fn a_guessed_stack_does_not_break_the_silence_about_damage() {
    let machine = Machine::stopped_by(&[NT, "acme.sys", "acme.sys"]);
    assert_eq!(named(&machine.facts(0x19, [0x22, 1, 1, 0])), None);
}

#[test]
fn a_routine_or_object_among_the_parameters_leads_to_its_driver() {
    let machine = Machine::stopped_by(&[NT]);
    // CANCEL_STATE_IN_COMPLETED_IRP: the second parameter is the cancel routine.
    let routine = |name: &str| machine.facts(0x48, [0x1000, address(name, 0x99), 0, 0]);
    assert_eq!(named(&routine("acme.sys")), likely("acme.sys"));
    assert_eq!(named(&routine(NT)), None);
    let memory = objects("acme.sys", NT);
    // MULTIPLE_IRP_COMPLETE_REQUESTS: the request says who held it, no more.
    let mut facts = machine.facts(0x44, [IRP, 0, 0, 0]);
    assert_eq!(named(&facts), None);
    facts.space = Some(&memory);
    assert_eq!(named(&facts), possible("acme.sys"));
}
