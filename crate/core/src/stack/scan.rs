//! Reading a stack from the innermost frame outwards.

use super::Registers;
use super::pick::{Owner, Picker};
use super::slots::{Slots, align_up};
use super::trap;
use super::walk::cursor;
use crate::image::{Image, ImageError};
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::{Confidence, Frame, Hex, How, Stack};
use crate::nt::exception::plain_stop_code;
use crate::nt::{Architecture, ModuleList, UnloadedModule};
use crate::order::Map;
use alloc::collections::BTreeSet;
use alloc::{string::String, vec::Vec};

/// The most frames that are listed.
pub const MAX_FRAMES: usize = 256;
/// How far from the stack pointer 32-bit Windows keeps the arguments of `KeBugCheckEx`.
const X86_ARGUMENTS_WITHIN: u64 = 0x800;

/// The stretch of memory that is the stack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StackRange {
    /// Its lowest address that can be read.
    pub low: VirtualAddress,
    /// The first address behind it.
    pub high: VirtualAddress,
}

/// Where to start, and what there is to go by.
#[derive(Clone, Copy)]
pub struct Start<'a> {
    /// The machine's architecture.
    pub architecture: Architecture,
    /// Loaded modules.
    pub modules: &'a ModuleList,
    /// Unloaded modules.
    pub unloaded: &'a [UnloadedModule],
    /// Memory: the stack itself, and whatever code there is.
    pub memory: &'a dyn AddressSpace,
    /// The stack.
    pub range: StackRange,
    /// The registers to start from: the exception's where there is one, else the processor's.
    pub registers: &'a Registers,
    /// [`How::Exception`] when the registers are those of an exception, else [`How::Context`].
    pub how: How,
    /// The address of the exception, where there is one.
    pub exception: Option<VirtualAddress>,
    /// Other stacks that the dump names: of the thread, and of the processors.
    pub stacks: &'a [StackRange],
    /// The stop code.
    pub code: u32,
    /// Its parameters.
    pub parameters: [u64; 4],
}

/// The frame that called `KeBugCheckEx`, when the dump proves which it is.
#[must_use]
pub fn bug_check_caller(stack: &Stack) -> Option<&Frame> {
    let [first, second, ..] = stack.frames.as_slice() else {
        return None;
    };
    let asked = stack.bug_check || first.symbol.as_deref() == Some("KeBugCheckEx");
    let proven = second.how == How::Scan && second.confidence == Confidence::Certain;
    // A function of ARM64 that has no frame record yet is passed over by the chain.
    let chained = second.how == How::FramePointer;
    let passed = chained && stack.registers.iter().any(|register| register.name == "pc");
    (first.how == How::Context && (asked && !passed || proven)).then_some(second)
}

/// Reads the stack. `processor`, `thread`, `process` and `process_name` of the answer are left to
/// the caller, who knows them.
#[must_use]
pub fn scan(start: &Start<'_>) -> Stack {
    let mut scanner = Scanner::new(start);
    scanner.first_frame();
    scanner.bug_check = scanner.asks_to_stop();
    let registers = cursor(start.architecture, start.registers);
    let walked = registers.and_then(|from| scanner.walk(from, Confidence::Certain));
    let from = walked.or_else(|| match start.architecture {
        Architecture::X86 => {
            let from = scanner.x86_caller();
            scanner.chain().or(from)
        }
        _ => scanner.caller_in_registers(),
    });
    if let Some(from) = from.filter(|_| !scanner.finished) {
        scanner.scan_from(from);
    }
    scanner.columns();
    scanner.into_stack()
}

pub(super) struct Scanner<'a> {
    pub(super) start: &'a Start<'a>,
    pub(super) slots: Slots,
    pub(super) picker: Picker<'a>,
    pub(super) reported: Vec<u64>,
    pub(super) frames: Vec<Frame>,
    /// Whether the outermost frame has been reached.
    pub(super) finished: bool,
    /// Instruction and stack pointers of the frames that were unwound.
    pub(super) visited: BTreeSet<(u64, u64)>,
    /// Images that were opened, by base.
    pub(super) images: Map<Result<Image<'a>, ImageError>>,
    /// What the outermost frame returns to, and the stack pointer there, on x86 the frame pointer of
    /// the frame, once that is known.
    pub(super) outermost: Option<(u64, u64)>,
    /// How often another stack was gone over to.
    pub(super) switches: usize,
    /// Whether the pointers of this stack were looked at as a whole.
    pub(super) surveyed: bool,
    /// Whether the arguments prove that the innermost frame is `KeBugCheckEx`.
    pub(super) bug_check: bool,
}

