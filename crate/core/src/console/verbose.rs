//! `!analyze -v` in two layouts: that of the engines from 2017 to 2019, which still showed the
//! maker, the firmware and its date, and the key and value form of the engines since 2020.
//!
//! Names, order and forms of the fields follow outputs that people published. A field that this
//! dump does not tell is left out. Behind each frame stands how sure it is where it is a guess.

mod fault;
mod fields;

use super::Live;
use super::analyze::statement;
use super::registers::{columns, is_arm64};
use crate::knowledge::ntstatus;
use crate::model::{
    BugCheck, Confidence, Failure, HypervisorRole, HypervisorVendor, Kind, Report, System,
};
use crate::report::document::{is_wide, location, stem};
use crate::report::format::address;
use alloc::{
    format,
    string::{String, ToString},
    vec,
    vec::Vec,
};
use fields::Fields;

/// Columns of the debugger's banner.
const BANNER: usize = 79;
/// Statuses that the debugger puts down to the disk.
const DISK: [u64; 4] = [0xC000_000E, 0xC000_009C, 0xC000_009D, 0xC000_0185];

/// Which engine's layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Engine {
    /// 10.0.15063 to 10.0.18362.
    Classic,
    /// Since 2020.
    Keyed,
}

/// The analysis in that layout.
pub(super) fn verbose(live: &Live<'_>, engine: Engine) -> Vec<String> {
    let report = live.report;
    let Some(bugcheck) = &report.bugcheck else {
        return super::absent("A stop code");
    };
    let stars: String = core::iter::repeat_n('*', BANNER).collect();
    let edge = format!("*{:width$}*", "", width = BANNER - 2);
    let title = format!("*{:^width$}*", "Bugcheck Analysis", width = BANNER - 2);
    let mut lines = vec![stars.clone(), edge.clone(), title, edge, stars];
    lines.push(String::new());
    lines.extend(statement(bugcheck));
    lines.push(String::new());
    lines.push("Debugging Details:".into());
    lines.push("------------------".into());
    lines.push(String::new());
    match engine {
        Engine::Classic => lines.extend(classic(live, bugcheck)),
        Engine::Keyed => lines.extend(keyed(live, bugcheck)),
    }
    lines.push("Followup:     MachineOwner".into());
    lines.push("---------".into());
    lines
}

fn classic(live: &Live<'_>, bugcheck: &BugCheck) -> Vec<String> {
    let report = live.report;
    let none = Failure::default();
    let failure = report.failure.as_ref().unwrap_or(&none);
    let mut head = Fields::default();
    head.put("KEY_VALUES_STRING", Some(1));
    let (qualifier, kind) = dump_kind(report.file.kind);
    head.put("DUMP_CLASS", Some(1))
        .put("DUMP_QUALIFIER", qualifier)
        .put(
            "BUILD_VERSION_STRING",
            report.system.as_ref().and_then(|s| s.build_lab.clone()),
        );
    machine(report, &mut head);
    head.put("DUMP_FILE_ATTRIBUTES", attributes(report))
        .put("DUMP_TYPE", kind);
    parameters(bugcheck, &mut head);
    let exception = report
        .exception
        .as_ref()
        .map(|exception| status(exception.code));
    head.put("EXCEPTION_CODE", exception);
    used(live, failure, &mut head);
    fault::faulting_ip(live, &mut head);
    specific(bugcheck, &mut head);
    fault::records(live, failure, &mut head);
    processor(live, &mut head);
    head.put("CUSTOMER_CRASH_COUNT", crash_count(report))
        .put("DEFAULT_BUCKET_ID", failure.default_bucket_id)
        .put(
            "BUGCHECK_STR",
            Some(&failure.bugcheck_str).filter(|s| !s.is_empty()),
        )
        .put("PROCESS_NAME", process(report))
        .hex("CURRENT_IRQL", failure.irql.map(Into::into));
    errors(report, bugcheck, &mut head);
    fault::trap_frame(live, failure, &mut head);
    head.put("LAST_CONTROL_TRANSFER", last_transfer(report));
    let mut lines = head.lines();
    lines.extend(stack_text(report, " "));
    let mut tail = Fields::default();
    let followed = fault::code_at(
        live,
        failure.address.map(|at| at.0),
        failure.symbol_name.as_ref(),
    );
    if let Some(lines) = followed {
        tail.below("FOLLOWUP_IP", String::new(), lines);
    }
    tail.hex("FAULT_INSTR_CODE", fault::word_at(live, failure))
        .put("SYMBOL_STACK_INDEX", failure.frame);
    follow_up(report, failure, Engine::Classic, &mut tail);
    tail.put("FAILURE_BUCKET_ID", failure.bucket_id.as_ref())
        .put("BUCKET_ID", failure.bucket_id.as_ref())
        .put("PRIMARY_PROBLEM_CLASS", failure.bucket_id.as_ref());
    system_of_2019(report, &mut tail);
    let text = failure
        .bucket_id
        .as_ref()
        .map(|id| format!("km:{}", id.to_ascii_lowercase()));
    tail.put("ANALYSIS_SOURCE", Some("KM"))
        .put("FAILURE_ID_HASH_STRING", text)
        .put("FAILURE_ID_HASH", hash(failure));
    lines.extend(tail.lines());
    lines
}

