//! Whole analyses of dumps with pages: the small ones of the corpus, whose facts other readers
//! agree on, and forged ones of every container and architecture, whose truth is known.

mod support;

use bluepane::container::{DumpHeader, PageIndex, StoredPages};
use bluepane::memory::{AddressSpace, Missing, Pfn, PhysicalMemory, VirtualAddress};
use bluepane::model::{Confidence, Frame, Hex, How, Report, Stats};
use bluepane::nt::PagedDump;
use bluepane::source::Slice;
use bluepane_forge::scenario::Number;
use bluepane_forge::{Scenario, Truth, forge};
use support::{report, report_piecewise};

fn packed(name: &str) -> Option<Vec<u8>> {
    let packed = support::dump(&format!("kernel-small/{name}.dmp.xz"))?;
    let mut bytes = Vec::new();
    lzma_rs::xz_decompress(&mut &packed[..], &mut bytes).unwrap();
    Some(bytes)
}

fn load(bytes: &[u8]) -> PagedDump {
    let source = Slice(bytes);
    let header = DumpHeader::read(&source).unwrap();
    let stored = StoredPages::read(&source, &header).unwrap();
    PagedDump::load(&source, header, PageIndex::new(stored).unwrap()).unwrap()
}

#[test]
fn the_small_kernel_dumps_are_read_as_other_readers_read_them() {
    for name in ["full", "bitmap-kernel"] {
        let Some(bytes) = packed(name) else {
            return;
        };
        let report = report(&bytes);
        let system = report.system.as_ref().unwrap();
        assert_eq!(
            system.kernel_base,
            Some(Hex(0xFFFF_F800_1240_0000)),
            "{name}"
        );
        assert_eq!(system.build, Some(19041), "{name}");
        let time = system.crash_time.as_deref().unwrap();
        assert!(time.starts_with("2020-11-19T11:33:20"), "{name}: {time}");
        let modules: Vec<_> = report
            .modules
            .iter()
            .map(|m| (m.name.as_str(), m.base.0, m.size))
            .collect();
        assert_eq!(modules[0].0, "ntoskrnl.exe", "{name}");
        assert_eq!(
            modules[1..],
            [
                ("hal.dll", 0xFFFF_F800_1500_0000, 0x6000),
                ("vmbus.sys", 0xFFFF_F800_1510_0000, 0x2_6000)
            ],
            "{name}"
        );
        assert!(!report.file.truncated, "{name}");
        let memory = report.memory.as_ref().unwrap();
        for (counter, pages) in [
            ("physical", 524_032),
            ("available", 74_565),
            ("committed", 393_216),
            ("commit_limit", 589_824),
        ] {
            let found = &memory.counters[counter];
            assert_eq!(found.pages, Some(Hex(pages)), "{name}: {counter} {found:?}");
        }
        assert_eq!(report.notes, [], "{name}");
        let dump = load(&bytes);
        assert_eq!(dump.header.directory_table_base, Some(0x1A_A000), "{name}");
        let source = Slice(&bytes);
        let space = dump.space(&source).unwrap();
        assert!(dump.ground.shared.is_some(), "{name}");
        // A page of 2 MiB in the kernel's data, and one page far from all others.
        let kernel = 0xFFFF_F800_1240_0000;
        let large = (0..8).any(|i| {
            let at = VirtualAddress(kernel + (i << 21));
            let found = space.translate(at).outcome;
            found.is_ok_and(|mapped| mapped.page_size == 2 << 20)
        });
        assert!(large, "{name}");
        assert_eq!(space.physical().holds(Pfn(0x12_3456)), Ok(true), "{name}");
        assert_eq!(space.physical().holds(Pfn(0x12_3457)), Ok(false), "{name}");
        let process = dump.current.process.as_ref().unwrap();
        assert_eq!(process.name.as_deref(), Some("dmvsc-test.exe"), "{name}");
        assert_eq!((process.pid, process.parent_pid), (Some(4272), Some(932)));
    }
}

/// Containers and machines.
static FORGED: &[(&str, &str)] = &[
    ("full", "build = 19041"),
    ("bitmap-full", "build = 9600"),
    ("bitmap-kernel", "build = 26100"),
    ("automatic", "build = 14393"),
    ("active", "build = 20348\npaging_levels = 5"),
    ("live", "build = 22000"),
    ("range-kernel", "build = 17763"),
    ("range-kernel-user", "build = 19041"),
    ("range-complete", "build = 9600"),
    ("kernel-summary", "build = 7601"),
    ("bitmap-kernel", "build = 22000\narchitecture = \"arm64\""),
    ("full", "build = 26100\narchitecture = \"arm64\""),
    ("full", "build = 7601\narchitecture = \"x86\""),
    (
        "kernel-summary",
        "build = 7601\narchitecture = \"x86\"\npae = false",
    ),
];

