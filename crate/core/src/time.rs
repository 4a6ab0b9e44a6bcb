//! Moments and spans as Windows records them, and as the report writes them.
//!
//! A dump holds times in two clocks: FILETIME (100 ns since 1601-01-01 UTC: SystemTime of the
//! header, the interrupt time of the shared user data) and `time_t` (seconds since 1970-01-01 UTC:
//! link times of images, times of user minidumps). The report knows only ISO 8601 in UTC. This
//! module imports nothing, so every room may use it.
//! Source: the Win32 documentation of FILETIME; the calendar is the proleptic Gregorian one.

use alloc::{format, string::String};

/// 100 ns units in a second.
pub const TICKS_PER_SECOND: u64 = 10_000_000;
/// Seconds from 1601-01-01 to 1970-01-01.
const UNIX_EPOCH_IN_1601: u64 = 11_644_473_600;
/// Days from 0000-03-01 to 1601-01-01, the counting that puts leap days at the end of a year.
const DAYS_TO_1601: u64 = 584_694;
const SECONDS_PER_DAY: u64 = 86_400;
/// Days in 400 years, the period of the calendar.
const DAYS_PER_ERA: u64 = 146_097;

/// A moment, taken apart. UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// 1601 and later.
    pub year: u64,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 (Sunday) to 6.
    pub weekday: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59.
    pub second: u8,
    /// 100 ns units, 0 to 9,999,999.
    pub ticks: u32,
}

impl Moment {
    /// From a FILETIME. Every 64-bit value is some moment.
    #[must_use]
    pub fn from_filetime(filetime: u64) -> Self {
        let seconds = filetime / TICKS_PER_SECOND;
        let days = seconds / SECONDS_PER_DAY;
        let (year, month, day) = civil(days);
        let of_day = seconds % SECONDS_PER_DAY;
        Self {
            year,
            month,
            day,
            // 1601-01-01 was a Monday.
            weekday: ((days + 1) % 7) as u8,
            hour: (of_day / 3600) as u8,
            minute: (of_day / 60 % 60) as u8,
            second: (of_day % 60) as u8,
            ticks: (filetime % TICKS_PER_SECOND) as u32,
        }
    }

    /// From ISO 8601 as this module writes it, with or without a fraction.
    #[must_use]
    pub fn from_iso8601(text: &str) -> Option<Self> {
        filetime_from_iso8601(text).map(Self::from_filetime)
    }

    /// The name of the day of the week, three letters, as the debugger prints it.
    #[must_use]
    pub fn weekday_name(self) -> &'static str {
        const NAMES: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
        NAMES[usize::from(self.weekday % 7)]
    }

    /// The name of the month, three letters.
    #[must_use]
    pub fn month_name(self) -> &'static str {
        const NAMES: [&str; 12] = [
            "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
        ];
        NAMES[usize::from(self.month.saturating_sub(1) % 12)]
    }
}

/// Year, month and day of a day counted from 1601-01-01.
fn civil(days: u64) -> (u64, u8, u8) {
    let days = days + DAYS_TO_1601;
    let (era, of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Months counted from March, so that the leap day ends the year.
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month as u8, day as u8)
}

/// Days from 1601-01-01 to a date, `None` before it.
fn days_since_1601(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 {
        year.checked_sub(1)?
    } else {
        year
    };
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let of_era = year % 400;
    let of_year = (153 * from_march + 2) / 5 + day - 1;
    let days = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    (days + year / 400 * DAYS_PER_ERA).checked_sub(DAYS_TO_1601)
}

/// A FILETIME as ISO 8601, UTC, to the millisecond: `2020-11-19T11:33:20.123Z`; without a fraction
/// when it has none. `None` for 0 and for times that no clock shows (after the year 9999).
#[must_use]
pub fn iso8601_from_filetime(filetime: u64) -> Option<String> {
    let m = Moment::from_filetime(filetime);
    if filetime == 0 || m.year > 9999 {
        return None;
    }
    let millis = m.ticks / 10_000;
    let fraction = if millis == 0 {
        String::new()
    } else {
        format!(".{millis:03}")
    };
    Some(format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{fraction}Z",
        m.year, m.month, m.day, m.hour, m.minute, m.second
    ))
}

/// Seconds since 1970 as ISO 8601, UTC. `None` for 0 and for times after the year 9999.
#[must_use]
pub fn iso8601_from_unix(seconds: u64) -> Option<String> {
    if seconds == 0 {
        return None;
    }
    iso8601_from_filetime(filetime_from_unix(seconds)?)
}