fn keyed(live: &Live<'_>, bugcheck: &BugCheck) -> Vec<String> {
    let report = live.report;
    let none = Failure::default();
    let failure = report.failure.as_ref().unwrap_or(&none);
    let mut lines = vec!["KEY_VALUES_STRING: 1".into(), String::new()];
    for (key, value) in keys(live, bugcheck, failure).into_pairs() {
        lines.push(format!("    Key  : {key}"));
        lines.push(format!("    Value: {value}"));
        lines.push(String::new());
    }
    lines.push(String::new());
    let mut head = Fields::default();
    head.hex("BUGCHECK_CODE", Some(bugcheck.code.into()));
    parameters(bugcheck, &mut head);
    head.put(
        "FILE_IN_CAB",
        Some(&report.file.name).filter(|n| !n.is_empty()),
    )
    .put("VIRTUAL_MACHINE", virtual_machine(report))
    .put("DUMP_FILE_ATTRIBUTES", attributes(report));
    // With an exception the address that was used stands among its fields.
    let late = report.exception.is_some() && failure.context.is_some();
    if !late {
        used(live, failure, &mut head);
    }
    specific(bugcheck, &mut head);
    fault::records(live, failure, &mut head);
    black_boxes(report, &mut head);
    head.put("PROCESS_NAME", process(report));
    fault::trap_frame(live, failure, &mut head);
    if late {
        used(live, failure, &mut head);
    }
    errors(report, bugcheck, &mut head);
    let exception = report.exception.as_ref();
    head.put(
        "EXCEPTION_STR",
        exception.map(|one| format!("0x{:x}", one.code)),
    );
    lines.extend(head.lines());
    lines.extend(stack_text(report, "     "));
    let mut tail = Fields::default();
    follow_up(report, failure, Engine::Keyed, &mut tail);
    tail.hex(
        "BUCKET_ID_FUNC_OFFSET",
        failure.function_offset.map(|offset| offset.0),
    )
    .put("FAILURE_BUCKET_ID", failure.bucket_id.as_ref());
    if let Some(system) = &report.system {
        tail.put("OS_VERSION", os_version(system))
            .put("BUILDLAB_STR", branch(system))
            .put("OSPLATFORM_TYPE", system.architecture)
            .put("OSNAME", system.build.and_then(super::target::family));
    }
    tail.put("FAILURE_ID_HASH", hash(failure));
    lines.extend(tail.lines());
    lines
}

/// What the debugger counts from the name of a minidump: `111217-27671-02.dmp` is the second that day.
fn crash_count(report: &Report) -> Option<u32> {
    let name = report.file.name.to_ascii_lowercase();
    let (_, number) = name.strip_suffix(".dmp")?.rsplit_once('-')?;
    let counted = report.file.kind == Kind::Triage && number.len() == 2;
    number.parse().ok().filter(|_| counted)
}

/// From which address the control went to the innermost function.
fn last_transfer(report: &Report) -> Option<String> {
    let frame = report.stack.as_ref()?.frames.first()?;
    let (from, digits) = (frame.return_address?.0, digits(report));
    let to = frame.address.0;
    Some(format!("from {from:0digits$x} to {to:0digits$x}"))
}

/// Digits of an address.
fn digits(report: &Report) -> usize {
    if is_wide(report) { 16 } else { 8 }
}

/// A status and its name.
fn status(code: u32) -> String {
    let name = ntstatus::name(code).unwrap_or("unknown status");
    match ntstatus::meaning(code) {
        Some(meaning) => format!("(NTSTATUS) 0x{code:x} - {name}: {meaning}"),
        None => format!("(NTSTATUS) 0x{code:x} - {name}"),
    }
}

