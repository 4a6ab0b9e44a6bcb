//! What Plug and Play calls a device's problem and who refuses a change: CM_PROB_* and PNP_VETO_TYPE.
//!
//! Sources at the top of `crate/core/data/problem.txt`.

use super::store::Table;
use super::text;
use alloc::{format, string::String};

/// `24 (CM_PROB_DEVICE_NOT_THERE: …)`; the number alone where the table has none.
fn told(prefix: &str, number: u32) -> String {
    let wanted = format!("{prefix}{number}");
    let found = text::lines(Table::Problem.text())
        .map(text::word)
        .find(|(first, _)| *first == wanted);
    match found.map(|(_, rest)| text::word(rest)) {
        Some((name, meaning)) => format!("{number} ({name}: {meaning})"),
        None => format!("{number}"),
    }
}

/// A problem code with its name and what it says.
#[must_use]
pub fn problem(code: u32) -> String {
    told("", code)
}

/// Who refused a change, by the number of PNP_VETO_TYPE.
#[must_use]
pub fn veto(kind: u32) -> String {
    told("v", kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_and_vetoes_are_told_by_name_and_unknown_ones_stay_numbers() {
        assert!(problem(24).starts_with("24 (CM_PROB_DEVICE_NOT_THERE: the device is not there"));
        assert!(problem(10).contains("CM_PROB_FAILED_START"));
        assert_eq!(problem(999), "999");
        assert!(veto(6).starts_with("6 (PNP_VetoDevice: "));
        assert_eq!(veto(77), "77");
    }

    #[test]
    fn every_line_has_a_number_a_name_and_a_meaning() {
        for line in text::lines(Table::Problem.text()) {
            let (number, rest) = text::word(line);
            let (name, meaning) = text::word(rest);
            assert!(
                number.trim_start_matches('v').parse::<u32>().is_ok(),
                "{line}"
            );
            assert!(
                name.starts_with("CM_PROB_") || name.starts_with("PNP_Veto"),
                "{line}"
            );
            assert!(meaning.len() > 5, "{line}");
        }
    }
}
