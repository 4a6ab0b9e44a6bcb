//! Black boxes: small records that Windows keeps ready for a crash. How the last start and
//! shutdown went, what Plug and Play and Winlogon were doing, which NTFS requests took too long.
//!
//! Layouts: ReactOS (RTL_BSD_DATA), Microsoft's pages on `!blackboxbsd`, `!blackboxntfs`,
//! `!blackboxpnp` and `!blackboxwinlogon`, and the ntoseye project's description of what the
//! debugger prints; sizes and plausible values seen on dumps of 19041, 22000 and 26100. The NTFS
//! records were empty in all of them.

use crate::model::Guid;
use crate::source::{ReadError, Slice, Source, SourceExt, utf16_lossy};
use alloc::{string::String, vec::Vec};

/// More chained records than a page has room for.
const MAX_RECORDS: u64 = 512;

/// Offsets in the boot status data.
mod boot {
    pub const VERSION: u64 = 0x00;
    pub const LAST_BOOT_SUCCEEDED: u64 = 0x0A;
    pub const LAST_BOOT_SHUTDOWN: u64 = 0x0B;
    pub const POWER_FLAGS: u64 = 0x18;
    pub const LAST_REFERENCE_TIME: u64 = 0x20;
    pub const BOOT_ATTEMPTS: u64 = 0x30;
    pub const LAST_BOOT_CHECKPOINT: u64 = 0x31;
    pub const LAST_BOOT_ID: u64 = 0x34;
    pub const LAST_SUCCESSFUL_SHUTDOWN_ID: u64 = 0x38;
    pub const LAST_REPORTED_ABNORMAL_ID: u64 = 0x3C;
    pub const POWER_BUTTON_TIME: u64 = 0x58;
    pub const POWER_BUTTON_COUNT: u64 = 0x60;
    /// Bytes without which it is no boot status data of Windows 10 or later.
    pub const MIN: u64 = 0x40;
}

/// How the last starts and shutdowns went (`bootstat.dat`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootStatus {
    /// Length of the structure, which serves as its version.
    pub version: u32,
    /// Whether the last start succeeded.
    pub last_boot_succeeded: bool,
    /// Whether the last session ended with a shutdown.
    pub last_boot_shutdown: bool,
    /// Connected standby was in progress.
    pub connected_standby: bool,
    /// A user had asked for a shutdown.
    pub user_shutdown: bool,
    /// The system was shutting down.
    pub system_shutdown: bool,
    /// Which step of going to sleep was in progress; 0 for none.
    pub sleep_step: u8,
    /// When this was last brought up to date: FILETIME.
    pub last_reference_time: Option<u64>,
    /// Starts that were tried.
    pub boot_attempts: u8,
    /// Whether the last start came to its end.
    pub last_boot_checkpoint: bool,
    /// Number of this start.
    pub last_boot_id: u32,
    /// Number of the last start that ended with a proper shutdown.
    pub last_successful_shutdown_id: u32,
    /// Number of the last start that was reported as having ended badly.
    pub last_abnormal_shutdown_id: u32,
    /// When the power button was pressed last: FILETIME.
    pub power_button_time: Option<u64>,
    /// How often it was pressed.
    pub power_button_presses: Option<u32>,
}

/// Decodes boot status data; `None` when it is of no known form.
#[must_use]
pub fn boot_status(data: &[u8]) -> Option<BootStatus> {
    read_boot_status(Slice(data)).ok().flatten()
}

