# What compilers for x64 write seldom or only Microsoft's does, and what the system itself has:
# chained descriptions, registers saved behind the prologue, a frame that the processor pushed.
  .text

# The stack probes of both compilers: they keep every register.
  .globl __chkstk
  .globl ___chkstk_ms
__chkstk:
___chkstk_ms:
  ret

# A function in four parts, described by hand. The second saves more registers in slots that the
# first made room for; the third, which lies elsewhere, is chained to the second; the fourth to the
# first.
  .globl assembled
assembled:
  pushq %rbp
.La1:
  pushq %r12
.La2:
  subq $0x68, %rsp
.La3:
  leaq 0x20(%rsp), %rbp
.La4:
  movq %rcx, %r12
  call leaf
  testq %r12, %r12
  je .Lfourth
.Lsecond:
  movq %rbx, 0x50(%rsp)
.Lb1:
  movq %r15, 0x58(%rsp)
.Lb2:
  movaps %xmm6, 0x40(%rsp)
.Lb3:
  movq %rax, %rbx
  movq %rax, %r15
  subq $0x40, %rsp
  leaq 1(%rbx), %rcx
  call small
  addq $0x40, %rsp
  jmp .Lthird
.Lback:
  addq %r15, %rax
  movaps 0x40(%rsp), %xmm6
  movq 0x58(%rsp), %r15
  movq 0x50(%rsp), %rbx
.Lfourth:
  leaq 0x48(%rbp), %rsp
  popq %r12
  popq %rbp
  ret
.Lfifth:

# Large allocations by each of their codes, and a register saved far away.
  .globl probed
  .seh_proc probed
probed:
  movl $0x90008, %eax
  call __chkstk
  subq %rax, %rsp
  .seh_stackalloc 0x90008
  movq %rdi, 0x80100(%rsp)
  .seh_savereg %rdi, 0x80100
  movaps %xmm7, 0x80200(%rsp)
  .seh_savexmm %xmm7, 0x80200
  .seh_endprologue
  movq %rcx, %rdi
  call leaf
  addq %rdi, %rax
  movaps 0x80200(%rsp), %xmm7
  movq 0x80100(%rsp), %rdi
  addq $0x90008, %rsp
  rep; ret
  .seh_endproc

  .globl assembled_apart
assembled_apart:
.Lthird:
  addq %rax, %r15
  movq %r15, %rcx
  call probed
  jmp .Lback
.Lend:
  int3

  .section .pdata,"dr"
  .balign 4
  .rva assembled, .Lsecond, .Lfirst_info
  .rva .Lsecond, .Lfourth, .Lsecond_info
  .rva .Lfourth, .Lfifth, .Lfourth_info
  .rva .Lthird, .Lend, .Lthird_info
  .section .xdata,"dr"
  .balign 4
.Lfirst_info:
  .byte 1, .La4 - assembled, 4, 0x25
  .byte .La4 - assembled, 0x03, .La3 - assembled, 0xC2
  .byte .La2 - assembled, 0xC0, .La1 - assembled, 0x50
.Lsecond_info:
  .byte 0x21, .Lb3 - .Lsecond, 6, 0x25
  .byte .Lb3 - .Lsecond, 0x68, 4, 0, .Lb2 - .Lsecond, 0xF4, 0xB, 0
  .byte .Lb1 - .Lsecond, 0x34, 0xA, 0
  .rva assembled, .Lsecond, .Lfirst_info
.Lthird_info:
  .byte 0x21, 0, 0, 0
  .rva .Lsecond, .Lfourth, .Lsecond_info
.Lfourth_info:
  .byte 0x21, 0, 0, 0
  .rva assembled, .Lsecond, .Lfirst_info
  .text

# A function of which a part was moved away, whose entry names another one instead of a description.
  .globl indirect
indirect:
  pushq %rbx
.Lg1:
  subq $0x20, %rsp
.Lg2:
  movq %rcx, %rbx
  call leaf
  jmp .Lmoved
.Lreturned:
  addq %rbx, %rax
  addq $0x20, %rsp
  popq %rbx
  ret
.Lg3:

# Version 2, which tells of epilogues: flags that were pushed, taken back in one.
  .globl flagged
