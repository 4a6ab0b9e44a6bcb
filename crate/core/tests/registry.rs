//! The registry in memory: real hive files, laid into forged machines of every build, are read
//! back key by key and value by value as another reader, which wants the whole file, reads them.

mod support;

use bluepane::container::{DumpHeader, PageIndex, StoredPages};
use bluepane::memory::VirtualAddress;
use bluepane::model::Gap;
use bluepane::nt::PagedDump;
use bluepane::nt::registry::{
    Key, RegistryError, RegistryMemory, Route, Start, Until, owner, show,
};
use bluepane::source::Slice;
use bluepane_forge::{Scenario, Truth, forge};
use notatin::cell_key_node::CellKeyNode;
use notatin::parser::Parser;
use notatin::parser_builder::ParserBuilder;
use std::collections::BTreeMap;
use std::path::Path;

/// Builds that the forge knows, by architecture.
static MACHINES: &[(&str, u32)] = &[
    ("x64", 7601),
    ("x64", 9600),
    ("x64", 14393),
    ("x64", 17763),
    ("x64", 19041),
    ("x64", 20348),
    ("x64", 22000),
    ("x64", 26100),
    ("arm64", 22000),
    ("arm64", 26100),
    ("x86", 7601),
];

/// Values of a key: name, type, data.
type Values = Vec<(String, u32, Vec<u8>)>;

/// Every key by its path, with its values in their order.
type Tree = BTreeMap<String, Values>;

fn load(bytes: &[u8]) -> PagedDump {
    let source = Slice(bytes);
    let header = DumpHeader::read(&source).unwrap();
    let stored = StoredPages::read(&source, &header).unwrap();
    PagedDump::load(&source, header, PageIndex::new(stored).unwrap()).unwrap()
}

fn ours(key: &Key<'_>, path: &str, tree: &mut Tree) {
    let values = key.values();
    assert_eq!(values.gap, None, "{path}");
    let values = values.items.iter().map(|value| {
        let data = value.data().unwrap_or_else(|e| panic!("{path}: {e}"));
        (value.name.clone(), value.kind, data)
    });
    tree.insert(path.into(), values.collect());
    let subkeys = key.subkeys();
    assert_eq!(subkeys.gap, None, "{path}");
    for subkey in &subkeys.items {
        ours(subkey, &format!("{path}\\{}", subkey.name), tree);
    }
}

fn theirs(parser: &mut Parser, key: &mut CellKeyNode, path: &str, tree: &mut Tree) {
    let values = key.value_iter().map(|value| {
        let detail = &value.detail;
        let mut data = detail.value_bytes().unwrap_or_default();
        data.truncate(detail.data_size_raw() as usize & 0x7FFF_FFFF);
        (detail.value_name(), detail.data_type_raw(), data)
    });
    tree.insert(path.into(), values.collect());
    for mut subkey in key.read_sub_keys(parser) {
        let path = format!("{path}\\{}", subkey.key_name);
        theirs(parser, &mut subkey, &path, tree);
    }
}

fn oracle(file: &[u8]) -> Tree {
    let mut parser = ParserBuilder::from_file(std::io::Cursor::new(file.to_vec()))
        .build()
        .unwrap();
    let mut root = parser.get_root_key().unwrap().unwrap();
    let mut tree = Tree::new();
    theirs(&mut parser, &mut root, "", &mut tree);
    tree
}

fn machine(architecture: &str, build: u32, memory: u32, rest: &str) -> Scenario {
    let text = format!(
        "[machine]\nbuild = {build}\narchitecture = \"{architecture}\"\nmemory = \"{memory} MiB\"\n{rest}"
    );
    Scenario::from_toml(&text).expect("the scenario")
}

fn with_hive(file: &Path, more: &str) -> String {
    let file = file.display();
    format!(
        "{more}[dump]\nkind = \"full\"\n[[hives]]\nname = \"SMALL\"\n\
         file_path = '\\SystemRoot\\System32\\Config\\SMALL'\nfile = '{file}'\n"
    )
}

