import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { crashGuest, crashGuestAddress } from '../../toolstack/guests/crash.ts';
import { helloGuest } from '../../toolstack/guests/hello.ts';
import {
  ConfigurationError,
  type Domain,
  DomainEndedError,
  DomainGoneError,
  GuestMemoryError,
  Machine,
  MachineClosedError,
  TimeoutError,
  XenstoreRequestError,
  ZendoError,
} from './main.ts';

let machine: Machine;
before(async () => {
  machine = await Machine.create({ seed: 7 });
});
after(() => machine.close());

const echo = async (name: string, memory = 16): Promise<Domain> => {
  const domain = await machine.createDomain({ name, kernel: helloGuest({ echo: true }), memory });
  await domain.console.waitFor('Ctrl-D ends it.');
  return domain;
};

test('options that are wrong are refused, with what to do', async () => {
  const kernel = helloGuest();
  const refused = (make: () => Promise<unknown>, message: RegExp) =>
    assert.rejects(make, (error) => error instanceof ConfigurationError && message.test(error.message));
  await refused(() => Machine.create({ memory: 0 }), /0 MiB.*Hint/s);
  await refused(() => Machine.create({ seed: -1 }), /-1 cannot be a seed/);
  await refused(() => Machine.create({ cpu: 'z80' }), /no CPU model is named z80/);
  await refused(() => Machine.create({ pcpu: 1 } as never), /no machine option "pcpu"/);
  await refused(() => machine.createDomain({ kernel: '/nowhere/vmlinuz' }), /vmlinuz does not exist/);
  await refused(() => machine.createDomain({ kernel: new Uint8Array(100) }), /is not a kernel/);
  await refused(() => machine.createDomain({ kernel, ramdisk: new Uint8Array(100) }), /initrd of 100 bytes is not an initrd/);
  await refused(() => machine.createDomain({ kernel: 5 as never }), /"kernel" is 5/);
  await refused(() => machine.createDomain({ kernel, memory: 0.5 }), /"memory" is 0.5/);
  await refused(() => machine.createDomain({ kernel, memory: 32, maxmem: 16 }), /"maxmem" is 16/);
  await refused(() => machine.createDomain({ kernel, uuid: 'me' }), /"uuid" is "me"/);
  await refused(() => machine.createDomain({ kernel, initrd: 'x' } as never), /no domain option "initrd"/);
  assert.deepEqual(machine.domains, []);
});

test("the priorities of its user's threads are its user's", { skip: process.platform === 'linux' ? false : 'threads have no priorities here' }, () => {
  const compilers = readdirSync('/proc/self/task').filter((thread) => readFileSync(`/proc/self/task/${thread}/comm`, 'latin1').trim() === 'node-V8Worker');
  assert.notEqual(compilers.length, 0);
  for (const thread of compilers) assert.equal(getPriority(Number(thread)), getPriority());
});

test('what the machine cannot give is refused, and nothing is left of it', async () => {
  await using small = await Machine.create({ memory: 32 });
  const { free } = await small.memory();
  await assert.rejects(
    small.createDomain({ kernel: helloGuest(), memory: 512 }),
    (error) => error instanceof ZendoError && /Cannot allocate memory/.test(error.message),
  );
  await using _first = await small.createDomain({ name: 'twin', kernel: helloGuest({ echo: true }), memory: 16 });
  await assert.rejects(small.createDomain({ name: 'twin', kernel: helloGuest(), memory: 4 }), /"twin" already exists/);
  await small.domain('twin')?.destroy();
  assert.equal((await small.memory()).free, free);
  assert.match(await small.hypervisorLog(), /Zendo|Xen/);
});

