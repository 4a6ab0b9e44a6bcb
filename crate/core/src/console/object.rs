//! `!irp`, `!devobj`, `!devstack`, `!drvobj`, `!object`: objects of the I/O manager.
//!
//! Layouts of the answers: public outputs of the debugger's commands of these names, in the form of
//! Windows 10's debugger.

mod device;
mod driver;
mod flags;
mod request;

use super::Live;
use super::live::joined;
use crate::memory::VirtualAddress;
use crate::nt::Space;
use crate::nt::directory::Namespace;
use crate::nt::object::{Device, File, Object, Objects};
use crate::nt::object_detail::Details;
use alloc::{format, string::String, vec::Vec};

/// What objects are read with.
struct Reader<'a> {
    live: &'a Live<'a>,
    space: Space<'a>,
}

impl Reader<'_> {
    fn objects(&self) -> Objects<'_> {
        let build = self.live.header().and_then(|header| header.minor_version);
        Objects::new(&self.space, self.live.width(), build.unwrap_or_default())
    }

    fn details(&self) -> Details<'_> {
        Details::new(&self.space, self.live.width())
    }

    fn namespace(&self) -> Option<Namespace<'_>> {
        Namespace::open(&self.space, self.live.debugger_data()?, self.objects())
    }

    /// The name of a device's driver.
    fn driver_name(&self, device: &Device) -> Option<String> {
        let driver = self.objects().driver(device.driver?)?;
        driver.name.or_else(|| self.live.place(driver.start?.0))
    }

    /// The object that was typed: by its name in one of these directories, or by its address.
    fn typed(&self, word: &str, folders: &[&str]) -> Result<VirtualAddress, String> {
        let address = || self.live.evaluate(word).map(VirtualAddress);
        let expression = word.contains(['@', '+', '(', '!', '`']) || super::number(word).is_some();
        if folders.is_empty() || expression {
            return address();
        }
        let Some(namespace) = self.namespace() else {
            return Err(format!(
                "'{word}' cannot be found by its name: this dump does not hold the object manager's directories. \
                 Give the address."
            ));
        };
        let find = |path: &str| namespace.find(&self.space, path);
        let found = match word.starts_with('\\') {
            true => find(word),
            false => folders
                .iter()
                .find_map(|folder| find(&format!("{folder}\\{word}"))),
        };
        found.ok_or_else(|| {
            format!("No object is called '{word}', or its directory is not in this dump.")
        })
    }
}

/// A pointer as the I/O commands print it: all its digits, or eight zeros.
fn pointer(at: Option<VirtualAddress>) -> String {
    format!("{:08x}", at.map_or(0, |at| at.0))
}

/// The lines on an object at an address, with what was typed behind it; nothing where it is none.
type Show<'a> = dyn Fn(&Reader<'_>, VirtualAddress, &[String]) -> Option<Vec<String>> + 'a;

/// Runs `show` on the object that is meant.
fn with(
    words: &[&str],
    live: &Live<'_>,
    (what, folders): (&str, &[&str]),
    show: &Show<'_>,
) -> Vec<String> {
    let reader = Reader {
        live,
        space: live.space(),
    };
    let words = joined(words);
    let Some((word, rest)) = words.split_first() else {
        return Vec::from([format!("The address of {what} is missing.")]);
    };
    if let Some(why) = super::display::without_memory(false, live) {
        return Vec::from([why]);
    }
    match reader.typed(word, folders) {
        Ok(at) => show(&reader, at, rest).unwrap_or_else(|| {
            let at = live.address(at.0);
            Vec::from([format!("{at} is not {what}, or cannot be read.")])
        }),
        Err(why) => Vec::from([why]),
    }
}

/// Where drivers and devices have their names.
const DRIVERS: &[&str] = &["\\Driver", "\\FileSystem"];
const DEVICES: &[&str] = &["\\Device"];

/// `!irp ADDRESS [1]`.
pub(super) fn irp(words: &[&str], live: &Live<'_>) -> Vec<String> {
    with(words, live, ("an I/O request", &[]), &|reader, at, rest| {
        let request = reader.objects().request(at)?;
        Some(request::lines(reader, &request, !rest.is_empty()))
    })
}

