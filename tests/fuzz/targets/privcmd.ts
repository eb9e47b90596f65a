import assert from 'node:assert/strict';
import { servePrivcmd } from '../../../src/apps/daemon/privcmd-session.ts';
import { streamPair } from '../../../src/apps/daemon/rpc/testing/stream-pair.ts';
import { Dom0Kernel } from '../../../src/hypervisor/dom0/kernel.ts';
import { Privcmd } from '../../../src/hypervisor/dom0/privcmd.ts';
import { findBroken } from '../../../src/hypervisor/testing/invariants.ts';
import { TestMachine } from '../../../src/hypervisor/testing/test-machine.ts';
import * as D from '../../../src/spec/xen/domctl.ts';
import * as X from '../../../src/spec/xen/xen.ts';
import { joined, mutate } from '../mutate.ts';
import type { Target } from '../target.ts';

const LIMIT = 16384;
/** Where a program's window begins. */
const BASE = 2 ** 33;
const PAGES = 16;
/** The whole machine is counted over after so many inputs. */
const RECOUNT = 256;

const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const longs = (...values: number[]): Uint8Array => new Uint8Array(BigUint64Array.from(values, BigInt).buffer);
const request = (type: number, ...body: Uint8Array[]): Uint8Array => {
  const bytes = joined(...body);
  return joined(words(type, bytes.length), bytes);
};
/** A hypercall with one buffer. */
const hypercall = (nr: number, args: readonly number[], buffer: Uint8Array): Uint8Array =>
  request(2, longs(nr, ...args, ...new Array<number>(5 - args.length).fill(0)), words(1, 0), longs(BASE, buffer.length), buffer);
const domctl = (cmd: number, domid: number): Uint8Array => {
  const bytes = new Uint8Array(256);
  D.xen_domctl.write(new DataView(bytes.buffer), 0, { cmd, interface_version: D.XEN_DOMCTL_INTERFACE_VERSION, domain: domid });
  new DataView(bytes.buffer).setBigUint64(24, BigInt(BASE + 128), true);
  return hypercall(X.__HYPERVISOR_domctl, [BASE], bytes);
};

/** What genuine tools send, each behind the request that attaches. */
const corpus = (domid: number): Uint8Array[] => {
  const attach = request(1, words(1));
  const requests = [
    ...Array.from({ length: 90 }, (_, cmd) => domctl(cmd, domid)),
    ...Array.from({ length: 30 }, (_, cmd) =>
      hypercall(X.__HYPERVISOR_sysctl, [BASE], joined(words(cmd, 0x15, 0, 8), longs(BASE + 64, 64, BASE + 128, 8), new Uint8Array(192))),
    ),
    ...Array.from({ length: 30 }, (_, op) =>
      hypercall(X.__HYPERVISOR_memory_op, [op, BASE], joined(longs(BASE + 64, 4), words(0, domid), longs(1, 2), words(domid, 1), new Uint8Array(128))),
    ),
    ...Array.from({ length: 12 }, (_, op) => hypercall(X.__HYPERVISOR_hvm_op, [op, BASE], joined(words(domid, op), longs(1)))),
    ...Array.from({ length: 14 }, (_, op) => hypercall(X.__HYPERVISOR_event_channel_op, [op, BASE], words(domid, 0, 1, 0))),
    hypercall(X.__HYPERVISOR_multicall, [BASE, 1], joined(longs(X.__HYPERVISOR_xen_version, 0, 0, 0, 0, 0, 0, 0), new Uint8Array(64))),
    request(3, words(domid, 4), longs(0, 1, 2, 5000)),
    request(4, words(domid, 1, 0, 1), longs(0)),
    request(5, words(1, 1, 0), new Uint8Array(4096)),
    request(6, words(1)),
  ];
  const mapping = joined(request(3, words(domid, 2), longs(3, 4)), request(5, words(1, 1, 1), new Uint8Array(4096).fill(7)), request(6, words(1)));
  return [...requests, mapping].map((each) => joined(attach, each));
};

export const privcmdTarget: Target = {
  name: 'privcmd',
  about: 'the socket for hypercalls of processes: a machine whose domains come and go by them',
  prepare: () => {
    let m = new TestMachine();
    let kernel = new Dom0Kernel(m.memories, m.door);
    let inputs = 0;
    let free = 0;
    const begin = (): void => {
      m = new TestMachine();
      kernel = new Dom0Kernel(m.memories, m.door);
      free = m.hv.frames.free;
    };
    begin();
    const first = m.guest({ pages: PAGES }).id;
    const requests = corpus(first);
    return {
      async run(random) {
        if (m.hv.domain(first) === undefined) begin();
        if ([...m.hv.domains()].length === 1) m.guest({ pages: PAGES });
        const [near, far] = streamPair();
        let answers = 0;
        near.onData(() => {
          answers++;
        });
        servePrivcmd(far, kernel, new Privcmd(kernel), async (action) => action());
        near.send(mutate(random, requests, LIMIT));
        for (let turns = 0; turns < 4; turns++) await new Promise((done) => setImmediate(done));
        near.close();
        await new Promise((done) => setImmediate(done));
        if (++inputs % RECOUNT === 0) {
          assert.deepEqual(findBroken(m.hv), []);
          for (const d of [...m.hv.domains()]) if (d !== m.dom0) m.domctl(d.id, D.XEN_DOMCTL_destroydomain);
          assert.equal(m.hv.frames.free, free, 'frames are lost');
          begin();
        }
        return answers > 2 ? 'answered' : 'cut off';
      },
    };
  },
};
