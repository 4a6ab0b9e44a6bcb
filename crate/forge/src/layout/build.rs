//! Structure layouts and symbol addresses of the kernel builds the forge can invent a machine of.
//! Source: the tables under `data/` (JPCERTCC/Windows-Symbol-Tables, BSD-3-Clause; Vergilius through novafacing/vergilius-rs,
//! Apache-2.0; for 26100 and ARM64 published facts). The analyzer is not asked: it has tables of its own.

use std::collections::HashMap;

use crate::scenario::Architecture;

/// A function of the kernel image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Symbol name.
    pub name: String,
    /// First byte, relative to the image base.
    pub rva: u32,
    /// First byte after it.
    pub end: u32,
}

/// What is known of one kernel build.
#[derive(Clone, Debug, Default)]
pub struct Build {
    /// Full version, as `6.3.9600.19913`.
    pub version: String,
    /// GUID of the symbol file in its printed digits.
    pub guid: String,
    /// Age of the symbol file.
    pub age: u32,
    /// Link time stamp of the kernel file.
    pub timestamp: u32,
    /// Size of the kernel image in memory, bytes.
    pub image_size: u32,
    structs: HashMap<String, (u64, HashMap<String, u64>)>,
    data: HashMap<String, u32>,
    /// Functions, by address.
    pub code: Vec<Function>,
}

const X64: [(u32, &str); 8] = [
    (7601, include_str!("../../data/nt-x64-7601.tsv")),
    (9600, include_str!("../../data/nt-x64-9600.tsv")),
    (14393, include_str!("../../data/nt-x64-14393.tsv")),
    (17763, include_str!("../../data/nt-x64-17763.tsv")),
    (19041, include_str!("../../data/nt-x64-19041.tsv")),
    (20348, include_str!("../../data/nt-x64-20348.tsv")),
    (22000, include_str!("../../data/nt-x64-22000.tsv")),
    (26100, include_str!("../../data/nt-x64-26100.tsv")),
];

/// Time stamp and image size of the files for which the digests name none; the sizes hold every known symbol.
const STAND_IN: [(&str, u32, u32); 3] = [
    ("6.1.7601.24540", 0x5d7f_4a1c, 0x5e6000),
    ("6.3.9600.19913", 0x5fce_f1b2, 0x78c000),
    ("6.1.7601.17514", 0x4ce7_8a06, 0x412000),
];

impl Build {
    /// The tables of a build, or nothing when the forge has none for it.
    pub fn load(architecture: Architecture, number: u32) -> Option<Self> {
        let text = match architecture {
            Architecture::X64 => X64.iter().find(|(n, _)| *n == number)?.1.to_owned(),
            Architecture::Arm64 if number == 22000 => {
                include_str!("../../data/nt-arm64-22000.tsv").to_owned()
            }
            Architecture::Arm64 if number == 26100 => {
                include_str!("../../data/nt-arm64-26100.tsv").to_owned()
            }
            Architecture::X86 if number == 7601 => [
                include_str!("../../data/nt-x86-7601.tsv"),
                include_str!("../../data/nt-x86-7601-symbols.tsv"),
            ]
            .concat(),
            _ => return None,
        };
        let mut build = Self::parse(&text);
        if let Some((_, stamp, size)) = STAND_IN.iter().find(|(v, ..)| *v == build.version) {
            build.timestamp = *stamp;
            build.image_size = *size;
        }
        Some(build)
    }

    /// Builds the forge can write for an architecture.
    pub fn numbers(architecture: Architecture) -> Vec<u32> {
        match architecture {
            Architecture::X64 => X64.iter().map(|(n, _)| *n).collect(),
            Architecture::Arm64 => vec![22000, 26100],
            Architecture::X86 => vec![7601],
        }
    }

