//! Stacks of forged kernel dumps: every build and architecture, through traps and from stack to
//! stack, against the truth of the scenario; and those of other threads.

use bluepane::analysis::{Analysis, Answer, Query};
use bluepane::model::{Confidence, Frame, Hex, How, Report, Stack};
use bluepane::source::SliceProvider;
use bluepane_forge::scenario::Architecture;
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
const OTHERS: [(&str, &str); 3] = [("arm64", "22000"), ("arm64", "26100"), ("x86", "7601")];

/// Every architecture and build that the forge writes.
fn machines() -> impl Iterator<Item = (&'static str, &'static str)> {
    X64.map(|build| ("x64", build)).into_iter().chain(OTHERS)
}

/// What is public of one kernel does not say where some functions are: others stand for them.
fn known<'a>(architecture: &str, build: &str, at: &'a str) -> &'a str {
    match (at, build) {
        ("nt!KiPageFault", _) if architecture == "x86" => "nt!KiTrap0E",
        ("nt!KiBugCheckDispatch", _) if architecture == "x86" => "nt!KeBugCheck2",
        ("nt!KiStartSystemThread", _) if architecture == "x86" => "nt!KiThreadStartup",
        _ if architecture != "x64" => at,
        ("nt!KiRetireDpcList", "22000") => "driver.sys+0x9990",
        ("nt!KiDpcInterrupt" | "nt!KiDoubleFaultAbort", "22000") => "nt!KiPageFault",
        ("nt!IofCallDriver", "22000") => "driver.sys+0xaaa0",
        ("nt!ExpWorkerThread" | "nt!PspSystemThreadStartup", "22000") => "driver.sys+0xbbb0",
        ("nt!KiStartSystemThread", "22000") => "driver.sys+0xccc0",
        _ => at,
    }
}

/// A scenario of a machine that ran these functions, innermost first; after `@` the stack.
fn scenario(architecture: &str, build: &str, stop: &str, frames: &[&str]) -> Scenario {
    Scenario::from_toml(&text(architecture, build, stop, frames)).unwrap()
}

