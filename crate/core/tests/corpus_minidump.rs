//! Real minidumps opened as a whole: what was running, in terms of the kernel.

mod support;

use bluepane::memory::{AddressSpaceExt, VirtualAddress};
use bluepane::model::Confidence;
use bluepane::nt::exception::Origin;
use bluepane::nt::{Member, Minidump};
use bluepane::source::{Slice, Source};
use std::collections::BTreeMap;
use std::path::Path;

/// What the debugger data block and the copies of the structures hold, as an independent script
/// read it.
struct Expected {
    file: &'static str,
    megahertz: u32,
    processor: u32,
    process: &'static str,
    pid: u32,
    /// Whether the machine stopped on the thread's own stack.
    own_stack: bool,
    build_lab: Option<&'static str>,
}

const LAB_9600: Option<&str> = Some("9600.18821.amd64fre.winblue_ltsb.170914-0600");
const LAB_19041: Option<&str> = Some("19041.1.amd64fre.vb_release.191206-1406");
const LAB_22000: Option<&str> = Some("22000.1.arm64fre.co_release.210604-1628");

const fn expected(
    file: &'static str,
    (megahertz, processor): (u32, u32),
    (process, pid): (&'static str, u32),
    own_stack: bool,
    build_lab: Option<&'static str>,
) -> Expected {
    Expected {
        file,
        megahertz,
        processor,
        process,
        pid,
        own_stack,
        build_lab,
    }
}

/// 0 stands for an identifier that the script did not read.
static DUMPS: &[Expected] = &[
    expected(
        "folder-of-8/111217-27671-01.dmp",
        (2594, 1),
        ("System", 4),
        false,
        LAB_9600,
    ),
    expected(
        "folder-of-8/111317-24484-01.dmp",
        (2594, 0),
        ("System", 4),
        false,
        LAB_9600,
    ),
    expected(
        "folder-of-8/111317-27812-01.dmp",
        (2594, 2),
        ("dw20.exe", 0),
        true,
        LAB_9600,
    ),
    expected(
        "folder-of-8/111317-33765-01.dmp",
        (2594, 0),
        ("System", 4),
        false,
        LAB_9600,
    ),
    expected(
        "folder-of-8/111317-44625-01.dmp",
        (2594, 0),
        ("System", 4),
        false,
        LAB_9600,
    ),
    expected(
        "folder-of-8/111317-52015-01.dmp",
        (2594, 0),
        ("dasHost.exe", 0),
        true,
        LAB_9600,
    ),
    expected(
        "folder-of-8/111417-173000-01.dmp",
        (2594, 0),
        ("System", 4),
        true,
        LAB_9600,
    ),
    expected(
        "folder-of-8/111417-58375-01.dmp",
        (2594, 0),
        ("System", 4),
        true,
        LAB_9600,
    ),
    expected(
        "w10-19041-x64-1a.dmp",
        (2496, 7),
        ("System", 4),
        true,
        LAB_19041,
    ),
    expected(
        "w10-19041-x64-1c7.dmp",
        (2112, 18),
        ("MemCompression", 0),
        true,
        None,
    ),
    expected(
        "w10-19041-x64-50.dmp",
        (2496, 1),
        ("System", 4),
        true,
        LAB_19041,
    ),
    expected(
        "w10-19041-x64-7e.dmp",
        (3593, 0),
        ("System", 4),
        true,
        LAB_19041,
    ),
    expected(
        "w11-22000-arm64-1c8.dmp",
        (1517, 0),
        ("System", 4),
        true,
        LAB_22000,
    ),
    expected("w11-26100-x64-65.dmp", (3294, 5), ("System", 4), true, None),
];

fn each(mut check: impl FnMut(&Expected, &Minidump, &dyn Source)) {
    for expected in DUMPS {
        if let Some(bytes) = support::dump(&format!("triage/{}", expected.file)) {
            let source = Slice(&bytes);
            check(expected, &Minidump::load(&source).unwrap(), &source);
        }
    }
}

#[test]
fn what_was_running_is_told_from_the_copies() {
    each(|expected, dump, _| {
        let name = expected.file;
        assert_eq!(dump.notes, [], "{name}");
        let processor = dump.processor.as_ref().unwrap();
        assert_eq!(processor.megahertz, Some(expected.megahertz), "{name}");
        assert_eq!(processor.number, Some(expected.processor), "{name}");
        assert!(processor.address.is_some(), "{name}");
        let arm = name.contains("arm64");
        assert_eq!(processor.vendor.is_none(), arm, "{name}");
        let process = dump.process.as_ref().unwrap();
        assert_eq!(process.name.as_deref(), Some(expected.process), "{name}");
        assert_eq!(process.confidence, Confidence::Certain, "{name}");
        let pid = process.pid.unwrap();
        assert!(
            if expected.pid == 0 {
                pid > 4
            } else {
                pid == expected.pid
            },
            "{name}: {pid}"
        );
        let table = process.directory_table_base.unwrap();
        assert_eq!(Some(table), dump.header.directory_table_base, "{name}");
        assert_eq!(processor.page_tables.is_none(), arm, "{name}");
        let thread = dump.thread.as_ref().unwrap();
        assert_eq!(thread.process, process.address, "{name}");
        assert!(thread.address.is_some(), "{name}");
        let (low, high) = dump.stack().unwrap();
        assert_eq!(
            thread.stack_base == Some(high),
            expected.own_stack,
            "{name}"
        );
        assert!(low < high, "{name}");
        assert_eq!(dump.build_lab.as_deref(), expected.build_lab, "{name}");
    });
}

#[test]
fn the_kernel_is_where_the_debugger_data_says() {
    each(|expected, dump, source| {
        let name = expected.file;
        let data = dump.debugger_data.as_ref().unwrap();
        let kernel = dump.kernel().unwrap();
        assert_eq!(kernel.symbol_name(), "nt", "{name}");
        assert_eq!(Some(kernel.base), data.kernel_base(), "{name}");
        for member in [Member::PsLoadedModuleList, Member::PsActiveProcessHead] {
            let inside = data.address(member).is_some_and(|at| kernel.contains(at));
            assert!(inside, "{name}: {}", member.name());
        }
        let list = data.address(Member::PsLoadedModuleList).map(|at| at.0);
        assert_eq!(list, dump.header.loaded_module_list, "{name}");
        if let Some((code, parameters)) = dump.kernel_bug_check(source) {
            assert_eq!(Some(code), dump.stop_code(), "{name}");
            assert_eq!(parameters, dump.parameters(), "{name}");
        }
    });
}

#[test]
fn copies_of_structures_are_memory_too() {
    each(|expected, dump, source| {
        let name = expected.file;
        let space = dump.space(source);
        let data = dump.debugger_data.as_ref().unwrap();
        let at = VirtualAddress(dump.header.debugger_data.unwrap());
        assert_eq!(
            space.u32(at.checked_add(0x10).unwrap()),
            Ok(0x4742_444B),
            "{name}"
        );
        let processor = dump.processor.as_ref().unwrap();
        let offset = data.layout(Member::OffsetPrcbCurrentThread).unwrap();
        let at = processor
            .address
            .and_then(|at| at.checked_add(offset))
            .unwrap();
        assert_eq!(
            space.pointer(at, 8).ok(),
            processor.current_thread,
            "{name}"
        );
        let thread = dump.thread.as_ref().unwrap();
        let offset = data.layout(Member::OffsetKThreadApcProcess).unwrap();
        let at = thread
            .address
            .and_then(|at| at.checked_add(offset))
            .unwrap();
        assert_eq!(space.pointer(at, 8).ok(), thread.process, "{name}");
        let (low, high) = dump.stack().unwrap();
        let len = u16::try_from(high.0 - low.0).unwrap();
        assert!(space.bytes(low, len).is_ok(), "{name}");
        for block in &dump.pieces.blocks {
            assert!(
                space.u16(VirtualAddress(block.address)).is_ok() || block.len < 2,
                "{name}"
            );
        }
    });
}

#[test]
fn registers_point_into_a_module_and_into_the_stack() {
    each(|expected, dump, _| {
        let name = expected.file;
        let context = dump.crash_context().unwrap();
        assert!(
            dump.modules.find(context.instruction_pointer).is_some(),
            "{name}"
        );
        let (low, high) = dump.stack().unwrap();
        assert!((low..high).contains(&context.stack_pointer), "{name}");
        assert!(!context.user_mode(), "{name}");
        let count = if name.contains("arm64") { 34 } else { 24 };
        assert_eq!(context.registers.len(), count, "{name}");
        if let Some(at) = dump.processor.as_ref().unwrap().fault_address
            && dump.stop_code() == Some(0x50)
        {
            assert_eq!(at.0, dump.parameters()[0], "{name}");
        }
    });
}

#[test]
fn the_true_exception_is_preferred_to_the_placeholder() {
    each(|expected, dump, _| {
        let name = expected.file;
        let header = dump.header_exception.as_ref().unwrap();
        assert_eq!(header.code, 0x8000_0003, "{name}");
        let Some(exception) = &dump.exception else {
            assert_ne!(dump.stop_code(), Some(0x1000_007E), "{name}");
            return;
        };
        assert_eq!(dump.stop_code(), Some(0x1000_007E), "{name}");
        assert_eq!(exception.origin, Origin::Parameters, "{name}");
        assert_eq!(exception.record.code, 0xC000_0005, "{name}");
        assert_eq!(exception.record.address.0, dump.parameters()[1], "{name}");
        assert!(exception.record.access().is_some(), "{name}");
        assert_eq!(exception.passed_over.as_ref(), Some(header), "{name}");
        let context = exception.context.as_ref().unwrap();
        assert_eq!(exception.context_origin, Some(Origin::Parameters), "{name}");
        assert_eq!(
            context.instruction_pointer, exception.record.address,
            "{name}"
        );
        assert_eq!(dump.context.as_ref(), Some(context), "{name}");
        let module = dump.modules.find(context.instruction_pointer).unwrap();
        let culprit = if name.starts_with("w10") {
            "amdppm.sys"
        } else {
            "rtkvhd64.sys"
        };
        assert_eq!(module.name.to_ascii_lowercase(), culprit, "{name}");
    });
}

#[test]
fn a_file_that_comes_piece_by_piece_in_any_order_gives_the_same() {
    for file in ["w11-26100-x64-65.dmp", "folder-of-8/111417-58375-01.dmp"] {
        let Some(bytes) = support::dump(&format!("triage/{file}")) else {
            continue;
        };
        let whole = format!("{:?}", Minidump::load(&Slice(&bytes)).unwrap());
        for seed in [3, 1009] {
            let dump = support::piecewise(&bytes, seed, |cache| Minidump::load(cache));
            assert_eq!(format!("{:?}", dump.unwrap()), whole, "{file}");
        }
    }
}

#[derive(serde::Deserialize)]
struct SymbolFile {
    symbols: BTreeMap<String, Symbol>,
}

#[derive(serde::Deserialize)]
struct Symbol {
    address: u64,
}

/// A symbol file of the reference tables beside the corpus.
fn symbols(guid: &str) -> Option<SymbolFile> {
    let file = format!("../reference/isf/{guid}-1.json.xz");
    let path = support::corpus()?.join(Path::new(&file));
    let Ok(packed) = std::fs::read(&path) else {
        eprintln!("skipped: no symbol file {guid}");
        return None;
    };
    let mut text = Vec::new();
    lzma_rs::xz_decompress(&mut &packed[..], &mut text).unwrap();
    Some(serde_json::from_slice(&text).unwrap())
}

/// The symbol that a member points to, where it is not of the same name.
fn symbol_of(member: Member) -> &'static str {
    match member {
        Member::BreakpointWithStatus => "DbgBreakPointWithStatus",
        Member::KiBugcheckData => "KiBugCheckData",
        Member::KdPrintCircularBuffer => "KdPrintDefaultCircularBuffer",
        Member::KdPrintCircularBufferPtr => "KdPrintCircularBuffer",
        Member::NtBuildLab => "NtBuildLabEx",
        Member::MmTriageActionTaken => "VerifierTriageActionTaken",
        Member::KeLoaderBlock => "KdpLoaderDebuggerBlock",
        // The size of a page itself; and since Windows 10 a place inside MiState.
        Member::MmPageSize | Member::MmPagedPoolCommit => "",
        _ => member.name(),
    }
}

