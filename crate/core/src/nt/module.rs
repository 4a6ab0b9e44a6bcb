//! Loaded and unloaded modules, and the question every address asks: whose is it?

use crate::memory::{AddressSpace, VirtualAddress};
use crate::order;
use crate::symbols::{Files, WithFiles};
use alloc::{string::String, vec::Vec};

/// A loaded module, as the kernel's list or a triage dump's driver list records it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// File name without path, as recorded.
    pub name: String,
    /// Full path, where one is recorded.
    pub path: Option<String>,
    /// Load address.
    pub base: VirtualAddress,
    /// SizeOfImage, bytes.
    pub size: u32,
    /// Entry point, where recorded.
    pub entry_point: Option<VirtualAddress>,
    /// PE TimeDateStamp: seconds since 1970 UTC, or a hash (see `knowledge`).
    pub timestamp: Option<u32>,
    /// PE checksum.
    pub checksum: Option<u32>,
}

impl Module {
    /// Whether `address` lies in the image.
    #[must_use]
    pub fn contains(&self, address: VirtualAddress) -> bool {
        address
            .0
            .checked_sub(self.base.0)
            .is_some_and(|offset| offset < u64::from(self.size))
    }

    /// The name as symbols use it: lower case, without extension; the kernel is `nt`.
    #[must_use]
    pub fn symbol_name(&self) -> String {
        let lower = self.name.to_ascii_lowercase();
        match lower.as_str() {
            "ntoskrnl.exe" | "ntkrnlmp.exe" | "ntkrnlpa.exe" | "ntkrpamp.exe" | "ntkrla57.exe" => {
                "nt".into()
            }
            _ => lower
                .rsplit_once('.')
                .map_or(lower.clone(), |(stem, _)| stem.into()),
        }
    }
}

/// Modules in load order, with a look-up by address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModuleList {
    modules: Vec<Module>,
    /// Indices by base address.
    order: Vec<usize>,
}

impl ModuleList {
    /// No modules.
    pub const EMPTY: Self = Self {
        modules: Vec::new(),
        order: Vec::new(),
    };

    /// Takes modules in load order.
    #[must_use]
    pub fn new(modules: Vec<Module>) -> Self {
        let order = order::indices(modules.iter().map(|module| (module.base.0, 0)).collect());
        Self { modules, order }
    }

    /// Adds paths, in load order.
    pub fn set_paths(&mut self, paths: Vec<Option<String>>) {
        for (module, path) in self.modules.iter_mut().zip(paths) {
            module.path = path.or_else(|| module.path.take());
        }
    }

    /// In load order.
    #[must_use]
    pub fn as_slice(&self) -> &[Module] {
        &self.modules
    }

    /// The module that holds `address`.
    #[must_use]
    pub fn find(&self, address: VirtualAddress) -> Option<&Module> {
        let after = self
            .order
            .partition_point(|&i| self.modules[i].base <= address);
        let candidate = &self.modules[*self.order.get(after.checked_sub(1)?)?];
        candidate.contains(address).then_some(candidate)
    }

    /// Memory with the files of modules standing in for what is missing.
    #[must_use]
    pub fn over<'a>(&self, space: &'a dyn AddressSpace, files: &'a dyn Files) -> WithFiles<'a> {
        WithFiles::over(space, files, self.modules.iter().map(|module| module.base))
    }

    /// The first module with that file name, whatever its case.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<&Module> {
        self.modules
            .iter()
            .find(|module| module.name.eq_ignore_ascii_case(name))
    }

    /// The kernel: the module at `base` when the debugger data block names it, else the first of
    /// the list, which Windows always loads first.
    #[must_use]
    pub fn kernel(&self, base: Option<VirtualAddress>) -> Option<&Module> {
        base.and_then(|base| self.find(base))
            .or_else(|| self.modules.first())
    }
}

/// A driver that was unloaded before the machine stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnloadedModule {
    /// Its name, cut at 12 characters in triage dumps.
    pub name: String,
    /// Where it began.
    pub start: VirtualAddress,
    /// The first address behind it.
    pub end: VirtualAddress,
    /// When it was unloaded, FILETIME (100 ns since 1601 UTC); triage dumps do not record it.
    pub time: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn list() -> ModuleList {
        let module = |name: &str, base, size| Module {
            name: name.into(),
            base: VirtualAddress(base),
            size,
            ..Module::default()
        };
        ModuleList::new(vec![
            module("ntoskrnl.exe", 0x9000, 0x1000),
            module("hal.dll", 0x2000, 0x800),
            module("Odd.SYS", u64::MAX - 0xFFF, 0x1000),
        ])
    }

    #[test]
    fn an_address_finds_its_module_and_no_other() {
        let list = list();
        let name = |address| list.find(VirtualAddress(address)).map(|m| m.name.as_str());
        assert_eq!(name(0x9000), Some("ntoskrnl.exe"));
        assert_eq!(name(0x27FF), Some("hal.dll"));
        assert_eq!(name(0x2800), None);
        assert_eq!(name(0), None);
        assert_eq!(name(u64::MAX), Some("Odd.SYS"));
    }

    #[test]
    fn symbols_call_the_kernel_nt_and_drop_extensions() {
        let list = list();
        let names: Vec<_> = list.as_slice().iter().map(Module::symbol_name).collect();
        assert_eq!(names, ["nt", "hal", "odd"]);
        assert!(list.by_name("ODD.sys").is_some());
    }
}
