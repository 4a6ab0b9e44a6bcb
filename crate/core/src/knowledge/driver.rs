//! Drivers by file name: whose they are and what they are for.
//!
//! A name is a hint, never proof: anybody may give a file any name. The table serves to tell
//! third-party drivers from Windows' own and to say in words what a driver does.
//!
//! Source: file descriptions and product names as the makers publish them.

use super::store::Table;
use super::text;
use core::cmp::Ordering;

/// The table's names with a `*`, which a search by order cannot find.
static PATTERNS: &str = "qc*7180.sys\nrzdev_0*.sys";

/// Copies of storage drivers that write a crash dump or a hibernation file carry these prefixes.
const COPY_PREFIXES: [&str; 2] = ["dump_", "hiber_"];

/// What a driver is, going by its file name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Driver {
    /// Who makes it.
    pub vendor: &'static str,
    /// What part of the machine it serves, a single word (`display`, `network`, `antivirus`, …).
    pub class: &'static str,
    /// What it is, in plain words.
    pub purpose: &'static str,
    /// Whether it is Windows' own or a Microsoft product that belongs to it. The tools of
    /// Sysinternals are not: one of them crashes machines on purpose.
    pub microsoft: bool,
    /// Whether this is the copy of a driver that writes crash dumps or hibernation files.
    pub dump_copy: bool,
    /// Which of its versions are bad, with source and date, where that was published; else empty.
    pub known_bad: &'static str,
}

/// Looks a driver up by file name or path, in any mix of upper and lower case. The debugger's
/// module names without an ending (`nt`, `ndis`) are understood too. `None`: not known.
pub fn driver(name: &str) -> Option<Driver> {
    let name = text::file_name(name);
    if let Some(found) = find(name) {
        return Some(found);
    }
    COPY_PREFIXES.iter().find_map(|prefix| {
        let start = name.get(..prefix.len())?;
        let original = name.get(prefix.len()..)?;
        let found = start
            .eq_ignore_ascii_case(prefix)
            .then(|| find(original))??;
        Some(Driver {
            dump_copy: true,
            ..found
        })
    })
}

/// Whether a driver of this name comes from Microsoft. `false` also when the name is unknown.
pub fn is_microsoft(name: &str) -> bool {
    driver(name).is_some_and(|driver| driver.microsoft)
}

fn find(name: &str) -> Option<Driver> {
    // The debugger calls the kernel `nt` whatever its file.
    let name = if name.eq_ignore_ascii_case("nt") {
        "ntoskrnl.exe"
    } else {
        name
    };
    // A module name without an ending may stand for a driver, library or program.
    let endings: &[&str] = if name.contains('.') {
        &[""]
    } else {
        &[".sys", ".dll", ".exe"]
    };
    let exact = endings.iter().find_map(|ending| {
        let wanted = || {
            name.bytes()
                .chain(ending.bytes())
                .map(|byte| byte.to_ascii_lowercase())
        };
        text::search(Table::Driver.text(), |line| {
            file_of(line).bytes().cmp(wanted())
        })
    });
    let line = exact.or_else(|| {
        let pattern = PATTERNS.lines().find(|pattern| fits(pattern, name))?;
        text::search(Table::Driver.text(), |line| file_of(line).cmp(pattern))
    })?;
    let mut column = text::columns(line).skip(1);
    let vendor = column.next()?;
    Some(Driver {
        vendor: if vendor == "ms" { "Microsoft" } else { vendor },
        class: column.next()?,
        purpose: column.next()?,
        microsoft: vendor == "ms",
        dump_copy: false,
        known_bad: column.next().map_or("", |told| bad(told).1),
    })
}

/// The versions that such a column begins with, in brackets, and its text.
fn bad(told: &'static str) -> (&'static str, &'static str) {
    let ranges = told
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "));
    ranges.unwrap_or(("", told))
}

/// The drivers of which file versions are known to be bad.
pub fn with_bad_versions() -> impl Iterator<Item = &'static str> {
    let table = Table::Driver.text();
    table.match_indices("| [").filter_map(|(at, _)| {
        let line = table.get(..at)?.rsplit('\n').next()?;
        line.split(' ').next()
    })
}

/// What was published of a file version of a driver under a build of Windows, where it is bad.
pub fn bad_version(name: &str, version: [u16; 4], build: Option<u32>) -> Option<&'static str> {
    let line = text::search(Table::Driver.text(), |line| file_of(line).cmp(name))?;
    let (ranges, told) = bad(text::columns(line).nth(4)?);
    let within = |range: &str| {
        let (first, last) = range.split_once('-')?;
        // Both ends may be given by their first parts alone.
        let against = |bound: &str| {
            let parts = bound.split('.').map_while(|part| part.parse::<u16>().ok());
            parts
                .zip(version)
                .find_map(|(bound, own)| Some(own.cmp(&bound)).filter(|order| order.is_ne()))
        };
        let fits =
            against(first) != Some(Ordering::Less) && against(last) != Some(Ordering::Greater);
        fits.then_some(())
    };
    let mut words = ranges.split(' ');
    // A number alone is the first build of Windows that it is about.
    let least = words.clone().next().and_then(|word| word.parse().ok());
    let meant = least.is_none_or(|least| build.is_some_and(|build| build >= least));
    (meant && words.any(|word| within(word).is_some())).then_some(told)
}

