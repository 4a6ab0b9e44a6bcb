//! Any bytes may be dropped as a symbol file: what comes of them is a table that can be asked, or a reason.
#![no_main]

use bluepane::symbols::{Names, SymbolTable};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(made) = bluepane_formats::convert("a.pdb", data) else {
        return;
    };
    if let Some(table) = SymbolTable::parse(made.into_owned()) {
        let _ = table.name_at(0x1234);
        let _ = table.rva_of("KeBugCheckEx");
    }
});