test('memory by physical and virtual address, read and written', async () => {
  await using domain = await echo('memory');
  const text = new TextEncoder().encode('It gives back');
  const image = await domain.memory.read(0x100000, 0x6000);
  const at = 0x100000 + Buffer.from(image).indexOf(text);
  assert.ok(at > 0x100000);
  assert.deepEqual(await domain.memory.readVirtual(at, text.length), text);
  await domain.memory.writeVirtual(at, Uint8Array.of(0x78));
  assert.equal((await domain.memory.read(at, 1))[0], 0x78);
  const pages = new Uint8Array(10000).map((_, i) => i);
  await domain.memory.write(0x300ff0, pages);
  assert.deepEqual(await domain.memory.read(0x300ff0, 10000), pages);
  const end = 16 << 20;
  const missing = (address: bigint) => (error: unknown) => error instanceof GuestMemoryError && error.address === address;
  await assert.rejects(domain.memory.read(end - 8, 16), missing(BigInt(end)));
  await assert.rejects(domain.memory.write(1n << 60n, text), missing(1n << 60n));
  await assert.rejects(domain.memory.readVirtual(0xffff_8000_0000_0000n, 1), missing(0xffff_8000_0000_0000n));
  await assert.rejects(domain.memory.readVirtual(0, 1, 3), RangeError);
  await assert.rejects(domain.memory.read(-1, 1), RangeError);
  await assert.rejects(domain.memory.read(0, -1), RangeError);
});

/** Wait until it stands at an instruction, in a loop of which it stays. */
async function reaches(domain: Domain, rip: bigint): Promise<void> {
  for (let tries = 0; tries < 30_000; tries++) {
    if ((await domain.registers()).rip === rip) return;
    await setTimeout(1);
  }
  assert.fail(`it does not reach ${rip.toString(16)}`);
}

test('code that is written is what runs', async () => {
  const guest = crashGuest('ud2');
  await using domain = await machine.createDomain({ name: 'patched', kernel: guest, memory: 16, paused: true });
  assert.equal((await domain.state()).paused, true);
  await domain.memory.write(crashGuestAddress('ud2', 'crash'), Uint8Array.of(0xeb, 0xfe)); // a jump to itself
  await domain.unpause();
  await assert.rejects(domain.waitForEnd({ timeout: 1 }), TimeoutError);
  const rip = BigInt(crashGuestAddress('ud2', 'crash'));
  await reaches(domain, rip);
  assert.match((await domain.backtrace())[0] ?? '', new RegExp(rip.toString(16)));
  await domain.memory.write(rip, Uint8Array.of(0x0f, 0x0b)); // ud2 again: the loop must notice
  const { reason, crash } = await domain.waitForEnd();
  assert.equal(reason, 'crash');
  assert.match(crash?.report ?? '', /rip: [0-9a-f]+:0+1[0-9a-f]{5}/);
});

test('registers are written', async () => {
  await using domain = await machine.createDomain({ name: 'registers', kernel: crashGuest({ code: [0xeb, 0xfe, 0x0f, 0x0b] }), memory: 16 });
  const rip = BigInt(crashGuestAddress({ code: [0xeb, 0xfe, 0x0f, 0x0b] }, 'crash'));
  await reaches(domain, rip);
  await domain.setRegisters({ rbx: 5n, rip: rip + 2n });
  const { crash } = await domain.waitForEnd();
  assert.equal(crash?.vcpus[0]?.registers.rbx, 5n);
  await assert.rejects(domain.setRegisters({ rbx: -1n }), RangeError);
  await assert.rejects(domain.setRegisters({ eax: 1n } as never), RangeError);
});

test('pause, unpause, and typing into a full ring', async () => {
  await using domain = await echo('typing');
  await domain.pause();
  const typing = domain.console.write('y'.repeat(5000));
  assert.equal((await domain.state()).paused, true);
  await domain.unpause();
  await typing;
  await domain.console.waitFor(/(y[^y]*){5000}/);
});

test('xenstore: read, write, watch, transactions', async () => {
  const { xenstore } = machine;
  await using domain = await echo('store');
  const changed: string[] = [];
  const end = await xenstore.watch(`${domain.path}/data`, (path) => changed.push(path));
  await xenstore.write(`${domain.path}/data/x`, '1');
  await xenstore.transaction((nodes) => {
    nodes.write(`${domain.path}/data/x`, String(Number(nodes.read(`${domain.path}/data/x`)) + 1));
    nodes.mkdir(`${domain.path}/data/y`);
  });
  assert.equal(await xenstore.read(`${domain.path}/data/x`), '2');
  assert.deepEqual(await xenstore.directory(`${domain.path}/data`), ['x', 'y']);
  await end();
  await xenstore.rm(`${domain.path}/data`);
  assert.equal(await xenstore.readIfThere(`${domain.path}/data/x`), undefined);
  assert.ok(changed.includes(`${domain.path}/data/x`));
  await assert.rejects(xenstore.read('/nowhere'), (error) => error instanceof XenstoreRequestError && error.errno === 'ENOENT');
  await assert.rejects(
    xenstore.transaction(() => {
      throw new TypeError('mine');
    }),
    TypeError,
  );
});