/// What is read of the hive called SMALL.
fn read_back(bytes: &[u8], head: Option<Start>) -> (Tree, Route) {
    let (source, dump) = (Slice(bytes), load(bytes));
    let memory = RegistryMemory::find(&source, &dump, head, Until::End);
    assert_eq!(memory.notes, []);
    let hives = memory.hives.clone().unwrap();
    let tree = memory.ask(&source, &dump, |registry| {
        let mut tree = Tree::new();
        let root = registry.open("HKLM\\SMALL").unwrap();
        ours(&root, "", &mut tree);
        tree
    });
    (tree.unwrap(), hives.route)
}

/// The address of the list's head.
fn head(scenario: &Scenario) -> Option<Start> {
    let truth = Truth::of(scenario).unwrap();
    let head = truth.variables.get("CmpHiveListHead");
    Some(Start::Head(VirtualAddress(*head.expect("the variable"))))
}

#[test]
fn a_real_hive_is_read_back_from_the_memory_of_every_build() {
    let Some(corpus) = support::corpus() else {
        return;
    };
    let file = corpus.join("hives/small.hive");
    let expected = oracle(&std::fs::read(&file).unwrap());
    assert!(expected.len() > 100 && expected.values().any(|values| values.len() > 3));
    for &(architecture, build) in MACHINES {
        let scenario = machine(architecture, build, 96, &with_hive(&file, ""));
        let bytes = forge(&scenario).unwrap().to_vec();
        let (found, route) = read_back(&bytes, head(&scenario));
        assert_eq!(route, Route::Head, "{architecture} {build}");
        assert_eq!(found.len(), expected.len(), "{architecture} {build}");
        assert!(found == expected, "{architecture} {build} differs");
    }
}

#[test]
fn a_hive_in_the_registry_process_is_read_through_its_own_page_tables() {
    let Some(corpus) = support::corpus() else {
        return;
    };
    let file = corpus.join("hives/small.hive");
    let expected = oracle(&std::fs::read(&file).unwrap());
    for build in [17763, 19041, 20348, 22000, 26100] {
        let scenario = machine(
            "x64",
            build,
            96,
            &with_hive(&file, "registry_process = true\n"),
        );
        let bytes = forge(&scenario).unwrap().to_vec();
        let (found, _) = read_back(&bytes, head(&scenario));
        assert!(found == expected, "{build} differs");
    }
}

#[test]
fn without_symbols_the_kernels_data_lead_to_the_same_hives() {
    let Some(corpus) = support::corpus() else {
        return;
    };
    let file = corpus.join("hives/small.hive");
    let expected = oracle(&std::fs::read(&file).unwrap());
    for (architecture, build) in [("x64", 7601), ("x64", 9600), ("x64", 19041), ("x86", 7601)] {
        let scenario = machine(architecture, build, 96, &with_hive(&file, ""));
        let bytes = forge(&scenario).unwrap().to_vec();
        let (found, route) = read_back(&bytes, None);
        assert_eq!(route, Route::Scan, "{architecture} {build}");
        assert!(found == expected, "{architecture} {build} differs");
    }
}

