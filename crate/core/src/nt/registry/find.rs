//! Finding the hives: from the head of the kernel's list, else from any hive that the kernel's
//! own data lead to.
//!
//! The list is walked from both ends, because one page that is missing cuts it only once. The
//! hives that every question is about were loaded first and stand at its front.
//! Source: `CmpHiveListHead` in Microsoft's public symbols; the scan of the kernel's data follows
//! how MemProcFS and Volatility look for hives without symbols.

use super::cells::storage;
use super::layout::{self, Layout, SIGNATURE};
use super::{Hive, MACHINE, RegistryError, Storage};
use crate::memory::{AddressSpace, AddressSpaceExt, Missing, VirtualAddress};
use alloc::{vec, vec::Vec};

/// Most hives on the list: a terminal server has four for each of its users.
const MAX_HIVES: usize = 4096;
/// Hives among which those of the machine are, if they are on the list at all.
const MAX_FIRST: usize = 96;
/// Layouts that are tried on one hive.
const MAX_LAYOUTS: usize = 12;
/// Members of _HBASE_BLOCK. Source: the regf documentation of M. Suhanov.
mod base {
    pub const SIGNATURE: [u8; 4] = *b"regf";
    pub const ROOT: u64 = 0x24;
    pub const LEN: usize = 0x28;
}
/// Bytes of the kernel's data that are searched at a time.
const CHUNK: u64 = 0x1000;
/// Addresses that a search follows.
const MAX_TRIED: u32 = 2048;

/// How the hives were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// From the head of the list.
    Head,
    /// From a pointer in the kernel's data.
    Scan,
    /// From a hive's signature among the stored pages.
    Signature,
}

/// Where the walk of the list begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the head of the list.
    Head(VirtualAddress),
    /// At the list entry of a hive.
    Hive(VirtualAddress),
}

/// The hives that were found.
#[derive(Clone, Debug)]
pub struct Hives {
    layout: &'static Layout,
    /// The head of their list, or the entry in it that was found first.
    pub start: Start,
    /// In the order of the list.
    pub list: Vec<Hive>,
    /// Why the list is not whole, if it is not.
    pub gap: Option<Missing>,
    /// How they were found.
    pub route: Route,
}

/// Where to stop walking the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// At its end.
    End,
    /// When SYSTEM, SOFTWARE and HARDWARE were met.
    Machine,
}

/// The hives that say what the machine is and how it was set up.
const WANTED: [&str; 3] = ["SYSTEM", "SOFTWARE", "HARDWARE"];

