//! Finds codes, names and parameters in a line as people paste it: from the event log, a ticket, a
//! blue screen, another debugger.
//!
//! Sources of the forms: Windows' own texts of event 1001 (BugCheck), event 41 (Kernel-Power, whose
//! code is decimal), problem reports (`BCCode`, `BCP1`, `Sig[0].Value`), the stop screens of old and
//! new releases, the debugger's `BugCheck`, `BUGCHECK_P1` and `Arg1` lines and buckets, Hyper-V's
//! event 18590 (`ErrorCode0`), QEMU's `hyper-v: arg1=`, and viewers of minidumps (`ntoskrnl.exe+3f5b90`).

use crate::knowledge::bugcheck::{self, ParameterKind};
use crate::knowledge::driver;
use crate::knowledge::errors::{ErrorName, Family};
use alloc::{string::String, vec::Vec};

/// Words that are tried as names.
const MOST_NAMES: usize = 12;

/// What stands in a line.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// A stop code and those of its parameters that are there.
    pub stop: Option<(u32, Vec<u64>)>,
    /// A number of nothing but decimal digits, which may be a stop code as the event log's details
    /// write it.
    pub decimal: Option<u32>,
    /// Numbers that are error codes, or may be.
    pub numbers: Vec<u32>,
    /// Names of error codes.
    pub names: Vec<ErrorName>,
    /// Files of drivers.
    pub drivers: Vec<String>,
    /// Pool tags.
    pub tags: Vec<[u8; 4]>,
    /// An event that records a stop code of zero.
    pub none_recorded: bool,
}

/// A number and how it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number {
    value: u64,
    /// With `0x`, or eight digits and more: surely hexadecimal.
    surely: bool,
}

/// Looks through a line.
pub(super) fn find(text: &str) -> Found {
    let words: Vec<&str> = without_signature_names(
        text.split(separates)
            .filter(|word| !word.is_empty())
            .collect(),
    );
    let mut found = Found::default();
    found.drivers = words.iter().filter_map(|word| file(word)).collect();
    found.names = names(&words);
    found.stop = keyed(&words, &mut found.none_recorded)
        .or_else(|| named(text, &words))
        .or_else(|| announced(&words))
        .or_else(|| with_parameters(&words))
        .or_else(|| counted(&words))
        .or_else(|| alone(&words));
    if found.stop.is_none() || words.len() == 1 {
        let first = words.iter().find_map(|word| error_number(word));
        // The number of an event is no error.
        let other = words
            .iter()
            .any(|word| ["stop", "event", "id"].contains(&key(word).as_str()));
        // Nothing but zeros asks for no meaning of zero.
        let first = first.filter(|&number| number != 0 || words.len() == 1);
        found.numbers.extend(first.filter(|_| !other));
    }
    if let [word] = words.as_slice() {
        found.decimal = word
            .parse()
            .ok()
            .filter(|_| !word.starts_with('0') && word.len() < 4);
        let ending = word.contains('.') || word.contains('_');
        if found.stop.is_none() && !ending && driver::driver(word).is_some() {
            found.drivers.push(word.to_ascii_lowercase());
        }
    }
    if let [.., before, tag] = words.as_slice()
        && before.eq_ignore_ascii_case("tag")
    {
        found.tags.extend(<[u8; 4]>::try_from(tag.as_bytes()));
    }
    if let ([tag], None, true) = (words.as_slice(), &found.stop, found.names.is_empty()) {
        found.tags.extend(<[u8; 4]>::try_from(tag.as_bytes()));
    }
    found
}

/// Chinese, Japanese and Korean write without spaces, and all languages quote in their own way.
fn separates(c: char) -> bool {
    let foreign = matches!(c, '\u{AB}' | '\u{BB}' | '\u{2000}'..='\u{206F}' | '\u{2E80}'..);
    foreign || c.is_whitespace() || ",;:=(){}[]<>\"'|".contains(c)
}

/// A report's file says `Sig[1].Name=Parameter 1` and `Sig[1].Value=…` on lines of their own.
fn without_signature_names(words: Vec<&str>) -> Vec<&str> {
    let mut kept = Vec::new();
    let mut rest = words.as_slice();
    while let Some((first, behind)) = rest.split_first() {
        rest = match behind {
            [_, ".Name" | ".Value", behind @ ..] if first.ends_with("Sig") => behind,
            _ => {
                kept.push(*first);
                behind
            }
        };
    }
    kept
}

