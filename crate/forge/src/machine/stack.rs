//! The stack of the stopping thread: return addresses, saved registers and trap frames that unwind with the image's own unwind data.
//! The same for the threads of the other processors, and for those that sleep. x64 and ARM64 frames follow the prologue each
//! function's unwind data will describe; x86 functions keep a frame pointer.

use super::frames::Laid;
use super::{Machine, Thread};
use crate::bytes::Bytes;
use crate::image::prologue;
use crate::layout::context::{arm64, switched, x64, x86};
use crate::rng::Rng;
use crate::scenario::{Architecture, Frame, Number, On, ScenarioError};

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
    /// Keeps a frame pointer, because it takes more than its prologue does.
    Pointer {
        /// Bytes of locals.
        locals: u32,
        /// Bytes that it has taken since.
        grown: u32,
    },
    /// Builds a trap frame on a machine frame with an error code.
    Trap,
    /// Goes over to another stack, and keeps the old one in the frame pointer.
    Switch,
    /// x86: saves four registers, and keeps no frame pointer of its own.
    Saved,
}

impl Default for Shape {
    fn default() -> Self {
        Self::Plain {
            pushes: 0,
            locals: 0x28,
        }
    }
}

/// A frame with its addresses decided.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) address: u64,
    /// The function's name, and how far into it the address lies.
    pub(super) function: (String, u64),
    pub(super) shape: Shape,
    pub(super) fault_address: u64,
    pub(super) on: On,
    /// Code of a process: what the processor came from into the kernel.
    pub(super) user: bool,
}

/// A function as an image keeps it: first byte, first byte after it, shape.
type Described = (u32, u32, Shape);

/// Bytes before and after a frame's address that its function in an invented driver has at least.
const AROUND: u32 = 0x40;
/// The longest prologue and a call: behind that begins the body of every function.
const BODY: u32 = 0x1a;
/// Functions shorter than this return behind the first call.
const SHORT: u32 = 0x20;

/// How far into a function of `room` bytes a call returns to: behind the prologue and the call itself, and before the end.
fn return_offset(name: &str, room: u32, prologue: u32, arch: Architecture) -> Option<u32> {
    const CALL: u32 = 6;
    let arm64 = arch == Architecture::Arm64;
    let offset = if room < SHORT {
        prologue + if arm64 { 4 } else { CALL }
    } else {
        let more = Rng::for_purpose(9, name).below(u64::from(room - BODY - 1)) as u32;
        match arm64 {
            true => (BODY + more).next_multiple_of(4).min((room - 4) & !3),
            false => BODY + more,
        }
    };
    (offset < room).then_some(offset)
}

/// How the scenario names code of a process.
const USER: &str = "user+";

impl Shape {
    /// The shape the forge gives a function: always the same for the same name.
    pub fn of(name: &str) -> Self {
        const TRAPS: [&str; 5] = ["Fault", "Trap", "Abort", "Interrupt", "InterruptDispatch"];
        let trap = name.starts_with("nt!Ki") && TRAPS.iter().any(|end| name.ends_with(end));
        if trap || name.starts_with("nt!KiTrap") {
            return Self::Trap;
        }
        let mut rng = Rng::for_purpose(0, name);
        let pushes = rng.below(4) as u8;
        Self::plain(pushes, 0x20 + 0x10 * rng.below(14) as u32)
    }

    /// At a call the stack pointer is a multiple of 16: return address, pushes and locals together.
    fn plain(pushes: u8, room: u32) -> Self {
        let more = if pushes.is_multiple_of(2) { 8 } else { 0 };
        Self::Plain {
            pushes,
            locals: room + more,
        }
    }

    /// As the scenario wants it: `room` bytes of locals, and `grown` more.
    fn wanted(self, frame: &Frame, arch: Architecture) -> Self {
        let bytes = |number: &Number| (number.0 as u32).next_multiple_of(16).clamp(0x20, 4080);
        let (room, grown) = (
            frame.room.as_ref().map(bytes),
            frame.grown.as_ref().map(bytes),
        );
        match (self, grown) {
            // 32-bit functions keep a frame pointer anyway.
            (Self::Plain { pushes, .. }, Some(grown)) if arch == Architecture::X86 => {
                Self::plain(pushes, room.unwrap_or(0x20) + grown)
            }
            (Self::Plain { .. }, Some(grown)) => Self::Pointer {
                locals: room.unwrap_or(0x20),
                grown,
            },
            (Self::Plain { pushes, locals }, None) => match room {
                Some(room) => Self::plain(pushes, room),
                None => Self::Plain { pushes, locals },
            },
            _ => self,
        }
    }
}

