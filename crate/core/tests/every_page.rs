//! One forged dump of each container and architecture, read back whole: every stored page, every
//! page that is not stored, every kernel and user address that is mapped, and the reason for each
//! that is not, compared with what the forge put in.

mod support;

use bluepane::container::{DumpHeader, PageIndex, StoredPages};
use bluepane::memory::{
    AddressSpace, KernelSpace, Missing, PhysicalAddress, PhysicalMemory, VirtualAddress,
};
use bluepane::nt::{Minidump, PagedDump};
use bluepane::source::Slice;
use bluepane_forge::{Scenario, TrueGap, TrueProcess, Truth, forge};
use support::{CONTAINERS, report};

/// Machines: a name, what its `[machine]` says, a kernel address and a user address where nothing
/// else lies.
const MACHINES: &[(&str, &str, u64, u64)] = &[
    ("x64", "build = 19041", 0xFFFF_C000_7777_0000, USER),
    (
        "x64 with five levels",
        "build = 20348\npaging_levels = 5",
        0xFFFF_C000_7777_0000,
        USER,
    ),
    (
        "x64 before Windows 8",
        "build = 7601",
        0xFFFF_F8A0_0777_0000,
        USER,
    ),
    (
        "x64 of 24H2, small pages",
        "build = 26100\nlarge_pages = false",
        0xFFFF_C000_7777_0000,
        USER,
    ),
    (
        "x86 with PAE",
        "build = 7601\narchitecture = \"x86\"",
        0x9777_0000,
        0x2000_0000,
    ),
    (
        "x86 without PAE",
        "build = 7601\narchitecture = \"x86\"\npae = false",
        0x9777_0000,
        0x2000_0000,
    ),
    (
        "ARM64",
        "build = 22000\narchitecture = \"arm64\"",
        0xFFFF_C000_7777_0000,
        USER,
    ),
];
/// Machines whose kernel is in no table, so that the mask in their entries is not known.
const UNSURE: &[&str] = &["24H2", "unknown kernel"];
const USER: u64 = 0x1234_5670_0000;

const BLACK_BOX: &str = "6f3b2a10-1111-2222-3333-444455556666";

/// A machine with pages in every state, in the kernel's memory and in a process's.
fn scenario(machine: &str, kind: &str, kernel: u64, user: u64) -> Scenario {
    let mut text = format!(
        "[machine]\nmemory = \"48 MiB\"\n{machine}\n[dump]\nkind = \"{kind}\"\n\
         [[processes]]\nname = \"smss.exe\"\npid = 360\n\
         [[processes]]\nname = \"app.exe\"\npid = 4272\nthreads = 2\ncurrent = true\n\
         [[black_boxes]]\nguid = \"{BLACK_BOX}\"\ntext = \"behind the pages\"\n"
    );
    for (process, base) in [(0, kernel), (4272, user)] {
        for (i, state) in ["transition", "prototype", "paged-out", "demand-zero"]
            .iter()
            .enumerate()
        {
            let at = base + 0x1000 * i as u64;
            text += &format!(
                "[[pages]]\naddress = \"{at:#x}\"\nstate = \"{state}\"\ntext = \"{state}\"\n\
                 page_file = 2\noffset = 0x4321\nprocess = {process}\n"
            );
        }
    }
    Scenario::from_toml(&text).unwrap()
}

fn open(bytes: &[u8]) -> PagedDump {
    let source = Slice(bytes);
    let header = DumpHeader::read(&source).unwrap();
    let index = PageIndex::new(StoredPages::read(&source, &header).unwrap()).unwrap();
    PagedDump::load(&source, header, index).unwrap()
}

/// Every frame from 0 to behind the last: those that are stored with their bytes, the others as
/// not in the dump. Answers how many are stored.
fn every_frame(memory: &PhysicalMemory<'_>, scenario: &Scenario, truth: &Truth, what: &str) -> u64 {
    let kind = scenario.dump.kind;
    let end = truth.runs.iter().map(|run| run.0 + run.1).max().unwrap();
    let mut stored = 0;
    for frame in 0..end + 64 {
        let at = PhysicalAddress(frame << 12);
        let mut page = [0; 4096];
        let read = memory.read(at, &mut page);
        if truth.holds(kind, frame) {
            stored += 1;
            assert_eq!(read, Ok(()), "{what}: frame {frame:x}");
            assert!(
                page == truth.page(kind, frame),
                "{what}: frame {frame:x} differs"
            );
        } else {
            assert_eq!(read, Err(Missing::NotInDump(at)), "{what}: frame {frame:x}");
        }
    }
    stored
}

