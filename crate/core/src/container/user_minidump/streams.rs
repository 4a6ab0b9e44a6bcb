//! One function a stream. Each is given a location that lies within the file.

use super::layout::{codeview, exception, misc_info, module, stream, system_info, unloaded};
use super::{Location, UserException, UserMinidump, UserModule, UserSystem, UserUnloaded, Writer};
use crate::model::Guid;
use crate::source::{ReadError, Source, SourceExt};
use alloc::{string::String, vec::Vec};

/// Modules read at most; a browser process has a few hundred.
const MOST_MODULES: u64 = 4096;
/// The longest CodeView record, in bytes: a path and its header.
const LONGEST_CODEVIEW: u64 = 4096;

/// Reads one stream into `dump`; kinds that the short report does not need are passed over.
pub(super) fn read(
    source: &dyn Source,
    kind: u32,
    at: Location,
    dump: &mut UserMinidump,
) -> Result<(), ReadError> {
    match kind {
        stream::SYSTEM_INFO => dump.system = Some(system(source, at.offset)?),
        stream::EXCEPTION => dump.exception = Some(exception(source, at.offset)?),
        stream::MODULE_LIST => dump.modules = modules(source, at)?,
        stream::UNLOADED_MODULE_LIST => dump.unloaded = unloaded_modules(source, at)?,
        stream::THREAD_LIST => dump.threads = Some(source.u32(at.offset)?),
        stream::MISC_INFO => misc(source, at.offset, dump)?,
        stream::MEMORY64_LIST => dump.full_memory = true,
        stream::CRASHPAD_INFO => dump.writer = Writer::Crashpad,
        stream::LINUX_CPU_INFO => dump.writer = Writer::BreakpadLinux,
        _ => {}
    }
    Ok(())
}

fn system(source: &dyn Source, at: u64) -> Result<UserSystem, ReadError> {
    use system_info as field;
    let service_pack = match source.u32(at + field::CSD_VERSION_RVA)? {
        0 => String::new(),
        rva => string(source, rva)?,
    };
    Ok(UserSystem {
        architecture: source.u16(at + field::ARCHITECTURE)?,
        processors: source.u8(at + field::PROCESSORS)?,
        product_type: source.u8(at + field::PRODUCT_TYPE)?,
        version: (
            source.u32(at + field::MAJOR)?,
            source.u32(at + field::MINOR)?,
            source.u32(at + field::BUILD)?,
        ),
        platform: source.u32(at + field::PLATFORM)?,
        service_pack,
    })
}

fn exception(source: &dyn Source, at: u64) -> Result<UserException, ReadError> {
    use exception as field;
    let count = source
        .u32(at + field::PARAMETER_COUNT)?
        .min(field::MOST_PARAMETERS);
    let information = (0..u64::from(count))
        .map(|i| source.u64(at + field::INFORMATION + i * 8))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(UserException {
        thread_id: source.u32(at + field::THREAD_ID)?,
        code: source.u32(at + field::CODE)?,
        address: source.u64(at + field::ADDRESS)?,
        information,
    })
}

/// Where a list's entries begin: behind its 32-bit count, or eight bytes on where the writer
/// aligned them (as some of Breakpad's ports do).
fn entries(at: Location, count: u64, entry: u64) -> u64 {
    if at.size == 8 + count * entry {
        at.offset + 8
    } else {
        at.offset + 4
    }
}

fn modules(source: &dyn Source, at: Location) -> Result<Vec<UserModule>, ReadError> {
    let count = u64::from(source.u32(at.offset)?);
    let first = entries(at, count, module::SIZE);
    let mut modules = Vec::new();
    let mut missing = Ok(());
    for index in 0..count.min(MOST_MODULES) {
        match read_module(source, first + index * module::SIZE) {
            Ok(module) => modules.push(module),
            // Go on after NotYet, so that all names are asked for at once.
            Err(ReadError::NotYet) => missing = Err(ReadError::NotYet),
            Err(error) if modules.is_empty() => return Err(error),
            Err(_) => break,
        }
    }
    missing.map(|()| modules)
}

