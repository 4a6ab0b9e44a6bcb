//! A device object, and the stack of devices that it stands in.

use super::{Reader, flags, pointer};
use crate::memory::VirtualAddress;
use crate::nt::object::Device;
use crate::nt::object_detail::DeviceDetail;
use alloc::{format, string::String, vec::Vec};

/// Devices below one another that are followed.
const DEEPEST: usize = 32;

pub(super) fn lines(reader: &Reader<'_>, device: &Device) -> Vec<String> {
    let detail = reader.details().device(device);
    let driver = reader.driver_name(device).unwrap_or_default();
    let word = |value: Option<u32>| value.map_or("?".into(), |value| format!("{value:08x}"));
    let mut lines = Vec::from([
        format!("Device object ({}) is for:", pointer(Some(device.address))),
        format!(
            " {} {driver} DriverObject {}",
            device.name.as_deref().unwrap_or_default(),
            pointer(device.driver)
        ),
        format!(
            "Current Irp {} RefCount {} Type {} Flags {}",
            pointer(device.request),
            detail
                .references
                .map_or("?".into(), |count| format!("{}", count as i32)),
            word(device.kind),
            word(device.flags)
        ),
        pointers(device, &detail),
    ]);
    let kind = device.kind.and_then(|kind| {
        let name = flags::device_type(kind)?;
        Some(format!("Type ({kind:#010x})  FILE_DEVICE_{name}"))
    });
    lines.extend(kind);
    let bits = device.flags;
    lines.extend(bits.map(|bits| flags::line("Flags", "DO_", flags::DEVICE, bits)));
    let own = detail
        .flags
        .map(|bits| flags::line("ExtensionFlags", "DOE_", flags::EXTENSION, bits));
    lines.extend(own);
    let traits = detail.characteristics.filter(|&bits| bits != 0);
    lines.extend(
        traits.map(|bits| flags::line("Characteristics", "FILE_", flags::CHARACTERISTICS, bits)),
    );
    let near = [
        ("AttachedDevice (Upper)", device.attached),
        ("AttachedTo (Lower)", detail.below),
    ];
    for (what, at) in near {
        let Some(at) = at else { continue };
        let other = reader.objects().device(at);
        let driver = other.and_then(|other| reader.driver_name(&other));
        lines.push(format!(
            "{what} {} {}",
            pointer(Some(at)),
            driver.unwrap_or_default()
        ));
    }
    lines.extend(detail.busy.map(|busy| match busy {
        true => "Device queue is busy -- requests wait in it.".into(),
        false => "Device queue is not busy.".into(),
    }));
    lines
}

/// The line of pointers; those that are 0 are left out but for the extensions.
fn pointers(device: &Device, detail: &DeviceDetail) -> String {
    let mut line = String::new();
    let mut add = |what: &str, at: Option<VirtualAddress>, always: bool| {
        if at.is_some() || always {
            line += &format!("{what} {} ", pointer(at));
        }
    };
    add("Vpb", detail.vpb, false);
    add("SecurityDescriptor", detail.security, false);
    add("DevExt", device.extension, true);
    add("DevObjExt", detail.extension, true);
    add("Dope", detail.operations, false);
    add("DevNode", detail.node, false);
    line
}

/// The devices below one, the nearest first.
fn below(reader: &Reader<'_>, device: &Device) -> Vec<Device> {
    let mut found: Vec<Device> = Vec::new();
    let mut next = reader.details().device(device).below;
    while let Some(at) = next.filter(|_| found.len() < DEEPEST) {
        let seen = found.iter().any(|known| known.address == at) || at == device.address;
        let Some(lower) = reader.objects().device(at).filter(|_| !seen) else {
            break;
        };
        next = reader.details().device(&lower).below;
        found.push(lower);
    }
    found
}

/// `!devstack`: the devices above one another, the highest first, and what the lowest stands for.
pub(super) fn stack(reader: &Reader<'_>, device: &Device) -> Vec<String> {
    let gap = if reader.live.width() == 8 { 9 } else { 1 };
    let head = |name: &str| format!("{name}  {:gap$}", "");
    let mut lines = Vec::from([format!(
        "  {}{:<19}{}ObjectName",
        head("!DevObj"),
        "!DrvObj",
        head("!DevExt")
    )]);
    let mut above = reader.objects().above(device);
    above.reverse();
    let below = below(reader, device);
    let all = above.iter().chain([device]).chain(&below);
    for one in all.clone() {
        let mark = if one.address == device.address {
            '>'
        } else {
            ' '
        };
        lines.push(format!(
            "{mark} {}  {:<19}{}  {}",
            pointer(Some(one.address)),
            reader.driver_name(one).unwrap_or_default(),
            pointer(one.extension),
            one.name.as_deref().unwrap_or_default()
        ));
    }
    let details = reader.details();
    let node = all.last().and_then(|lowest| {
        let node = details.device(lowest).node?;
        Some((node, details.node(node, lowest.address)))
    });
    if let Some((at, told)) = node {
        lines.push(format!("!DevNode {} :", pointer(Some(at))));
        if let Some((path, service)) = told {
            lines.push(format!("  DeviceInst is \"{path}\""));
            if !service.is_empty() {
                lines.push(format!("  ServiceName is \"{service}\""));
            }
        }
    }
    lines
}