/// A mapped page: its translation and its bytes, or the reason why the frame it has is missing.
fn mapped(space: &KernelSpace<'_>, scenario: &Scenario, truth: &Truth, at: (u64, u64), what: &str) {
    let (va, frame) = at;
    let physical = PhysicalAddress(frame << 12);
    let found = space.physical_address(VirtualAddress(va));
    assert_eq!(
        found,
        Ok(physical),
        "{what}: {va:x}: {:x?}",
        space.translate(VirtualAddress(va))
    );
    let mut page = [0; 4096];
    let read = space.read(VirtualAddress(va), &mut page);
    if truth.holds(scenario.dump.kind, frame) {
        assert_eq!(read, Ok(()), "{what}: {va:x}");
        assert!(
            page == truth.page(scenario.dump.kind, frame),
            "{what}: {va:x} differs"
        );
    } else {
        assert_eq!(read, Err(Missing::NotInDump(physical)), "{what}: {va:x}");
    }
}

fn gap(space: &KernelSpace<'_>, va: u64, gap: TrueGap, what: &str) {
    let want = match gap {
        TrueGap::PagedOut { file, page } => Missing::PagedOut {
            page_file: file as u8,
            page: (!UNSURE.iter().any(|name| what.contains(name))).then_some(page),
        },
        TrueGap::DemandZero => Missing::DemandZero,
        TrueGap::Raw(_) => return,
    };
    let read = space.read(VirtualAddress(va), &mut [0; 16]);
    assert_eq!(read, Err(want), "{what}: {va:x}");
}

/// Every page of a process's own, as that process sees it, and the kernel's as it sees them.
fn every_user_page(
    space: &KernelSpace<'_>,
    scenario: &Scenario,
    truth: &Truth,
    process: &TrueProcess,
    what: &str,
) {
    let own = space.process(process.directory);
    let what = format!("{what}, {}", process.name);
    for (&va, &frame) in &process.user {
        // The frame of a page in transition is only named while the dump holds it.
        let outcome = own.translate(VirtualAddress(va)).outcome;
        if let Err(why) = outcome {
            assert!(!truth.holds(scenario.dump.kind, frame), "{what}: {va:x}");
            let want = Missing::NotInDump(PhysicalAddress(frame << 12));
            assert_eq!(why, want, "{what}: {va:x}");
            continue;
        }
        mapped(&own, scenario, truth, (va, frame), &what);
    }
    for (&va, &reason) in &process.gaps {
        gap(&own, va, reason, &what);
    }
    for (&va, &frame) in &truth.frames {
        let found = own.physical_address(VirtualAddress(va));
        assert_eq!(found, Ok(PhysicalAddress(frame << 12)), "{what}: {va:x}");
    }
}

fn read_back(machine: &(&str, &str, u64, u64), kind: &str) {
    let &(name, machine, kernel, user) = machine;
    let what = format!("{kind}, {name}");
    let scenario = scenario(machine, kind, kernel, user);
    let truth = Truth::of(&scenario).unwrap();
    let bytes = forge(&scenario).unwrap().to_vec();
    let source = Slice(&bytes);
    let dump = open(&bytes);
    let space = dump.space(&source).unwrap();
    let memory = space.physical();
    let stored = every_frame(&memory, &scenario, &truth, &what);
    assert_eq!(stored, dump.index.stored().present, "{what}");
    assert!(dump.index.marked().is_none_or(|n| n == stored), "{what}");
    assert!(truth.frames.len() > 100, "{what}");
    for (&va, &frame) in &truth.frames {
        mapped(&space, &scenario, &truth, (va, frame), &what);
    }
    assert_eq!(truth.gaps.len(), 2, "{what}");
    for (&va, &reason) in &truth.gaps {
        gap(&space, va, reason, &what);
    }
    let nowhere = space.read(VirtualAddress(kernel + 0x10_0000), &mut [0; 16]);
    assert!(
        matches!(nowhere, Err(Missing::NotPresent(_))),
        "{what}: {nowhere:?}"
    );
    for process in truth.processes.iter().skip(1) {
        assert!(process.user.len() > 4, "{what}: {:x?}", process.user);
        every_user_page(&space, &scenario, &truth, process, &what);
    }
    let secondary = dump.secondary.as_ref().unwrap();
    assert!(!secondary.cut, "{what}");
    assert_eq!(secondary.end, bytes.len() as u64, "{what}");
    let texts = secondary.blobs.iter().map(|blob| blob.data(&source));
    let found = texts.flatten().any(|data| data == b"behind the pages");
    assert!(found, "{what}");
}

