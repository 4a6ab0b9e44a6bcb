// What compilers for ARM64 write seldom, and what the system itself has: registers saved by the
// rarer codes, a frame in a trap frame.
  .text

// The stack probe: X15 has the size in units of 16 bytes, and every register is kept.
  .globl __chkstk
__chkstk:
  ret

  .globl assembled
  .seh_proc assembled
assembled:
  stp x19, x20, [sp, #-0x60]!
  .seh_save_r19r20_x 0x60
  stp x21, x22, [sp, #0x10]
  .seh_save_next
  stp x23, x24, [sp, #0x20]
  .seh_save_next
  str x25, [sp, #0x30]
  .seh_save_reg x25, 0x30
  stp x27, lr, [sp, #0x40]
  .seh_save_lrpair x27, 0x40
  str d8, [sp, #0x38]
  .seh_save_freg d8, 0x38
  sub sp, sp, #0x800
  .seh_stackalloc 0x800
  .seh_endprologue
  mov x19, x0
  mov x20, #1
  mov x23, #2
  bl leaf
  add x0, x0, x19
  bl framed
  .seh_startepilogue
  add sp, sp, #0x800
  .seh_stackalloc 0x800
  ldr d8, [sp, #0x38]
  .seh_save_freg d8, 0x38
  ldp x27, lr, [sp, #0x40]
  .seh_save_lrpair x27, 0x40
  ldr x25, [sp, #0x30]
  .seh_save_reg x25, 0x30
  ldp x23, x24, [sp, #0x20]
  .seh_save_next
  ldp x21, x22, [sp, #0x10]
  .seh_save_next
  ldp x19, x20, [sp], #0x60
  .seh_save_r19r20_x 0x60
  .seh_endepilogue
  ret
  .seh_endproc

// A frame pointer that does not point to the end of the frame, and stack taken after the prologue.
  .globl framed
  .seh_proc framed
framed:
  str x28, [sp, #-0x10]!
  .seh_save_reg_x x28, 0x10
  sub sp, sp, #0x40
  .seh_stackalloc 0x40
  stp fp, lr, [sp, #0x10]
  .seh_save_fplr 0x10
  add fp, sp, #0x10
  .seh_add_fp 0x10
  .seh_endprologue
  sub sp, sp, #0x100
  bl small
  cbz x0, 1f
  bl leaf
1:
  .seh_startepilogue
  sub sp, fp, #0x10
  .seh_add_fp 0x10
  ldp fp, lr, [sp, #0x10]
  .seh_save_fplr 0x10
  add sp, sp, #0x40
  .seh_stackalloc 0x40
  ldr x28, [sp], #0x10
  .seh_save_reg_x x28, 0x10
  .seh_endepilogue
  ret
  .seh_endproc

// Where an interrupt comes in. The emulator writes the trap frame that the kernel would.
  .globl fault
  .seh_proc fault
fault:
  .seh_trap_frame
  .seh_endprologue
  mov x0, #3
  bl interrupt
  .globl back_from_fault
back_from_fault:
  nop
  .seh_endproc

// Only one kind of interrupt comes in here.
  .globl tick
  .globl back_from_tick
tick:
back_from_tick:
  brk #2
