//! Calendar dates as firmware writes them: no time, no zone.

use core::fmt;

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    /// Four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// Days from 1 January 1601, where FILETIME begins, to 1 January 1970.
const DAYS_1601_TO_1970: i64 = 134_774;
/// FILETIME units of 100 ns in a day.
const FILETIME_PER_DAY: u64 = 864_000_000_000;

impl Date {
    /// A day, if the numbers can be one.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let plausible =
            (1970..=2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        plausible.then_some(Self { year, month, day })
    }

    /// `MM/DD/YYYY`, or `MM/DD/YY` of the nineties and later, as SMBIOS type 0 has it. Blanks
    /// within are tolerated: real firmware writes `05/ 6/2021`.
    #[must_use]
    pub fn from_smbios(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '/').map(str::trim);
        let month = parts.next()?.parse().ok()?;
        let day = parts.next()?.parse().ok()?;
        let year: u16 = parts.next()?.get(..4).map_or_else(
            || text.rsplit('/').next()?.trim().parse().ok(),
            |four| four.parse().ok(),
        )?;
        let year = match year {
            0..=69 => year + 2000,
            70..=99 => year + 1900,
            _ => year,
        };
        Self::new(year, month, day)
    }

    /// The day of a FILETIME (100 ns since 1601 UTC).
    #[must_use]
    pub fn from_filetime(filetime: u64) -> Option<Self> {
        let days = i64::try_from(filetime / FILETIME_PER_DAY).ok()? - DAYS_1601_TO_1970;
        Self::from_days(days)
    }

    /// Days since 1 January 1970.
    #[must_use]
    pub fn days(self) -> i64 {
        // Counting from 1 March makes the leap day the last of its year.
        let (month, year) = (i64::from(self.month), i64::from(self.year));
        let year = if month <= 2 { year - 1 } else { year };
        let month_from_march = (month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(self.day) - 1;
        year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
    }

    /// The day that is `days` after 1 January 1970.
    fn from_days(days: i64) -> Option<Self> {
        // The average year, then one step back where the guess was too late.
        let mut year = u16::try_from(1970 + days.div_euclid(365)).ok()?;
        while Self::new(year, 1, 1)?.days() > days {
            year = year.checked_sub(1)?;
        }
        let month = (1..=12u8)
            .rev()
            .find(|&month| Self::new(year, month, 1).is_some_and(|d| d.days() <= days))?;
        let day = days - Self::new(year, month, 1)?.days() + 1;
        Self::new(year, month, u8::try_from(day).ok()?)
    }

    /// Whole years from `self` to `later`; 0 when it is not later.
    #[must_use]
    pub fn years_until(self, later: Self) -> u16 {
        let passed = (later.month, later.day) >= (self.month, self.day);
        later
            .year
            .saturating_sub(self.year)
            .saturating_sub(u16::from(!passed))
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn firmware_dates_are_month_first_and_may_be_short_or_padded() {
        let read = |text| Date::from_smbios(text).map(|d| d.to_string());
        assert_eq!(read("05/23/2012").as_deref(), Some("2012-05-23"));
        assert_eq!(read("05/ 6/2021").as_deref(), Some("2021-05-06"));
        assert_eq!(read("12/07/18").as_deref(), Some("2018-12-07"));
        assert_eq!(read("11/26/97").as_deref(), Some("1997-11-26"));
        for bad in ["", "13/01/2012", "2012-05-23", "05/23/", "//", "05/00/2012"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_filetime_gives_its_day_and_days_count_back() {
        // 2020-11-19 11:33:20 UTC.
        assert_eq!(
            Date::from_filetime(132_502_592_000_000_000),
            Date::new(2020, 11, 19)
        );
        assert_eq!(Date::new(1970, 1, 1).map(Date::days), Some(0));
        assert_eq!(Date::new(2000, 3, 1).map(Date::days), Some(11_017));
        for days in (0..60_000).step_by(17) {
            assert_eq!(Date::from_days(days).map(Date::days), Some(days));
        }
        assert_eq!(Date::from_filetime(u64::MAX), None);
    }

    #[test]
    fn years_are_whole_ones() {
        let day = |y, m, d| Date::new(y, m, d).unwrap();
        assert_eq!(day(2014, 4, 21).years_until(day(2017, 11, 12)), 3);
        assert_eq!(day(2014, 12, 21).years_until(day(2017, 11, 12)), 2);
        assert_eq!(day(2018, 1, 1).years_until(day(2017, 1, 1)), 0);
    }
}
