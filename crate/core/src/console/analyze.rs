//! `!analyze`, `.bugcheck` and `!findings`.

use super::verbose::{Engine, verbose};
use super::{Live, number};
use crate::knowledge::lookup::{self, Answer};
use crate::model::{BugCheck, Report};
use crate::report::document::{confidence, is_wide, severity};
use crate::report::format::{address, wrap};
use alloc::{format, string::String, vec, vec::Vec};

/// Columns of sentences, as of the debugger's banner.
const BANNER: usize = 79;

/// `!analyze`, in either of its forms.
pub(super) fn analyze(words: &[&str], live: &Live<'_>) -> Vec<String> {
    match words {
        ["-show", rest @ ..] => show(rest),
        [] | ["-v"] => verbose(live, Engine::Classic),
        ["-kv"] | ["-v", "-kv"] => verbose(live, Engine::Keyed),
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

/// What can be asked for, when nothing was found.
const NOTHING: &str = "Nothing is known of that. What can be looked up: a stop code (7a, 0x1000007E) with its parameters, \
    a name or part of one, an NTSTATUS, Win32 error or HRESULT, a driver's file name, a pool tag, or a whole \
    line out of an event log.";

/// What any stop code means, with any parameters; also by its name, or as a line out of a ticket.
fn show(words: &[&str]) -> Vec<String> {
    let numbers: Option<Vec<u64>> = words.iter().map(|word| number(word)).collect();
    let code = numbers.as_deref().and_then(|all| all.split_first());
    if let Some((&code, given)) = code {
        let code = u32::try_from(code).unwrap_or(u32::MAX);
        return match lookup::stop_code(code, given, None) {
            Some(answer) => answered(&answer),
            None => wrap(
                &format!(
                    "Nothing is known of the stop code {code:x}: not documented, or a digit is wrong."
                ),
                BANNER,
            ),
        };
    }
    match lookup::look_up(&words.join(" ")).as_slice() {
        [] if words.is_empty() => vec![
            "-show takes a stop code in hexadecimal or its name, and up to four parameters.".into(),
        ],
        [] => wrap(NOTHING, BANNER),
        answers => told(answers),
    }
}

/// What an error number or a name is, or everything in a line out of a ticket.
pub(super) fn error(words: &[&str], _: &Report) -> Vec<String> {
    let line = words.join(" ");
    let mut answers = lookup::look_up(&line);
    // `!error 5` asks for the error first, and only then for a stop code of the same number. One
    // written with eight digits is as likely the stop code.
    if let [word] = words
        && word.len() < 8
    {
        let (stops, errors): (Vec<Answer>, Vec<Answer>) =
            answers.drain(..).partition(Answer::is_stop_code);
        answers.extend(errors.into_iter().chain(stops));
    }
    match answers.as_slice() {
        [] if words.is_empty() => {
            vec!["!error takes a number, a name, or a line that holds some.".into()]
        }
        [] => wrap(NOTHING, BANNER),
        answers => told(answers),
    }
}

/// Several answers, an empty line between them.
fn told(answers: &[Answer]) -> Vec<String> {
    let each: Vec<Vec<String>> = answers.iter().map(answered).collect();
    each.join(&String::new())
}

/// One answer, wrapped. Commands of this console are named, others are not.
fn answered(answer: &Answer) -> Vec<String> {
    let mut answer = answer.clone();
    answer.commands.retain(|line| super::knows(line));
    let lines = answer.lines();
    lines.iter().flat_map(|line| wrap(line, BANNER)).collect()
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
