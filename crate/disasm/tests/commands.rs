//! Commands that show code, on forged dumps and on images that were put beside them: which instruction
//! faulted, what it touched, and what is said where the code is missing.

use bluepane::analysis::{Analysis, Answer, Query};
use bluepane::console::Listing;
use bluepane::source::SliceProvider;
use bluepane_disasm::Disassemblers;
use bluepane_forge::{Scenario, forge};

const TOUCHED: u64 = 0xFFFF_F900_1234_5678;

fn scenario(kind: &str, touched: u64) -> Vec<u8> {
    let text = format!(
        "[machine]\nbuild = 19041\nmemory = \"64 MiB\"\n[stop]\ncode = 0xD1\n\
         parameters = [{touched:#x}, 2, 0, 0]\n[dump]\nkind = \"{kind}\"\n\
         [[processes]]\nname = \"smss.exe\"\npid = 360\ncurrent = true\n\
         [[modules]]\nname = \"driver.sys\"\nsize = 0x20000\n\
         [[stack]]\nat = \"nt!KeBugCheckEx\"\n[[stack]]\nat = \"nt!KiPageFault\"\n\
         fault_address = {touched:#x}\n[[stack]]\nat = \"driver.sys+0x1230\"\n\
         [[stack]]\nat = \"driver.sys+0x4440\"\n"
    );
    forge(&Scenario::from_toml(&text).unwrap())
        .unwrap()
        .to_vec()
}

struct Asked {
    bytes: Vec<u8>,
    analysis: Analysis,
}

impl Asked {
    fn of(bytes: Vec<u8>) -> Self {
        let mut analysis = Analysis::new("x.dmp", bytes.len() as u64);
        analysis.set_disassembler(Box::new(Disassemblers));
        analysis.run(&mut SliceProvider(&bytes));
        Self { bytes, analysis }
    }

    fn answer(&mut self, query: Query) -> Answer {
        let mut file = SliceProvider(&self.bytes);
        self.analysis.answer(query, &mut file).unwrap()
    }

