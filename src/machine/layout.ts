/**
 * Layout of the `state` memory and of a vCPU's context in it. Plain integer constants, so that the same file is
 * TypeScript for the translator and hypervisor and AssemblyScript for the core.
 *
 * All addresses and offsets are in bytes unless the name ends in SLOT (then it indexes 8-byte slots of a context).
 */

// ---- the state memory ------------------------------------------------------------------------------------------
/** 64 KiB pages of each of the two memories (initial = maximum): 4 GiB. */
export const MEMORY_PAGES = 65536;
/** Everything below is poison: never allocated, a null pointer lands here. */
export const POISON_SIZE = 0x10000;
/** Machine header: magic, version, allocation marks, mailboxes. 64 KiB. */
export const HEADER_BASE = 0x10000;
/** Per host thread area (soft TLB, scratch); 2 MiB each, at most 32. */
export const PCPU_BASE = 0x100000;
export const PCPU_STRIDE = 0x200000;
export const PCPU_MAX = 32;
/** vCPU contexts; 16 KiB each, at most 4096. */
export const VCPU_BASE = 0x8000000;
export const VCPU_STRIDE = 0x4000;
export const VCPU_MAX = 4096;
/** Frame table: 16 bytes for each of the 1,048,576 frames (owned by the hypervisor). */
export const FRAME_TABLE = 0x10000000;
export const FRAME_TABLE_STRIDE = 16;
/** One u64 per frame: bit n set = the 64-byte chunk n of the frame holds translated guest code. */
export const FRAME_CODE_BITS = 0x12000000;
/** One u32 per frame: first block (address of its header in the code area) translated from it, 0 = none. */
export const FRAME_BLOCKS = 0x13000000;
/** One u32 per I/O port: reads that the core answered itself (CPU_OPEN_BUS). A counter, never part of a snapshot. */
export const PORT_READS = 0x13800000;
/** Translated code: block hash table, then the bytecode arena. Rebuilt at will, never part of a snapshot. */
export const BLOCK_HASH = 0x20000000;
/** Entries of the block hash table (u32 block addresses, open hashing with chains through the block header). */
export const BLOCK_HASH_ENTRIES = 262144;
export const CODE_ARENA = 0x20100000;
/** Which bytes hold translated code in the frame that lost some last: u32 its number + 1 (0 = none), and a bit for each byte, too many rather than too few. */
export const CODE_MAP_FRAME = CODE_ARENA + 0x40;
export const CODE_MAP = CODE_ARENA + 0x80;
export const CODE_MAP_SIZE = 512;
export const CODE_ARENA_END = 0x40000000;
/** The hypervisor's heap: domains, p2m tables, event channels, grants, timers. */
export const XENHEAP = 0x80000000;
export const XENHEAP_END = 0xffff0000;

// ---- soft TLB (at the start of a pCPU area) ----------------------------------------------------------------------
/** Soft TLBs, one behind the other: one for each view (supervisor, user, SMAP, alignment checks), and three more for user views of further PCIDs. */
export const TLB_COUNT = 7;
/**
 * Entries of each, direct mapped; index = (va >> 12) & (TLB_ENTRIES - 1). They reach over 32 MiB, as a Linux kernel does: with half as many its text and its data, 16 MiB
 * behind, took each other's places (300,000 of the 460,000 page walks of a boot).
 */
export const TLB_ENTRIES = 8192;
/** 32 bytes: u64 tagRead, u64 tagWrite, u64 tagExec, u32 addend, u32 flags (TLBF_*). */
export const TLB_STRIDE = 32;
/** Bytes of one. */
export const TLB_SIZE = 0x40000;
export const TLB_READ = 0;
export const TLB_WRITE = 8;
export const TLB_EXEC = 16;
/** frames offset = (low 32 bits of va) + addend, modulo 2^32. */
export const TLB_ADDEND = 24;
export const TLB_FLAGS = 28;
/** A tag is (va & ~0xfff) | asid, an asid is (address-space number << 2) | view; this one never matches (asid 0xfff is not given out). */
export const TLB_EMPTY_LOW = 0xffffffff;
/** Scratch of the pCPU behind the TLB (list of used non-global entries etc.). */
export const PCPU_SCRATCH = 0x1c0000;