fn read_module(source: &dyn Source, at: u64) -> Result<UserModule, ReadError> {
    use module as field;
    let path = string(source, source.u32(at + field::NAME_RVA)?)?;
    let has_version = source.u32(at + field::VERSION)? == field::VERSION_SIGNATURE;
    let (high, low) = (
        source.u32(at + field::FILE_VERSION_MS)?,
        source.u32(at + field::FILE_VERSION_LS)?,
    );
    let parts = [
        (high >> 16) as u16,
        high as u16,
        (low >> 16) as u16,
        low as u16,
    ];
    let pdb = codeview(
        source,
        source.u32(at + field::CODEVIEW_RVA)?.into(),
        source.u32(at + field::CODEVIEW_SIZE)?.into(),
    )?;
    Ok(UserModule {
        path,
        base: source.u64(at + field::BASE)?,
        size: source.u32(at + field::IMAGE_SIZE)?,
        checksum: source.u32(at + field::CHECKSUM)?,
        timestamp: source.u32(at + field::TIME_DATE_STAMP)?,
        version: (has_version && parts != [0; 4]).then_some(parts),
        pdb,
    })
}

/// The symbol file's identity, when the record is of the usual kind (`RSDS`).
fn codeview(
    source: &dyn Source,
    at: u64,
    size: u64,
) -> Result<Option<(String, Guid, u32)>, ReadError> {
    if at == 0 || size <= codeview::NAME || at.saturating_add(size) > source.len() {
        return Ok(None);
    }
    if source.u32(at)? != codeview::SIGNATURE {
        return Ok(None);
    }
    let mut guid = [0; 16];
    source.read_at(at + codeview::GUID, &mut guid)?;
    let name = source.bytes(
        at + codeview::NAME,
        (size - codeview::NAME).min(LONGEST_CODEVIEW),
    )?;
    let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
    let name = String::from_utf8_lossy(name).into_owned();
    Ok(Some((name, Guid(guid), source.u32(at + codeview::AGE)?)))
}

fn unloaded_modules(source: &dyn Source, at: Location) -> Result<Vec<UserUnloaded>, ReadError> {
    use unloaded as field;
    let header = u64::from(source.u32(at.offset + field::HEADER_SIZE)?);
    let size = u64::from(source.u32(at.offset + field::ENTRY_SIZE)?);
    let count = u64::from(source.u32(at.offset + field::COUNT)?).min(MOST_MODULES);
    if size < field::SMALLEST_ENTRY {
        return Ok(Vec::new());
    }
    (0..count)
        .map(|index| {
            let entry = at.offset + header + index * size;
            let start = source.u64(entry + field::BASE)?;
            let length = source.u32(entry + field::IMAGE_SIZE)?;
            Ok(UserUnloaded {
                name: string(source, source.u32(entry + field::NAME_RVA)?)?,
                base: start,
                end: start.saturating_add(length.into()),
            })
        })
        .collect()
}

fn misc(source: &dyn Source, at: u64, dump: &mut UserMinidump) -> Result<(), ReadError> {
    let flags = source.u32(at + misc_info::FLAGS)?;
    if flags & misc_info::HAS_PROCESS_ID != 0 {
        dump.process_id = Some(source.u32(at + misc_info::PROCESS_ID)?);
    }
    if flags & misc_info::HAS_TIMES != 0 {
        dump.process_created = Some(source.u32(at + misc_info::CREATE_TIME)?).filter(|&t| t != 0);
    }
    Ok(())
}

/// A MINIDUMP_STRING: a 32-bit length in bytes, then UTF-16. One that lies outside the file is
/// empty: a lost name must not cost the module it names.
fn string(source: &dyn Source, rva: u32) -> Result<String, ReadError> {
    let at = u64::from(rva);
    let text = source
        .u32(at)
        .and_then(|length| source.utf16(at + 4, u64::from(length) / 2));
    match text {
        Err(ReadError::Truncated { .. }) => Ok(String::new()),
        other => other,
    }
}