fn read_boot_status(data: Slice<'_>) -> Result<Option<BootStatus>, ReadError> {
    let version = data.u32(boot::VERSION)?;
    let known = u64::from(version).min(data.len());
    if known <= boot::MIN {
        return Ok(None);
    }
    let flags = data.u8(boot::POWER_FLAGS)?;
    // What lies behind the recorded length belongs to no version.
    let later = |offset: u64, len: u64| offset + len <= known;
    Ok(Some(BootStatus {
        version,
        last_boot_succeeded: data.u8(boot::LAST_BOOT_SUCCEEDED)? != 0,
        last_boot_shutdown: data.u8(boot::LAST_BOOT_SHUTDOWN)? != 0,
        connected_standby: flags & 2 != 0,
        user_shutdown: flags & 4 != 0,
        system_shutdown: flags & 8 != 0,
        sleep_step: flags >> 4,
        last_reference_time: Some(data.u64(boot::LAST_REFERENCE_TIME)?).filter(|&t| t != 0),
        boot_attempts: data.u8(boot::BOOT_ATTEMPTS)?,
        last_boot_checkpoint: data.u8(boot::LAST_BOOT_CHECKPOINT)? != 0,
        last_boot_id: data.u32(boot::LAST_BOOT_ID)?,
        last_successful_shutdown_id: data.u32(boot::LAST_SUCCESSFUL_SHUTDOWN_ID)?,
        last_abnormal_shutdown_id: data.u32(boot::LAST_REPORTED_ABNORMAL_ID)?,
        power_button_time: later(boot::POWER_BUTTON_TIME, 8)
            .then(|| data.u64(boot::POWER_BUTTON_TIME))
            .transpose()?
            .filter(|&t| t != 0),
        power_button_presses: later(boot::POWER_BUTTON_COUNT, 4)
            .then(|| data.u32(boot::POWER_BUTTON_COUNT))
            .transpose()?,
    }))
}

/// Offsets in the Plug and Play record.
mod pnp {
    pub const ACTIVITY_ID: u64 = 0x00;
    pub const TIME: u64 = 0x10;
    pub const EVENT: u64 = 0x18;
    pub const IN_PROGRESS: u64 = 0x1C;
    pub const PROBLEM: u64 = 0x20;
    pub const VETO: u64 = 0x24;
    pub const VETO_TEXT_AT: u64 = 0x28;
    pub const DEVICE: u64 = 0x2C;
}

/// The Plug and Play event that was in progress, or the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlugAndPlay {
    /// Its activity.
    pub activity: Guid,
    /// When it began: FILETIME.
    pub time: Option<u64>,
    /// Which event.
    pub event: u32,
    /// Whether it was still going on.
    pub in_progress: bool,
    /// Problem code (CM_PROB_*); 0 for none.
    pub problem: u32,
    /// Who refused (PNP_VETO_TYPE); 0 for nobody.
    pub veto: u32,
    /// The device instance.
    pub device: String,
    /// The text that came with the refusal.
    pub veto_text: Option<String>,
}

/// Decodes the Plug and Play record; `None` when it is too short.
#[must_use]
pub fn plug_and_play(data: &[u8]) -> Option<PlugAndPlay> {
    read_plug_and_play(Slice(data)).ok()
}

fn read_plug_and_play(data: Slice<'_>) -> Result<PlugAndPlay, ReadError> {
    let mut activity = [0; 16];
    data.read_at(pnp::ACTIVITY_ID, &mut activity)?;
    let veto_at = u64::from(data.u32(pnp::VETO_TEXT_AT)?);
    let veto_text = (veto_at != 0).then(|| text_at(data, veto_at));
    Ok(PlugAndPlay {
        activity: Guid(activity),
        time: Some(data.u64(pnp::TIME)?).filter(|&time| time != 0),
        event: data.u32(pnp::EVENT)?,
        in_progress: data.u8(pnp::IN_PROGRESS)? != 0,
        problem: data.u32(pnp::PROBLEM)?,
        veto: data.u32(pnp::VETO)?,
        device: text_at(data, pnp::DEVICE),
        veto_text: veto_text.filter(|text| !text.is_empty()),
    })
}

/// Offsets in the Winlogon record.
mod logon {
    pub const VERSION: u64 = 0x00;
    pub const LEN: u64 = 0x04;
    pub const PENDING: u64 = 0x08;
    pub const NAME: u64 = 0x0C;
}

/// What Winlogon was doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Winlogon {
    /// The operation, e.g. `ShellStartupShellStarted`.
    pub operation: String,
    /// Whether it was still going on.
    pub pending: bool,
}

/// Decodes the Winlogon record; `None` when it is of no known form.
#[must_use]
pub fn winlogon(data: &[u8]) -> Option<Winlogon> {
    let len = data.len() as u64;
    let data = Slice(data);
    if data.u32(logon::VERSION).ok()? != 1 || u64::from(data.u32(logon::LEN).ok()?) != len {
        return None;
    }
    Some(Winlogon {
        pending: data.u32(logon::PENDING).ok()? != 0,
        operation: text_at(data, logon::NAME),
    })
}

