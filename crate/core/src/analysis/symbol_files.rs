//! Symbol files and images that were put beside the dump, and which module each belongs to.
//!
//! A symbol file is the right one when its GUID and age are those that the image names, an image when
//! its link time and size agree. A minidump seldom holds the page on which an image names its symbol
//! file; then the image itself, put beside it too, says it, or, for known kernels, the tables do. A
//! file that is not the right one is refused, with both identities.

use super::dump::Dump;
use super::identity::Identities;
use crate::container::DumpHeader;
use crate::memory::VirtualAddress;
use crate::model::{Note, Pdb, Report, SymbolFile};
use crate::nt::Module;
use crate::symbols::layout::Layouts;
use crate::symbols::{Files, ImageFile, KernelIdentity, SymbolTable};
use alloc::{format, string::String, vec::Vec};

/// So many files are taken.
const MAX_FILES: usize = 64;

/// Why a file was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SymbolFileError {
    /// It is neither an image nor a table made of a symbol file.
    Unknown,
    /// There are too many.
    TooMany,
}

/// What a file holds.
#[derive(Clone, Debug)]
enum Content {
    Table(SymbolTable),
    Image(ImageFile),
    /// Nothing that can be used: why.
    Unusable(String),
}

/// All files that were given.
#[derive(Clone, Debug, Default)]
pub(super) struct SymbolFiles {
    files: Vec<(String, Content)>,
    /// Where each was found to belong, by load address.
    used: Vec<Option<u64>>,
}

impl SymbolFiles {
    pub(super) fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<(), SymbolFileError> {
        if self.files.len() >= MAX_FILES {
            return Err(SymbolFileError::TooMany);
        }
        let content = if bytes.starts_with(b"MZ") {
            ImageFile::parse(bytes).map(Content::Image)
        } else {
            SymbolTable::parse(bytes).map(Content::Table)
        };
        let content = content.ok_or(SymbolFileError::Unknown)?;
        self.files.push((name.into(), content));
        Ok(())
    }

