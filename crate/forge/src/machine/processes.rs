//! Processes and threads: EPROCESS and ETHREAD objects, their lists, and kernel stacks.

use super::{Machine, Process, Running, Thread};
use crate::layout::wait;
use crate::scenario::{self, Architecture, Number, ScenarioError};

/// Pages of a kernel stack.
fn stack_size(arch: Architecture) -> u64 {
    match arch {
        Architecture::X86 => 0x3000,
        Architecture::X64 => 0x6000,
        Architecture::Arm64 => 0x8000,
    }
}

/// Object header in front of every process and thread, and the pool header in front of that (64-bit, 32-bit).
const OBJECT_HEADER: (u64, u64) = (0x30, 0x18);
const POOL_HEADER: (u64, u64) = (0x10, 0x08);

/// Name of the process that holds the registry's bins.
pub(super) const REGISTRY: &str = "Registry";

/// Offset of the session's number in _MM_SESSION_SPACE.
const SESSION_ID: u64 = 8;

/// The clock ticks every 15.625 ms.
const TICKS_A_SECOND: u64 = 64;

/// What the thread of a sleeping process waits in.
const WAITING: u64 = 5;
const RUNNING: u64 = 2;

impl Machine<'_> {
    /// Makes System, the scenario's processes, and the idle threads.
    pub(super) fn make_processes(&mut self) -> Result<(), ScenarioError> {
        let mut wanted = vec![self.system_process()];
        wanted.extend(self.scenario.processes.iter().cloned());
        if self.has_registry_process() {
            wanted.push(scenario::Process {
                name: REGISTRY.into(),
                pid: 100,
                session: -1,
                threads: 4,
                ..scenario::Process::default()
            });
        }
        let current = wanted.iter().position(|p| p.current).unwrap_or(0);
        let mut next_id = 300;
        for process in &wanted {
            let id = match (self.processes.is_empty(), process.pid) {
                (true, _) => 4,
                (_, 0) => {
                    next_id += 4 * (1 + self.rng(&process.name).below(40));
                    next_id
                }
                (_, pid) => u64::from(pid),
            };
            let made = self.make_process(process, id);
            self.processes.push(made);
        }
        self.current.process = current;
        self.current.thread = self.processes[current].threads[0];
        self.link_processes();
        self.make_idle_threads()
    }

    /// Since 17063 the bins of stable hives lie in the user half of a process of their own.
    pub(super) fn has_registry_process(&self) -> bool {
        let machine = &self.scenario.machine;
        self.arch() != Architecture::X86 && machine.build >= 17134 && machine.registry_process
    }

    fn system_process(&self) -> scenario::Process {
        scenario::Process {
            name: "System".into(),
            pid: 4,
            session: -1,
            threads: self.scenario.processes.first().map_or(3, |_| 6),
            commit: Number(0x24),
            private: Number(0x24),
            working_set: Number(0x45),
            virtual_size: Number(0x3_0000),
            ..scenario::Process::default()
        }
    }

    /// Allocates an object behind its pool and object headers.
    fn allocate_object(&mut self, size: u64, tag: &[u8; 4]) -> u64 {
        let wide = self.pointer() == 8;
        let (header, pool) = if wide {
            (OBJECT_HEADER.0, POOL_HEADER.0)
        } else {
            (OBJECT_HEADER.1, POOL_HEADER.1)
        };
        let total = pool + header + size;
        let at = self.regions.nonpaged.allocate(total);
        self.kernel.touch(at, total);
        let unit = if wide { 0x10 } else { 8 };
        self.kernel.u8(at + 2, (total / unit) as u8);
        self.kernel.u8(at + 3, 2);
        self.kernel.write(at + 4, tag);
        let p = self.pointer() as u64;
        self.put_pointer(at + pool, 12); // PointerCount
        self.put_pointer(at + pool + p, 3); // HandleCount
        at + pool + header
    }

    fn make_process(&mut self, wanted: &scenario::Process, id: u64) -> Process {
        let size = self.build.size("_EPROCESS").max(0x300);
        let object = self.allocate_object(size, b"Proc");
        let system = &self.scenario.system;
        let boot = system.crash_time.0 - system.uptime.0 as i64;
        // Each starts a little after the one before it.
        let after = boot + 1 + 3 * self.processes.len() as i64;
        let created = wanted.created.map_or(after, |m| m.0);
        let created = scenario::Moment(created).filetime();
        self.kernel.u8(object, 3); // dispatcher header: a process
        // Nobody profiles it: that list is empty.
        let profiles = self.build.field("_KPROCESS", "ProfileListHead");
        let profiles = profiles.unwrap_or(if self.pointer() == 4 { 0x10 } else { 0x18 });
        self.link(object + profiles, &[]);
        let e = "_EPROCESS";
        self.set_pointer(object, e, "UniqueProcessId", id);
        self.set(object, e, "CreateTime", created, 8);
        if let Some(exited) = wanted.exited {
            self.set(object, e, "ExitTime", exited.filetime(), 8);
        }
        let status = if wanted.exited.is_some() {
            wanted.exit_status.0
        } else {
            0x103
        };
        self.set(object, e, "ExitStatus", status, 4);
        let parent = match (id, wanted.parent) {
            (4, _) => 0,
            (_, 0) => 4,
            (_, p) => u64::from(p),
        };
        self.set_pointer(object, e, "InheritedFromUniqueProcessId", parent);
        if let Some(at) = self.build.field(e, "ImageFileName") {
            let name: Vec<u8> = wanted.name.bytes().take(14).collect();
            self.kernel.write(object + at, &name);
        }
        self.set_pointer(object, e, "CommitCharge", wanted.commit.0);
        self.set_pointer(object, e, "NumberOfPrivatePages", wanted.private.0);
        self.set_pointer(object, e, "VirtualSize", wanted.virtual_size.0);
        self.set_pointer(object, e, "PeakVirtualSize", wanted.virtual_size.0);
        self.set_working_set(object, wanted.working_set.0);
        self.set_session(object, wanted.session);
        self.set_image_path(object, &wanted.name);
        let threads = if wanted.exited.is_some() {
            0
        } else {
            wanted.threads.max(1)
        };
        self.set(object, e, "ActiveThreads", u64::from(threads), 4);
        let mut process = Process {
            object,
            id,
            name: wanted.name.clone(),
            ..Process::default()
        };
        for n in 0..threads.max(1) {
            let thread = self.make_thread(object, id, id + 4 * (u64::from(n) + 1), created);
            process.threads.push(thread);
        }
        self.link_threads(&process);
        process
    }

    /// Processes of one session share its structure; System and the session manager have none.
    fn set_session(&mut self, object: u64, session: i32) {
        let Ok(id) = u32::try_from(session) else {
            return;
        };
        if self.build.field("_EPROCESS", "Session").is_none() {
            return;
        }
        let at = match self.sessions.get(&id) {
            Some(at) => *at,
            None => {
                let at = self.regions.session.pages(0x1000);
                self.kernel.touch(at, 0x1000);
                self.kernel.u32(at + SESSION_ID, id);
                self.sessions.insert(id, at);
                at
            }
        };
        self.set_pointer(object, "_EPROCESS", "Session", at);
    }

    /// The whole path of the image, which the 15 characters of the process object cut short.
    fn set_image_path(&mut self, object: u64, name: &str) {
        let Some(at) = self.build.field("_EPROCESS", "SeAuditProcessCreationInfo") else {
            return;
        };
        if name == "System" {
            return;
        }
        let path = format!(r"\Device\HarddiskVolume2\Windows\System32\{name}");
        let p = self.pointer() as u64;
        let info = self
            .regions
            .paged
            .allocate(2 * p + 2 * path.len() as u64 + 2);
        self.put_string(info, info + 2 * p, &path);
        self.put_pointer(object + at, info);
    }

    fn set_working_set(&mut self, object: u64, pages: u64) {
        let Some(vm) = self.build.field("_EPROCESS", "Vm") else {
            return;
        };
        let instance = self.build.field("_MMSUPPORT_FULL", "Instance").unwrap_or(0);
        let structure = if self.build.size("_MMSUPPORT_INSTANCE") > 0 {
            "_MMSUPPORT_INSTANCE"
        } else {
            "_MMSUPPORT"
        };
        // The counters were 32 bits wide up to 8.0.
        let width = if self.scenario.machine.build <= 9200 {
            4
        } else {
            self.pointer()
        };
        let base = object + vm + instance;
        self.set(base, structure, "WorkingSetSize", pages, width);
        self.set(
            base,
            structure,
            "PeakWorkingSetSize",
            pages + pages / 4,
            width,
        );
        self.set(base, structure, "WorkingSetPrivateSize", pages / 2, width);
    }

    /// Makes a thread with a kernel stack, waiting.
    fn make_thread(&mut self, process: u64, pid: u64, id: u64, created: u64) -> Thread {
        let size = self.build.size("_ETHREAD").max(0x200);
        let object = self.allocate_object(size, b"Thre");
        let bytes = stack_size(self.arch());
        let limit = self.regions.stacks.pages(bytes + 0x1000) + 0x1000;
        let base = limit + bytes;
        self.kernel.touch(limit, bytes);
        self.kernel.u8(object, 6); // dispatcher header: a thread
        let k = "_KTHREAD";
        self.set_pointer(object, k, "InitialStack", base - 0x70);
        self.set_pointer(object, k, "StackLimit", limit);
        self.set_pointer(object, k, "StackBase", base);
        self.set_pointer(object, k, "KernelStack", base - 0x200);
        self.set(object, k, "State", WAITING, 1);
        self.set(object, k, "WaitReason", 15, 1);
        self.set(object, k, "Priority", 8, 1);
        self.set_pointer(object, k, "Process", process);
        if let Some(apc) = self.apc_process() {
            self.put_pointer(object + apc, process);
        }
        self.make_wait(object);
        if let Some(list) = self.build.field("_ETHREAD", "IrpList") {
            self.link(object + list, &[]);
        }
        self.set(object, "_ETHREAD", "CreateTime", created, 8);
        if let Some(cid) = self.build.field("_ETHREAD", "Cid") {
            let p = self.pointer() as u64;
            self.put_pointer(object + cid, pid);
            self.put_pointer(object + cid + p, id);
        }
        let start = self
            .build
            .function("ExpWorkerThread")
            .map_or(0, |f| u64::from(f.rva));
        let start = self.images[0].base + start;
        self.set_pointer(object, "_ETHREAD", "StartAddress", start);
        self.set_pointer(object, "_ETHREAD", "Win32StartAddress", start);
        Thread {
            object,
            id,
            stack_base: base,
            stack_limit: limit,
        }
    }

    /// A thread waits for ten seconds already, for a queue of its own, and has run a little.
    fn make_wait(&mut self, thread: u64) {
        let k = "_KTHREAD";
        let ticks = self.scenario.system.uptime.0 * TICKS_A_SECOND;
        let began = ticks.saturating_sub(10 * TICKS_A_SECOND);
        self.set(thread, k, "WaitTime", began, 4);
        self.set(thread, k, "ContextSwitches", 77, 4);
        self.set(thread, k, "IdealProcessor", 1, 4);
        self.set(thread, k, "UserTime", TICKS_A_SECOND, 4);
        self.set(thread, k, "KernelTime", TICKS_A_SECOND / 2, 4);
        self.set(thread, k, "BasePriority", 8, 1);
        let fields = (
            self.build.field(k, "WaitBlockList"),
            self.build.field(k, "WaitBlock"),
        );
        let (Some(list), Some(block)) = fields else {
            return;
        };
        let old = self.scenario.machine.build < 9200;
        let form = wait::form(self.pointer(), old);
        let queue = self.regions.nonpaged.allocate(wait::OBJECT);
        self.kernel.touch(queue, wait::OBJECT);
        self.kernel.u8(queue, wait::QUEUE);
        let block = thread + block;
        self.link(queue + wait::LIST, &[block]);
        self.put_pointer(block + form.thread, thread);
        self.put_pointer(block + form.object, queue);
        if let Some(next) = form.next {
            self.put_pointer(block + next, block);
        }
        self.put_pointer(thread + list, block);
        self.set(thread, k, "WaitBlockCount", 1, 1);
    }

    /// The threads that processors run.
    pub(super) fn running_threads(&self) -> Vec<u64> {
        let Some(at) = self.build.field("_KPRCB", "CurrentThread") else {
            return Vec::new();
        };
        let p = self.pointer();
        self.processors
            .iter()
            .map(|cpu| self.kernel.read_word(cpu.prcb + at, p))
            .collect()
    }

    /// Offset of the attached process in a thread.
    pub fn apc_process(&self) -> Option<u64> {
        let state = self.build.field("_KTHREAD", "ApcState")?;
        let p = self.pointer() as u64;
        Some(state + self.build.field("_KAPC_STATE", "Process").unwrap_or(4 * p))
    }

    fn link_threads(&mut self, process: &Process) {
        for (structure, list, owner, head) in [
            ("_ETHREAD", "ThreadListEntry", "_EPROCESS", "ThreadListHead"),
            ("_KTHREAD", "ThreadListEntry", "_KPROCESS", "ThreadListHead"),
        ] {
            let (Some(entry), Some(head)) = (
                self.build.field(structure, list),
                self.build.field(owner, head),
            ) else {
                continue;
            };
            let entries: Vec<u64> = process.threads.iter().map(|t| t.object + entry).collect();
            self.link(process.object + head, &entries);
        }
    }

    /// Gives every process its top page table: System's first and lowest, as after a real start.
    pub(super) fn make_directories(&mut self) {
        let low = self.pointer() == 4;
        let offset = self
            .build
            .field("_KPROCESS", "DirectoryTableBase")
            .unwrap_or(if low { 0x18 } else { 0x28 });
        for i in 0..self.processes.len() {
            let frame = match (i, low) {
                (0, _) => self.frames.take_first(),
                (_, true) => self.frames.take_low(),
                _ => self.frames.take(),
            };
            let directory = frame << 12;
            self.processes[i].directory = directory;
            let object = self.processes[i].object;
            self.put_pointer(object + offset, directory);
        }
        let current = self.processes[self.current.process].directory;
        for i in 0..self.processors.len() {
            let prcb = self.processors[i].prcb;
            let running = if i == 0 {
                current
            } else {
                self.processes[0].directory
            };
            let state = self.build.field("_KPRCB", "ProcessorState").unwrap_or(0x40);
            let special = self
                .build
                .field("_KPROCESSOR_STATE", "SpecialRegisters")
                .unwrap_or(0);
            self.set_pointer(
                prcb + state + special,
                "_KSPECIAL_REGISTERS",
                "Cr3",
                running,
            );
        }
    }

    fn link_processes(&mut self) {
        let (Some(head), Some(links)) = (
            self.variable("PsActiveProcessHead"),
            self.build.field("_EPROCESS", "ActiveProcessLinks"),
        ) else {
            return;
        };
        let entries: Vec<u64> = self.processes.iter().map(|p| p.object + links).collect();
        self.link(head, &entries);
        let system = self.processes[0].object;
        if let Some(at) = self.variable("PsInitialSystemProcess") {
            self.put_pointer(at, system);
        }
    }

    /// The thread that the scenario has a processor run, instead of its idle thread.
    fn wanted_thread(&self, number: usize) -> Result<Option<Thread>, ScenarioError> {
        let wanted = self.scenario.running.iter();
        let mut wanted = wanted.filter(|r| r.processor as usize == number && r.process != 0);
        let Some(wanted) = wanted.next() else {
            return Ok(None);
        };
        let (pid, index) = (u64::from(wanted.process), wanted.thread as usize);
        let process = self.processes.iter().find(|p| p.id == pid);
        let thread = process.and_then(|p| p.threads.get(index)).copied();
        let taken = |thread: &Thread| {
            self.running
                .iter()
                .any(|r| r.thread.object == thread.object)
        };
        match thread {
            Some(thread) if !taken(&thread) => Ok(Some(thread)),
            _ => Err(ScenarioError::Unsupported(format!(
                "processor {number} cannot run thread {index} of process {pid}"
            ))),
        }
    }

    /// An idle thread for each processor; the stopping thread runs on processor 0.
    fn make_idle_threads(&mut self) -> Result<(), ScenarioError> {
        let idle = self.allocate_object(self.build.size("_EPROCESS").max(0x300), b"Proc");
        if let Some(at) = self.build.field("_EPROCESS", "ImageFileName") {
            self.kernel.write(idle + at, b"Idle");
        }
        if let Some(at) = self.variable("PsIdleProcess") {
            self.put_pointer(at, idle);
        }
        for i in 0..self.processors.len() {
            let thread = self.make_thread(idle, 0, 0, 0);
            let prcb = self.processors[i].prcb;
            self.processors[i].idle_thread = thread.object;
            self.set_pointer(prcb, "_KPRCB", "IdleThread", thread.object);
            let running = match i {
                0 => self.current.thread,
                _ => self.wanted_thread(i)?.unwrap_or(thread),
            };
            self.running.push(Running {
                thread: running,
                ..Running::default()
            });
            self.set_pointer(prcb, "_KPRCB", "CurrentThread", running.object);
            self.set(running.object, "_KTHREAD", "State", RUNNING, 1);
            self.set(running.object, "_KTHREAD", "NextProcessor", i as u64, 4);
        }
        Ok(())
    }
}
