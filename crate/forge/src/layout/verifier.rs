//! What Driver Verifier keeps, as Windows symbols of 7601 to 26100 have it: _MM_DRIVER_VERIFIER_DATA begins
//! with its level, _VF_TARGET_VERIFIED_DRIVER_DATA with a pointer to the _VF_SUSPECT_DRIVER_ENTRY (links, two
//! counters of four bytes, the name).

/// Of the level in _MM_DRIVER_VERIFIER_DATA.
pub const LEVEL: u64 = 0;
/// Of the pointer to the suspect in the record of a verified driver.
pub const SUSPECT: u64 = 0;

/// Bytes before the name in the entry of a suspect: two links and the counters of loads and unloads.
pub fn suspect_name(pointer: u64) -> u64 {
    2 * pointer + 8
}
