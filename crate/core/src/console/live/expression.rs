//! Expressions as the debugger's MASM evaluator takes them: numbers are hexadecimal, `nt` is where
//! the kernel begins, `@rip` a register, `poi(…)` the pointer that stands somewhere.
//!
//! Source: Microsoft's documentation of MASM numbers and operators (windows-driver-docs, CC-BY).

use super::Live;
use crate::image::Image;
use crate::memory::{AddressSpace, VirtualAddress};
use crate::symbols::Names;
use alloc::{format, string::String, vec::Vec};

/// Brackets inside brackets are followed so deep.
const DEEPEST: u8 = 16;

/// The value of `text`.
pub(super) fn evaluate(text: &str, live: &Live<'_>) -> Result<u64, String> {
    let mut parser = Parser {
        rest: text.trim(),
        live,
    };
    let value = parser.sum(0)?;
    if parser.rest.is_empty() {
        Ok(value)
    } else {
        Err(format!("'{}' is not understood here.", parser.rest))
    }
}

/// A number as the debugger takes it: hexadecimal, with or without `0x`, with back-ticks; `0n` makes
/// it decimal.
pub(in crate::console) fn number(text: &str) -> Option<u64> {
    let digits: String = text.chars().filter(|&c| c != '`').collect();
    let after = |prefix: &str| {
        let head = digits.get(..2)?;
        head.eq_ignore_ascii_case(prefix).then(|| digits.get(2..))?
    };
    let (digits, radix) = match (after("0n"), after("0x")) {
        (Some(decimal), _) => (decimal, 10),
        (_, Some(hex)) => (hex, 16),
        _ => (digits.as_str(), 16),
    };
    // A sign is an operator, not part of a number.
    let plain = digits.chars().all(|c| c.is_ascii_alphanumeric());
    plain.then(|| u64::from_str_radix(digits, radix).ok())?
}

struct Parser<'t, 'a> {
    rest: &'t str,
    live: &'t Live<'a>,
}

impl Parser<'_, '_> {
    fn eat(&mut self, token: char) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest).trim_start();
        rest.is_some()
    }

    fn sum(&mut self, depth: u8) -> Result<u64, String> {
        let mut value = self.product(depth)?;
        loop {
            if self.eat('+') {
                value = value.wrapping_add(self.product(depth)?);
            } else if self.eat('-') {
                value = value.wrapping_sub(self.product(depth)?);
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self, depth: u8) -> Result<u64, String> {
        let mut value = self.factor(depth)?;
        while self.eat('*') {
            value = value.wrapping_mul(self.factor(depth)?);
        }
        Ok(value)
    }

    fn factor(&mut self, depth: u8) -> Result<u64, String> {
        if depth > DEEPEST {
            return Err("The expression is nested too deeply.".into());
        }
        if self.eat('-') {
            return self.factor(depth + 1).map(u64::wrapping_neg);
        }
        if self.eat('(') {
            return self.bracket(depth);
        }
        let is_part = |c: char| c.is_alphanumeric() || "_`@!.$?#".contains(c);
        let len = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (atom, rest) = self.rest.split_at(len);
        self.rest = rest.trim_start();
        let reads = match atom {
            "poi" => self.live.width(),
            "by" => 1,
            "wo" => 2,
            "dwo" => 4,
            "qwo" => 8,
            _ => return self.atom(atom),
        };
        if !self.eat('(') {
            return self.atom(atom);
        }
        let at = self.bracket(depth)?;
        let mut buf = [0; 8];
        let bytes = buf.get_mut(..usize::from(reads)).unwrap_or_default();
        let read = self.live.space().read(VirtualAddress(at), bytes);
        read.map_err(|why| {
            let at = self.live.address(at);
            format!("The memory at {at} cannot be read: {}.", super::reason(why))
        })?;
        Ok(u64::from_le_bytes(buf))
    }

    fn bracket(&mut self, depth: u8) -> Result<u64, String> {
        let value = self.sum(depth + 1)?;
        if self.eat(')') {
            Ok(value)
        } else {
            Err("A ')' is missing.".into())
        }
    }

    /// A number, a register, a module, or a name that a symbol file or the exports of a module have.
    fn atom(&self, atom: &str) -> Result<u64, String> {
        if atom.is_empty() {
            return Err("An address or a number is missing.".into());
        }
        if let Some(value) = number(atom) {
            return Ok(value);
        }
        // Where the processor is.
        let atom = if atom == "." { "@$ip" } else { atom };
        if let Some(name) = atom.strip_prefix('@') {
            return self
                .register(name)
                .ok_or_else(|| format!("'{atom}' is no register that this dump holds."));
        }
        if let Some((module, name)) = atom.split_once('!') {
            return self.exported(module, name);
        }
        let module = || Some(self.live.module(atom)?.base.0);
        self.register(atom)
            .or_else(module)
            .ok_or_else(|| format!("'{atom}' is neither a number, a register nor a module."))
    }

    fn register(&self, name: &str) -> Option<u64> {
        let report = self.live.report;
        let stack = report.stack.as_ref()?;
        let named = |names: &[&str]| {
            let found = stack.registers.iter().find(|register| {
                names
                    .iter()
                    .any(|name| register.name.eq_ignore_ascii_case(name))
            });
            found.map(|register| register.value.0)
        };
        match name {
            "$proc" => stack.process.map(|at| at.0),
            "$thread" => stack.thread.map(|at| at.0),
            "$ip" => named(&["rip", "eip", "pc"]),
            "$csp" => named(&["rsp", "esp", "sp"]),
            _ => named(&[name]),
        }
    }

    fn exported(&self, module: &str, name: &str) -> Result<u64, String> {
        let found = self
            .live
            .module(module)
            .ok_or_else(|| format!("There is no module '{module}'."))?;
        let files = self.live.files();
        let table = files.table(found.base);
        if let Some(rva) = table.and_then(|table| table.rva_of(name)) {
            return Ok(found.base.0.wrapping_add(u64::from(rva)));
        }
        let space = self.live.space();
        let space = self.live.modules().over(&space, files);
        let image = Image::open(&space, found.base);
        match image.and_then(|image| image.export(name)) {
            Ok(Some(rva)) => Ok(found.base.0.wrapping_add(u64::from(rva))),
            Ok(None) if table.is_some() => Err(format!("'{module}' has no '{name}'.")),
            Ok(None) => Err(format!("'{module}' exports no '{name}'.")),
            Err(why) => Err(format!("The exports of '{module}' cannot be read: {why}.")),
        }
    }
}

/// Words of a line in which brackets and signs may have spaces around them are put together.
pub(in crate::console) fn joined(words: &[&str]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    for word in words {
        let glued = open || *word == "-" || word.starts_with(['+', '*', ')']);
        match found.last_mut().filter(|_| glued) {
            Some(last) => last.push_str(word),
            None => found.push((*word).into()),
        }
        let last = found.last().map_or("", String::as_str);
        let depth = last.matches('(').count() > last.matches(')').count();
        open = depth || word.ends_with(['+', '-', '*', '(']);
    }
    found
}
