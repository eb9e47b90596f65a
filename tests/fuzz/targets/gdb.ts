import { hvm_hw_cpu } from '../../../src/spec/xen/hvm/save.ts';
import { GdbSession, type GdbTarget } from '../../../src/toolstack/gdb/gdb-session.ts';
import { frame, PacketReader } from '../../../src/toolstack/gdb/packet.ts';
import type { CpuValues } from '../../../src/toolstack/xc/cpu-records.ts';
import { joined, mutate, mutateText } from '../mutate.ts';
import type { Target } from '../target.ts';

const PACKETS = [
  'qSupported:swbreak+;hwbreak+',
  'QStartNoAckMode',
  'vCont?',
  'vCont;c',
  'vCont;s:1;c',
  'c',
  's',
  '?',
  'g',
  'G00',
  'p10',
  'P0=0011223344556677',
  'm1000,10',
  'M1000,2:abcd',
  'X1000,2:ab',
  'Z0,1000,1',
  'z0,1000,1',
  'Z2,1000,8',
  'Hg1',
  'Hc-1',
  'T1',
  'qfThreadInfo',
  'qsThreadInfo',
  'qXfer:features:read:target.xml:0,fff',
  'qC',
  'qAttached',
  'vKill;1',
  'D',
  'k',
  'R00',
  'qRcmd,6869',
  'vFile:open:61,0,0',
];
const WORDS = [',', ':', ';', '-1', '0', 'ffffffffffffffff', 'fffffffffffffffff', 'x', '}', '#', '$', '*', '\x03', 'p1.1', '1000', ''];
const MEMORY = 4096;

export const gdbTarget: Target = {
  name: 'gdb',
  about: 'what a debugger sends: framing, packets, numbers',
  prepare: () => {
    const cpus: CpuValues[] = [0, 1].map(() => hvm_hw_cpu.read(new DataView(new ArrayBuffer(hvm_hw_cpu.size)), 0));
    const memory = new Uint8Array(MEMORY);
    const at = (vcpu: number): CpuValues => {
      const found = cpus[vcpu];
      if (found === undefined) throw new Error(`the session asks for vCPU ${vcpu}`);
      return found;
    };
    let held = false;
    const target: GdbTarget = {
      attach: () => {},
      detach: () => {},
      pause: () => {
        held = true;
      },
      resume: (step) => {
        if (step !== undefined) at(step);
        held = false;
      },
      stopped: () => (held ? undefined : { vcpu: 0, event: 1 }),
      vcpus: () => [0, 1],
      registers: at,
      changeRegisters: (vcpu, change) => change(at(vcpu)),
      read: (_vcpu, va, length) => {
        if (length > 1 << 20) throw new Error(`the session asks for ${length} bytes`);
        const from = va - 0x1000n;
        return from < 0n || from >= MEMORY ? new Uint8Array() : memory.slice(Number(from), Number(from) + length);
      },
      write: (va, bytes) => {
        const from = va - 0x1000n;
        if (from < 0n || from + BigInt(bytes.length) > MEMORY) return false;
        memory.set(bytes, Number(from));
        return true;
      },
      setBreakpoints: (addresses, watched) => {
        if (addresses.length > 100_000 || watched.length > 100_000) throw new Error('breakpoints without end');
      },
    };
    return {
      run(random) {
        let sent = 0;
        const session = new GdbSession(target, {
          send: (bytes) => {
            sent += bytes.length;
          },
          detached: () => {},
          killed: () => {},
        });
        const reader = new PacketReader();
        const framed = Array.from({ length: 1 + random.below(6) }, () =>
          frame(random.once(3) ? random.pick(PACKETS) : mutateText(random, PACKETS, WORDS, 600)),
        );
        let bytes = joined(...framed);
        if (random.once(4)) bytes = mutate(random, [bytes], 4096);
        for (const incoming of reader.take(bytes)) {
          session.take(incoming);
          if (random.once(4)) session.onDebugEvent();
        }
        session.closed();
        return sent > 0 ? 'answered' : 'silent';
      },
    };
  },
};
