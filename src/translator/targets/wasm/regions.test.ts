import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  BUDGET,
  CR0,
  CR3,
  CR4,
  EXIT_BUDGET,
  EXIT_HLT,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  RCX,
  RETIRED_BASE,
  RIP,
  SEG_BASE,
  SEG_LIMIT,
  XCR0,
} from '../../../machine/layout.ts';
import type { Memories } from '../../../machine/memories.ts';
import type { TranslationStore } from '../../store/translation-store.ts';
import { nasm, nasmIsThere } from '../../testing/nasm.ts';
import { coreIsBuilt, TestMachine } from '../../testing/test-machine.ts';
import { BlockTranslator } from '../../translate-block.ts';
import { makeRegions, type RegionJob, type RegionModule } from './region-module.ts';
import type { RegionCompiler } from './regions.ts';

const START = 0x10000;
const HANDLER = 0x18000;
const PAGES = 1024;
const skip = (!coreIsBuilt || !nasmIsThere) && process.env.CI !== 'true' ? 'build/core.wasm or nasm is not there' : false;

/** Every exception skips as many bytes as R15 says and counts in R14; #PF leaves its error code and address in R13. */
const handler = `
bits 64
org ${HANDLER}
handler:
  inc r14
  pop r13
  add r13, [abs 0x9000]
  add [rsp], r15
  iretq
without:
  inc r14
  add [rsp], r15
  iretq
`;

/**
 * Calls `called` 700 times in each of six rounds. `label`, 1111 bytes into its page, is by turns in its own frame and in a copy at 0x40000, in which
 * `change` was made, through a page table of the program's own at 0x30000.
 */
const framesInTurn = (label: string, called: string, change: string): string => `
  mov edi, 0x30000
  mov eax, 7
fill: mov [rdi], rax
  add rax, 4096
  add rdi, 8
  cmp edi, 0x31000
  jb fill
  mov rax, cr3
  and rax, -4096
  mov rax, [rax]
  and rax, -4096
  mov rax, [rax]
  and rax, -4096
  mov qword [rax], 0x30007
  mov rax, cr3
  mov cr3, rax
  lea rsi, [rel ${label} - 1111]
  mov edi, 0x40000
  mov ecx, 4096
  rep movsb
  ${change}
  mov ebp, 6
o: mov ecx, 700
l: call ${called}
  dec ecx
  jnz l
  test ebp, 1
  jz other
  mov qword [0x30000 + ((${label} - 1111 - $$ + ${START}) >> 12) * 8], 0x40007
  jmp again
other: mov qword [0x30000 + ((${label} - 1111 - $$ + ${START}) >> 12) * 8], ${label} - 1111 + 7
again: invlpg [rel ${label}]
  dec ebp
  jnz o
  hlt
`;

