//! What the virtual firmware of a Hyper-V guest says about its host.
//!
//! The firmware is compiled into the host's Windows, so version and date name the host on which
//! the virtual machine was last powered on; live migration keeps them. They say nothing about
//! the guest's own components. Source: public boot logs with firmware line and host build side
//! by side; the table has a certainty on every row.

use super::HostVersion;
use crate::knowledge::certainty::Certainty;
use crate::knowledge::store::Table;
use crate::knowledge::text;
use crate::knowledge::version::Day;

/// The hosts that a piece of evidence leaves possible.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostGuess {
    /// The hosts it points at, in order of release.
    pub hosts: alloc::vec::Vec<HostVersion>,
    /// Hosts that also use the same, less often met.
    pub also: alloc::vec::Vec<HostVersion>,
    /// How sure that is.
    pub certainty: Certainty,
    /// Why, in plain words; empty where there is nothing to add.
    pub note: &'static str,
}

/// Hosts of a Generation 1 virtual machine by the BIOS version and date of SMBIOS. The version
/// may be written `090006`, `BIOS Date: 03/19/09 22:51:32 Ver: 09.00.04`, or be the identity
/// that ACPI and WMI show (`VRTUAL - 5001223`), which itself carries the date.
pub fn hosts_for_gen1(version: &str, date: Option<Day>) -> Option<HostGuess> {
    if let Some(revision) = version.trim().strip_prefix("VRTUAL - ") {
        let revision = u32::from_str_radix(revision.trim(), 16).ok()?;
        let day = day_from_acpi_revision(revision)?;
        return rows(1).find(|row| row.date == Some(day)).map(Row::guess);
    }
    let number = bios_number(version)?;
    best(1, &number, date)
}

/// Hosts of a Generation 2 virtual machine by the firmware version string of SMBIOS
/// (`Hyper-V UEFI Release v4.1`) and its date.
pub fn hosts_for_gen2(version: &str, date: Option<Day>) -> Option<HostGuess> {
    let number = version.trim().strip_prefix("Hyper-V UEFI Release v")?;
    best(2, number.trim(), date)
}

/// The day in the OEM revision of a Generation 1 machine's ACPI tables (`0x05001223` is
/// 05/23/2012): hexadecimal digits MM 00YY DD. The values 0 and 1 of Generation 2 give `None`.
pub fn day_from_acpi_revision(revision: u32) -> Option<Day> {
    let decimal = |shift: u32, mask: u32| -> Option<u32> {
        let digits = revision.checked_shr(shift)? & mask;
        let (tens, ones) = (digits >> 4, digits & 0xF);
        (tens < 10 && ones < 10).then(|| tens * 10 + ones)
    };
    if revision & 0x00F0_0000 != 0 || revision & 0x000F_0000 != 0 {
        return None;
    }
    let year = u16::try_from(decimal(8, 0xFF)?).ok()?.checked_add(2000)?;
    Day::new(
        year,
        u8::try_from(decimal(24, 0xFF)?).ok()?,
        u8::try_from(decimal(0, 0xFF)?).ok()?,
    )
}

/// The host by the values that the host itself writes into the guest's registry
/// (`HostingSystemOsMajor` and `HostingSystemOsMinor`). Fresher than the firmware: it wins.
pub fn host_from_kvp(major: u32, minor: u32) -> Option<HostGuess> {
    use HostVersion::*;
    let hosts: &[HostVersion] = match (major, minor) {
        (6, 0) => &[Server2008],
        (6, 1) => &[Server2008R2],
        (6, 2) => &[Server2012],
        (6, 3) => &[Server2012R2],
        (10, 0) => &[
            Server2016, Server2019, Server2022, Server2025, Azure, Client,
        ],
        _ => return None,
    };
    // Windows 8 and 8.1 share the numbers of 2012 and 2012 R2.
    let also: &[HostVersion] = if matches!((major, minor), (6, 2 | 3)) {
        &[Client]
    } else {
        &[]
    };
    Some(HostGuess {
        hosts: hosts.to_vec(),
        also: also.to_vec(),
        certainty: Certainty::Certain,
        note: "written by the host through Data Exchange",
    })
}

/// The host by the build number that the hypervisor itself reports (CPUID leaf 0x40000002).
pub fn host_from_hypervisor_build(build: u32) -> Option<HostGuess> {
    use HostVersion::*;
    let (hosts, also): (&[HostVersion], &[HostVersion]) = match build {
        6001..=6003 => (&[Server2008], &[]),
        7600 | 7601 => (&[Server2008R2], &[]),
        9200 => (&[Server2012], &[Client]),
        9600 => (&[Server2012R2], &[Client]),
        14393 => (&[Server2016], &[Client, Azure]),
        17763 => (&[Server2019], &[Client, Azure]),
        20348 => (&[Server2022], &[Azure]),
        26100 => (&[Server2025, Client], &[Azure]),
        10240.. => (&[Client, Azure], &[]),
        _ => return None,
    };
    Some(HostGuess {
        hosts: hosts.to_vec(),
        also: also.to_vec(),
        certainty: Certainty::Certain,
        note: "reported by the hypervisor",
    })
}

struct Row {
    version: &'static str,
    date: Option<Day>,
    hosts: &'static str,
    also: &'static str,
    certainty: Certainty,
    note: &'static str,
}

