import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { helloGuest } from '../../src/toolstack/guests/hello.ts';
import { debianImages } from '../boot/debian-images.ts';
import { unpackedPackages } from '../unpacked-packages.ts';
import { Toolstack } from './toolstack.ts';

/** Pacemaker's agents with their tester, and xmllint, which the tester checks an agent's description with. */
const PACKAGES = ['resource-agents', 'libxml2-utils', 'libxml2', 'libicu72', 'liblzma5'] as const;
const XL = resolve(import.meta.dirname, '../../bin/xl.js');
/** How long one run of the tester may take, in milliseconds. */
const PATIENCE = 300_000;
const LIBRARIES = 'usr/lib/x86_64-linux-gnu';

const stack = new Toolstack();
after(() => stack.close());

/** A program of our own for the tester's PATH. */
function program(name: string, script: string): void {
  mkdirSync(join(stack.folder, 'bin'), { recursive: true });
  chmodSync(stack.file(`bin/${name}`, `#!/bin/sh\n${script}\n`), 0o755);
}

/** Set ocf-tester on the stock agent `ocf:heartbeat:Xen` with these parameters; what it said when it passed. Undefined when it cannot run here and the test is skipped. */
async function passes(t: TestContext, parameters: Readonly<Record<string, string>>): Promise<string | undefined> {
  const packages = await unpackedPackages('resource-agents', PACKAGES);
  if (typeof packages !== 'string') {
    if (process.env['CI'] === 'true') throw new Error(packages.missing);
    t.skip(packages.missing);
    return undefined;
  }
  // run by root, the tester has nobody read the agent, who must get as far as the agent
  chmodSync(stack.folder, 0o755);
  const ocf = join(stack.folder, 'ocf');
  cpSync(join(packages, 'usr/lib/ocf'), ocf, { recursive: true });
  const lint = join(packages, 'usr/bin/xmllint');
  program('xl', `exec '${process.execPath}' '${XL}' "$@"`);
  program('xmllint', `LD_LIBRARY_PATH='${join(packages, LIBRARIES)}' exec '${lint}' "$@"`);
  const stock = readFileSync(join(packages, 'usr/sbin/ocf-tester'), 'utf8');
  const tester = stack.file('ocf-tester', stock.replace(/^DATADIR=.*$/m, `DATADIR='${join(packages, 'usr/share')}'`));
  // the agent sleeps a second between its looks: shorter here, as often
  program('sleep', 'exec /bin/sleep 0.1');
  const scratch = join(stack.folder, 'ha');
  mkdirSync(scratch, { recursive: true });
  const words = Object.entries(parameters).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const child = spawn('/bin/sh', [tester, '-v', '-n', 'instance', ...words, join(ocf, 'resource.d/heartbeat/Xen')], {
    cwd: stack.folder,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...stack.env,
      PATH: `${join(stack.folder, 'bin')}:${process.env['PATH']}`,
      OCF_ROOT: ocf,
      HA_RSCTMP: scratch,
      HA_VARRUN: scratch,
      HA_VARLIB: scratch,
      HA_LOGFACILITY: 'none',
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes: Buffer) => void (said += bytes.toString()));
  // an agent that waits for what does not come waits for ever: it ends with all that it started
  const end = setTimeout(() => child.pid !== undefined && process.kill(-child.pid, 'SIGKILL'), PATIENCE);
  const status = await new Promise<number | null>((done) => child.on('close', done));
  clearTimeout(end);
  assert.equal(status, 0, said);
  assert.match(said, /passed all tests\n/);
  return said;
}

test("Debian's ocf-tester passes the stock agent for Xen on our xl: a guest that is destroyed at once", async (t) => {
  const kernel = stack.file('hello', helloGuest({ echo: true }));
  const config = stack.file('deaf.cfg', `name = "deaf"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = 16\n`);
  const said = await passes(t, { xmfile: config, shutdown_timeout: '0' });
  if (said === undefined) return;
  assert.equal(said.match(/Xen domain deaf will be destroyed!/g)?.length, 2, said);
  assert.match(said, /Xen domain deaf already running\./);
  assert.match(said, /Xen domain deaf already stopped\./);
});

test("Debian's ocf-tester passes the stock agent for Xen on our xl: a Linux that is shut down", async (t) => {
  const images = await debianImages('linux-image-cloud-amd64', 'interactive');
  if ('missing' in images) return t.skip(images.missing);
  const boot = `kernel = "${images.kernel}"\nramdisk = "${images.initrd}"\nextra = "console=hvc0 quiet"\n`;
  const config = stack.file('linux.cfg', `name = "linux"\ntype = "pvh"\nmemory = 160\n${boot}`);
  const said = await passes(t, { xmfile: config, shutdown_timeout: '200' });
  if (said === undefined) return;
  assert.equal(said.match(/Xen domain linux stopped\.\n/g)?.length, 2, said);
  assert.doesNotMatch(said, /will be destroyed|shutdown failed/);
});
