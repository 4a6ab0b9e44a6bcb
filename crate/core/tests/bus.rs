//! The version of the bus between a guest and its host, found in the memory of the guest's driver.

use bluepane::analysis::{Analysis, Answer, Query};
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, forge};

fn asked(scenario: &str) -> String {
    let scenario = Scenario::from_toml(scenario).expect("the scenario");
    let bytes = forge(&scenario).expect("the dump").to_vec();
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    let mut provider = SliceProvider(&bytes);
    analysis.run(&mut provider);
    match analysis.answer(Query::Command("!vmbus".into()), &mut provider) {
        Some(Answer::Text(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn guest(architecture: &str, build: u32, bus: &str, more: &str) -> String {
    let modules = ["winhv.sys", "storvsc.sys", "netvsc.sys", "dmvsc.sys"]
        .map(|name| format!("{{ name = \"{name}\", size = 0x18000 }},"))
        .concat();
    format!(
        "modules = [{{ name = \"hal.dll\", size = 0x60000 }}, {{ name = \"vmbus.sys\", size = 0x1b000 }}, {modules}]\n\
         [machine]\nbuild = {build}\narchitecture = \"{architecture}\"\n{bus}{more}[dump]\nkind = \"full\"\n"
    )
}

const AGREED: &str = "[bus]\nagreed = 0x30000\nnewest = 0x40000\n";

#[test]
fn the_agreed_version_is_found_in_every_layout_and_names_who_is_behind() {
    for (architecture, build) in [("x64", 9600), ("x64", 14393), ("x64", 22000), ("x86", 7601)] {
        let said = asked(&guest(architecture, build, AGREED, ""));
        assert!(
            said.contains("speak version 3.0"),
            "{architecture} {build}: {said}"
        );
        assert!(said.contains("Windows Server 2012 R2"), "{said}");
        assert!(
            said.contains("it is the host that can do no more"),
            "{said}"
        );
        let both = AGREED.replace("0x40000", "0x30000");
        let said = asked(&guest(architecture, build, &both, ""));
        assert!(said.contains("The host may be newer"), "{said}");
    }
}

#[test]
fn nothing_is_said_where_a_place_does_not_obey_all_of_it() {
    // Without the record, with a version that the driver cannot speak, and with one that is none.
    let wrong = [
        String::new(),
        AGREED.replace("agreed = 0x30000", "agreed = 0x50002"),
        AGREED.replace("agreed = 0x30000", "agreed = 0x30007"),
        AGREED.replace("newest = 0x40000", "newest = 0xC"),
    ];
    for bus in wrong {
        let said = asked(&guest("x64", 14393, &bus, ""));
        assert!(
            said.starts_with("The version of the bus was not found"),
            "{bus}: {said}"
        );
    }
}

#[test]
fn a_driver_whose_memory_was_not_written_tells_nothing() {
    let faults = "[faults]\nleave_out_modules = [\"vmbus.sys\"]\n";
    let text = guest("x64", 14393, AGREED, faults).replace("\"full\"", "\"bitmap-kernel\"");
    assert!(!asked(&text).contains("speak version"));
}
