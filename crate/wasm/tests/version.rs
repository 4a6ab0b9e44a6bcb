//! The exported functions, called as the page calls them.
#![cfg(target_arch = "wasm32")]

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

wasm_bindgen_test_configure!(run_in_dedicated_worker);

#[wasm_bindgen_test]
fn the_version_is_the_crates_own() {
    assert_eq!(bluepane_wasm::version(), env!("CARGO_PKG_VERSION"));
}
