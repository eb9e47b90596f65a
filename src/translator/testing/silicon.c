/*
 * How long is an instruction, and is it one at all? Asks the processor itself, from user space, in 16-, 32- and 64-bit code.
 *
 * usage: silicon 0|1|2 < cases > answers        (16-, 32-, 64-bit code)
 * A case is 16 bytes, of which 15 are tried, and the 16th is the length one expects, 0: none; an answer is 2 bytes: the length, and what happened
 * (0 ran, 4 #UD, 11 page fault, 111 another fault, 255 the traced child ended or came to no end).
 *
 * The bytes are put at the very end of an executable page that is followed by one without access: first one byte of them, then two, and so on.
 * While the instruction is longer, fetching it faults at the page's end; the first time it does not, its length is known. With an expected length
 * the tries begin one byte before it, and from the first byte only if that was enough already. A traced child runs
 * each try as a single step with all registers zero, so that nothing it does can matter.
 */
#define _GNU_SOURCE
#include <asm/ldt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGE = 0x10000000, SIZE = 4096, GUARD = 64 * 1024, LONGEST = 15, PATIENCE = 5 };
enum { CODE16 = 0, CODE32 = 1 };

static struct user_regs_struct at_start;
static struct user_fpregs_struct fpu_at_start;

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static pid_t start_child(void) {
  pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    int flags = MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS;
    if (mmap((void *)PAGE, SIZE, PROT_READ | PROT_WRITE | PROT_EXEC, flags, -1, 0) == MAP_FAILED) _exit(3);
    if (mmap((void *)(PAGE + SIZE), GUARD, PROT_NONE, flags, -1, 0) == MAP_FAILED) _exit(3);
    struct user_desc code16 = { .base_addr = PAGE, .limit = 0xffff, .contents = 2, .useable = 1 };
    if (syscall(SYS_modify_ldt, 1, &code16, sizeof code16) != 0) _exit(4);
    if (ptrace(PTRACE_TRACEME, 0, 0, 0) != 0) _exit(5);
    raise(SIGSTOP);
    _exit(0);
  }
  int status;
  waitpid(child, &status, 0);
  if (!WIFSTOPPED(status)) {
    fprintf(stderr, "silicon: no traced child here (%d: 3 memory, 4 modify_ldt, 5 ptrace)\n", WEXITSTATUS(status));
    exit(3);
  }
  if (ptrace(PTRACE_GETREGS, child, 0, &at_start) != 0) fail("PTRACE_GETREGS");
  ptrace(PTRACE_GETFPREGS, child, 0, &fpu_at_start);
  return child;
}

static void on_alarm(int signal) { (void)signal; }

int main(int argc, char **argv) {
  /* interrupts waitpid() */
  struct sigaction late = { .sa_handler = on_alarm };
  sigaction(SIGALRM, &late, 0);
  int mode = argc > 1 ? atoi(argv[1]) : 2;
  /* both on one processor: they never run at the same time, and going over to another takes longer than the tries */
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(sched_getcpu(), &here);
  sched_setaffinity(0, sizeof here, &here);
  pid_t child = start_child();
  unsigned char bytes[16];
  while (fread(bytes, 1, sizeof bytes, stdin) == sizeof bytes) {
    int length = 0, event = 255;
    int expected = bytes[15], first = expected > 1 && expected <= LONGEST ? expected - 1 : 1;
    for (int n = first; n <= LONGEST; n++) {
      unsigned long start = PAGE + SIZE - n;
      struct iovec from = { bytes, n }, to = { (void *)start, n };
      if (process_vm_writev(child, &from, 1, &to, 1, 0) != n) fail("process_vm_writev");
      struct user_regs_struct regs = at_start;
      regs.rbx = regs.rcx = regs.rdx = regs.rsi = regs.rdi = regs.rbp = regs.rsp = 0;
      regs.r8 = regs.r9 = regs.r10 = regs.r11 = regs.r12 = regs.r13 = regs.r14 = regs.r15 = 0;
      regs.rax = -1; /* no system call has this number */
      regs.orig_rax = -1;
      regs.eflags = 0x202;
      regs.rip = start;
      if (mode == CODE32 || mode == CODE16) {
        regs.cs = mode == CODE32 ? 0x23 : 7;
        regs.ss = regs.ds = regs.es = 0x2b;
        regs.rax = 0xffffffff;
        if (mode == CODE16) regs.rip -= PAGE;
      }
      if (ptrace(PTRACE_SETREGS, child, 0, &regs) != 0) fail("PTRACE_SETREGS");
      ptrace(PTRACE_SETFPREGS, child, 0, &fpu_at_start);
      if (ptrace(PTRACE_SINGLESTEP, child, 0, 0) != 0) fail("PTRACE_SINGLESTEP");
      int status;
      alarm(PATIENCE);
      if (waitpid(child, &status, 0) < 0) {
        /* far calls between code sizes have been seen to fault for ever in the host's kernel */
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
      }
      alarm(0);
      length = n;
      if (!WIFSTOPPED(status)) {
        child = start_child();
        break;
      }
      siginfo_t info;
      struct user_regs_struct after;
      ptrace(PTRACE_GETSIGINFO, child, 0, &info);
      ptrace(PTRACE_GETREGS, child, 0, &after);
      int signal = WSTOPSIG(status), moved = after.rip != regs.rip;
      if (signal == SIGSEGV && !moved && info.si_code != SI_KERNEL && (unsigned long)info.si_addr == PAGE + SIZE && n < LONGEST) continue;
      if (n == first && n > 1) {
        first = 1;
        n = 0;
        continue;
      }
      event = moved ? 0 : signal == SIGSEGV && info.si_code == SI_KERNEL ? 111 : signal;
      break;
    }
    putchar(length);
    putchar(event);
  }
  fflush(stdout);
  kill(child, SIGKILL);
  return 0;
}
