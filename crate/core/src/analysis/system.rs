//! The operating system and the moment it stopped, from the header.

use crate::container::DumpHeader;
use crate::container::header::{holds, product_name, suite_names};
use crate::model::{Report, System};
use crate::nt::Architecture;
use crate::time::{iso8601_from_filetime, seconds_from_ticks};

/// Fills the report with what the header says.
pub(super) fn compose(header: &DumpHeader, report: &mut Report) {
    report.file.kind = header.kind();
    report.file.kind_label = header.label().into_owned();
    report.file.holds = holds(header.kind()).into();
    report.file.encrypted = header.attributes.encrypted();
    report.file.truncated |= header.attributes.insufficient_file_size() || header.is_cut_short();
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
