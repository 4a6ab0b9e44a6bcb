//! The black boxes of a dump in words: how Windows last started, what Plug and Play, Winlogon and
//! NTFS were doing.

use super::machine::Secondary;
use crate::container::blob::{BootStatus, NtfsRecord, PlugAndPlay, Winlogon, tag};
use crate::knowledge::problem;
use crate::model::{Detail, Guid};
use crate::time::iso8601_from_filetime;
use alloc::{format, string::String, string::ToString, vec, vec::Vec};

/// What the black box with that tag says; nothing for a blob that is none.
pub(super) fn details(guid: Guid, secondary: &Secondary) -> Vec<Detail> {
    match guid {
        tag::BLACK_BOX_BOOT => secondary.boot.as_ref().map(boot).unwrap_or_default(),
        tag::BLACK_BOX_PNP => secondary
            .plug_and_play
            .as_ref()
            .map(pnp)
            .unwrap_or_default(),
        tag::BLACK_BOX_WINLOGON => secondary
            .winlogon
            .as_ref()
            .map(winlogon)
            .unwrap_or_default(),
        tag::BLACK_BOX_NTFS => secondary.ntfs.iter().map(ntfs).collect(),
        _ => Vec::new(),
    }
}

fn detail(name: &'static str, value: impl Into<String>) -> Detail {
    Detail {
        name,
        value: value.into(),
    }
}

fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

fn boot(status: &BootStatus) -> Vec<Detail> {
    let mut details = vec![
        detail("Last start succeeded", yes_no(status.last_boot_succeeded)),
        detail(
            "Last session ended with a shutdown",
            yes_no(status.last_boot_shutdown),
        ),
        detail("Starts tried", status.boot_attempts.to_string()),
        detail("Number of this start", status.last_boot_id.to_string()),
        detail(
            "Last start that ended properly",
            status.last_successful_shutdown_id.to_string(),
        ),
        detail(
            "A user had asked for a shutdown",
            yes_no(status.user_shutdown),
        ),
    ];
    if status.sleep_step != 0 {
        details.push(detail(
            "Step of going to sleep",
            status.sleep_step.to_string(),
        ));
    }
    if let Some(time) = status.power_button_time.and_then(iso8601_from_filetime) {
        let presses = status.power_button_presses.unwrap_or(1);
        details.push(detail(
            "Power button pressed",
            format!("{presses} times, last at {time}"),
        ));
    }
    details
}

fn pnp(event: &PlugAndPlay) -> Vec<Detail> {
    let mut details = vec![
        detail("Device", event.device.clone()),
        detail("Event still going on", yes_no(event.in_progress)),
    ];
    if let Some(time) = event.time.and_then(iso8601_from_filetime) {
        details.push(detail("Began", time));
    }
    if event.problem != 0 {
        details.push(detail("Problem code", problem::problem(event.problem)));
    }
    if event.veto != 0 {
        let text = event.veto_text.as_deref().unwrap_or("no text");
        details.push(detail(
            "Refused",
            format!("{}, by {text}", problem::veto(event.veto)),
        ));
    }
    details
}

fn winlogon(operation: &Winlogon) -> Vec<Detail> {
    vec![
        detail("Operation", operation.operation.clone()),
        detail("Still going on", yes_no(operation.pending)),
    ]
}

fn ntfs(record: &NtfsRecord) -> Detail {
    match record {
        NtfsRecord::SlowIo { irp, scb, thread } => detail(
            "Slow I/O",
            format!("request {irp:#x}, stream {scb:#x}, waited for by thread {thread:#x}"),
        ),
        NtfsRecord::OplockBreak {
            irp,
            owner,
            breaker,
        } => detail(
            "Oplock not given up",
            format!("request {irp:#x}, held by {owner}, wanted by {breaker}"),
        ),
    }
}
