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
         flags = 0x1050\ncharacteristics = 0x100\ninstance = 'EXAM\\DISK\\7'\n\
         request = {{ address = \"{:#x}\", major = 22, minor = 2, flags = 0x43, control = 0xe1, \
         parameters = [1, 2, \"0x110008\"], completion = 0x1234, pending = true }}\n\
         [[devices]]\naddress = \"{:#x}\"\ndriver = \"examflt.sys\"\nkind = 8\n",
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

/// A pointer as the I/O commands print it.
fn plain(at: u64) -> String {
    format!("{at:08x}")
}

/// A scenario in which a request waits in a disk, with where things stand.
struct Disk {
    asked: Asked,
    truth: Truth,
    device: u64,
    upper: u64,
    request: u64,
    narrow: bool,
}

fn disk(name: &str) -> Disk {
    let scenario = machine(name, 0x9F, &[3, DEVICE, UPPER, REQUEST]);
    let asked = Asked::new(&scenario);
    let parameters = &asked
        .analysis
        .report()
        .bugcheck
        .as_ref()
        .unwrap()
        .parameters;
    let [device, upper, request] = [1, 2, 3].map(|at| parameters[at].value.0);
    let narrow = name.contains("x86");
    let own = |at: u64| if narrow { at & 0xFFFF_FFFF } else { at };
    Disk {
        truth: Truth::of(&scenario).unwrap(),
        device: own(device),
        upper: own(upper),
        request: own(request),
        narrow,
        asked,
    }
}

#[test]
fn a_request_is_shown_with_its_table_of_locations() {
    for name in MACHINES {
        let mut disk = disk(name);
        let (size, location) = if disk.narrow {
            (0x70, 0x24)
        } else {
            (0xD0, 0x48)
        };
        let current = plain(disk.request + size + location);
        let text = disk.asked.ask(&format!("!irp {:x}", disk.request));
        let lines: Vec<&str> = text.lines().collect();
        let thread = plain(
            disk.truth
                .processes
                .iter()
                .find(|p| p.pid == 932)
                .unwrap()
                .threads[0]
                .object,
        );
        let filter = disk
            .truth
            .modules
            .iter()
            .find(|m| m.name == "examflt.sys")
            .unwrap();
        let expected = [
            format!("Irp is active with 3 stacks 2 is current (= 0x{current})"),
            format!(
                " No Mdl: No System Buffer: Thread {thread}:  Irp stack trace.  Pending has been returned"
            ),
            "     cmd  flg cl Device   File     Completion-Context".into(),
            " [N/A(0), N/A(0)]".into(),
            "            0  0 00000000 00000000 00000000-00000000".into(),
            String::new(),
            format!("{:24}Args: 00000000 00000000 00000000 00000000", ""),
            ">[IRP_MJ_POWER(16), IRP_MN_SET_POWER(2)]".into(),
            format!(
                "            0 e1 {} 00000000 {}-{} Success Error Cancel pending",
                plain(disk.device),
                plain(filter.base + 0x1234),
                plain(disk.device)
            ),
            format!("{:15}\\Driver\\examdisk  examflt+0x1234", ""),
            format!("{:24}Args: 00000001 00000002 00110008 00000000", ""),
        ];
        assert_eq!(lines[..expected.len()], expected, "{name}: {text}");
        let more = disk.asked.ask(&format!("!irp {:x} 1", disk.request));
        for line in [
            "Flags = 00000043\n",
            "IoStatus.Status = 00000000",
            "CancelRoutine = 00000000",
        ] {
            assert!(more.contains(line), "{name}: {more}");
        }
        let none = disk.asked.ask(&format!("!irp {:x}", disk.device));
        assert!(none.contains("is not an I/O request"), "{name}: {none}");
    }
}

#[test]
fn a_device_is_shown_by_address_and_by_name_with_flags_in_words() {
    for name in MACHINES {
        let mut disk = disk(name);
        let text = disk.asked.ask(&format!("!devobj {:x}", disk.device));
        let device = plain(disk.device);
        assert!(text.starts_with(&format!("Device object ({device}) is for:\n \\Device\\Harddisk7 \\Driver\\examdisk DriverObject ")), "{name}: {text}");
        let request = plain(disk.request);
        for line in [
            format!("Current Irp {request} RefCount 1 Type 00000007 Flags 00001050\n"),
            "Type (0x00000007)  FILE_DEVICE_DISK\n".into(),
            "Flags (0x00001050)  DO_DIRECT_IO, DO_DEVICE_HAS_NAME, DO_BUS_ENUMERATED_DEVICE\n"
                .into(),
            "ExtensionFlags (0x00000800)  DOE_DEFAULT_SD_PRESENT\n".into(),
            "Characteristics (0x00000100)  FILE_DEVICE_SECURE_OPEN\n".into(),
            format!(
                "AttachedDevice (Upper) {} \\Driver\\examflt\n",
                plain(disk.upper)
            ),
            "Device queue is not busy.\n".into(),
        ] {
            assert!(text.contains(&line), "{name}: {line} in {text}");
        }
        assert!(
            text.contains("\nDevExt ") && text.contains(" DevNode "),
            "{name}: {text}"
        );
        for word in ["Harddisk7", "\\Device\\Harddisk7"] {
            assert_eq!(disk.asked.ask(&format!("!devobj {word}")), text, "{name}");
        }
        let upper = disk.asked.ask(&format!("!devobj {:x}", disk.upper));
        let below = format!("AttachedTo (Lower) {device} \\Driver\\examdisk\n");
        assert!(upper.contains(&below), "{name}: {upper}");
        assert!(
            disk.asked
                .ask("!devobj nosuch")
                .contains("No object is called"),
            "{name}"
        );
    }
}

#[test]
fn a_stack_of_devices_is_shown_from_the_top_with_its_instance() {
    for name in MACHINES {
        let mut disk = disk(name);
        let (upper, device) = (plain(disk.upper), plain(disk.device));
        let text = disk.asked.ask(&format!("!devstack {:x}", disk.device));
        let lines: Vec<&str> = text.lines().collect();
        let head = match disk.narrow {
            true => "  !DevObj   !DrvObj            !DevExt   ObjectName",
            false => "  !DevObj           !DrvObj            !DevExt           ObjectName",
        };
        assert_eq!(lines[0], head, "{name}");
        assert!(
            lines[1].starts_with(&format!("  {upper}  \\Driver\\examflt    ")),
            "{name}: {text}"
        );
        assert!(
            lines[2].starts_with(&format!("> {device}  \\Driver\\examdisk   ")),
            "{name}: {text}"
        );
        assert!(
            lines[2].ends_with("  \\Device\\Harddisk7"),
            "{name}: {text}"
        );
        assert!(lines[3].starts_with("!DevNode "), "{name}: {text}");
        assert_eq!(
            lines[4..],
            [
                "  DeviceInst is \"EXAM\\DISK\\7\"",
                "  ServiceName is \"examsvc\""
            ]
        );
        let from_above = disk.asked.ask(&format!("!devstack {:x}", disk.upper));
        assert!(
            from_above.contains(&format!("> {upper}")),
            "{name}: {from_above}"
        );
        assert!(
            from_above.contains(&format!("\n  {device}")),
            "{name}: {from_above}"
        );
    }
}

#[test]
fn a_driver_is_shown_with_its_devices_routines_and_stacks() {
    for name in MACHINES {
        let mut disk = disk(name);
        let base = disk
            .truth
            .modules
            .iter()
            .find(|m| m.name == "examdisk.sys")
            .unwrap()
            .base;
        let plain_one = disk.asked.ask("!drvobj examdisk");
        let device = plain(disk.device);
        assert!(
            plain_one.contains(" is for:\n \\Driver\\examdisk\n\nDevice Object list:\n"),
            "{name}: {plain_one}"
        );
        assert!(
            plain_one.trim_end().ends_with(&device),
            "{name}: {plain_one}"
        );
        let text = disk.asked.ask("!drvobj \\Driver\\examdisk 7");
        for line in [
            format!("DriverEntry:   {}  examdisk+0x1000\n", plain(base + 0x1000)),
            "DriverStartIo: 00000000\n".into(),
            format!("DriverUnload:  {}  examdisk+0x1100\n", plain(base + 0x1100)),
            "AddDevice:     00000000\n\nDispatch routines:\n".into(),
            format!(
                "[00] IRP_MJ_CREATE                      {}  examdisk+0x1200\n",
                plain(base + 0x1200)
            ),
            format!(
                "[1b] IRP_MJ_PNP                         {}  examdisk+0x13b0\n",
                plain(base + 0x13B0)
            ),
            format!(
                "\nFast I/O routines:\nFastIoCheckIfPossible                   {}  examdisk+0x1500\n",
                plain(base + 0x1500)
            ),
            format!(
                "FastIoDeviceControl                     {}  examdisk+0x1600\n",
                plain(base + 0x1600)
            ),
            format!("!devstack {device} :\n"),
            "Processed 1 device objects.\n".into(),
        ] {
            assert!(text.contains(&line), "{name}: {line} in {text}");
        }
        let text = disk.asked.ask(&format!("!drvobj {device}"));
        assert!(text.contains("is not a driver object"), "{name}: {text}");
        let listed = disk.asked.ask("!object \\Driver");
        assert!(
            listed.contains(" Driver        examdisk\n"),
            "{name}: {listed}"
        );
        let one = disk.asked.ask("!object \\Device\\Harddisk7");
        assert!(
            one.starts_with(&format!("Object: {device}  Type: Device\n")),
            "{name}: {one}"
        );
    }
}

#[test]
fn a_minidump_says_of_objects_that_they_are_not_in_it() {
    let text = "[machine]\nbuild = 19041\nmemory = \"64 MiB\"\n[dump]\nkind = \"triage\"\n";
    let mut asked = Asked::new(&Scenario::from_toml(text).unwrap());
    for (line, says) in [
        (
            "!irp ffffe00055552200",
            "is not an I/O request, or cannot be read",
        ),
        (
            "!devobj ffffe00055551100",
            "is not a device object, or cannot be read",
        ),
        (
            "!drvobj disk",
            "does not hold the object manager's directories",
        ),
        (
            "!devstack ffffe00055551100",
            "is not a device object, or cannot be read",
        ),
        (
            "!stacks",
            "Threads Processed: 1\nThe list of its threads is not whole: ",
        ),
        ("!ready", "No thread waits for a processor"),
        ("!cpuinfo", "not in this report"),
        ("!running", "not in this report"),
    ] {
        let text = asked.ask(line);
        assert!(text.contains(says), "{line}: {text}");
    }
    let thread = asked.ask("!thread");
    assert!(
        thread.starts_with("THREAD ffff") && thread.contains("Child-SP"),
        "{thread}"
    );
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
            list.starts_with("**** NT ACTIVE PROCESS DUMP ****\nPROCESS "),
            "{list}"
        );
        assert!(
            list.contains("    Image: System\n") && list.contains("    Image: svchost.exe\n"),
            "{list}"
        );
        assert!(list.contains("  ObjectTable: "), "{list}");
        let one = asked.ask("!process 0 0 SVCHOST.EXE");
        assert_eq!(one.matches("PROCESS ").count(), 1, "{name}: {one}");
        // 932 is 3A4.
        let one = asked.ask("!process 3a4 7");
        assert!(
            one.starts_with("Searching for Process with Cid == 3a4\nPROCESS "),
            "{name}: {one}"
        );
        assert!(
            one.contains("  Cid: 03a4    Peb: ") && one.contains("  ParentCid: 0004\n"),
            "{name}: {one}"
        );
        assert!(
            one.contains("    ElapsedTime                       "),
            "{name}: {one}"
        );
        assert_eq!(one.matches("        THREAD ").count(), 3, "{name}: {one}");
        assert_eq!(
            one.matches("        Owning Process  ").count(),
            3,
            "{name}: {one}"
        );
        assert!(one.contains("RUNNING on processor 0"), "{name}: {one}");
        assert!(one.contains("WAIT: (WrQueue)"), "{name}: {one}");
        assert_eq!(
            asked.ask("!process -1 7"),
            asked.ask(&format!("!process {:x} 7", process.object))
        );
        let short = asked.ask("!process 3a4 2");
        assert!(!short.contains("Owning Process"), "{name}: {short}");
        assert!(
            asked.ask("!process 123456").contains("is no process"),
            "{name}"
        );
    }
}

