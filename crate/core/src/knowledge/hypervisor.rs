//! Which hypervisor or cloud a machine runs on, by firmware strings, CPUID signature or the
//! guest drivers it has loaded, and whose guest tools then matter.
//!
//! Source: the order and prefixes that systemd uses for the same purpose, Microsoft's hypervisor
//! specification for the CPUID signatures, and the vendors' own driver names.

use super::text;
use crate::knowledge::store::Table;

/// The platforms of the report's `hypervisor.vendor` that a table can recognise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Microsoft Hyper-V.
    HyperV,
    /// Microsoft Azure.
    Azure,
    /// VMware.
    VMware,
    /// Oracle VirtualBox.
    VirtualBox,
    /// KVM or QEMU: Proxmox, oVirt, Nutanix, OpenStack and others.
    Kvm,
    /// Xen.
    Xen,
    /// Amazon EC2.
    Aws,
    /// Google Compute Engine.
    Google,
    /// Parallels.
    Parallels,
    /// Another hypervisor.
    Other,
}

impl Platform {
    /// Every platform.
    pub const ALL: [Platform; 10] = [
        Platform::HyperV,
        Platform::Azure,
        Platform::VMware,
        Platform::VirtualBox,
        Platform::Kvm,
        Platform::Xen,
        Platform::Aws,
        Platform::Google,
        Platform::Parallels,
        Platform::Other,
    ];

    /// The word in reports and data files.
    pub fn word(self) -> &'static str {
        match self {
            Platform::HyperV => "hyper-v",
            Platform::Azure => "azure",
            Platform::VMware => "vmware",
            Platform::VirtualBox => "virtualbox",
            Platform::Kvm => "kvm",
            Platform::Xen => "xen",
            Platform::Aws => "aws",
            Platform::Google => "google",
            Platform::Parallels => "parallels",
            Platform::Other => "other",
        }
    }

    /// What the guest-side package is called, and where it comes from; what to keep current.
    pub fn guest_tools(self) -> &'static str {
        match self {
            Platform::HyperV => "Hyper-V Integration Services",
            Platform::Azure => "Hyper-V drivers of Windows and the Azure guest agent",
            Platform::VMware => "VMware Tools",
            Platform::VirtualBox => "VirtualBox Guest Additions",
            Platform::Kvm => "virtio-win drivers and the QEMU guest agent",
            Platform::Xen => "Xen or XenServer VM Tools",
            Platform::Aws => "AWS PV, ENA and NVMe drivers",
            Platform::Google => "Google's guest drivers (GooGet packages)",
            Platform::Parallels => "Parallels Tools",
            Platform::Other => "the guest drivers of the hypervisor",
        }
    }

    /// What a reader should know or do on this platform, in one sentence.
    pub fn advice(self) -> &'static str {
        match self {
            Platform::HyperV => {
                "See that the Integration Services fit the host; on Windows 8.1, 2012 R2 and later they come with Windows updates."
            }
            Platform::Azure => {
                "Keep Windows updated and look at the virtual machine's resource health and boot diagnostics in the portal."
            }
            Platform::VMware => {
                "Compare the version of VMware Tools with the host's; memory taken back by the host goes through vmmemctl."
            }
            Platform::VirtualBox => "Install the Guest Additions of the same version as the host.",
            Platform::Kvm => {
                "Update the virtio-win drivers, storage first; the firmware's date is constant and means nothing."
            }
            Platform::Xen => "Update the VM Tools from the host's distribution.",
            Platform::Aws => "Update the drivers with the packages that AWS publishes.",
            Platform::Google => "Update the drivers with GooGet.",
            Platform::Parallels => "Install the Parallels Tools of the running version.",
            Platform::Other => "Look for the hypervisor's own guest drivers and keep them current.",
        }
    }

    fn from_word(word: &str) -> Option<Platform> {
        Platform::ALL
            .into_iter()
            .find(|platform| platform.word() == word)
    }
}

