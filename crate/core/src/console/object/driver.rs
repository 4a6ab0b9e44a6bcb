//! A driver object: its devices (1), its entry points and dispatch routines (2), the stacks of its devices (4).

use super::{Reader, device, pointer};
use crate::memory::VirtualAddress;
use crate::nt::object::{Device, Driver, major_name};
use alloc::{format, string::String, vec::Vec};

/// Bits of the second argument.
const DEVICES: u64 = 1;
const ROUTINES: u64 = 2;
const STACKS: u64 = 4;
/// Devices of one driver that are listed, and in a line.
const MAX_DEVICES: usize = 256;
const IN_LINE: usize = 4;

/// The members of FAST_IO_DISPATCH, in their order (wdm.h).
static FAST: [&str; 27] = [
    "FastIoCheckIfPossible",
    "FastIoRead",
    "FastIoWrite",
    "FastIoQueryBasicInfo",
    "FastIoQueryStandardInfo",
    "FastIoLock",
    "FastIoUnlockSingle",
    "FastIoUnlockAll",
    "FastIoUnlockAllByKey",
    "FastIoDeviceControl",
    "AcquireFileForNtCreateSection",
    "ReleaseFileForNtCreateSection",
    "FastIoDetachDevice",
    "FastIoQueryNetworkOpenInfo",
    "AcquireForModWrite",
    "MdlRead",
    "MdlReadComplete",
    "PrepareMdlWrite",
    "MdlWriteComplete",
    "FastIoReadCompressed",
    "FastIoWriteCompressed",
    "MdlReadCompleteCompressed",
    "MdlWriteCompleteCompressed",
    "FastIoQueryOpen",
    "ReleaseForModWrite",
    "AcquireForCcFlush",
    "ReleaseForCcFlush",
];

pub(super) fn lines(reader: &Reader<'_>, driver: &Driver, flags: u64) -> Vec<String> {
    let mut lines = Vec::from([
        format!("Driver object ({}) is for:", pointer(Some(driver.address))),
        format!(
            " {}",
            driver
                .name
                .as_deref()
                .unwrap_or("(its name cannot be read)")
        ),
    ]);
    let devices = devices(reader, driver);
    if flags & DEVICES != 0 {
        lines.push(String::new());
        lines.push("Device Object list:".into());
        let each: Vec<String> = devices
            .iter()
            .map(|device| pointer(Some(device.address)))
            .collect();
        lines.extend(each.chunks(IN_LINE).map(|some| some.join("  ")));
    }
    if flags & ROUTINES != 0 {
        lines.extend(routines(reader, driver));
    }
    if flags & STACKS != 0 {
        lines.push(String::new());
        lines.push("Device Object stacks:".into());
        for one in &devices {
            lines.push(String::new());
            lines.push(format!("!devstack {} :", pointer(Some(one.address))));
            lines.extend(device::stack(reader, one));
        }
        lines.push(String::new());
        lines.push(format!("Processed {} device objects.", devices.len()));
    }
    lines
}

/// Its devices, the newest first.
fn devices(reader: &Reader<'_>, driver: &Driver) -> Vec<Device> {
    let objects = reader.objects();
    let mut found: Vec<Device> = Vec::new();
    let mut next = driver.device;
    while let Some(at) = next.filter(|_| found.len() < MAX_DEVICES) {
        let seen = found.iter().any(|device| device.address == at);
        let Some(device) = objects.device(at).filter(|_| !seen) else {
            break;
        };
        next = device.next;
        found.push(device);
    }
    found
}

fn routines(reader: &Reader<'_>, driver: &Driver) -> Vec<String> {
    reader
        .live
        .named_all(&mut |named| routines_by(reader, driver, named))
}

fn routines_by(
    reader: &Reader<'_>,
    driver: &Driver,
    named: &dyn Fn(u64) -> Option<String>,
) -> Vec<String> {
    let detail = reader.details().driver(driver);
    let named = |at: VirtualAddress| named(at.0).unwrap_or_default();
    let mut lines = Vec::from([String::new()]);
    let names = [
        "DriverEntry:",
        "DriverStartIo:",
        "DriverUnload:",
        "AddDevice:",
    ];
    for (name, at) in names.into_iter().zip(detail.entries) {
        lines.extend(at.map(|at| {
            let at = Some(at).filter(|at| at.0 != 0);
            let symbol = at.map(named).unwrap_or_default();
            format!("{name:<14} {}  {symbol}", pointer(at))
        }));
    }
    lines.push(String::new());
    lines.push("Dispatch routines:".into());
    for (number, &at) in (0_u8..).zip(&detail.majors) {
        let name = major_name(number).unwrap_or_default();
        let symbol = named(at);
        lines.push(format!(
            "[{number:02x}] {name:<34} {}  {symbol}",
            pointer(Some(at))
        ));
    }
    if detail.majors.is_empty() {
        lines.push("(they are not in this dump)".into());
    }
    if !detail.fast.is_empty() {
        lines.push(String::new());
        lines.push("Fast I/O routines:".into());
        for &(index, at) in &detail.fast {
            let name = FAST.get(index).copied().unwrap_or_default();
            lines.push(format!("{name:<39} {}  {}", pointer(Some(at)), named(at)));
        }
    }
    lines
}