// ---- second-stage table (p2m) --------------------------------------------------------------------------------------
// ctx.P2M_ROOT points at P2M_ROOT_ENTRIES u32 addresses of leaves (0 = none), each leaf 1024 u32 entries.
// leaf = root[gfn >> 10], entry = leaf[gfn & 1023].
export const P2M_ROOT_ENTRIES = 16384; // 16 Mi gfns = 64 GiB of guest-physical space
/** Entry bits: low 20 bits mfn; */
export const P2M_MFN_MASK = 0xfffff;
export const P2M_VALID = 0x80000000;
export const P2M_WRITABLE = 0x40000000;
/** The entry's page must never match on the fast path (MMIO, mem_access, log-dirty): accesses go through the hypervisor. */
export const P2M_TRAP = 0x20000000;

// ---- vCPU context: slots (8 bytes each, usable as IR operands 0..255) -------------------------------------------------
export const RAX = 0;
export const RCX = 1;
export const RDX = 2;
export const RBX = 3;
export const RSP = 4;
export const RBP = 5;
export const RSI = 6;
export const RDI = 7;
// 8..15 = R8..R15
/** Temporaries of one instruction; dead at instruction boundaries. T0..T23. */
export const T0 = 16;
export const TEMPS = 24;
/** Always 0. */
export const ZERO = 40;
/** RIP of the current block's first instruction while a block runs; the next instruction's at every exit. */
export const RIP = 41;
/** Lazy arithmetic flags, see machine/flags in contracts: operation (CC_*), operands. */
export const CC_OP = 42;
export const CC_A = 43;
export const CC_B = 44;
/** RFLAGS without OSZAPC: TF 8, IF 9, DF 10, IOPL 12-13, NT 14, RF 16, VM 17, AC 18, VIF 19, VIP 20, ID 21 (bit 1 not stored). */
export const EFLAGS_SYS = 45;
/** Segment bases, order ES CS SS DS FS GS. */
export const SEG_BASE = 46;
/** Segment selectors (6), limits in bytes with granularity applied (6), attributes (6: Xen/VMX style: type 0-3, S 4, DPL 5-6, P 7, AVL 8, L 9, D/B 10, G 11, unusable 16). */
export const SEG_SEL = 52;
export const SEG_LIMIT = 58;
export const SEG_ATTR = 64;
export const LDTR_SEL = 70;
export const LDTR_BASE = 71;
export const LDTR_LIMIT = 72;
export const LDTR_ATTR = 73;
export const TR_SEL = 74;
export const TR_BASE = 75;
export const TR_LIMIT = 76;
export const TR_ATTR = 77;
export const GDTR_BASE = 78;
export const GDTR_LIMIT = 79;
export const IDTR_BASE = 80;
export const IDTR_LIMIT = 81;
export const CR0 = 82;
export const CR2 = 83;
export const CR3 = 84;
export const CR4 = 85;
export const CR8 = 86;
export const EFER = 87;
export const XCR0 = 88;
export const DR0 = 89; // DR0..DR3 = 89..92
export const DR6 = 93;
export const DR7 = 94;
export const STAR = 95;
export const LSTAR = 96;
export const CSTAR = 97;
export const SFMASK = 98;
export const KERNEL_GS_BASE = 99;
export const SYSENTER_CS = 100;
export const SYSENTER_ESP = 101;
export const SYSENTER_EIP = 102;
export const TSC_AUX = 103;
/** Current privilege level 0..3. */
export const CPL = 104;
/** Mode word: part of every translation's key (MODE_*). Kept up to date by the core's updateMode(). */
export const MODE = 105;
/** Address-space number and view that the running code's accesses have (low 12 bits of TLB tags). */
export const ASID = 106;
/** x87: control, status (TOP inside, as in FSTSW), abridged tag (bit i = physical register i used), opcode, IP, DP. */
export const FCW = 107;
export const FSW = 108;
export const FTW = 109;
export const FOP = 110;
export const FIP = 111;
export const FDP = 112;
export const MXCSR = 113;
/** Engine bookkeeping. BUDGET: instructions (signed) that may still be retired before run() returns. */
export const BUDGET = 120;
/** Instructions retired since the vCPU was made: RETIRED_BASE - BUDGET (so that only BUDGET changes while running). */
export const RETIRED_BASE = 121;
/** Header address of the block being executed; address of the micro-op that may fault (bytecode target). */
export const CUR_BLOCK = 122;
export const CUR_UOP = 123;
/** Pending exception (set by raise): vector | 0x100 if it has an error code | 0x200 software (INT n/INT3/INTO) | 0x1000 pending; its error code; */
export const EXC = 124;
export const EXC_ERROR = 125;
/** Exit data for the hypervisor: reason-specific (see EXIT_*). */
export const EXIT_REASON = 126;
export const EXIT_A = 127;
export const EXIT_B = 128;
export const EXIT_C = 129;
/** Length of the instruction that caused an exit (RIP still points at it). */
export const EXIT_LEN = 130;
/** WINDOW_* bits: the hypervisor wants an exit (EXIT_WINDOW) as soon as an interrupt (IF=1, no shadow) or an NMI (not blocked, no shadow) can be taken. */
export const WANT_WINDOW = 131;
export const WINDOW_INTERRUPT = 1;
export const WINDOW_NMI = 2;
/** Interrupt shadow: 1 = the next instruction runs without taking interrupts (after STI, MOV SS, POP SS). */
export const SHADOW = 132;
/** TSC = (TSC_MODE == 0) ? retired instructions * TSC_MUL + TSC_OFFSET : host clock from env.host_tsc() + TSC_OFFSET. */
export const TSC_MODE = 133;
export const TSC_OFFSET = 134;
export const TSC_MUL = 135;
/** Address of the p2m root in state. */
export const P2M_ROOT = 136;
/** Address of the pCPU area whose TLB this vCPU uses now. */
export const PCPU = 137;
/** Index of the vCPU among all contexts (ctx - VCPU_BASE) / VCPU_STRIDE. */
export const VCPU_INDEX = 138;
/** IA32_PAT, IA32_APIC_BASE etc. live with the hypervisor; nothing else here. */
/** 1 while an exception or interrupt is being delivered (double-fault logic): vector | 0x1000. */
export const DELIVERING = 139;
/** 1 when the current bytes being executed must be retranslated as a single instruction (self-modified block). */
export const ONE_INSN = 140;
/** General scratch for helpers: 8 slots. */
export const SCRATCH = 141;
/** What the CPU model decides about system instructions: CPU_* bits (0 = AMD), and the CR4 / EFER bits the guest may set (0 = all that are implemented). */
export const CPU_FLAGS = 160;
export const CR4_VALID = 161;
export const EFER_VALID = 162;
/** MISC_FEATURES_ENABLES: bit 0 CPUID faulting. */
export const MISC_FEATURES = 165;
/** State of the generator behind RDRAND and RDSEED: any value is a seed. */
export const RANDOM = 163;
/** 1 = an NMI was delivered and no IRET has come since: others wait. @see Intel SDM 3A 6.7.1 */
export const NMI_BLOCKED = 166;
/** Instructions retired when the last event was delivered. */
export const LAST_EVENT = 170;
/**
 * A budget that is a guess of how far the vCPU comes in host time: it gets more of it until the host's clock (env.host_tsc) says this; 0: it is exact.
 * HOST_SINCE, HOST_GRANT: clock when the budget was given, and how much. HOST_BELL: address of a word of `state` in the low half, its value in the
 * high half; with another value there, the budget ends as well.
 */
