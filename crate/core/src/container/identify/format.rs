//! The formats that are told apart, and what is said of each.

use crate::model::Kind;

/// What a file is, exactly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum FileFormat {
    /// `PAGEDU64` or `PAGEDUMP`, of any type.
    KernelDump,
    /// The same, but the file ends inside the header.
    KernelDumpHeaderCut,
    /// MDMP: one program.
    UserMinidump,
    /// USERDUMP: one program, in the form before Windows XP.
    UserDumpOld,
    /// The data that drivers add to a dump, without the dump.
    SecondaryData,
    Zip,
    Gzip,
    Cab,
    SevenZip,
    Rar4,
    Rar5,
    Xz,
    Zstd,
    Bzip2,
    Lz4,
    Tar,
    Wim,
    /// regf.
    RegistryHive,
    /// A core file, e.g. of QEMU or VirtualBox.
    ElfCore,
    /// VMRS or VMCX: a saved or configured Hyper-V machine.
    HyperVStorage,
    /// VMSS or VMSN: a suspended VMware machine.
    VmwareState,
    /// A saved QEMU machine.
    QemuState,
    /// Physical memory by a capture tool.
    RawMemory,
    /// hiberfil.sys.
    Hibernation,
    Vhd,
    Vhdx,
    /// Another disk, volume or disc.
    DiskImage,
    /// EVTX or EVT.
    EventLog,
    /// Windows Error Reporting's text.
    ErrorReport,
    /// A Windows program or driver.
    PeImage,
    /// A program for another system.
    OtherProgram,
    /// Symbols.
    Pdb,
    Picture,
    Video,
    Document,
    /// The storage of older Office files, mails and installers.
    OfficeStorage,
    Database,
    Html,
    Xml,
    Json,
    Text,
    Utf16Text,
    /// A placeholder for a file kept in Git LFS.
    LfsPointer,
    /// Nothing but zeros wherever it was looked at.
    Zeros,
    /// Zeros where a header should be, something later.
    ZeroedStart,
    /// No bytes.
    Empty,
    #[default]
    Unknown,
}

/// What is said of a format.
pub(super) struct Words {
    pub label: &'static str,
    pub sentence: &'static str,
    pub advice: &'static str,
}

pub(super) const ENCRYPTED_ADVICE: &str = "Decrypt it with KernelDumpDecrypt.exe from the Windows \
Kits and the private key that belongs to the certificate, then drop the decrypted file.";

const UNPACK: &str = "Unpack it and drop the dumps in it.";
const TAKE_A_DUMP: &str = "Windows writes its dumps to C:\\Windows\\MEMORY.DMP and \
C:\\Windows\\Minidump; copy one out and drop the copy.";
const WRITTEN_BADLY: &str = "The dump was not written: the disk, the page file or the time to write \
it was lacking. Set a fixed page file on the system drive or a DedicatedDumpFile, and look in the \
System event log for volmgr or BugCheck events.";
const FROM_VIRTUAL_MACHINE: &str = "Take a memory dump instead: have the guest crash with \
Debug-VM -InjectNonMaskableInterrupt, or convert the saved state with vm2dmp where it still works.";

const fn words(label: &'static str, sentence: &'static str, advice: &'static str) -> Words {
    Words {
        label,
        sentence,
        advice,
    }
}