const programs: Readonly<Record<string, string>> = {
  'bytes that SETcc leaves in registers, taken at once, behind another write of the register, in another block, behind divisions of each kind': `
  mov rax, 0x1122334455667788
  mov rbx, rax
  mov r9, 0x7000000000000001
  mov r10, -1
  mov ecx, 1000
l: cmp ecx, 500
  setb al
  movzx edx, al
  add r8, rdx
  setb al
  mov eax, ecx
  movzx edx, al
  add r8, rdx
  cmp ecx, 300
  seta bl
  add bl, 3
  movzx edx, bl
  rol r8, 1
  add r8, rdx
  cmp ecx, 200
  setb dl
  test ecx, 1
  jz even
  mov edx, ecx
even: movzx esi, dl
  add r8, rsi
  cmp ecx, 100
  seta al
  xor edx, edx
  div ecx
  movzx esi, al
  add r8, rsi
  add r8, rdx
  setc al
  mov rdx, r8
  shr rdx, 4
  div r9
  movzx esi, al
  xor r8, rsi
  add r8, rdx
  mov rax, r8
  cqo
  idiv rcx
  add r8, rdx
  cdq
  idiv r10d
  movzx esi, al
  add r8, rsi
  xor edx, edx
  mov rax, r8
  div rcx
  xor r8, rdx
  dec ecx
  jnz l
  hlt
`,
  'a walk over the first bytes of the address space, none of them aligned': `
  mov rax, 0x1122334455667788
  mov edx, 64
fill: mov [rdx - 8], rax
  rol rax, 5
  sub edx, 8
  jnz fill
  mov ecx, 1000
l: xor ebx, ebx
walk: mov rax, [rbx + 1]
  add r8, rax
  rol r8, 3
  add ebx, 8
  cmp ebx, 48
  jb walk
  dec ecx
  jnz l
  hlt`,
  'arithmetic with every kind of flags': `
  mov rax, 0x123456789abcdef
  mov rbx, 0xfedcba987654321
  mov ecx, 3000
l: add rax, rbx
  adc ebx, eax
  sbb rdx, rcx
  rol rdx, 7
  inc esi
  dec dil
  setc r8b
  cmovs r9, rax
  shl rbx, cl
  sar r9d, 3
  jp skip
  xor r10, rax
  neg r10
skip: shld r10, rax, 5
  imul r11, r10, 77
  mul rbx
  bt rax, 3
  adc r12, 0
  bt eax, 0
  adc r14d, 0x19abcdef
  pushfq
  pop r13
  lea r12, [r12 + r13 * 2]
  mov [0x9300], r12
  inc r14b
  dec r12w
  mov [0x9308], r14
  bt eax, 1
  sbb r15, -5
  pushfq
  pop r13
  lea r12, [r12 + r13 * 4]
  rcl r15, 1
  adc r15, rax
  mov [0x9310], r15
  sbb r15d, r12d
  jbe below
  adc r12w, 0x777
below: bsf r13, rax
  popcnt r8, r9
  bswap r12
  xchg al, ah
  lea rbp, [rax + rbx * 4 + 9]
  sub r11b, bl
  jg big
  add r11w, 5
big: dec ecx
  jnz l
  pushfq
  pop rax
  hlt`,
  'jumps by tables: into the page, out of it, back, and in the middle of instructions': `
  mov ecx, away_end - away
  lea rsi, [rel away]
  mov rdi, 0x12000
  rep movsb
  mov ecx, 6000
l: mov eax, ecx
  imul eax, eax, 0x9e3779b1
  shr eax, 28
  jmp [tab + rax * 8]
one: add rbx, rcx
  jmp next
two: lea rbx, [rbx * 3 + 1]
  jmp next
three: xor rbx, rax
  test bl, 4
  jz next
four: ror rbx, 3
  mov rdx, 0x12000
  jmp rdx
back: not rbx
next: dec ecx
  jnz l
  hlt
mid: db 0x48, 0xb8
  nop
  inc rbx
  jmp next
away: sub rbx, 7
  mov rdx, back
  jmp rdx
away_end:
align 8
tab: dq one, two, three, four, back, next, mid + 2, 0x12000, one, two, three, mid + 2, 0x12000, four, one, next`,
  'flags that are looked at behind the only jump whose target is not written in the code': `
  mov rdx, t
  mov ecx, 6000
l: lea eax, [rcx + rcx * 4]
  bt eax, 2
  jmp rdx
t: adc rbx, rcx
  pushfq
  pop rax
  add rbx, rax
  dec ecx
  jnz l
  hlt`,
  'functions that return by a jump to another page, which is rewritten now and then': `
  mov ebp, 6
o: mov ecx, 700
l: call add
  call count
  dec ecx
  jnz l
  test ebp, 1
  jz other
  mov word [rel thunk], 0xc390
  jmp again
other: mov word [rel thunk], 0xc3
again: dec ebp
  jnz o
  hlt
add: add rbx, rcx
  jmp thunk
count: test cl, 3
  jz near thunk
  inc rbx
  jmp thunk
align 4096
times 1111 nop
thunk: ret
  nop`,
  'functions that return by a jump to another page, where there is another frame now and then': `
${framesInTurn('thunk', 'add', 'mov dword [0x40000 + 1111], 0xc3c2ff48')}add: add rbx, rcx
  jmp thunk
align 4096
times 1111 nop
thunk: ret
times 8 nop`,
  'accesses of one instruction that take the soft TLB’s entry from each other': `
  mov dword [0x3000 + 16 * 8], 0x83
  mov esi, 0x2000000 + 0x7f100
  mov ecx, 900
l: mov edx, 9
i: add rbx, rdx
  dec edx
  jnz i
  push qword [rsi]
  pop rax
  add rbx, rax
  add [rsi], rcx
  dec ecx
  jnz l
  hlt`,
  'small functions of another page, one rewritten behind its first block now and then, one that rewrites itself': `
  mov ebp, 6
o: mov ecx, 700
l: mov edx, ecx
  call bits_of
  add rbx, rax
  mov edx, ebp
  call itself
  sub rbx, rdx
  dec ecx
  jnz l
  xor byte [rel inner + 2], 0x12 ^ 0x2a
  dec ebp
  jnz o
  hlt
align 4096
times 333 nop
bits_of: xor eax, eax
  and edx, 63
  jz done
inner: db 0x83, 0xc0, 0x12
  dec edx
  jnz inner
done: ret
itself: test ecx, 255
  jnz behind
  xor byte [rel behind + 2], 1
behind: add edx, 5
  ret`,
  'small functions of another page, where there is another frame now and then': `
${framesInTurn('twice', 'twice', 'mov byte [0x40000 + 1111 + (thrice - twice)], 0xc6')}align 4096
times 1111 nop
twice: lea eax, [rcx + rcx]
  test al, 6
  jz out
  add rbx, rax
  db 0x48, 0x01
thrice: db 0xc3
out: ret
times 8 nop`,
  'recursive calls, pushes and pops': `
  mov edi, 15
  call fib
  hlt
fib: cmp edi, 2
  jb base
  push rbx
  push rdi
  dec edi
  call fib
  mov ebx, eax
  pop rdi
  sub edi, 2
  call fib
  add eax, ebx
  pop rbx
  ret
base: mov eax, 1
  ret`,
  'fields and variables side by side, on both sides of a page end': `
  mov edi, 0x30000
  mov eax, 7
fill: mov [rdi], rax
  add rax, 4096
  add rdi, 8
  cmp edi, 0x31000
  jb fill
  mov qword [0x30000 + 0x41 * 8], 0x70007
  mov rax, cr3
  and rax, -4096
  mov rax, [rax]
  and rax, -4096
  mov rax, [rax]
  and rax, -4096
  mov qword [rax], 0x30007
  mov rax, cr3
  mov cr3, rax
  mov ecx, 900
  mov edi, 0x40f60
  mov r15, rsp
l: mov eax, ecx
  and eax, 63
  lea rbx, [rdi + rax * 4]
  mov [rbx + 16], rcx
  mov [rbx], r8
  mov [rbx + 33], ecx
  mov r9, [rbx + 8]
  add r8, [rbx + 16]
  mov r10d, [rbx + 30]
  movsx r11, byte [rbx + 63]
  add [rbx + 48], r10
  movups xmm0, [rbx + 24]
  movups [rbx + 40], xmm0
  xor r8, r11
  test ecx, 3
  jz m
m: lea rsp, [rdi + rax * 4 + 120]
  push r8
  push rcx
  push r10
  add rsp, 8
  mov rdx, [rsp + 8]
  mov rdx, [rdx * 0 + rsp]
  push rdx
  pop r12
  pop r13
  pop r14
  add r8, r13
  sub r14, r12
  mov rsp, r15
  test ecx, 5
  jz o
o: mov [0x9340], r8
  add r9, [0x9348]
  mov [0x9348], rcx
  xor r14, [0x9340]
  lea rbx, [rbx + r14 * 0 + 24]
  mov [rbx - 24], r9
  mov [rbx], r14
  mov rbx, [rbx - 24]
  add r8, rbx
  dec ecx
  jnz l
  hlt`,
  'sorting in memory': `
  mov rdi, 0x40ffd
  mov eax, 1
  mov ecx, 300
fill: imul eax, eax, 1103515245
  add eax, 12345
  mov [rdi + rcx * 4], eax
  loop fill
  mov esi, 300
outer: mov ecx, 1
inner: mov eax, [rdi + rcx * 4]
  cmp eax, [rdi + rcx * 4 + 4]
  jbe ok
  xchg eax, [rdi + rcx * 4 + 4]
  mov [rdi + rcx * 4], eax
ok: inc ecx
  cmp ecx, 299
  jb inner
  dec esi
  jnz outer
  hlt`,
  'code that rewrites functions of its page, and itself': `
  mov ebp, 400
  xor ebx, ebx
l: call fn
  add rbx, rax
  mov [rel fn + 1], ebp
  test ebp, 7
  jnz no
  inc byte [rel patch + 3]
no:
patch: add rbx, 1
  lock dec byte [rel other + 1]
  call other
  add rbx, rax
  dec ebp
  jnz l
  hlt
fn: mov eax, 5
  ret
  align 64
other: mov eax, 9
  ret`,
  'faults in a loop': `
  mov ecx, 300
  mov rsi, 0x50000000
  xor r14, r14
l: mov r15, 3
  mov rax, [rsi]
  add rbx, rax
  xor r8d, r8d
  div r8d
  add [rsi], rcx
  adc rbx, rcx
  mov rdx, 0x8000000000000000
  mov rax, [rdx]
  loop l
  hlt`,
  'after a refused access, accesses and sums that take the slow way': `
  mov ecx, 60
  mov rsi, 0x50000000
  mov edi, 0x40ffc
  mov r15d, 3
  mov dword [0x70000], 0x1f80
  mov eax, 3
  cvtsi2sd xmm0, eax
  cvtsi2sd xmm1, ecx
  divsd xmm1, xmm0
l: mov rax, [rsi]
  add qword [rdi], rcx
  lock xadd [rdi + 1], rbx
  push qword [rdi]
  ldmxcsr [0x70000]
  mulsd xmm0, xmm1
  addsd xmm0, xmm1
  dec ecx
  jnz l
  hlt`,
  'time stamps, strings and system instructions': `
  cld
  mov ebp, 200
l: rdtsc
  add rbx, rax
  mov esi, ${START}
  mov edi, 0x60ff8
  mov ecx, 9
  rep movsb
  mov ecx, 5
  rep stosq
  movsd
  lodsb
  scasb
  pushfq
  cli
  popfq
  clac
  add r8, rbp
  rdtsc
  sub rbx, rax
  str ax
  mov rdx, cr3
  mov cr3, rdx
  dec ebp
  jnz l
  hlt`,
  'repeated strings, one of which writes into the code behind itself': `
  cld
  mov ebp, 90
l: lea rsi, [rbp + ${START}]
  lea rdi, [rbp * 8 + 0x60d00]
  mov ecx, ebp
  rep movsb
  add r9, rdi
  mov ecx, 7
  mov rax, rbp
  rep stosq
  xor r9, rdi
  xor ecx, ecx
  rep movsq
  lea rsi, [rdi - 60]
  lea rdi, [rsi + 8]
  mov ecx, 40
  rep movsb
  std
  mov ecx, 11
  rep movsw
  cld
  mov al, 0x5a
  mov edi, 0x60d10
  mov ecx, 300
  repne scasb
  adc r9, rcx
  jne m
  inc r10
m: mov esi, ${START}
  mov edi, ${START} + 3
  mov ecx, 20
  repe cmpsb
  ja n
  inc r11
n: mov r15d, 2
  mov edi, 0x50000000
  mov ecx, 3
  rep stosb
  mov edi, 0x70000
  cmp ebp, 4
  ja o
  mov edi, p + 2
o: mov ecx, 3
  mov eax, ebp
  rep stosb
p: mov r8d, 0
  add r9, r8
  dec ebp
  jnz l
  hlt`,
  'vectors and floating point': `
  mov ecx, 300
  mov eax, 3
  cvtsi2sd xmm0, eax
  cvtsi2sd xmm1, ecx
  mov edi, 0x70000
l: mulsd xmm0, xmm1
  divsd xmm0, xmm1
  addsd xmm0, xmm0
  sqrtsd xmm2, xmm0
  movsd [rdi + rcx * 8], xmm2
  movsd xmm3, [rdi + rcx * 8]
  cvttsd2si edx, xmm3
  add rbx, rdx
  movups xmm4, [rdi + rcx]
  paddd xmm4, xmm2
  pshufd xmm5, xmm4, 0x1b
  pxor xmm5, xmm0
  pmovmskb r8d, xmm5
  add rbx, r8
  movups [rdi + rcx * 2 - 7], xmm5
  ucomisd xmm0, xmm2
  jp odd
  seta r9b
odd: fld1
  fadd st0, st0
  fstp qword [rdi]
  cvtsi2sd xmm0, ecx
  dec ecx
  jnz l
  hlt`,
  'vectors of 256 bits, gathers and bit extraction': `
  mov ecx, 400
  mov eax, 3
  mov edi, 0x70000
  mov r15d, 5
  mov esi, 0x7ffffff0
  vcvtsi2sd xmm0, xmm0, eax
  vbroadcastsd ymm1, xmm0
  vpcmpeqd ymm7, ymm7, ymm7
l: vcvtsi2sd xmm2, xmm1, ecx
  vbroadcastsd ymm3, xmm2
  vfmadd231pd ymm1, ymm3, ymm0
  vmulpd ymm4, ymm1, ymm3
  vmovupd [rdi + rcx * 8 - 5], ymm4
  vmovupd ymm5, [rdi + rcx * 8 + 9]
  vpaddd ymm5, ymm5, [rdi + rcx * 4]
  vpshufb ymm6, ymm5, ymm4
  vpmovmskb r8d, ymm6
  add rbx, r8
  vptest ymm5, ymm6
  setc r9b
  adc rbx, r9
  vtestpd ymm4, ymm5
  setz r10b
  add rbx, r10
  vpermq ymm6, ymm6, 0x1b
  vextracti128 [rdi + rcx * 2], ymm6, 1
  vpsrld ymm8, ymm6, 26
  vmovdqa ymm9, ymm7
  vpgatherdd ymm10, [rdi + ymm8 * 4], ymm9
  vpxor ymm11, ymm11, ymm10
  vpsllvd ymm9, ymm5, ymm8
  vpsrlvd ymm14, ymm6, ymm8
  vpaddd ymm9, ymm9, ymm14
  vpsravd ymm14, ymm5, ymm8
  vpxor ymm9, ymm9, ymm14
  vpsrlq ymm8, ymm6, 57
  vpsllvq ymm14, ymm9, ymm8
  vpsrlvq ymm15, ymm6, ymm8
  vpaddq xmm14, xmm14, xmm15
  vpsllvd xmm15, xmm9, xmm6
  vpxor ymm14, ymm14, ymm15
  vpaddq ymm11, ymm11, ymm14
  vcvtph2ps ymm15, xmm5
  vpxor ymm11, ymm11, ymm15
  vmovq r8, xmm11
  add rbx, r8
  vextracti128 xmm15, ymm11, 1
  vpextrq r8, xmm15, 1
  xor rbx, r8
  vcvttsd2si edx, xmm2
  pdep rdx, rbx, rdx
  bextr r11, rbx, rdx
  mulx r12, r13, r11
  add rbx, r13
  tzcnt edx, ecx
  andn r11, rdx, rbx
  adox rbx, r11
  vmovups ymm12, [rsi + 8]
  vmovaps ymm13, [rdi + rcx]
  test cl, 31
  jnz n
  vzeroupper
n: dec ecx
  jnz l
  hlt`,
};

