//! Trap frames of x64 and x86: what the processor and the kernel push when an instruction faults or
//! an interrupt comes in.
//!
//! Layout: KTRAP_FRAME in Windows symbols, of x64 unchanged from 6.0 to 26100. Its end is what the
//! processor itself pushes: instruction pointer, code segment, flags, stack pointer, stack segment;
//! the last two on x86 for user code only.

use super::slots::Slots;

/// Where the processor's part begins in KTRAP_FRAME.
const RIP: u64 = 0x168;
/// Where the faulting address (CR2) is kept, and RBP.
const FAULT_ADDRESS: u64 = 0xD0;
const RBP: u64 = 0x158;
/// Kernel code and stack segments, and those of user mode.
const KERNEL_CODE: u64 = 0x10;
const KERNEL_STACK: [u64; 2] = [0x18, 0];
const USER_CODE: [u64; 2] = [0x33, 0x23];
const USER_STACK: u64 = 0x2B;
/// Bit 1 of the flags register is always set, and nothing above bit 21 is in use.
const FLAGS_ALWAYS: u64 = 2;
const FLAGS_LIMIT: u64 = 1 << 22;
/// Values below are error codes and counts, which prove nothing when they agree.
const SMALLEST_PROOF: u64 = 0x1_0000;

/// Offsets in KTRAP_FRAME of x86. The mark is written by the kernel itself.
mod x86 {
    pub(super) const DEBUG_EIP: u64 = 0x04;
    pub(super) const DEBUG_MARK: u64 = 0x08;
    pub(super) const MARK: u64 = 0xBADB_0D00;
    pub(super) const EBP: u64 = 0x60;
    pub(super) const EIP: u64 = 0x68;
    pub(super) const CODE: u64 = 0x6C;
    pub(super) const FLAGS: u64 = 0x70;
    pub(super) const END: u64 = 0x74;
    pub(super) const USER_END: u64 = 0x7C;
    pub(super) const KERNEL: u64 = 8;
    pub(super) const USER: u64 = 0x1B;
}

/// A frame that the processor pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trap {
    /// The instruction that was interrupted.
    pub(super) instruction: u64,
    /// The stack pointer it had.
    pub(super) stack_pointer: u64,
    /// Whether it ran in user mode.
    pub(super) user: bool,
    /// Whether the fault is one of those that were reported.
    pub(super) reported: bool,
    /// The address behind the frame.
    pub(super) end: u64,
    /// Where the frame pointer is kept that the interrupted code had.
    pub(super) frame_pointer_at: u64,
}

/// Whether `value` is one of the addresses that were reported.
pub(super) fn proves(reported: &[u64], value: u64) -> bool {
    value >= SMALLEST_PROOF && reported.contains(&value)
}

/// Looks for a processor's frame that begins at `at`. `reported` are the addresses that the stop
/// code or the exception names: of the instruction, of what it touched, or of the trap frame.
pub(super) fn at(slots: &Slots, at: u64, reported: &[u64]) -> Option<Trap> {
    let word = |index: u64| slots.get(at.checked_add(index * 8)?);
    let (instruction, code, flags) = (word(0)?, word(1)?, word(2)?);
    let (stack_pointer, stack) = (word(3)?, word(4)?);
    let user = USER_CODE.contains(&code) && stack == USER_STACK;
    let kernel = code == KERNEL_CODE && KERNEL_STACK.contains(&stack);
    if !(user || kernel) || flags & FLAGS_ALWAYS == 0 || flags >= FLAGS_LIMIT {
        return None;
    }
    // Kernel code runs on kernel addresses, user code does not; each has its stack above zero.
    let high_half = |address: u64| address >> 47 == 0x1_FFFF;
    if stack_pointer == 0 || kernel && !high_half(stack_pointer) || user && high_half(instruction) {
        return None;
    }
    let fault = at
        .checked_sub(RIP - FAULT_ADDRESS)
        .and_then(|at| slots.get(at));
    let proves = |value| proves(reported, value);
    // Some stop codes name the frame itself: 0x139 and 0x8E do.
    let named = at.checked_sub(RIP).is_some_and(proves);
    Some(Trap {
        instruction,
        stack_pointer,
        user,
        reported: named || proves(instruction) || fault.is_some_and(proves),
        end: at + 40,
        frame_pointer_at: at.wrapping_sub(RIP - RBP),
    })
}

/// The trap frame of x86 that begins at `at`.
pub(super) fn x86(slots: &Slots, at: u64, reported: &[u64]) -> Option<Trap> {
    let word = |offset| slots.get(at.checked_add(offset)?);
    let (code, flags) = (word(x86::CODE)? & 0xFFFF, word(x86::FLAGS)?);
    let instruction = word(x86::EIP)?;
    let marked = word(x86::DEBUG_MARK)? == x86::MARK && word(x86::DEBUG_EIP)? == instruction;
    let (kernel, user) = (code == x86::KERNEL, code == x86::USER);
    if !(marked && (kernel || user)) || flags & FLAGS_ALWAYS == 0 || flags >= FLAGS_LIMIT {
        return None;
    }
    Some(Trap {
        instruction,
        stack_pointer: at + x86::END,
        user,
        reported: proves(reported, instruction) || proves(reported, at),
        end: at + if user { x86::USER_END } else { x86::END },
        frame_pointer_at: at + x86::EBP,
    })
}
