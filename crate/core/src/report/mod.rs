//! The report: how everything that was found leaves the core, for the page, the command line and
//! other people's programs. Its data model is the room [`crate::model`]; here it is put together
//! and rendered as text and Markdown.
