//! The commands a person types, in the debugger's own words, for those whose fingers know them.
//!
//! [`run`] answers from the report alone, so it needs neither the dump nor symbols, and says so
//! where the debugger could say more. The layouts follow what the debugger prints in its public
//! documentation and in dumps that people published; where the report knows something else (how
//! a frame was found instead of a return address), the column says what it is.

mod analyze;
mod memory;
mod modules;
mod registers;
mod target;

use crate::model::Report;
use crate::report::format::clean;
use alloc::{format, string::String, vec::Vec};

/// A command.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// What is typed.
    pub name: &'static str,
    /// What may follow.
    pub arguments: &'static str,
    /// What it answers.
    pub about: &'static str,
    run: fn(&[&str], &Report) -> Vec<String>,
}

/// All commands, in the order in which `help` lists them.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "!analyze",
        arguments: "[-v] | -show CODE [P1 [P2 [P3 [P4]]]]",
        about: "the stop code, the stack and the blame; or what any stop code means",
        run: analyze::analyze,
    },
    Command {
        name: "!findings",
        arguments: "",
        about: "every finding with its evidence and advice",
        run: analyze::findings,
    },
    Command {
        name: ".bugcheck",
        arguments: "",
        about: "the stop code and its four parameters",
        run: analyze::bugcheck,
    },
    Command {
        name: "vertarget",
        arguments: "",
        about: "kind of dump, version of Windows, kernel base, time, up time",
        run: target::vertarget,
    },
    Command {
        name: ".time",
        arguments: "",
        about: "when it stopped, and how long it had run",
        run: target::time,
    },
    Command {
        name: "!sysinfo",
        arguments: "machineid",
        about: "maker, product and firmware",
        run: target::sysinfo,
    },
    Command {
        name: "!vm",
        arguments: "",
        about: "page files, memory counters, processes by commit",
        run: memory::vm,
    },
    Command {
        name: "!process",
        arguments: "0 0",
        about: "every process",
        run: memory::process,
    },
    Command {
        name: "lm",
        arguments: "[t] [n] [f] [v] [m PATTERN]",
        about: "modules: with their times, names, paths, in full; also lmvm NAME",
        run: modules::lm,
    },
    Command {
        name: "ln",
        arguments: "ADDRESS",
        about: "the module in which an address lies",
        run: modules::ln,
    },
    Command {
        name: "k",
        arguments: "",
        about: "the stack, each frame with how it was found",
        run: registers::stack,
    },
    Command {
        name: "r",
        arguments: "[REGISTER]",
        about: "the registers",
        run: registers::registers,
    },
    Command {
        name: "help",
        arguments: "",
        about: "this list",
        run: help,
    },
];

/// What the console answers to `line`, from the report alone. Lines end with a line break each;
/// nothing in them can drive a terminal.
#[must_use]
pub fn run(line: &str, report: &Report) -> String {
    let line = expand(line.trim());
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some((&name, arguments)) = words.split_first() else {
        return String::new();
    };
    let lines = match COMMANDS.iter().find(|c| c.name.eq_ignore_ascii_case(name)) {
        Some(command) => (command.run)(arguments, report),
        None => Vec::from([format!(
            "'{name}' is not a command of this console. Type help for those that are."
        )]),
    };
    let mut text = String::new();
    for line in lines {
        text.push_str(clean(&line).trim_end());
        text.push('\n');
    }
    text
}

/// Spellings that grow together in the debugger, taken apart: `lmvm x` and `lmDvm x` are `lm v m
/// x`, `kb` and `kv` are `k`, `?` is `help`.
fn expand(line: &str) -> String {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    let apart = match name {
        "?" | ".help" | "!help" => "help".into(),
        "kb" | "kn" | "kp" | "kv" | "kL" | "kc" => "k".into(),
        "version" => "vertarget".into(),
        _ => match name.strip_prefix("lm").filter(|flags| !flags.is_empty()) {
            Some(flags) if flags.chars().all(|c| c.is_ascii_alphanumeric()) => {
                let each: Vec<String> = flags.chars().map(String::from).collect();
                format!("lm {}", each.join(" "))
            }
            _ => name.into(),
        },
    };
    format!("{apart} {rest}")
}

fn help(_: &[&str], _: &Report) -> Vec<String> {
    COMMANDS
        .iter()
        .flat_map(|command| {
            let usage = format!("{} {}", command.name, command.arguments);
            [usage, format!("    {}", command.about)]
        })
        .collect()
}

/// A number as the debugger takes it: hexadecimal, with or without `0x`, with back-ticks.
fn number(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|&c| c != '`').collect();
    let digits = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"))
        .unwrap_or(&digits);
    u64::from_str_radix(digits, 16).ok()
}

/// One line that says what this report does not hold.
fn absent(what: &str) -> Vec<String> {
    Vec::from([format!("{what} is not in this report.")])
}

#[cfg(test)]
mod tests;
