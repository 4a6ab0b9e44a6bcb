//! KWAIT_BLOCK, with which a thread hangs in what it waits for, and the head of such an object.
//! Layout: Vergilius headers of Windows 7 (blocks that lead to one another) and of 8 to 11 (blocks side by side).

/// Bytes for an object that can be waited for.
pub const OBJECT: u64 = 0x40;
/// DISPATCHER_HEADER: the list of those who wait, and the type of a queue.
pub const LIST: u64 = 8;
pub const QUEUE: u8 = 4;

/// Offsets in a wait block.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    pub thread: u64,
    pub object: u64,
    pub next: Option<u64>,
}

/// The form for a pointer width; `old` up to Windows 7.
pub fn form(pointer: usize, old: bool) -> Form {
    let (thread, object, next) = match (pointer, old) {
        (4, true) => (8, 0xc, Some(0x10)),
        (4, false) => (0xc, 0x10, None),
        (_, true) => (0x10, 0x18, Some(0x20)),
        (_, false) => (0x18, 0x20, None),
    };
    Form {
        thread,
        object,
        next,
    }
}
