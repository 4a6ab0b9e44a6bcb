//! A real PE file as Windows has it in memory: headers and sections at their addresses, relocated, and without what
//! drivers give back once they have started. Layout: Microsoft's PE format specification.

/// Characteristics of a section that is given back after the driver's entry point has run.
const DISCARDABLE: u32 = 0x0200_0000;
/// Magic of the optional header with 64-bit addresses.
const PLUS: u16 = 0x20b;
const RELOCATIONS: usize = 5;
/// Kinds of relocations: the low 32 bits, all 64 bits.
const HIGH_LOW: u16 = 3;
const DIR64: u16 = 10;

/// A section of the file.
#[derive(Clone, Copy, Debug)]
struct Section {
    rva: u32,
    size: u32,
    offset: u32,
    stored: u32,
    flags: u32,
}

/// A PE file that was read.
#[derive(Clone, Debug)]
pub struct PeFile<'a> {
    bytes: &'a [u8],
    /// Link stamp.
    pub stamp: u32,
    /// Bytes in memory.
    pub size: u32,
    /// Checksum of the optional header.
    pub checksum: u32,
    /// Relative address of the entry point.
    pub entry: u32,
    preferred: u64,
    base_at: usize,
    wide: bool,
    headers: u32,
    relocations: (u32, u32),
    sections: Vec<Section>,
}

fn u16_at(b: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(b.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(b: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(b.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(b: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(b.get(at..at + 8)?.try_into().ok()?))
}

impl<'a> PeFile<'a> {
    /// Reads the headers; nothing when it is no PE file.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let pe = u32_at(bytes, 0x3c)? as usize;
        if bytes.get(..2)? != b"MZ" || bytes.get(pe..pe + 4)? != b"PE\0\0" {
            return None;
        }
        let optional = pe + 24;
        let wide = u16_at(bytes, optional)? == PLUS;
        let (base_at, directories) = if wide { (24, 112) } else { (28, 96) };
        let base_at = optional + base_at;
        let preferred = if wide {
            u64_at(bytes, base_at)?
        } else {
            u64::from(u32_at(bytes, base_at)?)
        };
        let relocations = optional + directories + 8 * RELOCATIONS;
        let table = optional + usize::from(u16_at(bytes, pe + 20)?);
        let sections = (0..usize::from(u16_at(bytes, pe + 6)?))
            .map(|i| {
                let at = table + 40 * i;
                Some(Section {
                    rva: u32_at(bytes, at + 12)?,
                    size: u32_at(bytes, at + 8)?,
                    offset: u32_at(bytes, at + 20)?,
                    stored: u32_at(bytes, at + 16)?,
                    flags: u32_at(bytes, at + 36)?,
                })
            })
            .collect::<Option<Vec<_>>>()?;
        Some(Self {
            bytes,
            stamp: u32_at(bytes, pe + 8)?,
            size: u32_at(bytes, optional + 56)?,
            checksum: u32_at(bytes, optional + 64)?,
            entry: u32_at(bytes, optional + 16)?,
            preferred,
            base_at,
            wide,
            headers: u32_at(bytes, optional + 60)?,
            relocations: (u32_at(bytes, relocations)?, u32_at(bytes, relocations + 4)?),
            sections,
        })
    }

    /// The image at `base`: pieces by relative address.
    pub fn mapped(&self, base: u64) -> Vec<(u32, Vec<u8>)> {
        let mut image = vec![0; self.size as usize];
        let headers = (self.headers as usize)
            .min(self.bytes.len())
            .min(image.len());
        image[..headers].copy_from_slice(&self.bytes[..headers]);
        for s in &self.sections {
            let stored = s.stored.min(s.size.max(1)) as usize;
            let from = self.bytes.get(s.offset as usize..).unwrap_or_default();
            let from = &from[..stored.min(from.len())];
            if let Some(to) = image.get_mut(s.rva as usize..s.rva as usize + from.len()) {
                to.copy_from_slice(from);
            }
        }
        self.relocate(&mut image, base);
        let width = if self.wide { 8 } else { 4 };
        if let Some(to) = image.get_mut(self.base_at..self.base_at + width) {
            to.copy_from_slice(&base.to_le_bytes()[..width]);
        }
        let kept = self.sections.iter().filter(|s| s.flags & DISCARDABLE == 0);
        let extents = kept.map(|s| (s.rva, s.size.next_multiple_of(0x1000)));
        std::iter::once((0, self.headers))
            .chain(extents)
            .filter_map(|(rva, size)| {
                let end = (rva as usize + size as usize).min(image.len());
                Some((rva, image.get(rva as usize..end)?.to_vec()))
            })
            .collect()
    }

    /// Adds the distance from the preferred address to every place the file lists.
    fn relocate(&self, image: &mut [u8], base: u64) {
        let distance = base.wrapping_sub(self.preferred);
        let (mut at, size) = (self.relocations.0 as usize, self.relocations.1 as usize);
        let end = at + size;
        while at + 8 <= end {
            let (Some(page), Some(length)) = (u32_at(image, at), u32_at(image, at + 4)) else {
                return;
            };
            if length < 8 {
                return;
            }
            for entry in (at + 8..at + length as usize).step_by(2) {
                let Some(entry) = u16_at(image, entry) else {
                    return;
                };
                let place = page as usize + usize::from(entry & 0xfff);
                let width = match entry >> 12 {
                    HIGH_LOW => 4,
                    DIR64 => 8,
                    _ => continue,
                };
                if let Some(slot) = image.get_mut(place..place + width) {
                    let mut word = [0; 8];
                    word[..width].copy_from_slice(slot);
                    let moved = u64::from_le_bytes(word).wrapping_add(distance);
                    slot.copy_from_slice(&moved.to_le_bytes()[..width]);
                }
            }
            at += length as usize;
        }
    }
}
