//! One analysis after the other.

use crate::arguments::{Arguments, Format};
use crate::file::{Dump, dumps_in};
use crate::open::Open;
use crate::output::Output;
use crate::symbols::{Chosen, Symbols, settle};
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
    if subjects.is_empty() {
        output.without_file()?;
        return Ok(true);
    }
    let mut symbols = Symbols::new(&arguments.symbols);
    let mut all = true;
    output.begin()?;
    for subject in &subjects {
        let (mut report, open) = match subject {
            Subject::File(path) => report(path, &mut symbols),
            Subject::Unusable(path, why) => (unusable(path, why.clone()), None),
        };
        all &= report.error.is_none();
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
fn report(path: &Path, symbols: &mut Symbols) -> (Report, Option<Open>) {
    let begin = Instant::now();
    let mut dump = match Dump::open(path) {
        Ok(dump) => dump,
        Err(error) => return (unusable(path, unreadable(&error)), None),
    };
    let chosen = choose(path, &mut dump, symbols);
    let mut analysis = run(path, &mut dump, &chosen);
    analysis.set_elapsed(begin.elapsed().as_secs_f64() * 1000.0);
    let mut report = analysis.report().clone();
    if !symbols.is_empty() {
        settle(&mut report, &chosen);
    }
    (report, Some(Open { analysis, dump }))
}

/// Analyses with those files beside the dump.
fn run(path: &Path, dump: &mut Dump, files: &[Chosen]) -> Analysis {
    let mut analysis = Analysis::with_limits(&name(path), dump.len, limits());
    analysis.set_disassembler(Box::new(bluepane_disasm::Disassemblers));
    for file in files {
        if let Ok(bytes) = &*file.content {
            // What is refused is said by the report, or by what could not be converted.
            let _ = analysis.add_symbols(&file.name, bytes.clone());
        }
    }
    analysis.report_at_end();
    analysis.run(dump);
    analysis
}

/// Which files of those given belong to this dump. Of a folder that takes a look at the dump, and
/// where images are in it a second one: they say which symbol files are theirs.
fn choose(path: &Path, dump: &mut Dump, symbols: &mut Symbols) -> Vec<Chosen> {
    if !symbols.need_a_look() {
        return symbols.choose(None);
    }
    let first = run(path, dump, &[]);
    let mut images = symbols.choose_images(first.report());
    if images.is_empty() {
        return symbols.choose(Some(first.report()));
    }
    images.truncate(Symbols::IMAGES_FOR_A_LOOK);
    let second = run(path, dump, &images);
    symbols.choose(Some(second.report()))
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
