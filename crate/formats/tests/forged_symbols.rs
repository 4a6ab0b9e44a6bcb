//! Forged kernel dumps of every build and architecture with forged symbol files: every frame bears the
//! function's name and the offset in it, on each processor's stack and through traps and other stacks.
//! And what damage to such a file does.

mod support;

use bluepane::analysis::Analysis;
use bluepane::model::{Report, Stack};
use bluepane::source::SliceProvider;
use bluepane::symbols::SymbolTable;
use bluepane_forge::{Scenario, Truth, forge, image_file, symbol_file};
use bluepane_formats::convert;
use support::MACHINES;

/// A fault in a deferred call; 32-bit processors stay on the stack for it.
fn scenario(architecture: &str, build: &str) -> Scenario {
    let narrow = architecture == "x86";
    let fault = if narrow { "KiTrap0E" } else { "KiPageFault" };
    let on = |stack| if narrow { "thread" } else { stack };
    let frames = [
        ("nt!KeBugCheckEx", on("dpc")),
        (&*format!("nt!{fault}"), on("dpc")),
        ("driver.sys+0x4560", on("dpc")),
        ("driver.sys+0x6660", on("dpc")),
        ("driver.sys+0x7770", "thread"),
        ("nt!MmAccessFault", "thread"),
        ("driver.sys+0x8880", "thread"),
    ]
    .map(|(at, on)| format!("[[stack]]\nat = \"{at}\"\non = \"{on}\"\n"));
    let text = format!(
        "[machine]\nmemory = \"32 MiB\"\narchitecture = \"{architecture}\"\nbuild = {build}\n\
         [stop]\ncode = 0xd1\nparameters = [0x1230, 2, 0, 0]\n[dump]\nkind = \"full\"\n\
         [[modules]]\nname = \"driver.sys\"\nsize = 0x20000\n{}\
         [[running]]\nprocessor = 1\nstack = [{{ at = \"driver.sys+0x2220\", offset = 0 }}, \
         {{ at = \"nt!MmAccessFault\" }}, {{ at = \"driver.sys+0x3330\" }}]\n",
        frames.concat()
    );
    Scenario::from_toml(&text).unwrap()
}

fn report(scenario: &Scenario) -> Report {
    let bytes = forge(scenario).unwrap().to_vec();
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    for module in ["ntoskrnl.exe", "driver.sys"] {
        let (name, file) = symbol_file(scenario, module).unwrap();
        let table = convert(&name, &file).unwrap().into_owned();
        analysis.add_symbols(&name, table).unwrap();
    }
    analysis.run(&mut SliceProvider(&bytes));
    analysis.report().clone()
}

fn named(stack: &Stack) -> Vec<(String, u64)> {
    let frames = stack.frames.iter();
    frames
        .map(|f| {
            (
                f.symbol.clone().unwrap_or_default(),
                f.offset.map_or(0, |o| o.0),
            )
        })
        .collect()
}

#[test]
fn every_frame_bears_its_name_and_offset_on_every_build() {
    for (architecture, build) in MACHINES {
        let scenario = scenario(architecture, build);
        let truth = Truth::of(&scenario).unwrap();
        let report = report(&scenario);
        let name = format!("{architecture} {build}");
        let stack = report.stack.as_ref().unwrap();
        assert_eq!(named(stack), truth.running[0].functions, "{name}");
        assert_eq!(report.stacks.len(), 1, "{name}");
        assert_eq!(
            named(&report.stacks[0]),
            truth.running[1].functions,
            "{name}"
        );
    }
}

/// The report on a dump with one file beside it.
fn with_file(scenario: &Scenario, name: &str, bytes: Vec<u8>) -> Report {
    let dump = forge(scenario).unwrap().to_vec();
    let mut analysis = Analysis::new("a.dmp", dump.len() as u64);
    analysis.add_symbols(name, bytes).unwrap();
    analysis.run(&mut SliceProvider(&dump));
    analysis.report().clone()
}

