//! One analysis after the other.

use crate::arguments::{Arguments, Format};
use crate::file::{Dump, dumps_in};
use crate::open::Open;
use crate::output::Output;
use bluepane::analysis::Analysis;
use bluepane::model::{File, Note, Report, SCHEMA};
use bluepane::report::{RedactionOptions, redact};
use bluepane::source::CacheLimits;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// Why the command ended early.
#[derive(Debug)]
pub enum Problem {
    /// The command contradicts what it was given.
    Usage(String),
    /// Nobody reads the output any more.
    Closed,
    /// The output could not be written.
    Output(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Output(error),
        }
    }
}

/// Something to report on: a file, or a path of which there is only an error to report.
enum Subject {
    File(PathBuf),
    Unusable(PathBuf, Note),
}

/// Writes a report of every file; answers whether all could be analysed.
pub fn analyse(arguments: &Arguments, out: impl Write) -> Result<bool, Problem> {
    let subjects = subjects(&arguments.paths);
    if arguments.format == Format::Html && subjects.len() > 1 {
        let count = subjects.len();
        return Err(Problem::Usage(format!(
            "an html report is a page of one file, and {count} were given"
        )));
    }
    let mut output = Output::new(arguments, out);
    let mut all = true;
    output.begin()?;
    for subject in &subjects {
        let (mut report, open) = match subject {
            Subject::File(path) => report(path),
            Subject::Unusable(path, why) => (unusable(path, why.clone()), None),
        };
        all &= report.error.is_none();
        if arguments.symbols.is_some() {
            report.notes.push(Note::new(
                "symbols-not-used",
                "Files were given with --symbols; no symbol of theirs is used in this report.",
            ));
        }
        if arguments.redacts() {
            report = redact(&report, &RedactionOptions::default());
        }
        // What memory holds cannot be redacted: then it is not read.
        let open = open.filter(|_| !arguments.redacts());
        output.report(&report, open)?;
    }
    output.end()?;
    Ok(all)
}

/// Files as they are, folders as the dumps in them.
fn subjects(paths: &[PathBuf]) -> Vec<Subject> {
    let mut subjects = Vec::new();
    for path in paths {
        if !path.is_dir() {
            subjects.push(Subject::File(path.clone()));
            continue;
        }
        match dumps_in(path) {
            Ok(dumps) if dumps.is_empty() => subjects.push(Subject::Unusable(
                path.clone(),
                Note::new("folder-without-dumps", "There is no dump in this folder."),
            )),
            Ok(dumps) => subjects.extend(dumps.into_iter().map(Subject::File)),
            Err(error) => subjects.push(Subject::Unusable(path.clone(), unreadable(&error))),
        }
    }
    subjects
}

/// The report on one file, whatever is wrong with it, and the file where it could be opened.
fn report(path: &Path) -> (Report, Option<Open>) {
    let begin = Instant::now();
    let mut dump = match Dump::open(path) {
        Ok(dump) => dump,
        Err(error) => return (unusable(path, unreadable(&error)), None),
    };
    let mut analysis = Analysis::with_limits(&name(path), dump.len, limits());
    analysis.run(&mut dump);
    analysis.set_elapsed(begin.elapsed().as_secs_f64() * 1000.0);
    (analysis.report().clone(), Some(Open { analysis, dump }))
}

/// A read costs little here, so that a small file is not read whole when a tenth of it is wanted.
fn limits() -> CacheLimits {
    CacheLimits {
        whole_file: 64 << 10,
        ..CacheLimits::default()
    }
}

/// The file's own name: the folders above it are nobody's business in a report.
fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

fn unreadable(error: &io::Error) -> Note {
    let (code, why) = match error.kind() {
        io::ErrorKind::NotFound => ("file-not-found", "There is no such file.".into()),
        io::ErrorKind::PermissionDenied => (
            "file-access-denied",
            "The file may not be read by this user. Windows keeps dumps where only \
             administrators may read: copy the file out first."
                .into(),
        ),
        _ => (
            "file-unreadable",
            format!("The file could not be read: {error}."),
        ),
    };
    Note::new(code, why)
}

/// A report that holds nothing but the reason why there is none.
fn unusable(path: &Path, why: Note) -> Report {
    Report {
        schema: SCHEMA,
        file: File {
            name: name(path),
            kind_label: "not read".into(),
            ..File::default()
        },
        summary: why.text.clone(),
        error: Some(why),
        ..Report::default()
    }
}