export const HOST_DEADLINE = 171;
export const HOST_SINCE = 172;
export const HOST_GRANT = 173;
export const HOST_BELL = 174;
/**
 * A hypercall that would do nothing, and answer 0, for as long as bits stand in a word: the core answers it without leaving run(). QUIET_AT: offset of the word in
 * `frames` in the low half, bits in the high half (0: there is no such call). QUIET_CALL: the low halves of RAX and RDI. QUIET_WORD: the 32-bit word at [RSI], and EXIT_A.
 * QUIET_COUNT: how often it did so. Of 64-bit code at CPL 0.
 */
export const QUIET_AT = 175;
export const QUIET_CALL = 176;
export const QUIET_WORD = 177;
export const QUIET_COUNT = 178;
/**
 * A hypercall that only says when the vCPU's own timer is due, which nobody asks before the budget ends: the core answers it without leaving run(). TIMER_AT: address of that
 * instant in `state` in the low half (0: there is no such call), what RSI has (the vCPU's number) in the high half. TIMER_CALL: as QUIET_CALL. [RDX] holds the instant, in the guest's
 * system time; TIMER_BASE: the host's clock is ahead of it by so much. TIMER_OTHERS: what HOST_DEADLINE is without the timer. TIMER_COUNT: how often it did so. In host time, of 64-bit code at CPL 0.
 */
