//! `--symbols` on real minidumps, with symbol files of the very kernels: names where there were
//! offsets. A file of another kernel is refused, and both are named.

mod support;

use std::path::{Path, PathBuf};
use support::{Folder, bluepane};

/// The dump and the symbol file of its kernel.
const PAIRS: [(&str, &str); 3] = [
    ("w10-19041-x64-7e", "5278AFF86C341677D7D7835C85B7B844-1"),
    ("w10-19041-x64-50", "89284D0CA6ACC8274B9A44BD5AF9290B-1"),
    ("w10-19041-x64-1a", "79BE8C368BEC7DD9677EA9B355ACE784-1"),
];

fn folder(variable: &str, beside: &str) -> Option<PathBuf> {
    let found = std::env::var_os(variable).map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join(beside),
        PathBuf::from,
    );
    if !found.is_dir() {
        eprintln!("skipped: no folder for {variable}");
        return None;
    }
    Some(found)
}

fn dump(name: &str) -> Option<String> {
    let corpus = folder("BLUEPANE_CORPUS", "../../../shared/corpus")?;
    let path = corpus.join(format!("triage/{name}.dmp"));
    path.is_file().then(|| path.display().to_string())
}

fn isf(name: &str) -> Option<String> {
    let reference = folder("BLUEPANE_REFERENCE", "../../../shared/reference")?;
    let path = reference.join(format!("isf/{name}.json.xz"));
    path.is_file().then(|| path.display().to_string())
}

fn report(arguments: &[&str]) -> serde_json::Value {
    let ran = bluepane(&[arguments, &["--format", "json"]].concat());
    assert_eq!(ran.status, 0, "{ran:?}");
    serde_json::from_str(&ran.stdout).unwrap()
}

#[test]
fn the_kernels_symbol_file_names_the_kernels_frames() {
    for (name, symbols) in PAIRS {
        let (Some(dump), Some(isf)) = (dump(name), isf(symbols)) else {
            return;
        };
        let report = report(&[&dump, "--symbols", &isf]);
        let frames = report["stack"]["frames"].as_array().unwrap();
        let kernel: Vec<_> = frames
            .iter()
            .filter(|frame| frame["module"] == "ntoskrnl.exe")
            .collect();
        let named = kernel.iter().filter(|f| f["symbol"].is_string()).count();
        assert!(
            named * 10 >= kernel.len() * 8,
            "{name}: {named} of {}",
            kernel.len()
        );
        let has = |wanted: &str| frames.iter().any(|frame| frame["symbol"] == wanted);
        // Every one of these threads was begun by the kernel for itself.
        assert!(has("PspSystemThreadStartup"), "{name}");
        assert_eq!(report["symbol_files"][0]["used"], true, "{name}");
        assert_eq!(report["symbol_files"][0]["module"], "ntoskrnl.exe");
        if name != "w10-19041-x64-7e" {
            assert_eq!(frames[0]["symbol"], "KeBugCheckEx", "{name}");
        }
    }
}

