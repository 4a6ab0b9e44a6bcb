"""Runs programs for Windows in an emulator and records, at every instruction, registers, memory and who called whom.

Usage: emulate.py PROGRAM... FOLDER   (one PROGRAM.trace each in FOLDER)

The record is replayed by crate/core/tests/unwind_traces.rs, which describes its form. The true chain of callers is kept
by watching call and return instructions, so nothing in it rests on unwind data. Interrupts are made to come in at many
instructions: what the processor or the kernel would save is written to the stack, and a handler runs.
"""

import struct
import sys
from collections import Counter
from pathlib import Path

import codes
import unicorn
from unicorn import arm64_const as arm
from unicorn import x86_const as x86

STACK, STACK_SIZE = 0x7FF0000000, 0x200000
# Where a stack of the processor's own begins.
OTHER_STACK = STACK + 0x40000
# Instructions after which an interrupt comes in, and how often each instruction is recorded.
EVERY, VISITS = 23, 2
INTERRUPTS = 400


class Image:
    """A program as it lies in memory."""

    def __init__(self, path):
        data = path.read_bytes()
        (pe,) = struct.unpack_from("<I", data, 0x3C)
        self.machine, sections, optional_len = (struct.unpack_from("<H", data, pe + at)[0] for at in (4, 6, 0x14))
        optional = pe + 0x18
        (entry,) = struct.unpack_from("<I", data, optional + 0x10)
        (self.base,) = struct.unpack_from("<Q", data, optional + 0x18)
        (self.size, headers) = struct.unpack_from("<II", data, optional + 0x38)
        self.entry = self.base + entry
        memory = bytearray(self.size + 0xFFF & ~0xFFF)
        memory[:headers] = data[:headers]
        for i in range(sections):
            at = optional + optional_len + 40 * i
            name, virtual, rva, size, where = struct.unpack_from("<8sIIII", data, at)
            part = data[where : where + min(size, virtual or size)]
            memory[rva : rva + len(part)] = part
            if name.rstrip(b"\0") == b".hooks":
                self.hooks = struct.unpack_from("<6Q", memory, rva)
        self.memory = bytes(memory)


class Machine:
    """What both processors have in common."""

    def __init__(self, image, out):
        self.image, self.out, self.chain = image, out, []
        self.before, self.seen, self.count, self.interrupts = None, {}, 0, 0
        # Where interrupts come in, each by other unwind data, and where they are over.
        self.handlers, self.backs = image.hooks[::2], image.hooks[1::2]
        emulator = self.emulator = self.make()
        emulator.mem_map(image.base, len(image.memory))
        emulator.mem_write(image.base, image.memory)
        emulator.mem_map(STACK, STACK_SIZE)
        self.start(STACK + STACK_SIZE - 0x1000)
        out.write(struct.pack("<8sQQQQ", b"UNWIND01", image.machine, image.base, len(image.memory), STACK))
        out.write(struct.pack("<Q", STACK_SIZE) + image.memory)
        emulator.hook_add(unicorn.UC_HOOK_CODE, self.instruction)
        emulator.hook_add(unicorn.UC_HOOK_MEM_WRITE, self.written)

    def written(self, _, __, address, size, value, ___):
        if STACK <= address < STACK + STACK_SIZE:
            value &= (1 << 8 * min(size, 8)) - 1
            self.out.write(struct.pack("<BQQ", size, address, value))

    def push(self, address, value):
        """Writes a word, which the emulator does not report."""
        self.emulator.mem_write(address, struct.pack("<Q", value))
        self.written(None, None, address, 8, value, None)

    def record(self, pc):
        visits = self.seen.get((pc, len(self.chain)), 0)
        if visits >= VISITS:
            return
        self.seen[pc, len(self.chain)] = visits + 1
        registers = self.registers()
        chain = [pc] + [address for address, *_ in reversed(self.chain)]
        words = registers + chain
        self.out.write(struct.pack(f"<BQQ{len(words)}Q", 0, len(registers), len(chain), *words))
        self.count += 1

    def instruction(self, _, pc, size, ___):
        code = bytes(self.emulator.mem_read(pc, size))
        self.follow(pc)
        if self.ends(code):
            self.record(pc)
            self.emulator.emu_stop()
            return
        if pc in self.backs:
            self.record(pc)
            self.resume(pc)
            return
        self.record(pc)
        inside = any(kind == "interrupt" for _, kind, *_ in self.chain)
        self.interrupts += 1
        if not inside and self.interrupts % EVERY == 0 and self.interrupts < EVERY * INTERRUPTS:
            self.interrupt(pc)
            return
        self.before = self.kind(code), pc + size

    def follow(self, pc):
        """Keeps the chain: what the instruction before this one did to it."""
        kind, after = self.before or (None, None)
        if kind == "call":
            self.chain.append((after, "call"))
        elif kind == "return":
            returned, _ = self.chain.pop()
            assert returned == pc, f"{pc:#x} is no return to {returned:#x}"
        self.before = None


