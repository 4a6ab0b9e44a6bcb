use super::*;
use alloc::{format, string::String, vec::Vec};

fn texts(machine: u32, address: u64, bytes: &[u8]) -> Vec<String> {
    let all = Disassemblers.disassemble(machine, address, bytes);
    all.into_iter().map(|one| one.text).collect()
}

fn touched(machine: u32, bytes: &[u8]) -> String {
    let all = Disassemblers.disassemble(machine, 0x1000, bytes);
    let one = |touch: &bluepane::symbols::Touch| {
        let (r, w) = (
            if touch.reads { "r" } else { "" },
            if touch.writes { "w" } else { "" },
        );
        format!(
            "{r}{w} {}+{}*{}+{:#x} {}",
            touch.base, touch.index, touch.scale, touch.displacement, touch.bytes
        )
    };
    let all: Vec<String> = all.iter().flat_map(|i| &i.touches).map(one).collect();
    all.join("; ")
}

#[test]
fn code_is_spelled_as_the_debugger_spells_it() {
    let code = [
        0x48, 0x8b, 0x41, 0x10, 0x48, 0x83, 0xec, 0x28, 0xcd, 0x29, 0xc3,
    ];
    let expected = [
        "mov     rax,qword ptr [rcx+10h]",
        "sub     rsp,28h",
        "int     29h",
        "ret",
    ];
    assert_eq!(texts(X64, 0xffff_f800_0000_1000, &code), expected);
    assert_eq!(
        texts(X86, 0x8000_0000, &[0x8b, 0x46, 0x0c]),
        ["mov     eax,dword ptr [esi+0ch]"]
    );
    assert_eq!(
        texts(ARM64, 0x1000, &0xf940_0820_u32.to_le_bytes()),
        ["ldr     x0, [x1, #0x10]"]
    );
    assert!(texts(0x200, 0, &code).is_empty());
}

#[test]
fn a_branch_says_where_it_leads() {
    let call = Disassemblers.disassemble(X64, 0xffff_f800_0000_1000, &[0xe8, 0xfb, 0x0f, 0, 0]);
    assert_eq!(call[0].target, Some(0xffff_f800_0000_2000));
    let import = [0xff, 0x15, 0xfa, 0x0f, 0, 0];
    let import = Disassemblers.disassemble(X64, 0x1000, &import);
    assert_eq!(import[0].target, Some(0x2000));
    // bl, cbz; adrp counts from its page
    for (word, to) in [
        (0x9400_0004_u32, 0x1018),
        (0xb400_0040, 0x1010),
        (0xb000_0008, 0x2000),
    ] {
        let found = Disassemblers.disassemble(ARM64, 0x1008, &word.to_le_bytes());
        assert_eq!(found[0].target, Some(to), "{}", found[0].text);
        assert!(
            found[0].text.ends_with(&format!("{to:#x}")),
            "{}",
            found[0].text
        );
    }
}

#[test]
fn memory_that_an_instruction_touches_is_told_with_its_direction() {
    for (code, expected) in [
        (&[0x48, 0x8b, 0x41, 0x10][..], "r rcx+*1+0x10 8"),
        (&[0x89, 0x44, 0x8a, 0x04], "w rdx+rcx*4+0x4 4"),
        (&[0x48, 0x39, 0x01], "r rcx+*1+0x0 8"),
        (&[0xf0, 0x48, 0xff, 0x01], "rw rcx+*1+0x0 8"),
        (&[0x48, 0x8d, 0x41, 0x10], ""),
        (&[0xf3, 0x48, 0xa5], "w rdi+*1+0x0 8; r rsi+*1+0x0 8"),
        (&[0xff, 0x50, 0x18], "r rax+*1+0x18 8"),
        (&[0x48, 0x8b, 0x05, 0xf9, 0x0f, 0, 0], "r +*1+0x2000 8"),
        (
            &[0x65, 0x48, 0x8b, 0x04, 0x25, 0x88, 1, 0, 0],
            "r segment+*1+0x188 8",
        ),
        (&[0xc3], ""),
    ] {
        assert_eq!(touched(X64, code), expected, "{code:x?}");
    }
    for (word, expected) in [
        (0xf940_0820_u32, "r x1+*1+0x10 0"),
        (0xf900_0fe0, "w sp+*1+0x18 0"),
        (0xf862_7820, "r x1+x2*8+0x0 0"),
        (0xa9bf_7bfd, "w sp+*1+0xfffffffffffffff0 0"),
        (0x8b02_0020, ""),
    ] {
        assert_eq!(touched(ARM64, &word.to_le_bytes()), expected, "{word:x}");
    }
}

#[test]
fn bytes_that_are_no_code_are_marks_and_never_swallow_what_follows() {
    assert_eq!(texts(X64, 0x1000, &[0x06, 0x90]), ["???", "nop"]);
    assert_eq!(
        texts(
            ARM64,
            0x1000,
            &[0xff, 0xff, 0xff, 0xff, 0x1f, 0x20, 0x03, 0xd5]
        )[1],
        "nop"
    );
    // The end in the middle of an instruction.
    assert_eq!(texts(X64, 0x1000, &[0x48, 0x8b]).len(), 2);
    for machine in [X86, X64, ARM64] {
        for seed in 0_u32..2_000 {
            let bytes = seed.wrapping_mul(0x9E37_79B9).to_le_bytes();
            let all = Disassemblers.disassemble(machine, u64::MAX - 3, &bytes);
            let len: usize = all.iter().map(|one| usize::from(one.len)).sum();
            assert_eq!(len, 4, "{machine:x} {bytes:x?}");
        }
    }
}

#[test]
fn an_instruction_survives_the_way_through_a_line_of_text() {
    let code = [
        0x89, 0x44, 0x8a, 0x04, 0xe8, 0, 0, 0, 0, 0xf3, 0x48, 0xa5, 0x06,
    ];
    for one in Disassemblers.disassemble(X64, 0xffff_f800_0000_1000, &code) {
        assert_eq!(Instruction::parse(&one.line()), Some(one));
    }
}
