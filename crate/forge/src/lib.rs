//! Writes faithful crash dumps of invented Windows machines, from a scenario file.
//!
//! A [`Scenario`] describes a machine at the moment it stopped; [`forge`] invents that machine in the layouts of a real kernel
//! build and cuts a [`Dump`] out of its memory. The forge exists to test readers of dumps, so it shares no layout with the
//! analyzer: a wrong offset in one is caught by the other.
//!
//! ```
//! let scenario = bluepane_forge::Scenario::from_toml("[machine]\nbuild = 9600")?;
//! let dump = bluepane_forge::forge(&scenario)?;
//! assert_eq!(&dump.to_vec()[..8], b"PAGEDU64");
//! # Ok::<(), bluepane_forge::ScenarioError>(())
//! ```

mod bytes;
mod container;
mod dump;
mod firmware;
mod hive;
mod image;
mod layout;
mod machine;
mod memory;
mod physical;
mod rng;
pub mod scenario;
mod secondary;
mod symbols;
mod triage;
mod truth;

pub use dump::Dump;
pub use scenario::{Scenario, ScenarioError};
pub use symbols::{image_file, modules_on_stacks, symbol_file};
pub use truth::{TrueGap, TrueModule, TrueProcess, TrueProcessor, TrueRunning, TrueThread, Truth};

use scenario::DumpKind;

/// Forges the dump that a scenario describes.
///
/// # Errors
/// A build without layouts, a stack that names unknown code, or a kind of dump the machine cannot have.
pub fn forge(scenario: &Scenario) -> Result<Dump, ScenarioError> {
    scenario.check()?;
    let machine = machine::Machine::invent(scenario)?;
    let mut dump = match scenario.dump.kind {
        DumpKind::Triage => triage::write(&machine),
        kind => container::pages::write(&machine, kind)?,
    };
    container::faults::apply(scenario, &mut dump)?;
    Ok(dump)
}