#[test]
fn a_thread_is_shown_with_its_wait_times_and_stack() {
    for name in MACHINES {
        let scenario = machine(name, 0xE2, &[]);
        let truth = Truth::of(&scenario).unwrap();
        let process = truth.processes.iter().find(|p| p.pid == 932).unwrap();
        let mut asked = Asked::new(&scenario);
        let second = process.threads[1];
        let digits = if name.contains("x86") { 8 } else { 16 };
        let at = |at: u64| format!("{at:0digits$x}");
        let text = asked.ask(&format!("!thread {:x}", second.object));
        let head = format!(
            "THREAD {}  Cid 03a4.{:04x}  Teb: ",
            at(second.object),
            second.id
        );
        assert!(text.starts_with(&head), "{name}: {text}");
        let state = format!(" Win32Thread: {} WAIT: (WrQueue)", at(0));
        assert!(text.contains(&state), "{name}: {text}");
        for line in [
            format!(
                "\nOwning Process            {:<23}Image:         svchost.exe\n",
                at(process.object)
            ),
            "\nAttached Process          N/A            Image:         N/A\n".into(),
            format!(
                "\nBase {} Limit {}\n",
                at(second.stack.1),
                at(second.stack.0)
            ),
        ] {
            assert!(text.contains(&line), "{name}: {line} in {text}");
        }
        // Of ARM64 and 26100 the tables know less.
        if name == "build = 7601" || name.contains("x86") {
            assert!(
                text.contains(" KernelMode Non-Alertable\n"),
                "{name}: {text}"
            );
            assert!(text.contains("  QueueObject\n"), "{name}: {text}");
            assert!(
                text.contains(" Ticks: 640 (0:00:00:10.000)\n"),
                "{name}: {text}"
            );
            assert!(
                text.contains("\nContext Switch Count      77             IdealProcessor: 1\n"),
                "{name}: {text}"
            );
            assert!(text.contains("\nUserTime                  00:00:01.000\nKernelTime                00:00:00.500\n"), "{name}: {text}");
            assert!(
                text.contains("\nPriority 8 BasePriority 8\n"),
                "{name}: {text}"
            );
        }
        let lists = ["Child-SP", "ChildEBP"];
        assert!(
            lists.iter().any(|head| text.contains(head)),
            "{name}: {text}"
        );
        assert!(
            asked.ask("!thread 123456").contains("is no thread"),
            "{name}"
        );
    }
}

