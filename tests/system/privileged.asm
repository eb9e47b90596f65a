; Privileged instructions, protection, paging and modes, as one small PVH guest. Each case prints a line on port 0xE9:
; its name, then "ok", a value in hexadecimal, or the exception it met ("#13 8 +2": vector, error code, how far into the case).
; The same file runs on QEMU and on Zendo, and the lines are compared. Assembled by nasm -f bin.

%define BASE 0x100000
%define LOW 0x8000                       ; where the 16-bit part runs
%define E9 0xe9

; selectors
%define CODE 0x08
%define DATA 0x10
%define CODE16 0x18
%define DATA16 0x20
%define TSS 0x28
%define TSS2 0x30
%define USER_CODE 0x3b
%define USER_DATA 0x43
%define SMALL 0x48
%define DOWN 0x50
%define ABSENT 0x58
%define EXECONLY 0x60
%define CONFORMING 0x68
%define GATE 0x73
%define GATE0 0x78
%define CODE64 0x80
%define LDT 0x90
%define READONLY 0x98
%define ABSENTCODE 0xa0

        bits 32
        org BASE
        jmp entry

; ---- the small language of the cases --------------------------------------------------------------------------------

%macro SAY 1                             ; print a text
        push esi
        mov esi, %%text
        call puts
        pop esi
        jmp %%past
%%text: db %1, 0
%%past:
%endmacro

%macro TRY 1                             ; a case that may fault
        %push try
        SAY %1
        mov dword [recover], %$fault
        mov [recover_esp], esp
        mov dword [try_start], %$start
%$start:
%endmacro

%macro OK 0                              ; ... it did not
        call say_ok
        jmp %$end
%$fault:
        call say_fault
%$end:
        %pop
%endmacro

%macro VALUE 1                           ; ... it did not, and gave this register
        push %1
        call say_value
        jmp %$end
%$fault:
        call say_fault
%$end:
        %pop
%endmacro

%macro USER 1                            ; a case in ring 3: runs until it faults or does INT 0x40
        %push try
        SAY %1
        mov dword [recover], %$fault
        mov [recover_esp], esp
        mov [tss + 4], esp
        mov dword [try_start], %$start
        push dword USER_DATA
        push dword user_stack_top
        push dword [user_flags]
        push dword USER_CODE
        push dword %$start
        mov eax, USER_DATA
        mov ds, ax
        mov es, ax
        iretd
%$start:
%endmacro

%macro END_USER 0
        int 0x40
%$fault:
        call say_fault
        %pop
%endmacro

; ---- output, all registers kept ---------------------------------------------------------------------------------------

putc:   out E9, al
        ret
puts:   push eax
.loop:  lodsb
        test al, al
        jz .end
        call putc
        jmp .loop
.end:   pop eax
        ret
puthex: pushad
        mov edx, eax
        mov ecx, 8
        xor ebx, ebx
.loop:  rol edx, 4
        mov al, dl
        and eax, 15
        or ebx, eax
        jnz .digit
        cmp ecx, 1
        jne .next
.digit: cmp al, 10
        jb .out
        add al, 39
.out:   add al, 48
        call putc
.next:  loop .loop
        popad
        ret
putdec: pushad
        mov ecx, 10
        xor ebx, ebx
.div:   xor edx, edx
        div ecx
        push edx
        inc ebx
        test eax, eax
        jnz .div
.out:   pop eax
        add al, 48
        call putc
        dec ebx
        jnz .out
        popad
        ret
newline:
        push eax
        mov al, 10
        call putc
        pop eax
        ret
say_ok: pushfd
        SAY ": ok"
        call newline
        popfd
        ret
say_value:
        pushfd
        push eax
        SAY ": "
        mov eax, [esp + 12]
        call puthex
        call newline
        pop eax
        popfd
        ret 4
say_fault:
        pushad
        SAY ": #"
        mov eax, [vector]
        call putdec
        SAY " "
        mov eax, [error]
        call puthex
        mov eax, [fault_eip]
        sub eax, [try_start]
        cmp eax, 0x1000
        ja .cr2
        SAY " +"
        call putdec
.cr2:   cmp dword [vector], 14
        jne .end
        SAY " cr2 "
        mov eax, cr2
        call puthex
.end:   call newline
        popad
        ret

; ---- exceptions ---------------------------------------------------------------------------------------------------------

%macro STUB 1
        align 16
%if %1 == 8 || (%1 >= 10 && %1 <= 14) || %1 == 17
%else
        push dword 0
%endif
        push dword %1
        jmp any_fault
%endmacro
        align 16
stubs:
%assign n 0
%rep 128
        STUB n
%assign n n + 1
%endrep
any_fault: mov eax, DATA
        mov ds, eax
        mov es, eax
        cld
        pop dword [vector]
        pop dword [error]
        mov eax, [esp]
        mov [fault_eip], eax
        mov eax, [esp + 4]
        mov [fault_cs], eax
        mov eax, [esp + 8]
        mov [fault_flags], eax
        mov eax, DATA
        mov ss, eax
        mov fs, eax
        mov gs, eax
        mov esp, [recover_esp]
        push dword 2
        popfd
        jmp [recover]

fill_idt:
        mov esi, stubs
        mov edi, idt
        mov ecx, 128
.loop:  mov eax, esi
        and eax, 0xffff
        or eax, CODE << 16
        stosd
        mov eax, esi
        and eax, 0xffff0000
        or eax, 0x8e00
        stosd
        add esi, 16
        loop .loop
        mov byte [idt + 0x40 * 8 + 5], 0xee     ; INT 0x40 and the traps are for ring 3 too
        mov byte [idt + 3 * 8 + 5], 0xee
        mov byte [idt + 4 * 8 + 5], 0xef
        ret

; ---- the cases ------------------------------------------------------------------------------------------------------------

entry:  cli
        cld
        mov esp, stack_top
        lgdt [gdt_pointer]
        jmp CODE:.here
