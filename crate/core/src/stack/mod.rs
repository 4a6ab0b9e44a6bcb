//! Call stacks: which code was running when Windows stopped, and through whom it got there.
//!
//! Where the drivers' images are in the dump, each frame is left by its unwind data
//! ([`crate::image::unwind`]), through traps and over to other stacks. A minidump holds the stack of
//! one thread and next to nothing of the drivers' images. There, and wherever a page is missing,
//! [`scan`] reads the stack as the debugger's `dps` does: every slot that could be a return address
//! is a candidate, and from one that is likely the unwinding goes on. Each frame says what it is by
//! [`How`](crate::model::How) and [`Confidence`](crate::model::Confidence):
//!
//! | found as | how sure |
//! |---|---|
//! | the recorded registers | certain |
//! | unwound, from registers that were certain, to an address behind a call instruction | certain |
//! | the return address of `KeBugCheckEx`, proven by the stop code in its argument | certain |
//! | a trap frame whose fault is the one that the stop code reports | certain |
//! | another trap frame, the chain of frame pointers, a value that follows a call instruction | likely |
//! | unwound from a frame that was less than certain | as that, likely at best |
//! | any other value that points into a module | possible |
//!
//! Sources: the x64 and ARM64 calling conventions and the page-fault frame as Microsoft documents
//! them; KTRAP_FRAME as published in Windows symbols (the same from 6.0 to 26100); checked on
//! dumps of 9600, 19041, 22000 and 26100.

mod chain;
mod columns;
mod evidence;
mod names;
mod pick;
mod scan;
mod slots;
mod start;
mod trap;
mod walk;

pub use names::{Named, Namer, name_frames};
pub use scan::{MAX_FRAMES, StackRange, Start, bug_check_caller, scan};
pub use start::{range_above, switched_away};
pub use walk::cursor;

use crate::memory::VirtualAddress;
use crate::model::Register;
use crate::nt::Context;
use alloc::vec::Vec;

/// The registers of the processor at the moment of interest, as far as a scan needs them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registers {
    /// The instruction pointer.
    pub instruction_pointer: VirtualAddress,
    /// The stack pointer.
    pub stack_pointer: VirtualAddress,
    /// EBP or X29; x64 code does not keep one.
    pub frame_pointer: Option<VirtualAddress>,
    /// Whether the instruction pointer is an address to return to, not the next instruction.
    pub returning: bool,
    /// x86: what the function of the instruction pointer returns to and the slot of it, where that
    /// function keeps no frame pointer and it is known all the same.
    pub caller: Option<(VirtualAddress, VirtualAddress)>,
    /// All of them by name, for the report.
    pub all: Vec<Register>,
}

impl From<&Context> for Registers {
    fn from(context: &Context) -> Self {
        Self {
            instruction_pointer: context.instruction_pointer,
            stack_pointer: context.stack_pointer,
            frame_pointer: context.frame_pointer,
            returning: false,
            caller: None,
            all: context.registers.clone(),
        }
    }
}

impl Registers {
    /// The register called `name` (lower case).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<u64> {
        self.all.iter().find(|r| r.name == name).map(|r| r.value.0)
    }
}

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod tests;
