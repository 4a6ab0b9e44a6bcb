//! Unwind data of ARM64: one code an instruction of the prologue, so that any part of it can be
//! undone; the short form for plain functions is spelt out into the same codes.

use super::super::{Image, ImageError, word};
use super::{Cursor, Entered, Function, UnwindError, load, without_signature};
use crate::memory::VirtualAddress;
use alloc::{vec, vec::Vec};

/// An entry: where the function begins, and where its description is, or the description itself.
const ENTRY: u32 = 8;
/// The lower two bits of the second word.
const FULL: u32 = 0;
const PACKED: u32 = 1;
const PART: u32 = 2;
/// The second word names another entry.
const NAMED: u32 = 3;
const FP: u8 = 29;
const LR: u8 = 30;
const SP: u8 = 31;
/// X0 to X18: a call may change them.
const VOLATILE: u32 = 0x0007_FFFF;

/// Codes that are whole bytes.
mod op {
    pub const ALLOC_LARGE: u8 = 0xE0;
    pub const SET_FP: u8 = 0xE1;
    pub const ADD_FP: u8 = 0xE2;
    pub const NOP: u8 = 0xE3;
    pub const END: u8 = 0xE4;
    pub const END_PART: u8 = 0xE5;
    pub const SAVE_NEXT: u8 = 0xE6;
    pub const SAVE_ANY: u8 = 0xE7;
    pub const TRAP_FRAME: u8 = 0xE8;
    pub const MACHINE_FRAME: u8 = 0xE9;
    pub const CONTEXT: u8 = 0xEA;
    /// The code that follows was reached by other means than a call.
    pub const NOT_CALLED: u8 = 0xEC;
    pub const SIGN_LR: u8 = 0xFC;
}

/// KTRAP_FRAME and CONTEXT: offsets of X0, how many registers follow it, and offsets of FP, LR,
/// SP, PC and the status register.
struct Saved {
    general: u64,
    count: u8,
    fp: u64,
    lr: u64,
    sp: u64,
    pc: u64,
    status: u64,
}
static TRAP_FRAME: Saved = Saved {
    general: 0xA0,
    count: 19,
    fp: 0x140,
    lr: 0x138,
    sp: 0x98,
    pc: 0x148,
    status: 0x90,
};
static CONTEXT: Saved = Saved {
    general: 0x08,
    count: 29,
    fp: 0xF0,
    lr: 0xF8,
    sp: 0x100,
    pc: 0x108,
    status: 0x04,
};

/// Of CONTEXT's first word: its instruction pointer is an address to return to.
const UNWOUND_TO_CALL: u64 = 0x2000_0000;

/// The codes of a function, and where among them its epilogues begin.
struct Codes {
    bytes: Vec<u8>,
    /// Instructions from the function's start to an epilogue, and the index of its first code;
    /// without the former the epilogue ends the function.
    epilogues: Vec<(Option<u32>, usize)>,
    /// Instructions in the function.
    len: u32,
}

/// The described stretch of code around `rva`.
pub(super) fn function(image: &Image<'_>, rva: u32) -> Result<Option<Function>, ImageError> {
    Ok(find(image, rva)?.map(|(found, _)| found))
}

/// The same, and whether the description is another entry's: it then holds as at the beginning of
/// that one's code, and how far the code reaches is not said.
fn find(image: &Image<'_>, rva: u32) -> Result<Option<(Function, bool)>, ImageError> {
    let Some(at) = image.entry(rva, ENTRY)? else {
        return Ok(None);
    };
    let bytes = image.bytes(at, ENTRY as u16)?;
    let (begin, mut data) = (word(&bytes, 0)?, word(&bytes, 4)?);
    let named = data & 7 == NAMED;
    if named {
        data = word(&image.bytes(u64::from(data - NAMED) + 4, 4)?, 0)?;
    }
    let len = match data & 3 {
        _ if named => u32::MAX,
        FULL => (word(&image.bytes(data.into(), 4)?, 0)? & 0x3_FFFF) * 4,
        _ => (data >> 2 & 0x7FF) * 4,
    };
    let end = begin.saturating_add(len).min(image.size);
    let found = Function { begin, end, data };
    Ok((begin <= rva && rva < end).then_some((found, named)))
}