/// Bytes that an ARM64 function takes for its frame record and its locals: one instruction stores and takes them.
pub fn arm64_locals(locals: u32) -> u64 {
    u64::from(locals & !0xf)
}

impl Machine<'_> {
    /// Writes the stack and the context of the stopping thread, and of those that the other processors ran.
    pub(super) fn make_stack(&mut self) -> Result<(), ScenarioError> {
        let mut frames = self.scenario.stack.clone();
        if frames.is_empty() {
            frames = default_stack(self);
        }
        let thread = self.current.thread;
        let (context, laid) = self.make_running(0, thread, &frames)?;
        self.current.instruction = self.running[0].frames.first().copied().unwrap_or(0);
        self.current.frames.clone_from(&self.running[0].frames);
        self.current.stack_pointer = laid.stack_pointer;
        self.current.stack_end = laid.stack_end;
        self.current.frame_pointer = laid.frame_pointer;
        self.current.context = context;
        for number in 1..self.processors.len() {
            let wanted = self.scenario.running.iter();
            let mut wanted = wanted.filter(|r| r.processor as usize == number);
            let mut frames = wanted.next().map_or(Vec::new(), |r| r.stack.clone());
            if frames.is_empty() {
                frames = self.known(&["PoIdle", "KiIdleLoop"]);
            }
            let thread = self.running[number].thread;
            self.make_running(number, thread, &frames)?;
        }
        Ok(())
    }

    /// The stack and the context of a processor.
    fn make_running(
        &mut self,
        number: usize,
        thread: Thread,
        frames: &[Frame],
    ) -> Result<(Vec<u8>, Laid), ScenarioError> {
        let mut placed = Vec::new();
        for (i, frame) in frames.iter().enumerate() {
            let outer = frames.get(i + 1);
            if frame.at.starts_with(USER) {
                placed.push(self.place_user(frame, i > 0 && outer.is_none())?);
                continue;
            }
            let leaves = outer.is_some_and(|outer| outer.on != frame.on);
            let enters = outer.is_some_and(|outer| outer.at.starts_with(USER));
            placed.push(self.place(frame, i == 0, (leaves, enters))?);
        }
        let laid = self.lay_frames(&placed, thread.stack_base, number);
        if number == 0 && self.arch() == Architecture::X86 {
            self.push_arguments(&laid);
        }
        let pairs = placed.windows(2).filter(|pair| pair[0].fault_address != 0);
        self.current
            .faulting
            .extend(pairs.map(|pair| pair[1].address));
        let context = match self.arch() {
            Architecture::X64 => self.context_x64(number, &placed, laid),
            Architecture::X86 => context_x86(&placed, laid),
            Architecture::Arm64 => self.context_arm64(number, &placed, laid),
        };
        let at = self.processors[number].context;
        self.kernel.write(at, &context);
        self.running[number].frames = placed.iter().map(|p| p.address).collect();
        self.running[number].functions = placed.iter().map(|p| p.function.clone()).collect();
        self.set_pointer(thread.object, "_KTHREAD", "KernelStack", laid.stack_pointer);
        Ok((context, laid))
    }

    /// The arguments of KeBugCheckEx, which 32-bit code pushes.
    fn push_arguments(&mut self, laid: &Laid) {
        let mut at = laid.stack_pointer + 4;
        let code = self.scenario.stop.code.0;
        for value in std::iter::once(code).chain(self.stop_parameters()) {
            self.kernel.word(at, value, 4);
            at += 4;
        }
    }

    /// Those of these functions of the kernel that this build's table has, as a stack.
    fn known(&self, names: &[&str]) -> Vec<Frame> {
        let known = names
            .iter()
            .filter(|name| self.build.function(name).is_some());
        let frame = |name: &&str| Frame {
            at: format!("nt!{name}"),
            ..Frame::default()
        };
        known.map(frame).collect()
    }

    /// Finds the code a frame names and the address in it.
    fn place(
        &mut self,
        frame: &Frame,
        innermost: bool,
        (leaves, enters): (bool, bool),
    ) -> Result<Placed, ScenarioError> {
        let unknown = || ScenarioError::UnknownFrame(frame.at.clone());
        let shape = match Shape::of(&frame.at) {
            // What comes from a process builds a trap frame.
            _ if enters => Shape::Trap,
            Shape::Plain { .. } if leaves => Shape::Switch,
            _ if self.arch() == Architecture::X86 && frame.at == "nt!KiSwapContext" => Shape::Saved,
            // What it interrupted lies behind its trap frame.
            Shape::Trap if leaves && self.arch() == Architecture::X86 => {
                let text = format!("{}: no trap of 32-bit code changes stacks", frame.at);
                return Err(ScenarioError::Unsupported(text));
            }
            shape => shape.wanted(frame, self.arch()),
        };
        let (image, (begin, end, shape), rva) = if let Some(name) = frame.at.strip_prefix("nt!") {
            let (function, rva) = self.in_kernel(name, shape, frame, innermost)?;
            (0, function, rva)
        } else {
            let (module, offset) = frame.at.split_once('+').ok_or_else(unknown)?;
            let offset = crate::scenario::parse_number(offset).ok_or_else(unknown)? as u32;
            let image = self.image_called(module).ok_or_else(unknown)?;
            let real = !self.images[image].file.is_empty();
            match &frame.room {
                Some(room) if real && self.arch() == Architecture::X64 => {
                    return Ok(self.place_real(image, offset, room.0 as u32, frame));
                }
                _ if real => {
                    let text = format!(
                        "{module} is a real file: only with `room` can its x64 code be in the stack"
                    );
                    return Err(ScenarioError::Unsupported(text));
                }
                _ => {}
            }
            (image, self.in_driver(image, offset, shape, frame)?, offset)
        };
        let functions = &mut self.images[image].functions;
        if !functions.iter().any(|f| f.0 == begin) {
            functions.push((begin, end, shape));
        }
        let name = match frame.at.strip_prefix("nt!") {
            Some(name) => name.into(),
            None => crate::symbols::driver_function(begin),
        };
        Ok(Placed {
            address: self.images[image].base + u64::from(rva),
            function: (name, u64::from(rva - begin)),
            shape,
            fault_address: frame.fault_address.map_or(0, |n| n.0),
            on: frame.on,
            user: false,
        })
    }

    /// A function of the kernel, as first byte, first byte after it and shape, and the address of a frame in it.
    fn in_kernel(
        &self,
        name: &str,
        shape: Shape,
        frame: &Frame,
        innermost: bool,
    ) -> Result<(Described, u32), ScenarioError> {
        let unknown = || ScenarioError::UnknownFrame(frame.at.clone());
        let f = self.build.function(name).ok_or_else(unknown)?;
        // Where ends are not public they are guessed: another function's beginning is one.
        let others = self.build.code.iter().map(|other| other.rva);
        let end = others.filter(|&rva| rva > f.rva).fold(f.end, u32::min);
        let room = end - f.rva;
        let offset = match (frame.offset, innermost) {
            (Some(wanted), _) => u32::try_from(wanted.0).ok(),
            (None, true) => Some(0),
            (None, false) => {
                let prologue = prologue(shape, self.arch(), self.scenario.machine.signed);
                return_offset(name, room, prologue.len() as u32, self.arch())
            }
        };
        match offset.filter(|&offset| offset < room) {
            Some(offset) => Ok(((f.rva, end, shape), f.rva + offset)),
            None => Err(ScenarioError::Unsupported(format!(
                "{}: no such place in its {room:#x} bytes",
                frame.at
            ))),
        }
    }

    /// The function of an invented driver in which a frame lies: one of its own, or that of another frame close by.
    fn in_driver(
        &self,
        image: usize,
        offset: u32,
        shape: Shape,
        frame: &Frame,
    ) -> Result<Described, ScenarioError> {
        let (mut begin, mut end) = match &frame.offset {
            Some(into) => (offset.saturating_sub(into.0 as u32), offset + AROUND),
            None => (offset.saturating_sub(AROUND) & !0xf, offset + AROUND),
        };
        for &(other, other_end, other_shape) in &self.images[image].functions {
            let same = other == begin || frame.offset.is_none() && other + BODY <= offset;
            let sized = frame.room.is_some() || frame.grown.is_some();
            let plain = |shape| matches!(shape, Shape::Plain { .. });
            let alike = shape == other_shape || !sized && plain(shape) && plain(other_shape);
            if same && offset < other_end && alike {
                return Ok((other, other_end, other_shape));
            }
            if other < offset {
                begin = begin.max(other_end.min(offset + 1));
            } else {
                end = end.min(other);
            }
        }
        let least = if frame.offset.is_some() { 0 } else { BODY };
        if begin + least <= offset && offset < end {
            return Ok((begin, end, shape));
        }
        Err(ScenarioError::Unsupported(format!(
            "{}: too near to the function of another frame",
            frame.at
        )))
    }

    /// Code of a process, which only a thread's outermost frame can be.
    fn place_user(&self, frame: &Frame, fits: bool) -> Result<Placed, ScenarioError> {
        let address = crate::scenario::parse_number(frame.at.trim_start_matches(USER));
        match address.filter(|_| fits && frame.on == On::Thread) {
            Some(address) => Ok(Placed {
                address,
                function: (String::new(), 0),
                shape: Shape::default(),
                fault_address: 0,
                on: On::Thread,
                user: true,
            }),
            None => Err(ScenarioError::Unsupported(format!(
                "{}: code of a process can only be the outermost frame of a thread's stack",
                frame.at
            ))),
        }
    }

    /// The image of that file name, with or without what it ends with.
    fn image_called(&self, module: &str) -> Option<usize> {
        let wanted = module.to_ascii_lowercase();
        self.images.iter().position(|image| {
            let name = image.name.to_ascii_lowercase();
            let stem = name.rsplit_once('.').map(|(stem, _)| stem);
            name == wanted || stem == Some(&*wanted)
        })
    }

    /// Code of a real file, which is described and written already.
    fn place_real(&self, image: usize, rva: u32, room: u32, frame: &Frame) -> Placed {
        Placed {
            address: self.images[image].base + u64::from(rva),
            function: (frame.at.clone(), 0),
            shape: Shape::Plain {
                pushes: 0,
                locals: room,
            },
            fault_address: 0,
            on: frame.on,
            user: false,
        }
    }

    /// Gives every sleeping thread a stack that was switched away from: a switch frame, then the way into the wait.
    pub(super) fn make_sleepers(&mut self) -> Result<(), ScenarioError> {
        // The switch itself leaves no return address that points into it.
        let mut frames = self.known(&["KeBugCheckEx"]);
        frames.extend(self.known(&[
            "KiSwapContext",
            "KiSwapThread",
            "KiCommitThreadWait",
            "KeWaitForSingleObject",
            "ExpWorkerThread",
            "PspSystemThreadStartup",
            "KiStartSystemThread",
            "KiThreadStartup",
        ]));
        let mut placed = Vec::new();
        for (i, frame) in frames.iter().enumerate() {
            placed.push(self.place(frame, i == 0, (false, false))?);
        }
        self.current.sleeping = placed.iter().skip(1).map(|p| p.address).collect();
        let running: Vec<u64> = self.running_threads();
        let threads: Vec<_> = self
            .processes
            .iter()
            .flat_map(|p| p.threads.clone())
            .collect();
        for thread in threads.iter().filter(|t| !running.contains(&t.object)) {
            let laid = self.lay_frames(&placed, thread.stack_base, 0);
            let kernel_stack = self.switch_frame(laid, placed.get(1).map_or(0, |p| p.address));
            self.set_pointer(thread.object, "_KTHREAD", "KernelStack", kernel_stack);
        }
        Ok(())
    }

    /// What the switch to another thread leaves: where its frame begins.
    fn switch_frame(&mut self, laid: Laid, back: u64) -> u64 {
        match self.arch() {
            Architecture::X64 => laid.stack_pointer - switched::X64_RETURN,
            Architecture::X86 => {
                let at = laid.stack_pointer - switched::X86_RETURN;
                self.kernel
                    .word(at + switched::X86_EBP, laid.frame_pointer, 4);
                at
            }
            Architecture::Arm64 => {
                let at = laid.stack_pointer - switched::ARM64_SIZE;
                self.kernel.u64(at + switched::ARM64_FP, laid.frame_pointer);
                let back = self.stored(back, at);
                self.kernel.u64(at + switched::ARM64_RETURN, back);
                at
            }
        }
    }

    fn context_x64(&self, number: usize, frames: &[Placed], laid: Laid) -> Vec<u8> {
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
        if number == 0 {
            c.u64(x64::RCX, self.scenario.stop.code.0);
            c.u64(x64::RDX, parameters[0]);
            c.u64(x64::R8, parameters[1]);
            c.u64(x64::R9, parameters[2]);
        }
        c.u64(x64::RSP, laid.stack_pointer);
        c.u64(x64::RBP, laid.frame_pointer);
        c.u64(x64::RIP, frames.first().map_or(0, |f| f.address));
        c.into_vec()
    }

    fn context_arm64(&self, number: usize, frames: &[Placed], laid: Laid) -> Vec<u8> {
        let mut c = Bytes::zeroed(arm64::SIZE);
        c.u32(arm64::FLAGS, arm64::FLAGS_FULL);
        c.u32(arm64::CPSR, 0x6000_0004);
        if number == 0 {
            c.u64(arm64::X0, self.scenario.stop.code.0);
        }
        c.u64(arm64::FP, laid.frame_pointer);
        c.u64(arm64::LR, frames.get(1).map_or(0, |f| f.address));
        c.u64(arm64::SP, laid.stack_pointer);
        c.u64(arm64::PC, frames.first().map_or(0, |f| f.address));
        c.into_vec()
    }
}

