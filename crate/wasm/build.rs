//! For the browser, each constant of the analyzer stays a data segment of its own, so that
//! `scripts/split-wasm.mjs` can move those that only the second part reads.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        println!("cargo::rustc-link-arg-cdylib=--no-merge-data-segments");
    }
}