    /// Notes a file that could not be made use of, for the report to say so.
    pub(super) fn add_unusable(&mut self, name: &str, why: &str) {
        if self.files.len() < MAX_FILES {
            self.files
                .push((name.into(), Content::Unusable(why.into())));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Finds the module of every file, now that the modules and their identities are known.
    pub(super) fn place(&mut self, dump: &Dump<'_>, identities: &Identities) {
        let modules = dump.modules.as_slice();
        let images = self.files.iter().map(|(_, content)| match content {
            Content::Image(file) => modules.iter().find(|m| is_image_of(file, m, identities)),
            Content::Table(_) | Content::Unusable(_) => None,
        });
        self.used = images.map(|found| found.map(|m| m.base.0)).collect();
        let tables = self.files.iter().enumerate().map(|(index, (_, content))| {
            let Content::Table(table) = content else {
                return self.used.get(index).copied().flatten();
            };
            let fits = |module: &&Module| {
                let pdb = self.pdb_of(module, identities);
                is_table_of(table, module, pdb.as_ref(), dump.header)
            };
            modules.iter().find(fits).map(|m| m.base.0)
        });
        self.used = tables.collect();
    }

    fn of(&self, base: VirtualAddress) -> impl Iterator<Item = &Content> {
        let here = move |used: &Option<u64>| *used == Some(base.0);
        self.files
            .iter()
            .zip(&self.used)
            .filter(move |(_, used)| here(used))
            .map(|((_, content), _)| content)
    }

    /// The symbol file that a module names, in the dump or in its own file.
    pub(super) fn pdb_of(&self, module: &Module, identities: &Identities) -> Option<Pdb> {
        let named = identities.get(&module.base.0).and_then(|i| i.pdb.clone());
        named.or_else(|| {
            let found = self.image(module.base)?.code_view()?;
            Some(Pdb::new(&found.name, found.guid, found.age))
        })
    }

    /// Says in the report what became of every file.
    pub(super) fn compose(&self, dump: &Dump<'_>, identities: &Identities, report: &mut Report) {
        for (index, (name, content)) in self.files.iter().enumerate() {
            let base = self.used.get(index).copied().flatten();
            let module = base.and_then(|base| {
                let mut all = dump.modules.as_slice().iter();
                all.find(|m| m.base.0 == base)
            });
            let (kind, identity) = identity(content);
            let why = match module {
                Some(_) => None,
                None => Some(self.why_not(content, &identity, dump, identities)),
            };
            if let Some(why) = &why {
                let text = format!("{name} was not used. {why}");
                report.notes.push(Note::new("symbols-refused", text));
            }
            report.symbol_files.push(SymbolFile {
                name: name.clone(),
                kind,
                identity,
                module: module.map(|m| m.name.clone()),
                used: module.is_some(),
                why,
            });
        }
    }

    /// Why a file belongs to no module: what the module of that name is instead.
    fn why_not(
        &self,
        content: &Content,
        identity: &str,
        dump: &Dump<'_>,
        identities: &Identities,
    ) -> String {
        let modules = dump.modules.as_slice();
        let found = match content {
            Content::Unusable(why) => return format!("The reason: {why}."),
            Content::Table(table) => modules.iter().find(|m| is_called_alike(table.name(), m)),
            // An image does not know its name; the one that it names its symbol file after does.
            Content::Image(file) => file
                .code_view()
                .and_then(|pdb| modules.iter().find(|m| is_called_alike(&pdb.name, m))),
        };
        let Some(module) = found else {
            return format!("This dump lists no module that it belongs to: it is {identity}.");
        };
        let name = &module.name;
        let pdb = self.pdb_of(module, identities);
        let own = match (content, pdb) {
            (Content::Table(_), Some(pdb)) => {
                format!("{} {}, age {}", pdb.name, pdb.guid, pdb.age)
            }
            _ => image_identity(stamp_of(module, identities), module.size),
        };
        let unchecked =
            matches!(content, Content::Table(_)) && self.pdb_of(module, identities).is_none();
        let more = if unchecked {
            " The dump does not say which symbol file that image names; with the image itself \
             beside it, this file can be checked."
        } else {
            ""
        };
        format!("It is {identity}; the {name} of this dump is {own}.{more}")
    }
}

fn identity(content: &Content) -> (&'static str, String) {
    match content {
        Content::Table(table) => {
            let guid = format!("{}", table.guid()).to_ascii_uppercase();
            let text = format!("{} {guid}, age {}", table.name(), table.age());
            ("symbols", text)
        }
        Content::Image(file) => ("image", image_identity(Some(file.timestamp), file.size)),
        Content::Unusable(_) => ("unusable", String::new()),
    }
}

fn image_identity(timestamp: Option<u32>, size: u32) -> String {
    match timestamp {
        Some(timestamp) => format!("linked {timestamp:08X}, {size:#x} bytes"),
        None => format!("{size:#x} bytes, link time not known"),
    }
}

fn stamp_of(module: &Module, identities: &Identities) -> Option<u32> {
    let own = identities.get(&module.base.0).map(|i| i.timestamp);
    module.timestamp.or(own).filter(|&stamp| stamp != 0)
}

fn is_image_of(file: &ImageFile, module: &Module, identities: &Identities) -> bool {
    file.size == module.size && stamp_of(module, identities) == Some(file.timestamp)
}

impl Files for SymbolFiles {
    fn table(&self, base: VirtualAddress) -> Option<&SymbolTable> {
        self.of(base).find_map(|content| match content {
            Content::Table(table) => Some(table),
            Content::Image(_) | Content::Unusable(_) => None,
        })
    }

    fn image(&self, base: VirtualAddress) -> Option<&ImageFile> {
        self.of(base).find_map(|content| match content {
            Content::Image(file) => Some(file),
            Content::Table(_) | Content::Unusable(_) => None,
        })
    }
}

/// Whether the table's names are those of the module.
fn is_table_of(
    table: &SymbolTable,
    module: &Module,
    pdb: Option<&Pdb>,
    header: &DumpHeader,
) -> bool {
    if let Some(pdb) = pdb {
        let same = Pdb::new(table.name(), table.guid(), table.age());
        return pdb.guid == same.guid && pdb.age == same.age;
    }
    if module.symbol_name() != "nt" {
        return false;
    }
    let identity = KernelIdentity {
        machine: header.machine.unwrap_or_default() as u16,
        build: header.minor_version.unwrap_or_default(),
        ..KernelIdentity::default()
    };
    let by_image = Layouts::for_kernel(&KernelIdentity {
        image: module.timestamp.map(|stamp| (stamp, module.size)),
        ..identity
    });
    let by_table = Layouts::for_kernel(&KernelIdentity {
        pdb: Some((table.guid(), table.age())),
        ..identity
    });
    let known = by_image.is_known_kernel() && by_table.is_known_kernel();
    let (a, b) = (by_image.identity(), by_table.identity());
    known && (a.build, a.revision) == (b.build, b.revision)
}

/// Whether a symbol file of that name would be the module's: by their stems, and any kernel's for
/// the kernel.
fn is_called_alike(pdb: &str, module: &Module) -> bool {
    let stem = |name: &str| {
        let name = name.rsplit(['\\', '/']).next().unwrap_or(name);
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        String::from(stem)
    };
    let name = stem(pdb);
    let kernel = ["ntkrnlmp", "ntoskrnl", "ntkrnlpa", "ntkrpamp", "ntkrla57"];
    name.eq_ignore_ascii_case(&stem(&module.name))
        || module.symbol_name() == "nt" && kernel.iter().any(|k| name.eq_ignore_ascii_case(k))
}
