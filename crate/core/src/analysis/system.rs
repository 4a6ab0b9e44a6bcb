//! The operating system and the moment it stopped, from the header.

use crate::container::DumpHeader;
use crate::container::header::{debugger_kind_line, holds, product_name, suite_names};
use crate::model::{Kind, Note, Report, System};
use crate::nt::Architecture;
use crate::time::{iso8601_from_filetime, seconds_from_ticks};

/// What it means when Windows fell back to a minidump.
const TOO_SMALL: &str = "Windows was set to write a larger dump, which did not fit, and wrote this \
    minidump instead. To get the larger dump next time, make the page file on the system drive \
    larger, or give the dump a file of its own (DedicatedDumpFile under \
    HKLM\\SYSTEM\\CurrentControlSet\\Control\\CrashControl).";

/// Fills the report with what the header says.
pub(super) fn compose(header: &DumpHeader, report: &mut Report) {
    report.file.kind = header.kind();
    report.file.kind_label = header.label().into_owned();
    report.file.holds = holds(header.kind()).into();
    report.file.opening = debugger_kind_line(header.kind());
    report.file.encrypted = header.attributes.encrypted();
    // On a minidump that the kernel wrote, the attribute means another file: the dump that was
    // asked for did not fit, so Windows wrote a minidump instead, and that one is whole (seen on a
    // real dump of 19041 with attributes 0xC).
    let fell_back = header.kind() == Kind::Triage && header.attributes.insufficient_file_size();
    report.file.truncated |=
        header.attributes.insufficient_file_size() && !fell_back || header.is_cut_short();
    if fell_back {
        report
            .notes
            .push(Note::new("dump-file-too-small", TOO_SMALL));
    }
    report.system = Some(System {
        os: header
            .minor_version
            .and_then(|build| crate::knowledge::windows::name(build, header.product_type)),
        build: header.minor_version,
        architecture: architecture(header).map(Architecture::name),
        product: header.product_type.and_then(product_name),
        suite: header.suite_mask.map(suite_names).unwrap_or_default(),
        processors: header.processors,
        crash_time: header.system_time.and_then(iso8601_from_filetime),
        uptime_seconds: header.uptime.map(seconds_from_ticks),
        ..System::default()
    });
}

/// The architecture of the dumped machine.
pub(super) fn architecture(header: &DumpHeader) -> Option<Architecture> {
    Architecture::from_machine(header.machine?)
}