/** In 32-bit code [SKIP] is by how many bytes exceptions skip, [COUNT] counts them, [TRACE] sums error codes and addresses. */
const handler32 = `
bits 32
org ${HANDLER}
  xchg eax, [esp]
  add [0x9108], eax
  mov eax, cr2
  add [0x9108], eax
  pop eax
  jmp without
align 32
without:
  inc dword [0x9104]
  push eax
  mov eax, [0x9100]
  add [esp + 4], eax
  pop eax
  iret
`;

/** The first 4 MiB are mapped a second time at the end of the address space, FS is a segment of 64 KiB at 0x40000. */
const programs32: Readonly<Record<string, string>> = {
  '32-bit arithmetic with every kind of flags': `
  mov eax, 0x89abcdef
  mov ebx, 0x76543210
  mov ecx, 3000
l: add eax, ebx
  adc bx, ax
  sbb edx, ecx
  rol edx, 7
  inc esi
  dec dl
  setc dh
  cmovs ebp, eax
  shl ebx, cl
  sar bp, 3
  jp skip
  xor edi, eax
  neg edi
skip: shld edi, eax, 5
  imul esi, edi, 77
  mul ebx
  daa
  aam 7
  bt eax, 3
  adc edi, 0
  bsf edx, eax
  bswap esi
  lea ebp, [eax + ebx * 4 + 0x7ffffff9]
  sub bl, dh
  jg big
  add bp, 5
big: loop l
  pushfd
  pop eax
  hlt`,
  '32-bit calls, tables, and code on both sides of the end of the address space': `
  mov ecx, 2000
l: mov eax, ecx
  imul eax, eax, 0x9e3779b1
  shr eax, 29
  call [tab + eax * 4]
  call thunk - 0x400000
  dec ecx
  jnz l
  mov edx, second - 0x400000
  jmp edx
second: mov ecx, 2000
  jmp m
down: add ebx, eax
  dec ecx
  jz done
m: mov eax, ecx
  call thunk + 0x400000
  test cl, 7
  jnz down
  call one + 0x400000
  jmp down
done: hlt
one: add ebx, ecx
  ret
two: lea ebx, [ebx * 3 + 1]
  ret
three: xor ebx, eax
  test bl, 4
  jz near thunk
four: ror ebx, 3
  jmp thunk - 0x400000
five: push esi
  mov esi, [esp]
  call one - 0x400000
  pop esi
  ret 0
six: jmp two
align 8
tab: dd one, two, three, four, five, six, one - 0x400000, thunk
align 4096
times 1111 nop
thunk: ret
times 8 nop`,
  '32-bit memory: across pages, beyond 4 GiB, by segments, pushes and strings': `
  mov ebp, 500
  mov edi, 0x40ff0
l: mov [edi + ebp], ebp
  add ebx, [edi + ebp - 3]
  push dword [edi + ebp]
  pop dword [edi + ebp * 2]
  mov esi, 0xfffffff0
  add ebx, [esi + ebp * 8 + 0x40000]
  mov [fs: ebp * 4], ebx
  add ebx, [fs: ebp * 4 - 1]
  xadd [fs: 0x200], ebx
  movzx eax, byte [cs: l]
  add ebx, eax
  mov eax, [ss: edi]
  pusha
  mov edi, 0x50ff8
  mov esi, edi
  mov ecx, 6
  rep stosd
  mov ecx, 5
  rep movsw
  popa
  pushfd
  popfd
  movd xmm0, ebx
  movups [edi + ebp], xmm0
  movq [edi + ebp - 5], xmm0
  dec ebp
  jnz l
  hlt`,
  '32-bit faults in a loop': `
  mov ecx, 300
  mov esi, 0x50000000
  mov edi, 0xfffffffe
l: mov dword [0x9100], 2
  mov eax, [esi]
  add ebx, eax
  xor edx, edx
  div edx
  add [esi], ecx
  adc ebx, ecx
  mov edx, [edi]
  mov dword [0x9100], 7
  mov edx, [fs: 0x10000]
  mov [cs: 0x40000], edx
  mov dword [0x9100], 3
  mov [fs: edi], dl
  int3
  nop
  nop
  nop
  loop l
  hlt`,
  '32-bit code that rewrites functions of its page, and itself': `
  mov ebp, 400
  xor ebx, ebx
l: call fn
  add ebx, eax
  mov [fn + 1], ebp
  test ebp, 7
  jnz no
  inc byte [patch + 2]
no:
patch: add ebx, 1
  lock dec byte [other + 1]
  call other
  add ebx, eax
  dec ebp
  jnz l
  hlt
fn: mov eax, 5
  ret
  align 64
other: mov eax, 9
  ret`,
};