#[test]
fn the_requests_of_a_thread_are_listed() {
    let mut disk = disk("build = 7601");
    let text = disk.asked.ask("!thread");
    let line = format!(
        "IRP List:\n    {}: (0006,01a8) Flags: 00000043  Mdl: 00000000\n",
        plain(disk.request)
    );
    assert!(text.contains(&line), "{text}");
}

#[test]
fn all_stacks_are_listed_process_by_process() {
    for name in MACHINES {
        let scenario = machine(name, 0xE2, &[]);
        let truth = Truth::of(&scenario).unwrap();
        let mut asked = Asked::new(&scenario);
        let text = asked.ask("!stacks");
        assert!(
            text.starts_with("Proc.Thread  .Thread  Ticks   ThreadState Blocker\n"),
            "{name}: {text}"
        );
        let threads: usize = truth.processes.iter().map(|p| p.threads.len()).sum();
        assert!(
            text.ends_with(&format!("\nThreads Processed: {threads}\n")),
            "{name}: {text}"
        );
        for process in &truth.processes {
            let head = format!("\n{:28}[{:08x} {}]\n", "", process.object, process.name);
            assert!(text.contains(&head), "{name}: {text}");
            for thread in &process.threads {
                let line = format!(
                    "\n{:>4x}.{:06x}  {:08x} ",
                    process.pid, thread.id, thread.object
                );
                assert!(text.contains(&line), "{name}: {line} in {text}");
            }
        }
        assert!(text.contains(" Blocked    "), "{name}: {text}");
        assert!(text.contains(" RUNNING    "), "{name}: {text}");
        let whole = asked.ask("!stacks 2");
        assert!(whole.contains(&format!("\n{:40}nt", "")), "{name}: {whole}");
        let some = asked.ask("!stacks 0 svchost");
        assert!(
            some.contains("svchost.exe]") && !some.contains("System]"),
            "{name}: {some}"
        );
        assert_eq!(
            asked.ask("!ready"),
            "No thread waits for a processor.\n",
            "{name}"
        );
    }
}