/// Seconds since 1970 as a FILETIME.
#[must_use]
pub fn filetime_from_unix(seconds: u64) -> Option<u64> {
    seconds
        .checked_add(UNIX_EPOCH_IN_1601)?
        .checked_mul(TICKS_PER_SECOND)
}

/// A FILETIME as seconds since 1970; `None` before that.
#[must_use]
pub fn unix_from_filetime(filetime: u64) -> Option<u64> {
    (filetime / TICKS_PER_SECOND).checked_sub(UNIX_EPOCH_IN_1601)
}

/// A span of 100 ns units in seconds with a fraction.
#[must_use]
pub fn seconds_from_ticks(ticks: u64) -> f64 {
    ticks as f64 / TICKS_PER_SECOND as f64
}

/// The FILETIME of ISO 8601 text as this module writes it (`2020-11-19T11:33:20Z`, fraction
/// allowed, UTC only). `None` for anything else.
#[must_use]
pub fn filetime_from_iso8601(text: &str) -> Option<u64> {
    let bytes = text.strip_suffix('Z')?.as_bytes();
    let number = |from: usize, to: usize| -> Option<u64> {
        bytes.get(from..to)?.iter().try_fold(0u64, |sum, &b| {
            b.is_ascii_digit().then(|| sum * 10 + u64::from(b - b'0'))
        })
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators
        .iter()
        .any(|&(at, want)| bytes.get(at) != Some(&want))
    {
        return None;
    }
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let fraction = match bytes.get(19) {
        None => 0,
        Some(b'.') if (21..=27).contains(&bytes.len()) => {
            number(20, bytes.len())? * 10u64.pow(27 - bytes.len() as u32)
        }
        Some(_) => return None,
    };
    let days = days_since_1601(year, month, day)?;
    let seconds = days * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second;
    Some(seconds * TICKS_PER_SECOND + fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_filetimes_read_as_their_dates() {
        let cases = [
            (116_444_736_000_000_000, "1970-01-01T00:00:00Z"),
            (125_911_584_000_000_000, "2000-01-01T00:00:00Z"),
            (132_502_592_001_230_000, "2020-11-19T11:33:20.123Z"),
            (1, "1601-01-01T00:00:00Z"),
        ];
        for (filetime, text) in cases {
            assert_eq!(iso8601_from_filetime(filetime).as_deref(), Some(text));
        }
        assert_eq!(iso8601_from_filetime(0), None);
        assert_eq!(iso8601_from_filetime(u64::MAX), None);
    }

    #[test]
    fn leap_days_and_ends_of_centuries_are_right() {
        let text = |seconds| iso8601_from_unix(seconds).unwrap();
        assert_eq!(text(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(text(951_868_800), "2000-03-01T00:00:00Z");
        assert_eq!(text(4_107_542_399), "2100-02-28T23:59:59Z");
        assert_eq!(text(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(iso8601_from_unix(u64::MAX), None);
    }

    #[test]
    fn every_day_of_eight_centuries_survives_the_way_there_and_back() {
        for day in 0..292_194 {
            let filetime = (day * SECONDS_PER_DAY + 3723) * TICKS_PER_SECOND + 5_000_000;
            let text = iso8601_from_filetime(filetime).unwrap();
            assert_eq!(filetime_from_iso8601(&text), Some(filetime), "{text}");
        }
    }

    #[test]
    fn what_is_not_such_a_time_is_refused() {
        for text in [
            "",
            "Z",
            "2020-11-19",
            "2020-13-19T00:00:00Z",
            "2020-11-19T11:33:20+01:00Z",
            "2020-11-19T11:33:20.Z",
            "2020-11-19T11:33:20.12345678Z",
            "1600-11-19T11:33:20Z",
        ] {
            assert_eq!(filetime_from_iso8601(text), None, "{text}");
        }
    }

    #[test]
    fn the_day_of_the_week_is_the_calendars() {
        let moment = Moment::from_iso8601("2018-12-18T10:39:02.334Z").unwrap();
        assert_eq!((moment.weekday_name(), moment.month_name()), ("Tue", "Dec"));
        assert_eq!(
            (moment.year, moment.day, moment.ticks),
            (2018, 18, 3_340_000)
        );
    }
}
