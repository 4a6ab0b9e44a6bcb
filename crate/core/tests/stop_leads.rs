//! Where the stop code's parameters lead, on forged kernel dumps: to the thread on which everybody
//! waits, to the processor that fell silent, to the process whose end stopped Windows.

use bluepane::analysis::Analysis;
use bluepane::model::{Hex, Stack};
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, Truth, forge};

const MACHINES: [(&str, &str); 5] = [
    ("x64", "7601"),
    ("x64", "9600"),
    ("x64", "26100"),
    ("arm64", "22000"),
    ("x86", "7601"),
];

/// A machine of four processors that stopped so, with these words of its memory overwritten.
fn machine(on: (&str, &str), code: u32, parameters: [u64; 4], words: &[(u64, u64)]) -> Scenario {
    let parameters = parameters.map(|value| format!("\"{value:#x}\""));
    let word =
        |(at, value): &(u64, u64)| format!("{{ address = \"{at:#x}\", value = \"{value:#x}\" }}");
    let words: Vec<String> = words.iter().map(word).collect();
    let text = format!(
        "[machine]\nmemory = \"32 MiB\"\narchitecture = \"{}\"\nbuild = {}\nprocessors = 4\n\
         [stop]\ncode = {code}\nparameters = [{}]\n[dump]\nkind = \"full\"\n\
         [[processes]]\nname = \"smss.exe\"\npid = 360\ncurrent = true\n\
         [[processes]]\nname = \"csrss.exe\"\npid = 400\nthreads = 3\n\
         [faults]\nwords = [{}]\n",
        on.0,
        on.1,
        parameters.join(", "),
        words.join(", ")
    );
    Scenario::from_toml(&text).unwrap()
}

fn stacks(scenario: &Scenario) -> Vec<Stack> {
    let bytes = forge(scenario).unwrap().to_vec();
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    analysis.report().stacks.clone()
}

fn about(stack: &Stack) -> &str {
    stack.about.as_deref().unwrap_or_default()
}

/// Those that no processor ran.
fn blocked(stacks: &[Stack]) -> Vec<&Stack> {
    stacks.iter().filter(|s| s.processor.is_none()).collect()
}

#[test]
fn a_stuck_power_request_leads_to_the_worker_that_handed_it_out() {
    const REQUEST: u64 = 0x8123_4560;
    for on in MACHINES {
        let truth = Truth::of(&machine(on, 0x9F, [0; 4], &[])).unwrap();
        let system = &truth.processes[0].threads;
        let (worker, other) = (system[1].object, system[2].object);
        // Where the stack of a third thread never came to: the record, the list, two workers.
        let at = system[3].stack.0 + 0x200;
        let (head, idle, busy) = (at + 0x40, at + 0x80, at + 0xC0);
        let p = if on.0 == "x86" { 4 } else { 8 };
        let words = |signature| {
            [
                (at, signature),
                (at + 2 * p, head),
                (head, idle),
                (head + p, busy),
                (idle, busy),
                (idle + p, head),
                (idle + 2 * p, other),
                (idle + 3 * p, 0),
                (busy, head),
                (busy + p, idle),
                (busy + 2 * p, worker),
                (busy + 3 * p, REQUEST),
            ]
        };
        let parameters = [3, 0, at, REQUEST];
        let found = stacks(&machine(on, 0x9F, parameters, &words(0x1_8000)));
        let found = blocked(&found);
        assert_eq!(found.len(), 1, "{on:?}");
        assert_eq!(found[0].thread, Some(Hex(worker)), "{on:?}");
        assert!(about(found[0]).contains("worker"), "{on:?}");
        let frames: Vec<u64> = found[0].frames.iter().map(|f| f.address.0).collect();
        assert_eq!(frames, truth.sleeping, "{on:?}");
        // What is not marked as that record is none.
        let found = stacks(&machine(on, 0x9F, parameters, &words(0x1_8001)));
        assert!(blocked(&found).is_empty(), "{on:?}");
        // No worker has another request.
        let found = stacks(&machine(
            on,
            0x9F,
            [3, 0, at, REQUEST + 8],
            &words(0x1_8000),
        ));
        assert!(blocked(&found).is_empty(), "{on:?}");
    }
}

