//! `!blackboxbsd`, `!blackboxntfs`, `!blackboxpnp`, `!blackboxwinlogon`: what Windows noted in the
//! dump's secondary data about its last starts, its file system, its devices and its sign-in.
//!
//! The labels are those of the debugger's commands of these names, where it has one for a fact.

use crate::model::{Detail, Report};
use alloc::{format, string::String, vec::Vec};

/// What a fact of the report is called by the debugger.
type Labels = [(&'static str, &'static str)];

static BOOT: &Labels = &[
    ("Last start succeeded", "Last boot succeeded"),
    ("Last session ended with a shutdown", "Last boot shutdown"),
    ("Starts tried", "Boot attempt count"),
    ("Number of this start", "Last boot id"),
    (
        "Last start that ended properly",
        "Last successful shutdown boot id",
    ),
    (
        "A user had asked for a shutdown",
        "User shutdown in progress",
    ),
    ("Step of going to sleep", "Sleep in progress"),
];

static PNP: &Labels = &[
    ("Device", "DeviceId"),
    ("Event still going on", "PnpEventInProgress"),
    ("Began", "PnpActivityTime"),
    ("Problem code", "PnpProblemCode"),
    ("Refused", "PnpVetoType"),
];

pub(super) fn boot(_: &[&str], report: &Report) -> Vec<String> {
    let say = |value: &str| match value {
        "yes" => "TRUE".into(),
        "no" => "FALSE".into(),
        other => String::from(other),
    };
    record("boot", report, &|all| {
        let line = |one: &Detail| format!("{}: {}", label(BOOT, one.name), say(&one.value));
        all.iter().map(line).collect()
    })
}

pub(super) fn ntfs(_: &[&str], report: &Report) -> Vec<String> {
    record("NTFS", report, &|all| {
        let count = |name: &str| all.iter().filter(|one| one.name == name).count();
        let mut lines = Vec::from([
            "NTFS Blackbox Data".into(),
            String::new(),
            format!("{} Slow I/O Timeout Records Found", count("Slow I/O")),
            format!(
                "{} Oplock Break Timeout Records Found",
                count("Oplock not given up")
            ),
        ]);
        if !all.is_empty() {
            lines.push(String::new());
        }
        lines.extend(all.iter().map(|one| format!("{}: {}", one.name, one.value)));
        lines
    })
}

pub(super) fn plug_and_play(_: &[&str], report: &Report) -> Vec<String> {
    record("Plug and Play", report, &|all| {
        let say = |one: &Detail| match (one.name, one.value.as_str()) {
            ("Event still going on", "yes") => "1".into(),
            ("Event still going on", "no") => "0".into(),
            _ => one.value.clone(),
        };
        let line = |one: &Detail| format!("    {:<19}: {}", label(PNP, one.name), say(one));
        all.iter().map(line).collect()
    })
}

pub(super) fn winlogon(_: &[&str], report: &Report) -> Vec<String> {
    record("Winlogon", report, &|all| {
        let width = all.iter().map(|detail| detail.name.len()).max();
        let width = width.unwrap_or(0);
        let line = |one: &Detail| format!("{:<width$}  {}", one.name, one.value);
        all.iter().map(line).collect()
    })
}

fn label(labels: &Labels, name: &'static str) -> &'static str {
    let found = labels.iter().find(|(own, _)| *own == name);
    found.map_or(name, |(_, known)| known)
}

/// The records of the black box whose label names `what`.
fn record(what: &str, report: &Report, show: &dyn Fn(&[Detail]) -> Vec<String>) -> Vec<String> {
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
            "This black box is of a form that is not known here, or empty.".into(),
            place,
        ]);
    }
    show(&found.details)
}

#[cfg(test)]
mod tests {
    use super::super::run;
    use crate::model::{Detail, Hex, Report, SecondaryBlob};
    use alloc::{vec, vec::Vec};

    fn report(label: &'static str, details: &[(&'static str, &str)]) -> Report {
        let detail = |&(name, value): &(&'static str, &str)| Detail {
            name,
            value: value.into(),
        };
        Report {
            secondary_data: vec![SecondaryBlob {
                label: Some(label),
                offset: Hex(0x2000),
                size: 0x80,
                details: details.iter().map(detail).collect::<Vec<_>>(),
                ..SecondaryBlob::default()
            }],
            ..Report::default()
        }
    }

    const PNP: &str = "black box of Plug and Play";

    #[test]
    fn a_black_box_tells_what_it_holds_and_no_other() {
        let problem = crate::knowledge::problem::problem(24);
        let noted = report(
            PNP,
            &[
                ("Device", "PCI\\VEN_8086"),
                ("Event still going on", "yes"),
                ("Problem code", &problem),
            ],
        );
        let told = run("!blackboxpnp", &noted);
        assert!(
            told.contains("    DeviceId           : PCI\\VEN_8086\n"),
            "{told}"
        );
        assert!(told.contains("    PnpEventInProgress : 1\n"), "{told}");
        let code = "    PnpProblemCode     : 24 (CM_PROB_DEVICE_NOT_THERE: ";
        assert!(told.contains(code), "{told}");
        for other in ["!blackboxbsd", "!blackboxntfs", "!blackboxwinlogon"] {
            assert!(run(other, &noted).starts_with("This dump carries no black box"));
        }
        let unknown = run("!blackboxpnp", &report(PNP, &[]));
        assert!(unknown.contains("not known here") && unknown.contains("0x2000"));
    }

    #[test]
    fn starts_and_file_systems_are_told_in_the_debuggers_words() {
        let boot = report(
            "black box of the boot and shutdown data",
            &[("Last start succeeded", "yes"), ("Starts tried", "1")],
        );
        let expected = "Last boot succeeded: TRUE\nBoot attempt count: 1\n";
        assert_eq!(run("!blackboxbsd", &boot), expected);
        let ntfs = report("black box of NTFS", &[("Slow I/O", "request 0x1")]);
        let told = run("!blackboxntfs", &ntfs);
        assert!(
            told.starts_with("NTFS Blackbox Data\n\n1 Slow I/O Timeout Records Found\n0 Oplock")
        );
    }
}
