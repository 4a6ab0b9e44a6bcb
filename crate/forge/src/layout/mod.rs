//! Layouts of every structure the forge writes, one module each. None of them is taken from the analyzer.
#![allow(dead_code)] // a layout table names what a structure has, used or not

pub mod bitmap;
pub mod build;
pub mod context;
pub mod cper;
pub mod header32;
pub mod header64;
pub mod io;
pub mod kdbg;
pub mod loader;
pub mod pool;
pub mod secondary;
pub mod shared;
pub mod triage;
pub mod user;
pub mod verifier;
pub mod wait;

pub use build::Build;