    fn parse(text: &str) -> Self {
        let mut build = Self::default();
        let mut current = String::new();
        let hex = |s: Option<&&str>| s.and_then(|s| u64::from_str_radix(s, 16).ok()).unwrap_or(0);
        for line in text.lines() {
            let parts: Vec<&str> = line.split('\t').collect();
            match parts[0] {
                "build" => {
                    build.version = parts[1].to_owned();
                    build.guid = parts[2].to_owned();
                    build.age = hex(parts.get(3)) as u32;
                    build.timestamp = hex(parts.get(4)) as u32;
                    build.image_size = hex(parts.get(5)) as u32;
                }
                "struct" => {
                    current = parts[1].to_owned();
                    build
                        .structs
                        .insert(current.clone(), (hex(parts.get(2)), HashMap::new()));
                }
                "f" => {
                    if let Some((_, fields)) = build.structs.get_mut(&current) {
                        fields.insert(parts[1].to_owned(), hex(parts.get(2)));
                    }
                }
                "data" => {
                    build
                        .data
                        .insert(parts[1].to_owned(), hex(parts.get(2)) as u32);
                }
                "code" => build.code.push(Function {
                    name: parts[1].to_owned(),
                    rva: hex(parts.get(2)) as u32,
                    end: hex(parts.get(3)) as u32,
                }),
                _ => {}
            }
        }
        build
    }

    /// Takes the memory manager's structures from another build.
    pub fn lay_out_as(&mut self, other: &Self) {
        let is_mm = |name: &str| {
            ["_MI_", "_MM", "_POOL_TRACKER"]
                .iter()
                .any(|start| name.starts_with(start))
        };
        self.structs.retain(|name, _| !is_mm(name));
        let theirs = other.structs.iter().filter(|(name, _)| is_mm(name));
        self.structs
            .extend(theirs.map(|(n, s)| (n.clone(), s.clone())));
    }

    /// Moves a member, given as `_STRUCTURE.Member`; false when there is no such structure.
    pub fn move_member(&mut self, path: &str, offset: u64) -> bool {
        let Some((structure, member)) = path.split_once('.') else {
            return false;
        };
        let found = self.structs.get_mut(structure);
        found.is_some_and(|(_, fields)| {
            fields.insert(member.to_owned(), offset);
            true
        })
    }

    /// Moves a global variable.
    pub fn move_data(&mut self, name: &str, rva: u32) {
        self.data.insert(name.to_owned(), rva);
    }

    /// The last two parts of the version: build and revision.
    pub fn number(&self) -> (u32, u32) {
        let mut parts = self
            .version
            .split('.')
            .skip(2)
            .filter_map(|p| p.parse().ok());
        (parts.next().unwrap_or(0), parts.next().unwrap_or(0))
    }

    /// The size of a structure, 0 when the build has no such structure.
    pub fn size(&self, structure: &str) -> u64 {
        self.structs.get(structure).map_or(0, |s| s.0)
    }

    /// The offset of a member.
    pub fn field(&self, structure: &str, member: &str) -> Option<u64> {
        self.structs.get(structure)?.1.get(member).copied()
    }

    /// The address of a global variable, relative to the image base.
    pub fn data(&self, name: &str) -> Option<u32> {
        self.data.get(name).copied()
    }

    /// A function by its name.
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.code.iter().find(|f| f.name == name)
    }

    /// Every variable with its address.
    pub fn variables(&self) -> impl Iterator<Item = (&str, u32)> {
        self.data.iter().map(|(n, r)| (n.as_str(), *r))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_9600_are_those_of_its_symbol_file() {
        let b = Build::load(Architecture::X64, 9600).unwrap();
        assert_eq!(b.guid, "22597D0B40394E23936F6A24C6C52D5B");
        assert_eq!(b.number(), (9600, 19913));
        assert_eq!(b.field("_EPROCESS", "UniqueProcessId"), Some(0x2e0));
        assert_eq!(b.field("_EPROCESS", "ImageFileName"), Some(0x438));
        assert_eq!(b.field("_KTHREAD", "StackBase"), Some(0x38));
        assert_eq!(b.data("KdDebuggerDataBlock"), Some(0x292530));
    }

    #[test]
    fn every_build_the_forge_offers_has_its_lists_and_its_debugger_block() {
        for arch in [Architecture::X64, Architecture::Arm64, Architecture::X86] {
            for number in Build::numbers(arch) {
                let b = Build::load(arch, number).unwrap();
                for name in [
                    "PsLoadedModuleList",
                    "PsActiveProcessHead",
                    "KdDebuggerDataBlock",
                    "KiProcessorBlock",
                ] {
                    assert!(b.data(name).is_some(), "{number} {arch:?} lacks {name}");
                }
                assert!(b.image_size > 0x200000, "{number} {arch:?}");
                for (name, rva) in b.variables() {
                    assert!(
                        rva < b.image_size,
                        "{number} {arch:?} {name} lies outside the image"
                    );
                }
                assert!(b.function("KeBugCheckEx").is_some() || number == 22000);
            }
        }
    }
}
