//! Headers of real dumps, against what an independent script read from them.

mod support;

use bluepane::container::pages::PageList;
use bluepane::container::{DumpHeader, Extent, FileFormat, StoredPages, identify};
use bluepane::model::Kind;
use bluepane::source::Slice;

struct Expected {
    file: &'static str,
    build: u32,
    machine: u32,
    code: u32,
    parameters: [u64; 4],
}

const fn expected(
    file: &'static str,
    build: u32,
    machine: u32,
    code: u32,
    parameters: [u64; 4],
) -> Expected {
    Expected {
        file,
        build,
        machine,
        code,
        parameters,
    }
}

static DUMPS: &[Expected] = &[
    expected(
        "folder-of-8/111217-27671-01.dmp",
        9600,
        0x8664,
        0xA000_0001,
        [5, 0, 0, 0],
    ),
    expected(
        "folder-of-8/111317-24484-01.dmp",
        9600,
        0x8664,
        0xA000_0001,
        [5, 0, 0, 0],
    ),
    expected(
        "folder-of-8/111317-27812-01.dmp",
        9600,
        0x8664,
        0x50,
        [0x7FFE_0320, 0, 0xFFFF_F801_EDDF_9151, 8],
    ),
    expected(
        "folder-of-8/111317-33765-01.dmp",
        9600,
        0x8664,
        0xA000_0001,
        [5, 0, 0, 0],
    ),
    expected(
        "folder-of-8/111317-44625-01.dmp",
        9600,
        0x8664,
        0xA000_0001,
        [5, 0, 0, 0],
    ),
    expected(
        "folder-of-8/111317-52015-01.dmp",
        9600,
        0x8664,
        0x1A,
        [0x41287, 0x14DB_FF66_66AF, 0, 0],
    ),
    expected(
        "folder-of-8/111417-173000-01.dmp",
        9600,
        0x8664,
        0x1000_00EA,
        [0xFFFF_E000_CFCE_E880, 0, 0, 0],
    ),
    expected(
        "folder-of-8/111417-58375-01.dmp",
        9600,
        0x8664,
        0x1000_007E,
        [
            0xFFFF_FFFF_C000_0005,
            0xFFFF_F800_7C0A_CD28,
            0xFFFF_D000_22A4_6748,
            0xFFFF_D000_22A4_5F50,
        ],
    ),
    expected(
        "w10-19041-x64-1a.dmp",
        19041,
        0x8664,
        0x1A,
        [
            0x402,
            0xFFFF_A30E_BF6F_0090,
            0x8_51AF_68C0,
            0xFFFF_A30E_BF6F_7248,
        ],
    ),
    expected(
        "w10-19041-x64-1c7.dmp",
        19041,
        0x8664,
        0x1C7,
        [0, 0xFFFF_8582_4E1B_8000, 0xA9E6_9D15, 0x22_68DA],
    ),
    expected(
        "w10-19041-x64-50.dmp",
        19041,
        0x8664,
        0x50,
        [0xFFFF_E78F_9034_5F71, 0x11, 0xFFFF_E78F_9034_5F71, 2],
    ),
    expected(
        "w10-19041-x64-7e.dmp",
        19041,
        0x8664,
        0x1000_007E,
        [
            0xFFFF_FFFF_C000_0005,
            0xFFFF_F804_8B58_334C,
            0xFFFF_8504_2989_1EE8,
            0xFFFF_8504_2989_1720,
        ],
    ),
    expected(
        "w11-22000-arm64-1c8.dmp",
        22000,
        0xAA64,
        0x1C8,
        [0x1B58, 0xFFFF_F803_F3A2_0860, 0, 0],
    ),
    expected("w11-26100-x64-65.dmp", 26100, 0x8664, 0x65, [0; 4]),
];

