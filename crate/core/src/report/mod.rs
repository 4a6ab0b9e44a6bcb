//! The report's data model.
