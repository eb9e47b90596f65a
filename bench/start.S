/* PVH entry of the benchmark kernels: 32-bit flat, paging off -> long mode with 4 GiB mapped one to one -> kmain(). */
    .section .note.xen, "a", @note
    .long 4, 8, 18          /* XEN_ELFNOTE_PHYS32_ENTRY */
    .asciz "Xen"
    .quad entry

    .section .text.start, "ax"
    .code32
    .globl entry
entry:
    cld
    lgdt gdt_pointer
    movl %cr4, %eax
    orl $0x620, %eax        /* PAE, OSFXSR, OSXMMEXCPT */
    movl %eax, %cr4
    movl $pml4, %eax
    movl %eax, %cr3
    movl $0xc0000080, %ecx
    movl $0x100, %eax       /* EFER.LME */
    xorl %edx, %edx
    wrmsr
    movl $0x80010013, %eax  /* PG, WP, ET, MP, PE */
    movl %eax, %cr0
    ljmp $8, $long_mode
    .code64
long_mode:
    movl $16, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %ss
    movl $stack_top, %esp
    fninit
    call kmain
    /* QEMU: isa-debug-exit at 0xf4. Xen: SCHEDOP_shutdown, power off. */
    movl $0, %eax
    outl %eax, $0xf4
    movl $29, %eax
    movl $2, %edi
    movl $shutdown, %esi
    vmmcall
1:  hlt
    jmp 1b

    .section .data
    .align 8
shutdown:
    .long 0
gdt:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
gdt_pointer:
    .word 23
    .long gdt
    .align 4096
pml4:
    .quad pdpt + 3
    .fill 511, 8, 0
pdpt:
    .quad 0x00000083
    .quad 0x40000083
    .quad 0x80000083
    .quad 0xc0000083
    .fill 508, 8, 0

    .section .bss
    .align 16
    .space 65536
stack_top:
    .section .note.GNU-stack, "", @progbits
