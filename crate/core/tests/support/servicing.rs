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

/// Structures within others: the container, its member, what lies there.
const WITHIN: &[(&str, &str, &str)] = &[
    ("_MI_PARTITION", "Vp", "_MI_VISIBLE_PARTITION"),
    ("_MI_PARTITION", "Commit", "_MI_PARTITION_COMMIT"),
    ("_MI_PARTITION", "PageLists", "_MI_PARTITION_PAGE_LISTS"),
    ("_MI_SYSTEM_INFORMATION", "Vs", "_MI_VISIBLE_STATE"),
    ("_MI_SYSTEM_INFORMATION", "Errors", "_MI_ERROR_STATE"),
    ("_MI_SYSTEM_INFORMATION", "Pools", "_MI_POOL_STATE"),
    ("_MI_VISIBLE_STATE", "SystemPteInfo", "_MI_SYSTEM_PTE_TYPE"),
    ("_MI_VISIBLE_STATE", "PagedPoolInfo", "_MM_PAGED_POOL_INFO"),
];

/// Where the figures of a structure at `base` stand, and their bytes: those of the structures within it too.
fn places(offsets: &BTreeMap<String, u64>, structure: &str, base: u64) -> Vec<(u64, u64)> {
    let mut found = Vec::new();
    let known = MEMBERS.iter().find(|(name, _)| *name == structure);
    for &(member, len) in known.map_or(&[][..], |(_, members)| members) {
        let Some(at) = offsets.get(&format!("{structure}.{member}")) else {
            continue;
        };
        // Some tables have its members each by itself.
        if member == "PagedPoolInfo"
            && offsets.contains_key("_MI_VISIBLE_STATE.PagedPoolInfo.MaximumSize")
        {
            continue;
        }
        // 24H2 counts in 32 bits.
        let narrow = offsets.get("_MMPAGING_FILE.MaximumSize") == Some(&4);
        let len = match structure == "_MMPAGING_FILE" && narrow {
            true => len.min(4),
            false => len,
        };
        let at = base + at;
        let inner = WITHIN
            .iter()
            .find(|(outer, name, _)| (*outer, *name) == (structure, member));
        match (inner, member) {
            (Some((_, _, inner)), _) => found.extend(places(offsets, inner, at)),
            (None, "StandbyPageListByPriority") => {
                let stride = offsets.get("_MMPFNLIST").copied().unwrap_or(0x28);
                found.extend((0..8).map(|priority| (at + stride * priority, 8)));
            }
            // Its length and its name.
            _ if member.ends_with("ListHead") => found.push((at, 12)),
            _ => found.push((at, len)),
        }
    }
    found
}

/// Whether a figure lies on another: such a machine tells neither.
pub fn clashes(offsets: &BTreeMap<String, u64>) -> bool {
    ["_MI_PARTITION", "_MI_SYSTEM_INFORMATION", "_MMPAGING_FILE"]
        .iter()
        .any(|root| {
            let mut all = places(offsets, root, 0);
            all.sort_unstable();
            all.windows(2).any(|pair| pair[0].0 + pair[0].1 > pair[1].0)
        })
}

/// The layout with the members of `fault` where it puts them.
pub fn moved(offsets: &BTreeMap<String, u64>, fault: &str) -> BTreeMap<String, u64> {
    let mut offsets = offsets.clone();
    for part in fault.split(", ") {
        let (name, to) = part.split_once(" = 0x").unwrap();
        let to = u64::from_str_radix(to, 16).unwrap();
        offsets.insert(name.trim_matches('\'').into(), to);
    }
    offsets
}

/// Layouts that are not the build's own and put no figure on another: what was done, and the members
/// that moved.
pub fn moves(offsets: &BTreeMap<String, u64>) -> Vec<(String, String)> {
    let mut found = all_moves(offsets);
    found.retain(|(_, fault)| !clashes(&moved(offsets, fault)));
    found
}

fn all_moves(offsets: &BTreeMap<String, u64>) -> Vec<(String, String)> {
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
