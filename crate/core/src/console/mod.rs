//! The commands a person types, in the debugger's own words, for those whose fingers know them.
//!
//! Most commands answer from the report alone ([`Answering::Report`]), so they need neither the
//! dump nor symbols. Others read the dump ([`Answering::Dump`], [`Answering::Job`]): the analysis
//! runs them as it runs its own steps (`analysis::Analysis::ask`). The layouts follow what the
//! debugger prints in its public documentation and in dumps that people published; where the report
//! knows something else (how a frame was found instead of a return address), the column says what
//! it is.

mod address;
mod analyze;
mod blackbox;
mod bus;
mod census;
mod code;
mod commands;
mod damage;
mod display;
mod explore;
mod formats;
mod job;
mod live;
mod locks;
mod memory;
mod modules;
mod named;
mod object;
mod other;
mod pool;
mod process;
mod registers;
mod registry;
mod registry_scan;
mod running;
mod search;
mod spelling;
mod stacks;
mod state;
mod target;
mod thread;
mod threads;
mod translate;
mod verbose;

pub use code::{Line, Listing, listing};
pub use commands::COMMANDS;
pub use explore::{Shown, View, explore};
pub use job::{Begun, Job, Running, incomplete};
pub use live::{Ground, Live, MAX_STRETCH, Stretch, level_name, reason};

use crate::model::Report;
use crate::report::format::clean;
use crate::source::Slice;
use alloc::{format, string::String, vec::Vec};
use live::number;
use spelling::expand;

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What is typed.
    pub name: &'static str,
    /// What may follow.
    pub arguments: &'static str,
    /// What it answers.
    pub about: &'static str,
    answering: Answering,
}

/// What a command answers from.
#[derive(Clone, Copy, Debug)]
pub enum Answering {
    /// From the report alone.
    Report(fn(&[&str], &Report) -> Vec<String>),
    /// From the dump, in one step: what it touches must fit the cache.
    Dump(fn(&[&str], &Live<'_>) -> Vec<String>),
    /// From the dump, in many steps.
    Job(fn(&[&str], &Live<'_>) -> Begun),
}

/// What the console answers to `line` from the report alone, without the dump. Lines end with a
/// line break each; nothing in them can drive a terminal.
#[must_use]
pub fn run(line: &str, report: &Report) -> String {
    let live = Ground::of_report(report).live(&Slice(&[]));
    match begin(line, &live) {
        Begun::Lines(lines) => text(&lines),
        Begun::Job(job) => text(&job.answer(&live)),
    }
}

/// What the console answers to `line`, or the job that will. A step of the analysis: what it says
/// while something is wanted is worth nothing.
#[must_use]
pub fn begin(line: &str, live: &Live<'_>) -> Begun {
    let line = expand(line.trim());
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((&name, arguments)) = words.split_first() else {
        return Vec::new().into();
    };
    let Some(command) = COMMANDS.iter().find(|c| c.name.eq_ignore_ascii_case(name)) else {
        return spelling::unknown(name).into();
    };
    match command.answering {
        Answering::Report(run) => run(arguments, live.report).into(),
        Answering::Dump(run) => run(arguments, live).into(),
        Answering::Job(run) => run(arguments, live),
    }
}

/// Lines as one text that can drive no terminal.
#[must_use]
pub fn text(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(clean(line).trim_end());
        text.push('\n');
    }
    text
}

/// Whether `line` is a command that reads the dump and not only the report.
#[must_use]
pub fn reads_dump(line: &str) -> bool {
    let line = expand(line.trim());
    let name = line.split_whitespace().next().unwrap_or_default();
    let command = COMMANDS.iter().find(|c| c.name.eq_ignore_ascii_case(name));
    command.is_some_and(|command| !matches!(command.answering, Answering::Report(_)))
}

/// Whether the first word of `line` is a command.
#[must_use]
pub fn knows(line: &str) -> bool {
    let name = line.split_whitespace().next().unwrap_or_default();
    commands::NAMES
        .iter()
        .any(|known| known.eq_ignore_ascii_case(name))
}

fn help(words: &[&str], _: &Report) -> Vec<String> {
    let wanted = |command: &&Command| {
        words
            .first()
            .is_none_or(|name| command.name.eq_ignore_ascii_case(name))
    };
    let lines: Vec<String> = COMMANDS
        .iter()
        .filter(wanted)
        .flat_map(|command| {
            let usage = format!("{} {}", command.name, command.arguments);
            [usage, format!("    {}", command.about)]
        })
        .collect();
    match words.first() {
        Some(name) if lines.is_empty() => help_on(name),
        _ => lines,
    }
}

/// What is said of a word that is no command as it stands: it may be one with its letters grown on.
fn help_on(name: &str) -> Vec<String> {
    let line = expand(name);
    let known = line
        .split_whitespace()
        .next()
        .filter(|first| *first != name);
    let known = known.and_then(|first| COMMANDS.iter().find(|c| c.name == first));
    match known {
        Some(command) => Vec::from([
            format!("{} {}", command.name, command.arguments),
            format!("    {}", command.about),
        ]),
        None => spelling::unknown(name),
    }
}

/// One line that says what this report does not hold.
fn absent(what: &str) -> Vec<String> {
    Vec::from([format!("{what} is not in this report.")])
}

#[cfg(test)]
mod tests;
