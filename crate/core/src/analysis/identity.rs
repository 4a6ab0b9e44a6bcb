//! What the images of loaded drivers say of themselves: link time, symbol file, version.

use crate::image::{Image, ImageError};
use crate::knowledge::integration;
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::{Module, Pdb};
use crate::nt::{self, ModuleList};
use alloc::{collections::BTreeMap, string::String, vec::Vec};

/// What an image says of itself. What its pages do not hold is `None`.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity {
    timestamp: u32,
    checksum: u32,
    pdb: Option<Pdb>,
    version: Option<String>,
}

/// Identities by load address.
pub(super) type Identities = BTreeMap<u64, Identity>;

/// Which images to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// The kernel and the integration components: what conclusions need.
    Needed,
    /// All others.
    Rest,
}

/// Asks the images of `modules`. All are asked before the first is judged, so that their pages
/// are fetched together.
pub(super) fn read(space: &dyn AddressSpace, modules: &ModuleList, which: Which) -> Identities {
    let chosen = modules.as_slice().iter().filter(|module| {
        let needed = module.symbol_name() == "nt" || integration::component(&module.name).is_some();
        needed == (which == Which::Needed)
    });
    chosen
        .filter_map(|module| Some((module.base.0, ask(space, module.base).ok()?)))
        .collect()
}

fn ask(space: &dyn AddressSpace, base: VirtualAddress) -> Result<Identity, ImageError> {
    let image = Image::open(space, base)?;
    let (pdb, version) = (image.code_view(), image.version());
    let pdb = pdb.ok().flatten();
    Ok(Identity {
        timestamp: image.timestamp,
        checksum: image.checksum,
        pdb: pdb.map(|found| Pdb::new(&found.name, found.guid, found.age)),
        version: version.ok().flatten().map(|found| found.number()),
    })
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
