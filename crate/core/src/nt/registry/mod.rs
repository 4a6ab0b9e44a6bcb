//! The registry as it lay in memory: hives, keys and values.
//!
//! A hive in memory is a `_CMHIVE` on the kernel's list `CmpHiveListHead`; its keys and values
//! are cells, and a map of blocks leads from a cell's index to its bytes. What Windows had not
//! touched for a while is not in memory and therefore in no dump, so every answer here may be a
//! [`RegistryError`] that says why. Layouts: see [`layout`]; cells: see [`keys`].

mod cells;
mod details;
mod find;
mod keys;
mod layout;
mod memory;
pub mod signature;
mod text;

pub use cells::Spaces;
pub use details::owner;
pub use find::{Hives, Route, Start, Until};
pub use keys::{Key, Listed, MAX_DATA, Value};
pub use memory::{RegistryMemory, stored};
pub use text::{Kind, number, show, texts};

use crate::memory::{Missing, VirtualAddress};
use crate::model::Gap;
use alloc::{format, string::String};
use core::fmt;
use layout::Layout;

/// Links that lead to links: Windows has one, `CurrentControlSet`.
const MAX_LINKS: u8 = 4;
/// The deepest path that Windows allows.
const MAX_DEPTH: usize = 512;

/// Why a key or a value cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegistryError {
    /// Its memory is missing.
    Missing(Missing),
    /// No hive in memory holds that path.
    NoHive,
    /// The path leads to no key.
    NoKey,
    /// What lies at a cell index is not what should lie there.
    Cell {
        /// The index.
        index: u32,
    },
    /// A list is longer than what is read of it.
    TooMany,
}

impl From<Missing> for RegistryError {
    fn from(missing: Missing) -> Self {
        Self::Missing(missing)
    }
}

impl RegistryError {
    /// This error, unless the earlier one says that bytes are still to come.
    fn graver(self, earlier: Option<Self>) -> Self {
        match earlier {
            Some(Self::Missing(Missing::File(error))) => Self::Missing(Missing::File(error)),
            _ => self,
        }
    }

    /// The reason as the report names it; `None` when nothing is missing and there simply is no
    /// such key or hive.
    #[must_use]
    pub fn gap(self) -> Option<Gap> {
        match self {
            Self::Missing(missing) => Some(missing.gap()),
            Self::Cell { .. } | Self::TooMany => Some(Gap::NotRead),
            Self::NoHive | Self::NoKey => None,
        }
    }
}

/// The reason in words.
impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(missing) => missing.fmt(f),
            Self::NoHive => write!(f, "no hive in memory holds that path"),
            Self::NoKey => write!(f, "there is no such key"),
            Self::Cell { index } => write!(f, "cell {index:#x} does not hold what it should"),
            Self::TooMany => write!(f, "the list is longer than what is read of it"),
        }
    }
}

/// The map of one of a hive's two storages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Storage {
    /// Bytes of cells.
    length: u32,
    /// The directory of the map.
    map: VirtualAddress,
}

impl Storage {
    /// Bytes of cells in it.
    #[must_use]
    pub fn len(self) -> u32 {
        self.length
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.length == 0
    }
}

/// A hive in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hive {
    /// Where its `_CMHIVE` lies.
    pub address: VirtualAddress,
    /// Its file, e.g. `\SystemRoot\System32\Config\SYSTEM`.
    pub file: Option<String>,
    /// Where its root stands in the registry, e.g. `\REGISTRY\MACHINE\SYSTEM`.
    pub path: Option<String>,
    /// Stable and volatile storage.
    pub storage: [Storage; 2],
    /// The cell of its root key, or why it cannot be told.
    root: Result<u32, RegistryError>,
}

impl Hive {
    /// The last part of its path, else of its file.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        let last = |text: &Option<String>| -> Option<usize> {
            let text = text.as_deref()?;
            Some(text.rfind('\\').map_or(0, |at| at + 1))
        };
        let from = |text: &'_ Option<String>, at: usize| text.as_deref()?.get(at..).map(str::len);
        for text in [&self.path, &self.file] {
            if let Some(at) = last(text).filter(|&at| from(text, at).is_some_and(|n| n > 0)) {
                return text.as_deref()?.get(at..);
            }
        }
        None
    }
}

/// The hives, with the memory they lie in.
#[derive(Clone, Copy, Debug)]
pub struct Registry<'a> {
    spaces: Spaces<'a>,
    hives: &'a Hives,
}

impl<'a> Registry<'a> {
    /// The registry whose hives were found.
    #[must_use]
    pub fn new(hives: &'a Hives, spaces: Spaces<'a>) -> Self {
        Self { spaces, hives }
    }

