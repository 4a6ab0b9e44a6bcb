//! The published schema: made from the model, kept in the documentation, obeyed by every report.
//! `UPDATE=1 cargo test -p bluepane-cli --test schema` writes it anew.

mod support;

use bluepane::model::{Report, SCHEMA};
use boon::Schemas;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use support::Folder;
use support::schema::{compiled, published, validate};

/// The schema as the model has it.
fn generated() -> Value {
    let generator = SchemaSettings::draft2020_12()
        .for_serialize()
        .into_generator();
    let mut schema = serde_json::to_value(generator.into_root_schema_for::<Report>()).unwrap();
    simplify(&mut schema);
    let root = schema.as_object_mut().unwrap();
    root.insert("$id".into(), json!(format!("urn:bluepane:report:{SCHEMA}")));
    root.insert("title".into(), json!("A bluepane report"));
    root.insert("required".into(), json!(["schema", "file"]));
    schema
}

/// Readers are to assume that every field is optional, and a closed list is an `enum`.
fn simplify(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.remove("required");
            merge_list(map);
            drop_null(map);
            map.values_mut().for_each(simplify);
        }
        Value::Array(values) => values.iter_mut().for_each(simplify),
        _ => {}
    }
}

/// What is not known is left out, so nothing is ever null.
fn drop_null(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            map.insert("type".into(), one);
        }
    }
    if let Some(Value::Array(choices)) = map.get("anyOf")
        && let [Value::Object(one), null] = choices.as_slice()
        && null["type"] == "null"
    {
        let one = one.clone();
        map.remove("anyOf");
        map.extend(one);
    }
}

/// One `enum` of what is a choice between constants.
fn merge_list(map: &mut Map<String, Value>) {
    let Some(Value::Array(choices)) = map.get("oneOf") else {
        return;
    };
    let mut list = Vec::new();
    for choice in choices {
        match (choice.get("const"), choice.get("enum")) {
            (Some(one), _) => list.push(one.clone()),
            (_, Some(Value::Array(many))) => list.extend(many.iter().cloned()),
            _ => return,
        }
    }
    map.remove("oneOf");
    map.insert("type".into(), json!("string"));
    map.insert("enum".into(), Value::Array(list));
}

#[test]
fn the_published_schema_is_the_models() {
    let found = format!("{}\n", serde_json::to_string_pretty(&generated()).unwrap());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(published(), &found).unwrap();
    }
    let expected = std::fs::read_to_string(published()).unwrap_or_default();
    for (at, (expected, found)) in expected.lines().zip(found.lines()).enumerate() {
        assert_eq!(expected, found, "line {}; UPDATE=1 writes it anew", at + 1);
    }
    assert_eq!(expected.len(), found.len(), "UPDATE=1 writes it anew");
}

#[test]
fn the_closed_lists_are_those_of_the_design() {
    let schema = generated();
    let list = |name: &str| schema["$defs"][name]["enum"].clone();
    assert_eq!(list("Confidence"), json!(["possible", "likely", "certain"]));
    assert_eq!(list("Severity"), json!(["note", "warning", "critical"]));
    assert_eq!(list("Kind").as_array().unwrap().len(), 15);
    assert_eq!(list("Gap").as_array().unwrap().len(), 9);
    assert_eq!(list("HypervisorVendor").as_array().unwrap().len(), 12);
    assert_eq!(list("HypervisorRole").as_array().unwrap().len(), 7);
    assert_eq!(list("HostGeneration").as_array().unwrap().len(), 10);
    assert_eq!(list("How").as_array().unwrap().len(), 6);
}

#[test]
fn reports_on_files_that_are_no_dumps_obey_the_schema() {
    let folder = Folder::new("schema");
    folder.file("empty.dmp", b"");
    folder.file("zeros.dmp", &[0; 5000]);
    folder.file("text.dmp", b"text");
    validate(folder.path(), 3);
}

#[test]
fn reports_on_real_dumps_obey_the_schema() {
    let Some(corpus) = support::corpus() else {
        return;
    };
    validate(corpus.to_str().unwrap(), 20);
}

#[test]
fn what_is_no_report_is_refused() {
    let mut schemas = Schemas::new();
    let schema = compiled(&mut schemas);
    let file = json!({"name": "x", "size": "0x10"});
    let good = json!({"schema": SCHEMA, "file": file});
    assert!(schemas.validate(&good, schema).is_ok());
    for bad in [
        json!({"schema": SCHEMA}),
        json!({"schema": SCHEMA, "file": {"size": 16}}),
        json!({"schema": SCHEMA, "file": {"size": "0xzz"}}),
        json!({"schema": SCHEMA, "file": {"kind": "memory-card"}}),
        json!({"schema": SCHEMA, "file": file, "error": null}),
        json!({"schema": SCHEMA, "file": file, "findings": [{"severity": "fatal"}]}),
    ] {
        assert!(schemas.validate(&bad, schema).is_err(), "{bad}");
    }
}
