//! What the tests of the tables share: the invariants that every text has to keep, and where the
//! reference tables are (they are not part of the project; tests that want them say so and pass
//! when they are absent).

extern crate std;

use alloc::string::String;
use std::path::PathBuf;

/// A text that may be shown: not empty, one line, no control characters, no outer spaces.
pub(crate) fn assert_presentable(what: &str, text: &str) {
    assert!(!text.is_empty(), "{what}: empty");
    assert_eq!(text, text.trim(), "{what}: spaces around {text:?}");
    assert!(
        !text.chars().any(char::is_control),
        "{what}: control character in {text:?}"
    );
    assert!(!text.contains("  "), "{what}: double space in {text:?}");
}

/// A file of the reference folder (`BLUEPANE_REFERENCE`, default `../shared/reference` beside the
/// repository), or `None` with a line that says the test was skipped.
pub(crate) fn reference(name: &str) -> Option<String> {
    let folder = match std::env::var_os("BLUEPANE_REFERENCE") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference"),
    };
    let found = std::fs::read(folder.join(name)).ok();
    if found.is_none() {
        std::eprintln!("skipped: no reference file {name} (set BLUEPANE_REFERENCE)");
    }
    found.map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// Records of a comma-separated file with quoted fields, the header line included.
pub(crate) fn csv(text: &str) -> alloc::vec::Vec<alloc::vec::Vec<String>> {
    let (mut records, mut record, mut field) = (
        alloc::vec::Vec::new(),
        alloc::vec::Vec::new(),
        String::new(),
    );
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => record.push(core::mem::take(&mut field)),
            '\n' if !quoted => {
                record.push(core::mem::take(&mut field));
                records.push(core::mem::take(&mut record));
            }
            '\r' if !quoted => {}
            other => field.push(other),
        }
    }
    records
}

#[test]
fn quoted_fields_keep_commas_and_quotes() {
    assert_eq!(csv("a,\"b,\"\"c\"\"\"\r\n"), [["a", "b,\"c\""]]);
}
