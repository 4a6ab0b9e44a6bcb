//! Taking out what names people and machines, before a report is given away.
//!
//! Two walks over every string of the report. The first collects: fields that name the machine as
//! a whole, users by the paths of their profiles, hosts by share paths and by the registry values
//! that hold a name. The second rewrites every text in one pass, so that a name is gone from the
//! sentence that quotes it as well, and a placeholder is never itself taken for a name.
//!
//! It errs on the side of taking out too much.

mod pattern;
mod visit;

use crate::model::{Note, Report};
use crate::order;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use pattern::Text;
use visit::{Visit, What};

/// More names than this are no longer collected; a report that has them is a hostile one.
const MOST_NAMES: usize = 512;

/// What to take out besides what the report itself shows to be a name.
#[derive(Clone, Debug, Default)]
pub struct RedactionOptions {
    /// Names that are known from elsewhere: a host, a customer, a project.
    pub names: Vec<String>,
}

/// Everything that stands for something that was taken out.
const PLACEHOLDERS: [&str; 12] = [
    "name",
    "computer name",
    "host name",
    "virtual machine name",
    "user name",
    "user's path",
    "domain",
    "serial number",
    "asset tag",
    "UUID",
    "MAC address",
    "IP address",
];

/// A placeholder that is there already, so that a report may be redacted twice.
fn placeholder_at(text: Text<'_>, at: usize) -> Option<pattern::Found> {
    let after = text.has_at(at, "[")?;
    PLACEHOLDERS.iter().find_map(|&placeholder| {
        let end = text.has_at(after, placeholder)?;
        Some((text.has_at(end, "]")?, placeholder))
    })
}

/// A name and what stands in its place.
#[derive(Debug)]
struct Name {
    text: String,
    placeholder: &'static str,
}

/// A copy of the report without computer, host, user and virtual machine names, domains, serial
/// numbers, asset tags, UUIDs, paths below a user's profile, IP and MAC addresses. The note
/// `redacted` says so.
#[must_use]
pub fn redact(report: &Report, options: &RedactionOptions) -> Report {
    let mut report = report.clone();
    let names = Names::collect(&mut report, options);
    report.visit(What::Free, &mut |what, text| match what {
        What::Secret(placeholder) => *text = format!("[{placeholder}]"),
        What::Free | What::Identity => *text = names.rewrite(text, what == What::Free),
    });
    if !report.notes.iter().any(|note| note.code == "redacted") {
        report.notes.push(Note::new(
            "redacted",
            "Names of computers, hosts and users, serial numbers, paths below a user's profile and \
             network addresses were taken out of this report.",
        ));
    }
    report
}

/// What the report shows to be names, and what only looks like an address.
#[derive(Debug, Default)]
struct Names {
    /// Longest first, so that `WEB01` does not spoil `WEB01-TEST`.
    names: Vec<Name>,
    /// Versions and identities of files.
    identities: Vec<String>,
}

impl Names {
    fn collect(report: &mut Report, options: &RedactionOptions) -> Self {
        let mut names = Self::default();
        for text in &options.names {
            names.add(text, "name");
        }
        report.visit(What::Free, &mut |what, text| match what {
            What::Secret(placeholder) => names.add(text, placeholder),
            What::Identity => names.identities.push(text.clone()),
            What::Free => {}
        });
        report.visit(What::Free, &mut |_, text| {
            for (name, placeholder) in pattern::names_in(text) {
                names.add(name, placeholder);
            }
        });
        names.names = order::by_key(names.names, |name| (u64::MAX - name.text.len() as u64, 0));
        names
    }

    fn add(&mut self, text: &str, placeholder: &'static str) {
        let text = text.trim();
        if let ("computer name" | "host name", Some((short, _))) =
            (placeholder, text.split_once('.'))
        {
            self.add(short, placeholder);
        }
        let known = |name: &Name| name.text.eq_ignore_ascii_case(text);
        if text.chars().count() < 2
            || text.starts_with('[')
            || pattern::is_filler(text)
            || self.names.len() >= MOST_NAMES
            || self.names.iter().any(known)
        {
            return;
        }
        let text = text.to_string();
        self.names.push(Name { text, placeholder });
    }

    /// `text` with placeholders. Network addresses and UUIDs are looked for only where they can
    /// be what they look like.
    fn rewrite(&self, text: &str, addresses: bool) -> String {
        let text = Text(text);
        let mut out = String::new();
        let mut at = 0;
        while let Some(c) = text.char_at(at) {
            let found = placeholder_at(text, at)
                .or_else(|| pattern::path_at(text, at))
                .or_else(|| self.name_at(text, at))
                .or_else(|| {
                    let found = addresses.then(|| pattern::address_at(text, at)).flatten()?;
                    let found_text = text.0.get(at..found.0)?;
                    (!self.is_identity(found_text)).then_some(found)
                });
            if let Some((end, placeholder)) = found {
                out.push_str(&format!("[{placeholder}]"));
                at = end;
            } else {
                out.push(c);
                at += c.len_utf8();
            }
        }
        out
    }

    fn name_at(&self, text: Text<'_>, at: usize) -> Option<(usize, &'static str)> {
        if !text.begins_word(at) {
            return None;
        }
        self.names.iter().find_map(|name| {
            let end = text.has_at(at, &name.text)?;
            // A name of two letters is a word of its own in another case.
            if name.text.len() < 3 && text.0.get(at..end) != Some(name.text.as_str()) {
                return None;
            }
            let end = match name.placeholder {
                "computer name" | "host name" => pattern::domain_end(text, end),
                _ => end,
            };
            text.ends_word(end).then_some((end, name.placeholder))
        })
    }

    fn is_identity(&self, found: &str) -> bool {
        self.identities.iter().any(|known| {
            known
                .to_ascii_lowercase()
                .contains(&found.to_ascii_lowercase())
        })
    }
}

/// Shows every string that may come from a dump.
#[cfg(test)]
pub(super) fn visit_all(report: &mut Report, see: &mut dyn FnMut(&mut String)) {
    report.visit(What::Free, &mut |_, text| see(text));
}

#[cfg(test)]
mod tests;
