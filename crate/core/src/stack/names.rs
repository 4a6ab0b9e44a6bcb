//! Names of functions: from a symbol file where one was given, else from what the image exports.
//!
//! A name is only given to code that is known to be that function's: where the image's unwind data
//! can be read, it says where the function begins, also for parts that the compiler moved away from
//! it. Where it cannot, as in most minidumps, a symbol file's nearest name before the place is given
//! and the stack says so.

use crate::image::{DirectoryKind, Exports, Image};
use crate::memory::{AddressSpace, VirtualAddress};
use crate::model::{Hex, How, Stack};
use crate::nt::ModuleList;
use crate::order::Map;
use crate::symbols::{Files, Names, SymbolTable, Symbolizer};
use alloc::string::String;
use core::cell::RefCell;

/// So many images are asked for their exports.
const MAX_IMAGES: usize = 48;
/// A function without unwind data calls nothing and is short.
const LEAF: u32 = 0x200;
/// Without unwind data, a name further off than this is none.
const NEAR: u32 = 0x2000;

/// What an address is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The function, without its module.
    pub function: String,
    /// Bytes from its start.
    pub offset: u64,
    /// Whether nothing but nearness speaks for it.
    pub nearest: bool,
}

/// What one image can tell.
struct Source<'a> {
    base: u64,
    image: Option<Image<'a>>,
    table: Option<&'a SymbolTable>,
    exports: Option<Exports>,
}

/// Names of any address in the modules of a dump.
pub struct Namer<'a> {
    space: &'a dyn AddressSpace,
    modules: &'a ModuleList,
    files: &'a dyn Files,
    sources: RefCell<Map<Source<'a>>>,
}

impl<'a> Namer<'a> {
    /// Names from `files`, and from the images in `space`.
    #[must_use]
    pub fn new(space: &'a dyn AddressSpace, modules: &'a ModuleList, files: &'a dyn Files) -> Self {
        Self {
            space,
            modules,
            files,
            sources: RefCell::default(),
        }
    }

    fn open(&self, base: VirtualAddress) -> Source<'a> {
        let image = Image::open(self.space, base).ok();
        let table = self.files.table(base);
        // A symbol file knows all exports.
        let exports = match (&image, table) {
            (Some(image), None) => image.exports().ok(),
            _ => None,
        };
        Source {
            base: base.0,
            image,
            table,
            exports,
        }
    }

    /// What the code at `address` is called.
    #[must_use]
    pub fn name(&self, address: VirtualAddress) -> Option<Named> {
        let module = self.modules.find(address)?;
        let mut sources = self.sources.borrow_mut();
        if !sources.contains_key(&module.base.0) {
            if sources.len() >= MAX_IMAGES {
                return None;
            }
            sources.insert(module.base.0, self.open(module.base));
        }
        sources.get(&module.base.0)?.name(address)
    }
}

impl Source<'_> {
    fn near(&self, rva: u32) -> Option<(&str, u32)> {
        match (&self.table, &self.exports) {
            (Some(table), _) => table.name_at(rva),
            (None, Some(exports)) => exports.at(rva),
            (None, None) => None,
        }
    }

    fn name(&self, address: VirtualAddress) -> Option<Named> {
        let rva = u32::try_from(address.0.checked_sub(self.base)?).ok()?;
        let image = self.image.as_ref();
        let start = image.map(|image| image.function_start(rva));
        let described = image.is_some_and(|image| {
            let table = DirectoryKind::Exception;
            image.directory(table).is_some()
        });
        let (name, into, nearest) = match start {
            Some(Ok(Some(start))) => {
                let (name, before) = self.near(start)?;
                (name, rva.checked_sub(start).filter(|_| before == 0)?, false)
            }
            // Described images describe everything but leaves.
            Some(Ok(None)) if described => {
                let (name, into) = self.near(rva).filter(|(_, into)| *into < LEAF)?;
                let around = image?.function_around(rva - into).ok()?;
                (name, Some(into).filter(|_| around.is_none())?, false)
            }
            _ => {
                let (name, into) = self.near(rva).filter(|(_, into)| *into < NEAR)?;
                (name, into, into != 0)
            }
        };
        Some(Named {
            function: name.into(),
            offset: into.into(),
            nearest,
        })
    }
}

impl Symbolizer for Namer<'_> {
    fn function(&self, address: VirtualAddress) -> Option<(String, u64)> {
        let named = self.name(address)?;
        Some((named.function, named.offset))
    }
}

impl core::fmt::Debug for Namer<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Namer({} images)", self.sources.borrow().len())
    }
}

/// What the stack says where a name is no more than the nearest.
const NEAREST: &str = "Some names are the nearest before the address in a symbol file, because the \
    image's unwind data, which tell where functions begin, are not in this dump. Code that the \
    compiler moved away from its function then bears another's name; the image file itself, put \
    beside the dump, settles it.";

/// The same of 32-bit code, whose images have no unwind data.
const NEAREST_32: &str = "Names are the nearest before the address in a symbol file or among the \
    exports: 32-bit images do not tell where functions begin, so code in between may be another \
    function's.";

/// Names the frames of a stack.
pub fn name_frames(stack: &mut Stack, namer: &Namer<'_>) {
    let mut nearest = false;
    for frame in &mut stack.frames {
        // What is returned to may be the first byte behind the function that called.
        let back = u64::from(matches!(
            frame.how,
            How::Unwind | How::Scan | How::FramePointer
        ));
        let at = VirtualAddress(frame.address.0.wrapping_sub(back));
        if let Some(named) = namer.name(at) {
            nearest |= named.nearest;
            frame.symbol = Some(named.function);
            frame.offset = Some(Hex(named.offset + back));
        }
    }
    if nearest {
        if !stack.limits.is_empty() {
            stack.limits.push(' ');
        }
        let wide = stack.frames.iter().any(|frame| frame.address.0 >> 32 != 0);
        let text = if wide { NEAREST } else { NEAREST_32 };
        stack.limits.push_str(text);
    }
}
