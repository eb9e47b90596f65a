/* Compute kernels of the benchmark: plain C, no pattern made for any engine. Each returns a checksum. The same file is
 * built for a bare 64-bit PVH guest, with NATIVE as a program of the host, with -m32 for a 32-bit multiboot guest (v86).
 * ONLY=n leaves out all but kernel n, so that what it took can be counted. */
#include <stdint.h>
#include <stddef.h>

#ifdef NATIVE
#include <stdio.h>
static void put(char c) { putchar(c); if (c == '\n') fflush(stdout); }
#else
#ifdef __x86_64__
static void put(char c) { __asm__ volatile("outb %0, $0xe9" : : "a"(c)); }
#else
static void put(char c) { __asm__ volatile("outb %0, %1" : : "a"(c), "d"((uint16_t)0x3f8)); }
#endif
void *memcpy(void *d, const void *s, size_t n) { char *p = d; const char *q = s; while (n--) *p++ = *q++; return d; }
void *memset(void *d, int c, size_t n) { char *p = d; while (n--) *p++ = (char)c; return d; }
#endif

static void puts_(const char *s) { while (*s) put(*s++); }
static void hex(uint64_t v) { for (int i = 60; i >= 0; i -= 4) put("0123456789abcdef"[(v >> i) & 15]); }

static uint64_t seed;
static uint32_t rnd(void) { seed = seed * 6364136223846793005ull + 1442695040888963407ull; return (uint32_t)(seed >> 33); }

static uint8_t pool[8 << 20] __attribute__((aligned(4096)));

static uint64_t alu(void) {
  uint64_t a = 1, b = 2, c = 3;
  for (uint64_t i = 0; i < 150000000; i++) { a += b ^ i; b = (b << 1) | (b >> 63); c -= a & b; }
  return a ^ b ^ c;
}

static uint64_t crc32(void) {
  uint32_t *table = (uint32_t *)pool;
  for (uint32_t i = 0; i < 256; i++) { uint32_t c = i; for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1; table[i] = c; }
  uint8_t *data = pool + 4096;
  for (int i = 0; i < 1 << 20; i++) data[i] = (uint8_t)(i * 7);
  uint32_t crc = 0xffffffff;
  for (int round = 0; round < 60; round++) for (int i = 0; i < 1 << 20; i++) crc = table[(crc ^ data[i]) & 255] ^ (crc >> 8);
  return crc;
}

static uint64_t sieve(void) {
  uint64_t count = 0;
  for (int round = 0; round < 12; round++) {
    for (int i = 0; i < 4 << 20; i++) pool[i] = 1;
    for (uint32_t i = 2; i * i < 4 << 20; i++) if (pool[i]) for (uint32_t j = i * i; j < 4 << 20; j += i) pool[j] = 0;
    for (int i = 2; i < 4 << 20; i++) count += pool[i];
  }
  return count;
}

static uint64_t chase(void) {
  uint32_t *next = (uint32_t *)pool;
  const uint32_t n = 1 << 20;
  for (uint32_t i = 0; i < n; i++) next[i] = i;
  for (uint32_t i = n - 1; i > 0; i--) { uint32_t j = rnd() % i, t = next[i]; next[i] = next[j]; next[j] = t; }
  uint32_t at = 0;
  for (uint32_t i = 0; i < 20000000; i++) at = next[at];
  return at;
}

static void quick(int32_t *a, int lo, int hi) {
  while (lo < hi) {
    int32_t p = a[(lo + hi) / 2];
    int i = lo, j = hi;
    while (i <= j) { while (a[i] < p) i++; while (a[j] > p) j--; if (i <= j) { int32_t t = a[i]; a[i] = a[j]; a[j] = t; i++; j--; } }
    if (j - lo < hi - i) { quick(a, lo, j); lo = i; } else { quick(a, i, hi); hi = j; }
  }
}
static uint64_t quicksort(void) {
  int32_t *a = (int32_t *)pool;
  uint64_t sum = 0;
  for (int round = 0; round < 6; round++) {
    for (int i = 0; i < 1000000; i++) a[i] = (int32_t)rnd();
    quick(a, 0, 999999);
    for (int i = 0; i < 1000000; i += 997) sum = sum * 31 + (uint32_t)a[i];
  }
  return sum;
}

