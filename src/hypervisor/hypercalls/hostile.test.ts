import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AnyKind, type Fields, narrow, type Struct } from '../../base/struct.ts';
import * as D from '../../spec/xen/domctl.ts';
import { EACCES, EFAULT, ENOSYS, EPERM, errnoName } from '../../spec/xen/errno.ts';
import { XENMEM_add_to_physmap_batch, xen_add_to_physmap_batch } from '../../spec/xen/memory.ts';
import * as S from '../../spec/xen/sysctl.ts';
import * as X from '../../spec/xen/xen.ts';
import type { Domain } from '../hypervisor.ts';
import { grant, MAP_GFN } from '../testing/grants.ts';
import { findBroken, fingerprint } from '../testing/invariants.ts';
import { GUEST_OPERATIONS } from '../testing/operations.ts';
import { structImage } from '../testing/struct-values.ts';
import { ARGUMENT_GPA, TestMachine } from '../testing/test-machine.ts';
import { nextDeadline, runTimers } from '../time/timers.ts';

const isStruct = (kind: AnyKind): kind is AnyKind & Struct<Fields> => kind.sort === 'struct' || kind.sort === 'union';

/** What a hostile guest puts into registers and structs. */
const interesting = [
  0n,
  1n,
  2n,
  3n,
  8n,
  15n,
  16n,
  63n,
  64n,
  127n,
  128n,
  511n,
  512n,
  4095n,
  4096n,
  0x7fffn,
  BigInt(X.DOMID_SELF),
  BigInt(X.DOMID_IO),
  BigInt(X.DOMID_XEN),
  BigInt(X.DOMID_INVALID),
  BigInt(X.DOMID_IDLE),
  0xffffn,
  0x10000n,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  0x100000000n,
  BigInt(MAP_GFN),
  BigInt(MAP_GFN) * 4096n,
  0x3000n,
  0x3fffn,
  0x4000n,
  0x3f_ff8n,
  0xfee00000n,
  1n << 40n,
  1n << 47n,
  0xffff800000000000n,
  (1n << 63n) - 1n,
  1n << 63n,
  (1n << 64n) - 1n,
  (1n << 64n) - 16n,
];
const word = fc.oneof(
  { arbitrary: fc.constantFrom(...interesting), weight: 4 },
  { arbitrary: fc.bigInt(0n, 64n), weight: 3 },
  { arbitrary: fc.bigInt(0n, (1n << 64n) - 1n), weight: 1 },
);
/** Pointers are right often enough that handlers get past their copy-in. */
const pointer = fc.oneof({ arbitrary: fc.constant(BigInt(ARGUMENT_GPA)), weight: 5 }, { arbitrary: word, weight: 1 });
const numbers = [...new Set(Object.entries(X).flatMap(([name, value]) => (name.startsWith('__HYPERVISOR_') && typeof value === 'number' ? [value] : [])))];
const structWords = fc.array(
  fc.oneof(
    word,
    fc.bigInt(0n, 0xffffffffn).map((low) => (low << 32n) | low),
    fc.constant(BigInt(ARGUMENT_GPA + 256)),
  ),
  { minLength: 16, maxLength: 16 },
);
/** Pairs of small 32-bit numbers, as most argument structs begin. */
const smallPairs = fc.array(
  fc.tuple(fc.nat(300), fc.nat(300)).map(([a, b]) => BigInt(a) | (BigInt(b) << 32n)),
  { minLength: 16, maxLength: 16 },
);

const attempt = fc.record({
  nr: fc.oneof({ arbitrary: fc.constantFrom(...numbers), weight: 20 }, { arbitrary: fc.nat(70), weight: 1 }),
  cmd: fc.oneof({ arbitrary: fc.nat(30), weight: 8 }, { arbitrary: fc.nat(0xffff), weight: 1 }),
  args: fc.tuple(pointer, pointer, word, word, word),
  struct: fc.oneof(structWords, smallPairs),
});

