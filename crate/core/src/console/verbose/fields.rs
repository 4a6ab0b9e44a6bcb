//! The fields of `!analyze -v` in the debugger's layout: name, colon, one space or two, value, and for some
//! what stands below. Which has how many spaces follows outputs that people published.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Fields that have one space behind the colon, not two.
const CLOSE: [&str; 24] = [
    "KEY_VALUES_STRING",
    "DUMP_CLASS",
    "DUMP_QUALIFIER",
    "DUMP_FILE_ATTRIBUTES",
    "BUGCHECK_P1",
    "BUGCHECK_P2",
    "BUGCHECK_P3",
    "BUGCHECK_P4",
    "EXCEPTION_CODE",
    "ERROR_CODE",
    "FAULTING_IP",
    "FOLLOWUP_IP",
    "FAULTING_MODULE",
    "CPU_COUNT",
    "CPU_MHZ",
    "CPU_FAMILY",
    "CPU_MODEL",
    "CPU_STEPPING",
    "CPU_MICROCODE",
    "MODULE_NAME",
    "BLACKBOXBSD",
    "BLACKBOXNTFS",
    "BLACKBOXPNP",
    "BLACKBOXWINLOGON",
];

/// Fields in their order; a line is written for each that has a value, and what stands below it.
#[derive(Default)]
pub(super) struct Fields(Vec<(&'static str, String, Vec<String>)>);

impl Fields {
    pub(super) fn put<T: ToString>(&mut self, name: &'static str, value: Option<T>) -> &mut Self {
        if let Some(value) = value {
            self.below(name, value.to_string(), Vec::new());
        }
        self
    }

    pub(super) fn hex(&mut self, name: &'static str, value: Option<u64>) -> &mut Self {
        self.put(name, value.map(|value| format!("{value:x}")))
    }

    pub(super) fn below(
        &mut self,
        name: &'static str,
        value: String,
        lines: Vec<String>,
    ) -> &mut Self {
        self.0.push((name, value, lines));
        self
    }

    /// Names and values.
    pub(super) fn into_pairs(self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.into_iter().map(|(name, value, _)| (name, value))
    }

    pub(super) fn lines(self) -> Vec<String> {
        let spread = |(name, value, below): (&str, String, Vec<String>)| {
            let gap = if CLOSE.contains(&name) { "" } else { " " };
            let first = format!("{name}: {gap}{value}");
            [first].into_iter().chain(below).chain([String::new()])
        };
        self.0.into_iter().flat_map(spread).collect()
    }
}