export const TIMER_AT = 195;
export const TIMER_CALL = 196;
export const TIMER_BASE = 197;
export const TIMER_OTHERS = 198;
export const TIMER_COUNT = 199;
/** Longest part of a budget of host time in ticks of the clock, and its bounds in instructions. How late a bell is heard; a guess of the next part goes by the pace of the last. */
export const HOST_PART = 1_000_000;
export const HOST_GRANT_MIN = 1000;
export const HOST_GRANT_MAX = 4_000_000;
/** CPU_FLAGS: Intel's behaviour where vendors differ (SYSRET, SYSENTER in long mode, ...). */
export const CPU_INTEL = 1;
/** CPU_FLAGS: no device answers IN, so the core does: all ones. */
export const CPU_OPEN_BUS = 2;
/** CPU_FLAGS: no access takes the fast path, and each is told to env.check_access (the paranoid mode). Set before updateMode(). */
export const CPU_PARANOID = 4;
/** CPU_FLAGS: a budget that ends inside a block ends behind it instead. For those who run by a clock of the host, to whom an instruction does not matter. */
export const CPU_WHOLE_BLOCKS = 8;
/** Added to slot ASID in paranoid mode, so that it equals no tag's. */
export const ASID_PARANOID = 0x800;
export const SLOTS = 256;

// ---- vCPU context: the rest --------------------------------------------------------------------------------------------
/** Vector registers: 32 guest registers (ZMM size, 64 bytes each), then 8 vector temporaries VT0..VT7 (numbers 32..39). */
export const VEC = 0x800;
export const VEC_STRIDE = 64;
export const VT0 = 32;
/** x87 physical registers R0..R7, 16 bytes each: u64 significand, u16 sign and exponent at +8. MMX register i = significand of Ri. ST(i) = R[(TOP+i)&7]. */
export const X87 = 0x1200;
export const X87_STRIDE = 16;
/** 2.75 KiB of scratch of the floating-point and vector helpers (softfloat environment, wide results, lanes before commit). Dead between instructions. */
export const FPU_SCRATCH = 0x1400;
/** 4 KiB of scratch memory for a context (FXSAVE images etc.). */
export const CTX_SCRATCH = 0x2000;

// ---- mode word -----------------------------------------------------------------------------------------------------------
export const MODE_CODE16 = 0;
export const MODE_CODE32 = 1;
export const MODE_CODE64 = 2;
/** mode & 3 = code size. */
export const MODE_SIZE_MASK = 3;
/** SS.B: stack pointer is ESP (32-bit); clear: SP. Ignored in 64-bit code. */
export const MODE_STACK32 = 4;
/** ES, CS, SS, DS have base 0 and limit 4 GiB (and are usable, writable data / readable): no checks needed. Always set in 64-bit code. */
export const MODE_FLAT = 8;
export const MODE_USER = 16; // CPL 3
export const MODE_PROTECTED = 32; // CR0.PE
export const MODE_VM86 = 64;
/** CR0.TS or CR0.EM: x87/MMX/SSE instructions trap (#NM or #UD decided by helper raise_fpu). */
export const MODE_FPU_TRAP = 128;
/** CR4.OSFXSR set: SSE instructions allowed. */
export const MODE_SSE = 256;
/** TF set or an execution breakpoint is armed: blocks are one instruction long and end in a debug check. */
export const MODE_STEP = 512;
/** CR4.OSXSAVE and XCR0 allow AVX. */
export const MODE_AVX = 1024;
/** CPL 1 or 2: with MODE_USER clear as well, CPL is 0. */
export const MODE_MIDDLE = 2048;

