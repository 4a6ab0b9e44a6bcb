//! Firmware, hypervisor and cloud identity; the integration components of a Hyper-V guest.

pub mod acpi;
mod bytes;
pub mod cpuid;
mod date;
pub mod registry_values;
pub mod smbios;

#[cfg(test)]
mod testing;