#[test]
fn a_large_hive_with_big_data_and_lists_of_lists_is_read_whole() {
    let Some(packed) = support::dump("hives/SYSTEM-win7.xz") else {
        return;
    };
    let mut hive = Vec::new();
    lzma_rs::xz_decompress(&mut &packed[..], &mut hive).unwrap();
    let folder = std::env::temp_dir().join(format!("bluepane-hive-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("SYSTEM");
    std::fs::write(&file, &hive).unwrap();
    let scenario = machine("x64", 7601, 256, &with_hive(&file, ""));
    let bytes = forge(&scenario).unwrap().to_vec();
    let head = head(&scenario);
    std::fs::remove_dir_all(&folder).unwrap();
    let expected = oracle(&hive);
    let (found, _) = read_back(&bytes, head);
    assert!(expected.len() > 10_000, "{}", expected.len());
    let longest = |tree: &Tree| {
        let lengths = tree.values().flatten().map(|(.., data)| data.len());
        lengths.max()
    };
    assert!(
        longest(&expected) > Some(16_344),
        "{:?}",
        longest(&expected)
    );
    for (path, values) in &expected {
        assert_eq!(found.get(path), Some(values), "{path}");
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn a_kernel_dump_lacks_the_registry_process_and_says_so() {
    let rest = "registry_process = true\n[dump]\nkind = \"bitmap-kernel\"\n";
    let scenario = machine("x64", 19041, 96, rest);
    let bytes = forge(&scenario).unwrap().to_vec();
    let (source, dump) = (Slice(&bytes), load(&bytes));
    let memory = RegistryMemory::find(&source, &dump, head(&scenario), Until::Machine);
    let answers = memory.ask(&source, &dump, |registry| {
        let system = registry.open("HKLM\\SYSTEM\\Select").map(|key| key.name);
        let bios = registry.open("HKLM\\HARDWARE\\DESCRIPTION\\System\\BIOS");
        let date = bios.unwrap().value("BIOSReleaseDate").unwrap().unwrap();
        (system, show(date.kind, &date.data().unwrap()))
    });
    let (system, date) = answers.unwrap();
    let gap = system.expect_err("its pages belong to a process").gap();
    assert_eq!(gap, Some(Gap::NotInDump));
    assert_eq!(date, "05/23/2012");
}

#[test]
fn links_and_control_sets_are_followed_and_absent_keys_are_known_to_be_absent() {
    let rest = "[system]\ncomputer_name = \"FORGE-A\"\n[dump]\nkind = \"full\"\n";
    let scenario = machine("x64", 9600, 96, rest);
    let bytes = forge(&scenario).unwrap().to_vec();
    let (source, dump) = (Slice(&bytes), load(&bytes));
    let memory = RegistryMemory::find(&source, &dump, head(&scenario), Until::Machine);
    memory.ask(&source, &dump, |registry| {
        let path = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName";
        let key = registry.open(path).unwrap();
        let name = key.value("computername").unwrap().unwrap();
        assert_eq!(show(name.kind, &name.data().unwrap()), "FORGE-A");
        let absent = registry.open("HKLM\\SYSTEM\\CurrentControlSet\\Services\\nobody");
        assert_eq!(absent.map(|key| key.name), Err(RegistryError::NoKey));
        let nowhere = registry.open("HKLM\\NOBODY");
        assert_eq!(nowhere.map(|key| key.name), Err(RegistryError::NoHive));
    });
}

#[test]
fn damaged_hives_neither_panic_nor_run_on() {
    let Some(corpus) = support::corpus() else {
        return;
    };
    let file = corpus.join("hives/small.hive");
    let scenario = machine("x64", 19041, 64, &with_hive(&file, ""));
    let bytes = forge(&scenario).unwrap().to_vec();
    let head = head(&scenario);
    let dump = load(&bytes);
    // Cells lie in paged pool; every one is hit by some of the changes.
    let marks = [
        &b"nk"[..],
        b"lh",
        b"lf",
        b"vk",
        b"hbin",
        &0xBEE0_BEE0_u32.to_le_bytes(),
    ];
    let places: Vec<usize> = (0x2000..bytes.len() - 8)
        .step_by(4)
        .filter(|&at| marks.iter().any(|mark| bytes[at..].starts_with(mark)))
        .collect();
    let mut random = support::Random(7);
    for _ in 0..150 {
        let mut broken = bytes.clone();
        for _ in 0..64 {
            let at = places[random.below(places.len())] + random.below(0x50);
            if let Some(byte) = broken.get_mut(at) {
                *byte = random.next() as u8;
            }
        }
        let source = Slice(&broken);
        let memory = RegistryMemory::find(&source, &dump, head, Until::End);
        memory.ask(&source, &dump, |registry| {
            let mut left = 20_000;
            if let Ok(root) = registry.open("HKLM\\SMALL") {
                walk(&root, &mut left);
            }
        });
    }
}

fn walk(key: &Key<'_>, left: &mut u32) {
    for value in key.values().items {
        let _ = value.data();
        let _ = value.data_up_to(100);
    }
    let _ = key.class();
    let _ = key.security().map(|descriptor| owner(&descriptor));
    for subkey in key.subkeys().items {
        if *left == 0 {
            return;
        }
        *left -= 1;
        walk(&subkey, left);
    }
}

/// What the console says of a forged dump, read in pieces as a browser reads it.
fn typed(scenario: &Scenario, line: &str) -> String {
    use bluepane::analysis::{Analysis, Query};
    use bluepane::source::{CacheLimits, SliceProvider};
    let bytes = forge(scenario).unwrap().to_vec();
    let limits = CacheLimits {
        whole_file: 0,
        ..CacheLimits::default()
    };
    let mut analysis = Analysis::with_limits("x.dmp", bytes.len() as u64, limits);
    let mut provider = SliceProvider(&bytes);
    analysis.run(&mut provider);
    let query = Query::Command(line.into());
    match analysis.answer(query, &mut provider) {
        Some(bluepane::analysis::Answer::Text(text)) => text,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_console_lists_hives_and_shows_a_key() {
    let rest = "[system]\ncomputer_name = \"FORGE-A\"\n[dump]\nkind = \"bitmap-kernel\"\n";
    let scenario = machine("x64", 9600, 96, rest);
    let hives = typed(&scenario, "!reg hivelist");
    assert!(hives.contains("\\REGISTRY\\MACHINE\\HARDWARE"), "{hives}");
    assert!(hives.ends_with("2 hives.\n"), "{hives}");
    let key = "HKLM\\SYSTEM\\CurrentControlSet\\Control\\ComputerName\\ComputerName";
    let shown = typed(&scenario, &format!("!reg q {key}"));
    let line = shown.lines().last().unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["REG_SZ", "ComputerName", "FORGE-A"], "{shown}");
    let root = typed(&scenario, "!reg querykey HKLM\\SYSTEM");
    assert!(root.contains("  Select\n"), "{root}");
    let none = typed(&scenario, "!reg q HKLM\\SYSTEM\\Nobody");
    assert_eq!(none, "HKLM\\SYSTEM\\Nobody: there is no such key.\n");
    let info = typed(&scenario, "!reg keyinfo HKLM\\SYSTEM\\Select");
    assert!(info.starts_with("Name         Select\n"), "{info}");
    assert!(info.contains("\nValues       "), "{info}");
    let rows = typed(&scenario, "!reg rows");
    let mut words = rows.lines().filter_map(|line| line.split_once(' '));
    let mut of = |letter| words.find(|word| word.0 == letter).unwrap().1;
    let (hive, cell) = (of("h"), of("r"));
    let place = typed(&scenario, &format!("!reg cellindex {hive} {cell}"));
    let at = place
        .split_whitespace()
        .last()
        .unwrap()
        .trim_end_matches('.');
    // Four bytes of size, then the signature of a key.
    let bytes = typed(&scenario, &format!("db {at} L8"));
    assert!(bytes.contains("6e 6b"), "{place} {bytes}");
    let usage = typed(&scenario, "!reg");
    assert!(usage.contains("!reg hivelist"), "{usage}");
}

#[test]
fn programs_walk_the_registry_by_cells() {
    let rest = "[system]\ncomputer_name = \"FORGE-A\"\n[dump]\nkind = \"bitmap-kernel\"\n";
    let scenario = machine("x64", 9600, 96, rest);
    let hives = typed(&scenario, "!reg rows");
    let lines: Vec<&str> = hives.lines().collect();
    let at = lines.iter().position(|l| l.ends_with("\\SYSTEM")).unwrap();
    let hive = lines[at - 1].strip_prefix("h ").unwrap();
    let below = |from: usize, letter: &str| {
        let found = lines[from..].iter().find_map(|l| l.strip_prefix(letter));
        found.unwrap().to_owned()
    };
    let mut cell = below(at, "r ");
    for name in ["ControlSet001", "Control", "ComputerName", "ComputerName"] {
        let shown = typed(&scenario, &format!("!reg rows {hive} {cell}"));
        let lines: Vec<&str> = shown.lines().collect();
        let at = lines.iter().position(|l| *l == format!("n {name}"));
        let key = lines[at.unwrap_or_else(|| panic!("no {name} in {shown}")) - 1];
        cell = key.split(' ').nth(1).unwrap().to_owned();
    }
    let shown = typed(&scenario, &format!("!reg rows {hive} {cell}"));
    assert!(
        shown.contains("v REG_SZ\nn ComputerName\nd FORGE-A\n"),
        "{shown}"
    );
    let none = typed(&scenario, "!reg rows 12 34");
    assert_eq!(none, "g there is no such hive\n");
}

#[test]
fn a_minidump_says_that_it_holds_no_registry() {
    let scenario = machine("x64", 9600, 96, "[dump]\nkind = \"triage\"\n");
    let said = typed(&scenario, "!reg hivelist");
    assert!(said.starts_with("A minidump holds no registry"), "{said}");
}
