//! User minidumps: what Windows Error Reporting, a debugger, Breakpad or Crashpad writes of one
//! process. They are not what this tool is for, so they get a short report: the exception, the
//! modules, the system. Only the streams that it needs are read, so that a dump of many gigabytes
//! costs no more than a small one.
//!
//! Layout: `minidumpapiset.h` of the Windows SDK (see `layout`); checked in tests against the
//! `minidump` crate on files of several writers.

mod layout;
mod streams;

#[cfg(test)]
mod tests;

use crate::model::Guid;
use crate::source::{ReadError, Source, SourceExt};
use alloc::{collections::BTreeMap, string::String, vec::Vec};
use layout::{directory, header};

/// Streams listed at most; real files have a few dozen.
const MOST_STREAMS: u32 = 4096;

/// What a user minidump says of its process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserMinidump {
    /// When it was written: seconds since 1970 UTC.
    pub written: u32,
    /// MINIDUMP_TYPE flags of the writer.
    pub flags: u64,
    /// The system it ran on.
    pub system: Option<UserSystem>,
    /// The exception, where the dump records one.
    pub exception: Option<UserException>,
    /// Modules; the first is the program.
    pub modules: Vec<UserModule>,
    /// Modules that were unloaded.
    pub unloaded: Vec<UserUnloaded>,
    /// How many threads it holds.
    pub threads: Option<u32>,
    /// The process id.
    pub process_id: Option<u32>,
    /// When the process was created: seconds since 1970 UTC.
    pub process_created: Option<u32>,
    /// Whether it holds all of the process's memory (a Memory64 list).
    pub full_memory: bool,
    /// Who wrote it, as its streams tell.
    pub writer: Writer,
    /// Streams whose place or length is a lie.
    pub broken_streams: u32,
}

/// Who wrote a user minidump.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Writer {
    /// Windows' own MiniDumpWriteDump, or somebody who writes just the same.
    #[default]
    Windows,
    /// Crashpad.
    Crashpad,
    /// Breakpad on Linux.
    BreakpadLinux,
}

/// The system a process ran on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserSystem {
    /// PROCESSOR_ARCHITECTURE_*.
    pub architecture: u16,
    /// Logical processors.
    pub processors: u8,
    /// VER_NT_*: 1 workstation, 2 domain controller, 3 server.
    pub product_type: u8,
    /// Version and build, or the uname of other systems.
    pub version: (u32, u32, u32),
    /// VER_PLATFORM_*: 2 is Windows; 0x8101 to 0x8204 are Breakpad's others.
    pub platform: u32,
    /// Service pack, or the whole uname.
    pub service_pack: String,
}

impl UserSystem {
    /// The architecture as the report names it.
    #[must_use]
    pub fn architecture_name(&self) -> Option<&'static str> {
        match self.architecture {
            0 => Some("x86"),
            5 => Some("ARM"),
            6 => Some("IA-64"),
            9 => Some("x64"),
            // 0x8003 is Breakpad's own number for ARM64, from before Windows had one.
            12 | 0x8003 => Some("ARM64"),
            _ => None,
        }
    }

    /// The system as the report names it.
    #[must_use]
    pub fn platform_name(&self) -> Option<&'static str> {
        match self.platform {
            2 => Some("Windows"),
            0x8101 => Some("macOS"),
            0x8102 => Some("iOS"),
            0x8201 => Some("Linux"),
            0x8202 => Some("Solaris"),
            0x8203 => Some("Android"),
            0x8204 => Some("PlayStation 3"),
            _ => None,
        }
    }
}

/// The exception of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserException {
    /// The thread that raised it.
    pub thread_id: u32,
    /// The exception code.
    pub code: u32,
    /// Where it was raised.
    pub address: u64,
    /// Its parameters.
    pub information: Vec<u64>,
}

/// A module of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserModule {
    /// Path or name as recorded.
    pub path: String,
    /// Load address.
    pub base: u64,
    /// SizeOfImage, bytes.
    pub size: u32,
    /// PE checksum.
    pub checksum: u32,
    /// PE TimeDateStamp.
    pub timestamp: u32,
    /// File version, where recorded.
    pub version: Option<[u16; 4]>,
    /// Name, GUID and age of its symbol file.
    pub pdb: Option<(String, Guid, u32)>,
}

impl UserModule {
    /// The file name without its path.
    #[must_use]
    pub fn name(&self) -> &str {
        self.path.rsplit(['\\', '/']).next().unwrap_or_default()
    }
}

/// A module that a process had unloaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserUnloaded {
    /// Path or name as recorded.
    pub name: String,
    /// Where it began.
    pub base: u64,
    /// The first address behind it.
    pub end: u64,
}

/// A stream's place in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Location {
    offset: u64,
    size: u64,
}

/// Reads the streams that the short report needs.
///
/// # Errors
/// [`ReadError`] when the header or the directory cannot be read. A stream that cannot be read is
/// left out and counted in [`UserMinidump::broken_streams`].
pub fn read(source: &dyn Source) -> Result<UserMinidump, ReadError> {
    let count = source.u32(header::STREAM_COUNT)?;
    let directory = u64::from(source.u32(header::DIRECTORY_RVA)?);
    let mut dump = UserMinidump {
        written: source.u32(header::TIME_DATE_STAMP)?,
        flags: source.u64(header::FLAGS)?,
        ..UserMinidump::default()
    };
    let streams = stream_locations(source, directory, count.min(MOST_STREAMS))?;
    for (&kind, &location) in &streams {
        let end = location.offset.saturating_add(location.size);
        if end > source.len() || streams::read(source, kind, location, &mut dump).is_err() {
            dump.broken_streams += 1;
        }
    }
    Ok(dump)
}

/// Whether `source` begins as a user minidump.
///
/// # Errors
/// As [`SourceExt::u32`].
pub fn is_user_minidump(source: &dyn Source) -> Result<bool, ReadError> {
    Ok(source.u32(0)? == header::SIGNATURE)
}

/// The first stream of each kind; writers leave unused entries as kind 0.
fn stream_locations(
    source: &dyn Source,
    directory: u64,
    count: u32,
) -> Result<BTreeMap<u32, Location>, ReadError> {
    let mut streams = BTreeMap::new();
    for index in 0..u64::from(count) {
        let entry = directory + index * directory::SIZE;
        let kind = match source.u32(entry) {
            Ok(kind) => kind,
            // A directory that runs past the end of the file: keep what was there.
            Err(ReadError::Truncated { .. }) if index > 0 => break,
            Err(error) => return Err(error),
        };
        let (Ok(size), Ok(rva)) = (
            source.u32(entry + directory::DATA_SIZE),
            source.u32(entry + directory::RVA),
        ) else {
            continue;
        };
        if kind != 0 {
            let location = Location {
                offset: rva.into(),
                size: size.into(),
            };
            streams.entry(kind).or_insert(location);
        }
    }
    Ok(streams)
}
