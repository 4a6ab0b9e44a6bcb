//! How the debugger would file the stop, completed with what the list of modules knows.

use crate::model::{Failure, Module, Report};

/// Puts the filing into the report, and its bucket beside a culprit that it names too.
pub(super) fn compose(mut failure: Failure, report: &mut Report) {
    let image = failure.image_name.clone().unwrap_or_default();
    let module = report
        .modules
        .iter()
        .find(|module| module.name.eq_ignore_ascii_case(&image));
    if let Some(module) = module {
        failure.image_version.clone_from(&module.version);
        failure.image_timestamp = module.timestamp;
        if let Some(name) = kernel_file(module) {
            failure.image_name = Some(name.into());
        }
    }
    if let Some(blame) = &mut report.blame
        && blame.module.eq_ignore_ascii_case(&image)
    {
        let symbol = failure.symbol_name.as_deref();
        let function = symbol.and_then(|name| name.split_once('!'));
        let function = function.and_then(|(_, rest)| rest.rsplit_once('+'));
        blame.symbol = function.map(|(name, _)| name.into());
        blame.bucket_id.clone_from(&failure.bucket_id);
        blame.failure_hash.clone_from(&failure.hash);
    }
    report.failure = Some(failure);
}

/// What the kernel was called when it was built; it is always loaded as ntoskrnl.exe.
fn kernel_file(module: &Module) -> Option<&'static str> {
    let pdb = module.pdb.as_ref()?;
    let name = ["ntkrnlmp", "ntkrnlpa", "ntkrpamp", "ntkrla57"]
        .into_iter()
        .zip([
            "ntkrnlmp.exe",
            "ntkrnlpa.exe",
            "ntkrpamp.exe",
            "ntkrla57.exe",
        ])
        .find(|(stem, _)| {
            pdb.name
                .get(..stem.len())
                .is_some_and(|s| s.eq_ignore_ascii_case(stem))
        });
    let renamed = module.name.eq_ignore_ascii_case("ntoskrnl.exe");
    name.filter(|_| renamed).map(|(_, file)| file)
}
