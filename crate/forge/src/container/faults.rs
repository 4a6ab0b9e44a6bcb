//! Damage on demand: cut files, fields that were never written, encryption.

use crate::dump::Dump;
use crate::layout::{header32, header64};
use crate::scenario::{Architecture, Scenario, ScenarioError};

/// Applies the scenario's faults to a finished dump.
///
/// # Errors
/// A header field that does not exist.
pub fn apply(scenario: &Scenario, dump: &mut Dump) -> Result<(), ScenarioError> {
    let faults = &scenario.faults;
    let wide = scenario.machine.architecture != Architecture::X86;
    let (table, attributes, header) = if wide {
        (&header64::FIELDS, header64::ATTRIBUTES, header64::SIZE)
    } else {
        (&header32::FIELDS, header32::ATTRIBUTES, header32::SIZE)
    };
    let mut bits = 0;
    if faults.insufficient_space {
        bits |= header64::attribute::INSUFFICIENT_DUMPFILE_SIZE;
    }
    if faults.encrypted {
        bits |= header64::attribute::ENCRYPTED;
        dump.scramble(header as u64, scenario.machine.seed);
    }
    if bits != 0 {
        set_attributes(dump, attributes as u64, bits);
    }
    for name in &faults.fill {
        let Some((_, offset, size)) = table.iter().find(|f| f.0 == name) else {
            return Err(ScenarioError::Unsupported(format!(
                "there is no header field {name}"
            )));
        };
        let fill: Vec<u8> = b"PAGE".iter().copied().cycle().take(*size).collect();
        dump.patch(*offset as u64, &fill);
    }
    if let Some(length) = faults.truncate {
        dump.truncate(length.0);
    }
    Ok(())
}

/// Sets attribute bits; a word that was never written starts from 0.
fn set_attributes(dump: &mut Dump, at: u64, bits: u32) {
    let word = dump
        .pieces()
        .next()
        .and_then(|(_, piece)| piece.get(at as usize..at as usize + 4))
        .map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]));
    let word = if word == u32::from_le_bytes(*b"PAGE") {
        0
    } else {
        word
    };
    dump.patch(at, &(word | bits).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;

    fn forge(text: &str) -> Vec<u8> {
        crate::forge(&Scenario::from_toml(text).unwrap())
            .unwrap()
            .to_vec()
    }

    #[test]
    fn a_field_on_the_list_keeps_the_fill() {
        let d = forge("[faults]\nfill = [\"KdDebuggerDataBlock\", \"SystemTime\"]");
        assert_eq!(&d[0x80..0x88], b"PAGEPAGE");
        assert_eq!(&d[0xfa8..0xfb0], b"PAGEPAGE");
        assert_ne!(&d[0x20..0x28], b"PAGEPAGE");
    }

    #[test]
    fn a_cut_file_has_the_wanted_length_and_may_say_that_space_ran_out() {
        let d = forge("[faults]\ntruncate = 5000\ninsufficient_space = true");
        assert_eq!(d.len(), 5000);
        assert_eq!(
            u32::from_le_bytes(d[0x1050..0x1054].try_into().unwrap()) & 4,
            4
        );
    }

    #[test]
    fn an_encrypted_dump_keeps_its_header_and_nothing_readable_behind_it() {
        let plain = forge("");
        let d = forge("[faults]\nencrypted = true");
        assert_eq!(
            u32::from_le_bytes(d[0x1050..0x1054].try_into().unwrap()) & 0x100,
            0x100
        );
        assert_eq!(d[..0x1050], plain[..0x1050]);
        assert!(!d.windows(8).any(|w| w == b"DumpBlob"));
    }

    #[test]
    fn a_field_that_does_not_exist_is_an_error() {
        let s = Scenario::from_toml("[faults]\nfill = [\"Nonsense\"]").unwrap();
        assert!(
            crate::forge(&s)
                .unwrap_err()
                .to_string()
                .contains("Nonsense")
        );
    }
}