/// Goes to the frame that entered this one.
pub(super) fn step(image: &Image<'_>, cursor: &mut Cursor) -> Result<Entered, UnwindError> {
    let rva = image.offset_of(cursor.pc)?;
    let within = rva.saturating_sub(if cursor.exact { 0 } else { 4 });
    let Some((function, named)) = find(image, within)? else {
        // What neither calls nor saves anything still has its return address in the register.
        if !cursor.exact {
            return Err(UnwindError::NoData);
        }
        return leave(cursor);
    };
    if !cursor.exact {
        // Its call has changed the register: unless it had saved it before, it never returns.
        cursor.forget(1 << LR);
    }
    let codes = match function.data & 3 {
        FULL => Codes::full(image, function.data)?,
        PACKED | PART => Codes::packed(function.data),
        _ => return Err(UnwindError::Malformed),
    };
    let offset = match named {
        true => 0,
        false => rva.wrapping_sub(function.begin) / 4,
    };
    let start = codes.start(offset);
    undo(image, cursor, codes.bytes.get(start..).unwrap_or_default())
}

fn leave(cursor: &mut Cursor) -> Result<Entered, UnwindError> {
    cursor.pc = without_signature(cursor.need(LR)?);
    cursor.exact = false;
    cursor.forget(VOLATILE);
    Ok(Entered::Call)
}

/// Bytes that a code takes.
fn len_of(code: u8) -> usize {
    match code {
        0..=0xBF => 1,
        0xC0..=0xDF | op::ADD_FP | 0xF8 => 2,
        op::SAVE_ANY | 0xF9 => 3,
        op::ALLOC_LARGE | 0xFA => 4,
        0xFB => 5,
        _ => 1,
    }
}

impl Codes {
    /// From a record of its own (`.xdata`).
    fn full(image: &Image<'_>, data: u32) -> Result<Self, UnwindError> {
        let at = u64::from(data);
        let head = word(&image.bytes(at, 4)?, 0)?;
        if head >> 18 & 3 != 0 {
            return Err(UnwindError::Malformed);
        }
        let (mut scopes, mut words) = (head >> 22 & 0x1F, head >> 27);
        let mut after = at + 4;
        if scopes == 0 && words == 0 {
            let more = word(&image.bytes(after, 4)?, 0)?;
            (scopes, words) = (more & 0xFFFF, more >> 16 & 0xFF);
            after += 4;
        }
        let mut epilogues = vec![];
        if head >> 21 & 1 != 0 {
            epilogues.push((None, scopes as usize));
            scopes = 0;
        }
        // Sixteen bits count them, and four bytes each are more than one reading gives.
        let scopes = scopes.min(0x1000);
        let len = (scopes + words) * 4;
        let bytes = match len {
            0 => vec![],
            _ => image.bytes(after, len as u16)?,
        };
        let (listed, codes) = bytes
            .split_at_checked(scopes as usize * 4)
            .unwrap_or_default();
        epilogues.extend(listed.as_chunks::<4>().0.iter().map(|&scope| {
            let scope = u32::from_le_bytes(scope);
            (Some(scope & 0x3_FFFF), (scope >> 22) as usize)
        }));
        Ok(Self {
            bytes: codes.to_vec(),
            epilogues,
            len: head & 0x3_FFFF,
        })
    }

