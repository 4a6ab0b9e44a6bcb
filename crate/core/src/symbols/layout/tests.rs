//! Every line of the tables can be read, and the right one is chosen.

extern crate std;

use super::*;
use crate::knowledge::store::Table;
use crate::knowledge::text;
use crate::model::Guid;
use alloc::format;

fn kernel(machine: u16, build: u32, revision: Option<u32>) -> KernelIdentity {
    KernelIdentity {
        machine,
        build,
        revision,
        ..KernelIdentity::default()
    }
}

/// GUID of the symbol file of 10.0.19041.804, from its printed digits.
const OF_19041_804: u128 = 0x5278_AFF8_6C34_1677_D7D7_835C_85B7_B844;

fn guid(printed: u128) -> Guid {
    let b = printed.to_be_bytes();
    Guid([
        b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13],
        b[14], b[15],
    ])
}

#[test]
fn every_line_of_the_structures_can_be_read() {
    let mut name = "";
    let mut rows = 0;
    for line in text::lines(Table::Structures.text()) {
        if line.starts_with('_') {
            let next = line.split(' ').next().unwrap();
            assert!(name < next, "{next} is out of order");
            name = next;
            continue;
        }
        let architecture = line.split(' ').next().unwrap();
        let machine = match architecture {
            "x64" => X64,
            "x86" => X86,
            "arm64" => ARM64,
            other => panic!("{other}"),
        };
        rows += 1;
        let layouts = Layouts::for_kernel(&kernel(machine, 19041, None));
        let cells = format!("{line} ");
        let found = layouts.rows(name);
        assert!(
            found.iter().any(|row| {
                let (build, revision) = row.first;
                cells.starts_with(&format!("{architecture} {build}.{revision} "))
            }),
            "{name}: {line}"
        );
    }
    assert!(rows > 400);
}

#[test]
fn a_known_kernel_is_found_by_its_symbol_file() {
    let mut identity = kernel(X64, 19041, None);
    identity.pdb = Some((guid(OF_19041_804), 1));
    let layouts = Layouts::for_kernel(&identity);
    assert!(layouts.is_known_kernel());
    assert_eq!(layouts.identity().revision, Some(804));
    let state = layouts.variable("MiState").unwrap();
    assert_eq!(
        (state.how, state.confidence),
        (How::ByIdentity, Confidence::Certain)
    );
    assert_eq!(layouts.variable("NoSuchThing"), None);
    // The serviced place, which its build alone would not tell from 2600.
    let vs = layouts.member("_MI_SYSTEM_INFORMATION", "Vs").unwrap();
    assert_eq!((vs.offset, vs.how), (0x2600, How::ByIdentity));
    // Another age is another file; so is the same file on another machine.
    identity.pdb = Some((guid(OF_19041_804), 2));
    assert!(!Layouts::for_kernel(&identity).is_known_kernel());
    identity = kernel(ARM64, 19041, None);
    identity.pdb = Some((guid(OF_19041_804), 1));
    assert!(!Layouts::for_kernel(&identity).is_known_kernel());
}

#[test]
fn addresses_of_every_known_kernel_are_those_of_the_symbol_tables() {
    let Some(path) = std::env::var_os("BLUEPANE_REFERENCE") else {
        std::println!("skipped: BLUEPANE_REFERENCE is not set");
        return;
    };
    let path = std::path::Path::new(&path).join("offsets/nt_x64_symbol_rvas.csv");
    let table = std::fs::read_to_string(path).unwrap();
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut compared = 0;
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let printed = u128::from_str_radix(&cells[1][..32], 16).unwrap();
        let identity = KernelIdentity {
            pdb: Some((guid(printed), 1)),
            ..kernel(X64, 1, None)
        };
        let layouts = Layouts::for_kernel(&identity);
        for symbol in [
            "MiState",
            "MiSystemPartition",
            "PoolTrackTable",
            "MmPagingFile",
        ] {
            let column = names.iter().position(|&name| name == symbol).unwrap();
            let wanted = u32::from_str_radix(cells[column], 16).ok();
            let found = layouts.variable(symbol).map(|place| place.offset);
            assert_eq!(found, wanted, "{symbol} of {}", cells[0]);
            compared += usize::from(wanted.is_some());
        }
    }
    assert!(compared > 400);
}

