//! Memory for a person who turns its pages: the bytes, the pointers among them, how the address is
//! translated, and the reason for each byte that is missing.

use super::address::owners;
use super::live::{Stretch, reason};
use super::translate::{describe, entry_name, index_of, stored};
use super::{Live, MAX_STRETCH};
use crate::memory::paging::EntryAddress;
use crate::memory::{Missing, VirtualAddress};
use crate::model::{Gap, Hex};
use crate::nt::Space;
use alloc::{format, string::String, vec::Vec};
use core::fmt::Write;
use serde::Serialize;

/// Bytes in a line.
const LINE: u64 = 16;

/// What is to be shown.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// An expression: `nt+10`, `@rsp`, `fffff800`12345678`.
    pub place: String,
    /// Whether it is a physical address.
    pub physical: bool,
    /// Bytes to show, from the line on in which the address stands.
    pub len: u32,
}

/// Memory as it is shown.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Shown {
    /// Why there is nothing to show: a sentence.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub problem: String,
    /// The address that was asked for.
    pub address: Hex,
    /// Where the bytes begin.
    pub start: Hex,
    /// Whether these are physical addresses.
    pub physical: bool,
    /// Bytes in a pointer.
    pub pointer: u8,
    /// Two digits a byte, `??` where it is missing.
    pub bytes: String,
    /// What is missing.
    pub gaps: Vec<Hole>,
    /// Pointers among the bytes.
    pub pointers: Vec<Pointer>,
    /// Whose memory it is at the address.
    pub owners: Vec<String>,
    /// The entries that the translation went through, from the top table down.
    pub steps: Vec<Entry>,
    /// Where the translation ended, or why nowhere: a sentence.
    pub outcome: String,
    /// Why the address has no memory here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// The physical address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Hex>,
    /// Bytes from the start of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_offset: Option<Hex>,
}

/// Bytes that are missing.
#[derive(Clone, Debug, Serialize)]
pub struct Hole {
    /// The first.
    pub address: Hex,
    /// How many.
    pub bytes: Hex,
    /// Why.
    pub reason: Gap,
    /// Why, in words.
    pub text: String,
}

/// A pointer among the bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Pointer {
    /// Bytes from the start.
    pub offset: u32,
    /// Where it points to.
    pub value: Hex,
    /// The module there, with the distance from its base.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// One entry of the page tables.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The debugger's name of it.
    pub name: &'static str,
    /// Its number in the table; absent where it is in none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub index: Option<u32>,
    /// Where it stands.
    pub address: Hex,
    /// Whether that is a physical address.
    pub physical: bool,
    /// What it holds.
    pub value: Hex,
    /// What that means.
    pub meaning: String,
}

/// Reads what is to be shown. A step of the analysis.
#[must_use]
pub fn explore(view: &View, live: &Live<'_>) -> Shown {
    let mut shown = Shown {
        physical: view.physical,
        pointer: live.width(),
        ..Shown::default()
    };
    let asked = live.evaluate(&view.place);
    let asked = asked.and_then(
        |at| match super::display::without_memory(view.physical, live) {
            Some(why) => Err(why),
            None => Ok(at),
        },
    );
    let at = match asked {
        Ok(at) => at,
        Err(why) => {
            shown.problem = why;
            return shown;
        }
    };
    let start = at & !(LINE - 1);
    let len = u64::from(view.len).clamp(LINE, MAX_STRETCH);
    let stretch = if view.physical {
        live.physical_stretch(start, len)
    } else {
        live.stretch(start, len)
    };
    shown.address = Hex(at);
    shown.start = Hex(start);
    shown.take(&stretch, live);
    if view.physical {
        shown.end_at(Ok(at), live);
    } else {
        shown.owners = owners(at, live);
        shown.translate(at, live);
    }
    shown
}

impl Shown {
    fn take(&mut self, stretch: &Stretch, live: &Live<'_>) {
        for byte in &stretch.bytes {
            match byte {
                // Writing to a string does not fail.
                Some(byte) => drop(write!(self.bytes, "{byte:02x}")),
                None => self.bytes.push_str("??"),
            }
        }
        self.gaps = stretch
            .holes
            .iter()
            .map(|hole| Hole {
                address: Hex(hole.at),
                bytes: Hex(hole.len),
                reason: hole.why.gap(),
                text: reason(hole.why),
            })
            .collect();
        let width = usize::from(self.pointer.max(1));
        self.pointers = (0..stretch.bytes.len() / width)
            .filter_map(|index| {
                let value = stretch.number(index * width, width)?;
                let place = live.place(value);
                (place.is_some() || is_kernel(value, self.pointer)).then_some(Pointer {
                    offset: (index * width) as u32,
                    value: Hex(value),
                    place,
                })
            })
            .collect();
    }

    fn translate(&mut self, at: u64, live: &Live<'_>) {
        match live.space() {
            Space::Pages(space) => {
                let translation = space.translate(VirtualAddress(at));
                let mode = space.format().mode;
                let entries = translation.steps.iter().map(|step| {
                    let (place, physical) = match step.address {
                        EntryAddress::Physical(at) => (at.0, true),
                        EntryAddress::Virtual(at) => (at.0, false),
                    };
                    Entry {
                        name: entry_name(step.level),
                        index: index_of(mode, step.level, at),
                        address: Hex(place),
                        physical,
                        value: Hex(step.value),
                        meaning: describe(&space, step),
                    }
                });
                self.steps = entries.collect();
                if let Ok(mapped) = &translation.outcome {
                    let size = crate::report::format::bytes(mapped.page_size);
                    let state = if mapped.transition {
                        "in transition"
                    } else {
                        "valid"
                    };
                    self.outcome = format!("Page of {size}, {state}. ");
                }
                self.end_at(translation.outcome.map(|mapped| mapped.address.0), live);
            }
            Space::Blocks(space) => match space.map().find(at) {
                Some((offset, len)) => {
                    self.outcome =
                        format!("In a block of the minidump, {len:#x} bytes from here on.");
                    self.file_offset = Some(Hex(offset));
                }
                None => self.end_at(Err(Missing::Unmapped), live),
            },
            Space::None => {}
        }
    }

    /// Notes where the physical address stands in the file.
    fn end_at(&mut self, found: Result<u64, Missing>, live: &Live<'_>) {
        let placed = found.and_then(|at| {
            self.at = Some(Hex(at));
            stored(at, live)
        });
        match placed {
            Ok(offset) => self.file_offset = Some(Hex(offset)),
            Err(why) => {
                self.gap = Some(why.gap());
                self.outcome
                    .push_str(&format!("No memory here: {}.", reason(why)));
            }
        }
    }
}

/// Whether a number looks like an address in the kernel's half.
fn is_kernel(value: u64, width: u8) -> bool {
    if width == 4 {
        (0x8000_0000..0xFFFF_0000).contains(&value)
    } else {
        (0xFFFF_8000_0000_0000..0xFFFF_FFFF_FFFF_0000).contains(&value)
    }
}
