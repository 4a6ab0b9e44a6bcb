//! Drivers that are on the stack and had no part in it.

use super::*;
use crate::diagnose::testing::{Machine, address, frame};
use crate::model::{Frame, How};
use alloc::vec::Vec;

const NT: &str = "ntoskrnl.exe";

fn named(facts: &Facts<'_>) -> Option<String> {
    blame(facts).named().map(|blame| blame.module.clone())
}

/// Frames by name, `!` before the function; `#` marks what a trap interrupted.
fn walked(names: &[&str]) -> Vec<Frame> {
    let each = names.iter().enumerate().map(|(at, text)| {
        let (name, symbol) = text.split_once('!').unwrap_or((text, ""));
        let (how, sure) = match (at, name.strip_prefix('#')) {
            (0, _) => (How::Context, Confidence::Certain),
            (_, Some(_)) => (How::TrapFrame, Confidence::Likely),
            _ => (How::Unwind, Confidence::Certain),
        };
        Frame {
            symbol: (!symbol.is_empty()).then(|| symbol.into()),
            ..frame(name.trim_start_matches('#'), how, sure)
        }
    });
    each.collect()
}

#[test]
fn a_filter_that_handed_a_request_on_is_not_at_fault_for_what_windows_did_with_it() {
    let at = |names: &[&str], module: &str| {
        let machine = Machine::with(walked(names));
        named(&machine.facts(0xD1, [0x10, 2, 0, address(module, 5)]))
    };
    let call = "ntoskrnl.exe!IofCallDriver";
    let below = [NT, NT, "disk.sys", call, "acme.sys", call, NT];
    assert_eq!(at(&below, "disk.sys"), None);
    let machine = Machine::with(walked(&below));
    let why = match blame(&machine.facts(0xD1, [0x10, 2, 0, address("disk.sys", 5)])) {
        Verdict::NoGround(why) => why,
        Verdict::Named(found) => found.module,
    };
    assert!(
        why.contains("acme.sys is further out on the stack"),
        "{why}"
    );
    let filtered = [NT, NT, "disk.sys", call, "fltmgr.sys", "acme.sys", NT];
    assert_eq!(at(&filtered, "disk.sys"), None);
    // The kernel may have no names: any call through it may have been one of a request.
    assert_eq!(
        at(&[NT, NT, "disk.sys", NT, "acme.sys", NT], "disk.sys"),
        None
    );
    // It called what failed itself, or nobody was at work on the request yet.
    let direct = [NT, NT, "ndis.sys", "acme.sys", NT];
    assert_eq!(at(&direct, "ndis.sys").as_deref(), Some("acme.sys"));
    let first = [NT, NT, "fltmgr.sys", "acme.sys", NT];
    assert_eq!(at(&first, "fltmgr.sys").as_deref(), Some("acme.sys"));
    let other = [
        NT,
        NT,
        "disk.sys",
        "ntoskrnl.exe!KeSetEvent",
        "acme.sys",
        NT,
    ];
    assert_eq!(at(&other, "disk.sys").as_deref(), Some("acme.sys"));
}

#[test]
fn code_that_an_interrupt_came_over_called_nobody() {
    let stack = [
        NT,
        NT,
        "hal.dll",
        "ntoskrnl.exe!KiInterruptDispatch",
        "#acme.sys",
        NT,
    ];
    let machine = Machine::with(walked(&stack));
    for code in [0xC4, 0xE6, 0x44] {
        assert_eq!(
            named(&machine.facts(code, [0x26, 0, 0, 0])),
            None,
            "{code:x}"
        );
    }
    let called = Machine::with(walked(&[NT, NT, "hal.dll", NT, "acme.sys", NT]));
    let named = named(&called.facts(0x44, [0x26, 0, 0, 0]));
    assert_eq!(named.as_deref(), Some("acme.sys"));
}

#[test]
fn an_antivirus_that_saw_a_call_pass_is_not_named_but_one_that_made_it_is() {
    let at = |names: &[&str], module: &str| {
        let machine = Machine::with(walked(names));
        named(&machine.facts(0x3B, [0xC000_0005, address(module, 5), 0, 0]))
    };
    // Windows and drawing: whoever stands before them has hooked the call of a program.
    for who in ["klif.sys", "acme.sys"] {
        let hooked = [NT, NT, "#win32kfull.sys", "win32kfull.sys", who, NT];
        assert_eq!(at(&hooked, "win32kfull.sys"), None, "{who}");
    }
    let through = |who| [NT, NT, "#disk.sys", "ndis.sys", who, NT];
    assert_eq!(at(&through("klif.sys"), "disk.sys"), None);
    assert_eq!(
        at(&through("acme.sys"), "disk.sys").as_deref(),
        Some("acme.sys")
    );
    let itself = [NT, NT, "#ntoskrnl.exe", "klif.sys", NT];
    assert_eq!(at(&itself, NT).as_deref(), Some("klif.sys"));
    assert_eq!(
        at(&[NT, NT, "#klif.sys", NT], "klif.sys").as_deref(),
        Some("klif.sys")
    );
}

