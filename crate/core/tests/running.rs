//! Processes, threads, what they wait for, and processors, as the commands show them on forged machines.

mod support;

use bluepane_forge::Truth;
use bluepane_forge::scenario::Number;
use support::Asked;
use support::devices::{MACHINES, disk, machine, plain};

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
        assert!(
            text.contains(
                "\nUserTime                  00:00:01.000\nKernelTime                00:00:00.500\n"
            ),
            "{name}: {text}"
        );
        assert!(
            text.contains("\nPriority 8 BasePriority 8\n"),
            "{name}: {text}"
        );
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
fn details_of_a_process_stand_where_each_build_has_them() {
    for machine in [
        "build = 19041",
        "build = 26100",
        "build = 22000\narchitecture = \"arm64\"",
        "build = 26100\narchitecture = \"arm64\"",
    ] {
        let text = format!(
            "[machine]\n{machine}\nmemory = \"64 MiB\"\n[dump]\nkind = \"bitmap-kernel\"\n\
             [[processes]]\nname = \"one.exe\"\npid = 932\nvirtual_size = \"64 MiB\"\n\
             [[processes]]\nname = \"gone.exe\"\npid = 936\nexited = \"2021-03-09T02:00:00Z\"\nexit_status = 0xC0000005\n"
        );
        let mut asked = Asked::new(&bluepane_forge::Scenario::from_toml(&text).unwrap());
        let told = asked.ask("!process 3a4 1");
        let size = "\n    VirtualSize                       64 Mb\n";
        assert!(told.contains(size), "{machine}: {told}");
        let told = asked.ask("!process 3a8 1");
        let status = "\n    ExitStatus                        c0000005\n";
        assert!(told.contains(status), "{machine}: {told}");
    }
}
