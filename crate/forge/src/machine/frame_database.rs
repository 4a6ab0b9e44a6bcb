//! The page-frame database, on demand: a record for every frame, its list and its page-table entry.
//! Layout: _MMPFN of the build; the numbers of the lists are MMLISTS. Frames get their states in
//! ascending order, as many of each as the counters say; what is left is in use.

use super::Machine;

/// MMLISTS.
const ZEROED: u8 = 0;
const FREE: u8 = 1;
const STANDBY: u8 = 2;
const MODIFIED: u8 = 3;
const MODIFIED_NO_WRITE: u8 = 4;
const ACTIVE: u8 = 6;

impl Machine<'_> {
    /// Writes it, when the scenario asks for it.
    pub(super) fn write_frame_database(&mut self) {
        let s = "_MMPFN";
        let (size, p) = (self.build.size(s), self.pointer());
        let (Some(flags), Some(entry)) =
            (self.build.field(s, "u3"), self.build.field(s, "PteAddress"))
        else {
            return;
        };
        if !self.scenario.machine.frame_database || size == 0 {
            return;
        }
        let c = self.counters();
        let mut quotas = vec![
            (ZEROED, c.zeroed),
            (FREE, c.free),
            (STANDBY, c.standby),
            (MODIFIED, c.modified),
            (MODIFIED_NO_WRITE, c.modified_no_write),
        ];
        let mut locked = c.mdl_pages;
        let runs = self.physical_runs();
        for frame in runs.iter().flat_map(|run| run.0..run.0 + run.1) {
            let at = self.regions.frames + frame * size;
            quotas.retain(|quota| quota.1 > 0);
            let state = quotas.first_mut().map_or(ACTIVE, |quota| {
                quota.1 -= 1;
                quota.0
            });
            // Pages that drivers allocated have no page-table entry of their own.
            let owned = state != ACTIVE || locked == 0;
            if !owned {
                locked -= 1;
            }
            let pte = if owned { self.regions.frames | 8 } else { 0 };
            self.kernel.word(at + entry, pte, p);
            let priority = if state == STANDBY { 5 } else { 0 };
            self.kernel.write(at + flags, &[1, 0, state, priority]);
        }
    }
}
