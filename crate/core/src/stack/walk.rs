//! Unwinding: from frame to frame by the unwind data of the images, for as long as they are there
//! and what they give holds together.
//!
//! A frame that cannot be left so ends the walk; the scan then looks for the next one, from which
//! a walk may go on. Nothing here trusts the dump: a stack pointer moves up its stack or is taken
//! over to another known one, no state is visited twice, and steps are counted.

use super::Registers;
use super::scan::Scanner;
use super::slots::{Slots, not_yet};
use super::trap;
use crate::image::unwind::{Cursor, Entered, UnwindError, without_signature};
use crate::image::{Image, ImageError};
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::model::{Confidence, How};
use crate::nt::Architecture;
use alloc::vec::Vec;

/// Steps of all walks over one stack.
pub(super) const MAX_STEPS: usize = 512;
/// How often a stack may lead to another: a double fault within an interrupt within a deferred
/// procedure call makes three.
pub(super) const MAX_SWITCHES: usize = 16;
/// A stack whose end nobody tells: as long as those of interrupts are.
const UNKNOWN_STACK: u64 = 0x6000;
/// Values on the stack for which the unwind data is asked for at once.
const AHEAD: usize = 48;
/// The numbers of ARM64's frame pointer and link register, and of x64's RBP.
const FP: u8 = 29;
const LR: u8 = 30;
const RBP: u8 = 5;

/// The registers of x64 in the order of their numbers.
const X64: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

fn machine(architecture: Architecture) -> Option<u32> {
    match architecture {
        Architecture::X64 => Some(0x8664),
        Architecture::Arm64 => Some(0xAA64),
        Architecture::X86 | Architecture::Ia64 => None,
    }
}

/// The registers as unwinding takes them; `None` for architectures without unwind data.
#[must_use]
pub fn cursor(architecture: Architecture, registers: &Registers) -> Option<Cursor> {
    let (pc, sp) = (registers.instruction_pointer.0, registers.stack_pointer.0);
    let mut cursor = Cursor::new(machine(architecture)?, pc, sp);
    cursor.exact = !registers.returning;
    for register in &registers.all {
        let number = match architecture {
            Architecture::X64 => X64.iter().position(|&name| name == register.name),
            _ => match register.name {
                "lr" => Some(usize::from(LR)),
                name => name.strip_prefix('x').and_then(|n| n.parse().ok()),
            },
        };
        if let Some(number) = number {
            cursor.set(number as u8, register.value.0);
        }
    }
    if let (Architecture::Arm64, Some(frame)) = (architecture, registers.frame_pointer) {
        cursor.set(FP, frame.0);
    }
    Some(cursor)
}

/// A step that holds.
struct Taken {
    next: Cursor,
    how: How,
    sure: Confidence,
    /// Where on the stack the address was.
    at: u64,
    /// Whether there is nothing behind it.
    last: bool,
}

impl<'a> Scanner<'a> {
    /// A return address on the stack, of whose frame nothing else is known.
    pub(super) fn returned_to(&self, pc: u64, stack_pointer: u64) -> Option<Cursor> {
        let mut cursor = Cursor::new(machine(self.start.architecture)?, pc, stack_pointer);
        cursor.exact = false;
        Some(cursor)
    }

    /// Interrupted code, of whose registers the trap frame of x64 keeps RBP for sure.
    pub(super) fn interrupted(&self, trap: &trap::Trap) -> Option<Cursor> {
        let machine = machine(self.start.architecture)?;
        let mut cursor = Cursor::new(machine, trap.instruction, trap.stack_pointer);
        if let Some(frame) = self.slots.get(trap.frame_pointer_at) {
            cursor.set(RBP, frame);
        }
        Some(cursor)
    }

    /// Goes outwards from a frame that is listed already. Answers from which slot on a scan may
    /// look for more; nothing when there was no step to take.
    pub(super) fn walk(&mut self, from: Cursor, sure: Confidence) -> Option<u64> {
        let (mut cursor, mut sure, mut moved) = (from, sure, false);
        while !self.finished {
            let Some(taken) = self.step(cursor, sure) else {
                break;
            };
            moved = true;
            let (pc, pointer) = (taken.next.pc, taken.next.stack_pointer());
            if taken.last || pc == 0 {
                self.outermost = Some((0, pointer));
            } else if self.finished && taken.how == How::TrapFrame {
                self.outermost = Some((pc, pointer));
            }
            if self.finished {
                break;
            }
            let owner = self.picker.owner(pc);
            self.push(pc, taken.at, pointer, owner, taken.how, taken.sure);
            // Which trap it is does not change how well its registers are known.
            if taken.how != How::TrapFrame {
                sure = taken.sure;
            }
            cursor = taken.next;
            self.finished |= taken.last;
            let stack = cursor.stack_pointer();
            if !self.slots.holds(stack) && !self.change_stack(stack) {
                return Some(taken.at.wrapping_add(8));
            }
        }
        moved.then(|| cursor.stack_pointer())
    }