#[test]
fn interrupt_work_that_only_came_through_an_antivirus_is_not_its_work() {
    let at = |who: &str| {
        let stack = [NT, "hal.dll", "#ndis.sys", who, "ndis.sys", NT];
        let machine = Machine::with(walked(&stack));
        named(&machine.facts(0x133, [0, 0x501, 0x500, 0]))
    };
    assert_eq!(at("klif.sys"), None);
    assert_eq!(at("acme.sys").as_deref(), Some("acme.sys"));
}

#[test]
fn code_of_windows_that_holds_no_instruction_is_damage_whoever_called_it() {
    let machine = Machine::with(walked(&[NT, NT, "#ntoskrnl.exe", "acme.sys", NT]));
    let at = |status, module| {
        let parameters = [status, address(module, 5), 0, 0];
        named(&machine.facts(0x1E, parameters))
    };
    assert_eq!(at(0xC000_001D, NT), None);
    assert_eq!(at(0xC000_0005, NT).as_deref(), Some("acme.sys"));
    assert_eq!(at(0xC000_001D, "acme.sys").as_deref(), Some("acme.sys"));
    let facts = machine.facts(0x1E, [0xC000_001D, address(NT, 5), 0, 0]);
    let memory = |facts: &Facts<'_>| {
        let found = crate::diagnose::findings(facts);
        found.iter().any(|f| f.id == "memory-hardware-suspected")
    };
    assert!(memory(&facts));
    assert!(!memory(
        &machine.facts(0x1E, [0xC000_0005, address(NT, 5), 0, 0])
    ));
}

#[test]
fn a_live_dump_of_the_graphics_watchdog_names_the_display_driver_and_others_nobody() {
    let machine = Machine::stopped_by(&[NT, "dxgkrnl.sys"]);
    let live = |code, parameters| {
        let facts = Facts {
            kind: Kind::Live,
            ..machine.facts(code, parameters)
        };
        named(&facts)
    };
    let parameters = [1, address("nvlddmkm.sys", 0x10), 0, 0];
    assert_eq!(live(0x141, parameters).as_deref(), Some("nvlddmkm.sys"));
    assert_eq!(live(0x193, parameters), None);
    assert_eq!(live(0x161, [0; 4]), None);
}

#[test]
fn code_of_the_process_is_no_driver_however_near_it_is() {
    let at = |place| {
        let mut frames = walked(&[NT, NT, "#ntoskrnl.exe", "acme.sys", NT]);
        frames[3].address = crate::model::Hex(place);
        let machine = Machine::with(frames.clone());
        frames.remove(2);
        let called = Machine::with(frames);
        let fault = named(&machine.facts(0x0A, [0x10, 2, 0, address(NT, 5)]));
        (fault, named(&called.facts(0xE3, [0; 4])))
    };
    assert_eq!(at(0x7FFA_1234_5678), (None, None));
    let kernel = at(address("acme.sys", 0x1234));
    assert!(kernel.0.is_some() && kernel.1.is_some());
}

#[test]
fn of_two_drivers_side_by_side_on_a_scanned_stack_nobody_is_named_without_a_call_as_evidence() {
    let stack = |between: &[&str], second: &str, how: Confidence| {
        let drivers = [&["acme.sys", "acme.sys", second][..], &[NT]].concat();
        let mut frames = walked(&[&[NT, NT, "#ntoskrnl.exe"], between, &drivers].concat());
        frames[2].confidence = Confidence::Certain;
        for frame in frames.iter_mut().skip(3) {
            (frame.how, frame.confidence) = (How::Scan, how);
        }
        let machine = Machine::with(frames);
        let facts = machine.facts(0xA, [0x10, 2, 0, address(NT, 5)]);
        match blame(&facts) {
            Verdict::Named(found) => found.module,
            Verdict::NoGround(why) => why,
        }
    };
    let at = |second, how| stack(&[NT], second, how);
    let both = at("other.sys", Confidence::Possible);
    assert!(
        both.starts_with("acme.sys and other.sys are both near"),
        "{both}"
    );
    assert_eq!(at(NT, Confidence::Possible), "acme.sys");
    assert_eq!(at("other.sys", Confidence::Likely), "acme.sys");
    // Side by side right behind the fault: whoever stands further out only handed on.
    assert_eq!(stack(&[], "other.sys", Confidence::Possible), "acme.sys");
}