.here:  mov eax, DATA
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov fs, eax
        mov gs, eax
        call fill_idt
        call descriptors
        lidt [idt_pointer]
        mov eax, TSS
        ltr ax
        mov esi, section.low.start
        mov edi, LOW
        mov ecx, low_end - LOW
        rep movsb
        mov al, 0xff                     ; QEMU's interrupt controllers are not wanted
        out 0x21, al
        out 0xa1, al
        call protected
        call nmis
        call stamps
        call rings
        call paging2
        call pae
        call real_mode
        call vm86
        call long_mode
        SAY "end"
        call newline
        mov eax, 0
        mov dx, 0xf4
        out dx, eax
        cli
        hlt

; bases of descriptors that point at labels
descriptors:
        mov eax, tss
        mov ebx, gdt + TSS
        call .base
        mov eax, tss2
        mov ebx, gdt + TSS2
        call .base
        mov eax, ldt
        mov ebx, gdt + LDT
        call .base
        mov eax, small
        mov ebx, gdt + SMALL
        call .base
        mov ebx, gdt + DOWN
        call .base
        mov ebx, gdt + READONLY
        call .base
        mov eax, gate_target
        mov ebx, gdt + (GATE & ~7)
        call .gate
        mov eax, gate_same
        mov ebx, gdt + GATE0
.gate:  mov [ebx], ax
        shr eax, 16
        mov [ebx + 6], ax
        ret
.base:  push eax
        mov [ebx + 2], ax
        shr eax, 16
        mov [ebx + 4], al
        mov [ebx + 7], ah
        pop eax
        ret

protected:
        TRY "SMSW"
        smsw eax
        and eax, 0xffff
        VALUE eax
        TRY "STR"
        xor eax, eax
        str ax
        VALUE eax
        TRY "LLDT of a data segment"
        mov eax, DATA
        lldt ax
        OK
        TRY "LLDT of null"
        xor eax, eax
        lldt ax
        OK
        TRY "load from the LDT without one"
        mov eax, 4
        mov fs, ax
        OK
        TRY "LLDT"
        mov eax, LDT
        lldt ax
        OK
        TRY "load from the LDT"
        mov eax, 12
        mov fs, ax
        mov eax, [fs:0]
        OK
        TRY "load beyond the LDT"
        mov eax, 20
        mov fs, ax
        OK
        TRY "LTR of a busy TSS"
        mov eax, TSS
        ltr ax
        OK
        TRY "null into SS"
        xor eax, eax
        mov ss, ax
        OK
        TRY "null into FS"
        xor eax, eax
        mov fs, ax
        OK
        TRY "use of null"
        xor eax, eax
        mov fs, ax
        mov eax, [fs:0]
        OK
        TRY "not present into DS"
        mov eax, ABSENT
        mov ds, ax
        OK
        TRY "not present into SS"
        mov eax, ABSENT
        mov ss, ax
        OK
        TRY "MOV to CS"
        db 0x8e, 0xc8
        OK
        TRY "execute-only code into DS"
        mov eax, EXECONLY
        mov ds, ax
        OK
        TRY "readable code into DS"
        mov eax, CODE
        mov fs, ax
        mov eax, [fs:BASE]
        OK
        TRY "write through code"
        mov eax, CODE
        mov fs, ax
        mov [fs:small], eax
        OK
        TRY "write through read-only data"
        mov eax, READONLY
        mov fs, ax
        mov [fs:0], eax
        OK
        TRY "limit, last byte"
        mov eax, SMALL
        mov fs, ax
        mov eax, [fs:0xffc]
        OK
        TRY "limit, one beyond"
        mov eax, SMALL
        mov fs, ax
        mov eax, [fs:0xffd]
        OK
        TRY "limit, wrap"
        mov eax, SMALL
        mov fs, ax
        mov eax, [fs:0xfffffffe]
        OK
        TRY "expand-down below its limit"
        mov eax, DOWN
        mov fs, ax
        mov eax, [fs:0xffc]
        OK
        TRY "expand-down above its limit"
        mov eax, DOWN
        mov fs, ax
        mov eax, [fs:0x1000]
        OK
        TRY "beyond the GDT"
        mov eax, 0x1000
        mov fs, ax
        OK
        TRY "LAR of code"
        xor eax, eax
        mov ecx, CODE
        lar eax, cx
        and eax, 0x00f0ff00              ; the limit's bits are undefined
        VALUE eax
        TRY "LAR of a gate"
        xor eax, eax
        mov ecx, GATE
        lar eax, cx
        VALUE eax
        TRY "LAR of null"
        mov eax, 0x77
        xor ecx, ecx
        lar eax, cx
        setz al
        VALUE eax
        TRY "LSL of small"
        mov ecx, SMALL
        lsl eax, cx
        VALUE eax
        TRY "LSL of flat"
        mov ecx, DATA
        lsl eax, cx
        VALUE eax
        TRY "LSL of a gate"
        mov eax, 0x55
        mov ecx, GATE
        lsl eax, cx
        VALUE eax
        TRY "VERR of execute-only"
        mov ecx, EXECONLY
        verr cx
        setz al
        movzx eax, al
        VALUE eax
        TRY "VERW of data"
        mov ecx, DATA
        verw cx
        setz al
        movzx eax, al
        VALUE eax
        TRY "VERW of read-only"
        mov ecx, READONLY
        verw cx
        setz al
        movzx eax, al
        VALUE eax
        TRY "ARPL"
        mov eax, 0x10
        mov ecx, 3
        arpl ax, cx
        VALUE eax
        TRY "far JMP to data"
        jmp DATA:0
        OK
        TRY "far JMP to null"
        jmp 0:0
        OK
        TRY "far JMP to absent code"
        jmp ABSENTCODE:0
        OK
        TRY "far CALL and RET"
        call CODE:.far
        jmp .after
.far:   retf
.after: OK
        TRY "far CALL through a gate"
        call GATE0:0x1234
        VALUE eax
        TRY "conforming code"
        push esp
        call CONFORMING:.conform
        jmp .conformed
.conform:
        mov eax, cs
        retf
