//! The parts of the system partition around its visible part: its commitment and its lists of pages.
//!
//! Where they stand is as far from Vp as the layout of the whole says; the lists must add up to what
//! is available. Sources as for the visible part.

use super::{BAD, FREE, OTHER_LIST, Place, STANDBY, ZEROED, is_other_list, list};
use crate::memory::VirtualAddress;
use crate::model::Confidence;
use crate::nt::memory_manager::{MemoryManager, Reader, globals, source, sure};
use crate::symbols::layout::{How, Shape};
use alloc::format;

const LISTS_HOLD: &str = "it is zero there, but the lists it is made of are not";

/// The parts of the partition around Vp: its commitment and its lists of pages.
pub(super) struct Parts<'a, 'r> {
    pub reader: &'r Reader<'a>,
    pub place: Place,
    pub trust: (How, Confidence),
    /// Whether lists of pages name themselves.
    pub named: bool,
}

/// A layout of the whole partition that was tried.
struct Trial<'a> {
    base: VirtualAddress,
    row: Shape<'a>,
    /// The commitment's figures are in order.
    commit: bool,
    /// The shape of the page lists that adds up to what is available.
    lists: Option<Shape<'a>>,
    exact: bool,
}

impl<'a> Parts<'a, '_> {
    /// Reads them, and says where the partition begins.
    pub fn read(&self, found: &mut MemoryManager) -> Option<VirtualAddress> {
        let mut best: Option<(u32, Trial<'a>)> = None;
        for row in self.reader.shapes("_MI_PARTITION") {
            let Some(trial) = self.attempt(row, found) else {
                continue;
            };
            let score = 2 * u32::from(trial.lists.is_some())
                + u32::from(trial.commit)
                + u32::from(trial.exact);
            if best.as_ref().is_none_or(|best| score > best.0) {
                best = Some((score, trial));
            }
            // None of the others can fit better, and each costs a read.
            let whole = score == 3 + u32::from(self.place.base.is_some());
            if whole || self.reader.pending.get() {
                break;
            }
        }
        if found.pages("available") == Some(0) && !self.reader.pending.get() {
            self.doubt_nothing_available(found);
        }
        let own = |trial: &Trial<'_>| {
            let shapes = self.reader.shapes("_MI_PARTITION_PAGE_LISTS");
            let first = shapes
                .first()
                .and_then(|shape| shape.offset("FreePageListHead"));
            let fits = trial
                .lists
                .is_some_and(|shape| shape.offset("FreePageListHead") == first);
            self.place.expected && (fits || found.pages("available") == Some(0))
        };
        if !best.as_ref().is_some_and(|(_, trial)| own(trial)) {
            self.reader.astray.set(true);
        }
        let (_, trial) = best?;
        self.commit(&trial, found);
        self.lists(&trial, found);
        let sure = trial.exact || trial.lists.is_some();
        self.place.base.or(Some(trial.base).filter(|_| sure))
    }

    /// No page was available: so none is on the lists either, wherever a known layout has them.
    fn doubt_nothing_available(&self, found: &mut MemoryManager) {
        let mut seen = false;
        for row in self.reader.shapes("_MI_PARTITION") {
            let lists = row.offset("PageLists").zip(row.offset("Vp"));
            let at = lists.and_then(|(lists, vp)| match self.place.base {
                Some(base) => base.checked_add(lists),
                None => Some(VirtualAddress(
                    self.place.at.0.checked_sub(vp)?.checked_add(lists)?,
                )),
            });
            for shape in self.reader.shapes("_MI_PARTITION_PAGE_LISTS") {
                let Some(at) = at else { continue };
                let total =
                    |member, name| Some(list(self.reader, at, &shape, (member, name), true)?.0);
                let free = total("FreePageListHead", FREE);
                let both = free.zip(total("StandbyPageListHead", STANDBY));
                seen |= both.is_some();
                let zeroed = || self.reader.value(at, &shape, "ZeroedPageListHead");
                if both.is_some_and(|(free, standby)| free | standby | zeroed().unwrap_or(0) > 0) {
                    found.withhold("available", LISTS_HOLD);
                    return;
                }
            }
        }
        if !seen {
            found.withhold("available", "it is zero there, and nothing confirms it");
        }
    }

    fn attempt(&self, row: Shape<'a>, found: &MemoryManager) -> Option<Trial<'a>> {
        let vp = row.offset("Vp")?;
        let base = match self.place.base {
            Some(base) => base,
            None => VirtualAddress(self.place.at.0.checked_sub(vp)?),
        };
        let exact = self.place.base.is_some() && base.checked_add(vp) == Some(self.place.at);
        let mut trial = Trial {
            base,
            row,
            commit: false,
            lists: None,
            exact,
        };
        trial.commit = self.commit_fits(&trial, found).unwrap_or(false);
        let shapes = self.reader.shapes("_MI_PARTITION_PAGE_LISTS");
        trial.lists = shapes
            .into_iter()
            .find(|shape| self.lists_fit(&trial, shape, found).unwrap_or(false));
        Some(trial)
    }

    fn commit_fits(&self, trial: &Trial<'_>, found: &MemoryManager) -> Option<bool> {
        let at = trial.base.checked_add(trial.row.offset("Commit")?)?;
        let shape = *self.reader.shapes("_MI_PARTITION_COMMIT").first()?;
        let peak = self.reader.value(at, &shape, "PeakCommitment")?;
        let most = self.reader.value(at, &shape, "TotalCommitLimitMaximum")?;
        let (committed, limit) = (found.pages("committed")?, found.pages("commit_limit")?);
        Some(committed <= peak && peak <= most && limit <= most)
    }

    fn lists_fit(
        &self,
        trial: &Trial<'_>,
        shape: &Shape<'_>,
        found: &MemoryManager,
    ) -> Option<bool> {
        let at = trial.base.checked_add(trial.row.offset("PageLists")?)?;
        // A list that names itself another one is another one.
        let number =
            |member, name| Some(list(self.reader, at, shape, (member, name), self.named)?.0);
        let available = found.pages("available")?;
        let zeroed = number("ZeroedPageListHead", ZEROED)?;
        let idle = zeroed.checked_add(number("FreePageListHead", FREE)?)?;
        let standby = match number("StandbyPageListHead", STANDBY)? {
            0 => self.standby_sum(at, shape)?,
            standby => standby,
        };
        let sum = idle.checked_add(standby)?;
        // Pages come and go while the processors are stopped one by one.
        Some(available > 0 && sum.abs_diff(available) <= (available / 50).max(0x400))
    }

    /// Whether the lists make up what is available to the page.
    fn add_up(&self, at: VirtualAddress, shape: &Shape<'_>, found: &MemoryManager) -> Option<bool> {
        let number = |member| self.reader.value(at, shape, member);
        let standby = match number("StandbyPageListHead")? {
            0 => self.standby_sum(at, shape)?,
            standby => standby,
        };
        let idle = number("ZeroedPageListHead")?.checked_add(number("FreePageListHead")?)?;
        Some(idle.checked_add(standby) == found.pages("available"))
    }

    fn standby_sum(&self, lists: VirtualAddress, shape: &Shape<'_>) -> Option<u64> {
        let at = lists.checked_add(shape.offset("StandbyPageListByPriority")?)?;
        let stride = self.stride()?;
        (0..8_u64).try_fold(0_u64, |sum, index| {
            let at = at.checked_add(index * u64::from(stride))?;
            sum.checked_add(self.reader.int(at, self.reader.width()).ok()?)
        })
    }

    /// Bytes from one list head to the next.
    fn stride(&self) -> Option<u32> {
        self.reader.shapes("_MMPFNLIST").first()?.size()
    }

    fn commit(&self, trial: &Trial<'_>, found: &mut MemoryManager) {
        if !(trial.commit || trial.exact && self.place.expected) {
            return;
        }
        let at = trial
            .row
            .offset("Commit")
            .and_then(|offset| trial.base.checked_add(offset));
        let shapes = self.reader.shapes("_MI_PARTITION_COMMIT");
        let (Some(at), Some(shape)) = (at, shapes.first()) else {
            return;
        };
        let confidence = sure(self.trust.1, trial.commit, trial.commit);
        for (name, member) in [
            ("committed_peak", "PeakCommitment"),
            ("commit_limit_maximum", "TotalCommitLimitMaximum"),
        ] {
            let value = self.reader.number(at, shape, member);
            let text = source("MiSystemPartition.Commit", member, self.trust.0);
            found.put(name, value, text, confidence);
        }
    }

    fn lists(&self, trial: &Trial<'_>, found: &mut MemoryManager) {
        let at = trial
            .row
            .offset("PageLists")
            .and_then(|offset| trial.base.checked_add(offset));
        let expected = self
            .reader
            .shapes("_MI_PARTITION_PAGE_LISTS")
            .into_iter()
            .next();
        // Lists that do not add up are shown only where this very kernel has them.
        let exact = expected.filter(|_| trial.exact && self.place.expected);
        let (Some(at), Some(shape)) = (at, trial.lists.or(exact)) else {
            return;
        };
        let place = "MiSystemPartition.PageLists";
        let fits = trial.lists.is_some();
        let confidence = sure(self.trust.1, fits, fits);
        let mut astray = false;
        let own = |member, name| list(self.reader, at, &shape, (member, name), true).is_some();
        let named =
            self.named || own("FreePageListHead", FREE) || own("StandbyPageListHead", STANDBY);
        for (name, member) in [
            ("zeroed", "ZeroedPageListHead"),
            ("free", "FreePageListHead"),
            ("standby", "StandbyPageListHead"),
            ("bad_pages", "BadPageListHead"),
        ] {
            let value = self.reader.number(at, &shape, member);
            found.put(name, value, source(place, member, self.trust.0), confidence);
            let list_name = match name {
                "zeroed" => ZEROED,
                "free" => FREE,
                "standby" => STANDBY,
                _ => BAD,
            };
            // Zeroed pages name themselves 0, as an empty place does, and the head of all standby pages
            // may be out of use: then the sum decides, of nothing to the page.
            let empty = value == Some(Ok(0));
            let other = name == "zeroed" && empty
                || is_other_list(self.reader, at, &shape, (member, list_name), named);
            let proven = || match name {
                "zeroed" | "standby" => !empty || self.add_up(at, &shape, found) == Some(true),
                _ => false,
            };
            if other && !(fits && proven()) {
                found.withhold(name, OTHER_LIST);
                astray = true;
            }
        }
        let private = self.reader.number(at, &shape, "TransitionPrivatePages");
        let shared = self.reader.number(at, &shape, "TransitionSharedPages");
        // Nothing proves these where kernels of this build are not known, or one of them is nothing.
        let own = shape.is_of_build(self.reader.target.layouts.identity().build);
        let alike = |private: &Result<u64, _>, shared| (*private == Ok(0)) == (shared == Ok(0));
        if let (Some(private), Some(shared)) = (private, shared)
            && own
            && alike(&private, shared)
        {
            let sum = private.and_then(|private| Ok(private.saturating_add(shared?)));
            let text = source(
                place,
                "TransitionPrivatePages and TransitionSharedPages",
                self.trust.0,
            );
            found.put("transition", Some(sum), text, confidence);
        }
        if astray && !fits {
            found.withhold("standby", OTHER_LIST);
            return;
        }
        let member = "StandbyPageListByPriority";
        let heads = shape
            .offset(member)
            .and_then(|offset| at.checked_add(offset));
        if let (Some(heads), Some(stride)) = (heads, self.stride()) {
            let place = format!("{place}.{member}");
            globals::priorities(
                self.reader,
                heads,
                stride,
                &place,
                (self.trust.0, confidence),
                found,
            );
        }
    }
}
