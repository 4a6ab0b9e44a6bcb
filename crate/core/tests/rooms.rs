//! Bytes flow one way: a room imports only from the rooms above it in `lib.rs`.

use std::fs;
use std::path::{Path, PathBuf};

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rooms() -> Vec<String> {
    let lib = fs::read_to_string(source().join("lib.rs")).unwrap();
    let name = |line: &str| Some(line.strip_prefix("pub mod ")?.strip_suffix(';')?.to_owned());
    lib.lines().filter_map(name).collect()
}

fn files(at: &Path, found: &mut Vec<PathBuf>) {
    if at.is_dir() {
        for entry in fs::read_dir(at).unwrap() {
            files(&entry.unwrap().path(), found);
        }
    } else if at.extension().is_some_and(|ending| ending == "rs") {
        found.push(at.to_owned());
    }
}

#[test]
fn a_room_imports_only_from_the_rooms_above_it() {
    let rooms = rooms();
    assert!(rooms.len() > 10, "lib.rs is read");
    let mut wrong = Vec::new();
    for (index, room) in rooms.iter().enumerate() {
        let mut found = Vec::new();
        files(&source().join(room), &mut found);
        files(&source().join(format!("{room}.rs")), &mut found);
        for file in found.iter().filter(|file| file.exists()) {
            // Tests may look anywhere.
            if file
                .components()
                .any(|part| part.as_os_str().to_string_lossy().contains("test"))
            {
                continue;
            }
            let text = fs::read_to_string(file).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            for below in &rooms[index + 1..] {
                if code.contains(&format!("crate::{below}::")) {
                    wrong.push(format!("{} imports {below}", file.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