/** Numbers from 1 to 40, the same for the same seed. */
const random = (seed: number): (() => number) => {
  let x = seed;
  return () => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return 1 + ((x >>> 16) % 40);
  };
};

const digest = (machine: TestMachine): string =>
  createHash('sha256')
    .update(machine.memories.frameBytes.slice(machine.offset(0), machine.offset(PAGES * 4096)))
    .digest('hex');

interface Outcome {
  readonly registers: string;
  readonly memory: string;
  readonly retired: number;
}

interface Execution {
  readonly outcome: Outcome;
  readonly regions: number;
  /** Instructions that regions retired. */
  readonly inRegions: number;
  readonly store: TranslationStore | undefined;
}

/** A compiler like one in another thread: each answer comes after as many questions as `delay` says, made when it was asked for or when it comes. */
class LateCompiler implements RegionCompiler {
  readonly threads: number;
  memories: Memories | undefined;
  private readonly translator = new BlockTranslator({ features: undefined, vendor: 'amd' });
  private readonly answers: { made: () => RegionModule; after: number }[] = [];
  private readonly delay: () => number;

  constructor(delay: () => number, threads = 1) {
    this.delay = delay;
    this.threads = threads;
  }

  prepare(): void {}

  submit(job: RegionJob): void {
    const make = (): RegionModule => makeRegions(job, this.translator, this.memories as Memories);
    const early = this.delay() > 20 ? make() : undefined;
    this.answers.push({ made: () => early ?? make(), after: this.delay() });
  }