class X64(Machine):
    GENERAL = "RAX RCX RDX RBX RSP RBP RSI RDI R8 R9 R10 R11 R12 R13 R14 R15".split()
    NUMBERS = [getattr(x86, f"UC_X86_REG_{name}") for name in GENERAL]

    def make(self):
        return unicorn.Uc(unicorn.UC_ARCH_X86, unicorn.UC_MODE_64)

    def start(self, top):
        # What the first function returns to: nothing.
        self.emulator.reg_write(x86.UC_X86_REG_RSP, top - 8)
        self.chain.append((0, "call"))

    def registers(self):
        return [self.emulator.reg_read(number) for number in self.NUMBERS]

    def ends(self, code):
        return code == b"\xf4"

    def kind(self, code):
        if code[0] & 0xF0 == 0x40:
            code = code[1:]
        if code[0] == 0xE8 or code[0] == 0xFF and code[1] >> 3 & 7 == 2:
            return "call"
        if code[0] in (0xC3, 0xC2) or code[:2] == b"\xf3\xc3":
            return "return"
        return None

    def interrupt(self, pc):
        saved = self.registers()
        flags = self.emulator.reg_read(x86.UC_X86_REG_EFLAGS)
        vectors = [self.emulator.reg_read(x86.UC_X86_REG_XMM0 + i) for i in range(16)]
        # The processor aligns the stack. Every third interrupt is a fault, with an error code, and every third comes in
        # on a stack of its own.
        kind = self.interrupts // EVERY % 3
        sp = OTHER_STACK if kind == 2 else saved[4] & ~0xF
        for value in (0x18, saved[4], flags, 0x10, pc) + ((0xE,) if kind == 0 else ()):
            sp -= 8
            self.push(sp, value)
        self.chain.append((pc, "interrupt", saved, flags, vectors))
        self.emulator.reg_write(x86.UC_X86_REG_RSP, sp)
        self.emulator.reg_write(x86.UC_X86_REG_RIP, self.handlers[kind])

    def resume(self, _):
        pc, _, saved, flags, vectors = self.chain.pop()
        for number, value in zip(self.NUMBERS, saved):
            self.emulator.reg_write(number, value)
        self.emulator.reg_write(x86.UC_X86_REG_EFLAGS, flags)
        for i, value in enumerate(vectors):
            self.emulator.reg_write(x86.UC_X86_REG_XMM0 + i, value)
        self.emulator.reg_write(x86.UC_X86_REG_RIP, pc)