// ---- lazy flags: values of CC_OP ---------------------------------------------------------------------------------------------
// n = 0,1,2,3 for 8,16,32,64 bits, added to the base value. a and b are CC_A and CC_B, only their low n bits count.
/** CC_A holds OSZAPC as EFLAGS bits (mask 0x8d5). */
export const CC_EFLAGS = 0;
/** r = a + b. */
export const CC_ADD = 4;
/** r = a + b + 1 (ADC with carry in). */
export const CC_ADC1 = 8;
/** r = a - b. */
export const CC_SUB = 12;
/** r = a - b - 1 (SBB with borrow in). */
export const CC_SBB1 = 16;
/** r = a; CF = OF = AF = 0. */
export const CC_LOGIC = 20;
/** r = a; CF = b & 1; OF: r is the most negative number; AF: low nibble of r is 0. */
export const CC_INC = 24;
/** r = a; CF = b & 1; OF: r is the most positive number; AF: low nibble of r is 15. */
export const CC_DEC = 28;
/** r = b; a = x << (count-1), CF = top bit of a; OF = CF ^ top bit of r; AF = 0. */
export const CC_SHL = 32;
/** r = b; a = x >> (count-1), CF = a & 1; OF = top bit of a xor top bit of r (SHR by 1: old top bit; SAR: 0). AF = 0. */
export const CC_SHR = 36;
/** r = a (low half; SZP from it); CF = OF = (b != 0): caller puts "upper half significant" in b. AF = 0. */
export const CC_MUL = 40;

// ---- exit reasons (EXIT_REASON, and what run() returns) ------------------------------------------------------------------------
/** The instruction budget is used up. */
export const EXIT_BUDGET = 1;
/** HLT executed: RIP points behind it. */
export const EXIT_HLT = 2;
/** VMCALL (EXIT_A=0) or VMMCALL (EXIT_A=1): RIP at the instruction, EXIT_LEN its length; hypervisor advances RIP. */
export const EXIT_HYPERCALL = 3;
/** IN (without CPU_OPEN_BUS), OUT: EXIT_A = port, EXIT_B = size in bytes | 0x100 if OUT; value in/out of the accumulator by the hypervisor. RIP at the instruction, EXIT_LEN. */
export const EXIT_IO = 4;
/** INS/OUTS: EXIT_A = port, EXIT_B = size | 0x100 if OUT | 0x200 address size 32 | 0x400 16; one iteration; see machine/strings. */
export const EXIT_IO_STRING = 5;
/** RDMSR (EXIT_A=0) / WRMSR (EXIT_A=1): ECX, EDX:EAX in the registers. RIP at the instruction. */
export const EXIT_MSR = 6;
/** CPUID: RIP at the instruction. */
export const EXIT_CPUID = 7;
/** Access to a gpa that is not RAM (p2m invalid or P2M_TRAP): EXIT_A = gpa, EXIT_B = size | 0x100 if write, EXIT_C = value to write / to be filled in by the hypervisor for reads (then it sets EXIT_B |= 0x1000 'answered' and runs again). RIP at the instruction. */
export const EXIT_MMIO = 8;
/** WANT_WINDOW was set and what it waits for can be taken now. */
export const EXIT_WINDOW = 9;
/** PAUSE in a spin loop (only after many in a row). */
export const EXIT_PAUSE = 10;
/** Triple fault: shutdown. */
export const EXIT_TRIPLE = 11;
/** A table row that is not implemented was met: EXIT_A = row number. RIP at the instruction. */
export const EXIT_UNIMPLEMENTED = 12;
/** Debugger breakpoint (gdb) hit at RIP. */
export const EXIT_BREAKPOINT = 13;
/** MOV CR8 / TPR written (EXIT_A = value), or other event the hypervisor must see (EXIT_A = kind). */
export const EXIT_CR8 = 14;
/** MWAIT/MONITOR/WBINVD/INVD and other rare instructions the hypervisor decides: EXIT_A = row number. */
export const EXIT_OTHER = 15;
/** XSETBV: ECX, EDX:EAX; RIP at the instruction. */
export const EXIT_XSETBV = 16;