static uint64_t matrix(void) {
  enum { N = 160 };
  double (*a)[N] = (void *)pool, (*b)[N] = (void *)(pool + (1 << 20)), (*c)[N] = (void *)(pool + (2 << 20));
  for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) { a[i][j] = 1.0 / (i + j + 1); b[i][j] = i * 0.25 - j; }
  double sum = 0;
  for (int round = 0; round < 8; round++) {
    for (int i = 0; i < N; i++) for (int j = 0; j < N; j++) { double s = 0; for (int k = 0; k < N; k++) s += a[i][k] * b[k][j]; c[i][j] = s; }
    for (int i = 0; i < N; i++) sum += c[i][(i * 7 + round) % N];
  }
  union { double d; uint64_t u; } x = { sum };
  return x.u;
}

static uint32_t __attribute__((noinline)) fib(uint32_t n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
static uint64_t calls(void) { return fib(36); }

static uint64_t copy(void) {
  uint64_t sum = 0;
  for (int round = 0; round < 20; round++) {
    void *to = pool + (4 << 20), *from = pool + round;
    size_t count = 2 << 20;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
    sum += pool[(4 << 20) + round * 5];
  }
  uint64_t *d = (uint64_t *)pool, *s = (uint64_t *)(pool + (4 << 20));
  for (int round = 0; round < 60; round++) for (int i = 0; i < 1 << 18; i++) d[i] = s[i] + (uint64_t)round;
  return sum + d[12345];
}

static uint64_t strings(void) {
  char *text = (char *)pool;
  uint64_t found = 0;
  for (int i = 0; i < 1 << 20; i++) text[i] = (char)('a' + rnd() % 26);
  for (int round = 0; round < 25; round++) {
    const char word[4] = { (char)('a' + round), 'q', 'u', 0 };
    for (int i = 0; i < (1 << 20) - 3; i++) { int k = 0; while (word[k] && text[i + k] == word[k]) k++; if (!word[k]) found += (uint64_t)i; }
  }
  return found;
}

#define ROTR(x, n) (((x) >> (n)) | ((x) << (32 - (n))))
static const uint32_t K[64] = {
  0x428a2f98,0x71374491,0xb5c0fbcf,0xe9b5dba5,0x3956c25b,0x59f111f1,0x923f82a4,0xab1c5ed5,0xd807aa98,0x12835b01,0x243185be,0x550c7dc3,0x72be5d74,0x80deb1fe,0x9bdc06a7,0xc19bf174,
  0xe49b69c1,0xefbe4786,0x0fc19dc6,0x240ca1cc,0x2de92c6f,0x4a7484aa,0x5cb0a9dc,0x76f988da,0x983e5152,0xa831c66d,0xb00327c8,0xbf597fc7,0xc6e00bf3,0xd5a79147,0x06ca6351,0x14292967,
  0x27b70a85,0x2e1b2138,0x4d2c6dfc,0x53380d13,0x650a7354,0x766a0abb,0x81c2c92e,0x92722c85,0xa2bfe8a1,0xa81a664b,0xc24b8b70,0xc76c51a3,0xd192e819,0xd6990624,0xf40e3585,0x106aa070,
  0x19a4c116,0x1e376c08,0x2748774c,0x34b0bcb5,0x391c0cb3,0x4ed8aa4a,0x5b9cca4f,0x682e6ff3,0x748f82ee,0x78a5636f,0x84c87814,0x8cc70208,0x90befffa,0xa4506ceb,0xbef9a3f7,0xc67178f2 };
static uint64_t sha256(void) {
  uint32_t h[8] = { 0x6a09e667,0xbb67ae85,0x3c6ef372,0xa54ff53a,0x510e527f,0x9b05688c,0x1f83d9ab,0x5be0cd19 };
  for (int i = 0; i < 1 << 20; i++) pool[i] = (uint8_t)i;
  for (int round = 0; round < 12; round++) for (int at = 0; at < 1 << 20; at += 64) {
    uint32_t w[64], v[8];
    for (int i = 0; i < 16; i++) w[i] = (uint32_t)pool[at + i * 4] << 24 | pool[at + i * 4 + 1] << 16 | pool[at + i * 4 + 2] << 8 | pool[at + i * 4 + 3];
    for (int i = 16; i < 64; i++) w[i] = w[i - 16] + (ROTR(w[i - 15], 7) ^ ROTR(w[i - 15], 18) ^ (w[i - 15] >> 3)) + w[i - 7] + (ROTR(w[i - 2], 17) ^ ROTR(w[i - 2], 19) ^ (w[i - 2] >> 10));
    for (int i = 0; i < 8; i++) v[i] = h[i];
    for (int i = 0; i < 64; i++) {
      uint32_t t1 = v[7] + (ROTR(v[4], 6) ^ ROTR(v[4], 11) ^ ROTR(v[4], 25)) + ((v[4] & v[5]) ^ (~v[4] & v[6])) + K[i] + w[i];
      uint32_t t2 = (ROTR(v[0], 2) ^ ROTR(v[0], 13) ^ ROTR(v[0], 22)) + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
      for (int k = 7; k > 0; k--) v[k] = v[k - 1];
      v[4] += t1; v[0] = t1 + t2;
    }
    for (int i = 0; i < 8; i++) h[i] += v[i];
  }
  return (uint64_t)h[0] << 32 | h[7];
}

static uint64_t interpreter(void) {
  static const uint8_t code[] = { 0, 3, 1, 5, 2, 4, 1, 7, 3, 2, 5, 1, 4, 0, 2, 6 };
  uint64_t a = 1, b = 0, n = 0;
  for (uint32_t pc = 0; n < 40000000; n++) {
    switch (code[pc & 15]) {
      case 0: a += n; break;
      case 1: b ^= a; break;
      case 2: a = a * 3 + 1; break;
      case 3: b += a >> 7; break;
      case 4: a ^= b << 3; break;
      case 5: if (a & 1) pc += 2; break;
      case 6: b = ~b; break;
      default: a -= b; break;
    }
    pc++;
  }
  return a ^ b;
}

#ifdef __x86_64__
typedef uint32_t eight __attribute__((vector_size(32)));
__attribute__((target("avx2"))) static uint64_t avx2(void) {
  eight *p = (eight *)pool, a = { 1, 2, 3, 4, 5, 6, 7, 8 }, b = a;
  for (uint32_t i = 0; i < 16384; i++) p[i] = a * i;
  for (int round = 0; round < 400; round++) for (int i = 0; i < 16384; i++) { eight x = p[i]; a = a * 1664525u + x; b ^= (a >> 7) | (x << 3); p[i] = x ^ b; }
  uint64_t sum = 0;
  for (int i = 0; i < 8; i++) sum = sum * 31 + a[i] + b[i];
  return sum;
}
#endif

#if defined __x86_64__ && !defined NATIVE
/* A kernel of our own with a program in ring 3: start.S has the ways between the rings. */
extern void enter_user(void (*rip)(void), void *stack);
extern char syscall_entry[], fault_entry[];
extern uint64_t pml4[512], gdt[];
static uint8_t user_stack[16384] __attribute__((aligned(16))), kernel_stack[16384] __attribute__((aligned(16)));
static struct { uint32_t reserved; uint64_t rsp0; uint8_t rest[92]; } __attribute__((packed)) tss;
static struct { uint64_t low, high; } idt[32];
static uint64_t calls_made, faults;

static void wrmsr(uint32_t msr, uint64_t v) { __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)v), "d"((uint32_t)(v >> 32))); }

