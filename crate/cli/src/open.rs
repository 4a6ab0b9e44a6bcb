//! A dump that was analysed and can still be asked.

use crate::file::Dump;
use bluepane::analysis::{Analysis, Answer, Query};

/// An open dump.
#[derive(Debug)]
pub struct Open {
    /// What was learned of it.
    pub analysis: Analysis,
    /// The file.
    pub dump: Dump,
}

impl Open {
    /// What the console answers.
    pub fn command(&mut self, line: &str) -> String {
        let query = Query::Command(line.into());
        match self.analysis.answer(query, &mut self.dump) {
            Some(Answer::Text(text)) => text,
            _ => String::new(),
        }
    }
}
