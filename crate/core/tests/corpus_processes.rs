//! What real minidumps hold of processes and processors: those that were running, no others.

mod support;

use bluepane::analysis::Analysis;
use bluepane::model::Report;
use bluepane::source::SliceProvider;

/// File, identifier and name of the process that was running, its threads, and the interrupt level
/// of the stop, where the kernel's layout is known.
static DUMPS: &[(&str, u32, &str, u32, Option<u8>)] = &[
    (
        "folder-of-8/111217-27671-01.dmp",
        4,
        "System",
        162,
        Some(11),
    ),
    (
        "folder-of-8/111317-27812-01.dmp",
        3472,
        "dw20.exe",
        1,
        Some(0),
    ),
    (
        "folder-of-8/111317-52015-01.dmp",
        1932,
        "dasHost.exe",
        35,
        Some(0),
    ),
    ("w10-19041-x64-1a.dmp", 4, "System", 135, Some(2)),
    (
        "w10-19041-x64-1c7.dmp",
        2424,
        "MemCompression",
        102,
        Some(0),
    ),
    ("w10-19041-x64-7e.dmp", 4, "System", 147, Some(0)),
    ("w11-22000-arm64-1c8.dmp", 4, "System", 291, None),
    ("w11-26100-x64-65.dmp", 4, "System", 370, None),
];

fn report(bytes: &[u8]) -> Report {
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(bytes));
    analysis.report().clone()
}

#[test]
fn a_minidump_tells_the_process_that_was_running_and_where_and_no_other() {
    for &(name, pid, process, threads, irql) in DUMPS {
        let Some(bytes) = support::dump(&format!("triage/{name}")) else {
            continue;
        };
        let report = report(&bytes);
        let stack = report.stack.as_ref().unwrap();
        let [found] = &report.memory.as_ref().unwrap().processes[..] else {
            panic!("{name}: {:?}", report.memory);
        };
        assert_eq!((found.pid, &*found.name), (Some(pid), process), "{name}");
        assert_eq!(stack.process_name.as_deref(), Some(process), "{name}");
        assert_eq!(found.threads, Some(threads), "{name}");
        // It began before the machine stopped, and had not ended.
        let stopped = report.system.as_ref().unwrap().crash_time.clone();
        assert!(found.created.is_some() && found.created < stopped, "{name}");
        assert_eq!(found.exited, None, "{name}");
        let [processor] = &report.processors[..] else {
            panic!("{name}: {:?}", report.processors);
        };
        assert!(processor.stopped, "{name}");
        assert_eq!(Some(processor.number), stack.processor, "{name}");
        assert_eq!(
            (processor.pid, processor.thread),
            (Some(pid), stack.thread),
            "{name}"
        );
        assert_eq!(processor.irql, irql, "{name}");
    }
}
