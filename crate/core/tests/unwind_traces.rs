//! Real compilers' programs, left by the unwinder at every instruction. `scripts/test-unwind` builds
//! them, runs them in an emulator and names the folder of its records in `BLUEPANE_UNWIND_TRACES`;
//! without it there is nothing to prove here.
//!
//! A record is little-endian: `UNWIND01`; machine (IMAGE_FILE_MACHINE_*), base and length of the
//! image, start and length of the stack, of 8 bytes each; the image. Then what happened, by its first
//! byte: 1 to 16, so many bytes were written: address, value; 0, a moment: how many registers, how
//! many return addresses; registers (x64 by number, ARM64 X0 to X30 and SP); the instruction pointer
//! and every return address, ending with 0.

use bluepane::image::Image;
use bluepane::image::unwind::{Cursor, Entered};
use bluepane::memory::{AddressSpace, Missing, VirtualAddress};
use bluepane::model::{Hex, How, Register};
use bluepane::nt::{Architecture, Module, ModuleList};
use bluepane::stack::{Registers, StackRange, Start, scan};
use std::collections::BTreeSet;
use std::path::Path;

const ARM64: u64 = 0xAA64;

struct Memory {
    image: (u64, Vec<u8>),
    stack: (u64, Vec<u8>),
}

impl AddressSpace for Memory {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let found = [&self.image, &self.stack].into_iter().find_map(|part| {
            let at = usize::try_from(address.0.checked_sub(part.0)?).ok()?;
            part.1.get(at..at.checked_add(buf.len())?)
        });
        buf.copy_from_slice(found.ok_or(Missing::Unmapped)?);
        Ok(())
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take(&mut self, len: usize) -> Vec<u8> {
        let (found, rest) = self.0.split_at(len);
        self.0 = rest;
        found.to_vec()
    }
    fn word(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }
    fn words(&mut self, count: u64) -> Vec<u64> {
        (0..count).map(|_| self.word()).collect()
    }
}

struct Trace<'a> {
    machine: u64,
    memory: Memory,
    events: Reader<'a>,
}

struct Moment {
    registers: Vec<u64>,
    chain: Vec<u64>,
}

impl<'a> Trace<'a> {
    fn open(bytes: &'a [u8]) -> Self {
        let mut events = Reader(bytes);
        assert_eq!(events.take(8), b"UNWIND01");
        let machine = events.word();
        let (base, len) = (events.word(), events.word());
        let (stack, room) = (events.word(), events.word());
        let image = events.take(len as usize);
        let memory = Memory {
            image: (base, image),
            stack: (stack, vec![0; room as usize]),
        };
        Self {
            machine,
            memory,
            events,
        }
    }

    /// Goes on to the next moment.
    fn next(&mut self) -> Option<Moment> {
        while !self.events.0.is_empty() {
            let len = usize::from(self.events.take(1)[0]);
            let (first, second) = (self.events.word(), self.events.word());
            if len == 0 {
                let registers = self.events.words(first);
                let chain = self.events.words(second);
                return Some(Moment { registers, chain });
            }
            let (base, bytes) = &mut self.memory.stack;
            let at = (first - *base) as usize;
            let len = len.min(8);
            bytes[at..at + len].copy_from_slice(&second.to_le_bytes()[..len]);
        }
        None
    }
}

