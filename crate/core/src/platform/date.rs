//! Days of dump and firmware, and the years between them.

use crate::knowledge::version::Day;

/// Days from 1 January 1601, where FILETIME begins, to 1 March 0 of the Gregorian calendar
/// counted backwards: with it the arithmetic below starts at a leap-day boundary.
const DAYS_0000_03_01_TO_1601: u64 = 584_694;
/// FILETIME units of 100 ns in a day.
const FILETIME_PER_DAY: u64 = 864_000_000_000;
/// Days in 400 years.
const DAYS_PER_ERA: u64 = 146_097;

/// The day of a FILETIME (100 ns since 1601 UTC), if it is one of this age.
pub(super) fn day_of_filetime(filetime: u64) -> Option<Day> {
    let days = filetime / FILETIME_PER_DAY + DAYS_0000_03_01_TO_1601;
    let (era, day) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day + 2) / 153;
    let day = day - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year + u64::from(month <= 2);
    Day::new(
        u16::try_from(year).ok()?,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
    )
}

/// Whole years from `from` to `to`; 0 when that is not later.
pub(super) fn whole_years(from: Day, to: Day) -> u16 {
    let passed = (to.month, to.day) >= (from.month, from.day);
    to.year
        .saturating_sub(from.year)
        .saturating_sub(u16::from(!passed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filetime_gives_its_day() {
        // 2020-11-19 11:33:20 UTC.
        assert_eq!(
            day_of_filetime(132_502_592_000_000_000),
            Day::new(2020, 11, 19)
        );
        assert_eq!(day_of_filetime(0), None, "1601 is no day of a dump");
        assert_eq!(day_of_filetime(u64::MAX), Day::new(60_056, 5, 28));
        // Day by day through a century, against the way back.
        let mut seen = 0u32;
        for day in 138_427..138_427 + 40_000u64 {
            let found = day_of_filetime(day * FILETIME_PER_DAY).unwrap();
            let seconds = u64::from(found.unix_seconds().unwrap());
            assert_eq!(seconds / 86_400 + 134_774, day);
            seen += u32::from(found.month == 2 && found.day == 29);
        }
        assert!(seen > 25, "leap days were met");
    }

    #[test]
    fn years_are_whole_ones() {
        let day = |y, m, d| Day::new(y, m, d).unwrap();
        assert_eq!(whole_years(day(2014, 4, 21), day(2017, 11, 12)), 3);
        assert_eq!(whole_years(day(2014, 12, 21), day(2017, 11, 12)), 2);
        assert_eq!(whole_years(day(2018, 1, 1), day(2017, 1, 1)), 0);
    }
}
