//! The kernel's doubly linked lists (LIST_ENTRY: Flink, Blink), walked from both ends.
//!
//! Every entry must be fetched before the next is known, so the two ends are followed side by
//! side, and pages near an entry are asked for with it while that pays: drivers and processes that
//! were made one after the other often lie side by side in the pool. Each link is believed only
//! when the entry that it leads to points back. A list that is damaged in one place is still read
//! whole from its two ends; one that is damaged twice loses what lies between, and that is said.

use crate::memory::{AddressSpace, Missing, VirtualAddress};
use crate::source::ReadError;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::fmt;

const PAGE: u64 = 0x1000;
/// Entries after which the pages around them are judged.
const TRIAL: usize = 12;
/// Pages that are asked for with an entry at first, and more where that pays. What is made later
/// lies behind what was made before, more often than not, so the way forward looks up and the way
/// back down.
const WINDOW: u64 = 4;

/// Why a list is not whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Break {
    /// An entry cannot be read.
    Missing(VirtualAddress, Missing),
    /// A link leads to something that does not point back.
    Unlinked {
        /// Where the link stands.
        from: VirtualAddress,
        /// Where it leads.
        to: VirtualAddress,
    },
    /// The list has more entries than there can be.
    TooLong,
}

impl Break {
    /// Whether nothing but a fetch is missing.
    fn is_file(self) -> bool {
        matches!(self, Self::Missing(_, Missing::File(_)))
    }
}

/// The reason as the rest of a sentence.
impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(at, why) => write!(f, "the entry at {at} cannot be read ({why})"),
            Self::Unlinked { from, to } => {
                write!(
                    f,
                    "the link at {from} leads to {to}, which does not point back"
                )
            }
            Self::TooLong => f.write_str("it has more entries than there can be"),
        }
    }
}

/// What a walk found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// Addresses of the entries' links, in the order of the list.
    pub found: Vec<VirtualAddress>,
    /// A link that is damaged.
    pub damage: Option<Break>,
    /// Whether entries are lost: the two ways did not meet.
    pub lost: bool,
}

impl Entries {
    /// Whether the walk ended for want of bytes that are being fetched.
    #[must_use]
    pub fn waits(&self) -> bool {
        let waiting = Missing::File(ReadError::NotYet);
        matches!(self.damage, Some(Break::Missing(_, why)) if why == waiting)
    }
}

/// A list.
#[derive(Clone, Copy)]
pub struct Ring<'a> {
    /// The memory it lies in.
    pub space: &'a dyn AddressSpace,
    /// Its head.
    pub head: VirtualAddress,
    /// Bytes in a pointer.
    pub width: u8,
    /// More entries than any such list has.
    pub cap: usize,
    /// The most pages beyond an entry that are asked for with it; few for small entries, 0 for none.
    pub ahead: u64,
}

impl fmt::Debug for Ring<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ring({})", self.head)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Forward,
    Backward,
}