// ---- block header (in the code arena), followed by micro-ops -----------------------------------------------------------------------
/** u32 frames offset of the block's first byte */
export const BLK_PHYS = 0;
/** u32 mode word */
export const BLK_MODE = 4;
/** u32 next block in the hash chain */
export const BLK_NEXT = 8;
/** u32 next block of the same frame */
export const BLK_FRAME_NEXT = 12;
/** u16 guest bytes, u16 guest instructions */
export const BLK_BYTES = 16;
export const BLK_INSNS = 18;
/** u32 frames offset of the second page's first byte when the (single) instruction crosses a page, else 0xffffffff */
export const BLK_PHYS2 = 20;
/** u32 execution counter (for promotion to the wasm target); u32 flags (BLKF_*) */
export const BLK_COUNT = 24;
export const BLK_FLAGS = 28;
/** u32 index+1 of a wasm region function in the table, and from bit REGION_NODE_SHIFT the block's number in the region, 0 = none; u32 number of micro-ops (at most); u32 next block of frame 2; u32 address of the last micro-op (the core's) */
export const BLK_REGION = 32;
export const BLK_UOPS = 36;
export const BLK_FRAME2_NEXT = 40;
export const BLK_LAST = 44;
export const BLK_HEADER = 48;

// ---- translations of earlier runs (assembly/stored.ts) ----------------------------------------------------------------
/** A hash table of u32 record numbers + 1 comes first, then lists of one u32 for each record, in this order, then their guest bytes. */
export const STORED_HASH_BITS = 17;
export const STORED_LIST = 0x80000;
/** Mode word; page offset, bytes of the block (from bit 12) and instructions (from bit 20); size, see below; hash of the first bytes. */
export const STORED_MODE = 0;
export const STORED_PLACE = 1;
export const STORED_SIZE = 2;
export const STORED_HASH = 3;
/** Next record (+ 1) with that hash; first record of its page; bytes from the first record's header, and from the first guest bytes. */
export const STORED_CHAIN = 4;
export const STORED_PAGE = 5;
export const STORED_CODE_AT = 6;
export const STORED_BYTES_AT = 7;
/** What comes behind the lists. */
export const STORED_BYTES = 8;
/** Of the size: micro-ops; first of its page; its page has regions (noted with the first); found or made since the start. Above that lies the age. */
export const STORED_UOPS = 0x1fff;
export const STORED_FIRST = 0x2000;
export const STORED_REGIONS = 0x4000;
export const STORED_TOUCHED = 0x8000;
/** Behind this the rest of the page may have shaped a block: it belongs to the guest bytes that are kept and compared. */
export const STORED_LAST_BYTE = 4080;
/** Guest bytes that are kept and compared of an instruction that crosses its page's end: as many as one can have. */
export const STORED_CROSSING = 15;
/**
 * Begin of the arena: u32 blocks in it; and for the core, which takes what is stored without asking the host: where the lists and the code are, how many records
 * (0: it is to ask), executions before a block is offered for promotion, and how many blocks it took.
 */
export const ARENA_BLOCKS = CODE_ARENA + 4;
export const TAKE_BASE = CODE_ARENA + 16;
export const TAKE_COUNT = CODE_ARENA + 20;
export const TAKE_PLACES = CODE_ARENA + 24;
export const TAKE_RUNS = CODE_ARENA + 28;
export const TAKE_TAKEN = CODE_ARENA + 32;
/** Dropped (self-modified); its first micro-op is DEAD. */
export const BLKF_DEAD = 1;

