//! Files that were not made here, laid into the machine: a driver built by a compiler, with version resource, exports and
//! unwind data, and firmware tables.

use bluepane_forge::{Scenario, Truth};
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "
__declspec(dllexport) int answer(int n) { return n * 42; }
static int seven = 7;
__declspec(dllexport) int *pointer = &seven;
int entry(void) { volatile int a[40]; for (int i = 0; i < 40; i++) a[i] = answer(i + *pointer); return a[3]; }
";
const RESOURCE: &str = "
1 VERSIONINFO
FILEVERSION 6,3,9600,17031
PRODUCTVERSION 6,3,9600,17031
BEGIN
  BLOCK \"StringFileInfo\" BEGIN BLOCK \"040904b0\" BEGIN
    VALUE \"CompanyName\", \"Example Corporation\"
    VALUE \"FileVersion\", \"6.3.9600.17031\"
    VALUE \"OriginalFilename\", \"real.sys\"
  END END
  BLOCK \"VarFileInfo\" BEGIN VALUE \"Translation\", 0x409, 1200 END
END
";

/// A driver made with Debian's mingw-w64; nothing, with a line that says so, where that is not installed.
fn built(folder: &Path) -> Option<PathBuf> {
    std::fs::write(folder.join("real.c"), SOURCE).unwrap();
    std::fs::write(folder.join("real.rc"), RESOURCE).unwrap();
    let out = folder.join("real.sys");
    let resource = Command::new("x86_64-w64-mingw32-windres")
        .args(["real.rc", "-O", "coff", "-o", "res.o"])
        .current_dir(folder)
        .status();
    let made = Command::new("x86_64-w64-mingw32-gcc")
        .args([
            "-O1",
            "-nostdlib",
            "-shared",
            "-ffreestanding",
            "-fasynchronous-unwind-tables",
        ])
        .args([
            "-Wl,-e,entry",
            "-Wl,--subsystem,native",
            "-Wl,--dynamicbase",
            "real.c",
            "res.o",
            "-o",
            "real.sys",
        ])
        .current_dir(folder)
        .status();
    let fine = [resource, made]
        .into_iter()
        .all(|s| s.is_ok_and(|s| s.success()));
    if !fine {
        eprintln!(
            "skipped: no x86_64-w64-mingw32-gcc (apt-get install gcc-mingw-w64-x86-64-win32)"
        );
    }
    fine.then_some(out)
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("bluepane-forge-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn a_compiled_driver_lies_in_memory_relocated_and_with_its_own_identity() {
    let folder = folder("driver");
    let Some(file) = built(&folder) else {
        return;
    };
    let bytes = std::fs::read(&file).unwrap();
    let text = format!(
        "modules = [{{ name = \"real.sys\", file = '{}' }}]\n[machine]\nbuild = 9600\n[dump]\nkind = \"full\"",
        file.display()
    );
    let scenario = Scenario::from_toml(&text).unwrap();
    let truth = Truth::of(&scenario).unwrap();
    let module = &truth.modules[1];
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let pe = word(0x3c) as usize;
    assert_eq!(
        (module.stamp, module.size),
        (word(pe + 8), u64::from(word(pe + 0x50)))
    );
    let head = &truth.kernel[&module.base];
    assert_eq!(&head[..2], b"MZ");
    // The header in memory says where it was loaded, not where it wanted to be.
    let base = u64::from_le_bytes(head[pe + 0x30..pe + 0x38].try_into().unwrap());
    assert_eq!(base, module.base);
    // `pointer` is exported; what it holds was moved along with the image.
    let pages = truth.kernel.range(module.base..module.base + module.size);
    let moved = pages.flat_map(|(at, page)| {
        page.as_chunks::<8>()
            .0
            .iter()
            .map(|w| u64::from_le_bytes(*w))
            .collect::<Vec<_>>()
            .into_iter()
            .map(move |w| (*at, w))
    });
    let inside =
        moved.filter(|(_, w)| (module.base + 0x1000..module.base + module.size).contains(w));
    assert!(inside.count() > 0);
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn a_file_that_is_none_is_refused_by_its_name() {
    let folder = folder("none");
    let file = folder.join("text.sys");
    std::fs::write(&file, "no image").unwrap();
    let text = format!(
        "modules = [{{ name = \"a.sys\", file = '{}' }}]",
        file.display()
    );
    let error = Scenario::from_toml(&text).unwrap_err().to_string();
    assert!(error.contains("text.sys"), "{error}");
    assert!(
        Scenario::from_toml("modules = [{ name = \"a.sys\", file = \"nowhere.sys\" }]").is_err()
    );
    let _ = std::fs::remove_dir_all(folder);
}

#[test]
fn given_firmware_tables_replace_the_invented_ones_everywhere() {
    let folder = folder("firmware");
    let (smbios, acpi) = (folder.join("dmi"), folder.join("facp"));
    // A table too long for its usual place: 40 strings, then the end.
    let mut table = vec![0, 0x18, 0, 0];
    table.resize(0x18, 1);
    for n in 0..400 {
        table.extend(format!("string number {n:020}\0").bytes());
    }
    table.extend([0, 127, 4, 1, 0, 0, 0]);
    std::fs::write(&smbios, &table).unwrap();
    let mut facp = b"FACP".to_vec();
    facp.resize(0x100, 0x5A);
    std::fs::write(&acpi, &facp).unwrap();
    let text = format!(
        "[dump]\nkind = \"full\"\n[firmware]\nsmbios_file = '{}'\nacpi_files = ['{}']",
        smbios.display(),
        acpi.display()
    );
    let scenario = Scenario::from_toml(&text).unwrap();
    let truth = Truth::of(&scenario).unwrap();
    let low: Vec<u8> = truth
        .physical
        .range(..0x100)
        .flat_map(|(_, page)| page.iter().copied())
        .collect();
    assert!(low.windows(table.len()).any(|w| w == table));
    assert!(low.windows(facp.len()).any(|w| w == facp));
    let dump = bluepane_forge::forge(&scenario).unwrap();
    let behind = dump.pieces().last().unwrap().1;
    assert!(behind.windows(table.len()).any(|w| w == table));
    let _ = std::fs::remove_dir_all(folder);
}
