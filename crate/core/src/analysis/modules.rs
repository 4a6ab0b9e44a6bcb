//! Modules as the report shows them: identity, whose they are, where their files stand in a
//! symbol store.

use crate::container::triage::{Driver, UnloadedDriver};
use crate::knowledge::driver;
use crate::memory::VirtualAddress;
use crate::model::{Hex, Module, UnloadedModule};
use crate::nt;
use crate::time::iso8601_from_filetime;
use alloc::format;

/// Builds from which on the TimeDateStamp of drivers that come with Windows is a hash of the
/// reproducible build, and from which on the kernel's is. Source: the identities of 4,127 kernels
/// that System Informer publishes (MIT): drivers from 15063 on, the kernel from 17763 on.
const DRIVERS_HASHED_FROM: u32 = 15_063;
const KERNEL_HASHED_FROM: u32 = 17_763;

/// A driver of a triage dump as the kernel's list would have it.
pub(super) fn loaded(driver: &Driver) -> nt::Module {
    nt::Module {
        name: driver.file_name().into(),
        path: driver.path().map(Into::into),
        base: VirtualAddress(driver.base),
        size: driver.size,
        entry_point: (driver.entry_point != 0).then_some(VirtualAddress(driver.entry_point)),
        timestamp: Some(driver.timestamp),
        checksum: Some(driver.checksum),
    }
}

/// An unloaded driver of a triage dump as the kernel's list would have it.
pub(super) fn unloaded(driver: &UnloadedDriver) -> nt::UnloadedModule {
    nt::UnloadedModule {
        name: driver.name.clone(),
        start: VirtualAddress(driver.start),
        end: VirtualAddress(driver.end),
        time: None,
    }
}

/// A module for the report.
pub(super) fn describe(module: &nt::Module, build: Option<u32>) -> Module {
    let known = driver::driver(&module.name);
    let microsoft = known.as_ref().map(|known| known.microsoft);
    let timestamp = module.timestamp.filter(|&stamp| stamp != 0);
    let hashed = timestamp
        .and(build)
        .zip(microsoft)
        .map(|(build, microsoft)| {
            let kernel = module.symbol_name() == "nt";
            microsoft
                && build
                    >= if kernel {
                        KERNEL_HASHED_FROM
                    } else {
                        DRIVERS_HASHED_FROM
                    }
        });
    let name = &module.name;
    Module {
        name: name.clone(),
        path: module.path.clone(),
        base: Hex(module.base.0),
        size: module.size,
        timestamp,
        timestamp_is_hash: hashed,
        checksum: module.checksum.filter(|&sum| sum != 0),
        image_path: timestamp.map(|stamp| format!("{name}/{stamp:08X}{:x}/{name}", module.size)),
        vendor: known
            .as_ref()
            .map(|known| known.vendor.into())
            .filter(|v: &alloc::string::String| !v.is_empty()),
        purpose: known
            .as_ref()
            .map(|known| known.purpose.into())
            .filter(|p: &alloc::string::String| !p.is_empty()),
        microsoft,
        ..Module::default()
    }
}

/// An unloaded module for the report.
pub(super) fn describe_unloaded(module: &nt::UnloadedModule) -> UnloadedModule {
    UnloadedModule {
        name: module.name.clone(),
        base: Hex(module.start.0),
        end: Hex(module.end.0),
        time: module.time.and_then(iso8601_from_filetime),
    }
}
