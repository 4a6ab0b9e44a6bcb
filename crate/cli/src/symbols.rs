//! `--symbols`: which files of those given belong to a dump.
//!
//! A file that is named is always taken. Of a folder (a symbol store too) only those are, whose names
//! or folders say that they may belong to a module of the dump; so the dump is looked at first.

use bluepane::model::{Module, Note, Report};
use bluepane_formats::convert;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Folders inside folders are entered so deep: a store has three.
const DEEPEST: u32 = 8;
/// So many files of folders are looked at.
const MAX_LISTED: usize = 100_000;
/// So many files of folders are taken for one dump.
const MAX_TAKEN: usize = 48;
/// What the kernel's symbol file may be called.
const KERNELS: [&str; 5] = ["ntkrnlmp", "ntoskrnl", "ntkrnlpa", "ntkrpamp", "ntkrla57"];

/// A converted file, or why it cannot be used.
type Converted = Rc<Result<Vec<u8>, String>>;

/// All that was given, and what was read of it.
#[derive(Default)]
pub struct Symbols {
    named: Vec<PathBuf>,
    listed: Vec<PathBuf>,
    read: HashMap<PathBuf, Converted>,
}

/// A file for one dump.
pub struct Chosen {
    /// Its name.
    pub name: String,
    /// What the analysis takes, or why there is nothing.
    pub content: Converted,
    /// Whether the user named this very file.
    pub named: bool,
}

impl Symbols {
    /// Takes files and folders.
    pub fn new(paths: &[PathBuf]) -> Self {
        let mut symbols = Self::default();
        for path in paths {
            if path.is_dir() {
                list(path, DEEPEST, &mut symbols.listed);
            } else {
                symbols.named.push(path.clone());
            }
        }
        symbols.listed.sort();
        symbols
    }

    /// Whether nothing was given.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty() && self.listed.is_empty()
    }

    /// Whether the dump must be looked at before files can be chosen.
    pub fn need_a_look(&self) -> bool {
        !self.listed.is_empty()
    }

    /// The files for a dump of which `report` is known.
    pub fn choose(&mut self, report: Option<&Report>) -> Vec<Chosen> {
        let mut paths: Vec<(PathBuf, bool)> =
            self.named.iter().map(|p| (p.clone(), true)).collect();
        let modules = report.map_or(&[][..], |report| &report.modules);
        let fits = |path: &&PathBuf| fits(path, modules);
        paths.extend(
            self.listed
                .iter()
                .filter(fits)
                .take(MAX_TAKEN)
                .map(|path| (path.clone(), false)),
        );
        paths
            .into_iter()
            .map(|(path, named)| Chosen {
                name: name(&path).into(),
                content: self.open(&path),
                named,
            })
            .collect()
    }

    /// As many images say which symbol files belong to them.
    pub const IMAGES_FOR_A_LOOK: usize = MAX_TAKEN;

    /// The images among the files of folders.
    pub fn choose_images(&mut self, report: &Report) -> Vec<Chosen> {
        let is_image = |path: &&PathBuf| {
            let text = name(path);
            let text = text.to_ascii_lowercase();
            let others = [".pdb", ".json", ".xz", ".isf"];
            !others.iter().any(|end| text.ends_with(end)) && fits(path, &report.modules)
        };
        let paths: Vec<PathBuf> = self.listed.iter().filter(is_image).cloned().collect();
        let mut chosen = Vec::new();
        for path in paths {
            chosen.push(Chosen {
                name: name(&path).into(),
                content: self.open(&path),
                named: false,
            });
        }
        chosen
    }

    fn open(&mut self, path: &Path) -> Converted {
        if let Some(known) = self.read.get(path) {
            return Rc::clone(known);
        }
        let bytes = std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"));
        let converted = bytes.and_then(|bytes| {
            let table = convert(name(path), &bytes).map_err(|error| error.to_string())?;
            Ok(table.into_owned())
        });
        let converted = Rc::new(converted);
        self.read.insert(path.into(), Rc::clone(&converted));
        converted
    }
}