  take(): RegionModule | undefined {
    // threads answer in their own order
    for (const [k, answer] of this.answers.slice(0, this.threads).entries()) {
      if (--answer.after > 0) continue;
      this.answers.splice(k, 1);
      return answer.made();
    }
    return undefined;
  }
}

/** The vectors that push an error code. */
const withError: readonly number[] = [8, 10, 11, 12, 13, 14, 17];

const prepare = (machine: TestMachine): void => {
  machine.write(HANDLER, nasm(handler));
  machine.enter(64, START);
  const without = HANDLER + 3 + 2 + 8 + 4 + 2;
  for (let vector = 0; vector < 32; vector++) {
    const target = withError.includes(vector) ? HANDLER : without;
    machine.write64(0x6000 + vector * 16, BigInt(target & 0xffff) | (8n << 16n) | (0x8e00n << 32n) | (BigInt(target >> 16) << 48n));
    machine.write64(0x6008 + vector * 16, 0n);
  }
  machine.write64(0x7008, 0x00af9b000000ffffn);
  machine.write64(0x7010, 0x00cf93000000ffffn);
  // PAE, OSFXSR, OSXMMEXCPT, OSXSAVE; AVX on
  machine.context.setLow(CR4, 0x40620);
  machine.context.setLow(XCR0, 7);
  machine.engine.core.updateMode(machine.ctx);
};