// ---- micro-op: 16 bytes -------------------------------------------------------------------------------------------------------------
// u16 op; u8 d; u8 a; u8 b; u8 c; u8 ipos (byte offset of the instruction in the block); u8 idx (index of the instruction in the block); i64 imm
export const UOP_SIZE = 16;
export const UOP_D = 2;
export const UOP_A = 3;
export const UOP_B = 4;
export const UOP_C = 5;
export const UOP_IPOS = 6;
export const UOP_IDX = 7;
export const UOP_IMM = 8;

// ---- additions of the core ---------------------------------------------------------------------------------------------------------
/** Physical address bits of the guest (CPUID leaf 0x80000008); higher bits in page-table entries are reserved. */
export const PHYS_BITS = 40;
/** Index of the hash chain (u32 header addresses at BLOCK_HASH + 4 * index) of a block:
 *  (phys ^ (phys >>> 14) ^ (mode << 7)) & (BLOCK_HASH_ENTRIES - 1). The core's insertBlock() and dropFrame() keep hash, frame lists and code bits. */
export const HASH_PHYS_SHIFT = 14;
export const HASH_MODE_SHIFT = 7;
/** EXC: the pending event is an external interrupt (no error code, EXT set in errors met while delivering it). */
export const EXC_ERROR_CODE = 0x100;
export const EXC_SOFTWARE = 0x200;
export const EXC_EXTERNAL = 0x400;
/** EXC: #DB is a trap (RF is not set in the pushed image). */
export const EXC_TRAP = 0x800;
export const EXC_PENDING = 0x1000;
/** SHADOW: after STI only interrupts wait; after MOV SS and POP SS debug traps wait too. */
export const SHADOW_STI = 1;
export const SHADOW_SS = 2;
/** 1 = RFLAGS.TF was set before the instruction now running: #DB after it. */
export const STEP_PENDING = 149;
/** 1 = run() returns EXIT_REASON at once (an exit raised in the middle of an instruction, after unwind). */
export const EXIT_PENDING = 150;
/** Digest of the control bits the soft TLB depends on; updateMode() flushes when it changes. */
export const PAGING_KEY = 151;
/** DR6 bits of data breakpoints met by the instruction now running. */
export const DEBUG_PENDING = 152;
/** Answered MMIO accesses of the instruction now running (see memory/mmio.ts): count, next to replay, retired instructions when made. */
export const MMIO_COUNT = 153;
export const MMIO_NEXT = 154;
export const MMIO_KEY = 155;
/** Results of a page walk: guest-physical address, rights (memory/walk.ts). */
export const WALK_GPA = 156;
export const WALK_RIGHTS = 157;
/** 1 = the block now running must return to the full lookup at its end (single instruction, stepping). */
export const SLOW_NEXT = 158;
/** Log of answered MMIO accesses: entries of 24 bytes (gpa, size | 0x100 if write, value). */
export const MMIO_LOG = 0x2e00;
export const MMIO_LOG_ENTRIES = 21;
/** Offsets from PCPU_SCRATCH: u32 number of listed TLB entries, their u16 indices (counted through all soft TLBs); bitmaps of regions seen with 2/4 MiB and 1 GiB pages. */
export const TLB_LIST_COUNT = 0;
/** u32: bit n = soft TLB n has had entries since it was last emptied. */
export const TLB_USED = 4;
/** u32 address-space numbers given out in this generation; u64 the generation (upper half: the pCPU's address). */
export const TLB_TAKEN = 8;
export const TLB_GENERATION = 0x10;
export const TLB_LIST = 0x8000;
export const TLB_LARGE_2M = 0x4800;
export const TLB_LARGE_1G = 0x4900;
/** u64 instructions that compiled regions retired on this pCPU; i64 budget with which the region under way was entered; u64 1 = one is. */
export const REGION_RETIRED = 0x4a00;
export const REGION_BUDGET = 0x4a08;
export const REGION_UNDER_WAY = 0x4a10;
/** i64 budget at the last access for which a region was left and gone on with. */
export const REGION_MISSED = 0x4a18;
/** TLB_FLAGS bits. */
export const TLBF_GLOBAL = 1;
export const TLBF_LISTED = 2;
/** The page may be written to: a write tag that is missing is so for the frame's code alone. */
export const TLBF_WRITABLE = 4;
/** Frame of an event being delivered outside long mode: up to 10 u64 values in pushing order. */
export const EVENT_FRAME = 0x2d00;
// ---- additions of the wasm target -----------------------------------------------------------------------------------------------
/** 1 = the vector operation a compiled region asked for was refused: the interpreter has to do the instruction. */
export const REGION_BAIL = 164;
/** A compiled region was left because the soft TLB did not let an access through: its address; 1 = it writes | bytes << MISSED_SIZE_SHIFT, 0 = none. */
export const MISSED = 168;
export const MISSED_ACCESS = 167;
export const MISSED_SIZE_SHIFT = 1;
/** Bits of BLK_REGION below which the function's index is. */
export const REGION_NODE_SHIFT = 24;
/** A block of more instructions than this is offered for promotion earlier: after as many instructions as one of so many. What straight code of hashes takes is in its length. */
export const PROMOTED_LENGTH = 32;
/** Executions after which a block whose region was dropped gets another one. */
export const REGION_RETRY = 20000;
/**
 * Ways that regions took lately, direct mapped: u64 frames offset of a block | its mode << 32; u32 its BLK_REGION; where that is 0, u32 address of its first
 * micro-op, which may have been dropped since. Index: ((RIP ^ (RIP >>> 9)) >>> 3) & (WAYS - 1), so that nobody need
 * wait for the soft TLB to look there, and neighbours share a line of the host's caches.
 */
