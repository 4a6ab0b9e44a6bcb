//! What a machine-check status register says. Source: Intel SDM volume 3B, "Machine-check
//! architecture" and "Interpreting machine-check error codes"; AMD uses the same forms.

use alloc::{format, string::String};

/// Bits of the upper half, from the top: what each says when it is set.
const BITS: [(u32, &str); 4] = [
    (62, "earlier errors were overwritten"),
    (61, "uncorrected"),
    (57, "the processor's state is damaged"),
    (58, "an address was recorded"),
];
/// The bit that says that the register holds anything.
const VALID: u32 = 63;

/// What kind of error the compound code in the low half stands for.
#[must_use]
pub fn kind(status: u64) -> &'static str {
    let code = status & 0xFFFF;
    match code {
        0 => "no error code",
        0x0001 => "an error that the processor does not classify",
        0x0003 => "an error reported from outside the processor",
        0x0005 => "a parity error inside the processor",
        0x0400 => "an internal time-out of the processor",
        _ if code & 0xFC00 == 0x0400 => "an internal error of the processor",
        _ if code & 0xEFF0 == 0x0010 => "an error in the address translation buffer",
        _ if code & 0xEF80 == 0x0080 => "an error in a memory channel",
        _ if code & 0xEF00 == 0x0100 => "an error in a cache",
        _ if code & 0xE800 == 0x0800 => "an error on the way between processor, memory and devices",
        _ => "an error of another kind",
    }
}

/// The register in words, or nothing when it holds no error.
#[must_use]
pub fn describe(status: u64) -> Option<String> {
    if status >> VALID == 0 {
        return None;
    }
    let mut text = String::from(kind(status));
    for (bit, says) in BITS {
        if status >> bit & 1 == 1 {
            text.push_str(", ");
            text.push_str(says);
        }
    }
    Some(format!("{text} (code {:#x})", status & 0xFFFF))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bits_and_the_compound_code_are_told() {
        assert_eq!(
            describe(0xBE00_0000_0080_0400).as_deref(),
            Some(
                "an internal time-out of the processor, uncorrected, the processor's state is \
                 damaged, an address was recorded (code 0x400)"
            )
        );
        assert!(
            describe(0xB200_0000_0000_0135)
                .unwrap()
                .starts_with("an error in a cache")
        );
        assert_eq!(describe(0x0000_0000_0080_0400), None);
    }
}