fn scenario(kind: &str, machine: &str) -> Scenario {
    let text = format!(
        "[machine]\nmemory = \"64 MiB\"\n{machine}\n\
         [stop]\ncode = 0x7a\nparameters = [1, 2, 3, 4]\n[dump]\nkind = \"{kind}\"\n\
         [[unloaded]]\nname = \"gone.sys\"\n\
         [[processes]]\nname = \"smss.exe\"\npid = 360\ncurrent = true\n"
    );
    Scenario::from_toml(&text).unwrap()
}

/// The number of the build in the text of a machine.
fn build(machine: &str) -> &str {
    let number = machine.split_whitespace().nth(2);
    number.unwrap()
}

fn check_modules(report: &Report, truth: &Truth, machine: &str, name: &str) {
    let found: Vec<_> = report
        .modules
        .iter()
        .map(|m| (m.base.0, u64::from(m.size), m.path.clone().unwrap()))
        .collect();
    let want: Vec<_> = truth
        .modules
        .iter()
        .map(|m| (m.base, m.size, m.path.clone()))
        .collect();
    assert_eq!(found, want, "{name}");
    for (module, truth) in report.modules.iter().zip(&truth.modules) {
        assert_eq!(
            module.timestamp,
            Some(truth.stamp),
            "{name}: {}",
            truth.name
        );
        assert!(module.pdb.is_some(), "{name}: {}", truth.name);
        let version = module.version.as_deref().unwrap_or_default();
        assert!(
            version.contains(&format!(".{}.", build(machine))),
            "{name}: {version}"
        );
    }
}

fn check_stack(report: &Report, truth: &Truth, machine: &str, name: &str) {
    let stack = report.stack.as_ref().unwrap();
    assert_eq!(stack.process_name.as_deref(), Some("smss.exe"), "{name}");
    let process = truth
        .processes
        .iter()
        .find(|p| p.name == "smss.exe")
        .unwrap();
    assert_eq!(stack.process, Some(Hex(process.object)), "{name}");
    let threads: Vec<_> = process
        .threads
        .iter()
        .map(|t| Some(Hex(t.object)))
        .collect();
    assert!(
        threads.contains(&stack.thread),
        "{name}: {:?}",
        stack.thread
    );
    assert_eq!(stack.frames[0].address, Hex(truth.stack[0]), "{name}");
    assert_eq!(stack.frames[0].confidence, Confidence::Certain, "{name}");
    let listed: Vec<u64> = stack.frames.iter().map(|f| f.address.0).collect();
    if machine.contains("x86") || machine.contains("arm64") {
        // The chain of frame pointers begins at the caller's caller.
        assert!(listed.len() > 1, "{name}");
        assert!(listed.iter().all(|at| truth.stack.contains(at)), "{name}");
    } else {
        assert_eq!(listed, truth.stack, "{name}");
        let unwound = |f: &Frame| f.how == How::Unwind && f.confidence == Confidence::Certain;
        assert!(stack.frames[1..].iter().all(unwound), "{name}");
    }
}

#[test]
fn a_forged_dump_of_every_kind_gives_what_was_put_in() {
    for (kind, machine) in FORGED {
        let name = format!("{kind}, {machine}");
        let scenario = scenario(kind, machine);
        let truth = Truth::of(&scenario).unwrap();
        let report = report(&forge(&scenario).unwrap().to_vec());
        // The only note: an error of a disk has no driver to blame. Legacy kernel dumps say that
        // no real one was at hand; and in a kernel of which no variable is known the forge makes
        // one section of data, too large to be searched for the registry.
        let known = ["layout-unverified", "no-registry"];
        let notes = report.notes.iter().map(|note| &*note.code);
        let notes: Vec<_> = notes.filter(|code| !known.contains(code)).collect();
        assert_eq!(notes, ["no-blame"], "{name}");
        let bugcheck = report.bugcheck.as_ref().unwrap();
        assert_eq!(bugcheck.code, 0x7A, "{name}");
        check_modules(&report, &truth, machine, &name);
        let system = report.system.as_ref().unwrap();
        assert_eq!(
            system.kernel_base,
            Some(Hex(truth.modules[0].base)),
            "{name}"
        );
        assert!(system.build_lab.is_some(), "{name}");
        assert_eq!(report.unloaded_modules.len(), 1, "{name}");
        assert_eq!(report.unloaded_modules[0].name, "gone.sys", "{name}");
        check_stack(&report, &truth, machine, &name);
        // Nobody published where that kernel keeps its counters.
        let unknown = machine.contains("22000") && machine.contains("arm64");
        let mut limits = report.memory.as_ref().unwrap().limits.clone();
        // Nor where processors of kernels in no symbol table count pool apart.
        limits.retain(|text| !text.starts_with("Pool use by tag is that of the first table"));
        assert_eq!(limits.is_empty(), !unknown, "{name}: {limits:?}");
    }
}

