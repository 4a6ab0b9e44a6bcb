//! What kind of file this is, its headers, and where every stored byte of memory is.

pub mod user_minidump;
