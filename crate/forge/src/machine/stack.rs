//! The stack of the stopping thread: return addresses, saved registers and trap frames that unwind with the image's own unwind data.
//! x64 and ARM64 frames follow the prologue each function's unwind data will describe; x86 frames form a frame-pointer chain.

use super::Machine;
use crate::bytes::Bytes;
use crate::layout::context::{arm64, x64, x86};
use crate::rng::Rng;
use crate::scenario::{Architecture, Frame, On, ScenarioError};

/// What a function's prologue does to the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Saves this many of rbx, rsi, rdi, then takes this many bytes.
    Plain {
        /// Registers pushed, 0 to 3.
        pushes: u8,
        /// Bytes of locals.
        locals: u32,
    },
    /// Builds a trap frame on a machine frame with an error code.
    Trap,
    /// Goes over to another stack, and keeps the old one in the frame pointer.
    Switch,
}

impl Default for Shape {
    fn default() -> Self {
        Self::Plain {
            pushes: 0,
            locals: 0x28,
        }
    }
}

/// Offset of the return address in the frame that a thread switch leaves (KSWITCH_FRAME of x64).
const SWITCH_FRAME_RETURN: u64 = 0x38;

/// A frame with its addresses decided.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) address: u64,
    pub(super) shape: Shape,
    pub(super) fault_address: u64,
    pub(super) on: On,
}

impl Shape {
    /// The shape the forge gives a function: always the same for the same name.
    pub fn of(name: &str) -> Self {
        const TRAPS: [&str; 5] = ["Fault", "Trap", "Abort", "Interrupt", "InterruptDispatch"];
        if name.starts_with("nt!Ki") && TRAPS.iter().any(|end| name.ends_with(end)) {
            return Self::Trap;
        }
        let mut rng = Rng::for_purpose(0, name);
        let pushes = rng.below(4) as u8;
        // At a call the stack pointer is a multiple of 16: return address, pushes and locals together.
        let mut locals = 0x20 + 0x10 * rng.below(14) as u32;
        if pushes.is_multiple_of(2) {
            locals += 8;
        }
        Self::Plain { pushes, locals }
    }
}

/// Bytes that an ARM64 function takes for its frame record and its locals: one instruction stores and takes them.
pub fn arm64_locals(locals: u32) -> u64 {
    u64::from(locals & !0xf)
}

