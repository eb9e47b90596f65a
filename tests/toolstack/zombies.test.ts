import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { places } from '../../src/apps/daemon/places.ts';
import { GNTMAP_host_map, GNTTABOP_map_grant_ref, GTF_permit_access, gnttab_map_grant_ref } from '../../src/spec/xen/grant-table.ts';
import { XS_WATCH, XS_WATCH_EVENT } from '../../src/spec/xen/io/xs-wire.ts';
import { XENMAPSPACE_grant_table, XENMEM_add_to_physmap, xen_add_to_physmap } from '../../src/spec/xen/memory.ts';
import { DOMID_SELF, __HYPERVISOR_grant_table_op as GRANT, __HYPERVISOR_memory_op as MEMORY } from '../../src/spec/xen/xen.ts';
import { at, R } from '../../src/toolstack/guests/assembler.ts';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { nulTerminated, stringsOf } from '../../src/xenstore/wire/latin1.ts';
import { encodeMessage, MessageReader } from '../../src/xenstore/wire/message.ts';
import { TestGuest } from '../guests/kit/test-guest.ts';
import { Toolstack, until } from './toolstack.ts';

const stack = new Toolstack();
const sockets: Socket[] = [];
after(async () => {
  for (const socket of sockets) socket.destroy();
  await stack.close();
});

const REF = 8;

/** Sleep for ever. */
function sleepForEver(g: TestGuest): void {
  const top = g.fresh();
  g.a.sti().label(top).hlt().jmp(top);
}

/** A guest that grants a page to domain `to`, and another that maps a page of domain `from`. */
const giver = (to: number): Uint8Array =>
  TestGuest.build((g) => {
    g.page('table');
    g.page('granted', 0x5a);
    const place = g.struct(xen_add_to_physmap, { domid: DOMID_SELF, space: XENMAPSPACE_grant_table }, { gpfn: { label: 'table', shift: 12 } });
    g.call('table', MEMORY, XENMEM_add_to_physmap, place);
    g.a
      .lea(R.ax, 'granted')
      .shr(R.ax, 12)
      .store32(at('table', REF * 8 + 4), R.ax);
    g.a.storei16(at('table', REF * 8 + 2), to).storei16(at('table', REF * 8), GTF_permit_access);
    sleepForEver(g);
  });
const keeper = (from: number): Uint8Array =>
  TestGuest.build((g) => {
    g.page('window');
    const map = g.struct(gnttab_map_grant_ref, { flags: GNTMAP_host_map, ref: REF, dom: from });
    g.a.lea(R.ax, 'window').store(at(map), R.ax);
    g.call('map', GRANT, GNTTABOP_map_grant_ref, map, 1).showMemory('status', map, gnttab_map_grant_ref.offsets.status, 2).showMemory('byte', 'window', 0, 1);
    sleepForEver(g);
  });

/** Paths of watches that fire for a client of xenstored from now on. */
async function watching(path: string): Promise<string[]> {
  const socket = connect(places(stack.directory).store);
  sockets.push(socket);
  await once(socket, 'connect');
  const fired: string[] = [];
  const reader = new MessageReader();
  socket.on('data', (bytes: Buffer) => {
    for (let done = 0; done < bytes.length; ) {
      const room = reader.room();
      const piece = bytes.subarray(done, done + room.length);
      room.set(piece);
      done += piece.length;
      const message = reader.advance(piece.length);
      if (message !== undefined && message !== 'too long' && message.type === XS_WATCH_EVENT) fired.push(stringsOf(message.payload)[0] ?? '');
    }
  });
  socket.write(encodeMessage({ type: XS_WATCH, requestId: 1, transactionId: 0, payload: nulTerminated(path, 'token') }));
  // it fires once at once
  await until(() => fired.length === 1, 'the watch is set');
  fired.length = 0;
  return fired;
}

const row = async (pattern: RegExp): Promise<string | undefined> => (await stack.quickXl('list')).split('\n').find((line) => pattern.test(line));

