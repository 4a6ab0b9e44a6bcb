//! What the page's worker calls: the analyzer behind wasm-bindgen.

mod analyzer;
mod code;
mod convert;

pub use analyzer::Analyzer;

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of the analyzer, as the page's footer and every report name it.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

/// What a call into the second part of this module comes to before that part is there; see
/// `scripts/split-wasm.mjs`, which looks for it by its name.
#[wasm_bindgen]
pub fn part_missing() {
    wasm_bindgen::throw_str("the second part of the analyzer is not there yet");
}

/// Takes the block of knowledge tables, which the page carries beside this module. To be
/// called once, before the first [`Analyzer`].
///
/// # Errors
/// When a table is missing: the page was built from other sources than this module.
#[cfg(feature = "knowledge-beside")]
#[wasm_bindgen]
pub fn install_knowledge(tables: &[u8]) -> Result<(), wasm_bindgen::JsError> {
    bluepane::knowledge::store::install(tables)
        .map_err(|missing| wasm_bindgen::JsError::new(&format!("no table {missing}")))
}

/// What a code, a name or a line out of a ticket means: a list of answers, what it is most about
/// first, in the shape of `bluepane::knowledge::lookup::Answer`. No dump is needed.
///
/// # Errors
/// When the browser has no room for it.
#[wasm_bindgen]
pub fn look_up(line: &str) -> Result<wasm_bindgen::JsValue, wasm_bindgen::JsValue> {
    convert::to_js(&bluepane::knowledge::lookup::look_up(line))
}
