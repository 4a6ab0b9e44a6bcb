//! Outputs of the debugger that people published, as facts: code, parameters, the functions of the
//! stack on the kernel's side, and what the debugger made of them; where an output leaves parameters or
//! frames out, others that fit stand for them. Sources: issues, write-ups and pages of public
//! repositories (Windows 7 to 11, engines of 2012 to 2026), Microsoft's pages on troubleshooting
//! (CC-BY-4.0).

extern crate std;

use super::cases::{base_of, frame, place};
use super::{failure, failure_hash, follow::symbol_stem};
use crate::diagnose::Facts;
use crate::model::{Confidence, Exception, Frame, Hex, Kind, Stack};
use crate::nt::{Architecture, ModuleList};
use alloc::{format, string::String, vec::Vec};

/// One output. `frames` may name a module that only a parameter leads to, behind a `|`.
struct Output {
    code: u32,
    parameters: [u64; 4],
    build: u32,
    verifier: bool,
    frames: &'static str,
    bucket: &'static str,
    hash: &'static str,
    module: &'static str,
}

const fn of(code: u32, parameters: [u64; 4], build: u32, frames: &'static str) -> Output {
    Output {
        code,
        parameters,
        build,
        verifier: false,
        frames,
        bucket: "",
        hash: "",
        module: "",
    }
}

impl Output {
    const fn filed(self, module: &'static str, bucket: &'static str, hash: &'static str) -> Output {
        Output {
            bucket,
            hash,
            module,
            ..self
        }
    }

    const fn verified(self) -> Output {
        Output {
            verifier: true,
            ..self
        }
    }
}

