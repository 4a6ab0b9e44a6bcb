//! What was dumped: the lines with which the debugger opens a dump.

use crate::model::{Kind, Platform, RegistryValue, Report, System};
use crate::report::document::{gap, is_wide};
use crate::report::format::{address, duration};
use crate::time::Moment;
use alloc::{format, string::String, vec::Vec};

/// The lines with which the debugger opens a dump, without its banner.
pub(super) fn vertarget(_: &[&str], report: &Report) -> Vec<String> {
    let mut lines = Vec::from([kind_line(report)]);
    let Some(system) = &report.system else {
        return lines;
    };
    lines.extend(version_line(system));
    lines.extend(product_line(system));
    if let Some(lab) = &system.build_lab {
        // Newer debuggers call it so from Windows 11 on.
        let edition = system.build.is_some_and(|build| build >= 22_000);
        let label = if edition {
            "Edition build lab"
        } else {
            "Built by"
        };
        lines.push(format!("{label}: {lab}"));
    }
    if let Some(name) = &system.computer_name {
        lines.push(format!("Machine Name: {name}"));
    }
    lines.extend(kernel_line(report, system));
    lines.extend(time_lines(system));
    lines
}

/// When it stopped, and how long it had run.
pub(super) fn time(_: &[&str], report: &Report) -> Vec<String> {
    match report.system.as_ref().map(time_lines) {
        Some(lines) if !lines.is_empty() => lines,
        _ => super::absent("A time"),
    }
}

/// What kind of dump, and what can be asked of it.
fn kind_line(report: &Report) -> String {
    const MAY_NOT: &str =
        "Kernel address space is available, User address space may not be available.";
    const ALL: &str = "Full address space is available";
    match report.file.kind {
        Kind::Triage => {
            "Mini Kernel Dump File: Only registers and stack trace are available".into()
        }
        Kind::BitmapKernel | Kind::Active | Kind::Live => {
            format!("Kernel Bitmap Dump File: {MAY_NOT}")
        }
        Kind::BitmapFull => format!("Kernel Bitmap Dump File: {ALL}"),
        Kind::KernelSummary => format!("Kernel Summary Dump File: {MAY_NOT}"),
        Kind::Full => format!("Kernel Complete Dump File: {ALL}"),
        _ => report.file.kind_label.clone(),
    }
}

/// As the debugger names kernels: by the client system of the same build.
pub(super) fn family(build: u32) -> Option<&'static str> {
    Some(match build {
        2600 => "Windows XP",
        3790 => "Windows Server 2003",
        6000..=6003 => "Windows Vista",
        7600 | 7601 => "Windows 7",
        9200 => "Windows 8",
        9600 => "Windows 8.1",
        10_240.. => "Windows 10",
        _ => return None,
    })
}

fn version_line(system: &System) -> Option<String> {
    let build = system.build?;
    let name = family(build).unwrap_or("Windows");
    let count = system.processors.map_or(String::new(), |count| {
        let form = if count > 1 { "MP" } else { "UP" };
        let plural = if count == 1 { "" } else { "s" };
        format!(" {form} ({count} proc{plural})")
    });
    let machine = match system.architecture {
        Some("x86") => "x86 compatible",
        Some("ARM64") => "ARM 64-bit (AArch64)",
        Some(other) => other,
        None => "",
    };
    // A checked build says so in its build lab.
    let checked = system
        .build_lab
        .as_deref()
        .is_some_and(|l| l.contains("chk"));
    let form = if checked { "Checked" } else { "Free" };
    Some(format!(
        "{name} Kernel Version {build}{count} {form} {machine}"
    ))
}

fn product_line(system: &System) -> Option<String> {
    let product = match system.product? {
        "workstation" => "WinNt",
        "server" => "Server",
        "domain controller" => "LanManNt",
        other => other,
    };
    Some(if system.suite.is_empty() {
        format!("Product: {product}")
    } else {
        format!("Product: {product}, suite: {}", system.suite.join(" "))
    })
}

fn kernel_line(report: &Report, system: &System) -> Option<String> {
    let base = system.kernel_base?;
    let wide = is_wide(report);
    let fields = report.header.iter().flat_map(|header| &header.fields);
    let list = fields
        .filter(|field| field.name == "PsLoadedModuleList")
        .find_map(|field| super::number(field.value.as_deref()?));
    let list = list.map_or(String::new(), |list| {
        format!(" PsLoadedModuleList = 0x{}", address(list, wide))
    });
    Some(format!("Kernel base = 0x{}{list}", address(base.0, wide)))
}

