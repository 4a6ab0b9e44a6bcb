//! What the images of loaded drivers say of themselves: link time, symbol file, version.

use super::known::Known;
use crate::container::DumpHeader;
use crate::image::{Image, ImageError};
use crate::knowledge::integration;
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::{Guid, Module, Pdb};
use crate::nt::{self, ModuleList};
use crate::order::Map;
use crate::symbols::KernelIdentity;
use alloc::{string::String, vec::Vec};

/// What an image says of itself. What its pages do not hold is `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity {
    pub(super) timestamp: u32,
    checksum: u32,
    pub(super) pdb: Option<Pdb>,
    /// GUID and age of its symbol file.
    symbols: Option<(Guid, u32)>,
    version: Option<String>,
    /// The last part of the version.
    revision: Option<u32>,
}

/// Identities by load address.
pub(super) type Identities = Map<Identity>;

/// Which images to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The kernel and the integration components: what conclusions need.
    Needed,
    /// All others.
    Rest,
    /// All: files were put beside the dump, and which module each belongs to must be known before
    /// names are given.
    All,
}

/// Asks the images of `modules`. All are asked before the first is judged, so that their pages
/// are fetched together.
pub(super) fn read(space: &dyn AddressSpace, modules: &ModuleList, which: Which) -> Identities {
    let chosen = modules.as_slice().iter().filter(|module| {
        let needed = module.symbol_name() == "nt" || integration::component(&module.name).is_some();
        which == Which::All || needed == (which == Which::Needed)
    });
    chosen
        .filter_map(|module| Some((module.base.0, ask(space, module.base).ok()?)))
        .collect()
}

fn ask(space: &dyn AddressSpace, base: VirtualAddress) -> Result<Identity, ImageError> {
    let image = Image::open(space, base)?;
    let (pdb, version) = (image.code_view(), image.version());
    let pdb = pdb.ok().flatten();
    let version = version.ok().flatten();
    Ok(Identity {
        timestamp: image.timestamp,
        checksum: image.checksum,
        symbols: pdb.as_ref().map(|found| (found.guid, found.age)),
        pdb: pdb.map(|found| Pdb::new(&found.name, found.guid, found.age)),
        revision: version
            .as_ref()
            .map(|found| u32::from(found.file_version[3])),
        version: version.map(|found| found.number()),
    })
}

/// Which kernel it is, as far as its image and the header say.
pub(super) fn kernel(header: &DumpHeader, known: &Known) -> KernelIdentity {
    let dump = known.dump();
    let module = dump.as_ref().and_then(|dump| {
        let base = dump.kernel_base()?;
        dump.modules.find(base)
    });
    let found = module.and_then(|module| known.identities.get(&module.base.0));
    KernelIdentity {
        machine: header.machine.unwrap_or_default() as u16,
        build: header.minor_version.unwrap_or_default(),
        revision: found
            .and_then(|found| found.revision)
            .or_else(|| of_lab(dump.as_ref()?.build_lab?, header.minor_version?)),
        pdb: found.and_then(|found| found.symbols),
        image: module
            .zip(found)
            .map(|(module, found)| (found.timestamp, module.size)),
    }
}

/// The revision in the build lab string, where it has one: in later builds than 14393 a 0 or 1
/// stands in its place.
fn of_lab(lab: &str, build: u32) -> Option<u32> {
    let mut parts = lab.split('.').map_while(|part| part.parse().ok());
    let named: u32 = parts.next()?;
    let revision = parts.next().filter(|_| named == build)?;
    (revision > 1).then_some(revision)
}

/// Adds what the image said to the module as the loader lists it.
pub(super) fn with(module: &nt::Module, identities: &Identities) -> nt::Module {
    let mut module = module.clone();
    if let Some(found) = identities.get(&module.base.0) {
        module.timestamp = Some(found.timestamp).filter(|&stamp| stamp != 0);
        module.checksum = module.checksum.or(Some(found.checksum));
    }
    module
}

/// The integration components among the modules, with the link times of their images: the
/// loader's list has none of its own.
pub(super) fn components(modules: &ModuleList, identities: &Identities) -> ModuleList {
    let chosen = modules.as_slice().iter();
    let chosen = chosen.filter(|module| integration::component(&module.name).is_some());
    ModuleList::new(chosen.map(|module| with(module, identities)).collect())
}

/// Adds what only the image says.
pub(super) fn complete(module: &mut Module, identities: &Identities) {
    if let Some(found) = identities.get(&module.base.0) {
        module.pdb.clone_from(&found.pdb);
        module.version.clone_from(&found.version);
    }
}

/// File versions by file name.
pub(super) fn versions(modules: &ModuleList, identities: &Identities) -> Vec<(String, String)> {
    let known = modules.as_slice().iter().filter_map(|module| {
        let version = identities.get(&module.base.0)?.version.as_ref()?;
        Some((module.name.clone(), version.clone()))
    });
    known.collect()
}