#[test]
fn held_resources_are_listed_with_their_owner_and_who_waits() {
    for name in MACHINES {
        let narrow = name.contains("x86");
        let at = |at: u64| {
            if narrow {
                0x8555_0000 | at & 0xFFFF
            } else {
                at
            }
        };
        let mut scenario = machine(name, 0xE2, &[]);
        for (address, held, exclusive) in [
            (0x7100, true, true),
            (0x7200, false, false),
            (0x7300, true, false),
        ] {
            scenario.locks.push(bluepane_forge::scenario::Lock {
                address: Number(at(0xFFFF_E000_5555_0000 | address)),
                held,
                exclusive,
                waiters: if exclusive { 3 } else { 0 },
            });
        }
        let truth = Truth::of(&scenario).unwrap();
        let process = truth.processes.iter().find(|p| p.pid == 932).unwrap();
        let mut asked = Asked::new(&scenario);
        let text = asked.ask("!locks");
        let digits = if narrow { 8 } else { 16 };
        let own = |at: u64| format!("{at:0digits$x}");
        let thread = own(process.threads[0].object);
        let first = own(at(0xFFFF_E000_5555_7100));
        let last = own(at(0xFFFF_E000_5555_7300));
        for line in [
            format!(
                "\nResource @ 0x{first}    Exclusively owned\n    Contention Count = 3\n    NumberOfExclusiveWaiters = 3\n     Threads: {thread}-01<*>\n"
            ),
            format!(
                "\nResource @ 0x{last}    Shared 1 owning threads\n     Threads: {thread}-01<*>\n"
            ),
            "3 total locks, 2 locks currently held\n".into(),
        ] {
            assert!(text.contains(&line), "{name}: {line} in {text}");
        }
        // No list, no locks.
        let none = Asked::new(&machine(name, 0xE2, &[])).ask("!locks");
        assert!(
            none.contains("0 total locks, 0 locks currently held\n"),
            "{name}: {none}"
        );
        assert!(none.contains("resources"), "{name}: {none}");
    }
}

