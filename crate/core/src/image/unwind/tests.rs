use super::*;
use alloc::{vec, vec::Vec};

const BASE: u64 = 0xFFFF_F800_1000_0000;
const STACK: u64 = 0xFFFF_D000_0000_1000;
const TEXT: usize = 0x1000;
const TABLE: usize = 0x4000;
const DATA: usize = 0x6000;
const SIZE: usize = 0x8000;

/// An image at its place, and a stack.
struct Built {
    image: Vec<u8>,
    stack: Vec<u8>,
    /// Offsets of the image that are not in the dump.
    missing: core::ops::Range<usize>,
    entries: usize,
}

impl AddressSpace for Built {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let part = |base: u64, bytes: &[u8]| {
            let at = usize::try_from(address.0.checked_sub(base)?).ok()?;
            let gone = base == BASE && at < self.missing.end && at + buf.len() > self.missing.start;
            let found = bytes.get(at..at.checked_add(buf.len())?)?;
            (!gone).then(|| found.to_vec())
        };
        let found = part(BASE, &self.image).or_else(|| part(STACK, &self.stack));
        buf.copy_from_slice(&found.ok_or(Missing::Unmapped)?);
        Ok(())
    }
}

impl Built {
    fn new(machine: u16) -> Self {
        let mut built = Self {
            image: vec![0; SIZE],
            stack: vec![],
            missing: 0..0,
            entries: 0,
        };
        built.put(0, b"MZ");
        built.put(0x3C, &0x80_u32.to_le_bytes());
        built.put(0x80, b"PE");
        built.put(0x84, &machine.to_le_bytes());
        built.put(0x98, &0x20B_u16.to_le_bytes());
        built.put(0x98 + 0x38, &(SIZE as u32).to_le_bytes());
        built.put(0x98 + 0x6C, &16_u32.to_le_bytes());
        built.put(0x98 + 0x70 + 8 * 3, &(TABLE as u32).to_le_bytes());
        built
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.image[at..at + bytes.len()].copy_from_slice(bytes);
    }

    /// Adds an entry of words to the exception directory.
    fn entry(mut self, words: &[u32]) -> Self {
        for (i, word) in words.iter().enumerate() {
            let at = TABLE + self.entries + 4 * i;
            self.put(at, &word.to_le_bytes());
        }
        self.entries += 4 * words.len();
        let size = (self.entries as u32).to_le_bytes();
        self.put(0x98 + 0x70 + 8 * 3 + 4, &size);
        self
    }

    fn with(mut self, at: usize, bytes: &[u8]) -> Self {
        self.put(at, bytes);
        self
    }

    fn stack(mut self, words: &[u64]) -> Self {
        self.stack = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        self
    }

    fn step(&self, cursor: &mut Cursor) -> Result<Entered, UnwindError> {
        let image = Image::open(self, VirtualAddress(BASE)).unwrap();
        image.unwind(cursor)
    }
}

fn x64() -> Built {
    Built::new(0x8664)
}

fn at(machine: u32, offset: usize) -> Cursor {
    Cursor::new(machine, BASE + offset as u64, STACK)
}

const PUSHES_RBX_AND_TAKES_32: [u8; 8] = [1, 5, 2, 0, 5, 0x32, 1, 0x30];

fn plain() -> Built {
    x64()
        .entry(&[TEXT as u32, TEXT as u32 + 0x100, DATA as u32])
        .with(DATA, &PUSHES_RBX_AND_TAKES_32)
        .stack(&[1, 2, 3, 4, 5, 6, 7, 8])
}

#[test]
fn a_prologue_is_undone_as_far_as_it_ran() {
    for (offset, rbx, pc, stack) in [
        (0, None, 1, 8),
        (1, Some(1), 2, 0x10),
        (5, Some(5), 6, 0x30),
        (0x50, Some(5), 6, 0x30),
    ] {
        let mut cursor = at(MACHINE_X64, TEXT + offset);
        assert_eq!(plain().step(&mut cursor), Ok(Entered::Call), "{offset}");
        let found = (cursor.get(3), cursor.pc, cursor.stack_pointer() - STACK);
        assert_eq!(found, (rbx, pc, stack), "{offset}");
        assert!(!cursor.exact);
    }
}

