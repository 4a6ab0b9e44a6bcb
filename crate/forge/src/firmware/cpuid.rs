//! CPUID leaves as the processor registers of secondary data hold them: per leaf the values of the first and of the last processor.
//! Layout: seen on small dumps of 9600 and 26100: records of 28h bytes: 0, leaf number, then two times EAX, EBX, ECX, EDX.

use crate::bytes::Bytes;
use crate::scenario::{FirmwareKind, Scenario};

/// The four registers from a 12-character signature: EBX, ECX, EDX in the order that leaf 40000000 has.
fn signature(text: &str) -> [u32; 3] {
    let mut bytes = [0; 12];
    for (slot, b) in bytes.iter_mut().zip(text.bytes()) {
        *slot = b;
    }
    let word = |i: usize| u32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
    [word(0), word(4), word(8)]
}

/// Leaves with their values.
pub fn leaves(scenario: &Scenario) -> Vec<(u32, [u32; 4])> {
    let f = &scenario.firmware;
    let hypervisor = match (&f.hypervisor, f.kind) {
        (Some(text), _) => text.clone(),
        (None, FirmwareKind::Other) => String::new(),
        (None, _) => "Microsoft Hv".to_owned(),
    };
    let [v0, v1, v2] = signature(&scenario.machine.processor_vendor);
    // Leaf 0 gives the vendor in EBX, EDX, ECX.
    let present = if hypervisor.is_empty() { 0 } else { 1 << 31 };
    let mut out = vec![
        (0, [0xd, v0, v2, v1]),
        (
            1,
            [
                0x0002_06d7,
                0x0002_0800,
                0x1fbe_e3bf & 0x7fff_ffff | present,
                0x1f8b_fbff,
            ],
        ),
    ];
    if !hypervisor.is_empty() {
        let [h0, h1, h2] = signature(&hypervisor);
        out.push((0x4000_0000, [0x4000_0006, h0, h1, h2]));
        if hypervisor == "Microsoft Hv" {
            let features = f.hypervisor_features.map_or(0xe7f, |n| n.0 as u32);
            out.push((0x4000_0001, [u32::from_le_bytes(*b"Hv#1"), 0, 0, 0]));
            if let Some(build) = f.hypervisor_build {
                out.push((0x4000_0002, [build, 0x6_0003, 0x11, 0x0000_446b]));
            }
            out.push((0x4000_0003, [features, 0, 2, 0x1b3]));
        }
    }
    out.push((0x8000_0000, [0x8000_0008, 0, 0, 0]));
    out
}

/// The payload of the register blob.
pub fn payload(scenario: &Scenario) -> Vec<u8> {
    let mut b = Bytes::default();
    for (leaf, [eax, ebx, ecx, edx]) in leaves(scenario) {
        b.append(&[0; 4]);
        b.append(&leaf.to_le_bytes());
        // On its own hypervisor the second answer comes from the hardware, which knows of none.
        let bare = leaf == 1 && scenario.firmware.root_partition;
        for ecx in [ecx, if bare { ecx & 0x7fff_ffff } else { ecx }] {
            for register in [eax, ebx, ecx, edx] {
                b.append(&register.to_le_bytes());
            }
        }
    }
    b.into_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guest_shows_its_hypervisor_in_the_leaves() {
        let l = leaves(&Scenario::default());
        let find = |leaf| l.iter().find(|x| x.0 == leaf).unwrap().1;
        assert_eq!(find(0)[1].to_le_bytes(), *b"Genu");
        assert_eq!(find(0)[3].to_le_bytes(), *b"ineI");
        assert_eq!(find(0x4000_0000)[1].to_le_bytes(), *b"Micr");
        assert_ne!(find(1)[2] & 1 << 31, 0);
    }
}