#[test]
fn every_container_of_64_bit_machines_is_read_back_whole() {
    for machine in MACHINES.iter().filter(|m| !m.1.contains("x86")) {
        for (kind, ..) in CONTAINERS {
            read_back(machine, kind);
        }
    }
}

fn masked(name: &str, build: u32, mask: u64, faults: &str) {
    let machine = format!("build = {build}\ninvalid_pte_mask = \"{mask:#x}\"\n{faults}");
    let machine = (name, &*machine, 0xFFFF_C000_7777_0000, USER);
    for kind in ["full", "bitmap-kernel", "active"] {
        read_back(&machine, kind);
    }
    let bytes = forge(&scenario(machine.1, "full", machine.2, USER)).unwrap();
    let format = open(&bytes.to_vec()).ground.format.unwrap();
    let known = !UNSURE.contains(&name);
    assert_eq!(format.invalid_mask, known.then_some(mask), "{name}");
}

#[test]
fn the_mask_in_entries_that_are_not_valid_is_taken_from_the_kernel() {
    masked("17763", 17763, 1 << 45, "");
    masked("19041", 19041, 1 << 45, "");
    masked("another mask", 19041, 1 << 51 | 1 << 46, "");
    masked("20348", 20348, 1 << 45, "");
    masked("22000", 22000, 1 << 44, "");
}

#[test]
fn a_kernel_that_is_not_known_leaves_the_page_in_the_page_file_open() {
    let guid = "[faults]\nguid = \"00112233-4455-6677-8899-aabbccddeeff\"";
    masked("unknown kernel", 19041, 1 << 45, guid);
    masked("unknown kernel", 22000, 1 << 45, guid);
}

#[test]
fn every_container_of_32_bit_machines_is_read_back_whole() {
    for machine in MACHINES.iter().filter(|m| m.1.contains("x86")) {
        for (kind, ..) in CONTAINERS.iter().filter(|kind| kind.2) {
            read_back(machine, kind);
        }
    }
}

/// Every stretch of memory that a small dump holds.
#[test]
fn every_block_of_small_dumps_is_read_back() {
    for &(name, machine, kernel, user) in MACHINES {
        let scenario = scenario(machine, "triage", kernel, user);
        let truth = Truth::of(&scenario).unwrap();
        let bytes = forge(&scenario).unwrap().to_vec();
        let source = Slice(&bytes);
        let dump = Minidump::load(&source).unwrap();
        let space = dump.space(&source);
        let mut read = 0;
        for block in dump.memory.stretches() {
            let (start, end) = (block.address, block.address + block.len);
            for at in start..end {
                let mut found = [0];
                space.read(VirtualAddress(at), &mut found).unwrap();
                let page = truth.kernel.get(&(at & !0xFFF));
                let want = page.map(|page| page[at as usize % 4096]);
                // What no page of the machine holds is the dump's own: nothing to compare with.
                assert!(want.is_none_or(|want| want == found[0]), "{name}: {at:x}");
                read += u64::from(want.is_some());
            }
            let behind = space.read(VirtualAddress(end), &mut [0]);
            assert!(behind.is_ok() || behind == Err(Missing::Unmapped));
        }
        assert!(read > 0x4000, "{name}: {read:#x}");
    }
}

#[test]
fn a_header_alone_gives_its_facts_and_says_what_a_dump_with_memory_would_add() {
    for &(name, machine, kernel, user) in MACHINES {
        let bytes = forge(&scenario(machine, "header-only", kernel, user))
            .unwrap()
            .to_vec();
        let report = report(&bytes);
        assert_eq!(report.bugcheck.as_ref().unwrap().code, 0xE2, "{name}");
        assert!(report.system.as_ref().unwrap().build.is_some(), "{name}");
        assert!(report.header.is_some(), "{name}");
        assert!(
            report.modules.is_empty() && report.error.is_none(),
            "{name}"
        );
    }
}