#[test]
fn the_commands_show_processors() {
    for name in MACHINES {
        let mut asked = Asked::new(&machine(name, 0xE2, &[]));
        let busy = asked.ask("!running");
        assert!(
            busy.starts_with("System Processors:  (000000000000000f)\n"),
            "{name}: {busy}"
        );
        assert!(
            busy.contains("  Idle Processors:  (000000000000000e)\n"),
            "{name}: {busy}"
        );
        let head = match name.contains("x86") {
            true => "       Prcbs     Current (pri) Next    (pri) Idle\n",
            false => "       Prcbs             Current         (pri) Next            (pri) Idle\n",
        };
        assert!(busy.contains(head), "{name}: {busy}");
        assert!(
            busy.contains("  svchost.exe\n") && !busy.contains("  Idle\n"),
            "{name}: {busy}"
        );
        let all = asked.ask("!running -it");
        assert_eq!(all.matches("  Idle\n").count(), 3, "{name}: {all}");
        assert_eq!(all, asked.ask("!running -i -t"), "{name}");
        let block = asked.ask("!prcb 2");
        assert!(
            block.starts_with("PRCB for Processor 2 at "),
            "{name}: {block}"
        );
        assert!(block.contains("\nThreads--  Current "), "{name}: {block}");
        assert!(
            block.contains("\nProcessor Index 2 Number (0, 2) GroupSetMember 4\n"),
            "{name}: {block}"
        );
        let kinds = asked.ask("!cpuinfo");
        assert!(
            kinds.starts_with("CP  F/M/S Manufacturer"),
            "{name}: {kinds}"
        );
        assert_eq!(kinds.matches(" 2600 ").count(), 4, "{name}: {kinds}");
        assert!(
            asked.ask("!pcr").starts_with("KPCR for Processor 0 at "),
            "{name}"
        );
        assert!(
            asked.ask("!pcr").contains("            CurrentThread: "),
            "{name}"
        );
        assert!(
            asked.ask("!prcb 9").contains("not in this report"),
            "{name}"
        );
        let listed = asked.ask("~");
        assert!(
            listed.starts_with(".  0  Thread ") && listed.lines().count() == 4,
            "{name}: {listed}"
        );
        assert!(asked.ask("~1s").contains("~1k shows its stack"), "{name}");
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
