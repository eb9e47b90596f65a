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

/* enter_user(rip, stack): to ring 3; comes back when the program makes system call 0. */
    .globl enter_user, syscall_entry, fault_entry, pml4, gdt
enter_user:
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    mov %rsp, kernel_rsp
    mov %rdi, %rcx
    mov %rsi, %rsp
    mov $2, %r11d
    sysretq

syscall_entry:
    mov %rsp, user_rsp
    mov kernel_rsp, %rsp
    test %rax, %rax
    jz 1f
    push %rcx
    push %r11
    sub $8, %rsp
    call on_syscall
    add $8, %rsp
    pop %r11
    pop %rcx
    mov user_rsp, %rsp
    sysretq
1:  pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret

fault_entry:
    push %rax
    push %rcx
    push %rdx
    push %rsi
    push %rdi
    push %r8
    push %r9
    push %r10
    push %r11
    mov %cr2, %rdi
    cld
    call on_fault
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rdi
    pop %rsi
    pop %rdx
    pop %rcx
    pop %rax
    add $8, %rsp
    iretq

    .section .data
    .align 8
kernel_rsp:
    .quad 0
user_rsp:
    .quad 0
shutdown:
    .long 0
    .align 8
gdt:
    .quad 0
    .quad 0x00af9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00cff3000000ffff    /* ring 3: data, code; where SYSRET looks for them */
    .quad 0x00affb000000ffff
    .quad 0, 0                  /* TSS */
gdt_pointer:
    .word 55
    .long gdt
    .align 4096
/* the program in ring 3 shares the map of the kernel */
pml4:
    .quad pdpt + 7
    .fill 511, 8, 0
pdpt:
    .quad 0x00000087
    .quad 0x40000087
    .quad 0x80000087
    .quad 0xc0000087
    .fill 508, 8, 0

    .section .bss
    .align 16
    .space 65536
stack_top:
    .section .note.GNU-stack, "", @progbits
