//! The versions of the Integration Services that exist, and how a driver's link time leads to
//! one when its version resource is not in the dump.
//!
//! Source: Microsoft's update lists and Azure's page on preparing a VHD; link windows measured on
//! published time stamps of files whose build label is known. Drivers built for Windows 10 1703
//! (15063) and later carry a hash instead of a time and must not be dated.

use crate::knowledge::certainty::Certainty;
use crate::knowledge::store::Table;
use crate::knowledge::text;
use crate::knowledge::version::{Day, FileVersion};

/// One version of the Integration Services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntegrationVersion {
    /// The version as files carry it.
    pub version: FileVersion,
    /// The Windows release or update it came with.
    pub release: &'static str,
    /// Month of release as `YYYY-MM`, or `-` when not known.
    pub month: &'static str,
    /// When its files were linked, in seconds since 1970, UTC: first and last.
    pub linked: Option<(u32, u32)>,
    /// How sure version and release belong together.
    pub certainty: Certainty,
    /// How sure the link window is; [`Certainty::Possible`] means "about".
    pub link_certainty: Certainty,
}

/// All known versions, oldest first.
pub fn versions() -> impl Iterator<Item = IntegrationVersion> {
    text::lines(Table::Versions.text()).filter_map(parse)
}

/// The row of exactly this version.
pub fn version(wanted: FileVersion) -> Option<IntegrationVersion> {
    versions().find(|known| known.version == wanted)
}

/// The version whose files were linked at this time (`TimeDateStamp`), if it lies in a known
/// window. Only for drivers of guests up to Windows 8.1 and 2012 R2 (build 9600): newer Windows
/// linked its own drivers in the same months, and from 15063 on the field holds a hash.
pub fn version_from_link_time(unix: u32) -> Option<IntegrationVersion> {
    versions().find(|known| {
        known
            .linked
            .is_some_and(|(from, to)| from <= unix && unix <= to)
    })
}

/// The newest components that exist for a guest of this build, and how sure that is. `None` for
/// guests of Windows 10 and later, whose components come with Windows itself.
pub fn latest_for_guest(build: u32) -> Option<(FileVersion, Certainty)> {
    match build {
        // Windows XP and 2003: one secondary source.
        2600..=3799 => Some((FileVersion::new(6, 3, 9600, 16384), Certainty::Possible)),
        6000..=6003 => Some((FileVersion::new(6, 3, 9600, 19456), Certainty::Possible)),
        7600..=9600 => Some((FileVersion::new(6, 3, 9600, 19456), Certainty::Likely)),
        _ => None,
    }
}

fn parse(line: &'static str) -> Option<IntegrationVersion> {
    let mut column = text::columns(line);
    let version = FileVersion::parse(column.next()?)?;
    let (release, month) = (column.next()?, column.next()?);
    let linked = match column.next()? {
        "-" => None,
        window => {
            let (from, to) = window.split_once("..")?;
            Some((moment(from)?, moment(to)?))
        }
    };
    let certainty = Certainty::from_word(column.next()?)?;
    let link_certainty = Certainty::from_word(column.next()?).unwrap_or(Certainty::Possible);
    let found = IntegrationVersion {
        version,
        release,
        month,
        linked,
        certainty,
        link_certainty,
    };
    column.next().is_none().then_some(found)
}

/// `YYYY-MM-DDTHH:MM` as seconds since 1970.
fn moment(text: &str) -> Option<u32> {
    let (day, time) = text.split_once('T')?;
    let (hours, minutes) = time.split_once(':')?;
    let (hours, minutes) = (hours.parse::<u32>().ok()?, minutes.parse::<u32>().ok()?);
    let seconds = hours
        .checked_mul(3600)?
        .checked_add(minutes.checked_mul(60)?)?;
    Day::from_iso(day)?.unix_seconds()?.checked_add(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::testing::assert_presentable;
    use alloc::string::ToString;

    #[test]
    fn every_version_is_read_sorted_and_presentable() {
        let all: alloc::vec::Vec<_> = versions().collect();
        assert_eq!(all.len(), text::lines(Table::Versions.text()).count());
        assert!(all.windows(2).all(|pair| pair[0].version < pair[1].version));
        for known in &all {
            assert_presentable(&known.version.to_string(), known.release);
            assert_eq!(version(known.version), Some(*known));
        }
    }

    #[test]
    fn link_windows_rise_and_do_not_overlap() {
        let windows: alloc::vec::Vec<_> = versions().filter_map(|known| known.linked).collect();
        assert!(windows.len() >= 14);
        assert!(windows.iter().all(|(from, to)| from < to));
        assert!(windows.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }

    #[test]
    fn published_time_stamps_fall_into_the_window_of_their_build() {
        // Kernel of 7601.17514, files of 9600.17415, kernels of 7600.16385, 9200.16384, 9600.16384.
        for (stamp, expected) in [
            (0x4CE7_951A, "6.1.7601.17514"),
            (0x5450_3A43, "6.3.9600.17415"),
            (0x5450_5493, "6.3.9600.17415"),
            (0x4A5B_C600, "6.1.7600.16385"),
            (0x5010_AC4B, "6.2.9200.16384"),
            (0x5215_D156, "6.3.9600.16384"),
        ] {
            let found = version_from_link_time(stamp).map(|known| known.version.to_string());
            assert_eq!(found.as_deref(), Some(expected), "{stamp:#x}");
        }
    }

    #[test]
    fn a_time_between_the_windows_is_no_version() {
        assert_eq!(version_from_link_time(0), None);
        assert_eq!(version_from_link_time(0x5600_0000), None);
    }

    #[test]
    fn guests_of_windows_10_have_no_separate_components() {
        assert_eq!(latest_for_guest(14393), None);
        let (latest, certainty) = latest_for_guest(7601).unwrap();
        assert_eq!(
            (latest, certainty),
            (FileVersion::new(6, 3, 9600, 19456), Certainty::Likely)
        );
        assert!(version(latest).is_some());
    }
}
