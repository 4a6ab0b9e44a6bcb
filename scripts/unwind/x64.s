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