    /// From the short form: the prologue that it stands for, last instruction first.
    fn packed(data: u32) -> Self {
        let field = |from: u32, bits: u32| data >> from & ((1 << bits) - 1);
        let (floats, ints) = (field(13, 3), field(16, 4));
        let (homes, link, frame) = (field(20, 1) != 0, field(21, 2), field(23, 9) * 2);
        let mut order = Packed::default();
        let saved = ints + u32::from(link == 1) + floats + u32::from(floats != 0);
        // Parameters go behind the saved registers, or, without any, among the locals.
        let homed = if homes && saved > 0 { 8 } else { 0 };
        let area = (saved + homed).next_multiple_of(2);
        let locals = frame.saturating_sub(area);
        if link == 2 {
            order.add(&[op::SIGN_LR]);
        }
        order.ints(ints, link == 1, area);
        order.floats(floats, area);
        let chained = link >= 2 && locals > 0;
        let mut epilogue = order.codes.clone();
        if homed > 0 {
            (0..4).for_each(|_| order.add(&[op::NOP]));
        }
        for codes in [&mut order.codes, &mut epilogue] {
            if chained && locals <= 64 {
                codes.push(vec![0x80 | (locals - 1) as u8]);
            } else if locals > 0 {
                Packed::allocate(codes, locals);
                if chained {
                    codes.push(vec![0x40]);
                }
            }
        }
        // Leaving the function needs no frame pointer.
        if chained {
            order.add(&[op::SET_FP]);
        }
        let part = data & 3 == PART;
        let mut bytes = if part { vec![op::END_PART] } else { vec![] };
        let mut spell = |codes: Vec<Vec<u8>>| {
            bytes.extend(codes.into_iter().rev().flatten());
            bytes.push(op::END);
            bytes.len()
        };
        let second = spell(order.codes);
        spell(epilogue);
        Self {
            bytes,
            epilogues: if part { vec![] } else { vec![(None, second)] },
            len: field(2, 11),
        }
    }

    /// Instructions that the codes from `index` to their end stand for.
    fn count(&self, index: usize) -> u32 {
        let (mut at, mut count) = (index, 0);
        while let Some(&code) = self.bytes.get(at) {
            if matches!(code, op::END | op::END_PART) {
                break;
            }
            count += u32::from(!(op::TRAP_FRAME..0xF8).contains(&code));
            at += len_of(code);
        }
        count
    }

    /// The index of the first code that is to be undone `offset` instructions into the function.
    fn start(&self, offset: u32) -> usize {
        let prologue = self.count(0);
        if let Some(skip) = prologue.checked_sub(offset).filter(|&skip| skip > 0) {
            return self.skip(0, skip);
        }
        let found = self.epilogues.iter().find_map(|&(at, index)| {
            // One more instruction returns.
            let count = self.count(index) + 1;
            let at = at.or_else(|| self.len.checked_sub(count))?;
            let into = offset.checked_sub(at)?;
            (into < count).then_some((index, into))
        });
        found.map_or(0, |(index, into)| self.skip(index, into))
    }

    /// The index behind `instructions` of the codes from `index` on.
    fn skip(&self, index: usize, instructions: u32) -> usize {
        let mut at = index;
        for _ in 0..instructions {
            match self.bytes.get(at) {
                None | Some(&(op::END | op::END_PART)) => break,
                Some(&code) => at += len_of(code),
            }
        }
        at
    }
}

/// The prologue of the short form, in the order in which it runs.
#[derive(Default)]
struct Packed {
    codes: Vec<Vec<u8>>,
    /// Where the next register goes, in words above the stack pointer.
    slot: u32,
}

impl Packed {
    fn add(&mut self, code: &[u8]) {
        self.codes.push(code.to_vec());
    }

    /// A store of `count` registers: the first one makes room for all, so it has another code.
    fn store(&mut self, plain: u16, first: u16, index: u32, count: u32, area: u32) {
        let code = match (self.slot, first >> 8) {
            (0, 0xD4 | 0xDE) => first | (index << 5) as u16 | (area - 1) as u16,
            (0, _) => first | (index << 6) as u16 | (area - 1) as u16,
            (slot, _) => plain | (index << 6) as u16 | slot as u16,
        };
        self.add(&code.to_be_bytes());
        self.slot += count;
    }

    fn ints(&mut self, ints: u32, link: bool, area: u32) {
        let mut stored = 0;
        if link && ints == 1 {
            // No code stands for X19 and LR with room made for them.
            Self::allocate(&mut self.codes, area);
            self.add(&[0xD6, 0]);
            self.slot += 2;
            return;
        }
        while stored + 2 <= ints {
            self.store(0xC800, 0xCC00, stored, 2, area);
            stored += 2;
        }
        match (ints % 2 == 1, link) {
            (true, true) => {
                let code = 0xD600 | (stored / 2) << 6 | self.slot;
                self.add(&(code as u16).to_be_bytes());
                self.slot += 2;
            }
            (true, false) => self.store(0xD000, 0xD400, stored, 1, area),
            // LR is number 11 from X19 on.
            (false, true) => self.store(0xD000, 0xD400, 11, 1, area),
            (false, false) => {}
        }
    }

