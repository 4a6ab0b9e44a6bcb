//! What machine code says, through a disassembler that the core does not know.
//!
//! A disassembler is a large table; the page loads it as a module of its own, apart from this one.
//! An [`Instruction`] crosses over as a line of text.

use alloc::{format, string::String, vec::Vec};
use core::fmt;

/// Tells instructions from bytes.
pub trait Disassembler: fmt::Debug {
    /// The instructions in `bytes`, which stand at `address` on a machine of that kind
    /// (IMAGE_FILE_MACHINE_*). What is no instruction is one with the text `???`. None at all where
    /// the kind is not known.
    fn disassemble(&self, machine: u32, address: u64, bytes: &[u8]) -> Vec<Instruction>;
}

/// An instruction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instruction {
    /// Bytes that it takes.
    pub len: u8,
    /// Its text in the debugger's spelling.
    pub text: String,
    /// Where it leads, or the pointer that it goes through.
    pub target: Option<u64>,
    /// The memory that it touches.
    pub touches: Vec<Touch>,
}

/// Memory that an instruction touches: base + index * scale + displacement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Touch {
    /// Whether it is read.
    pub reads: bool,
    /// Whether it is written to.
    pub writes: bool,
    /// A register by its name in the report; empty for none, `segment` where no register says.
    pub base: String,
    /// Another one.
    pub index: String,
    /// What that is multiplied by.
    pub scale: u8,
    /// What is added.
    pub displacement: u64,
    /// Bytes that are touched; 0 where the disassembler does not say.
    pub bytes: u16,
}

impl Instruction {
    /// As a line of text without its end.
    #[must_use]
    pub fn line(&self) -> String {
        let target = self.target.map_or(String::new(), |at| format!("{at:x}"));
        let mut line = format!("{}\t{}\t{target}", self.len, self.text);
        for touch in &self.touches {
            line.push_str(&format!(
                "\t{},{},{},{},{},{:x},{}",
                u8::from(touch.reads),
                u8::from(touch.writes),
                touch.base,
                touch.index,
                touch.scale,
                touch.displacement,
                touch.bytes
            ));
        }
        line
    }

    /// From such a line.
    #[must_use]
    pub fn parse(line: &str) -> Option<Self> {
        let mut fields = line.split('\t');
        let len = fields.next()?.parse().ok()?;
        let text = fields.next()?.into();
        let target = fields.next()?;
        Some(Self {
            len,
            text,
            target: u64::from_str_radix(target, 16).ok(),
            touches: fields.map(Touch::parse).collect::<Option<_>>()?,
        })
    }
}

impl Touch {
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(',');
        Some(Self {
            reads: fields.next()? == "1",
            writes: fields.next()? == "1",
            base: fields.next()?.into(),
            index: fields.next()?.into(),
            scale: fields.next()?.parse().ok()?,
            displacement: u64::from_str_radix(fields.next()?, 16).ok()?,
            bytes: fields.next()?.parse().ok()?,
        })
    }
}
