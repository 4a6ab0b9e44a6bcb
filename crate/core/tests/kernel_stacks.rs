//! Stacks of forged kernel dumps: every build and architecture, through traps and from stack to
//! stack, against the truth of the scenario; and those of other threads.

use bluepane::analysis::{Analysis, Answer, Query};
use bluepane::model::{Confidence, Frame, Hex, How, Report, Stack};
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, Truth, forge};

fn report(scenario: &Scenario) -> Report {
    let bytes = forge(scenario).unwrap().to_vec();
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    analysis.report().clone()
}

const X64: [&str; 8] = [
    "7601", "9600", "14393", "17763", "19041", "20348", "22000", "26100",
];
const ARM64: [&str; 2] = ["22000", "26100"];

/// What is public of two kernels does not say where some functions are: others stand for them.
fn known<'a>(architecture: &str, build: &str, at: &'a str) -> &'a str {
    match (at, build) {
        _ if architecture != "x64" => at,
        ("nt!KiRetireDpcList", "22000" | "26100") => "driver.sys+0x9990",
        ("nt!KiDpcInterrupt" | "nt!KiDoubleFaultAbort", "22000" | "26100")
        | ("nt!KiInterruptDispatch", "26100") => "nt!KiPageFault",
        ("nt!IofCallDriver", "22000") => "driver.sys+0xaaa0",
        ("nt!ExpWorkerThread" | "nt!PspSystemThreadStartup", "22000") => "driver.sys+0xbbb0",
        ("nt!KiStartSystemThread", "22000" | "26100") => "driver.sys+0xccc0",
        _ => at,
    }
}

/// A scenario of a machine that ran these functions, innermost first; after `@` the stack.
fn scenario(architecture: &str, build: &str, stop: &str, frames: &[&str]) -> Scenario {
    let mut text = format!(
        "[machine]\nmemory = \"64 MiB\"\nbuild = {build}\narchitecture = \"{architecture}\"\n\
         processors = 2\n[stop]\n{stop}\n[dump]\nkind = \"full\"\n\
         [[processes]]\nname = \"smss.exe\"\npid = 360\ncurrent = true\n\
         [[modules]]\nname = \"driver.sys\"\nsize = 0x20000\n"
    );
    for frame in frames {
        let (at, on) = frame.split_once('@').unwrap_or((frame, "thread"));
        let at = known(architecture, build, at);
        text += &format!("[[stack]]\nat = \"{at}\"\non = \"{on}\"\n");
        if at == "nt!KiPageFault" {
            text += "fault_address = 0xfffff90012345678\n";
        }
    }
    Scenario::from_toml(&text).unwrap()
}

fn addresses(stack: &Stack) -> Vec<u64> {
    stack.frames.iter().map(|frame| frame.address.0).collect()
}

/// The stack is the scenario's, and no frame was guessed.
fn check(scenario: &Scenario, name: &str) -> Vec<Frame> {
    let truth = Truth::of(scenario).unwrap();
    let stack = report(scenario).stack.unwrap();
    assert_eq!(
        addresses(&stack),
        truth.stack,
        "{name}: {:#x?}",
        stack.frames
    );
    assert_eq!(stack.limits, "", "{name}");
    for frame in &stack.frames[1..] {
        assert!(matches!(frame.how, How::Unwind | How::TrapFrame), "{name}");
    }
    let unwound = |f: &&Frame| f.how == How::Unwind;
    assert!(
        stack
            .frames
            .iter()
            .filter(unwound)
            .all(|f| f.confidence == Confidence::Certain)
    );
    stack.frames
}

const FAULT: [&str; 8] = [
    "nt!KeBugCheckEx",
    "nt!KiBugCheckDispatch",
    "nt!KiPageFault",
    "driver.sys+0x4560",
    "nt!IofCallDriver",
    "driver.sys+0x7770",
    "nt!PspSystemThreadStartup",
    "nt!KiStartSystemThread",
];
const PAGE_FAULT: &str = "code = 0xd1\nparameters = [0xfffff90012345678, 2, 0, 0]";

#[test]
fn a_fault_in_a_driver_is_traced_through_its_trap_frame_on_every_build() {
    let machines = X64.iter().map(|build| ("x64", build));
    for (architecture, build) in machines.chain(ARM64.iter().map(|build| ("arm64", build))) {
        let name = format!("{architecture} {build}");
        let frames = check(&scenario(architecture, build, PAGE_FAULT, &FAULT), &name);
        let faulted = &frames[3];
        assert_eq!(faulted.how, How::TrapFrame, "{name}");
        assert_eq!(faulted.confidence, Confidence::Certain, "{name}");
        assert_eq!(faulted.module.as_deref(), Some("driver.sys"), "{name}");
    }
}

