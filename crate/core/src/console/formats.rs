//! `?` and `.formats`: a number in every notation.

use super::Live;
use super::live::joined;
use super::target::debugger_time;
use crate::time::{Moment, filetime_from_unix};
use alloc::{format, string::String, vec::Vec};

/// FILETIMEs of the years 1980 to 2100.
const TIMES: core::ops::Range<u64> = 119_600_064_000_000_000..157_766_784_000_000_000;

fn value(name: &str, words: &[&str], live: &Live<'_>) -> Result<u64, String> {
    let text = joined(words).join(" ");
    if text.is_empty() {
        return Err(format!("{name} takes an expression, e.g. {name} nt+0x10."));
    }
    live.evaluate(&text)
}

/// What an expression comes to.
pub(super) fn evaluate(words: &[&str], live: &Live<'_>) -> Vec<String> {
    Vec::from([match value("?", words, live) {
        Ok(value) => {
            let place = live.place(value);
            let place = place.map_or(String::new(), |place| format!("  ({place})"));
            let shown = live.address(value);
            format!("Evaluate expression: {} = {shown}{place}", value as i64)
        }
        Err(why) => why,
    }])
}

/// A number in every notation.
pub(super) fn formats(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let value = match value(".formats", words, live) {
        Ok(value) => value,
        Err(why) => return Vec::from([why]),
    };
    let bytes = value.to_be_bytes();
    let binary: Vec<String> = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let shown = |byte: &u8| match byte {
        0x20..0x7F => char::from(*byte),
        _ => '.',
    };
    let mut lines = Vec::from([
        "Evaluate expression:".into(),
        format!("  Hex:     {}", live.address(value)),
        format!("  Decimal: {}", value as i64),
        format!("  Octal:   {value:022o}"),
        format!("  Binary:  {}", binary.join(" ")),
        format!("  Chars:   {}", bytes.iter().map(shown).collect::<String>()),
    ]);
    let seconds = u32::try_from(value).ok().filter(|&seconds| seconds != 0);
    let filetime = match seconds {
        Some(seconds) => filetime_from_unix(u64::from(seconds)),
        None => Some(value).filter(|value| TIMES.contains(value)),
    };
    let time = filetime.map(|time| debugger_time(Moment::from_filetime(time)));
    lines.extend(time.map(|time| format!("  Time:    {time}")));
    lines.extend(live.place(value).map(|place| format!("  Module:  {place}")));
    lines
}
