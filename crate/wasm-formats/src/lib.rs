//! Symbol files in the browser.
//!
//! The libraries that read PDB and ISF files weigh as much as a third of the analyzer and are seldom
//! needed, so they are a module of their own. It turns a file into the compact table that the
//! analyzer takes, and what it holds while it works goes with it.

use wasm_bindgen::prelude::{JsError, wasm_bindgen};

/// What the analyzer takes, made of a PDB, an ISF file (unpacked) or an image called `name`.
///
/// # Errors
/// When it is none of them, or damaged: the reason as the rest of a sentence.
#[wasm_bindgen]
pub fn convert(name: &str, bytes: &[u8]) -> Result<Vec<u8>, JsError> {
    match bluepane_formats::convert(name, bytes) {
        Ok(table) => Ok(table.into_owned()),
        Err(error) => Err(JsError::new(&error.to_string())),
    }
}
