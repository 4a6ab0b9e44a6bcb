//! `db`, `dw`, `dd`, `dq`, `dp`, `dc`, `dps`, `da`, `du` and their physical sisters `!db` …: memory
//! as the debugger shows it, `??` where a byte is missing, and below it the reason.
//!
//! Source of the layouts: Microsoft's documentation of the commands `d, da, db, …` and `!db, !dc, …`
//! (windows-driver-docs, CC-BY).

use super::live::{Hole, joined, reason};
use super::{Live, MAX_STRETCH, Stretch};
use crate::nt::Space;
use alloc::{format, string::String, vec::Vec};

/// Bytes that are shown when no length is given, and in a line.
const USUAL: u64 = 0x80;
const LINE: usize = 16;
/// Text that is shown when no length is given, and in a line, in characters.
const USUAL_TEXT: u64 = 0x100;
const TEXT_LINE: usize = 48;

/// How bytes are put together.
#[derive(Clone, Copy)]
struct Unit {
    name: &'static str,
    /// Bytes in a unit.
    len: u8,
    /// Whether the characters stand beside.
    text: bool,
}

const fn unit(name: &'static str, len: u8, text: bool) -> Unit {
    Unit { name, len, text }
}

const BYTES: Unit = unit("db", 1, true);
const WORDS: Unit = unit("dw", 2, false);
const DWORDS: Unit = unit("dd", 4, false);
const DWORDS_AND_TEXT: Unit = unit("dc", 4, true);
const QWORDS: Unit = unit("dq", 8, false);
/// As wide as a pointer of the machine.
const POINTERS: Unit = unit("dp", 0, false);

pub(super) fn db(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(BYTES, false, words, live)
}
pub(super) fn dw(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(WORDS, false, words, live)
}
pub(super) fn dd(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(DWORDS, false, words, live)
}
pub(super) fn dc(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(DWORDS_AND_TEXT, false, words, live)
}
pub(super) fn dq(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(QWORDS, false, words, live)
}
pub(super) fn dp(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(POINTERS, false, words, live)
}
pub(super) fn physical_db(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(BYTES, true, words, live)
}
pub(super) fn physical_dw(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(WORDS, true, words, live)
}
pub(super) fn physical_dd(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(DWORDS, true, words, live)
}
pub(super) fn physical_dc(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(DWORDS_AND_TEXT, true, words, live)
}
pub(super) fn physical_dq(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(QWORDS, true, words, live)
}
pub(super) fn physical_dp(words: &[&str], live: &Live<'_>) -> Vec<String> {
    show(POINTERS, true, words, live)
}

/// A range as it was typed.
pub(super) struct Asked {
    pub at: u64,
    /// Bytes.
    pub len: u64,
    /// What stands behind the range.
    pub rest: Vec<String>,
}

/// Reads `ADDRESS [L COUNT | END]`; a count is one of units of `unit` bytes.
pub(super) fn asked(
    name: &str,
    words: &[&str],
    unit: u64,
    usual: u64,
    live: &Live<'_>,
) -> Result<Asked, String> {
    let words = joined(words);
    let mut words = words.iter().map(String::as_str);
    let Some(first) = words.next() else {
        return Err(format!("{name} takes an address."));
    };
    let at = live.evaluate(first)?;
    let mut rest: Vec<String> = words.map(String::from).collect();
    let Some(second) = rest.first().cloned() else {
        return Ok(Asked {
            at,
            len: usual,
            rest,
        });
    };
    rest.remove(0);
    let len = match second.strip_prefix(['L', 'l']) {
        Some(count) => {
            let count = match count.strip_prefix('?').unwrap_or(count) {
                "" if rest.is_empty() => return Err("A count is missing behind the L.".into()),
                "" => rest.remove(0),
                count => count.into(),
            };
            live.evaluate(&count)?.saturating_mul(unit)
        }
        None => {
            let end = live.evaluate(&second)?;
            end.checked_sub(at)
                .map_or(0, |len| len.saturating_add(unit))
        }
    };
    if len == 0 {
        return Err("The range is empty.".into());
    }
    Ok(Asked { at, len, rest })
}

fn show(mut unit: Unit, physical: bool, words: &[&str], live: &Live<'_>) -> Vec<String> {
    let (physical, words) = match words.split_first() {
        Some((&"/p", rest)) => (true, rest),
        _ => (physical, words),
    };
    if unit.len == 0 {
        unit.len = live.width();
    }
    let range = match asked(unit.name, words, u64::from(unit.len), USUAL, live) {
        Ok(range) => range,
        Err(why) => return Vec::from([why]),
    };
    if let Some(why) = without_memory(physical, live) {
        return Vec::from([why]);
    }
    let stretch = if physical {
        live.physical_stretch(range.at, range.len)
    } else {
        live.stretch(range.at, range.len)
    };
    let at = |at| place(at, physical, live);
    let mut lines: Vec<String> = (0..stretch.bytes.len().div_ceil(LINE))
        .map(|line| {
            let from = line * LINE;
            let shown = at(range.at.wrapping_add(from as u64));
            let left = stretch.bytes.len() - from;
            format!("{shown}  {}", units(&stretch, from, left.min(LINE), unit))
        })
        .collect();
    lines.extend(stretch.holes.iter().map(|hole| gap(hole, &at)));
    if range.len > MAX_STRETCH {
        lines.push(format!("Only the first {MAX_STRETCH:#x} bytes are shown."));
    }
    lines
}

