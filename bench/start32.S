/* Multiboot entry of the benchmark kernels built with -m32: SSE on, kmain(), then HLT. */
    .section .text.start, "ax"
    .code32
    .align 4
    .long 0x1badb002, 0, -0x1badb002
    .globl entry
entry:
    cld
    movl %cr0, %eax
    andl $~4, %eax              /* EM */
    orl $2, %eax                /* MP */
    movl %eax, %cr0
    movl %cr4, %eax
    orl $0x600, %eax            /* OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl $stack_top, %esp
    fninit
    call kmain
1:  cli
    hlt
    jmp 1b
    .section .bss
    .align 16
    .space 65536
stack_top:
    .section .note.GNU-stack, "", @progbits
