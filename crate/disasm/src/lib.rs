//! Machine code in words.
//!
//! What an instruction is called, where it leads and what memory it touches, for the processors that
//! Windows runs on: x86 and x64 through `iced-x86`, ARM64 through `yaxpeax-arm`. Both are kept
//! libraries; the core knows them only as a [`Disassembler`], and the page loads them as a module of
//! its own when code is looked at.
#![no_std]

extern crate alloc;

mod arm64;
mod x86;

use alloc::vec::Vec;
use bluepane::symbols::{Disassembler, Instruction};

/// IMAGE_FILE_MACHINE_* of the processors.
const X86: u32 = 0x014C;
const X64: u32 = 0x8664;
const ARM64: u32 = 0xAA64;

/// What no disassembler can read.
pub(crate) const UNKNOWN: &str = "???";

/// The disassemblers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Disassemblers;

impl Disassembler for Disassemblers {
    fn disassemble(&self, machine: u32, address: u64, bytes: &[u8]) -> Vec<Instruction> {
        match machine {
            X64 => x86::instructions(64, address, bytes),
            X86 => x86::instructions(32, address, bytes),
            ARM64 => arm64::instructions(address, bytes),
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
