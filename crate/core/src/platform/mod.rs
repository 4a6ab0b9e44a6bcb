//! Firmware, hypervisor and cloud identity; the integration components of a Hyper-V guest.

mod bytes;
mod date;
pub mod smbios;

#[cfg(test)]
mod testing;

pub use date::Date;
