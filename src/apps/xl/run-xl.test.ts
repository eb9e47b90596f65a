import assert from 'node:assert/strict';
import { test } from 'node:test';
import { COMMANDS, runXl } from './run-xl.ts';
import type { XlHost } from './xl-host.ts';

/** The commands of Xen 4.17 to 4.21, by topic. @see tools/xl/xl_cmdtable.c; docs/man/xl.1.pod.in */
const NAMES = `
  create config-update list destroy shutdown reboot pause unpause rename domid domname vm-list uptime dump-core sysrq trigger
  button-press console vncviewer top
  save restore migrate migrate-receive suspend resume remus
  info dmesg debug-keys sharing claims set-parameters getenforce setenforce loadpolicy
  mem-set mem-max
  vcpu-list vcpu-pin vcpu-set sched-credit sched-credit2 sched-rtds
  cpupool-create cpupool-list cpupool-destroy cpupool-rename cpupool-cpu-add cpupool-cpu-remove cpupool-migrate cpupool-numa-split
  block-attach block-list block-detach cd-insert cd-eject
  network-attach network-list network-detach channel-list
  pci-attach pci-detach pci-list pci-assignable-add pci-assignable-remove pci-assignable-list
  usbctrl-attach usbctrl-detach usbdev-attach usbdev-detach usb-list
  vtpm-attach vtpm-list vtpm-detach
  vkb-attach vkb-list vkb-detach vdispl-attach vdispl-list vdispl-detach vsnd-attach vsnd-list vsnd-detach
  psr-hwinfo psr-cmt-attach psr-cmt-detach psr-cmt-show psr-cat-set psr-cat-show psr-mba-set psr-mba-show
  devd qemu-monitor-command dt-overlay xenstore-quota-get xenstore-quota-set`
  .trim()
  .split(/\s+/);

/** Run a command line where no daemon may be needed. */
async function xl(...args: string[]): Promise<{ status: number; out: string; err: string }> {
  let out = '';
  let err = '';
  const needed = (): Promise<never> => Promise.reject(new Error('a daemon was wanted'));
  const host: Partial<XlHost> = {
    daemon: needed,
    runningDaemon: needed,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
  };
  const status = await runXl(host as XlHost, args);
  return { status, out, err };
}

/** Names in the help text, each at the beginning of a line. */
const listed = (text: string): string[] => [...text.matchAll(/^ ([a-z][\w-]+) +\S/gm)].map(([, name]) => name as string);

test('xl help names each of the 97 commands once, and no other but completion', async () => {
  assert.equal(new Set(NAMES).size, 97);
  const { status, out } = await xl('help');
  assert.equal(status, 0);
  assert.deepEqual(listed(out).toSorted(), [...NAMES, 'completion'].toSorted());
  // without a command the same text, as an error
  assert.deepEqual(await xl(), { status: 1, out, err: '' });
});

test('each command has its help, or says that it is not there yet', async () => {
  const there = new Set(COMMANDS.map(({ name }) => name));
  assert.equal(NAMES.filter((name) => there.has(name)).length, 44);
  for (const name of NAMES) {
    const told = await xl('help', name);
    assert.equal(told.status, 0);
    if (there.has(name)) {
      assert.match(told.out, new RegExp(`^Usage: xl \\[-vtTfN?\\] ${name} `));
      assert.deepEqual(await xl(name, '--help'), told, name);
      assert.deepEqual(await xl(name, '-h'), told, name);
    } else {
      assert.match(told.out, new RegExp(`^xl ${name}: .+\\. It is not there yet\\.\n$`));
      for (const args of [[], ['--help'], ['guest', '1']])
        assert.deepEqual(await xl(name, ...args), { status: 1, out: '', err: `xl: "${name}" is not there yet\n` });
    }
  }
});

test('the beginning of a name is enough where no other begins so', async () => {
  assert.deepEqual(await xl('des', '--help'), await xl('help', 'destroy'));
  assert.deepEqual(await xl('help', 'dest'), await xl('help', 'destroy'));
  // sched-credit is the beginning of another and a name
  assert.match((await xl('sched-credit')).err, /"sched-credit" is not there yet/);
  assert.match((await xl('vncv')).err, /"vncviewer" is not there yet/);
  for (const word of ['d', 'nosuch', '']) assert.deepEqual(await xl(word), { status: 1, out: '', err: 'command not implemented\n' }, word);
  assert.deepEqual(await xl('help', 'nosuch'), { status: 1, out: '', err: "command 'nosuch' not implemented\n" });
});

test('global options', async () => {
  assert.deepEqual(await xl('-x', 'list'), { status: 2, out: '', err: 'unknown global option\n' });
  assert.deepEqual(await xl('-N', 'list'), { status: 1, out: '', err: 'command does not implement -N (dryrun) option\n' });
  assert.equal((await xl('-vvtTf', 'help')).status, 0);
});
