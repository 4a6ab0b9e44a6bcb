//! ARM64.

use crate::UNKNOWN;
use alloc::{format, string::String, string::ToString, vec::Vec};
use bluepane::symbols::{Instruction, Touch};
use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::InstDecoder;

/// Bytes of every instruction.
const LEN: usize = 4;

/// A number as the library writes it: `#0x10`, `#-0x8`, `0x10`, `#3`.
fn number(text: &str) -> Option<i64> {
    let text = text.trim_start_matches('#');
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.trim_start_matches('+')),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16),
        None => digits.parse(),
    };
    value
        .ok()
        .map(|value| if negative { -value } else { value })
}

/// What stands between brackets: base, then a distance or another register with its shift.
fn touch(name: &str, operands: &str) -> Option<Touch> {
    let reads = name.starts_with("ld") || name.starts_with("cas") || name.starts_with("swp");
    let writes = name.starts_with("st") || name.starts_with("cas") || name.starts_with("swp");
    let (_, rest) = operands.split_once('[')?;
    let (inside, _) = rest.split_once(']')?;
    let mut parts = inside.split(',').map(str::trim);
    let base = report_name(parts.next()?);
    let second = parts.next().unwrap_or_default();
    let shift = parts
        .next()
        .and_then(|text| number(text.rsplit(' ').next()?));
    let distance = number(second);
    let wide = !second.starts_with('w');
    (reads || writes).then(|| Touch {
        reads,
        writes,
        // A half register that is widened: not followed.
        base: if wide { base } else { "segment".into() },
        index: match distance {
            None if !second.is_empty() => report_name(second),
            _ => String::new(),
        },
        scale: 1 << shift.filter(|shift| (0..8).contains(shift)).unwrap_or(0),
        displacement: distance.unwrap_or(0) as u64,
        bytes: 0,
    })
}

fn report_name(register: &str) -> String {
    match register {
        "x29" => "fp".into(),
        "x30" => "lr".into(),
        other => other.into(),
    }
}

pub(crate) fn instructions(address: u64, bytes: &[u8]) -> Vec<Instruction> {
    let decoder = InstDecoder::default();
    let each = bytes.chunks_exact(LEN).enumerate().map(|(index, word)| {
        let at = address.wrapping_add((index * LEN) as u64);
        let text = match decoder.decode(&mut U8Reader::new(word)) {
            Ok(found) => found.to_string(),
            Err(_) => UNKNOWN.into(),
        };
        described(at, &text)
    });
    each.collect()
}

fn described(at: u64, text: &str) -> Instruction {
    let (name, operands) = text.split_once(' ').unwrap_or((text, ""));
    // Branches say how far from here: `$+0x10`.
    let (target, operands) = match operands.split_once('$') {
        Some((before, distance)) => {
            // Of pages, one counts from the page that the instruction stands on.
            let from = if name == "adrp" { at & !0xFFF } else { at };
            let target = number(distance).map(|distance| from.wrapping_add(distance as u64));
            let shown = target.map_or(distance.into(), |target| format!("{target:#x}"));
            (target, format!("{before}{shown}"))
        }
        None => (None, operands.into()),
    };
    Instruction {
        len: LEN as u8,
        touches: touch(name, &operands).into_iter().collect(),
        target,
        text: match operands.is_empty() {
            true => name.into(),
            false => format!("{name:<7} {operands}"),
        },
    }
}
