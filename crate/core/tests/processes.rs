//! Processes, threads and processors of forged machines of every build, against their scenario.

mod support;

use bluepane::model::{Confidence, Hex, Process, Report};
use bluepane_forge::{Scenario, Truth, forge};
use support::report;

/// Every build that the forge knows, and whether its processes are read with certainty.
static MACHINES: &[(&str, bool)] = &[
    ("build = 7601", true),
    ("build = 9600", true),
    ("build = 14393", true),
    ("build = 17763", true),
    ("build = 19041", true),
    ("build = 20348", true),
    ("build = 22000", true),
    ("build = 26100", true),
    ("build = 22000\narchitecture = \"arm64\"", false),
    ("build = 26100\narchitecture = \"arm64\"", true),
    ("build = 7601\narchitecture = \"x86\"", true),
];

const PROCESSES: &str = r#"
[[processes]]
name = "smss.exe"
pid = 360
session = -1
commit = 0x91
private = 0x80
working_set = 0x123
created = "2021-03-05T04:12:34Z"
[[processes]]
name = "svchost.exe"
pid = 932
parent = 360
threads = 3
commit = 0x12345
private = 0x12000
working_set = 0x9999
created = "2021-03-05T04:12:40Z"
[[processes]]
name = "a-program-with-a-long-name.exe"
pid = 4272
parent = 932
session = 2
commit = 0x777
private = 0x700
working_set = 0x600
current = true
created = "2021-03-09T01:00:00Z"
[[processes]]
name = "gone.exe"
pid = 5000
parent = 4272
session = 2
created = "2021-03-09T01:00:01Z"
exited = "2021-03-09T02:00:00Z"
"#;

fn scenario(machine: &str, more: &str) -> Scenario {
    let text = format!(
        "[machine]\nmemory = \"64 MiB\"\nprocessors = 4\n{machine}\n[system]\ntime_zone_bias = -90\n\
         [stop]\ncode = 0xe2\n[dump]\nkind = \"full\"\n{PROCESSES}{more}"
    );
    Scenario::from_toml(&text).unwrap()
}

fn named<'a>(report: &'a Report, name: &str) -> &'a Process {
    let processes = &report.memory.as_ref().unwrap().processes;
    processes
        .iter()
        .find(|process| process.name == name)
        .unwrap()
}

#[test]
fn every_figure_of_every_process_is_the_scenarios_on_every_build() {
    for &(machine, certain) in MACHINES {
        let scenario = scenario(machine, "");
        let truth = Truth::of(&scenario).unwrap();
        let report = report(&forge(&scenario).unwrap().to_vec());
        let found = &report.memory.as_ref().unwrap().processes;
        let notes: Vec<_> = report.notes.iter().map(|note| &*note.text).collect();
        assert_eq!(found.len(), 5, "{machine}: {notes:?}");
        for (process, truth) in found.iter().zip(&truth.processes) {
            assert_eq!(process.address, Some(Hex(truth.object)), "{machine}");
            assert_eq!(process.pid.map(u64::from), Some(truth.pid), "{machine}");
        }
        let system = named(&report, "System");
        assert_eq!(
            (system.pid, system.parent_pid, system.session),
            (Some(4), Some(0), None),
            "{machine}"
        );
        let session = named(&report, "smss.exe");
        assert_eq!(
            (session.parent_pid, session.session),
            (Some(4), None),
            "{machine}"
        );
        assert_eq!(
            session.created.as_deref(),
            Some("2021-03-05T04:12:34Z"),
            "{machine}"
        );
        let host = named(&report, "svchost.exe");
        assert_eq!(
            (host.pid, host.parent_pid),
            (Some(932), Some(360)),
            "{machine}"
        );
        assert_eq!(host.threads, Some(3), "{machine}");
        assert_eq!(
            (
                host.commit_pages,
                host.private_pages,
                host.working_set_pages
            ),
            (Some(Hex(0x12345)), Some(Hex(0x12000)), Some(Hex(0x9999))),
            "{machine}"
        );
        let gone = named(&report, "gone.exe");
        assert_eq!(
            gone.exited.as_deref(),
            Some("2021-03-09T02:00:00Z"),
            "{machine}"
        );
        assert_eq!(gone.threads, Some(0), "{machine}");
        assert_eq!(host.exited, None, "{machine}");
        assert_eq!(
            host.confidence.is_none(),
            certain,
            "{machine}: {:?}",
            host.confidence
        );
        assert_ne!(host.confidence, Some(Confidence::Possible), "{machine}");
    }
}

#[test]
fn names_are_told_beyond_what_the_process_object_holds() {
    for &(machine, _) in MACHINES {
        // The forge's ARM64 kernel of 22000 keeps no path.
        if machine.contains("arm64") && machine.contains("22000") {
            continue;
        }
        let report = report(&forge(&scenario(machine, "")).unwrap().to_vec());
        let long = named(&report, "a-program-with-a-long-name.exe");
        assert_eq!(long.session, Some(2), "{machine}");
        let stack = report.stack.as_ref().unwrap();
        assert_eq!(
            stack.process_name.as_deref(),
            Some("a-program-with-a-long-name.exe"),
            "{machine}"
        );
    }
}

