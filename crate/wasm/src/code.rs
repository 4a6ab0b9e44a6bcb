//! The disassembler, which is a module of its own: called through the worker's script.

use bluepane::symbols::{Disassembler, Instruction};
use js_sys::{BigInt, Function, Uint8Array};
use std::fmt;
use wasm_bindgen::JsValue;

/// A function of the script that answers with lines of text.
pub(crate) struct Outside(Function);

impl Outside {
    pub(crate) fn new(disassemble: Function) -> Self {
        Self(disassemble)
    }
}

impl fmt::Debug for Outside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outside")
    }
}

impl Disassembler for Outside {
    fn disassemble(&self, machine: u32, address: u64, bytes: &[u8]) -> Vec<Instruction> {
        let (machine, address) = (JsValue::from(machine), BigInt::from(address));
        let bytes = Uint8Array::from(bytes);
        let answer = self
            .0
            .call3(&JsValue::NULL, &machine, &address.into(), &bytes.into());
        let text = answer.ok().and_then(|answer| answer.as_string());
        let text = text.unwrap_or_default();
        text.lines().map_while(Instruction::parse).collect()
    }
}
