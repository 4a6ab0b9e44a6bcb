//! The version resource of an image: RT_VERSION, VS_VERSIONINFO.
//!
//! Layout: the resource tree of Microsoft's PE format specification, and VS_FIXEDFILEINFO and
//! StringFileInfo of winver.h.

use super::{DirectoryKind, Image, ImageError, int};
use crate::source::utf16_lossy;
use alloc::{format, string::String, vec::Vec};

/// RT_VERSION.
const VERSION: u32 = 16;
/// A directory of resources: its header, and an entry.
const HEADER_LEN: u16 = 0x10;
const ENTRY_LEN: u64 = 8;
/// Set in an entry that leads to another directory, and in one that has a name.
const HIGH: u32 = 0x8000_0000;
/// Entries of a directory that are looked at.
const MAX_ENTRIES: u32 = 64;
/// The longest version resource that is read.
const MAX_LEN: u32 = 0x2000;
/// VS_FIXEDFILEINFO.
const SIGNATURE: [u8; 4] = 0xFEEF_04BD_u32.to_le_bytes();
const FILE_VERSION: u64 = 0x08;
/// Strings kept.
const MAX_STRINGS: usize = 32;

/// What a version resource says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionResource {
    /// The file version, e.g. 10.0.19041.804.
    pub file_version: [u16; 4],
    /// The strings, e.g. `CompanyName`.
    pub strings: Vec<(String, String)>,
}

impl VersionResource {
    /// The file version as it is written.
    #[must_use]
    pub fn number(&self) -> String {
        let [a, b, c, d] = self.file_version;
        format!("{a}.{b}.{c}.{d}")
    }

    /// The string called `name`.
    #[must_use]
    pub fn string(&self, name: &str) -> Option<&str> {
        let found = self.strings.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

pub(super) fn read(image: &Image<'_>) -> Result<Option<VersionResource>, ImageError> {
    let Some(directory) = image.directory(DirectoryKind::Resource) else {
        return Ok(None);
    };
    let root = u64::from(directory.rva);
    let mut at = 0;
    // Type, name, language.
    for wanted in [Some(VERSION), None, None] {
        match entry(image, root, at, wanted)? {
            Some(next) => at = next,
            None => return Ok(None),
        }
    }
    if at & HIGH != 0 {
        return Ok(None);
    }
    let data = image.bytes(root + u64::from(at), 8)?;
    let place = int(&data, 0, 4).unwrap_or(0);
    let len = int(&data, 4, 4).unwrap_or(0).min(u64::from(MAX_LEN)) as u16;
    // Where only the first page is there, that is enough for the version.
    let in_page = (0x1000 - image.at(place)?.0 % 0x1000).min(u64::from(len)) as u16;
    let bytes = image
        .bytes(place, len)
        .or_else(|_| image.bytes(place, in_page))?;
    Ok(parse(&bytes))
}

/// The entry of the directory at `at` with the identifier `wanted`, or the first.
fn entry(
    image: &Image<'_>,
    root: u64,
    at: u32,
    wanted: Option<u32>,
) -> Result<Option<u32>, ImageError> {
    // The root itself is no entry; every other directory is marked.
    let at = root + u64::from(at & !HIGH);
    let header = image.bytes(at, HEADER_LEN)?;
    let count = |offset| int(&header, offset, 2).unwrap_or(0) as u32;
    let count = (count(0xC) + count(0xE)).min(MAX_ENTRIES);
    let first = at + u64::from(HEADER_LEN);
    let entries = image.bytes(first, (u64::from(count) * ENTRY_LEN) as u16)?;
    let found = entries.chunks_exact(ENTRY_LEN as usize).find(|entry| {
        let id = int(entry, 0, 4).map(|id| id as u32);
        wanted.is_none() || id == wanted
    });
    Ok(found.and_then(|entry| int(entry, 4, 4)).map(|at| at as u32))
}

fn parse(bytes: &[u8]) -> Option<VersionResource> {
    let fixed = bytes
        .windows(4)
        .take(0x60)
        .position(|window| window == SIGNATURE)?;
    let fixed = bytes.get(fixed..)?;
    let half = |offset| int(fixed, offset, 2).map(|value| value as u16);
    let file_version = [
        half(FILE_VERSION + 2)?,
        half(FILE_VERSION)?,
        half(FILE_VERSION + 6)?,
        half(FILE_VERSION + 4)?,
    ];
    let mut strings = Vec::new();
    collect(bytes, 0, &mut strings);
    Some(VersionResource {
        file_version,
        strings,
    })
}

/// Length, value length, type, key, padding, value, children: every node of the resource. The
/// text nodes of the third level below the root are strings.
fn collect(node: &[u8], depth: u8, strings: &mut Vec<(String, String)>) -> Option<()> {
    let len = int(node, 0, 2)? as usize;
    let node = node.get(..len.min(node.len()))?;
    let value_len = int(node, 2, 2)? as usize;
    let text = int(node, 4, 2)? == 1;
    let units = node.get(6..)?.chunks_exact(2);
    let key_len = units.take_while(|unit| *unit != [0, 0]).count() * 2;
    let key = utf16_lossy(node.get(6..6 + key_len)?);
    let value = (6 + key_len + 2).next_multiple_of(4);
    if depth == 3 {
        let value = node.get(value..)?;
        if text && strings.len() < MAX_STRINGS {
            let value = value.get(..value_len * 2).unwrap_or(value);
            strings.push((key, utf16_lossy(value)));
        }
        return Some(());
    }
    if depth == 1 && key != "StringFileInfo" {
        return Some(());
    }
    // Only the root has a value, in bytes.
    let mut child = value.checked_add(value_len)?.next_multiple_of(4);
    while let Some(rest) = node.get(child..).filter(|rest| rest.len() > 6) {
        let len = int(rest, 0, 2)? as usize;
        if len < 6 {
            break;
        }
        collect(rest, depth + 1, strings);
        child = child.checked_add(len)?.next_multiple_of(4);
    }
    Some(())
}
