//! What a process keeps of itself in user memory: TEB, PEB, loader lists, parameters.
//! Layout: Vergilius headers; these members have not moved since Windows Vista.

/// Offsets for one pointer width.
#[derive(Clone, Copy, Debug)]
pub struct User {
    /// TEB: its own address, client id, PEB.
    pub teb: (u64, u64, u64),
    /// PEB: image base, loader data, process parameters.
    pub peb: (u64, u64, u64),
    /// Loader data: heads of the lists by load, memory and initialisation order.
    pub lists: [u64; 3],
    /// Module: its three links.
    pub links: [u64; 3],
    /// Module: base, entry point, size, full name, base name.
    pub module: [u64; 5],
    /// Parameters: image path, command line.
    pub parameters: (u64, u64),
}

pub const USER64: User = User {
    teb: (0x30, 0x40, 0x60),
    peb: (0x10, 0x18, 0x20),
    lists: [0x10, 0x20, 0x30],
    links: [0x00, 0x10, 0x20],
    module: [0x30, 0x38, 0x40, 0x48, 0x58],
    parameters: (0x60, 0x70),
};

pub const USER32: User = User {
    teb: (0x18, 0x20, 0x30),
    peb: (0x08, 0x0c, 0x10),
    lists: [0x0c, 0x14, 0x1c],
    links: [0x00, 0x08, 0x10],
    module: [0x18, 0x1c, 0x20, 0x24, 0x2c],
    parameters: (0x38, 0x40),
};
