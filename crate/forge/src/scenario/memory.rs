//! Memory counters, page files and pool use.

use super::Number;
use serde::Deserialize;

/// The counters of `!vm`, in pages. What is absent is derived from the machine's size.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[allow(missing_docs)] // each is the memory manager's own name
pub struct Counters {
    pub available: Option<Number>,
    pub resident_available: Option<Number>,
    pub zeroed: Option<Number>,
    pub free: Option<Number>,
    pub standby: Option<Number>,
    pub modified: Option<Number>,
    pub modified_no_write: Option<Number>,
    pub committed: Option<Number>,
    pub commit_limit: Option<Number>,
    pub peak_commit: Option<Number>,
    pub shared_commit: Option<Number>,
    pub process_commit: Option<Number>,
    pub driver_commit: Option<Number>,
    pub paged_pool: Option<Number>,
    pub paged_pool_commit: Option<Number>,
    pub paged_pool_maximum: Option<Number>,
    pub nonpaged_pool: Option<Number>,
    pub nonpaged_pool_maximum: Option<Number>,
    pub system_page_tables: Option<Number>,
    pub free_system_ptes: Option<Number>,
    pub pte_failures: Option<Number>,
    pub mdl_pages: Option<Number>,
    pub commit_failures: Option<Number>,
    pub page_hash_errors: Option<Number>,
    pub commit_limit_maximum: Option<Number>,
    pub modified_page_file: Option<Number>,
    pub standby_priorities: Vec<Number>,
    pub transition_private: Number,
    pub transition_shared: Number,
    pub bad_pages: Number,
    pub contiguous: Number,
    pub awe_pages: Number,
    pub process_locked: Number,
    pub slab_pages: Number,
    pub boot_commit: Number,
    pub page_frame_database: Number,
    pub page_file_hash: Number,
    pub kernel_stacks: Number,
}

/// A page file; sizes in pages.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PageFile {
    /// Its path in the object manager's form.
    pub name: String,
    /// Present size.
    pub size: Number,
    /// Largest size it may grow to; the present size when 0.
    pub maximum: Number,
    /// Smallest size; the present size when 0.
    pub minimum: Number,
    /// Free pages.
    pub free: Number,
    /// Most pages ever used.
    pub peak: Number,
}

impl Default for PageFile {
    fn default() -> Self {
        Self {
            name: r"\??\C:\pagefile.sys".into(),
            size: Number(0x10000),
            maximum: Number(0),
            minimum: Number(0),
            free: Number(0xc000),
            peak: Number(0x5000),
        }
    }
}

/// Pool use of one tag.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolTag {
    /// Four characters.
    pub tag: String,
    /// Bytes of nonpaged pool in use.
    pub nonpaged: Number,
    /// Bytes of paged pool in use.
    pub paged: Number,
    /// Nonpaged allocations alive; one per 512 bytes when 0.
    pub nonpaged_count: Number,
    /// Paged allocations alive; one per 512 bytes when 0.
    pub paged_count: Number,
    /// It found no row in the tables of the processors: it is in the one for what is left over.
    pub expansion: bool,
}

/// Allocations of pool, with their headers or, where they are larger than a page, with their rows in the table of large ones.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PoolBlocks {
    /// Four characters.
    pub tag: String,
    /// Bytes of each.
    pub size: Number,
    /// How many; 1 when 0.
    pub count: u64,
    /// In paged pool.
    pub paged: bool,
}

/// State of a page that is not plainly present.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageKind {
    /// Present.
    #[default]
    Valid,
    /// On a page list, its memory still there.
    Transition,
    /// Described by a prototype entry.
    Prototype,
    /// In a page file.
    PagedOut,
    /// Made when touched.
    DemandZero,
    /// With exactly the given entry.
    Raw,
}

/// Pages with a state.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pages {
    /// Address of the first.
    pub address: Number,
    /// How many; 1 when 0.
    pub count: u64,
    /// Their state.
    pub state: PageKind,
    /// Text at the start of each page that has memory.
    pub text: String,
    /// Page file number of paged-out pages.
    pub page_file: u64,
    /// Page in it.
    pub offset: Number,
    /// The entry of raw pages.
    pub entry: Number,
    /// Id of the process whose user memory they are in; kernel memory when 0.
    pub process: u64,
}
