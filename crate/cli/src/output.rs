//! Reports, written one after the other as they are made.

use crate::arguments::{Arguments, Format};
use crate::open::Open;
use bluepane::model::Report;
use bluepane::{console, report};
use std::io::{self, Write};

/// Between two reports in text.
const BETWEEN: &str = "\n\n\n";

/// Instead of the answer of a command that would show memory.
const UNREAD: &str = "The memory of the dump is not read: it could not be opened, or names are to \
                      be taken out of the answers, which memory does not allow.";

/// Where reports go.
pub struct Output<'a, W> {
    arguments: &'a Arguments,
    out: W,
    written: usize,
}

impl<'a, W: Write> Output<'a, W> {
    /// Writes to `out` what `arguments` ask for.
    pub fn new(arguments: &'a Arguments, out: W) -> Self {
        Self {
            arguments,
            out,
            written: 0,
        }
    }

    /// What stands before the first report.
    pub fn begin(&mut self) -> io::Result<()> {
        if self.arguments.array {
            self.out.write_all(b"[")?;
        }
        Ok(())
    }

    /// A report. It is passed on at once, so that whoever reads need not wait for the next file.
    /// `open` is the file itself, for commands that read it.
    pub fn report(&mut self, report: &Report, open: Option<Open>) -> io::Result<()> {
        self.separate()?;
        if self.arguments.commands.is_empty() {
            self.whole(report)?;
        } else {
            self.answers(report, open)?;
        }
        self.written += 1;
        self.out.flush()
    }

    /// The answers of commands when no file was given: what a code means needs none.
    pub fn without_file(&mut self) -> io::Result<()> {
        let none = Report::default();
        for (command, at) in self.arguments.commands.iter().zip(0..) {
            let between = if at == 0 { "" } else { "\n" };
            let answer = console::run(command, &none);
            writeln!(self.out, "{between}{}", answer.trim_end())?;
        }
        self.out.flush()
    }

    /// What stands behind the last report.
    pub fn end(&mut self) -> io::Result<()> {
        if self.arguments.array {
            self.out.write_all(b"\n]\n")?;
        }
        self.out.flush()
    }

    fn separate(&mut self) -> io::Result<()> {
        let between = match (self.arguments.format, self.written) {
            (Format::Json, 0) if self.arguments.array => "\n",
            (Format::Json, _) if self.arguments.array => ",\n",
            (Format::Json, _) | (_, 0) => "",
            _ => BETWEEN,
        };
        self.out.write_all(between.as_bytes())
    }

    fn whole(&mut self, report: &Report) -> io::Result<()> {
        let text = match self.arguments.format {
            Format::Text => report::text(report),
            Format::Markdown => report::markdown(report),
            Format::Html => report::html(report),
            Format::Json => {
                let json = serde_json::to_string(report).map_err(io::Error::other)?;
                self.out.write_all(json.as_bytes())?;
                if self.arguments.array {
                    String::new()
                } else {
                    "\n".into()
                }
            }
        };
        self.out.write_all(text.as_bytes())
    }

    /// What the console answers. The file is named only where there are several.
    fn answers(&mut self, report: &Report, mut open: Option<Open>) -> io::Result<()> {
        let line = report::summary_line(report);
        writeln!(self.out, "{line}")?;
        for command in &self.arguments.commands {
            let answer = match &mut open {
                Some(open) => open.command(command),
                None if console::reads_dump(command) => UNREAD.into(),
                None => console::run(command, report),
            };
            writeln!(self.out, "\n> {command}\n{}", answer.trim_end())?;
        }
        Ok(())
    }
}
