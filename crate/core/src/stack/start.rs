//! Where the stack of a thread begins that is not running: in the frame that the switch to another
//! thread left on it.
//!
//! Layout: KSWITCH_FRAME in Windows symbols (Vergilius), x64 unchanged from 6.0 to 26100: RBP, then
//! the return address into the kernel, at the end of it; x86: the return address, behind which the
//! kernel has saved EBP, EDI, ESI and EBX, in that order from the lowest, and then its own return
//! address (KiSwapContext keeps no frame pointer; ReactOS has it so too). For ARM64 nothing is
//! published: the first return address into the kernel is taken for it, and the word below it for
//! the frame pointer, as every frame record of ARM64 has them.

use super::evidence::Code;
use super::slots::not_yet;
use super::{Registers, StackRange};
use crate::image::unwind::without_signature;
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::model::{Hex, Register};
use crate::nt::{Architecture, Module};
use alloc::vec::Vec;

/// Offsets of the frame pointer and of the return address.
const X64: (u64, u64) = (0x30, 0x38);
const X86: (u64, u64) = (0x0C, 0x08);
/// x86: offset of the return address of the function that saved the four registers.
const X86_CALLER: u64 = 0x1C;
/// How far from the stack pointer a switch frame may end.
const WITHIN: u64 = 0x100;

/// The registers of a thread that gave up the processor with its stack at `kernel_stack`, as far as
/// its switch frame keeps them; `None` where no such frame is.
#[must_use]
pub fn switched_away(
    architecture: Architecture,
    memory: &dyn AddressSpace,
    kernel: &Module,
    kernel_stack: VirtualAddress,
) -> Option<Registers> {
    let width = u64::from(architecture.pointer_width());
    let code = Code::new(memory, architecture);
    let word = |offset: u64| {
        let at = kernel_stack.checked_add(offset)?;
        memory.pointer(at, width as u8).ok()
    };
    let returns = |offset: u64, unread: bool| {
        let address = match architecture {
            Architecture::Arm64 => VirtualAddress(without_signature(word(offset)?.0)),
            _ => word(offset)?,
        };
        let called = code.follows_call(address.0).unwrap_or(unread);
        (kernel.contains(address) && called).then_some((offset, address))
    };
    let (frame, known) = match architecture {
        Architecture::X64 => (Some(X64.0), Some(X64.1)),
        Architecture::X86 => (Some(X86.0), Some(X86.1)),
        _ => (None, None),
    };
    let (offset, address) = known
        .and_then(|offset| returns(offset, true))
        .or_else(|| (0..WITHIN / width).find_map(|index| returns(index * width, false)))?;
    let at_frame = frame.filter(|_| known == Some(offset));
    let frame_pointer = match architecture {
        // A record lies above what it belongs to.
        Architecture::Arm64 => offset
            .checked_sub(width)
            .and_then(word)
            .filter(|frame| frame.0 > kernel_stack.0),
        _ => at_frame.and_then(word),
    };
    let caller = at_frame
        .filter(|_| architecture == Architecture::X86)
        .and_then(|_| {
            Some((
                returns(X86_CALLER, true)?.1,
                kernel_stack.checked_add(X86_CALLER)?,
            ))
        });
    let stack_pointer = kernel_stack.checked_add(offset + width)?;
    Some(Registers {
        instruction_pointer: address,
        stack_pointer,
        frame_pointer: frame_pointer.filter(|_| architecture != Architecture::X64),
        returning: true,
        caller,
        all: named(
            architecture,
            [Some(address), Some(stack_pointer), frame_pointer],
        ),
    })
}

/// Instruction, stack and frame pointer by their names.
fn named(architecture: Architecture, values: [Option<VirtualAddress>; 3]) -> Vec<Register> {
    let names = match architecture {
        Architecture::X64 => ["rip", "rsp", "rbp"],
        Architecture::X86 => ["eip", "esp", "ebp"],
        _ => ["pc", "sp", "fp"],
    };
    let known = names.into_iter().zip(values);
    let register = |(name, value): (_, Option<VirtualAddress>)| {
        let value = Hex(value?.0);
        Some(Register { name, value })
    };
    known.filter_map(register).collect()
}

/// How much above a stack pointer is looked at where nobody tells where the stack ends.
const UNKNOWN: u64 = 0x6000;
const PAGE: u64 = 0x1000;

/// The stack above `from`: as far as `stacks` say, else as far as there is memory.
#[must_use]
pub fn range_above(
    memory: &dyn AddressSpace,
    stacks: &[StackRange],
    from: VirtualAddress,
) -> StackRange {
    let mut known = stacks.iter();
    if let Some(found) = known.find(|range| range.low <= from && from < range.high) {
        return StackRange {
            low: from,
            high: found.high,
        };
    }
    let (mut end, mut next, mut whole) = (from.0, from.0, true);
    let last = from.0.saturating_add(UNKNOWN);
    while next < last {
        let read = memory.read(VirtualAddress(next), &mut [0; 1]);
        next = (next - next % PAGE).saturating_add(PAGE).min(last);
        match read {
            Ok(()) if whole => end = next,
            Ok(()) => {}
            // What is only not here yet is asked for to the end at once.
            Err(why) if not_yet(why) => whole = false,
            Err(_) => break,
        }
    }
    StackRange {
        low: from,
        high: VirtualAddress(end),
    }
}