/// Why memory of that kind cannot be shown at all.
pub(super) fn without_memory(physical: bool, live: &Live<'_>) -> Option<String> {
    if physical && live.physical().is_none() {
        return Some("This dump holds no physical pages.".into());
    }
    let none = matches!(live.space(), Space::None);
    none.then(|| "The memory of this dump cannot be read by virtual address.".into())
        .filter(|_: &String| !physical)
}

/// An address, marked where it is a physical one.
fn place(at: u64, physical: bool, live: &Live<'_>) -> String {
    if physical {
        format!("#{at:>12x}")
    } else {
        live.address(at)
    }
}

/// The line that says why bytes are missing.
pub(super) fn gap(hole: &Hole, at: &impl Fn(u64) -> String) -> String {
    let last = hole.at.wrapping_add(hole.len - 1);
    format!("{} - {}: {}", at(hole.at), at(last), reason(hole.why))
}

/// One line: up to 16 bytes in units, and as text where the unit has it.
fn units(stretch: &Stretch, from: usize, len: usize, unit: Unit) -> String {
    let width = usize::from(unit.len.max(1));
    let mut line = String::new();
    for index in 0..len.div_ceil(width) {
        let at = index * width;
        let value = stretch.number(from + at, width);
        if index > 0 {
            line.push(if width == 1 && at == LINE / 2 {
                '-'
            } else {
                ' '
            });
        }
        line.push_str(&match (value, width) {
            (Some(value), 1) => format!("{value:02x}"),
            (Some(value), 2) => format!("{value:04x}"),
            (Some(value), 4) => format!("{value:08x}"),
            (Some(value), _) => format!("{:08x}`{:08x}", value >> 32, value & 0xFFFF_FFFF),
            (None, 1) => "??".into(),
            (None, 2) => "????".into(),
            (None, 4) => "????????".into(),
            (None, _) => "????????`????????".into(),
        });
    }
    if unit.text {
        let all = LINE / width * (width * 2 + 1) - 1;
        let bytes = stretch.bytes.iter().skip(from).take(len);
        let text: String = bytes.map(|&byte| character(byte)).collect();
        line = format!("{line:all$}  {text}");
    }
    line
}

/// A byte as the debugger shows it beside the numbers.
fn character(byte: Option<u8>) -> char {
    match byte {
        Some(byte @ 0x20..0x7F) => char::from(byte),
        Some(_) => '.',
        None => '?',
    }
}

/// Pointers, each with the place that it points to.
pub(super) fn dps(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let width = live.width();
    let range = match asked("dps", words, u64::from(width), USUAL, live) {
        Ok(range) => range,
        Err(why) => return Vec::from([why]),
    };
    if let Some(why) = without_memory(false, live) {
        return Vec::from([why]);
    }
    let stretch = live.stretch(range.at, range.len);
    let step = usize::from(width);
    let mut lines: Vec<String> = live.named_all(&mut |named| {
        let line = |index: usize| {
            let from = index * step;
            let at = live.address(range.at.wrapping_add(from as u64));
            match stretch.number(from, step) {
                Some(value) => {
                    let place = named(value).unwrap_or_default();
                    format!("{at}  {} {place}", live.address(value))
                }
                None if width == 4 => format!("{at}  ????????"),
                None => format!("{at}  ????????`????????"),
            }
        };
        (0..stretch.bytes.len() / step).map(line).collect()
    });
    let holes = stretch.holes.iter();
    lines.extend(holes.map(|hole| gap(hole, &|at| live.address(at))));
    lines
}

/// Text of bytes, up to the first that is 0.
pub(super) fn da(words: &[&str], live: &Live<'_>) -> Vec<String> {
    string("da", 1, words, live)
}

/// Text of UTF-16, up to the first unit that is 0.
pub(super) fn du(words: &[&str], live: &Live<'_>) -> Vec<String> {
    string("du", 2, words, live)
}

fn string(name: &str, unit: usize, words: &[&str], live: &Live<'_>) -> Vec<String> {
    let range = match asked(name, words, unit as u64, USUAL_TEXT * unit as u64, live) {
        Ok(range) => range,
        Err(why) => return Vec::from([why]),
    };
    if let Some(why) = without_memory(false, live) {
        return Vec::from([why]);
    }
    let stretch = live.stretch(range.at, range.len);
    let units = (0..stretch.bytes.len() / unit).map(|index| stretch.number(index * unit, unit));
    let units: Vec<Option<u16>> = units
        .take_while(|&value| value != Some(0))
        .map(|value| value.map(|value| value as u16))
        .collect();
    let mut lines: Vec<String> = units
        .chunks(TEXT_LINE)
        .enumerate()
        .map(|(index, chunk)| {
            let at = range.at.wrapping_add((index * TEXT_LINE * unit) as u64);
            format!("{}  \"{}\"", live.address(at), words_of(chunk, unit))
        })
        .collect();
    if lines.is_empty() {
        lines.push(format!("{}  \"\"", live.address(range.at)));
    }
    let end = range.at.saturating_add((units.len() * unit) as u64);
    let holes = stretch.holes.iter().filter(|hole| hole.at < end);
    lines.extend(holes.map(|hole| gap(hole, &|at| live.address(at))));
    lines
}

/// Units of one or two bytes as text.
fn words_of(units: &[Option<u16>], unit: usize) -> String {
    if unit == 1 {
        let bytes = units.iter().map(|unit| unit.map(|unit| unit as u8));
        return bytes.map(character).collect();
    }
    let known = units.iter().map(|unit| unit.unwrap_or(u16::from(b'?')));
    char::decode_utf16(known)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}
