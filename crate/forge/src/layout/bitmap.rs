//! Headers behind the dump header that say which pages a file holds.
//! Layout: bitmap as kdmp-parser, LeechCore and rekall read it; the summary header after the Singularity RDK; ranges after kdmp-parser-rs.

/// Since Windows 8: relative to the end of the dump header, in both widths.
pub mod modern {
    pub const OPTIONS: usize = 0x08;
    pub const FIRST_PAGE: usize = 0x20;
    pub const PRESENT: usize = 0x28;
    pub const PAGES: usize = 0x30;
    pub const BITS: usize = 0x38;
}

/// Before Windows 8: members that both widths share.
pub mod summary {
    pub const OPTIONS: usize = 0x08;
    pub const HEADER_SIZE: usize = 0x0c;
    pub const BITMAP_SIZE: usize = 0x10;
    pub const PAGES: usize = 0x14;
    pub const RTL_BITMAP: usize = 0x18;
}

/// Where the widths of the summary header differ.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// The writer's pointer to the bits.
    pub buffer: usize,
    /// The bits.
    pub bits: usize,
}

pub const SUMMARY64: Summary = Summary {
    buffer: 0x20,
    bits: 0x28,
};
pub const SUMMARY32: Summary = Summary {
    buffer: 0x1c,
    bits: 0x20,
};

/// The debugger's ranges.
pub mod range {
    pub const MARKER: u32 = 0x40;
    pub const METADATA_SIZE: usize = 0x10;
    pub const FIRST_PAGE: usize = 0x18;
    /// The metadata size counts from here.
    pub const METADATA_FROM: u64 = 0x20;
    pub const COUNT: usize = 0x20;
    pub const TOTAL_PAGES: usize = 0x28;
    pub const RANGES: usize = 0x30;
}