#[test]
fn the_debugger_data_points_where_the_symbols_are() {
    for (file, guid) in [
        ("w10-19041-x64-1a.dmp", "79BE8C368BEC7DD9677EA9B355ACE784"),
        ("w10-19041-x64-50.dmp", "89284D0CA6ACC8274B9A44BD5AF9290B"),
        ("w10-19041-x64-7e.dmp", "5278AFF86C341677D7D7835C85B7B844"),
    ] {
        let (Some(bytes), Some(symbols)) =
            (support::dump(&format!("triage/{file}")), symbols(guid))
        else {
            continue;
        };
        let dump = Minidump::load(&Slice(&bytes)).unwrap();
        let data = dump.debugger_data.unwrap();
        let base = data.kernel_base().unwrap().0;
        let mut checked = 0;
        for member in Member::all() {
            let symbol = symbols.symbols.get(symbol_of(member));
            if let (Some(symbol), Some(address)) = (symbol, data.address(member)) {
                assert_eq!(
                    address.0,
                    base + symbol.address,
                    "{file}: {}",
                    member.name()
                );
                checked += 1;
            }
        }
        assert!(checked >= 30, "{file}: {checked}");
        let block = symbols.symbols["KdDebuggerDataBlock"].address;
        assert_eq!(dump.header.debugger_data, Some(base + block), "{file}");
    }
}
