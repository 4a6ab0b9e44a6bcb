//! Headers of pool blocks, as Vergilius and ReactOS declare POOL_HEADER for each pointer width.

/// Bytes of a header and of the unit that sizes are counted in; shifts of own size and type in the first four bytes.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub size: u64,
    pub own: u32,
    pub kind: u32,
}

pub const POOL64: Header = Header {
    size: 16,
    own: 16,
    kind: 24,
};
pub const POOL32: Header = Header {
    size: 8,
    own: 16,
    kind: 25,
};
