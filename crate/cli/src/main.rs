//! The native command: the analyzer of the page, for pipelines and for files on servers.
//!
//! It reads a dump in the pieces that the analysis asks for, never as a whole, so a dump of 64 GiB
//! costs no more than a small one. Exit status: 0 a report was made of every file; 1 some file
//! could not be analysed, and its report says why; 2 the command was not understood.

mod arguments;
mod file;
mod open;
mod output;
mod run;
mod symbols;

use arguments::{Arguments, Wish};
use std::io::Write as _;
use std::process::ExitCode;

/// The command was not understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments = match arguments::parse(lexopt::Parser::from_env()) {
        Ok(Wish::Analyse(arguments)) => arguments,
        Ok(Wish::Print(text)) => {
            // Nobody reads on a closed pipe, and nothing else can go wrong that is worth a word.
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Err(problem) => return usage(&problem),
    };
    match run(&arguments) {
        Ok(code) => code,
        Err(run::Problem::Usage(problem)) => usage(&problem),
        Err(run::Problem::Closed) => ExitCode::SUCCESS,
        Err(run::Problem::Output(error)) => {
            eprintln!("bluepane: the output could not be written: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode, run::Problem> {
    let stdout = std::io::stdout().lock();
    let all = run::analyse(arguments, std::io::BufWriter::new(stdout))?;
    Ok(if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn usage(problem: &str) -> ExitCode {
    eprintln!("bluepane: {problem}");
    eprintln!("Try 'bluepane --help'.");
    ExitCode::from(USAGE)
}
