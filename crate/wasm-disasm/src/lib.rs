//! The disassemblers in the browser.
//!
//! Their tables weigh a quarter of the analyzer and are seldom needed, so they are a module of their
//! own. The analyzer calls it through the worker and gets lines of text back.

use bluepane::symbols::Disassembler;
use bluepane_disasm::Disassemblers;
use wasm_bindgen::prelude::wasm_bindgen;

/// The instructions in `bytes` at `address` on a machine of that kind (IMAGE_FILE_MACHINE_*), a line
/// each, in the form that `bluepane::symbols::Instruction::parse` reads.
#[wasm_bindgen]
#[must_use]
pub fn disassemble(machine: u32, address: u64, bytes: &[u8]) -> String {
    let mut text = String::new();
    for one in Disassemblers.disassemble(machine, address, bytes) {
        text.push_str(&one.line());
        text.push('\n');
    }
    text
}
