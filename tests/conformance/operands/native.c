/*
 * Runs programs of 32- and 64-bit code and gives back what they wrote to memory.
 *
 * stdin: records of three u32 (mode 32 or 64, bytes of code, bytes of results) and the code, which ends behind its last byte.
 * stdout: for each, that many bytes from OUT_AT on.
 *
 * 32-bit code runs in Linux's own 32-bit user segment (selector 23), entered by a far call from a stub in low memory, with a stack in low memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { LOW = 0x10000, STUB = 0x14000, POINTER = 0x14100 };

static void get(void *to, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = read(0, (char *)to + done, size - done);
    if (n <= 0) exit(done == 0 && n == 0 ? 0 : 2);
    done += n;
  }
}

static void put(const void *from, size_t size) {
  for (size_t done = 0; done < size;) {
    ssize_t n = write(1, (const char *)from + done, size - done);
    if (n <= 0) exit(2);
    done += n;
  }
}

static unsigned long saved;

static void call(unsigned long target) {
  __asm__ volatile("push %%rbp\n mov %%rsp, %0\n mov %2, %%rsp\n call *%%rax\n mov %0, %%rsp\n pop %%rbp\n cld\n"
                   : "+m"(saved), "+a"(target)
                   : "i"(STACK_TOP)
                   : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
}

int main(void) {
  int flags = MAP_FIXED_NOREPLACE | MAP_PRIVATE | MAP_ANONYMOUS;
  size_t size = OUT_AT + OUT_SIZE - LOW;
  if (mmap((void *)LOW, size, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0) != (void *)LOW) {
    perror("mmap");
    return 3;
  }
  /* CALL FAR [POINTER]; RET */
  static const unsigned char stub[] = { 0xff, 0x1c, 0x25, POINTER & 0xff, POINTER >> 8 & 0xff, POINTER >> 16, 0, 0xc3 };
  memcpy((void *)STUB, stub, sizeof stub);
  static const struct { unsigned offset; unsigned short selector; } __attribute__((packed)) pointer = { CODE_AT, 0x23 };
  memcpy((void *)POINTER, &pointer, sizeof pointer);
  __asm__ volatile("mov %0, %%ds\n mov %0, %%es" : : "r"(0x2b));
  for (;;) {
    unsigned head[3];
    get(head, sizeof head);
    unsigned char *code = (unsigned char *)CODE_AT;
    if (head[1] >= CODE_SIZE || head[2] > OUT_SIZE) return 4;
    get(code, head[1]);
    code[head[1]] = head[0] == 32 ? 0xcb : 0xc3;
    call(head[0] == 32 ? STUB : CODE_AT);
    put((void *)OUT_AT, head[2]);
  }
}
