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
