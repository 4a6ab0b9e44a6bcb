//! Physical and virtual memory of dumps with pages: forged ones of every container and every form
//! of page tables, compared page by page with what the forge put in.

mod support;

use bluepane::container::{DumpHeader, PageIndex, StoredPages};
use bluepane::memory::paging::{EntryFormat, PagingMode};
use bluepane::memory::{
    AddressSpace, KernelSpace, Missing, Pfn, PhysicalAddress, PhysicalMemory, VirtualAddress,
};
use bluepane::source::{Slice, Source};
use bluepane_forge::scenario::{Number, PageKind, Pages};
use bluepane_forge::{Scenario, Truth, forge};

fn scenario(machine: &str, kind: &str) -> Scenario {
    let text = format!(
        "[machine]\nmemory = \"64 MiB\"\n{machine}\n[dump]\nkind = \"{kind}\"\n\
         [[processes]]\nname = \"smss.exe\"\npid = 360\n"
    );
    Scenario::from_toml(&text).unwrap()
}

fn open(source: &dyn Source) -> (DumpHeader, PageIndex) {
    let header = DumpHeader::read(source).unwrap();
    let mut index = PageIndex::new(StoredPages::read(source, &header).unwrap()).unwrap();
    index.complete(source).unwrap();
    (header, index)
}

fn space<'a>(
    source: &'a dyn Source,
    header: &DumpHeader,
    index: &'a PageIndex,
    mode: PagingMode,
) -> KernelSpace<'a> {
    let format = EntryFormat {
        mode,
        build: header.minor_version.unwrap(),
        invalid_mask: None,
    };
    let root = header.directory_table_base.unwrap();
    KernelSpace::new(PhysicalMemory::new(source, index), format, root)
}

const CONTAINERS: [&str; 9] = [
    "full",
    "bitmap-full",
    "bitmap-kernel",
    "automatic",
    "active",
    "live",
    "range-kernel",
    "range-kernel-user",
    "range-complete",
];

fn every_physical_page(scenario: &Scenario, what: &str) {
    let truth = Truth::of(scenario).unwrap();
    let bytes = forge(scenario).unwrap().to_vec();
    let source = Slice(&bytes);
    let (_, index) = open(&source);
    let memory = PhysicalMemory::new(&source, &index);
    assert!(truth.kernel_frames.len() > 40, "{what}");
    for &frame in &truth.kernel_frames {
        let mut page = [0; 4096];
        memory
            .read(PhysicalAddress(frame << 12), &mut page)
            .unwrap_or_else(|why| panic!("{what}: frame {frame:x}: {why:?}"));
        let want = truth.physical.get(&frame).copied().unwrap_or([0; 4096]);
        assert!(page == want, "{what}: frame {frame:x} differs");
    }
    if let Some(marked) = index.marked() {
        assert_eq!(marked, index.stored().present, "{what}");
    }
    assert!(index.stored().end() <= source.len(), "{what}");
    let beyond = PhysicalAddress(index.end_frame() << 12);
    assert_eq!(
        memory.read(beyond, &mut [0]),
        Err(Missing::NotInDump(beyond)),
        "{what}"
    );
}

#[test]
fn every_container_gives_back_each_physical_page() {
    for kind in CONTAINERS {
        every_physical_page(&scenario("build = 19041", kind), kind);
    }
    every_physical_page(&scenario("build = 7601", "kernel-summary"), "summary");
    for kind in ["full", "kernel-summary", "bitmap-full", "bitmap-kernel"] {
        let machine = "build = 7601\narchitecture = \"x86\"";
        every_physical_page(&scenario(machine, kind), &format!("32-bit {kind}"));
    }
}

fn every_kernel_page(machine: &str, mode: PagingMode) {
    let scenario = scenario(machine, "full");
    let truth = Truth::of(&scenario).unwrap();
    let bytes = forge(&scenario).unwrap().to_vec();
    let source = Slice(&bytes);
    let (header, index) = open(&source);
    let space = space(&source, &header, &index, mode);
    assert!(truth.kernel.len() > 40, "{machine}");
    for (&va, want) in &truth.kernel {
        let mut page = [0; 4096];
        space
            .read(VirtualAddress(va), &mut page)
            .unwrap_or_else(|why| {
                let steps = space.translate(VirtualAddress(va));
                panic!("{machine}: {va:x}: {why:?} {steps:x?}")
            });
        assert!(&page == want, "{machine}: {va:x} differs");
    }
    for process in &truth.processes {
        let own = space.process(process.directory);
        let (&va, want) = truth.kernel.iter().next_back().unwrap();
        let mut page = [0; 4096];
        own.read(VirtualAddress(va), &mut page).unwrap();
        assert!(&page == want, "{machine}: {va:x} in {}", process.name);
    }
}

#[test]
fn kernel_addresses_translate_in_every_form_of_page_tables() {
    for build in [7601, 9600, 14393, 17763, 19041, 20348, 22000, 26100] {
        every_kernel_page(&format!("build = {build}"), PagingMode::X64);
    }
    every_kernel_page(
        "build = 20348\npaging_levels = 5",
        PagingMode::X64FiveLevels,
    );
    let x86 = "build = 7601\narchitecture = \"x86\"";
    every_kernel_page(x86, PagingMode::Pae);
    every_kernel_page(&format!("{x86}\npae = false"), PagingMode::X86);
    let arm = "build = 22000\narchitecture = \"arm64\"";
    every_kernel_page(arm, PagingMode::Arm64);
}

