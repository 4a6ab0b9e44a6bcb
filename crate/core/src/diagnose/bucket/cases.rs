//! Published outputs of the debugger, where a copy of the collection is at hand: given a case's
//! code, parameters, stack and modules, module and bucket come out as the debugger's.

extern crate std;

use super::{failure, failure_hash, follow::symbol_stem};
use crate::diagnose::Facts;
use crate::knowledge::testing::reference;
use crate::memory::VirtualAddress;
use crate::model::{Confidence, Exception, Frame, Hex, How, Kind, Stack};
use crate::nt::{Architecture, Module, ModuleList};
use alloc::{format, string::String, vec::Vec};
use serde_json::Value;

/// What differs, and why. `docs/blame.md` says the same.
const EXPLAINED: &[(&str, &str)] = &[(
    "0x39_nt!IopLoadUnloadDriver",
    "the first parameter is the routine, and the case does not give its name",
)];
/// Of ten, so many must agree.
const AGREE: usize = 9;

fn hex(text: &str) -> Option<u64> {
    u64::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

/// `mod!func+0x1`, `mod+0x1`, `0xfffff801`.
pub(super) fn frame(text: &str, modules: &mut Vec<Module>) -> Frame {
    let (place, offset) = text.split_once('+').unwrap_or((text, "0x0"));
    let offset = hex(offset).unwrap_or_default();
    let (module, symbol) = match place.split_once('!') {
        Some((module, symbol)) => (Some(module), Some(symbol)),
        None if place.starts_with("0x") => (None, None),
        None => (Some(place), None),
    };
    let image = module.map(image);
    let base = image.as_ref().map_or(0, |name| base_of(name, modules));
    Frame {
        address: Hex(base + offset),
        stack_pointer: None,
        child: None,
        return_address: None,
        arguments: Vec::new(),
        module: image,
        symbol: symbol.map(Into::into),
        offset: Some(Hex(offset)),
        how: How::Unwind,
        confidence: Confidence::Likely,
        gap: None,
    }
}

fn image(module: &str) -> String {
    match module {
        "nt" => "ntoskrnl.exe".into(),
        "hal" => "hal.dll".into(),
        other => format!("{other}.sys"),
    }
}

pub(super) fn base_of(name: &str, modules: &mut Vec<Module>) -> u64 {
    if let Some(known) = modules.iter().find(|m| m.name == name) {
        return known.base.0;
    }
    let base = 0xFFFF_9000_0000_0000 + modules.len() as u64 * 0x1000_0000;
    modules.push(Module {
        name: name.into(),
        base: VirtualAddress(base),
        size: 0x800_0000,
        ..Module::default()
    });
    base
}

/// A module without symbols whose frame agrees with a parameter lies where both agree.
pub(super) fn place(modules: &mut [Module], frames: &mut [Frame], parameters: [u64; 4]) {
    for parameter in parameters
        .into_iter()
        .filter(|p| *p > 0xFFFF_8000_0000_0000)
    {
        let fits = |f: &&mut Frame| {
            let offset = f.offset.map_or(1, |offset| offset.0);
            let bare = f.symbol.is_none() || offset == 0;
            f.module.is_some() && bare && (parameter ^ offset) & 0xFFF == 0
        };
        let Some(found) = frames.iter_mut().find(fits) else {
            continue;
        };
        let base = parameter - found.offset.map_or(0, |offset| offset.0);
        let name = found.module.clone();
        for module in modules
            .iter_mut()
            .filter(|m| Some(&m.name) == name.as_ref())
        {
            module.base = VirtualAddress(base);
        }
        found.address = Hex(parameter);
    }
}

struct Case {
    code: u32,
    parameters: [u64; 4],
    fields: Value,
    stack: Stack,
    modules: ModuleList,
    build: u32,
    architecture: Architecture,
    exception: Option<Exception>,
}

fn case(value: &Value) -> Option<Case> {
    let code = hex(value["code"].as_str()?)? as u32;
    let mut parameters = [0; 4];
    for (slot, given) in parameters.iter_mut().zip(value["params"].as_array()?) {
        *slot = given.as_str().and_then(hex).unwrap_or_default();
    }
    let mut modules = Vec::new();
    base_of("ntoskrnl.exe", &mut modules);
    let stack = value["stack"].as_array()?;
    let mut frames: Vec<Frame> = stack
        .iter()
        .filter_map(Value::as_str)
        .map(|text| frame(text, &mut modules))
        .collect();
    place(&mut modules, &mut frames, parameters);
    let fields = value["fields"].clone();
    let text = |name: &str| fields[name].as_str().unwrap_or_default();
    let lab = text("BUILD_VERSION_STRING").split('.').next();
    let thirty_two = parameters.iter().all(|p| *p < 1 << 32) && code == 0xD1;
    // What the debugger calls DRIVER_FAULT without a version is older than Vista.
    let build = match (text("DEFAULT_BUCKET_ID"), lab.and_then(|b| b.parse().ok())) {
        (_, Some(build)) => build,
        ("DRIVER_FAULT", None) => 2600,
        _ => 19_041,
    };
    let exception = (code == 0x7E).then(|| Exception {
        code: parameters[0] as u32,
        address: Hex(parameters[1]),
        ..Exception::default()
    });
    Some(Case {
        code,
        parameters,
        stack: Stack {
            frames,
            ..Stack::default()
        },
        modules: ModuleList::new(modules),
        build,
        architecture: if thirty_two {
            Architecture::X86
        } else {
            Architecture::X64
        },
        exception,
        fields,
    })
}

/// Whether ours is the debugger's; the difference in words where it is not.
fn compare(case: &Case) -> Option<Result<(), String>> {
    let wanted = |name: &str| case.fields[name].as_str();
    let bucket = wanted("FAILURE_BUCKET_ID").or_else(|| wanted("BUCKET_ID"));
    let symbol = wanted("SYMBOL_NAME");
    let module = wanted("MODULE_NAME")
        .or_else(|| wanted("IMAGE_NAME").and_then(|name| name.split('.').next()))
        .or_else(|| symbol.and_then(|name| name.split(['!', '+']).next()))?;
    let facts = Facts {
        stack: Some(&case.stack),
        architecture: Some(case.architecture),
        build: Some(case.build),
        exception: case.exception.as_ref(),
        ..Facts::new(
            Kind::BitmapKernel,
            case.code,
            case.parameters,
            &case.modules,
        )
    };
    let ours = failure(&facts);
    let named = ours.module_name.as_deref().unwrap_or_default();
    let module = symbol_stem(module.trim_end_matches(".exe"));
    let same = named.eq_ignore_ascii_case(if module == "ntkrnlmp" { "nt" } else { &module })
        && bucket.is_none_or(|bucket| ours.bucket_id.as_deref() == Some(bucket));
    if same {
        return Some(Ok(()));
    }
    Some(Err(format!(
        "{bucket:?} of {module} came out as {:?} of {named}",
        ours.bucket_id
    )))
}

fn cases() -> Option<Vec<Value>> {
    let text = reference("analyze_cases.json")?;
    let value: Value = serde_json::from_str(&text).unwrap();
    value["cases"].as_array().cloned()
}

#[test]
fn module_and_bucket_come_out_as_the_debuggers() {
    let Some(cases) = cases() else { return };
    let with_stack = cases
        .iter()
        .filter(|case| case["stack"].as_array().is_some_and(|s| !s.is_empty()));
    let results: Vec<Result<(), String>> = with_stack
        .filter_map(|value| compare(&case(value)?))
        .collect();
    let wrong: Vec<&String> = results.iter().filter_map(|r| r.as_ref().err()).collect();
    std::eprintln!("{} of {} agree", results.len() - wrong.len(), results.len());
    assert!(results.len() >= 19, "{}", results.len());
    assert!(
        wrong.len() * 10 <= results.len() * (10 - AGREE),
        "{wrong:#?}"
    );
    for difference in wrong {
        let explained = |(bucket, _): &(&str, &str)| difference.contains(bucket);
        assert!(EXPLAINED.iter().any(explained), "{difference}");
    }
}

#[test]
fn every_published_hash_is_that_of_its_bucket() {
    let Some(cases) = cases() else { return };
    let mut pairs = 0;
    for case in &cases {
        let field = |name: &str| case["fields"][name].as_str();
        let Some((bucket, hash)) = field("FAILURE_BUCKET_ID").zip(field("FAILURE_ID_HASH")) else {
            continue;
        };
        assert_eq!(format!("{{{}}}", failure_hash(bucket)), hash, "{bucket}");
        pairs += 1;
    }
    assert!(pairs >= 18, "{pairs}");
}

/// Further outputs that people published, as facts: code, parameters, the functions of the stack,
/// bucket and hash (PROCMON24: a driver above the filter manager; NETIO: no driver of another maker
/// at all; gwdrv: a watchdog over interrupt work; the process list that was taken apart).
const MORE: &[(u32, [u64; 4], &str, &str, &str)] = &[
    (
        0x139,
        [3, 0xFFFF_A90F_A4FE_2370, 0xFFFF_A90F_A4FE_22C8, 0],
        "nt!DbgBreakPointWithStatus nt!KiBugCheckDebugBreak+0x12 nt!KeBugCheck2+0x946 \
         nt!KeBugCheckEx+0x107 nt!KiBugCheckDispatch+0x69 nt!KiFastFailDispatch+0xd0 \
         nt!KiRaiseSecurityCheckFailure+0x323 fltmgr!FltpInsertCallback+0x7b55 \
         fltmgr!FltpSetCallbacksForInstance+0x1f1 fltmgr!FltpInitInstance+0x432 \
         fltmgr!FltStartFiltering+0x2b PROCMON24+0x35e9 PROCMON24+0x7894 PROCMON24+0x14020 \
         nt!PnpCallDriverEntry+0x4c nt!IopLoadDriver+0x4e5",
        "0x139_3_CORRUPT_LIST_ENTRY_PROCMON24!unknown_function",
        "5dbfd5b7-3954-0a5c-1c1a-36b5712f0de8",
    ),
    (
        0x139,
        [3, 0xFFFF_C285_7EB1_3850, 0xFFFF_C285_7EB1_37A8, 0],
        "nt!DbgBreakPointWithStatus nt!KiBugCheckDebugBreak+0x12 nt!KeBugCheck2+0x946 \
         nt!KeBugCheckEx+0x107 nt!KiBugCheckDispatch+0x69 nt!KiFastFailDispatch+0xd0 \
         nt!KiRaiseSecurityCheckFailure+0x32e nt!PspProcessDelete+0x12e731 \
         nt!ObpRemoveObjectRoutine+0x80 nt!ExpWorkerThread+0x105",
        "0x139_3_CORRUPT_LIST_ENTRY_nt!KiFastFailDispatch",
        "3aede96a-54dd-40d6-d4cb-2a161a843851",
    ),
    (
        0xD1,
        [8, 2, 0, 0xFFFF_F802_4E50_C688],
        "nt!KeBugCheckEx nt!KiBugCheckDispatch+0x69 nt!KiPageFault+0x468 \
         NETIO!StreamInvokeCalloutAndNormalizeAction+0x5c NETIO!StreamCalloutProcessingLoop+0x147 \
         NETIO!ProcessCallout+0x88e nt!KxSwitchKernelStackCallout+0x2e",
        "AV_NETIO!StreamInvokeCalloutAndNormalizeAction",
        "c2ca2d1f-cfdc-88d5-c7bc-7693b8f0de04",
    ),
    (
        0x133,
        [0, 0x500, 0x500, 0xFFFF_F803_E1DC_33A0],
        "nt!KeBugCheckEx nt!KeAccumulateTicks nt!KeClockInterruptNotify \
         nt!KiCallInterruptServiceRoutine nt!KiInterruptDispatchNoLockNoEtw gwdrv+0x424e",
        "0x133_DPC_gwdrv!unknown_function",
        "229a5753-87e5-3d87-e2b9-50836a10c652",
    ),
    (
        0xCA,
        [0x13, 0, 0, 0],
        "nt!KeBugCheckEx nt!PiDmaGuardProcessPreStart+0x10a7f6",
        "0xCA_13_nt!PiDmaGuardProcessPreStart",
        "",
    ),
    (
        0xEF,
        [0xFFFF_D18C_6689_1580, 0, 0, 0],
        "nt!KeBugCheckEx nt!PspCatchCriticalBreak+0xfd nt!PspTerminateAllThreads+0x112471 \
         nt!NtTerminateProcess+0xa9 nt!KiSystemServiceCopyEnd+0x13 ntdll!NtTerminateProcess+0x14",
        "0xEF_csrss.exe_BUGCHECK_CRITICAL_PROCESS_66897700_ntdll!NtTerminateProcess",
        "1c1f0cbd-836a-f251-4b76-76293e344c02",
    ),
];

#[test]
fn outputs_beside_the_collection_come_out_alike() {
    for &(code, parameters, frames, bucket, hash) in MORE {
        let mut modules = Vec::new();
        base_of("ntoskrnl.exe", &mut modules);
        let frames = frames.split_ascii_whitespace();
        let mut frames: Vec<Frame> = frames.map(|text| frame(text, &mut modules)).collect();
        place(&mut modules, &mut frames, parameters);
        let modules = ModuleList::new(modules);
        let stack = Stack {
            frames,
            process: Some(Hex(0xFFFF_D18C_6689_1580)),
            thread: Some(Hex(0xFFFF_D18C_6689_7700)),
            ..Stack::default()
        };
        let ours = failure(&Facts {
            stack: Some(&stack),
            process_name: Some("csrss.exe"),
            architecture: Some(Architecture::X64),
            build: Some(19_041),
            ..Facts::new(Kind::Triage, code, parameters, &modules)
        });
        assert_eq!(ours.bucket_id.as_deref(), Some(bucket));
        assert_eq!(ours.confidence, Confidence::Likely, "{bucket}");
        if !hash.is_empty() {
            assert_eq!(ours.hash.as_deref(), Some(hash), "{bucket}");
        }
    }
}

/// Where blame names another module than the debugger's follow-up, and why. `docs/blame.md` says the
/// same.
const OTHERS_NAMED: &[(&str, &str)] = &[];

#[test]
fn nobody_is_blamed_whom_the_debugger_did_not_follow_up() {
    let Some(cases) = cases() else { return };
    let (mut named, mut wrong) = (0, Vec::new());
    for value in &cases {
        let Some(case) = case(value) else { continue };
        let field = |name: &str| case.fields[name].as_str();
        let module = field("MODULE_NAME")
            .or_else(|| field("SYMBOL_NAME").and_then(|name| name.split(['!', '+']).next()));
        let facts = Facts {
            stack: Some(&case.stack),
            architecture: Some(case.architecture),
            build: Some(case.build),
            exception: case.exception.as_ref(),
            ..Facts::new(
                Kind::BitmapKernel,
                case.code,
                case.parameters,
                &case.modules,
            )
        };
        let verdict = facts.blame();
        let Some(blame) = verdict.named() else {
            continue;
        };
        named += 1;
        let ours = symbol_stem(&blame.module);
        if !module.is_some_and(|module| ours.eq_ignore_ascii_case(module)) {
            wrong.push(format!(
                "{:#x}: {ours}, not {module:?}: {blame:?}",
                case.code
            ));
        }
    }
    std::eprintln!("{named} named, {} of them not the debugger's", wrong.len());
    let explained = |text: &String| OTHERS_NAMED.iter().any(|(ours, _)| text.contains(ours));
    wrong.retain(|text| !explained(text));
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(named >= 10, "{named}");
}