#[test]
fn an_epilogue_is_known_by_its_code_and_a_jump_within_the_function_is_none() {
    // pop rbx; ret. Then a jump back, and one to a part of the function that lies elsewhere.
    let cold = TEXT as u32 + 0x800;
    let built = plain()
        .entry(&[cold, cold + 0x40, DATA as u32 + 0x20])
        .with(DATA + 0x20, &[0x21, 0, 0, 0])
        .with(DATA + 0x24, &(TEXT as u32).to_le_bytes())
        .with(DATA + 0x28, &(TEXT as u32 + 0x100).to_le_bytes())
        .with(DATA + 0x2C, &(DATA as u32).to_le_bytes())
        .with(TEXT + 0x40, &[0x5B, 0xC3, 0xEB, 0xC0])
        .with(TEXT + 0x50, &[0xE9, 0xAB, 0x07, 0, 0])
        .with(TEXT + 0x60, &[0x41, 0x5E, 0xE9, 0x99, 0x10, 0, 0])
        .with(TEXT + 0x70, &[0xFF, 0xE0])
        .with(TEXT + 0x80, &[0x48, 0xFF, 0xE0]);
    for (offset, pc, what) in [
        (0x40, 2, "pop rbx; ret"),
        (0x41, 1, "ret"),
        (0x42, 6, "a jump back"),
        (0x50, 6, "a jump to another part"),
        (0x60, 2, "pop r14; a jump out of it"),
        (0x70, 6, "the jump of a switch"),
        (0x80, 1, "a jump through a register that leaves"),
        (0x800, 6, "the other part"),
    ] {
        let mut cursor = at(MACHINE_X64, TEXT + offset);
        assert_eq!(built.step(&mut cursor), Ok(Entered::Call), "{what}");
        assert_eq!(cursor.pc, pc, "{what}");
    }
    // What was returned to is never in an epilogue, whatever the code looks like.
    let mut cursor = at(MACHINE_X64, TEXT + 0x41);
    cursor.exact = false;
    built.step(&mut cursor).unwrap();
    assert_eq!(cursor.pc, 6);
}

#[test]
fn version_two_tells_epilogues_without_their_code() {
    // push rbx; push r14; sub rsp, 20h. Epilogues of four bytes at the end and 0x80 before it.
    let info = [
        2, 7, 5, 0, 4, 0x16, 0x80, 0x06, 7, 0x32, 3, 0xE0, 1, 0x30, 0, 0,
    ];
    let mut built = x64()
        .entry(&[TEXT as u32, TEXT as u32 + 0x100, DATA as u32])
        .with(DATA, &info)
        .stack(&[1, 2, 3, 4, 5, 6, 7, 8]);
    built.missing = TEXT..TEXT + 0x1000;
    for (offset, rbx, pc) in [
        (0x50, Some(6), 7),
        (0x7F, Some(6), 7),
        (0x80, Some(2), 3),
        (0x82, Some(1), 2),
        (0x83, None, 1),
        (0x84, Some(6), 7),
        (0xFB, Some(6), 7),
        (0xFC, Some(2), 3),
        (0xFE, Some(1), 2),
        (0xFF, None, 1),
    ] {
        let mut cursor = at(MACHINE_X64, TEXT + offset);
        assert_eq!(built.step(&mut cursor), Ok(Entered::Call), "{offset:#x}");
        assert_eq!((cursor.get(3), cursor.pc), (rbx, pc), "{offset:#x}");
    }
}

#[test]
fn what_the_processor_pushed_leads_to_the_interrupted_code() {
    // sub rsp, 10h on a machine frame with an error code.
    let info = [1, 4, 2, 0, 4, 0x12, 0, 0x1A];
    for (cs, user) in [(0x10, false), (0x33, true)] {
        let built = x64()
            .entry(&[TEXT as u32, TEXT as u32 + 0x100, DATA as u32])
            .with(DATA, &info)
            .stack(&[0, 0, 0xE, BASE + 0x1234, cs, 0x246, STACK + 0x800, 0x18]);
        let mut cursor = at(MACHINE_X64, TEXT + 0x20);
        cursor.set(0, 9);
        let trap = Entered::Trap {
            at: VirtualAddress(STACK + 0x18),
            user,
        };
        assert_eq!(built.step(&mut cursor), Ok(trap));
        assert!(cursor.exact);
        assert_eq!(cursor.pc, BASE + 0x1234);
        assert_eq!(cursor.stack_pointer(), STACK + 0x800);
        assert_eq!(cursor.get(0), None, "RAX is not what it was");
    }
}

