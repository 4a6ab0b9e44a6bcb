//! `!irp`, `!devobj`, `!drvobj`, `!object`: objects of the I/O manager.

use super::Live;
use super::live::joined;
use crate::memory::VirtualAddress;
use crate::nt::Space;
use crate::nt::object::{Device, Driver, File, Object, Objects, Request, major_name};
use alloc::{format, string::String, vec::Vec};

/// Devices of one driver that are listed.
const MAX_DEVICES: usize = 64;

struct Reader<'a> {
    live: &'a Live<'a>,
    space: Space<'a>,
}

impl Reader<'_> {
    fn objects(&self) -> Objects<'_> {
        let build = self.live.header().and_then(|header| header.minor_version);
        Objects::new(&self.space, self.live.width(), build.unwrap_or_default())
    }

    fn at(&self, at: VirtualAddress) -> String {
        self.live.address(at.0)
    }

    /// A pointer and what it points to in a module, or a line of its own name.
    fn place(&self, at: VirtualAddress) -> String {
        match self.live.place(at.0) {
            Some(place) => format!("{} {place}", self.at(at)),
            None => self.at(at),
        }
    }

    fn field(&self, name: &str, at: Option<VirtualAddress>) -> Option<String> {
        Some(format!("    {name:<20}{}", self.place(at?)))
    }
}

