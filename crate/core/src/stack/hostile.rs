//! Stacks that were made to trap whoever unwinds them.

use super::tests::Pieces;
use super::*;
use crate::memory::{AddressSpace, Missing};
use crate::model::{How, Stack};
use crate::nt::{Architecture, Module, ModuleList};
use alloc::{format, vec, vec::Vec};
use core::cell::Cell;

const IMAGE: u64 = 0xFFFF_F800_1000_0000;
const STACK: u64 = 0xFFFF_D000_0000_1000;
const CODE: u64 = IMAGE + 0x1100;

/// An image of one function with this description.
fn image(info: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 0x3000];
    let mut put = |at: usize, what: &[u8]| bytes[at..at + what.len()].copy_from_slice(what);
    put(0, b"MZ");
    put(0x3C, &0x80_u32.to_le_bytes());
    put(0x80, b"PE");
    put(0x84, &0x8664_u16.to_le_bytes());
    put(0x98, &0x20B_u16.to_le_bytes());
    put(0x98 + 0x38, &0x3000_u32.to_le_bytes());
    put(0x98 + 0x6C, &16_u32.to_le_bytes());
    put(0x98 + 0x70 + 24, &0x2000_u32.to_le_bytes());
    put(0x98 + 0x74 + 24, &12_u32.to_le_bytes());
    put(0x2000, &0x1000_u32.to_le_bytes());
    put(0x2004, &0x2000_u32.to_le_bytes());
    put(0x2008, &0x2010_u32.to_le_bytes());
    put(0x2010, info);
    // A call in front of the address to which everything returns.
    put(0x10FB, &[0xE8, 0, 0, 0, 0]);
    bytes
}

fn run(info: &[u8], words: &[u64], stack_pointer: u64) -> Stack {
    run_on(Architecture::X64, &image(info), words, stack_pointer)
}

fn run_on(architecture: Architecture, image: &[u8], words: &[u64], stack_pointer: u64) -> Stack {
    let module = |name: &str, base| Module {
        name: name.into(),
        base: VirtualAddress(base),
        size: 0x3000,
        ..Module::default()
    };
    // The second lies over the first.
    let modules = ModuleList::new(vec![
        module("a.sys", IMAGE),
        module("b.sys", IMAGE + 0x2800),
    ]);
    let memory = Pieces::default().bytes(IMAGE, image).words(STACK, words);
    let registers = Registers {
        instruction_pointer: VirtualAddress(CODE),
        stack_pointer: VirtualAddress(stack_pointer),
        frame_pointer: Some(VirtualAddress(stack_pointer.wrapping_add(16))),
        ..Registers::default()
    };
    let high = VirtualAddress(STACK + 8 * words.len() as u64);
    scan(&Start {
        architecture,
        modules: &modules,
        unloaded: &[],
        memory: &memory,
        range: StackRange {
            low: registers.stack_pointer,
            high,
        },
        registers: &registers,
        how: How::Context,
        exception: None,
        stacks: &[],
        code: 0,
        parameters: [0; 4],
    })
}

const MACHINE_FRAME: [u8; 6] = [1, 0, 1, 0, 0, 0x0A];
const NOTHING: [u8; 4] = [1, 0, 0, 0];

#[test]
fn a_trap_that_returns_to_itself_is_listed_once() {
    let frame = [CODE, 0x10, 0x246, STACK, 0x18];
    let stack = run(&MACHINE_FRAME, &frame, STACK);
    let traps = stack.frames.iter().filter(|f| f.how == How::TrapFrame);
    assert!(traps.count() <= 2, "{:#x?}", stack.frames);
    // Two that return to each other.
    let mut words = vec![CODE, 0x10, 0x246, STACK + 0x40, 0x18, 0, 0, 0];
    words.extend([CODE, 0x10, 0x246, STACK, 0x18]);
    let stack = run(&MACHINE_FRAME, &words, STACK);
    assert!(stack.frames.len() <= 4, "{:#x?}", stack.frames);
    assert_eq!(stack.frames[1].how, How::TrapFrame);
}

#[test]
fn a_stack_that_calls_without_end_is_cut() {
    let stack = run(&NOTHING, &vec![CODE; 4096], STACK);
    assert_eq!(stack.frames.len(), MAX_FRAMES);
    assert!(stack.limits.contains("cut"), "{}", stack.limits);
}

#[test]
fn descriptions_that_are_chained_without_end_leave_what_was_found_by_scanning() {
    // Chained to itself: code from 0x1000 to 0x2000, described at 0x2010.
    let mut info = vec![0x21, 0, 0, 0];
    for word in [0x1000_u32, 0x2000, 0x2010] {
        info.extend(word.to_le_bytes());
    }
    let stack = run(&info, &[0, CODE, 0, CODE], STACK);
    assert_eq!(stack.frames[0].address.0, CODE);
    assert!(stack.frames.len() <= 3);
    assert!(stack.frames[1..].iter().all(|f| f.how == How::Scan));
}

