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
