//! Who used up a kernel stack: bytes between one frame and the next, added up by module.

use super::facts::Facts;
use super::role::{Role, role};
use crate::model::{Confidence, Frame};
use crate::order;
use alloc::{string::String, vec::Vec};

/// More than any kernel stack has: two frames so far apart lie on different stacks.
const LARGEST: u64 = 0x1_0000;
/// A stack has six pages on 64-bit machines, three on 32-bit ones; from here on it was nearly full.
const NEARLY_FULL: [u64; 2] = [0x4000, 0x2000];

/// What one module used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) module: String,
    pub(super) bytes: u64,
    pub(super) frames: u32,
}

/// Whether the stop says that the stack had no room left: a double fault, or a switch to the stack
/// for panics.
pub(super) fn overflowed(facts: &Facts<'_>) -> bool {
    matches!(
        (facts.plain_code(), facts.parameters[0]),
        (0x7F, 8) | (0x2B, _)
    )
}

/// Bytes by module, the greatest user first, and whether they nearly fill a stack.
pub(super) fn by_module(facts: &Facts<'_>) -> (Vec<Usage>, bool) {
    let frames = facts.stack.map_or(&[][..], |stack| &stack.frames);
    let mut all: Vec<Usage> = Vec::new();
    for pair in frames.windows(2) {
        let [frame, next] = pair else { continue };
        let (Some(bytes), Some(name)) = (between(frame, next), &frame.module) else {
            continue;
        };
        match all.iter_mut().find(|usage| usage.module == *name) {
            Some(usage) => {
                usage.bytes += bytes;
                usage.frames += 1;
            }
            None => all.push(Usage {
                module: name.clone(),
                bytes,
                frames: 1,
            }),
        }
    }
    let total: u64 = all.iter().map(|usage| usage.bytes).sum();
    let narrow = facts.architecture == Some(crate::nt::Architecture::X86);
    let full = total >= NEARLY_FULL[usize::from(narrow)];
    (
        order::by_key(all, |usage| (u64::MAX - usage.bytes, 0)),
        full,
    )
}

fn between(frame: &Frame, next: &Frame) -> Option<u64> {
    let (low, high) = (frame.stack_pointer?.0, next.stack_pointer?.0);
    let walked = frame.confidence > Confidence::Possible && next.confidence > Confidence::Possible;
    let bytes = high.checked_sub(low).filter(|bytes| *bytes < LARGEST);
    bytes.filter(|_| walked)
}

/// The driver of another maker that used half of a full stack or more.
pub(super) fn greatest_user(facts: &Facts<'_>) -> Option<Usage> {
    let (all, full) = by_module(facts);
    let total: u64 = all.iter().map(|usage| usage.bytes).sum();
    let first = all.into_iter().next()?;
    let most = full && first.bytes * 2 >= total && role(&first.module) == Role::Other;
    most.then_some(first)
}