#[test]
fn chains_without_an_end_are_given_up() {
    let chained = |from: usize, to: usize| {
        let mut info = vec![0x21, 0, 0, 0];
        for word in [TEXT, TEXT + 0x100, to] {
            info.extend((word as u32).to_le_bytes());
        }
        (from, info)
    };
    let (first, second) = (chained(DATA, DATA + 0x40), chained(DATA + 0x40, DATA));
    let built = x64()
        .entry(&[TEXT as u32, TEXT as u32 + 0x100, DATA as u32])
        .with(first.0, &first.1)
        .with(second.0, &second.1)
        .stack(&[1, 2, 3, 4]);
    let mut cursor = at(MACHINE_X64, TEXT);
    assert_eq!(built.step(&mut cursor), Err(UnwindError::Malformed));
    assert_eq!(cursor, at(MACHINE_X64, TEXT));
    // An entry that names itself instead of a description.
    let built = x64()
        .entry(&[TEXT as u32, TEXT as u32 + 0x100, TABLE as u32 | 1])
        .stack(&[1, 2, 3, 4]);
    assert_eq!(built.step(&mut cursor), Err(UnwindError::Malformed));
}

#[test]
fn code_without_a_description_returns_by_the_top_of_the_stack_unless_it_called() {
    let mut cursor = at(MACHINE_X64, TEXT + 0x200);
    assert_eq!(plain().step(&mut cursor), Ok(Entered::Call));
    assert_eq!((cursor.pc, cursor.stack_pointer()), (1, STACK + 8));
    let mut cursor = at(MACHINE_X64, TEXT + 0x200);
    cursor.exact = false;
    assert_eq!(plain().step(&mut cursor), Err(UnwindError::NoData));
}

#[test]
fn what_is_missing_is_said_and_a_register_that_is_not_known_is_not_made_up() {
    let mut built = plain();
    built.missing = DATA..DATA + 1;
    let mut cursor = at(MACHINE_X64, TEXT + 0x50);
    let missing = ImageError::Missing(Missing::Unmapped);
    assert_eq!(built.step(&mut cursor), Err(UnwindError::Image(missing)));
    // lea rbp, [rsp+20h] with RBP not known.
    let built = plain().with(DATA, &[1, 4, 1, 0x25, 4, 0x03]);
    assert_eq!(built.step(&mut cursor), Err(UnwindError::Register));
    let built = plain().stack(&[1]);
    let stack = UnwindError::Stack(Missing::Unmapped);
    assert_eq!(built.step(&mut cursor), Err(stack));
}

#[test]
fn every_entry_of_a_crowded_directory_is_found() {
    let mut built = x64();
    let mut begins = vec![];
    let mut begin = 0x400_u32;
    for i in 0..300_u32 {
        built = built.entry(&[begin, begin + 8, DATA as u32]);
        begins.push(begin);
        begin += if i % 50 == 0 { 0x300 } else { 8 + i % 7 };
    }
    let image = Image::open(&built, VirtualAddress(BASE)).unwrap();
    for &begin in &begins {
        for inside in [0, 7] {
            let found = image.function_around(begin + inside);
            assert_eq!(found, Ok(Some((begin, begin + 8))), "{begin:#x}");
        }
    }
    assert_eq!(image.function_around(0x3FF), Ok(None));
}

fn arm64(words: &[u32]) -> Built {
    Built::new(0xAA64)
        .entry(words)
        .stack(&(1..=64).collect::<Vec<_>>())
}

#[test]
fn the_short_form_of_arm64_stands_for_its_prologue() {
    // 64 instructions; saves X19 to X21, FP and LR with a chain, frame of 0x60 bytes.
    let packed = 1 | 64 << 2 | 3 << 16 | 3 << 21 | 6 << 23;
    let built = arm64(&[TEXT as u32, packed]);
    // stp x19,x20,[sp,-20h]!; str x21,[sp,10h]; stp fp,lr,[sp,-40h]!; mov fp,sp
    for (instruction, x19, x21, lr, stack) in [
        (0, None, None, 100, 0),
        (1, Some(1), None, 100, 0x20),
        (2, Some(1), Some(3), 100, 0x20),
        (3, Some(9), Some(11), 2, 0x60),
        (4, Some(9), Some(11), 2, 0x60),
        (30, Some(9), Some(11), 2, 0x60),
        // ldp fp,lr,[sp],40h; ldr x21; ldp x19,x20; ret
        (60, Some(9), Some(11), 2, 0x60),
        (61, Some(1), Some(3), 100, 0x20),
        (62, Some(1), None, 100, 0x20),
        (63, None, None, 100, 0),
    ] {
        let mut cursor = at(MACHINE_ARM64, TEXT + 4 * instruction);
        cursor.set(30, 100);
        cursor.set(29, STACK);
        assert_eq!(built.step(&mut cursor), Ok(Entered::Call), "{instruction}");
        let found = (cursor.get(19), cursor.get(21), cursor.pc);
        assert_eq!(found, (x19, x21, lr), "{instruction}");
        assert_eq!(cursor.stack_pointer() - STACK, stack, "{instruction}");
    }
}