    fn step(&mut self, cursor: Cursor, sure: Confidence) -> Option<Taken> {
        let key = (cursor.pc, cursor.stack_pointer());
        if self.visited.len() >= MAX_STEPS || !self.visited.insert(key) {
            return None;
        }
        let mut next = cursor;
        let entered = match self.image_at(cursor.pc) {
            Ok(image) => image.unwind(&mut next),
            Err(why) if cursor.exact && !waits(why) => self.jumped_astray(&mut next),
            Err(why) => Err(why),
        };
        match entered {
            Ok(Entered::Call) => self
                .called(cursor, next, sure)
                .or_else(|| self.by_frame_pointer(cursor)),
            Ok(Entered::Trap { at, user }) => self.trapped(next, at.0, user, sure),
            Err(why) => {
                if waits(why) {
                    self.ask_ahead(cursor.stack_pointer());
                    self.finished = true;
                }
                self.by_link(cursor)
                    .or_else(|| self.by_frame_pointer(cursor))
            }
        }
    }

    /// ARM64: the caller of `KeBugCheckEx` where the arguments prove it and its unwind data is not in
    /// the dump. It has no frame record yet, so the chain begins with its caller's.
    fn by_link(&self, cursor: Cursor) -> Option<Taken> {
        let begins = self.bug_check && self.frames.len() == 1 && cursor.exact;
        if self.start.architecture != Architecture::Arm64 || !begins {
            return None;
        }
        let pc = without_signature(cursor.get(LR)?);
        self.picker.owner(pc)?;
        let at = cursor.stack_pointer();
        let mut next = self.returned_to(pc, at)?;
        if let Some(frame) = cursor.get(FP) {
            next.set(FP, frame);
        }
        Some(Taken {
            next,
            how: How::Scan,
            sure: Confidence::Certain,
            at,
            last: false,
        })
    }