/// Offsets in the NTFS record and in its parts.
mod file_system {
    pub const VERSION: u64 = 0x00;
    pub const FIRST_CHAINED: u64 = 0x04;
    pub const SLOTS: u64 = 0x10;
    pub const SLOTS_AT: u64 = 0x12;
    pub const SLOT_LEN: u64 = 0x20;
    pub const SLOT_IRP: u64 = 0x00;
    pub const SLOT_SCB: u64 = 0x08;
    pub const SLOT_THREAD: u64 = 0x10;
    pub const CHAIN_KIND: u64 = 0x00;
    pub const CHAIN_LEN: u64 = 0x02;
    pub const CHAIN_NEXT: u64 = 0x04;
    pub const OPLOCK_IRP: u64 = 0x08;
    pub const OPLOCK_OWNER: u64 = 0x1C;
    pub const OPLOCK_BREAKER: u64 = 0x2B;
    pub const PROCESS_NAME_LEN: u64 = 15;
    pub const KIND_OPLOCK: u16 = 2;
}

/// A request that NTFS waited for too long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NtfsRecord {
    /// I/O that did not come back.
    SlowIo {
        /// The request.
        irp: u64,
        /// The stream control block.
        scb: u64,
        /// The thread that waits.
        thread: u64,
    },
    /// A process that did not give up its oplock.
    OplockBreak {
        /// The request.
        irp: u64,
        /// Who held it.
        owner: String,
        /// Who wanted it.
        breaker: String,
    },
}

/// Decodes the NTFS record; `None` when it is of no known form.
#[must_use]
pub fn ntfs(data: &[u8]) -> Option<Vec<NtfsRecord>> {
    read_ntfs(Slice(data)).ok().flatten()
}

fn read_ntfs(data: Slice<'_>) -> Result<Option<Vec<NtfsRecord>>, ReadError> {
    use file_system as f;
    if data.u16(f::VERSION)? != 0 {
        return Ok(None);
    }
    let mut records = Vec::new();
    let slots_at = u64::from(data.u16(f::SLOTS_AT)?);
    for slot in 0..u64::from(data.u16(f::SLOTS)?) {
        let at = slots_at + slot * f::SLOT_LEN;
        let Ok(irp) = data.u64(at + f::SLOT_IRP) else {
            break;
        };
        let scb = data.u64(at + f::SLOT_SCB)?;
        if irp != 0 || scb != 0 {
            records.push(NtfsRecord::SlowIo {
                irp,
                scb,
                thread: data.u64(at + f::SLOT_THREAD)?,
            });
        }
    }
    let mut at = u64::from(data.u16(f::FIRST_CHAINED)?);
    // Each step takes at least a header, so a chain that loops ends here.
    for _ in 0..(data.len() / 8).min(MAX_RECORDS) {
        if at == 0 {
            break;
        }
        let Ok(next) = data.u16(at + f::CHAIN_NEXT) else {
            break;
        };
        let len = u64::from(data.u16(at + f::CHAIN_LEN)?);
        if data.u16(at + f::CHAIN_KIND)? == f::KIND_OPLOCK
            && len >= f::OPLOCK_BREAKER + f::PROCESS_NAME_LEN
        {
            records.push(oplock(data, at)?);
        }
        at = u64::from(next);
    }
    Ok(Some(records))
}

fn oplock(data: Slice<'_>, at: u64) -> Result<NtfsRecord, ReadError> {
    use file_system as f;
    let name = |offset| -> Result<String, ReadError> {
        let bytes = data.bytes(at + offset, f::PROCESS_NAME_LEN)?;
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(bytes.get(..end).unwrap_or_default()).into_owned())
    };
    Ok(NtfsRecord::OplockBreak {
        irp: data.u64(at + f::OPLOCK_IRP)?,
        owner: name(f::OPLOCK_OWNER)?,
        breaker: name(f::OPLOCK_BREAKER)?,
    })
}

/// UTF-16 text from `at` to its NUL or the end.
fn text_at(data: Slice<'_>, at: u64) -> String {
    data.bytes_up_to(at, 0x1000)
        .map(|bytes| utf16_lossy(&bytes))
        .unwrap_or_default()
}