#[test]
fn large_pages_are_walked_to_their_level_and_no_further() {
    let scenario = scenario("build = 19041", "bitmap-kernel");
    let truth = Truth::of(&scenario).unwrap();
    let bytes = forge(&scenario).unwrap().to_vec();
    let source = Slice(&bytes);
    let (header, index) = open(&source);
    let space = space(&source, &header, &index, PagingMode::X64);
    let kernel = space.translate(VirtualAddress(truth.modules[0].base + 0x1000));
    let mapped = kernel.outcome.unwrap();
    assert_eq!((kernel.steps.len(), mapped.page_size), (3, 2 << 20));
    let driver = space.translate(VirtualAddress(truth.modules[2].base));
    assert_eq!(driver.steps.len(), 4);
    assert_eq!(driver.outcome.unwrap().page_size, 0x1000);
}

fn odd_pages(machine: &str, mode: PagingMode, base: u64) {
    let mut scenario = scenario(machine, "bitmap-kernel");
    let mut at = base;
    for state in [
        PageKind::Transition,
        PageKind::Prototype,
        PageKind::PagedOut,
        PageKind::DemandZero,
    ] {
        scenario.pages.push(Pages {
            address: Number(at),
            state,
            text: format!("{state:?}"),
            page_file: 2,
            offset: Number(0x4321),
            ..Default::default()
        });
        at += 0x1000;
    }
    let bytes = forge(&scenario).unwrap().to_vec();
    let source = Slice(&bytes);
    let (header, index) = open(&source);
    let space = space(&source, &header, &index, mode);
    let read = |at: u64| {
        let mut text = [0; 10];
        space.read(VirtualAddress(at), &mut text).map(|()| text)
    };
    assert_eq!(read(base), Ok(*b"Transition"), "{machine}");
    assert_eq!(
        read(base + 0x1000).map(|text| text[..9].to_vec()),
        Ok(b"Prototype".to_vec()),
        "{machine}: {:x?}",
        space.translate(VirtualAddress(base + 0x1000))
    );
    let paged_out = Missing::PagedOut {
        page_file: 2,
        // These spaces are opened without the mask that kernels since 17134 keep in such entries.
        page: (!space.format().swizzles()).then_some(0x4321),
    };
    assert_eq!(read(base + 0x2000), Err(paged_out), "{machine}");
    assert_eq!(read(base + 0x3000), Err(Missing::DemandZero), "{machine}");
    assert!(
        matches!(read(base + 0x1000_0000), Err(Missing::NotPresent(_))),
        "{machine}"
    );
    let transition = space.translate(VirtualAddress(base)).outcome.unwrap();
    assert!(transition.transition);
}

#[test]
fn pages_that_are_not_in_place_say_where_they_are() {
    for build in [7601, 9600, 17763, 26100] {
        odd_pages(
            &format!("build = {build}"),
            PagingMode::X64,
            0xFFFF_C000_7777_0000,
        );
    }
    let x86 = "build = 7601\narchitecture = \"x86\"";
    odd_pages(x86, PagingMode::Pae, 0x9777_0000);
    odd_pages(&format!("{x86}\npae = false"), PagingMode::X86, 0x9777_0000);
}

#[test]
fn a_masked_transition_entry_is_read_from_the_frame_that_the_dump_holds() {
    let mut scenario = scenario(
        "build = 19041\ninvalid_pte_mask = \"0x200000000000\"",
        "bitmap-kernel",
    );
    scenario.pages.push(Pages {
        address: Number(0xFFFF_C000_7777_0000),
        state: PageKind::Transition,
        text: "still here".into(),
        ..Default::default()
    });
    let bytes = forge(&scenario).unwrap().to_vec();
    let source = Slice(&bytes);
    let (header, index) = open(&source);
    let space = space(&source, &header, &index, PagingMode::X64);
    let mut text = [0; 10];
    space
        .read(VirtualAddress(0xFFFF_C000_7777_0000), &mut text)
        .unwrap();
    assert_eq!(&text, b"still here");
}

#[test]
fn a_page_left_out_is_not_in_the_dump_while_its_entry_stays_valid() {
    let mut scenario = scenario("build = 19041", "bitmap-kernel");
    let truth = Truth::of(&scenario).unwrap();
    let victim = truth.variables["PsLoadedModuleList"] & !0xFFF;
    scenario.faults.leave_out.push(Number(victim));
    let bytes = forge(&scenario).unwrap().to_vec();
    let source = Slice(&bytes);
    let (header, index) = open(&source);
    let space = space(&source, &header, &index, PagingMode::X64);
    let read = space.read(VirtualAddress(victim), &mut [0; 8]);
    assert!(matches!(read, Err(Missing::NotInDump(_))), "{read:?}");
}

#[test]
fn a_page_behind_the_end_of_the_file_is_truncated() {
    let scenario = scenario("build = 19041", "bitmap-kernel");
    let truth = Truth::of(&scenario).unwrap();
    let bytes = forge(&scenario).unwrap().to_vec();
    let whole = Slice(&bytes);
    let (_, index) = open(&whole);
    let last = *truth.kernel_frames.iter().max().unwrap();
    let offset = index.locate(&whole, last).unwrap();
    let source = Slice(&bytes[..offset as usize]);
    let (_, index) = open(&source);
    let memory = PhysicalMemory::new(&source, &index);
    let read = memory.read(PhysicalAddress(last << 12), &mut [0; 8]);
    assert!(matches!(read, Err(Missing::File(_))), "{read:?}");
    assert_eq!(memory.holds(Pfn(last)), Ok(true));
}
