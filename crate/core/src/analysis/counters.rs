//! The memory manager's figures and pool use, as steps of the analysis and in the report.

use super::identity;
use super::known::Known;
use crate::memory::AddressSpace;
use crate::model::Memory;
use crate::nt::memory_manager::{MemoryManager, Target};
use crate::nt::pool_tags::{PoolTags, PoolTarget};
use crate::symbols::layout::Layouts;

/// Reads the figures; `None` when the kernel cannot be found.
pub(super) fn read(known: &Known, space: &dyn AddressSpace) -> Option<MemoryManager> {
    let paged = known.paged.as_ref()?;
    let kernel = known.dump()?.kernel_base()?;
    let layouts =
        Layouts::for_kernel(&identity::kernel(&paged.header, known)).with_types(known.types());
    let target = Target {
        space,
        layouts: &layouts,
        debugger_data: paged.ground.debugger_data.as_ref(),
        kernel,
        pages: physical_pages(known),
    };
    Some(MemoryManager::read(target))
}

/// Reads pool use by tag; `None` when the kernel cannot be found.
pub(super) fn pool(known: &Known, space: &dyn AddressSpace) -> Option<PoolTags> {
    let paged = known.paged.as_ref()?;
    let kernel = known.dump()?.kernel_base()?;
    let layouts =
        Layouts::for_kernel(&identity::kernel(&paged.header, known)).with_types(known.types());
    Some(PoolTags::read(PoolTarget {
        space,
        layouts: &layouts,
        debugger_data: paged.ground.debugger_data.as_ref(),
        kernel,
        processors: paged.header.processors.unwrap_or(1),
    }))
}

/// Pages of physical memory as header and shared data count them. The latter counts in 32 bits and
/// is right; the former is advice in a dump with a bitmap.
fn physical_pages(known: &Known) -> Option<u64> {
    let paged = known.paged.as_ref()?;
    let listed = paged
        .header
        .physical_memory
        .as_ref()
        .map(|found| found.total_pages);
    let shared = paged.ground.shared.and_then(|shared| shared.physical_pages);
    let counted = shared.map(u64::from);
    // Nothing confirms the list where Windows' own count is missing: a dump may list what it stores.
    let same = |listed: &u64| counted.is_some_and(|counted| listed & 0xFFFF_FFFF == counted);
    listed.filter(same).or(counted)
}

/// Adds the figures to the report's section.
pub(super) fn compose(found: &MemoryManager, known: &Known, memory: &mut Memory) {
    if let Some(counter) = found.counters.get("physical").filter(|c| c.pages.is_some())
        && physical_pages(known).is_none()
    {
        memory.counters.insert("physical", counter.clone());
    }
    for (&name, counter) in &found.counters {
        memory
            .counters
            .entry(name)
            .or_insert_with(|| counter.clone());
    }
    memory.page_files.clone_from(&found.page_files);
    memory.limits.extend(found.limits.iter().cloned());
}