fn time_lines(system: &System) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(time) = system.crash_time.as_deref() {
        let time = Moment::from_iso8601(time).map_or_else(|| time.into(), debugger_time);
        lines.push(format!("Debug session time: {time}"));
    }
    if let Some(uptime) = system.uptime_seconds.and_then(duration) {
        // The debugger knows no singular here.
        let uptime = uptime.replacen("1 day ", "1 days ", 1);
        lines.push(format!("System Uptime: {uptime}"));
    }
    lines
}

/// `Tue Dec 18 10:39:02.334 2018 (UTC + 0:00)`.
pub(super) fn debugger_time(m: Moment) -> String {
    format!(
        "{} {} {:2} {:02}:{:02}:{:02}.{:03} {} (UTC + 0:00)",
        m.weekday_name(),
        m.month_name(),
        m.day,
        m.hour,
        m.minute,
        m.second,
        m.ticks / 10_000,
        m.year
    )
}

/// Maker, product and firmware.
pub(super) fn sysinfo(arguments: &[&str], report: &Report) -> Vec<String> {
    match arguments {
        ["machineid"] => machine(report),
        ["registry"] => registry(report),
        ["cpuinfo"] => processor(report),
        [] => [
            machine(report),
            Vec::from([String::new()]),
            registry(report),
        ]
        .concat(),
        _ => Vec::from([
            "Only '!sysinfo machineid', '!sysinfo cpuinfo' and '!sysinfo registry' are answered here.".into(),
        ]),
    }
}

/// What the firmware said of the machine.
fn machine(report: &Report) -> Vec<String> {
    let Some(platform) = &report.platform else {
        return super::absent("The firmware's table of the machine");
    };
    let version = platform.smbios_version.as_deref().unwrap_or("unknown");
    let mut lines = Vec::from([format!("Machine ID Information [From Smbios {version}]")]);
    lines.extend(
        machine_id(platform)
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name} = {}", value?))),
    );
    lines
}

/// What the registry in the dump and CPUID say of the processor.
fn processor(report: &Report) -> Vec<String> {
    let system = report.system.as_ref();
    let id = system.and_then(|system| system.processor_id.as_ref());
    let mut lines = Vec::new();
    let mut line = |name: &str, value: Option<String>| {
        lines.extend(value.map(|value| format!("{name} = {value}")));
    };
    let number = |value: Option<u32>| value.map_or_else(|| "?".into(), |value| format!("{value}"));
    line(
        "Identifier",
        id.filter(|id| id.family.is_some()).map(|id| {
            let (family, model, step) = (number(id.family), number(id.model), number(id.stepping));
            format!("Family {family} Model {model} Stepping {step}")
        }),
    );
    let name = system.and_then(|system| system.processor_name.clone());
    line(
        "ProcessorNameString",
        name.map(|name| format!("REG_SZ {name}")),
    );
    let update = id.and_then(|id| id.microcode);
    line(
        "Update Signature",
        update.map(|update| format!("{update:08x}")),
    );
    let vendor = id.and_then(|id| id.vendor.clone());
    line(
        "VendorIdentifier",
        vendor.map(|vendor| format!("REG_SZ {vendor}")),
    );
    if lines.is_empty() {
        return super::absent("What the processor is called");
    }
    lines.insert(0, "[CPU Information]".into());
    lines
}

/// What the registry said of the machine, a line for each value.
fn registry(report: &Report) -> Vec<String> {
    let Some(registry) = &report.registry else {
        return super::absent("The registry");
    };
    let line = |value: &RegistryValue| match (&value.data, value.gap) {
        (Some(data), _) => format!("{}\\{} = {data}", value.key, value.name),
        (None, why) => format!("{} ({})", value.key, why.map_or("", gap)),
    };
    registry.values.iter().map(line).collect()
}

/// The fields of that table, in its order.
fn machine_id(platform: &Platform) -> [(&'static str, Option<&str>); 9] {
    [
        ("BiosVendor", platform.bios_vendor.as_deref()),
        ("BiosVersion", platform.bios_version.as_deref()),
        ("BiosReleaseDate", platform.bios_date.as_deref()),
        ("SystemManufacturer", platform.manufacturer.as_deref()),
        ("SystemProductName", platform.product.as_deref()),
        ("SystemFamily", platform.family.as_deref()),
        ("SystemVersion", platform.version.as_deref()),
        (
            "BaseBoardManufacturer",
            platform.board_manufacturer.as_deref(),
        ),
        ("BaseBoardProduct", platform.board_product.as_deref()),
    ]
}
