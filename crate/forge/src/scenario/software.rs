//! Windows on the machine: identity, stop code, stack, drivers, processes, registry.

use super::{Moment, Number};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Identity of the Windows installation and the moment of the crash.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct System {
    /// 1 workstation, 2 domain controller, 3 server.
    pub product_type: u32,
    /// Suite mask as in OSVERSIONINFOEX.
    pub suite_mask: u32,
    /// The extended build string; made from the build otherwise.
    pub build_lab: Option<String>,
    /// NetBIOS name.
    pub computer_name: String,
    /// Windows directory.
    pub system_root: String,
    /// Service pack as text, `Service Pack 1`.
    pub service_pack: String,
    /// When it stopped, UTC.
    pub crash_time: Moment,
    /// Seconds since start.
    pub uptime: Number,
    /// Minutes to add to local time to get UTC.
    pub time_zone_bias: i64,
    /// Number of this start.
    pub boot_id: u32,
    /// Whether a kernel debugger was enabled.
    pub debugger_enabled: bool,
    /// Safe mode: 0 no, 1 minimal, 2 network.
    pub safe_boot: u8,
}

impl Default for System {
    fn default() -> Self {
        Self {
            product_type: 3,
            suite_mask: 0x110,
            build_lab: None,
            computer_name: "FORGE-VM".into(),
            system_root: r"C:\Windows".into(),
            service_pack: String::new(),
            crash_time: Moment(1_615_263_153),
            uptime: Number(345_678),
            time_zone_bias: 0,
            boot_id: 12,
            debugger_enabled: false,
            safe_boot: 0,
        }
    }
}

/// Why the machine stopped.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stop {
    /// Stop code.
    pub code: Number,
    /// Its four parameters; missing ones are 0.
    pub parameters: Vec<Number>,
    /// The exception record of the header; a breakpoint otherwise.
    pub exception: Option<Exception>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            code: Number(0xe2),
            parameters: Vec::new(),
            exception: None,
        }
    }
}

/// The exception the header describes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Exception {
    /// Status code.
    pub code: Number,
    /// Flags.
    pub flags: Number,
    /// Where.
    pub address: Number,
    /// Its parameters.
    pub parameters: Vec<Number>,
}

/// One frame: `at = "nt!KiPageFault"`, `at = "ntfs.sys+0x1234"`; or, as the outermost, `at = "user+0x7ff612345678"`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Frame {
    /// Function of the kernel, or a driver with an offset.
    pub at: String,
    /// Bytes into the function the return address lies; a fitting number otherwise.
    pub offset: Option<Number>,
    /// Address that this frame's trap frame records as the faulting data address.
    pub fault_address: Option<Number>,
    /// The stack it lies on: `thread`, or one of the processor's own.
    pub on: On,
    /// Bytes that its function takes on the stack for locals. Of a real file, as its unwind data have it; it saves nothing
    /// there.
    pub room: Option<Number>,
    /// Bytes that its function has taken beyond its prologue, for which it keeps a frame pointer.
    pub grown: Option<Number>,
}

/// What a processor other than the first was running.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Running {
    /// Its number, from 1 on.
    pub processor: u32,
    /// The process whose thread it ran; its idle thread when 0.
    pub process: u32,
    /// Which thread of that process, from 0 on.
    pub thread: u32,
    /// The stack, innermost frame first; the wait for something to do when there is none.
    pub stack: Vec<Frame>,
}

/// A kernel stack. Frames that follow each other on different ones are joined by what their kind calls for: what the
/// processor saved when the inner one is a trap handler, else a function that changes stacks and keeps the old one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// The thread's.
    #[default]
    Thread,
    /// That of deferred procedure calls.
    Dpc,
    /// That of interrupts.
    Interrupt,
    /// That of double faults.
    DoubleFault,
    /// That of interrupts that cannot be masked, which only the processor's own tables name.
    Nmi,
}

/// A loaded driver.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Module {
    /// File name; a name without a path lies in `\SystemRoot\System32\drivers`.
    pub name: String,
    /// Path with the name, when it lies elsewhere.
    pub path: Option<String>,
    /// Size in memory, bytes.
    pub size: Number,
    /// Link time.
    pub built: Option<Moment>,
    /// Link stamp as a bare number, for images whose stamp is a hash.
    pub stamp: Option<Number>,
    /// PE checksum; made up otherwise.
    pub checksum: Option<Number>,
    /// File version, as `6.3.9600.16384`.
    pub version: Option<String>,
    /// Company in the version resource.
    pub company: String,
    /// Name of the symbol file; the image name with `.pdb` otherwise.
    pub pdb: Option<String>,
    /// Address, when it matters.
    pub base: Option<Number>,
    /// That many alike: the second is called `name2.sys`, and so on.
    pub repeat: u32,
    /// A real PE file to lay into memory; size, stamp, checksum and all that is inside are its own.
    pub file: Option<String>,
    /// Its bytes.
    #[serde(skip)]
    pub bytes: Vec<u8>,
}

impl Default for Module {
    fn default() -> Self {
        Self {
            name: String::new(),
            path: None,
            size: Number(0x10000),
            built: None,
            stamp: None,
            checksum: None,
            version: None,
            company: "Microsoft Corporation".into(),
            pdb: None,
            base: None,
            repeat: 1,
            file: None,
            bytes: Vec::new(),
        }
    }
}

impl Module {
    /// The path the loader would record.
    pub fn full_path(&self) -> String {
        self.path
            .clone()
            .unwrap_or_else(|| format!(r"\SystemRoot\System32\drivers\{}", self.name))
    }
}

/// A driver that was unloaded.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct UnloadedModule {
    /// File name.
    pub name: String,
    /// First address; an invented one otherwise.
    pub start: Option<Number>,
    /// Bytes.
    pub size: Number,
    /// When.
    pub time: Option<Moment>,
}

/// A process.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// Image name, up to 14 characters are kept in the process object.
    pub name: String,
    /// Process id; made up when 0.
    pub pid: u32,
    /// Parent's id; 4 when 0.
    pub parent: u32,
    /// Session, none for -1.
    pub session: i32,
    /// When it started; soon after the machine otherwise.
    pub created: Option<Moment>,
    /// When it ended, for one that lingers.
    pub exited: Option<Moment>,
    /// Exit status of one that ended.
    pub exit_status: Number,
    /// Commit charge, pages.
    pub commit: Number,
    /// Private pages.
    pub private: Number,
    /// Working set, pages.
    pub working_set: Number,
    /// Virtual size, bytes.
    pub virtual_size: Number,
    /// Number of threads; 1 when 0.
    pub threads: u32,
    /// The crash happened in this process.
    pub current: bool,
    /// That many alike, with ids of their own; 1 when 0.
    pub repeat: u32,
}

/// A registry hive in memory.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hive {
    /// Name below `\REGISTRY\MACHINE`, as `SYSTEM`.
    pub name: String,
    /// Its file on disk; none for a volatile hive.
    pub file_path: Option<String>,
    /// A real hive file to lay into memory instead of the keys.
    pub file: Option<String>,
    /// Keys by path, each with its values.
    pub keys: BTreeMap<String, BTreeMap<String, RegistryValue>>,
}

/// A registry value.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum RegistryValue {
    /// REG_DWORD.
    Dword(u32),
    /// REG_SZ.
    Text(String),
    /// REG_MULTI_SZ.
    Texts(Vec<String>),
    /// REG_BINARY from hexadecimal digits.
    Binary {
        /// The digits.
        hex: String,
    },
}
