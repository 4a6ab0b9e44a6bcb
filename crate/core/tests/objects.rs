//! Devices, requests and drivers that a stop code points to, and the commands that show them, on forged
//! machines.

mod support;

use bluepane_forge::scenario::Number;
use bluepane_forge::{Scenario, Truth};
use support::Asked;
use support::devices::{DEVICE, MACHINES, REQUEST, disk, machine, plain};

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