#[test]
fn stacks_of_deferred_calls_interrupts_and_double_faults_lead_back_to_the_thread() {
    let outer = [
        "driver.sys+0x7770",
        "nt!IofCallDriver",
        "nt!ExpWorkerThread",
    ];
    for build in X64 {
        for (inner, what) in [
            (
                &[
                    "nt!KeBugCheckEx@dpc",
                    "driver.sys+0x4560@dpc",
                    "driver.sys+0x3330@dpc",
                    "nt!KiRetireDpcList@dpc",
                    "nt!KiDpcInterrupt",
                ][..],
                "a deferred call",
            ),
            (
                &[
                    "nt!KeBugCheckEx@interrupt",
                    "driver.sys+0x4560@interrupt",
                    "nt!KiInterruptDispatch@interrupt",
                ],
                "an interrupt",
            ),
            (
                &[
                    "nt!KeBugCheckEx@double-fault",
                    "nt!KiBugCheckDispatch@double-fault",
                    "nt!KiDoubleFaultAbort@double-fault",
                ],
                "a double fault",
            ),
            (
                &[
                    "nt!KeBugCheckEx@interrupt",
                    "nt!KiBugCheckDispatch@interrupt",
                    "nt!KiPageFault@interrupt",
                    "driver.sys+0x4560@interrupt",
                    "nt!KiInterruptDispatch@interrupt",
                    "driver.sys+0x2220@dpc",
                    "nt!KiRetireDpcList@dpc",
                    "nt!KiDpcInterrupt",
                ],
                "a fault in an interrupt in a deferred call",
            ),
        ] {
            let frames = [inner, &outer].concat();
            let stop = "code = 0x133\nparameters = [1, 0x1e00, 0, 0]";
            check(
                &scenario("x64", build, stop, &frames),
                &format!("{what}, {build}"),
            );
        }
    }
}

#[test]
fn a_thread_that_a_parameter_names_is_traced_from_where_it_gave_up_the_processor() {
    // Of the functions in which a thread waits nothing is public for that one.
    for build in X64.into_iter().filter(|&build| build != "22000") {
        let plain = scenario("x64", build, "code = 0x9f", &[]);
        let truth = Truth::of(&plain).unwrap();
        let sleeper = truth.processes[0].threads[1].object;
        let stop = format!("code = 0x9f\nparameters = [4, 300, {sleeper:#x}, 0]");
        let named = scenario("x64", build, &stop, &[]);
        let truth = Truth::of(&named).unwrap();
        assert_eq!(truth.processes[0].threads[1].object, sleeper, "{build}");
        let stacks = report(&named).stacks;
        let of_thread: Vec<&Stack> = stacks
            .iter()
            .filter(|s| s.thread == Some(Hex(sleeper)))
            .collect();
        assert_eq!(of_thread.len(), 1, "{build}");
        assert_eq!(addresses(of_thread[0]), truth.sleeping, "{build}");
        let about = of_thread[0].about.as_deref().unwrap();
        assert!(about.contains("parameter 3"), "{build}: {about}");
        let other = scenario("x64", build, "code = 0x9f\nparameters = [3, 1, 2, 3]", &[]);
        assert_eq!(report(&other).stacks, [], "{build}");
    }
}

/// What the console answers about a forged dump.
fn ask(scenario: &Scenario, lines: &[&str]) -> Vec<String> {
    let bytes = forge(scenario).unwrap().to_vec();
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    let ask = |line: &&str| {
        let query = Query::Command((*line).into());
        match analysis.answer(query, &mut SliceProvider(&bytes)) {
            Some(Answer::Text(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    };
    lines.iter().map(ask).collect()
}

#[test]
fn the_console_shows_trap_frames_threads_and_their_stacks() {
    let faulted = scenario("x64", "19041", PAGE_FAULT, &FAULT);
    let truth = Truth::of(&faulted).unwrap();
    let sleeper = truth.processes[0].threads[1].object;
    let thread = format!("!thread {sleeper:x}");
    let asked = [
        "kv",
        ".trap",
        &thread,
        "!stacks 2 System",
        "!stacks nobody",
        "~*k",
        ".exr 1000",
    ];
    let answers = ask(&faulted, &asked);
    let has = |index: usize, text: &str| {
        let answer: &String = &answers[index];
        assert!(
            answer.contains(text),
            "{}: no {text} in\n{answer}",
            asked[index]
        );
    };
    has(0, "(TrapFrame @ ");
    has(1, &format!("{:016x}", truth.stack[3]));
    has(1, "driver+0x4560");
    has(0, "nt!KeBugCheckEx");
    let shown = |address: u64| format!("{:08x}`{:08x}", address >> 32, address & 0xFFFF_FFFF);
    for &address in &truth.stack[4..] {
        has(1, &shown(address));
    }
    has(2, &format!("THREAD {}", shown(sleeper)));
    for &address in &truth.sleeping {
        has(2, &shown(address));
        has(3, &shown(address));
    }
    has(3, &shown(truth.processes[0].threads[0].object));
    assert_eq!(answers[4], "");
    has(5, "which stopped the machine");
    has(6, "no exception record");
}
