import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hvm_hw_cpu } from '../../spec/xen/hvm/save.ts';
import type { CpuValues } from '../xc/cpu-records.ts';
import type { StopEvent } from './domain-target.ts';
import { GdbSession, type GdbTarget } from './gdb-session.ts';
import { PACKET_MAX, PacketReader } from './packet.ts';
import { REGISTERS, targetXml } from './registers.ts';

/** A guest with two vCPUs and 64 KiB at address 0x1000. */
class FakeTarget implements GdbTarget {
  readonly log: string[] = [];
  readonly cpus: CpuValues[] = [0, 1].map(() => hvm_hw_cpu.read(new DataView(new ArrayBuffer(hvm_hw_cpu.size)), 0));
  readonly memory = new Uint8Array(65536);
  event: StopEvent | undefined;
  attach(): void {
    this.log.push('attach');
  }
  detach(): void {
    this.log.push('detach');
  }
  pause(): void {
    this.log.push('pause');
  }
  resume(step?: number): void {
    this.log.push(step === undefined ? 'run' : `step ${step}`);
  }
  stopped(): StopEvent | undefined {
    return this.event;
  }
  vcpus(): number[] {
    return [0, 1];
  }
  registers(vcpu: number): CpuValues {
    const found = this.cpus[vcpu];
    assert.ok(found);
    return found;
  }
  changeRegisters(vcpu: number, change: (values: CpuValues) => void): void {
    change(this.registers(vcpu));
  }
  read(_vcpu: number, va: bigint, length: number): Uint8Array {
    const at = Number(va) - 0x1000;
    return at < 0 || at >= 65536 ? new Uint8Array() : this.memory.slice(at, at + length);
  }
  write(va: bigint, bytes: Uint8Array): boolean {
    const at = Number(va) - 0x1000;
    if (at < 0 || at + bytes.length > 65536) return false;
    this.memory.set(bytes, at);
    return true;
  }
  setBreakpoints(addresses: readonly bigint[], watched: readonly { address: bigint; length: number }[]): void {
    this.log.push(`breakpoints ${[...addresses, ...watched.map(({ address, length }) => `${address}+${length}`)].join(' ')}`);
  }
}

function connect() {
  const target = new FakeTarget();
  const sent: Uint8Array[] = [];
  const told: string[] = [];
  const session = new GdbSession(target, {
    send: (bytes) => void sent.push(bytes),
    detached: () => void told.push('detached'),
    killed: () => void told.push('killed'),
  });
  /** What comes back for a packet. */
  const ask = (data: string): string | undefined => {
    sent.length = 0;
    session.take({ kind: 'packet', data });
    const answers = sent.flatMap((bytes) => new PacketReader().take(bytes)).flatMap((each) => (each.kind === 'packet' ? [each.data] : []));
    assert.ok(answers.length <= 1);
    return answers[0];
  };
  /** What came without being asked for. */
  const unasked = (action: () => void): string[] => {
    sent.length = 0;
    action();
    return sent.flatMap((bytes) => new PacketReader().take(bytes)).flatMap((each) => (each.kind === 'packet' ? [each.data] : []));
  };
  return { target, session, ask, unasked, told, sent };
}

test('attaching stops the guest; what is known is told', () => {
  const { target, ask } = connect();
  assert.deepEqual(target.log, ['attach']);
  assert.equal(ask('?'), 'T05thread:1;');
  assert.match(ask('qSupported:multiprocess+;swbreak+') ?? '', /qXfer:features:read\+/);
  assert.equal(ask('qfThreadInfo'), 'm1,2');
  assert.equal(ask('qsThreadInfo'), 'l');
  assert.equal(ask('vMustReplyEmpty'), '');
  assert.equal(ask('qSymbol::'), '');
});

test('the target description comes in pieces', () => {
  const { ask } = connect();
  let text = '';
  for (let at = 0; ; at += 100) {
    const piece = ask(`qXfer:features:read:target.xml:${at.toString(16)},64`) ?? '';
    text += piece.slice(1);
    if (piece[0] === 'l') break;
    assert.equal(piece[0], 'm');
  }
  assert.equal(text, targetXml());
  assert.equal(ask('qXfer:features:read:other.xml:0,64'), '');
});

test('registers by number and all at once, of the vCPU that was chosen', () => {
  const { target, ask } = connect();
  assert.equal(ask('P10=8877665544332211'), 'OK');
  assert.equal(target.cpus[0]?.rip, 0x1122334455667788n);
  assert.equal(ask('p10'), '8877665544332211');
  const all = ask('g') ?? '';
  assert.equal(
    all.length,
    REGISTERS.reduce((sum, { bits }) => sum + bits / 4, 0),
  );
  assert.equal(all.slice(16 * 16, 17 * 16), '8877665544332211');
  assert.equal(ask('Hg2'), 'OK');
  assert.equal(ask('p10'), '0000000000000000');
  assert.equal(ask('Hg3'), 'E01');
  assert.equal(ask(`G${all}`), 'OK');
  assert.equal(target.cpus[1]?.rip, 0x1122334455667788n);
  for (const wrong of ['P10=00', 'Pff=00', 'pff', 'P10=x', 'G1']) assert.equal(ask(wrong), 'E01');
});

