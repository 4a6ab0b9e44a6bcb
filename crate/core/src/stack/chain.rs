//! The chain of frame pointers: how 32-bit code is left, which has no unwind data.
//!
//! A function pushes EBP and points it there, so that each record holds the next one and, behind it,
//! the address to return to. A trap frame is linked into the chain by its first two words, and marked.
//! A function that has not got so far yet, or that keeps no record, is seen where it can be proven.
//!
//! Layout: KTRAP_FRAME of x86 in Windows symbols, the same from XP to 10; its mark is that of the
//! kernel's macros in the Windows Research Kernel, checked on forged dumps only.

use super::pick::Owner;
use super::scan::Scanner;
use super::slots::align_up;
use super::trap;
use crate::memory::{AddressSpaceExt, VirtualAddress};
use crate::model::{Confidence, Hex, How};
use crate::nt::Architecture;

/// The longest chain that is followed.
const MAX_CHAIN: usize = 128;
/// `mov edi, edi; push ebp` and `push ebp; mov ebp, esp`: how functions begin; and what is between.
const PATCHABLE: [u8; 3] = [0x8B, 0xFF, 0x55];
const PLAIN: [u8; 3] = [0x55, 0x8B, 0xEC];
const PUSHED: [u8; 2] = [0x8B, 0xEC];

impl Scanner<'_> {
    fn width(&self) -> u64 {
        u64::from(self.start.architecture.pointer_width())
    }

    /// Follows the chain from the registers, after the caller that only they tell. Answers from
    /// where on a scan may look for more; nothing when there was none to follow.
    // Functions of their own, this and that for a scan: the page loads them apart.
    #[inline(never)]
    pub(super) fn chain(&mut self) -> Option<u64> {
        let registers = self.start.registers;
        if let Some((caller, at)) = registers.caller {
            let owner = self.picker.owner(caller.0);
            self.chained(caller.0, at.0, owner);
        } else if self.frames.len() == 1 && !registers.returning {
            self.entered(registers.instruction_pointer.0, registers.stack_pointer.0);
        }
        self.chain_from(registers.frame_pointer?.0)
    }

    /// The caller of a function that was interrupted before it had a record of its own.
    fn entered(&mut self, pc: u64, stack_pointer: u64) {
        if self.start.architecture != Architecture::X86 {
            return;
        }
        let mut code = [0; 3];
        let memory = self.start.memory;
        let read = memory.read(VirtualAddress(pc), &mut code).is_ok();
        let at = match code {
            _ if !read => return,
            PATCHABLE | PLAIN => stack_pointer,
            [first, second, _] if [first, second] == PUSHED => stack_pointer.wrapping_add(4),
            _ => return,
        };
        if let Some(value) = self.slots.get(at)
            && self.picker.is_code(value)
            && self.picker.follows_call(value) == Some(true)
        {
            let owner = self.picker.owner(value);
            self.chained(value, at, owner);
        }
    }

    /// Follows the chain whose first record is at `at`.
    pub(super) fn chain_from(&mut self, at: u64) -> Option<u64> {
        let (mut at, width) = (at, self.width());
        let mut followed = None;
        for _ in 0..MAX_CHAIN {
            if !self.slots.holds(at) && !self.leads_over(at) || self.finished {
                break;
            }
            let next = if let Some(trap) = trap::x86(&self.slots, at, &self.reported)
                && self.start.architecture == Architecture::X86
            {
                followed = Some(trap.end);
                self.trapped_x86(&trap, at)?
            } else {
                let Some(next) = self.record(at, followed.is_none()) else {
                    break;
                };
                followed = Some(at.wrapping_add(2 * width));
                next
            };
            // The outermost record holds a null pointer.
            self.finished |= next == 0;
            if next == 0 || next <= at && self.slots.holds(next) {
                break;
            }
            at = next;
        }
        followed
    }

    /// A record: lists what it returns to and answers where the next one is.
    fn record(&mut self, at: u64, first: bool) -> Option<u64> {
        let slot = at.checked_add(self.width())?;
        let (next, value) = (self.slots.get(at)?, self.slots.get(slot)?);
        let address = self.picker.address(value);
        let owner = self.picker.owner(address);
        // Whoever called the outermost function of a thread is nobody.
        if address == 0 && next == 0 {
            self.outermost = Some((0, at));
            return Some(0);
        }
        if owner.is_none() || self.picker.follows_call(address) == Some(false) {
            return None;
        }
        // By its place: a function that calls itself returns to the same address twice.
        let listed = self.frames.get(1).and_then(|frame| frame.stack_pointer);
        if !(first && listed == Some(Hex(slot))) {
            self.chained(address, slot, owner);
        }
        if next == 0 {
            self.outermost = Some((0, 0));
        }
        Some(next)
    }

    fn chained(&mut self, address: u64, slot: u64, owner: Option<Owner>) {
        let (how, sure) = (How::FramePointer, Confidence::Likely);
        let behind = slot.wrapping_add(self.width());
        self.push(address, slot, behind, owner, how, sure);
    }

    /// Lists what a trap frame interrupted and answers where its next record is.
    fn trapped_x86(&mut self, trap: &trap::Trap, at: u64) -> Option<u64> {
        if trap.user {
            self.finished = true;
            self.outermost = Some((trap.instruction, at));
            return None;
        }
        let owner = self.picker.owner(trap.instruction);
        let sure = match trap.reported {
            true => Confidence::Certain,
            false => Confidence::Likely,
        };
        let (from, how) = (trap.stack_pointer, How::TrapFrame);
        self.push(trap.instruction, at, from, owner, how, sure);
        self.entered(trap.instruction, trap.stack_pointer);
        self.slots.get(trap.frame_pointer_at)
    }

    /// A trap frame that a scan came across, with the chain behind it.
    #[inline(never)]
    pub(super) fn scanned_trap_x86(&mut self, at: u64) -> Option<u64> {
        let trap = trap::x86(&self.slots, at, &self.reported)?;
        self.picker.owner(trap.instruction)?;
        let next = self.trapped_x86(&trap, at);
        let behind = next.filter(|&next| next > at && self.slots.holds(next));
        let followed = behind.and_then(|next| self.chain_from(next));
        Some(followed.unwrap_or_else(|| align_up(trap.end, 4)))
    }

    /// Goes over to another stack with the record at `at`: one that the dump names, or where what
    /// the record returns to was called.
    fn leads_over(&mut self, at: u64) -> bool {
        let (memory, width) = (self.start.memory, self.width());
        let back = || {
            let slot = VirtualAddress(at.checked_add(width)?);
            memory.pointer(slot, width as u8).ok()
        };
        let called = |back: VirtualAddress| {
            self.picker.owner(back.0).is_some() && self.picker.follows_call(back.0) == Some(true)
        };
        (self.known_stack(at).is_some() || back().is_some_and(called)) && self.change_stack(at)
    }
}
