import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import {
  BUDGET,
  CPL,
  CPU_FLAGS,
  CPU_INTEL,
  CR2,
  CTX_SCRATCH,
  EXIT_B,
  EXIT_BUDGET,
  EXIT_C,
  EXIT_HLT,
  EXIT_HYPERCALL,
  EXIT_MMIO,
  GDTR_BASE,
  GDTR_LIMIT,
  HOST_BELL,
  HOST_DEADLINE,
  HOST_GRANT,
  HOST_GRANT_MIN,
  HOST_SINCE,
  IDTR_BASE,
  IDTR_LIMIT,
  PORT_READS,
  QUIET_AT,
  QUIET_CALL,
  QUIET_COUNT,
  QUIET_WORD,
  RAX,
  RBX,
  RCX,
  RDI,
  RDX,
  RETIRED_BASE,
  RIP,
  RSI,
  RSP,
  TIMER_AT,
  TIMER_BASE,
  TIMER_CALL,
  TIMER_COUNT,
  TIMER_OTHERS,
} from '../machine/layout.ts';
import { noPasses } from './ir/passes/pipeline.ts';
import { coreIsBuilt, TestMachine, type TestMode } from './testing/test-machine.ts';

const START = 0x10000;
const HANDLER = 0x11000;
/** Room in `state`: no test here counts reads of ports. */
const SCRATCH = PORT_READS;

const withCore = (name: string, body: (t: TestContext) => void): void => {
  test(name, { skip: !coreIsBuilt && process.env.CI !== 'true' ? 'build/core.wasm is not there' : false }, body);
};

const machine = (hex: string, mode: TestMode = 64, options = {}): TestMachine => {
  const made = new TestMachine(options);
  made.writeHex(START, hex);
  made.enter(mode, START);
  return made;
};

/** An IDT at 0x6000 whose every gate leads to HANDLER, and a GDT at 0x7000 with the segments that `enter` set. */
const withHandler = (made: TestMachine, handler: string): void => {
  for (let vector = 0; vector < 32; vector++) {
    made.write64(0x6000 + vector * 16, BigInt(HANDLER & 0xffff) | (8n << 16n) | (0x8e00n << 32n) | (BigInt(HANDLER >> 16) << 48n));
    made.write64(0x6008 + vector * 16, 0n);
  }
  made.write64(0x7008, 0x00af9b000000ffffn);
  made.write64(0x7010, 0x00cf93000000ffffn);
  made.context.setLow(IDTR_BASE, 0x6000);
  made.context.setLow(IDTR_LIMIT, 0xfff);
  made.context.setLow(GDTR_BASE, 0x7000);
  made.context.setLow(GDTR_LIMIT, 0xff);
  made.writeHex(HANDLER, handler);
};

// mov ecx,1000; xor eax,eax; L: add rax,rcx; dec ecx; jnz L; hlt
const LOOP = 'b9e803000031c0 4801c8 ffc9 75f9 f4';

withCore('a loop of 1000 rounds gives the same sum and count with and without passes and with blocks of any length', () => {
  for (const options of [{}, { passes: noPasses }, { blockLimit: 1 }, { blockLimit: 2 }]) {
    const made = machine(LOOP, 64, options);
    assert.equal(made.run(), EXIT_HLT);
    assert.equal(made.reg(RAX), 500500n);
    assert.equal(made.reg(RIP), BigInt(START + 15));
    assert.equal(made.reg(BUDGET), BigInt(1_000_000 - 2 - 3000 - 1));
  }
});

withCore('the same loop runs in 32-bit and 16-bit code', () => {
  // without the REX prefix; in 16-bit code with operand-size prefixes
  const in32 = machine('b9e803000031c0 01c8 ffc9 75fa f4', 32);
  assert.equal(in32.run(), EXIT_HLT);
  assert.equal(in32.reg(RAX), 500500n);
  const in16 = new TestMachine();
  in16.writeHex(0x8000, '66b9e80300006631c0 6601c8 6649 75f9 f4');
  in16.enter(16, 0x8000, 0x7000);
  assert.equal(in16.run(), EXIT_HLT);
  assert.equal(in16.reg(RAX), 500500n);
});

withCore('the budget stops at each exact instruction number, with the state of a single-stepped run', () => {
  const reference = machine(LOOP, 64, { blockLimit: 1 });
  const made: TestMachine[] = [];
  for (let budget = 1; budget <= 24; budget++) {
    assert.equal(reference.run(1), EXIT_BUDGET);
    const one = machine(LOOP);
    made.push(one);
    assert.equal(one.run(budget), EXIT_BUDGET);
    for (const slot of [RAX, RCX, RIP, BUDGET]) assert.equal(one.reg(slot), reference.reg(slot), `slot ${slot} after ${budget}`);
    assert.equal(one.engine.rflags(one.ctx), reference.engine.rflags(reference.ctx), `flags after ${budget}`);
  }
});

withCore('a page fault is precise: registers, flags and stack are as before the instruction', () => {
  // mov ebx,0x40000000; mov edx,7; add edx,1; push qword [rbx]; hlt
  const made = machine('bb00000040 ba07000000 83c201 ff33 f4');
  withHandler(made, '488b3c24 488b742408 f4'); // mov rdi,[rsp]; mov rsi,[rsp+8]; hlt
  assert.equal(made.run(), EXIT_HLT);
  assert.equal(made.reg(RDX), 8n);
  assert.equal(made.reg(CR2), 0x40000000n);
  assert.equal(made.reg(RDI), 0n, 'error code: not present, read, supervisor');
  assert.equal(made.reg(RSI), BigInt(START + 13));
  assert.equal(made.read64(Number(made.reg(RSP)) + 16) & 0xffffn, 8n, 'CS in the frame');
  assert.equal(made.read64(Number(made.reg(RSP)) + 32), 0x80000n, 'RSP in the frame');
  assert.equal(made.read64(Number(made.reg(RSP)) + 24) & 0x8d5n, 0n, 'flags of the addition');
});

withCore('an undefined opcode, a privileged one and division by zero reach their handlers', () => {
  for (const [hex, length] of [
    ['0f0b', 0],
    ['31c0 f7f0', 2],
  ] as const) {
    const made = machine(hex);
    withHandler(made, '488b3c24 f4');
    assert.equal(made.run(), EXIT_HLT);
    assert.equal(made.reg(RDI), BigInt(START + length));
  }
});

withCore('code that overwrites a later instruction of its own block executes the new one', () => {
  // mov byte [patch+1],0x22; nop; patch: mov eax,0x11; hlt
  const made = machine('c6050200000022 90 b811000000 f4');
  assert.equal(made.run(), EXIT_HLT);
  assert.equal(made.reg(RAX), 0x22n);
  assert.equal(made.reg(BUDGET), 1_000_000n - 4n);
});

withCore('code that changes a function it calls runs the changed function', () => {
  // mov ecx,3; xor ebx,ebx; L: call fn; add ebx,eax; inc byte [fn+1]; dec ecx; jnz L; hlt; fn: mov eax,0x10; ret
  const made = machine(`b903000000 31db e834000000 01c3 fe052d000000 ffc9 75ef f4 ${'90'.repeat(39)} b810000000 c3`);
  assert.equal(made.run(), EXIT_HLT);
  assert.equal(made.reg(RBX), 0x33n);
});

withCore('an instruction that crosses a page is fetched from both, and retranslated when either changes', () => {
  const made = new TestMachine();
  made.writeHex(0x10ffd, 'b878563412 f4');
  made.enter(64, 0x10ffd);
  assert.equal(made.run(), EXIT_HLT);
  assert.equal(made.reg(RAX), 0x12345678n);
  made.engine.core.dropFrame(made.ctx, made.offset(0x11000) / 4096);
  made.writeHex(0x11000, '99');
  made.context.setNumber(RIP, 0x10ffd);
  assert.equal(made.run(), EXIT_HLT);
  assert.equal(made.reg(RAX), 0x12995678n);
});

