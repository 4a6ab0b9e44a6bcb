//! What the page's worker calls: the analyzer behind wasm-bindgen.

mod analyzer;
mod convert;

pub use analyzer::Analyzer;

use wasm_bindgen::prelude::wasm_bindgen;

/// The version of the analyzer, as the page's footer and every report name it.
#[wasm_bindgen]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").into()
}
