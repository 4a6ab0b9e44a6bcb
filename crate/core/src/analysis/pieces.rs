//! What the pieces of a kernel minidump say, in the terms of the rooms that draw on it.

use super::modules;
use crate::container::triage::MemoryFigures;
use crate::container::{Block, DumpHeader, SecondaryData, Triage, blob};
use crate::memory::BlockMap;
use crate::nt::{Architecture, DebuggerData, ModuleList, UnloadedModule};
use crate::platform::{PlatformFacts, PlatformInputs, identify};
use crate::source::{ReadError, Source, SourceExt};
use alloc::{string::String, vec::Vec};

/// The pieces of a kernel minidump.
#[derive(Debug, Default)]
pub(super) struct Pieces {
    /// The pieces as they stand in the file.
    pub triage: Triage,
    /// Loaded drivers, in load order.
    pub modules: ModuleList,
    /// Unloaded drivers.
    pub unloaded: Vec<UnloadedModule>,
    /// The debugger data block.
    pub debugger_data: Option<DebuggerData>,
}

/// Reads the pieces.
pub(super) fn read(source: &dyn Source, header: &DumpHeader) -> Result<Pieces, ReadError> {
    let triage = Triage::read(source, header)?;
    let debugger_data = match triage.debugger_data {
        Some(range) => match source.bytes_up_to(range.offset, range.len) {
            Ok(bytes) => DebuggerData::parse(&bytes, header.pointer_width()).ok(),
            Err(ReadError::NotYet) => return Err(ReadError::NotYet),
            Err(_) => None,
        },
        None => None,
    };
    Ok(Pieces {
        modules: ModuleList::new(triage.drivers.iter().map(modules::loaded).collect()),
        unloaded: triage.unloaded.iter().map(modules::unloaded).collect(),
        debugger_data,
        triage,
    })
}

impl Pieces {
    /// The memory manager's figures, when it wrote any.
    pub(super) fn figures(&self) -> Option<&MemoryFigures> {
        self.triage
            .memory_figures
            .as_ref()
            .filter(|figures| figures.recorded())
    }

    /// All memory of the machine that the dump holds, as one address space.
    pub(super) fn memory(&self, header: &DumpHeader, extra: &[Block]) -> BlockMap {
        let triage = &self.triage;
        let debugger_data =
            header
                .debugger_data
                .zip(triage.debugger_data)
                .map(|(address, copy)| Block {
                    address,
                    offset: copy.offset,
                    len: copy.len,
                });
        let loose = [triage.stack, triage.data_page, debugger_data]
            .into_iter()
            .flatten();
        let blocks = loose
            .chain(triage.blocks.iter().copied())
            .chain(extra.iter().copied());
        BlockMap::new(blocks, header.file_len)
    }
}

/// What drivers added behind the pieces.
#[derive(Debug, Default)]
pub(super) struct Secondary {
    /// Every blob.
    pub data: SecondaryData,
    /// Memory that drivers asked for.
    pub extra: Vec<Block>,
    /// Boot status.
    pub boot: Option<blob::BootStatus>,
    /// What Plug and Play was doing.
    pub plug_and_play: Option<blob::PlugAndPlay>,
    /// What Winlogon was doing.
    pub winlogon: Option<blob::Winlogon>,
    /// What NTFS was doing.
    pub ntfs: Vec<blob::NtfsRecord>,
    /// The machine.
    pub platform: PlatformFacts,
}

/// Reads what drivers added, and tells the machine from it.
pub(super) fn secondary(
    source: &dyn Source,
    header: &DumpHeader,
    pieces: &Pieces,
) -> Result<Secondary, ReadError> {
    let data = blob::walk(source, pieces.triage.size_of_dump)?.unwrap_or_default();
    // All are asked for before the first is judged, so that they are fetched together.
    let [smbios, acpi, cpuid, registry] = [
        blob::tag::SMBIOS,
        blob::tag::ACPI,
        blob::tag::REGISTERS,
        blob::tag::REGISTRY_VALUES,
    ]
    .map(|tag| data.data(source, tag));
    let [boot, pnp, winlogon, ntfs] = [
        blob::tag::BLACK_BOX_BOOT,
        blob::tag::BLACK_BOX_PNP,
        blob::tag::BLACK_BOX_WINLOGON,
        blob::tag::BLACK_BOX_NTFS,
    ]
    .map(|tag| data.data(source, tag));
    let extra = match data.find(blob::tag::TRIAGE_MEMORY) {
        Some(found) => blob::extra_memory(source, found.offset, found.size.into()),
        None => Ok(Vec::new()),
    };
    let registry = registry?
        .map(|bytes| registry_values(&bytes))
        .unwrap_or_default();
    let (smbios, acpi, cpuid) = (smbios?, acpi?, cpuid?);
    let platform = identify(&PlatformInputs {
        smbios: smbios.as_deref(),
        acpi: acpi.as_deref(),
        cpuid: cpuid.as_deref(),
        registry: &registry,
        modules: Some(&pieces.modules),
        build: header.minor_version,
        crash_time: header.system_time,
        secure_kernel: None,
    });
    Ok(Secondary {
        extra: extra?.into_iter().flat_map(|group| group.blocks).collect(),
        boot: boot?.as_deref().and_then(blob::boot_status),
        plug_and_play: pnp?.as_deref().and_then(blob::plug_and_play),
        winlogon: winlogon?.as_deref().and_then(blob::winlogon),
        ntfs: ntfs?.as_deref().and_then(blob::ntfs).unwrap_or_default(),
        platform,
        data,
    })
}

fn registry_values(bytes: &[u8]) -> Vec<(String, String)> {
    crate::platform::registry_values::pairs(bytes)
}

/// The architecture, or x64: what a header without a machine number most probably is.
pub(super) fn architecture(header: &DumpHeader) -> Architecture {
    super::system::architecture(header).unwrap_or(match header.pointer_width() {
        4 => Architecture::X86,
        _ => Architecture::X64,
    })
}
