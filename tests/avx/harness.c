/*
 * Runs single instructions on 256-bit vectors and general registers on this processor. Reads records from standard input, writes
 * each back with the state after the instruction. The layout of a record is known to native.ts too.
 */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

struct record {
	uint8_t code[16];   /* the instruction, may use RBX as address of `memory`; RDI too */
	uint32_t mxcsr;
	uint32_t length;    /* of the code */
	uint32_t fault;     /* out: signal number */
	uint32_t padding;
	uint64_t gpr[3];    /* RAX, RCX, RDX */
	uint64_t flags;
	uint8_t ymm[4][32]; /* YMM0..3 */
	uint8_t memory[256];
};

static sigjmp_buf back;
static uint32_t fault_mxcsr;
static uint8_t *page;

static void on_signal(int number, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	(void)info;
	fault_mxcsr = u->uc_mcontext.fpregs ? u->uc_mcontext.fpregs->mxcsr : 0;
	siglongjmp(back, number);
}

static void run(struct record *r)
{
	asm volatile(
		"subq $256, %%rsp\n"
		"pushq %%rbp\n"
		"pushq %[r]\n"
		"ldmxcsr 16(%[r])\n"
		"vmovups 64(%[r]), %%ymm0\n"
		"vmovups 96(%[r]), %%ymm1\n"
		"vmovups 128(%[r]), %%ymm2\n"
		"vmovups 160(%[r]), %%ymm3\n"
		"pushq 56(%[r])\n"
		"leaq 192(%[r]), %%rbx\n"
		"movq %%rbx, %%rdi\n"
		"movq 32(%[r]), %%rax\n"
		"movq 40(%[r]), %%rcx\n"
		"movq 48(%[r]), %%rdx\n"
		"popfq\n"
		"call *%[page]\n"
		"pushfq\n"
		"popq %%rsi\n"
		"popq %%rbx\n"
		"popq %%rbp\n"
		"addq $256, %%rsp\n"
		"stmxcsr 16(%%rbx)\n"
		"vmovups %%ymm0, 64(%%rbx)\n"
		"vmovups %%ymm1, 96(%%rbx)\n"
		"vmovups %%ymm2, 128(%%rbx)\n"
		"vmovups %%ymm3, 160(%%rbx)\n"
		"movq %%rax, 32(%%rbx)\n"
		"movq %%rcx, 40(%%rbx)\n"
		"movq %%rdx, 48(%%rbx)\n"
		"movq %%rsi, 56(%%rbx)\n"
		"vzeroupper\n"
		:
		: [r] "r"(r), [page] "r"(page)
		: "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
		  "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc");
}

int main(void)
{
	static uint32_t plain = 0x1f80;
	static struct record r __attribute__((aligned(64)));
	struct sigaction action = { .sa_flags = SA_SIGINFO | SA_NODEFER };
	action.sa_sigaction = on_signal;
	sigaction(SIGFPE, &action, 0);
	sigaction(SIGILL, &action, 0);
	sigaction(SIGSEGV, &action, 0);
	page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		return 1;
	while (fread(&r, sizeof r, 1, stdin) == 1) {
		int number;
		memcpy(page, r.code, 15);
		page[r.length] = 0xc3;
		number = sigsetjmp(back, 1);
		if (number == 0)
			run(&r);
		else
			r.mxcsr = fault_mxcsr;
		r.fault = number;
		asm volatile("ldmxcsr %0" : : "m"(plain));
		fwrite(&r, sizeof r, 1, stdout);
	}
	return 0;
}
