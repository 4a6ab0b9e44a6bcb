//! Forged dumps of invented machines, whose truth is known: every kind, every architecture. The
//! forge has its own tables of offsets, so a wrong one here or there shows.

mod support;

use bluepane::container::header::Width;
use bluepane::container::pages::PageList;
use bluepane::container::{DumpHeader, Extent, StoredPages};
use bluepane::memory::{AddressSpace, VirtualAddress};
use bluepane::model::Kind;
use bluepane::nt::exception::Origin;
use bluepane::nt::{Architecture, Minidump};
use bluepane::source::Slice;
use bluepane_forge::{Scenario, Truth, forge};

/// Builds that the forge knows, by architecture.
static MACHINES: &[(&str, u32)] = &[
    ("x64", 7601),
    ("x64", 9600),
    ("x64", 14393),
    ("x64", 17763),
    ("x64", 19041),
    ("x64", 22000),
    ("x64", 26100),
    ("arm64", 22000),
    ("arm64", 26100),
    ("x86", 7601),
];

fn scenario(architecture: &str, build: u32, rest: &str) -> Scenario {
    let text = format!(
        "[machine]\nbuild = {build}\narchitecture = \"{architecture}\"\nmemory = \"96 MiB\"\n{rest}"
    );
    Scenario::from_toml(&text).expect("the scenario")
}

const DRIVERS: &str = "[stop]\ncode = 0x50\nparameters = [0x1000, 0, 0, 0]\n\
    [[modules]]\nname = \"vmbus.sys\"\nsize = 0x26000\n\
    [[modules]]\nname = \"storvsc.sys\"\nsize = 0x9000\n\
    [[unloaded]]\nname = \"crashdmp-long.sys\"\n\
    [dump]\nbroken_driver = \"storvsc.sys\"\n";

#[test]
fn a_minidump_of_every_machine_gives_what_was_put_in() {
    for &(architecture, build) in MACHINES {
        let name = format!("{architecture} {build}");
        let scenario = scenario(architecture, build, DRIVERS);
        let truth = Truth::of(&scenario).unwrap();
        let bytes = forge(&scenario).unwrap().to_vec();
        let source = Slice(&bytes);
        let dump = Minidump::load(&source).unwrap();
        assert_eq!(dump.notes, [], "{name}");
        assert_eq!(dump.stop_code(), Some(0x50), "{name}");
        assert_eq!(dump.header.minor_version, Some(build), "{name}");
        assert_eq!(dump.header.processors, Some(2), "{name}");
        let found: Vec<_> = dump
            .modules
            .as_slice()
            .iter()
            .map(|m| (m.name.clone(), m.base.0, u64::from(m.size)))
            .collect();
        let expected: Vec<_> = truth
            .modules
            .iter()
            .map(|m| (m.name.clone(), m.base, m.size))
            .collect();
        assert_eq!(found, expected, "{name}");
        assert_eq!(dump.unloaded.len(), 1, "{name}");
        assert_eq!(dump.unloaded[0].name, "crashdmp-lon", "{name}");
        assert_eq!(
            dump.pieces.broken_driver.as_deref(),
            Some("storvsc.sys"),
            "{name}"
        );
        let context = dump.crash_context().unwrap();
        assert_eq!(context.instruction_pointer.0, truth.stack[0], "{name}");
        assert_eq!(context.stack_pointer.0, truth.stack_pointer, "{name}");
        if dump.architecture != Some(Architecture::X64) {
            let frame = context.frame_pointer.map(|at| at.0);
            assert_eq!(frame, Some(truth.frame_pointer), "{name}");
        }
    }
}

#[test]
fn the_current_process_thread_and_processor_are_the_forged_ones() {
    for &(architecture, build) in MACHINES {
        let name = format!("{architecture} {build}");
        let scenario = scenario(architecture, build, DRIVERS);
        let truth = Truth::of(&scenario).unwrap();
        let bytes = forge(&scenario).unwrap().to_vec();
        let dump = Minidump::load(&Slice(&bytes)).unwrap();
        let process = dump.process.as_ref().unwrap();
        let forged = truth
            .processes
            .iter()
            .find(|p| Some(p.pid as u32) == process.pid)
            .unwrap_or_else(|| panic!("{name}: {process:?}"));
        assert_eq!(
            process.name.as_deref(),
            Some(forged.name.as_str()),
            "{name}"
        );
        assert_eq!(
            process.directory_table_base,
            Some(forged.directory),
            "{name}"
        );
        assert_eq!(
            process.address,
            Some(VirtualAddress(forged.object)),
            "{name}"
        );
        let thread = dump.thread.as_ref().unwrap();
        let (_, high) = dump.stack().unwrap();
        assert_eq!(thread.stack_base, Some(high), "{name}");
        let forged = forged
            .threads
            .iter()
            .find(|t| t.stack.1 == high.0)
            .unwrap_or_else(|| panic!("{name}: {thread:?}"));
        assert_eq!(
            thread.address,
            Some(VirtualAddress(forged.object)),
            "{name}"
        );
        let processor = dump.processor.as_ref().unwrap();
        assert_eq!(processor.number, Some(0), "{name}");
        assert_eq!(processor.megahertz, Some(2600), "{name}");
        if let Some(address) = processor.address {
            assert_eq!(address.0, truth.processors[0].prcb, "{name}");
        }
        let lab = dump.build_lab.clone().unwrap_or_default();
        assert!(lab.contains("fre."), "{name}: {lab}");
    }
}

