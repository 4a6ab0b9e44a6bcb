//! The stop code as the report shows it: every parameter with its meaning, and where its value
//! says more, that too.

use crate::console;
use crate::container::DumpHeader;
use crate::knowledge::bugcheck::{self, decode};
use crate::knowledge::lookup;
use crate::memory::VirtualAddress;
use crate::model::{BugCheck, Hex, HypervisorRole, Parameter, Report};
use crate::nt::ModuleList;
use alloc::{borrow::Cow, format, string::String, vec, vec::Vec};

/// Explains the stop code of a header; nothing when the header does not record one.
pub(super) fn explain(header: &DumpHeader, modules: &ModuleList) -> Option<BugCheck> {
    let code = header.bugcheck_code?;
    let values = header.parameters.map(|value| value.unwrap_or_default());
    let texts = bugcheck::parameters(code, values);
    let plain = decode::decode(&texts, &values, header.pointer_width() == 8);
    let parameters = values.iter().zip(&texts).zip(plain);
    let told = bugcheck::explain(code, values);
    let known = told.as_ref().map(|told| told.bug_check);
    let text = |text: &'static str| Some(text).filter(|text| !text.is_empty()).map(String::from);
    Some(BugCheck {
        code,
        name: bugcheck::name(code).unwrap_or(Cow::Borrowed("")),
        description: known.map(|known| known.meaning.into()).unwrap_or_default(),
        causes: told
            .as_ref()
            .and_then(|told| Some(vec![text(told.causes)?]))
            .unwrap_or_default(),
        parameters: parameters
            .map(|((&value, text), plain)| Parameter {
                value: Hex(value),
                meaning: text.text.into(),
                decoded: plain.or_else(|| locate(value, modules)),
            })
            .collect(),
        subtype: told.as_ref().and_then(|told| text(told.case?)),
        next: told.as_ref().and_then(|told| text(told.next)),
        commands: commands(&texts, &values),
        virtual_machine: told.as_ref().and_then(|told| text(told.guest)),
        source: "header",
    })
}

/// The commands of the console that follow the parameters.
fn commands(texts: &[bugcheck::ParameterText; 4], values: &[u64; 4]) -> Vec<String> {
    let all = lookup::follow(texts, values).into_iter();
    all.filter(|line| console::knows(line)).collect()
}

/// Leaves out what is only true of virtual machines where this is none.
pub(super) fn fit_to_machine(report: &mut Report) {
    let role = report
        .platform
        .as_ref()
        .map(|platform| platform.hypervisor.role);
    let guest = matches!(
        role,
        None | Some(HypervisorRole::Guest | HypervisorRole::Nested | HypervisorRole::Unknown)
    );
    if let Some(bugcheck) = report.bugcheck.as_mut().filter(|_| !guest) {
        bugcheck.virtual_machine = None;
    }
}

fn locate(value: u64, modules: &ModuleList) -> Option<String> {
    let address = VirtualAddress(value);
    let module = modules.find(address)?;
    Some(format!(
        "{}+{:#x}",
        module.symbol_name(),
        value - module.base.0
    ))
}
