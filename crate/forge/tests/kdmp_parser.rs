//! kdmp-parser, which shares nothing with the forge, opens every 64-bit container and finds what the forge put in.

use bluepane_forge::{Scenario, Truth, forge};
use kdmp_parser::gxa::{Gpa, Gva};
use kdmp_parser::parse::KernelDumpParser;
use kdmp_parser::phys::Reader as PhysReader;
use kdmp_parser::virt::Reader as VirtReader;
use std::io::Cursor;

fn scenario(build: u32, kind: &str) -> Scenario {
    Scenario::from_toml(&format!(
        "[machine]\nbuild = {build}\nmemory = \"96 MiB\"\n[stop]\ncode = 0x7a\nparameters = [1, 2, 3, 4]\n\
         [dump]\nkind = \"{kind}\"\n[[processes]]\nname = \"smss.exe\"\npid = 360\n"
    ))
    .expect("the scenario")
}

fn open(scenario: &Scenario) -> KernelDumpParser {
    let bytes = forge(scenario).expect("the dump").to_vec();
    KernelDumpParser::with_reader(Cursor::new(bytes)).expect("kdmp-parser opens it")
}

const KINDS: [&str; 9] = [
    "full",
    "bitmap-full",
    "bitmap-kernel",
    "automatic",
    "active",
    "live",
    "range-kernel",
    "range-kernel-user",
    "range-complete",
];

#[test]
fn every_container_gives_back_each_physical_page() {
    for kind in KINDS {
        let scenario = scenario(19041, kind);
        let truth = Truth::of(&scenario).unwrap();
        let parser = open(&scenario);
        let reader = PhysReader::new(&parser);
        let mut read = 0;
        for frame in &truth.kernel_frames {
            let mut page = [0; 4096];
            reader
                .read_exact(Gpa::new(frame << 12), &mut page)
                .unwrap_or_else(|e| {
                    panic!("{kind}: frame {frame:x} is missing: {e:?}");
                });
            let want = truth.physical.get(frame).copied().unwrap_or([0; 4096]);
            assert!(page == want, "{kind}: frame {frame:x} differs");
            read += 1;
        }
        assert!(read > 100, "{kind}");
        let headers = parser.headers();
        assert_eq!(
            (headers.bug_check_code, headers.bug_check_code_parameters),
            (0x7a, [1, 2, 3, 4])
        );
    }
}

/// Every mapped kernel page of a machine, read by its address.
fn translates(build: u32, kind: &str) {
    let scenario = scenario(build, kind);
    let truth = Truth::of(&scenario).unwrap();
    let parser = open(&scenario);
    let reader = VirtReader::new(&parser);
    assert!(truth.kernel.len() > 50, "{build} {kind}");
    for (va, want) in &truth.kernel {
        let mut page = [0; 4096];
        reader
            .read_exact(Gva::new(*va), &mut page)
            .unwrap_or_else(|e| {
                panic!("{build} {kind}: {va:x} cannot be read: {e:?}");
            });
        assert!(&page == want, "{build} {kind}: {va:x} differs");
    }
}

#[test]
fn kernel_addresses_translate_to_what_was_written_in_every_build() {
    for build in [7601, 9600, 14393, 17763, 19041, 20348, 22000, 26100] {
        translates(build, "bitmap-kernel");
    }
}

#[test]
fn kernel_addresses_translate_to_what_was_written_in_every_container() {
    for kind in KINDS {
        translates(19041, kind);
    }
}

#[test]
fn the_loaded_modules_are_those_of_the_scenario() {
    for build in [9600, 19041, 26100] {
        let scenario = scenario(build, "full");
        let truth = Truth::of(&scenario).unwrap();
        let parser = open(&scenario);
        let mut found: Vec<(u64, u64, String)> = parser
            .kernel_modules()
            .map(|(range, name)| {
                let (start, end) = (u64::from(range.start), u64::from(range.end));
                (start, end - start, name.into())
            })
            .collect();
        let mut want: Vec<(u64, u64, String)> = truth
            .modules
            .iter()
            .map(|m| (m.base, m.size, m.path.clone()))
            .collect();
        found.sort();
        want.sort();
        assert_eq!(found, want, "{build}");
    }
}

#[test]
fn a_page_left_out_is_missing_while_its_neighbours_are_there() {
    let mut scenario = scenario(19041, "bitmap-kernel");
    let truth = Truth::of(&scenario).unwrap();
    let victim = truth.variables["PsLoadedModuleList"] & !0xfff;
    scenario
        .faults
        .leave_out
        .push(bluepane_forge::scenario::Number(victim));
    let parser = open(&scenario);
    let reader = VirtReader::new(&parser);
    let mut page = [0; 16];
    assert!(reader.read_exact(Gva::new(victim), &mut page).is_err());
    let other = truth.variables["KdDebuggerDataBlock"];
    assert_ne!(other & !0xfff, victim);
    reader.read_exact(Gva::new(other), &mut page).unwrap();
}

#[test]
fn a_page_in_transition_is_read_through_its_entry() {
    let mut scenario = scenario(19041, "bitmap-kernel");
    scenario.pages.push(bluepane_forge::scenario::Pages {
        address: 0xffff_c000_7777_0000.into(),
        state: bluepane_forge::scenario::PageKind::Transition,
        text: "still here".into(),
        ..Default::default()
    });
    let parser = open(&scenario);
    let mut text = [0; 10];
    VirtReader::new(&parser)
        .read_exact(Gva::new(0xffff_c000_7777_0000), &mut text)
        .unwrap();
    assert_eq!(&text, b"still here");
}

#[test]
fn the_modules_of_the_stopping_process_are_found_through_its_environment_block() {
    for (build, kind) in [(9600, "full"), (19041, "active"), (26100, "bitmap-full")] {
        let mut scenario = scenario(build, kind);
        scenario.processes[0].current = true;
        let parser = open(&scenario);
        let names: Vec<String> = parser
            .user_modules()
            .map(|(_, name)| name.to_string())
            .collect();
        assert!(
            names.iter().any(|n| n.ends_with("smss.exe")),
            "{build} {kind}: {names:?}"
        );
        assert!(
            names.iter().any(|n| n.ends_with("ntdll.dll")),
            "{build} {kind}: {names:?}"
        );
    }
}