#[test]
fn another_kernels_symbol_file_is_refused_with_both_identities() {
    let (Some(dump), Some(isf)) = (dump(PAIRS[0].0), isf(PAIRS[1].1)) else {
        return;
    };
    let report = report(&[&dump, "--symbols", &isf]);
    let file = &report["symbol_files"][0];
    let why = file["why"].as_str().unwrap();
    assert_eq!(file["used"], false);
    assert!(
        why.contains("89284D0C-A6AC-C827-4B9A-44BD5AF9290B"),
        "{why}"
    );
    // The dump says of its kernel when it was linked.
    assert!(
        why.contains("ntoskrnl.exe") && why.contains("0D8333E6"),
        "{why}"
    );
    let frames = report["stack"]["frames"].as_array().unwrap();
    let named = |frame: &&serde_json::Value| {
        frame["module"] == "ntoskrnl.exe" && frame["symbol"].is_string()
    };
    assert_eq!(frames.iter().filter(named).count(), 0);
    let codes: Vec<_> = report["notes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| &n["code"])
        .collect();
    assert!(
        codes.iter().any(|code| **code == "symbols-refused"),
        "{codes:?}"
    );
    assert!(
        codes.iter().any(|code| **code == "symbols-none"),
        "{codes:?}"
    );
}

#[test]
fn a_report_names_the_files_that_would_help_by_their_place_in_a_store() {
    let Some(dump) = dump(PAIRS[0].0) else { return };
    let report = report(&[&dump]);
    let paths: Vec<_> = report["wanted_symbols"]
        .as_array()
        .unwrap()
        .iter()
        .map(|wanted| wanted["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths[0], "ntoskrnl.exe/0D8333E61046000/ntoskrnl.exe");
    assert!(
        paths.iter().any(|path| path.starts_with("amdppm.sys/")),
        "{paths:?}"
    );
}

#[test]
fn what_is_no_symbol_file_is_said_so() {
    let Some(dump) = dump(PAIRS[0].0) else { return };
    let folder = Folder::new("symbols");
    let notes = folder.file("notes.txt", b"no symbols here");
    let empty = folder.file(
        "broken.pdb",
        b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0rubbish",
    );
    let report = report(&[&dump, "--symbols", &notes, "--symbols", &empty]);
    let texts: Vec<_> = report["notes"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|note| note["code"] == "symbols-unusable")
        .map(|note| note["text"].as_str().unwrap())
        .collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(
        texts[0].starts_with("notes.txt: it is neither"),
        "{texts:?}"
    );
    assert!(
        texts[1].starts_with("broken.pdb: the PDB is damaged"),
        "{texts:?}"
    );
}

/// The stack of the scenario, as its file lists it.
fn scenario_stack(text: &str) -> Vec<&str> {
    let mut places = Vec::new();
    for part in text.split("[[stack]]").skip(1) {
        let line = part.lines().find(|line| line.starts_with("at = "));
        places.extend(line.and_then(|line| line.split('"').nth(1)));
    }
    places
}

/// A PDB with the names and types of an ISF file, where Python is at hand.
fn as_pdb(isf: &str, folder: &Folder) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/isf-to-pdb.py");
    let ran = std::process::Command::new("python3")
        .args([script.as_os_str(), isf.as_ref(), folder.path().as_ref()])
        .output()
        .ok()?;
    let path = String::from_utf8(ran.stdout).ok()?;
    let path = path.trim();
    Path::new(path).is_file().then(|| path.into())
}

#[test]
fn on_a_forged_kernel_dump_every_kernel_frame_bears_the_scenarios_name() {
    const SCENARIO: &str = include_str!("../../forge/scenarios/kernel/page-in-2012-r2.toml");
    let Some(isf) = isf("22597D0B40394E23936F6A24C6C52D5B-1") else {
        return;
    };
    let folder = Folder::new("named-frames");
    let dump = folder.forge("MEMORY.DMP", SCENARIO);
    let dump = dump.display().to_string();
    let pdb = as_pdb(&isf, &folder);
    if pdb.is_none() {
        eprintln!("skipped: no Python to make a PDB with");
    }
    let mut stacks = Vec::new();
    for file in [Some(isf), pdb].into_iter().flatten() {
        let report = report(&[&dump, "--symbols", &file]);
        let frames = report["stack"]["frames"].as_array().unwrap().clone();
        let named: Vec<String> = frames
            .iter()
            .filter(|frame| frame["module"] == "ntoskrnl.exe")
            .map(|frame| format!("nt!{}", frame["symbol"].as_str().unwrap_or("?")))
            .collect();
        let wanted: Vec<&str> = scenario_stack(SCENARIO)
            .into_iter()
            .filter(|at| at.starts_with("nt!"))
            .collect();
        assert_eq!(named, wanted, "{file}");
        stacks.push(frames);
    }
    // Both kinds of file say the same of every frame, to the byte.
    assert!(stacks.windows(2).all(|pair| pair[0] == pair[1]));
}
