//! Lays frames onto stacks so that they unwind: on the thread's, and on those that the processor changes to.
//! Source: Microsoft Learn, "x64 exception handling" and "ARM64 exception handling"; trap frames as `layout::context` has them.

use super::stack::{Placed, Shape};
use super::{Machine, stack};
use crate::layout::context::{switched, trap_arm64, trap_x86, trap64};
use crate::rng::Rng;
use crate::scenario::{Architecture, On};
use std::ops::Range;

/// Bytes of a stack of the processor's own.
const SPECIAL: u64 = 0x6000;
/// Where the stack of a process's thread is, as a trap frame keeps it.
const USER_STACK: u64 = 0x7a_1234_f000;
/// How far into the frame a frame pointer of x64 points.
const POINTER: u64 = 0x20;
/// 32-bit trap handlers take this for the arguments of what they call.
const X86_ARGUMENTS: u64 = 0x20;

/// Where frames lie: the stack pointer of the innermost, and its frame pointer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Laid {
    pub(super) stack_pointer: u64,
    pub(super) frame_pointer: u64,
    /// Where the stack ends.
    pub(super) stack_end: u64,
}

impl Machine<'_> {
    /// Bytes that a frame takes on its stack, without the return address below it.
    fn room(&self, shape: Shape) -> u64 {
        match (shape, self.arch()) {
            (Shape::Plain { pushes, locals }, Architecture::X64) => {
                u64::from(locals) + 8 * u64::from(pushes)
            }
            (Shape::Plain { pushes, locals }, Architecture::X86) => {
                u64::from(locals) + 4 * u64::from(pushes) + 4
            }
            (Shape::Trap, Architecture::X86) => X86_ARGUMENTS + trap_x86::SIZE,
            (Shape::Saved, _) => switched::X86_SAVED,
            (Shape::Plain { pushes, locals }, _) => {
                stack::arm64_locals(locals) + if pushes > 1 { 16 } else { 0 }
            }
            (Shape::Pointer { locals, grown }, Architecture::X64) => u64::from(locals + grown) + 8,
            (Shape::Pointer { locals, grown }, _) => stack::arm64_locals(locals) + u64::from(grown),
            (Shape::Trap, Architecture::X64) => trap64::SIZE,
            (Shape::Trap, _) => trap_arm64::SIZE,
            (Shape::Switch, _) => 0,
        }
    }

    /// Bytes of a return address that lies between two frames: ARM64 keeps it within the frame.
    fn return_address(&self) -> u64 {
        match self.arch() {
            Architecture::Arm64 => 0,
            _ => self.pointer() as u64,
        }
    }

    /// Where a stack ends; those of the processor's own are made when they are first asked for.
    fn stack_end(&mut self, on: On, thread: u64, number: usize) -> u64 {
        let member = match on {
            On::Thread => return thread - 0x80,
            On::Dpc => Some("DpcStack"),
            On::Interrupt => Some("IsrStack"),
            On::DoubleFault => Some("ExceptionStack"),
            On::Nmi => None,
        };
        let limit = self.regions.stacks.pages(SPECIAL + 0x1000) + 0x1000;
        self.kernel.touch(limit, SPECIAL);
        let prcb = self.processors[number].prcb;
        if let Some(member) = member {
            self.set_pointer(prcb, "_KPRCB", member, limit + SPECIAL);
        }
        limit + SPECIAL - 0x40
    }

    /// Writes the frames after the innermost one, on the stack that ends at `thread` and on those of the processor.
    pub(super) fn lay_frames(&mut self, frames: &[Placed], thread: u64, number: usize) -> Laid {
        let mut rng = self.rng("stack registers");
        let mut laid = Laid::default();
        // From the outermost stack inwards, because an inner one knows the outer one.
        for group in groups(frames).into_iter().rev() {
            let end = self.stack_end(frames[group.start].on, thread, number);
            laid = self.lay_group(frames, group, end, laid, &mut rng);
            // Frames begin a little below the end, which is a page's.
            laid.stack_end = end.next_multiple_of(0x1000);
        }
        laid
    }

    /// The frames of one stack. `outer` is where the next stack goes on.
    fn lay_group(
        &mut self,
        frames: &[Placed],
        group: Range<usize>,
        end: u64,
        outer: Laid,
        rng: &mut Rng,
    ) -> Laid {
        let width = self.pointer();
        let entered_by_switch = group.start > 0 && frames[group.start - 1].shape == Shape::Switch;
        let mut at = if entered_by_switch {
            2 * width as u64
        } else {
            0
        };
        let mut places = Vec::new();
        for i in group.clone().filter(|&i| i > 0) {
            // What a trap interrupted has its address in the trap frame.
            let called = i > group.start && frames[i - 1].shape != Shape::Trap;
            at += if called { self.return_address() } else { 0 };
            places.push((i, at, called));
            at += if frames[i].user {
                0
            } else {
                self.room(frames[i].shape)
            };
        }
        if self.arch() == Architecture::X86 && frames[group.end - 1].user {
            at += trap_x86::USER_SIZE - trap_x86::SIZE;
        }
        let first = places.first().map_or(0, |place| place.1) % 16;
        let start = ((end - at - 0x10) & !0xf) - first;
        let mut frame_pointer = outer.frame_pointer;
        if group.end == frames.len() && self.return_address() > 0 {
            self.kernel.word(start + at, 0, width);
        }
        for (i, offset, called) in places.into_iter().rev() {
            let sp = start + offset;
            if frames[i].user {
                continue;
            }
            if called && self.return_address() > 0 {
                self.kernel
                    .word(sp - width as u64, frames[i].address, width);
            }
            let next = frames.get(i + 1).map_or(0, |f| f.address);
            let user = frames.get(i + 1).is_some_and(|f| f.user);
            let resumed = if user {
                USER_STACK
            } else if i + 1 == group.end {
                outer.stack_pointer
            } else {
                sp + self.room(frames[i].shape)
            };
            frame_pointer = match frames[i].shape {
                Shape::Switch => outer.stack_pointer,
                _ => self.lay_frame(&frames[i], sp, (next, resumed, frame_pointer), rng),
            };
            if user {
                self.came_from_user(sp, resumed);
            }
        }
        if entered_by_switch {
            // What the function that changed stacks left here: the frame pointer, and where it returns to.
            let width = width as u64;
            self.put_pointer(start, frame_pointer);
            let back = self.stored(frames[group.start].address, start);
            self.put_pointer(start + width, back);
        }
        Laid {
            stack_pointer: start,
            frame_pointer,
            stack_end: end,
        }
    }

    /// Writes one frame, whose stack pointer is `sp`. What it returns to or interrupted: instruction, stack and frame
    /// pointers. Answers its own frame pointer.
    fn lay_frame(&mut self, frame: &Placed, sp: u64, outer: (u64, u64, u64), rng: &mut Rng) -> u64 {
        let (next, _, frame_pointer) = outer;
        match frame.shape {
            Shape::Plain { pushes, locals } => {
                self.plain_frame(sp, pushes, locals, next, frame_pointer, rng)
            }
            Shape::Pointer { locals, grown } => {
                self.pointer_frame(sp + u64::from(grown), locals, next, frame_pointer)
            }
            Shape::Trap => self.trap_frame(sp, frame.fault_address, outer, rng),
            // KiSwapContext keeps the frame pointer of its caller in the lowest slot.
            Shape::Saved => {
                self.kernel.word(sp, frame_pointer, self.pointer());
                frame_pointer
            }
            Shape::Switch => frame_pointer,
        }
    }

    /// A return address as it is stored at `at`: where functions sign them, with a signature in the bits that an address of
    /// the kernel has set, but for the one that says which half it is of.
    pub(super) fn stored(&self, address: u64, at: u64) -> u64 {
        const SIGNATURE: u64 = 0xff7f << 48;
        if !self.scenario.machine.signed || address >> 55 == 0 {
            return address;
        }
        let signature = (address ^ at).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        address & !SIGNATURE | signature & SIGNATURE
    }

    /// What a prologue saved. Returns the frame pointer after it.
    fn plain_frame(
        &mut self,
        sp: u64,
        pushes: u8,
        locals: u32,
        back: u64,
        frame_pointer: u64,
        rng: &mut Rng,
    ) -> u64 {
        if self.arch() == Architecture::X64 {
            for i in 0..pushes {
                let slot = sp + u64::from(locals) + 8 * u64::from(i);
                self.kernel.u64(slot, rng.next() & 0xffff_ffff);
            }
            return frame_pointer;
        }
        if self.arch() == Architecture::X86 {
            // The registers are pushed below the frame pointer.
            let saved = sp + u64::from(locals) + 4 * u64::from(pushes);
            for i in 1..=u64::from(pushes) {
                self.kernel.word(saved - 4 * i, rng.next(), 4);
            }
            self.kernel.word(saved, frame_pointer, 4);
            return saved;
        }
        self.kernel.u64(sp, frame_pointer);
        self.kernel.u64(sp + 8, self.stored(back, sp));
        sp
    }

    /// What a prologue saved that keeps a frame pointer, which is the answer.
    fn pointer_frame(&mut self, sp: u64, locals: u32, back: u64, frame_pointer: u64) -> u64 {
        if self.arch() == Architecture::X64 {
            self.kernel.u64(sp + u64::from(locals), frame_pointer);
            return sp + POINTER;
        }
        self.kernel.u64(sp, frame_pointer);
        self.kernel.u64(sp + 8, self.stored(back, sp));
        sp
    }

    /// Makes the trap frame at `at` one of code of a process, whose stack is at `stack`.
    fn came_from_user(&mut self, at: u64, stack: u64) {
        match self.arch() {
            Architecture::X64 => {
                self.kernel.u64(at + trap64::SEG_CS, 0x33);
                self.kernel.u64(at + trap64::SEG_SS, 0x2b);
                self.kernel.u8(at + trap64::PREVIOUS_MODE, 1);
            }
            Architecture::X86 => {
                let at = at + X86_ARGUMENTS;
                self.kernel.word(at + trap_x86::SEG_CS, 0x1b, 4);
                self.kernel.word(at + trap_x86::ESP, stack & 0x7fff_ffff, 4);
                self.kernel.word(at + trap_x86::SEG_SS, 0x23, 4);
            }
            Architecture::Arm64 => self.kernel.u64(at + trap_arm64::SPSR, 0x6000_0000),
        }
    }

    /// The same of 32-bit code. What was interrupted lies right behind it.
    fn trap_frame_x86(
        &mut self,
        at: u64,
        instruction: u64,
        frame_pointer: u64,
        rng: &mut Rng,
    ) -> u64 {
        let at = at + X86_ARGUMENTS;
        for (offset, value) in [
            (trap_x86::DEBUG_EBP, frame_pointer),
            (trap_x86::DEBUG_EIP, instruction),
            (trap_x86::DEBUG_MARK, trap_x86::MARK),
            (trap_x86::DEBUG_ARGUMENTS, at),
            (trap_x86::SEG_ES, 0x23),
            (trap_x86::SEG_DS, 0x23),
            (trap_x86::EDX, rng.next() & 0xffff),
            (trap_x86::ECX, 0),
            (trap_x86::EAX, rng.next() & 0xffff),
            (trap_x86::EXCEPTION_LIST, 0xffff_ffff),
            (trap_x86::SEG_FS, 0x30),
            (trap_x86::EBP, frame_pointer),
            (trap_x86::ERROR_CODE, 0),
            (trap_x86::EIP, instruction),
            (trap_x86::SEG_CS, 8),
            (trap_x86::EFLAGS, 0x10246),
        ] {
            self.kernel.word(at + offset, value, 4);
        }
        at
    }

    /// Writes a trap frame at `at`, as the processor and the fault handler leave it. What was interrupted: its
    /// instruction, stack and frame pointers. Returns the handler's frame pointer.
    fn trap_frame(
        &mut self,
        at: u64,
        fault_address: u64,
        interrupted: (u64, u64, u64),
        rng: &mut Rng,
    ) -> u64 {
        let (instruction, stack, frame_pointer) = interrupted;
        if self.arch() == Architecture::X86 {
            return self.trap_frame_x86(at, instruction, frame_pointer, rng);
        }
        if self.arch() != Architecture::X64 {
            for (offset, value) in [
                (trap_arm64::FAULT_ADDRESS, fault_address),
                (trap_arm64::X0, rng.next() & 0xffff),
                (trap_arm64::SPSR, 0x6000_0004),
                (trap_arm64::SP, stack),
                (trap_arm64::LR, instruction),
                (trap_arm64::FP, frame_pointer),
                (trap_arm64::PC, instruction),
            ] {
                self.kernel.u64(at + offset, value);
            }
            return frame_pointer;
        }
        for (offset, value) in [
            (trap64::RAX, rng.next() & 0xffff),
            (trap64::RCX, fault_address),
            (trap64::RDX, 0),
            (trap64::FAULT_ADDRESS, fault_address),
            (trap64::RBX, rng.next() & 0xffff),
            (trap64::RDI, 0),
            (trap64::RSI, 0),
            (trap64::RBP, frame_pointer),
            (trap64::ERROR_CODE, 0),
            (trap64::RIP, instruction),
            (trap64::SEG_CS, 0x10),
            (trap64::EFLAGS, 0x10246),
            (trap64::RSP, stack),
            (trap64::SEG_SS, 0x18),
        ] {
            self.kernel.u64(at + offset, value);
        }
        self.kernel.u8(at + trap64::PREVIOUS_MODE, 0);
        at + 0x80
    }
}

/// Frames that lie on the same stack, innermost first.
fn groups(frames: &[Placed]) -> Vec<Range<usize>> {
    let mut groups: Vec<Range<usize>> = Vec::new();
    for (i, frame) in frames.iter().enumerate() {
        match groups.last_mut() {
            Some(last) if frames[last.start].on == frame.on => last.end = i + 1,
            _ => groups.push(i..i + 1),
        }
    }
    groups
}