flagged:
  pushfq
.Lf1:
  pushq %rbx
.Lf2:
  subq $0x28, %rsp
.Lf3:
  movq %rcx, %rbx
  call leaf
  addq %rbx, %rax
  addq $0x28, %rsp
.Lf4:
  popq %rbx
  popfq
  ret
.Lf5:

.Lmoved:
  nop
  leaq 1(%rax), %rcx
  call small
  jmp .Lreturned
.Lmoved_end:

# Version 2 in two parts: the second has the epilogue, the first the pushes that it takes back.
  .globl split
split:
  pushq %rbx
.Lh1:
  pushq %r15
.Lh2:
  subq $0x28, %rsp
.Lh3:
  movq %rcx, %rbx
.Lh4:
  movq %rsi, 0x20(%rsp)
.Lh5:
  movl $5, %esi
  movq %rsi, %r15
  call leaf
  movq 0x20(%rsp), %rsi
  addq $0x28, %rsp
.Lh6:
  popq %r15
  popq %rbx
  ret
.Lh7:

  .globl further
  .seh_proc further
further:
  subq $0x28, %rsp
  .seh_stackalloc 0x28
  .seh_endprologue
  call indirect
  movq %rax, %rcx
  call flagged
  movq %rax, %rcx
  call split
  addq $0x28, %rsp
  ret
  .seh_endproc

  .section .pdata,"dr"
  .balign 4
  .rva indirect, .Lg3, .Lindirect_info
  .rva flagged, .Lf5, .Lflagged_info
  .rva .Lmoved, .Lmoved_end, .Lindirect_entry + 1
  .rva split, .Lh4, .Lsplit_info
  .rva .Lh4, .Lh7, .Lsecond_part_info
  .section .xdata,"dr"
  .balign 4
.Lindirect_info:
  .byte 1, .Lg2 - indirect, 2, 0
  .byte .Lg2 - indirect, 0x32, .Lg1 - indirect, 0x30
.Lindirect_entry:
  .rva indirect, .Lg3, .Lindirect_info
.Lflagged_info:
  .byte 2, .Lf3 - flagged, 5, 0
  .byte .Lf5 - .Lf4, 0x16, 0, 0x06
  .byte .Lf3 - flagged, 0x42, .Lf2 - flagged, 0x30, .Lf1 - flagged, 0x02, 0, 0
.Lsplit_info:
  .byte 2, .Lh3 - split, 3, 0
  .byte .Lh3 - split, 0x42, .Lh2 - split, 0xF0, .Lh1 - split, 0x30, 0, 0
.Lsecond_part_info:
  .byte 0x22, .Lh5 - .Lh4, 4, 0
  .byte .Lh7 - .Lh6, 0x16, 0, 0x06, .Lh5 - .Lh4, 0x64, 4, 0
  .rva split, .Lh4, .Lsplit_info
  .text

# Where an interrupt and a fault come in. The emulator pushes what the processor would, and takes
# it away again: how the system returns from them is no epilogue.
  .globl fault
  .seh_proc fault
fault:
  .seh_pushframe @code
  pushq %rbp
  .seh_pushreg %rbp
  subq $0x158, %rsp
  .seh_stackalloc 0x158
  leaq 0x80(%rsp), %rbp
  .seh_setframe %rbp, 0x80
  .seh_endprologue
  movl $3, %ecx
  call interrupt
  .globl back_from_fault
back_from_fault:
  int3
  .seh_endproc

  .globl tick
  .seh_proc tick
tick:
  .seh_pushframe
  subq $0x28, %rsp
  .seh_stackalloc 0x28
  .seh_endprologue
  movl $5, %ecx
  call leaf
  .globl back_from_tick
back_from_tick:
  int3
  .seh_endproc

# Comes in on a stack of its own.
  .globl third
  .seh_proc third
third:
  .seh_pushframe
  pushq %rbx
  .seh_pushreg %rbx
  pushq %r14
  .seh_pushreg %r14
  subq $0x28, %rsp
  .seh_stackalloc 0x28
  .seh_endprologue
  movl $7, %ebx
  movl $7, %ecx
  call interrupt
  .globl back_from_third
back_from_third:
  int3
  .seh_endproc
