//! `!analyze`, `.bugcheck` and `!findings`.

use super::number;
use super::verbose::{Engine, verbose};
use crate::knowledge::bugcheck as table;
use crate::model::{BugCheck, Report};
use crate::report::document::{confidence, is_wide, severity};
use crate::report::format::{address, wrap};
use alloc::{format, string::String, vec, vec::Vec};

/// Columns of sentences, as of the debugger's banner.
const BANNER: usize = 79;

/// `!analyze`, in either of its forms.
pub(super) fn analyze(words: &[&str], report: &Report) -> Vec<String> {
    match words {
        ["-show", rest @ ..] => show(rest),
        [] | ["-v"] => verbose(report, Engine::Classic),
        ["-kv"] | ["-v", "-kv"] => verbose(report, Engine::Keyed),
        _ => vec![
            "!analyze takes -v, -v -kv for the newer engine's keys and values, or -show with a \
             stop code and its parameters."
                .into(),
        ],
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

/// Name, meaning and arguments.
pub(super) fn statement(bugcheck: &BugCheck) -> Vec<String> {
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