#[test]
fn arm64_codes_of_every_kind_are_undone() {
    // 16 instructions, one epilogue at the end from the first code on, one word of codes.
    let full = |codes: &[u8]| {
        let words = codes.len().div_ceil(4) as u32;
        let head = 16 | 1 << 21 | words << 27;
        arm64(&[TEXT as u32, DATA as u32])
            .with(DATA, &head.to_le_bytes())
            .with(DATA + 4, codes)
    };
    let lr = BASE + 0x2222;
    for (codes, pc, stack, what) in [
        (&[0x02, 0xE4, 0, 0][..], lr, 0x20, "alloc_s"),
        (&[0xC0, 0x10, 0xE4, 0], lr, 0x100, "alloc_m"),
        (&[0xE0, 0, 0, 3, 0xE4, 0, 0, 0], lr, 0x30, "alloc_l"),
        (&[0x81, 0xE4, 0, 0], 2, 0x10, "save_fplr_x"),
        (&[0xE2, 2, 0xE4, 0], lr, 0x30, "add_fp"),
        (&[0xE6, 0x26, 0xE4, 0], lr, 0x30, "save_next, save_r19r20_x"),
        (&[0xD6, 0x41, 0xE4, 0], 3, 0, "save_lrpair"),
        (&[0xE7, 0x5D, 0x01, 0xE4], 4, 0, "save_any_reg"),
        (&[0xFC, 0x81, 0xE4, 0], 2, 0x10, "pac_sign_lr"),
        (&[0xE5, 0x01, 0xE4, 0], lr, 0x10, "end_c"),
    ] {
        let mut cursor = at(MACHINE_ARM64, TEXT + 4 * 8);
        cursor.set(29, STACK + 0x40);
        cursor.set(30, lr);
        assert_eq!(full(codes).step(&mut cursor), Ok(Entered::Call), "{what}");
        let found = (cursor.pc, cursor.stack_pointer() - STACK);
        assert_eq!(found, (pc, stack), "{what}");
    }
    let mut cursor = at(MACHINE_ARM64, TEXT + 4 * 8);
    let broken = full(&[0xDF, 1, 0xE4, 0]).step(&mut cursor);
    assert_eq!(broken, Err(UnwindError::Malformed));
}

#[test]
fn a_trap_frame_of_arm64_gives_all_registers_and_signatures_are_dropped() {
    let head = 16 | 1 << 27;
    let mut words = vec![0_u64; 64];
    words[0x98 / 8] = STACK + 0x1000;
    words[0xA0 / 8] = 77;
    words[0x138 / 8] = 0x7FF9_F800_1000_2000 | 1 << 55;
    words[0x148 / 8] = BASE + 0x3000;
    words[0x90 / 8] = 4;
    let built = Built::new(0xAA64)
        .entry(&[TEXT as u32, DATA as u32])
        .with(DATA, &u32::to_le_bytes(head))
        .with(DATA + 4, &[0xE8, 0xE4])
        .stack(&words);
    let mut cursor = at(MACHINE_ARM64, TEXT + 8);
    let at = VirtualAddress(STACK);
    let trap = Entered::Trap { at, user: false };
    assert_eq!(built.step(&mut cursor), Ok(trap));
    assert_eq!((cursor.get(0), cursor.pc), (Some(77), BASE + 0x3000));
    assert_eq!(cursor.stack_pointer(), STACK + 0x1000);
    // The interrupted code has no description, so its return address is in the register.
    assert_eq!(built.step(&mut cursor), Ok(Entered::Call));
    assert_eq!(cursor.pc, BASE + 0x2000);
}

