//! `!analyze`, `.bugcheck` and `!findings`.

use super::number;
use crate::knowledge::bugcheck as table;
use crate::model::{BugCheck, HypervisorRole, HypervisorVendor, Report};
use crate::report::document::{confidence, is_wide, location, severity, stem};
use crate::report::format::{address, wrap};
use alloc::{format, string::String, vec, vec::Vec};

/// Columns of the debugger's banner, and of sentences here.
const BANNER: usize = 79;

/// `!analyze`, in either of its forms.
pub(super) fn analyze(words: &[&str], report: &Report) -> Vec<String> {
    match words {
        ["-show", rest @ ..] => show(rest),
        [] | ["-v"] => verbose(report),
        _ => vec!["!analyze takes -v, or -show with a stop code and its parameters.".into()],
    }
}

/// The stop code and its four parameters.
pub(super) fn bugcheck(_: &[&str], report: &Report) -> Vec<String> {
    let Some(bugcheck) = &report.bugcheck else {
        return super::absent("A stop code");
    };
    let wide = is_wide(report);
    let each: Vec<String> = bugcheck
        .parameters
        .iter()
        .map(|parameter| address(parameter.value.0, wide))
        .collect();
    vec![
        format!("Bugcheck code {:08X}", bugcheck.code),
        format!("Arguments {}", each.join(" ")),
    ]
}

/// What any stop code means, with any parameters.
fn show(words: &[&str]) -> Vec<String> {
    let numbers: Option<Vec<u64>> = words.iter().map(|word| number(word)).collect();
    let Some((&code, given)) = numbers.as_deref().and_then(|all| all.split_first()) else {
        return vec!["-show takes a stop code in hexadecimal, and up to four parameters.".into()];
    };
    let code = u32::try_from(code).unwrap_or(u32::MAX);
    let mut values = [0; 4];
    for (value, given) in values.iter_mut().zip(given) {
        *value = *given;
    }
    let Some(known) = table::explain(code, values) else {
        return vec![format!("Nothing is known of the stop code {code:x}.")];
    };
    let mut lines = vec![format!("{} ({code:x})", known.bug_check.name)];
    lines.extend(wrap(known.bug_check.meaning, BANNER));
    // Without parameters the cases that depend on them are not this one.
    if let Some(case) = known.case.filter(|_| !given.is_empty()) {
        lines.extend(wrap(case, BANNER));
    }
    if !known.bug_check.usual_causes.is_empty() {
        lines.extend(wrap(known.bug_check.usual_causes, BANNER));
    }
    lines.push("Arguments:".into());
    for ((value, text), at) in values.iter().zip(&known.parameters).zip(1..) {
        let decoded = text
            .value
            .filter(|_| given.len() >= at)
            .map_or(String::new(), |decoded| format!(": {decoded}"));
        lines.push(format!("Arg{at}: {value:016x}, {}{decoded}", text.text));
    }
    lines
}

/// The analysis, in the debugger's layout and with its names of fields.
fn verbose(report: &Report) -> Vec<String> {
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
    for (name, value) in fields(report, bugcheck) {
        lines.push(format!("{name}:  {value}"));
        lines.push(String::new());
    }
    lines.extend(stack_text(report));
    for (name, value) in verdict(report) {
        lines.push(format!("{name}:  {value}"));
        lines.push(String::new());
    }
    lines.push("Followup:     MachineOwner".into());
    lines.push("---------".into());
    lines
}

/// Name, meaning and arguments.
fn statement(bugcheck: &BugCheck) -> Vec<String> {
    let name = match bugcheck.name.as_ref() {
        "" => "Unknown bugcheck code",
        known => known,
    };
    let mut lines = vec![format!("{name} ({:x})", bugcheck.code)];
    lines.extend(wrap(&bugcheck.description, BANNER));
    if let Some(subtype) = &bugcheck.subtype {
        lines.extend(wrap(subtype, BANNER));
    }
    lines.push("Arguments:".into());
    for (parameter, at) in bugcheck.parameters.iter().zip(1..) {
        let decoded = parameter
            .decoded
            .as_ref()
            .map_or(String::new(), |decoded| format!(": {decoded}"));
        let (value, meaning) = (parameter.value.0, &parameter.meaning);
        lines.push(format!("Arg{at}: {value:016x}, {meaning}{decoded}"));
    }
    lines
}

