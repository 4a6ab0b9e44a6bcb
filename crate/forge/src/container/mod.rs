//! Containers: how a machine's memory becomes a file, one module per kind of dump.

pub mod faults;
pub mod header;
pub mod pages;