#[test]
fn a_part_whose_entry_names_another_entry_has_that_ones_whole_prologue() {
    // Three instructions long and elsewhere: shorter than the prologue that ran for it.
    let part = TEXT as u32 + 0x800;
    let built = plain()
        .entry(&[part, part + 0x10, TABLE as u32 | 1])
        .with(TEXT + 0x40, &[0xE9, 0xBB, 0x07, 0, 0])
        .with(TEXT + 0x802, &[0x5B, 0xC3]);
    for (offset, what) in [
        (0x800, "its first instruction"),
        (0x80F, "its last"),
        (0x40, "the jump to it, which does not leave the function"),
    ] {
        let mut cursor = at(MACHINE_X64, TEXT + offset);
        assert_eq!(built.step(&mut cursor), Ok(Entered::Call), "{what}");
        assert_eq!((cursor.get(3), cursor.pc), (Some(5), 6), "{what}");
    }
    // A return in it is one all the same.
    let mut cursor = at(MACHINE_X64, TEXT + 0x802);
    assert_eq!(built.step(&mut cursor), Ok(Entered::Call));
    assert_eq!((cursor.get(3), cursor.pc), (Some(1), 2));
    let image = Image::open(&built, VirtualAddress(BASE)).unwrap();
    assert_eq!(image.function_start(part + 3), Ok(Some(TEXT as u32)));
    assert_eq!(
        image.function_around(part + 3),
        Ok(Some((part, part + 0x10)))
    );
}

#[test]
fn an_epilogue_of_version_two_takes_back_flags_and_what_the_processor_pushed() {
    // A machine frame with an error code; pushfq; push rbx; sub rsp, 20h. The code is nowhere.
    let info = [
        2, 6, 6, 0, 4, 0x16, 0, 0x06, 6, 0x32, 2, 0x30, 1, 0x02, 0, 0x1A,
    ];
    let mut built = x64()
        .entry(&[TEXT as u32, TEXT as u32 + 0x100, DATA as u32])
        .with(DATA, &info)
        .stack(&[1, 2, BASE + 0x1234, 0x10, 0x246, STACK + 0x800, 0x18]);
    built.missing = TEXT..TEXT + 0x1000;
    // pop rbx; popfq; iretq
    for (offset, rbx, frame) in [(0xFC, Some(1), 0x10), (0xFD, None, 8), (0xFE, None, 0)] {
        let mut cursor = at(MACHINE_X64, TEXT + offset);
        cursor.set(4, STACK + 0x10 - frame);
        let trap = Entered::Trap {
            at: VirtualAddress(STACK + 0x10),
            user: false,
        };
        assert_eq!(built.step(&mut cursor), Ok(trap), "{offset:#x}");
        let found = (cursor.get(3), cursor.pc, cursor.stack_pointer());
        assert_eq!(found, (rbx, BASE + 0x1234, STACK + 0x800), "{offset:#x}");
    }
}

#[test]
fn an_epilogue_of_version_two_looks_for_its_pushes_where_it_is_chained_to() {
    let part = TEXT as u32 + 0x800;
    // The part saves R15 in a slot, and ends in pop rbx; ret.
    let mut built = plain()
        .entry(&[part, part + 0x100, DATA as u32 + 0x20])
        .with(
            DATA + 0x20,
            &[0x22, 4, 4, 0, 2, 0x16, 0, 0x06, 4, 0xF4, 1, 0],
        );
    for (index, word) in [TEXT, TEXT + 0x100, DATA].into_iter().enumerate() {
        built.put(DATA + 0x2C + 4 * index, &(word as u32).to_le_bytes());
    }
    built.missing = TEXT..TEXT + 0x1000;
    for (offset, rbx, pc) in [(0x880, Some(5), 6), (0x8FE, Some(1), 2), (0x8FF, None, 1)] {
        let mut cursor = at(MACHINE_X64, TEXT + offset);
        assert_eq!(built.step(&mut cursor), Ok(Entered::Call), "{offset:#x}");
        assert_eq!((cursor.get(3), cursor.pc), (rbx, pc), "{offset:#x}");
    }
}

