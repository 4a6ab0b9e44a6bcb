//! What a stop-code parameter *is*, so that a reader of the dump can decode its value: follow it
//! as a pointer, name it as a status, look the address up among the modules.

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $word:literal, $default:literal;)+) => {
        /// The nature of one stop-code parameter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ParameterKind { $($(#[doc = $doc])+ $variant,)+ }

        impl ParameterKind {
            /// Every kind.
            pub const ALL: &'static [ParameterKind] = &[$(ParameterKind::$variant,)+];

            /// The word for this kind in the data files and in JSON.
            pub fn word(self) -> &'static str {
                match self { $(ParameterKind::$variant => $word,)+ }
            }

            /// The kind that a word of the data files stands for.
            pub(crate) fn from_word(word: &str) -> Option<ParameterKind> {
                match word { $($word => Some(ParameterKind::$variant),)+ _ => None }
            }

            /// What is said when the data file names the kind and nothing more; empty for kinds
            /// that mean nothing without a text.
            pub(crate) fn default_text(self) -> &'static str {
                match self { $(ParameterKind::$variant => $default,)+ }
            }
        }
    };
}

kinds! {
    /// A number or code with no further structure.
    Plain = "plain", "";
    /// A number of things.
    Count = "count", "Number";
    /// A length or size in bytes.
    Bytes = "bytes", "Size in bytes";
    /// A number of memory pages.
    Pages = "pages", "Number of pages";
    /// A bit mask.
    Flags = "flags", "Flags";
    /// A handle value.
    Handle = "handle", "Handle";
    /// A virtual address of data.
    Address = "address", "Address that was touched";
    /// A virtual address of code.
    InstructionAddress = "code", "Address of the instruction that did it";
    /// A physical address.
    PhysicalAddress = "physical", "Physical address";
    /// A stack address.
    StackAddress = "stack", "Stack address";
    /// An NTSTATUS or exception code, often sign-extended to 64 bits.
    Status = "status", "Status code of the failure";
    /// An interrupt request level.
    Irql = "irql", "IRQL at that moment";
    /// Kind of access in the classic form: 0 read, 1 write, 8 (or 2) execute.
    AccessMode = "access", "What was attempted";
    /// Kind of access of a page fault; its bits differ between Windows releases.
    FaultAccess = "fault", "What was attempted";
    /// Processor mode: 0 kernel, 1 user.
    ProcessorMode = "mode", "Processor mode";
    /// Address of a page table entry.
    PteAddress = "pte", "Address of the page table entry";
    /// Contents of a page table entry.
    PteContents = "ptevalue", "Contents of the page table entry";
    /// A physical page frame number.
    PageFrame = "pfn", "Page frame number";
    /// Pointer to a context record (CPU registers).
    ContextRecord = "context", "Context record: the registers at that moment";
    /// Pointer to an exception record.
    ExceptionRecord = "exception", "Exception record";
    /// Pointer to a trap frame.
    TrapFrame = "trap", "Trap frame: the registers when the trap was taken";
    /// Pointer to a device object.
    DeviceObject = "device", "Device object";
    /// Pointer to a driver object.
    DriverObject = "driver", "Driver object";
    /// Pointer to an I/O request packet.
    Irp = "irp", "I/O request packet (IRP)";
    /// Pointer to a process object.
    Process = "process", "Process object";
    /// Pointer to a thread object.
    Thread = "thread", "Thread object";
    /// Pointer to a file object.
    FileObject = "file", "File object";
    /// Pointer to another kernel object.
    Object = "object", "Kernel object";
    /// Pointer to a memory descriptor list.
    Mdl = "mdl", "Memory descriptor list (MDL)";
    /// Pointer to a pool block or its header.
    PoolBlock = "pool", "Pool block";
    /// Pointer to a lock: resource, mutex, spin lock, run-down reference.
    Lock = "lock", "Lock";
    /// Pointer to a processor control block.
    Prcb = "prcb", "Processor control block (PRCB)";
    /// Pointer to a worker-thread work item.
    WorkItem = "workitem", "Work item";
    /// Pointer to a hardware error record (WHEA).
    WheaRecord = "whea", "Hardware error record (WHEA)";
    /// High half of a machine-check status register.
    MachineCheckHigh = "mcihigh", "Upper half of the machine-check status register";
    /// Low half of a machine-check status register.
    MachineCheckLow = "mcilow", "Lower half of the machine-check status register";
    /// Pointer to a structure not decoded further.
    Pointer = "pointer", "";
    /// Pointer to a UNICODE_STRING.
    UnicodeString = "unistr", "Name (UNICODE_STRING)";
    /// Pointer to UTF-16 text ended by zero.
    WideText = "wtext", "Text (UTF-16)";
    /// Pointer to 8-bit text ended by zero.
    AnsiText = "text", "Text (8-bit characters)";
    /// Four characters packed into a number.
    FourCharacters = "tag", "Four-character tag";
    /// Index of a processor.
    ProcessorIndex = "cpu", "Number of the processor";
    /// Clock ticks.
    Ticks = "ticks", "";
    /// Milliseconds.
    Milliseconds = "ms", "";
    /// Seconds.
    Seconds = "seconds", "";
    /// Interrupt time in units of 100 ns.
    InterruptTime = "time", "";
    /// Source position: file number in the upper, line in the lower 16 bits.
    SourceLine = "source", "Where in the driver's source: file number (upper 16 bits) and line (lower 16 bits)";
    /// Known to carry nothing.
    Reserved = "-", "Not used";
    /// No meaning is documented.
    Undocumented = "unknown", "No documented meaning";
}

impl ParameterKind {
    /// What values of this kind stand for, to be told where no value is at hand.
    #[must_use]
    pub fn legend(self) -> Option<&'static str> {
        match self {
            Self::AccessMode => Some("0 reading, 1 writing, 8 executing"),
            Self::FaultAccess => Some("0 reading, 2 writing, 8 or 0x10 executing"),
            Self::ProcessorMode => Some("0 kernel, 1 user"),
            _ => None,
        }
    }
}

/// What an access word of [`ParameterKind::AccessMode`] or [`ParameterKind::FaultAccess`] says:
/// `"reading"`, `"writing"`, `"executing"`. `None` for bits that Windows never writes there, and
/// for a fault value of 1, which is a write up to Windows 8.1 and on ARM but may be a
/// protection-only bit on later x64.
pub fn access(kind: ParameterKind, value: u64) -> Option<&'static str> {
    match (kind, value) {
        (ParameterKind::AccessMode | ParameterKind::FaultAccess, 0) => Some("reading"),
        (ParameterKind::AccessMode, 1) | (ParameterKind::FaultAccess, 2 | 3) => Some("writing"),
        (ParameterKind::AccessMode, 2 | 8) => Some("executing"),
        (ParameterKind::FaultAccess, 8 | 0x10 | 0x11) => Some("executing"),
        _ => None,
    }
}