test('a destroyed domain whose page another shows stays in xl list as (null), without name and nodes, until the last mapping goes', async () => {
  const client = await stack.client();
  const create = (name: string, kernel: Uint8Array): Promise<string> =>
    stack.quickXl('create', '-q', stack.file(`${name}.cfg`, `name = "${name}"\ntype = "pvh"\nkernel = "${stack.file(name, kernel)}"\nmemory = 8\n`));
  const counters = async () => {
    const { freeFrames, heapBytes, eventChannels, storeNodes } = (await client.call('status', {})).counters;
    return { freeFrames, heapBytes, eventChannels, storeNodes };
  };
  // the first one fills what is kept for the next
  assert.equal(await create('first', helloGuest()), '= 0');
  await until(async () => (await client.call('list', {})).length === 1, 'it is gone');
  const before = await counters();

  assert.equal(await create('giver', giver(3)), '= 0');
  await until(async () => / -b---- /.test((await row(/^giver /)) ?? ''), 'it has granted its page');
  assert.equal(await create('keeper', keeper(2)), '= 0');
  await until(() => /\(d3\) byte /.test(stack.log()), 'it shows the page');
  assert.match(stack.log(), /\(d3\) map 0\n.*\(d3\) status 0\n.*\(d3\) byte 5a\n/);

  const released = await watching('@releaseDomain');
  const nodes = await watching('/local/domain/2');
  assert.equal(await stack.quickXl('destroy', 'giver'), '= 0');
  // libxl_domid_to_name finds nothing, and C prints that; p for paused, d for dying
  const zombie = await row(/^\(null\) /);
  assert.match(zombie ?? '', /^\(null\) {39}2 {5}0 {5}1 {5}-[b-]p--d {2} +\d+\.\d$/);
  assert.match(await stack.quickXl('list', '2'), /\n\(null\) +2 +0 +1 +-[b-]p--d +\d+\.\d\n= 0$/);
  assert.match(await stack.quickXl('vcpu-list', '2'), /\n\(null\) +2 +0 /);
  assert.match(await stack.quickXl('domname', '2'), /Can't get domain name of domain id '2', maybe this domain does not exist\.\n= 1$/);
  assert.match(await stack.quickXl('list', 'giver'), /giver is an invalid domain identifier/);
  assert.match(await stack.quickXl('list', '-l', '2'), /Domain 2:Fail to get domain configuration/);
  await until(() => released.length > 0, 'xenstored says so');
  await until(() => nodes.length > 0, 'its nodes are gone');
  // one page, and what it takes to get that back
  const summary = (await client.call('list', {})).find(({ domid }) => domid === 2);
  assert.deepEqual([summary?.memoryKib, summary?.dying, summary?.name], [4, true, '']);
  // it can be destroyed once more, which changes nothing; its name is free, its number is not
  assert.equal(await stack.quickXl('destroy', '2'), '= 0');
  assert.equal(await create('giver', helloGuest({ echo: true })), '= 0');
  assert.match((await row(/^giver /)) ?? '', /^giver +4 /);
  assert.equal(await stack.quickXl('destroy', 'giver'), '= 0');
  await until(() => released.length >= 2, 'xenstored says that too');
  assert.deepEqual(new Set(released), new Set(['@releaseDomain']));

  // the last mapping goes with the domain that held it
  assert.equal(await stack.quickXl('destroy', 'keeper'), '= 0');
  await until(async () => (await client.call('list', {})).length === 1, 'both are gone');
  assert.deepEqual(await counters(), before);
  client.close();
});

test('@releaseDomain: when a domain shuts down, and when it is destroyed', async () => {
  const config = stack.file('kept.cfg', `name = "kept"\ntype = "pvh"\nkernel = "${stack.file('hello', helloGuest())}"\nmemory = 8\non_poweroff = "preserve"\n`);
  const released = await watching('@releaseDomain');
  assert.equal(await stack.quickXl('create', '-q', config), '= 0');
  await until(async () => / ---s-- /.test((await row(/^kept /)) ?? ''), 'it is kept, shut down');
  await until(() => released.length > 0, 'xenstored says so');
  assert.deepEqual(released, ['@releaseDomain']);
  assert.equal(await stack.quickXl('destroy', 'kept'), '= 0');
  await until(() => released.length > 1, 'xenstored says that too');
  assert.deepEqual(released, ['@releaseDomain', '@releaseDomain']);
  assert.equal(await row(/^kept /), undefined);
});
