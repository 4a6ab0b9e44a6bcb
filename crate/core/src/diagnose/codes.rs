//! What blame has to know of single stop codes: which parameter is an instruction, and with which
//! codes no driver can be told from what a dump holds.
//!
//! Source: Microsoft's bug check reference (windows-driver-docs, CC-BY-4.0) for the parameters. The
//! minidump bit is not set in any of these (see [`plain_stop_code`](crate::nt::exception::plain_stop_code)).

/// What a parameter that is an address of code says about the module it lies in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeAddress {
    /// The instruction that did it.
    Instruction,
    /// An address inside the display driver that did not answer.
    DisplayDriver,
    /// The code that made the impossible call.
    Caller,
}

/// Stop codes with an address of code in a parameter: code, the first parameter where only that
/// case has it, index of the parameter, what it is.
const ADDRESSES: &[(u32, Option<u64>, usize, CodeAddress)] = {
    use CodeAddress::{Caller, DisplayDriver, Instruction};
    &[
        (0x0A, None, 3, Instruction),
        (0x1E, None, 1, Instruction),
        (0x3B, None, 1, Instruction),
        (0x50, None, 2, Instruction),
        (0x7E, None, 1, Instruction),
        (0x8E, None, 1, Instruction),
        (0xC2, Some(0x9B), 3, Caller),
        (0xC2, Some(0x9C), 3, Caller),
        (0xC2, Some(0x9D), 3, Caller),
        (0xC9, Some(0x07), 1, Caller),
        (0xC9, Some(0x11), 1, Caller),
        (0xC9, Some(0x12), 1, Caller),
        (0xCB, None, 0, Caller),
        (0xCC, None, 2, Instruction),
        (0xCD, None, 2, Instruction),
        (0xCE, None, 2, Instruction),
        (0xCF, None, 2, Instruction),
        (0xD0, None, 3, Instruction),
        (0xD1, None, 3, Instruction),
        (0xD3, None, 3, Instruction),
        (0xD4, None, 3, Instruction),
        (0xD5, None, 2, Instruction),
        (0xD6, None, 2, Instruction),
        (0xDA, Some(0x100), 3, Caller),
        (0xDB, None, 3, Instruction),
        (0xFC, None, 0, Instruction),
        (0x10D, Some(4), 2, Caller),
        (0x116, None, 1, DisplayDriver),
        (0x117, None, 1, DisplayDriver),
        (0x141, None, 1, DisplayDriver),
        (0x142, None, 1, DisplayDriver),
        (0x1EA, None, 3, Instruction),
        (0x1F2, None, 2, Caller),
    ]
};

/// The address of code among the parameters.
#[must_use]
pub fn code_address(code: u32, parameters: &[u64; 4]) -> Option<(u64, usize, CodeAddress)> {
    ADDRESSES
        .iter()
        .find(|&&(known, case, _, _)| known == code && case.is_none_or(|p1| p1 == parameters[0]))
        .and_then(|&(_, _, index, what)| Some((*parameters.get(index)?, index, what)))
}

/// The address of data that was touched, among the parameters.
#[must_use]
pub fn touched_address(code: u32, parameters: &[u64; 4]) -> Option<u64> {
    const TOUCHED: &[u32] = &[
        0x0A, 0x50, 0xCC, 0xCD, 0xCE, 0xCF, 0xD0, 0xD1, 0xD3, 0xD4, 0xD5, 0xD6, 0xDB, 0xFC,
    ];
    TOUCHED.contains(&code).then_some(parameters[0])
}

/// What kind of trouble a code stands for, when no driver can be told from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Damaged kernel data, found later than it was done.
    Corruption,
    /// The processor or the platform reported broken hardware.
    Hardware,
    /// Pages or the boot disk could not be read.
    Storage,
    /// A process that Windows cannot live without ended.
    CriticalProcess,
    /// Somebody wanted this dump.
    Manual,
    /// Another processor hung, and its stack is not the one in the dump.
    OtherProcessor,
    /// The hypervisor stopped.
    Hypervisor,
    /// Windows ended by firmware or set-up trouble.
    Platform,
    /// A power change that did not end; the stack is the watchdog's.
    Watchdog,
}

const SILENCES: &[(Silence, &[u32])] = &[
    (
        Silence::Corruption,
        &[
            0x12, 0x19, 0x1A, 0x41, 0x4E, 0xC5, 0xDE, 0x109, 0x12B, 0x13A, 0x154, 0x1C6, 0x1C7,
        ],
    ),
    (
        Silence::Hardware,
        &[0x2E, 0x80, 0x9C, 0x124, 0x12E, 0x127, 0x1DB],
    ),
    (
        Silence::Storage,
        &[
            0x24,
            0x6B,
            0x74,
            0x77,
            0x7A,
            0x7B,
            0xED,
            0x51,
            0x5C,
            0xF3,
            0xC000_0218,
            0xC000_0221,
        ],
    ),
    (Silence::CriticalProcess, &[0xEF, 0xF4, 0xC000_021A]),
    (Silence::Manual, &[0xE2, 0xDEAD_DEAD, 0x161, 0x1B8, 0x1C8]),
    (Silence::OtherProcessor, &[0x101, 0x1CA]),
    (Silence::Hypervisor, &[0x2_0001]),
    (
        Silence::Platform,
        &[0xA5, 0xA0, 0x7D, 0x5D, 0x69, 0x6F, 0x1BD],
    ),
    (Silence::Watchdog, &[0x9F, 0x14F, 0x15F]),
];

