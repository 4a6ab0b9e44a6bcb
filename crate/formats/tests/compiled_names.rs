//! The symbol files of real compilers' programs, against what the linker's map says of every frame of
//! every moment. `scripts/test-unwind` builds and runs the programs and names the folder of its records
//! in `BLUEPANE_UNWIND_TRACES`; without it there is nothing to prove here. The records are described in
//! `crate/core/tests/unwind_traces.rs`; a map and a symbol file lie beside those of clang's programs.

use bluepane::image::Image;
use bluepane::memory::{AddressSpace, Missing, VirtualAddress};
use bluepane::symbols::{ImageFile, Names, SymbolTable};
use bluepane_formats::convert;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What people call the functions that C++ decorates, by how their decorated names begin. The two
/// forms of a template's argument are those of the compiler's own records and of public names.
const READABLE: [(&str, &[&str]); 21] = [
    ("?submit@Queue@", &["acme::disk::Queue::submit"]),
    ("?submit@FastQueue@", &["acme::disk::FastQueue::submit"]),
    ("??0Queue@", &["acme::disk::Queue::Queue"]),
    ("??0FastQueue@", &["acme::disk::FastQueue::FastQueue"]),
    ("??0Request@", &["acme::disk::Request::Request"]),
    ("??1Request@", &["acme::disk::Request::~Request"]),
    ("??HRequest@", &["acme::disk::Request::operator+"]),
    ("??RRequest@", &["acme::disk::Request::operator()"]),
    (
        "??BRequest@",
        &[
            "acme::disk::Request::operator unsigned long long",
            "acme::disk::Request::operator unsigned __int64",
        ],
    ),
    (
        "??$twice@_K@",
        &[
            "acme::disk::Queue::twice<unsigned long long>",
            "acme::disk::Queue::twice<unsigned __int64>",
        ],
    ),
    ("??$twice@G@", &["acme::disk::Queue::twice<unsigned short>"]),
    ("?drain@", &["acme::disk::Queue::drain"]),
    ("?overloaded@", &["overloaded"]),
    ("?of_this_file@", &["of_this_file"]),
    ("?hidden@", &["`anonymous namespace'::hidden"]),
    ("??$apply@", &["apply<`lambda at *'>"]),
    ("??R<lambda", &["named::*::operator()"]),
    (
        "??$sum@_K",
        &[
            "Pair::sum<unsigned long long,3>",
            "Pair::sum<unsigned __int64,3>",
        ],
    ),
    ("??$sum@D", &["Pair::sum<char,-1>"]),
    ("?fin$0", &["finally$fin$0"]),
    ("?fin$1", &["finally$fin$1"]),
];

/// Those of them that no other source file can call.
const OWN: [&str; 6] = [
    "?of_this_file@",
    "?hidden@",
    "??$apply@",
    "??R<lambda",
    "?fin$",
    "?dtor$",
];

/// A program as the emulator had it in memory, at its own base.
struct Program {
    base: u64,
    bytes: Vec<u8>,
}

impl AddressSpace for Program {
    fn read(&self, address: VirtualAddress, buf: &mut [u8]) -> Result<(), Missing> {
        let at = address.0.checked_sub(self.base).map(|at| at as usize);
        let found = at.and_then(|at| self.bytes.get(at..at + buf.len()));
        buf.copy_from_slice(found.ok_or(Missing::Unmapped)?);
        Ok(())
    }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (found, rest) = self.0.split_at(len);
        self.0 = rest;
        found
    }
    fn word(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().unwrap())
    }
}

/// The program, and the instruction pointer with all return addresses of every moment.
fn record(bytes: &[u8]) -> (Program, BTreeSet<Vec<u64>>) {
    let mut reader = Reader(bytes);
    assert_eq!(reader.take(8), b"UNWIND01");
    let [_, base, len, _, _] = [(); 5].map(|()| reader.word());
    let bytes = reader.take(len as usize).to_vec();
    let mut chains = BTreeSet::new();
    while !reader.0.is_empty() {
        let kind = reader.take(1)[0];
        let (first, second) = (reader.word(), reader.word());
        if kind == 0 {
            reader.take(8 * first as usize);
            chains.insert((0..second).map(|_| reader.word()).collect());
        }
    }
    (Program { base, bytes }, chains)
}

/// Every name that the linker gave a place in the program.
fn map(text: &str, base: u64) -> BTreeMap<u64, Vec<String>> {
    let mut places: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let [section, name, place] = [(); 3].map(|()| words.next().unwrap_or_default());
        let section = section.split_once(':').is_some_and(|(_, at)| at.len() == 8);
        if let Ok(at) = u64::from_str_radix(place, 16)
            && section
            && place.len() == 16
        {
            let names = places.entry(at - base).or_default();
            names.push(name.to_owned());
        }
    }
    places
}

/// Whether `found` is `wanted`, in which a star stands for what only the compiler's own record has: where a
/// lambda stands.
fn fits(found: &str, wanted: &str) -> bool {
    match wanted.split_once('*') {
        Some((begin, end)) => found.starts_with(begin) && found.ends_with(end),
        None => found == wanted,
    }
}

/// Whether `found` is how people write the linker's `name`.
fn is_name(found: &str, name: &str) -> bool {
    let mut decorated = READABLE.iter().filter(|(begin, _)| name.starts_with(begin));
    match decorated.next() {
        Some((_, readable)) => readable.iter().any(|wanted| fits(found, wanted)),
        None => !name.starts_with('?') && found == name,
    }
}

