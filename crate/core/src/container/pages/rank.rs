//! How many pages are stored before a given bit of the bitmap: what turns a page frame number
//! into a place in the file without holding the bitmap in memory.
//!
//! The bitmap is streamed once and cut where pages of the file end, so that a look-up reads the
//! bitmap within a single page of the file. A table for 128 MiB of the machine's memory takes
//! eight bytes, which is 256 KiB for 4 TiB. Pieces that hold few pages, or lack few, or all that fit a
//! bound, are kept as they are counted, so that most look-ups read nothing at all. Layout of the bitmap: lowest bit first, as
//! volatility3, kdmp-parser and LeechCore read it.

use super::{PAGE, PagesError};
use crate::container::header::FileRange;
use crate::source::{ReadError, Source};
use alloc::{boxed::Box, vec::Vec};

/// Bitmap that one step of the streaming reads, in pages of the file: 4 MiB.
const STEP_PAGES: u64 = 1024;
/// The longest bitmap that is streamed: 48 bits of physical address, which is more memory than
/// any Windows supports.
const MAX_BITMAP: u64 = (1 << 36) / 8;

/// Bytes of bitmap that are kept in memory; pieces of nothing but zeros or ones take none.
const MOST_KEPT: usize = 6 << 20;
/// Bytes that a bit set takes when a piece is kept as a list of them.
const LISTED: usize = 2;

/// A piece of the bitmap as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kept {
    /// No page is stored, or all are.
    Uniform(bool),
    /// The bits that are set, in order.
    Listed(Box<[u16]>),
    /// The bytes.
    Whole(Box<[u8]>),
    /// Not kept: it is read again where it is needed.
    Not,
}

impl Kept {
    /// The smallest form of `bytes`, in which `count` bits are set.
    fn of(bytes: &[u8], count: u16) -> Self {
        let count = usize::from(count);
        if count == 0 || count == bytes.len() * 8 {
            return Self::Uniform(count > 0);
        }
        if count * LISTED >= bytes.len() {
            return Self::Whole(bytes.into());
        }
        let bits = (0_u16..).zip(bytes).filter(|&(_, &byte)| byte != 0);
        let listed = bits.flat_map(|(at, &byte)| {
            let set = (0..8_u16).filter(move |bit| byte >> bit & 1 != 0);
            set.map(move |bit| at * 8 + bit)
        });
        Self::Listed(listed.collect())
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Uniform(_) | Self::Not => 0,
            Self::Listed(bits) => bits.len() * LISTED,
            Self::Whole(bytes) => bytes.len(),
        }
    }
}

/// The running count of stored pages over a bitmap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranks {
    place: FileRange,
    bits: u64,
    /// Pages stored before each piece of the bitmap; a piece ends where a page of the file does.
    before: Vec<u64>,
    /// The pieces themselves.
    kept: Vec<Kept>,
    /// Bytes that they take.
    kept_bytes: usize,
    /// Pages stored in all pieces counted so far.
    counted: u64,
    /// Why the rest was not counted.
    ended: Option<ReadError>,
}

/// What one step of the streaming found: the stored pages of each further piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RankStep {
    pieces: Vec<(u16, Kept)>,
    ended: Option<ReadError>,
}

impl Ranks {
    /// Nothing counted yet of the bitmap at `place` with `bits` bits.
    ///
    /// # Errors
    /// When the bitmap is longer than any machine's.
    pub fn new(place: FileRange, bits: u64) -> Result<Self, PagesError> {
        if place.len > MAX_BITMAP || place.offset.checked_add(place.len).is_none() {
            return Err(PagesError::Implausible {
                offset: place.offset,
                found: bits,
            });
        }
        Ok(Self {
            place,
            bits,
            before: Vec::new(),
            kept: Vec::new(),
            kept_bytes: 0,
            counted: 0,
            ended: None,
        })
    }

    /// Pieces of the bitmap.
    fn pieces(&self) -> u64 {
        let end = self.place.offset + self.place.len;
        end.div_ceil(PAGE) - self.place.offset / PAGE
    }

    /// Steps that are left.
    #[must_use]
    pub fn steps_left(&self) -> u64 {
        if self.ended.is_some() {
            return 0;
        }
        (self.pieces() - self.before.len() as u64).div_ceil(STEP_PAGES)
    }

    /// Stored pages counted so far; of the whole bitmap once no step is left.
    #[must_use]
    pub fn counted(&self) -> u64 {
        self.counted
    }

    /// Why the count ended before the bitmap did.
    #[must_use]
    pub fn ended(&self) -> Option<ReadError> {
        self.ended
    }

    /// The bytes of the bitmap in `piece`: where in the file, and how many.
    fn extent(&self, piece: u64) -> (u64, u64) {
        let page = (self.place.offset / PAGE + piece) * PAGE;
        let from = page.max(self.place.offset);
        let to = (page + PAGE).min(self.place.offset + self.place.len);
        (from, to.saturating_sub(from))
    }