.conformed:
        pop ecx
        VALUE eax
        TRY "INT 0x30"
        int 0x30
        OK
        TRY "INT beyond the IDT"
        int 0x90
        OK
        TRY "INT3"
        int3
        OK
        TRY "INTO without overflow"
        xor eax, eax
        into
        OK
        TRY "INTO"
        mov al, 0x7f
        inc al
        into
        OK
        TRY "BOUND inside"
        mov eax, 5
        bound eax, [limits]
        OK
        TRY "BOUND outside"
        mov eax, 50
        bound eax, [limits]
        OK
        TRY "DIV by zero"
        xor ecx, ecx
        div ecx
        OK
        TRY "UD2"
        ud2
        OK
        TRY "CLTS and MOV to CR0 with TS"
        mov eax, cr0
        or eax, 8
        mov cr0, eax
        fnop
        OK
        TRY "CLTS"
        clts
        mov eax, cr0
        and eax, 0xf
        VALUE eax
        TRY "LMSW cannot leave protected mode"
        xor eax, eax
        lmsw ax
        smsw eax
        and eax, 15
        VALUE eax
        TRY "MOV to CR0, NW without CD"
        mov eax, cr0
        or eax, 0x20000000
        mov cr0, eax
        OK
        TRY "MOV from CR1"
        db 0x0f, 0x20, 0xc8
        OK
        TRY "DR4 is DR6"
        mov eax, 0xffff0ff0
        mov dr6, eax
        db 0x0f, 0x21, 0xe0
        VALUE eax
        TRY "DR4 with CR4.DE"
        mov eax, cr4
        or eax, 8
        mov cr4, eax
        db 0x0f, 0x21, 0xe0
        OK
        mov eax, cr4
        and eax, ~8
        mov cr4, eax
        TRY "SGDT limit"
        sgdt [scratch]
        movzx eax, word [scratch]
        VALUE eax
        TRY "SIDT base"
        sidt [scratch]
        mov eax, [scratch + 2]
        sub eax, idt
        VALUE eax
        TRY "task switch by CALL"
        mov dword [tss2 + 0x20], .task
        mov dword [tss2 + 0x24], 2
        mov dword [tss2 + 0x28], 0x1234
        mov dword [tss2 + 0x38], task_stack_top
        mov byte [gdt + TSS2 + 5], 0x89
        call TSS2:0
        jmp .switched
.task:  mov ebx, eax
        pushfd
        pop eax
        and eax, 0x4000
        or eax, ebx
        mov [scratch], eax
        iretd
.switched:
        mov eax, [scratch]
        VALUE eax
        TRY "back link"
        movzx eax, word [tss2]
        VALUE eax
        TRY "TS after a task switch"
        mov eax, cr0
        and eax, 8
        VALUE eax
        clts
        TRY "access rights of both TSSs"
        movzx eax, byte [gdt + TSS + 5]
        shl eax, 8
        mov al, [gdt + TSS2 + 5]
        VALUE eax
        ret

; ring 0 side of the gates
gate_target:
        mov eax, [esp + 8]              ; first parameter
        mov ecx, ds
        retf 8
gate_same:
        mov eax, [esp + 4]
        retf

rings:
        mov dword [user_flags], 2
        USER "ring 3: INT 0x40"
        nop
        END_USER
        USER "ring 3: INT 0x41"
        int 0x41
        END_USER
        USER "ring 3: INT3"
        int3
        END_USER
        USER "ring 3: CLI"
        cli
        END_USER
        USER "ring 3: STI"
        sti
        END_USER
        USER "ring 3: HLT"
        hlt
        END_USER
        USER "ring 3: IN, bitmap allows"
        in al, 0x40
        END_USER
        USER "ring 3: IN, bitmap refuses"
        in al, 0x41
        END_USER
        USER "ring 3: IN beyond the bitmap"
        mov dx, 0x3f8
        in al, dx
        END_USER
        USER "ring 3: MOV from CR0"
        mov eax, cr0
        END_USER
        USER "ring 3: LGDT"
        lgdt [gdt_pointer]
        END_USER
        USER "ring 3: CLTS"
        clts
        END_USER
        USER "ring 3: INVLPG"
        invlpg [0]
        END_USER
        USER "ring 3: RDMSR"
        rdmsr
        END_USER
        USER "ring 3: LTR"
        ltr ax
        END_USER
        USER "ring 3: kernel data into DS"
        mov ax, DATA
        mov ds, ax
        END_USER
        USER "ring 3: kernel data into SS"
        mov ax, DATA
        mov ss, ax
        END_USER
        USER "ring 3: far JMP to kernel code"
        jmp CODE:0
        END_USER
        USER "ring 3: call gate of ring 0"
        call GATE0:0
        END_USER
        USER "ring 3: call gate"
        mov ebx, esp
        push dword 2
        push dword 0x4711
        call GATE:0
        sub ebx, esp
        add eax, ebx
        mov [scratch], eax
        END_USER
        TRY "ring 3: what the gate gave"
        mov eax, [scratch]
        VALUE eax
        USER "ring 3: RET to ring 0"
        push dword CODE
        push dword .nowhere
        retf
.nowhere:
        END_USER
        USER "ring 3: POPF changes no IF and IOPL"
        push dword 0x3202
        popfd
        pushfd
        pop eax
        mov [scratch], eax
        END_USER
        TRY "ring 3: what POPF left"
        mov eax, [scratch]
        and eax, 0x3200
        VALUE eax
        mov dword [user_flags], 0x3002
        USER "ring 3, IOPL 3: STI and CLI"
        sti
        cli
        END_USER
        USER "ring 3, IOPL 3: IN"
        in al, 0x41
        END_USER
        mov dword [user_flags], 0x102
        USER "ring 3: single step"
        nop
        nop
        END_USER
        mov dword [user_flags], 0x40002
        mov eax, cr0
        or eax, 0x40000
        mov cr0, eax
        USER "ring 3: alignment"
        mov eax, [BASE + 1]
        END_USER
        mov eax, cr0
        and eax, ~0x40000
        mov cr0, eax
        mov dword [user_flags], 2
        USER "ring 3: SYSENTER without a segment"
        sysenter
        END_USER
        xor edx, edx
        mov ecx, 0x174
        mov eax, CODE
        wrmsr
        inc ecx
        mov eax, stack_top - 2048
        wrmsr
        inc ecx
        mov eax, .entered
        wrmsr
        USER "ring 3: SYSENTER and SYSEXIT"
        sysenter