/// Runs `show` on the address that is meant.
fn with(
    words: &[&str],
    live: &Live<'_>,
    what: &str,
    show: &dyn Fn(&Reader<'_>, VirtualAddress) -> Option<Vec<String>>,
) -> Vec<String> {
    let reader = Reader {
        live,
        space: live.space(),
    };
    let words = joined(words);
    let Some(word) = words.first() else {
        return Vec::from([format!("The address of {what} is missing.")]);
    };
    match live.evaluate(word) {
        Ok(at) => show(&reader, VirtualAddress(at)).unwrap_or_else(|| {
            let at = live.address(at);
            Vec::from([format!("{at} is not {what}, or cannot be read.")])
        }),
        Err(why) => Vec::from([why]),
    }
}

/// `!irp ADDRESS`.
pub(super) fn irp(words: &[&str], live: &Live<'_>) -> Vec<String> {
    with(words, live, "an I/O request", &|reader, at| {
        Some(request(reader, &reader.objects().request(at)?))
    })
}

/// `!devobj ADDRESS`.
pub(super) fn devobj(words: &[&str], live: &Live<'_>) -> Vec<String> {
    with(words, live, "a device object", &|reader, at| {
        Some(device(reader, &reader.objects().device(at)?))
    })
}

/// `!drvobj ADDRESS`.
pub(super) fn drvobj(words: &[&str], live: &Live<'_>) -> Vec<String> {
    with(words, live, "a driver object", &|reader, at| {
        Some(driver(reader, &reader.objects().driver(at)?))
    })
}

/// `!object ADDRESS`: whatever object it is.
pub(super) fn object(words: &[&str], live: &Live<'_>) -> Vec<String> {
    with(
        words,
        live,
        "an object that is known here",
        &|reader, at| {
            let found = match reader.objects().read(at) {
                Some(Object::Device(found)) => device(reader, &found),
                Some(Object::Driver(found)) => driver(reader, &found),
                Some(Object::File(found)) => file(reader, &found),
                Some(Object::Request(found)) => request(reader, &found),
                None => return thread_or_process(reader, at),
            };
            Some(found)
        },
    )
}

fn thread_or_process(reader: &Reader<'_>, at: VirtualAddress) -> Option<Vec<String>> {
    let view = super::process::View::new(reader.live)?;
    let word = format!("{:x}", at.0);
    if view.process(at).is_some() {
        return Some(super::process::process(&[&word, "1"], reader.live));
    }
    view.thread(at)?;
    Some(super::process::thread(&[&word], reader.live))
}

fn driver(reader: &Reader<'_>, driver: &Driver) -> Vec<String> {
    let mut lines = Vec::from([
        format!("Driver object ({}) is for:", reader.at(driver.address)),
        format!(
            " {}",
            driver
                .name
                .as_deref()
                .unwrap_or("(its name cannot be read)")
        ),
    ]);
    lines.extend(reader.field("DriverStart", driver.start));
    lines.extend(
        driver
            .size
            .map(|size| format!("    {:<20}{size:#x}", "DriverSize")),
    );
    let objects = reader.objects();
    let mut devices: Vec<Device> = Vec::new();
    let mut next = driver.device;
    while let Some(at) = next.filter(|_| devices.len() < MAX_DEVICES) {
        let seen = devices.iter().any(|device| device.address == at);
        let Some(device) = objects.device(at).filter(|_| !seen) else {
            break;
        };
        next = device.next;
        devices.push(device);
    }
    lines.push("Device Object list:".into());
    lines.extend(devices.iter().map(|device| {
        let name = device.name.as_deref().unwrap_or_default();
        format!("    {} {name}", reader.at(device.address))
    }));
    lines
}

/// The name of a device's driver.
fn driver_name(reader: &Reader<'_>, device: &Device) -> Option<String> {
    let driver = reader.objects().driver(device.driver?)?;
    driver.name.or_else(|| reader.live.place(driver.start?.0))
}

fn device(reader: &Reader<'_>, device: &Device) -> Vec<String> {
    let driver = driver_name(reader, device).unwrap_or_default();
    let mut lines = Vec::from([
        format!("Device object ({}) is for:", reader.at(device.address)),
        format!(
            " {} {driver}",
            device.name.as_deref().unwrap_or("(no name)")
        ),
    ]);
    lines.extend(reader.field("DriverObject", device.driver));
    lines.extend(reader.field("CurrentIrp", device.request));
    lines.extend(reader.field("DeviceExtension", device.extension));
    lines.extend(
        device
            .kind
            .map(|kind| format!("    {:<20}{kind:#x}", "DeviceType")),
    );
    lines.extend(
        device
            .flags
            .map(|flags| format!("    {:<20}{flags:#010x}", "Flags")),
    );
    lines.extend(reader.field("AttachedDevice", device.attached));
    for above in reader.objects().above(device) {
        let driver = driver_name(reader, &above).unwrap_or_default();
        lines.push(format!(
            "      above it: {} {driver}",
            reader.at(above.address)
        ));
    }
    lines
}

fn file(reader: &Reader<'_>, file: &File) -> Vec<String> {
    let mut lines = Vec::from([
        format!("File object ({})", reader.at(file.address)),
        format!(
            " {}",
            file.name.as_deref().unwrap_or("(its name cannot be read)")
        ),
    ]);
    lines.extend(reader.field("DeviceObject", file.device));
    lines
}

fn request(reader: &Reader<'_>, request: &Request) -> Vec<String> {
    let count = request.locations.len();
    let mut lines = Vec::from([format!(
        "Irp is active with {count} stacks, {} is current{}",
        request.current,
        match request.holder() {
            Some(_) => "",
            None => ": no driver holds it",
        }
    )]);
    lines.extend(reader.field("Thread", request.thread));
    lines.extend(reader.field("Mdl", request.mdl));
    lines.extend(reader.field("File", request.file));
    let status = request.status.map(|status| {
        let name = crate::knowledge::ntstatus::name(status).unwrap_or_default();
        format!("    {:<20}{status:08x} {name}", "IoStatus")
    });
    lines.extend(status);
    let objects = reader.objects();
    for (number, location) in (1_u64..).zip(&request.locations) {
        let mark = if number == request.current { ">" } else { " " };
        let what: String = match major_name(location.major) {
            Some(name) => format!("{name}({:x}), {:x}", location.major, location.minor),
            None => format!("({:x}), {:x}", location.major, location.minor),
        };
        lines.push(format!("{mark}[{what}]"));
        let device = location.device.map(|at| {
            let device = objects.device(at);
            let driver = device.and_then(|device| driver_name(reader, &device));
            format!(
                "      device {} {}",
                reader.at(at),
                driver.unwrap_or_default()
            )
        });
        lines.extend(device);
        let done = location
            .completion
            .map(|at| format!("      completion {}", reader.place(at)));
        lines.extend(done);
    }
    lines
}
