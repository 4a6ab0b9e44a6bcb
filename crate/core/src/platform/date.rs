//! Days of dump and firmware, and the years between them.

use crate::knowledge::version::Day;
use crate::time::Moment;

/// The day of a FILETIME (100 ns since 1601 UTC), if it is one of this age.
pub(super) fn day_of_filetime(filetime: u64) -> Option<Day> {
    let moment = Moment::from_filetime(filetime);
    let year = u16::try_from(moment.year).ok()?;
    Day::new(year, moment.month, moment.day)
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
    }

    #[test]
    fn years_are_whole_ones() {
        let day = |y, m, d| Day::new(y, m, d).unwrap();
        assert_eq!(whole_years(day(2014, 4, 21), day(2017, 11, 12)), 3);
        assert_eq!(whole_years(day(2014, 12, 21), day(2017, 11, 12)), 2);
        assert_eq!(whole_years(day(2018, 1, 1), day(2017, 1, 1)), 0);
    }
}
