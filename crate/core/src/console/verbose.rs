//! `!analyze -v` in two layouts: that of the engines from 2017 to 2019, which still showed the
//! maker, the firmware and its date, and the key and value form of the engines since 2020.
//!
//! Names, order and forms of the fields follow outputs that people published. A field that this
//! dump does not tell is left out. Behind each frame stands how sure it is where it is a guess.

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

/// Fields in their order; a line is written for each that has a value.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn put<T: ToString>(&mut self, name: &'static str, value: Option<T>) -> &mut Self {
        if let Some(value) = value {
            self.0.push((name, value.to_string()));
        }
        self
    }

    fn hex(&mut self, name: &'static str, value: Option<u64>) -> &mut Self {
        self.put(name, value.map(|value| format!("{value:x}")))
    }

    fn lines(self) -> Vec<String> {
        let spread = |(name, value): (&str, String)| [format!("{name}:  {value}"), String::new()];
        self.0.into_iter().flat_map(spread).collect()
    }
}

/// The analysis in that layout.
pub(super) fn verbose(report: &Report, engine: Engine) -> Vec<String> {
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
        Engine::Classic => lines.extend(classic(report, bugcheck)),
        Engine::Keyed => lines.extend(keyed(report, bugcheck)),
    }
    lines.push("Followup:     MachineOwner".into());
    lines.push("---------".into());
    lines
}