.entered:
        mov eax, cs
        mov [scratch], ax
        mov eax, ss
        mov [scratch + 2], ax
        lea eax, [esp + 2048 - stack_top]
        mov [scratch + 4], eax
        mov edx, .exited
        mov ecx, user_stack_top
        sysexit
.exited:
        mov eax, cs
        mov [scratch + 8], ax
        mov eax, ss
        mov [scratch + 10], ax
        END_USER
        TRY "ring 3: selectors inside"
        mov eax, [scratch]
        VALUE eax
        TRY "ring 3: ESP inside"
        mov eax, [scratch + 4]
        VALUE eax
        TRY "ring 3: selectors after SYSEXIT"
        mov eax, [scratch + 8]
        VALUE eax
        USER "ring 3: SYSEXIT"
        sysexit
        END_USER
        TRY "INT through a task gate"
        mov dword [tss2 + 0x20], .task
        mov dword [tss2 + 0x24], 2
        mov dword [tss2 + 0x38], task_stack_top
        mov byte [gdt + TSS2 + 5], 0x89
        mov word [idt + 0x42 * 8 + 2], TSS2
        mov byte [idt + 0x42 * 8 + 5], 0x85
        int 0x42
        mov eax, [scratch]
        VALUE eax
        clts
        ret
.task:  pushfd
        pop eax
        and eax, 0x4200
        str cx
        shl ecx, 16
        or eax, ecx
        mov [scratch], eax
        iretd

; ---- NMIs, sent by the local APIC to itself ------------------------------------------------------------------------------------

%define ICR 0xfee00300

nmis:   mov eax, nmi
        mov [idt + 2 * 8], ax
        shr eax, 16
        mov [idt + 2 * 8 + 6], ax
        call send_nmi
        TRY "NMIs begun while the first was handled"
        mov eax, [nmi_seen]
        VALUE eax
        TRY "NMIs begun after a trap in the handler"
        mov eax, [nmi_seen + 4]
        VALUE eax
        TRY "NMIs begun after an IRET in the handler"
        mov eax, [nmi_seen + 8]
        VALUE eax
        TRY "NMIs begun in all"
        mov eax, [nmi_count]
        VALUE eax
        TRY "NMIs begun behind MOV SS"
        mov edx, DATA
        mov dword [ICR + 0x10], 0
        mov dword [ICR], 0x4400
        mov ss, edx
        mov eax, [nmi_count]
        times 32 nop
        mov eax, [nmi_count]
        VALUE eax
        ret

; one NMI to this processor, and time for it to come
send_nmi:
        mov dword [ICR + 0x10], 0
        mov dword [ICR], 0x4400
        mov ecx, 50
.wait:  pause
        loop .wait
        ret

nmi:    inc dword [nmi_count]
        cmp dword [nmi_count], 1
        jne .out
        pushad
        call send_nmi
        mov eax, [nmi_count]
        mov [nmi_seen], eax
        ; RETF and POPF do not let the next one in
        pushfd
        push cs
        call .far
        popfd
        mov ecx, 50
.wait:  loop .wait
        mov eax, [nmi_count]
        mov [nmi_seen + 4], eax
        pushfd
        push cs
        push dword .after
        iretd
.after: mov ecx, 50
.more:  loop .more
        mov eax, [nmi_count]
        mov [nmi_seen + 8], eax
        popad
.out:   iretd
.far:   retf

; ---- the time-stamp counter ------------------------------------------------------------------------------------------------------

stamps: TRY "RDMSR of the TSC is no less than RDTSC before"
        rdtsc
        mov esi, eax
        mov edi, edx
        mov ecx, 0x10
        rdmsr
        sub eax, esi
        sbb edx, edi
        shr edx, 31
        VALUE edx
        TRY "WRMSR of the TSC"
        mov ecx, 0x10
        mov eax, 5
        mov edx, 0x1234
        wrmsr
        rdtsc
        VALUE edx
        TRY "back to where it was"
        mov ecx, 0x10
        mov eax, esi
        mov edx, edi
        wrmsr
        rdtsc
        sub edx, edi
        VALUE edx
        mov eax, cr4
        or eax, 4                        ; TSD
        mov cr4, eax
        TRY "RDTSC in ring 0 with CR4.TSD"
        rdtsc
        OK
        USER "ring 3: RDTSC with CR4.TSD"
        rdtsc
        END_USER
        mov eax, cr4
        and eax, ~4
        mov cr4, eax
        USER "ring 3: RDTSC"
        rdtsc
        END_USER
        ret

; ---- paging ------------------------------------------------------------------------------------------------------------------

%define TABLES 0x400000                  ; three pages of tables, and what they map
%define WINDOW 0x800000                  ; 4 MiB of pages through a table, in both formats 2 MiB of them