static void rings(void) {
  uint64_t t = (uint64_t)&tss, f = (uint64_t)fault_entry;
  struct { uint16_t limit; uint64_t base; } __attribute__((packed)) table = { sizeof idt - 1, (uint64_t)idt };
  tss.rsp0 = (uint64_t)(kernel_stack + sizeof kernel_stack);
  gdt[5] = 0x0000890000000067 | (t & 0xffffff) << 16 | (t >> 24 & 0xff) << 56;
  gdt[6] = t >> 32;
  idt[14].low = (f & 0xffff) | 8 << 16 | 0x8e00ull << 32 | (f >> 16 & 0xffff) << 48;
  idt[14].high = f >> 32;
  __asm__ volatile("lidt %0; ltr %w1" : : "m"(table), "r"(0x28));
  wrmsr(0xc0000080, 0x101);              /* EFER: LME, SCE */
  wrmsr(0xc0000081, 0x0013000800000000); /* STAR; AMD takes the privilege of SS from it */
  wrmsr(0xc0000082, (uint64_t)syscall_entry);
  wrmsr(0xc0000084, 0x700);              /* SFMASK: TF, IF, DF */
}

uint64_t on_syscall(uint64_t argument) { calls_made++; return argument * 3 + calls_made; }

static uint64_t to_kernel(uint64_t number, uint64_t argument) {
  __asm__ volatile("syscall" : "+a"(number) : "D"(argument) : "rcx", "r11", "rsi", "rdx", "r8", "r9", "r10", "memory");
  return number;
}