const OUTPUTS: &[Output] = &[
    of(
        0x7F,
        [8, 0xFFFF_F802_5349_7E50, 0xFFFF_F300_DBCA_1FD0, 0xFFFF_F802_C0D7_41F6],
        26_100,
        "nt!IopfCallDriver+0x56 nt!IofCallDriver+0x13 DfDiskLo+0x13e7",
    )
    .filed(
        "DfDiskLo",
        "0x7f_8_DfDiskLo!unknown_function",
        "8fad4b6b-1c95-746a-16ad-6364a3fe818d",
    ),
    of(0x7F, [8, 0x8005_0033, 0x406F8, 0], 7601, "ql2300+0x69416 nt!IopfCompleteRequest+0x341").filed(
        "ql2300",
        "X64_0x7f_8_ql2300+69416",
        "0f9ebaaf-2e04-8097-fea0-1da0b10cd026",
    ),
    of(
        0x50,
        [0xFFFF_F780_0000_1000, 0, 0xFFFF_F805_28F2_93CB, 2],
        26_100,
        "nt!DbgBreakPointWithStatus nt!KiBugCheckDebugBreak+0x12 nt!KeBugCheck2+0xb2c \
         nt!KeBugCheckEx+0x107 nt!MiSystemFault+0x7a0 nt!MmAccessFault+0x630 nt!KiPageFault+0x38b \
         win32kbase!WmsgpConnect+0xe7 win32kbase!RegisterLogonProcess+0x258 \
         win32k!NtUserRegisterLogonProcess+0x44 nt!KiSystemServiceCopyEnd+0x25",
    )
    .filed(
        "win32kbase",
        "AV_R_(null)_win32kbase!WmsgpConnect",
        "ece26be9-101a-e2cf-72a9-a92359219248",
    ),
    of(
        0x117,
        [0xFFFF_E001_1E57_D4C0, 0xFFFF_F800_A4C6_20F0, 0, 0],
        10_586,
        "watchdog!WdDbgReportRecreate+0x104 dxgkrnl!TdrUpdateDbgReport+0xec \
         dxgkrnl!TdrCollectDbgInfoStage2+0x1df dxgkrnl!DXGADAPTER::Reset+0x21d \
         nt!ExpWorkerThread+0xe9 | igdkmd64+0x120f0",
    )
    .filed(
        "igdkmd64",
        "LKD_0x117_IMAGE_igdkmd64.sys",
        "df5cc292-6e03-34f8-7849-e22c43f13df4",
    ),
    of(
        0x116,
        [0xFFFF_848E_5215_6290, 0xFFFF_F804_777F_54C0, 0xFFFF_FFFF_C000_009A, 4],
        26_100,
        "nt!KeBugCheckEx dxgkrnl!TdrBugcheckOnTimeout+0x101 dxgkrnl!ADAPTER_RENDER::Reset+0x220 \
         dxgkrnl!DXGADAPTER::Reset+0x58a dxgkrnl!TdrResetFromTimeout+0x15 nt!ExpWorkerThread+0x4bb \
         | nvlddmkm+0x19754c0",
    )
    .filed(
        "nvlddmkm",
        "0x116_IMAGE_nvlddmkm.sys",
        "c89bfe8c-ed39-f658-ef27-f2898997fdbd",
    ),
    of(
        0x1A,
        [0x41792, 0xFFFF_DE01_1151_0468, 0x2000_0000_0000, 0],
        19_041,
        "nt!KeBugCheckEx nt!MiDeleteVa+0x153a nt!MiDeletePagablePteRange+0x48f nt!MiDeleteVad+0x378 \
         nt!PspExitThread+0x5f6 nt!NtTerminateProcess+0xde nt!KiSystemServiceCopyEnd+0x28",
    )
    .filed(
        "hardware",
        "MEMORY_CORRUPTION_ONE_BIT",
        "e3faf315-c3d0-81db-819a-6c43d23c63a7",
    ),
    of(
        0x1A,
        [0x41792, 0xFFFF_DE01_1151_0468, 0xA5_0000_0000_0000, 0],
        19_041,
        "nt!KeBugCheckEx nt!MiDeleteVa+0x153a nt!MiDeletePagablePteRange+0x48f",
    )
    .filed("nt", "0x1a_41792_nt!MiDeleteVa", ""),
    of(
        0xD1,
        [0x11_092A, 2, 1, 0xFFFF_F807_AA74_F4C4],
        16_299,
        "nt!KeBugCheckEx nt!KiBugCheckDispatch+0x69 nt!KiPageFault+0x23d NDIS!NdisQueueIoWorkItem+0x4 \
         nt!KiProcessExpiredTimerList+0x153 nt!KiRetireDpcList+0x43d nt!KiIdleLoop+0x5a",
    )
    .filed(
        "NDIS",
        "AV_NDIS!NdisQueueIoWorkItem",
        "10686423-afa1-4852-ad1b-9324ac44ac96",
    ),
    of(
        0x3B,
        [0xC000_0005, 0xFFFF_F960_0016_126F, 0xFFFF_F880_045C_EAE0, 0],
        7601,
        "win32k!NtUserGetDCEx+0xb7 nt!KiSystemServiceCopyEnd+0x13",
    )
    .filed(
        "win32k",
        "X64_0x3B_win32k!NtUserGetDCEx+b7",
        "c08a00a3-15a5-89cf-350a-72fc675556fc",
    ),
    of(
        0x3B,
        [0xC000_0005, 0xFFFF_F806_5678_6674, 0xFFFF_F880_045C_EAE0, 0],
        19_041,
        "dxgkrnl!DXGVIRTUALMACHINE::IsWsl2Guest vpcivsp!VirtualDeviceRemove",
    )
    .filed("dxgkrnl", "AV_dxgkrnl!DXGVIRTUALMACHINE::IsWsl2Guest", ""),
    of(
        0x50,
        [0xFFFF_8888, 0, 0x82A4_0FD3, 0],
        7601,
        "nt!MmAccessFault+0x104 nt!KiTrap0E+0xdc nt!memcpy+0x33 avgidsdriverx+0x27637 \
         avgidsdriverx+0x184b3 avgidsdriverx+0x276d avgidsdriverx+0x3268 nt!IofCallDriver+0x63",
    )
    .filed("avgidsdriverx", "0x50_avgidsdriverx+27637", ""),
    of(
        0x50,
        [0x894C_D000, 0, 0x82A3_C313, 0],
        7601,
        "nt!MmAccessFault+0x104 nt!KiTrap0E+0xdc nt!memmove+0x33 \
         nt!RtlAppendUnicodeStringToString+0x43 ssmdrv+0x64e ssmdrv+0xb3b ssmdrv+0x1734 ssmdrv+0x589 \
         nt!IovCallDriver+0x73 nt!IofCallDriver+0x1b",
    )
    .verified()
    .filed("ssmdrv", "0x50_VRF_ssmdrv+64e", ""),
    of(
        0x50,
        [0x894B_B008, 0, 0x8D0D_B2C3, 0],
        7601,
        "nt!MmAccessFault+0x104 nt!KiTrap0E+0xdc avgtdix+0x262c3 avgtdix+0x1e840 nt!IovCallDriver+0x73",
    )
    .verified()
    .filed("avgtdix", "0x50_VRF_avgtdix+262c3", ""),
    of(
        0x8E,
        [0xC000_0005, 0x9054_3BD0, 0xAF7B_F844, 0],
        7601,
        "vsdatant+0x1cbd0 vsdatant+0x1d692 vsdatant+0x1b58f nt!IofCallDriver+0x63 \
         nt!IopXxxControlFile+0x810 nt!NtDeviceIoControlFile+0x2a klif+0x1f910 klhk+0x105a",
    )
    .filed("vsdatant", "0x8E_vsdatant+1cbd0", ""),
    of(
        0xD5,
        [0xFAB2_2C50, 0, 0x911D_B830, 0],
        7601,
        "nt!RtlpBreakWithStatusInstruction nt!KiBugCheckDebugBreak+0x1c nt!KeBugCheck2+0x68b \
         nt!MmAccessFault+0xbf nt!KiTrap0E+0xdc win32k!hbmSelectBitmap+0xca \
         win32k!XDCOBJ::bCleanDC+0xaa nt!PspExitThread+0x46f nt!NtTerminateProcess+0x1fa",
    )
    .verified()
    .filed(
        "win32k",
        "0xD5_VRF_win32k!hbmSelectBitmap+ca",
        "c18afd13-ae34-094e-a35a-2fa69da06b7c",
    ),
    of(
        0xD1,
        [0x385_1576, 2, 1, 0x89A7_6E75],
        7601,
        "tcpip!TcpTcbHeaderSend+0x20f tcpip!TcpAcceptFin+0x6c tcpip!TcpAllowFin+0x56 \
         tcpip!TcpTcbCarefulDatagram+0x16d5 tcpip!TcpTcbReceive+0x228 tcpip!TcpMatchReceive+0x237 \
         nt!KeExpandKernelStackAndCalloutEx+0x132 tcpip!FlReceiveNetBufferListChain+0x7c \
         ndis!ndisMIndicateNetBufferListsToOpen+0x188 ndis!NdisMIndicateReceiveNetBufferLists+0x52 \
         E1G60I32!RxProcessReceiveInterrupts+0x108 E1G60I32!E1000HandleInterrupt+0x80 \
         ndis!ndisMiniportDpc+0xe2 nt!KiExecuteAllDpcs+0xf9 nt!KiRetireDpcList+0xd5",
    )
    .filed("E1G60I32", "0xD1_E1G60I32!RxProcessReceiveInterrupts+108", ""),
    of(
        0xC2,
        [0xB, 0xFFFF_FA80_0533_8728, 0x533_8720, 0xFFFF_FA80_0533_8F38],
        7601,
        "nt!KeBugCheckEx nt!ExDeleteResourceLite+0x199",
    )
    .filed("nt", "X64_0xc2_b_nt!ExDeleteResourceLite+199", ""),
    of(
        0xD1,
        [0xCD_D557_F170, 2, 0, 0xFFFF_F807_C253_1AE1],
        19_041,
        "rassstp!RetrieveSendPackets+0x8d",
    )
    .filed(
        "rassstp",
        "AV_rassstp!RetrieveSendPackets",
        "cc96ef30-062c-2493-447f-a365f71c1c23",
    ),
    of(
        0xD1,
        [0xFFFF_F807_1B7D_80B8, 2, 8, 0xFFFF_F807_1B7D_80B8],
        19_041,
        "viogpudo+0x180b8",
    )
    .filed("viogpudo", "AV_CODE_AV_PAGED_IP_viogpudo!unknown_function", ""),
    of(
        0x139,
        [2, 0xFFFF_860D_17EA_1190, 0xFFFF_860D_17EA_1048, 0],
        26_100,
        "nt!KeBugCheck2+0x32c nt!KeBugCheckEx nt!KiBugCheckDispatch nt!KiFastFailDispatch \
         nt!KiRaiseSecurityCheckFailure HEVD+0x10dc",
    )
    .filed("HEVD", "0x139_MISSING_GSFRAME_HEVD!unknown_function", ""),
    of(
        0x139,
        [4, 0xFFFF_F806_74AA_C510, 0xFFFF_F806_74AA_C468, 0],
        19_041,
        "nt!KeBugCheckEx nt!KiBugCheckDispatch nt!KiFastFailDispatch \
         nt!KiRaiseSecurityCheckFailure nt!RtlpGetStackLimitsEx",
    )
    .filed(
        "nt",
        "0x139_MISSING_GSFRAME_nt!KiFastFailDispatch",
        "1971a9b0-b7ec-89bf-0a51-10ac52818da5",
    ),
    of(0x133, [1, 0x1E00, 0xFFFF_F800_5761_53C8, 0], 26_100, "nt!KeBugCheckEx nt!KeAccumulateTicks+0x39d")
        .filed("nt", "0x133_ISR_nt!KeAccumulateTicks", ""),
    of(0x4E, [0x99, 0x1A_1234, 2, 0], 19_041, "nt!KeBugCheckEx nt!MiBadShareCount+0x4f").filed(
        "nt",
        "0x4E_99_nt!MiBadShareCount",
        "",
    ),
    of(0x109, [0xA3A0_0000_0000_0000, 0xB3B7_0000_0000_0000, 0, 0x19], 22_621, "nt!KeBugCheckEx").filed(
        "",
        "0x109_19_ANALYSIS_INCONCLUSIVE!unknown_function",
        "",
    ),
    of(
        0x193,
        [0x80E, 0, 0, 0],
        26_100,
        "nt!DbgkpWerCaptureLiveTriageDump+0x8e dxgkrnl!DxgCreateLiveDumpWithWdLogs2+0x10",
    )
    .filed(
        "dxgkrnl",
        "LKD_0x193_dxgkrnl!DxgCreateLiveDumpWithWdLogs2",
        "f51452f1-290a-6a1b-5cf3-c8f949ad9c33",
    ),
    of(
        0x119,
        [0xA000, 0xFFFF_DF8F_708A_8000, 0x18C, 0],
        22_621,
        "nt!KeBugCheckEx watchdog!WdLogSingleEntry5+0x3b45 dxgmms2!VidSchiResetHwEngine+0x3b8 \
         dxgmms2!VidSchiResetEngines+0xaa dxgmms2!VidSchiCheckHwProgress+0x2d7bb \
         dxgmms2!VidSchiWaitForSchedulerEvents+0x37f",
    )
    .filed(
        "dxgmms2",
        "0x119_a000_VIDSCH_RESET_HW_ENGINE_SUSPEND_dxgmms2!VidSchiResetHwEngine",
        "",
    ),
    of(
        0x119,
        [2, 0xFFFF_FFFF_C000_000D, 0, 0],
        22_621,
        "nt!KeBugCheckEx watchdog!WdLogSingleEntry5+0x3b45 dxgmms2!VidSchiSendToExecutionQueue+0x1bf4a",
    )
    .filed(
        "dxgmms2",
        "0x119_2_DRIVER_FAILED_SUBMIT_COMMAND_dxgmms2!VidSchiSendToExecutionQueue",
        "9a11bf9c-270e-962e-7a82-3efdab93c10e",
    ),
    of(
        0x10D,
        [4, 0, 0xFFFF_F804_37AC_B226, 0xFFFF_CF01_C589_3CB0],
        26_100,
        "nt!KeBugCheckEx Wdf01000!FxVerifierBugCheckWorker+0x24 Wdf01000!FxVerifierNullBugCheck+0x44 \
         Wdf01000!imp_WdfObjectGetTypedContextWorker+0xb9 ViGEmBus+0xb226",
    )
    .filed("ViGEmBus", "0x10D_4_ViGEmBus!unknown_function", ""),
];

/// What the debugger printed of other stops: that the hash is that of the bucket.
const HASHES: &[(&str, &str)] = &[
    (
        "AV_o2micro_sdhost!unknown_function",
        "675c0c01-465e-ed53-efc7-4c82b345b89c",
    ),
    (
        "AV_VRF_usbprint!USBPRINT_ProcessIOCTL",
        "563a557e-1087-fde3-680d-afd9b49faa35",
    ),
    (
        "LKD_0x1cc_EXRESOURCE_TIMEOUT_OWNERTHREAD_nt!KiSwapContext",
        "ba09c374-1e32-1908-d12a-b95209a3dc5b",
    ),
    (
        "0xc4_62_VRF_LEAKED_POOL_IMAGE_echosrv.sys",
        "38c81805-f132-a371-44c2-16cf54055479",
    ),
    (
        "0x9F_4_OpenZFS!zfs_unload_stage_1",
        "fc14382a-d6c3-0a9c-a179-67f499258f81",
    ),
    (
        "0x9F_3_RtsPer_IMAGE_pci.sys",
        "ce555a86-e2a6-4bdd-cc96-f64b1a03e85a",
    ),
    (
        "0x1E_c0000005_R_nt!CmpCreateKeyBody",
        "c4b33015-e33f-270e-d1a4-e4a9a8d630df",
    ),
    (
        "AV_R_INVALID_WwanUsbMp!unknown_function",
        "31e4d053-0758-e43a-06a7-55f69b072cb3",
    ),
    (
        "0x124_16_GenuineIntel__UNKNOWN_IMAGE_GenuineIntel.sys",
        "37af9407-4a3e-0b08-acdd-dadffdc34c3c",
    ),
];

/// What ours says of an output, and whom blame names in it.
fn ours(output: &Output) -> (crate::model::Failure, Option<String>) {
    let mut modules = Vec::new();
    base_of("ntoskrnl.exe", &mut modules);
    let (walked, beside) = output.frames.split_once('|').unwrap_or((output.frames, ""));
    let all = walked
        .split_ascii_whitespace()
        .chain(beside.split_ascii_whitespace());
    let mut frames: Vec<Frame> = all.map(|text| frame(text, &mut modules)).collect();
    place(&mut modules, &mut frames, output.parameters);
    frames.truncate(walked.split_ascii_whitespace().count());
    // A fault's own instruction lies in the function that its parameter stands for.
    let status = output.parameters[0] as u32;
    let exception = matches!(output.code, 0x3B | 0x8E).then(|| Exception {
        code: status,
        address: Hex(frames.first().map_or(0, |frame| frame.address.0)),
        ..Exception::default()
    });
    let stack = Stack {
        frames,
        ..Stack::default()
    };
    let narrow =
        output.parameters.iter().all(|p| *p < 1 << 32) && output.parameters[1] != 0x8005_0033;
    let modules = ModuleList::new(modules);
    let facts = Facts {
        stack: Some(&stack),
        exception: exception.as_ref(),
        architecture: Some(if narrow {
            Architecture::X86
        } else {
            Architecture::X64
        }),
        build: Some(output.build),
        verifier_level: output.verifier.then_some(0x9BB),
        ..Facts::new(Kind::Triage, output.code, output.parameters, &modules)
    };
    let blamed = facts
        .blame()
        .named()
        .map(|blame| symbol_stem(&blame.module));
    (failure(&facts), blamed)
}

#[test]
fn module_bucket_and_hash_come_out_as_published() {
    let mut wrong = Vec::new();
    for output in OUTPUTS {
        let (ours, _) = ours(output);
        let hash = ours.hash.as_deref().unwrap_or_default();
        let same = ours.bucket_id.as_deref() == Some(output.bucket)
            && ours.module_name.as_deref().unwrap_or_default() == output.module
            && (output.hash.is_empty() || hash == output.hash)
            && ours.confidence == Confidence::Likely;
        if !same {
            wrong.push(format!(
                "{} of {}: {:?} of {:?}, {:?}",
                output.bucket, output.module, ours.bucket_id, ours.module_name, ours.confidence
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nobody_is_blamed_but_whom_the_debugger_followed_up() {
    let mut named = 0;
    for output in OUTPUTS {
        if let (_, Some(blamed)) = ours(output) {
            named += 1;
            assert_eq!(blamed, output.module, "{}", output.bucket);
        }
    }
    assert!(named >= 9, "{named}");
}

#[test]
fn published_hashes_are_those_of_their_buckets() {
    for (bucket, hash) in HASHES {
        assert_eq!(failure_hash(bucket), *hash, "{bucket}");
    }
}
