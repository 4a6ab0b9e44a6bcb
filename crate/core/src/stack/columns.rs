//! What the debugger prints beside a frame: what it returns to, and the first values where its
//! arguments are.
//!
//! Where they are: on x64 in the home of the register arguments, which the caller keeps at the foot
//! of its own frame for the function to use as it likes (x64 calling convention); on x86 behind the
//! return address. ARM64 has no place for them. The columns are those of public outputs of `kb`.

use super::scan::Scanner;
use crate::memory::VirtualAddress;
use crate::model::{Confidence, Frame, Hex, How};
use crate::nt::Architecture;
use alloc::vec::Vec;

/// Values in a frame, as many as the debugger prints.
const X64_ARGUMENTS: usize = 4;
const X86_ARGUMENTS: usize = 3;

/// Whether a frame is what the one before it returns to: a scan may have missed some in between.
fn follows(frame: &&Frame) -> bool {
    frame.how != How::Scan || frame.confidence > Confidence::Possible
}

impl Scanner<'_> {
    /// Completes the frames, once all are known.
    pub(super) fn columns(&mut self) {
        let narrow = self.start.architecture == Architecture::X86;
        for at in 0..self.frames.len() {
            let next = self.frames.get(at + 1).filter(follows);
            let mut child = self.frames.get(at).and_then(|frame| frame.child);
            let (back, pointer) = match next {
                Some(next) if narrow => {
                    // A trap frame is itself a link of the chain; else the return address is found,
                    // with the frame pointer before it.
                    let link = next.stack_pointer.map(|found| match next.how {
                        How::TrapFrame => found.0,
                        _ => found.0.wrapping_sub(4),
                    });
                    (Some(next.address), link)
                }
                Some(next) => (Some(next.address), next.child.map(|child| child.0)),
                None if at + 1 < self.frames.len() => (None, None),
                None => self.outermost.map(|(back, at)| (Hex(back), at)).unzip(),
            };
            if narrow {
                child = pointer.map(Hex);
            }
            let arguments = pointer.map_or_else(Vec::new, |at| self.arguments(at));
            if let Some(frame) = self.frames.get_mut(at) {
                frame.child = child;
                frame.return_address = back;
                frame.arguments = arguments;
            }
        }
    }

    /// The values: on x64 at the caller's stack pointer, on x86 behind frame pointer and return
    /// address.
    fn arguments(&self, pointer: u64) -> Vec<Hex> {
        let (skip, count, width) = match self.start.architecture {
            Architecture::X64 => (0, X64_ARGUMENTS, 8),
            Architecture::X86 => (8, X86_ARGUMENTS, 4),
            _ => return Vec::new(),
        };
        let mut bytes = [0; 8 * X64_ARGUMENTS];
        let space = bytes.get_mut(..count * width).unwrap_or_default();
        let at = VirtualAddress(pointer.wrapping_add(skip));
        if self.start.memory.read(at, space).is_err() {
            return Vec::new();
        }
        let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, &b| n << 8 | u64::from(b));
        space.chunks(width).map(|each| Hex(number(each))).collect()
    }
}
