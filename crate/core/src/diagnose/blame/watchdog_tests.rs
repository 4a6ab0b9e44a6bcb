//! Whom watchdogs waited for, and who used up a stack: each rule where it fires and where not.

use super::*;
use crate::diagnose::findings;
use crate::diagnose::testing::{DEVICE, GONE, IRP, Machine, Words, address, frame, objects, text};
use crate::memory::VirtualAddress;
use crate::model::{Frame, Hex, How, Stack};
use alloc::{vec, vec::Vec};

const NT: &str = "ntoskrnl.exe";

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

/// Frames walked call by call, innermost first; `!` before a name stands for a trap frame, and what
/// follows `:` is the function.
fn walked(names: &[&str]) -> Vec<Frame> {
    let each = names.iter().map(|name| {
        let trap = name.starts_with('!');
        let (module, function) = match name.trim_start_matches('!').split_once(':') {
            Some((module, function)) => (module, Some(function.into())),
            None => (name.trim_start_matches('!'), None),
        };
        let how = if trap { How::TrapFrame } else { How::Unwind };
        Frame {
            symbol: function,
            ..frame(module, how, Confidence::Likely)
        }
    });
    each.collect()
}

#[test]
fn interrupt_work_that_ran_too_long_is_the_interrupted_drivers() {
    let stop = |case: u64, names: &[&str]| {
        let machine = Machine::with(walked(names));
        named(&machine.facts(0x133, [case, 0x501, 0x500, 0]))
    };
    let direct = [NT, NT, "!ntoskrnl.exe", "acme.sys", NT];
    assert_eq!(stop(0, &direct), likely("acme.sys"));
    // Many calls together: the last of them is one of many.
    assert_eq!(stop(1, &direct), possible("acme.sys"));
    let behind = [NT, "!ndis.sys", "ndis.sys", "acme.sys", NT];
    assert_eq!(stop(0, &behind), possible("acme.sys"));
    // What lies behind the kernel's own loop was interrupted by the work, and did none of it.
    let before = [
        NT,
        "!ndis.sys",
        "ntoskrnl.exe:KiExecuteAllDpcs",
        "ntoskrnl.exe:KiRetireDpcList",
        NT,
        NT,
        NT,
        "acme.sys",
    ];
    assert_eq!(stop(0, &before), None);
}

#[test]
fn a_processor_that_hung_in_a_driver_makes_it_possible_and_no_more() {
    let machine = Machine::stopped_by(&[NT, "other.sys", "other.sys"]);
    let stack = |number, names: &[&str]| Stack {
        processor: Some(number),
        frames: walked(names),
        ..Stack::default()
    };
    let stacks = [stack(1, &["other.sys"]), stack(2, &[NT, "acme.sys", NT])];
    let mut facts = machine.facts(0x101, [0x18, 0, 0, 2]);
    assert_eq!(named(&facts), None);
    facts.stacks = &stacks;
    assert_eq!(named(&facts), possible("acme.sys"));
    let idle = [stack(2, &[NT, NT])];
    facts.stacks = &idle;
    assert_eq!(named(&facts), None);
}

#[test]
fn the_thread_that_held_up_plug_and_play_names_its_driver() {
    const THREAD: u64 = 0xFFFF_8000_1234_5080;
    let machine = Machine::stopped_by(&[NT]);
    let stack = |names: &[&str]| {
        [Stack {
            thread: Some(Hex(THREAD)),
            frames: walked(names),
            ..Stack::default()
        }]
    };
    let mut facts = machine.facts(0x9F, [4, 300, THREAD, 0]);
    let direct = stack(&[NT, NT, "acme.sys", NT]);
    facts.stacks = &direct;
    assert_eq!(named(&facts), likely("acme.sys"));
    let behind = stack(&[NT, "ndis.sys", "acme.sys"]);
    facts.stacks = &behind;
    assert_eq!(named(&facts), possible("acme.sys"));
    let nobody = stack(&[NT, "ndis.sys", NT]);
    facts.stacks = &nobody;
    assert_eq!(named(&facts), None);
    facts.stacks = &direct;
    facts.parameters[2] += 8;
    assert_eq!(named(&facts), None);
}

