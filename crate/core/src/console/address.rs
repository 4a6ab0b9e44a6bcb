//! `!address`: what lies at an address, how its page is kept, and where it stands in the file; or
//! the reason why nothing can be read there.

use super::Live;
use super::live::{joined, reason};
use super::translate::stored;
use crate::memory::{AddressSpace, KernelSpace, SparseSpace, VirtualAddress};
use crate::nt::Space;
use crate::report::format::bytes;
use alloc::{format, string::String, vec::Vec};

/// What lies at an address.
pub(super) fn address(words: &[&str], live: &Live<'_>) -> Vec<String> {
    let asked = joined(words).first().map_or_else(
        || Err("!address takes an address.".into()),
        |word| live.evaluate(word),
    );
    let at = match asked {
        Ok(at) => at,
        Err(why) => return Vec::from([why]),
    };
    let mut lines = Vec::from([fact("Address", live.address(at))]);
    lines.extend(
        owners(at, live)
            .into_iter()
            .map(|owner| fact("Belongs to", owner)),
    );
    match live.space() {
        Space::Pages(space) => paged(&space, at, live, &mut lines),
        Space::Blocks(space) => blocks(&space, at, live, &mut lines),
        Space::None => lines.push(fact(
            "Contents",
            "the memory of this dump cannot be read by address".into(),
        )),
    }
    lines
}

fn fact(name: &str, value: String) -> String {
    format!("{:<13}{value}", format!("{name}:"))
}

/// Whose memory that is, as far as the dump names owners.
pub(super) fn owners(at: u64, live: &Live<'_>) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(module) = live.modules().find(VirtualAddress(at)) {
        let end = module.base.0.saturating_add(u64::from(module.size));
        found.push(format!(
            "module {}, {} ({} - {})",
            module.name,
            live.place(at).unwrap_or_default(),
            live.address(module.base.0),
            live.address(end)
        ));
    }
    let gone = live.report.unloaded_modules.iter();
    let gone = gone.filter(|module| (module.base.0..module.end.0).contains(&at));
    found.extend(gone.map(|module| {
        let into = at - module.base.0;
        format!("{}+{into:#x}, which was unloaded", module.name)
    }));
    if let Some(thread) = live.thread()
        && let (Some(limit), Some(base)) = (thread.stack_limit, thread.stack_base)
        && (limit.0..base.0).contains(&at)
    {
        found.push(format!(
            "the stack of the current thread ({} - {}), {:#x} bytes below its base",
            live.address(limit.0),
            live.address(base.0),
            base.0 - at
        ));
    }
    if let Some(stack) = &live.report.stack {
        let objects = [("thread", stack.thread), ("process", stack.process)];
        found.extend(objects.into_iter().filter_map(|(what, object)| {
            let into = at.checked_sub(object?.0).filter(|&into| into < 0x400)?;
            Some(format!("the current {what}'s object, {into:#x} bytes in"))
        }));
    }
    if found.is_empty() {
        let user = at < 1 << 47 && live.width() == 8 || at < 0x8000_0000;
        found.push(if user {
            "no module; below the kernel's half, so a process's own memory".into()
        } else {
            "no module that this dump lists".into()
        });
    }
    found
}

fn paged(space: &KernelSpace<'_>, at: u64, live: &Live<'_>, lines: &mut Vec<String>) {
    let translation = space.translate(VirtualAddress(at));
    let mapped = match translation.outcome {
        Ok(mapped) => mapped,
        Err(why) => {
            lines.push(fact("Page", format!("none; {}", reason(why))));
            if at >> 63 == 0 {
                let hint = "the tables used are those of the header; another process may have a \
                            page there: !vtop DIRECTORY ADDRESS";
                lines.push(fact("Note", hint.into()));
            }
            return;
        }
    };
    let size = bytes(mapped.page_size);
    let state = if mapped.transition {
        ", in transition: no processor could use it"
    } else {
        ", valid"
    };
    lines.push(fact("Page", format!("{size}{state}")));
    lines.push(fact("Physical", format!("{:#x}", mapped.address.0)));
    lines.push(match stored(mapped.address.0, live) {
        Ok(offset) => fact("In the file", format!("at offset {offset:#x}")),
        Err(why) => fact("In the file", format!("no; {}", reason(why))),
    });
    contents(space, at, live, lines);
}

fn blocks(space: &SparseSpace<'_>, at: u64, live: &Live<'_>, lines: &mut Vec<String>) {
    match space.map().find(at) {
        Some((offset, len)) => {
            lines.push(fact(
                "In the file",
                format!("at offset {offset:#x}, {len:#x} bytes from here on"),
            ));
            contents(space, at, live, lines);
        }
        None => {
            let read = space.read(VirtualAddress(at), &mut [0; 1]);
            let why = read.err().map_or(String::new(), reason);
            lines.push(fact("In the file", format!("no; {why}")));
        }
    }
}

/// The first bytes, and what they point to where they are a pointer into a module.
fn contents(space: &dyn AddressSpace, at: u64, live: &Live<'_>, lines: &mut Vec<String>) {
    use crate::memory::AddressSpaceExt;
    match space.pointer(VirtualAddress(at), live.width()) {
        Ok(value) => {
            let place = live.place(value.0).unwrap_or_default();
            let shown = live.address(value.0);
            lines.push(fact("Contents", format!("{shown} {place}")));
        }
        Err(why) => lines.push(fact("Contents", format!("missing; {}", reason(why)))),
    }
}
