/* SPDX-License-Identifier: Apache-2.0 */
/* Where the CPU starts. */
    .section .start, "ax"
    .globl start
start:
    la sp, stack_top
    la a0, bss_begin
    la a1, bss_end
1:  bgeu a0, a1, 2f
    sw zero, 0(a0)
    addi a0, a0, 4
    j 1b
2:  call main
3:  j 3b

/* The program and its inputs, as `dpu firmware` writes them. */
    .section .rodata
    .balign 4
    .globl program_begin, program_end, inputs_begin, inputs_end
program_begin:
    .incbin PROGRAM_FILE
program_end:
    .balign 4
inputs_begin:
    .incbin INPUTS_FILE
inputs_end:
