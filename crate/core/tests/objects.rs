//! Devices, requests, processes and threads that a stop code points to, and the commands that show
//! them, on forged machines.

mod support;

use bluepane_forge::scenario::Number;
use bluepane_forge::{Scenario, Truth};
use support::Asked;

const DEVICE: u64 = 0xFFFF_E000_5555_1100;
const UPPER: u64 = 0xFFFF_E000_5555_3100;
const REQUEST: u64 = 0xFFFF_E000_5555_2200;

fn machine(machine: &str, code: u32, parameters: &[u64]) -> Scenario {
    let narrow = machine.contains("x86");
    // 32-bit machines have no such addresses.
    let at = |address: u64| {
        if narrow && address > 0xFFFF {
            0x8555_0000 | address & 0xFFFF
        } else {
            address
        }
    };
    let parameters: Vec<String> = parameters
        .iter()
        .map(|p| format!("\"{:#x}\"", at(*p)))
        .collect();
    let text = format!(
        "[machine]\nmemory = \"64 MiB\"\nprocessors = 4\n{machine}\n\
         [stop]\ncode = {code}\nparameters = [{}]\n[dump]\nkind = \"full\"\n\
         [[modules]]\nname = \"hal.dll\"\n[[modules]]\nname = \"examdisk.sys\"\n\
         [[modules]]\nname = \"examflt.sys\"\n\
         [[processes]]\nname = \"svchost.exe\"\npid = 932\nthreads = 3\ncurrent = true\n\
         [[devices]]\naddress = \"{:#x}\"\ndriver = \"examdisk.sys\"\n\
         name = '\\Device\\Harddisk7'\nattached = \"{:#x}\"\n\
         request = {{ address = \"{:#x}\", major = 22, minor = 2 }}\n\
         [[devices]]\naddress = \"{:#x}\"\ndriver = \"examflt.sys\"\n",
        parameters.join(", "),
        at(DEVICE),
        at(UPPER),
        at(REQUEST),
        at(UPPER),
    );
    Scenario::from_toml(&text).unwrap()
}

static MACHINES: [&str; 4] = [
    "build = 7601",
    "build = 26100",
    "build = 22000\narchitecture = \"arm64\"",
    "build = 7601\narchitecture = \"x86\"",
];

#[test]
fn a_power_failure_names_the_device_and_who_holds_the_request() {
    for name in MACHINES {
        let asked = Asked::new(&machine(name, 0x9F, &[3, DEVICE, DEVICE, REQUEST]));
        let device = asked.decoded(1);
        assert_eq!(
            device, "device \\Device\\Harddisk7 of \\Driver\\examdisk (examdisk.sys)",
            "{name}"
        );
        let request = asked.decoded(3);
        assert!(
            request.starts_with("IRP_MJ_POWER (minor 0x2), held by"),
            "{name}: {request}"
        );
        assert!(request.ends_with("(examdisk.sys)"), "{name}: {request}");
    }
}

#[test]
fn a_critical_process_is_named() {
    for name in MACHINES {
        let mut scenario = machine(name, 0xEF, &[0]);
        let truth = Truth::of(&scenario).unwrap();
        let process = truth.processes.iter().find(|p| p.pid == 932).unwrap();
        scenario.stop.parameters = vec![Number(process.object)];
        assert_eq!(
            Asked::new(&scenario).decoded(0),
            "process svchost.exe (932)",
            "{name}"
        );
        // Another process's address is not taken for one.
        scenario.stop.parameters = vec![Number(process.object + 0x20)];
        assert_eq!(Asked::new(&scenario).decoded(0), "", "{name}");
    }
}

#[test]
fn the_commands_show_objects_from_the_dump() {
    for name in MACHINES {
        let scenario = machine(name, 0x9F, &[3, DEVICE, DEVICE, REQUEST]);
        let mut asked = Asked::new(&scenario);
        let parameters = asked
            .analysis
            .report()
            .bugcheck
            .as_ref()
            .unwrap()
            .parameters
            .clone();
        let (device, request) = (parameters[1].value.0, parameters[3].value.0);
        let text = asked.ask(&format!("!devobj {device:x}"));
        assert!(
            text.contains("\\Device\\Harddisk7 \\Driver\\examdisk"),
            "{name}: {text}"
        );
        assert!(
            text.contains("above it:") && text.contains("\\Driver\\examflt"),
            "{name}: {text}"
        );
        let text = asked.ask(&format!("!irp {request:x}"));
        assert!(
            text.contains("Irp is active with 3 stacks, 2 is current"),
            "{name}: {text}"
        );
        assert!(text.contains(">[IRP_MJ_POWER(16), 2]"), "{name}: {text}");
        let text = asked.ask(&format!("!object {request:x}"));
        assert!(text.contains("IRP_MJ_POWER"), "{name}: {text}");
        let text = asked.ask(&format!("!drvobj {device:x}"));
        assert!(text.contains("is not a driver object"), "{name}: {text}");
    }
}

#[test]
fn the_commands_show_processes_and_their_threads() {
    for name in MACHINES {
        let scenario = machine(name, 0xE2, &[]);
        let truth = Truth::of(&scenario).unwrap();
        let process = truth.processes.iter().find(|p| p.pid == 932).unwrap();
        let mut asked = Asked::new(&scenario);
        let list = asked.ask("!process 0 0");
        assert!(
            list.contains("Image: System") && list.contains("Image: svchost.exe"),
            "{list}"
        );
        // 932 is 3A4.
        let one = asked.ask("!process 3a4 3");
        assert!(one.contains("Cid: 03a4"), "{name}: {one}");
        assert_eq!(one.matches("THREAD ").count(), 3, "{name}: {one}");
        assert!(one.contains("RUNNING on processor 0"), "{name}: {one}");
        assert!(one.contains("WAIT: (WrQueue)"), "{name}: {one}");
        let second = process.threads[1];
        let text = asked.ask(&format!("!thread {:x}", second.object));
        assert!(
            text.contains(&format!("Cid 03a4.{:04x}", second.id)),
            "{name}: {text}"
        );
        assert!(text.contains("Image: svchost.exe"), "{name}: {text}");
        let digits = format!("{:x}", second.stack.1);
        assert!(text.replace('`', "").contains(&digits), "{name}: {text}");
        let text = asked.ask("!stacks");
        let threads: usize = truth.processes.iter().map(|p| p.threads.len()).sum();
        assert_eq!(text.lines().count(), threads, "{name}: {text}");
        assert_eq!(
            asked.ask("!ready"),
            "No thread waits for a processor.\n",
            "{name}"
        );
        assert!(
            asked.ask("!process 123456").contains("is no process"),
            "{name}"
        );
    }
}

#[test]
fn the_commands_show_processors() {
    for name in MACHINES {
        let mut asked = Asked::new(&machine(name, 0xE2, &[]));
        let busy = asked.ask("!running");
        assert!(busy.contains("(000000000000000f)"), "{name}: {busy}");
        assert!(busy.contains("(000000000000000e)"), "{name}: {busy}");
        assert!(
            busy.contains("svchost.exe") && !busy.contains("Idle\n"),
            "{name}: {busy}"
        );
        let all = asked.ask("!running -i -t");
        assert_eq!(all.matches("  Idle\n").count(), 3, "{name}: {all}");
        assert!(all.contains("RUNNING on processor 0"), "{name}: {all}");
        let block = asked.ask("!prcb 2");
        assert!(
            block.contains("Processor 2") && block.contains("2600"),
            "{name}: {block}"
        );
        assert!(asked.ask("!pcr").contains("KPCR for Processor 0"), "{name}");
        assert!(
            asked.ask("!prcb 9").contains("not in this report"),
            "{name}"
        );
    }
}

#[test]
fn a_critical_process_that_another_ended_is_told_with_both_names() {
    for name in MACHINES {
        let mut scenario = machine(name, 0xEF, &[0]);
        let other = bluepane_forge::scenario::Process {
            name: "csrss.exe".into(),
            pid: 504,
            ..bluepane_forge::scenario::Process::default()
        };
        scenario.processes.push(other);
        let truth = Truth::of(&scenario).unwrap();
        let process = truth.processes.iter().find(|p| p.pid == 504).unwrap();
        scenario.stop.parameters = vec![Number(process.object)];
        let asked = Asked::new(&scenario);
        let findings = &asked.analysis.report().findings;
        let found = findings.iter().find(|f| f.id == "critical-process-ended");
        let told: Vec<&str> = found
            .unwrap()
            .evidence
            .iter()
            .map(|e| e.text.as_str())
            .collect();
        assert!(
            told.contains(&"The process that ended is csrss.exe (504)."),
            "{name}: {told:?}"
        );
        let by = "A thread of another process was running: svchost.exe may have ended it.";
        assert!(told.contains(&by), "{name}: {told:?}");
        // It had no status of its own yet.
        assert!(
            told.iter().all(|t| !t.starts_with("It ended with")),
            "{told:?}"
        );
    }
}

#[test]
fn the_driver_that_the_kernel_put_on_record_is_found_in_a_kernel_dump() {
    let mut scenario = machine("build = 19041", 0xA, &[0x10, 2, 0, 0]);
    scenario.dump.broken_driver = Some("examflt.sys".into());
    let asked = Asked::new(&scenario);
    let blame = asked.analysis.report().blame.clone().unwrap();
    assert_eq!(blame.module, "examflt.sys");
    scenario.dump.broken_driver = None;
    assert_eq!(Asked::new(&scenario).analysis.report().blame, None);
}
