//! What there is to say of the dump itself and of how it came about.

use super::finding;
use crate::diagnose::facts::Facts;
use crate::model::{Confidence, Exception, Finding, Kind};
use alloc::{format, string::String};

const BETTER_DUMP: &[&str] = &[
    "In System Properties, Advanced, Startup and Recovery, set \"Write debugging information\" to Automatic or Kernel memory dump (in the registry: CrashDumpEnabled 7 or 2 below HKLM\\SYSTEM\\CurrentControlSet\\Control\\CrashControl).",
    "Let Windows manage the page file on the system drive, or give it room: a kernel dump needs a few GB, a complete one the size of memory plus 257 MB. A dedicated dump file (DedicatedDumpFile in CrashControl) does as well.",
    "Leave as much free space where the dump goes, usually C:\\Windows\\MEMORY.DMP; switch on AlwaysKeepMemoryDump if Windows deletes it again.",
    "After the next stop copy MEMORY.DMP out before it is overwritten, and drop the copy here.",
];

pub(super) fn holds_little(facts: &Facts<'_>) -> Option<Finding> {
    let (title, text) = match facts.kind {
        Kind::Triage => (
            "This is a minidump: it holds one thread and little else.",
            "A minidump has the stop code, the registers and the stack of one thread, and the list \
             of drivers. Processes, pool, page files and the code of the drivers are not in it, \
             so memory shortage, locks and other threads cannot be judged.",
        ),
        Kind::HeaderOnly => (
            "This dump is a header and nothing else.",
            "The header has the stop code, its parameters and the registers. Neither a stack nor \
             the list of drivers is in the file.",
        ),
        _ => return None,
    };
    Some(
        finding("dump-holds-little", Confidence::Certain, title, text)
            .because("The dump's type is in its header.", "header, DumpType")
            .advise(BETTER_DUMP),
    )
}

pub(super) fn truncated(facts: &Facts<'_>) -> Option<Finding> {
    facts.truncated.then(|| {
        finding(
            "dump-truncated",
            Confidence::Certain,
            "The file is shorter than its headers promise.",
            "Part of the dump is missing at its end. Either writing it was cut short, or so was \
             copying it. What is shown comes from the part that is there.",
        )
        .because("The headers describe more bytes than the file has.", "header")
        .advise(&[
            "Copy the dump again from the machine and compare the sizes.",
            "If the original is as short, look for free space on the drive and for a page file that is too small.",
        ])
    })
}

pub(super) fn kept_running(facts: &Facts<'_>) -> Option<Finding> {
    if !facts.kept_running() {
        return None;
    }
    Some(
        finding(
            "machine-kept-running",
            Confidence::Certain,
            "The machine kept running: this is a live dump.",
            "Windows, or somebody at the machine, took a picture of memory without stopping. The \
             code says why the picture was taken; it is not the code of a crash.",
        )
        .because(format!("The code is {}.", facts.code_label()), "header"),
    )
}

pub(super) fn by_hand(facts: &Facts<'_>) -> Option<Finding> {
    let how = match facts.plain_code() {
        0xE2 => "the keyboard shortcut or a tool",
        0xDEAD_DEAD => "a debugger or a tool",
        _ => return None,
    };
    Some(
        finding(
            "dump-by-hand",
            Confidence::Certain,
            "Somebody stopped the machine on purpose.",
            format!(
                "This stop was asked for through {how}, most often because the machine did not \
                 respond. Look at what it was doing rather than for a crash."
            ),
        )
        .because(
            format!("The stop code is {}.", facts.code_label()),
            "stop code",
        )
        .toward(facts, "byhand"),
    )
}

pub(super) fn power_button(facts: &Facts<'_>) -> Option<Finding> {
    if facts.plain_code() != 0x1C8 {
        return None;
    }
    let held = facts.parameters[0];
    Some(
        finding(
            "power-button-held",
            Confidence::Certain,
            "The power button was held until the machine stopped.",
            "Nothing crashed by itself: somebody held the power button down and Windows used the \
             last moment to write a dump. The question is why the machine did not respond, or \
             whether the button is stuck.",
        )
        .because(format!("It was held for {held} milliseconds."), "parameter 1")
        .advise(&[
            "Ask what the screen showed at that moment; a black or frozen screen points to graphics or power management.",
            "If it happens while nobody is near, check the button and its cable.",
        ]),
    )
}

fn describe(exception: &Exception) -> String {
    let name = exception.name.unwrap_or("exception");
    format!("{name} ({:#x}) at {}", exception.code, exception.address)
}

pub(super) fn record_replaced(facts: &Facts<'_>) -> Option<Finding> {
    let (used, stale) = (facts.exception?, facts.passed_over?);
    if (used.code, used.address) == (stale.code, stale.address) {
        return None;
    }
    Some(
        finding(
            "exception-record-replaced",
            Confidence::Certain,
            "The exception record in the header is not the one that stopped Windows.",
            "Windows fills the header's record in while it stops, and by then it describes the stop \
             itself. The record to which the stop code's parameters point is the true one and is \
             used here.",
        )
        .because(format!("Used: {}.", describe(used)), used.source.clone())
        .because(format!("Passed over: {}.", describe(stale)), stale.source.clone()),
    )
}

/// Five minutes.
const SOON: f64 = 300.0;

pub(super) fn soon_after_start(facts: &Facts<'_>) -> Option<Finding> {
    let uptime = facts.uptime_seconds.filter(|&s| s > 0.0 && s < SOON)?;
    Some(
        finding(
            "stopped-soon-after-start",
            Confidence::Certain,
            "Windows had only just started.",
            "A stop in the first minutes comes from something that starts with Windows: a driver, \
             a service, a device, or the firmware. If it comes back at each start, safe mode \
             loads the fewest drivers.",
        )
        .because(format!("It had run for {} seconds.", uptime as u64), "uptime")
        .advise(&[
            "Compare with other dumps of this machine: do all stops come this early?",
            "Start in safe mode; if it holds there, disable what starts with Windows piece by piece.",
        ]),
    )
}
