use super::*;
use crate::memory::VirtualAddress;
use crate::model::{Evidence, HostGeneration as Host, HypervisorVendor as V};
use crate::nt::Module;
use crate::platform::acpi::tests::table;
use crate::platform::cpuid::tests::blob;
use crate::platform::smbios::build::Table;
use crate::platform::testing::{self, ACPI, REGISTERS, REGISTRY, SMBIOS, damaged};
use HypervisorRole as R;
use alloc::borrow::ToOwned;

pub(crate) fn loaded(names: &[&str]) -> ModuleList {
    let module = |name: &&str| Module {
        name: (*name).into(),
        base: VirtualAddress(0xFFFF_F800_0000_0000),
        size: 0x1000,
        ..Module::default()
    };
    ModuleList::new(names.iter().map(module).collect())
}

/// A Generation 1 virtual machine of Hyper-V.
pub(crate) fn gen1(version: &str, date: &str, asset_tag: &str) -> Vec<u8> {
    Table::default()
        .firmware("American Megatrends Inc.", version, date, false)
        .system("Microsoft Corporation", "Virtual Machine", "7.0", "")
        .board("Microsoft Corporation", "Virtual Machine")
        .chassis("Microsoft Corporation", asset_tag)
        .blob()
}

/// A Generation 2 virtual machine of Hyper-V.
pub(crate) fn gen2(version: &str, date: &str, product: &str) -> Vec<u8> {
    Table::default()
        .firmware("Microsoft Corporation", version, date, true)
        .system("Microsoft Corporation", product, version, product)
        .blob()
}

fn machine(maker: &str, product: &str, bios: &str, version: &str) -> Vec<u8> {
    Table::default()
        .firmware(bios, version, "04/01/2014", false)
        .system(maker, product, "1.0", "")
        .blob()
}

fn processor(hypervisor: bool) -> Vec<u8> {
    blob(&[(1, [0x000A_0F11, 0, u32::from(hypervisor) << 31, 0])])
}

fn of_smbios(smbios: &[u8]) -> PlatformFacts {
    identify(&PlatformInputs {
        smbios: Some(smbios),
        ..PlatformInputs::default()
    })
}

fn verdict(facts: &PlatformFacts) -> (V, R, Confidence) {
    let found = &facts.platform.hypervisor;
    (found.vendor, found.role, found.confidence)
}

fn says(evidence: &[Evidence], part: &str) -> bool {
    evidence.iter().any(|e| e.text.contains(part))
}

const AZURE_TAG: &str = "7783-7084-3265-9085-8269-3286-77";
const DRIVERS: [&str; 4] = ["ntoskrnl.exe", "vmbus.sys", "storvsc.sys", "winhv.sys"];

#[test]
fn each_platform_is_told_by_its_firmware() {
    for (smbios, vendor) in [
        (
            machine("VMware, Inc.", "VMware7,1", "VMware, Inc.", "VMW71.00V"),
            V::Vmware,
        ),
        (
            machine(
                "VMware, Inc.",
                "VMware Virtual Platform",
                "Phoenix Technologies LTD",
                "6.00",
            ),
            V::Vmware,
        ),
        (
            machine("innotek GmbH", "VirtualBox", "innotek GmbH", "VirtualBox"),
            V::Virtualbox,
        ),
        (
            machine(
                "QEMU",
                "Standard PC (Q35 + ICH9, 2009)",
                "SeaBIOS",
                "rel-1.16.1-0",
            ),
            V::Kvm,
        ),
        (machine("Xen", "HVM domU", "Xen", "4.13"), V::Xen),
        (machine("Xen", "HVM domU", "Xen", "4.2.amazon"), V::Aws),
        (
            machine("Amazon EC2", "m5.large", "Amazon EC2", "1.0"),
            V::Aws,
        ),
        (
            machine("Google", "Google Compute Engine", "Google", "Google"),
            V::Google,
        ),
        (
            machine(
                "Parallels",
                "Parallels Virtual Platform",
                "Parallels",
                "17.0",
            ),
            V::Parallels,
        ),
        (gen1("090008", "12/07/2018", AZURE_TAG), V::Azure),
        (gen1("090008", "12/07/2018", ""), V::HyperV),
        (
            gen2("Hyper-V UEFI Release v4.1", "04/06/2022", "Virtual Machine"),
            V::HyperV,
        ),
    ] {
        let facts = of_smbios(&smbios);
        assert_eq!(verdict(&facts), (vendor, R::Guest, Confidence::Certain));
        assert!(!facts.platform.hypervisor.evidence.is_empty());
        let hyper_v = matches!(vendor, V::HyperV | V::Azure);
        assert_eq!(facts.side == Role::Guest, hyper_v, "{vendor:?}");
        assert_eq!(facts.side == Role::Neither, !hyper_v, "{vendor:?}");
        assert_eq!(facts.platform.vm_generation.is_some(), hyper_v);
    }
}

