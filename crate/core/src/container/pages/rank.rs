//! How many pages are stored before a given bit of the bitmap: what turns a page frame number
//! into a place in the file without holding the bitmap in memory.
//!
//! The bitmap is streamed once and cut where pages of the file end, so that a look-up reads the
//! bitmap within a single page of the file. A table for 128 MiB of the machine's memory takes
//! eight bytes, which is 256 KiB for 4 TiB. Layout of the bitmap: lowest bit first, as
//! volatility3, kdmp-parser and LeechCore read it.

use super::{PAGE, PagesError};
use crate::container::header::FileRange;
use crate::source::{ReadError, Source};
use alloc::vec::Vec;

/// Bitmap that one step of the streaming reads, in pages of the file: 4 MiB.
const STEP_PAGES: u64 = 1024;
/// The longest bitmap that is streamed: 48 bits of physical address, which is more memory than
/// any Windows supports.
const MAX_BITMAP: u64 = (1 << 36) / 8;

/// The running count of stored pages over a bitmap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranks {
    place: FileRange,
    bits: u64,
    /// Pages stored before each piece of the bitmap; a piece ends where a page of the file does.
    before: Vec<u64>,
    /// Pages stored in all pieces counted so far.
    counted: u64,
    /// Why the rest was not counted.
    ended: Option<ReadError>,
}

/// What one step of the streaming found: the stored pages of each further piece.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RankStep {
    counts: Vec<u16>,
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
                Ok(count) => found.counts.push(count),
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
        for &count in &step.counts {
            self.before.push(self.counted);
            self.counted += u64::from(count);
        }
        self.ended = step.ended;
    }

    /// Bits set in `len` bytes of the bitmap, a page of the file at most.
    fn count(&self, source: &dyn Source, from: u64, len: u64) -> Result<u16, ReadError> {
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
        Ok(ones(bytes))
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
        let mut buf = [0; PAGE as usize];
        let len = (at - from + 1) as usize;
        let bytes = buf.get_mut(..len).unwrap_or_default();
        source.read_at(from, bytes)?;
        let Some((&mut last, rest)) = bytes.split_last_mut() else {
            return Ok(None);
        };
        let bit = pfn % 8;
        if last >> bit & 1 == 0 {
            return Ok(None);
        }
        let below = last & ((1_u8 << bit) - 1);
        Ok(Some(
            before + u64::from(ones(rest)) + u64::from(below.count_ones()),
        ))
    }
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