const prepare32 = (machine: TestMachine): void => {
  machine.write(HANDLER, nasm(handler32));
  machine.enter(32, START);
  for (let vector = 0; vector < 32; vector++) {
    const target = withError.includes(vector) ? HANDLER : HANDLER + 32;
    machine.write64(0x6000 + vector * 8, BigInt(target & 0xffff) | (8n << 16n) | (0x8e00n << 32n) | (BigInt(target >> 16) << 48n));
  }
  machine.write64(0x7008, 0x00cf9b000000ffffn);
  machine.write64(0x7010, 0x00cf93000000ffffn);
  for (let entry = 0; entry < 1024; entry++) {
    const from = entry === 1023 ? 0 : entry;
    machine.write(0x1000 + entry * 4, entry < 4 || entry === 1023 ? [0x83, 0, (from << 6) & 0xff, from >> 2] : [0, 0, 0, 0]);
  }
  machine.context.setLow(CR3, 0x1000);
  // PSE, OSFXSR, OSXMMEXCPT
  machine.context.setLow(CR4, 0x610);
  machine.context.setLow(CR0, 0x80000033);
  machine.context.setLow(SEG_BASE + 4, 0x40000);
  machine.context.setLow(SEG_LIMIT + 4, 0xffff);
  machine.engine.core.updateMode(machine.ctx);
};

