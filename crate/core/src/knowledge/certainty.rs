//! How sure a fact of the tables is.

/// The three words of confidence that the whole program uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Consistent with the facts, and so are other readings.
    Possible,
    /// The usual reading; say "probably" or "about".
    Likely,
    /// Proven.
    Certain,
}

impl Certainty {
    /// The word in reports and data files.
    pub fn word(self) -> &'static str {
        match self {
            Certainty::Possible => "possible",
            Certainty::Likely => "likely",
            Certainty::Certain => "certain",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Certainty> {
        [Certainty::Possible, Certainty::Likely, Certainty::Certain]
            .into_iter()
            .find(|certainty| certainty.word() == word)
    }
}
