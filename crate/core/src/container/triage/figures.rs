//! What a minidump knows of the machine's memory: pool and commit figures, where Windows filled
//! them in.
//!
//! A minidump that the crashing kernel of 19041 or 22000 wrote itself has only zeros here. The
//! kernel of 9600 filled them in, and so does every minidump that Windows made afterwards from a
//! kernel dump (TriageOptions 0x41; seen on 19041 and 26100). All figures are pages.

use super::layout::figures as layout;
use super::{Piece, PieceReader, Problem};
use crate::container::header::Width;
use crate::source::{Slice, SourceExt};

/// Figures of the memory manager, in pages of 4 KiB.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryFigures {
    /// The pool tag that special pool is set to.
    pub special_pool_tag: u32,
    /// What the memory manager did about a driver (MiTriageActionTaken).
    pub action_taken: u32,
    /// Driver Verifier's level.
    pub verify_level: u32,
    /// Whether the kernel itself is verified.
    pub kernel_verifier: u32,
    /// The most nonpaged pool there may be.
    pub maximum_nonpaged_pool: u64,
    /// Nonpaged pool in use.
    pub allocated_nonpaged_pool: u64,
    /// The most paged pool there may be.
    pub maximum_paged_pool: u64,
    /// Paged pool in use.
    pub allocated_paged_pool: u64,
    /// Committed now.
    pub committed: u64,
    /// The most that was committed since the start.
    pub committed_peak: u64,
    /// The most that can be committed with the page files at their largest (CommitLimitMaximum).
    pub commit_limit_maximum: u64,
}

impl MemoryFigures {
    /// Whether Windows filled in any commit or pool figure.
    #[must_use]
    pub fn recorded(&self) -> bool {
        self.committed != 0 || self.commit_limit_maximum != 0 || self.allocated_nonpaged_pool != 0
    }
}

impl PieceReader<'_> {
    /// The figures; their layout is only known for 64-bit dumps.
    pub(super) fn memory_figures(&mut self) -> Option<MemoryFigures> {
        let offset = self.u32(self.layout.memory_figures_at);
        if offset == 0 || self.width == Width::Bits32 {
            return None;
        }
        let bytes = self.source.bytes(offset, layout::SIZE);
        let bytes = self.keep(Piece::MemoryFigures, offset, bytes)?;
        let data = Slice(&bytes);
        let u32 = |at| data.u32(at).unwrap_or(0);
        let u64 = |at| data.u64(at).unwrap_or(0);
        if u32(layout::VERSION) != 1 || u64::from(u32(layout::LEN)) < layout::SIZE {
            self.note(Piece::MemoryFigures, Problem::Implausible, offset);
            return None;
        }
        Some(MemoryFigures {
            special_pool_tag: u32(layout::SPECIAL_POOL_TAG),
            action_taken: u32(layout::ACTION_TAKEN),
            verify_level: u32(layout::VERIFY_LEVEL),
            kernel_verifier: u32(layout::KERNEL_VERIFIER),
            maximum_nonpaged_pool: u64(layout::MAXIMUM_NONPAGED_POOL),
            allocated_nonpaged_pool: u64(layout::ALLOCATED_NONPAGED_POOL),
            maximum_paged_pool: u64(layout::MAXIMUM_PAGED_POOL),
            allocated_paged_pool: u64(layout::ALLOCATED_PAGED_POOL),
            committed: u64(layout::COMMITTED),
            committed_peak: u64(layout::COMMITTED_PEAK),
            commit_limit_maximum: u64(layout::COMMIT_LIMIT_MAXIMUM),
        })
    }
}