#[test]
fn stop_code_build_and_machine_are_read_from_every_minidump() {
    for dump in DUMPS {
        let Some(bytes) = support::dump(&format!("triage/{}", dump.file)) else {
            continue;
        };
        let header = DumpHeader::read(&Slice(&bytes)).unwrap();
        let name = dump.file;
        assert_eq!(header.kind(), Kind::Triage, "{name}");
        assert_eq!(header.minor_version, Some(dump.build), "{name}");
        assert_eq!(header.machine, Some(dump.machine), "{name}");
        assert_eq!(header.bugcheck_code, Some(dump.code), "{name}");
        assert_eq!(header.parameters, dump.parameters.map(Some), "{name}");
        assert!(
            header.processors.is_some_and(|n| (1..=64).contains(&n)),
            "{name}"
        );
        let time = bluepane::time::iso8601_from_filetime(header.system_time.unwrap()).unwrap();
        assert!(time.starts_with("20"), "{name}: {time}");
        let days = header.uptime.unwrap() / 864_000_000_000;
        assert!(days < 60, "{name}: {days} days");
        assert!(
            header.context.is_some() && header.exception.is_some(),
            "{name}"
        );
        assert!(
            header.debugger_data.unwrap() > 0xFFFF_8000_0000_0000,
            "{name}"
        );
        assert_eq!(header.product_type, Some(1), "{name}");
    }
}

#[test]
fn the_26100_minidump_lists_physical_memory_and_the_older_ones_do_not() {
    for dump in DUMPS {
        let Some(bytes) = support::dump(&format!("triage/{}", dump.file)) else {
            continue;
        };
        let memory = DumpHeader::read(&Slice(&bytes)).unwrap().physical_memory;
        if dump.build == 26100 {
            let memory = memory.unwrap();
            assert_eq!((memory.recorded, memory.total_pages), (7, 0x4F_2345));
            assert!(memory.adds_up());
        } else if let Some(memory) = memory {
            // One 19041 file was written by a newer crashdmp.sys and has them too.
            assert!(memory.adds_up(), "{}", dump.file);
        }
    }
}

#[test]
fn damaged_and_foreign_files_are_named() {
    for (path, format) in [
        ("damaged/empty.dmp", FileFormat::Empty),
        ("damaged/header-zeroed.dmp", FileFormat::Zeros),
        ("damaged/mdmp-fuzzed-1.dmp", FileFormat::UserMinidump),
        ("user-minidump/linux.dmp", FileFormat::UserMinidump),
        ("user-minidump/x86-exec-av.dmp", FileFormat::UserMinidump),
        ("hives/small.hive", FileFormat::RegistryHive),
        ("hives/SYSTEM-win7.xz", FileFormat::Xz),
        ("INDEX.md", FileFormat::Text),
        ("smbios/hyper-v-gen1-090008.json", FileFormat::Json),
        ("triage/w11-26100-x64-65.dmp", FileFormat::KernelDump),
    ] {
        if let Some(bytes) = support::dump(path) {
            assert_eq!(identify(&Slice(&bytes)).unwrap().format, format, "{path}");
            let piecewise = support::piecewise(&bytes, 7, |cache| identify(cache));
            assert_eq!(piecewise.unwrap().format, format, "{path}");
        }
    }
}

#[test]
fn the_pages_of_the_small_kernel_dumps_are_found() {
    for (file, kind) in [
        ("full.dmp.xz", Kind::Full),
        ("bitmap-kernel.dmp.xz", Kind::BitmapKernel),
    ] {
        let Some(packed) = support::dump(&format!("kernel-small/{file}")) else {
            continue;
        };
        let mut bytes = Vec::new();
        lzma_rs::xz_decompress(&mut &packed[..], &mut bytes).unwrap();
        let source = Slice(&bytes);
        let header = DumpHeader::read(&source).unwrap();
        assert_eq!(header.kind(), kind, "{file}");
        let pages = StoredPages::read(&source, &header).unwrap();
        assert_eq!(pages.end(), bytes.len() as u64, "{file}");
        assert!(
            !Extent::new(&header, Some(&pages), None).truncated(),
            "{file}"
        );
        if let PageList::Bitmap { place, .. } = pages.list {
            let bitmap = &bytes[place.offset as usize..(place.offset + place.len) as usize];
            let set: u64 = bitmap.iter().map(|byte| u64::from(byte.count_ones())).sum();
            assert_eq!(set, pages.present, "{file}");
        }
    }
}
