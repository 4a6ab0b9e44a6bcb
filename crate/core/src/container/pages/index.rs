//! From a page frame number to the place of that page in the file.

use super::{PAGE, PageList, PagesError, RankStep, Ranks, StoredPages};
use crate::container::header::Run;
use crate::order;
use crate::source::{ReadError, Source};
use alloc::vec::Vec;

/// Pieces of a bitmap from which on a rough count will do: 32 GiB of the machine's memory.
const MANY_PIECES: u64 = 256;

/// Why a page of the machine cannot be had from the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It was not written to the dump.
    NotStored,
    /// The file could not give the bytes that say where it is, or ends before it, or was not read
    /// yet.
    File(ReadError),
}

impl From<ReadError> for Absent {
    fn from(error: ReadError) -> Self {
        Self::File(error)
    }
}

/// A run with its place among the stored pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PlacedRun {
    run: Run,
    /// Pages stored before it.
    before: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Lookup {
    /// By first page frame.
    Runs(Vec<PlacedRun>),
    Bitmap(Ranks),
}

/// The place of every stored page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageIndex {
    stored: StoredPages,
    lookup: Lookup,
}

impl PageIndex {
    /// From the headers. An index over a bitmap answers nothing before [`PageIndex::step`] was
    /// run to its end.
    ///
    /// # Errors
    /// When the bitmap is longer than can be.
    pub fn new(mut stored: StoredPages) -> Result<Self, PagesError> {
        let lookup = match &mut stored.list {
            PageList::Runs(runs) => Lookup::Runs(placed(&core::mem::take(runs))),
            PageList::Bitmap { place, bits } => Lookup::Bitmap(Ranks::new(*place, *bits)?),
        };
        Ok(Self { stored, lookup })
    }

    /// Steps of counting that are left before the index is complete.
    #[must_use]
    pub fn steps_left(&self) -> u64 {
        match &self.lookup {
            Lookup::Runs(_) => 0,
            Lookup::Bitmap(ranks) => ranks.steps_left(),
        }
    }

    /// Counts on: a bounded piece of the bitmap.
    ///
    /// # Errors
    /// [`ReadError::NotYet`] only.
    pub fn step(&self, source: &dyn Source) -> Result<RankStep, ReadError> {
        match &self.lookup {
            Lookup::Runs(_) => Ok(RankStep::default()),
            Lookup::Bitmap(ranks) => ranks.step(source),
        }
    }

    /// Takes what a step of counting found.
    pub fn take(&mut self, step: &RankStep) {
        if let Lookup::Bitmap(ranks) = &mut self.lookup {
            ranks.take(step);
        }
    }

    /// Counts to the end: for files that can be waited for.
    ///
    /// # Errors
    /// As [`PageIndex::step`].
    pub fn complete(&mut self, source: &dyn Source) -> Result<(), ReadError> {
        while self.steps_left() > 0 {
            let step = self.step(source)?;
            self.take(&step);
        }
        Ok(())
    }

    /// Where the first page stands, and what else the header says. The list of runs is empty here.
    #[must_use]
    pub fn stored(&self) -> &StoredPages {
        &self.stored
    }

    /// Pages that the bitmap marks, where there is one that was read to its end. Fewer or more
    /// than [`StoredPages::present`] mean that header and bitmap do not belong together.
    #[must_use]
    pub fn marked(&self) -> Option<u64> {
        match &self.lookup {
            Lookup::Bitmap(ranks) if ranks.steps_left() == 0 && ranks.ended().is_none() => {
                Some(ranks.counted())
            }
            _ => None,
        }
    }

    /// Where the last page ends, by the header's count and by the bitmap's: the smaller one first.
    /// Secondary data begins at one of them.
    #[must_use]
    pub fn ends(&self) -> (u64, u64) {
        let end = |pages: u64| {
            let bytes = pages.saturating_mul(PAGE);
            self.stored.first_page.saturating_add(bytes)
        };
        let counted = self.stored.present;
        let marked = self.marked().unwrap_or(counted);
        (end(counted.min(marked)), end(counted.max(marked)))
    }

    /// Why the bitmap was not read to its end.
    #[must_use]
    pub fn ended(&self) -> Option<ReadError> {
        match &self.lookup {
            Lookup::Runs(_) => None,
            Lookup::Bitmap(ranks) => ranks.ended(),
        }
    }

    /// The first page frame number above all that can be stored.
    #[must_use]
    pub fn end_frame(&self) -> u64 {
        match &self.lookup {
            Lookup::Runs(runs) => runs
                .last()
                .map_or(0, |last| last.run.base_page.saturating_add(last.run.pages)),
            Lookup::Bitmap(_) => match self.stored.list {
                PageList::Bitmap { bits, .. } => bits,
                PageList::Runs(_) => 0,
            },
        }
    }

    /// How many pages below page frame `pfn` are stored. With `rough`, where a bitmap is long, as
    /// many as can be told without reading it again: below a frame up to 128 MiB lower.
    ///
    /// # Errors
    /// When the bitmap cannot be read there.
    pub fn stored_below(
        &self,
        source: &dyn Source,
        pfn: u64,
        rough: bool,
    ) -> Result<u64, ReadError> {
        match &self.lookup {
            Lookup::Runs(runs) => Ok(runs
                .iter()
                .map(|placed| {
                    let below = pfn.saturating_sub(placed.run.base_page);
                    below.min(placed.run.pages)
                })
                .fold(0, u64::saturating_add)),
            Lookup::Bitmap(ranks) => {
                ranks.before(source, pfn, rough && ranks.counted_pieces() > MANY_PIECES)
            }
        }
    }

    /// Where page frame `pfn` stands in the file.
    ///
    /// # Errors
    /// See [`Absent`].
    pub fn locate(&self, source: &dyn Source, pfn: u64) -> Result<u64, Absent> {
        let rank = match &self.lookup {
            Lookup::Runs(runs) => rank_in(runs, pfn),
            Lookup::Bitmap(ranks) => ranks.rank(source, pfn)?,
        };
        let offset = rank
            .ok_or(Absent::NotStored)?
            .saturating_mul(PAGE)
            .saturating_add(self.stored.first_page);
        if offset >= source.len() {
            return Err(Absent::File(ReadError::Truncated {
                offset,
                wanted: PAGE,
                len: source.len(),
            }));
        }
        Ok(offset)
    }
}

fn placed(runs: &[Run]) -> Vec<PlacedRun> {
    let mut before: u64 = 0;
    let placed: Vec<PlacedRun> = runs
        .iter()
        .map(|&run| {
            let placed = PlacedRun { run, before };
            before = before.saturating_add(run.pages);
            placed
        })
        .filter(|placed| placed.run.pages > 0)
        .collect();
    order::by_key(placed, |placed| (placed.run.base_page, 0))
}

fn rank_in(runs: &[PlacedRun], pfn: u64) -> Option<u64> {
    let after = runs.partition_point(|placed| placed.run.base_page <= pfn);
    let placed = runs.get(after.checked_sub(1)?)?;
    let into = pfn - placed.run.base_page;
    (into < placed.run.pages).then(|| placed.before.saturating_add(into))
}