impl Machine<'_> {
    /// Writes the stack and the context of the stopping thread.
    pub(super) fn make_stack(&mut self) -> Result<(), ScenarioError> {
        let mut frames = self.scenario.stack.clone();
        if frames.is_empty() {
            frames = default_stack(self);
        }
        let mut placed = Vec::new();
        for (i, frame) in frames.iter().enumerate() {
            let leaves = frames.get(i + 1).is_some_and(|outer| outer.on != frame.on);
            placed.push(self.place(frame, i == 0, leaves)?);
        }
        self.current.instruction = placed.first().map_or(0, |p| p.address);
        self.current.frames = placed.iter().map(|p| p.address).collect();
        let context = match self.arch() {
            Architecture::X86 => self.stack_chain(&placed),
            _ => self.stack_unwound(&placed),
        };
        let at = self.processors[0].context;
        self.kernel.write(at, &context);
        self.current.context = context;
        let (thread, stack_pointer) = (self.current.thread, self.current.stack_pointer);
        self.set_pointer(thread.object, "_KTHREAD", "KernelStack", stack_pointer);
        Ok(())
    }

    /// Finds the code a frame names and the address in it.
    fn place(
        &mut self,
        frame: &Frame,
        innermost: bool,
        leaves: bool,
    ) -> Result<Placed, ScenarioError> {
        let unknown = || ScenarioError::UnknownFrame(frame.at.clone());
        let shape = match Shape::of(&frame.at) {
            Shape::Plain { .. } if leaves => Shape::Switch,
            shape => shape,
        };
        let (image, begin, end, rva) = if let Some(name) = frame.at.strip_prefix("nt!") {
            let f = self.build.function(name).ok_or_else(unknown)?;
            // Where ends are not public they are guessed: another function's beginning is one.
            let others = self.build.code.iter().map(|other| other.rva);
            let end = others.filter(|&rva| rva > f.rva).fold(f.end, u32::min);
            let room = (end - f.rva).max(0x20);
            let mut inside = Rng::for_purpose(9, name).below(u64::from(room - 0x1b)) as u32 + 0x1a;
            if self.arch() == Architecture::Arm64 {
                inside = inside.next_multiple_of(4).min(room - 4);
            }
            let offset = frame
                .offset
                .map_or(if innermost { 0 } else { inside }, |n| n.0 as u32);
            (0, f.rva, end, f.rva + offset)
        } else {
            let (module, offset) = frame.at.split_once('+').ok_or_else(unknown)?;
            let offset = crate::scenario::parse_number(offset).ok_or_else(unknown)? as u32;
            let image = self
                .images
                .iter()
                .position(|i| {
                    let name = i.name.to_ascii_lowercase();
                    let wanted = module.to_ascii_lowercase();
                    name == wanted
                        || name
                            .rsplit_once('.')
                            .is_some_and(|(stem, _)| stem == wanted)
                })
                .ok_or_else(unknown)?;
            if !self.images[image].file.is_empty() {
                let text = format!("{module} is a real file: its code cannot be in the stack");
                return Err(ScenarioError::Unsupported(text));
            }
            let begin = offset.saturating_sub(0x40) & !0xf;
            (image, begin, offset + 0x40, offset)
        };
        let functions = &mut self.images[image].functions;
        if !functions.iter().any(|f| f.0 == begin) {
            functions.push((begin, end, shape));
        }
        Ok(Placed {
            address: self.images[image].base + u64::from(rva),
            shape,
            fault_address: frame.fault_address.map_or(0, |n| n.0),
            on: frame.on,
        })
    }

    /// Gives every sleeping thread a stack that was switched away from: a switch frame, then the way into the wait.
    pub(super) fn make_sleepers(&mut self) -> Result<(), ScenarioError> {
        if self.arch() != Architecture::X64 {
            return Ok(());
        }
        // The switch itself leaves no return address that points into it.
        let names = [
            "SwapContext",
            "KiSwapContext",
            "KiSwapThread",
            "KiCommitThreadWait",
            "KeWaitForSingleObject",
            "ExpWorkerThread",
            "PspSystemThreadStartup",
            "KiStartSystemThread",
        ];
        let mut placed = Vec::new();
        for (i, name) in names.iter().enumerate() {
            if i == 0 || self.build.function(name).is_some() {
                let at = if i == 0 {
                    "nt!KeBugCheckEx".into()
                } else {
                    format!("nt!{name}")
                };
                placed.push(self.place(
                    &Frame {
                        at,
                        ..Frame::default()
                    },
                    i == 0,
                    false,
                )?);
            }
        }
        self.current.sleeping = placed.iter().skip(1).map(|p| p.address).collect();
        let running: Vec<u64> = self.running_threads();
        let threads: Vec<_> = self
            .processes
            .iter()
            .flat_map(|p| p.threads.clone())
            .collect();
        for thread in threads.iter().filter(|t| !running.contains(&t.object)) {
            let (start, _) = self.lay_frames(&placed, thread.stack_base);
            let kernel_stack = start - SWITCH_FRAME_RETURN;
            self.set_pointer(thread.object, "_KTHREAD", "KernelStack", kernel_stack);
        }
        Ok(())
    }

    fn context_x64(&self, stack_pointer: u64, frame_pointer: u64) -> Vec<u8> {
        let parameters = self.stop_parameters();
        let mut c = Bytes::zeroed(x64::SIZE);
        c.u32(x64::FLAGS, x64::FLAGS_FULL);
        c.u32(x64::MXCSR, 0x1f80);
        c.u32(x64::FLT_MXCSR, 0x1f80);
        for (at, selector) in [
            (x64::SEG_CS, 0x10),
            (x64::SEG_DS, 0x2b),
            (x64::SEG_ES, 0x2b),
            (x64::SEG_FS, 0x53),
            (x64::SEG_GS, 0x2b),
            (x64::SEG_SS, 0x18),
        ] {
            c.u16(at, selector);
        }
        c.u32(x64::EFLAGS, 0x282);
        c.u64(x64::RCX, self.scenario.stop.code.0);
        c.u64(x64::RDX, parameters[0]);
        c.u64(x64::R8, parameters[1]);
        c.u64(x64::R9, parameters[2]);
        c.u64(x64::RSP, stack_pointer);
        c.u64(x64::RBP, frame_pointer);
        c.u64(x64::RIP, self.current.instruction);
        for register in [x64::RAX, x64::RBX, x64::RSI, x64::RDI] {
            c.u64(register, 0);
        }
        c.into_vec()
    }

    /// Frames that unwind with the image's own unwind data.
    fn stack_unwound(&mut self, frames: &[Placed]) -> Vec<u8> {
        let base = self.current.thread.stack_base;
        let (start, frame_pointer) = self.lay_frames(frames, base);
        self.current.stack_pointer = start;
        self.current.frame_pointer = frame_pointer;
        if self.arch() == Architecture::X64 {
            return self.context_x64(start, frame_pointer);
        }
        let mut c = Bytes::zeroed(arm64::SIZE);
        c.u32(arm64::FLAGS, arm64::FLAGS_FULL);
        c.u32(arm64::CPSR, 0x6000_0004);
        c.u64(arm64::X0, self.scenario.stop.code.0);
        c.u64(arm64::FP, frame_pointer);
        c.u64(arm64::LR, frames.get(1).map_or(0, |f| f.address));
        c.u64(arm64::SP, start);
        c.u64(arm64::PC, self.current.instruction);
        c.into_vec()
    }

    /// Frames linked through the frame pointer, for x86.
    fn stack_chain(&mut self, frames: &[Placed]) -> Vec<u8> {
        let base = self.current.thread.stack_base;
        let start = (base - 0x100 - 0x40 * (frames.len() as u64 + 1)) & !0xf;
        let record = |i: usize| start + 0x40 * (i as u64 + 1);
        if let Some(caller) = frames.get(1) {
            self.kernel.word(start, caller.address, 4);
        }
        for i in 0..frames.len().saturating_sub(1) {
            let last = i + 2 >= frames.len();
            let next = if last { 0 } else { record(i + 1) };
            let back = frames.get(i + 2).map_or(0, |f| f.address);
            self.kernel.word(record(i), next, 4);
            self.kernel.word(record(i) + 4, back, 4);
        }
        self.current.stack_pointer = start;
        self.current.frame_pointer = record(0);
        let mut c = Bytes::zeroed(x86::SIZE);
        c.u32(x86::FLAGS, x86::FLAGS_FULL);
        c.u32(x86::EBP, record(0) as u32);
        c.u32(x86::EIP, self.current.instruction as u32);
        c.u32(x86::ESP, start as u32);
        c.u32(x86::SEG_CS, 8);
        c.u32(x86::SEG_SS, 0x10);
        c.u32(x86::SEG_DS, 0x23);
        c.u32(x86::EFLAGS, 0x246);
        c.into_vec()
    }
}

/// A bug check from a worker thread, with the functions this build's table has.
fn default_stack(machine: &Machine<'_>) -> Vec<Frame> {
    [
        "KeBugCheckEx",
        "IofCallDriver",
        "ExpWorkerThread",
        "PspSystemThreadStartup",
        "KiStartSystemThread",
    ]
    .iter()
    .filter(|name| machine.build.function(name).is_some())
    .map(|name| Frame {
        at: format!("nt!{name}"),
        ..Frame::default()
    })
    .collect()
}
