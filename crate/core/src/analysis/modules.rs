//! Modules as the report shows them: identity, whose they are, where their files stand in a
//! symbol store.

use super::identity::{self, Identities};
use crate::knowledge::driver;
use crate::model::{Hex, Module, UnloadedModule};
use crate::nt;
use crate::time::iso8601_from_filetime;
use alloc::{format, vec::Vec};

/// Builds from which on the TimeDateStamp of drivers that come with Windows is a hash of the
/// reproducible build, and from which on the kernel's is. Source: the identities of 4,127 kernels
/// that System Informer publishes (MIT): drivers from 15063 on, the kernel from 17763 on.
const DRIVERS_HASHED_FROM: u32 = 15_063;
const KERNEL_HASHED_FROM: u32 = 17_763;

/// All loaded modules for the report.
pub(super) fn describe_all(
    modules: &nt::ModuleList,
    build: Option<u32>,
    identities: &Identities,
) -> Vec<Module> {
    modules
        .as_slice()
        .iter()
        .map(|module| {
            let mut described = describe(&identity::with(module, identities), build);
            identity::complete(&mut described, identities);
            described
        })
        .collect()
}

/// A module for the report.
fn describe(module: &nt::Module, build: Option<u32>) -> Module {
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
