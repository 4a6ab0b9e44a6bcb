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
mod damage;
mod display;
mod explore;
mod formats;
mod job;
mod live;
mod memory;
mod modules;
mod named;
mod object;
mod pool;
mod process;
mod registers;
mod registry;
mod registry_scan;
mod running;
mod search;
mod state;
mod target;
mod threads;
mod translate;
mod verbose;

pub use code::{Line, Listing, listing};
pub use explore::{Shown, View, explore};
pub use job::{Begun, Job, Running, incomplete};
pub use live::{Ground, Live, MAX_STRETCH, Stretch, level_name, reason};

use crate::model::Report;
use crate::report::format::clean;
use crate::source::Slice;
use alloc::{format, string::String, vec::Vec};
use live::number;

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

/// All commands, in the order in which `help` lists them.
pub static COMMANDS: &[Command] = &[
    Command {
        name: "!analyze",
        arguments: "[-v [-kv]] | -show CODE|NAME [P1 [P2 [P3 [P4]]]]",
        about: "the stop code, the stack and its bucket, as engines of 2019 or (-kv) since 2020 print \
                them; or what any stop code means",
        answering: Answering::Dump(analyze::analyze),
    },
    Command {
        name: "!error",
        arguments: "NUMBER | NAME | LINE",
        about: "what an NTSTATUS, HRESULT or Win32 error is; what a line of a ticket says",
        answering: Answering::Report(analyze::error),
    },
    Command {
        name: "!findings",
        arguments: "",
        about: "every finding with its evidence and advice",
        answering: Answering::Report(analyze::findings),
    },
    Command {
        name: ".bugcheck",
        arguments: "",
        about: "the stop code and its four parameters",
        answering: Answering::Report(analyze::bugcheck),
    },
    Command {
        name: "vertarget",
        arguments: "",
        about: "kind of dump, version of Windows, kernel base, time, up time",
        answering: Answering::Report(target::vertarget),
    },
    Command {
        name: ".time",
        arguments: "",
        about: "when it stopped, and how long it had run",
        answering: Answering::Report(target::time),
    },
    Command {
        name: "!sysinfo",
        arguments: "machineid | registry",
        about: "maker, product and firmware; what the registry in memory said of the machine",
        answering: Answering::Report(target::sysinfo),
    },
    Command {
        name: "!blackboxbsd",
        arguments: "",
        about: "how the last starts and shutdowns went, as Windows noted in the dump",
        answering: Answering::Report(blackbox::boot),
    },
    Command {
        name: "!blackboxntfs",
        arguments: "",
        about: "what NTFS was waiting for, as Windows noted in the dump",
        answering: Answering::Report(blackbox::ntfs),
    },
    Command {
        name: "!blackboxpnp",
        arguments: "",
        about: "which change of devices was under way, as Windows noted in the dump",
        answering: Answering::Report(blackbox::plug_and_play),
    },
    Command {
        name: "!blackboxwinlogon",
        arguments: "",
        about: "where signing in or out stood, as Windows noted in the dump",
        answering: Answering::Report(blackbox::winlogon),
    },
    Command {
        name: "!vm",
        arguments: "[1]",
        about: "page files, memory counters, processes by commit (not with 1)",
        answering: Answering::Report(memory::vm),
    },
    Command {
        name: "!mem",
        arguments: "",
        about: "the state of memory in a few lines, and what is conspicuous in it",
        answering: Answering::Report(memory::mem),
    },
    Command {
        name: "!poolused",
        arguments: "[2 | 4] [TAG]",
        about: "pool use by tag, with owners; 2 by nonpaged, 4 by paged pool (a job where many processors count)",
        answering: Answering::Job(pool::used),
    },
    Command {
        name: "!pool",
        arguments: "ADDRESS",
        about: "the blocks of pool in the page of an address, by their headers",
        answering: Answering::Dump(damage::pool),
    },
    Command {
        name: "!errrec",
        arguments: "[ADDRESS]",
        about: "the record of a hardware error; that of the stop when no address is given",
        answering: Answering::Dump(damage::error_record),
    },
    Command {
        name: "!poolfind",
        arguments: "TAG",
        about: "the allocations of a tag: a scan of all pages of the dump (a long job)",
        answering: Answering::Job(pool::find),
    },
    Command {
        name: "!process",
        arguments: "[0 0 [NAME] | ADDRESS | PID] [FLAGS]",
        about: "every process, or one; flag 1 with its memory, 2 with its threads, 4 with their stacks",
        answering: Answering::Dump(process::process),
    },
    Command {
        name: "!thread",
        arguments: "[ADDRESS]",
        about: "a thread: state, stack, where it began; the current one when none is named",
        answering: Answering::Dump(process::thread),
    },
    Command {
        name: "!stacks",
        arguments: "[0 | 2] [FILTER]",
        about: "every thread of every process, its state and where it began; 2 with its stack",
        answering: Answering::Dump(process::stacks),
    },
    Command {
        name: "!ready",
        arguments: "",
        about: "threads that wait for a processor",
        answering: Answering::Dump(process::ready),
    },
    Command {
        name: ".process",
        arguments: "",
        about: "the process that was running",
        answering: Answering::Dump(process::current),
    },
    Command {
        name: "!running",
        arguments: "[-t] [-i]",
        about: "what each processor was running; -i with idle ones, -t with the threads",
        answering: Answering::Dump(running::running),
    },
    Command {
        name: "!prcb",
        arguments: "[NUMBER]",
        about: "a processor's block",
        answering: Answering::Dump(running::prcb),
    },
    Command {
        name: "!pcr",
        arguments: "[NUMBER]",
        about: "a processor's control region",
        answering: Answering::Dump(running::pcr),
    },
    Command {
        name: "!irql",
        arguments: "[NUMBER]",
        about: "the interrupt level at which the stop code was raised",
        answering: Answering::Dump(running::irql),
    },
    Command {
        name: "!irp",
        arguments: "ADDRESS",
        about: "an I/O request and the drivers it passes",
        answering: Answering::Dump(object::irp),
    },
    Command {
        name: "!devobj",
        arguments: "ADDRESS",
        about: "a device, its driver and what is attached to it",
        answering: Answering::Dump(object::devobj),
    },
    Command {
        name: "!drvobj",
        arguments: "ADDRESS",
        about: "a driver and its devices",
        answering: Answering::Dump(object::drvobj),
    },
    Command {
        name: "!object",
        arguments: "ADDRESS",
        about: "what kind of object stands at an address, and what it says",
        answering: Answering::Dump(object::object),
    },
    Command {
        name: "lm",
        arguments: "[t] [n] [f] [v] [m PATTERN]",
        about: "modules: with their times, names, paths, in full; also lmvm NAME",
        answering: Answering::Report(modules::lm),
    },
    Command {
        name: "ln",
        arguments: "ADDRESS",
        about: "what an address is called: the name before it, the next one behind it",
        answering: Answering::Dump(named::ln),
    },
    Command {
        name: "x",
        arguments: "MODULE!PATTERN",
        about: "names of a module that fit a pattern of * and ?: exports, and those of a symbol file",
        answering: Answering::Dump(named::x),
    },
    Command {
        name: "k",
        arguments: "[FRAMES]",
        about: "the stack, each frame with how it was found; kb with arguments, kv with trap frames \
                too, kc with nothing but the places",
        answering: Answering::Report(registers::stack),
    },
    Command {
        name: "~",
        arguments: "*k | NUMBERk",
        about: "the stacks of all processors, or of one",
        answering: Answering::Report(threads::processors),
    },
    Command {
        name: ".trap",
        arguments: "[ADDRESS]",
        about: "the registers in a trap frame, and the stack that it interrupted",
        answering: Answering::Dump(threads::trap),
    },
    Command {
        name: ".cxr",
        arguments: "ADDRESS",
        about: "the registers in a context record, and the stack from there on",
        answering: Answering::Dump(threads::context),
    },
    Command {
        name: ".exr",
        arguments: "[ADDRESS | -1]",
        about: "an exception record; -1 is that of the stop",
        answering: Answering::Dump(threads::exception),
    },
    Command {
        name: "r",
        arguments: "[REGISTER]",
        about: "the registers, and the instruction at hand",
        answering: Answering::Dump(registers::registers),
    },
    Command {
        name: "u",
        arguments: "[ADDRESS] [L COUNT]",
        about: "code as instructions, from the one that faulted on when no address is given",
        answering: Answering::Dump(code::u),
    },
    Command {
        name: "ub",
        arguments: "[ADDRESS] [L COUNT]",
        about: "the instructions before an address",
        answering: Answering::Dump(code::ub),
    },
    Command {
        name: "uf",
        arguments: "[ADDRESS]",
        about: "the function around an address",
        answering: Answering::Dump(code::uf),
    },
    Command {
        name: "db",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory; also dw, dd, dq, dp, dc, and !db … !dq for physical memory",
        answering: Answering::Dump(display::db),
    },
    Command {
        name: "dw",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory in units of two bytes",
        answering: Answering::Dump(display::dw),
    },
    Command {
        name: "dd",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory in units of four bytes",
        answering: Answering::Dump(display::dd),
    },
    Command {
        name: "dc",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory in units of four bytes, and as text",
        answering: Answering::Dump(display::dc),
    },
    Command {
        name: "dq",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory in units of eight bytes",
        answering: Answering::Dump(display::dq),
    },
    Command {
        name: "dp",
        arguments: "[/p] ADDRESS [L COUNT | END]",
        about: "memory in units of a pointer",
        answering: Answering::Dump(display::dp),
    },
    Command {
        name: "dps",
        arguments: "ADDRESS [L COUNT | END]",
        about: "pointers, each with the module that it points into",
        answering: Answering::Dump(display::dps),
    },
    Command {
        name: "da",
        arguments: "ADDRESS [L COUNT]",
        about: "text of bytes",
        answering: Answering::Dump(display::da),
    },
    Command {
        name: "du",
        arguments: "ADDRESS [L COUNT]",
        about: "text of UTF-16",
        answering: Answering::Dump(display::du),
    },
    Command {
        name: "!db",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory; also !dw, !dd, !dc, !dq, !dp",
        answering: Answering::Dump(display::physical_db),
    },
    Command {
        name: "!dw",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory in units of two bytes",
        answering: Answering::Dump(display::physical_dw),
    },
    Command {
        name: "!dd",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory in units of four bytes",
        answering: Answering::Dump(display::physical_dd),
    },
    Command {
        name: "!dc",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory in units of four bytes, and as text",
        answering: Answering::Dump(display::physical_dc),
    },
    Command {
        name: "!dq",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory in units of eight bytes",
        answering: Answering::Dump(display::physical_dq),
    },
    Command {
        name: "!dp",
        arguments: "ADDRESS [L COUNT]",
        about: "physical memory in units of a pointer",
        answering: Answering::Dump(display::physical_dp),
    },
    Command {
        name: "!memusage",
        arguments: "",
        about: "a census of the page-frame database: the state of every page (a long job)",
        answering: Answering::Job(census::census),
    },
    Command {
        name: "s",
        arguments: "[-b | -w | -d | -q | -a | -u] ADDRESS L COUNT WHAT…",
        about: "searches memory for bytes, numbers or text",
        answering: Answering::Job(search::search),
    },
    Command {
        name: "!pte",
        arguments: "ADDRESS",
        about: "the page-table entry at each level, with its bits",
        answering: Answering::Dump(translate::pte),
    },
    Command {
        name: "!vtop",
        arguments: "[DIRECTORY] ADDRESS",
        about: "the physical address, step by step",
        answering: Answering::Dump(translate::vtop),
    },
    Command {
        name: "!address",
        arguments: "ADDRESS",
        about: "what lies at an address, or why nothing does",
        answering: Answering::Dump(address::address),
    },
    Command {
        name: "?",
        arguments: "EXPRESSION",
        about: "what an expression comes to: numbers, registers, modules, poi(…), + - *",
        answering: Answering::Dump(formats::evaluate),
    },
    Command {
        name: ".formats",
        arguments: "EXPRESSION",
        about: "a number in every notation",
        answering: Answering::Dump(formats::formats),
    },
    Command {
        name: "!vmbus",
        arguments: "",
        about: "the version of the bus on which a Hyper-V guest and its host agreed",
        answering: Answering::Dump(bus::vmbus),
    },
    Command {
        name: "!reg",
        arguments: "hivelist | querykey PATH | q PATH | keyinfo PATH | cellindex HIVE CELL | scan | rows [HIVE CELL]",
        about: "the registry in memory: its hives, the subkeys and values of a key",
        answering: Answering::Job(registry::begin),
    },
    Command {
        name: "help",
        arguments: "[COMMAND]",
        about: "this list, or what one command takes",
        answering: Answering::Report(help),
    },
];

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
        let text =
            format!("'{name}' is not a command of this console. Type help for those that are.");
        return Vec::from([text]).into();
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
    COMMANDS.iter().any(|c| c.name.eq_ignore_ascii_case(name))
}

