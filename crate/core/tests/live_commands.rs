//! Commands that read the dump, on forged dumps: what they show is what the forge put in, and what
//! is missing says why.

mod support;

use bluepane::analysis::{Analysis, Answer, Progress, Query};
use bluepane::console::View;
use bluepane::source::{Provider, SliceProvider, serve};
use bluepane_forge::scenario::{Number, PageKind, Pages};
use bluepane_forge::{Scenario, Truth, forge};
use support::Asked;

const ODD: u64 = 0xFFFF_C000_7777_0000;

fn scenario(kind: &str) -> Scenario {
    let text = format!(
        "[machine]\nbuild = 19041\nmemory = \"64 MiB\"\n[dump]\nkind = \"{kind}\"\n\
         [[processes]]\nname = \"smss.exe\"\npid = 360\n"
    );
    let mut scenario = Scenario::from_toml(&text).unwrap();
    let states = [
        PageKind::Transition,
        PageKind::Prototype,
        PageKind::PagedOut,
        PageKind::DemandZero,
    ];
    for (index, state) in states.into_iter().enumerate() {
        scenario.pages.push(Pages {
            address: Number(ODD + index as u64 * 0x1000),
            state,
            text: format!("{state:?}"),
            page_file: 2,
            offset: Number(0x4321),
            ..Default::default()
        });
    }
    scenario
}

#[test]
fn memory_is_shown_in_every_unit_and_equals_what_was_forged() {
    let scenario = scenario("bitmap-kernel");
    let truth = Truth::of(&scenario).unwrap();
    let mut dump = Asked::new(&scenario);
    let base = truth.modules[0].base;
    assert_eq!(
        dump.ask("? nt"),
        format!(
            "Evaluate expression: {} = {:08x}`{:08x}  (nt)\n",
            base as i64,
            base >> 32,
            base & 0xFFFF_FFFF
        )
    );
    let page = truth.kernel[&base];
    let quad = |at: usize| u64::from_le_bytes(page[at..at + 8].try_into().unwrap());
    let dq = dump.ask("dq nt L4");
    let want = format!(
        "{:08x}`{:08x}  {:08x}`{:08x} {:08x}`{:08x}\n",
        base >> 32,
        base & 0xFFFF_FFFF,
        quad(0) >> 32,
        quad(0) & 0xFFFF_FFFF,
        quad(8) >> 32,
        quad(8) & 0xFFFF_FFFF
    );
    assert!(dq.starts_with(&want), "{dq}{want}");
    assert_eq!(dq.lines().count(), 2);
    let db = dump.ask("db nt L10");
    assert!(db.contains("  4d 5a ") && db.contains("  MZ"), "{db}");
    assert!(dump.ask("dw nt L1").ends_with("  5a4d\n"));
    let end = format!("dd nt nt+{:x}", 0x20 - 4);
    assert_eq!(dump.ask(&end).lines().count(), 2);
    assert!(dump.ask("dq poi(nt+3c) - poi(nt+3c) + nt L4") == dq);
    assert_eq!(dump.ask(&format!("dq {:#x} L4", base)), dq);
    let sp = dump
        .analysis
        .report()
        .stack
        .as_ref()
        .unwrap()
        .registers
        .iter();
    let sp = sp
        .clone()
        .find(|register| register.name == "rsp")
        .unwrap()
        .value;
    assert!(
        dump.ask("dps @rsp L2")
            .starts_with(&format!("{:08x}`", sp.0 >> 32))
    );
}

