//! The bounded cache of file pages, and the running of steps over it.

use super::{ReadError, Source};
use crate::order;
use alloc::{boxed::Box, collections::BTreeMap, collections::BTreeSet, vec::Vec};
use core::cell::{Cell, RefCell};
use core::fmt;

/// The unit that the cache keeps, in bytes.
pub const PAGE_SIZE: u64 = 0x1000;
/// Pages fetched together where reads are scattered: 32 KiB. A browser's read costs about a
/// millisecond whatever its size up to 64 KiB, so a page alone would be a waste; twice as much would
/// fetch 128 MiB for a large machine's report.
const SCATTERED: u64 = 8;
/// Pages fetched together where the neighbour before is at hand already: 64 KiB.
const NEIGHBOURED: u64 = 16;
/// So many pages that nobody asked for, between two that are wanted, are fetched along: 64 KiB cost less
/// than another read.
const BRIDGED: u64 = 16;
/// What a range that failed is read again in, once: 16 KiB. A bad sector costs no more.
const NARROW: u64 = 4;
/// The longest range that is asked for in one read, in pages: 2 MiB.
const LONGEST: u64 = 512;

/// A range of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
}

/// What was read so far. Counts, because no noisy machine can blur them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// How often the analysis stopped to have something fetched.
    pub rounds: u64,
    /// How many ranges were fetched.
    pub reads: u64,
    /// How many bytes were fetched.
    pub bytes_read: u64,
}

/// What ended a step before it had all it wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The user said stop.
    Cancelled,
    /// The step would have needed more memory than the cache may hold.
    MemoryLimit,
    /// The step asked more often than it may.
    RoundLimit,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cancelled => "the analysis was stopped",
            Self::MemoryLimit => "the memory limit of the analysis was reached",
            Self::RoundLimit => "the limit of read rounds was reached",
        })
    }
}

/// Whether an accepted result rests on everything that the step asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Completeness {
    /// Nothing that was asked for is missing but for what the file does not hold.
    Complete,
    /// The step was run in final mode: what was absent read as [`ReadError::NotRead`].
    Stopped(StopReason),
}

/// What came of running a step once.
#[derive(Debug)]
pub enum Attempt<T> {
    /// The result stands.
    Accepted(T, Completeness),
    /// Something is wanted: fetch [`Cache::take_wanted`], then run the same step again.
    Wanting,
}

/// The bounds of a cache.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// Pages kept, in bytes.
    pub capacity: u64,
    /// Rounds one step may take.
    pub rounds_per_step: u32,
    /// A file up to this length is asked for as a whole at once.
    pub whole_file: u64,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            capacity: 48 << 20,
            rounds_per_step: 400,
            whole_file: 12 << 20,
        }
    }
}

#[derive(Debug)]
struct Page {
    bytes: Box<[u8]>,
    /// The step that touched it last; pages of the running step are not evicted.
    step: Cell<u64>,
    /// When it was touched, for eviction of the longest untouched.
    tick: Cell<u64>,
}

/// A window on a file of any size, kept in bounded memory.
#[derive(Debug)]
pub struct Cache {
    len: u64,
    limits: CacheLimits,
    pages: BTreeMap<u64, Page>,
    failed: BTreeSet<u64>,
    /// Pages of longer ranges that failed.
    narrow: BTreeSet<u64>,
    wanted: RefCell<BTreeSet<u64>>,
    tick: Cell<u64>,
    step: u64,
    rounds_of_step: u32,
    stop: Cell<Option<StopReason>>,
    cancelled: bool,
    stats: Stats,
}

impl Cache {
    /// A cache over a file of `len` bytes, with the usual limits.
    #[must_use]
    pub fn new(len: u64) -> Self {
        Self::with_limits(len, CacheLimits::default())
    }

    /// A cache over a file of `len` bytes.
    #[must_use]
    pub fn with_limits(len: u64, limits: CacheLimits) -> Self {
        Self {
            len,
            limits,
            pages: BTreeMap::new(),
            failed: BTreeSet::new(),
            narrow: BTreeSet::new(),
            wanted: RefCell::default(),
            tick: Cell::new(0),
            step: 1,
            rounds_of_step: 0,
            stop: Cell::new(None),
            cancelled: false,
            stats: Stats::default(),
        }
    }

