//! An I/O request: its head, and the table of its stack locations with `>` before the current one.

use super::{Reader, pointer};
use crate::knowledge::ntstatus;
use crate::memory::VirtualAddress;
use crate::nt::object::{Location, Request, major_name};
use crate::nt::object_detail::{LocationDetail, RequestDetail, is_unused, minor_name};
use alloc::{format, string::String, vec::Vec};

/// IRP_ASSOCIATED_IRP.
const ASSOCIATED: u32 = 8;
/// SL_INVOKE_ON_SUCCESS, _ERROR, _CANCEL and SL_PENDING_RETURNED.
const CONTROL: [(u8, &str); 4] = [
    (0x40, "Success"),
    (0x80, "Error"),
    (0x20, "Cancel"),
    (0x01, "pending"),
];

pub(super) fn lines(reader: &Reader<'_>, request: &Request, fields: bool) -> Vec<String> {
    let detail = reader.details().request(request);
    let count = request.locations.len();
    let mut lines = Vec::from([
        format!(
            "Irp is active with {count} stacks {} is current (= 0x{})",
            request.current,
            pointer(detail.current)
        ),
        head(request, &detail),
    ]);
    if fields {
        lines.extend(members(reader, request, &detail));
    }
    lines.push("     cmd  flg cl Device   File     Completion-Context".into());
    let each = (1_u64..).zip(request.locations.iter().zip(&detail.locations));
    for (number, (location, more)) in each {
        lines.extend(one(reader, location, more, number == request.current));
    }
    lines
}

/// The second line: memory, buffer, thread, and where it is.
fn head(request: &Request, detail: &RequestDetail) -> String {
    let memory = match request.mdl {
        Some(mdl) => format!("Mdl={}", pointer(Some(mdl))),
        None => "No Mdl".into(),
    };
    let associated = request.flags.is_some_and(|flags| flags & ASSOCIATED != 0);
    let buffer = match (detail.buffer, associated) {
        (Some(at), true) => format!("Master Irp={}", pointer(Some(at))),
        (Some(at), false) => format!("System buffer={}", pointer(Some(at))),
        (None, _) => "No System Buffer".into(),
    };
    let state = match request.holder() {
        Some(_) => "Irp stack trace.",
        None => "Irp is completed.",
    };
    let pending = match detail.pending {
        true => "  Pending has been returned",
        false => "",
    };
    let thread = pointer(request.thread);
    format!(" {memory}: {buffer}: Thread {thread}:  {state}{pending}")
}

/// The members of the request, as the second argument of `!irp` asks for them.
fn members(reader: &Reader<'_>, request: &Request, detail: &RequestDetail) -> Vec<String> {
    let mut lines = Vec::new();
    let mut word = |name: &str, value: Option<u64>| {
        lines.extend(value.map(|value| format!("{name} = {value:08x}")));
    };
    word("Flags", request.flags.map(u64::from));
    word("IoStatus.Information", detail.information);
    word("RequestorMode", detail.requestor.map(u64::from));
    word("Cancel", detail.cancel.map(u64::from));
    for (name, at) in [
        ("UserEvent", detail.user_event),
        ("UserBuffer", detail.user_buffer),
        ("Tail.Overlay.Thread", request.thread),
        ("Tail.Overlay.CurrentStackLocation", detail.current),
        ("Tail.Overlay.OriginalFileObject", request.file),
    ] {
        word(name, Some(at.map_or(0, |at| at.0)));
    }
    let status = request.status.map(|status| {
        let name = ntstatus::name(status).unwrap_or_default();
        format!("IoStatus.Status = {status:08x} {name}")
    });
    let at = lines.len().min(1);
    lines.splice(at..at, status);
    let routine = pointer(detail.cancel_routine);
    let name = detail.cancel_routine.and_then(|at| reader.live.named(at.0));
    lines.push(format!(
        "CancelRoutine = {routine}   {}",
        name.unwrap_or_default()
    ));
    lines
}

/// What a major and a minor function are called, each with its number.
fn function(location: &Location, unused: bool) -> String {
    let (major, minor) = (location.major, location.minor);
    let name = match minor_name(major, minor).filter(|_| !unused) {
        Some(name) => format!("IRP_MN_{name}"),
        None => "N/A".into(),
    };
    let of_major = major_name(major).filter(|_| !unused).unwrap_or("N/A");
    format!("[{of_major}({major:x}), {name}({minor:x})]")
}

fn one(
    reader: &Reader<'_>,
    location: &Location,
    more: &LocationDetail,
    current: bool,
) -> Vec<String> {
    let unused = is_unused(location, more);
    let mark = if current { '>' } else { ' ' };
    let when = CONTROL.map(|(bit, word)| if more.control & bit == 0 { "" } else { word });
    let mut driver = String::new();
    if let Some(device) = location.device {
        let device = reader.objects().device(device);
        let name = device.and_then(|device| reader.driver_name(&device));
        driver = format!(
            "{:15}{}",
            "",
            name.unwrap_or_else(|| "(unknown driver)".into())
        );
    }
    if let Some(at) = location.completion {
        let name = reader.live.named(at.0).unwrap_or_default();
        driver = format!("{driver:15}  {name}");
    }
    let arguments = more
        .parameters
        .map(|value| pointer(Some(VirtualAddress(value))));
    Vec::from([
        format!("{mark}{}", function(location, unused)),
        format!(
            "{:10}{:3x} {:2x} {} {} {}-{} {}",
            "",
            more.flags,
            more.control,
            pointer(location.device),
            pointer(location.file),
            pointer(location.completion),
            pointer(location.context),
            when.join(" ")
        ),
        driver,
        format!("{:24}Args: {}", "", arguments.join(" ")),
    ])
}
