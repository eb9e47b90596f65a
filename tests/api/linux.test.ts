import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Domain, Machine } from '../../src/apps/api/main.ts';
import { debianImages } from '../boot/debian-images.ts';

/** A command in the guest's shell, and what it prints. */
async function shell(guest: Domain, command: string): Promise<string> {
  await guest.console.write(`${command}; echo "[$?]done"\n`);
  const { input, index } = await guest.console.waitFor(/\[\d+\]done\r?\n/);
  return input.slice(0, index);
}

/** Wait until a domain's memory is as wanted, in MiB. */
async function settled(guest: Domain, fits: (mib: number) => boolean): Promise<number> {
  for (let tries = 0; tries < 1200; tries++) {
    const { memory } = await guest.state();
    if (fits(memory)) return memory;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the memory stays at ${(await guest.state()).memory} MiB`);
}

test("two of Debian's Linux by the API: balloon, numbers that add up, registers, shutdown, a crash with names", async (t) => {
  const images = await debianImages('linux-image-cloud-amd64', 'interactive');
  if ('missing' in images) {
    t.skip(images.missing);
    return;
  }
  await using machine = await Machine.create({ memory: 512 });
  /** MiB that are neither free nor a domain's: the hypervisor's, and domain 0's. */
  const others = async (): Promise<number> => {
    const { total, free } = await machine.memory();
    const theirs = await Promise.all(machine.domains.map(async (domain) => (await domain.state()).memory));
    return total - free - theirs.reduce((sum, each) => sum + each, 0);
  };
  const alone = await others();
  const start = (name: string): Promise<Domain> =>
    machine.createDomain({ name, kernel: images.kernel, ramdisk: images.initrd, cmdline: 'console=hvc0 quiet', memory: 160 });
  const [first, second] = await Promise.all([start('first'), start('second')]);
  await Promise.all([first, second].map((guest) => guest.console.waitFor('~ # ', { timeout: 240_000 })));

  /** The numbers while nobody changes them. */
  const standing = async (): Promise<{ mine: number; other: number; free: number; others: number }> => {
    for (const guest of [first, second]) await guest.pause();
    const [mine = 0, other = 0] = await Promise.all([first, second].map(async (guest) => (await guest.state()).memory));
    const numbers = { mine, other, free: (await machine.memory()).free, others: (await others()) - alone };
    for (const guest of [first, second]) await guest.unpause();
    return numbers;
  };
  const before = await standing();
  // a few pages of each domain are the hypervisor's: shared info, grant tables
  assert.ok(before.others > 0 && before.others < 1, `${before.others} MiB`);
  await first.setMemory(128);
  await settled(first, (mib) => mib < 130);
  const small = await standing();
  assert.ok(small.mine < 130);
  assert.deepEqual(small, { ...before, mine: small.mine, free: before.free + before.mine - small.mine }, 'what the guest gives back is free');
  await first.setMemory(156);
  await settled(first, (mib) => mib >= 156);
  const large = await standing();
  assert.deepEqual(large, { ...before, mine: large.mine, free: before.free + before.mine - large.mine }, 'and what it takes is not; the other is not touched');
  assert.match(await shell(first, 'grep MemTotal /proc/meminfo'), /MemTotal: +1\d{5} kB/);

  // a paused guest is somewhere in its kernel; what it is called stands there
  await second.pause();
  assert.match((await second.backtrace())[0] ?? '', /^\S+.*\+0x[0-9a-f]+/);
  const { rip, cr3 } = await second.registers();
  assert.equal((await second.memory.readVirtual(rip, 16)).length, 16);
  assert.equal((await second.memory.read(cr3 & ~0xfffn, 4096)).length, 4096);
  await second.unpause();

  assert.equal((await first.shutdown({ timeout: 120_000 })).reason, 'poweroff');
  await second.console.write('echo c > /proc/sysrq-trigger\n');
  const { reason, crash } = await second.waitForEnd({ timeout: 120_000 });
  assert.equal(reason, 'crash');
  assert.match(crash?.report ?? '', /panic|sysrq/);
  await first.destroy();
  await second.destroy();
  assert.equal(await others(), alone, 'nothing is left of them');
});