impl<'a> Scanner<'a> {
    fn new(start: &'a Start<'a>) -> Self {
        let StackRange { low, high } = start.range;
        let mut reported = start.parameters.to_vec();
        reported.extend(start.exception.map(|address| address.0));
        let width = start.architecture.pointer_width();
        Self {
            start,
            slots: Slots::read(start.memory, low.0, high.0, width),
            picker: Picker::new(
                start.architecture,
                start.modules,
                start.unloaded,
                start.memory,
            ),
            reported,
            frames: Vec::new(),
            finished: false,
            outermost: None,
            visited: BTreeSet::new(),
            images: Map::default(),
            switches: 0,
            surveyed: false,
            bug_check: false,
        }
    }

    pub(super) fn push(
        &mut self,
        address: u64,
        at: u64,
        stack_pointer: u64,
        owner: Option<Owner>,
        how: How,
        sure: Confidence,
    ) {
        if self.frames.len() >= MAX_FRAMES {
            self.finished = true;
            return;
        }
        let (module, offset) = owner.map(|o| (o.name, Hex(o.offset))).unzip();
        self.frames.push(Frame {
            address: Hex(address),
            stack_pointer: Some(Hex(at)),
            child: Some(Hex(stack_pointer)),
            return_address: None,
            arguments: Vec::new(),
            module,
            symbol: None,
            offset,
            how,
            confidence: sure,
            gap: None,
        });
    }

    fn first_frame(&mut self) {
        let registers = self.start.registers;
        let address = registers.instruction_pointer.0;
        if address == 0 && registers.stack_pointer.0 == 0 {
            return;
        }
        let owner = self.picker.owner(self.picker.address(address));
        let (at, how) = (registers.stack_pointer.0, self.start.how);
        self.push(address, at, at, owner, how, Confidence::Certain);
    }

    /// Where the stack begins: the stack pointer, or the copy's first slot when that is elsewhere.
    fn first_slot(&self) -> u64 {
        let pointer = self.start.registers.stack_pointer.0;
        let from = if self.slots.holds(pointer) {
            pointer
        } else {
            self.start.range.low.0
        };
        align_up(from, self.start.architecture.pointer_width())
    }

    /// Windows records the registers on entry to `KeBugCheckEx`: the stop code is in the register
    /// of the first argument, or on x64 by then in its home on the stack.
    fn asks_to_stop(&self) -> bool {
        let code = u64::from(plain_stop_code(self.start.code));
        let in_register = |name| self.start.registers.get(name) == Some(code);
        let asked = match self.start.architecture {
            Architecture::X64 => {
                let at = self.first_slot();
                let home = |offset| self.slots.get(at.wrapping_add(offset));
                in_register("rcx")
                    || home(8) == Some(code) && home(16) == Some(self.start.parameters[0])
            }
            Architecture::Arm64 => in_register("x0"),
            _ => false,
        };
        // A stack that stopped nothing is read without a code, and a register of zero says nothing.
        asked && code != 0 && self.start.how == How::Context
    }

    /// The caller of `KeBugCheckEx`, without unwind data: x64 has it in the first slot, ARM64 in
    /// its register.
    fn caller_in_registers(&mut self) -> Option<u64> {
        let first = self.first_slot();
        let width = u64::from(self.start.architecture.pointer_width());
        let (value, behind) = match self.start.architecture {
            Architecture::Arm64 => (self.start.registers.get("lr"), first),
            _ => (self.slots.get(first), first.wrapping_add(width)),
        };
        let value = self.picker.address(value.unwrap_or(0));
        let owner = self.picker.owner(value).filter(|_| self.bug_check);
        let Some(owner) = owner else {
            return Some(first);
        };
        let sure = Confidence::Certain;
        self.push(value, first, behind, Some(owner), How::Scan, sure);
        let mut caller = self.returned_to(value, behind)?;
        if let Some(frame) = self.start.registers.frame_pointer {
            caller.set(29, frame.0);
        }
        Some(self.walk(caller, Confidence::Certain).unwrap_or(behind))
    }

