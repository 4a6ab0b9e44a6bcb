//! Every scenario file that comes with the forge can be forged, and large machines stay small.

use bluepane_forge::{Scenario, forge};
use std::time::Instant;

#[test]
fn every_scenario_file_gives_a_dump() {
    let mut found = 0;
    for folder in ["scenarios", "scenarios/kernel"] {
        for entry in std::fs::read_dir(folder).expect("the folder").flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|e| e != "toml") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("the file");
            let scenario =
                Scenario::from_toml(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            let dump = forge(&scenario).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            assert!(dump.len() > 0x10000, "{}", path.display());
            found += 1;
        }
    }
    assert!(found >= 5);
}

#[test]
fn a_complete_dump_of_64_gib_stores_only_what_was_invented() {
    let text = "[machine]\nmemory = \"64 GiB\"\n[dump]\nkind = \"full\"";
    let dump = forge(&Scenario::from_toml(text).unwrap()).unwrap();
    assert!(dump.len() > 64 << 30);
    let stored: usize = dump.pieces().map(|(_, bytes)| bytes.len()).sum();
    assert!(stored < 16 << 20, "{stored} bytes");
}

#[test]
fn four_hundred_processes_and_three_hundred_drivers_are_forged_in_seconds() {
    let mut text = String::from("modules = [\n");
    for i in 0..300 {
        text += &format!("{{ name = \"drv{i}.sys\", size = 0x20000 }},\n");
    }
    text += "]\n[machine]\nmemory = \"64 GiB\"\n[dump]\nkind = \"bitmap-kernel\"\n";
    for i in 0..400 {
        text += &format!(
            "[[processes]]\nname = \"p{i}.exe\"\npid = {}\nthreads = 3\n",
            1000 + 4 * i
        );
    }
    let start = Instant::now();
    let dump = forge(&Scenario::from_toml(&text).unwrap()).unwrap();
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    assert!(dump.len() < 256 << 20, "{}", dump.len());
}