impl FileFormat {
    /// As the report names it; a kernel dump's kind comes from its header.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::KernelDump | Self::KernelDumpHeaderCut => Kind::UnknownKernel,
            Self::UserMinidump => Kind::UserMinidump,
            _ if self.is_archive() => Kind::Archive,
            _ => Kind::Other,
        }
    }

    /// Whether it may hold dumps inside.
    #[must_use]
    pub fn is_archive(self) -> bool {
        matches!(
            self,
            Self::Zip
                | Self::Gzip
                | Self::Cab
                | Self::SevenZip
                | Self::Rar4
                | Self::Rar5
                | Self::Xz
                | Self::Zstd
                | Self::Bzip2
                | Self::Lz4
                | Self::Tar
                | Self::Wim
        )
    }

    pub(super) fn words(self) -> Words {
        self.archive_words()
            .or_else(|| self.dump_words())
            .or_else(|| self.memory_words())
            .or_else(|| self.windows_words())
            .unwrap_or_else(|| self.other_words())
    }

    fn archive_words(self) -> Option<Words> {
        let (label, sentence) = match self {
            Self::Zip => ("Zip archive", "A zip archive; it may hold dumps."),
            Self::Gzip => (
                "Gzip file",
                "A file compressed with gzip; it may be a dump.",
            ),
            Self::Cab => (
                "Cabinet",
                "A Windows cabinet; error reports and .dump /b wrap dumps in them.",
            ),
            Self::SevenZip => ("7z archive", "A 7z archive; it may hold dumps."),
            Self::Rar4 => (
                "RAR archive",
                "A RAR archive (version 4); it may hold dumps.",
            ),
            Self::Rar5 => (
                "RAR archive",
                "A RAR archive (version 5); it may hold dumps.",
            ),
            Self::Xz => ("xz file", "A file compressed with xz; it may be a dump."),
            Self::Zstd => (
                "Zstandard file",
                "A file compressed with Zstandard; it may be a dump.",
            ),
            Self::Bzip2 => (
                "bzip2 file",
                "A file compressed with bzip2; it may be a dump.",
            ),
            Self::Lz4 => ("LZ4 file", "A file compressed with LZ4; it may be a dump."),
            Self::Tar => ("Tar archive", "A tar archive; it may hold dumps."),
            Self::Wim => ("Windows image", "A Windows imaging archive."),
            _ => return None,
        };
        Some(words(label, sentence, UNPACK))
    }

    /// Dumps.
    fn dump_words(self) -> Option<Words> {
        Some(match self {
            Self::KernelDump => words("Kernel dump", "A dump of the Windows kernel.", ""),
            Self::KernelDumpHeaderCut => words(
                "Kernel dump, cut short",
                "It begins like a dump of the Windows kernel, but ends inside the header.",
                "Copy it again; when the original is as short, the dump was never written.",
            ),
            Self::UserMinidump => words(
                "User minidump",
                "A minidump of one program, not of the system: it says why that program stopped, not why Windows did.",
                TAKE_A_DUMP,
            ),
            Self::UserDumpOld => words(
                "User dump in the form before Windows XP",
                "A dump of one program by an old debugger, not of the system.",
                TAKE_A_DUMP,
            ),
            Self::SecondaryData => words(
                "Secondary dump data",
                "The data that drivers add to a dump, without the dump.",
                TAKE_A_DUMP,
            ),
            _ => return None,
        })
    }

    /// Memory of machines in other forms.
    fn memory_words(self) -> Option<Words> {
        Some(match self {
            Self::ElfCore => words(
                "ELF core file",
                "A core file in the ELF format, as QEMU, VirtualBox and Linux write it.",
                "When it is the memory of a Windows guest, write it as a Windows dump instead: virsh dump --memory-only --format=win-dmp, or elf2dmp.",
            ),
            Self::HyperVStorage => words(
                "Hyper-V saved state or configuration",
                "The saved state or the configuration of a Hyper-V virtual machine (VMRS or VMCX).",
                FROM_VIRTUAL_MACHINE,
            ),
            Self::VmwareState => words(
                "VMware suspended state",
                "The state of a suspended VMware machine or of a snapshot (VMSS or VMSN); its memory may be in a .vmem file beside it.",
                "Convert it to a Windows dump with vmss2core -W (-W8 for Windows 8 and later), then drop that.",
            ),
            Self::QemuState => words(
                "QEMU saved state",
                "The saved state of a QEMU machine.",
                "Restore it and write a Windows dump: virsh dump --memory-only --format=win-dmp.",
            ),
            Self::RawMemory => words(
                "Raw memory capture",
                "Physical memory as a capture tool writes it, without a Windows dump header.",
                TAKE_A_DUMP,
            ),
            Self::Hibernation => words(
                "Hibernation file",
                "Windows' hibernation file: compressed memory of a machine that was put to sleep, not one that crashed.",
                TAKE_A_DUMP,
            ),
            _ => return None,
        })
    }

    /// Disks, and other files of Windows.
    fn windows_words(self) -> Option<Words> {
        Some(match self {
            Self::Vhd | Self::Vhdx => words(
                "Virtual hard disk",
                "A virtual hard disk; the dump may be a file on it.",
                "Mount it (Mount-VHD -ReadOnly, or double-click) and copy Windows\\MEMORY.DMP or Windows\\Minidump out of it.",
            ),
            Self::DiskImage => words(
                "Disk image",
                "The image of a disk, a volume or a disc; the dump may be a file on it.",
                "Mount it and copy Windows\\MEMORY.DMP or Windows\\Minidump out of it.",
            ),
            Self::RegistryHive => words(
                "Registry hive",
                "A file of the Windows registry, not a dump.",
                TAKE_A_DUMP,
            ),
            Self::EventLog => words(
                "Event log",
                "A Windows event log, not a dump.",
                "Open it in the Event Viewer; BugCheck events (1001) name the dump that belongs to a stop. Drop that dump.",
            ),
            Self::ErrorReport => words(
                "Error report",
                "The text of a Windows error report, not a dump.",
                "It names the files that were attached; drop the .dmp among them.",
            ),
            Self::PeImage => words(
                "Program or driver",
                "A Windows program, library or driver. With a dump open, its code and unwind data help to walk stacks.",
                TAKE_A_DUMP,
            ),
            Self::Pdb => words(
                "Symbol file",
                "A symbol file (PDB). With a dump open, it gives names to addresses of the module it belongs to.",
                TAKE_A_DUMP,
            ),
            _ => return None,
        })
    }

    fn other_words(self) -> Words {
        match self {
            Self::OtherProgram => words(
                "Program for another system",
                "A program that is not for Windows.",
                TAKE_A_DUMP,
            ),
            Self::Picture => words(
                "Picture",
                "A picture, perhaps of a blue screen.",
                TAKE_A_DUMP,
            ),
            Self::Video => words("Video", "A video or a sound.", TAKE_A_DUMP),
            Self::Document => words("Document", "A document.", TAKE_A_DUMP),
            Self::OfficeStorage => words(
                "Office file or installer",
                "A file in the storage format of older Office documents, mails and installers.",
                TAKE_A_DUMP,
            ),
            Self::Database => words("Database", "A database or the dump of one.", TAKE_A_DUMP),
            Self::Html => words(
                "Web page",
                "A web page. A download that ends as one was commonly refused: look at it in a browser.",
                TAKE_A_DUMP,
            ),
            Self::Xml => words("XML text", "Text in XML.", TAKE_A_DUMP),
            Self::Json => words("JSON text", "Text in JSON.", TAKE_A_DUMP),
            Self::Text | Self::Utf16Text => words("Text", "Plain text.", TAKE_A_DUMP),
            Self::LfsPointer => words(
                "Git LFS pointer",
                "A placeholder: the file itself is kept in Git LFS.",
                "Fetch it with git lfs pull, then drop the file.",
            ),
            Self::Zeros => words(
                "Only zeros",
                "Only zeros, wherever it was looked at: space that was set aside for a dump that was never written.",
                WRITTEN_BADLY,
            ),
            Self::ZeroedStart => words(
                "Header of zeros",
                "It begins with zeros where a dump has its header; something follows later. A dump that was not finished looks like this.",
                WRITTEN_BADLY,
            ),
            Self::Empty => words(
                "Empty file",
                "The file has no bytes at all: a dump that was begun and never written, or a copy that failed.",
                WRITTEN_BADLY,
            ),
            _ => words(
                "Unknown file",
                "It begins like no dump and no other format that is known here.",
                TAKE_A_DUMP,
            ),
        }
    }
}
