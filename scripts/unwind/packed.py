"""Writes ARM64 functions in every short form of unwind data, for scripts/test-unwind.

Usage: packed.py > FILE.s

The short form stands for one prologue that its fields choose: how many integer and vector registers are saved, whether
parameters are stored too, what becomes of the link register, and how large the frame is. Compilers use a few of the
combinations; here are a few hundred, each with a part that lies apart and has no prologue of its own. Source: Microsoft
Learn, "ARM64 exception handling"; where parameters go that are stored without saved registers, dotnet/runtime (MIT).
"""

import random
import sys

# What becomes of the link register.
UNCHAINED, LINK, SIGNED, CHAINED = range(4)
LOCALS = [0, 2, 4, 30, 62, 66, 250, 510]


def shape(link, integers, vectors, homed, extra):
    """The words of the saved registers and of the rest."""
    saved = integers + (link == LINK) + (vectors + 1 if vectors else 0)
    area = saved + (8 if homed and saved else 0)
    area += area % 2
    room = max(extra, 2) if link >= SIGNED else extra
    if homed and not saved:
        room = max(room, 10)
    return saved, area, room


def stores(link, integers, vectors, area):
    """Pairs of registers, or one, in the order in which they are stored."""
    found = [(f"x{19 + i}", f"x{20 + i}") for i in range(0, integers - integers % 2, 2)]
    if integers % 2:
        last = f"x{18 + integers}"
        found.append((last, "lr") if link == LINK else (last,))
    elif link == LINK:
        found.append(("lr",))
    count = vectors + 1 if vectors else 0
    found += [(f"d{8 + i}", f"d{9 + i}") for i in range(0, count - count % 2, 2)]
    if count % 2:
        found.append((f"d{7 + count}",))
    return found


def body(link, integers, vectors, homed, extra):
    """Prologue, what clobbers the saved registers, and epilogue."""
    saved, area, room = shape(link, integers, vectors, homed, extra)
    enter, leave, slot = [], [], 0
    if link == SIGNED:
        enter.append("pacibsp")
        leave.append("autibsp")
    if link == LINK and integers == 1:
        enter.append(f"sub sp, sp, #{8 * area}")
        leave.append(f"add sp, sp, #{8 * area}")
        first = False
    else:
        first = True
    for registers in stores(link, integers, vectors, area):
        pair = "p" if len(registers) == 2 else "r"
        names = ", ".join(registers)
        if first:
            enter.append(f"st{pair} {names}, [sp, #-{8 * area}]!")
            leave.append(f"ld{pair} {names}, [sp], #{8 * area}")
        else:
            enter.append(f"st{pair} {names}, [sp, #{8 * slot}]")
            leave.append(f"ld{pair} {names}, [sp, #{8 * slot}]")
        slot, first = slot + len(registers), False
    homes = [f"stp x{2 * i}, x{2 * i + 1}, [sp, #{8 * (saved + 2 * i)}]" for i in range(4)]
    if homed and saved:
        enter += homes
    inside = []
    if room and link >= SIGNED:
        if room <= 64:
            enter.append(f"stp fp, lr, [sp, #-{8 * room}]!")
            leave.append(f"ldp fp, lr, [sp], #{8 * room}")
        else:
            enter += [f"sub sp, sp, #{8 * room}", "stp fp, lr, [sp]"]
            leave += [f"add sp, sp, #{8 * room}", "ldp fp, lr, [sp]"]
        enter.append("mov fp, sp")
    elif room:
        enter.append(f"sub sp, sp, #{8 * room}")
        leave.append(f"add sp, sp, #{8 * room}")
    if homed and not saved:
        inside += [f"stp x{2 * i}, x{2 * i + 1}, [sp, #{8 * (2 + 2 * i)}]" for i in range(4)]
    for registers in stores(link, integers, vectors, area):
        for name in registers:
            if name[0] == "d":
                inside.append(f"fmov {name}, xzr")
            elif name != "lr":
                inside.append(f"mov {name}, #{name[1:]}")
    return enter, inside, leave[::-1], area + room


def data(flag, instructions, link, integers, vectors, homed, words):
    fields = flag, instructions << 2, vectors << 13, integers << 16, homed << 20, link << 21, words // 2 << 23
    return sum(fields)


def main():
    chosen = random.Random(7)
    lines, entries, names = ["  .text"], [], []
    every = [(c, i, f, h) for c in range(4) for i in range(11) for f in range(8) for h in range(2)]
    for number, (link, integers, vectors, homed) in enumerate(chosen.sample(every, int(sys.argv[1]))):
        fields = link, integers, vectors, homed
        enter, inside, leave, words = body(*fields, chosen.choice(LOCALS))
        name = f"packed{number}"
        call = ["bl leaf"] if link != UNCHAINED else ["nop"]
        code = enter + inside + call + [f"b .Lapart{number}", f".Lback{number}:"] + leave + ["ret"]
        apart = ["nop", *call, "nop", f"b .Lback{number}"]
        length = len(code) - 1
        lines += [f"  .globl {name}\n  .p2align 2\n{name}:", *code, "  brk #2", f".Lapart{number}:", *apart, "  brk #2"]
        words = max(words, 0)
        entries.append(f"  .rva {name}\n  .long {data(1, length, *fields, words):#x}")
        entries.append(f"  .rva .Lapart{number}\n  .long {data(2, len(apart), *fields, words):#x}")
        names.append(name)
    lines += ["  .globl packed", "  .seh_proc packed", "packed:", "  stp fp, lr, [sp, #-16]!"]
    lines += ["  .seh_save_fplr_x 16", "  mov fp, sp", "  .seh_set_fp", "  .seh_endprologue"]
    lines += [f"  bl {name}" for name in names]
    lines += ["  .seh_startepilogue", "  ldp fp, lr, [sp], #16", "  .seh_save_fplr_x 16", "  .seh_endepilogue", "  ret"]
    lines += ["  .seh_endproc", '  .section .pdata,"dr"', "  .p2align 2", *entries]
    print("\n".join(lines))


main()
