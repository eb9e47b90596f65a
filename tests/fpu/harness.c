/*
 * Runs single x87, MMX and SSE instructions on this processor. Reads records from standard input, writes each back with the
 * state after the instruction. The layout of a record is known to native.ts too.
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

#ifndef MEMORY
#define MEMORY 64
#endif

struct record {
	uint8_t code[16];   /* the instruction, may use RBX as address of `memory`; RDI too */
	uint8_t xmm[4][16]; /* XMM0..3 */
	uint8_t x87[108];   /* FNSAVE image, 32-bit protected format */
	uint32_t mxcsr;
	uint64_t gpr[3];    /* RAX, RCX, RDX */
	uint64_t flags;
	uint32_t length;    /* of the code */
	uint32_t fault;     /* out: signal number */
	uint8_t padding[24];
	uint8_t memory[MEMORY];
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
		"frstor 80(%[r])\n"
		"ldmxcsr 188(%[r])\n"
		"movups 16(%[r]), %%xmm0\n"
		"movups 32(%[r]), %%xmm1\n"
		"movups 48(%[r]), %%xmm2\n"
		"movups 64(%[r]), %%xmm3\n"
		"pushq 216(%[r])\n"
		"leaq 256(%[r]), %%rbx\n"
		"movq %%rbx, %%rdi\n"
		"movq 192(%[r]), %%rax\n"
		"movq 200(%[r]), %%rcx\n"
		"movq 208(%[r]), %%rdx\n"
		"popfq\n"
		"call *%[page]\n"
		"pushfq\n"
		"popq %%rsi\n"
		"popq %%rbx\n"
		"popq %%rbp\n"
		"addq $256, %%rsp\n"
		"fnsave 80(%%rbx)\n"
		"stmxcsr 188(%%rbx)\n"
		"movups %%xmm0, 16(%%rbx)\n"
		"movups %%xmm1, 32(%%rbx)\n"
		"movups %%xmm2, 48(%%rbx)\n"
		"movups %%xmm3, 64(%%rbx)\n"
		"movq %%rax, 192(%%rbx)\n"
		"movq %%rcx, 200(%%rbx)\n"
		"movq %%rdx, 208(%%rbx)\n"
		"movq %%rsi, 216(%%rbx)\n"
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
		else {
			r.mxcsr = fault_mxcsr;
		}
		r.fault = number;
		asm volatile("fninit\nldmxcsr %0" : : "m"(plain));
		fwrite(&r, sizeof r, 1, stdout);
	}
	return 0;
}
