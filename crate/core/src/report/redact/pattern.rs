//! What names and addresses look like inside a text.

use alloc::{string::String, vec::Vec};

/// An end in the text and the placeholder for what ends there.
pub(super) type Found = (usize, &'static str);

/// A text with questions about places in it, all in bytes.
#[derive(Clone, Copy)]
pub(super) struct Text<'a>(pub &'a str);

impl<'a> Text<'a> {
    pub(super) fn char_at(self, at: usize) -> Option<char> {
        self.0.get(at..)?.chars().next()
    }

    fn char_before(self, at: usize) -> Option<char> {
        self.0.get(..at)?.chars().next_back()
    }

    pub(super) fn begins_word(self, at: usize) -> bool {
        !self.char_before(at).is_some_and(is_word)
    }

    pub(super) fn ends_word(self, at: usize) -> bool {
        !self.char_at(at).is_some_and(is_word)
    }

    /// Where `word` ends if it stands at `at`, whatever its case.
    pub(super) fn has_at(self, at: usize, word: &str) -> Option<usize> {
        let end = at.checked_add(word.len())?;
        let there = self.0.get(at..end)?;
        there.eq_ignore_ascii_case(word).then_some(end)
    }

    /// The characters from `at` on that `belongs` accepts.
    fn span(self, at: usize, belongs: impl Fn(char) -> bool) -> &'a str {
        let rest = self.0.get(at..).unwrap_or("");
        rest.find(|c| !belongs(c))
            .and_then(|end| rest.get(..end))
            .unwrap_or(rest)
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What firmware says instead of a serial number, and profiles that belong to nobody.
pub(super) fn is_filler(text: &str) -> bool {
    const FILLERS: [&str; 20] = [
        "none",
        "n/a",
        "unknown",
        "not specified",
        "not recorded",
        "not available",
        "default string",
        "to be filled by o.e.m.",
        "system serial number",
        "asset tag",
        "chassis asset tag",
        "no asset tag",
        "not",
        "absent",
        "empty",
        "all users",
        "default",
        "default user",
        "public",
        "invalid",
    ];
    let text = text.to_ascii_lowercase();
    FILLERS.contains(&text.as_str()) || text.chars().all(|c| "0.- x".contains(c))
}

/// Folders whose subfolders are users.
const PROFILES: [&str; 5] = [
    "\\Users\\",
    "/Users/",
    "/home/",
    "\\Documents and Settings\\",
    "\\Profiles\\",
];

/// A character at which no path goes on.
fn ends_path(c: char) -> bool {
    matches!(
        c,
        '"' | '<' | '>' | '|' | '*' | '?' | ';' | ',' | ')' | ']' | '\n'
    )
}

fn is_separator(c: char) -> bool {
    matches!(c, '\\' | '/')
}

/// The folder of profiles that ends at the returned place.
fn profile_at(text: Text<'_>, at: usize) -> Option<usize> {
    PROFILES.iter().find_map(|folder| text.has_at(at, folder))
}

/// The user whose profile begins at `from`: up to the next separator, or a word where none comes.
fn user_at(text: Text<'_>, from: usize) -> &str {
    let rest = text.span(from, |c| !ends_path(c));
    match rest.find(is_separator) {
        Some(end) => rest.get(..end).unwrap_or(rest),
        None => rest.split(' ').next().unwrap_or(rest),
    }
}

/// A path below a user's profile, or the host of a share path, beginning at `at`.
pub(super) fn path_at(text: Text<'_>, at: usize) -> Option<Found> {
    // Only what follows the separator is taken out, so it is looked for one place before.
    let from = at;
    let before = text.0.get(..from)?;
    let folder = PROFILES
        .iter()
        .find(|folder| ends_with(before, folder))
        .is_some();
    if folder {
        let user = user_at(text, from);
        if user.is_empty() || is_filler(user) {
            return None;
        }
        let rest = text.span(from, |c| !ends_path(c));
        // The rest of the path: to the end of the word that holds its last separator.
        let last = rest.rfind(is_separator).unwrap_or(0);
        let tail = rest.get(last..).unwrap_or("");
        let length = tail.find(' ').map_or(rest.len(), |end| last + end);
        let length = length.max(user.len());
        return Some((from + length, "user's path"));
    }
    let host = share_host(text, from)?;
    Some((from + host.len(), "host name"))
}

fn ends_with(text: &str, end: &str) -> bool {
    let from = text.len().checked_sub(end.len());
    from.and_then(|from| text.get(from..))
        .is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

/// The host of `\\host\share`, where it begins at `from`.
fn share_host(text: Text<'_>, from: usize) -> Option<&str> {
    let before = text.0.get(..from)?;
    if !before.ends_with("\\\\") || before.ends_with("\\\\\\") {
        return None;
    }
    let host = text.span(from, |c| is_word(c) || c == '-' || c == '.');
    let shared = text.char_at(from + host.len()) == Some('\\');
    (shared && host.contains(is_word)).then_some(host)
}

/// Values of the registry and words that are followed by a name, and what the name is.
const MARKERS: [(&str, &str); 12] = [
    ("PhysicalHostNameFullyQualified", "host name"),
    ("PhysicalHostName", "host name"),
    ("HostName", "host name"),
    ("host name", "host name"),
    ("VirtualMachineName", "virtual machine name"),
    ("virtual machine name", "virtual machine name"),
    ("VM name", "virtual machine name"),
    ("ComputerName", "computer name"),
    ("computer name", "computer name"),
    ("user name", "user name"),
    ("UserName", "user name"),
    ("domain", "domain"),
];

/// The names that a text shows to be names.
pub(super) fn names_in(text: &str) -> Vec<(&str, &'static str)> {
    let whole = Text(text);
    let mut names = Vec::new();
    for (at, _) in text.char_indices() {
        if let Some(from) = profile_at(whole, at) {
            names.push((user_at(whole, from), "user name"));
        }
        if let Some(host) = share_host(whole, at) {
            names.push((host, "host name"));
        }
        if whole.begins_word(at) {
            let marked = MARKERS
                .iter()
                .find_map(|&(marker, what)| Some((whole.has_at(at, marker)?, what)));
            if let Some((end, what)) = marked
                && let Some(name) = value_after(whole, end)
            {
                names.push((name, what));
            }
        }
    }
    names
}

/// The value that is set after `at` by `=`, by `:` or in quotation marks.
fn value_after(text: Text<'_>, at: usize) -> Option<&str> {
    let marks = text.span(at, |c| {
        matches!(c, ' ' | '=' | ':' | '"' | '\'' | '“' | '‘' | '(')
    });
    let rest = text.0.get(at + marks.len()..)?;
    let quote = marks
        .chars()
        .last()
        .filter(|c| matches!(c, '"' | '\'' | '“' | '‘'));
    let value = match quote {
        Some(open) => {
            let close = match open {
                '“' => '”',
                '‘' => '’',
                same => same,
            };
            rest.split(close).next()?
        }
        None if marks.contains(['=', ':']) => rest
            .split([' ', ',', ';', ')', ']', '"'])
            .next()?
            .trim_end_matches('.'),
        None => return None,
    };
    (!value.is_empty() && value.len() <= 256).then_some(value)
}

/// Where a host's name ends with the domain that follows it. A file's extension is no domain.
pub(super) fn domain_end(text: Text<'_>, at: usize) -> usize {
    const FILES: [&str; 7] = ["sys", "exe", "dll", "dmp", "pdb", "mdmp", "vhdx"];
    let mut end = at;
    while text.char_at(end) == Some('.') {
        let label = text.span(end + 1, |c| is_word(c) || c == '-');
        let named = label.starts_with(char::is_alphabetic);
        if !named || FILES.contains(&label.to_ascii_lowercase().as_str()) {
            break;
        }
        end += 1 + label.len();
    }
    end
}

/// A UUID, a MAC address or an IP address that begins at `at`.
pub(super) fn address_at(text: Text<'_>, at: usize) -> Option<Found> {
    let first = text.char_at(at)?;
    let begins = first.is_ascii_hexdigit() || first == ':';
    if !begins || !text.begins_word(at) || matches!(text.char_before(at), Some('.' | ':')) {
        return None;
    }
    uuid(text, at)
        .or_else(|| mac(text, at))
        .or_else(|| ipv4(text, at))
        .or_else(|| ipv6(text, at))
        .filter(|&(end, _)| text.ends_word(end))
}

fn is_hex(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn uuid(text: Text<'_>, at: usize) -> Option<Found> {
    let word = text.0.get(at..at.checked_add(36)?)?;
    let groups: Vec<&str> = word.split('-').collect();
    let shaped = groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]);
    (shaped && groups.iter().all(|group| is_hex(group))).then_some((at + 36, "UUID"))
}

/// Six pairs, or the twelve digits of an address that Hyper-V gave (00155D is its prefix).
fn mac(text: Text<'_>, at: usize) -> Option<Found> {
    let plain = text.span(at, |c| c.is_ascii_hexdigit());
    if plain.len() == 12 && text.has_at(at, "00155D").is_some() {
        return Some((at + 12, "MAC address"));
    }
    let word = text.0.get(at..at.checked_add(17)?)?;
    let shaped = [':', '-'].iter().any(|&mark| {
        let pairs: Vec<&str> = word.split(mark).collect();
        pairs.len() == 6 && pairs.iter().all(|pair| pair.len() == 2 && is_hex(pair))
    });
    let goes_on = matches!(text.char_at(at + 17), Some(':' | '-'));
    (shaped && !goes_on).then_some((at + 17, "MAC address"))
}

fn ipv4(text: Text<'_>, at: usize) -> Option<Found> {
    let word = text.span(at, |c| c.is_ascii_digit() || c == '.');
    let trimmed = word.trim_end_matches('.');
    let parts: Vec<&str> = trimmed.split('.').collect();
    let shaped = parts.len() == 4
        && parts
            .iter()
            .all(|part| part.len() <= 3 && part.parse::<u8>().is_ok());
    // "version 1.2.3.4" and "v1.2.3.4" are what they say.
    let before: String = text
        .0
        .get(..at)?
        .chars()
        .rev()
        .take(8)
        .collect::<Vec<char>>()
        .into_iter()
        .rev()
        .collect();
    let version = before.to_ascii_lowercase().ends_with("version ");
    (shaped && !version).then_some((at + trimmed.len(), "IP address"))
}

/// Eight groups, or fewer with `::`; a name of C++ or a time of day is none.
fn ipv6(text: Text<'_>, at: usize) -> Option<Found> {
    let word = text.span(at, |c| c.is_ascii_hexdigit() || c == ':');
    let word = word
        .strip_suffix(':')
        .filter(|w| !w.ends_with(':'))
        .unwrap_or(word);
    let groups: Vec<&str> = word.split(':').collect();
    let sound = groups.iter().all(|group| group.len() <= 4) && groups.len() <= 9;
    let full = groups.len() == 8 && !word.contains("::");
    let short = word.matches("::").count() == 1 && word.contains(|c: char| c.is_ascii_digit());
    (sound && (full || short)).then_some((at + word.len(), "IP address"))
}
