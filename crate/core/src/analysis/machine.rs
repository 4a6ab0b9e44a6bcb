//! What drivers added to a dump, and the machine that it tells.

use super::dump::{Dump, Space};
use super::known::Known;
use crate::container::{SecondaryData, blob};
use crate::memory::AddressSpace;
use crate::platform::{PlatformFacts, PlatformInputs, identify, registry_values};
use crate::source::{ReadError, Source};
use crate::symbols::layout::Layouts;
use alloc::{string::String, vec::Vec};

/// The process that stands for the secure kernel. Source: Microsoft's page on isolated user mode.
const SECURE_KERNEL: &str = "Secure System";

/// What drivers added to the dump.
#[derive(Debug, Default)]
pub(super) struct Secondary {
    /// Boot status.
    pub boot: Option<blob::BootStatus>,
    /// What Plug and Play was doing.
    pub plug_and_play: Option<blob::PlugAndPlay>,
    /// What Winlogon was doing.
    pub winlogon: Option<blob::Winlogon>,
    /// What NTFS was doing.
    pub ntfs: Vec<blob::NtfsRecord>,
    /// Values of the registry, from the dump's own record and from the hives in memory.
    pub registry: Vec<(String, String)>,
    /// The machine.
    pub platform: PlatformFacts,
}

/// What the kernel noted of its own hypervisor; a guest has these variables too, and there they
/// are 0. `None` where their place is not known or not in the dump.
fn root_partition(source: &dyn Source, dump: &Dump<'_>, known: &Known) -> Option<bool> {
    let base = dump.kernel_base()?;
    let layouts = Layouts::for_kernel(&super::identity::kernel(dump.header, known));
    let space = Space::of(known, source);
    let [flags, root] = ["HvlpRootFlags", "HvlHyperVRootPartition"].map(|name| {
        let place = layouts.variable(name)?;
        let at = base.checked_add(place.offset.into())?;
        let mut byte = [0; 1];
        space.read(at, &mut byte).ok()?;
        Some(byte[0] != 0)
    });
    Some(flags? || root?)
}

/// Whether the secure kernel ran: Windows lists it as a process of its own, which is there only
/// then. `None` where the list does not show it, which may also be a list that was cut.
fn secure_kernel(known: &Known) -> Option<bool> {
    let processes = &known.lists()?.processes;
    let is = |name: &Option<String>| name.as_deref() == Some(SECURE_KERNEL);
    processes
        .all
        .iter()
        .any(|found| is(&found.name))
        .then_some(true)
}

/// Reads what drivers added, and tells the machine from it.
pub(super) fn read(
    source: &dyn Source,
    dump: &Dump<'_>,
    known: &Known,
) -> Result<Secondary, ReadError> {
    let none = SecondaryData::default();
    let data = dump.secondary.unwrap_or(&none);
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
    let (smbios, acpi, cpuid) = (smbios?, acpi?, cpuid?);
    let mut registry = registry?
        .map(|bytes| registry_values::pairs(&bytes))
        .unwrap_or_default();
    let from_hives = known.registry.as_ref();
    registry.extend(from_hives.iter().flat_map(|facts| facts.pairs.clone()));
    // The registry keeps a copy of the firmware's tables, in the form that the dump's own has.
    let smbios = smbios.or_else(|| from_hives?.smbios.clone());
    let platform = identify(&PlatformInputs {
        smbios: smbios.as_deref(),
        acpi: acpi.as_deref(),
        cpuid: cpuid.as_deref(),
        registry: &registry,
        modules: dump.all_modules(),
        build: dump.header.minor_version,
        crash_time: dump.header.system_time,
        root_partition: root_partition(source, dump, known),
        secure_kernel: secure_kernel(known),
    });
    Ok(Secondary {
        boot: boot?.as_deref().and_then(blob::boot_status),
        plug_and_play: pnp?.as_deref().and_then(blob::plug_and_play),
        winlogon: winlogon?.as_deref().and_then(blob::winlogon),
        ntfs: ntfs?.as_deref().and_then(blob::ntfs).unwrap_or_default(),
        registry,
        platform,
    })
}