test('a destroyed domain says so, to those who wait and to those who come', async () => {
  const domain = await echo('short');
  const waits = [domain.waitForEnd(), domain.console.waitFor('never').catch((error: unknown) => error)] as const;
  await domain.destroy();
  await domain.destroy();
  assert.equal((await waits[0]).reason, 'destroyed');
  assert.ok((await waits[1]) instanceof DomainEndedError);
  await assert.rejects(domain.registers(), DomainGoneError);
  await assert.rejects(domain.console.write('x'), DomainGoneError);
  assert.equal(domain.ended?.reason, 'destroyed');
  assert.equal(machine.domain('short'), undefined);
});

test('a machine that is closed ends everything that waits on it', async () => {
  const other = await Machine.create();
  const domain = await other.createDomain({ kernel: helloGuest({ echo: true }), memory: 16 });
  const wait = domain.waitForEnd();
  await other.close();
  await other.close();
  assert.equal((await wait).reason, 'destroyed');
  await assert.rejects(other.createDomain({ kernel: helloGuest(), memory: 16 }), MachineClosedError);
  await assert.rejects(other.xenstore.read('/'), MachineClosedError);
});

test('a snapshot goes on, more than once, and so does the machine it was made of', async () => {
  await using first = await Machine.create({ seed: 5, translationCache: 'off' });
  const guest = await first.createDomain({ kernel: helloGuest({ echo: true }), name: 'guest', memory: 16 });
  await guest.console.waitFor('Ctrl-D ends it.');
  await first.xenstore.write('/tool/note', 'kept');
  const snapshot = await first.snapshot();
  await guest.console.write('first');
  await guest.console.waitFor('first');
  for (const text of ['second', 'third']) {
    await using machine = await Machine.resume(snapshot, { translationCache: 'off' });
    const again = machine.domain('guest');
    assert.ok(again);
    assert.deepEqual([again.domid, again.uuid, again.console.text, again.ended], [guest.domid, guest.uuid, '', undefined]);
    assert.equal(await machine.xenstore.read('/tool/note'), 'kept');
    await again.console.write(text);
    await again.console.waitFor(text);
    await again.memory.write(0x5000, Uint8Array.of(1, 2, 3));
    assert.deepEqual([...(await again.memory.read(0x5000, 3))], [1, 2, 3]);
    const other = await machine.createDomain({ kernel: helloGuest(), memory: 16 });
    assert.equal((await other.waitForEnd()).reason, 'poweroff');
    await again.console.write('\x04');
    assert.equal((await again.waitForEnd()).reason, 'poweroff');
    const { free } = await machine.memory();
    await again.destroy();
    assert.ok((await machine.memory()).free >= free + 16);
  }
});

test('with a seed, a snapshot of a guest that has not begun gives the same run', async () => {
  await using machine = await Machine.create({ seed: 6 });
  const guest = await machine.createDomain({ kernel: helloGuest(), memory: 16, paused: true });
  const snapshot = await machine.snapshot();
  const run = async (domain: Domain): Promise<unknown> => {
    await domain.unpause();
    await domain.waitForEnd();
    return [domain.console.text, (await domain.state()).cpuTime, await domain.registers()];
  };
  const expected = await run(guest);
  await using again = await Machine.resume(snapshot);
  assert.deepEqual(await run(again.domains[0] as Domain), expected);
  await using ended = await Machine.resume(await machine.snapshot());
  assert.equal(ended.domains[0]?.ended?.reason ?? (await ended.domains[0]?.waitForEnd())?.reason, 'poweroff');
});

test('what is no snapshot is refused', async () => {
  for (const bytes of [new Uint8Array(0), new Uint8Array(100), new TextEncoder().encode('ZENDOSNP\x02\0\0\0{}')]) {
    await assert.rejects(Machine.resume(bytes), (error) => error instanceof ConfigurationError && /machine\.snapshot\(\)/.test(error.message));
  }
  await assert.rejects(Machine.resume('file' as never), ConfigurationError);
  await assert.rejects(Machine.resume(new Uint8Array(0), { seed: 1 } as never), ConfigurationError);
  await assert.rejects(Machine.create({ translationCache: '' }), ConfigurationError);
});
