//! Where the tables' texts are.
//!
//! Natively they are part of the program. A page that must stay small carries them compressed and
//! apart from its code (feature `knowledge-beside`): whoever starts the analyzer hands them over
//! once, as one text ([`pack`] tells its form), before anything is looked up. Without them every
//! look-up finds nothing, and nothing worse happens.

/// What stands before the path of each table in a packed text.
const SEPARATOR: char = '\u{1}';

macro_rules! tables {
    ($($name:ident = $file:literal;)+) => {
        /// One table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Table { $($name,)+ }

        impl Table {
            /// Every table, in the order of their paths.
            const ALL: &'static [(Table, &'static str)] = &[$((Table::$name, $file),)+];

            /// Its text.
            #[cfg(not(feature = "knowledge-beside"))]
            pub(crate) fn text(self) -> &'static str {
                match self { $(Table::$name => include_str!(concat!("../../data/", $file)),)+ }
            }
        }
    };
}

tables! {
    BugCheck000 = "bugcheck/000-03f.txt";
    BugCheck040 = "bugcheck/040-07f.txt";
    BugCheck080 = "bugcheck/080-09f.txt";
    BugCheck0A0 = "bugcheck/0a0-0bf.txt";
    BugCheck0C0 = "bugcheck/0c0-0c6.txt";
    BugCheck0C7 = "bugcheck/0c7-0ff.txt";
    BugCheck100 = "bugcheck/100-13f.txt";
    BugCheck140 = "bugcheck/140-17f.txt";
    BugCheck180 = "bugcheck/180-1ff.txt";
    BugCheckOthers = "bugcheck/others.txt";
    Driver = "driver.txt";
    Components = "integration/components.txt";
    Firmware = "integration/firmware.txt";
    Services = "integration/services.txt";
    Versions = "integration/versions.txt";
    Kernels = "layout/kernels.txt";
    Structures = "layout/structures.txt";
    StatusMeaning = "ntstatus-meaning.txt";
    Status = "ntstatus.txt";
    Platform = "platform.txt";
    PoolTag = "pooltag.txt";
    Secondary = "secondary.txt";
}

#[cfg(feature = "knowledge-beside")]
mod beside {
    use super::{SEPARATOR, Table};
    use alloc::{boxed::Box, string::String, vec::Vec};
    use core::ops::Range;
    use once_cell::race::OnceBox;

    struct Packed {
        text: String,
        /// Where each table's text is, in the order of [`Table::ALL`].
        places: Vec<Range<usize>>,
    }

    static PACKED: OnceBox<Packed> = OnceBox::new();

    impl Table {
        /// Its text; empty while no texts were handed over.
        pub(crate) fn text(self) -> &'static str {
            PACKED
                .get()
                .and_then(|packed| packed.text.get(packed.places.get(self as usize)?.clone()))
                .unwrap_or_default()
        }
    }

    /// Takes the texts of all tables, once; later calls change nothing.
    ///
    /// # Errors
    /// The path of the first table that is missing; then nothing is taken.
    pub fn install(text: String) -> Result<(), &'static str> {
        let place = |path: &'static str| {
            let mut at = 0;
            text.split(SEPARATOR).find_map(|table| {
                let (begin, end) = (at, at + table.len());
                at = end + SEPARATOR.len_utf8();
                let rest = table.strip_prefix(path)?.strip_prefix('\n')?;
                Some(end - rest.len()..end).filter(|place| place.start > begin)
            })
        };
        let places = Table::ALL
            .iter()
            .map(|(_, path)| place(path).ok_or(*path))
            .collect::<Result<Vec<_>, _>>()?;
        // A second call finds the place taken, which is as good.
        let _ = PACKED.set(Box::new(Packed { text, places }));
        Ok(())
    }
}

#[cfg(feature = "knowledge-beside")]
pub use beside::install;

/// All tables as one text: before each, U+0001, its path below `crate/core/data`, and a newline.
#[cfg(not(feature = "knowledge-beside"))]
#[must_use]
pub fn pack() -> alloc::string::String {
    let mut packed = alloc::string::String::new();
    for (table, path) in Table::ALL {
        packed.push(SEPARATOR);
        packed.push_str(path);
        packed.push('\n');
        packed.push_str(table.text());
    }
    packed
}

#[cfg(all(test, not(feature = "knowledge-beside")))]
mod tests {
    use super::*;
    use alloc::{string::String, vec::Vec};

    #[test]
    fn every_table_of_the_data_folder_is_packed() {
        let packed = pack();
        let paths: Vec<&str> = packed
            .split(SEPARATOR)
            .skip(1)
            .filter_map(|table| table.lines().next())
            .collect();
        assert_eq!(paths.len(), Table::ALL.len());
        assert!(paths.is_sorted());
        for (table, path) in Table::ALL {
            assert!(!table.text().contains(SEPARATOR), "{path}");
            assert!(!table.text().is_empty(), "{path}");
        }
        let bytes: usize = Table::ALL
            .iter()
            .map(|(table, path)| table.text().len() + path.len() + 2)
            .sum();
        assert_eq!(bytes, packed.len());
        assert_ne!(String::new(), packed);
    }
}