test('memory: whole, cut where it ends, absent; in hexadecimal and binary', () => {
  const { target, ask } = connect();
  assert.equal(ask('M1004,4:01020304'), 'OK');
  assert.equal(ask('m1004,4'), '01020304');
  assert.equal(ask('X1004,2:\x7d\x03'), 'OK');
  assert.deepEqual([...target.memory.subarray(4, 8)], [0x7d, 3, 3, 4]);
  assert.equal(ask('m10ffe,8'), '0000');
  assert.equal(ask('m20000,8'), 'E0e');
  assert.equal(ask('M20000,1:00'), 'E0e');
  assert.equal((ask('m1000,ffff') ?? '').length, PACKET_MAX);
  for (const wrong of ['M1000,2:00', 'Mzz,1:00', 'm', 'm1000', 'm11112222333344445,1']) assert.equal(ask(wrong), 'E01');
});

test('breakpoints, going on, steps, and why it stopped', () => {
  const { target, session, ask, unasked } = connect();
  ask('qSupported:swbreak+;hwbreak+');
  assert.equal(ask('Z0,2000,1'), 'OK');
  assert.equal(ask('Z1,2000,1'), 'OK');
  assert.equal(ask('z1,2000,1'), 'OK');
  for (const type of [3, 4]) assert.equal(ask(`Z${type},2000,8`), '', 'reads are not seen');
  assert.equal(ask('vCont;c'), undefined);
  assert.deepEqual(
    unasked(() => session.onDebugEvent()),
    [],
  );
  target.event = { vcpu: 1, event: 3 };
  Object.assign(target.registers(1), { rip: 0x2000n });
  assert.deepEqual(
    unasked(() => session.onDebugEvent()),
    ['T05thread:2;swbreak:;'],
  );
  assert.equal(ask('vCont;s:7;c'), 'E01', 'there is no such vCPU');
  assert.equal(ask('vCont;s:2;c'), undefined);
  target.event = { vcpu: 1, event: 1 };
  assert.deepEqual(
    unasked(() => session.onDebugEvent()),
    ['T05thread:2;'],
  );
  assert.equal(ask('s3000'), undefined);
  assert.equal(target.cpus[1]?.rip, 0x3000n);
  assert.deepEqual(
    unasked(() => session.take({ kind: 'interrupt' })),
    ['T02thread:1;'],
  );
  const steps = ['step 1', 'pause', 'step 1', 'pause'];
  assert.deepEqual(
    target.log,
    ['attach', 'breakpoints 8192', 'breakpoints 8192', 'breakpoints 8192', 'run', 'pause', 'breakpoints ', ...steps],
    'a step passes breakpoints',
  );
  assert.equal(ask('c'), undefined);
  assert.deepEqual(target.log.slice(-2), ['breakpoints 8192', 'run'], 'and they are back when the guest goes on');
});

test('a stop where watched memory changed says which', () => {
  const { target, session, ask, unasked } = connect();
  assert.equal(ask('Z2,1008,8'), 'OK');
  assert.equal(ask('Z2,1020,4'), 'OK');
  assert.equal(ask('Z2,1020,41'), 'E01');
  assert.equal(ask('c'), undefined);
  target.memory[0x21] = 5;
  target.event = { vcpu: 0, event: 3 };
  assert.deepEqual(
    unasked(() => session.onDebugEvent()),
    ['T05thread:1;watch:1020;'],
  );
  assert.equal(ask('s'), undefined);
  target.memory[8] = 1;
  target.event = { vcpu: 0, event: 1 };
  assert.deepEqual(
    unasked(() => session.onDebugEvent()),
    ['T05thread:1;watch:1008;'],
  );
  assert.equal(ask('z2,1008,8'), 'OK');
  assert.equal(target.log.at(-1), 'breakpoints 4128+4');
});

test('the end: detach, kill, a guest that leaves, a guest that crashes', () => {
  const detaching = connect();
  assert.equal(detaching.ask('D'), 'OK');
  assert.deepEqual([detaching.target.log.at(-1), detaching.told], ['detach', ['detached']]);
  const killing = connect();
  assert.equal(killing.ask('k'), undefined);
  assert.deepEqual(killing.told, ['killed']);
  const leaving = connect();
  leaving.ask('c');
  assert.deepEqual(
    leaving.unasked(() => leaving.session.exited(3)),
    ['W03'],
  );
  const crashing = connect();
  crashing.ask('c');
  assert.deepEqual(
    crashing.unasked(() => crashing.session.crashed()),
    ['T06thread:1;'],
  );
  assert.equal(crashing.ask('c'), 'X06');
  assert.deepEqual(crashing.told, ['detached']);
});

test('acknowledgements until they are switched off', () => {
  const { session, sent } = connect();
  session.take({ kind: 'packet', data: '?' });
  assert.equal(sent[0]?.[0], 0x2b);
  session.take({ kind: 'bad' });
  assert.equal(sent.at(-1)?.[0], 0x2d);
  session.take({ kind: 'resend' });
  assert.match(String.fromCharCode(...(sent.at(-1) ?? [])), /^\$T05/);
  session.take({ kind: 'packet', data: 'QStartNoAckMode' });
  sent.length = 0;
  session.take({ kind: 'packet', data: '?' });
  assert.equal(sent[0]?.[0], 0x24);
});

test('no packet is an error of ours', () => {
  const letters = fc.constantFrom(...'?gGpPmMXZzcCsSvHTqQDkx0123456789abcdef,;:=#-'.split(''), 'Cont', 'Supported', 'Xfer', 'fThreadInfo');
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 20 }), (data) => {
      const { ask } = connect();
      ask(data.join(''));
    }),
    { numRuns: 2000 },
  );
});