#[test]
fn what_is_missing_is_shown_as_question_marks_with_its_reason() {
    let mut dump = Asked::new(&scenario("bitmap-kernel"));
    assert!(dump.ask(&format!("da {ODD:x}")).contains("\"Transition\""));
    assert!(
        dump.ask(&format!("da {:x}", ODD + 0x1000))
            .contains("\"Prototype\"")
    );
    let paged = dump.ask(&format!("dq {:x} L2", ODD + 0x2000));
    assert!(
        paged.contains("????????`???????? ????????`????????"),
        "{paged}"
    );
    assert!(paged.contains("page file 2, page 0x4321"), "{paged}");
    let across = dump.ask(&format!("dd {:x} L8", ODD + 0x1FF0));
    let lines: Vec<&str> = across.lines().collect();
    assert_eq!(lines.len(), 3, "{across}");
    assert!(
        !lines[0].contains('?') && lines[1].contains("???????? ????????"),
        "{across}"
    );
    let zero = dump.ask(&format!("db {:x} L4", ODD + 0x3000));
    assert!(
        zero.contains("?? ?? ?? ??") && zero.contains("never touched"),
        "{zero}"
    );
    let nowhere = dump.ask(&format!("dw {:x}", ODD + 0x1000_0000));
    assert!(nowhere.contains("not present: the "), "{nowhere}");
    let odd = dump.ask("dq 8000`00000000 L1");
    assert!(
        odd.contains("no memory of the dump has that address"),
        "{odd}"
    );
}

#[test]
fn entries_and_translations_are_shown_level_by_level() {
    let scenario = scenario("bitmap-kernel");
    let truth = Truth::of(&scenario).unwrap();
    let mut dump = Asked::new(&scenario);
    let pte = dump.ask("!pte nt+1000");
    let lines: Vec<&str> = pte.lines().collect();
    assert!(lines[0].trim_start().starts_with("VA "), "{pte}");
    assert!(
        lines[1].starts_with("PXE at #") && lines[1].contains("PDE at #"),
        "{pte}"
    );
    assert!(
        !lines[1].contains("PTE at"),
        "a large page has no PTE: {pte}"
    );
    assert!(lines[3].contains("--L") && lines[3].contains("KREV") || lines[3].contains("KWEV"));
    assert!(lines[4].contains("page of 2 MiB"), "{pte}");
    let paged = dump.ask(&format!("!pte {:x}", ODD + 0x2000));
    assert!(paged.contains("page file 2, page 4321"), "{paged}");
    let vtop = dump.ask("!vtop 0 nt");
    let physical = vtop.trim_end().rsplit("physical address ").next().unwrap();
    let physical = u64::from_str_radix(physical.trim_end_matches('.'), 16).unwrap();
    let page = truth.physical[&(physical >> 12)];
    assert_eq!(page, truth.kernel[&truth.modules[0].base]);
    let same = dump.ask(&format!("!db {physical:x} L2"));
    assert!(same.contains("  4d 5a "), "{same}");
    assert!(dump.ask(&format!("db /p {physical:x} L2")) == same);
}

#[test]
fn an_address_is_told_with_its_owner_its_page_and_its_place_in_the_file() {
    let mut dump = Asked::new(&scenario("bitmap-kernel"));
    let nt = dump.ask("!address nt+10");
    assert!(nt.contains("module ntoskrnl.exe, nt+0x10"), "{nt}");
    let offset = nt.rsplit("offset 0x").next().unwrap();
    let offset = usize::from_str_radix(offset.lines().next().unwrap(), 16).unwrap();
    assert_eq!(dump.bytes[offset - 0x10..][..2], *b"MZ");
    let stack = dump.ask("!address @rsp");
    assert!(stack.contains("stack of the current thread"), "{stack}");
    let user = dump.ask("!address 7ff612340000");
    assert!(user.contains("a process's own memory"), "{user}");
    let transition = dump.ask(&format!("!address {ODD:x}"));
    assert!(transition.contains("in transition"), "{transition}");
}

#[test]
fn a_minidump_shows_its_blocks_and_says_that_it_has_no_tables() {
    let text = "[machine]\nbuild = 9600\nmemory = \"64 MiB\"\n[dump]\nkind = \"triage\"\n";
    let mut dump = Asked::new(&Scenario::from_toml(text).unwrap());
    let stack = dump.ask("dps @rsp");
    assert!(!stack.contains('?') && stack.contains("nt+"), "{stack}");
    assert!(dump.ask("!pte @rsp").contains("holds no page tables"));
    assert!(dump.ask("!dq 1000").contains("holds no physical pages"));
    let nt = dump.ask("dq nt L2");
    assert!(nt.contains("????????`????????"), "{nt}");
    assert!(
        nt.contains("no memory of the dump has that address"),
        "{nt}"
    );
    assert!(dump.ask("!address @rsp").contains("bytes from here on"));
}