#[test]
fn the_driver_above_the_bus_is_possible_where_the_request_cannot_be_read() {
    let machine = Machine::stopped_by(&[NT]);
    let bus = DEVICE + 0x100;
    let mut memory = objects("acme.sys", "disk.sys");
    // The upper device is attached to that of the bus.
    memory.0.push((bus + 0x18, DEVICE));
    memory.0.push((DEVICE + 0x18, 0));
    let mut facts = machine.facts(0x9F, [3, bus, 0, 0xFFFF_8000_0000_1000]);
    facts.space = Some(&memory);
    assert_eq!(named(&facts), possible("acme.sys"));
    // A framework holds the request: then it is not known whose fault that is.
    let mut held = objects("disk.sys", "disk.sys");
    held.0.extend([(bus + 0x18, DEVICE), (DEVICE + 0x18, 0)]);
    facts.space = Some(&held);
    facts.parameters[3] = IRP;
    assert_eq!(named(&facts), None);
}

/// A stack whose frames lie `bytes` apart, all walked.
fn spread(names: &[(&str, u64)]) -> Machine {
    let mut at = 0xFFFF_D000_0000_1000;
    let mut frames = Vec::new();
    for (name, bytes) in names {
        let mut one = frame(name, How::Unwind, Confidence::Likely);
        one.stack_pointer = Some(Hex(at));
        at += bytes;
        frames.push(one);
    }
    Machine::with(frames)
}

#[test]
fn who_used_most_of_a_stack_that_ran_out_is_named_and_not_who_touched_its_end() {
    let recursion = [("other.sys", 0x80)];
    let all: Vec<(&str, u64)> = recursion
        .into_iter()
        .chain([("acme.sys", 0x400); 16])
        .chain([(NT, 0x200); 4])
        .collect();
    let machine = spread(&all);
    assert_eq!(
        named(&machine.facts(0x7F, [8, 0, 0, 0])),
        likely("acme.sys")
    );
    // Other traps are not about the stack.
    assert_eq!(
        named(&machine.facts(0x7F, [0xD, 0, 0, 0])),
        possible("acme.sys")
    );
    let spent_by_windows: Vec<(&str, u64)> = vec![("other.sys", 0x80), ("acme.sys", 0x100)]
        .into_iter()
        .chain([(NT, 0x400); 20])
        .collect();
    let machine = spread(&spent_by_windows);
    assert_eq!(named(&machine.facts(0x7F, [8, 0, 0, 0])), None);
    let short = spread(&[("acme.sys", 0x100), ("acme.sys", 0x100), (NT, 0x100)]);
    assert_eq!(named(&short.facts(0x7F, [8, 0, 0, 0])), None);
}

#[test]
fn a_driver_that_left_data_behind_when_it_went_is_possible() {
    let machine = Machine::stopped_by(&[NT]);
    let facts = machine.facts(0xA, [GONE + 0x40, 2, 0, address(NT, 0x99)]);
    assert_eq!(named(&facts), possible("gone.sys"));
    // A driver of another maker that reads there is at fault itself.
    let facts = machine.facts(0xD1, [GONE + 0x40, 2, 0, address("acme.sys", 0x99)]);
    assert_eq!(named(&facts), likely("acme.sys"));
    let facts = machine.facts(0xA, [GONE + 0x4000, 2, 0, address(NT, 0x99)]);
    assert_eq!(named(&facts), None);
}

#[test]
fn what_was_interrupted_is_not_to_blame_for_what_came_over_it() {
    let stop = |names: &[&str]| {
        let machine = Machine::with(walked(names));
        named(&machine.facts(0xA, [0x10, 2, 0, address(NT, 5)]))
    };
    // A deferred call of a framework faulted; a driver's thread had been interrupted for it.
    let over = [NT, "!ntoskrnl.exe", "ndis.sys", "!acme.sys", "acme.sys"];
    assert_eq!(stop(&over), None);
    let loops = [
        NT,
        "!ntoskrnl.exe",
        "ndis.sys",
        "ntoskrnl.exe:KiRetireDpcList",
        "acme.sys",
        "acme.sys",
    ];
    assert_eq!(stop(&loops), None);
    let called = [NT, "!ntoskrnl.exe", "ndis.sys", "acme.sys", "acme.sys"];
    assert_eq!(stop(&called), possible("acme.sys"));
}

