//! Firmware, hypervisor and cloud identity; the integration components of a Hyper-V guest.
//!
//! [`identify`] takes what a dump holds about its machine and says what machine it was;
//! everything else here reads one kind of witness each.

pub mod acpi;
mod balloon;
pub mod bus;
mod bytes;
pub mod cpuid;
mod date;
mod identify;
pub mod integration;
mod memory;
pub mod registry_values;
pub mod smbios;

#[cfg(test)]
mod testing;

pub use balloon::{BalloonInputs, Pressure, balloon, not_accounted};
pub use balloon::{page_files, pages as counter_pages, size};
pub use identify::{PlatformFacts, PlatformInputs, identify};
pub use integration::{IntegrationInputs, diagnose, has_commands};
pub use memory::memory;
