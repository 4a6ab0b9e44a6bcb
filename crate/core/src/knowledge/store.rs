//! Where the tables' texts are.
//!
//! Natively they are part of the program. A page that must stay small carries them compressed and
//! apart from its code (feature `knowledge-beside`): whoever starts the analyzer hands them over
//! once, as one block of bytes, before anything is looked up. Without them every look-up finds
//! nothing, and nothing worse happens.

#[cfg(any(test, feature = "knowledge-beside"))]
mod unpack;

macro_rules! tables {
    ($($name:ident = $file:literal;)+) => {
        /// One table.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Table { $($name,)+ }

        impl Table {
            /// Every table, in the order of their paths.
            #[cfg(any(test, feature = "knowledge-beside"))]
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
    Family = "family.txt";
    Hresult = "hresult.txt";
    Components = "integration/components.txt";
    Firmware = "integration/firmware.txt";
    Services = "integration/services.txt";
    Versions = "integration/versions.txt";
    Kernels = "layout/kernels.txt";
    Structures = "layout/structures.txt";
    Status = "ntstatus.txt";
    Platform = "platform.txt";
    PoolTag = "pooltag.txt";
    Problem = "problem.txt";
    Secondary = "secondary.txt";
    StatusMeaning = "status-meaning.txt";
    Stretch = "stretch.txt";
    Win32 = "win32.txt";
}

#[cfg(feature = "knowledge-beside")]
mod beside {
    use super::{Table, unpack};
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
    pub fn install(block: &[u8]) -> Result<(), &'static str> {
        let text = unpack::unpack(block).ok_or("at all")?;
        let mut at = 0;
        let tables = text.split(unpack::TABLE).map(|table| {
            let begin = at;
            at = begin + table.len() + unpack::TABLE.len_utf8();
            (begin, table)
        });
        let tables: Vec<(usize, &str)> = tables.collect();
        let place = |path: &'static str| {
            tables.iter().find_map(|(begin, table)| {
                let rest = table.strip_prefix(path)?.strip_prefix('\n')?;
                let end = begin + table.len();
                Some(end - rest.len()..end)
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

#[cfg(all(test, not(feature = "knowledge-beside")))]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_data_folder_is_a_table_in_plain_ascii() {
        extern crate std;
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("data");
        for folder in ["", "bugcheck", "integration"] {
            for entry in std::fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                if path.extension().is_some_and(|e| e == "txt") {
                    let name = path.strip_prefix(&root).unwrap().to_str().unwrap();
                    let known = |(_, file): &&(Table, &str)| *file == name.replace('\\', "/");
                    assert!(Table::ALL.iter().any(|row| known(&row)), "{name}");
                }
            }
        }
        assert!(Table::ALL.is_sorted_by_key(|(_, path)| *path));
        for (table, path) in Table::ALL {
            let plain = |b: u8| b == b'\n' || (0x20..0x7F).contains(&b);
            assert!(table.text().bytes().all(plain), "{path}");
            assert!(table.text().ends_with('\n'), "{path}");
        }
    }
}