#[test]
fn the_order_in_which_blocks_arrive_changes_nothing() {
    for (kind, machine) in &FORGED[..3] {
        let bytes = forge(&scenario(kind, machine)).unwrap().to_vec();
        let mut whole = report(&bytes);
        let mut pieces = report_piecewise(&bytes, 0x5EED);
        whole.stats = Stats::default();
        pieces.stats = Stats::default();
        assert_eq!(whole, pieces, "{kind}");
    }
}

#[test]
fn a_list_of_drivers_with_a_hole_is_read_from_both_ends_and_says_so() {
    let mut scenario = scenario("bitmap-kernel", "build = 19041");
    let whole = load(&forge(&scenario).unwrap().to_vec());
    let bytes = forge(&scenario).unwrap().to_vec();
    let source = Slice(&bytes);
    let space = whole.space(&source).unwrap();
    // The fourth entry of the list.
    let mut at = VirtualAddress(whole.header.loaded_module_list.unwrap());
    for _ in 0..4 {
        let mut next = [0; 8];
        space.read(at, &mut next).unwrap();
        at = VirtualAddress(u64::from_le_bytes(next));
    }
    scenario.faults.leave_out.push(Number(at.0 & !0xFFF));
    let dump = load(&forge(&scenario).unwrap().to_vec());
    let all = whole.drivers.modules.as_slice();
    let found = dump.drivers.modules.as_slice();
    assert!(!dump.drivers.whole);
    assert!(found.len() < all.len());
    assert_eq!(dump.drivers.notes[0].code, "drivers-cut");
    let bases: Vec<_> = all.iter().map(|module| module.base).collect();
    assert!(found.iter().all(|module| bases.contains(&module.base)));
    assert_eq!(found.last().map(|m| m.base), bases.last().copied());
}

#[test]
fn a_dump_that_was_cut_tells_what_is_left_and_that_it_was_cut() {
    let scenario = scenario("bitmap-kernel", "build = 19041");
    let bytes = forge(&scenario).unwrap().to_vec();
    let report = report(&bytes[..bytes.len() * 2 / 3]);
    assert!(report.file.truncated);
    let codes: Vec<_> = report.notes.iter().map(|note| &*note.code).collect();
    assert!(codes.contains(&"pages-cut"), "{codes:?}");
    assert_eq!(report.bugcheck.unwrap().code, 0x7A);
}

#[test]
fn page_tables_that_lead_to_themselves_end() {
    let scenario = scenario("bitmap-kernel", "build = 19041");
    let mut bytes = forge(&scenario).unwrap().to_vec();
    let dump = load(&bytes);
    let root = dump.header.directory_table_base.unwrap() & !0xFFF;
    let source = Slice(&bytes);
    let offset = PhysicalMemory::new(&source, &dump.index)
        .locate(Pfn(root >> 12))
        .unwrap();
    // Every entry of the top table is a prototype entry that stands in that table's own mapping.
    for entry in 0..512 {
        let at = offset as usize + entry * 8;
        bytes[at..at + 8].copy_from_slice(&(root | 0x63).to_le_bytes());
    }
    let source = Slice(&bytes);
    let space = dump.space(&source).unwrap();
    let read = space.read(VirtualAddress(0xFFFF_F800_0000_0000), &mut [0; 8]);
    assert!(!matches!(read, Err(Missing::File(_))), "{read:?}");
    let damaged = report(&bytes);
    let codes: Vec<_> = damaged.notes.iter().map(|note| &*note.code).collect();
    assert!(codes.contains(&"page-tables-bad"), "{codes:?}");
}