const execute = (
  code: Uint8Array,
  wide: boolean,
  promoteAfter: number | (() => number) | undefined,
  slice: number,
  stored?: Uint8Array | 'none',
  late?: LateCompiler,
  verifyStored = false,
): Execution => {
  const compiler = { verifyStored, ...(late === undefined ? {} : { regionCompiler: late }) };
  const machine = new TestMachine({ ...(promoteAfter === undefined ? {} : { promoteAfter }), ...(stored === undefined ? {} : { stored }), ...compiler }, PAGES);
  if (late !== undefined) late.memories = machine.memories;
  machine.write(START, code);
  if (wide) prepare(machine);
  else prepare32(machine);
  machine.context.setLow(IDTR_BASE, 0x6000);
  machine.context.setLow(IDTR_LIMIT, 0xfff);
  machine.context.setLow(GDTR_BASE, 0x7000);
  machine.context.setLow(GDTR_LIMIT, 0xff);
  let retired = 0;
  for (let rounds = 0; ; rounds++) {
    assert.ok(rounds < 1_000_000, 'the program does not end');
    machine.context.set(RETIRED_BASE, BigInt(retired + slice));
    const exit = machine.run(slice);
    const left = Number(BigInt.asIntN(64, machine.reg(BUDGET)));
    assert.ok(left >= 0, 'more instructions than the budget allowed');
    retired += slice - left;
    if (exit === EXIT_HLT) break;
    assert.equal(exit, EXIT_BUDGET);
  }
  const registers = Array.from({ length: 16 }, (_, slot) => machine.reg(slot).toString(16));
  registers.push(machine.reg(RIP).toString(16), machine.engine.rflags(machine.ctx).toString(16));
  const vectors = machine.memories.stateBytes.slice(machine.ctx + 0x800, machine.ctx + 0x800 + 16 * 64);
  registers.push(createHash('sha256').update(vectors).digest('hex'), machine.reg(113).toString(16));
  const { regions, store } = machine.engine;
  return {
    outcome: { registers: registers.join(' '), memory: digest(machine), retired },
    regions: regions?.counters.regions ?? 0,
    inRegions: Number(machine.engine.retiredInRegions),
    store,
  };
};

/** Programs that change their code, and those with accesses that span two pages: the interpreter does them. */
const interpreted = /itself|slow way|page end|time stamps|each other/;

for (const [name, source] of [...Object.entries(programs), ...Object.entries(programs32)]) {
  const wide = name in programs;
  test(`${name}: registers, memory and instruction counts do not depend on what is compiled or when`, { skip }, () => {
    const code = nasm(`bits ${wide ? 64 : 32}\norg ${START}\n${source}`);
    const reference = execute(code, wide, undefined, 1_000_000).outcome;
    for (const [promoteAfter, slice] of [
      [1, 1_000_000],
      [2, 1_000_000],
      [30, 1009],
      [1, 7],
      [5, 61],
      [random(1), 1_000_000],
      [random(2), 97],
      [random(3), 10_007],
    ] as const) {
      const { outcome, regions, inRegions } = execute(code, wide, promoteAfter, slice);
      // what faults, its handler's IRET and the end are the interpreter's
      if (wide && promoteAfter === 1 && slice > 1000 && !interpreted.test(name))
        assert.ok(outcome.retired - inRegions < 32, 'more than a few instructions ran as bytecode');
      assert.deepEqual(outcome, reference, `promotion ${String(promoteAfter)}, slices of ${slice}`);
      assert.ok(regions > 0, 'no region was made');
    }
    // the same with what earlier runs left
    let stored: Uint8Array | undefined;
    for (const [promoteAfter, slice] of [
      [2, 1_000_000],
      [20, 1009],
      [1, 61],
      [random(4), 1_000_000],
      [20, 1013],
    ] as const) {
      const late = stored === undefined ? new LateCompiler(() => 1) : undefined;
      const { outcome, store } = execute(code, wide, promoteAfter, slice, stored?.slice() ?? 'none', late, slice === 1013);
      assert.deepEqual(
        outcome,
        reference,
        `promotion ${String(promoteAfter)}, slices of ${slice}, ${stored === undefined ? 'nothing' : 'translations'} stored`,
      );
      const file = store?.save();
      if (stored !== undefined) assert.ok((store?.counters.usedRegions ?? 0) > 0, 'no stored region was used');
      stored = file ?? stored;
      assert.ok(stored, 'nothing was stored');
    }
    for (const seed of [4, 5]) {
      const slice = Math.max(5, Math.min(seed * 17, reference.retired >> 8));
      const { outcome, regions } = execute(code, wide, 3, slice, undefined, new LateCompiler(random(seed), seed - 3));
      assert.deepEqual(outcome, reference, `compiled late, slices of ${slice}`);
      assert.ok(regions > 0, 'no region was made');
    }
  });
}

test('more regions than one module holds are kept and come back', { skip }, () => {
  // seventy loops, sixteen in a page, no two alike
  const loops = Array.from({ length: 70 }, (_, k) => `align 256, nop\nmov ecx, 100\nloop${k}: add eax, ${k + 1}\ndec ecx\njnz loop${k}`);
  const code = nasm(`bits 64\norg ${START}\n${loops.join('\n')}\nhlt`);
  const { outcome, store } = execute(code, true, 20, 1_000_000, 'none');
  const file = store?.save();
  assert.ok(file);
  // as they lie in the file, and made anew of its regions
  for (const verify of [false, true]) {
    const again = execute(code, true, 20, 1_000_000, file.slice(), undefined, verify);
    assert.deepEqual(again.outcome, outcome);
    assert.ok((again.store?.counters.usedRegions ?? 0) >= loops.length, `${again.store?.counters.usedRegions} stored regions were used`);
  }
});

