//! Numbers, sizes and times as a person writes them in a scenario file.
//! TOML integers end at 63 bits, so addresses and parameters may also be strings: `"0xfffff80012400000"`, `"4 GiB"`, `"2021-03-09T04:12:33Z"`.

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// An unsigned number: an integer, or a string with an optional `0x` and an optional unit (KiB, MiB, GiB, TiB).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub u64);

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self(value)
    }
}

/// Reads a number from its written form.
pub fn parse_number(text: &str) -> Option<u64> {
    let text = text.trim().replace(['_', '`'], "");
    // The units' first letters are no hexadecimal digits.
    let (digits, unit) = match text.find(|c: char| c.is_whitespace() || "KMGT".contains(c)) {
        Some(at) => (&text[..at], text[at..].trim()),
        None => (text.as_str(), ""),
    };
    let scale = match unit {
        "" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    value.checked_mul(1 << scale)
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, or a string such as \"0xfffff80012400000\" or \"4 GiB\"")
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Number, E> {
        u64::try_from(v)
            .map(Number)
            .map_err(|_| E::custom("a number below zero"))
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Number, E> {
        Ok(Number(v))
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Number, E> {
        parse_number(v).map(Number).ok_or_else(|| {
            E::custom(format!(
                "\"{v}\" is no number: digits or 0x…, and KiB, MiB, GiB or TiB behind them"
            ))
        })
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(NumberVisitor)
    }
}

/// A moment in UTC, kept as a Unix time in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

/// Seconds between 1601-01-01 and 1970-01-01.
const FILETIME_EPOCH: i64 = 11_644_473_600;

impl Moment {
    /// The moment as a FILETIME: 100 ns steps since 1601.
    pub fn filetime(self) -> u64 {
        (self.0.saturating_add(FILETIME_EPOCH).max(0) as u64).saturating_mul(10_000_000)
    }

    /// The moment as the 32-bit stamp of a PE header.
    pub fn stamp(self) -> u32 {
        self.0 as u32
    }

    /// Reads `YYYY-MM-DD` with an optional `THH:MM[:SS][Z]`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_end_matches('Z');
        let (date, time) = text.split_once(['T', ' ']).unwrap_or((text, "0:0:0"));
        let mut d = date.splitn(3, '-').map(|p| p.parse::<i64>().ok());
        let (y, m, day) = (d.next()??, d.next()??, d.next()??);
        if !(1601..=9999).contains(&y) || !(1..=12).contains(&m) || !(1..=31).contains(&day) {
            return None;
        }
        let mut t = time.splitn(3, ':').map(|p| p.parse::<i64>().ok());
        let (h, min) = (t.next()??, t.next()??);
        let s = t.next().unwrap_or(Some(0))?;
        Some(Self(
            days_from_civil(y, m, day) * 86400 + h * 3600 + min * 60 + s,
        ))
    }
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
fn days_from_civil(y: i64, m: i64, d: i64) -> i64 {
    let y = if m <= 2 { y - 1 } else { y };
    let era = y.div_euclid(400);
    let yoe = y - era * 400;
    let doy = (153 * (m + if m > 2 { -3 } else { 9 }) + 2) / 5 + d - 1;
    era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!("\"{text}\" is no time like 2021-03-09T04:12:33Z"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_hex_and_units() {
        assert_eq!(
            parse_number("0xfffff800`12400000"),
            Some(0xffff_f800_1240_0000)
        );
        assert_eq!(parse_number("64 GiB"), Some(64 << 30));
        assert_eq!(parse_number("12 parsecs"), None);
    }

    #[test]
    fn the_build_window_of_server_2012_r2_has_its_known_stamp() {
        // nt of 9600.16384 carries 5215D156 = 2013-08-22 08:52:38 UTC.
        assert_eq!(
            Moment::parse("2013-08-22T08:52:38Z").unwrap().stamp(),
            0x5215_d156
        );
    }

    #[test]
    fn a_filetime_counts_from_1601() {
        assert_eq!(Moment::parse("1601-01-01").unwrap().filetime(), 0);
        assert_eq!(
            Moment::parse("1970-01-01").unwrap().filetime(),
            116_444_736_000_000_000
        );
        assert_eq!(Moment::parse("2021-02-30T1"), None);
    }
}