class Arm64(Machine):
    NUMBERS = [getattr(arm, f"UC_ARM64_REG_X{i}") for i in range(31)] + [arm.UC_ARM64_REG_SP]
    # KTRAP_FRAME, CONTEXT: their sizes, and where status, SP, X0, LR, FP and PC are, and how many registers from X0 on.
    LAYOUTS = [(0x150, 0x90, 0x98, 0xA0, 0x138, 0x140, 0x148, 19), (0x390, 4, 0x100, 8, 0xF8, 0xF0, 0x108, 29)]

    # So that return addresses are signed: what the higher levels of privilege must allow (SCR_EL3, HCR_EL2), 48-bit
    # addresses (TCR_EL1), a key (APIBKey), and the switch itself (SCTLR_EL1). By CRn, CRm, op0, op1, op2.
    SYSTEM = [
        ((1, 1, 3, 6, 0), 0x30401),
        ((1, 1, 3, 4, 0), 0x30080000000),
        ((2, 0, 3, 0, 2), 0x100010),
        ((2, 1, 3, 0, 2), 0x1234567890ABCDEF),
        ((2, 1, 3, 0, 3), 0xFEDCBA0987654321),
        ((1, 0, 3, 0, 0), 0x40000000),
    ]

    def make(self):
        emulator = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        emulator.ctl_set_cpu_model(arm.UC_CPU_ARM64_MAX)
        for place, bits in self.SYSTEM:
            value = emulator.reg_read(arm.UC_ARM64_REG_CP_REG, place)
            emulator.reg_write(arm.UC_ARM64_REG_CP_REG, (*place, value | bits))
        return emulator

    def start(self, top):
        self.emulator.reg_write(arm.UC_ARM64_REG_SP, top)
        self.emulator.reg_write(arm.UC_ARM64_REG_LR, 0)
        # Floating point is off after a reset.
        self.emulator.reg_write(arm.UC_ARM64_REG_CPACR_EL1, 3 << 20)
        self.chain.append((0, "call"))

    def registers(self):
        return [self.emulator.reg_read(number) for number in self.NUMBERS]

    def ends(self, code):
        return code == struct.pack("<I", 0xD4200020)

    def kind(self, code):
        (code,) = struct.unpack("<I", code)
        if code >> 26 == 0b100101 or code & 0xFFFFFC1F == 0xD63F0000:
            return "call"
        return "return" if code & 0xFFFFFC1F == 0xD65F0000 else None

    def interrupt(self, pc):
        saved = self.registers()
        flags = self.emulator.reg_read(arm.UC_ARM64_REG_NZCV)
        vectors = [self.emulator.reg_read(arm.UC_ARM64_REG_Q0 + i) for i in range(32)]
        kind = self.interrupts // EVERY % 3
        if kind == 2:
            # The handler itself stores the rest.
            frame, words = saved[31] - 0x30 & ~0xF, {0: saved[31], 8: pc}
        else:
            size, status, sp, first, lr, fp, at, count = self.LAYOUTS[kind]
            frame = saved[31] - size - 0x20 & ~0xF
            words = {status & ~7: 4 << 8 * (status & 7), sp: saved[31], lr: saved[30], fp: saved[29], at: pc}
            words |= {first + 8 * i: saved[i] for i in range(count)}
        for offset, value in words.items():
            self.push(frame + offset, value)
        self.chain.append((pc, "interrupt", saved, flags, vectors))
        self.emulator.reg_write(arm.UC_ARM64_REG_SP, frame)
        self.emulator.reg_write(arm.UC_ARM64_REG_PC, self.handlers[kind])

    def resume(self, _):
        pc, _, saved, flags, vectors = self.chain.pop()
        for number, value in zip(self.NUMBERS, saved):
            self.emulator.reg_write(number, value)
        self.emulator.reg_write(arm.UC_ARM64_REG_NZCV, flags)
        for i, value in enumerate(vectors):
            self.emulator.reg_write(arm.UC_ARM64_REG_Q0 + i, value)
        self.emulator.reg_write(arm.UC_ARM64_REG_PC, pc)


def main():
    *programs, folder = map(Path, sys.argv[1:])
    totals = {}
    for program in programs:
        image = Image(program)
        with open(folder / f"{program.stem}.trace", "wb", buffering=1 << 20) as out:
            machine = {0x8664: X64, 0xAA64: Arm64}[image.machine](image, out)
            machine.emulator.emu_start(image.entry, 0, count=2_000_000)
            assert len(machine.chain) > 1 and machine.count > 1000, f"{program}: it did not run to its end"
        print(f"{program.stem}: {machine.count} moments in {len(machine.seen)} places")
        kind, found = codes.count(image.memory, sorted({pc - image.base for pc, _ in machine.seen}))
        totals.setdefault(kind, Counter()).update(found)
    codes.report(totals)


main()