impl Hives {
    /// The layout that fits them.
    pub(super) fn layout(&self) -> &'static Layout {
        self.layout
    }

    /// Walks the list from its head, or from one of its entries.
    ///
    /// # Errors
    /// When neither of its ends leads to a hive.
    pub fn from(
        kernel: &dyn AddressSpace,
        width: u8,
        build: u32,
        start: Start,
        until: Until,
    ) -> Result<Self, Missing> {
        let (Start::Head(head) | Start::Hive(head)) = start;
        let back = head
            .checked_add(u64::from(width))
            .ok_or(Missing::Unmapped)?;
        let (first, last) = (kernel.pointer(head, width), kernel.pointer(back, width));
        let (mut found, mut why) = (None, Missing::Unmapped);
        for entry in [first, last] {
            let fits = entry.and_then(|entry| fitting(kernel, width, build, entry));
            match fits {
                Ok(layout) => found = found.or(Some(layout)),
                Err(error) => why = error,
            }
        }
        let own = match start {
            Start::Hive(entry) => Some(fitting(kernel, width, build, entry)?),
            Start::Head(_) => None,
        };
        let layout = own.or(found).ok_or(why)?;
        let mut walk = Walk {
            kernel,
            layout,
            head,
            seen: Vec::new(),
            until,
        };
        let mut list = Vec::new();
        if own.is_some() {
            let hive = head.0.checked_sub(layout.list).map(VirtualAddress);
            list.extend(hive.map(|hive| walk.hive(hive)));
        }
        let (forward, gap) = walk.run(first, 0);
        list.extend(forward);
        if gap.is_some() {
            let (mut backward, _) = walk.run(last, u64::from(width));
            backward.reverse();
            list.extend(backward);
        }
        Ok(Self {
            layout,
            start,
            list,
            gap,
            route: match start {
                Start::Head(_) => Route::Head,
                Start::Hive(_) => Route::Signature,
            },
        })
    }

    /// Looks for the head of the list in the kernel's data, between the two addresses: a list
    /// entry whose neighbours are hives that point back at it. `left` is how many bytes may still
    /// be read.
    #[must_use]
    pub fn scan(
        kernel: &dyn AddressSpace,
        width: u8,
        build: u32,
        (from, to): (VirtualAddress, VirtualAddress),
        left: &mut u64,
        until: Until,
    ) -> Option<Self> {
        let step = usize::from(width);
        let mut tried = 0;
        let mut at = from.0 & !(CHUNK - 1);
        let mut hits = Vec::new();
        let mut page = vec![0; CHUNK as usize];
        while at < to.0 && *left > 0 {
            if kernel.read(VirtualAddress(at), &mut page).is_ok() {
                *left = left.saturating_sub(CHUNK);
                let mut next = 0;
                for (index, bytes) in page.chunks_exact(step).enumerate() {
                    let back = word(bytes);
                    // The pair that this word ends.
                    let here = (at + (index * step) as u64).wrapping_sub(u64::from(width));
                    if is_pool(next, width) && is_pool(back, width) && tried < MAX_TRIED {
                        let points_back = kernel
                            .pointer(VirtualAddress(next.wrapping_add(u64::from(width))), width);
                        tried += 1;
                        if points_back == Ok(VirtualAddress(here)) {
                            hits.push(VirtualAddress(here));
                        }
                    }
                    next = back;
                }
            }
            at = at.checked_add(CHUNK)?;
        }
        hits.into_iter()
            .find_map(|head| Self::from(kernel, width, build, Start::Head(head), until).ok())
            .map(|hives| Self {
                route: Route::Scan,
                ..hives
            })
    }

    /// The hive called `name`, whatever its case.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Hive> {
        let is = |hive: &&Hive| hive.name().is_some_and(|n| n.eq_ignore_ascii_case(name));
        self.list.iter().find(is)
    }

    /// The hive in which a path stands, and the rest of the path.
    pub(super) fn holding<'p>(&self, path: &'p str) -> Option<(&Hive, &'p str)> {
        let rest = |hive: &Hive| {
            let place = hive.path.as_deref()?;
            let head = path.get(..place.len())?;
            let rest = path.get(place.len()..)?;
            let whole = rest.is_empty() || rest.starts_with('\\');
            (head.eq_ignore_ascii_case(place) && whole).then_some((place.len(), rest))
        };
        let longest = self
            .list
            .iter()
            .filter_map(|hive| rest(hive).map(|(len, rest)| (len, hive, rest)))
            .max_by_key(|(len, ..)| *len);
        if let Some((_, hive, rest)) = longest.filter(|(len, ..)| *len > MACHINE.len()) {
            return Some((hive, rest));
        }
        // A hive whose place in the registry is not recorded is known by its file.
        let below = path.get(MACHINE.len()..)?.strip_prefix('\\')?;
        let (name, rest) = below.split_at(below.find('\\').unwrap_or(below.len()));
        Some((self.named(name)?, rest))
    }
}

/// A pointer of four or eight bytes: an array of a known length is read in one step.
fn word(bytes: &[u8]) -> u64 {
    match (bytes.first_chunk(), bytes.first_chunk()) {
        (Some(&eight), _) => u64::from_le_bytes(eight),
        (None, Some(&four)) => u32::from_le_bytes(four).into(),
        (None, None) => 0,
    }
}

/// Whether an address may be one of the kernel's pool, so far as its form tells.
pub(super) fn is_pool(at: u64, width: u8) -> bool {
    at & 3 == 0
        && match width {
            4 => at >= 0x8000_0000,
            _ => at >> 47 == 0x1_FFFF && at & 7 == 0,
        }
}

/// The layout with which the list entry at `entry` belongs to a hive.
pub(super) fn fitting(
    kernel: &dyn AddressSpace,
    width: u8,
    build: u32,
    entry: VirtualAddress,
) -> Result<&'static Layout, Missing> {
    let mut why = Missing::Unmapped;
    let mut fits = None;
    for layout in layout::candidates(width, build).take(MAX_LAYOUTS) {
        let Some(hive) = entry.0.checked_sub(layout.list).map(VirtualAddress) else {
            continue;
        };
        match kernel.u32(hive) {
            Ok(SIGNATURE) => fits = fits.or(Some(layout)),
            Ok(_) => {}
            Err(error @ Missing::File(_)) => return Err(error),
            Err(error) => why = error,
        }
        if fits.is_some() {
            break;
        }
    }
    fits.ok_or(why)
}