static volatile uint64_t result;
static void syscall_program(void) {
  uint64_t v = 1;
  for (int i = 0; i < 3000000; i++) v = to_kernel(1, v) ^ (uint64_t)i;
  result = v;
  to_kernel(0, 0);
}
static uint64_t syscalls(void) { calls_made = 0; enter_user(syscall_program, user_stack + sizeof user_stack - 8); return result + calls_made; }

/* Two pages take turns in being mapped: each access to the other one is a fault. */
static uint64_t window_pdpt[512] __attribute__((aligned(4096))), window_pd[512] __attribute__((aligned(4096))), window_pt[512] __attribute__((aligned(4096)));
#define WINDOW 0x8000000000ull
void on_fault(uint64_t address) {
  uint64_t page = (address - WINDOW) >> 12;
  faults++;
  window_pt[page ^ 1] = 0;
  __asm__ volatile("invlpg (%0)" : : "r"(address ^ 0x1000) : "memory");
  window_pt[page] = (uint64_t)(pool + (page << 12)) | 7;
}
static void fault_program(void) {
  volatile uint64_t *window = (uint64_t *)WINDOW;
  for (int i = 0; i < 1000000; i++) window[(i & 1) * 512 + (i >> 1 & 511)] += (uint64_t)i;
  to_kernel(0, 0);
}
static uint64_t page_faults(void) {
  uint64_t *p = (uint64_t *)pool, sum = 0;
  for (int i = 0; i < 1024; i++) p[i] = 0;
  pml4[1] = (uint64_t)window_pdpt | 7; window_pdpt[0] = (uint64_t)window_pd | 7; window_pd[0] = (uint64_t)window_pt | 7;
  faults = 0;
  enter_user(fault_program, user_stack + sizeof user_stack - 8);
  for (int i = 0; i < 1024; i++) sum = sum * 31 + p[i];
  return sum + faults;
}

/* Switches AVX on where there is AVX2. */
static int has_avx2(void) {
  uint32_t a = 1, b, c = 0, d;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  if ((c & 0x14000000) != 0x14000000) return 0;
  a = 7; c = 0;
  __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
  if (!(b & 32)) return 0;
  uint64_t cr4;
  __asm__ volatile("mov %%cr4, %0; or $0x40000, %0; mov %0, %%cr4; xgetbv; or $7, %%eax; xsetbv" : "=&r"(cr4) : "c"(0) : "eax", "edx");
  return 1;
}
#elif defined __x86_64__
static int has_avx2(void) { return __builtin_cpu_supports("avx2"); }
#endif

static const struct { const char *name; uint64_t (*run)(void); } kernels[] = {
  { "integer ALU", alu }, { "CRC-32", crc32 }, { "sieve", sieve }, { "list chase", chase }, { "quicksort", quicksort }, { "double matrix", matrix },
  { "recursive calls", calls }, { "memory copy", copy }, { "string search", strings }, { "SHA-256", sha256 }, { "bytecode interpreter", interpreter },
#ifdef __x86_64__
  { "AVX2 loop", avx2 },
#endif
#if defined __x86_64__ && !defined NATIVE
  { "syscall ping-pong", syscalls }, { "page-fault ping-pong", page_faults },
#endif
};

static void run_all(void) {
  for (unsigned i = 0; i < sizeof kernels / sizeof *kernels; i++) {
#ifdef ONLY
    if (i != ONLY) continue;
#endif
#ifdef __x86_64__
    if (kernels[i].run == avx2 && !has_avx2()) continue;
#endif
    puts_("begin "); puts_(kernels[i].name); put('\n');
    seed = 42;
    uint64_t sum = kernels[i].run();
    puts_("end "); hex(sum); put('\n');
  }
  puts_("done\n");
}

#ifdef NATIVE
int main(void) { run_all(); return 0; }
#else
void kmain(void) {
#ifdef __x86_64__
  rings();
#endif
  run_all();
}
#endif