/// `!devobj ADDRESS|NAME`.
pub(super) fn devobj(words: &[&str], live: &Live<'_>) -> Vec<String> {
    with(
        words,
        live,
        ("a device object", DEVICES),
        &|reader, at, _| Some(device::lines(reader, &reader.objects().device(at)?)),
    )
}

/// `!devstack ADDRESS|NAME`.
pub(super) fn devstack(words: &[&str], live: &Live<'_>) -> Vec<String> {
    with(
        words,
        live,
        ("a device object", DEVICES),
        &|reader, at, _| Some(device::stack(reader, &reader.objects().device(at)?)),
    )
}

/// `!drvobj ADDRESS|NAME [FLAGS]`.
pub(super) fn drvobj(words: &[&str], live: &Live<'_>) -> Vec<String> {
    with(
        words,
        live,
        ("a driver object", DRIVERS),
        &|reader, at, rest| {
            let flags = rest.first().and_then(|word| super::number(word));
            let driver = reader.objects().driver(at)?;
            Some(driver::lines(reader, &driver, flags.unwrap_or(1)))
        },
    )
}

/// `!object ADDRESS|PATH`: whatever object it is.
pub(super) fn object(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let what = "an object that is known here";
    let folders: &[&str] = &[""];
    let by_path = words.first().is_some_and(|word| word.starts_with('\\'));
    with(words, live, (what, folders), &|reader, at, _| {
        let objects = reader.objects();
        let (kind, own, mut lines) = match objects.read(at) {
            Some(Object::Device(found)) => ("Device", None, device::lines(reader, &found)),
            Some(Object::Driver(found)) => {
                let lines = driver::lines(reader, &found, 1);
                ("Driver", found.name, lines)
            }
            Some(Object::File(found)) => ("File", None, file(&found)),
            Some(Object::Request(found)) => return Some(request::lines(reader, &found, false)),
            None if by_path => return directory(reader, at),
            None => return thread_or_process(reader, at),
        };
        let name = objects.name(at).or(own);
        let head = [
            format!("Object: {}  Type: {kind}", pointer(Some(at))),
            format!("    Name: {}", name.as_deref().unwrap_or("(none)")),
        ];
        lines.splice(0..0, head);
        Some(lines)
    })
}

/// The objects of a directory.
fn directory(reader: &Reader<'_>, at: VirtualAddress) -> Option<Vec<String>> {
    let objects = reader.objects();
    let entries = reader.namespace()?.entries(&reader.space, at);
    let mut lines = Vec::from([
        format!("Object: {}  Type: Directory", pointer(Some(at))),
        String::new(),
        "    Hash Address          Type          Name".into(),
        "    ---- -------          ----          ----".into(),
    ]);
    let mut last = None;
    for entry in &entries {
        let kind = match objects.read(entry.object) {
            Some(Object::Device(_)) => "Device",
            Some(Object::Driver(_)) => "Driver",
            Some(Object::File(_)) => "File",
            _ => "",
        };
        let hash = match last == Some(entry.bucket) {
            true => String::new(),
            false => format!("{:02}", entry.bucket),
        };
        last = Some(entry.bucket);
        lines.push(format!(
            "     {hash:<2}  {} {kind:<13} {}",
            pointer(Some(entry.object)),
            entry.name.as_deref().unwrap_or_default()
        ));
    }
    (!entries.is_empty()).then_some(lines)
}

fn thread_or_process(reader: &Reader<'_>, at: VirtualAddress) -> Option<Vec<String>> {
    let view = super::process::View::new(reader.live)?;
    let word = format!("{:x}", at.0);
    if view.process(at).is_some() {
        return Some(super::process::process(&[&word, "1"], reader.live));
    }
    view.thread(at)?;
    Some(super::thread::thread(&[&word], reader.live))
}

fn file(file: &File) -> Vec<String> {
    Vec::from([
        format!("File object ({})", pointer(Some(file.address))),
        format!(
            " {}",
            file.name.as_deref().unwrap_or("(its name cannot be read)")
        ),
        format!("    Device Object: 0x{}", pointer(file.device)),
    ])
}
