//! The published schema, and reports held against it.

use super::bluepane;
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// Where the schema is published.
pub fn published() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/report.schema.json")
}

/// The published schema, ready to validate.
pub fn compiled(schemas: &mut Schemas) -> SchemaIndex {
    let text = std::fs::read_to_string(published()).unwrap();
    let schema: Value = serde_json::from_str(&text).unwrap();
    let mut compiler = Compiler::new();
    compiler.add_resource("report.json", schema).unwrap();
    compiler.compile("report.json", schemas).unwrap()
}

/// Holds the report on every dump in a folder against the schema, redacted and not.
pub fn validate(path: &str, at_least: usize) {
    let mut schemas = Schemas::new();
    let schema = compiled(&mut schemas);
    let ran = bluepane(&["--format", "json", "--array", path]);
    let redacted = bluepane(&["--format", "json", "--array", "--redact", path]);
    for output in [ran, redacted] {
        let reports: Vec<Value> = serde_json::from_str(&output.stdout).unwrap();
        assert!(reports.len() >= at_least, "{}", reports.len());
        for report in reports {
            if let Err(error) = schemas.validate(&report, schema) {
                panic!("{}: {error}", report["file"]["name"]);
            }
        }
    }
}
