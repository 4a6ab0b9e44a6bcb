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

// The long code, which can name any register.
  .globl any_registers
  .seh_proc any_registers
any_registers:
  stp x0, x1, [sp, #-0x80]!
  .seh_save_any_reg_px x0, 0x80
  str x20, [sp, #0x10]
  .seh_save_any_reg x20, 0x10
  str x30, [sp, #0x18]
  .seh_save_any_reg x30, 0x18
  stp q8, q9, [sp, #0x20]
  .seh_save_any_reg_p q8, 0x20
  stp x21, x22, [sp, #0x40]
  .seh_save_any_reg_p x21, 0x40
  str d10, [sp, #0x50]
  .seh_save_any_reg d10, 0x50
  str q11, [sp, #0x60]
  .seh_save_any_reg q11, 0x60
  stp d12, d13, [sp, #0x70]
  .seh_save_any_reg_p d12, 0x70
  str x23, [sp, #-0x10]!
  .seh_save_any_reg_x x23, 0x10
  stp d14, d15, [sp, #-0x20]!
  .seh_save_any_reg_px d14, 0x20
  nop
  .seh_nop
  .seh_endprologue
  mov x20, #20
  mov x21, #21
  mov x22, #22
  mov x23, #23
  bl leaf
  .seh_startepilogue
  ldp d14, d15, [sp], #0x20
  .seh_save_any_reg_px d14, 0x20
  ldr x23, [sp], #0x10
  .seh_save_any_reg_x x23, 0x10
  ldp d12, d13, [sp, #0x70]
  .seh_save_any_reg_p d12, 0x70
  ldr q11, [sp, #0x60]
  .seh_save_any_reg q11, 0x60
  ldr d10, [sp, #0x50]
  .seh_save_any_reg d10, 0x50
  ldp x21, x22, [sp, #0x40]
  .seh_save_any_reg_p x21, 0x40
  ldp q8, q9, [sp, #0x20]
  .seh_save_any_reg_p q8, 0x20
  ldr x30, [sp, #0x18]
  .seh_save_any_reg x30, 0x18
  ldr x20, [sp, #0x10]
  .seh_save_any_reg x20, 0x10
  add sp, sp, #0x80
  .seh_stackalloc 0x80
  .seh_endepilogue
  ret
  .seh_endproc

// Stores that also take the room for themselves.
  .globl stores
  .seh_proc stores
stores:
  stp d8, d9, [sp, #-0x20]!
  .seh_save_fregp_x d8, 0x20
  str d10, [sp, #-0x10]!
  .seh_save_freg_x d10, 0x10
  stp x25, x26, [sp, #-0x30]!
  .seh_save_regp_x x25, 0x30
  stp x27, lr, [sp, #0x10]
  .seh_save_lrpair x27, 0x10
  .seh_endprologue
  mov x25, #25
  mov x26, #26
  mov x27, #27
  bl leaf
  .seh_startepilogue
  ldp x27, lr, [sp, #0x10]
  .seh_save_lrpair x27, 0x10
  ldp x25, x26, [sp], #0x30
  .seh_save_regp_x x25, 0x30
  ldr d10, [sp], #0x10
  .seh_save_freg_x d10, 0x10
  ldp d8, d9, [sp], #0x20
  .seh_save_fregp_x d8, 0x20
  .seh_endepilogue
  ret
  .seh_endproc

// A function with two parts that lie apart, for which its prologue has run: the first by an entry
// that names another one, the second by a description whose prologue has ended.
  .globl whole
whole:
  stp x19, x20, [sp, #-0x20]!
  stp fp, lr, [sp, #0x10]
  mov x19, x0
  b .Lfirst_part
.Lwhole_back:
  add x0, x0, x19
  ldp fp, lr, [sp, #0x10]
  ldp x19, x20, [sp], #0x20
  ret
  brk #3
.Lsecond_part:
  nop
  bl leaf
  nop
  b .Lwhole_back
  brk #3
.Lfirst_part:
  nop
  bl small
  nop
  b .Lsecond_part
  brk #3

  .globl further
  .seh_proc further
further:
  stp fp, lr, [sp, #-0x10]!
  .seh_save_fplr_x 0x10
  mov fp, sp
  .seh_set_fp
  .seh_endprologue
  bl any_registers
  bl stores
  bl whole
  bl packed
  .seh_startepilogue
  ldp fp, lr, [sp], #0x10
  .seh_save_fplr_x 0x10
  .seh_endepilogue
  ret
  .seh_endproc

  .section .pdata,"dr"
  .p2align 2
  .rva whole, .Lwhole_info, .Lsecond_part, .Lsecond_part_info, .Lfirst_part, .Lnamed + 3
  .section .xdata,"dr"
  .p2align 3
.Lnamed:
  .rva .Lsecond_part, .Lsecond_part_info
.Lwhole_info:
  .long 8 | 1 << 21 | 1 << 27
  .byte 0x42, 0x24, 0xE4, 0xE3
.Lsecond_part_info:
  .long 4 | 1 << 27
  .byte 0xE5, 0x42, 0x24, 0xE4
  .text

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

// The same with a whole context.
  .globl tick
  .seh_proc tick
tick:
  .seh_context
  .seh_endprologue
  mov x0, #5
  bl leaf
  .globl back_from_tick
back_from_tick:
  nop
  .seh_endproc

// The same with stack and instruction pointer alone, and the frame record that is made then.
  .globl third
  .seh_proc third
third:
  .seh_pushframe
  stp fp, lr, [sp, #-0x10]!
  .seh_save_fplr_x 0x10
  mov fp, sp
  .seh_set_fp
  .seh_endprologue
  mov x0, #7
  bl small
  .globl back_from_third
back_from_third:
  nop
  .seh_endproc
