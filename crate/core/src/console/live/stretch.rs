//! A stretch of memory, byte by byte, with the reason for each byte that is missing.

use crate::memory::{AddressSpace, Missing, PhysicalAddress, PhysicalMemory, VirtualAddress};
use crate::nt::Space;
use alloc::{vec, vec::Vec};

/// The longest stretch that is read in one piece, in bytes.
pub const MAX_STRETCH: u64 = 0x1_0000;
const PAGE: u64 = 0x1000;

/// Bytes that are missing for one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The first of them.
    pub at: u64,
    /// How many.
    pub len: u64,
    /// Why.
    pub why: Missing,
}

/// A stretch of memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch {
    /// Its address.
    pub at: u64,
    /// Its bytes, `None` where one is missing.
    pub bytes: Vec<Option<u8>>,
    /// What is missing, by address.
    pub holes: Vec<Hole>,
}

impl Stretch {
    /// A little-endian number of `len` bytes, `from` bytes behind the start.
    #[must_use]
    pub fn number(&self, from: usize, len: usize) -> Option<u64> {
        let bytes = self.bytes.get(from..from.checked_add(len)?)?;
        bytes
            .iter()
            .rev()
            .try_fold(0, |value: u64, byte| Some(value << 8 | u64::from((*byte)?)))
    }

    fn miss(&mut self, at: u64, len: u64, why: Missing) {
        match self.holes.last_mut() {
            Some(last) if last.at + last.len == at && alike(last.why, why) => last.len += len,
            _ => self.holes.push(Hole { at, len, why }),
        }
    }
}

/// Whether two pages are missing for the same reason; the place they would have is another.
fn alike(one: Missing, other: Missing) -> bool {
    match (one, other) {
        (Missing::NotInDump(_), Missing::NotInDump(_)) => true,
        (Missing::File(one), Missing::File(other)) => {
            core::mem::discriminant(&one) == core::mem::discriminant(&other)
        }
        (one, other) => one == other,
    }
}

pub(super) fn of_virtual(space: &Space<'_>, at: u64, len: u64) -> Stretch {
    let alike = |at: u64| match space {
        Space::Blocks(blocks) => blocks.map().alike(at),
        _ => PAGE - at % PAGE,
    };
    gather(at, len, alike, |at, buf| {
        space.read(VirtualAddress(at), buf)
    })
}

pub(super) fn of_physical(memory: Option<PhysicalMemory<'_>>, at: u64, len: u64) -> Stretch {
    gather(
        at,
        len,
        |at| PAGE - at % PAGE,
        |at, buf| match memory {
            Some(memory) => memory.read(PhysicalAddress(at), buf),
            None => Err(Missing::Unmapped),
        },
    )
}

/// Reads piece by piece; `alike` says how many bytes share one fate. Pieces behind one that is not
/// fetched yet are asked for too.
fn gather(
    at: u64,
    len: u64,
    alike: impl Fn(u64) -> u64,
    read: impl Fn(u64, &mut [u8]) -> Result<(), Missing>,
) -> Stretch {
    let mut stretch = Stretch {
        at,
        ..Stretch::default()
    };
    let mut at = at;
    let mut rest = len.min(MAX_STRETCH).min((u64::MAX - at).saturating_add(1));
    while rest > 0 {
        let take = alike(at).clamp(1, rest);
        let mut buf = vec![0; take as usize];
        match read(at, &mut buf) {
            Ok(()) => stretch.bytes.extend(buf.into_iter().map(Some)),
            Err(why) => {
                stretch.miss(at, take, why);
                let missing = stretch.bytes.len() + take as usize;
                stretch.bytes.resize(missing, None);
            }
        }
        rest -= take;
        at = at.wrapping_add(take);
    }
    stretch
}