/// The address whose use failed, and which pool it lies in where the kernel tells where those are.
fn used(live: &Live<'_>, failure: &Failure, fields: &mut Fields) {
    let digits = digits(live.report);
    let shown = failure.accessed.map(|at| {
        let pool = fault::pool_of(live, at.0).unwrap_or_default();
        format!("{:0digits$x} {pool}", at.0)
    });
    let name = match failure.access {
        Some("write") => "WRITE_ADDRESS",
        Some(_) => "READ_ADDRESS",
        None => return,
    };
    fields.put(name, shown);
}

/// DUMP_QUALIFIER and DUMP_TYPE.
fn dump_kind(kind: Kind) -> (Option<u32>, Option<u32>) {
    match kind {
        Kind::Triage | Kind::HeaderOnly => (Some(400), Some(2)),
        Kind::Full | Kind::BitmapFull | Kind::RangeComplete => (Some(402), Some(0)),
        Kind::KernelSummary
        | Kind::BitmapKernel
        | Kind::Active
        | Kind::Live
        | Kind::RangeKernel
        | Kind::RangeKernelUser => (Some(401), Some(1)),
        _ => (None, None),
    }
}

/// Maker, product and firmware.
fn machine(report: &Report, fields: &mut Fields) {
    let Some(platform) = &report.platform else {
        return;
    };
    fields
        .put("SYSTEM_MANUFACTURER", platform.manufacturer.as_ref())
        .put("VIRTUAL_MACHINE", virtual_machine(report))
        .put("SYSTEM_PRODUCT_NAME", platform.product.as_ref())
        .put("SYSTEM_VERSION", platform.version.as_ref())
        .put("BIOS_VENDOR", platform.bios_vendor.as_ref())
        .put("BIOS_VERSION", platform.bios_version.as_ref())
        .put("BIOS_DATE", platform.bios_date.as_ref())
        .put(
            "BASEBOARD_MANUFACTURER",
            platform.board_manufacturer.as_ref(),
        )
        .put("BASEBOARD_PRODUCT", platform.board_product.as_ref());
}

/// The debugger's name of the hypervisor in a guest.
fn virtual_machine(report: &Report) -> Option<&'static str> {
    let hypervisor = &report.platform.as_ref()?.hypervisor;
    if !matches!(
        hypervisor.role,
        HypervisorRole::Guest | HypervisorRole::Nested
    ) {
        return None;
    }
    match hypervisor.vendor {
        HypervisorVendor::HyperV | HypervisorVendor::Azure => Some("HyperV"),
        HypervisorVendor::Vmware => Some("VMware"),
        HypervisorVendor::Virtualbox => Some("VirtualBox"),
        HypervisorVendor::Kvm => Some("KVM"),
        HypervisorVendor::Xen => Some("Xen"),
        _ => None,
    }
}

/// The attributes of the file, as the header has them.
fn attributes(report: &Report) -> Option<String> {
    let fields = report.header.iter().flat_map(|header| &header.fields);
    let value = fields
        .filter(|field| field.name == "Attributes")
        .find_map(|field| super::number(field.value.as_deref()?))?;
    (value != 0).then(|| format!("0x{value:x}"))
}

fn parameters(bugcheck: &BugCheck, fields: &mut Fields) {
    let names = ["BUGCHECK_P1", "BUGCHECK_P2", "BUGCHECK_P3", "BUGCHECK_P4"];
    for (name, parameter) in names.into_iter().zip(&bugcheck.parameters) {
        fields.hex(name, Some(parameter.value.0));
    }
}

/// What only some codes have.
fn specific(bugcheck: &BugCheck, fields: &mut Fields) {
    let value = |at: usize| bugcheck.parameters.get(at).map(|p| p.value.0);
    if bugcheck.code & 0x0FFF_FFFF == 0x50 {
        fields.hex("MM_INTERNAL_CODE", value(3));
    }
    let status = value(1).map(|value| value & 0xFFFF_FFFF);
    if bugcheck.code == 0x7A && status.is_some_and(|status| DISK.contains(&status)) {
        fields.put(
            "DISK_HARDWARE_ERROR",
            Some("There was error with disk hardware"),
        );
    }
}

fn processor(live: &Live<'_>, fields: &mut Fields) {
    let Some(system) = &live.report.system else {
        return;
    };
    fields
        .hex("CPU_COUNT", system.processors.map(Into::into))
        .hex("CPU_MHZ", fault::megahertz(live).map(Into::into));
    let Some(id) = &system.processor_id else {
        return;
    };
    fields
        .put("CPU_VENDOR", id.vendor.as_ref())
        .hex("CPU_FAMILY", id.family.map(Into::into))
        .hex("CPU_MODEL", id.model.map(Into::into))
        .hex("CPU_STEPPING", id.stepping.map(Into::into))
        .hex("CPU_MICROCODE", id.microcode.map(Into::into));
}

