//! Symbol files of the invented images: public symbols alone, as Microsoft publishes them.
//! Layout: Microsoft's microsoft-pdb repository and LLVM's "The PDB File Format". Only what a reader of names needs is
//! written: the container, the identity, an empty list of types, the names and one section; no hashes.

use crate::bytes::Bytes;
use crate::machine::Machine;
use crate::scenario::{Architecture, Scenario, ScenarioError};

const BLOCK: usize = 512;
const MAGIC: &[u8; 32] = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0";
const NONE: u16 = 0xffff;
/// Streams by number, behind the old directory: identity, types, debug information, names, sections.
const NAMES: u16 = 5;
const SECTIONS: u16 = 6;
/// The only section: everything behind the headers.
const SECTION_START: u32 = 0x1000;
const S_PUB32: u16 = 0x110e;
const IS_FUNCTION: u32 = 2;

/// The symbol file of a module: its name and its bytes. Of the kernel it names what the build's table names, of a driver
/// every function that lies on a stack.
///
/// # Errors
/// The same as [`crate::forge`], and when there is no such module.
pub fn symbol_file(scenario: &Scenario, module: &str) -> Result<(String, Vec<u8>), ScenarioError> {
    let machine = Machine::invent(scenario)?;
    let index = machine.images.iter().position(|i| i.name == module);
    let index = index.ok_or_else(|| ScenarioError::UnknownFrame(module.into()))?;
    let image = &machine.images[index];
    let mut names: Vec<(u32, String, bool)> = Vec::new();
    if index == 0 {
        let code = machine.build.code.iter();
        names.extend(code.map(|f| (f.rva, f.name.clone(), true)));
        let data = machine.build.variables();
        names.extend(data.map(|(name, rva)| (rva, name.to_owned(), false)));
    } else {
        let code = image.functions.iter();
        names.extend(code.map(|f| (f.0, driver_function(f.0), true)));
    }
    names.sort();
    let narrow = machine.arch() == Architecture::X86;
    let mut records = Bytes::default();
    for (rva, name, code) in names.iter().filter(|n| n.0 >= SECTION_START) {
        // 32-bit C puts an underscore in front, and stdcall the bytes of its arguments behind.
        let name = match (narrow, code) {
            (true, true) => format!("_{name}@8"),
            (true, false) => format!("_{name}"),
            _ => name.clone(),
        };
        records.append(&public(rva - SECTION_START, &name, *code));
    }
    let arch = crate::container::header::machine_type(machine.arch()) as u16;
    let streams = [
        Vec::new(),
        identity(image.guid, image.age),
        types(),
        debug_information(image.age, arch),
        types(),
        records.into_vec(),
        section(image.size as u32),
    ];
    Ok((image.pdb.clone(), container(&streams)))
}

/// The image file of a module, as it would lie on disk: its pages in memory, behind headers that say so.
///
/// # Errors
/// The same as [`crate::forge`], and when there is no such module.
pub fn image_file(scenario: &Scenario, module: &str) -> Result<Vec<u8>, ScenarioError> {
    let machine = Machine::invent(scenario)?;
    let image = machine.images.iter().find(|image| image.name == module);
    let image = image.ok_or_else(|| ScenarioError::UnknownFrame(module.into()))?;
    Ok(machine.kernel.read(image.base, image.size as usize))
}

/// The kernel and the drivers that lie on a stack, by file name.
///
/// # Errors
/// The same as [`crate::forge`].
pub fn modules_on_stacks(scenario: &Scenario) -> Result<Vec<String>, ScenarioError> {
    let machine = Machine::invent(scenario)?;
    let images = machine.images.iter().enumerate();
    let lie = images.filter(|(index, image)| *index == 0 || !image.functions.is_empty());
    Ok(lie.map(|(_, image)| image.name.clone()).collect())
}

/// What the forge calls the function of a driver that begins there.
pub(crate) fn driver_function(begin: u32) -> String {
    format!("Function{begin:X}")
}

fn public(offset: u32, name: &str, code: bool) -> Vec<u8> {
    let len = (2 + 4 + 4 + 2 + name.len() + 1).next_multiple_of(4) + 2;
    let mut b = Bytes::zeroed(len);
    b.u16(0, len as u16 - 2);
    b.u16(2, S_PUB32);
    b.u32(4, if code { IS_FUNCTION } else { 0 });
    b.u32(8, offset);
    b.u16(12, 1);
    b.put(14, name.as_bytes());
    b.into_vec()
}

fn identity(guid: [u8; 16], age: u32) -> Vec<u8> {
    let mut b = Bytes::zeroed(0x30);
    b.u32(0, 20_000_404);
    b.u32(8, age);
    b.put(12, &guid);
    b.into_vec()
}

fn types() -> Vec<u8> {
    let mut b = Bytes::zeroed(56);
    for (at, value) in [(0, 20_040_203), (4, 56), (8, 0x1000), (12, 0x1000), (24, 4)] {
        b.u32(at, value);
    }
    b.u32(28, 0x3ffff);
    b.u16(20, NONE);
    b.u16(22, NONE);
    b.into_vec()
}

fn debug_information(age: u32, machine: u16) -> Vec<u8> {
    const HEADER: usize = 64;
    const OPTIONAL: usize = 22;
    let mut b = Bytes::zeroed(HEADER + OPTIONAL);
    b.u32(0, u32::MAX);
    b.u32(4, 19_990_903);
    b.u32(8, age);
    for (at, value) in [(12, NONE), (16, NONE), (20, NAMES), (58, machine)] {
        b.u16(at, value);
    }
    b.u32(48, OPTIONAL as u32);
    for index in 0..OPTIONAL / 2 {
        b.u16(HEADER + 2 * index, if index == 5 { SECTIONS } else { NONE });
    }
    b.into_vec()
}

fn section(image_size: u32) -> Vec<u8> {
    let mut b = Bytes::zeroed(40);
    b.put(0, b".text");
    b.u32(8, image_size - SECTION_START);
    b.u32(12, SECTION_START);
    b.u32(16, image_size - SECTION_START);
    b.u32(20, 0x400);
    b.u32(36, 0x6000_0020);
    b.into_vec()
}

/// Blocks: the head, two maps of free blocks, the streams, the directory of them, and where that lies.
fn container(streams: &[Vec<u8>]) -> Vec<u8> {
    let mut blocks = vec![0; 3 * BLOCK];
    let mut put = |bytes: &[u8]| -> Vec<u32> {
        let first = blocks.len() / BLOCK;
        blocks.extend_from_slice(bytes);
        blocks.resize(blocks.len().next_multiple_of(BLOCK), 0);
        (first..blocks.len() / BLOCK).map(|n| n as u32).collect()
    };
    let mut directory: Vec<u32> = vec![streams.len() as u32];
    directory.extend(streams.iter().map(|s| s.len() as u32));
    for stream in streams {
        directory.extend(put(stream));
    }
    let words = |list: &[u32]| -> Vec<u8> { list.iter().flat_map(|w| w.to_le_bytes()).collect() };
    let places = put(&words(&directory));
    let map = put(&words(&places));
    let total = blocks.len() / BLOCK;
    blocks[..32].copy_from_slice(MAGIC);
    let directory_len = 4 * directory.len();
    let head = [BLOCK, 1, total, directory_len, 0, map[0] as usize];
    for (index, value) in head.into_iter().enumerate() {
        let at = 32 + 4 * index;
        blocks[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
    }
    blocks
}