fn file_of(line: &'static str) -> &'static str {
    text::files(line)
}

/// Whether a name fits a pattern with one `*`, in any mix of upper and lower case.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, end)) = pattern.split_once('*') else {
        return false;
    };
    let Some(middle) = name.len().checked_sub(end.len()) else {
        return false;
    };
    middle >= start.len()
        && name
            .get(..start.len())
            .is_some_and(|part| part.eq_ignore_ascii_case(start))
        && name
            .get(middle..)
            .is_some_and(|part| part.eq_ignore_ascii_case(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::testing::assert_presentable;

    #[test]
    fn every_line_has_presentable_columns_and_is_in_order() {
        let mut last = "";
        for line in text::lines(Table::Driver.text()) {
            let columns: alloc::vec::Vec<_> = text::columns(line).collect();
            assert!(matches!(columns.len(), 4 | 5), "{line}");
            for column in &columns {
                assert_presentable(line, column);
            }
            assert!(
                last < columns[0],
                "{} is out of order or stands twice",
                columns[0]
            );
            assert_eq!(columns[0], columns[0].to_ascii_lowercase());
            assert!(columns[0].matches('*').count() <= 1);
            assert!(!columns[2].contains(' '), "class of {line}");
            last = columns[0];
        }
    }

    #[test]
    fn every_driver_of_the_table_is_found_by_its_own_name() {
        for line in text::lines(Table::Driver.text()) {
            let file = text::columns(line).next().unwrap();
            let found = driver(file).unwrap_or_else(|| panic!("{file}"));
            assert!(!found.dump_copy);
        }
    }

    #[test]
    fn drivers_are_found_by_path_case_and_module_name() {
        let found = driver(r"\SystemRoot\System32\drivers\NVLDDMKM.SYS").unwrap();
        assert_eq!((found.vendor, found.class), ("NVIDIA", "display"));
        assert_eq!(driver("nt").unwrap().class, "kernel");
        assert!(is_microsoft("Ntfs.sys") && is_microsoft("ndis"));
        assert!(!is_microsoft("myfault.sys"));
        assert!(!is_microsoft("atikmdag.sys") && !is_microsoft("unheard-of.sys"));
    }

    #[test]
    fn bad_versions_are_told_with_source_and_year_and_only_where_they_were_published() {
        let told = text::lines(Table::Driver.text())
            .filter_map(|line| text::columns(line).nth(4))
            .inspect(|told| {
                let year = |at: usize| told.get(at..at + 4).and_then(|y| y.parse::<u16>().ok());
                let dated = (0..told.len()).any(|at| year(at).is_some_and(|y| y >= 2015));
                assert!(
                    dated && told.contains('(') && told.ends_with(")."),
                    "{told}"
                );
            });
        assert_eq!(told.count(), 9);
        assert!(driver("npcap").unwrap().known_bad.contains("5.1.84"));
        assert_eq!(driver("nvlddmkm.sys").unwrap().known_bad, "");
    }

    #[test]
    fn a_bad_version_is_told_and_those_beside_it_are_not() {
        let bad = |name, version, build| bad_version(name, version, Some(build)).is_some();
        for (version, is) in [
            ([5, 1, 80, 2000], false),
            ([5, 1, 81, 1], true),
            ([5, 1, 84, 65000], true),
            ([5, 1, 85, 0], false),
            ([5, 1, 60, 1215], true),
            ([5, 1, 61, 0], false),
            ([5, 0, 82, 0], false),
        ] {
            assert_eq!(bad("npcap.sys", version, 19045), is, "{version:?}");
        }
        assert!(bad("intcaudiobus.sys", [10, 29, 0, 5152], 22621));
        assert!(bad("intcaudiobus.sys", [10, 30, 0, 4000], 22000));
        assert!(!bad("intcaudiobus.sys", [10, 29, 0, 5714], 22621));
        assert!(!bad("intcaudiobus.sys", [10, 29, 0, 5152], 19045));
        assert_eq!(
            bad_version("intcaudiobus.sys", [10, 29, 0, 5152], None),
            None
        );
        assert!(!bad("nvlddmkm.sys", [1, 0, 0, 0], 22621));
        assert!(with_bad_versions().eq(["iastorac.sys", "intcaudiobus.sys", "npcap.sys"]));
        assert!(driver("npcap.sys").unwrap().known_bad.starts_with("Npcap"));
    }

    #[test]
    fn a_dump_copy_is_known_by_its_original() {
        let found = driver("dump_iaStorA.sys").unwrap();
        assert_eq!((found.vendor, found.dump_copy), ("Intel", true));
        assert!(driver("hiber_stornvme.sys").unwrap().microsoft);
        assert_eq!(driver("dump_"), None);
    }

    #[test]
    fn a_star_stands_for_any_characters_between_its_neighbours() {
        assert!(fits("qc*7180.sys", "QCWLAN7180.sys"));
        assert!(!fits("qc*7180.sys", "qc710.sys"));
        assert!(!fits("qc*7180.sys", "q"));
        assert_eq!(driver("qcwlan7180.sys").unwrap().vendor, "Qualcomm");
    }

    #[test]
    fn every_name_with_a_star_is_among_the_patterns() {
        let starred = text::lines(Table::Driver.text())
            .map(file_of)
            .filter(|file| file.contains('*'));
        assert!(starred.eq(PATTERNS.lines()));
    }

    #[test]
    fn drivers_that_stand_in_both_tables_agree_about_their_maker() {
        for component in crate::knowledge::integration::components() {
            if let Some(found) = driver(component.file) {
                assert!(found.microsoft, "{}", component.file);
            }
        }
    }
}