test('regions find none of those that were thrown away', { skip }, () => {
  // two loops in two pages that lead to each other; the second time another one comes first, so that regions have other places in the table
  const code = nasm(`bits 64
    org ${START}
    jmp first
    third: mov ecx, 100
    l3: dec ecx
    jnz l3
    first: mov edx, 100
    l1: mov ecx, 10
    call l2
    dec edx
    jnz l1
    hlt
    align 4096, nop
    l2: add eax, ecx
    dec ecx
    jnz l2
    mov ecx, 5
    again: add eax, ecx
    dec ecx
    jnz again
    ret`);
  const machine = new TestMachine({ promoteAfter: 20 }, PAGES);
  machine.write(START, code);
  const sum = 100 * (55 + 15);
  for (const entry of [0, 2, 0]) {
    machine.enter(64, START + entry);
    machine.context.setLow(0, 0);
    assert.equal(machine.run(1_000_000), EXIT_HLT);
    assert.equal(Number(machine.reg(0)), sum);
    machine.engine.reset();
  }
});

/** A machine whose regions are made elsewhere: `asked` is told of each job, no answer comes before it `answers`. */
function machineOf(asked: (job: RegionJob) => void, answers: () => boolean): TestMachine {
  const late = new LateCompiler(() => 0);
  const submit = (job: RegionJob): void => {
    asked(job);
    late.submit(job);
  };
  const regionCompiler = { threads: 1, prepare: () => {}, submit, take: () => (answers() ? late.take() : undefined) };
  const machine = new TestMachine({ promoteAfter: 20, regionCompiler }, PAGES);
  late.memories = machine.memories;
  return machine;
}

test('of the blocks that wait, those that run most meanwhile are compiled first', { skip }, () => {
  // twelve loops, each in a page of its own: all are offered, two run on for long
  const rounds = [100, 100, 100, 100, 100, 100, 100, 100, 30_000, 100, 50_000, 100];
  const loops = rounds.map((count, k) => `align 4096, nop\nmov ecx, ${count}\nloop${k}: dec ecx\njnz loop${k}\njmp next${k}\nalign 64\nnext${k}:`);
  const code = nasm(`bits 64\norg ${START}\n${loops.join('\n')}\nhlt`);
  const jobs: RegionJob[] = [];
  let answers = false;
  const machine = machineOf(
    (job) => jobs.push(job),
    () => answers,
  );
  machine.write(START, code);
  machine.enter(64, START);
  assert.equal(machine.run(1_000_000), EXIT_HLT);
  assert.equal(machine.engine.regions?.counters.regions, 0);
  const before = jobs.length;
  answers = true;
  machine.run(0);
  const pages = (jobs[before]?.requests ?? []).map(({ phys }) => (phys - machine.offset(START)) >> 12);
  assert.deepEqual(pages.slice(0, 2), [10, 8]);
  assert.ok(pages.length < rounds.length - before);
  machine.enter(64, START);
  assert.equal(machine.run(1_000_000), EXIT_HLT);
  machine.run(0);
  assert.equal(machine.engine.regions?.counters.regions, rounds.length);
  assert.equal(jobs.flatMap(({ requests }) => requests).length, rounds.length, 'asked for once each');
});

test('a block in the middle of a region gets one of its own for what it runs outside of it', { skip }, () => {
  // the loop's second block is offered first; the first one while the region is made
  const code = nasm(`bits 64\norg ${START}\nmov ecx, 1000\nfirst: dec ecx\njz done\ninc eax\njmp first\ndone: hlt`);
  const first = START + 5;
  const requests: number[] = [];
  let answers = false;
  const machine = machineOf(
    (job) => requests.push(...job.requests.map(({ phys }) => phys)),
    () => answers,
  );
  machine.write(START, code);
  machine.enter(64, START);
  assert.equal(machine.run(1_000_000), EXIT_HLT);
  assert.equal(requests.length, 1, 'none is asked for where one is being made');
  answers = true;
  machine.run(0);
  assert.equal(machine.engine.regions?.counters.regions, 1);
  // each time one execution of the block outside
  const enter = (times: number): void => {
    for (let k = 0; k < times; k++) {
      machine.enter(64, first);
      machine.context.setLow(RCX, 1);
      assert.equal(machine.run(1_000_000), EXIT_HLT);
    }
    machine.run(0);
  };
  enter(15);
  assert.ok(!requests.includes(machine.offset(first)), 'executions in the region do not count');
  enter(15);
  assert.ok(requests.includes(machine.offset(first)));
});

for (const suite of ['lift/long.test.ts', 'lift/string.test.ts']) {
  test(`${suite} passes when every block becomes a region at once`, { skip }, () => {
    const env = { ...process.env, ZENDO_TEST_PROMOTE: '1' } as NodeJS.ProcessEnv;
    delete env['NODE_TEST_CONTEXT'];
    const { status, stdout } = spawnSync(process.execPath, ['--test', join(import.meta.dirname, '../..', suite)], { encoding: 'utf8', env });
    assert.equal(status, 0, stdout);
  });
}