/// First parameters of 0x1A that say a driver called the memory manager wrongly.
const DRIVER_MISUSE: &[u64] = &[
    0x1000, 0x1233, 0x1234, 0x1235, 0x1236, 0x1240, 0x5305, 0x15000, 0x15001, 0x61946,
];
/// Codes whose first parameter is the status of the exception behind them.
const WITH_STATUS: &[u32] = &[0x1E, 0x3B, 0x7E, 0x8E];
/// STATUS_IN_PAGE_ERROR: a page could not be read in.
const IN_PAGE_ERROR: u64 = 0xC000_0006;

/// Why no driver is to be looked for on the stack with that code.
#[must_use]
pub fn silence(code: u32, parameters: &[u64; 4]) -> Option<Silence> {
    if WITH_STATUS.contains(&code) && parameters[0] & 0xFFFF_FFFF == IN_PAGE_ERROR {
        return Some(Silence::Storage);
    }
    // Driver Verifier watches disks too, and its special pool finds single bits that fell over.
    if code == 0xC4 && matches!(parameters[0], 0xA0..=0xA2) {
        return Some(Silence::Storage);
    }
    if code == 0xC1 && parameters[3] == 0x32 {
        return Some(Silence::Corruption);
    }
    if code == 0x1A && DRIVER_MISUSE.contains(&parameters[0]) {
        return None;
    }
    SILENCES
        .iter()
        .find(|(_, codes)| codes.contains(&code))
        .map(|&(why, _)| why)
}

impl Silence {
    /// Why nobody is named, in plain words.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Corruption => {
                "This stop says that Windows found its own data damaged. That is found some time \
                 after it was done, so whoever is on the stack is more likely the finder than the \
                 culprit: a faulty memory module and any driver fit equally, and one dump alone \
                 cannot tell them apart."
            }
            Self::Hardware => {
                "The hardware itself reported the error, so the drivers on the stack were merely \
                 running when it came."
            }
            Self::Storage => {
                "Windows could not read something it needs from a disk. What matters is the disk \
                 and the way to it; the code on the stack only asked for the data."
            }
            Self::CriticalProcess => {
                "A process without which Windows cannot run has ended. Why it ended is in its own \
                 memory, which only complete and active dumps hold."
            }
            Self::Manual => "This dump was asked for by hand, so there is nobody to blame.",
            Self::OtherProcessor => {
                "One processor noticed that another one had stopped answering. The stack in this \
                 dump is that of the one that noticed."
            }
            Self::Hypervisor => {
                "The hypervisor beneath Windows stopped; what it was doing is not in this dump."
            }
            Self::Platform => {
                "The trouble is between Windows and the firmware or the set-up of the machine; no \
                 driver's code took part in it."
            }
            Self::Watchdog => {
                "A watchdog ran out of patience. The stack in this dump is the watchdog's own, not \
                 that of the driver it was waiting for."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_instruction_is_found_where_the_code_puts_it() {
        let p = [10, 11, 12, 13];
        assert_eq!(
            code_address(0xD1, &p),
            Some((13, 3, CodeAddress::Instruction))
        );
        assert_eq!(code_address(0x7E, &p).map(|a| a.0), Some(11));
        assert_eq!(code_address(0xC2, &p), None);
        assert_eq!(
            code_address(0xC2, &[0x9B, 1, 2, 3]),
            Some((3, 3, CodeAddress::Caller))
        );
        assert_eq!(code_address(0x1A, &p), None);
        assert_eq!(touched_address(0x50, &p), Some(10));
        assert_eq!(touched_address(0x7E, &p), None);
    }

    #[test]
    fn codes_of_damage_name_nobody_and_codes_of_drivers_do() {
        let p = [0xFFFF_FFFF_C000_0006, 0, 0, 0];
        assert_eq!(silence(0x1A, &p), Some(Silence::Corruption));
        assert_eq!(silence(0x1A, &[0x1236, 0, 0, 0]), None);
        assert_eq!(silence(0x124, &p), Some(Silence::Hardware));
        assert_eq!(silence(0x7E, &p), Some(Silence::Storage));
        assert_eq!(silence(0x7E, &[0xC000_0005, 0, 0, 0]), None);
        assert_eq!(silence(0xD1, &p), None);
        assert_eq!(silence(0xA000_0001, &p), None);
    }
}
