//! Registers in the debugger's block, as `r`, `.trap`, `.cxr` and `!analyze -v` print them.
//!
//! Layout: public outputs of those commands on x64, x86 and ARM64. The words for the flags are those of
//! EFLAGS and PSTATE in the processors' manuals.

use crate::nt::Architecture;
use alloc::{format, string::String, vec::Vec};

/// Bits of EFLAGS with the words for set and clear, in the order in which they are printed.
const FLAGS: [(u32, &str, &str); 8] = [
    (11, "ov", "nv"),
    (10, "dn", "up"),
    (9, "ei", "di"),
    (7, "ng", "pl"),
    (6, "zr", "nz"),
    (4, "ac", "na"),
    (2, "pe", "po"),
    (0, "cy", "nc"),
];
/// Where the privilege level of input and output stands in EFLAGS.
const IOPL: u32 = 12;
/// Negative, zero, carry and overflow in PSTATE, and where the exception level stands.
const STATE: [(u32, char); 4] = [(31, 'N'), (30, 'Z'), (29, 'C'), (28, 'V')];
const LEVEL: u32 = 2;

const X64: [&[&str]; 6] = [
    &["rax", "rbx", "rcx"],
    &["rdx", "rsi", "rdi"],
    &["rip", "rsp", "rbp"],
    &["r8", "r9", "r10"],
    &["r11", "r12", "r13"],
    &["r14", "r15"],
];
const X86: [&[&str]; 2] = [
    &["eax", "ebx", "ecx", "edx", "esi", "edi"],
    &["eip", "esp", "ebp"],
];
const ARM64: [&[&str]; 9] = [
    &["x0", "x1", "x2", "x3"],
    &["x4", "x5", "x6", "x7"],
    &["x8", "x9", "x10", "x11"],
    &["x12", "x13", "x14", "x15"],
    &["x16", "x17", "x18", "x19"],
    &["x20", "x21", "x22", "x23"],
    &["x24", "x25", "x26", "x27"],
    &["x28", "fp", "lr", "sp"],
    &["pc"],
];
const SELECTORS: [&str; 6] = ["cs", "ss", "ds", "es", "fs", "gs"];

/// Registers by name.
pub(super) type Values<'a> = &'a dyn Fn(&str) -> Option<u64>;

/// One register; question marks where its value is not kept.
fn one(name: &str, digits: usize, values: Values<'_>) -> String {
    match values(name) {
        Some(value) => format!("{name}={value:0digits$x}"),
        None => format!("{name}={:?<digits$}", ""),
    }
}

/// The words for EFLAGS.
fn flags(value: u64) -> String {
    let mut text = format!("iopl={:x}        ", value >> IOPL & 3);
    for (bit, set, clear) in FLAGS {
        text.push(' ');
        text += if value >> bit & 1 == 1 { set } else { clear };
    }
    text
}

/// The block; with `selectors` the line of the segment registers, which a trap frame of x64 lacks.
pub(super) fn block(kind: Architecture, values: Values<'_>, selectors: bool) -> Vec<String> {
    let (rows, digits, gap): (&[&[&str]], usize, &str) = match kind {
        Architecture::X86 => (&X86, 8, " "),
        Architecture::Arm64 => (&ARM64, 16, "  "),
        _ => (&X64, 16, " "),
    };
    let row = |names: &&[&str]| {
        let each: Vec<String> = names
            .iter()
            .map(|name| {
                let pad = if kind == Architecture::X86 { 0 } else { 20 };
                let text = one(name, digits, values);
                format!("{text:>pad$}")
            })
            .collect();
        each.join(gap)
    };
    let mut lines: Vec<String> = rows.iter().map(row).collect();
    if kind == Architecture::Arm64 {
        if let (Some(state), Some(last)) = (values("psr"), lines.last_mut()) {
            *last += &format!("  psr={state:08x} ");
            for (bit, letter) in STATE {
                last.push(if state >> bit & 1 == 1 { letter } else { '-' });
            }
            *last += &format!(" EL{}", state >> LEVEL & 3);
        }
        return lines;
    }
    if let Some(value) = values("efl") {
        match lines.last_mut().filter(|_| kind == Architecture::X86) {
            Some(last) => *last += &format!(" {}", flags(value)),
            None => lines.push(flags(value)),
        }
        if selectors && values("cs").is_some() {
            let each = SELECTORS.map(|name| one(name, 4, values));
            lines.push(format!("{}             efl={value:08x}", each.join("  ")));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(kind: Architecture, known: &[(&str, u64)], selectors: bool) -> Vec<String> {
        let values = |name: &str| known.iter().find(|one| one.0 == name).map(|one| one.1);
        block(kind, &values, selectors)
    }

    // The lines are those of public outputs, with other numbers.
    #[test]
    fn registers_of_x64_stand_as_the_debugger_prints_them() {
        let known = [
            ("rax", 0x10),
            ("r9", 1),
            ("efl", 0x50206),
            ("cs", 0x10),
            ("ss", 0x18),
        ];
        let lines = shown(Architecture::X64, &known, true);
        assert_eq!(
            lines[0],
            "rax=0000000000000010 rbx=???????????????? rcx=????????????????"
        );
        assert!(lines[3].starts_with(" r8=????????????????  r9=0000000000000001 r10="));
        assert_eq!(lines[6], "iopl=0         nv up ei pl nz na pe nc");
        assert_eq!(
            lines[7],
            "cs=0010  ss=0018  ds=????  es=????  fs=????  gs=????             efl=00050206"
        );
        assert_eq!(shown(Architecture::X64, &known, false).len(), 7);
    }

    #[test]
    fn registers_of_x86_and_arm64_have_lines_of_their_own() {
        let known = [("eip", 0x82b6_8f1f), ("efl", 0x10202), ("cs", 8)];
        let lines = shown(Architecture::X86, &known, true);
        assert!(lines[0].starts_with("eax=???????? ebx="));
        assert!(lines[1].starts_with("eip=82b68f1f esp="), "{}", lines[1]);
        assert!(lines[1].ends_with(" iopl=0         nv up ei pl nz na po nc"));
        assert!(lines[2].ends_with("             efl=00010202"));
        let known = [
            ("x0", 1),
            ("x10", 2),
            ("pc", 0xffff_f803_f32d_e014),
            ("psr", 0x8000_0144),
        ];
        let lines = shown(Architecture::Arm64, &known, true);
        assert!(
            lines[0].starts_with(" x0=0000000000000001   x1=????"),
            "{}",
            lines[0]
        );
        assert!(
            lines[2].contains("  x10=0000000000000002  x11="),
            "{}",
            lines[2]
        );
        assert_eq!(lines[8], " pc=fffff803f32de014  psr=80000144 N--- EL1");
    }
}