fn text(architecture: &str, build: &str, stop: &str, frames: &[&str]) -> String {
    let mut text = format!(
        "[machine]\nmemory = \"32 MiB\"\nbuild = {build}\narchitecture = \"{architecture}\"\n\
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
    text
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
    // 32-bit code has no unwind data; what called KeBugCheckEx is proven by the arguments.
    let narrow = scenario.machine.architecture == Architecture::X86;
    let fits =
        stack.limits.is_empty() || narrow && stack.limits.starts_with("Names are the nearest");
    assert!(fits, "{name}: {}", stack.limits);
    for (frame, number) in stack.frames.iter().zip(0..).skip(1) {
        let fits = match frame.how {
            How::Unwind => !narrow && frame.confidence == Confidence::Certain,
            How::Scan => narrow && number == 1 && frame.confidence == Confidence::Certain,
            How::FramePointer => narrow && frame.confidence == Confidence::Likely,
            How::TrapFrame => true,
            How::Context | How::Exception => false,
        };
        assert!(fits, "{name}: {frame:?}");
    }
    // Each frame returns to the next one, the outermost to nothing.
    let back = |frame: &Frame| frame.return_address.map(|back| back.0);
    let returns: Vec<Option<u64>> = stack.frames.iter().map(back).collect();
    let next = truth.stack.iter().skip(1).copied().chain([0]).map(Some);
    assert_eq!(returns, next.collect::<Vec<_>>(), "{name}");
    let counts = stack.frames.iter().map(|frame| frame.arguments.len());
    let counts: Vec<usize> = counts.take(stack.frames.len() - 1).collect();
    let expected = match scenario.machine.architecture {
        Architecture::X64 => 4,
        Architecture::X86 => 3,
        Architecture::Arm64 => 0,
    };
    assert!(counts.iter().all(|&n| n == expected), "{name}: {counts:?}");
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
    for (architecture, build) in machines() {
        let name = format!("{architecture} {build}");
        // Its last parameter is the instruction, by which alone a trap frame of x86 is proven.
        let plain = scenario(architecture, build, PAGE_FAULT, &FAULT);
        let faulted = Truth::of(&plain).unwrap().stack[3];
        let stop = PAGE_FAULT.replace(", 0]", &format!(", \"{faulted:#x}\"]"));
        let frames = check(&scenario(architecture, build, &stop, &FAULT), &name);
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
    for (architecture, build) in machines() {
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
            // A processor of 32 bits changes stacks for nothing but a double fault, by another task.
            if architecture == "x86" && what != "a deferred call" {
                continue;
            }
            let mut frames = [inner, &outer].concat();
            if architecture == "x86" {
                frames[4] = "nt!KeWaitForSingleObject";
            }
            let stop = "code = 0x133\nparameters = [1, 0x1e00, 0, 0]";
            check(
                &scenario(architecture, build, stop, &frames),
                &format!("{what}, {architecture} {build}"),
            );
        }
    }
}

#[test]
fn a_thread_that_a_parameter_names_is_traced_from_where_it_gave_up_the_processor() {
    // Of the functions in which a thread waits nothing is public for that one.
    for (architecture, build) in machines().filter(|&machine| machine != ("x64", "22000")) {
        let plain = scenario(architecture, build, "code = 0x9f", &[]);
        let truth = Truth::of(&plain).unwrap();
        let sleeper = truth.processes[0].threads[1].object;
        let stop = format!("code = 0x9f\nparameters = [4, 300, {sleeper:#x}, 0]");
        let named = scenario(architecture, build, &stop, &[]);
        let truth = Truth::of(&named).unwrap();
        assert_eq!(truth.processes[0].threads[1].object, sleeper, "{build}");
        assert!(truth.sleeping.len() > 3, "{architecture} {build}");
        let stacks = report(&named).stacks;
        let of_thread: Vec<&Stack> = stacks
            .iter()
            .filter(|s| s.thread == Some(Hex(sleeper)))
            .collect();
        assert_eq!(of_thread.len(), 1, "{architecture} {build}");
        let found = addresses(of_thread[0]);
        assert_eq!(
            found, truth.sleeping,
            "{architecture} {build}: {:#x?}",
            of_thread[0]
        );
        let about = of_thread[0].about.as_deref().unwrap();
        assert!(about.contains("parameter 3"), "{build}: {about}");
        let stop = "code = 0x9f\nparameters = [3, 1, 2, 3]";
        let other = report(&scenario(architecture, build, stop, &[])).stacks;
        assert!(other.iter().all(|s| s.processor.is_some()), "{build}");
    }
}

/// What the other processors of a machine ran: a thread in a driver, a deferred call, and nothing.
fn busy(architecture: &str, build: &str, stop: &str) -> Scenario {
    let name = |at| known(architecture, build, at);
    let running = format!(
        "[[processes]]\nname = \"worker.exe\"\npid = 400\nthreads = 3\n\
         [[running]]\nprocessor = 1\nprocess = 400\nthread = 1\nstack = [\
         {{ at = \"driver.sys+0x1110\", offset = 0 }}, {{ at = \"driver.sys+0x2220\" }}, \
         {{ at = \"{}\" }}, {{ at = \"driver.sys+0x3330\" }}]\n\
         [[running]]\nprocessor = 2\nstack = [{{ at = \"nt!KeBugCheckEx\", on = \"dpc\" }}, \
         {{ at = \"driver.sys+0x4440\", on = \"dpc\" }}, {{ at = \"{}\", on = \"dpc\" }}, \
         {{ at = \"driver.sys+0x5550\" }}]\n",
        name("nt!IofCallDriver"),
        name("nt!KiRetireDpcList"),
    );
    let mut text = text(architecture, build, stop, &[]).replace("processors = 2", "processors = 4");
    text += &running;
    Scenario::from_toml(&text).unwrap()
}

#[test]
fn every_processor_has_its_stack_on_every_build() {
    for (architecture, build) in machines() {
        let name = format!("{architecture} {build}");
        let scenario = busy(architecture, build, "code = 0xe2");
        let truth = Truth::of(&scenario).unwrap();
        let stacks = report(&scenario).stacks;
        assert_eq!(stacks.len(), 3, "{name}");
        for (stack, number) in stacks.iter().zip(1..) {
            let running = &truth.running[number as usize];
            assert_eq!(stack.processor, Some(number), "{name}");
            assert_eq!(stack.thread, Some(Hex(running.thread)), "{name}");
            assert_eq!(addresses(stack), running.stack, "{name}: {stack:#x?}");
            let guessed = |frame: &Frame| frame.confidence == Confidence::Possible;
            assert!(!stack.frames.iter().any(guessed), "{name}");
        }
        let about = stacks[2].about.as_deref().unwrap();
        assert!(about.contains("nothing to do"), "{name}: {about}");
        assert!(
            stacks[2].idle && !stacks[1].idle && !stacks[0].idle,
            "{name}"
        );
        // In a deferred call, over the thread that runs when no other does.
        let about = stacks[1].about.as_deref().unwrap();
        assert!(about.contains("a deferred call"), "{name}: {about}");
        assert_eq!(
            stacks[0].process_name.as_deref(),
            Some("worker.exe"),
            "{name}"
        );
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
    has(
        0,
        " # Child-SP          RetAddr               : Args to Child",
    );
    let shown = |address: u64| format!("{:08x}`{:08x}", address >> 32, address & 0xFFFF_FFFF);
    for &address in &truth.stack[4..] {
        has(1, &shown(address));
    }
    has(2, &format!("THREAD {sleeper:016x}  Cid "));
    // What a frame returns to is shown: nobody returns to the first.
    for &address in truth.sleeping.iter().skip(1) {
        has(2, &shown(address));
    }
    let of_sleeper = answers[3]
        .split(&format!("  {sleeper:016x} "))
        .nth(1)
        .unwrap();
    let frames = of_sleeper
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with("          "));
    assert_eq!(frames.count() + 1, truth.sleeping.len(), "{}", answers[3]);
    has(
        3,
        &format!("  {:016x} ", truth.processes[0].threads[0].object),
    );
    has(4, "\nThreads Processed: ");
    assert!(!answers[4].contains(']'), "{}", answers[4]);
    has(5, "which stopped the machine");
    has(6, "no exception record");
}
