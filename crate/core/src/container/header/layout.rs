//! The two header structures as tables: every field once, with its offset, name and shape.
//!
//! Layout: QEMU `win_dump_defs.h`, volatility3 `crash.json`/`crash64.json`, windows-rs
//! `DUMP_HEADER32`/`DUMP_HEADER64`; the 64-bit table agrees with dumps of 9600, 19041, 22000 and
//! 26100. QEMU folds the padding behind the memory descriptor into it and calls Attributes and
//! BootId reserved.

/// Which of the two header structures a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// `DUMP_HEADER32`: signature `PAGEDUMP`.
    Bits32,
    /// `DUMP_HEADER64`: signature `PAGEDU64`.
    Bits64,
}

impl Width {
    /// Bytes that the header takes in the file.
    #[must_use]
    pub fn header_len(self) -> u64 {
        self.layout().len
    }

    /// Bytes in a pointer.
    #[must_use]
    pub fn pointer(self) -> u8 {
        match self {
            Self::Bits32 => 4,
            Self::Bits64 => 8,
        }
    }

    pub(super) fn layout(self) -> &'static Layout {
        match self {
            Self::Bits32 => &HEADER32,
            Self::Bits64 => &HEADER64,
        }
    }
}

#[allow(
    clippy::enum_variant_names,
    reason = "BootId is what Windows calls the field"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Signature,
    ValidDump,
    MajorVersion,
    MinorVersion,
    DirectoryTableBase,
    PfnDataBase,
    PsLoadedModuleList,
    PsActiveProcessHead,
    MachineImageType,
    NumberProcessors,
    BugCheckCode,
    Parameter1,
    Parameter2,
    Parameter3,
    Parameter4,
    VersionUser,
    PaeEnabled,
    KdSecondaryVersion,
    KdDebuggerDataBlock,
    PhysicalMemoryBlock,
    ContextRecord,
    Exception,
    DumpType,
    RequiredDumpSpace,
    SystemTime,
    Comment,
    SystemUpTime,
    MiniDumpFields,
    SecondaryDataState,
    ProductType,
    SuiteMask,
    WriterStatus,
    Attributes,
    BootId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// Four characters.
    Tag,
    /// An unsigned integer of so many bytes.
    Int(u8),
    /// An address of so many bytes.
    Pointer(u8),
    /// ANSI text of at most so many bytes.
    Text(u16),
    /// A structure of so many bytes.
    Struct(u16),
}

impl Shape {
    pub(super) fn len(self) -> u64 {
        match self {
            Self::Tag => 4,
            Self::Int(len) | Self::Pointer(len) => u64::from(len),
            Self::Text(len) | Self::Struct(len) => u64::from(len),
        }
    }
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub id: Item,
    pub offset: u16,
    pub name: &'static str,
    pub shape: Shape,
}

#[derive(Debug)]
pub(super) struct Layout {
    pub structure: &'static str,
    pub len: u64,
    pub fields: &'static [Field],
}

impl Layout {
    pub(super) fn field(&self, id: Item) -> Option<&'static Field> {
        self.fields.iter().find(|field| field.id == id)
    }
}

const fn field(offset: u16, id: Item, name: &'static str, shape: Shape) -> Field {
    Field {
        id,
        offset,
        name,
        shape,
    }
}

use Shape::{Int, Pointer, Struct, Tag, Text};

static HEADER64: Layout = Layout {
    structure: "DUMP_HEADER64",
    len: 0x2000,
    fields: &[
        field(0x0000, Item::Signature, "Signature", Tag),
        field(0x0004, Item::ValidDump, "ValidDump", Tag),
        field(0x0008, Item::MajorVersion, "MajorVersion", Int(4)),
        field(0x000C, Item::MinorVersion, "MinorVersion", Int(4)),
        field(
            0x0010,
            Item::DirectoryTableBase,
            "DirectoryTableBase",
            Pointer(8),
        ),
        field(0x0018, Item::PfnDataBase, "PfnDataBase", Pointer(8)),
        field(
            0x0020,
            Item::PsLoadedModuleList,
            "PsLoadedModuleList",
            Pointer(8),
        ),
        field(
            0x0028,
            Item::PsActiveProcessHead,
            "PsActiveProcessHead",
            Pointer(8),
        ),
        field(0x0030, Item::MachineImageType, "MachineImageType", Int(4)),
        field(0x0034, Item::NumberProcessors, "NumberProcessors", Int(4)),
        field(0x0038, Item::BugCheckCode, "BugCheckCode", Int(4)),
        field(0x0040, Item::Parameter1, "BugCheckParameter1", Pointer(8)),
        field(0x0048, Item::Parameter2, "BugCheckParameter2", Pointer(8)),
        field(0x0050, Item::Parameter3, "BugCheckParameter3", Pointer(8)),
        field(0x0058, Item::Parameter4, "BugCheckParameter4", Pointer(8)),
        field(0x0060, Item::VersionUser, "VersionUser", Text(0x20)),
        field(
            0x0080,
            Item::KdDebuggerDataBlock,
            "KdDebuggerDataBlock",
            Pointer(8),
        ),
        field(
            0x0088,
            Item::PhysicalMemoryBlock,
            "PhysicalMemoryBlock",
            Struct(0x2BC),
        ),
        field(0x0348, Item::ContextRecord, "ContextRecord", Struct(0xBB8)),
        field(0x0F00, Item::Exception, "Exception", Struct(0x98)),
        field(0x0F98, Item::DumpType, "DumpType", Int(4)),
        field(0x0FA0, Item::RequiredDumpSpace, "RequiredDumpSpace", Int(8)),
        field(0x0FA8, Item::SystemTime, "SystemTime", Int(8)),
        field(0x0FB0, Item::Comment, "Comment", Text(0x80)),
        field(0x1030, Item::SystemUpTime, "SystemUpTime", Int(8)),
        field(0x1038, Item::MiniDumpFields, "MiniDumpFields", Int(4)),
        field(
            0x103C,
            Item::SecondaryDataState,
            "SecondaryDataState",
            Int(4),
        ),
        field(0x1040, Item::ProductType, "ProductType", Int(4)),
        field(0x1044, Item::SuiteMask, "SuiteMask", Int(4)),
        field(0x1048, Item::WriterStatus, "WriterStatus", Int(4)),
        field(
            0x104D,
            Item::KdSecondaryVersion,
            "KdSecondaryVersion",
            Int(1),
        ),
        field(0x1050, Item::Attributes, "Attributes", Int(4)),
        field(0x1054, Item::BootId, "BootId", Int(4)),
    ],
};