impl Ring<'_> {
    /// Walks it.
    #[must_use]
    pub fn walk(&self) -> Entries {
        let (mut found, ahead) = self.along(Way::Forward, &[]);
        let Some(damage) = ahead else {
            return Entries {
                found,
                ..Entries::default()
            };
        };
        let (mut backward, behind) = self.along(Way::Backward, &found);
        // Where the way back came to the very entry that the way forth did not believe, they met.
        let met = matches!(damage, Break::Unlinked { to, .. } if backward.last() == Some(&to));
        backward.reverse();
        found.append(&mut backward);
        Entries {
            found,
            damage: Some(damage),
            lost: behind.is_some() && !met,
        }
    }

    /// Flink and Blink at `at`.
    fn links(&self, at: VirtualAddress) -> Result<(VirtualAddress, VirtualAddress), Missing> {
        let mut buf = [0; 16];
        let width = usize::from(self.width.min(8));
        let (both, _) = buf.split_at_mut(width * 2);
        self.space.read(at, both)?;
        let word = |part: &[u8]| {
            let value = part.iter().rev().fold(0, |v, &b| v << 8 | u64::from(b));
            VirtualAddress(value)
        };
        let (next, back) = both.split_at(width);
        Ok((word(next), word(back)))
    }

    /// Follows the links one way until the head, an entry that was found on the other way, or one
    /// that cannot be believed; `None` when nothing is missing.
    fn along(&self, way: Way, before: &[VirtualAddress]) -> (Vec<VirtualAddress>, Option<Break>) {
        let other: BTreeSet<u64> = before.iter().map(|at| at.0).collect();
        let mut seen = BTreeSet::new();
        let mut found = Vec::new();
        let mut at = self.head;
        let (mut next, first_back) = match self.links(at) {
            Ok(links) => links,
            Err(why) => return (found, Some(Break::Missing(at, why))),
        };
        if way == Way::Backward {
            next = first_back;
        }
        loop {
            if next == self.head || other.contains(&next.0) {
                return (found, None);
            }
            if found.len() >= self.cap {
                return (found, Some(Break::TooLong));
            }
            let unlinked = Break::Unlinked { from: at, to: next };
            let (further, back) = match self.links(next) {
                Ok((next, back)) if way == Way::Forward => (next, back),
                Ok((next, back)) => (back, next),
                Err(why) => {
                    let missing = Break::Missing(next, why);
                    if self.ahead > 0 && missing.is_file() {
                        self.ask_beyond(next, way, before, &found);
                    }
                    return (found, Some(missing));
                }
            };
            // A list that turns back on itself does so at an entry that points elsewhere.
            if back != at || !seen.insert(next.0) {
                return (found, Some(unlinked));
            }
            found.push(next);
            (at, next) = (next, further);
        }
    }

    /// Asks for the pages beyond an entry, as many as paid so far, and for the tables that map
    /// what is near it.
    fn ask_beyond(
        &self,
        at: VirtualAddress,
        way: Way,
        one: &[VirtualAddress],
        other: &[VirtualAddress],
    ) {
        self.space.expect_near(at);
        let paid = |way, found: &[VirtualAddress]| {
            let mut pages = BTreeSet::new();
            let (mut fresh, mut near) = (0_usize, 0_usize);
            for entry in found {
                let page = entry.0 / PAGE;
                if pages.contains(&page) {
                    continue;
                }
                let window = match way {
                    Way::Forward => page.saturating_sub(WINDOW)..=page,
                    Way::Backward => page..=page.saturating_add(WINDOW),
                };
                fresh += 1;
                near += usize::from(pages.range(window).next().is_some());
                pages.insert(page);
            }
            (fresh, near)
        };
        let (ours, others) = match way {
            Way::Forward => (paid(way, other), (0, 0)),
            Way::Backward => (paid(way, other), paid(Way::Forward, one)),
        };
        let (fresh, near) = (ours.0 + others.0, ours.1 + others.1);
        let window = match fresh {
            0..TRIAL => self.ahead.min(WINDOW),
            _ if near * 4 < fresh => 0,
            _ if near * 2 < fresh => self.ahead.min(WINDOW),
            _ => self.ahead,
        };
        let page = at.0 / PAGE;
        for distance in 1..=window {
            let page = match way {
                Way::Forward => page.saturating_add(distance),
                Way::Backward => page.saturating_sub(distance),
            };
            // What comes of it does not matter: it is asked for.
            let at = VirtualAddress(page.saturating_mul(PAGE));
            let _ = self.space.read(at, &mut [0; 1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use core::cell::RefCell;

    /// Words of 8 bytes by address; everything else is not mapped.
    #[derive(Default)]
    struct Words(BTreeMap<u64, u64>, RefCell<Vec<u64>>);

    impl AddressSpace for Words {
        fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
            self.1.borrow_mut().push(address.0);
            for (at, chunk) in (address.0..).step_by(8).zip(buf.chunks_mut(8)) {
                let word = self.0.get(&at).ok_or(Missing::Unmapped)?;
                chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
            }
            Ok(())
        }
    }

    const HEAD: u64 = 0x1000;

    fn ring(entries: &[u64]) -> Words {
        let mut words = Words::default();
        let all: Vec<u64> = [HEAD].iter().chain(entries).copied().collect();
        for (i, &at) in all.iter().enumerate() {
            words.0.insert(at, all[(i + 1) % all.len()]);
            words.0.insert(at + 8, all[(i + all.len() - 1) % all.len()]);
        }
        words
    }

    fn walk(words: &Words) -> Entries {
        let ring = Ring {
            space: words,
            head: VirtualAddress(HEAD),
            width: 8,
            cap: 100,
            ahead: 8,
        };
        ring.walk()
    }

    fn found(entries: &Entries) -> Vec<u64> {
        entries.found.iter().map(|at| at.0).collect()
    }

    const FIVE: [u64; 5] = [0x2000, 0x3000, 0x4000, 0x5000, 0x6000];

    #[test]
    fn a_sound_list_is_given_in_order_and_an_empty_one_is_empty() {
        let entries = walk(&ring(&FIVE));
        assert_eq!(found(&entries), FIVE);
        assert_eq!((entries.damage, entries.lost), (None, false));
        assert_eq!(walk(&ring(&[])), Entries::default());
    }

    #[test]
    fn one_damaged_link_loses_nothing() {
        for (at, value) in [
            (0x4000, 0x6000),
            (0x4000, 0x77),
            (0x4008, 0x2000),
            (0x4008, 0x77),
        ] {
            let mut words = ring(&FIVE);
            words.0.insert(at, value);
            let entries = walk(&words);
            assert_eq!(found(&entries), FIVE, "{at:#x} {value:#x}");
            assert!(entries.damage.is_some() && !entries.lost);
        }
    }

    #[test]
    fn an_entry_that_is_not_there_loses_what_lies_between_the_ends() {
        let mut words = ring(&FIVE);
        words.0.remove(&0x4000);
        words.0.remove(&0x4008);
        let entries = walk(&words);
        assert_eq!(found(&entries), [0x2000, 0x3000, 0x5000, 0x6000]);
        assert!(entries.lost);
        let why = Break::Missing(VirtualAddress(0x4000), Missing::Unmapped);
        assert_eq!(entries.damage, Some(why));
    }

    #[test]
    fn a_cycle_ends_and_is_told() {
        let mut words = ring(&FIVE);
        // Forth and back turn at the third entry.
        words.0.insert(0x4000, 0x2000);
        words.0.insert(0x2008, 0x4000);
        words.0.insert(0x5008, 0x6000);
        let entries = walk(&words);
        assert_eq!(found(&entries), [0x5000, 0x6000], "{entries:x?}");
        assert!(entries.lost && entries.damage.is_some());
    }

    #[test]
    fn a_list_without_end_stops_at_its_cap() {
        let many: Vec<u64> = (2..300).map(|i| i * 0x1000).collect();
        let entries = walk(&ring(&many));
        assert_eq!(entries.damage, Some(Break::TooLong));
        assert!(entries.found.len() <= 200 && entries.lost);
    }

    /// The entry at `at` was not fetched yet.
    struct Unfetched(Words, u64);

    impl AddressSpace for Unfetched {
        fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
            let read = self.0.read(address, buf);
            if address.0 == self.1 {
                return Err(Missing::File(crate::source::ReadError::NotYet));
            }
            read
        }
    }

    #[test]
    fn pages_beyond_an_entry_are_asked_for_only_while_that_pays() {
        let asked = |entries: &[u64]| {
            let last = entries[entries.len() / 2];
            let space = Unfetched(ring(entries), last);
            let ring = Ring {
                space: &space,
                head: VirtualAddress(HEAD),
                width: 8,
                cap: 100,
                ahead: 8,
            };
            let _ = ring.walk();
            let asked = space.0.1.borrow();
            let page = last / PAGE;
            let beyond = (1..20).take_while(|i| asked.contains(&((page + i) * PAGE)));
            let before = (1..20).take_while(|i| asked.contains(&((page - i) * PAGE)));
            (before.count(), beyond.count())
        };
        let scattered: Vec<u64> = (2..90).map(|i| i * 0x20_0000).collect();
        let close: Vec<u64> = (0..90).map(|i| 0x20_0000 + i * 0x1010).collect();
        // The way forward comes from below and the way back from above.
        assert_eq!(asked(&scattered[..8]), (4, 4));
        assert_eq!(asked(&scattered), (0, 0));
        assert_eq!(asked(&close), (8, 8));
    }
}
