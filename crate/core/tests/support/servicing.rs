//! Layouts of the memory manager's structures as servicing leaves them: members that stand elsewhere than
//! in the kernels that are known. The offsets are the forge's, which knows nothing of the analyzer's.

use std::collections::BTreeMap;

/// Structures of the memory manager, and the members that scenarios decide, with their bytes.
const MEMBERS: &[(&str, &[(&str, u64)])] = &[
    (
        "_MI_PARTITION",
        &[("Vp", 0x400), ("Commit", 16), ("PageLists", 0x400)],
    ),
    (
        "_MI_VISIBLE_PARTITION",
        &[
            ("LowestPhysicalPage", 8),
            ("HighestPhysicalPage", 8),
            ("NumberOfPhysicalPages", 8),
            ("NumberOfPagingFiles", 4),
            ("PagingFile", 128),
            ("AvailablePages", 8),
            ("ResidentAvailablePages", 8),
            ("TotalCommittedPages", 8),
            ("TotalCommittedPagesExposed", 8),
            ("ModifiedPageListHead", 0x28),
            ("ModifiedNoWritePageListHead", 0x28),
            ("TotalCommitLimit", 8),
            ("TotalPagesForPagingFile", 8),
            ("SharedCommit", 8),
            ("MdlPagesAllocated", 8),
            ("ChargeCommitmentFailures", 16),
            ("VadPhysicalPages", 8),
            ("ProcessLockedFilePages", 8),
            ("SlabAllocatorPages", 8),
            ("ContiguousPagesAllocated", 8),
        ],
    ),
    (
        "_MI_PARTITION_COMMIT",
        &[("PeakCommitment", 8), ("TotalCommitLimitMaximum", 8)],
    ),
    (
        "_MI_PARTITION_PAGE_LISTS",
        &[
            ("ZeroedPageListHead", 24),
            ("FreePageListHead", 24),
            ("StandbyPageListHead", 24),
            ("StandbyPageListByPriority", 0x140),
            ("BadPageListHead", 24),
            ("TransitionPrivatePages", 8),
            ("TransitionSharedPages", 8),
        ],
    ),
    (
        "_MI_SYSTEM_INFORMATION",
        &[("Vs", 0x140), ("Errors", 0xA0), ("Pools", 0x20)],
    ),
    (
        "_MI_VISIBLE_STATE",
        &[
            ("PagedPoolInfo", 0x18),
            ("PagedPoolInfo.MaximumSize", 8),
            ("PagedPoolInfo.AllocatedPagedPool", 8),
            ("MaximumNonPagedPoolInPages", 8),
            ("SizeOfPagedPoolInPages", 8),
            ("SystemPteInfo", 0x60),
            ("NonPagedPoolCommit", 8),
            ("MdlPagesAllocated", 8),
            ("SystemPageTableCommit", 8),
            ("ProcessCommit", 8),
            ("SharedCommit", 8),
            ("DriverCommit", 4),
            ("BootCommit", 8),
            ("ContiguousPagesAllocated", 8),
            ("PfnDatabaseCommit", 8),
            ("PagefileHashPages", 8),
        ],
    ),
    (
        "_MM_PAGED_POOL_INFO",
        &[("MaximumSize", 8), ("AllocatedPagedPool", 8)],
    ),
    (
        "_MI_SYSTEM_PTE_TYPE",
        &[("PteFailures", 4), ("TotalFreeSystemPtes", 8)],
    ),
    (
        "_MI_POOL_STATE",
        &[
            ("MaximumNonPagedPoolThreshold", 8),
            ("AllocatedNonPagedPool", 8),
        ],
    ),
    (
        "_MI_ERROR_STATE",
        &[("PageHashErrors", 4), ("PageHashReadErrors", 4)],
    ),
    (
        "_MMPAGING_FILE",
        &[
            ("Size", 8),
            ("MaximumSize", 8),
            ("MinimumSize", 8),
            ("FreeSpace", 8),
            ("PeakUsage", 8),
            ("PageFileName", 16),
        ],
    ),
];

/// Offsets of the forge's own table of a build.
pub fn table(name: &str) -> BTreeMap<String, u64> {
    let path = format!("{}/../forge/data/nt-{name}.tsv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut structure = "";
    let mut found = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        match words[..] {
            ["struct", name, size, ..] => {
                structure = name;
                let size = u64::from_str_radix(size, 16).unwrap();
                found.insert(structure.into(), size);
            }
            ["f", member, offset, ..] => {
                let offset = u64::from_str_radix(offset, 16).unwrap();
                found.insert(format!("{structure}.{member}"), offset);
            }
            _ => {}
        }
    }
    found
}

/// Layouts that are not the build's own: what was done, and the members that moved.
pub fn moves(offsets: &BTreeMap<String, u64>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for &(structure, members) in MEMBERS {
        let known: Vec<(&str, u64, u64)> = members
            .iter()
            .filter_map(|&(member, len)| {
                let at = *offsets.get(&format!("{structure}.{member}"))?;
                let list = member
                    .starts_with("Modified")
                    .then(|| offsets.get("_MMPFNLIST"));
                Some((member, at, *list.flatten().unwrap_or(&len)))
            })
            .collect();
        for &(member, at, len) in &known {
            for by in [8_i64, 16, 64, -8] {
                let Some(to) = at.checked_add_signed(by) else {
                    continue;
                };
                let end = offsets.get(structure).copied().unwrap_or(0);
                let inner = matches!(structure, "_MM_PAGED_POOL_INFO" | "_MI_SYSTEM_PTE_TYPE");
                if inner && to + len > end {
                    continue;
                }
                let free = known.iter().all(|&(other, at, other_len)| {
                    other == member || to + len <= at || at + other_len <= to
                });
                if free {
                    let text = format!("'{structure}.{member}' = {to:#x}");
                    found.push((format!("{structure}.{member} alone by {by}"), text));
                }
            }
        }
        for &(first, from, _) in &known {
            for by in [8_i64, 16, 64, -8] {
                let room = known
                    .iter()
                    .all(|&(_, at, len)| at >= from || (at + len) as i64 <= from as i64 + by);
                let texts: Vec<String> = known
                    .iter()
                    .filter(|&&(_, at, _)| room && at >= from)
                    .filter_map(|&(member, at, _)| {
                        let to = at.checked_add_signed(by)?;
                        Some(format!("'{structure}.{member}' = {to:#x}"))
                    })
                    .collect();
                let inner = matches!(structure, "_MM_PAGED_POOL_INFO" | "_MI_SYSTEM_PTE_TYPE");
                if texts.len() > 1 && (by > 0 || from >= 8) && !inner {
                    found.push((
                        format!("{structure} from {first} on by {by}"),
                        texts.join(", "),
                    ));
                }
            }
        }
    }
    found
}