fn classic(report: &Report, bugcheck: &BugCheck) -> Vec<String> {
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
    specific(report, bugcheck, failure, &mut head);
    processor(report, &mut head);
    head.put("DEFAULT_BUCKET_ID", failure.default_bucket_id)
        .put(
            "BUGCHECK_STR",
            Some(&failure.bugcheck_str).filter(|s| !s.is_empty()),
        )
        .put("PROCESS_NAME", process(report))
        .hex("CURRENT_IRQL", failure.irql.map(Into::into));
    errors(report, bugcheck, &mut head);
    head.put("TRAP_FRAME", trap(failure));
    let mut lines = head.lines();
    lines.extend(stack_text(report, " "));
    lines.extend(follow_up(report, failure).lines());
    let mut tail = Fields::default();
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

fn keyed(report: &Report, bugcheck: &BugCheck) -> Vec<String> {
    let none = Failure::default();
    let failure = report.failure.as_ref().unwrap_or(&none);
    let mut lines = vec!["KEY_VALUES_STRING: 1".into(), String::new()];
    for (key, value) in keys(report, bugcheck, failure) {
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
    specific(report, bugcheck, failure, &mut head);
    black_boxes(report, &mut head);
    head.put("PROCESS_NAME", process(report))
        .put("TRAP_FRAME", trap(failure));
    errors(report, bugcheck, &mut head);
    lines.extend(head.lines());
    lines.extend(stack_text(report, "     "));
    lines.extend(follow_up(report, failure).lines());
    let mut tail = Fields::default();
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
fn specific(report: &Report, bugcheck: &BugCheck, failure: &Failure, fields: &mut Fields) {
    let wide = is_wide(report);
    let used = failure.accessed.map(|at| address(at.0, wide));
    match failure.access {
        Some("write") => fields.put("WRITE_ADDRESS", used),
        Some(_) => fields.put("READ_ADDRESS", used),
        None => fields,
    };
    if let Some(exception) = &report.exception {
        let place = exception.location.as_deref().unwrap_or("in no module");
        let at = address(exception.address.0, wide);
        fields.put("FAULTING_IP", Some(format!("{at} {place}")));
    }
    let named = |at: u64, command: &str| format!("{at:016x} -- ({command} 0x{at:x})");
    fields
        .put(
            "EXCEPTION_RECORD",
            failure.exception_record.map(|at| named(at.0, ".exr")),
        )
        .put("CONTEXT", failure.context.map(|at| named(at.0, ".cxr")));
    let status = bugcheck.parameters.get(1).map(|p| p.value.0 & 0xFFFF_FFFF);
    if bugcheck.code == 0x7A && status.is_some_and(|status| DISK.contains(&status)) {
        fields.put(
            "DISK_HARDWARE_ERROR",
            Some("There was error with disk hardware"),
        );
    }
}

fn processor(report: &Report, fields: &mut Fields) {
    let Some(system) = &report.system else {
        return;
    };
    fields.hex("CPU_COUNT", system.processors.map(Into::into));
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
    let name = ntstatus::name(code).unwrap_or("unknown status");
    fields.put(
        "ERROR_CODE",
        Some(format!("(NTSTATUS) 0x{code:x} - {name}")),
    );
    if let Some(exception) = exception {
        fields.hex("EXCEPTION_CODE_STR", Some(code.into()));
        let names = ["EXCEPTION_PARAMETER1", "EXCEPTION_PARAMETER2"];
        for (name, value) in names.into_iter().zip(&exception.information) {
            fields.put(name, Some(format!("{:016x}", value.0)));
        }
    }
}

fn trap(failure: &Failure) -> Option<String> {
    let at = failure.trap_frame?.0;
    Some(format!("{at:016x} -- (.trap 0x{at:x})"))
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
fn follow_up(report: &Report, failure: &Failure) -> Fields {
    let wide = is_wide(report);
    let mut fields = Fields::default();
    let blamed = report.blame.as_ref();
    let symbol = failure.symbol_name.clone();
    fields
        .put("FOLLOWUP_IP", followed(failure, wide))
        .put("SYMBOL_STACK_INDEX", failure.frame)
        .put(
            "SYMBOL_NAME",
            symbol.or_else(|| blamed.map(|b| stem(&b.module))),
        )
        .put("FOLLOWUP_NAME", Some("MachineOwner"))
        .put(
            "MODULE_NAME",
            failure
                .module_name
                .clone()
                .or_else(|| blamed.map(|b| stem(&b.module))),
        )
        .put(
            "IMAGE_NAME",
            failure
                .image_name
                .as_ref()
                .or_else(|| blamed.map(|b| &b.module)),
        )
        .put("IMAGE_VERSION", failure.image_version.as_ref())
        .hex(
            "DEBUG_FLR_IMAGE_TIMESTAMP",
            failure.image_timestamp.map(Into::into),
        )
        .put("STACK_COMMAND", Some(stack_command(failure)));
    fields
}

fn followed(failure: &Failure, wide: bool) -> Option<String> {
    let at = address(failure.address?.0, wide);
    Some(format!("{at} {}", failure.symbol_name.as_ref()?))
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
fn keys(report: &Report, bugcheck: &BugCheck, failure: &Failure) -> Vec<(&'static str, String)> {
    let mut keys = Fields::default();
    let code = format!("0x{:x}", bugcheck.code);
    let access = match (bugcheck.code, failure.access) {
        (0x50, Some("write")) => Some(("AV.Type", "Write")),
        (0x50, Some("execute")) => Some(("AV.Type", "Execute")),
        (0x50, Some(_)) => Some(("AV.Type", "Read")),
        (_, Some("write")) if report.exception.is_some() => Some(("AV.Fault", "Write")),
        (_, Some("execute")) if report.exception.is_some() => Some(("AV.Fault", "Execute")),
        (_, Some(_)) if report.exception.is_some() => Some(("AV.Fault", "Read")),
        _ => None,
    };
    if let Some((key, value)) = access {
        keys.put(key, Some(value));
    }
    keys.put("Bugcheck.Code.DumpHeader", Some(&code))
        .put("Bugcheck.Code.LegacyAPI", Some(&code))
        .put(
            "Dump.Attributes.AsUlong",
            attributes(report).map(|value| value.trim_start_matches("0x").to_string()),
        )
        .put("Failure.Bucket", failure.bucket_id.as_ref())
        .put("Failure.Hash", hash(failure));
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
            .put("WER.OS.Version", os_version(system));
    }
    keys.0
}