export const WAY_CACHE = 0x13900000;
export const WAYS = 4096;
export const WAY_STRIDE = 16;
export const WAY_REGION = 8;
export const WAY_BLOCK = 12;
// ---- additions: address spaces in the soft TLB (memory/asid.ts) ----------------------------------------------------------------
/** Address of the soft TLB of the current view. updateMode() sets it, also when slot PCPU has changed. */
export const TLB = 180;
/** Generation that the vCPU's address-space numbers are of; those of its supervisor views, and of the user views of the PCID it runs. */
export const ASID_GENERATION = 181;
export const ASID_SUPERVISOR = 182;
export const ASID_USER = 183;
/** Next entry of PCID_TABLE to be given up; entries: number << 16 | PCID, 0 = none. */
export const PCID_NEXT = 184;
export const PCID_TABLE = 185;
export const PCID_SPACES = 8;
/** Number of the soft TLB of the user view: one of several, so that a process does not displace what another has at the same addresses. */
export const USER_TLB = 193;
/** 1 = something was entered for a user view, or a PCID chosen, since the user views got the number that they have. */
export const USER_ENTERED = 194;
/** Greatest address-space number. Half of what a tag could hold: the other half is ASID_PARANOID's. */
export const ASID_MOST = 511;
// ---- additions of the soft TLB -----------------------------------------------------------------------------------------------------
/**
 * Two u32 per frame: addresses of the soft-TLB entries that let writes to it through, if any do (a kernel has its pages at two addresses); 0: there never was one;
 * first WRITE_TAGS_MANY: look at all.
 */
export const FRAME_WRITE_TAGS = 0x13c00000;
export const WRITE_TAGS_MANY = 1;
// ---- additions of the interpreter --------------------------------------------------------------------------------------------------
/** In a link word, or the upper half of an indirect jump's immediate: the first micro-op of the block that the branch led to last, if that is in another page. It is compared, not trusted. */
export const LINK_GUESS = 0x80000000;
/**
 * Where calls go on: RETURN_SITES_OF entries for each pCPU, chosen by the return address's place on the stack: u32 low half of the return address, u32 address of
 * the call's second link word, which has the block there as a guess. Rebuilt at will, empty when no block is left.
 */
export const RETURN_SITES = 0x13880000;
export const RETURN_SITES_OF = 64;
export const RETURN_SITES_STRIDE = 0x200;
