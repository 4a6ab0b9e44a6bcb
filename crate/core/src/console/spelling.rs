//! How commands are spelt: letters that grow together in the debugger are taken apart, and what is no
//! command here is answered with the nearest that is one, or with why there is none.

use super::{COMMANDS, registers};
use alloc::{format, string::String, vec::Vec};

/// The same command under another name.
static ALIASES: [(&str, &str); 8] = [
    (".help", "help"),
    ("!help", "help"),
    (".hh", "help"),
    ("dqs", "dps"),
    ("dds", "dps"),
    ("version", "vertarget"),
    ("kd", "dps @$csp"),
    ("!analyse", "!analyze"),
];

/// What the debugger has and a dump on this page cannot have, by the beginning of the name, with what
/// to type instead.
static NOT_HERE: [(&str, &[&str], &str); 7] = [
    (
        "A dump does not run: there is nothing to start, step or stop. k, r and !running show where it stood.",
        &[
            "g", "gh", "gn", "gu", "p", "pa", "pc", "pt", "t", "ta", "tb", "tc", "tt", "wt", "bp",
            "bu", "bm", "ba", "bl", "bc", "bd", "be", ".restart", ".detach", ".kill", ".breakin",
            ".crash",
        ],
        "",
    ),
    (
        "A dump is not changed here.",
        &[
            "eb", "ed", "eq", "ew", "ea", "eu", "ep", "f", "m", "!ed", "!eb",
        ],
        "",
    ),
    (
        "Symbol files are put beside the dump: --symbols FOLDER for the command, dropped on the page. Nothing \
         is loaded from elsewhere; x MODULE!* shows the names that are known.",
        &[
            ".reload",
            ".sympath",
            ".symfix",
            ".symopt",
            ".exepath",
            ".srcpath",
            "!sym",
            "ld",
            ".load",
            ".loadby",
            ".chain",
            ".unload",
            "!chksym",
            "!itoldyouso",
        ],
        "",
    ),
    (
        "Types of symbol files are not shown as structures here. dq, dps and dc show the memory; !process, \
         !thread, !irp, !devobj, !drvobj and !object show what is known by its layout.",
        &["dt", "dv", "dx", "dtx", "??", "!ddstack", "dl"],
        "",
    ),
    (
        "One command stands on a line here, with no scripts.",
        &[
            ".if",
            ".for",
            ".foreach",
            ".while",
            ".block",
            ".echo",
            ".printf",
            "!for_each_module",
            "j",
            "z",
        ],
        "",
    ),
    (
        "That is not read from a dump here.",
        &[
            "!handle",
            "!token",
            "!vad",
            "!peb",
            "!teb",
            "!ca",
            "!filecache",
            "!timer",
            "!dpcs",
            "!idt",
            "!apic",
            "!ioapic",
            "!devnode",
            "!qlocks",
            "!deadlock",
            "!verifier",
            "!whea",
            "!pool2",
            "!lookaside",
            "!heap",
            "!session",
            "!job",
            "!obja",
            "!exqueue",
            "!poaction",
            "!pocaps",
            "!popolicy",
            "!wdfkd",
            "!ndiskd",
            "!tz",
            "!ipi",
            "!irpfind",
            "!findstack",
            "!uniqstack",
            "!alpc",
            "!lpc",
            "!chkimg",
            "!pfn",
            "!ptov",
        ],
        "!stacks 2 shows every stack, !poolfind Irp the requests, !memusage the pages, !findings what is \
         conspicuous.",
    ),
    (
        "The debugger's own settings do not exist here.",
        &[
            ".prefer_dml",
            ".logopen",
            ".logclose",
            ".cls",
            ".lines",
            ".dml",
            ".settings",
            "q",
            "qq",
            "qd",
            "n",
        ],
        "",
    ),
];

/// Spellings that grow together in the debugger, taken apart: `lmvm x` and `lmDvm x` are `lm v m
/// x`, `kb` and `kv` are `k`, `?` is `help`.
pub(super) fn expand(line: &str) -> String {
    let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
    let alias = ALIASES.iter().find(|(known, _)| *known == name);
    let apart = match name {
        "?" if rest.trim().is_empty() => "help".into(),
        _ if alias.is_some() => alias.map_or(name, |(_, meant)| meant).into(),
        // `~*k`, `~2kv`, `~0s`
        _ if name.starts_with('~') => format!("~ {}", name.trim_start_matches('~')),
        // `kb`, `kv10`
        _ if name.starts_with('k') => {
            let rest = name.trim_start_matches('k');
            let letters = rest.trim_start_matches(registers::is_flag);
            if letters.chars().any(|c| !c.is_ascii_hexdigit()) {
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
    if name == "!lmi" {
        return format!("lm v m {rest}");
    }
    // A count of words of the raw stack.
    if name == "kd" && !rest.trim().is_empty() {
        return format!("{apart} L{}", rest.trim());
    }
    format!("{apart} {rest}")
}

/// What is answered to a word that is no command: why there is none, or the nearest ones.
pub(super) fn unknown(name: &str) -> Vec<String> {
    let shown: String = name.chars().take(40).collect();
    let mut lines = Vec::from([format!("'{shown}' is not a command of this console.")]);
    let lower = name.to_ascii_lowercase();
    let known = NOT_HERE
        .iter()
        .find(|(_, names, _)| names.contains(&name) || names.contains(&lower.as_str()));
    if let Some((why, _, instead)) = known {
        lines.push((*why).into());
        if !instead.is_empty() {
            lines.push((*instead).into());
        }
        return lines;
    }
    let near = nearest(&lower);
    lines.push(match near.as_slice() {
        [] => "Type help for those that are.".into(),
        [only] => format!("Did you mean {only}? Type help {only} for what it takes, help for all."),
        several => format!(
            "Did you mean one of {}? Type help for all.",
            several.join(", ")
        ),
    });
    lines
}

/// The commands whose names are near: those that begin alike, and those with a letter or two wrong.
fn nearest(name: &str) -> Vec<&'static str> {
    const MOST: usize = 4;
    let bare = |name: &str| -> String { name.trim_start_matches(['!', '.']).into() };
    let wanted = bare(name);
    let far = if wanted.len() < 4 { 1 } else { 2 };
    let mut found: Vec<(usize, &'static str)> = Vec::new();
    if wanted.is_empty() || wanted.len() > 24 {
        return Vec::new();
    }
    for command in COMMANDS {
        let own = bare(command.name);
        let away = distance(&wanted, &own);
        let begins = wanted.len() > 2 && own.starts_with(&wanted)
            || own.len() > 3 && wanted.starts_with(&own);
        if own.is_empty() || away > far && !begins {
            continue;
        }
        let at = found.iter().position(|(other, _)| *other > away);
        found.insert(at.unwrap_or(found.len()), (away, command.name));
    }
    found.truncate(MOST);
    found.into_iter().map(|(_, name)| name).collect()
}

/// Letters that are to be changed, added or left out to make one word the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in (1..).zip(one.chars()) {
        let mut before = at - 1;
        let mut left = at;
        for (cell, &same) in row.iter_mut().skip(1).zip(&other) {
            let change = before + usize::from(same != letter);
            before = *cell;
            left = change.min(before + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = at;
        }
    }
    row.last().copied().unwrap_or(0)
}