#[test]
fn pointers_to_odd_places_and_beyond_the_end_are_survived() {
    for at in [
        STACK + 1,
        STACK + 0x13,
        STACK + 0x7FF9,
        u64::MAX,
        u64::MAX - 7,
        0,
    ] {
        for info in [
            &MACHINE_FRAME[..],
            &NOTHING[..],
            &[9, 9, 9, 9],
            &[1, 0, 255, 0],
        ] {
            let words: Vec<u64> = (0..64).map(|i| CODE + (i % 3) * 0x1800).collect();
            assert!(run(info, &words, at).frames.len() <= MAX_FRAMES);
        }
    }
}

#[test]
fn thousands_of_random_descriptions_and_stacks_end_within_bounds() {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let machines = [
        (Architecture::X64, 0x8664_u16),
        (Architecture::Arm64, 0xAA64),
        (Architecture::X86, 0x14C),
    ];
    let mut unwound = 0;
    for round in 0..3000 {
        let (architecture, machine) = machines[round % 3];
        let mut image = image(&[1, 0, 0, 0]);
        image[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
        // The description at random, and now and then the table, the headers or the code.
        for byte in &mut image[0x2010..0x2040] {
            *byte = next() as u8 & [0xFF, 0x0F, 0x2F, 0x07][round % 4];
        }
        // Half of them are of a version that is known, chained or not.
        if round % 2 == 0 {
            image[0x2010] = 1 | (next() as u8 & 0x20);
            image[0x2012] %= 12;
        }
        for _ in 0..next() % 4 {
            let ranges = [(0x2000, 12), (0x80, 0x120), (0x10F0, 0x20)];
            let (from, len) = ranges[(next() % 3) as usize];
            image[from + (next() as usize) % len] = next() as u8;
        }
        let words: Vec<u64> = (0..64)
            .map(|_| match next() % 6 {
                0 => CODE,
                1 => IMAGE + next() % 0x3000,
                2 | 3 => STACK + next() % 0x208,
                4 => 0xBADB_0D00,
                _ => next() % 0x40,
            })
            .collect();
        let stack = run_on(architecture, &image, &words, STACK + 8 * (next() % 8));
        assert!(stack.frames.len() <= MAX_FRAMES);
        unwound += usize::from(stack.frames.iter().any(|f| f.how == How::Unwind));
    }
    assert!(unwound > 20, "{unwound}");
}

/// What the reading of one stack may cost at the most.
const MOST_READS: u64 = 60_000;
const MOST_BYTES: u64 = 8 << 20;
/// How many images and stacks there are, all of them the same bytes: page tables may say so.
const COUNT: u64 = 4096;
const ROOM: u64 = 0x2_0000;

/// Memory of many images and stacks, which counts what it is asked for.
struct Everywhere {
    image: (u64, Vec<u8>),
    stack: (u64, Vec<u8>),
    asked: Cell<u64>,
    bytes: Cell<u64>,
}

impl AddressSpace for Everywhere {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        self.asked.set(self.asked.get() + 1);
        self.bytes.set(self.bytes.get() + buf.len() as u64);
        let parts = [(0x3000, &self.image), (ROOM, &self.stack)];
        let found = parts.into_iter().find_map(|(each, (base, bytes))| {
            let at = address
                .0
                .checked_sub(*base)
                .filter(|&at| at < COUNT * each)?;
            let at = (at % each) as usize;
            bytes.get(at..at.checked_add(buf.len())?)
        });
        buf.copy_from_slice(found.ok_or(Missing::Unmapped)?);
        Ok(())
    }
}

/// What a stack of these words costs, with an image of that machine: reads, bytes, frames.
fn cost(architecture: Architecture, image: Vec<u8>, words: &[u64]) -> (u64, u64, usize) {
    let width = usize::from(architecture.pointer_width());
    // A 32-bit machine has both at the low ends of these addresses, in its kernel's half.
    let here = |address: u64| match width {
        4 if address >> 32 != 0 => address & 0x7FFF_FFFF | 0x8000_0000,
        _ => address,
    };
    let stack = words
        .iter()
        .flat_map(|&word| here(word).to_le_bytes()[..width].to_vec());
    let memory = Everywhere {
        image: (here(IMAGE), image),
        stack: (here(STACK), stack.cycle().take(ROOM as usize).collect()),
        asked: Cell::new(0),
        bytes: Cell::new(0),
    };
    let module = |index: u64| Module {
        name: format!("m{index}.sys"),
        base: VirtualAddress(here(IMAGE) + index * 0x3000),
        size: 0x3000,
        ..Module::default()
    };
    let modules = ModuleList::new((0..COUNT).map(module).collect());
    let registers = Registers {
        instruction_pointer: VirtualAddress(here(CODE)),
        stack_pointer: VirtualAddress(here(STACK)),
        frame_pointer: Some(VirtualAddress(here(STACK))),
        ..Registers::default()
    };
    let found = scan(&Start {
        architecture,
        modules: &modules,
        unloaded: &[],
        memory: &memory,
        range: StackRange {
            low: VirtualAddress(here(STACK)),
            high: VirtualAddress(u64::MAX),
        },
        registers: &registers,
        how: How::Context,
        exception: None,
        stacks: &[],
        code: 0,
        parameters: [0; 4],
    });
    (memory.asked.get(), memory.bytes.get(), found.frames.len())
}

