//! Names of places: what begins where in an image, and what any address is called.
//!
//! The core knows symbol files only through these traits; who reads them, through kept libraries,
//! stands outside (`bluepane-formats`).

use crate::memory::VirtualAddress;
use alloc::string::String;

/// Names of the functions and variables of one image.
pub trait Names {
    /// What begins at `rva`, or nearest before it, and how many bytes before: `None` where nobody
    /// can tell whose that place is.
    fn name_at(&self, rva: u32) -> Option<(&str, u32)>;
    /// Where `name` begins, from the image's base.
    fn rva_of(&self, name: &str) -> Option<u32>;
}

/// Names of any address of the dumped machine.
pub trait Symbolizer {
    /// The function that holds `address`, without its module, and the bytes from its start.
    fn function(&self, address: VirtualAddress) -> Option<(String, u64)>;
}