    /// Counts the next pieces. All of them are asked for before the first is judged.
    ///
    /// # Errors
    /// [`ReadError::NotYet`] only; what else keeps the bitmap from being read ends the count.
    pub fn step(&self, source: &dyn Source) -> Result<RankStep, ReadError> {
        let first = self.before.len() as u64;
        let mut found = RankStep::default();
        let mut waiting = false;
        for piece in first..self.pieces().min(first + STEP_PAGES) {
            let (from, len) = self.extent(piece);
            match self.count(source, from, len) {
                Ok(piece) => found.pieces.push(piece),
                Err(ReadError::NotYet) => waiting = true,
                Err(why) => {
                    found.ended = Some(why);
                    break;
                }
            }
        }
        if waiting {
            return Err(ReadError::NotYet);
        }
        Ok(found)
    }

    /// Takes what a step found.
    pub fn take(&mut self, step: &RankStep) {
        for (count, kept) in &step.pieces {
            self.before.push(self.counted);
            self.counted += u64::from(*count);
            let bytes = self.kept_bytes + kept.bytes();
            let fits = bytes <= MOST_KEPT;
            self.kept.push(if fits { kept.clone() } else { Kept::Not });
            self.kept_bytes = if fits { bytes } else { self.kept_bytes };
        }
        self.ended = step.ended;
    }

    /// Bits set in `len` bytes of the bitmap, a page of the file at most, and how they are kept.
    fn count(&self, source: &dyn Source, from: u64, len: u64) -> Result<(u16, Kept), ReadError> {
        let mut buf = [0; PAGE as usize];
        let bytes = buf.get_mut(..len as usize).unwrap_or_default();
        source.read_at(from, bytes)?;
        // Bits behind the last one count for nothing.
        let end = self.place.offset + self.place.len;
        if let (true, Some(last)) = (
            from + len == end && !self.bits.is_multiple_of(8),
            bytes.last_mut(),
        ) {
            *last &= (1 << (self.bits % 8)) - 1;
        }
        let count = ones(bytes);
        Ok((count, Kept::of(bytes, count)))
    }

    /// Pieces counted so far.
    #[must_use]
    pub fn counted_pieces(&self) -> u64 {
        self.before.len() as u64
    }

    /// How many pages are stored before page frame `pfn`, whether it is stored or not. With
    /// `rough`, before the piece in which its bit stands, for which nothing is read.
    ///
    /// # Errors
    /// When the bitmap cannot be read there.
    pub fn before(&self, source: &dyn Source, pfn: u64, rough: bool) -> Result<u64, ReadError> {
        if pfn >= self.bits {
            return Ok(self.counted);
        }
        let at = self.place.offset + pfn / 8;
        let piece = at / PAGE - self.place.offset / PAGE;
        let Some(&before) = self.before.get(piece as usize) else {
            return Err(self.ended.unwrap_or(ReadError::NotYet));
        };
        if rough {
            return Ok(before);
        }
        let (from, _) = self.extent(piece);
        let mut buf = [0; PAGE as usize];
        let bytes = buf.get_mut(..(at - from + 1) as usize).unwrap_or_default();
        source.read_at(from, bytes)?;
        if let Some(last) = bytes.last_mut() {
            *last &= (1_u8 << (pfn % 8)) - 1;
        }
        Ok(before + u64::from(ones(bytes)))
    }

    /// How many pages are stored before page frame `pfn`; `None` when it is not stored itself.
    ///
    /// # Errors
    /// When the bitmap cannot be read there.
    pub fn rank(&self, source: &dyn Source, pfn: u64) -> Result<Option<u64>, ReadError> {
        if pfn >= self.bits {
            return Ok(None);
        }
        let at = self.place.offset + pfn / 8;
        let piece = at / PAGE - self.place.offset / PAGE;
        let Some(&before) = self.before.get(piece as usize) else {
            return Err(self.ended.unwrap_or(ReadError::NotYet));
        };
        let (from, _) = self.extent(piece);
        let into = at - from;
        let bit = into * 8 + pfn % 8;
        let within = match self.kept.get(piece as usize) {
            Some(Kept::Uniform(stored)) => stored.then_some(bit),
            Some(Kept::Listed(bits)) => bits.binary_search(&(bit as u16)).ok().map(|n| n as u64),
            Some(Kept::Whole(bytes)) => rank_in(bytes.get(..=into as usize), bit),
            Some(Kept::Not) | None => {
                let mut buf = [0; PAGE as usize];
                let bytes = buf.get_mut(..=into as usize).unwrap_or_default();
                source.read_at(from, bytes)?;
                rank_in(Some(bytes), bit)
            }
        };
        Ok(within.map(|within| before + within))
    }
}

/// The bits set before `bit`, which is in the last of `bytes`; `None` when it is not set itself.
fn rank_in(bytes: Option<&[u8]>, bit: u64) -> Option<u64> {
    let (&last, rest) = bytes?.split_last()?;
    let bit = bit % 8;
    let below = last & ((1_u8 << bit) - 1);
    let before = u64::from(ones(rest)) + u64::from(below.count_ones());
    (last >> bit & 1 != 0).then_some(before)
}

/// Bits set; a page of the file holds 32768 at most.
fn ones(bytes: &[u8]) -> u16 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words: u32 = words
        .iter()
        .map(|word| u64::from_le_bytes(*word).count_ones())
        .sum();
    let rest: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
    (words + rest) as u16
}