/// Spellings that grow together in the debugger, taken apart: `lmvm x` and `lmDvm x` are `lm v m
/// x`, `kb` and `kv` are `k`, `?` is `help`.
fn expand(line: &str) -> String {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    let apart = match name {
        "?" if rest.trim().is_empty() => "help".into(),
        ".help" | "!help" => "help".into(),
        "dqs" | "dds" => "dps".into(),
        "version" => "vertarget".into(),
        // `~*k`, `~2kv`
        _ if name.starts_with('~') => {
            let which = name.trim_start_matches('~').trim_end_matches(['k', 'v']);
            format!("~ {which}")
        }
        // `kb`, `kv10`
        _ if name.starts_with('k') => {
            let rest = name.trim_start_matches('k');
            let letters = rest.trim_start_matches(registers::is_flag);
            if letters.chars().any(|c| !c.is_ascii_digit()) {
                return line.into();
            }
            format!(
                "k {} {letters}",
                rest.strip_suffix(letters).unwrap_or_default()
            )
        }
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
    if lines.is_empty() {
        return Vec::from(["There is no such command; help lists all.".into()]);
    }
    lines
}

/// One line that says what this report does not hold.
fn absent(what: &str) -> Vec<String> {
    Vec::from([format!("{what} is not in this report.")])
}

#[cfg(test)]
mod tests;