    /// What was read so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.stats
    }

    /// Reads of a page that was at hand: the work that no count of fetches shows.
    #[must_use]
    pub fn looked_up(&self) -> u64 {
        self.tick.get()
    }

    /// Bytes held in pages now.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.pages.len() as u64 * PAGE_SIZE
    }

    /// The user said stop: every step from now on runs in final mode over what is at hand.
    pub fn cancel(&mut self) {
        self.cancelled = true;
        self.stop.set(Some(StopReason::Cancelled));
    }

    /// Takes [`Cache::cancel`] back: what comes now is another question.
    pub fn resume(&mut self) {
        self.cancelled = false;
        self.stop.set(None);
        self.rounds_of_step = 0;
        self.wanted.borrow_mut().clear();
    }

    /// Whether [`Cache::cancel`] was called.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.cancelled
    }

    /// Runs a step once. After [`Attempt::Wanting`] the caller fetches and runs the same step
    /// again; after [`Attempt::Accepted`] the next step may begin.
    ///
    /// `step` must be a function of the file alone: what it concluded from a run that was not
    /// accepted is thrown away with its result.
    pub fn attempt<T>(&mut self, mut step: impl FnMut(&Self) -> T) -> Attempt<T> {
        let result = step(self);
        if self.wanted.borrow().is_empty() {
            return self.accept(result);
        }
        self.rounds_of_step += 1;
        if self.stop.get().is_none() {
            self.stop.set(self.exceeded_limit());
        }
        if self.stop.get().is_none() {
            return Attempt::Wanting;
        }
        // Final mode: what is absent now reads as NotRead, and that result stands.
        self.wanted.borrow_mut().clear();
        let result = step(self);
        self.accept(result)
    }

    /// The bound that the running step would pass if it were given all it wants.
    fn exceeded_limit(&self) -> Option<StopReason> {
        if self.rounds_of_step > self.limits.rounds_per_step {
            return Some(StopReason::RoundLimit);
        }
        let wanted = self.wanted.borrow().len() as u64 * PAGE_SIZE;
        if wanted + self.held() <= self.limits.capacity {
            return None;
        }
        let touched = self
            .pages
            .values()
            .filter(|page| page.step.get() == self.step)
            .count();
        let needed = touched as u64 * PAGE_SIZE + wanted;
        (needed > self.limits.capacity).then_some(StopReason::MemoryLimit)
    }

    fn accept<T>(&mut self, result: T) -> Attempt<T> {
        let completeness = self
            .stop
            .get()
            .map_or(Completeness::Complete, Completeness::Stopped);
        self.step += 1;
        self.rounds_of_step = 0;
        self.stop
            .set(self.cancelled.then_some(StopReason::Cancelled));
        Attempt::Accepted(result, completeness)
    }

    /// The ranges to fetch now, merged and in order, each to be answered by [`Cache::supply`] or
    /// [`Cache::fail`]. Empties the list and counts a round when there was one.
    pub fn take_wanted(&mut self) -> Vec<Range> {
        let wanted = core::mem::take(&mut *self.wanted.borrow_mut());
        if wanted.is_empty() {
            return Vec::new();
        }
        self.stats.rounds += 1;
        if self.len <= self.limits.whole_file && self.narrow.is_empty() {
            return self.split(0, self.len.div_ceil(PAGE_SIZE));
        }
        let mut ranges = Vec::new();
        let mut run: Option<(u64, u64)> = None;
        let (again, wanted): (Vec<u64>, Vec<u64>) = wanted
            .into_iter()
            .partition(|page| self.narrow.contains(page));
        for page in wanted {
            let block = if page > 0 && self.pages.contains_key(&(page - 1)) {
                (page, page + NEIGHBOURED)
            } else {
                (page - page % SCATTERED, page - page % SCATTERED + SCATTERED)
            };
            run = match run {
                Some((from, to)) if block.0 <= to + BRIDGED => Some((from, to.max(block.1))),
                Some((from, to)) => {
                    ranges.extend(self.split(from, to));
                    Some(block)
                }
                None => Some(block),
            };
        }
        if let Some((from, to)) = run {
            ranges.extend(self.split(from, to));
        }
        let mut last = None;
        for from in again.into_iter().map(|page| page - page % NARROW) {
            if last != Some(from) {
                ranges.extend(self.split(from, from + NARROW));
                last = Some(from);
            }
        }
        ranges
    }

    /// Pages `from..to` as ranges no longer than one read should be, cut at the end of the file.
    fn split(&self, from: u64, to: u64) -> Vec<Range> {
        let end = (to * PAGE_SIZE).min(self.len);
        let mut offset = from * PAGE_SIZE;
        let mut ranges = Vec::new();
        while offset < end {
            let len = (end - offset).min(LONGEST * PAGE_SIZE);
            ranges.push(Range { offset, len });
            offset += len;
        }
        ranges
    }

    /// Answers a range. Fewer bytes than asked for mean that the file has become shorter than it
    /// was; what is missing then reads as [`ReadError::Failed`].
    pub fn supply(&mut self, range: Range, bytes: &[u8]) {
        self.stats.reads += 1;
        self.stats.bytes_read += bytes.len() as u64;
        let first = range.offset / PAGE_SIZE;
        for (page, chunk) in (first..).zip(bytes.chunks(PAGE_SIZE as usize)) {
            if chunk.len() as u64 == self.page_len(page) {
                self.insert(page, chunk);
            } else {
                self.failed.insert(page);
            }
        }
        let answered = first + (bytes.len() as u64).div_ceil(PAGE_SIZE);
        self.failed
            .extend(answered..(range.offset + range.len).div_ceil(PAGE_SIZE));
        self.evict();
    }

    /// The range could not be read. One of 16 KiB or less reads as [`ReadError::Failed`] from now on; of
    /// a longer one what is wanted is asked for again in such pieces.
    pub fn fail(&mut self, range: Range) {
        self.stats.reads += 1;
        if range.len > NARROW * PAGE_SIZE {
            let pages = range.offset / PAGE_SIZE..(range.offset + range.len).div_ceil(PAGE_SIZE);
            self.narrow.extend(pages);
            return;
        }
        let pages = range.offset / PAGE_SIZE..(range.offset + range.len).div_ceil(PAGE_SIZE);
        let absent: Vec<u64> = pages
            .filter(|page| !self.pages.contains_key(page))
            .collect();
        self.failed.extend(absent);
    }

    /// How many bytes of `page` the file holds.
    fn page_len(&self, page: u64) -> u64 {
        self.len.saturating_sub(page * PAGE_SIZE).min(PAGE_SIZE)
    }

    fn insert(&mut self, page: u64, chunk: &[u8]) {
        let tick = self.tick.get();
        self.pages.entry(page).or_insert_with(|| Page {
            bytes: chunk.into(),
            step: Cell::new(0),
            tick: Cell::new(tick),
        });
    }

    /// Drops the longest untouched pages until a quarter of the cap is free. When the running
    /// step alone holds more than the cap, it is stopped instead.
    fn evict(&mut self) {
        let cap = (self.limits.capacity / PAGE_SIZE) as usize;
        if self.pages.len() <= cap {
            return;
        }
        let idle: Vec<(u64, u64)> = self
            .pages
            .iter()
            .filter(|(_, page)| page.step.get() != self.step)
            .map(|(&index, page)| (page.tick.get(), index))
            .collect();
        if self.pages.len() - idle.len() > cap {
            self.stop
                .set(self.stop.get().or(Some(StopReason::MemoryLimit)));
        }
        let excess = self.pages.len() - cap * 3 / 4;
        // Pages that came just now are the youngest, so they go last.
        for (_, index) in order::by_key(idle, |&page| page).into_iter().take(excess) {
            self.pages.remove(&index);
        }
    }

    fn read_page(&self, page: u64, start: usize, out: &mut [u8]) -> Result<(), ReadError> {
        let offset = page * PAGE_SIZE + start as u64;
        if let Some(held) = self.pages.get(&page) {
            held.step.set(self.step);
            self.tick.set(self.tick.get() + 1);
            held.tick.set(self.tick.get());
            let found = held.bytes.get(start..start + out.len());
            out.copy_from_slice(found.ok_or(ReadError::Failed { offset })?);
            return Ok(());
        }
        if self.failed.contains(&page) {
            return Err(ReadError::Failed { offset });
        }
        if let Some(why) = self.stop.get() {
            return Err(ReadError::NotRead { offset, why });
        }
        self.wanted.borrow_mut().insert(page);
        Err(ReadError::NotYet)
    }
}

impl Source for Cache {
    fn len(&self) -> u64 {
        self.len
    }

    /// All pages that the read touches are noted before it answers, so that one failing read asks
    /// for everything it needs.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), ReadError> {
        let wanted = buf.len() as u64;
        match offset.checked_add(wanted) {
            Some(end) if end <= self.len => {}
            _ => {
                return Err(ReadError::Truncated {
                    offset,
                    wanted,
                    len: self.len,
                });
            }
        }
        let mut result = Ok(());
        let mut done = 0;
        while done < buf.len() {
            let at = offset + done as u64;
            let start = (at % PAGE_SIZE) as usize;
            let take = (PAGE_SIZE as usize - start).min(buf.len() - done);
            let read = self.read_page(at / PAGE_SIZE, start, &mut buf[done..done + take]);
            result = result.and(read);
            done += take;
        }
        result
    }
}

#[cfg(test)]
mod tests;
