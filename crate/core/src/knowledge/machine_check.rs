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

/// Places of a compound code, by their bits.
const TRANSACTIONS: [&str; 4] = ["instruction ", "data ", "", ""];
const REQUESTS: &str = "| while reading| while writing| while reading data| while writing data|\
     while fetching instructions| while prefetching| while evicting| while snooping";
const MEMORY: &str = "| while reading| while writing| in address or command| while scrubbing";

/// What kind of error the compound code in the low half stands for.
#[must_use]
pub fn kind(status: u64) -> String {
    // A bit that says how the error was counted, which is not part of the code.
    let code = status & 0xEFFF;
    let nth = |list: &'static str, at: u64| list.split('|').nth(at as usize).unwrap_or_default();
    let request = || nth(REQUESTS, code >> 4 & 15);
    let level = || match code & 3 {
        3 => String::new(),
        level => format!("level {level} "),
    };
    let what = || TRANSACTIONS[(code >> 2 & 3) as usize];
    match code {
        0 => "no error code",
        0x0001 => "an error that the processor does not classify",
        0x0002 => "a parity error in the processor's microcode",
        0x0003 => "an error reported from outside the processor",
        0x0005 => "a parity error inside the processor",
        0x0400 => "an internal time-out of the processor",
        0x0E0B => "an error of a device behind the input and output bus",
        _ if code & 0xFFFC == 0x000C => return format!("an error in a {}cache", level()),
        _ if code & 0xFC00 == 0x0400 => "an internal error of the processor",
        _ if code & 0xFFF0 == 0x0010 => {
            return format!("an error in the {}address translation buffer", what());
        }
        _ if code & 0xFF80 == 0x0080 => {
            let channel = match code & 15 {
                15 => "a memory channel".into(),
                channel => format!("memory channel {channel}"),
            };
            let doing = nth(MEMORY, code >> 4 & 7);
            return format!("an error in {channel}{doing}");
        }
        _ if code & 0xFF00 == 0x0100 => {
            return format!("an error in a {}{}cache{}", level(), what(), request());
        }
        _ if code & 0xF800 == 0x0800 => {
            let late = match code >> 8 & 1 {
                1 => ", which ended in a time-out",
                _ => "",
            };
            return format!(
                "an error on the way between processor, memory and devices{}{late}",
                request()
            );
        }
        _ => "an error of another kind",
    }
    .into()
}

/// The register in words, or nothing when it holds no error.
#[must_use]
pub fn describe(status: u64) -> Option<String> {
    if status >> VALID == 0 {
        return None;
    }
    let mut text = kind(status);
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
                .starts_with("an error in a level 1 data cache while reading data")
        );
        for (code, said) in [
            (
                0x0F0F,
                "between processor, memory and devices, which ended in a time-out",
            ),
            (0x009F, "an error in a memory channel while reading"),
            (0x00A2, "an error in memory channel 2 while writing"),
            (0x0019, "an error in the address translation buffer"),
            (0x110A, "an error in a level 2 cache"),
        ] {
            let told = describe(1 << 63 | code).unwrap();
            assert!(told.contains(said), "{told}");
        }
        assert_eq!(describe(0x0000_0000_0080_0400), None);
    }
}
