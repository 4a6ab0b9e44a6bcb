//! `!blackboxbsd`, `!blackboxntfs`, `!blackboxpnp`, `!blackboxwinlogon`: what Windows noted in the
//! dump's secondary data about its last starts, its file system, its devices and its sign-in.

use crate::model::Report;
use alloc::{format, string::String, vec::Vec};

pub(super) fn boot(_: &[&str], report: &Report) -> Vec<String> {
    record("boot", report)
}

pub(super) fn ntfs(_: &[&str], report: &Report) -> Vec<String> {
    record("NTFS", report)
}

pub(super) fn plug_and_play(_: &[&str], report: &Report) -> Vec<String> {
    record("Plug and Play", report)
}

pub(super) fn winlogon(_: &[&str], report: &Report) -> Vec<String> {
    record("Winlogon", report)
}

/// The records of the black box whose label names `what`.
fn record(what: &str, report: &Report) -> Vec<String> {
    let about = |label: &str| label.contains("lack box") && label.contains(what);
    let mut boxes = report.secondary_data.iter();
    let Some(found) = boxes.find(|blob| blob.label.is_some_and(about)) else {
        return Vec::from([format!(
            "This dump carries no black box of {what}. Windows 10 and later write one when they have \
             something to note."
        )]);
    };
    if found.details.is_empty() {
        let place = format!(
            "It lies at file offset 0x{:x}, 0x{:x} bytes.",
            found.offset.0, found.size
        );
        return Vec::from([
            "This black box is of a form that is not known here.".into(),
            place,
        ]);
    }
    let width = found.details.iter().map(|detail| detail.name.len()).max();
    let line = |name: &str, value: &str| format!("{name:<0$}  {value}", width.unwrap_or(0));
    found
        .details
        .iter()
        .map(|detail| line(detail.name, &detail.value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::run;
    use crate::model::{Detail, Hex, Report, SecondaryBlob};
    use alloc::vec;

    fn report(details: vec::Vec<Detail>) -> Report {
        Report {
            secondary_data: vec![SecondaryBlob {
                label: Some("black box of Plug and Play"),
                offset: Hex(0x2000),
                size: 0x80,
                details,
                ..SecondaryBlob::default()
            }],
            ..Report::default()
        }
    }

    #[test]
    fn a_black_box_tells_what_it_holds_and_no_other() {
        let noted = report(vec![Detail {
            name: "Device",
            value: "PCI\\VEN_8086".into(),
        }]);
        assert!(run("!blackboxpnp", &noted).contains("Device  PCI\\VEN_8086"));
        for other in ["!blackboxbsd", "!blackboxntfs", "!blackboxwinlogon"] {
            assert!(run(other, &noted).starts_with("This dump carries no black box"));
        }
        let unknown = run("!blackboxpnp", &report(vec![]));
        assert!(unknown.contains("not known here") && unknown.contains("0x2000"));
    }
}