#[test]
fn the_memory_of_a_minidump_holds_what_the_machine_held() {
    for &(architecture, build) in MACHINES {
        let scenario = scenario(architecture, build, DRIVERS);
        let truth = Truth::of(&scenario).unwrap();
        let bytes = forge(&scenario).unwrap().to_vec();
        let source = Slice(&bytes);
        let dump = Minidump::load(&source).unwrap();
        let space = dump.space(&source);
        let mut compared = 0;
        for stretch in dump.memory.stretches() {
            for at in (stretch.address..stretch.address + stretch.len).step_by(64) {
                let Some(page) = truth.kernel.get(&(at & !0xFFF)) else {
                    continue;
                };
                let mut byte = [0];
                space.read(VirtualAddress(at), &mut byte).unwrap();
                assert_eq!(
                    byte[0],
                    page[(at & 0xFFF) as usize],
                    "{architecture} {build} {at:#x}"
                );
                compared += 1;
            }
        }
        assert!(compared > 100, "{architecture} {build}: {compared}");
    }
}

#[test]
fn the_pages_of_every_kind_of_dump_end_where_the_file_does() {
    let kinds = [
        ("full", Kind::Full),
        ("kernel-summary", Kind::KernelSummary),
        ("bitmap-full", Kind::BitmapFull),
        ("bitmap-kernel", Kind::BitmapKernel),
        ("automatic", Kind::BitmapKernel),
        ("active", Kind::Active),
        ("live", Kind::Live),
        ("range-kernel", Kind::RangeKernel),
        ("range-kernel-user", Kind::RangeKernelUser),
        ("range-complete", Kind::RangeComplete),
        ("header-only", Kind::HeaderOnly),
    ];
    for (architecture, build) in [("x64", 9600), ("x86", 7601), ("arm64", 22000)] {
        for (kind, expected) in kinds {
            let rest = format!("[dump]\nkind = \"{kind}\"\nsecondary = false\n");
            let Ok(dump) = forge(&scenario(architecture, build, &rest)) else {
                continue; // a kind that this machine cannot have
            };
            let bytes = dump.to_vec();
            let name = format!("{architecture} {kind}");
            let source = Slice(&bytes);
            let header = DumpHeader::read(&source).unwrap();
            assert_eq!(header.kind(), expected, "{name}");
            assert_eq!(
                header.width == Width::Bits32,
                architecture == "x86",
                "{name}"
            );
            let pages = StoredPages::read(&source, &header);
            if expected == Kind::HeaderOnly {
                assert!(pages.is_err(), "{name}");
                continue;
            }
            let pages = pages.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(pages.end(), bytes.len() as u64, "{name}");
            let extent = Extent::new(&header, Some(&pages), None);
            assert!(!extent.truncated(), "{name}");
            if let PageList::Runs(runs) = &pages.list {
                let sum: u64 = runs.iter().map(|run| run.pages).sum();
                assert_eq!(sum, pages.present, "{name}");
            }
            let short = Slice(&bytes[..bytes.len() - 1]);
            let header = DumpHeader::read(&short).unwrap();
            let pages = StoredPages::read(&short, &header).unwrap();
            assert_eq!(
                Extent::new(&header, Some(&pages), None).missing(),
                1,
                "{name}"
            );
        }
    }
}

#[test]
fn an_exception_in_the_header_that_the_stop_code_confirms_is_taken() {
    let rest = "[stop]\ncode = 0x7e\nparameters = [0xffffffffc0000005, 0xfffff80000001234, 0, 0]\n\
        [stop.exception]\ncode = 0xc0000005\naddress = 0xfffff80000001234\nparameters = [1, 0x20]\n";
    let bytes = forge(&scenario("x64", 19041, rest)).unwrap().to_vec();
    let dump = Minidump::load(&Slice(&bytes)).unwrap();
    let exception = dump.exception.unwrap();
    assert_eq!(exception.origin, Origin::Header);
    assert_eq!(exception.record.access(), Some((1, VirtualAddress(0x20))));
    assert_eq!(exception.passed_over, None);
}

#[test]
fn fields_that_were_never_written_are_absent_and_the_rest_is_read() {
    let rest = "[faults]\nfill = [\"KdDebuggerDataBlock\", \"SystemTime\"]\n";
    let bytes = forge(&scenario("x64", 19041, rest)).unwrap().to_vec();
    let dump = Minidump::load(&Slice(&bytes)).unwrap();
    assert_eq!(
        (dump.header.debugger_data, dump.header.system_time),
        (None, None)
    );
    assert!(dump.debugger_data.is_some());
}

#[test]
fn a_forged_minidump_comes_the_same_piece_by_piece() {
    for &(architecture, build) in &[("x86", 7601), ("arm64", 26100)] {
        let bytes = forge(&scenario(architecture, build, DRIVERS))
            .unwrap()
            .to_vec();
        let whole = format!("{:?}", Minidump::load(&Slice(&bytes)).unwrap());
        let dump = support::piecewise(&bytes, 11, |cache| Minidump::load(cache)).unwrap();
        assert_eq!(format!("{dump:?}"), whole);
    }
}