fn process(report: &Report) -> Option<&String> {
    report.stack.as_ref()?.process_name.as_ref()
}

/// The status behind the stop: of the exception, or of the page that could not be read.
fn errors(report: &Report, bugcheck: &BugCheck, fields: &mut Fields) {
    let of_page = bugcheck
        .parameters
        .get(1)
        .filter(|_| bugcheck.code == 0x7A)
        .and_then(|p| ntstatus::from_parameter(p.value.0));
    let exception = report.exception.as_ref();
    let Some(code) = exception.map(|e| e.code).or(of_page) else {
        return;
    };
    fields.put("ERROR_CODE", Some(status(code)));
    if let Some(exception) = exception {
        fields.hex("EXCEPTION_CODE_STR", Some(code.into()));
        let names = ["EXCEPTION_PARAMETER1", "EXCEPTION_PARAMETER2"];
        for (name, value) in names.into_iter().zip(&exception.information) {
            fields.put(name, Some(format!("{:016x}", value.0)));
        }
    }
}

/// The black boxes that the dump carries, as the debugger announces them.
fn black_boxes(report: &Report, fields: &mut Fields) {
    let known = [
        ("BLACKBOXBSD", "1 (!blackboxbsd)", "boot"),
        ("BLACKBOXNTFS", "1 (!blackboxntfs)", "ntfs"),
        ("BLACKBOXPNP", "1 (!blackboxpnp)", "plug and play"),
        ("BLACKBOXWINLOGON", "1", "winlogon"),
    ];
    let labels: Vec<String> = report
        .secondary_data
        .iter()
        .filter_map(|blob| Some(blob.label?.to_ascii_lowercase()))
        .filter(|label| label.contains("black box"))
        .collect();
    for (name, value, word) in known {
        let there = labels.iter().any(|label| label.contains(word));
        fields.put(name, there.then_some(value));
    }
}

/// The stack, with the values in the place of each frame's arguments. `gap` is what stands behind a
/// return address: a space before 2020, then five.
fn stack_text(report: &Report, gap: &str) -> Vec<String> {
    let Some(stack) = report.stack.as_ref().filter(|s| !s.frames.is_empty()) else {
        return Vec::new();
    };
    let wide = is_wide(report);
    let mut lines = vec!["STACK_TEXT:".into()];
    for frame in &stack.frames {
        let columns = columns(frame, wide, !is_arm64(stack), gap);
        let place =
            location(frame).unwrap_or_else(|| format!("0x{}", address(frame.address.0, wide)));
        let sure = match frame.confidence {
            Confidence::Possible => "  [possible]",
            _ => "",
        };
        lines.push(format!("{columns}{place}{sure}"));
    }
    lines.push(String::new());
    lines
}

/// What is followed up. Where only blame knows somebody, blame's word is taken.
fn follow_up(report: &Report, failure: &Failure, engine: Engine, fields: &mut Fields) {
    let blamed = report.blame.as_ref();
    let module = || blamed.map(|b| stem(&b.module));
    let old = engine == Engine::Classic;
    let image = failure.image_name.as_ref();
    let stamp = failure.image_timestamp.filter(|_| old);
    fields
        .put("SYMBOL_NAME", failure.symbol_name.clone().or_else(module))
        .put("FOLLOWUP_NAME", old.then_some("MachineOwner"))
        .put("MODULE_NAME", failure.module_name.clone().or_else(module))
        .put("IMAGE_NAME", image.or_else(|| blamed.map(|b| &b.module)))
        .put("IMAGE_VERSION", failure.image_version.as_ref())
        .hex("DEBUG_FLR_IMAGE_TIMESTAMP", stamp.map(Into::into))
        .put("STACK_COMMAND", Some(stack_command(failure)));
}

fn stack_command(failure: &Failure) -> String {
    match failure.context {
        Some(at) => format!(".cxr 0x{:x} ; kb", at.0),
        None => ".cxr; .ecxr ; kb".into(),
    }
}

fn hash(failure: &Failure) -> Option<String> {
    failure.hash.as_ref().map(|hash| format!("{{{hash}}}"))
}

/// The branch in a build lab string: `winblue_rtm` of `9600.16384.amd64fre.winblue_rtm.130821-1623`.
fn branch(system: &System) -> Option<&str> {
    system.build_lab.as_deref()?.split('.').nth(3)
}