#[test]
fn every_processor_says_what_it_was_running() {
    for &(machine, _) in MACHINES {
        let scenario = scenario(machine, "");
        let truth = Truth::of(&scenario).unwrap();
        let report = report(&forge(&scenario).unwrap().to_vec());
        let numbers: Vec<u32> = report.processors.iter().map(|p| p.number).collect();
        assert_eq!(numbers, [0, 1, 2, 3], "{machine}");
        let first = &report.processors[0];
        assert!(first.stopped, "{machine}");
        assert_eq!(first.pid, Some(4272), "{machine}");
        let process = truth.processes.iter().find(|p| p.pid == 4272).unwrap();
        assert_eq!(
            first.thread,
            Some(Hex(process.threads[0].object)),
            "{machine}"
        );
        assert_eq!(
            first.thread_id,
            Some(process.threads[0].id as u32),
            "{machine}"
        );
        assert!(
            report.processors[1..].iter().all(|p| !p.stopped),
            "{machine}"
        );
        for other in &report.processors[1..] {
            assert_eq!(other.process_name.as_deref(), Some("Idle"), "{machine}");
            assert_eq!((other.pid, other.thread_id), (Some(0), None), "{machine}");
        }
    }
}

#[test]
fn the_time_zone_and_the_version_of_the_kernel_are_told() {
    for &(machine, _) in MACHINES {
        let report = report(&forge(&scenario(machine, "")).unwrap().to_vec());
        let system = report.system.unwrap();
        assert_eq!(system.time_zone_bias_minutes, Some(-90), "{machine}");
        let build = format!(".{}.", system.build.unwrap());
        assert!(system.kernel_version.unwrap().contains(&build), "{machine}");
    }
}

#[test]
fn a_debugger_data_block_that_is_still_encoded_is_decoded() {
    for machine in [
        "build = 9600",
        "build = 14393",
        "build = 19041",
        "build = 22000",
    ] {
        let more = "[faults]\ndebugger_data = \"encoded\"\n";
        let plain = report(&forge(&scenario(machine, "")).unwrap().to_vec());
        let scenario = scenario(machine, more);
        let found = report(&forge(&scenario).unwrap().to_vec());
        let note = found
            .notes
            .iter()
            .find(|note| note.code == "no-debugger-data");
        assert!(
            note.unwrap().text.contains("was decoded"),
            "{machine}: {note:?}"
        );
        assert_eq!(found.memory, plain.memory, "{machine}");
        assert_eq!(found.stack, plain.stack, "{machine}");
        assert_eq!(found.processors, plain.processors, "{machine}");
        assert_eq!(found.system, plain.system, "{machine}");
    }
}

#[test]
fn a_header_that_does_not_lead_to_the_debugger_data_block_is_no_end() {
    for machine in [
        "build = 9600",
        "build = 19041",
        "build = 7601\narchitecture = \"x86\"",
    ] {
        let more = "[faults]\nfill = [\"KdDebuggerDataBlock\"]\n";
        let plain = report(&forge(&scenario(machine, "")).unwrap().to_vec());
        let found = report(&forge(&scenario(machine, more)).unwrap().to_vec());
        let note = found
            .notes
            .iter()
            .find(|note| note.code == "no-debugger-data");
        let text = &note.unwrap().text;
        let known = !machine.contains("x86");
        assert_eq!(
            text.contains("found where this kernel has it"),
            known,
            "{machine}: {text}"
        );
        let names = |report: &Report| {
            let processes = &report.memory.as_ref().unwrap().processes;
            processes
                .iter()
                .map(|p| (p.pid, p.name.clone(), p.commit_pages))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&found), names(&plain), "{machine}");
        assert_eq!(
            found.system.unwrap().kernel_base,
            plain.system.unwrap().kernel_base
        );
    }
}

#[test]
fn a_kernel_that_no_table_knows_is_calibrated_on_its_own_system_process() {
    // The members stand where no build has them, by the block's own word.
    let mut moved = scenario("build = 19041", "");
    let truth = Truth::of(&moved).unwrap();
    let block = truth.variables["KdDebuggerDataBlock"];
    // SizeEProcess, OffsetEprocessPeb, OffsetEprocessParentCID, OffsetEprocessDirectoryTableBase.
    moved.faults.words.push(bluepane_forge::scenario::Word {
        address: (block + 0x2A8).into(),
        value: 0x0028_0540_0777_0999.into(),
    });
    let report = report(&forge(&moved).unwrap().to_vec());
    let processes = &report.memory.as_ref().unwrap().processes;
    let pids: Vec<u64> = processes
        .iter()
        .flat_map(|p| p.pid)
        .map(u64::from)
        .collect();
    let wanted: Vec<u64> = truth.processes.iter().map(|p| p.pid).collect();
    assert_eq!(pids, wanted);
    assert!(
        processes
            .iter()
            .all(|p| p.confidence == Some(Confidence::Possible))
    );
    assert!(processes.iter().all(|p| p.commit_pages.is_none()));
    assert_eq!(named(&report, "svchost.exe").parent_pid, Some(360));
}

#[test]
fn a_figure_that_is_zero_for_every_process_is_withheld_and_said_so() {
    for (member, figures) in [
        ("CommitCharge' = 0x658", [true, true, false, false]),
        ("NumberOfPrivatePages' = 0x508", [false, true, false, false]),
        ("Vm' = 0x6c0", [false, false, true, false]),
        ("ActiveThreads' = 0x5f4", [false, false, false, true]),
    ] {
        let fault = format!("[faults]\nmembers = {{ '_EPROCESS.{member} }}\n");
        let bytes = forge(&scenario("build = 19041", &fault));
        let report = report(&bytes.unwrap().to_vec());
        let system = named(&report, "System");
        let told = [
            system.commit_pages.is_some(),
            system.private_pages.is_some(),
            system.working_set_pages.is_some(),
            system.threads.is_some(),
        ];
        for (index, (told, moved)) in told.into_iter().zip(figures).enumerate() {
            assert!(!(told && moved), "{member}: figure {index}");
        }
        let said = |note: &bluepane::model::Note| note.code == "process-layout";
        assert!(report.notes.iter().any(said), "{member}");
    }
}
