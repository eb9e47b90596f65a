import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dom0Kernel } from '../../hypervisor/dom0/kernel.ts';
import { entryAt } from '../../hypervisor/grants/table.ts';
import type { Domain } from '../../hypervisor/hypervisor.ts';
import { findBroken } from '../../hypervisor/testing/invariants.ts';
import { TestMachine } from '../../hypervisor/testing/test-machine.ts';
import { GTF_permit_access, grant_entry_v1 } from '../../spec/xen/grant-table.ts';
import { helloGuest } from '../guests/hello.ts';
import { runSteps } from '../libxl/start-domain.ts';
import { loadKernel } from '../loader/domain-image.ts';
import { Xc } from '../xc/xc.ts';
import { pvhBuildSteps } from './build-pvh-domain.ts';

test('the rings of a new domain are granted to domain 0, in the entries that are theirs', () => {
  const m = new TestMachine(16384);
  const free = m.hv.frames.free;
  const xc = new Xc(new Dom0Kernel(m.memories, m.door));
  const kernel = loadKernel(helloGuest(), 'hello');
  const built = runSteps(pvhBuildSteps(xc, { kernel, cmdline: '', memoryBytes: 32 << 20, vcpus: 1, handle: new Uint8Array(16) }));
  const d = m.hv.domain(built.domid) as Domain;
  const entry = (ref: number) => grant_entry_v1.read(m.memories.frameView, entryAt(m.hv, d, ref));
  assert.deepEqual(entry(0), { flags: GTF_permit_access, domid: 0, frame: built.console.gfn });
  assert.deepEqual(entry(1), { flags: GTF_permit_access, domid: 0, frame: built.store.gfn });
  for (let ref = 2; ref < 8; ref++) assert.equal(entry(ref).flags, 0);
  assert.deepEqual(findBroken(m.hv), []);
  m.destroy(d);
  assert.equal(m.hv.frames.free, free, 'the toolstack holds nothing of it');
});