/// The file that a word names: with its path, with an offset as `ntoskrnl.exe+3f5b90`, or as the
/// debugger writes a function, `acme!read`.
fn file(word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let name = lower.rsplit(['\\', '/']).next()?;
    if let Some((module, _)) = name.split_once('!') {
        let module = module.rsplit('_').next()?;
        return driver::driver(module).map(|_| module.into());
    }
    let name = name.split('+').next()?.trim_end_matches('.');
    let endings = [".sys", ".dll", ".exe"];
    let long = endings.iter().find_map(|ending| name.strip_suffix(ending));
    long.filter(|bare| !bare.is_empty()).map(|_| name.into())
}

/// A number in hexadecimal, with or without `0x`, with the debugger's back-ticks.
fn number(word: &str) -> Option<Number> {
    let word = word.trim_end_matches(['.', '?', '!']);
    let digits: String = word.chars().filter(|&c| c != '`').collect();
    let bare = digits
        .strip_prefix("0x")
        .or_else(|| digits.strip_prefix("0X"));
    let (digits, prefixed) = (bare.unwrap_or(&digits), bare.is_some());
    let value = u64::from_str_radix(digits, 16)
        .ok()
        .filter(|_| !digits.starts_with('+'))?;
    Some(Number {
        value,
        surely: prefixed || digits.len() >= 8,
    })
}

/// The numbers at the beginning of a bucket such as `0x7a_c000000e_acme!read` or `0x1a_41287_nt!…`.
fn bucket(word: &str) -> Option<(u32, Vec<u64>)> {
    let word = Some(word).filter(|word| word.contains('_'))?;
    let mut parts = word.split('_');
    let code = parts.next().and_then(number).filter(|n| n.surely)?;
    let code = u32::try_from(code.value).ok()?;
    let Some(second) = parts.next().and_then(number) else {
        return Some((code, Vec::new()));
    };
    let texts = bugcheck::parameters(code, [0; 4]);
    let status = texts
        .iter()
        .position(|text| text.kind == ParameterKind::Status);
    let values = match status.filter(|_| second.value >> 30 == 3) {
        Some(index) => (0..index).map(|_| 0).chain([second.value]).collect(),
        None if bugcheck::subtype(code, second.value).is_some() => alloc::vec![second.value],
        None => Vec::new(),
    };
    Some((code, values))
}

/// A word without case and without what stands between its parts.
fn key(word: &str) -> String {
    let letters = word.chars().filter(char::is_ascii_alphanumeric);
    letters.map(|c| c.to_ascii_lowercase()).collect()
}

/// Names before values: `BCCode: 7a BCP1: …`, `BugcheckCode 126 BugcheckParameter1 0x…`,
/// `BUGCHECK_CODE: 7a BUGCHECK_P1: …`, `P1: 7a P2: …` of a problem report, `Code: 141 Parameter 1: …`.
fn keyed(words: &[&str], none_recorded: &mut bool) -> Option<(u32, Vec<u64>)> {
    let mut code = None;
    let mut parameters: [Option<u64>; 4] = [None; 4];
    let mut shifted: [Option<u64>; 5] = [None; 5];
    let blue = words
        .iter()
        .any(|w| key(w) == "bluescreen" || key(w) == "livekernelevent");
    for (at, word) in words.iter().enumerate() {
        let value = |ahead: usize| words.get(at.checked_add(ahead)?).copied();
        match key(word).as_str() {
            // The event viewer's code is decimal.
            "bugcheckcode" if !word.contains('_') => {
                let text = value(1)?;
                let decimal = text.parse().ok();
                code = decimal.or_else(|| number(text).map(|n| n.value));
                *none_recorded |= code == Some(0);
            }
            "bccode" | "bugcheckcode" => code = value(1).and_then(number).map(|n| n.value),
            "code" if blue => code = code.or(value(1).and_then(number).map(|n| n.value)),
            key => {
                let Some((index, ahead, counted)) = place(key, value(1)) else {
                    continue;
                };
                let Some(found) = value(ahead).and_then(number) else {
                    continue;
                };
                let parameter = key == "p" || blue && key.starts_with('p') && key.len() == 2;
                let own = !counted && !parameter;
                if own && let Some(slot) = index.checked_sub(1).and_then(|i| parameters.get_mut(i))
                {
                    slot.get_or_insert(found.value);
                }
                let index = if counted {
                    Some(index)
                } else {
                    index.checked_sub(1)
                };
                if let Some(slot) = index.and_then(|index| shifted.get_mut(index)) {
                    slot.get_or_insert(found.value);
                }
            }
        }
    }
    // A problem report of a blue screen has the code first and the parameters behind it; others
    // have names of files there.
    let blue = blue || shifted.iter().all(Option::is_some);
    if let (true, None, Some(first)) = (blue, code, shifted[0]) {
        code = Some(first);
        parameters = [shifted[1], shifted[2], shifted[3], shifted[4]];
    }
    let code = u32::try_from(code?).ok().filter(|&code| code != 0)?;
    let known = parameters
        .iter()
        .rposition(Option::is_some)
        .map_or(0, |last| last + 1);
    let values = parameters
        .iter()
        .take(known)
        .map(|value| value.unwrap_or_default());
    Some((code, values.collect()))
}