fn check(path: &Path) -> usize {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let (program, chains) = record(&std::fs::read(path).unwrap());
    let text = std::fs::read_to_string(path.with_extension("map")).unwrap();
    let mut places = map(&text, program.base);
    let file = std::fs::read(path.with_extension("pdb")).unwrap();
    let table = SymbolTable::parse(convert("a.pdb", &file).unwrap().into_owned()).unwrap();
    let image = Image::open(&program, VirtualAddress(program.base)).unwrap();
    let debug = image.code_view().unwrap().unwrap();
    assert_eq!(
        (table.guid(), table.age()),
        (debug.guid, debug.age),
        "{name}"
    );
    // What a published file holds names no function that is its source file's own.
    let public = name.contains("public");
    if public {
        let before = places.len();
        places.retain(|_, names| {
            !names
                .iter()
                .any(|n| OWN.iter().any(|own| n.starts_with(own)))
        });
        assert!(before - places.len() >= 5, "{name}");
    }
    let (mut seen, mut frames) = (BTreeSet::new(), 0);
    for chain in &chains {
        for (index, &address) in chain.iter().enumerate().filter(|(_, a)| **a != 0) {
            // What is returned to may be the first byte behind the function that called.
            let rva = address - program.base - u64::from(index != 0);
            let (start, names) = places.range(..=rva).next_back().unwrap();
            let (found, offset) = table.name_at(rva as u32).unwrap_or_default();
            let right = names.iter().any(|name| is_name(found, name));
            assert!(right, "{name}: {found} at {rva:#x}, which is {names:?}");
            assert_eq!(u64::from(offset), rva - start, "{name}: {found}");
            frames += 1;
            seen.insert(found.to_owned());
        }
    }
    let expected = READABLE.iter().filter(|(begin, _)| {
        // Optimizers put constructors of few words into their callers.
        let inlined = matches!(*begin, "??0Queue@" | "??0FastQueue@" | "?fin$0");
        !(inlined || public && OWN.iter().any(|own| begin.starts_with(own)))
    });
    for (_, readable) in expected {
        let named = |wanted: &&str| seen.iter().any(|found| fits(found, wanted));
        let named = readable.iter().any(named);
        assert!(named, "{name}: {readable:?}");
    }
    println!("{name}: {frames} frames in {} functions", seen.len());
    frames
}

/// A symbol file of another form: everything that the linker's map has of the code is in it, by its
/// name. Answers how many places that are.
fn check_variant(path: &Path) -> usize {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let file = std::fs::read(path).unwrap();
    let table = SymbolTable::parse(convert("a.pdb", &file).unwrap().into_owned()).unwrap();
    let image = std::fs::read(path.with_extension("image")).unwrap();
    let image = ImageFile::parse(image).unwrap();
    let debug = image.code_view().unwrap();
    assert_eq!(
        (table.guid(), table.age()),
        (debug.guid, debug.age),
        "{name}"
    );
    // Without the path of the machine that linked it, or the one that it was told.
    assert_eq!(debug.name, format!("{name}.pdb"));
    let text = std::fs::read_to_string(path.with_extension("map")).unwrap();
    let narrow = name == "i386";
    let base = if narrow { 0x40_0000 } else { 0x1_4000_0000 };
    let mut count = 0;
    // The first section is the code.
    let code = text
        .lines()
        .filter(|line| line.trim_start().starts_with("0001:"));
    for (&at, names) in &map(&code.collect::<Vec<_>>().join("\n"), base) {
        let (found, offset) = table.name_at(at as u32).unwrap_or_default();
        let plain = |name: &String| match name.strip_prefix('_') {
            Some(plain) if narrow => plain.to_owned(),
            _ => name.clone(),
        };
        let right = names.iter().any(|name| is_name(found, &plain(name)));
        assert!(
            right && offset == 0,
            "{name}: {found}+{offset} at {at:#x}, which is {names:?}"
        );
        count += 1;
    }
    count
}

#[test]
fn symbol_files_of_every_form_name_what_the_linker_named() {
    let Some(folder) = std::env::var_os("BLUEPANE_UNWIND_TRACES") else {
        eprintln!("skipped: no compiled programs (scripts/test-unwind makes them)");
        return;
    };
    let files = std::fs::read_dir(Path::new(&folder).join("variants")).unwrap();
    let paths = files.map(|entry| entry.unwrap().path());
    let paths: Vec<_> = paths
        .filter(|path| path.extension().is_some_and(|e| e == "pdb"))
        .collect();
    assert_eq!(paths.len(), 6, "{paths:?}");
    for path in paths {
        let count = check_variant(&path);
        println!("{}: {count} places", path.display());
        assert!(count > 20, "{}: {count}", path.display());
    }
}

#[test]
fn every_frame_of_compiled_programs_is_named_as_the_linker_says() {
    let Some(folder) = std::env::var_os("BLUEPANE_UNWIND_TRACES") else {
        eprintln!("skipped: no records of compiled programs (scripts/test-unwind makes them)");
        return;
    };
    let files = std::fs::read_dir(folder).unwrap();
    let mut paths: Vec<_> = files
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "trace"))
        .filter(|path| path.with_extension("pdb").exists())
        .collect();
    paths.sort();
    assert!(!paths.is_empty(), "no symbol files");
    assert!(paths.iter().map(|path| check(path)).sum::<usize>() > 100_000);
}
