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
    // A 32-bit machine's numbers have half as many digits.
    let half = live.width() == 4 && value <= u64::from(u32::MAX);
    let bytes = value.to_be_bytes();
    let bytes = bytes.get(if half { 4 } else { 0 }..).unwrap_or(&bytes);
    let (octal, decimal) = match half {
        true => (11, i64::from(value as u32 as i32)),
        false => (22, value as i64),
    };
    let binary: Vec<String> = bytes.iter().map(|byte| format!("{byte:08b}")).collect();
    let shown = |byte: &u8| match byte {
        0x20..0x7F => char::from(*byte),
        _ => '.',
    };
    let mut lines = Vec::from([
        "Evaluate expression:".into(),
        format!("  Hex:     {}", live.address(value)),
        format!("  Decimal: {decimal}"),
        format!("  Octal:   {value:0octal$o}"),
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
    let float = |bits: u32| general(f64::from(f32::from_bits(bits)));
    lines.push(format!(
        "  Float:   low {} high {}",
        float(value as u32),
        float((value >> 32) as u32)
    ));
    lines.push(format!("  Double:  {}", general(f64::from_bits(value))));
    lines.extend(live.place(value).map(|place| format!("  Module:  {place}")));
    lines
}

/// A number with six digits, as C's `%g` has it: with an exponent where that is below -4 or above 5, and
/// no zeros at its end.
fn general(value: f64) -> String {
    if !value.is_finite() {
        let sign = if value.is_sign_negative() { "-" } else { "" };
        return format!("{sign}{}", if value.is_nan() { "nan" } else { "inf" });
    }
    let text = format!("{value:.5e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let power: i32 = exponent.parse().unwrap_or(0);
    let (sign, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", mantissa),
    };
    let digits: String = digits.chars().filter(|&c| c != '.').collect();
    let (whole, rest) = match power {
        // So many zeros stand before them.
        -4..0 => {
            let zeros = usize::try_from(-1 - power).unwrap_or(0);
            ("0", format!("{:0<zeros$}{digits}", ""))
        }
        0..6 => {
            let (whole, rest) = digits.split_at((power as usize + 1).min(digits.len()));
            (whole, rest.into())
        }
        _ => {
            let (whole, rest) = digits.split_at(1.min(digits.len()));
            (whole, rest.into())
        }
    };
    let rest = rest.trim_end_matches('0');
    let point = if rest.is_empty() { "" } else { "." };
    let tail = match power {
        -4..6 => String::new(),
        _ => format!(
            "e{}{:02}",
            if power < 0 { '-' } else { '+' },
            power.unsigned_abs()
        ),
    };
    format!("{sign}{whole}{point}{rest}{tail}")
}

#[cfg(test)]
mod tests {
    use super::general;

    #[test]
    fn numbers_are_written_with_six_digits_as_the_debugger_has_them() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (1.0, "1"),
            (-2.5, "-2.5"),
            (100_000.0, "100000"),
            (999_999.5, "1e+06"),
            (1_234_567.0, "1.23457e+06"),
            (0.000_1, "0.0001"),
            (0.000_123_456_7, "0.000123457"),
            (0.000_012, "1.2e-05"),
            (6.369_08e-22, "6.36908e-22"),
            (f64::from_bits(0x1C40_7E62), "2.34182e-315"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(general(value), text);
        }
    }
}