/// Takes out of the report what is said of files that nobody named and that are no use, and says
/// it where nothing was of use.
pub fn settle(report: &mut Report, chosen: &[Chosen]) {
    let named = |name: &str| chosen.iter().any(|c| c.named && c.name == name);
    report
        .symbol_files
        .retain(|file| file.used || named(&file.name));
    let quiet = |note: &Note| {
        note.code == "symbols-refused"
            && !chosen
                .iter()
                .any(|c| c.named && note.text.starts_with(&c.name))
    };
    report.notes.retain(|note| !quiet(note));
    for file in chosen.iter().filter(|file| file.named) {
        if let Err(why) = &*file.content {
            let text = format!("{}: {why}.", file.name);
            report.notes.push(Note::new("symbols-unusable", text));
        }
    }
    if !report.symbol_files.iter().any(|file| file.used) && report.error.is_none() {
        report.notes.push(Note::new(
            "symbols-none",
            "None of the files given with --symbols belongs to this dump.",
        ));
    }
}

fn list(folder: &Path, deeper: u32, to: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        if to.len() >= MAX_LISTED {
            return;
        }
        if kind.is_dir() && deeper > 0 {
            list(&entry.path(), deeper - 1, to);
        } else if kind.is_file() {
            to.push(entry.path());
        }
    }
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|n| n.to_str()).unwrap_or("file")
}

fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Whether a file of a folder may belong to one of `modules`: by its own name, and in a store by the
/// folder that names its identity.
fn fits(path: &Path, modules: &[Module]) -> bool {
    let file = name(path);
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    let is = |wanted: &str| extension.eq_ignore_ascii_case(wanted);
    let folder = path.parent().map(name).unwrap_or_default();
    let of_store = path
        .parent()
        .and_then(Path::parent)
        .is_some_and(|above| name(above).eq_ignore_ascii_case(file));
    if is("json") || is("xz") || is("isf") {
        return isf_fits(file, modules);
    }
    modules.iter().enumerate().any(|(index, module)| {
        if is("pdb") {
            let own = module.pdb.as_ref().map(|pdb| pdb.name.as_str());
            let alike = own.is_some_and(|own| own.eq_ignore_ascii_case(file))
                || stem(file).eq_ignore_ascii_case(stem(&module.name))
                || index == 0 && KERNELS.iter().any(|k| k.eq_ignore_ascii_case(stem(file)));
            let placed = module
                .pdb
                .as_ref()
                .and_then(|pdb| pdb.url.split('/').nth(1));
            let other = |wanted: &str| of_store && !wanted.eq_ignore_ascii_case(folder);
            return alike && !placed.is_some_and(other);
        }
        let kernel = index == 0 && KERNELS.iter().any(|k| k.eq_ignore_ascii_case(stem(file)));
        let alike = file.eq_ignore_ascii_case(&module.name) || kernel && is("exe");
        let placed = module.image_path.as_ref().and_then(|p| p.split('/').nth(1));
        let other = |wanted: &str| of_store && !wanted.eq_ignore_ascii_case(folder);
        alike && !placed.is_some_and(other)
    })
}

/// ISF files are called by GUID and age; a dump that names its symbol files tells which it needs.
fn isf_fits(file: &str, modules: &[Module]) -> bool {
    let digits = |text: &str| -> String {
        text.chars()
            .filter(char::is_ascii_hexdigit)
            .collect::<String>()
            .to_ascii_uppercase()
    };
    let named: Vec<String> = modules
        .iter()
        .filter_map(|module| Some(digits(&module.pdb.as_ref()?.guid)))
        .collect();
    let is_guid = digits(file.split(['-', '.']).next().unwrap_or_default()).len() == 32;
    let kernel_named = modules.first().is_some_and(|kernel| kernel.pdb.is_some());
    !is_guid
        || !kernel_named
        || named
            .iter()
            .any(|guid| digits(file).starts_with(guid.as_str()))
}