static HEADER32: Layout = Layout {
    structure: "DUMP_HEADER32",
    len: 0x1000,
    fields: &[
        field(0x000, Item::Signature, "Signature", Tag),
        field(0x004, Item::ValidDump, "ValidDump", Tag),
        field(0x008, Item::MajorVersion, "MajorVersion", Int(4)),
        field(0x00C, Item::MinorVersion, "MinorVersion", Int(4)),
        field(
            0x010,
            Item::DirectoryTableBase,
            "DirectoryTableBase",
            Pointer(4),
        ),
        field(0x014, Item::PfnDataBase, "PfnDataBase", Pointer(4)),
        field(
            0x018,
            Item::PsLoadedModuleList,
            "PsLoadedModuleList",
            Pointer(4),
        ),
        field(
            0x01C,
            Item::PsActiveProcessHead,
            "PsActiveProcessHead",
            Pointer(4),
        ),
        field(0x020, Item::MachineImageType, "MachineImageType", Int(4)),
        field(0x024, Item::NumberProcessors, "NumberProcessors", Int(4)),
        field(0x028, Item::BugCheckCode, "BugCheckCode", Int(4)),
        field(0x02C, Item::Parameter1, "BugCheckParameter1", Pointer(4)),
        field(0x030, Item::Parameter2, "BugCheckParameter2", Pointer(4)),
        field(0x034, Item::Parameter3, "BugCheckParameter3", Pointer(4)),
        field(0x038, Item::Parameter4, "BugCheckParameter4", Pointer(4)),
        field(0x03C, Item::VersionUser, "VersionUser", Text(0x20)),
        field(0x05C, Item::PaeEnabled, "PaeEnabled", Int(1)),
        field(
            0x05D,
            Item::KdSecondaryVersion,
            "KdSecondaryVersion",
            Int(1),
        ),
        field(
            0x060,
            Item::KdDebuggerDataBlock,
            "KdDebuggerDataBlock",
            Pointer(4),
        ),
        field(
            0x064,
            Item::PhysicalMemoryBlock,
            "PhysicalMemoryBlock",
            Struct(0x2BC),
        ),
        field(0x320, Item::ContextRecord, "ContextRecord", Struct(0x4B0)),
        field(0x7D0, Item::Exception, "Exception", Struct(0x50)),
        field(0x820, Item::Comment, "Comment", Text(0x80)),
        field(0x8A0, Item::Attributes, "Attributes", Int(4)),
        field(0x8A4, Item::BootId, "BootId", Int(4)),
        field(0xF88, Item::DumpType, "DumpType", Int(4)),
        field(0xF8C, Item::MiniDumpFields, "MiniDumpFields", Int(4)),
        field(
            0xF90,
            Item::SecondaryDataState,
            "SecondaryDataState",
            Int(4),
        ),
        field(0xF94, Item::ProductType, "ProductType", Int(4)),
        field(0xF98, Item::SuiteMask, "SuiteMask", Int(4)),
        field(0xF9C, Item::WriterStatus, "WriterStatus", Int(4)),
        field(0xFA0, Item::RequiredDumpSpace, "RequiredDumpSpace", Int(8)),
        field(0xFB8, Item::SystemUpTime, "SystemUpTime", Int(8)),
        field(0xFC0, Item::SystemTime, "SystemTime", Int(8)),
    ],
};

/// The memory descriptor (PHYSICAL_MEMORY_DESCRIPTOR): where its count, its total and its runs
/// stand, and how long the numbers in it are.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunsLayout {
    pub total: u64,
    pub first: u64,
    pub number: u64,
}

impl Width {
    pub(super) fn runs(self) -> RunsLayout {
        match self {
            Self::Bits32 => RunsLayout {
                total: 4,
                first: 8,
                number: 4,
            },
            // volatility3's table has the total at 4; dumps have it at 8.
            Self::Bits64 => RunsLayout {
                total: 8,
                first: 0x10,
                number: 8,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_in_file_order_and_do_not_overlap() {
        for layout in [&HEADER32, &HEADER64] {
            let mut end = 0;
            for field in layout.fields {
                assert!(u64::from(field.offset) >= end, "{}", field.name);
                end = u64::from(field.offset) + field.shape.len();
            }
            assert!(end <= layout.len);
        }
    }
}