    fn floats(&mut self, floats: u32, area: u32) {
        let count = if floats == 0 { 0 } else { floats + 1 };
        for index in (0..count).step_by(2) {
            if index + 1 < count {
                self.store(0xD800, 0xDA00, index, 2, area);
            } else {
                self.store(0xDC00, 0xDE00, index, 1, area);
            }
        }
    }

    /// Room for `words`, by one instruction or, as the immediate has twelve bits, by two.
    fn allocate(codes: &mut Vec<Vec<u8>>, words: u32) {
        const MOST: u32 = 4080 / 8;
        let first = words.min(MOST);
        for part in [first, words - first] {
            let units = (part / 2) as u16;
            match units {
                0 => {}
                1..32 => codes.push(vec![units as u8]),
                _ => codes.push((0xC000 | units).to_be_bytes().to_vec()),
            }
        }
    }
}

/// Undoes codes up to their end.
fn undo(image: &Image<'_>, cursor: &mut Cursor, codes: &[u8]) -> Result<Entered, UnwindError> {
    let mut entered = Entered::Call;
    let mut called = true;
    let (mut at, mut more) = (0, 0);
    while let Some(&code) = codes.get(at) {
        let len = len_of(code);
        let bytes = codes.get(at..at + len).ok_or(UnwindError::Malformed)?;
        at += len;
        let operand = bytes.iter().skip(1).fold(0, |v, &b| v << 8 | u32::from(b));
        // The whole code as a number, for those whose fields cross the bytes.
        let whole = u32::from(code) << 8 | operand;
        match code {
            0..0x20 => cursor.release(u64::from(code) * 16),
            0xC0..=0xC7 => cursor.release(u64::from(whole & 0x7FF) * 16),
            op::ALLOC_LARGE => cursor.release(u64::from(operand) * 16),
            op::SET_FP => cursor.set(SP, cursor.need(FP)?),
            op::ADD_FP => {
                let frame = cursor.need(FP)?;
                cursor.set(SP, frame.wrapping_sub(u64::from(operand) * 8));
            }
            op::NOP | op::END_PART => {}
            op::END => break,
            op::SAVE_NEXT => more += 1,
            op::TRAP_FRAME => {
                entered = saved(image, cursor, &TRAP_FRAME)?;
            }
            op::CONTEXT => {
                let flags = load(image.space, cursor.stack_pointer())?;
                entered = saved(image, cursor, &CONTEXT)?;
                cursor.exact = flags & UNWOUND_TO_CALL == 0;
            }
            op::MACHINE_FRAME => entered = machine_frame(image, cursor)?,
            op::NOT_CALLED => called = false,
            op::SIGN_LR => {
                let signed = cursor.need(LR)?;
                cursor.set(LR, without_signature(signed));
            }
            op::SAVE_ANY | 0x20..=0xDE => {
                let what = match code {
                    op::SAVE_ANY => any(operand),
                    _ => Restore::of(code, whole),
                };
                restore(image, cursor, what, more)?;
                more = 0;
            }
            // Kept for what does nothing to leave a frame.
            0xF8.. => {}
            // Scalable vectors, and what is not defined.
            _ => return Err(UnwindError::Malformed),
        }
    }
    if entered != Entered::Call {
        return Ok(entered);
    }
    leave(cursor)?;
    cursor.exact = !called;
    Ok(Entered::Call)
}

/// Registers that are stored side by side.
#[derive(Clone, Copy)]
struct Restore {
    /// The first; `None` for vector registers, which lead nowhere.
    first: Option<u8>,
    pair: bool,
    /// Stored elsewhere than behind the first.
    second: Option<u8>,
    /// Bytes above the stack pointer, or bytes by which the store lowered it.
    offset: u64,
    lowered: bool,
}

