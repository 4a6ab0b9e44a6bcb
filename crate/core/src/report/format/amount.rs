//! Numbers as people read them.

use alloc::{format, string::String};

/// Bytes in a page, the unit of the report's memory counters.
const PAGE_BYTES: u64 = 4096;

/// An address as the debugger writes it: sixteen digits with a back-tick in the middle where the
/// machine is a 64-bit one, eight digits otherwise.
#[must_use]
pub fn address(value: u64, wide: bool) -> String {
    if wide || value > u64::from(u32::MAX) {
        format!("{:08x}`{:08x}", value >> 32, value & 0xFFFF_FFFF)
    } else {
        format!("{value:08x}")
    }
}

/// A distance from a symbol, `+0x1f`, nothing for 0.
#[must_use]
pub fn offset(value: u64) -> String {
    if value == 0 {
        String::new()
    } else {
        format!("+{value:#x}")
    }
}

/// Bytes in the largest unit that leaves a number of at least one: `1.5 GiB`, `512 bytes`.
#[must_use]
pub fn bytes(value: u64) -> String {
    const UNITS: [(&str, u32); 5] = [
        ("TiB", 40),
        ("GiB", 30),
        ("MiB", 20),
        ("KiB", 10),
        ("bytes", 0),
    ];
    let (unit, shift) = UNITS
        .into_iter()
        .find(|&(_, shift)| value >> shift != 0)
        .unwrap_or(("bytes", 0));
    let whole = value >> shift;
    // One digit behind the point, cut, not rounded: 1023.99 KiB must not become 1024.0 KiB.
    let rest = value & ((1 << shift) - 1);
    let tenth = (u128::from(rest) * 10) >> shift;
    if tenth == 0 || whole >= 1000 {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{tenth} {unit}")
    }
}

/// Pages of 4 KiB as a size.
#[must_use]
pub fn pages(value: u64) -> String {
    bytes(value.saturating_mul(PAGE_BYTES))
}

/// A count with separators between thousands: `1,234,567`.
#[must_use]
pub fn count(value: u64) -> String {
    let digits = format!("{value}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A part of a whole in whole percent, nothing where the whole is nothing.
#[must_use]
pub fn percent(part: u64, whole: u64) -> Option<String> {
    let value = (u128::from(part) * 100 + u128::from(whole) / 2).checked_div(u128::from(whole))?;
    Some(format!("{value} %"))
}

/// Seconds as the debugger writes an uptime: `3 days 23:43:07.653`. Nothing for what is no span.
#[must_use]
pub fn duration(seconds: f64) -> Option<String> {
    // 10,000 years: more than any clock of a dump can mean.
    if !(0.0..3.2e11).contains(&seconds) {
        return None;
    }
    let millis = (seconds * 1000.0) as u64;
    let (days, rest) = (millis / 86_400_000, millis % 86_400_000);
    Some(format!(
        "{days} day{} {}:{:02}:{:02}.{:03}",
        if days == 1 { "" } else { "s" },
        rest / 3_600_000,
        rest / 60_000 % 60,
        rest / 1000 % 60,
        rest % 1000
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_the_debugger_writes_them() {
        assert_eq!(address(0xffff_f800_1234_5678, true), "fffff800`12345678");
        assert_eq!(address(0x10, true), "00000000`00000010");
        assert_eq!(address(0x8204_1000, false), "82041000");
        assert_eq!(address(0x1_0000_0000, false), "00000001`00000000");
    }

    #[test]
    fn sizes_are_never_rounded_up_into_the_next_unit() {
        assert_eq!(bytes(0), "0 bytes");
        assert_eq!(bytes(1023), "1023 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes((1 << 20) - 1), "1023 KiB");
        assert_eq!(bytes(16 << 30), "16 GiB");
        assert_eq!(bytes(u64::MAX), "16777215 TiB");
        assert_eq!(pages(u64::MAX), "16777215 TiB");
    }

    #[test]
    fn spans_follow_the_debugger_and_nonsense_has_no_span() {
        assert_eq!(
            duration(344_587.653).as_deref(),
            Some("3 days 23:43:07.653")
        );
        assert_eq!(duration(86_400.5).as_deref(), Some("1 day 0:00:00.500"));
        assert_eq!(duration(-1.0), None);
        assert_eq!(duration(f64::NAN), None);
        assert_eq!(duration(f64::INFINITY), None);
    }

    #[test]
    fn counts_and_shares_read_naturally() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(percent(1, 3).as_deref(), Some("33 %"));
        assert_eq!(percent(1, 0), None);
    }
}