paging2:
        mov eax, cr4
        or eax, 0x90                     ; PSE, PGE
        mov cr4, eax
        mov edi, TABLES
        xor eax, eax
        mov ecx, 3 * 1024
        rep stosd
        mov dword [TABLES], 0x87         ; 0..4 MiB and 4..8 MiB by large pages
        mov dword [TABLES + 4], 0x400087
        mov dword [TABLES + 8], TABLES + 0x1007
        mov dword [TABLES + 12], 0xc00187 | 0x1000   ; PAT bit of a large page
        mov dword [TABLES + 16], 0x200087 | 0 ; bit 21: reserved
        mov dword [TABLES + 0x1000], TABLES + 0x2007
        mov dword [TABLES + 0x1004], TABLES + 0x2005
        mov dword [TABLES + 0x1008], TABLES + 0x2003
        mov dword [TABLES + 0x100c], 0
        mov eax, TABLES
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        SAY "2-level paging"
        call newline
        call page_cases
        TRY "  accessed and dirty bits of three pages"
        mov eax, [TABLES + 0x1000]
        and eax, 0x60
        mov ebx, [TABLES + 0x1000 + 4]
        and ebx, 0x60
        shl ebx, 8
        or eax, ebx
        mov ebx, [TABLES + 0x1000 + 8]
        and ebx, 0x60
        shl ebx, 16
        or eax, ebx
        VALUE eax
        TRY "  bits of the table's own entry"
        mov eax, [TABLES + 8]
        and eax, 0xff
        VALUE eax
        TRY "  dirty after a write"
        mov byte [WINDOW], 0xc3
        mov eax, [TABLES + 0x1000]
        and eax, 0xff
        VALUE eax
        TRY "  dirty after the read of a compare that fails"
        mov dword [TABLES + 0x1000], TABLES + 0x2007
        invlpg [WINDOW]
        mov eax, 1
        mov ebx, 2
        cmpxchg [WINDOW], ebx
        mov eax, [TABLES + 0x1000]
        and eax, 0xff
        VALUE eax
        TRY "  large page, accessed and dirty"
        mov eax, [TABLES + 4]
        VALUE eax
        TRY "  reserved bit of a large page"
        mov eax, [0x1000000]
        OK
        TRY "  write through a large page"
        mov dword [0xc00000 + 0x123], 77
        mov eax, [TABLES + 12]
        and eax, 0xff
        VALUE eax
        TRY "  a global entry goes by INVLPG"
        mov dword [TABLES + 0x1010], TABLES + 0x2103
        mov eax, [WINDOW + 0x4000]
        mov dword [TABLES + 0x1010], 0
        invlpg [WINDOW + 0x4000]
        mov eax, [WINDOW + 0x4000]
        OK
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        ret

; pages of the window: 0 user, 1 user read-only, 2 supervisor, 3 absent
page_cases:
        TRY "  read"
        mov eax, [WINDOW]
        OK
        TRY "  read, absent"
        mov eax, [WINDOW + 0x3004]
        OK
        TRY "  write, absent"
        mov [WINDOW + 0x3ffe], eax
        OK
        TRY "  write, read-only, WP off"
        mov dword [WINDOW + 0x1000], 5
        OK
        mov eax, cr0
        or eax, 0x10000
        mov cr0, eax
        TRY "  write, read-only, WP on"
        mov dword [WINDOW + 0x1000], 5
        OK
        TRY "  read-modify-write, read-only"
        inc dword [WINDOW + 0x1000]
        OK
        TRY "  across into absent"
        mov eax, [WINDOW + 0x2ffe]
        OK
        TRY "  execute, absent"
        mov eax, WINDOW + 0x3000
        call eax
        OK
        USER "  user: read"
        mov eax, [WINDOW]
        END_USER
        USER "  user: write, read-only"
        mov [WINDOW + 0x1008], eax
        END_USER
        USER "  user: supervisor page"
        mov eax, [WINDOW + 0x2000]
        END_USER
        USER "  user: absent"
        mov [WINDOW + 0x3000], eax
        END_USER
        USER "  user: execute, supervisor page"
        mov eax, WINDOW + 0x2000
        jmp eax
        END_USER
        mov eax, cr0
        and eax, ~0x10000
        mov cr0, eax
        ret

pae:    mov edi, TABLES
        xor eax, eax
        mov ecx, 3 * 1024
        rep stosd
        mov dword [TABLES], TABLES + 0x3001         ; PDPTEs
        mov edi, TABLES + 0x3000
        mov ecx, 1024
        rep stosd
        mov dword [TABLES + 0x3000], 0x87           ; 2 MiB pages
        mov dword [TABLES + 0x3008], 0x200087
        mov dword [TABLES + 0x3010], 0x400087
        mov dword [TABLES + 0x3018], 0x600087
        mov dword [TABLES + 0x3020], TABLES + 0x1007
        mov dword [TABLES + 0x3028], 0xa00087
        mov dword [TABLES + 0x302c], 0x80000000     ; no execute
        mov dword [TABLES + 0x3030], 0xc02087       ; bit 13 reserved
        mov dword [TABLES + 0x1000], TABLES + 0x2007
        mov dword [TABLES + 0x1008], TABLES + 0x2005
        mov dword [TABLES + 0x1010], TABLES + 0x2003
        mov byte [TABLES + 0x2000], 0xc3            ; RET
        mov eax, cr4
        or eax, 0x20
        mov cr4, eax
        mov eax, TABLES
        mov cr3, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        SAY "PAE paging"
        call newline
        call page_cases
        TRY "  accessed and dirty bits of three pages"
        mov eax, [TABLES + 0x1000]
        and eax, 0x60
        mov ebx, [TABLES + 0x1000 + 8]
        and ebx, 0x60
        shl ebx, 8
        or eax, ebx
        mov ebx, [TABLES + 0x1000 + 16]
        and ebx, 0x60
        shl ebx, 16
        or eax, ebx
        VALUE eax
        TRY "  bits of the table's own entry"
        mov eax, [TABLES + 0x3020]
        and eax, 0xff
        VALUE eax
        TRY "  dirty after a write"
        mov byte [WINDOW], 0xc3
        mov eax, [TABLES + 0x1000]
        and eax, 0xff
        VALUE eax
        TRY "  dirty after the read of a compare that fails"
        mov dword [TABLES + 0x1000], TABLES + 0x2007
        invlpg [WINDOW]
        mov eax, 1
        mov ebx, 2
        cmpxchg [WINDOW], ebx
        mov eax, [TABLES + 0x1000]
        and eax, 0xff
        VALUE eax
        TRY "  large page, accessed"
        mov eax, [0x600000]
        mov eax, [TABLES + 0x3018]
        and eax, 0xff
        VALUE eax
        TRY "  large page, dirty"
        lock or dword [0x600000], 0
        mov eax, [TABLES + 0x3018]
        and eax, 0xff
        VALUE eax
        TRY "  no execute while EFER.NXE is off"
        mov eax, [0xa00000]
        OK
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x800
        wrmsr
        TRY "  read, no execute"
        mov eax, [0xa00000]
        OK
        TRY "  execute, no execute"
        mov eax, 0xa00000
        call eax
        OK
        TRY "  execute, absent, with NXE"
        mov eax, WINDOW + 0x3000
        call eax
        OK
        TRY "  reserved bit of a large page"
        mov eax, [0xc00000]
        OK
        TRY "  reserved bits of a PDPTE"
        mov dword [TABLES + 8], TABLES + 0x3003
        mov eax, TABLES
        mov cr3, eax
        OK
        TRY "  a PDPTE is read by MOV to CR3"
        mov dword [TABLES + 8], TABLES + 0x3001
        mov eax, [0x40000000 + BASE]
        OK
        TRY "  and now"
        mov eax, TABLES
        mov cr3, eax
        mov eax, [0x40000000 + BASE]
        mov ecx, [BASE]
        sub eax, ecx
        VALUE eax
        TRY "  accessed bit of a PDPTE"
        mov eax, [TABLES]
        sub eax, TABLES
        VALUE eax
        mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        ret