/// The same image of a 32-bit machine.
fn thirty_two() -> Vec<u8> {
    let mut image = image(&[]);
    image[0x84..0x86].copy_from_slice(&0x14C_u16.to_le_bytes());
    image
}

/// One image after another whose description is chained 31 times, each time by way of four entries.
fn chained_far() -> Vec<u8> {
    let mut image = image(&[]);
    let mut put = |at: usize, words: &[u32]| {
        for (index, word) in words.iter().enumerate() {
            image[at + 4 * index..][..4].copy_from_slice(&word.to_le_bytes());
        }
    };
    for index in 0..31 {
        let at = 0x2010 + 0x40 * index;
        let (info, entries) = (at as u32, at as u32 + 0x10);
        put(0x2008, &[0x2020 | 1]);
        put(at, &[0x21, 0x1000, 0x2000, (entries + 0x40) | 1]);
        for hop in 0..3 {
            let to = if hop == 2 {
                info
            } else {
                (entries + 12 * (hop + 1)) | 1
            };
            put(at + 0x10 + 12 * hop as usize, &[0x1000, 0x2000, to]);
        }
    }
    put(
        0x2010 + 0x40 * 31,
        &[1, 0, 0, 0, 0x1000, 0x2000, 0x2010 + 0x40 * 31],
    );
    image
}

#[test]
fn what_a_crafted_stack_costs_is_bounded() {
    let code = |index: u64| CODE + index * 0x3000;
    let many: Vec<u64> = (0..16384).map(|index| code(index % COUNT)).collect();
    let far: Vec<u64> = (0..16384)
        .map(|index| code(index % COUNT) + 0x200)
        .collect();
    let stacks = |step: u64| move |index: u64| STACK + index % COUNT * ROOM + index * step % ROOM;
    let traps: Vec<u64> = (0..3000)
        .flat_map(|index| [code(index), 0x10, 0x246, stacks(0x1008)(index), 0x18])
        .collect();
    // Records of the chain, and trap frames of 32 words, which lead over to other stacks.
    let records: Vec<u64> = (0..8000)
        .flat_map(|index| [stacks(0x408)(index), code(index)])
        .collect();
    let mut narrow = vec![0; 32 * 256];
    for (index, frame) in narrow.chunks_mut(32).enumerate() {
        let at = code(index as u64);
        for (word, value) in [(1, at), (2, 0xBADB_0D00), (0x68 / 4, at), (0x6C / 4, 8)] {
            frame[word] = value;
        }
        frame[0x70 / 4] = 0x246;
        frame[0x60 / 4] = stacks(0x80)(index as u64 + 1);
    }
    let mut machine = image(&MACHINE_FRAME);
    let mut arm = image(&[]);
    arm[0x84..0x86].copy_from_slice(&0xAA64_u16.to_le_bytes());
    let record: Vec<u64> = (0..8000)
        .flat_map(|index| [STACK + 16 * (index + 2), code(index % COUNT)])
        .collect();
    for (what, architecture, image, words) in [
        ("calls", Architecture::X64, image(&NOTHING), &many),
        ("no calls", Architecture::X64, image(&NOTHING), &far),
        ("chains", Architecture::X64, chained_far(), &many),
        ("broken", Architecture::X64, image(&[9, 9, 9, 9]), &many),
        ("traps", Architecture::X64, image(&[9, 9, 9, 9]), &traps),
        (
            "machine frames",
            Architecture::X64,
            core::mem::take(&mut machine),
            &traps,
        ),
        (
            "records",
            Architecture::Arm64,
            core::mem::take(&mut arm),
            &record,
        ),
        ("32-bit traps", Architecture::X86, thirty_two(), &narrow),
        ("32-bit records", Architecture::X86, thirty_two(), &records),
    ] {
        let (asked, bytes, frames) = cost(architecture, image, words);
        assert!((2..=MAX_FRAMES).contains(&frames), "{what}: {frames}");
        assert!(
            asked < MOST_READS && bytes < MOST_BYTES,
            "{what}: {asked} reads, {bytes} bytes"
        );
    }
}
