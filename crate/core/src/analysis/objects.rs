//! The kernel objects that the parameters of a stop code point to, in words: whose device, whose
//! request, which process.

use super::known::Known;
use crate::knowledge::bugcheck::{self, ParameterKind};
use crate::memory::{AddressSpace, AddressSpaceExt, VirtualAddress};
use crate::nt::object::{Driver, Object, Objects, Request, major_name};
use crate::nt::{Machine, ProcessFacts, ProcessorFacts, Space, ThreadFacts};
use alloc::{format, string::String};

/// What each parameter points to; `None` where it points to nothing that is known.
pub(super) type Pointed = [Option<String>; 4];

/// The longest text that a parameter may point to.
const MAX_TEXT: usize = 0x100;
/// Nothing of the kernel lies below this.
const LOWEST: u64 = 0x1_0000;

/// Follows the parameters.
pub(super) fn read(known: &Known, space: &Space<'_>) -> Pointed {
    let mut pointed = Pointed::default();
    let (Some(dump), Some(header)) = (known.dump(), &known.header) else {
        return pointed;
    };
    let values = header.parameters.map(|value| value.unwrap_or_default());
    let texts = bugcheck::parameters(header.bugcheck_code.unwrap_or_default(), values);
    let build = header.minor_version.unwrap_or_default();
    let width = header.pointer_width();
    let reader = Reader {
        space,
        objects: Objects::new(space, width, build),
        width,
        machine: dump.debugger_data.map(|debugger_data| Machine {
            architecture: dump.architecture(),
            build,
            debugger_data,
        }),
        known,
    };
    // All are asked for before the first is judged.
    for ((place, &value), text) in pointed.iter_mut().zip(&values).zip(&texts) {
        if value >= LOWEST {
            *place = reader.describe(text.kind, VirtualAddress(value));
        }
    }
    pointed
}

struct Reader<'a> {
    space: &'a dyn AddressSpace,
    objects: Objects<'a>,
    width: u8,
    machine: Option<Machine<'a>>,
    known: &'a Known,
}

impl Reader<'_> {
    fn describe(&self, kind: ParameterKind, at: VirtualAddress) -> Option<String> {
        use ParameterKind as Is;
        match kind {
            Is::DeviceObject | Is::DriverObject | Is::FileObject | Is::Irp => self.object(at),
            Is::Process => self.process(at),
            Is::Thread => self.thread(at),
            Is::Object => self
                .object(at)
                .or_else(|| self.process(at))
                .or_else(|| self.thread(at)),
            Is::Prcb => self.processor(at),
            Is::UnicodeString => self.space.unicode_string(at, self.width).ok(),
            Is::WideText => self.text(at, 2),
            Is::AnsiText => self.text(at, 1),
            _ => None,
        }
        .filter(|text| !text.is_empty())
    }

    fn object(&self, at: VirtualAddress) -> Option<String> {
        match self.objects.read(at)? {
            Object::Device(device) => {
                let driver = device.driver.and_then(|at| self.objects.driver(at));
                let driver = driver.map(|driver| self.driver(&driver));
                let name = device
                    .name
                    .map(|name| format!(" {name}"))
                    .unwrap_or_default();
                Some(match driver {
                    Some(driver) => format!("device{name} of {driver}"),
                    None => format!("device{name}"),
                })
            }
            Object::Driver(driver) => Some(self.driver(&driver)),
            Object::File(file) => file.name,
            Object::Request(request) => Some(self.request(&request)),
        }
    }

    /// A driver by its name and by its file.
    fn driver(&self, driver: &Driver) -> String {
        let dump = self.known.dump();
        let file = dump.and_then(|dump| Some(dump.modules.find(driver.start?)?.name.clone()));
        match (&driver.name, file) {
            (Some(name), Some(file)) => format!("{name} ({file})"),
            (Some(name), None) => name.clone(),
            (None, Some(file)) => file,
            (None, None) => format!("the driver at {}", driver.address),
        }
    }

    fn request(&self, request: &Request) -> String {
        let Some(holder) = request.holder() else {
            return "a request that no driver holds".into();
        };
        let what = match major_name(holder.major) {
            Some(name) if holder.minor != 0 => format!("{name} (minor {:#x})", holder.minor),
            Some(name) => name.into(),
            None => "a request".into(),
        };
        let driver = holder.device.and_then(|at| self.objects.driver_of(at));
        match driver {
            Some(driver) => format!("{what}, held by {}", self.driver(&driver)),
            None => what,
        }
    }

    fn process(&self, at: VirtualAddress) -> Option<String> {
        let process = ProcessFacts::read(self.machine?, self.space, at)?;
        Some(match (process.name?, process.pid) {
            (name, Some(pid)) => format!("process {name} ({pid})"),
            (name, None) => format!("process {name}"),
        })
    }

    fn thread(&self, at: VirtualAddress) -> Option<String> {
        let thread = ThreadFacts::read(self.machine?, self.space, at)?;
        Some(format!("a thread of {}", self.process(thread.process?)?))
    }

    fn processor(&self, at: VirtualAddress) -> Option<String> {
        let processor = ProcessorFacts::read(self.machine?, self.space, at);
        let number = processor.number.filter(|&number| number < 4096)?;
        let thread = processor.current_thread.and_then(|at| self.thread(at));
        Some(match thread {
            Some(thread) => format!("processor {number}, which ran {thread}"),
            None => format!("processor {number}"),
        })
    }

    /// Text that ends with a zero, of units of one or two bytes.
    fn text(&self, at: VirtualAddress, unit: usize) -> Option<String> {
        let mut bytes = [0; MAX_TEXT];
        let in_page = (0x1000 - at.0 % 0x1000).min(MAX_TEXT as u64) as usize;
        let held = bytes.get_mut(..in_page)?;
        self.space.read(at, held).ok()?;
        let text = match unit {
            2 => crate::source::utf16_lossy(held),
            _ => {
                let end = held.iter().position(|&b| b == 0)?;
                String::from_utf8_lossy(held.get(..end)?).into_owned()
            }
        };
        let plain = text
            .chars()
            .all(|c| !c.is_control() && c != char::REPLACEMENT_CHARACTER);
        plain.then_some(text)
    }
}