; ---- real mode ------------------------------------------------------------------------------------------------------------------

; run the 16-bit routine at EDX in real mode; its EAX, EBX, ECX are in [low_ax], [low_bx], [low_cx] then
in_real:
        mov [saved_esp], esp
        jmp CODE16:to_real
back_from_real:
        mov eax, DATA
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov fs, eax
        mov gs, eax
        mov esp, [saved_esp]
        lidt [idt_pointer]
        ret

%macro REAL 2                            ; name, routine
        SAY %1
        mov edx, %2
        call in_real
        SAY ": "
        mov eax, [low_ax]
        call puthex
        SAY " "
        mov eax, [low_bx]
        call puthex
        SAY " "
        mov eax, [low_cx]
        call puthex
        call newline
%endmacro

real_mode:
        SAY "real mode"
        call newline
        REAL "  SMSW, segments", r_smsw
        REAL "  segment arithmetic", r_segments
        REAL "  INT and IRET", r_int
        REAL "  divide error: IP of the DIV", r_div
        REAL "  limit of 64 KiB", r_limit
        REAL "  word at FFFF", r_wrap
        REAL "  stack wraps", r_stack
        REAL "  PUSH SP", r_pushsp
        REAL "  32-bit operands and addresses", r_wide
        REAL "  address above 64 KiB", r_above
        REAL "  IDT limit", r_idt
        REAL "  POPF, PUSHF", r_flags
        REAL "  far CALL and RETF n", r_far
        REAL "  LOOP and JCXZ by 16 bits", r_loop
        REAL "  LAR does not exist", r_lar
        REAL "  string wraps", r_string
        REAL "  XLAT, LES, ENTER", r_misc
        REAL "  unreal: limit kept", r_unreal
        ret

; ---- virtual 8086 -----------------------------------------------------------------------------------------------------------------

%macro VM86 3                            ; name, routine, flags
        %push try
        SAY %1
        mov dword [recover], %$fault
        mov [recover_esp], esp
        mov [tss + 4], esp
        mov dword [try_start], %2
        mov word [low_v], 0
        push dword 0                     ; gs fs ds es
        push dword 0
        push dword 0
        push dword 0
        push dword 0
        push dword 0x7000
        push dword 0x20002 | %3
        push dword 0
        push dword %2
        iretd
%$fault:
        call say_fault
        SAY "    "
        mov eax, [fault_flags]
        and eax, 0x27200
        call puthex
        SAY " "
        mov eax, [fault_cs]
        call puthex
        SAY " "
        movzx eax, word [low_v]
        call puthex
        call newline
        %pop
%endmacro

vm86:   SAY "virtual 8086"
        call newline
        VM86 "  INT 0x40 (DPL 3)", v_int40, 0x3000
        VM86 "  INT 0x41 (DPL 0)", v_int41, 0x3000
        VM86 "  INT 0x40, IOPL 0", v_int40, 0
        VM86 "  INT3, IOPL 0", v_int3, 0
        VM86 "  CLI, IOPL 0", v_cli, 0
        VM86 "  CLI, IOPL 3", v_cli, 0x3000
        VM86 "  STI, IOPL 3", v_sti, 0x3000
        VM86 "  PUSHF, IOPL 0", v_pushf, 0
        VM86 "  PUSHF, IOPL 3", v_pushf, 0x3000
        VM86 "  POPF, IOPL 3", v_popf, 0x3000
        VM86 "  IRET, IOPL 0", v_iret, 0
        VM86 "  IN, bitmap allows", v_in40, 0
        VM86 "  IN, bitmap refuses", v_in41, 0x3000
        VM86 "  HLT", v_hlt, 0x3000
        VM86 "  LMSW", v_lmsw, 0x3000
        VM86 "  SMSW", v_smsw, 0x3000
        VM86 "  LAR", v_lar, 0x3000
        VM86 "  MOV from CR0", v_cr, 0x3000
        VM86 "  segments", v_segments, 0x3000
        VM86 "  64 KiB", v_limit, 0x3000
        VM86 "  divide error", v_div, 0x3000
        VM86 "  single step", v_nop, 0x3100
        ret

; ---- long mode ----------------------------------------------------------------------------------------------------------------------

long_mode:
        mov edi, TABLES
        xor eax, eax
        mov ecx, 4 * 1024
        rep stosd
        mov dword [TABLES], TABLES + 0x1007
        mov dword [TABLES + 0x1000], TABLES + 0x2007
        mov dword [TABLES + 0x2000], 0x87
        mov dword [TABLES + 0x2008], 0x200087
        mov dword [TABLES + 0x2010], 0x400087
        SAY "long mode"
        call newline
        mov ecx, 0xc0000080
        rdmsr
        or eax, 0x101                    ; LME, SCE
        wrmsr
        mov eax, TABLES
        mov cr3, eax
        TRY "  paging without PAE"
        mov eax, cr4
        and eax, ~0x20
        mov cr4, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        OK
        mov eax, cr4
        or eax, 0x20
        mov cr4, eax
        mov eax, cr0
        or eax, 0x80000000
        mov cr0, eax
        TRY "  EFER"
        mov ecx, 0xc0000080
        rdmsr
        VALUE eax
        jmp CODE64:.wide
        bits 64