withCore('recursive calls give fib(20), also with a tiny arena that is thrown away again and again', () => {
  const fib = 'bf14000000 e801000000 f4 83ff02 7218 53 57 ffcf e8f2ffffff 89c3 5f 83ef02 e8e7ffffff 01d8 5b c3 b801000000 c3';
  for (const options of [{}, { arenaLimit: 640 }, { blockLimit: 1, arenaLimit: 512 }]) {
    const made = machine(fib, 64, options);
    assert.equal(made.run(10_000_000), EXIT_HLT);
    assert.equal(made.reg(RAX), 10946n);
    if ('arenaLimit' in options) assert.ok(made.engine.counters.resets > 0);
  }
});

withCore('accesses that cross pages load and store all their bytes', () => {
  // mov rbx,0x20ffd; mov rax,0x1122334455667788; mov [rbx],rax; mov ecx,[rbx+2]; movzx edx,word [rbx+1]; lock add dword [rbx+1],5; xchg [rbx],rsi; hlt
  const made = machine('bbfd0f0200 48b88877665544332211 488903 8b4b02 0fb75301 f083430105 488733 f4');
  assert.equal(made.run(), EXIT_HLT);
  assert.equal(made.reg(RCX), 0x33445566n);
  assert.equal(made.reg(RDX), 0x6677n);
  assert.equal(made.reg(RSI), 0x1122334455667c88n);
  assert.equal(made.read64(0x20ffd), 0n);
});

withCore('a handler that cannot be fetched is called once for each instruction of the budget', () => {
  // mov al,[0x60000000]: beyond what is mapped, as is the handler
  const made = machine('a0 0000006000000000');
  withHandler(made, 'f4');
  made.write64(0x6000 + 14 * 16, 0x0000_8e00_0008_0000n | (0x5000n << 48n));
  assert.equal(made.run(100), EXIT_BUDGET);
  assert.equal(made.reg(BUDGET), 0n);
  // the first one is the load's, and follows none
  assert.equal(made.reg(RSP), BigInt(0x80000 - 101 * 48));
});

withCore('a guest that does nothing but raise exceptions gives the thread back before its budget ends', () => {
  const made = machine('0f0b');
  withHandler(made, '4883c428 0f0b'); // add rsp,40; ud2
  assert.equal(made.run(100_000), EXIT_BUDGET);
  assert.ok(made.reg(BUDGET) > 50_000n, String(made.reg(BUDGET)));
  assert.equal(made.run(), EXIT_BUDGET);
});

withCore('a budget of host time is extended until its deadline or the bell, by the pace of its last part', () => {
  for (const promoteAfter of [undefined, 1]) {
    let now = 5000n;
    let tick = 300n;
    let onLook: () => void = () => {};
    const hostTsc = (): bigint => {
      onLook();
      now += tick;
      return now;
    };
    const made = machine('ebfe', 64, { hostTsc, ...(promoteAfter === undefined ? {} : { promoteAfter }) }); // jmp $
    const bell = made.context.address + CTX_SCRATCH;
    const run = (deadline: bigint): bigint => {
      const { context } = made;
      const before = context.get(RETIRED_BASE) - context.get(BUDGET);
      context.add(RETIRED_BASE, HOST_GRANT_MIN - context.signed(BUDGET));
      context.setLow(BUDGET, HOST_GRANT_MIN);
      context.setLow(HOST_GRANT, HOST_GRANT_MIN);
      context.set(HOST_DEADLINE, deadline);
      context.set(HOST_SINCE, now);
      context.set(HOST_BELL, (7n << 32n) | BigInt(bell));
      made.memories.stateView.setUint32(bell, 7, true);
      assert.equal(made.engine.run(context.address), EXIT_BUDGET);
      const retired = BigInt.asUintN(64, context.get(RETIRED_BASE) - context.get(BUDGET) - before);
      assert.ok(retired >= BigInt(HOST_GRANT_MIN));
      return retired;
    };
    assert.equal(run(0n), BigInt(HOST_GRANT_MIN), 'without a deadline it is exact');
    let began = now;
    // a thousand instructions took 300 ns, so that the next 700 ns are 2333, and so on until the clock is there
    const retired = run(now + 1000n);
    assert.equal(now - began, 1200n);
    assert.equal(retired, 1000n + 2333n + 3110n + 1036n);
    onLook = () => made.memories.stateView.setUint32(bell, 8, true);
    began = now;
    run(now + 1_000_000_000n);
    assert.equal(now - began, 300n, 'it was rung behind the first look at the clock, and heard before the second');
    onLook = () => {};
    tick = 0n;
    assert.equal(run(now + 1000n), BigInt(HOST_GRANT_MIN), 'a clock that stands still ends it');
  }
});

withCore('a hypercall that has nothing to do is answered while its bit stands, and any other leaves', () => {
  const ARGUMENT = 0x9000;
  const CODE = '0f01d9 0f01d9 f4'; // vmmcall; vmmcall; hlt
  /** Runs it with a quiet call armed, and something different. Exit, RIP, instructions retired, and how many calls were answered. */
  const run = (differently: (made: TestMachine) => void, mode: TestMode = 64): unknown[] => {
    const made = machine(CODE, mode);
    const word = made.offset(0xa000);
    for (const [slot, value] of [
      [RAX, 0xffffffff_00000020n],
      [RDI, 0x7_00000004n],
      [RSI, BigInt(ARGUMENT)],
      [QUIET_AT, (0x80n << 32n) | BigInt(word)],
      [QUIET_CALL, (4n << 32n) | 32n],
      [QUIET_WORD, (1n << 32n) | 5n],
    ] as const)
      made.setReg(slot, value);
    made.write64(ARGUMENT, 0xffffffff_00000005n);
    made.write64(0xa000, 0x180n);
    differently(made);
    const exit = made.run(1000);
    return [exit, Number(made.reg(RIP)) - START, 1000 - Number(made.reg(BUDGET)), Number(made.reg(QUIET_COUNT))];
  };
  const left = [EXIT_HYPERCALL, 0, 0, 0];
  // the first answers 0, so that the second is another
  assert.deepEqual(
    run(() => {}),
    [EXIT_HYPERCALL, 3, 1, 1],
  );
  const others: ((made: TestMachine) => void)[] = [
    (made) => made.setReg(QUIET_AT, BigInt(made.offset(0xa000))),
    (made) => made.write64(0xa000, 0x7fn),
    (made) => made.write64(ARGUMENT, 6n),
    (made) => made.setReg(RAX, 33n),
    (made) => made.setReg(RDI, 5n),
    (made) => made.setReg(RSI, 0x9ffdn),
    (made) => made.setReg(RSI, 1n << 40n),
    (made) => made.setReg(QUIET_WORD, 5n),
    (made) => made.context.setLow(CPL, 3),
  ];
  for (const [k, differently] of others.entries()) assert.deepEqual(run(differently), left, `case ${k}`);
  assert.deepEqual(
    run(() => {}, 32),
    left,
    '32-bit code',
  );
});

withCore("a hypercall that arms the vCPU's own timer is answered when its instant lies ahead, and moves the budget's deadline; any other leaves", () => {
  const ARGUMENT = 0x9000;
  const BASE = 1_000_000_000n;
  const NOW = 5_000_000_000n;
  const OTHERS = NOW + 9_000_000n;
  /** Runs it with the timer's call, and something different. Exit, instructions retired, calls answered, the timer, and the deadline of the budget. */
  const run = (differently: (made: TestMachine) => void, mode: TestMode = 64): unknown[] => {
    // vmmcall; hlt
    const made = machine('0f01d9 f4', mode, { hostTsc: () => NOW });
    const timer = made.memories.stateQuads;
    for (const [slot, value] of [
      [RAX, 0xffffffff_00000018n],
      [RDI, 8n],
      [RSI, 3n],
      [RDX, BigInt(ARGUMENT)],
      [TIMER_AT, (3n << 32n) | BigInt(SCRATCH)],
      [TIMER_CALL, (8n << 32n) | 24n],
      [TIMER_BASE, BASE],
      [TIMER_OTHERS, OTHERS],
      [HOST_DEADLINE, NOW + 2_000_000n],
    ] as const)
      made.setReg(slot, value);
    timer[SCRATCH / 8] = 77n;
    made.write64(ARGUMENT, NOW - BASE + 4_000_000n);
    made.write64(ARGUMENT + 8, 1n);
    differently(made);
    const exit = made.run(1000);
    return [exit, 1000 - Number(made.reg(BUDGET)), Number(made.reg(TIMER_COUNT)), (timer[SCRATCH / 8] as bigint) - NOW + BASE, made.reg(HOST_DEADLINE) - NOW];
  };
  const armed = (instant: bigint, deadline: bigint): unknown[] => [EXIT_HLT, 2, 1, instant, deadline];
  const at = (instant: bigint) => (made: TestMachine) => made.write64(ARGUMENT, NOW - BASE + instant);
  assert.deepEqual(
    run(() => {}),
    armed(4_000_000n, 4_000_000n),
    'later than what it was before',
  );
  assert.deepEqual(run(at(20_000_000n)), armed(20_000_000n, 9_000_000n), 'others come first');
  assert.deepEqual(run(at(1_500_000n)), armed(1_500_000n, 1_500_000n), 'sooner, but not within a part of the budget');
  const left = [EXIT_HYPERCALL, 0, 0, 77n - NOW + BASE, 2_000_000n];
  const others: ((made: TestMachine) => void)[] = [
    at(500_000n),
    at(0n),
    at(-1n),
    (made) => made.write64(ARGUMENT, 1n << 63n),
    (made) => made.setReg(TIMER_AT, 0n),
    (made) => made.setReg(RSI, 2n),
    (made) => made.setReg(RDI, 9n),
    (made) => made.setReg(RAX, 15n),
    (made) => made.setReg(RDX, 0x9ff1n),
    (made) => made.setReg(RDX, 1n << 40n),
    (made) => made.context.setLow(CPL, 3),
    (made) => made.context.setLow(CPU_FLAGS, CPU_INTEL),
  ];
  for (const [k, differently] of others.entries()) assert.deepEqual(run(differently), left, `case ${k}`);
  assert.deepEqual(
    run(() => {}, 32),
    left,
    '32-bit code',
  );
  // an exact budget is nobody's to move
  assert.deepEqual(
    run((made) => made.setReg(HOST_DEADLINE, 0n)),
    [EXIT_HYPERCALL, 0, 0, 77n - NOW + BASE, -NOW],
  );
});

withCore('answers to an instruction that is no longer there are forgotten', () => {
  // mov al,[0x20000000]: mapped, but no RAM
  const made = machine('a0 0000002000000000 f4');
  const access = (): number => {
    const reason = made.run();
    if (reason === EXIT_MMIO) {
      made.context.setLow(EXIT_C, 0x5a);
      made.context.setLow(EXIT_B, made.context.low(EXIT_B) | 0x1000);
    }
    return reason;
  };
  const answeredBefore = (): void => {
    assert.equal(access(), EXIT_MMIO);
    made.writeHex(START, 'a0 0010002000000000 f4');
    made.engine.core.dropFrame(made.ctx, made.offset(START) / 4096);
    made.context.set(RAX, 0n);
  };
  answeredBefore();
  let reason = 0;
  for (let times = 0; times < 5 && reason !== EXIT_HLT; times++) reason = access();
  assert.equal(reason, EXIT_HLT);
  assert.equal(made.reg(RAX), 0x5an);
});

withCore('a long block is promoted after fewer runs than a short one, a block of 32 instructions is not long', () => {
  const regionsOf = (length: number): number => {
    const body = '8d4001'.repeat(length - 2);
    const back = new DataView(new ArrayBuffer(4));
    back.setInt32(0, -(3 * (length - 2) + 2 + 6), true);
    const rel32 = Buffer.from(back.buffer).toString('hex');
    // mov ecx, 80; l: lea eax, [rax + 1] ...; dec ecx; jnz l; hlt
    const made = machine(`b950000000 ${body} ffc9 0f85${rel32} f4`, 64, { promoteAfter: 100 });
    assert.equal(made.run(), EXIT_HLT);
    return made.engine.regions?.counters.regions ?? 0;
  };
  // 100 runs of 32 instructions are 68 of 47
  assert.deepEqual([3, 32, 40, 47].map(regionsOf), [0, 0, 0, 1]);
});