fn context_x86(frames: &[Placed], laid: Laid) -> Vec<u8> {
    let mut c = Bytes::zeroed(x86::SIZE);
    c.u32(x86::FLAGS, x86::FLAGS_FULL);
    c.u32(x86::EBP, laid.frame_pointer as u32);
    c.u32(x86::EIP, frames.first().map_or(0, |f| f.address) as u32);
    c.u32(x86::ESP, laid.stack_pointer as u32);
    c.u32(x86::SEG_CS, 8);
    c.u32(x86::SEG_SS, 0x10);
    c.u32(x86::SEG_DS, 0x23);
    c.u32(x86::EFLAGS, 0x246);
    c.into_vec()
}

/// A bug check from a worker thread, with the functions this build's table has.
fn default_stack(machine: &Machine<'_>) -> Vec<Frame> {
    machine.known(&[
        "KeBugCheckEx",
        "IofCallDriver",
        "ExpWorkerThread",
        "PspSystemThreadStartup",
        "KiStartSystemThread",
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::build::Build;

    #[test]
    fn a_call_returns_into_the_function_that_made_it_in_every_build_or_nowhere() {
        for arch in [Architecture::X64, Architecture::Arm64, Architecture::X86] {
            for number in Build::numbers(arch) {
                let build = Build::load(arch, number).unwrap();
                let mut begins: Vec<u32> = build.code.iter().map(|f| f.rva).collect();
                begins.sort_unstable();
                for f in &build.code {
                    let next = begins.iter().find(|&&begin| begin > f.rva);
                    let room = f.end.min(*next.unwrap_or(&f.end)) - f.rva;
                    let shape = Shape::of(&format!("nt!{}", f.name));
                    let first = prologue(shape, arch, true).len() as u32;
                    let found = return_offset(&f.name, room, first, arch);
                    let at = format!("{number} {arch:?} {} of {room:#x}: {found:x?}", f.name);
                    assert!(found.is_none_or(|o| first + 4 <= o && o < room), "{at}");
                    assert!(found.is_some() || room < 0x18, "{at}");
                }
            }
        }
    }
}
