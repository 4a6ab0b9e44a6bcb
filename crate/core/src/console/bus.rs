//! `!vmbus`: the version of the bus on which a Hyper-V guest and its host agreed, which measures
//! either: it is the lesser of what both can speak. No command of the debugger's; where it stands
//! and how it is told from other numbers: [`bus`](crate::platform::bus).

use super::Live;
use crate::platform::bus;
use alloc::{format, string::String, vec::Vec};

/// The driver on the guest's side.
const DRIVER: &str = "vmbus.sys";

/// The command.
pub(super) fn vmbus(_: &[&str], live: &Live<'_>) -> Vec<String> {
    let Some(driver) = live.modules().by_name(DRIVER) else {
        return Vec::from([format!(
            "{DRIVER} is not loaded: this is no guest of Hyper-V, or runs without its components."
        )]);
    };
    let Some(found) = bus::find(&live.space(), driver.base, live.width()) else {
        return Vec::from([format!(
            "The version of the bus was not found in the memory of {DRIVER}, or not beyond doubt."
        )]);
    };
    let of = bus::first_windows(found.agreed).unwrap_or_default();
    let newest = said(found.newest);
    let mut lines = Vec::from([format!(
        "Guest and host speak version {} of the bus, which came with {of}; the driver here can \
         speak up to {newest}. (possible: found by its content)",
        said(found.agreed)
    )]);
    lines.push(match found.agreed < found.newest {
        true => String::from("So it is the host that can do no more."),
        false => String::from(
            "The host may be newer than that. Where the report names a newer one, the guest's \
             Integration Services are behind it.",
        ),
    });
    lines
}

/// `3.0`.
fn said(version: u32) -> String {
    format!("{}.{}", version >> 16, version & 0xFFFF)
}