#[test]
fn a_symbol_file_of_another_age_or_guid_is_refused_with_both_identities() {
    let scenario = scenario("x64", "19041");
    let (name, file) = symbol_file(&scenario, "driver.sys").unwrap();
    let table = |file: &[u8]| convert(&name, file).unwrap().into_owned();
    let used = with_file(&scenario, &name, table(&file));
    assert!(used.symbol_files[0].used, "{:?}", used.symbol_files);
    let own = used.modules.iter().find(|m| m.name == "driver.sys");
    let own = own.unwrap().pdb.clone().unwrap();
    // The identity begins with the version; age and GUID follow. The age stands in the list of
    // modules, too, by which tools go that rewrite the file.
    let versions = [20_000_404_u32, 19_990_903].map(u32::to_le_bytes);
    let places = versions.map(|version| file.windows(4).position(|w| w == version).unwrap());
    let [identity, modules] = places;
    let mut older = file.clone();
    older[identity + 8..][..4].copy_from_slice(&77_u32.to_le_bytes());
    older[modules + 4..][..4].copy_from_slice(&77_u32.to_le_bytes());
    let mut other = file.clone();
    other[identity + 12] ^= 0x55;
    for (what, file) in [("age", &older), ("guid", &other)] {
        let found = SymbolTable::parse(table(file)).unwrap();
        let report = with_file(&scenario, &name, table(file));
        let refused = &report.symbol_files[0];
        assert!(!refused.used && refused.module.is_none(), "{what}");
        let why = refused.why.clone().unwrap();
        let says = |guid: &str, age: u32| why.contains(guid) && why.contains(&format!("age {age}"));
        let guid = found.guid().to_string().to_ascii_uppercase();
        assert!(says(&guid, found.age()), "{what}: {why}");
        assert!(says(&own.guid, own.age), "{what}: {why}");
        let drivers = report.stack.unwrap().frames;
        let mut drivers = drivers
            .iter()
            .filter(|f| f.module.as_deref() == Some("driver.sys"));
        assert!(drivers.all(|frame| frame.symbol.is_none()), "{what}");
    }
}

#[test]
fn an_image_of_another_link_time_or_size_is_refused_with_both_identities() {
    let mut scenario = scenario("x64", "19041");
    scenario.dump.kind = bluepane_forge::scenario::DumpKind::Triage;
    let file = image_file(&scenario, "driver.sys").unwrap();
    let truth = Truth::of(&scenario).unwrap();
    let own = truth
        .modules
        .iter()
        .find(|m| m.name == "driver.sys")
        .unwrap();
    assert!(with_file(&scenario, "driver.sys", file.clone()).symbol_files[0].used);
    let pe = u32::from_le_bytes(file[0x3C..0x40].try_into().unwrap()) as usize;
    for (what, at) in [("link time", pe + 8), ("size", pe + 0x50)] {
        let mut other = file.clone();
        other[at + 2] ^= 1;
        let report = with_file(&scenario, "driver.sys", other);
        let refused = &report.symbol_files[0];
        assert!(!refused.used, "{what}");
        let why = refused.why.clone().unwrap();
        let said = format!("linked {:08X}, {:#x} bytes", own.stamp, own.size);
        assert!(
            why.contains(&said) && why.matches("linked").count() == 2,
            "{what}: {why}"
        );
    }
}

