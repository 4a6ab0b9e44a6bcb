//! From Rust values to plain JavaScript objects, in the shape that the JSON schema publishes.

use bluepane::model::Report;
use serde::Serialize;
use wasm_bindgen::JsValue;

/// A plain object: maps as objects, absent values left out, as in the JSON.
///
/// # Errors
/// When a value has no JavaScript counterpart.
pub fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::json_compatible();
    value.serialize(&serializer).map_err(JsValue::from)
}

/// The report as a plain object.
///
/// # Errors
/// As [`to_js`].
pub fn report_to_js(report: &Report) -> Result<JsValue, JsValue> {
    to_js(report)
}
