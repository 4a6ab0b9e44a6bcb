//! ISF: the JSON symbol files of Volatility 3, made from a PDB.
//!
//! Source of the form: volatility3's `schemas/schema-*.json` and its `pdbconv`, which writes
//! addresses relative to the base of the image.

use crate::FormatError;
use crate::demangle::readable;
use bluepane::model::Guid;
use bluepane::symbols::{MemberEntry, SymbolTableBuilder};
use serde::Deserialize;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};

/// IMAGE_FILE_MACHINE_I386.
const X86: u32 = 0x14C;
/// Structures without a name inside others: as deep as they are followed.
const DEEPEST: u32 = 8;
/// So many members a structure may have.
const MAX_MEMBERS: usize = 1 << 13;
/// Members that are looked at for all of them: structures may hold each other.
const MAX_LOOKS: usize = 1 << 20;

#[derive(Deserialize)]
struct Isf {
    metadata: Metadata,
    #[serde(default)]
    symbols: HashMap<String, Symbol>,
    #[serde(default)]
    user_types: HashMap<String, UserType>,
    #[serde(default)]
    base_types: HashMap<String, BaseType>,
    #[serde(skip)]
    looks: Cell<usize>,
}

#[derive(Deserialize)]
struct Metadata {
    windows: Option<Windows>,
}

#[derive(Deserialize)]
struct Windows {
    pdb: Pdb,
}

#[derive(Deserialize)]
struct Pdb {
    #[serde(rename = "GUID")]
    guid: String,
    age: u32,
    database: String,
    #[serde(default)]
    machine_type: u32,
}

#[derive(Deserialize)]
struct Symbol {
    address: u64,
}

#[derive(Deserialize)]
struct UserType {
    size: u32,
    #[serde(default)]
    fields: HashMap<String, Field>,
}

#[derive(Deserialize)]
struct Field {
    offset: u32,
    #[serde(default)]
    anonymous: bool,
    #[serde(rename = "type", default)]
    of: Type,
}

#[derive(Deserialize, Default)]
struct Type {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    name: Option<String>,
}

#[derive(Deserialize)]
struct BaseType {
    size: u32,
}

/// The table of an ISF file.
pub(crate) fn table(text: &[u8]) -> Result<Vec<u8>, FormatError> {
    let isf: Isf = serde_json::from_slice(text).map_err(FormatError::Isf)?;
    let pdb = isf
        .metadata
        .windows
        .as_ref()
        .map(|windows| &windows.pdb)
        .ok_or(FormatError::NoIdentity)?;
    let guid = guid(&pdb.guid).ok_or(FormatError::NoIdentity)?;
    let thirty_two = pdb.machine_type == X86;
    let symbols = isf.symbols.iter().filter_map(|(name, symbol)| {
        let place = u32::try_from(symbol.address).ok()?;
        Some((place, readable(name, thirty_two)?.into_owned()))
    });
    let structures: BTreeMap<String, (u32, Vec<MemberEntry>)> = isf
        .user_types
        .iter()
        .map(|(name, structure)| {
            let mut members = Vec::new();
            isf.members(structure, 0, 0, &mut members);
            members.sort_by_key(|&(_, offset, _)| offset);
            (name.clone(), (structure.size, members))
        })
        .collect();
    let builder = SymbolTableBuilder {
        name: pdb.database.clone(),
        guid,
        age: pdb.age,
        symbols: symbols.collect(),
        structures,
    };
    Ok(builder.build())
}

impl Isf {
    /// The members of a structure, those of unnamed members among them.
    fn members(&self, of: &UserType, base: u32, depth: u32, out: &mut Vec<MemberEntry>) {
        for (name, field) in &of.fields {
            let looks = self.looks.get() + 1;
            self.looks.set(looks);
            if out.len() >= MAX_MEMBERS || looks > MAX_LOOKS {
                return;
            }
            let offset = base.saturating_add(field.offset);
            let inner = field.of.name.as_ref().and_then(|n| self.user_types.get(n));
            match inner {
                Some(inner) if field.anonymous && depth < DEEPEST => {
                    self.members(inner, offset, depth + 1, out);
                }
                _ => out.push((name.clone(), offset, self.width(&field.of))),
            }
        }
    }

    /// Bytes of a number or a pointer; 0 for all else.
    fn width(&self, of: &Type) -> u8 {
        let name = match of.kind.as_str() {
            "pointer" => "pointer",
            "base" => of.name.as_deref().unwrap_or_default(),
            _ => return 0,
        };
        let size = self.base_types.get(name).map(|base| base.size);
        size.and_then(|size| u8::try_from(size).ok()).unwrap_or(0)
    }
}

/// 32 digits as they are printed, into the order of memory.
fn guid(text: &str) -> Option<Guid> {
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    let mut bytes = [0; 16];
    for (byte, at) in bytes.iter_mut().zip((0..32).step_by(2)) {
        *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
    }
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    (digits.len() == 32).then_some(Guid(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bluepane::symbols::{Names, SymbolTable, Types};

    const SMALL: &str = r#"{
        "metadata": {"windows": {"pdb": {"GUID": "0123456789ABCDEF0011223344556677", "age": 3,
            "database": "acme.pdb", "machine_type": 34404}}},
        "base_types": {"pointer": {"size": 8}, "long": {"size": 4}},
        "symbols": {"AcmeRead": {"address": 4096}, "??_C@_00@": {"address": 8192}},
        "user_types": {
            "_ACME": {"size": 32, "fields": {
                "Next": {"offset": 0, "type": {"kind": "pointer"}},
                "u1": {"offset": 8, "anonymous": true, "type": {"kind": "union", "name": "_U"}}}},
            "_U": {"size": 8, "fields": {"Flags": {"offset": 4, "type": {"kind": "base", "name": "long"}}}}}
    }"#;

    #[test]
    fn an_isf_file_gives_names_types_and_its_identity() {
        let table = SymbolTable::parse(table(SMALL.as_bytes()).unwrap()).unwrap();
        assert_eq!(table.name(), "acme.pdb");
        assert_eq!(table.age(), 3);
        let text = table.guid().to_string();
        assert_eq!(text, "01234567-89ab-cdef-0011-223344556677");
        assert_eq!(table.name_at(0x1010), Some(("AcmeRead", 0x10)));
        assert_eq!(table.len(), 1);
        let flags = table.member("_ACME", "Flags").unwrap();
        assert_eq!((flags.offset, flags.width), (12, Some(4)));
        assert_eq!(table.size("_ACME"), Some(32));
    }

    #[test]
    fn what_names_no_image_is_refused() {
        let linux = br#"{"metadata": {"linux": {}}, "symbols": {}}"#;
        assert!(matches!(table(linux), Err(FormatError::NoIdentity)));
        assert!(matches!(table(b"{\"a\""), Err(FormatError::Isf(_))));
        let odd = SMALL.replace("0123456789ABCDEF", "0123");
        assert!(matches!(
            table(odd.as_bytes()),
            Err(FormatError::NoIdentity)
        ));
    }
}
