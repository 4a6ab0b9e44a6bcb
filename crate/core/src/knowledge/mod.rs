//! Tables of facts: bug checks, status codes, drivers, firmware, Integration Services.
//!
//! Nothing here reads a dump. Each table is a text file under `crate/core/data/`, one line or one
//! short stanza per fact, kept sorted so that a change shows as one changed line; the modules
//! below only look things up. The texts are included as they are and searched when asked, so a
//! table costs no start-up time and no memory beyond its own bytes. The sources of the facts are
//! named at the top of each table, the rules for adding one in `docs/knowledge.md`.

pub mod bugcheck;
pub mod certainty;
pub mod driver;
pub mod errors;
pub mod family;
pub mod hypervisor;
pub mod integration;
pub mod lookup;
pub mod machine_check;
pub mod ntstatus;
pub mod pooltag;
pub mod problem;
pub mod secondary;
pub mod store;
pub mod stretch;
pub mod version;
pub mod windows;

pub(crate) mod text;

#[cfg(test)]
pub(crate) mod testing;