/// The firmware strings that tell platforms apart; empty where the dump does not have them.
#[derive(Debug, Clone, Copy, Default)]
pub struct FirmwareStrings<'a> {
    /// System manufacturer.
    pub manufacturer: &'a str,
    /// System product name.
    pub product: &'a str,
    /// Manufacturer of the board.
    pub board_manufacturer: &'a str,
    /// BIOS vendor.
    pub bios_vendor: &'a str,
    /// BIOS version.
    pub bios_version: &'a str,
    /// Asset tag of the chassis.
    pub asset_tag: &'a str,
}

/// The platform by its firmware strings. `None`: they name none, as on a physical machine or a
/// bare-metal instance of a cloud.
pub fn by_firmware(strings: &FirmwareStrings<'_>) -> Option<Platform> {
    // EC2's bare-metal instances carry the cloud's name and no hypervisor.
    if strings.product.ends_with(".metal") {
        return None;
    }
    text::lines(Table::Platform.text()).find_map(|line| {
        let mut column = text::columns(line);
        let platform = Platform::from_word(column.next()?)?;
        let (field, prefix) = (column.next()?, column.next()?);
        let (prefix, second) = match prefix.split_once(" & ") {
            Some((first, second)) => (first, Some(text::word(second))),
            None => (prefix, None),
        };
        let holds = begins(strings, field, prefix)
            && second.is_none_or(|(field, prefix)| begins(strings, field, prefix));
        holds.then_some(platform)
    })
}

fn begins(strings: &FirmwareStrings<'_>, field: &str, prefix: &str) -> bool {
    let text = match field {
        "product" => strings.product,
        "vendor" => strings.manufacturer,
        "board" => strings.board_manufacturer,
        "bios" => strings.bios_vendor,
        "version" => strings.bios_version,
        "asset" => strings.asset_tag,
        _ => return false,
    };
    text.trim_start().starts_with(prefix)
}

/// The hypervisor by the twelve characters of CPUID leaf 0x40000000. Only a hint: KVM and others
/// may show Hyper-V's signature, so firmware strings come first.
pub fn by_cpuid(signature: &str) -> Option<Platform> {
    Some(match signature.trim_end_matches('\0').trim() {
        "Microsoft Hv" => Platform::HyperV,
        "VMwareVMware" => Platform::VMware,
        "VBoxVBoxVBox" => Platform::VirtualBox,
        "KVMKVMKVM" | "Linux KVM Hv" | "TCGTCGTCGTCG" => Platform::Kvm,
        "XenVMMXenVMM" => Platform::Xen,
        "prl hyperv" | "lrpepyh vr" => Platform::Parallels,
        "bhyve bhyve" | "ACRNACRNACRN" | "QNXQVMBSQG" => Platform::Other,
        _ => return None,
    })
}