/// Which parameter a word announces, how many words ahead its value is, and whether the code counts
/// as the first, 0: `P1`, `BCP1`, `Parameter 1`, `ErrorCode0`.
fn place(key: &str, next: Option<&str>) -> Option<(usize, usize, bool)> {
    // French and Spanish are without their accents here.
    const SAYS: [&str; 9] = [
        "bcp",
        "bugcheckparameter",
        "bugcheckp",
        "arg",
        "parameter",
        "paramtre",
        "parmetro",
        "parametro",
        "p",
    ];
    // Hyper-V counts from the code on.
    let counted = key.split_once("code").filter(|(kind, _)| kind.len() > 2);
    let (digit, ahead) = match (counted, SAYS.iter().find_map(|word| key.strip_prefix(word))) {
        (Some((_, digit)), _) => (digit, 1),
        (None, Some("")) => (next?, 2),
        (None, Some(digit)) => (digit, 1),
        (None, None) => return None,
    };
    let index = digit.parse().ok().filter(|_| digit.len() == 1)?;
    Some((index, ahead, counted.is_some()))
}

/// A stop code by its name, spelled with `_` or, as the blue screen does, with spaces. The longest
/// name that fits is the one; numbers behind it are its parameters, unless the first is its code.
fn named(text: &str, words: &[&str]) -> Option<(u32, Vec<u64>)> {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    let mut line: String = core::iter::once('_')
        .chain(text.chars().map(plain))
        .collect();
    line.push('_');
    let fits = |name: &str| {
        let at = line.find(name)?;
        let before = line.get(..at)?.ends_with('_');
        let rest = line.get(at.checked_add(name.len())?..)?;
        // `_M` marks the form of old minidumps.
        let after = rest.starts_with('_');
        (before && after).then_some(name.len())
    };
    let all = bugcheck::names().filter(|(_, name)| name.contains('_') || words.len() == 1);
    let named = all.filter_map(|(code, name)| Some((fits(name)?, code)));
    let (_, code) = named.max_by_key(|&(length, _)| length)?;
    let numbers: Vec<Number> = words.iter().filter_map(|w| number(w)).collect();
    let own = numbers
        .iter()
        .position(|n| n.value & 0x0FFF_FFFF == u64::from(code) & 0x0FFF_FFFF);
    let behind = numbers
        .get(own.map_or(0, |at| at + 1)..)
        .unwrap_or_default();
    // Small numbers are parameters only where nothing else stands behind the name.
    let bare = numbers.len() + name_words(text, code) >= words.len();
    let values = behind
        .iter()
        .filter(|n| own.is_some() || n.surely || bare)
        .take(4);
    let code = own
        .and_then(|at| u32::try_from(numbers.get(at)?.value).ok())
        .unwrap_or(code);
    Some((code, values.map(|n| n.value).collect()))
}

/// How many words of the line its name takes.
fn name_words(text: &str, code: u32) -> usize {
    let name = bugcheck::lookup(code).map_or("", |found| found.name);
    let joined = text.contains('_');
    if joined { 1 } else { name.split('_').count() }
}

/// A known stop code with its four parameters behind it, in a line of any language.
fn with_parameters(words: &[&str]) -> Option<(u32, Vec<u64>)> {
    words.windows(5).find_map(|window| {
        let numbers: Option<Vec<Number>> = window.iter().map(|word| number(word)).collect();
        let numbers = numbers?;
        let (first, rest) = numbers.split_first()?;
        let code = u32::try_from(first.value).ok().filter(|_| first.surely)?;
        bugcheck::lookup(code)?;
        Some((code, rest.iter().map(|n| n.value).collect()))
    })
}