    fn layout(&self) -> &'static Layout {
        self.hives.layout()
    }

    /// The hives that were found.
    #[must_use]
    pub fn hives(&self) -> &'a [Hive] {
        &self.hives.list
    }

    /// The root key of a hive.
    ///
    /// # Errors
    /// When its cell cannot be read.
    pub fn root(&'a self, hive: &'a Hive) -> Result<Key<'a>, RegistryError> {
        Key::at(self, hive, hive.root?)
    }

    /// The key at a cell index of a hive.
    ///
    /// # Errors
    /// When the cell cannot be read, or holds no key.
    pub fn key(&'a self, hive: &'a Hive, index: u32) -> Result<Key<'a>, RegistryError> {
        Key::at(self, hive, index)
    }

    /// Where the cell at an index lies.
    ///
    /// # Errors
    /// When its map cannot be read.
    pub fn cell_address(&self, hive: &Hive, index: u32) -> Result<VirtualAddress, RegistryError> {
        cells::block(self.spaces, self.layout(), hive, index)
    }

    /// The key at `path`: below `HKLM`, `HKEY_LOCAL_MACHINE` or `\REGISTRY\MACHINE`, or in full
    /// as `\REGISTRY\USER\…`. Links are followed.
    ///
    /// # Errors
    /// [`RegistryError::NoKey`] only when every list on the way could be read and does not hold
    /// it; the reason why something could not be read otherwise.
    pub fn open(&'a self, path: &str) -> Result<Key<'a>, RegistryError> {
        self.open_at(&full(path), 0)
    }

    fn open_at(&'a self, path: &str, links: u8) -> Result<Key<'a>, RegistryError> {
        let (hive, rest) = self.hives.holding(path).ok_or(match self.hives.gap {
            // The list of hives was cut: it may be behind the cut.
            Some(missing) => RegistryError::Missing(missing),
            None => RegistryError::NoHive,
        })?;
        let mut key = self.root(hive)?;
        let parts = rest.split('\\').filter(|part| !part.is_empty());
        for (depth, part) in parts.enumerate().take(MAX_DEPTH) {
            let found = key.subkey(part)?;
            key = match found {
                Some(found) if found.is_link() => self.follow(&found, path, links)?,
                Some(found) => found,
                None if depth == 0 && part.eq_ignore_ascii_case(CURRENT) => {
                    self.current_control_set(&key)?
                }
                None => return Err(RegistryError::NoKey),
            };
        }
        Ok(key)
    }

    /// Where a link leads: its value SymbolicLinkValue names the key.
    fn follow(&'a self, link: &Key<'a>, _: &str, links: u8) -> Result<Key<'a>, RegistryError> {
        if links >= MAX_LINKS {
            return Err(RegistryError::TooMany);
        }
        let value = link
            .value("SymbolicLinkValue")?
            .ok_or(RegistryError::NoKey)?;
        let path = crate::source::utf16_lossy(&value.data()?);
        self.open_at(path.trim_end_matches('\0'), links + 1)
    }

    /// `CurrentControlSet` is made anew at every start; which set it is stands in `Select`.
    fn current_control_set(&'a self, root: &Key<'a>) -> Result<Key<'a>, RegistryError> {
        let select = root.subkey("Select")?.ok_or(RegistryError::NoKey)?;
        let current = select.value("Current")?.ok_or(RegistryError::NoKey)?;
        let number = current.data()?;
        let number = number.first().copied().unwrap_or(0);
        root.subkey(&format!("ControlSet{number:03}"))?
            .ok_or(RegistryError::NoKey)
    }
}

/// The link in SYSTEM to the set of settings that this start used.
const CURRENT: &str = "CurrentControlSet";

/// A path as the kernel writes it.
fn full(path: &str) -> String {
    let path = path.trim().trim_end_matches('\\');
    let starts = |prefix: &str| {
        let head = path.get(..prefix.len())?;
        let rest = path.get(prefix.len()..)?;
        let whole = rest.is_empty() || rest.starts_with('\\');
        (head.eq_ignore_ascii_case(prefix) && whole).then_some(rest)
    };
    if starts("\\REGISTRY").is_some() {
        return path.into();
    }
    for prefix in ["HKEY_LOCAL_MACHINE", "HKLM"] {
        if let Some(rest) = starts(prefix) {
            return format!("{MACHINE}{rest}");
        }
    }
    for prefix in ["HKEY_USERS", "HKU"] {
        if let Some(rest) = starts(prefix) {
            return format!("\\REGISTRY\\USER{rest}");
        }
    }
    format!("{MACHINE}\\{}", path.trim_start_matches('\\'))
}

/// Where the hives of the machine stand.
const MACHINE: &str = "\\REGISTRY\\MACHINE";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_understood_in_every_spelling() {
        for path in [
            "HKLM\\SYSTEM\\Select",
            "hkey_local_machine\\SYSTEM\\Select\\",
            "\\REGISTRY\\MACHINE\\SYSTEM\\Select",
            "SYSTEM\\Select",
        ] {
            assert_eq!(full(path), "\\REGISTRY\\MACHINE\\SYSTEM\\Select", "{path}");
        }
        assert_eq!(full("HKU\\S-1-5-18"), "\\REGISTRY\\USER\\S-1-5-18");
        assert_eq!(full("HKLMX\\A"), "\\REGISTRY\\MACHINE\\HKLMX\\A");
    }

    #[test]
    fn a_hive_is_called_by_its_place_and_else_by_its_file() {
        let mut hive = Hive {
            address: VirtualAddress(0x1000),
            file: Some("\\SystemRoot\\System32\\Config\\SYSTEM".into()),
            path: Some("\\REGISTRY\\MACHINE\\OTHER".into()),
            storage: [Storage::default(); 2],
            root: Err(RegistryError::NoKey),
        };
        assert_eq!(hive.name(), Some("OTHER"));
        hive.path = None;
        assert_eq!(hive.name(), Some("SYSTEM"));
        hive.file = Some("\\".into());
        assert_eq!(hive.name(), None);
    }
}
