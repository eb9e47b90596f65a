import { decodeSnapshot } from '../../../src/apps/zendo/snapshot-file.ts';
import { OperatorError } from '../../../src/base/operator-error.ts';
import { HEADER, MACHINE_MAGIC, MACHINE_VERSION } from '../../../src/hypervisor/header.ts';
import { Memories } from '../../../src/machine/memories.ts';
import { XS_TRANSACTION_START, XS_WATCH } from '../../../src/spec/xen/io/xs-wire.ts';
import { Store } from '../../../src/xenstore/store.ts';
import { TestStore } from '../../../src/xenstore/test-store.ts';
import { nulTerminated } from '../../../src/xenstore/wire/latin1.ts';
import { joined, mutate } from '../mutate.ts';
import { refusing, type Target } from '../target.ts';

const PAGE = 4096;
const words = (...values: number[]): Uint8Array => new Uint8Array(new Uint32Array(values).buffer);

/** A file with a machine image of two pages; it is not packed. */
function file(): Uint8Array {
  const page = new Uint8Array(PAGE);
  new DataView(page.buffer).setUint32(HEADER % PAGE, MACHINE_MAGIC, true);
  const image = joined(words(0x50414e5a, MACHINE_VERSION), words(1, HEADER / PAGE, 1), page, words(0, 4096, 1), new Uint8Array(PAGE).fill(7), words(2, 0, 0));
  const ring = { gfn: 1, port: 1, local: 1, mapped: 1 };
  const session = { guest: { domid: 1, uuid: 'u', store: ring, console: ring }, virqPort: 1, kernel: { nextMapGfn: 1, freeMaps: [] }, store: '', console: '' };
  const head = new TextEncoder().encode(JSON.stringify({ format: 1, session, cpuModel: 'x86-64-v2', memoryBytes: 16777216, kernel: 'k' }));
  return joined(new TextEncoder().encode('ZENDOSNP'), words(head.length), head, image);
}

export const snapshotTarget: Target = {
  name: 'snapshot',
  about: 'snapshot files: head, page runs',
  prepare: () => {
    const corpus = [file()];
    const memories = new Memories();
    const host = { decompress: (bytes: Uint8Array): Uint8Array => bytes };
    decodeSnapshot(host, memories, corpus[0] as Uint8Array, 'snapshot');
    return {
      run: (random) => refusing(() => decodeSnapshot(host, memories, mutate(random, corpus, 65536), 'snapshot'), OperatorError),
    };
  },
};

export const storeStateTarget: Target = {
  name: 'xenstore-state',
  about: 'the state of xenstored as it is dumped and loaded',
  prepare: () => {
    const made = new TestStore([5, 6]);
    const dom0 = made.store.connect(0, 'toolstack');
    dom0.write('/local/domain/5/value', 'x');
    dom0.setPermissions('/local/domain/5', ['n5', 'r6']);
    dom0.watch('/local', () => {});
    made.ask(5, XS_WATCH, nulTerminated('value', 'token'));
    made.ask(5, XS_TRANSACTION_START, nulTerminated(''));
    dom0.begin().write('/tool/x', 'y');
    const corpus = [made.store.freeze(), new TestStore().store.freeze()];
    return {
      run: (random) =>
        refusing(() => {
          const store = Store.thaw(mutate(random, corpus, 65536), { domains: made.domains });
          while (store.run());
          if (store.check().length > 0) throw new Error(store.check().join('\n'));
        }, OperatorError),
    };
  },
};
