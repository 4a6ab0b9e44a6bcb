//! Rules: facts in, findings out.