/// What stands before the stack.
fn fields(report: &Report, bugcheck: &BugCheck) -> Vec<(&'static str, String)> {
    let wide = is_wide(report);
    let mut fields = vec![("BUGCHECK_CODE", format!("{:x}", bugcheck.code))];
    let names = ["BUGCHECK_P1", "BUGCHECK_P2", "BUGCHECK_P3", "BUGCHECK_P4"];
    for (name, parameter) in names.into_iter().zip(&bugcheck.parameters) {
        fields.push((name, format!("{:x}", parameter.value.0)));
    }
    if let Some(platform) = &report.platform {
        let known = [
            ("SYSTEM_MANUFACTURER", &platform.manufacturer),
            ("SYSTEM_PRODUCT_NAME", &platform.product),
            ("SYSTEM_VERSION", &platform.version),
            ("BIOS_VENDOR", &platform.bios_vendor),
            ("BIOS_VERSION", &platform.bios_version),
            ("BIOS_DATE", &platform.bios_date),
            ("BASEBOARD_MANUFACTURER", &platform.board_manufacturer),
            ("BASEBOARD_PRODUCT", &platform.board_product),
        ];
        fields.extend(virtual_machine(report).map(|name| ("VIRTUAL_MACHINE", name.into())));
        fields.extend(
            known
                .into_iter()
                .filter_map(|(name, v)| Some((name, v.clone()?))),
        );
    }
    if let Some(exception) = &report.exception {
        let name = exception.name.unwrap_or("unknown status");
        let code = format!("(NTSTATUS) 0x{:x} - {name}", exception.code);
        fields.push(("EXCEPTION_CODE", code));
        let place = exception.location.as_deref().unwrap_or("in no module");
        let at = address(exception.address.0, wide);
        fields.push(("FAULTING_IP", format!("{at} {place}")));
        for (name, value) in ["EXCEPTION_PARAMETER1", "EXCEPTION_PARAMETER2"]
            .into_iter()
            .zip(&exception.information)
        {
            fields.push((name, format!("{:016x}", value.0)));
        }
    }
    let system = report.system.as_ref();
    fields.extend(system.and_then(|s| Some(("CPU_COUNT", format!("{:x}", s.processors?)))));
    let process = report.stack.as_ref().and_then(|s| s.process_name.clone());
    fields.extend(process.map(|name| ("PROCESS_NAME", name)));
    fields
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

fn stack_text(report: &Report) -> Vec<String> {
    let Some(stack) = report.stack.as_ref().filter(|s| !s.frames.is_empty()) else {
        return Vec::new();
    };
    let wide = is_wide(report);
    let mut lines = vec!["STACK_TEXT:".into()];
    for frame in &stack.frames {
        let pointer = frame
            .stack_pointer
            .map_or(String::new(), |sp| address(sp.0, wide));
        let at = address(frame.address.0, wide);
        let place = location(frame).unwrap_or_else(|| format!("0x{at}"));
        let sure = confidence(frame.confidence);
        lines.push(format!("{pointer} {at} : {place}  [{sure}]"));
    }
    lines.push(String::new());
    lines
}

/// What stands behind the stack.
fn verdict(report: &Report) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    if let Some(blame) = &report.blame {
        let module = stem(&blame.module);
        let function = blame.symbol.as_deref().unwrap_or("unknown_function");
        let symbol = if function.contains('!') {
            function.into()
        } else {
            format!("{module}!{function}")
        };
        fields.push(("SYMBOL_NAME", symbol));
        fields.push(("MODULE_NAME", module));
        fields.push(("IMAGE_NAME", blame.module.clone()));
        let image = report
            .modules
            .iter()
            .find(|m| m.name.eq_ignore_ascii_case(&blame.module));
        let version = image.and_then(|image| image.version.clone());
        fields.extend(version.map(|version| ("IMAGE_VERSION", version)));
        fields.extend(blame.bucket_id.clone().map(|id| ("FAILURE_BUCKET_ID", id)));
    }
    if let Some(system) = &report.system {
        fields.extend(system.build_lab.clone().map(|lab| ("BUILDLAB_STR", lab)));
        fields.extend(
            system
                .architecture
                .map(|name| ("OSPLATFORM_TYPE", name.into())),
        );
        fields.extend(system.os.clone().map(|os| ("OSNAME", os)));
    }
    let hash = report.blame.as_ref().and_then(|b| b.failure_hash.as_ref());
    let braced = |hash: &String| format!("{{{}}}", hash.trim_matches(['{', '}']));
    fields.extend(hash.map(|hash| ("FAILURE_ID_HASH", braced(hash))));
    fields
}

/// Every finding with its evidence and advice.
pub(super) fn findings(_: &[&str], report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in &report.findings {
        let (weight, sure) = (severity(finding.severity), confidence(finding.confidence));
        let id = finding.id;
        lines.push(format!("[{weight}, {sure}] {} ({id})", finding.title));
        lines.extend(
            wrap(&finding.explanation, BANNER)
                .into_iter()
                .map(|line| format!("    {line}")),
        );
        for evidence in &finding.evidence {
            lines.push(format!("    - {} {}", evidence.text, evidence.place));
        }
        for (step, at) in finding.advice.iter().zip(1..) {
            lines.push(format!("    {at}. {step}"));
        }
    }
    if lines.is_empty() {
        lines.push("There is no finding.".into());
    }
    lines
}