#[test]
fn the_firmware_of_2012_names_its_two_hosts_and_says_how_far_that_goes() {
    let facts = of_smbios(&gen1("090006", "05/23/2012", ""));
    let hosts = &facts.platform.host_generation;
    assert_eq!(
        hosts[..facts.usual_hosts],
        [Host::Server2012, Host::Server2012R2]
    );
    assert_eq!(facts.platform.vm_generation, Some(1));
    assert_eq!(facts.host_confidence, Confidence::Likely);
    assert!(says(&facts.platform.host_evidence, "090006 of 05/23/2012"));
    assert!(
        facts
            .platform
            .remarks
            .iter()
            .any(|r| r.contains("last powered on"))
    );
    // The same version with another date is another host.
    let later = of_smbios(&gen1("090006", "04/28/2016", ""));
    assert_eq!(later.platform.host_generation[0], Host::Server2016);
    // A chassis tag that is not Azure's excludes Azure.
    let tagged = of_smbios(&gen1(
        "090006",
        "05/23/2012",
        "1519-7810-4472-8775-7272-8851-12",
    ));
    assert!(hosts.contains(&Host::Azure));
    assert!(!tagged.platform.host_generation.contains(&Host::Azure));
}

#[test]
fn a_generation_2_machine_is_known_under_other_names_too() {
    let facts = of_smbios(&gen2(
        "Hyper-V UEFI Release v1.0",
        "11/26/2012",
        "Fabrikam 7",
    ));
    assert_eq!(verdict(&facts), (V::HyperV, R::Guest, Confidence::Certain));
    assert_eq!(facts.platform.vm_generation, Some(2));
    let hosts = &facts.platform.host_generation;
    assert_eq!(
        hosts[..facts.usual_hosts],
        [Host::Server2012R2, Host::Server2016]
    );
}

#[test]
fn what_the_host_wrote_is_fresher_than_the_firmware() {
    let registry = |major: &str, minor: &str, edition: &str| {
        [
            ("HostingSystemOsMajor".to_owned(), major.to_owned()),
            ("HostingSystemOsMinor".to_owned(), minor.to_owned()),
            ("HostingSystemEditionId".to_owned(), edition.to_owned()),
        ]
    };
    let with = |smbios: &[u8], registry: &[(String, String)]| {
        identify(&PlatformInputs {
            smbios: Some(smbios),
            registry,
            ..PlatformInputs::default()
        })
    };
    let old = gen1("090006", "05/23/2012", "");
    let facts = with(&old, &registry("6", "3", "8"));
    assert_eq!(facts.platform.host_generation[0], Host::Server2012R2);
    assert_eq!(facts.host_confidence, Confidence::Certain);
    assert!(!facts.platform.host_generation.contains(&Host::Server2012));
    // Moved to a newer host while it ran.
    let facts = with(&gen1("090004", "03/19/2009", ""), &registry("6", "3", "8"));
    assert_eq!(facts.platform.host_generation[0], Host::Server2012R2);
    assert!(
        facts
            .platform
            .remarks
            .iter()
            .any(|r| r.contains("moved while it ran"))
    );
    // Azure writes an edition of its own.
    let facts = with(&old, &registry("10", "0", "168"));
    assert_eq!(verdict(&facts).0, V::Azure);
    assert_eq!(facts.platform.host_generation, [Host::Azure]);
}

