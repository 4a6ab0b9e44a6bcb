//! Files that somebody put beside the dump, and memory in which images among them stand in for what
//! the dump lacks.

use super::{ImageFile, SymbolTable};
use crate::memory::{AddressSpace, Missing, VirtualAddress};
use crate::source::ReadError;
use alloc::vec::Vec;
use core::fmt;

/// The files, by the module that each belongs to.
pub trait Files: fmt::Debug {
    /// The names and types of the module at `base`.
    fn table(&self, base: VirtualAddress) -> Option<&SymbolTable>;
    /// The file of the module at `base`.
    fn image(&self, base: VirtualAddress) -> Option<&ImageFile>;
}

/// No files.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoFiles;

impl Files for NoFiles {
    fn table(&self, _: VirtualAddress) -> Option<&SymbolTable> {
        None
    }

    fn image(&self, _: VirtualAddress) -> Option<&ImageFile> {
        None
    }
}

impl<'a> WithFiles<'a> {
    /// The memory in `space` with the files of the modules at `bases`.
    #[must_use]
    pub fn over(
        space: &'a dyn AddressSpace,
        files: &'a dyn Files,
        bases: impl Iterator<Item = VirtualAddress>,
    ) -> Self {
        let file = |base: VirtualAddress| Some((base.0, files.image(base)?));
        Self {
            space,
            images: bases.filter_map(file).collect(),
        }
    }
}

impl fmt::Debug for WithFiles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WithFiles({} images)", self.images.len())
    }
}

/// Memory, with image files standing in where it is missing.
#[derive(Clone)]
pub struct WithFiles<'a> {
    space: &'a dyn AddressSpace,
    /// By load address.
    images: Vec<(u64, &'a ImageFile)>,
}

impl AddressSpace for WithFiles<'_> {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let Err(why) = self.space.read(address, buf) else {
            return Ok(());
        };
        // What is only not there yet will be.
        if matches!(why, Missing::File(ReadError::NotYet)) {
            return Err(why);
        }
        let found = self.images.iter().find_map(|(base, file)| {
            let rva = address.0.checked_sub(*base)?;
            (rva < u64::from(file.size)).then(|| file.read(rva, buf))?
        });
        found.ok_or(why)
    }
}
