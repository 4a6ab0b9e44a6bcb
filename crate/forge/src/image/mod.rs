//! PE images as they lie in memory: headers, sections, exports, unwind data, debug record, version resource, and a little code.
//! Layout: the PE format as Microsoft documents it; unwind data as its x64 exception handling page does.

mod code;
mod file;
mod header;
mod resource;

pub use code::{function_bytes, prologue, unwind_info, unwind_info_arm64};
pub use file::PeFile;

use crate::bytes::Bytes;
use crate::machine::Shape;
use crate::scenario::Architecture;

/// A function to describe.
#[derive(Clone, Debug)]
pub struct Function {
    /// First byte.
    pub begin: u32,
    /// First byte after it.
    pub end: u32,
    /// Its prologue.
    pub shape: Shape,
}

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Up to 8 characters.
    pub name: String,
    /// First byte.
    pub rva: u32,
    /// Bytes.
    pub size: u32,
    /// Characteristics.
    pub flags: u32,
}

/// Code, executable and readable; data, writable; data, read-only.
pub const CODE: u32 = 0x6800_0020;
pub const DATA: u32 = 0xc800_0040;
pub const READ_ONLY: u32 = 0x4800_0040;

/// What to write of an image.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Architecture.
    pub arch: Architecture,
    /// Preferred base as the header records it after loading.
    pub base: u64,
    /// Bytes in memory.
    pub size: u32,
    /// Link stamp.
    pub stamp: u32,
    /// Checksum.
    pub checksum: u32,
    /// File name, as exports and resources give it.
    pub name: String,
    /// Symbol file: name, GUID, age.
    pub pdb: (String, [u8; 16], u32),
    /// File version.
    pub version: [u16; 4],
    /// Company.
    pub company: String,
    /// Where the tables may lie, and how many bytes they may take.
    pub tables: (u32, u32),
    /// Sections, ascending.
    pub sections: Vec<Section>,
    /// Functions, ascending.
    pub functions: Vec<Function>,
    /// Exported names with their addresses.
    pub exports: Vec<(String, u32)>,
    /// ARM64: whether functions sign their return addresses.
    pub signed: bool,
}

/// A data directory entry: address and size.
pub type Directory = (u32, u32);

/// The tables of an image, and where each lies.
#[derive(Clone, Debug, Default)]
pub struct Tables {
    /// Bytes from the start of the table region.
    pub bytes: Vec<u8>,
    pub export: Directory,
    pub resource: Directory,
    pub exception: Directory,
    pub debug: Directory,
}

impl Plan {
    /// The image as pieces: address relative to the base, and bytes.
    pub fn pieces(&self) -> Vec<(u32, Vec<u8>)> {
        let tables = self.tables();
        let mut out = vec![(0, header::build(self, &tables))];
        out.push((self.tables.0, tables.bytes));
        for f in &self.functions {
            out.push((f.begin, function_bytes(f, self.arch, self.signed)));
        }
        out
    }

    fn tables(&self) -> Tables {
        let start = self.tables.0;
        let mut b = Bytes::default();
        let mut t = Tables::default();
        let debug = self.debug_record();
        b.append(&[0; 28]);
        let record = start + b.append(&debug) as u32;
        b.put(0, &debug_entry(self.stamp, record, debug.len() as u32));
        t.debug = (start, 28);
        if !self.exports.is_empty() {
            b.align(16);
            let at = start + b.len() as u32;
            let bytes = self.export_table(at);
            b.append(&bytes);
            t.export = (at, bytes.len() as u32);
        }
        if self.arch != Architecture::X86 && !self.functions.is_empty() {
            b.align(16);
            let at = start + b.len() as u32;
            let (bytes, size) = self.exception_table(at);
            b.append(&bytes);
            t.exception = (at, size);
        }
        b.align(16);
        let at = start + b.len() as u32;
        let version = resource::build(self, at);
        if b.len() + version.len() <= self.tables.1 as usize {
            b.append(&version);
            t.resource = (at, version.len() as u32);
        }
        t.bytes = b.into_vec();
        t
    }

    /// `RSDS`, GUID, age, and the bare name of the symbol file.
    fn debug_record(&self) -> Vec<u8> {
        let (name, guid, age) = &self.pdb;
        let mut b = b"RSDS".to_vec();
        b.extend(guid);
        b.extend(age.to_le_bytes());
        b.extend(name.as_bytes());
        b.push(0);
        b
    }

    fn export_table(&self, at: u32) -> Vec<u8> {
        let mut names = self.exports.clone();
        names.sort();
        let count = names.len() as u32;
        let functions = at + 0x28;
        let pointers = functions + 4 * count;
        let ordinals = pointers + 4 * count;
        let mut text = ordinals + 2 * count;
        let mut b = Bytes::zeroed((text - at) as usize);
        b.u32(0x04, self.stamp);
        b.u32(0x0c, text);
        b.u32(0x10, 1);
        b.u32(0x14, count);
        b.u32(0x18, count);
        b.u32(0x1c, functions);
        b.u32(0x20, pointers);
        b.u32(0x24, ordinals);
        let mut strings = self.name.clone().into_bytes();
        strings.push(0);
        text += strings.len() as u32;
        for (i, (name, rva)) in names.iter().enumerate() {
            b.u32(0x28 + 4 * i, *rva);
            b.u32((pointers - at) as usize + 4 * i, text);
            b.u16((ordinals - at) as usize + 2 * i, i as u16);
            strings.extend(name.as_bytes());
            strings.push(0);
            text += name.len() as u32 + 1;
        }
        b.append(&strings);
        b.into_vec()
    }

    /// The function table, with the unwind data behind it; returns the table's own size too.
    fn exception_table(&self, at: u32) -> (Vec<u8>, u32) {
        let mut functions = self.functions.clone();
        functions.sort_by_key(|f| f.begin);
        functions.dedup_by_key(|f| f.begin);
        let arm64 = self.arch == Architecture::Arm64;
        let each = if arm64 { 8 } else { 12 };
        let size = each * functions.len();
        let mut b = Bytes::zeroed(size);
        for i in 0..functions.len() {
            let f = &functions[i];
            let end = functions
                .get(i + 1)
                .map_or(f.end, |next| f.end.min(next.begin));
            b.align(4);
            let info = if arm64 {
                unwind_info_arm64(f.shape, end - f.begin, self.signed)
            } else {
                unwind_info(f.shape)
            };
            let info = at + b.append(&info) as u32;
            b.u32(each * i, f.begin);
            if !arm64 {
                b.u32(each * i + 4, end);
            }
            b.u32(each * i + each - 4, info);
        }
        (b.into_vec(), size as u32)
    }
}

/// IMAGE_DEBUG_DIRECTORY of a symbol-file record.
fn debug_entry(stamp: u32, record: u32, size: u32) -> Vec<u8> {
    let mut b = Bytes::zeroed(28);
    b.u32(0x04, stamp);
    b.u32(0x0c, 2);
    b.u32(0x10, size);
    b.u32(0x14, record);
    b.u32(0x18, record);
    b.into_vec()
}
