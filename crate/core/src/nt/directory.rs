//! The object manager's namespace: directories such as `\Driver` and `\Device`, so that an object can be
//! asked for by its name.
//!
//! Layout: OBJECT_DIRECTORY begins with 37 lists of OBJECT_DIRECTORY_ENTRY, each with the next one of its
//! list, the object, and the hash of its name: Microsoft's public symbols (Vergilius), the same from
//! Windows 7 on. The root is what ObpRootDirectoryObject of the debugger data block points to.

use super::object::Objects;
use super::record::Record;
use super::{DebuggerData, Member};
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use alloc::{string::String, vec::Vec};

/// Lists in a directory.
const BUCKETS: u64 = 37;
/// Objects of one directory that are looked at.
const MAX_ENTRIES: usize = 8_192;
/// Directories inside directories.
const DEEPEST: usize = 8;

/// One object in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The list that it stands in.
    pub bucket: u8,
    /// The object.
    pub object: VirtualAddress,
    /// Its name in the directory.
    pub name: Option<String>,
}

/// The namespace of a dump.
#[derive(Clone, Copy, Debug)]
pub struct Namespace<'a> {
    root: VirtualAddress,
    width: u8,
    objects: Objects<'a>,
}

impl<'a> Namespace<'a> {
    /// The namespace; `None` where the dump does not say where its root is.
    #[must_use]
    pub fn open(
        space: &dyn AddressSpace,
        data: &DebuggerData,
        objects: Objects<'a>,
    ) -> Option<Self> {
        let width = data.pointer_width();
        let variable = data.address(Member::ObpRootDirectoryObject)?;
        let root = space.pointer(variable, width).ok()?;
        (root.0 != 0).then_some(Self {
            root,
            width,
            objects,
        })
    }

    /// What stands in the directory at an address, list by list.
    #[must_use]
    pub fn entries(&self, space: &dyn AddressSpace, directory: VirtualAddress) -> Vec<Entry> {
        let width = u64::from(self.width);
        let heads = Record::new(space, directory, (BUCKETS * width) as u16, self.width);
        let mut found: Vec<Entry> = Vec::new();
        for bucket in 0..BUCKETS {
            let mut next = heads.target(bucket * width);
            let begun = found.len();
            while let Some(at) = next.filter(|_| found.len() < MAX_ENTRIES) {
                let entry = Record::new(space, at, 3 * self.width as u16, self.width);
                let Some(object) = entry.target(width) else {
                    break;
                };
                let mut seen = found.iter().skip(begun);
                if seen.any(|entry| entry.object == object) {
                    break;
                }
                found.push(Entry {
                    bucket: bucket as u8,
                    object,
                    name: self.objects.name(object),
                });
                next = entry.target(0);
            }
        }
        found
    }

    /// The object called so, as `\Driver\disk`.
    #[must_use]
    pub fn find(&self, space: &dyn AddressSpace, path: &str) -> Option<VirtualAddress> {
        let parts = path.split('\\').filter(|part| !part.is_empty());
        let mut at = self.root;
        for part in parts.take(DEEPEST) {
            let entries = self.entries(space, at);
            let called = |entry: &&Entry| {
                let name = entry.name.as_deref();
                let last = name.and_then(|name| name.rsplit('\\').next());
                last.is_some_and(|name| name.eq_ignore_ascii_case(part))
            };
            at = entries.iter().find(called)?.object;
        }
        Some(at)
    }
}
