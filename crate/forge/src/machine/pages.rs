//! What the page-table entries say of pages that are not plainly there: in transition, named by a prototype, in a page file.
//! Layout: _MMPTE_* of ntdiff's and Vergilius's headers; the page-file number moved in 17134.

use super::Machine;
use crate::scenario::{Architecture, PageKind, Pages};

/// State of a kernel page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageState {
    /// Present.
    Valid,
    /// On the standby or modified list: the memory is still there.
    Transition,
    /// Its entry names a prototype entry at this address.
    Prototype {
        /// Address of the prototype entry.
        entry: u64,
    },
    /// In a page file.
    PagedOut {
        /// Number of the page file.
        file: u64,
        /// Page in it.
        offset: u64,
    },
    /// To be made when touched.
    DemandZero,
    /// Exactly this entry.
    Raw(u64),
}

/// Bits of entries that are not valid.
const PROTOTYPE: u64 = 1 << 10;
const TRANSITION: u64 = 1 << 11;
/// Protection "read and write": in bits 5 to 9, on ARM64 in bits 1 to 5.
const READ_WRITE: u64 = 4;

impl Machine<'_> {
    fn read_write(&self) -> u64 {
        let arm = self.arch() == Architecture::Arm64;
        READ_WRITE << if arm { 1 } else { 5 }
    }

    fn wide_entries(&self) -> bool {
        self.arch() != Architecture::X86 || self.scenario.machine.pae
    }

    /// Since 2018 kernels keep a mask in the frame bits of entries that are not valid, unless bit 4 is set.
    fn swizzled(&self, value: u64) -> u64 {
        if self.arch() == Architecture::X64 && self.scenario.machine.build >= 17763 {
            value ^ self.scenario.machine.invalid_pte_mask.0
        } else {
            value
        }
    }

    /// A page in transition.
    pub fn transition_entry(&self, frame: u64) -> u64 {
        self.swizzled(frame << 12) | TRANSITION | self.read_write()
    }

    /// A page in a page file.
    pub fn paged_out_entry(&self, file: u64, offset: u64) -> u64 {
        let low = match self.arch() {
            Architecture::Arm64 => 6,
            _ if self.scenario.machine.build >= 17134 => 12,
            _ => 1,
        };
        if self.wide_entries() {
            self.swizzled(offset << 32) | (file & 0xf) << low | self.read_write()
        } else {
            offset << 12 | (file & 0xf) << 1 | self.read_write()
        }
    }

    /// A page that does not exist yet.
    pub fn demand_zero_entry(&self) -> u64 {
        self.read_write()
    }

    /// A page that a prototype entry describes.
    pub fn prototype_entry(&self, address: u64) -> u64 {
        if self.pointer() == 8 {
            address << 16 | PROTOTYPE
        } else if self.scenario.machine.pae {
            address << 32 | PROTOTYPE
        } else {
            let offset = address - 0x8000_0000;
            (offset & 0x7fff_fc00) << 1 | (offset & 0x3ff) >> 1 | PROTOTYPE
        }
    }

    /// True for addresses inside the code of images.
    pub fn is_code(&self, va: u64) -> bool {
        self.images
            .iter()
            .any(|i| va >= i.base + 0x1000 && va < i.base + i.size * 3 / 4)
    }

    /// Address of the shared user data in kernel space.
    pub fn shared_user_data(&self) -> u64 {
        if self.arch() == Architecture::X86 {
            0xffdf_0000
        } else {
            0xffff_f780_0000_0000
        }
    }

    /// Notes the states that the scenario asks for, and makes the prototype entries.
    pub(super) fn mark_pages(&mut self) {
        for wanted in self.scenario.pages.clone() {
            let known = self.processes.iter().position(|p| p.id == wanted.process);
            let process = known.filter(|_| wanted.process != 0);
            for n in 0..wanted.count.max(1) {
                let va = (wanted.address.0 & !0xfff) + n * 0x1000;
                let state = self.page_state(&wanted, n);
                let memory = match process {
                    Some(index) => &mut self.processes[index].user,
                    None => &mut self.kernel,
                };
                if matches!(
                    state,
                    PageState::Valid | PageState::Transition | PageState::Prototype { .. }
                ) {
                    memory.write(va, wanted.text.as_bytes());
                    memory.touch(va, 0x1000);
                }
                match process {
                    Some(index) => self.user_states.insert((index, va / 0x1000), state),
                    None => self.page_states.insert(va / 0x1000, state),
                };
            }
        }
    }

    /// The state of the `n`th page of a stretch.
    fn page_state(&mut self, wanted: &Pages, n: u64) -> PageState {
        match wanted.state {
            PageKind::Valid => PageState::Valid,
            PageKind::Transition => PageState::Transition,
            PageKind::DemandZero => PageState::DemandZero,
            PageKind::Raw => PageState::Raw(wanted.entry.0),
            PageKind::PagedOut => PageState::PagedOut {
                file: wanted.page_file,
                offset: wanted.offset.0 + n,
            },
            PageKind::Prototype => {
                let entry = self.regions.paged.allocate(8);
                self.kernel.u64(entry, 0);
                PageState::Prototype { entry }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::machine::Machine;
    use crate::scenario::Scenario;

    #[test]
    fn entries_of_missing_pages_have_the_bits_readers_test() {
        let s = Scenario::from_toml("[machine]\nbuild = 19041").unwrap();
        let m = Machine::invent(&s).unwrap();
        assert_eq!(m.transition_entry(0x1234) & 0xc01, 0x800);
        assert_eq!(m.transition_entry(0x1234) >> 12, 0x1234);
        let paged = m.paged_out_entry(1, 0x777);
        assert_eq!(
            (paged & 0xc01, paged >> 12 & 0xf, paged >> 32),
            (0, 1, 0x777)
        );
        let proto = m.prototype_entry(0xffff_c000_1234_5678);
        assert_eq!(
            (proto & 0x401, (proto as i64 >> 16) as u64),
            (0x400, 0xffff_c000_1234_5678)
        );
    }

    #[test]
    fn before_17134_the_page_file_number_lies_in_bits_1_to_4() {
        let s = Scenario::from_toml("[machine]\nbuild = 9600").unwrap();
        let m = Machine::invent(&s).unwrap();
        assert_eq!(m.paged_out_entry(2, 5) >> 1 & 0xf, 2);
    }
}