#[test]
fn time_stamp_and_size_tell_a_kernel_whose_symbol_file_is_not_known() {
    let mut identity = kernel(X64, 14393, None);
    identity.image = Some((0x6104_D5BB, 0x81_D000));
    assert_eq!(
        Layouts::for_kernel(&identity).identity().revision,
        Some(4583)
    );
    // Its own word that it belongs to another symbol file goes before.
    identity.pdb = Some((Guid([7; 16]), 1));
    assert!(!Layouts::for_kernel(&identity).is_known_kernel());
}

#[test]
fn a_serviced_build_offers_each_of_its_layouts() {
    let vp = |revision| {
        let layouts = Layouts::for_kernel(&kernel(X64, 14393, revision));
        let rows = layouts.rows("_MI_PARTITION");
        let place = |row: &Layout| (row.offset("Vp").unwrap(), row.confidence);
        (place(&rows[0]), place(&rows[1]))
    };
    let (likely, possible) = (Confidence::Likely, Confidence::Possible);
    assert_eq!(vp(None), ((0x1880, possible), (0x1400, possible)));
    assert_eq!(vp(Some(0)), ((0x1400, likely), (0x1880, possible)));
    assert_eq!(vp(Some(5000)), ((0x1880, likely), (0x1400, possible)));
    assert_eq!(vp(Some(9999)), ((0x1880, possible), (0x1400, possible)));
}

#[test]
fn an_unknown_build_gets_the_nearest_first_and_is_not_sure() {
    let layouts = Layouts::for_kernel(&kernel(X64, 26200, None));
    let pid = layouts.member("_EPROCESS", "UniqueProcessId").unwrap();
    assert_eq!((pid.offset, pid.confidence), (0x1D0, Confidence::Possible));
    let layouts = Layouts::for_kernel(&kernel(X64, 22631, Some(9999)));
    let pid = layouts.member("_EPROCESS", "UniqueProcessId").unwrap();
    assert_eq!(pid.offset, 0x440);
    assert_eq!(layouts.member("_EPROCESS", "NoSuchMember"), None);
    assert_eq!(layouts.member("_NO_SUCH_STRUCTURE", "Size"), None);
}

#[test]
fn widths_that_are_not_a_pointers_are_told() {
    let size = |machine, build| {
        let layouts = Layouts::for_kernel(&kernel(machine, build, None));
        let size = layouts.member("_MMPAGING_FILE", "MaximumSize").unwrap();
        (size.offset, size.width)
    };
    assert_eq!(size(X64, 22631), (8, None));
    assert_eq!(size(X64, 26100), (4, Some(4)));
    assert_eq!(size(ARM64, 26100), (4, Some(4)));
    assert_eq!(size(X86, 7601), (4, None));
}

#[derive(Debug)]
struct Dropped;

impl Types for Dropped {
    fn member(&self, structure: &str, member: &str) -> Option<crate::symbols::TypeMember> {
        let meant = (structure, member) == ("_EPROCESS", "UniqueProcessId");
        meant.then_some(crate::symbols::TypeMember {
            offset: 0x999,
            width: Some(8),
        })
    }
    fn size(&self, _: &str) -> Option<u32> {
        None
    }
    fn variable(&self, name: &str) -> Option<u32> {
        (name == "MiState").then_some(0x1234)
    }
}

#[test]
fn a_symbol_file_goes_before_the_tables_and_they_answer_the_rest() {
    let layouts = Layouts::for_kernel(&kernel(X64, 19041, None)).with_types(Some(&Dropped));
    let found = [
        layouts.member("_EPROCESS", "UniqueProcessId").unwrap(),
        layouts.member("_EPROCESS", "ActiveProcessLinks").unwrap(),
        layouts.variable("MiState").unwrap(),
    ];
    let found: Vec<_> = found
        .iter()
        .map(|place| (place.offset, place.how))
        .collect();
    let expected = [
        (0x999, How::BySymbols),
        (0x448, How::ByFamily),
        (0x1234, How::BySymbols),
    ];
    assert_eq!(found, expected);
    assert_eq!(layouts.variable("MiSystemPartition"), None);
    assert_eq!(layouts.size("_EPROCESS"), Some(0xA40));
}

#[test]
fn neighbours_have_the_published_distances() {
    let distances = |build| {
        let layouts = Layouts::for_kernel(&kernel(X64, build, None));
        let mut found = layouts.distances("MiState", "MiSystemPartition");
        found.sort_unstable();
        found
    };
    assert_eq!(distances(19041), [0x4400, 0x4480, 0x44C0]);
    assert_eq!(distances(19045), distances(19041));
    assert_eq!(distances(22000), [0x5F00, 0x5F40]);
    assert!(distances(5000).is_empty());
}