    fn image_at(&mut self, pc: u64) -> Result<Image<'a>, UnwindError> {
        let start = self.start;
        let module = start.modules.find(VirtualAddress(pc));
        let base = module.ok_or(UnwindError::NoData)?.base;
        let open = || Image::open(start.memory, base);
        let found = *self.images.or_insert_with(base.0, open);
        let image = found.map_err(UnwindError::Image)?;
        let fits = Some(image.machine) == machine(start.architecture);
        fits.then_some(image).ok_or(UnwindError::NoData)
    }

    /// A jump to where no code is was a call through a bad pointer: it did no more than that.
    fn jumped_astray(&self, cursor: &mut Cursor) -> Result<Entered, UnwindError> {
        let sp = cursor.stack_pointer();
        let (pc, stack) = match self.start.architecture {
            Architecture::Arm64 => (without_signature(cursor.get(LR).unwrap_or(0)), sp),
            _ => (self.slots.get(sp).unwrap_or(0), sp.wrapping_add(8)),
        };
        let after_call = self.picker.follows_call(pc) == Some(true);
        let found = self.returned_to(pc, stack).filter(|_| after_call);
        *cursor = found.ok_or(UnwindError::NoData)?;
        Ok(Entered::Call)
    }

    /// Whether a caller that was unwound holds.
    fn called(&mut self, inner: Cursor, next: Cursor, sure: Confidence) -> Option<Taken> {
        let (old, stack) = (inner.stack_pointer(), next.stack_pointer());
        let at = match self.start.architecture {
            Architecture::Arm64 => stack,
            _ => stack.wrapping_sub(8),
        };
        // Only functions of ARM64 that save nothing leave the stack where it was.
        let leaf = self.start.architecture == Architecture::Arm64 && inner.exact && stack == old;
        let up = (stack > old || leaf) && self.slots.holds(stack);
        // Code that changes stacks keeps the old one in its frame pointer; where the dump does not
        // name that stack, only a call in front of the address speaks for it.
        let over = || {
            self.known_stack(stack).is_some()
                || sure == Confidence::Certain && self.picker.follows_call(next.pc) == Some(true)
        };
        if !(up || !self.slots.holds(stack) && over()) {
            return None;
        }
        if next.pc == 0 {
            self.finished = true;
        } else if !self.picker.is_code(next.pc) {
            return None;
        }
        let sure = match (self.picker.follows_call(next.pc), sure) {
            (Some(false), Confidence::Certain) => Confidence::Likely,
            (Some(false), _) if !self.finished => return None,
            (_, sure) => sure,
        };
        Some(Taken {
            next,
            how: How::Unwind,
            sure,
            at,
            last: false,
        })
    }

    /// Whether interrupted code that was unwound holds.
    fn trapped(&mut self, next: Cursor, at: u64, user: bool, sure: Confidence) -> Option<Taken> {
        let proven = match self.start.architecture {
            Architecture::X64 => {
                trap::at(&self.slots, at, &self.reported).is_some_and(|trap| trap.reported)
            }
            // The address of the fault stands at 8 in the trap frame of ARM64.
            _ => [next.pc, at, self.slots.get(at.wrapping_add(8)).unwrap_or(0)]
                .iter()
                .any(|value| trap::proves(&self.reported, *value)),
        };
        if user {
            self.finished = true;
        } else if !self.picker.is_code(next.pc) && !proven && sure != Confidence::Certain {
            return None;
        }
        Some(Taken {
            next,
            how: How::TrapFrame,
            sure: if proven {
                Confidence::Certain
            } else {
                sure.min(Confidence::Likely)
            },
            at,
            last: false,
        })
    }

    /// ARM64: the frame record to which X29 points, where the unwind data gives no answer.
    fn by_frame_pointer(&mut self, cursor: Cursor) -> Option<Taken> {
        if self.start.architecture != Architecture::Arm64 {
            return None;
        }
        let frame = cursor.get(FP)?;
        let next = self.slots.get(frame)?;
        let at = frame.wrapping_add(8);
        let pc = without_signature(self.slots.get(at)?);
        let up = frame >= cursor.stack_pointer() && (next == 0 || next > frame);
        if !up || self.picker.owner(pc).is_none() {
            return None;
        }
        let mut found = self.returned_to(pc, frame.wrapping_add(16))?;
        // The outermost record holds a null pointer.
        if next != 0 {
            found.set(FP, next);
        }
        Some(Taken {
            next: found,
            how: How::FramePointer,
            sure: Confidence::Likely,
            at,
            last: next == 0,
        })
    }

    /// The end of the stack that holds `address`, among those that the dump names.
    pub(super) fn known_stack(&self, address: u64) -> Option<u64> {
        let address = VirtualAddress(address);
        let found = self.start.stacks.iter();
        let mut holding = found.filter(|range| range.low <= address && address < range.high);
        holding.next().map(|range| range.high.0)
    }

    /// Goes over to the stack at `address`.
    pub(super) fn change_stack(&mut self, address: u64) -> bool {
        let end = self
            .known_stack(address)
            .unwrap_or_else(|| address.saturating_add(UNKNOWN_STACK));
        let width = self.start.architecture.pointer_width();
        let slots = Slots::read(self.start.memory, address, end, width);
        // The kernel's half of the address space.
        let kernel = address >> (8 * u32::from(width) - 1) != 0;
        if self.switches >= MAX_SWITCHES || !kernel || slots.end() <= address {
            return false;
        }
        self.switches += 1;
        self.slots = slots;
        self.surveyed = false;
        true
    }

    /// Asks for the unwind data of everything on the stack that may be a return address: most of
    /// it will be needed, and each round of fetching costs as much for one page as for many.
    fn ask_ahead(&mut self, from: u64) {
        let mut values: Vec<u64> = self
            .slots
            .from(from)
            .filter(|&(at, _)| self.start.architecture != Architecture::X64 || at % 16 == 8)
            .map(|(_, value)| self.picker.address(value))
            .filter(|&value| self.picker.owner(value).is_some())
            .take(4 * AHEAD)
            .collect();
        values.sort_unstable();
        values.dedup();
        for value in values.into_iter().take(AHEAD) {
            if let Ok(image) = self.image_at(value) {
                image.look_ahead(value);
                let _ = self.start.memory.u32(VirtualAddress(value.wrapping_sub(8)));
            }
        }
    }
}

/// Whether an answer is only not there yet.
fn waits(why: UnwindError) -> bool {
    match why {
        UnwindError::Image(ImageError::Missing(missing)) | UnwindError::Stack(missing) => {
            not_yet(missing)
        }
        _ => false,
    }
}
