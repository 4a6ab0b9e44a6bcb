//! From a kernel object that a stop code points to, to the driver behind it, and to words.

use super::facts::{Facts, Place};
use crate::knowledge::bugcheck::ParameterKind;
use crate::memory::VirtualAddress;
use crate::nt::object::{self, Driver, Object, Request, major_name};
use crate::nt::{ProcessFacts, ProcessorFacts, ThreadFacts};
use alloc::{format, string::String};

/// Reads objects out of whatever memory there is.
pub(super) struct Objects<'a> {
    facts: &'a Facts<'a>,
    reader: object::Objects<'a>,
}

impl<'a> Objects<'a> {
    /// Nothing when there is no memory to read.
    pub(super) fn new(facts: &'a Facts<'a>) -> Option<Self> {
        let width = facts.architecture?.pointer_width();
        let build = facts.build.unwrap_or_default();
        Some(Self {
            facts,
            reader: object::Objects::new(facts.space?, width, build),
        })
    }

    fn place(&self, driver: &Driver) -> Option<Place> {
        self.facts.locate(driver.start?)
    }

    /// The module of a driver object.
    pub(super) fn driver(&self, object: u64) -> Option<Place> {
        self.place(&self.reader.driver(VirtualAddress(object))?)
    }

    /// The module whose device a device object is.
    pub(super) fn device(&self, object: u64) -> Option<Place> {
        self.place(&self.reader.driver_of(VirtualAddress(object))?)
    }

    /// The modules whose devices stand above a device, nearest first.
    pub(super) fn above(&self, device: u64) -> impl Iterator<Item = Place> + '_ {
        let device = self.reader.device(VirtualAddress(device));
        let above = device.into_iter().flat_map(|at| self.reader.above(&at));
        above.filter_map(|device| self.place(&self.reader.driver(device.driver?)?))
    }

    /// The module that holds an I/O request: the driver of the device it was last passed to.
    pub(super) fn irp_holder(&self, object: u64) -> Option<Place> {
        let request = self.reader.request(VirtualAddress(object))?;
        self.device(request.holder()?.device?.0)
    }

    /// What stands at an address, in words: whose device, whose request, which process.
    pub(super) fn words(&self, kind: ParameterKind, at: u64) -> Option<String> {
        use ParameterKind as Is;
        let at = VirtualAddress(at);
        match kind {
            Is::DeviceObject | Is::DriverObject | Is::FileObject | Is::Irp => self.object(at),
            Is::Process => self.process(at),
            Is::Thread => self.thread(at),
            Is::Object => self
                .object(at)
                .or_else(|| self.process(at))
                .or_else(|| self.thread(at)),
            Is::Prcb => self.processor(at),
            _ => None,
        }
    }

    fn object(&self, at: VirtualAddress) -> Option<String> {
        match self.reader.read(at)? {
            Object::Device(device) => {
                let driver = device.driver.and_then(|at| self.reader.driver(at));
                let name = device
                    .name
                    .map(|name| format!(" {name}"))
                    .unwrap_or_default();
                Some(match driver {
                    Some(driver) => format!("device{name} of {}", self.named(&driver)),
                    None => format!("device{name}"),
                })
            }
            Object::Driver(driver) => Some(self.named(&driver)),
            Object::File(file) => file.name,
            Object::Request(request) => Some(self.request(&request)),
        }
    }

    /// A driver by its name and by its file.
    fn named(&self, driver: &Driver) -> String {
        let file = self.place(driver).map(|place| place.module);
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
        let driver = holder.device.and_then(|at| self.reader.driver_of(at));
        match driver {
            Some(driver) => format!("{what}, held by {}", self.named(&driver)),
            None => what,
        }
    }

    fn process(&self, at: VirtualAddress) -> Option<String> {
        let process = ProcessFacts::read(self.facts.machine?, self.facts.space?, at)?;
        Some(match (process.name?, process.pid) {
            (name, Some(pid)) => format!("process {name} ({pid})"),
            (name, None) => format!("process {name}"),
        })
    }

    fn thread(&self, at: VirtualAddress) -> Option<String> {
        let thread = ThreadFacts::read(self.facts.machine?, self.facts.space?, at)?;
        Some(format!("a thread of {}", self.process(thread.process?)?))
    }

    fn processor(&self, at: VirtualAddress) -> Option<String> {
        let processor = ProcessorFacts::read(self.facts.machine?, self.facts.space?, at);
        let number = processor.number.filter(|&number| number < 4096)?;
        let thread = processor.current_thread.and_then(|at| self.thread(at));
        Some(match thread {
            Some(thread) => format!("processor {number}, which ran {thread}"),
            None => format!("processor {number}"),
        })
    }
}