#[test]
fn arm64_parts_that_name_another_entry_are_as_that_ones_beginning() {
    // The other's description begins with the end of its own part, so nothing of it is a prologue.
    let part = TEXT as u32 + 0x800;
    let entry = TABLE as u32 | 3;
    let built = arm64(&[TEXT as u32, DATA as u32])
        .entry(&[part, entry])
        .with(DATA, &u32::to_le_bytes(16 | 1 << 27))
        .with(DATA + 4, &[0xE5, 0x81, 0xE4, 0]);
    for offset in [0x800, 0x8FC] {
        let mut cursor = at(MACHINE_ARM64, TEXT + offset);
        assert_eq!(built.step(&mut cursor), Ok(Entered::Call), "{offset:#x}");
        let found = (cursor.pc, cursor.stack_pointer() - STACK);
        assert_eq!(found, (2, 0x10), "{offset:#x}");
    }
    // Another bit makes it something that is not defined.
    let built = arm64(&[TEXT as u32, DATA as u32]).entry(&[part, entry | 4]);
    let mut cursor = at(MACHINE_ARM64, TEXT + 0x800);
    cursor.exact = false;
    assert!(built.step(&mut cursor).is_err());
}

#[test]
fn arm64_codes_that_are_kept_for_later_do_nothing_and_pairs_count_for_any_register() {
    let full = |codes: &[u8]| {
        let head = 16 | 1 << 21 | (codes.len() as u32 / 4) << 27;
        arm64(&[TEXT as u32, DATA as u32])
            .with(DATA, &head.to_le_bytes())
            .with(DATA + 4, codes)
    };
    let codes = [
        // Of two to five bytes, then of one; save_fplr_x.
        &[
            0xF8, 1, 0xF9, 1, 2, 0xFA, 1, 2, 3, 0xFB, 1, 2, 3, 4, 0xFD, 0xFF,
        ][..],
        &[0x81, 0xE4, 0, 0],
    ]
    .concat();
    let mut cursor = at(MACHINE_ARM64, TEXT + 4 * 7);
    assert_eq!(full(&codes).step(&mut cursor), Ok(Entered::Call));
    assert_eq!((cursor.pc, cursor.stack_pointer()), (2, STACK + 0x10));
    // save_next behind save_any_reg of X27 and X28: FP and LR follow them.
    let mut cursor = at(MACHINE_ARM64, TEXT + 4 * 8);
    let saved = full(&[0xE6, 0xE7, 0x5B, 0x01, 0xE4, 0, 0, 0]);
    assert_eq!(saved.step(&mut cursor), Ok(Entered::Call));
    let found = (cursor.get(27), cursor.get(28), cursor.get(29), cursor.pc);
    assert_eq!(found, (Some(3), Some(4), Some(5), 6));
}

#[test]
fn a_context_of_arm64_says_whether_its_instruction_was_called_from() {
    for (flags, exact) in [(0x40_000B, true), (0x2040_000B, false)] {
        let mut words = vec![0_u64; 64];
        words[0] = 4 << 32 | flags;
        words[0x100 / 8] = STACK + 0x1000;
        words[0x108 / 8] = BASE + 0x3000;
        let built = Built::new(0xAA64)
            .entry(&[TEXT as u32, DATA as u32])
            .with(DATA, &u32::to_le_bytes(16 | 1 << 27))
            .with(DATA + 4, &[0xEA, 0xE4])
            .stack(&words);
        let mut cursor = at(MACHINE_ARM64, TEXT + 8);
        let entered = built.step(&mut cursor).unwrap();
        assert!(matches!(entered, Entered::Trap { user: false, .. }));
        assert_eq!((cursor.pc, cursor.exact), (BASE + 0x3000, exact));
    }
}

#[test]
fn arm64_code_that_was_not_called_from_is_left_where_it_is() {
    // clear_unwound_to_call behind save_fplr_x. What it leads to begins another function, which
    // has not saved anything yet: LR, restored, is that one's caller's, too.
    let lr = BASE + TEXT as u64 + 0x800;
    let built = arm64(&[TEXT as u32, DATA as u32])
        .entry(&[TEXT as u32 + 0x800, DATA as u32 + 0x10])
        .with(DATA, &u32::to_le_bytes(16 | 1 << 27))
        .with(DATA + 4, &[0xEC, 0x81, 0xE4, 0])
        .with(DATA + 0x10, &u32::to_le_bytes(16 | 1 << 27))
        .with(DATA + 0x14, &[0x81, 0xE4, 0, 0])
        .stack(&[7, lr, 8, 9]);
    let mut cursor = at(MACHINE_ARM64, TEXT + 4 * 8);
    assert_eq!(built.step(&mut cursor), Ok(Entered::Call));
    assert_eq!((cursor.pc, cursor.exact), (lr, true));
    assert_eq!(cursor.stack_pointer(), STACK + 0x10);
}