impl Trace<'_> {
    fn stack_register(&self) -> usize {
        if self.machine == ARM64 { 31 } else { 4 }
    }

    /// Whether a kernel could have a stack of this size: the report reads no more of one.
    fn is_of_kernel_size(&self, moment: &Moment) -> bool {
        let end = self.memory.stack.0 + self.memory.stack.1.len() as u64;
        end - moment.registers[self.stack_register()] < 0x1_8000
    }

    /// By unwind data alone: every address, how many of them were reached through a trap, and how many
    /// frames there are up to code of a process: a machine frame of ARM64 tells that by the address.
    fn unwound(&self, moment: &Moment) -> (Vec<u64>, usize, usize) {
        let image = Image::open(&self.memory, VirtualAddress(self.memory.image.0)).unwrap();
        let stack = moment.registers[self.stack_register()];
        let mut cursor = Cursor::new(self.machine as u32, moment.chain[0], stack);
        for (number, &value) in moment.registers.iter().enumerate() {
            cursor.set(number as u8, value);
        }
        let (mut found, mut traps, mut kernel) = (vec![cursor.pc], 0, usize::MAX);
        while cursor.pc != 0 && found.len() <= moment.chain.len() {
            match image.unwind(&mut cursor) {
                Ok(Entered::Call) => {}
                Ok(Entered::Trap { user, .. }) => {
                    traps += 1;
                    if user {
                        kernel = kernel.min(found.len());
                    }
                }
                Err(_) => break,
            }
            found.push(cursor.pc);
        }
        (found, traps, kernel)
    }

    /// As the report has it.
    fn reported(&self, moment: &Moment) -> Vec<(u64, How)> {
        let modules = ModuleList::new(vec![Module {
            name: "program.exe".into(),
            base: VirtualAddress(self.memory.image.0),
            size: self.memory.image.1.len() as u32,
            ..Module::default()
        }]);
        const X64: [&str; 16] = [
            "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11",
            "r12", "r13", "r14", "r15",
        ];
        const ARM: [&str; 32] = [
            "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
            "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21", "x22", "x23", "x24", "x25",
            "x26", "x27", "x28", "fp", "lr", "sp",
        ];
        let arm64 = self.machine == ARM64;
        let names = if arm64 { &ARM[..] } else { &X64[..] };
        let named = names.iter().zip(&moment.registers);
        let stack_pointer = VirtualAddress(moment.registers[self.stack_register()]);
        let end = self.memory.stack.0 + self.memory.stack.1.len() as u64;
        let registers = Registers {
            instruction_pointer: VirtualAddress(moment.chain[0]),
            stack_pointer,
            frame_pointer: arm64.then(|| VirtualAddress(moment.registers[29])),
            returning: false,
            caller: None,
            all: named
                .map(|(&name, &value)| Register {
                    name,
                    value: Hex(value),
                })
                .collect(),
        };
        let stack = scan(&Start {
            architecture: if arm64 {
                Architecture::Arm64
            } else {
                Architecture::X64
            },
            modules: &modules,
            unloaded: &[],
            memory: &self.memory,
            range: StackRange {
                low: stack_pointer,
                high: VirtualAddress(end),
            },
            registers: &registers,
            how: How::Context,
            exception: None,
            stacks: &[],
            code: 0,
            parameters: [0; 4],
        });
        let frames = stack.frames.iter().map(|f| (f.address.0, f.how));
        frames.collect()
    }
}

fn check(path: &Path) -> usize {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let bytes = std::fs::read(path).unwrap();
    let mut trace = Trace::open(&bytes);
    let (mut moments, mut traps, mut wrong) = (0, 0, Vec::new());
    let mut places = BTreeSet::new();
    while let Some(moment) = trace.next() {
        let (found, through, kernel) = trace.unwound(&moment);
        moments += 1;
        traps += through;
        if found != moment.chain {
            wrong.push((moment.chain.clone(), found));
        } else if places.insert(moment.chain[0]) && trace.is_of_kernel_size(&moment) {
            let reported = trace.reported(&moment);
            let addresses: Vec<u64> = reported.iter().map(|frame| frame.0).collect();
            let told = moment.chain.strip_suffix(&[0]).unwrap();
            let told = &told[..told.len().min(kernel)];
            assert_eq!(addresses, told, "{name}: the report at {:#x}", told[0]);
            assert!(reported[1..].iter().all(|f| f.1 != How::Scan), "{name}");
        }
    }
    for (chain, found) in wrong.iter().take(8) {
        eprintln!("{name}: at {:x?}\n  found {found:x?}", chain);
    }
    assert_eq!(wrong.len(), 0, "{name}: of {moments} moments");
    assert!(traps > 100, "{name}: no interrupt came in");
    println!(
        "{name}: {moments} moments at {} addresses, {traps} traps",
        places.len()
    );
    moments
}

#[test]
fn compiled_programs_are_unwound_exactly_at_every_instruction() {
    let Some(folder) = std::env::var_os("BLUEPANE_UNWIND_TRACES") else {
        eprintln!("skipped: no records of compiled programs (scripts/test-unwind makes them)");
        return;
    };
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "trace"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no records");
    assert!(paths.iter().map(|path| check(path)).sum::<usize>() > 1000);
}