/// The platform whose guest drivers are loaded, by file name or path. Drivers that a host also
/// loads (VMware's vmci and vsock, VirtualBox's vboxdrv) do not count.
pub fn by_driver(name: &str) -> Option<Platform> {
    const GUEST_DRIVERS: [(Platform, &str); 7] = [
        (
            Platform::VMware,
            "vmmemctl.sys,vmhgfs.sys,vmrawdsk.sys,vmmouse.sys,vmusbmouse.sys,vm3dmp.sys,vm3dmp_loader.sys,vmx_svga.sys,vmxnet.sys,vmxnet3.sys,pvscsi.sys,pvscsii.sys",
        ),
        (
            Platform::VirtualBox,
            "vboxguest.sys,vboxmouse.sys,vboxsf.sys,vboxvideo.sys,vboxwddm.sys",
        ),
        (
            Platform::Kvm,
            "viostor.sys,vioscsi.sys,netkvm.sys,balloon.sys,vioser.sys,viorng.sys,vioinput.sys,viogpudo.sys,viofs.sys,pvpanic.sys,qxldod.sys",
        ),
        (
            Platform::Xen,
            "xenbus.sys,xenvbd.sys,xenvif.sys,xennet.sys,xenfilt.sys",
        ),
        (Platform::Aws, "ena.sys,awsnvme.sys"),
        (Platform::Google, "pvpanic-gce.sys"),
        (
            Platform::Parallels,
            "prl_fs.sys,prl_memdev.sys,prl_tg.sys,prl_mouf.sys",
        ),
    ];
    let name = text::file_name(name);
    let name = name.strip_prefix("dump_").unwrap_or(name);
    GUEST_DRIVERS
        .into_iter()
        .find(|(_, files)| text::listed(files, name))
        .map(|(platform, _)| platform)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::testing::assert_presentable;

    fn strings<'a>(manufacturer: &'a str, product: &'a str, bios: &'a str) -> FirmwareStrings<'a> {
        FirmwareStrings {
            manufacturer,
            product,
            bios_vendor: bios,
            ..Default::default()
        }
    }

    #[test]
    fn every_line_is_understood() {
        for line in text::lines(Table::Platform.text()) {
            let columns: alloc::vec::Vec<_> = text::columns(line).collect();
            assert_eq!(columns.len(), 3, "{line}");
            assert!(Platform::from_word(columns[0]).is_some(), "{line}");
            let fields = ["product", "vendor", "board", "bios", "version", "asset"];
            assert!(fields.contains(&columns[1]), "{line}");
            assert_presentable(line, columns[2]);
        }
    }

    #[test]
    fn every_platform_has_tools_and_advice() {
        for platform in Platform::ALL {
            assert_presentable(platform.word(), platform.guest_tools());
            assert_presentable(platform.word(), platform.advice());
        }
    }

    #[test]
    fn hyper_v_is_told_from_microsofts_own_hardware() {
        let guest = strings(
            "Microsoft Corporation",
            "Virtual Machine",
            "American Megatrends Inc.",
        );
        assert_eq!(by_firmware(&guest), Some(Platform::HyperV));
        let surface = strings(
            "Microsoft Corporation",
            "Surface Go 2",
            "Microsoft Corporation",
        );
        assert_eq!(by_firmware(&surface), None);
    }

    #[test]
    fn azures_asset_tag_comes_before_hyper_v() {
        let mut guest = strings("Microsoft Corporation", "Virtual Machine", "");
        guest.asset_tag = "7783-7084-3265-9085-8269-3286-77";
        assert_eq!(by_firmware(&guest), Some(Platform::Azure));
    }

    #[test]
    fn known_firmware_strings_lead_to_their_platform() {
        for (manufacturer, product, bios, expected) in [
            (
                "VMware, Inc.",
                "VMware7,1",
                "VMware, Inc.",
                Platform::VMware,
            ),
            (
                "innotek GmbH",
                "VirtualBox",
                "innotek GmbH",
                Platform::VirtualBox,
            ),
            (
                "QEMU",
                "Standard PC (i440FX + PIIX, 1996)",
                "SeaBIOS",
                Platform::Kvm,
            ),
            ("Xen", "HVM domU", "Xen", Platform::Xen),
            ("Amazon EC2", "m5.large", "Amazon EC2", Platform::Aws),
            (
                "Google",
                "Google Compute Engine",
                "Google",
                Platform::Google,
            ),
        ] {
            assert_eq!(
                by_firmware(&strings(manufacturer, product, bios)),
                Some(expected)
            );
        }
    }

    #[test]
    fn physical_machines_and_bare_metal_instances_are_no_virtual_machines() {
        assert_eq!(
            by_firmware(&strings("Dell Inc.", "Vostro 3020 T", "Dell Inc.")),
            None
        );
        assert_eq!(
            by_firmware(&strings("Amazon EC2", "m5.metal", "Amazon EC2")),
            None
        );
        assert_eq!(by_firmware(&FirmwareStrings::default()), None);
    }

    #[test]
    fn signatures_and_guest_drivers_lead_to_their_platform() {
        assert_eq!(by_cpuid("Microsoft Hv"), Some(Platform::HyperV));
        assert_eq!(by_cpuid("KVMKVMKVM\0\0\0"), Some(Platform::Kvm));
        assert_eq!(by_cpuid("GenuineIntel"), None);
        assert_eq!(by_driver("dump_vioscsi.sys"), Some(Platform::Kvm));
        assert_eq!(by_driver("VMMEMCTL.sys"), Some(Platform::VMware));
        assert_eq!(by_driver("vmci.sys"), None);
        assert_eq!(by_driver("vboxdrv.sys"), None);
    }
}