#[test]
fn a_search_finds_every_place_and_says_how_much_could_be_read() {
    let mut dump = Asked::new(&scenario("bitmap-kernel"));
    let found = dump.ask(&format!("s -a {ODD:x} L4000 \"Transition\""));
    assert!(found.starts_with("ffffc000`77770000"), "{found}");
    assert!(
        found.contains("8 KiB of 16 KiB could be searched."),
        "{found}"
    );
    let across = dump.ask(&format!("s {:x} L2000 74 69 6f 6e", ODD));
    assert!(across.starts_with("ffffc000`77770006"), "{across}");
    let nothing = dump.ask(&format!("s -d {ODD:x} L1000 12345678"));
    assert!(nothing.contains("Found nowhere"), "{nothing}");
    assert!(dump.ask("s -a nt \"x\"").contains("could") || dump.ask("s nt").contains("range"));
}

#[test]
fn a_long_command_tells_its_progress_and_ends_when_it_is_stopped() {
    let bytes = forge(&scenario("full")).unwrap().to_vec();
    let mut dump = Asked::of(bytes.clone());
    let query = Query::Command("s -q fffff80000000000 L80000000 1122334455667788".into());
    dump.analysis.ask(query.clone());
    let mut told = Vec::new();
    loop {
        match dump.analysis.advance() {
            Progress::Wanting => serve(dump.analysis.cache_mut(), &mut SliceProvider(&bytes)),
            Progress::Step { done, total, .. } => told.push((done, total)),
            Progress::Finished => break,
        }
        if told.len() == 5 {
            dump.analysis.cache_mut().cancel();
        }
    }
    assert!(
        told.windows(2).all(|pair| pair[0].0 <= pair[1].0),
        "{told:?}"
    );
    assert!(told.len() < 10, "{told:?}");
    let Some(Answer::Text(text)) = dump.analysis.take_answer() else {
        panic!("no answer")
    };
    assert!(text.contains("the analysis was stopped"), "{text}");
    // Another question is answered in full.
    assert!(dump.ask("db nt L2").contains("4d 5a"));
}

#[test]
fn hostile_lines_end_in_a_sentence() {
    let mut dump = Asked::new(&scenario("bitmap-kernel"));
    let deep = format!("? {}1", "(".repeat(5000));
    for line in [
        "dq",
        "dq zz",
        "dq nt L",
        "dq nt L0",
        "dq nt nt",
        "dq ffffffffffffffff L100",
        "dq nt Lffffffffffffffff",
        "dq poi(0)",
        "!pte",
        "!pte ffffffffffffffff",
        "!vtop 1 2 3",
        "!vtop ffffffffffffffff nt",
        "!dq ffffffffffffffff",
        "da ffffffffffffffff Lfffffffffffff",
        "s -z nt L10 1",
        "s nt Lffffffffffffffff 1",
        "s ffffffffffffffff L100 ff",
        "? nt!NoSuchExport",
        "? 1 +",
        "? @nosuch",
        "? 0n",
        ".formats",
        &deep,
    ] {
        let answer = dump.ask(line);
        assert!(
            !answer.trim().is_empty() && answer.len() < 1 << 20,
            "{line}"
        );
    }
    assert!(dump.ask("? 0n16 + 2*(3-1)").contains("= 00000000`00000014"));
    let provider: &mut dyn Provider = &mut SliceProvider(&[]);
    let mut empty = Analysis::new("none", 0);
    let query = Query::Command("dq 0".into());
    assert!(
        matches!(empty.answer(query, provider), Some(Answer::Text(text)) if text.contains("cannot be read"))
    );
}

#[test]
fn memory_for_the_explorer_carries_pointers_steps_and_the_reason_of_every_gap() {
    let scenario = scenario("bitmap-kernel");
    let mut dump = Asked::new(&scenario);
    let mut show = |place: &str, physical, len| {
        let query = Query::Memory(View {
            place: place.into(),
            physical,
            len,
        });
        let mut file = SliceProvider(&dump.bytes);
        match dump.analysis.answer(query, &mut file) {
            Some(Answer::Memory(shown)) => *shown,
            other => panic!("{place}: {other:?}"),
        }
    };
    let nt = show("nt+4", false, 0x100);
    assert_eq!(nt.address.0, nt.start.0 + 4);
    assert!(nt.bytes.starts_with("4d5a90") && nt.bytes.len() == 0x200);
    assert_eq!(nt.steps.len(), 3, "{:?}", nt.steps);
    assert_eq!(nt.steps[2].name, "PDE");
    let index = (nt.start.0 >> 21 & 0x1FF) as u32;
    assert_eq!(nt.steps[2].index, Some(index));
    assert!(nt.owners[0].contains("nt+0x4"), "{:?}", nt.owners);
    assert!(nt.gaps.is_empty() && nt.gap.is_none());
    let physical = show(&format!("{:x}", nt.at.unwrap().0), true, 0x100);
    assert_eq!(
        (&physical.bytes, physical.file_offset),
        (&nt.bytes, nt.file_offset)
    );
    let stack = show("@rsp", false, 0x100);
    assert!(
        stack
            .pointers
            .iter()
            .any(|p| p.place.as_deref().is_some_and(|at| at.starts_with("nt+")))
    );
    let odd = show(&format!("{:x}", ODD + 0x1F80), false, 0x100);
    assert_eq!(odd.gaps.len(), 1);
    assert_eq!(odd.gaps[0].address.0, ODD + 0x2000);
    assert!(odd.bytes.ends_with("??") && odd.gaps[0].text.contains("page file 2"));
    let paged = show(&format!("{:x}", ODD + 0x2000), false, 16);
    assert!(
        paged.outcome.contains("page file 2, page 0x4321"),
        "{}",
        paged.outcome
    );
    assert_eq!(
        paged.steps.last().unwrap().meaning,
        "page file 2, page 4321"
    );
    assert!(
        show("nonsense", false, 16)
            .problem
            .contains("neither a number")
    );
}

#[test]
fn coverage_counts_what_is_in_the_file_run_by_run_and_cell_by_cell() {
    for kind in ["full", "bitmap-kernel", "bitmap-full", "range-complete"] {
        let scenario = scenario(kind);
        let dump = Asked::new(&scenario);
        let memory = dump.analysis.report().memory.as_ref().unwrap();
        let coverage = memory.coverage.as_ref().unwrap();
        let truth = Truth::of(&scenario).unwrap();
        let whole = kind != "bitmap-kernel";
        let stored: u64 = memory
            .physical_runs
            .iter()
            .map(|run| run.stored.unwrap().0)
            .sum();
        let pages: u64 = memory.physical_runs.iter().map(|run| run.pages.0).sum();
        assert_eq!(stored, coverage.stored_pages.0, "{kind}");
        assert_eq!(stored == pages, whole, "{kind}: {stored:#x} of {pages:#x}");
        if !whole {
            assert!(stored >= truth.kernel_frames.len() as u64, "{kind}");
        }
        let cell = coverage.cell_pages.0;
        for (index, &part) in coverage.stored.iter().enumerate() {
            let frames = index as u64 * cell..(index as u64 + 1) * cell;
            let held = truth
                .kernel_frames
                .iter()
                .any(|frame| frames.contains(frame));
            assert!(part <= 1000 && (part > 0 || !held), "{kind}: cell {index}");
        }
    }
    // Only the legacy form says that nobody checked it against a real file.
    let legacy =
        "[machine]\nbuild = 7601\nmemory = \"64 MiB\"\n[dump]\nkind = \"kernel-summary\"\n";
    let noted = |dump: &Asked| {
        let notes = &dump.analysis.report().notes;
        notes.iter().any(|note| note.code == "layout-unverified")
    };
    assert!(noted(&Asked::new(&Scenario::from_toml(legacy).unwrap())));
    assert!(!noted(&Asked::new(&scenario("bitmap-kernel"))));
}