.wide:  xor ecx, ecx
        mov rax, 0x1122334455667788
        mov r8, rax
        mov eax, eax                     ; clears the upper half
        add r8, rax
        mov [scratch], r8
        mov rax, cs
        mov [scratch + 8], rax
        lea rbx, [rel .wide]
        sub rbx, .wide
        mov [scratch + 16], rbx
        ; compatibility mode and back
        mov rsp, stack_top - 512
        push qword CODE
        push qword .compat
        db 0x48, 0xcb                    ; RETF, 64-bit
        bits 32
.compat:
        mov eax, cs
        mov [scratch + 24], eax
        push dword 1
        db 0x48                          ; DEC EAX, no REX
        pop ecx
        mov [scratch + 28], eax
        jmp CODE64:.again
        bits 64
.again: ; IRETQ always takes SS and RSP; SWAPGS; SYSCALL and SYSRET
        mov ecx, 0xc0000101
        mov eax, 0x1111
        xor edx, edx
        wrmsr
        mov ecx, 0xc0000102
        mov eax, 0x2222
        wrmsr
        swapgs
        mov ecx, 0xc0000101
        rdmsr
        mov [scratch + 32], eax
        swapgs
        mov ecx, 0xc0000081              ; STAR
        xor eax, eax
        mov edx, CODE64
        wrmsr
        mov ecx, 0xc0000082              ; LSTAR
        mov eax, .system_call
        xor edx, edx
        wrmsr
        mov ecx, 0xc0000084              ; SFMASK
        mov eax, 0x40
        wrmsr
        cmp eax, eax                     ; ZF and PF, of which SFMASK takes ZF
        syscall
.behind:
.system_call:
        pushfq
        pop rax
        mov [scratch + 44], eax
        mov [scratch + 48], r11d
        sub ecx, .behind
        mov [scratch + 52], ecx
        mov eax, ss
        shl eax, 16
        mov ax, cs
        mov [scratch + 56], eax
        push qword DATA
        push qword stack_top - 600
        push qword 0x46
        push qword CODE64
        push qword .returned
        iretq
.returned:
        pushfq
        pop rax
        mov [scratch + 36], eax
        mov [scratch + 40], esp
        ; leave: compatibility mode, paging off, long mode off
        push qword CODE
        push qword .leave
        db 0x48, 0xcb
        bits 32
.leave: mov eax, cr0
        and eax, 0x7fffffff
        mov cr0, eax
        mov ecx, 0xc0000080
        rdmsr
        and eax, ~0x100
        wrmsr
        mov eax, DATA
        mov ds, eax
        mov es, eax
        mov ss, eax
        mov esp, stack_top - 4
        xor esi, esi
.loop:  SAY "  word "
        mov eax, esi
        call putdec
        SAY ": "
        mov eax, [scratch + esi * 4]
        cmp esi, 10
        jne .whole
        sub eax, stack_top
.whole: call puthex
        call newline
        inc esi
        cmp esi, 15
        jb .loop
        TRY "  EFER afterwards"
        mov ecx, 0xc0000080
        rdmsr
        VALUE eax
        ret

; ---- tables -------------------------------------------------------------------------------------------------------------------------


        align 8
gdt:    dq 0
        dq 0x00cf9b000000ffff            ; CODE
        dq 0x00cf93000000ffff            ; DATA
        dq 0x00009b000000ffff            ; CODE16
        dq 0x000093000000ffff            ; DATA16
        dq 0x0000890000000088            ; TSS
        dq 0x0000890000000067            ; TSS2
        dq 0x00cffb000000ffff            ; USER_CODE
        dq 0x00cff3000000ffff            ; USER_DATA
        dq 0x0040930000000fff            ; SMALL
        dq 0x0040970000000fff            ; DOWN
        dq 0x00cf13000000ffff            ; ABSENT
        dq 0x00cf99000000ffff            ; EXECONLY
        dq 0x00cf9f000000ffff            ; CONFORMING
        dq 0x0000ec0200080000            ; GATE: 2 parameters
        dq 0x00008c0000080000            ; GATE0
        dq 0x00af9b000000ffff            ; CODE64
        dq 0x00cf93000000ffff            ; SYSCALL's SS
        dq 0x000082000000000f            ; LDT
        dq 0x0040910000000fff            ; READONLY
        dq 0x00cf1b000000ffff            ; ABSENTCODE
gdt_end:
gdt_pointer:
        dw gdt_end - gdt - 1
        dd gdt
        align 8
ldt:    dq 0
        dq 0x00cf93000000ffff
idt_pointer:
        dw 128 * 8 - 1
        dd idt
limits: dd 1, 10
        align 16
idt:    times 128 dq 0
tss:    dd 0, stack_top, DATA
        times 22 dd 0
        dw 0, 0x68
        times 8 db 0                     ; ports 0 to 3F
        db 2                             ; 40 is free, 41 is not
        times 24 db 0xff
tss2:   times 18 dd 0
        dd DATA, CODE, DATA, DATA, DATA, DATA, 0, 0x680000
scratch: times 32 dd 0
vector: dd 0
error:  dd 0
fault_eip: dd 0
fault_cs: dd 0
fault_flags: dd 0
recover: dd 0
recover_esp: dd 0
try_start: dd 0
user_flags: dd 2
saved_esp: dd 0
nmi_count: dd 0
nmi_seen: dd 0, 0, 0
        align 16
small:  times 0x2000 db 0
        times 0x1000 db 0
task_stack_top:
        times 0x1000 db 0
user_stack_top:
        times 0x1000 db 0
stack_top:

; ---- the 16-bit part: assembled for LOW, copied there -------------------------------------------------------------------------------

        section low vstart=LOW follows=.text align=16
        bits 16