#[test]
fn loaded_drivers_alone_make_a_guest_only_with_channel_and_device() {
    let modules = loaded(&DRIVERS);
    let facts = identify(&PlatformInputs {
        modules: Some(&modules),
        ..PlatformInputs::default()
    });
    assert_eq!(verdict(&facts), (V::HyperV, R::Guest, Confidence::Likely));
    assert!(
        facts
            .platform
            .remarks
            .iter()
            .any(|r| r.contains("no SMBIOS"))
    );
    for weak in [
        &[
            "vmstorfl.sys",
            "s3cap.sys",
            "winhv.sys",
            "winhvr.sys",
            "Vid.sys",
        ][..],
        &["vmbus.sys", "vmstorfl.sys", "winhv.sys"],
        &["storvsc.sys", "netvsc.sys"],
    ] {
        let modules = loaded(weak);
        let facts = identify(&PlatformInputs {
            modules: Some(&modules),
            ..PlatformInputs::default()
        });
        assert_eq!(facts.guest_of, None, "{weak:?}");
        assert_eq!(facts.side, Role::Unknown);
    }
}

#[test]
fn the_storage_filter_on_a_vmware_machine_makes_no_hyper_v_guest() {
    let modules = loaded(&[
        "vmstorfl.sys",
        "vmci.sys",
        "vsock.sys",
        "vmhgfs.sys",
        "vmmemctl.sys",
    ]);
    let facts = identify(&PlatformInputs {
        modules: Some(&modules),
        build: Some(7601),
        ..PlatformInputs::default()
    });
    assert_eq!(verdict(&facts), (V::Vmware, R::Guest, Confidence::Likely));
    assert_eq!(facts.side, Role::Neither);
}

#[test]
fn microsofts_own_hardware_is_a_physical_machine() {
    let smbios = machine(
        "Microsoft Corporation",
        "Surface Go 2",
        "Microsoft Corporation",
        "1.0",
    );
    let cpuid = processor(false);
    let facts = identify(&PlatformInputs {
        smbios: Some(&smbios),
        cpuid: Some(&cpuid),
        ..PlatformInputs::default()
    });
    assert_eq!(verdict(&facts), (V::None, R::None, Confidence::Certain));
    assert_eq!(facts.side, Role::Neither);
    assert_eq!(facts.platform.host_generation, []);
}

#[test]
fn a_laptop_with_virtualization_based_security_is_no_guest() {
    let smbios = machine("Fabrikam", "Model T", "Fabrikam", "1.20");
    let cpuid = processor(true);
    let modules = loaded(&["winhvr.sys", "Vid.sys", "hvservice.sys"]);
    let inputs = PlatformInputs {
        smbios: Some(&smbios),
        cpuid: Some(&cpuid),
        modules: Some(&modules),
        ..PlatformInputs::default()
    };
    let facts = identify(&inputs);
    assert_eq!(verdict(&facts), (V::HyperV, R::Root, Confidence::Likely));
    assert_eq!(facts.side, Role::Neither);
    let facts = identify(&PlatformInputs {
        secure_kernel: Some(true),
        ..inputs
    });
    assert_eq!(verdict(&facts).1, R::RootVbs);
    // Set so, and a hypervisor of its own beneath; what is set where none runs says nothing.
    let set = [(
        String::from("DeviceGuard\\EnableVirtualizationBasedSecurity"),
        String::from("1"),
    )];
    let asked = PlatformInputs {
        registry: &set,
        ..inputs
    };
    assert_eq!(verdict(&identify(&asked)).1, R::RootVbs);
    let without = processor(false);
    let none = identify(&PlatformInputs {
        cpuid: Some(&without),
        ..asked
    });
    assert_eq!(verdict(&none).1, R::None);
    // The bit alone says that something runs beneath, and no more.
    let facts = identify(&PlatformInputs {
        modules: None,
        ..inputs
    });
    assert_eq!(
        verdict(&facts),
        (V::Unknown, R::Unknown, Confidence::Possible)
    );
    assert_eq!(facts.side, Role::Neither, "the firmware names a maker");
}

#[test]
fn kvm_that_imitates_hyper_v_stays_kvm() {
    let smbios = machine(
        "QEMU",
        "Standard PC (i440FX + PIIX, 1996)",
        "SeaBIOS",
        "rel-1.16",
    );
    let word = |text: &[u8; 4]| u32::from_le_bytes(*text);
    let cpuid = blob(&[
        (1, [0x000A_0F11, 0, 1 << 31, 0]),
        (
            0x4000_0000,
            [0x4000_000B, word(b"Micr"), word(b"osof"), word(b"t Hv")],
        ),
    ]);
    let modules = loaded(&[
        "winhv.sys",
        "winhvr.sys",
        "Vid.sys",
        "netkvm.sys",
        "vioscsi.sys",
    ]);
    let inputs = PlatformInputs {
        smbios: Some(&smbios),
        cpuid: Some(&cpuid),
        modules: Some(&modules),
        ..PlatformInputs::default()
    };
    assert_eq!(
        verdict(&identify(&inputs)),
        (V::Kvm, R::Guest, Confidence::Certain)
    );
    // Without the firmware's names its drivers still tell.
    let bare = PlatformInputs {
        smbios: None,
        ..inputs
    };
    assert_eq!(
        verdict(&identify(&bare)),
        (V::Kvm, R::Guest, Confidence::Likely)
    );
    let facts = identify(&PlatformInputs {
        modules: None,
        ..bare
    });
    assert_eq!(facts.guest_of, None, "an imitated signature proves nothing");
}

#[test]
fn hosts_are_told_from_guests_and_a_guest_may_host() {
    let cpuid = processor(true);
    let modules = loaded(&["vmbusr.sys", "storvsp.sys", "vmswitch.sys", "winhvr.sys"]);
    let host = PlatformInputs {
        cpuid: Some(&cpuid),
        modules: Some(&modules),
        ..PlatformInputs::default()
    };
    let facts = identify(&host);
    assert_eq!(
        verdict(&facts),
        (V::HyperV, R::RootHyperV, Confidence::Certain)
    );
    assert_eq!(facts.side, Role::Host);

    let smbios = gen2("Hyper-V UEFI Release v4.1", "04/06/2022", "Virtual Machine");
    let facts = identify(&PlatformInputs {
        smbios: Some(&smbios),
        ..host
    });
    assert_eq!(verdict(&facts).1, R::Nested);
    assert_eq!(facts.side, Role::Guest);

    // Windows with containers has a virtual switch and hosts nothing.
    let modules = loaded(&["vmbus.sys", "storvsc.sys", "vmswitch.sys", "VmsProxy.sys"]);
    let facts = identify(&PlatformInputs {
        smbios: Some(&smbios),
        modules: Some(&modules),
        ..PlatformInputs::default()
    });
    assert_eq!(verdict(&facts).1, R::Guest);
}

#[test]
fn acpi_tables_speak_where_there_is_no_smbios() {
    let acpi = table("FACP", "VRTUAL", "MICROSFT", 0x0500_1223, &[0; 16]);
    let facts = identify(&PlatformInputs {
        acpi: Some(&acpi),
        ..PlatformInputs::default()
    });
    assert_eq!(verdict(&facts), (V::HyperV, R::Guest, Confidence::Certain));
    assert_eq!(facts.platform.vm_generation, Some(1));
    assert_eq!(facts.platform.host_generation[0], Host::Server2012);
    // A utility machine has neither SMBIOS nor a date.
    let acpi = table("FACP", "VRTUAL", "MICROSFT", 1, &[]);
    let facts = identify(&PlatformInputs {
        acpi: Some(&acpi),
        ..PlatformInputs::default()
    });
    assert_eq!(facts.side, Role::Guest);
    assert_eq!(facts.platform.vm_generation, None);
    assert_eq!(facts.platform.host_generation, []);
    let acpi = table("FACP", "VBOX", "VBOXFACP", 1, &[]);
    let facts = identify(&PlatformInputs {
        acpi: Some(&acpi),
        ..PlatformInputs::default()
    });
    assert_eq!(verdict(&facts).0, V::Virtualbox);
}

#[test]
fn old_firmware_is_remarked_on_physical_machines_only() {
    let time = 131_549_184_000_000_000; // November 2017.
    let at_crash = |smbios: &[u8]| {
        let cpuid = processor(false);
        let facts = identify(&PlatformInputs {
            smbios: Some(smbios),
            cpuid: Some(&cpuid),
            crash_time: Some(time),
            ..PlatformInputs::default()
        });
        facts.platform.remarks.join(" ")
    };
    let old = machine("Fabrikam", "Model T", "Fabrikam", "1.20");
    assert!(at_crash(&old).contains("3 years old"));
    let kvm = machine(
        "QEMU",
        "Standard PC (i440FX + PIIX, 1996)",
        "SeaBIOS",
        "1.0",
    );
    assert!(!at_crash(&kvm).contains("years old"));
}

#[test]
fn real_dumps_have_the_roles_that_are_known_of_them() {
    for dump in testing::dumps() {
        let modules = dump.modules();
        let registry = dump
            .blob(REGISTRY)
            .map(crate::platform::registry_values::pairs)
            .unwrap_or_default();
        let facts = identify(&PlatformInputs {
            smbios: dump.blob(SMBIOS),
            acpi: dump.blob(ACPI),
            cpuid: dump.blob(REGISTERS),
            registry: &registry,
            modules: Some(&modules),
            build: Some(dump.build()),
            crash_time: Some(dump.time()),
            root_partition: None,
            secure_kernel: None,
        });
        let expected = match dump.name.as_str() {
            "w10-19041-x64-7e.dmp" => (V::HyperV, R::RootHyperV, Confidence::Certain, Role::Host),
            "w11-26100-x64-65.dmp" => (V::HyperV, R::Root, Confidence::Likely, Role::Neither),
            // Nothing is recorded of an ARM64 processor's hypervisor.
            "w11-22000-arm64-1c8.dmp" => {
                (V::Unknown, R::Unknown, Confidence::Possible, Role::Neither)
            }
            _ => (V::None, R::None, Confidence::Certain, Role::Neither),
        };
        let (vendor, role, confidence) = verdict(&facts);
        assert_eq!(
            (vendor, role, confidence, facts.side),
            expected,
            "{}",
            dump.name
        );
        assert_eq!(facts.guest_of, None, "{}", dump.name);
        assert_eq!(facts.platform.host_generation, [], "{}", dump.name);
        let old = facts
            .platform
            .remarks
            .iter()
            .any(|r| r.contains("years old"));
        assert_eq!(old, !dump.name.starts_with('w'), "{}", dump.name);
    }
}

#[test]
fn damaged_witnesses_do_not_panic() {
    let good = gen1("090006", "05/23/2012", AZURE_TAG);
    damaged(&good, |bytes| {
        let _ = identify(&PlatformInputs {
            smbios: Some(bytes),
            acpi: Some(bytes),
            cpuid: Some(bytes),
            ..PlatformInputs::default()
        });
    });
}

#[test]
fn fields_that_makers_left_as_they_came_are_not_shown_and_still_tell_hardware() {
    let smbios = machine(
        "Default string",
        "To be filled by O.E.M.",
        "Fabrikam",
        "1.2",
    );
    let facts = identify(&PlatformInputs {
        smbios: Some(&smbios),
        cpuid: Some(&processor(false)),
        ..PlatformInputs::default()
    });
    assert_eq!(facts.platform.manufacturer, None);
    assert_eq!(facts.platform.product, None);
    assert_eq!(verdict(&facts), (V::None, R::None, Confidence::Certain));
    let named = facts.platform.hypervisor.evidence.iter();
    assert!(named.clone().all(|e| !e.text.contains("efault string")));
}

#[test]
fn a_kernel_that_noted_its_own_hypervisor_is_no_guest_whatever_it_loads() {
    let drivers = loaded(&["vmbus.sys", "storvsc.sys"]);
    let mut inputs = PlatformInputs {
        modules: Some(&drivers),
        ..PlatformInputs::default()
    };
    assert_eq!(verdict(&identify(&inputs)).1, R::Guest);
    inputs.root_partition = Some(true);
    let facts = identify(&inputs);
    assert_eq!(verdict(&facts), (V::HyperV, R::Root, Confidence::Likely));
    assert_eq!(facts.guest_of, None);
}
