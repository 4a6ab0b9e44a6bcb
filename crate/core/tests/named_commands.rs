//! `ln`, `x`, `k`, `.trap`, `!thread`, `!stacks` and expressions with names: from exports alone, and from
//! a symbol table that was put beside the dump.

use bluepane::analysis::{Analysis, Answer, Query};
use bluepane::model::Guid;
use bluepane::source::SliceProvider;
use bluepane::symbols::SymbolTableBuilder;
use bluepane_forge::{Scenario, forge};

fn dump() -> Vec<u8> {
    let text = "[machine]\nbuild = 19041\nmemory = \"64 MiB\"\n[stop]\ncode = 0xD1\n\
        parameters = [0x10, 2, 0, 0]\n[dump]\nkind = \"full\"\n\
        [[processes]]\nname = \"smss.exe\"\npid = 360\ncurrent = true\n\
        [[modules]]\nname = \"driver.sys\"\nsize = 0x20000\n\
        [[stack]]\nat = \"nt!KeBugCheckEx\"\n[[stack]]\nat = \"nt!KiPageFault\"\n\
        fault_address = 0xfffff90012345678\n[[stack]]\nat = \"driver.sys+0x1230\"\n\
        [[stack]]\nat = \"driver.sys+0x4440\"\n";
    forge(&Scenario::from_toml(text).unwrap()).unwrap().to_vec()
}

fn guid(text: &str) -> Guid {
    let digits: Vec<u8> = text
        .split('-')
        .flat_map(|group| {
            let byte = |at: usize| u8::from_str_radix(&group[at..at + 2], 16).unwrap();
            let mut bytes: Vec<u8> = (0..group.len()).step_by(2).map(byte).collect();
            if group.len() != 12 {
                bytes.reverse();
            }
            bytes
        })
        .collect();
    let mut bytes: [u8; 16] = digits.try_into().unwrap();
    // The fourth group is kept as it is printed.
    bytes.swap(8, 9);
    Guid(bytes)
}

struct Asked {
    bytes: Vec<u8>,
    analysis: Analysis,
}

impl Asked {
    /// With these names of the module called `module` beside the dump.
    fn with(names: &[(&str, u32, &str)]) -> Self {
        let bytes = dump();
        let mut analysis = Analysis::new("x.dmp", bytes.len() as u64);
        analysis.run(&mut SliceProvider(&bytes));
        let modules = analysis.report().modules.clone();
        let mut analysis = Analysis::new("x.dmp", bytes.len() as u64);
        for module in modules {
            let mine = names.iter().filter(|(name, _, _)| *name == module.name);
            let symbols: Vec<_> = mine.map(|(_, rva, name)| (*rva, (*name).into())).collect();
            if symbols.is_empty() {
                continue;
            }
            let pdb = module.pdb.unwrap();
            let builder = SymbolTableBuilder {
                name: pdb.name,
                guid: guid(&pdb.guid),
                age: pdb.age,
                symbols,
                ..SymbolTableBuilder::default()
            };
            analysis.add_symbols("names", builder.build()).unwrap();
        }
        analysis.run(&mut SliceProvider(&bytes));
        Self { bytes, analysis }
    }

    fn ask(&mut self, line: &str) -> String {
        let mut file = SliceProvider(&self.bytes);
        match self.analysis.answer(Query::Command(line.into()), &mut file) {
            Some(Answer::Text(text)) => text,
            other => panic!("{line}: {other:?}"),
        }
    }

    fn base(&self, module: &str) -> u64 {
        let mut modules = self.analysis.report().modules.iter();
        modules.find(|m| m.name == module).unwrap().base.0
    }
}

const NAMES: &[(&str, u32, &str)] = &[
    ("driver.sys", 0x11F0, "DriverRead"),
    ("driver.sys", 0x1300, "DriverWrite"),
    ("driver.sys", 0x4400, "DriverDispatch"),
];

#[test]
fn ln_names_what_is_exported_and_says_when_a_name_is_only_the_nearest() {
    let mut dump = Asked::with(&[]);
    let exact = dump.ask("ln nt!KeBugCheckEx");
    assert!(exact.contains("nt!KeBugCheckEx"), "{exact}");
    assert!(
        exact.contains("Exact matches:\n    nt!KeBugCheckEx\n"),
        "{exact}"
    );
    let inside = dump.ask("ln nt!KeBugCheckEx+4");
    assert!(inside.contains("nt!KeBugCheckEx+0x4"), "{inside}");
    assert!(!inside.contains("Exact"), "{inside}");
    let far = dump.ask("ln nt!KeBugCheckEx+123450");
    assert!(far.contains("nearest name"), "{far}");
    let nowhere = dump.ask("ln 10");
    assert!(nowhere.contains("in no module"), "{nowhere}");
    assert!(dump.ask("ln").starts_with("ln takes"));
}

#[test]
fn x_lists_the_names_that_fit_and_no_others() {
    let mut dump = Asked::with(NAMES);
    let base = dump.base("driver.sys");
    let found = dump.ask("x driver!Driver*e*");
    let line = |rva: u64, name: &str| {
        let at = base + rva;
        format!("{:08x}`{:08x} driver!{name}\n", at >> 32, at & 0xFFFF_FFFF)
    };
    assert_eq!(
        found,
        line(0x11F0, "DriverRead") + &line(0x1300, "DriverWrite")
    );
    assert!(
        dump.ask("x nt!KeBugCheckE?")
            .ends_with(" nt!KeBugCheckEx\n")
    );
    assert!(dump.ask("x *!DriverRead").ends_with("driver!DriverRead\n"));
    assert_eq!(
        dump.ask("x driver!Nothing*"),
        "No name of 'driver' fits 'Nothing*'.\n"
    );
    assert_eq!(dump.ask("x nobody!*"), "There is no module 'nobody'.\n");
    assert!(dump.ask("x driver").starts_with("Usage"));
}

#[test]
fn stacks_of_every_command_bear_the_names_of_a_symbol_file() {
    let mut named = Asked::with(NAMES);
    let mut bare = Asked::with(&[]);
    for line in ["k", ".trap", "!thread", "!stacks 2"] {
        let (with, without) = (named.ask(line), bare.ask(line));
        assert!(with.contains("driver!DriverRead+0x"), "{line}: {with}");
        assert!(with.contains("driver!DriverDispatch+0x"), "{line}: {with}");
        assert!(!without.contains("driver!"), "{line}: {without}");
    }
    let shown = named.ask("dps driver+1230 L1");
    assert!(!shown.contains("not a"), "{shown}");
}

#[test]
fn expressions_take_names_of_symbol_files_and_of_exports() {
    let mut dump = Asked::with(NAMES);
    let base = dump.base("driver.sys");
    let told = dump.ask("? driver!DriverWrite+8");
    let at = base + 0x1308;
    assert!(
        told.contains(&format!("{:08x}`{:08x}", at >> 32, at & 0xFFFF_FFFF)),
        "{told}"
    );
    assert!(told.contains("driver!DriverWrite+0x8"), "{told}");
    assert!(dump.ask("? driver!Nothing").contains("has no 'Nothing'"));
    assert!(
        dump.ask("? nt!KeBugCheckEx")
            .contains("Evaluate expression")
    );
}