impl Row {
    fn guess(self) -> HostGuess {
        let list = |words: &str| {
            words
                .split(',')
                .filter_map(HostVersion::from_word)
                .collect()
        };
        HostGuess {
            hosts: list(self.hosts),
            also: list(self.also),
            certainty: self.certainty,
            note: self.note,
        }
    }
}

/// The row of exactly this date, else the one that answers for every other date.
fn best(generation: u8, version: &str, date: Option<Day>) -> Option<HostGuess> {
    let exact = rows(generation)
        .find(|row| row.version == version && row.date.is_some() && row.date == date);
    exact
        .or_else(|| rows(generation).find(|row| row.version == version && row.date.is_none()))
        .map(Row::guess)
}

fn rows(generation: u8) -> impl Iterator<Item = Row> {
    text::lines(Table::Firmware.text())
        .filter_map(parse)
        .filter_map(move |(of, row)| (of == generation).then_some(row))
}

fn parse(line: &'static str) -> Option<(u8, Row)> {
    let mut column = text::columns(line);
    let generation = column.next()?.parse().ok()?;
    let version = column.next()?;
    let date = match column.next()? {
        "*" => None,
        day => Some(Day::from_iso(day)?),
    };
    let row = Row {
        version,
        date,
        hosts: column.next()?,
        also: column.next()?,
        certainty: Certainty::from_word(column.next()?)?,
        note: column.next()?,
    };
    column.next().is_none().then_some((generation, row))
}

/// The six digits of an AMI version, from any of its spellings.
fn bios_number(version: &str) -> Option<alloc::string::String> {
    let last = version.trim().rsplit(' ').next()?;
    let digits: alloc::string::String = last.chars().filter(|c| *c != '.').collect();
    let plausible = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_digit());
    plausible.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::testing::assert_presentable;
    use HostVersion::*;

    #[test]
    fn every_row_is_read_and_its_hosts_are_known() {
        assert_eq!(
            rows(1).count() + rows(2).count(),
            text::lines(Table::Firmware.text()).count()
        );
        for row in rows(1).chain(rows(2)) {
            assert_presentable(row.version, row.note);
            let words = row.hosts.split(',').chain(row.also.split(','));
            for word in words.filter(|word| *word != "-") {
                assert!(HostVersion::from_word(word).is_some(), "{word}");
            }
            assert!(!row.guess().hosts.is_empty());
        }
    }

    #[test]
    fn the_reference_cases_firmware_means_2012_or_2012_r2() {
        let guess = hosts_for_gen1("090006 ", Day::from_firmware("05/23/2012")).unwrap();
        assert_eq!(guess.hosts, [Server2012, Server2012R2]);
        assert_eq!(hosts_for_gen1("VRTUAL - 5001223", None).unwrap(), guess);
    }

    #[test]
    fn the_same_version_with_another_date_is_a_later_host() {
        let of = |date| {
            hosts_for_gen1("090006", Day::from_firmware(date))
                .unwrap()
                .hosts
        };
        assert_eq!(of("04/28/2016"), [Server2016]);
        assert!(!of("01/06/2017").contains(&Server2012));
        assert!(
            hosts_for_gen1("090006", None)
                .unwrap()
                .hosts
                .contains(&Server2016)
        );
    }

    #[test]
    fn the_long_spelling_of_a_bios_version_is_understood() {
        let guess = hosts_for_gen1("BIOS Date: 03/19/09 22:51:32 Ver: 09.00.04", None).unwrap();
        assert_eq!(guess.hosts, [Server2008R2]);
        assert!(hosts_for_gen1("P05ADG.010.140421.SH", None).is_none());
    }

    #[test]
    fn uefi_versions_lead_to_their_hosts() {
        let of = |version, date| hosts_for_gen2(version, Day::from_firmware(date)).unwrap();
        let old = of("Hyper-V UEFI Release v1.0", "11/26/2012");
        assert_eq!(old.hosts, [Server2012R2, Server2016]);
        assert_eq!(
            of("Hyper-V UEFI Release v4.0", "11/01/2019").certainty,
            Certainty::Certain
        );
        assert!(
            of("Hyper-V UEFI Release v4.1", "09/25/2025")
                .hosts
                .contains(&Server2025)
        );
        assert!(hosts_for_gen2("Hyper-V UEFI DEBUG BUILD", None).is_none());
    }

    #[test]
    fn the_acpi_revision_of_generation_1_is_a_date() {
        assert_eq!(day_from_acpi_revision(0x0500_1223), Day::new(2012, 5, 23));
        assert_eq!(day_from_acpi_revision(0x1200_1807), Day::new(2018, 12, 7));
        assert_eq!(day_from_acpi_revision(0x0600_1702), Day::new(2017, 6, 2));
        assert_eq!(day_from_acpi_revision(1), None);
        assert_eq!(day_from_acpi_revision(0xFFFF_FFFF), None);
    }

    #[test]
    fn what_the_host_wrote_about_itself_names_its_version() {
        assert_eq!(host_from_kvp(6, 3).unwrap().hosts, [Server2012R2]);
        assert!(host_from_kvp(10, 0).unwrap().hosts.contains(&Server2016));
        assert!(host_from_kvp(5, 2).is_none());
    }

    #[test]
    fn the_hypervisors_build_names_the_host() {
        assert_eq!(
            host_from_hypervisor_build(20348).unwrap().hosts,
            [Server2022]
        );
        assert!(host_from_hypervisor_build(2600).is_none());
    }
}