/// `10.0.19041.1`, `6.3.9600.16384`.
fn os_version(system: &System) -> Option<String> {
    let build = system.build?;
    let version = match build {
        ..6000 => return None,
        6000..=6003 => "6.0",
        7600 | 7601 => "6.1",
        9200 => "6.2",
        9600 => "6.3",
        _ => "10.0",
    };
    let revision = system.build_lab.as_deref()?.split('.').nth(1)?;
    Some(format!("{version}.{build}.{revision}"))
}

/// The system as the engines of 2017 to 2019 describe it.
fn system_of_2019(report: &Report, fields: &mut Fields) {
    let Some(system) = &report.system else {
        return;
    };
    let product = match system.product {
        Some("workstation") => Some(("1", "WinNt")),
        Some("domain controller") => Some(("2", "LanManNt")),
        Some("server") => Some(("3", "Server")),
        _ => None,
    };
    let family = system.build.and_then(super::target::family);
    let edition = family.zip(product).map(|(name, (_, product))| {
        let suite = system.suite.join(" ");
        format!("{name} {product} {suite}").trim_end().to_string()
    });
    let lab = system.build_lab.as_deref();
    let version = os_version(system).zip(lab.and_then(|lab| lab.splitn(3, '.').nth(2)));
    fields
        .put("TARGET_TIME", system.crash_time.as_ref())
        .put("OSBUILD", system.build)
        .put("OSSERVICEPACK", lab.and_then(|lab| lab.split('.').nth(1)))
        .put("PRODUCT_TYPE", product.map(|(number, _)| number))
        .put("OSPLATFORM_TYPE", system.architecture)
        .put("OSNAME", family)
        .put("OSEDITION", edition)
        .put(
            "BUILDDATESTAMP_STR",
            lab.and_then(|lab| lab.split('.').nth(4)),
        )
        .put("BUILDLAB_STR", branch(system))
        .put(
            "BUILDOSVER_STR",
            version.map(|(version, rest)| format!("{version}.{rest}")),
        );
}

/// The pairs of the newer engines, sorted by key.
fn keys(live: &Live<'_>, bugcheck: &BugCheck, failure: &Failure) -> Fields {
    let report = live.report;
    let mut keys = Fields::default();
    let code = format!("0x{:x}", bugcheck.code);
    let access = match failure.access {
        Some("write") => Some("Write"),
        Some("execute") => Some("Execute"),
        other => other.map(|_| "Read"),
    };
    let page_fault = bugcheck.code & 0x0FFF_FFFF == 0x50;
    keys.put(
        "AV.Fault",
        access.filter(|_| !page_fault && report.exception.is_some()),
    )
    .put("AV.Type", access.filter(|_| page_fault))
    .put("Bugcheck.Code.DumpHeader", Some(&code));
    let kernel = bugcheck.source == "KiBugcheckData";
    keys.put("Bugcheck.Code.KiBugCheckData", kernel.then_some(&code))
        .put("Bugcheck.Code.LegacyAPI", Some(&code))
        .put(
            "Dump.Attributes.AsUlong",
            attributes(report).map(|value| value.trim_start_matches("0x").to_string()),
        )
        .put("Failure.Bucket", failure.bucket_id.as_ref());
    fault::exception_keys(live, &mut keys);
    keys.put("Failure.Hash", hash(failure));
    if let Some(platform) = &report.platform {
        let present = match platform.hypervisor.role {
            HypervisorRole::Unknown => None,
            HypervisorRole::None => Some("0"),
            _ => Some("1"),
        };
        keys.put("Hypervisor.Flags.AnyHypervisorPresent", present);
    }
    if let Some(system) = &report.system {
        keys.put("WER.OS.Branch", branch(system))
            .put("WER.OS.Timestamp", built(system))
            .put("WER.OS.Version", os_version(system));
    }
    keys
}

/// When the branch was built, from the end of the build lab string: `191206-1406`.
fn built(system: &System) -> Option<String> {
    let stamp = system.build_lab.as_deref()?.split('.').nth(4)?;
    let (day, time) = stamp.split_once('-')?;
    let plain = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if day.len() != 6 || time.len() != 4 || !plain(day) || !plain(time) {
        return None;
    }
    let part = |text: &str, at: usize| text.get(at..at + 2).map(String::from);
    Some(format!(
        "20{}-{}-{}T{}:{}:00Z",
        part(day, 0)?,
        part(day, 2)?,
        part(day, 4)?,
        part(time, 0)?,
        part(time, 2)?
    ))
}
