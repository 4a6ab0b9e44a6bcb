//! Where the members of the kernel's structures stand, and where its variables are, without
//! symbols: tables made from the public symbol files of known kernels.
//!
//! Three ways lead to an answer, and every answer says which one it came: a symbol file that the
//! user dropped; the kernel's own identity (GUID and age of its symbol file, or time stamp and
//! size), when it is one of 213 known x64 kernels; the family of its build. Servicing changes
//! layouts within a build (14393, 17763, 19041), so a family may have several rows: [`Layouts::rows`]
//! gives them all, the most probable first, and whoever reads memory tries them against what the
//! figures must obey.
//!
//! Sources: JPCERTCC/Windows-Symbol-Tables (BSD-3-Clause), Vergilius headers through
//! novafacing/vergilius-rs (Apache-2.0), systeminformer's kphdyn (MIT); 26100 as public facts. The
//! tables are `data/layout/*.txt`, written by `scripts/layout-tables.py`.

mod kernels;
mod structures;

#[cfg(test)]
mod tests;

pub use structures::Layout;

use super::{KernelIdentity, Types};
use crate::model::Confidence;
use alloc::vec::Vec;
use kernels::Kernel;

/// IMAGE_FILE_MACHINE_I386.
pub const X86: u16 = 0x014C;
/// IMAGE_FILE_MACHINE_AMD64.
pub const X64: u16 = 0x8664;
/// IMAGE_FILE_MACHINE_ARM64.
pub const ARM64: u16 = 0xAA64;

/// By which way a place was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// A symbol file of this very kernel said it.
    BySymbols,
    /// The kernel is one of those in the tables.
    ByIdentity,
    /// Kernels of this build, or of the nearest known one, have it there.
    ByFamily,
    /// It was searched for, and what stands there obeys what it must.
    ByScan,
}

impl How {
    /// In words, for the source of a figure.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::BySymbols => "symbol file",
            Self::ByIdentity => "layout of this kernel",
            Self::ByFamily => "layout of its build",
            Self::ByScan => "found by its content",
        }
    }
}

/// Where a member stands, and how sure that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Bytes from the start of the structure.
    pub offset: u32,
    /// Bytes that it takes, where that is not the size of a pointer.
    pub width: Option<u8>,
    /// By which way.
    pub how: How,
    /// How sure the table is; what is read with it may still prove it wrong.
    pub confidence: Confidence,
}

fn from_types(types: &dyn Types, structure: &str, member: &str) -> Option<Placed> {
    let found = types.member(structure, member)?;
    Some(Placed {
        offset: found.offset,
        width: found.width,
        how: How::BySymbols,
        confidence: Confidence::Certain,
    })
}

/// One way in which a structure may be laid out: a row of the tables, or what a symbol file says.
#[derive(Clone, Copy, Debug)]
pub struct Shape<'a> {
    structure: &'static str,
    types: Option<&'a dyn Types>,
    layout: Option<Layout>,
}

impl Shape<'_> {
    /// Where a member stands; `None` when there is none.
    #[must_use]
    pub fn member(&self, name: &str) -> Option<Placed> {
        match self.types {
            Some(types) => from_types(types, self.structure, name),
            None => self.layout?.member(name),
        }
    }

    /// The offset alone.
    #[must_use]
    pub fn offset(&self, name: &str) -> Option<u64> {
        self.member(name).map(|placed| placed.offset.into())
    }

    /// Bytes of the whole structure, where known.
    #[must_use]
    pub fn size(&self) -> Option<u32> {
        match self.types {
            Some(types) => types.size(self.structure),
            None => self.layout?.size(),
        }
    }

    /// By which way it was chosen, and how sure that is.
    #[must_use]
    pub fn trust(&self) -> (How, Confidence) {
        self.layout
            .map_or((How::BySymbols, Confidence::Certain), |layout| {
                (layout.how, layout.confidence)
            })
    }

    /// Whether kernels were seen with this layout and with that of another structure.
    #[must_use]
    pub fn goes_with(&self, other: &Shape<'_>) -> bool {
        let (Some(own), Some(other)) = (self.layout, other.layout) else {
            return true;
        };
        own.first.0 <= other.last.0 && other.first.0 <= own.last.0
    }

    /// Whether it is what kernels of this build were seen with, or of that whose kernel it is: an
    /// enablement package switches some to a new number.
    #[must_use]
    pub fn is_of_build(&self, build: u32) -> bool {
        let build = match build {
            18_363 => 18_362,
            26_120 | 26_200 => 26_100,
            build => build,
        };
        self.layout.is_none_or(|layout| layout.is_of_build(build))
    }
}

/// The layouts of one kernel.
#[derive(Clone, Debug)]
pub struct Layouts<'a> {
    identity: KernelIdentity,
    kernel: Option<Kernel>,
    types: Option<&'a dyn Types>,
}

impl<'a> Layouts<'a> {
    /// The layouts for a kernel. When its identity is one of the tables', the exact revision is
    /// known from there.
    #[must_use]
    pub fn for_kernel(identity: &KernelIdentity) -> Self {
        let kernel = Kernel::find(identity);
        let mut identity = *identity;
        if let Some(kernel) = &kernel {
            (identity.build, identity.revision) = (kernel.build, Some(kernel.revision));
        }
        Self {
            identity,
            kernel,
            types: None,
        }
    }

    /// The same, with a symbol file that goes before the tables.
    #[must_use]
    pub fn with_types(mut self, types: Option<&'a dyn Types>) -> Self {
        self.types = types;
        self
    }

    /// Whether the kernel is one of those whose variables are known.
    #[must_use]
    pub fn is_known_kernel(&self) -> bool {
        self.kernel.is_some()
    }

    /// The kernel that they are for.
    #[must_use]
    pub fn identity(&self) -> &KernelIdentity {
        &self.identity
    }

    /// The layouts of a structure, the most probable first: one when it is certain, else those of
    /// other revisions of the build, and those of the nearest builds behind them.
    #[must_use]
    pub fn rows(&self, structure: &str) -> Vec<Layout> {
        structures::rows(&self.identity, self.kernel.is_some(), structure)
    }

    /// The same as [`Layouts::rows`], with what a symbol file says of the structure before them.
    #[must_use]
    pub fn shapes(&self, structure: &'static str) -> Vec<Shape<'a>> {
        let shape = |types, layout| Shape {
            structure,
            types,
            layout,
        };
        let types = self.types.filter(|types| types.size(structure).is_some());
        let types = types.map(|types| shape(Some(types), None));
        let rows = self.rows(structure).into_iter();
        types
            .into_iter()
            .chain(rows.map(|row| shape(None, Some(row))))
            .collect()
    }

    /// Where a member most probably stands.
    #[must_use]
    pub fn member(&self, structure: &str, member: &str) -> Option<Placed> {
        self.from_types(structure, member).or_else(|| {
            let rows = self.rows(structure);
            rows.first()?.member(member)
        })
    }

    /// Where the symbol file says that a member stands.
    #[must_use]
    pub fn from_types(&self, structure: &str, member: &str) -> Option<Placed> {
        from_types(self.types?, structure, member)
    }

    /// The size of a structure; `None` when not known.
    #[must_use]
    pub fn size(&self, structure: &str) -> Option<u32> {
        let types = self.types.and_then(|types| types.size(structure));
        types.or_else(|| self.rows(structure).first()?.size())
    }

    /// Distances in bytes from one variable to another in known kernels of this build, or of the last
    /// build before it that is known: neighbours move together when a kernel is serviced.
    #[must_use]
    pub fn distances(&self, from: &str, to: &str) -> Vec<i64> {
        match self.identity.machine {
            X64 => kernels::distances(self.identity.build, from, to),
            _ => Vec::new(),
        }
    }

    /// Where a variable or function is, relative to the base of the image: only from a symbol file
    /// or by the kernel's identity.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<Placed> {
        let place = |offset, how| Placed {
            offset,
            width: None,
            how,
            confidence: Confidence::Certain,
        };
        let types = self.types.and_then(|types| types.variable(name));
        types.map(|at| place(at, How::BySymbols)).or_else(|| {
            let at = self.kernel.as_ref()?.variable(name)?;
            Some(place(at, How::ByIdentity))
        })
    }
}