to_real:
        mov ax, DATA16
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov fs, ax
        mov gs, ax
        mov eax, cr0
        and eax, ~1
        mov cr0, eax
        jmp 0:.real
.real:  xor ax, ax
        mov ds, ax
        mov es, ax
        mov fs, ax
        mov gs, ax
        mov ss, ax
        mov sp, 0x7000
        lidt [cs:ivt_pointer]
        mov word [ivt + 0], r_fault0
        mov word [ivt + 6 * 4], r_fault6
        mov word [ivt + 12 * 4], r_fault12
        mov word [ivt + 13 * 4], r_fault13
        mov word [ivt + 0x20 * 4], r_handler
        mov word [ivt + 0x20 * 4 + 2], 0
        xor eax, eax
        xor ebx, ebx
        xor ecx, ecx
        call dx
r_leave:
        cli
        push eax
        xor ax, ax
        mov ds, ax
        pop eax
        mov [low_ax], eax
        mov [low_bx], ebx
        mov [low_cx], ecx
        mov eax, cr0
        or al, 1
        mov cr0, eax
        jmp dword CODE:back_from_real
; a fault in real mode: AX = 0xF000 + vector, BX = offset of IP in the routine (in DX)
r_fault0:  mov al, 0
        jmp r_any
r_fault6:  mov al, 6
        jmp r_any
r_fault12: mov al, 12
        jmp r_any
r_fault13: mov al, 13
r_any:  mov ah, 0xf0
        movzx eax, ax
        mov bx, sp
        mov ebx, [ss:bx]
        sub bx, dx
        movzx ebx, bx
        xor cx, cx
        mov ss, cx
        mov sp, 0x7000
        jmp r_leave
r_handler:
        mov ax, 0x2020
        pushf
        pop bx
        iret
r_smsw:
        smsw ax
        mov bx, cs
        mov cx, ss
        ret
r_segments:
        mov ax, 0x1234
        mov es, ax
        mov di, 0x10
        mov byte [es:di], 0x5a
        mov ax, 0x1235
        mov es, ax
        xor ax, ax
        mov al, [es:0]
        ret
r_int:
        push word 0x202
        popf
        int 0x20
        pushf
        pop cx
        cli
        ret
r_div:
        xor cx, cx
        mov ax, 1
        nop
        div cx
        ret
r_limit:
        mov bx, 0xffff
        mov al, [bx]
        mov ax, 1
        ret
r_wrap:
        mov bx, 0xffff
        mov ax, [bx]
        ret
r_stack:
        mov cx, sp
        mov sp, 2
        push word 1
        push word 0x77
        mov bx, sp
        pop ax
        mov sp, cx
        ret
r_pushsp:
        mov bx, sp
        push sp
        pop ax
        sub ax, bx
        ret
r_wide:
        mov eax, 0x12345678
        mov ebx, 0x8000
        mov ecx, [ebx + eax * 0]
        xor ecx, ecx
        rol eax, 8
        ret
r_above:
        mov ebx, 0x10000
        mov al, [ebx]
        ret
r_idt:
        lidt [cs:short_pointer]
        int 0x20
        ret
r_flags:
        push word 0xfeff
        popf
        pushf
        pop ax
        push word 2
        popf
        pushf
        pop bx
        ret
r_far:
        mov cx, sp
        push word 5
        call 0:.far
        sub cx, sp
        ret
.far:   mov bp, sp
        mov ax, [bp + 4]
        mov bx, [bp + 2]
        retf 2
r_loop:
        mov ecx, 0x10003
.loop:  inc ax
        loop .loop
        mov ebx, ecx
        jcxz .zero
        mov ax, 99
.zero:  ret
r_lar:
        lar ax, bx
        ret
r_string:
        push es
        mov ax, 0x2000
        mov es, ax
        mov di, 0xfffe
        mov cx, 4
        mov al, 0x33
        rep stosb
        mov bx, di
        mov al, [es:1]
        mov ah, [es:0xffff]
        pop es
        ret
r_misc:
        mov bx, table
        mov al, 2
        xlatb
        push ax
        les cx, [pointer]
        mov bx, es
        pop ax
        push bp
        enter 8, 1
        leave
        pop bp
        ret
r_unreal:
        ; a 4 GiB segment stays one when real mode is entered
        mov eax, cr0
        or al, 1
        mov cr0, eax
        mov bx, DATA
        mov fs, bx
        and al, 0xfe
        mov cr0, eax
        mov ebx, BASE
        mov eax, [fs:ebx]
        mov [low_cx], eax
        xor ax, ax
        mov fs, ax
        mov eax, 1
        mov ecx, [low_cx]
        mov ebx, 0
        ret

v_int40: int 0x40
v_int41: int 0x41
v_int3: int3
v_cli: cli
        int 0x40
v_sti: sti
        int 0x40
v_pushf: pushf
        pop word [low_v]
        int 0x40
v_popf: push word 0xfeff
        popf
        pushf
        pop word [low_v]
        push word 2
        popf
        int 0x40
v_iret: push word 0x3002
        push word 0
        push word v_int40
        iret
v_in40: in al, 0x40
        int 0x40
v_in41: in al, 0x41
        int 0x40
v_hlt: hlt
v_lmsw: lmsw ax
v_smsw: smsw [low_v]
        int 0x40
v_lar: lar ax, bx
v_cr: mov eax, cr0
v_segments: mov ax, 0x800
        mov ds, ax
        mov ax, [0]
        sub ax, [cs:LOW]
        mov [cs:low_v], ax
        int 0x40
v_limit: mov ebx, 0x10000
        mov al, [ebx]
        int 0x40
v_div: xor cx, cx
        div cx
v_nop: nop
        nop
        int 0x40

        align 8
table:  db 1, 2, 0x42, 4
pointer: dw 0x1111, 0x2222
ivt_pointer: dw 0x3ff
        dd ivt
short_pointer: dw 0x7f
        dd ivt
low_ax: dd 0
low_bx: dd 0
low_cx: dd 0
low_v:  dw 0
        align 8
ivt:    times 256 dd 0
low_end:
