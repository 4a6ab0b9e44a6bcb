//! Drivers made by compilers, laid into forged kernel memory and read back by the whole analysis:
//! identity, version resource, exports, unwind data and symbol file, and the stack through them.

use bluepane::analysis::Analysis;
use bluepane::model::{Confidence, Frame, Hex, How, Report};
use bluepane::source::SliceProvider;
use bluepane_forge::{Scenario, Truth, forge};
use bluepane_formats::convert;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// `middle` takes 48 bytes and calls; what it returns to is 9 bytes in. `hidden` is no export.
const SOURCE: &str = r#"
int answer(int n) { return n * 42; }
int entry(void) { return answer(3); }
__asm__(".text\n"
  ".def middle; .scl 2; .type 32; .endef\n.globl middle\n.seh_proc middle\nmiddle:\n"
  "subq $0x48, %rsp\n.seh_stackalloc 0x48\n.seh_endprologue\ncall answer\naddq $0x48, %rsp\nret\n.seh_endproc\n"
  ".def hidden; .scl 2; .type 32; .endef\n.globl hidden\n.seh_proc hidden\nhidden:\n"
  "subq $0x88, %rsp\n.seh_stackalloc 0x88\n.seh_endprologue\ncall middle\naddq $0x88, %rsp\nret\n.seh_endproc\n"
  ".section .drectve,\"yn\"\n.ascii \" -export:middle \"\n.text\n");
"#;
const RESOURCE: &str = r#"
1 VERSIONINFO
FILEVERSION 6,3,9600,17031
PRODUCTVERSION 6,3,9600,17031
BEGIN
  BLOCK "StringFileInfo" BEGIN BLOCK "040904b0" BEGIN
    VALUE "CompanyName", "Example Corporation"
    VALUE "FileVersion", "6.3.9600.17031"
    VALUE "OriginalFilename", "real.sys"
  END END
  BLOCK "VarFileInfo" BEGIN VALUE "Translation", 0x409, 1200 END
END
"#;
const MIDDLE: (u64, u64) = (0x48, 9);
/// `sub rsp, 88h` needs seven bytes.
const HIDDEN: (u64, u64) = (0x88, 12);

fn run(folder: &Path, program: &str, arguments: &[&str]) -> bool {
    let ran = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .status();
    ran.is_ok_and(|status| status.success())
}

/// The driver as one of the compilers makes it; nothing where it is not installed.
fn built(compiler: &str) -> Option<PathBuf> {
    // Tests run side by side.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let (id, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let folder = std::env::temp_dir().join(format!("bluepane-real-{compiler}-{id}-{count}"));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("real.c"), SOURCE).unwrap();
    std::fs::write(folder.join("real.rc"), RESOURCE).unwrap();
    let windres = "x86_64-w64-mingw32-windres";
    let made = if compiler == "gcc" {
        let options = "-O1 -nostdlib -shared -ffreestanding -Wl,-e,entry -Wl,--subsystem,native \
            -Wl,--dynamicbase real.c res.o -o real.sys";
        let options: Vec<&str> = options.split_whitespace().collect();
        run(&folder, windres, &["real.rc", "-O", "coff", "-o", "res.o"])
            && run(&folder, "x86_64-w64-mingw32-gcc", &options)
    } else {
        let compile =
            "--target=x86_64-pc-windows-msvc -O1 -ffreestanding -gcodeview -c real.c -o real.o";
        let link = "/nologo /dll /entry:entry /subsystem:native /driver /nodefaultlib /debug /release \
            real.o real.res /out:real.sys";
        let split = |text: &'static str| text.split_whitespace().collect::<Vec<_>>();
        let versions = ["-22", "-21", "-20", "-19", ""];
        run(
            &folder,
            windres,
            &["real.rc", "-O", "res", "-o", "real.res"],
        ) && versions.iter().any(|version| {
            run(&folder, &format!("clang{version}"), &split(compile))
                && run(&folder, &format!("lld-link{version}"), &split(link))
        })
    };
    if !made {
        eprintln!("skipped: {compiler} for Windows is not installed");
    }
    made.then_some(folder)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Where the code of a function lies, found by its own bytes.
fn place(file: &[u8], code: &[u8]) -> u64 {
    let pe = word(file, 0x3C) as usize;
    let sections = pe + 0x18 + usize::from(u16::from_le_bytes([file[pe + 0x14], file[pe + 0x15]]));
    let text = (0..20).map(|n| sections + 40 * n);
    let mut text = text.filter(|&at| &file[at..at + 6] == b".text\0");
    let at = text.next().unwrap();
    let (rva, from) = (word(file, at + 12), word(file, at + 20) as usize);
    let found = file[from..].windows(code.len()).position(|w| w == code);
    u64::from(rva) + found.unwrap() as u64
}

struct Case {
    report: Report,
    truth: Truth,
    file: Vec<u8>,
}

/// A stop in a driver's middle function, called by its hidden one; the image's pages in the dump or
/// not, and these files beside it.
fn case(folder: &Path, kind: &str, beside: &[&str]) -> Case {
    let path = folder.join("real.sys");
    let file = std::fs::read(&path).unwrap();
    let middle = place(&file, &[0x48, 0x83, 0xEC, 0x48]) + MIDDLE.1;
    let hidden = place(&file, &[0x48, 0x81, 0xEC, 0x88, 0, 0, 0]) + HIDDEN.1;
    let frames = [
        ("nt!KeBugCheckEx".to_owned(), 0),
        (format!("real.sys+{middle:#x}"), MIDDLE.0),
        (format!("real.sys+{hidden:#x}"), HIDDEN.0),
        ("nt!IofCallDriver".to_owned(), 0),
        ("nt!ExpWorkerThread".to_owned(), 0),
    ]
    .map(|(at, room)| format!("[[stack]]\nat = \"{at}\"\nroom = {room}\n"));
    // A complete dump holds every page, a small one none of an image.
    let faults = match kind {
        "bitmap-kernel" => "leave_out_modules = [\"real.sys\"]\n",
        _ => "",
    };
    let text = format!(
        "modules = [{{ name = \"real.sys\", file = '{}' }}]\n[machine]\nbuild = 19041\nmemory = \"64 MiB\"\n\
         [dump]\nkind = \"{kind}\"\n[faults]\n{faults}{}",
        path.display(),
        frames.concat()
    );
    let scenario = Scenario::from_toml(&text).unwrap();
    let bytes = forge(&scenario).unwrap().to_vec();
    let mut analysis = Analysis::new("a.dmp", bytes.len() as u64);
    for name in beside {
        let given = std::fs::read(folder.join(name)).unwrap();
        let given = convert(name, &given).unwrap().into_owned();
        analysis.add_symbols(name, given).unwrap();
    }
    analysis.run(&mut SliceProvider(&bytes));
    Case {
        report: analysis.report().clone(),
        truth: Truth::of(&scenario).unwrap(),
        file,
    }
}

fn frames(case: &Case) -> &[Frame] {
    &case.report.stack.as_ref().unwrap().frames
}

fn addresses(case: &Case) -> Vec<u64> {
    frames(case).iter().map(|frame| frame.address.0).collect()
}

#[test]
fn a_compiled_driver_is_read_back_whole_and_the_stack_goes_through_it() {
    for compiler in ["gcc", "clang"] {
        let Some(folder) = built(compiler) else {
            continue;
        };
        let case = case(&folder, "full", &[]);
        let pe = word(&case.file, 0x3C) as usize;
        let module = &case.report.modules[1];
        assert_eq!(module.name, "real.sys", "{compiler}");
        assert_eq!(
            module.timestamp,
            Some(word(&case.file, pe + 8)),
            "{compiler}"
        );
        assert_eq!(module.size, word(&case.file, pe + 0x50), "{compiler}");
        assert_eq!(
            module.checksum,
            Some(word(&case.file, pe + 0x58)),
            "{compiler}"
        );
        assert_eq!(
            module.version.as_deref(),
            Some("6.3.9600.17031"),
            "{compiler}"
        );
        assert_eq!(addresses(&case), case.truth.stack, "{compiler}");
        for frame in &frames(&case)[1..] {
            assert_eq!(
                (frame.how, frame.confidence),
                (How::Unwind, Confidence::Certain)
            );
        }
        let middle = &frames(&case)[1];
        assert_eq!(middle.symbol.as_deref(), Some("middle"), "{compiler}");
        assert_eq!(middle.offset, Some(Hex(MIDDLE.1)), "{compiler}");
        assert_eq!(frames(&case)[2].symbol, None, "{compiler}: it is no export");
        let _ = std::fs::remove_dir_all(folder);
    }
}

#[test]
fn the_linkers_symbol_file_names_what_is_no_export() {
    let Some(folder) = built("clang") else {
        return;
    };
    let case = case(&folder, "full", &["real.pdb"]);
    let module = &case.report.modules[1];
    assert_eq!(module.pdb.as_ref().unwrap().name, "real.pdb");
    let names: Vec<_> = frames(&case)[1..3]
        .iter()
        .map(|f| (f.symbol.as_deref(), f.offset))
        .collect();
    let expected = [
        (Some("middle"), Some(Hex(MIDDLE.1))),
        (Some("hidden"), Some(Hex(HIDDEN.1))),
    ];
    assert_eq!(names, expected);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn an_image_that_is_put_beside_the_dump_makes_guesses_certain() {
    for compiler in ["gcc", "clang"] {
        let Some(folder) = built(compiler) else {
            continue;
        };
        let own = |case: &Case| {
            let mine = frames(case).iter();
            let mine = mine.filter(|f| f.module.as_deref() == Some("real.sys"));
            mine.map(|f| f.confidence).collect::<Vec<_>>()
        };
        for kind in ["bitmap-kernel", "triage"] {
            let name = format!("{compiler}, {kind}");
            // Nothing proves a call before those addresses, but for the one that stopped Windows.
            let without = own(&case(&folder, kind, &[]));
            let guessed = without[1..]
                .iter()
                .all(|sure| *sure == Confidence::Possible);
            assert!(without.len() > 1 && guessed, "{name}: {without:?}");
            let with = case(&folder, kind, &["real.sys"]);
            assert_eq!(addresses(&with)[..3], with.truth.stack[..3], "{name}");
            assert_eq!(own(&with), [Confidence::Certain; 2], "{name}");
            let middle = frames(&with)[1].symbol.as_deref();
            assert_eq!(middle, Some("middle"), "{name}");
        }
        let _ = std::fs::remove_dir_all(folder);
    }
}