/// A code with its parameters, each behind its own number, in whatever language the words between
/// them are: `7a … 1 … ffff… 2 … c000000e 3 … 4 …`.
fn counted(words: &[&str]) -> Option<(u32, Vec<u64>)> {
    let numbers: Vec<u64> = words
        .iter()
        .filter_map(|w| number(w))
        .map(|n| n.value)
        .collect();
    numbers.windows(9).find_map(|window| {
        let [code, 1, first, 2, second, 3, third, 4, fourth] = *window else {
            return None;
        };
        let code = u32::try_from(code).ok()?;
        bugcheck::lookup(code)?;
        Some((code, alloc::vec![first, second, third, fourth]))
    })
}

/// A number behind a word that says what it is: `STOP: 0x7a (…)`, `The bugcheck was: 0x…`,
/// `BugCheck D1, {…}`, `!analyze -show 7a 1 …`.
fn announced(words: &[&str]) -> Option<(u32, Vec<u64>)> {
    const SAYS: &[&str] = &[
        "stop",
        "bugcheck",
        "was",
        "show",
        "code",
        "check",
        "stopcode",
        "livekernelevent",
        "bluescreen",
        "bsod",
    ];
    // What follows `code` is a stop code only where something says so.
    const ABOUT: &[&str] = &[
        "stop",
        "bugcheck",
        "bug",
        "show",
        "livekernelevent",
        "bluescreen",
        "screen",
        "bsod",
    ];
    let about = words.iter().any(|word| ABOUT.contains(&key(word).as_str()));
    if !about {
        return None;
    }
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        if !SAYS.contains(&key(word).as_str()) {
            continue;
        }
        if let Some(first) = words.get(at).and_then(|next| number(next))
            && let Ok(code) = u32::try_from(first.value)
        {
            let values = words.get(at + 1..)?.iter();
            let values = values
                .skip_while(|word| key(word) == "arguments")
                .map_while(|word| number(word));
            return Some((code, values.take(4).map(|n| n.value).collect()));
        }
    }
    // "A blue screen with 0x3b".
    let surely = words
        .iter()
        .filter_map(|word| number(word))
        .filter(|n| n.surely);
    let mut codes = surely.filter_map(|n| u32::try_from(n.value).ok());
    Some((
        codes.find(|&code| bugcheck::lookup(code).is_some())?,
        Vec::new(),
    ))
}

/// A line that begins with a number that can be a stop code.
fn alone(words: &[&str]) -> Option<(u32, Vec<u64>)> {
    let (first, rest) = words.split_first()?;
    let Some(code) = number(first) else {
        let mut buckets = words.iter().filter_map(|word| bucket(word));
        return buckets.find(|&(code, _)| bugcheck::lookup(code).is_some());
    };
    let code = u32::try_from(code.value).ok().filter(|&code| code != 0)?;
    bugcheck::lookup(code)?;
    let values = rest.iter().map_while(|word| number(word)).take(4);
    Some((code, values.map(|n| n.value).collect()))
}

/// A number that may be an error code: hexadecimal with `0x` or eight digits, else decimal, also
/// negative as programs print it.
fn error_number(word: &str) -> Option<u32> {
    let word = word.trim_end_matches('.');
    if let Some(negative) = word.strip_prefix('-') {
        let value: i64 = negative.parse().ok()?;
        return i32::try_from(-value).ok().map(|value| value as u32);
    }
    if let Ok(decimal) = word.parse::<u64>()
        && (word.len() != 8 || !word.starts_with(['8', '0']))
    {
        return u32::try_from(decimal).ok();
    }
    let value = number(word).filter(|n| n.surely)?.value;
    crate::knowledge::ntstatus::from_parameter(value)
}

/// Words that are names of error codes, in any case; with or without what they usually begin with.
fn names(words: &[&str]) -> Vec<ErrorName> {
    let candidates: Vec<String> = words
        .iter()
        .filter(|word| word.len() > 3 && (word.contains('_') || words.len() == 1))
        .map(|word| word.to_ascii_uppercase())
        .take(MOST_NAMES)
        .collect();
    let mut found = Vec::new();
    for family in Family::ALL {
        found.extend(candidates.iter().filter_map(|word| family.named(word)));
    }
    found
}
