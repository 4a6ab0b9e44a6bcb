//! Four-part file versions, as Windows puts them into version resources, and calendar dates as
//! firmware prints them.

use core::fmt;

/// A file version such as `6.3.9600.17415`; ordered as Windows orders them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileVersion {
    /// Major version.
    pub major: u16,
    /// Minor version.
    pub minor: u16,
    /// Build.
    pub build: u16,
    /// Revision within the build.
    pub revision: u16,
}

impl FileVersion {
    /// A version from its four parts.
    pub const fn new(major: u16, minor: u16, build: u16, revision: u16) -> FileVersion {
        FileVersion {
            major,
            minor,
            build,
            revision,
        }
    }

    /// Reads `a.b.c.d`; text behind the numbers, set off by a space, is allowed (version
    /// resources append the build label).
    pub fn parse(text: &str) -> Option<FileVersion> {
        let mut parts = text
            .trim()
            .split(' ')
            .next()?
            .split('.')
            .map(str::parse::<u16>);
        let mut next = || parts.next()?.ok();
        let version = FileVersion::new(next()?, next()?, next()?, next()?);
        parts.next().is_none().then_some(version)
    }
}

impl fmt::Display for FileVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}.{}.{}.{}",
            self.major, self.minor, self.build, self.revision
        )
    }
}

/// A calendar day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day {
    /// Year, four digits.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, 1 to 31.
    pub day: u8,
}

impl Day {
    /// A day that can exist, else `None` (the length of the month is not checked).
    pub fn new(year: u16, month: u8, day: u8) -> Option<Day> {
        let fits = (1..=12).contains(&month) && (1..=31).contains(&day) && year >= 1980;
        fits.then_some(Day { year, month, day })
    }

    /// `MM/DD/YYYY` or `MM/DD/YY` (years 80 to 99 are of the last century), as SMBIOS prints
    /// dates; padding spaces inside are allowed.
    pub fn from_firmware(text: &str) -> Option<Day> {
        let mut parts = text.trim().split('/').map(str::trim);
        let (month, day, year) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let short = year.len() == 2;
        let year = year.parse::<u16>().ok()?;
        let year = match short {
            true if year >= 80 => year.checked_add(1900)?,
            true => year.checked_add(2000)?,
            false => year,
        };
        Day::new(year, month.parse().ok()?, day.parse().ok()?)
    }

    /// `YYYY-MM-DD`.
    pub fn from_iso(text: &str) -> Option<Day> {
        let mut parts = text.split('-');
        let day = Day::new(
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
            parts.next()?.parse().ok()?,
        );
        if parts.next().is_some() { None } else { day }
    }

    /// Seconds since 1970 at the start of this day, UTC; `None` before 1970.
    pub fn unix_seconds(self) -> Option<u32> {
        // Days since 0000-03-01 in the proleptic Gregorian calendar; 1970-01-01 is day 719468.
        let (year, month) = (i64::from(self.year), i64::from(self.month));
        let year = if month <= 2 { year - 1 } else { year };
        let month = (month + 9) % 12;
        let days = year * 365 + year / 4 - year / 100
            + year / 400
            + (month * 153 + 2) / 5
            + i64::from(self.day)
            - 1;
        u32::try_from((days - 719_468).checked_mul(86_400)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn versions_are_read_compared_and_printed() {
        let version = FileVersion::parse("6.3.9600.17415 (winblue_r4.141028-1500)").unwrap();
        assert_eq!(version.to_string(), "6.3.9600.17415");
        assert!(version > FileVersion::new(6, 3, 9600, 16384));
        assert_eq!(FileVersion::parse("6.3.9600"), None);
        assert_eq!(FileVersion::parse("6.3.9600.1.2"), None);
        assert_eq!(FileVersion::parse("6.3.96000.1"), None);
    }

    #[test]
    fn firmware_dates_are_month_first() {
        assert_eq!(Day::from_firmware("05/23/2012"), Day::new(2012, 5, 23));
        assert_eq!(Day::from_firmware("05/ 6/2021"), Day::new(2021, 5, 6));
        assert_eq!(Day::from_firmware("03/19/09"), Day::new(2009, 3, 19));
        assert_eq!(Day::from_firmware("23/05/2012"), None);
        assert_eq!(Day::from_firmware("2012-05-23"), None);
    }

    #[test]
    fn days_become_unix_seconds() {
        assert_eq!(
            Day::new(2010, 11, 20).unwrap().unix_seconds(),
            Some(1_290_211_200)
        );
        assert_eq!(
            Day::new(2000, 2, 29).unwrap().unix_seconds(),
            Some(951_782_400)
        );
        assert_eq!(
            Day::new(1980, 1, 1).unwrap().unix_seconds(),
            Some(315_532_800)
        );
    }
}
