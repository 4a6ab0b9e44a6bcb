//! What the tests of the command share: running it, files to run it on, and the table of facts
//! that comes with the corpus.
#![allow(dead_code)]

pub mod schema;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// What came of running the command.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().expect("the command was killed"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Runs the command.
pub fn bluepane<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Ran {
    Command::new(env!("CARGO_BIN_EXE_bluepane"))
        .args(arguments)
        .output()
        .unwrap()
        .into()
}

/// The command's JSON on one file.
pub fn json(path: &Path) -> (i32, serde_json::Value) {
    let path = path.to_str().unwrap();
    let ran = bluepane(&["--format", "json", path]);
    let value = serde_json::from_str(&ran.stdout).expect(&ran.stdout);
    (ran.status, value)
}

/// A folder of a test's own, removed at its end.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("bluepane-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// A file in it.
    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().into()
    }

    /// A forged dump in it; what is left out of memory takes no room on the disk.
    pub fn forge(&self, name: &str, scenario: &str) -> PathBuf {
        let scenario = bluepane_forge::Scenario::from_toml(scenario).unwrap();
        let dump = bluepane_forge::forge(&scenario).unwrap();
        let path = self.0.join(name);
        dump.write_to(&mut std::fs::File::create(&path).unwrap())
            .unwrap();
        path
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Where the corpus is: `BLUEPANE_CORPUS`, else beside the repository.
pub fn corpus() -> Option<PathBuf> {
    let near = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = std::env::var_os("BLUEPANE_CORPUS")
        .map(PathBuf::from)
        .into_iter()
        .chain(["../../../shared/corpus", "../../../../shared/corpus"].map(|path| near.join(path)))
        .find(|path| path.is_dir());
    if found.is_none() {
        eprintln!("skipped: no corpus (set BLUEPANE_CORPUS)");
    }
    found
}

/// One row of the corpus' table of minidumps.
#[derive(Debug)]
pub struct Row {
    pub path: PathBuf,
    pub size: u64,
    pub build: u64,
    pub machine: u64,
    pub code: u64,
    pub parameters: Vec<u64>,
    pub drivers: usize,
    pub firmware: String,
}

/// The rows of that table.
pub fn rows(corpus: &Path) -> Vec<Row> {
    let hex = |text: &str| u64::from_str_radix(text.trim().trim_start_matches("0x"), 16).unwrap();
    let index = std::fs::read_to_string(corpus.join("INDEX.md")).unwrap();
    index
        .lines()
        .filter(|line| line.starts_with("| triage/"))
        .map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            Row {
                path: corpus.join(cells[1]),
                size: cells[3].parse().unwrap(),
                build: cells[4].parse().unwrap(),
                machine: hex(cells[5]),
                code: hex(cells[6]),
                parameters: cells[7].split(',').map(hex).collect(),
                drivers: cells[8].parse().unwrap(),
                firmware: cells[9].into(),
            }
        })
        .collect()
}