#[test]
fn a_silent_processor_comes_first_by_its_block_or_its_number() {
    for on in MACHINES {
        let truth = Truth::of(&machine(on, 0x101, [0; 4], &[])).unwrap();
        let processors = |parameters, words: &[(u64, u64)]| {
            let found = stacks(&machine(on, 0x101, parameters, words));
            let number = |stack: &Stack| stack.processor.unwrap();
            let numbers: Vec<u32> = found.iter().map(number).collect();
            (numbers, found)
        };
        let silent = truth.processors[2];
        let (numbers, found) = processors([0x18, 0, silent.prcb, 3], &[]);
        assert_eq!(numbers, [2, 1, 3], "{on:?}");
        assert!(
            about(&found[0]).contains("2, which parameter 3 names"),
            "{on:?}"
        );
        assert!(!about(&found[1]).contains("names"), "{on:?}");
        let (numbers, found) = processors([0x18, 0, 0, 3], &[]);
        assert_eq!(numbers, [3, 1, 2], "{on:?}");
        assert!(about(&found[0]).contains("parameter 4"), "{on:?}");
        let (numbers, found) = processors([0x18, 0, 0, 0], &[]);
        assert_eq!(numbers, [1, 2, 3], "{on:?}");
        assert!(found.iter().all(|stack| !about(stack).contains("names")));
        // Without its registers nothing is told of it, and why.
        let flags = if on.0 == "x64" { 0x30 } else { 0 };
        let gone = [(silent.context + flags, 0)];
        let (numbers, found) = processors([0x18, 0, silent.prcb, 2], &gone);
        assert_eq!(numbers, [2, 1, 3], "{on:?}");
        assert!(found[0].frames.is_empty(), "{on:?}");
        assert!(found[0].limits.contains("did not save"), "{on:?}");
        let (numbers, _) = processors([0x18, 0, 0, 0], &gone);
        assert_eq!(numbers, [1, 3], "{on:?}");
    }
}

#[test]
fn a_critical_process_that_ended_leads_to_its_threads() {
    for on in MACHINES {
        let truth = Truth::of(&machine(on, 0xEF, [0; 4], &[])).unwrap();
        let (running, other) = (&truth.processes[1], &truth.processes[2]);
        let found = stacks(&machine(on, 0xEF, [other.object, 0, 0, 0], &[]));
        let threads: Vec<_> = blocked(&found)
            .iter()
            .map(|s| s.thread.unwrap().0)
            .collect();
        let expected: Vec<u64> = other.threads.iter().map(|t| t.object).collect();
        assert_eq!(threads, expected, "{on:?}");
        for stack in blocked(&found) {
            assert_eq!(
                about(stack),
                "A thread of the process in parameter 1",
                "{on:?}"
            );
            assert_eq!(stack.process_name.as_deref(), Some("csrss.exe"), "{on:?}");
            let frames: Vec<u64> = stack.frames.iter().map(|f| f.address.0).collect();
            assert_eq!(frames, truth.sleeping, "{on:?}");
        }
        let found = stacks(&machine(on, 0xF4, [3, other.object, 0, 0], &[]));
        assert_eq!(blocked(&found).len(), 3, "{on:?}");
        // Its own thread is the one that stopped Windows, and is shown already.
        let found = stacks(&machine(on, 0xEF, [running.object, 0, 0, 0], &[]));
        assert!(blocked(&found).is_empty(), "{on:?}");
        let found = stacks(&machine(on, 0xF4, [6, other.threads[1].object, 0, 0], &[]));
        assert_eq!(blocked(&found).len(), 1, "{on:?}");
    }
}

#[test]
fn a_loaded_driver_of_a_version_that_was_published_as_bad_is_found_and_others_are_not() {
    let told = |on: (&str, &str), name: &str, version: &str, kind: &str| {
        let text = format!(
            "modules = [{{ name = \"{name}\", size = 0x20000, version = \"{version}\" }}]\n\
             [machine]\nmemory = \"32 MiB\"\narchitecture = \"{}\"\nbuild = {}\n\
             [stop]\ncode = 0xD1\nparameters = [8, 2, 0, 1]\n[dump]\nkind = \"{kind}\"\n",
            on.0, on.1
        );
        let bytes = forge(&Scenario::from_toml(&text).unwrap())
            .unwrap()
            .to_vec();
        let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
        analysis.run(&mut SliceProvider(&bytes));
        let findings = &analysis.report().findings;
        let found = findings.iter().find(|f| f.id == "driver-version-known-bad");
        found.map(|found| format!("{} {:?}", found.title, found.evidence))
    };
    let eleven = ("x64", "26100");
    let found = told(eleven, "npcap.sys", "5.1.82.1", "full").unwrap_or_default();
    assert!(
        found.starts_with("npcap.sys") && found.contains("5.1.82.1"),
        "{found}"
    );
    assert!(told(eleven, "IntcAudioBus.sys", "10.29.0.5152", "bitmap-kernel").is_some());
    for (on, name, version, kind) in [
        (eleven, "npcap.sys", "5.1.85.1", "full"),
        (eleven, "acme.sys", "5.1.82.1", "full"),
        (("x64", "19041"), "IntcAudioBus.sys", "10.29.0.5152", "full"),
        // The version cannot be read.
        (eleven, "npcap.sys", "5.1.82.1", "triage"),
    ] {
        assert_eq!(
            told(on, name, version, kind),
            None,
            "{name} {version} {kind}"
        );
    }
}
