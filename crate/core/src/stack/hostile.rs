//! Stacks that were made to trap whoever unwinds them.

use super::tests::Pieces;
use super::*;
use crate::model::{How, Stack};
use crate::nt::{Architecture, Module, ModuleList};
use alloc::{vec, vec::Vec};

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