impl Restore {
    fn of(code: u8, whole: u32) -> Self {
        let field = |from: u32, bits: u32| whole >> from & ((1 << bits) - 1);
        let long = u64::from(field(0, 6)) * 8;
        let short = u64::from(field(0, 5)) * 8 + 8;
        // By how the code begins: first register, pair, offset, whether the stack was lowered.
        let (first, pair, offset, lowered) = match code {
            0x20..=0x3F => (Some(19), true, u64::from(code & 0x1F) * 8, true),
            0x40..=0x7F => (Some(FP), true, u64::from(code & 0x3F) * 8, false),
            0x80..=0xBF => (Some(FP), true, u64::from(code & 0x3F) * 8 + 8, true),
            0xC8..=0xCB => (Some(19 + field(6, 4) as u8), true, long, false),
            0xCC..=0xCF => (Some(19 + field(6, 4) as u8), true, long + 8, true),
            0xD0..=0xD3 => (Some(19 + field(6, 4) as u8), false, long, false),
            0xD4 | 0xD5 => (Some(19 + field(5, 4) as u8), false, short, true),
            0xD6 | 0xD7 => (Some(19 + 2 * field(6, 3) as u8), true, long, false),
            0xDA | 0xDB => (None, true, long + 8, true),
            0xDE => (None, false, short, true),
            _ => (None, false, 0, false),
        };
        Self {
            first,
            pair,
            second: matches!(code, 0xD6 | 0xD7).then_some(LR),
            offset,
            lowered,
        }
    }
}

/// The long code that can name any register.
fn any(operand: u32) -> Restore {
    let (kind, pair) = (operand >> 6 & 3, operand >> 14 & 1 != 0);
    let lowered = operand >> 13 & 1 != 0;
    let units = u64::from(operand & 0x3F) + u64::from(lowered);
    let wide = lowered || pair || kind == 2;
    Restore {
        first: (kind == 0).then_some((operand >> 8 & 0x1F) as u8),
        pair,
        second: None,
        offset: units * if wide { 16 } else { 8 },
        lowered,
    }
}

fn restore(
    image: &Image<'_>,
    cursor: &mut Cursor,
    what: Restore,
    more: u8,
) -> Result<(), UnwindError> {
    let at = if what.lowered { 0 } else { what.offset };
    let at = cursor.stack_pointer().wrapping_add(at);
    if let Some(first) = what.first {
        let count = 1 + u8::from(what.pair) + 2 * more.min(8);
        for index in 0..count {
            let register = match what.second {
                Some(second) if index == 1 => second,
                _ => first.saturating_add(index),
            };
            // Behind the last integer register come vector registers.
            if register <= LR {
                let value = load(image.space, at.wrapping_add(u64::from(index) * 8))?;
                cursor.set(register, value);
            }
        }
    }
    if what.lowered {
        cursor.release(what.offset);
    }
    Ok(())
}

/// Returns through the registers that the kernel saved.
fn saved(image: &Image<'_>, cursor: &mut Cursor, layout: &Saved) -> Result<Entered, UnwindError> {
    let at = cursor.stack_pointer();
    let word = |offset| load(image.space, at.wrapping_add(offset));
    for number in 0..layout.count {
        let value = word(layout.general + u64::from(number) * 8)?;
        cursor.set(number, value);
    }
    for (number, offset) in [(FP, layout.fp), (LR, layout.lr), (SP, layout.sp)] {
        cursor.set(number, word(offset)?);
    }
    cursor.pc = word(layout.pc)?;
    cursor.exact = true;
    // The lowest four bits of the status are the level of privilege: 0 is user mode.
    Ok(Entered::Trap {
        at: VirtualAddress(at),
        user: word(layout.status)? & 0xF == 0,
    })
}

/// Stack pointer and instruction pointer, side by side.
fn machine_frame(image: &Image<'_>, cursor: &mut Cursor) -> Result<Entered, UnwindError> {
    let at = cursor.stack_pointer();
    cursor.pc = load(image.space, at.wrapping_add(8))?;
    cursor.exact = true;
    cursor.set(SP, load(image.space, at)?);
    cursor.forget(VOLATILE);
    Ok(Entered::Trap {
        at: VirtualAddress(at),
        user: cursor.pc >> 63 == 0,
    })
}
