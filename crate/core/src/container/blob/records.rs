//! Registry values that the firmware driver saves into a dump: what the registry says of the
//! first processor (its speed, name and maker).
//!
//! Layout: read off dumps of 9600 to 26100. Each record is a length and a name, a registry type,
//! a length and the value; names and texts are UTF-16 with a NUL.

use crate::source::utf16_lossy;
use alloc::{string::String, vec::Vec};

/// More records than were ever seen (8).
const MAX_RECORDS: usize = 256;

/// One value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryRecord {
    /// Its name, e.g. `ProcessorNameString`.
    pub name: String,
    /// What it is.
    pub value: RegistryValue,
}

/// What a registry value holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistryValue {
    /// REG_SZ and REG_EXPAND_SZ.
    Text(String),
    /// REG_DWORD.
    Dword(u32),
    /// REG_QWORD.
    Qword(u64),
    /// REG_MULTI_SZ.
    List(Vec<String>),
    /// Anything else, with its type.
    Bytes(u32, Vec<u8>),
}

impl RegistryValue {
    /// The text, trimmed, when it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }
}

/// The records of a blob, up to the first that does not fit.
#[must_use]
pub fn registry_records(data: &[u8]) -> Vec<RegistryRecord> {
    let mut rest = data;
    let mut records = Vec::new();
    while records.len() < MAX_RECORDS {
        let Some((record, tail)) = record(rest) else {
            break;
        };
        records.push(record);
        rest = tail;
    }
    records
}

fn record(data: &[u8]) -> Option<(RegistryRecord, &[u8])> {
    let (name, rest) = counted(data)?;
    let (kind, rest) = u32_first(rest)?;
    let (value, rest) = counted(rest)?;
    let name = utf16_lossy(name);
    (!name.is_empty()).then(|| {
        let value = decode(kind, value);
        (RegistryRecord { name, value }, rest)
    })
}

fn decode(kind: u32, bytes: &[u8]) -> RegistryValue {
    const REG_SZ: u32 = 1;
    const REG_EXPAND_SZ: u32 = 2;
    const REG_DWORD: u32 = 4;
    const REG_MULTI_SZ: u32 = 7;
    const REG_QWORD: u32 = 11;
    let qword = <[u8; 8]>::try_from(bytes).map(u64::from_le_bytes);
    let dword = <[u8; 4]>::try_from(bytes).map(u32::from_le_bytes);
    match (kind, dword, qword) {
        (REG_SZ | REG_EXPAND_SZ, _, _) => RegistryValue::Text(utf16_lossy(bytes)),
        (REG_DWORD, Ok(value), _) => RegistryValue::Dword(value),
        (REG_QWORD, _, Ok(value)) => RegistryValue::Qword(value),
        (REG_MULTI_SZ, _, _) => RegistryValue::List(texts(bytes)),
        _ => RegistryValue::Bytes(kind, bytes.to_vec()),
    }
}

/// Texts with a NUL behind each; an empty one ends the list.
fn texts(bytes: &[u8]) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = bytes;
    while texts.len() < MAX_RECORDS {
        let text = utf16_lossy(rest);
        if text.is_empty() {
            break;
        }
        let taken = (text.encode_utf16().count() + 1) * 2;
        rest = rest.get(taken..).unwrap_or_default();
        texts.push(text);
    }
    texts
}

fn counted(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = u32_first(data)?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}

fn u32_first(data: &[u8]) -> Option<(u32, &[u8])> {
    let (first, rest) = data.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*first), rest))
}