#[test]
fn a_driver_whose_name_a_parameter_holds_is_named() {
    // DRIVER_USED_EXCESSIVE_PTES: the first parameter is the driver's name.
    let machine = Machine::stopped_by(&[NT]);
    let mut facts = machine.facts(0xD8, [0x10_5000, 0x4000, 0, 0]);
    assert_eq!(named(&facts), None);
    let acme = Words(text(0x10_5000, "acme.sys"));
    facts.space = Some(&acme);
    assert_eq!(named(&facts), likely("acme.sys"));
    let disk = Words(text(0x10_5000, "disk.sys"));
    facts.space = Some(&disk);
    assert_eq!(named(&facts), None);
}

/// Whether a finding says so.
fn says(facts: &Facts<'_>, wanted: &str) -> bool {
    let all = findings::findings(facts);
    let mut evidence = all.iter().flat_map(|found| &found.evidence);
    evidence.any(|evidence| evidence.text == wanted)
}

#[test]
fn the_device_that_plug_and_play_waited_for_is_told_and_its_driver_possible() {
    const BLOCK: u64 = 0x20_0000;
    let (head, entry, node) = (BLOCK + 0x1000, BLOCK + 0x2000, BLOCK + 0x3000);
    let machine = Machine::stopped_by(&[NT]);
    let waiting = |service: &str, signature: u64| {
        let mut words = vec![
            (BLOCK, 0x1_0000 | signature),
            (BLOCK + 8, head),
            (head, entry),
            (entry, head),
            (entry + 0x10, node),
            (node + 0x20, DEVICE),
        ];
        words.extend(text(node + 0x28, "PCI\\VEN_8086"));
        words.extend(text(node + 0x38, service));
        Words(words)
    };
    let mut facts = machine.facts(0x9F, [4, 300, 0, BLOCK]);
    let acme = waiting("acme", 0x8001);
    facts.space = Some(&acme);
    assert_eq!(named(&facts), possible("acme.sys"));
    let told = "Plug and Play waited for PCI\\VEN_8086, driven by acme.";
    assert!(says(&facts, told));
    let disk = waiting("disk", 0x8001);
    facts.space = Some(&disk);
    assert_eq!(named(&facts), None);
    let other = waiting("acme", 0x8002);
    facts.space = Some(&other);
    assert_eq!(named(&facts), None);
}

#[test]
fn other_requests_for_power_are_told_with_who_holds_them() {
    const BLOCK: u64 = 0x20_0000;
    let machine = Machine::stopped_by(&[NT]);
    let (head, first) = (BLOCK + 0x1000, BLOCK + 0x2000);
    let mut memory = objects("acme.sys", NT);
    memory.0.extend([
        (BLOCK, 0x1_8000),
        (BLOCK + 8, head),
        (head, first),
        (first, head),
        (first + 0x10, IRP),
    ]);
    let mut facts = machine.facts(0x9F, [3, 0, BLOCK, 0x30_0000]);
    facts.space = Some(&memory);
    assert!(says(&facts, "Another request for power was with acme.sys."));
    // That somebody else holds another request does not make it the culprit.
    assert_eq!(named(&facts), None);
}

#[test]
fn the_code_that_the_clock_captured_makes_its_driver_possible() {
    const BLOCK: u64 = 0x20_0000;
    const PROCESSOR: u64 = 0x30_0000;
    let captures = PROCESSOR + 0x8000;
    let machine = Machine::stopped_by(&[NT, NT]);
    let captured = |names: &[&str]| {
        let mut words = vec![
            (BLOCK, 0x10_0001_AEBE_CEDE),
            (BLOCK + 8, (names.len() as u64 * 8) << 32 | 0x4000),
            (PROCESSOR + 0x4000, captures),
        ];
        let each = names.iter().enumerate();
        words.extend(each.map(|(at, name)| (captures + 8 * at as u64, address(name, 0x99))));
        Words(words)
    };
    let mut facts = machine.facts(0x133, [1, 0x1E00, BLOCK, 0]);
    let one = captured(&[
        "acme.sys",
        NT,
        "acme.sys",
        "acme.sys",
        "other.sys",
        "acme.sys",
        NT,
    ]);
    facts.space = Some(&one);
    assert_eq!(named(&facts), None);
    facts.processor = Some(VirtualAddress(PROCESSOR));
    assert_eq!(named(&facts), possible("acme.sys"));
    let told = "The clock found at this work: acme.sys (4), ntoskrnl.exe (2), other.sys (1).";
    assert!(says(&facts, told));
    let two = captured(&["acme.sys", "other.sys"].repeat(4));
    facts.space = Some(&two);
    assert_eq!(named(&facts), None);
}