/// A few bytes of the file are as they should not be; a flip that stays in names is seen by nobody.
fn survives(file: &[u8]) -> bool {
    match convert("a.pdb", file) {
        Ok(table) => {
            // What comes out is bounded by what went in.
            assert!(table.len() < 64 << 20);
            let table = SymbolTable::parse(table.into_owned()).unwrap();
            table.iter().take(1 << 16).count() <= 1 << 16
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

#[test]
fn every_prefix_of_a_symbol_file_ends_in_names_or_an_error() {
    let (_, file) = symbol_file(&scenario("x64", "26100"), "ntoskrnl.exe").unwrap();
    assert!(survives(&file));
    let cut = (0..file.len()).step_by(512).chain(0..1024);
    let whole = cut.filter(|&len| survives(&file[..len])).count();
    assert_eq!(whole, 0, "a prefix passed for the file");
}

#[test]
fn thousands_of_damaged_symbol_files_end_in_names_or_an_error() {
    let (_, file) = symbol_file(&scenario("x64", "26100"), "ntoskrnl.exe").unwrap();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let mut named = 0;
    for round in 0..4000 {
        let mut damaged = file.clone();
        for _ in 0..1 + round % 8 {
            // Half of them where the container and the heads of its streams are.
            let at = match next(2) {
                0 => next(damaged.len()),
                _ => next(damaged.len() / 64) * 64 + next(16),
            };
            let values = [0, 0xFF, 0x7F, 0x80, next(256) as u8];
            damaged[at] = values[next(values.len())];
        }
        named += usize::from(survives(&damaged));
    }
    assert!((100..4000).contains(&named), "{named}");
}

#[test]
fn a_symbol_file_whose_streams_claim_each_others_blocks_is_refused() {
    let (_, mut file) = symbol_file(&scenario("x64", "26100"), "ntoskrnl.exe").unwrap();
    let word =
        |file: &[u8], at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap()) as usize;
    // The directory, through the list of its blocks: the names' length stands sixth.
    let map = 512 * word(&file, 52);
    let names = 512 * word(&file, map) + 4 * 6;
    let len = word(&file, names);
    assert!(len > 1000 && len < file.len());
    file[names..names + 4].copy_from_slice(&0xFFFF_0000_u32.to_le_bytes());
    let error = convert("a.pdb", &file).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
}

#[test]
fn structures_that_hold_each_other_are_followed_a_little() {
    let field = |n: usize| {
        format!(
            "\"f{n}\": {{\"offset\": 0, \"anonymous\": true, \"type\": {{\"kind\": \"struct\", \"name\": \"_A\"}}}}"
        )
    };
    let fields: Vec<String> = (0..64).map(field).collect();
    let structures: Vec<String> = (0..200)
        .map(|n| {
            format!(
                "\"_S{n}\": {{\"size\": 8, \"fields\": {{{}}}}}",
                fields.join(", ")
            )
        })
        .collect();
    let text = format!(
        "{{\"metadata\": {{\"windows\": {{\"pdb\": {{\"GUID\": \"0123456789ABCDEF0011223344556677\", \
         \"age\": 3, \"database\": \"acme.pdb\"}}}}}}, \"user_types\": {{\"_A\": {{\"size\": 8, \
         \"fields\": {{{}}}}}, {}}}}}",
        fields.join(", "),
        structures.join(", ")
    );
    let table = convert("a.json", text.as_bytes()).unwrap();
    assert!(table.len() < 64 << 20, "{}", table.len());
}

#[test]
fn damaged_isf_files_end_in_names_or_an_error() {
    let text = r#"{"metadata": {"windows": {"pdb": {"GUID": "0123456789ABCDEF0011223344556677", "age": 3,
        "database": "acme.pdb", "machine_type": 34404}}},
        "base_types": {"pointer": {"size": 8}, "long": {"size": 4}},
        "symbols": {"AcmeRead": {"address": 4096}},
        "user_types": {"_ACME": {"size": 32, "fields": {"u1": {"offset": 8, "anonymous": true,
            "type": {"kind": "struct", "name": "_ACME"}}, "Next": {"offset": 0, "type": {"kind": "pointer"}}}}}}"#;
    assert!(survives(text.as_bytes()), "a structure that holds itself");
    for len in 0..text.len() {
        assert!(!survives(&text.as_bytes()[..len]));
    }
    for at in 0..text.len() {
        for byte in [b'0', b'9', b'"', b'{', b'}', b'-', 0, 0xFF] {
            let mut damaged = text.as_bytes().to_vec();
            damaged[at] = byte;
            survives(&damaged);
        }
    }
    let deep = "[".repeat(1 << 20);
    assert!(!survives(format!("{{\"metadata\": {deep}").as_bytes()));
}