    fn ask(&mut self, line: &str) -> String {
        match self.answer(Query::Command(line.into())) {
            Answer::Text(text) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn code(&mut self, place: &str) -> Listing {
        match self.answer(Query::Code(place.into())) {
            Answer::Code(listing) => *listing,
            other => panic!("{place}: {other:?}"),
        }
    }
}

#[test]
fn the_instruction_that_faulted_is_marked_and_its_address_worked_out() {
    let mut dump = Asked::of(scenario("full", TOUCHED));
    let text = dump.ask("u");
    let first = text.lines().nth(1).unwrap();
    assert!(
        first.contains("488b01") && first.contains("mov     rax,qword ptr [rcx]"),
        "{text}"
    );
    assert!(first.ends_with("<-- here"), "{text}");
    assert!(
        text.contains("It reads 8 bytes at fffff900`12345678: rcx is fffff900`12345678."),
        "{text}"
    );
    assert!(text.contains("the address that the stop reports"), "{text}");
    let listing = dump.code("");
    assert_eq!(listing.place, "driver+0x1230");
    let marked: Vec<&str> = listing
        .lines
        .iter()
        .filter(|l| l.marked)
        .map(|l| &*l.text)
        .collect();
    assert_eq!(marked, ["mov     rax,qword ptr [rcx]"]);
    assert!(
        listing.lines.first().is_some_and(|line| !line.marked),
        "code before it is shown"
    );
    assert!(listing.trap_frame.is_some() && listing.registers.contains("trap frame"));
    assert!(
        listing
            .values
            .contains(&("rcx".into(), bluepane::model::Hex(TOUCHED)))
    );
}

#[test]
fn a_null_pointer_is_called_one_and_another_address_is_not() {
    let mut low = Asked::of(scenario("full", 0x18));
    assert!(low.ask("u").contains("null pointer"));
    let mut high = Asked::of(scenario("full", TOUCHED));
    assert!(!high.ask("u").contains("null"));
    let mut odd = Asked::of(scenario("full", 0x1234_5678_0000_0000));
    assert!(odd.ask("u").contains("No address looks like that"));
    let mut program = Asked::of(scenario("full", 0x7FF6_1234_5678));
    assert!(program.ask("u").contains("an address of programs"));
}

#[test]
fn code_before_an_address_ends_at_it_and_a_function_begins_where_it_does() {
    let mut dump = Asked::of(scenario("full", TOUCHED));
    let before = dump.ask("ub driver+1230 L3");
    let lines: Vec<&str> = before.lines().filter(|line| line.contains('`')).collect();
    assert_eq!(lines.len(), 3, "{before}");
    assert!(lines.iter().all(|line| line.ends_with("nop")), "{before}");
    let function = dump.ask("uf driver+1230");
    assert!(function.starts_with("driver+0x11f0:\n"), "{function}");
    assert!(function.contains("<-- here"), "{function}");
    assert_eq!(dump.ask("u driver+1233 L1").lines().count(), 2);
    assert!(
        dump.ask("u nt!KeBugCheckEx L1")
            .starts_with("nt!KeBugCheckEx:\n")
    );
    let calls = dump.ask("ub driver+4440 L1");
    assert!(
        calls.contains("call") && calls.contains("(driver+0x1230)"),
        "{calls}"
    );
}

#[test]
fn what_is_not_in_the_dump_says_so_and_names_the_file_that_has_it() {
    let mut dump = Asked::of(scenario("triage", TOUCHED));
    let text = dump.ask("u driver+8000");
    assert!(text.contains("is not in this dump"), "{text}");
    assert!(text.contains("driver.sys, put beside the dump"), "{text}");
    assert!(dump.ask("u 10").contains("is not in this dump"));
    assert!(dump.ask("u nobody!Nothing").contains("no module 'nobody'"));
    let listing = dump.code("driver+8000");
    assert!(listing.problem.contains("is not in this dump") && listing.lines.is_empty());
}

#[test]
fn without_a_disassembler_every_command_says_so() {
    let bytes = scenario("full", TOUCHED);
    let mut analysis = Analysis::new("x.dmp", bytes.len() as u64);
    analysis.run(&mut SliceProvider(&bytes));
    let mut dump = Asked { bytes, analysis };
    for line in ["u", "ub", "uf"] {
        assert_eq!(dump.ask(line), "No disassembler is at hand here.\n");
    }
    assert!(!dump.code("").problem.is_empty());
    assert!(!dump.ask(".trap").contains("mov"));
}

#[test]
fn registers_of_a_trap_come_with_the_instruction_that_was_interrupted() {
    let mut dump = Asked::of(scenario("full", TOUCHED));
    let text = dump.ask(".trap");
    assert!(text.contains("driver+0x1230:\n"), "{text}");
    assert!(text.contains("mov     rax,qword ptr [rcx]"), "{text}");
}

#[test]
fn the_analysis_shows_the_instruction_that_faulted_and_the_registers_at_the_trap() {
    let mut dump = Asked::of(scenario("full", TOUCHED));
    let text = dump.ask("!analyze -v");
    let mut blocks = text.split("\n\n");
    let mut block = |name: &str| {
        blocks
            .find(|block| block.starts_with(name))
            .map(String::from)
    };
    let code = "488b01          mov     rax,qword ptr [rcx]";
    let at = block("FAULTING_IP:").unwrap_or_else(|| panic!("{text}"));
    let lines: Vec<&str> = at.lines().collect();
    assert_eq!(lines[1], "driver+1230");
    assert!(lines[2].ends_with(code), "{at}");
    let trap = block("TRAP_FRAME:").unwrap_or_else(|| panic!("{text}"));
    let lines: Vec<&str> = trap.lines().collect();
    assert_eq!(
        lines[1],
        "NOTE: The trap frame does not contain all registers."
    );
    assert!(lines[3].contains(&format!("rcx={TOUCHED:016x}")), "{trap}");
    let operand = format!("{code} ds:fffff900`12345678=????????????????");
    assert!(trap.contains(&operand), "{trap}");
    assert_eq!(lines.last(), Some(&"Resetting default scope"));
    assert!(
        block("LAST_CONTROL_TRANSFER:  from fffff8").is_some(),
        "{text}"
    );
    assert!(block("FAULT_INSTR_CODE:  ").is_some(), "{text}");
    // The newer engines leave the instruction to the trap frame's block.
    let keyed = dump.ask("!analyze -v -kv");
    assert!(
        !keyed.contains("FAULTING_IP") && keyed.contains(&operand),
        "{keyed}"
    );
}

#[test]
fn where_nothing_faulted_the_analysis_shows_no_such_instruction() {
    let text = "[machine]\nbuild = 19041\nmemory = \"64 MiB\"\n[stop]\ncode = 0xE2\n";
    let bytes = forge(&Scenario::from_toml(text).unwrap()).unwrap().to_vec();
    let text = Asked::of(bytes).ask("!analyze -v");
    assert!(
        !text.contains("FAULTING_IP") && !text.contains("TRAP_FRAME"),
        "{text}"
    );
    assert!(text.contains("\nSTACK_TEXT:\n"), "{text}");
}