/// A walk of the list.
struct Walk<'a> {
    kernel: &'a dyn AddressSpace,
    layout: &'static Layout,
    head: VirtualAddress,
    seen: Vec<VirtualAddress>,
    until: Until,
}

impl Walk<'_> {
    /// Walks in one direction: `link` is the offset of the link in a list entry.
    fn run(
        &mut self,
        first: Result<VirtualAddress, Missing>,
        link: u64,
    ) -> (Vec<Hive>, Option<Missing>) {
        let mut found = Vec::new();
        let mut next = first;
        loop {
            let entry = match next {
                Ok(entry) => entry,
                Err(why) => return (found, Some(why)),
            };
            let enough = match self.until {
                Until::End => MAX_HIVES,
                Until::Machine => MAX_FIRST,
            };
            if entry == self.head || self.seen.contains(&entry) || self.seen.len() >= enough {
                return (found, None);
            }
            self.seen.push(entry);
            let at = entry.checked_add(link).ok_or(Missing::Unmapped);
            next = at.and_then(|at| self.kernel.pointer(at, self.layout.width));
            let hive = entry.0.checked_sub(self.layout.list).map(VirtualAddress);
            if let Some(hive) = hive
                && matches!(self.kernel.u32(hive), Ok(SIGNATURE))
            {
                found.push(self.hive(hive));
            }
            if self.until == Until::Machine && complete(&found) {
                return (found, None);
            }
        }
    }

    fn hive(&self, at: VirtualAddress) -> Hive {
        let (kernel, layout) = (self.kernel, self.layout);
        let member = |offset: u64| at.checked_add(offset).ok_or(Missing::Unmapped);
        let text = |offset: u64| {
            let text = member(offset).and_then(|at| kernel.unicode_string(at, layout.width));
            text.ok().filter(|text| !text.is_empty() && offset != 0)
        };
        let dual = |number: u64| {
            let at = member(layout.storage + number * layout.dual);
            at.and_then(|at| storage(kernel, layout, at))
                .unwrap_or_default()
        };
        let root = member(layout.base_block).and_then(|at| {
            let mut block = [0; base::LEN];
            kernel.read(kernel.pointer(at, layout.width)?, &mut block)?;
            Ok(block)
        });
        Hive {
            address: at,
            file: text(layout.file_path),
            path: text(layout.root_path),
            storage: [dual(0), dual(1)],
            root: root_of(root),
        }
    }
}

/// The cell of the root key.
fn root_of(block: Result<[u8; base::LEN], Missing>) -> Result<u32, RegistryError> {
    let block = block?;
    let root = block.get(base::ROOT as usize..).and_then(|b| b.get(..4));
    let root = root.and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    match (block.starts_with(&base::SIGNATURE), root) {
        (true, Some(root)) => Ok(root),
        _ => Err(RegistryError::Cell { index: 0 }),
    }
}

fn complete(found: &[Hive]) -> bool {
    WANTED.iter().all(|name| {
        found
            .iter()
            .any(|hive| hive.name().is_some_and(|n| n.eq_ignore_ascii_case(name)))
    })
}

impl Default for Hive {
    fn default() -> Self {
        Self {
            address: VirtualAddress(0),
            file: None,
            path: None,
            storage: [Storage::default(); 2],
            root: Err(RegistryError::NoHive),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory in which one word stands everywhere.
    struct Repeated([u8; 8]);

    impl AddressSpace for Repeated {
        fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
            let from = address.0 as usize & 7;
            let bytes = self.0.iter().cycle().skip(from);
            buf.iter_mut().zip(bytes).for_each(|(to, &byte)| *to = byte);
            Ok(())
        }
    }

    #[test]
    fn variables_that_hold_the_highest_address_are_no_list() {
        let all = (VirtualAddress(0), VirtualAddress(0x3000));
        for (width, word) in [(8, !7_u64), (4, 0xFFFF_FFFC_FFFF_FFFC)] {
            let (memory, mut left) = (Repeated(word.to_le_bytes()), 0x2000);
            let found = Hives::scan(&memory, width, 0, all, &mut left, Until::End);
            assert!(found.is_none());
            assert_eq!(left, 0, "it ends where it was told");
        }
    }
}