    /// On x86 the arguments of `KeBugCheckEx` are on the stack, right behind the return address.
    fn x86_caller(&mut self) -> Option<u64> {
        let first = self.first_slot();
        let [p1, p2, ..] = self.start.parameters.map(|p| p & 0xFFFF_FFFF);
        let wanted = [u64::from(plain_stop_code(self.start.code)), p1, p2];
        let found = self
            .slots
            .from(first)
            .take_while(|&(at, _)| at - first < X86_ARGUMENTS_WITHIN)
            .find(|&(at, value)| {
                (1..=3u64)
                    .zip(wanted)
                    .all(|(i, w)| self.slots.get(at.wrapping_add(4 * i)) == Some(w))
                    && self.picker.owner(value).is_some()
            });
        let Some((at, value)) = found.filter(|_| self.start.how == How::Context) else {
            return Some(first);
        };
        let owner = self.picker.owner(value);
        self.push(value, at, at + 4, owner, How::Scan, Confidence::Certain);
        Some(at + 4)
    }

    /// Takes every slot for what it may be, from `from` outwards, and goes on from what is found by
    /// unwinding where that is possible.
    fn scan_from(&mut self, from: u64) {
        let mut at = from;
        let width = u64::from(self.start.architecture.pointer_width());
        while !self.finished && at < self.slots.end() {
            if !self.surveyed {
                self.surveyed = true;
                self.picker.survey(&self.slots, at);
            }
            let Some(value) = self.slots.get(at) else {
                break;
            };
            if let Some(next) = self.trap(at) {
                at = next;
                continue;
            }
            let mut next = at + width;
            if let Some(owner) = self.picker.candidate(at, value) {
                let (address, sure) = (self.picker.address(value), owner.confidence);
                self.push(address, at, next, Some(owner), How::Scan, sure);
                let frame = self.returned_to(address, next);
                if let Some(unwound) = frame.and_then(|frame| self.walk(frame, sure)) {
                    next = unwound;
                }
            }
            at = align_up(next, width as u8);
        }
    }

    /// Steps over a trap frame at `at` to the stack that it interrupted.
    fn trap(&mut self, at: u64) -> Option<u64> {
        if self.start.architecture == Architecture::X86 {
            return self.scanned_trap_x86(at);
        }
        if self.start.architecture != Architecture::X64 {
            return None;
        }
        let trap = trap::at(&self.slots, at, &self.reported)?;
        if trap.user {
            self.finished = true;
            return Some(trap.end);
        }
        let here = Some(Hex(at));
        let listed = |f: &Frame| f.how == How::TrapFrame && f.stack_pointer == here;
        if self.frames.iter().any(listed) {
            return Some(trap.end);
        }
        let owner = self.picker.owner(trap.instruction);
        if owner.is_none() && !trap.reported {
            return None;
        }
        let inside = trap.stack_pointer > at && self.slots.holds(trap.stack_pointer);
        let sure = match (trap.reported, inside) {
            (true, _) => Confidence::Certain,
            (false, true) => Confidence::Likely,
            (false, false) => Confidence::Possible,
        };
        let (from, how) = (trap.stack_pointer, How::TrapFrame);
        self.push(trap.instruction, at, from, owner, how, sure);
        if inside && let Some(from) = self.interrupted(&trap) {
            let sure = sure.min(Confidence::Likely);
            if let Some(unwound) = self.walk(from, sure) {
                return Some(unwound);
            }
        }
        Some(if inside {
            align_up(trap.stack_pointer, 8)
        } else {
            trap.end
        })
    }

    fn into_stack(self) -> Stack {
        Stack {
            limits: self.limits(),
            frames: self.frames,
            registers: self.start.registers.all.clone(),
            bug_check: self.bug_check,
            ..Stack::default()
        }
    }

    fn limits(&self) -> String {
        let mut text = String::new();
        let guessed = |frame: &&Frame| frame.confidence == Confidence::Possible;
        if self.frames.iter().any(|frame| guessed(&frame)) {
            text.push_str(
                "Without the drivers' code, which this dump does not hold, calls cannot be traced \
                 back one by one: a frame marked \"possible\" is a value on the stack that points \
                 into a module. Some of these are left over from calls that had already returned, \
                 and a frame may be missing.",
            );
        }
        let mut add = |sentence: &str| {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(sentence);
        };
        if self.slots.missing.is_some() {
            add("Part of the stack is not in the file, so the outer frames are missing.");
        }
        if self.frames.len() >= MAX_FRAMES {
            add("The list was cut at 256 frames.");
        }
        if self.frames.len() <= 1 {
            add("No other frame was found on the stack.");
        }
        text
    }
}
