//! Firmware, hypervisor and cloud identity; the integration components of a Hyper-V guest.