/** Console output and log are the host's, not the machine's. */
function machine(): { m: TestMachine; hostile: Domain; victim: Domain } {
  const m = new TestMachine();
  const hostile = m.guest({ vcpus: 2 });
  const victim = m.guest();
  // Something to steal: a grant to the hostile domain and one to domain 0, and a port it may bind.
  grant(m, victim, 9, hostile.id, 7);
  grant(m, victim, 10, 0, 8);
  return { m, hostile, victim };
}

for (const compat of [false, true])
  test(`whatever a guest puts into registers and structs${compat ? ' in 32-bit code' : ''}, it gets an errno and the books stay right`, () => {
    let { m, hostile } = machine();
    m.compat = compat;
    let made = 0;
    fc.assert(
      fc.property(fc.array(attempt, { minLength: 1, maxLength: 12 }), (attempts) => {
        for (const { nr, cmd, args, struct } of attempts) {
          if (hostile.p2m.maddr(ARGUMENT_GPA) < 0 || m.hv.domain(hostile.id)?.s.is_shut_down !== 0) {
            ({ m, hostile } = machine());
            m.compat = compat;
          }
          m.poke(hostile, ARGUMENT_GPA, new Uint8Array(new BigUint64Array(struct).buffer));
          // A long list of nothing is not hostile, only slow here.
          const registers = [BigInt(cmd), ...args].map((value, i) => (i >= 2 && value > 300n && value < 1n << 32n ? value % 300n : value));
          if (nr === X.__HYPERVISOR_multicall) registers[1] = registers[1] as bigint & 0xfn;
          const result = m.hypercall(hostile, nr, compat ? registers.map((value) => value & 0xffffffffn) : registers, 0);
          made++;
          assert.ok(Number.isInteger(result) && result > -200, `${nr}(${registers}) = ${result}`);
        }
        assert.deepEqual(findBroken(m.hv), []);
      }),
      { numRuns: 250, seed: 20261121 },
    );
    assert.ok(made > 800);
  });

const POINTERS = [BigInt(ARGUMENT_GPA), 0x5000n, 0x5800n, 0x6ff8n, 0x7000n, BigInt(MAP_GFN) * 4096n, BigInt(MAP_GFN + 1) * 4096n];
const operationOf = (compat: boolean) =>
  fc.constantFrom(...GUEST_OPERATIONS).chain((op) =>
    fc.record({
      op: fc.constant(op),
      image: structImage(compat && isStruct(op.struct) ? narrow(op.struct) : op.struct, POINTERS),
      vcpu: fc.oneof({ arbitrary: fc.nat(1), weight: 4 }, { arbitrary: fc.constantFrom(2, 127, 128, 0xffffffff), weight: 1 }),
      count: fc.oneof({ arbitrary: fc.constant(1), weight: 6 }, { arbitrary: fc.nat(4), weight: 1 }),
      by: fc.nat(1),
    }),
  );
const operation = operationOf(false);

for (const compat of [false, true])
  test(`every sub-operation${compat ? ' of 32-bit code' : ''} with fields that get past the first checks: errnos, right books, and nothing left after the end`, () => {
    const answers = new Map<string, Set<number>>();
    fc.assert(
      fc.property(
        fc.array(operationOf(compat), { minLength: 20, maxLength: 60 }),
        fc.constantFrom(undefined, 1, 2, 5),
        fc.nat(30),
        (operations, quantum, end) => {
          const { m, hostile, victim } = machine();
          m.compat = compat;
          // long calls stop every few elements, and in one of these gaps the other domain dies
          m.quantum = quantum;
          let gaps = 0;
          m.between = () => {
            if (gaps++ === end) assert.equal(m.destroy(victim), 0);
          };
          for (const { op, image, vcpu, count, by } of operations) {
            m.time += 1000n;
            if (hostile.p2m.maddr(ARGUMENT_GPA) < 0) break; // it gave its argument page away
            const full = new Uint8Array(4096 - 512);
            full.set(image);
            m.poke(hostile, ARGUMENT_GPA, full);
            const args =
              op.form === 'cmd,pointer'
                ? [op.cmd, ARGUMENT_GPA]
                : op.form === 'cmd,vcpu,pointer'
                  ? [op.cmd, vcpu, ARGUMENT_GPA]
                  : [op.cmd, ARGUMENT_GPA, count];
            const result = m.hypercall(hostile, op.nr, args, by);
            assert.ok(Number.isInteger(result) && result > -200);
            const seen = answers.get(`${op.nr} ${op.cmd}`) ?? new Set();
            answers.set(`${op.nr} ${op.cmd}`, seen.add(Math.min(result, 1)));
            assert.deepEqual(findBroken(m.hv), []);
            nextDeadline(m.hv);
            runTimers(m.hv);
          }
          m.between = () => {}; // (domain 0 has one place for an argument)
          m.destroy(hostile);
          if (m.hv.domain(victim.id) !== undefined) m.destroy(victim);
          assert.deepEqual(
            [...m.hv.domains()].map((d) => d.id),
            [0],
          );
          assert.deepEqual(findBroken(m.hv), []);
        },
      ),
      { numRuns: 25, seed: 4171 },
    );
    const deep = [...answers.values()].filter((seen) => [...seen].some((result) => result >= 0)).length;
    assert.ok(deep >= 40, `${deep} of ${answers.size} sub-operations succeeded at least once`);
  });

test('no byte of an argument struct is read twice in one hypercall', () => {
  let reads = 0;
  let { m, hostile } = machine();
  fc.assert(
    fc.property(operation, ({ op, image, vcpu, count }) => {
      if (hostile.p2m.maddr(ARGUMENT_GPA) < 0 || hostile.s.is_shut_down !== 0) ({ m, hostile } = machine());
      // Lists that lie over the struct are read where they lie: the guest asks for it.
      if (new BigUint64Array(image.buffer.slice(0, image.length & ~7)).some((word) => word >= BigInt(ARGUMENT_GPA) && word < BigInt(ARGUMENT_GPA + 4096)))
        return;
      if (op.cmd === XENMEM_add_to_physmap_batch && op.nr === X.__HYPERVISOR_memory_op) image[xen_add_to_physmap_batch.offsets.size + 1] = 0;
      const seen = new Set<number>();
      m.poke(hostile, ARGUMENT_GPA, image);
      const note = (va: bigint, length: number): void => {
        const first = Number(va) - ARGUMENT_GPA;
        for (let i = first; i < first + length && i >= 0 && i < image.length; i++) {
          assert.ok(!seen.has(i), `${op.nr} ${op.cmd} reads byte ${i} of its argument twice`);
          seen.add(i);
          reads++;
        }
      };
      m.watch = (memory) => ({
        read(va, length) {
          note(va, length);
          return memory.read(va, length);
        },
        readInto(va, into) {
          note(va, into.length);
          return memory.readInto(va, into);
        },
        write: (va, bytes) => memory.write(va, bytes),
        writable: (va, length) => memory.writable(va, length),
      });
      const args =
        op.form === 'cmd,pointer'
          ? [op.cmd, ARGUMENT_GPA]
          : op.form === 'cmd,vcpu,pointer'
            ? [op.cmd, vcpu, ARGUMENT_GPA]
            : [op.cmd, ARGUMENT_GPA, Math.min(count, 1)];
      m.hypercall(hostile, op.nr, args);
    }),
    { numRuns: 1500, seed: 12 },
  );
  assert.ok(reads > 10_000);
});

test("no call of a guest's changes another domain, its memory or the machine's accounts of it", () => {
  const { m, hostile, victim } = machine();
  const pages = (of: Domain): number[] => [...of.p2m.entries()].map(({ mfn }) => mfn);
  const victims = new Set(pages(victim));
  const image = (): string =>
    [...victims].map((mfn) => m.memories.frameBytes.slice(mfn * 4096, mfn * 4096 + 4096).reduce((h, b) => (Math.imul(h, 31) + b) | 0, 7)).join();
  const before = image();
  const count = victim.s.tot_pages;
  fc.assert(
    fc.property(attempt, ({ nr, cmd, args, struct }) => {
      if (hostile.p2m.maddr(ARGUMENT_GPA) < 0 || hostile.s.is_shut_down !== 0) return;
      if (nr === X.__HYPERVISOR_grant_table_op) return; // it may use what was granted to it
      m.poke(hostile, ARGUMENT_GPA, new Uint8Array(new BigUint64Array(struct).buffer));
      m.hypercall(
        hostile,
        nr,
        [BigInt(cmd), ...args].map((value, i) => (i >= 2 && value > 300n && value < 1n << 32n ? value % 300n : value)),
        0,
      );
    }),
    { numRuns: 1500, seed: 7 },
  );
  assert.equal(image(), before);
  assert.equal(victim.s.tot_pages, count);
  assert.deepEqual(findBroken(m.hv), []);
});

/** Every command of a control hypercall, by name. */
const commands = (module: Record<string, unknown>, prefix: string): [string, number][] =>
  Object.entries(module).flatMap(([name, value]): [string, number][] =>
    name.startsWith(prefix) && /^[a-z0-9_]+$/.test(name.slice(prefix.length)) && typeof value === 'number' ? [[name, value]] : [],
  );

test('every domctl and sysctl of a guest is EPERM, and nothing changes', () => {
  const m = new TestMachine(1024);
  const hostile = m.guest();
  const victim = m.guest();
  const argument = hostile.p2m.lookup(ARGUMENT_GPA / 4096)?.mfn as number;
  const state = (): number => fingerprint(m.hv, [argument]);
  const before = state();
  let tried = 0;
  for (const [name, cmd] of commands(D, 'XEN_DOMCTL_')) {
    for (const target of [hostile.id, victim.id, 0, 99, X.DOMID_SELF]) {
      m.put(hostile, ARGUMENT_GPA, D.xen_domctl, { cmd, interface_version: D.XEN_DOMCTL_INTERFACE_VERSION, domain: target });
      assert.equal(errnoName(m.hypercall(hostile, X.__HYPERVISOR_domctl, [ARGUMENT_GPA])), 'EPERM', `${name} on d${target}`);
      tried++;
    }
  }
  for (const [name, cmd] of commands(S, 'XEN_SYSCTL_')) {
    m.put(hostile, ARGUMENT_GPA, S.xen_sysctl, { cmd, interface_version: S.XEN_SYSCTL_INTERFACE_VERSION });
    assert.equal(errnoName(m.hypercall(hostile, X.__HYPERVISOR_sysctl, [ARGUMENT_GPA])), 'EPERM', name);
    tried++;
  }
  for (const [nr, errno] of [
    [X.__HYPERVISOR_platform_op, EPERM],
    [X.__HYPERVISOR_hypfs_op, EPERM],
    [X.__HYPERVISOR_kexec_op, ENOSYS],
    [X.__HYPERVISOR_dm_op, ENOSYS],
    [X.__HYPERVISOR_xsm_op, ENOSYS],
    [X.__HYPERVISOR_arch_0, ENOSYS],
  ] as const) {
    assert.equal(m.hypercall(hostile, nr, [0, ARGUMENT_GPA, 0]), -errno);
    tried++;
  }
  assert.ok(tried > 300, `${tried}`);
  assert.equal(state(), before);
});

test('domain 0: the interface version is looked at before the command, and a bad pointer before all', () => {
  const m = new TestMachine();
  const version = (nr: number, cmd: number, interface_version: number) => {
    m.put(m.dom0, ARGUMENT_GPA, S.xen_sysctl, { cmd, interface_version });
    return m.hypercall(m.dom0, nr, [ARGUMENT_GPA]);
  };
  for (const [nr, right] of [
    [X.__HYPERVISOR_domctl, D.XEN_DOMCTL_INTERFACE_VERSION],
    [X.__HYPERVISOR_sysctl, S.XEN_SYSCTL_INTERFACE_VERSION],
  ] as const) {
    assert.equal(version(nr, 9999, right + 1), -EACCES);
    assert.equal(version(nr, 9999, right), -ENOSYS);
    assert.equal(m.hypercall(m.dom0, nr, [1n << 50n]), -EFAULT);
  }
  assert.equal(EPERM, 1);
});
