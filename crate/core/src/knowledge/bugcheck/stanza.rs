//! The grammar of the bug check data files: stanzas, their lines, and the conditions of cases.

use super::ParameterText;
use super::kind::ParameterKind;
use crate::knowledge::text;
use core::cmp::Ordering;

/// What stands where nothing is known.
pub(in crate::knowledge) const UNDOCUMENTED: ParameterText = ParameterText {
    kind: ParameterKind::Undocumented,
    text: "No documented meaning",
    value: None,
};

const NOT_USED: ParameterText = ParameterText {
    kind: ParameterKind::Reserved,
    text: "Not used",
    value: None,
};

/// Documented as unused, and yet something stands there.
const INTERNAL: ParameterText = ParameterText {
    kind: ParameterKind::Undocumented,
    text: "Windows' own value, not documented",
    value: None,
};

/// A value that a list of values does not have.
const UNLISTED: &str = "a value that is not documented";

const DEPENDS: ParameterText = ParameterText {
    kind: ParameterKind::Undocumented,
    text: "Depends on the other parameters; not documented for these",
    value: None,
};

/// One stanza: the header line's code and words, and the lines below it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stanza {
    pub code: u32,
    header: &'static str,
    body: &'static str,
}

/// One line of a stanza.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line {
    /// `! text`
    Meaning(&'static str),
    /// `? text`
    Causes(&'static str),
    /// `& family`
    Family(&'static str),
    /// `> text`
    Next(&'static str),
    /// `~ text`
    Guest(&'static str),
    /// `2 kind text`: parameter index from zero
    Parameter(usize, ParameterKind, &'static str),
    /// `2=3F text`: what a value of a parameter means
    Value(usize, &'static str, &'static str),
    /// `@ code`: cases that are not here are those of another code
    SameAs(u32),
    /// `= condition text`
    Case(&'static str, &'static str),
}

/// What a stanza says beside its meaning and its parameters; empty where it says nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub family: &'static str,
    pub causes: &'static str,
    pub next: &'static str,
    pub guest: &'static str,
}

/// The stanzas of one file.
pub(super) fn all(table: &'static str) -> impl Iterator<Item = Stanza> {
    let mut rest = table;
    core::iter::from_fn(move || {
        loop {
            let (line, after) = split_line(rest)?;
            rest = after;
            let (code, header) = match line.chars().next() {
                Some(first) if first.is_ascii_hexdigit() => text::word(line),
                _ => continue,
            };
            let end = body_length(rest);
            let (body, after) = rest.split_at_checked(end)?;
            rest = after;
            let Some(code) = text::hex(code).and_then(|code| u32::try_from(code).ok()) else {
                continue;
            };
            return Some(Stanza { code, header, body });
        }
    })
}

/// The lowest code of a file: that of its first stanza.
pub(super) fn first_code(table: &'static str) -> Option<u32> {
    let header = table.lines().find(|line| is_header(line.as_bytes()))?;
    code_of(header)
}

/// The stanza of a code: a binary search by header lines, for a report asks some hundred times and
/// the files are long.
pub(super) fn find(table: &'static str, code: u32) -> Option<Stanza> {
    let bytes = table.as_bytes();
    let (mut low, mut high) = (0usize, table.len());
    while let Some(start) = header_before(bytes.get(low..high)?) {
        let start = low.checked_add(start)?;
        match code_of(table.get(start..)?)?.cmp(&code) {
            Ordering::Greater => high = start,
            Ordering::Equal => return all(table.get(start..)?).next(),
            // Nothing lies between this header and the next when the window no longer shrinks.
            Ordering::Less if start == low => break,
            Ordering::Less => low = start,
        }
    }
    all(table.get(low..high)?).find(|stanza| stanza.code == code)
}

/// Where the last header line in the first half of a window of lines starts.
fn header_before(window: &[u8]) -> Option<usize> {
    let mut end = window.len() / 2;
    loop {
        let line_break = window.get(..end)?.iter().rposition(|&byte| byte == b'\n');
        let start = line_break.map_or(0, |at| at + 1);
        if is_header(window.get(start..)?) {
            return Some(start);
        }
        end = line_break?;
    }
}

/// Whether a line starts a stanza: those below it are indented, and comments begin with `#`.
fn is_header(line: &[u8]) -> bool {
    line.first().is_some_and(u8::is_ascii_hexdigit)
}

fn code_of(header: &str) -> Option<u32> {
    let end = header.find([' ', '\n']).unwrap_or(header.len());
    u32::try_from(text::hex(header.get(..end)?)?).ok()
}

fn split_line(rest: &'static str) -> Option<(&'static str, &'static str)> {
    if rest.is_empty() {
        None
    } else {
        Some(rest.split_once('\n').unwrap_or((rest, "")))
    }
}

/// Bytes of the lines that belong to the stanza above: those that start with a space.
fn body_length(rest: &str) -> usize {
    rest.split_inclusive('\n')
        .take_while(|line| line.starts_with(' '))
        .map(str::len)
        .sum()
}

impl Stanza {
    /// Name, and the mark behind it (`live`, `either` or nothing).
    pub fn name_and_mark(&self) -> (&'static str, &'static str) {
        text::word(self.header)
    }

    /// The lines below the header that can be read.
    pub fn lines(&self) -> impl Iterator<Item = Line> + use<> {
        self.body.lines().flat_map(parts).filter_map(line)
    }

    /// Raw lines below the header, for tests.
    #[cfg(test)]
    pub fn raw_lines(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.body.lines().flat_map(parts)
    }

    /// The first case that holds for these values: its text and its number.
    pub fn case(&self, values: &[u64; 4]) -> Option<(&'static str, usize)> {
        self.cases()
            .enumerate()
            .find_map(|(number, (condition, text))| {
                holds(condition, |index| values.get(index).copied()).then_some((text, number))
            })
    }

    /// Family, causes, next steps and virtual machine: the stanza's own, overridden by those of the case
    /// that holds. `only_case` leaves the stanza's own out.
    pub fn told(&self, values: &[u64; 4], only_case: bool) -> Told {
        let wanted = self.case(values).map(|(_, number)| number);
        let (mut told, mut case, mut cases) = (Told::default(), None, 0usize);
        for line in self.lines() {
            if matches!(line, Line::Case(..)) {
                case = Some(cases);
                cases = cases.saturating_add(1);
            }
            if (case.is_some() || only_case) && (case.is_none() || case != wanted) {
                continue;
            }
            match line {
                Line::Family(word) => told.family = word,
                Line::Causes(text) => told.causes = text,
                Line::Next(text) => told.next = text,
                Line::Guest(text) => told.guest = text,
                _ => {}
            }
        }
        told
    }

    /// As [`Stanza::case`], of the cases that ask for nothing but the first parameter.
    pub fn subtype(&self, p1: u64) -> Option<&'static str> {
        self.cases().find_map(|(condition, text)| {
            holds(condition, |index| (index == 0).then_some(p1)).then_some(text)
        })
    }

    /// The code whose cases hold where this stanza has none of its own.
    pub fn same_as(&self) -> Option<u32> {
        self.lines().find_map(|line| match line {
            Line::SameAs(code) => Some(code),
            _ => None,
        })
    }

    fn cases(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        self.lines().filter_map(|line| match line {
            Line::Case(condition, text) => Some((condition, text)),
            _ => None,
        })
    }

    /// The four parameters: the stanza's own, overridden by those of the case of `with` that holds.
    /// `with` is the stanza itself, or the one whose cases it shares.
    pub fn parameters(&self, with: &Stanza, values: &[u64; 4]) -> [ParameterText; 4] {
        let wanted = with.case(values).map(|(_, number)| number);
        let mut slots = Slots::default();
        slots.fill(self, None, values);
        if wanted.is_some() {
            slots.fill(with, wanted, values);
        }
        // The parameter that picked the case is explained by the case itself.
        let absent = match (
            slots.any || wanted.is_some(),
            wanted.is_none() && with.chooses(&slots),
        ) {
            (_, true) => DEPENDS,
            (true, false) => NOT_USED,
            (false, false) => UNDOCUMENTED,
        };
        core::array::from_fn(|index| {
            let value = values.get(index).copied().unwrap_or_default();
            match slots.texts.get(index).copied().flatten() {
                None if absent == NOT_USED && value != 0 => INTERNAL,
                None => absent,
                Some(mut text) => {
                    let listed = slots.listed.get(index) == Some(&true);
                    if listed && text.kind == ParameterKind::Plain {
                        text.value = text.value.or(Some(UNLISTED));
                    }
                    text
                }
            }
        })
    }

    /// Whether values that no case is for mean a kind of trouble that the table does not know: the
    /// cases tell apart what a plain number stands for, and are not just remarks on an address or
    /// a status.
    pub fn is_closed(&self, with: &Stanza, values: &[u64; 4]) -> bool {
        let mut slots = Slots::default();
        slots.fill(self, None, values);
        with.chooses(&slots)
    }

    fn chooses(&self, slots: &Slots) -> bool {
        let Some((condition, _)) = self.cases().next() else {
            return false;
        };
        let index = condition
            .split_once(':')
            .map_or(Some(0), |(index, _)| parameter_index(index));
        let text = index.and_then(|index| slots.texts.get(index).copied().flatten());
        // A list of values says what each is without a case.
        let listed = index.and_then(|index| slots.listed.get(index).copied());
        listed != Some(true) && text.is_none_or(|text| text.kind == ParameterKind::Plain)
    }
}

/// The four parameters while the lines of a stanza are read.
#[derive(Default)]
struct Slots {
    texts: [Option<ParameterText>; 4],
    /// Whether values of that parameter are listed.
    listed: [bool; 4],
    /// Whether there was any parameter line.
    any: bool,
}

impl Slots {
    /// Takes the lines above the cases, or those of one case.
    fn fill(&mut self, stanza: &Stanza, wanted: Option<usize>, values: &[u64; 4]) {
        let (mut case, mut cases) = (None, 0usize);
        for line in stanza.lines() {
            if matches!(line, Line::Case(..)) {
                case = Some(cases);
                cases = cases.saturating_add(1);
            }
            let (Line::Parameter(index, ..) | Line::Value(index, ..)) = line else {
                continue;
            };
            let (Some(slot), Some(listed)) =
                (self.texts.get_mut(index), self.listed.get_mut(index))
            else {
                continue;
            };
            match line {
                _ if case != wanted => {}
                Line::Parameter(_, kind, text) => {
                    self.any = true;
                    *listed = false;
                    *slot = Some(ParameterText {
                        kind,
                        text,
                        value: None,
                    });
                }
                Line::Value(_, condition, text) => {
                    *listed = true;
                    let value = values.get(index).copied().unwrap_or_default();
                    if let Some(slot) = slot.as_mut()
                        && value_matches(condition, value)
                    {
                        slot.value = Some(text);
                    }
                }
                _ => {}
            }
        }
    }
}

/// [`line`], for the test that reads every line of the data files.
#[cfg(test)]
pub(super) fn line_for_tests(raw: &'static str) -> Option<Line> {
    line(raw)
}

/// Several parameters may stand on one line, separated by ` | `.
fn parts(line: &'static str) -> impl Iterator<Item = &'static str> {
    line.split(" | ")
}

fn line(line: &'static str) -> Option<Line> {
    let (first, rest) = text::word(line);
    match first {
        "!" => return Some(Line::Meaning(rest)),
        "?" => return Some(Line::Causes(rest)),
        "&" => return Some(Line::Family(rest)),
        ">" => return Some(Line::Next(rest)),
        "~" => return Some(Line::Guest(rest)),
        "@" => return Some(Line::SameAs(u32::try_from(text::hex(rest)?).ok()?)),
        "=" => {
            let (condition, text) = text::word(rest);
            return Some(Line::Case(condition, text));
        }
        _ => {}
    }
    let (index, condition) = match first.split_once('=') {
        Some((index, condition)) => (index, Some(condition)),
        None => (first, None),
    };
    let index = parameter_index(index)?;
    if let Some(condition) = condition {
        return Some(Line::Value(index, condition, rest));
    }
    let (kind, text) = text::word(rest);
    let kind = ParameterKind::from_word(kind)?;
    let text = if text.is_empty() {
        kind.default_text()
    } else {
        text
    };
    Some(Line::Parameter(index, kind, text))
}

/// `1`..`4` as an index from zero.
fn parameter_index(word: &str) -> Option<usize> {
    match word {
        "1" => Some(0),
        "2" => Some(1),
        "3" => Some(2),
        "4" => Some(3),
        _ => None,
    }
}

/// Conditions joined by `&`, each `N:values`, or plain `values` for the first parameter. A
/// parameter that `value` does not give makes the condition fail.
fn holds(condition: &str, value: impl Fn(usize) -> Option<u64>) -> bool {
    condition.split('&').all(|part| {
        let (index, values) = match part.split_once(':') {
            Some((index, values)) => (parameter_index(index), values),
            None => (Some(0), part),
        };
        index
            .and_then(&value)
            .is_some_and(|value| value_matches(values, value))
    })
}

/// Values are hexadecimal, separated by commas: `3F`, a range `1-4`, an open range `5-`.
pub(super) fn value_matches(values: &str, value: u64) -> bool {
    // Status codes and small codes are often sign-extended to 64 bits in the dump.
    let short = if value >> 32 == 0xFFFF_FFFF {
        value & 0xFFFF_FFFF
    } else {
        value
    };
    values.split(',').any(|one| match one.split_once('-') {
        Some((low, high)) => {
            let high = if high.is_empty() {
                Some(u64::MAX)
            } else {
                text::hex(high)
            };
            match (text::hex(low), high) {
                (Some(low), Some(high)) => low <= value && value <= high,
                _ => false,
            }
        }
        None => text::hex(one).is_some_and(|one| one == value || one == short),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_single_ranges_or_open() {
        assert!(value_matches("3F", 0x3f));
        assert!(value_matches("1,5-7,9-", 6));
        assert!(value_matches("1,5-7,9-", u64::MAX));
        assert!(!value_matches("1,5-7,9-", 8));
    }

    #[test]
    fn a_sign_extended_code_matches_its_short_form() {
        assert!(value_matches("C000000E", 0xFFFF_FFFF_C000_000E));
        assert!(!value_matches("E", 0xFFFF_FFFF_C000_000E));
    }

    #[test]
    fn a_condition_may_ask_for_several_parameters() {
        let values = [3u64, 0, 7, 0];
        let at = |index: usize| values.get(index).copied();
        assert!(holds("3-4&3:1-", at));
        assert!(!holds("3-4&3:0", at));
        assert!(!holds("5:1", at));
    }

    #[test]
    fn a_case_overrides_the_stanzas_parameters_one_by_one() {
        let table = "# c\n1 A\n 1 plain one | 2 plain two\n = 5 five\n 2 irql\n = 6 six\n2 B\n";
        let first = all(table).next().unwrap();
        let texts = |values| first.parameters(&first, &values).map(|p| p.text);
        assert_eq!(
            texts([5, 0, 0, 0]),
            ["one", "IRQL at that moment", "Not used", "Not used"]
        );
        assert_eq!(texts([6, 0, 0, 0])[1], "two");
        assert_eq!(texts([7, 0, 0, 0])[2], DEPENDS.text);
        assert_eq!(all(table).count(), 2);
    }
}
