//! What was asked for on the command line.

use lexopt::prelude::*;
use std::path::PathBuf;

/// What `--help` prints.
const HELP: &str = "\
Says what crashed, why, and what to do, from a Windows crash dump.

Usage: bluepane [OPTIONS] FILE...
       bluepane --command LINE

FILE is a dump (MEMORY.DMP, a minidump), or a folder: then every dump in it.

Options:
  --format FORMAT   text (default), json, markdown or html
                    json is one object per file and line; html takes one file
  --array           with json: one array instead of lines
  --command LINE    answer a debugger command, e.g. '!findings', instead of the
                    report; may be repeated, 'help' lists the commands.
                    Without FILE: '!analyze -show 7a', '!error c000000e'
  --symbols PATH    a PDB, an ISF file (.json, .json.xz) or an image (.sys,
                    .exe), or a folder of them, a symbol store too; may be
                    repeated
  --redact          take out names of machines and people, serial numbers, paths
                    below a user's profile and network addresses
                    (the default for markdown)
  --no-redact       leave them in (the default for all others)
  --help, --version

Exit status: 0 a report was made of every file; 1 some file could not be
analysed, its report says why; 2 the command was not understood.
";

/// How a report is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// For a terminal.
    #[default]
    Text,
    /// For programs.
    Json,
    /// For a ticket.
    Markdown,
    /// A page of its own.
    Html,
}

impl Format {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "json" => Self::Json,
            "markdown" => Self::Markdown,
            "html" => Self::Html,
            _ => return None,
        })
    }
}

/// What was asked for.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// How to write.
    pub format: Format,
    /// JSON as one array.
    pub array: bool,
    /// Lines for the console; the report is printed where there are none.
    pub commands: Vec<String>,
    /// Where symbols are: files and folders.
    pub symbols: Vec<PathBuf>,
    /// Whether names are taken out; absent when nothing was said.
    redact: Option<bool>,
}

impl Arguments {
    /// Whether names are taken out. What goes into a ticket is redacted unless it was refused.
    pub fn redacts(&self) -> bool {
        self.redact.unwrap_or(self.format == Format::Markdown)
    }
}

/// What the command is to do.
#[derive(Debug)]
pub enum Wish {
    /// Analyse files.
    Analyse(Arguments),
    /// Print a text and end.
    Print(String),
}

/// Reads the command line.
pub fn parse(mut parser: lexopt::Parser) -> Result<Wish, String> {
    let mut arguments = Arguments::default();
    while let Some(argument) = parser.next().map_err(|e| e.to_string())? {
        match argument {
            Long("help") | Short('h') => return Ok(Wish::Print(HELP.into())),
            Long("version") | Short('V') => {
                let version = env!("CARGO_PKG_VERSION");
                return Ok(Wish::Print(format!("bluepane {version}\n")));
            }
            Long("format") => {
                let name = value(&mut parser)?;
                arguments.format = Format::parse(&name).ok_or_else(|| {
                    format!("'{name}' is no format; there are text, json, markdown and html")
                })?;
            }
            Long("array") => arguments.array = true,
            Long("command") => arguments.commands.push(value(&mut parser)?),
            Long("symbols") => {
                let path = parser.value().map_err(|e| e.to_string())?;
                arguments.symbols.push(path.into());
            }
            Long("redact") => arguments.redact = Some(true),
            Long("no-redact") => arguments.redact = Some(false),
            Value(path) if path == "-" => {
                return Err(
                    "standard input cannot be analysed: a dump is read in pieces, so \
                            give a file"
                        .into(),
                );
            }
            Value(path) => arguments.paths.push(path.into()),
            other => return Err(other.unexpected().to_string()),
        }
    }
    check(&arguments)?;
    Ok(Wish::Analyse(arguments))
}

fn value(parser: &mut lexopt::Parser) -> Result<String, String> {
    parser
        .value()
        .and_then(|value| value.string())
        .map_err(|error| error.to_string())
}

/// Wishes that contradict each other.
fn check(arguments: &Arguments) -> Result<(), String> {
    // What a code means can be asked without a dump.
    if arguments.paths.is_empty() && arguments.commands.is_empty() {
        return Err("no file was given".into());
    }
    if arguments.array && arguments.format != Format::Json {
        return Err("--array goes with --format json".into());
    }
    if !arguments.commands.is_empty() && arguments.format != Format::Text {
        return Err("--command answers in text; it does not go with --format".into());
    }
    match arguments.symbols.iter().find(|path| !path.exists()) {
        Some(path) => Err(format!("--symbols: there is no {}", path.display())),
        None => Ok(()),
    }
}
