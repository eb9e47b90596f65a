import type { DaemonClient } from '../../../daemon/connect.ts';
import { type Command, parseArguments } from '../../command.ts';
import type { XlHost } from '../../xl-host.ts';
import { TopScreen } from './top-screen.ts';
import { type Sample, topTable, type View } from './top-table.ts';

/** Seconds between two looks, when none are given. */
const DELAY = 3;
/** Greatest number of seconds between two looks: a day. */
const DELAY_MAX = 86400;

async function sample(host: XlHost, daemon: DaemonClient, vcpus: boolean): Promise<Sample> {
  const [domains, hostInfo] = await Promise.all([daemon.call('list', {}), daemon.call('hostInfo', {})]);
  return { time: host.wall(), domains, host: hostInfo, vcpus: vcpus ? await daemon.call('vcpus', {}) : [] };
}

/** @xl top #P[no networks and disks to show yet] */
export const top: Command = {
  name: 'top',
  usage: '[options]',
  summary: 'Watch what domains use. The options are those of xentop.',
  options: [
    '-b, --batch             Print to a pipe or a file; no keys',
    '-d, --delay=SECONDS     Seconds between two looks (3)',
    '-i, --iterations=N      Look so many times, then end',
    '-v, --vcpus             Add the times of the vCPUs',
    '-n, --networks          Add network interfaces',
    '-x, --vbds              Add virtual disks',
    '-r, --repeat-header     Repeat the heading above each domain',
    '-f, --full-name         Do not cut names',
    '-z, --dom0-first        Domain 0 first, whatever the order',
  ],
  async run(context, args) {
    const { host } = context;
    const long = {
      batch: 'b',
      'delay=': 'd',
      'iterations=': 'i',
      vcpus: 'v',
      networks: 'n',
      vbds: 'x',
      'repeat-header': 'r',
      'full-name': 'f',
      'dom0-first': 'z',
    };
    const { flags, values } = parseArguments(context, args, 'bd:i:vnxrfz', 0, long);
    const delay = Number(values.get('d') ?? DELAY);
    const iterations = Number(values.get('i') ?? 0);
    if (!(delay > 0 && delay <= DELAY_MAX) || !Number.isInteger(iterations) || iterations < 0) {
      host.err('xl: -d needs seconds, -i a number of times\n');
      return 1;
    }
    const view: View = { vcpus: flags.has('v'), repeatHeader: flags.has('r'), fullName: flags.has('f'), domain0First: flags.has('z'), sort: 0 };
    const daemon = await host.daemon();
    if (!flags.has('b')) {
      if (host.terminal.size() === undefined) {
        host.err('xl: this is no terminal; give -b for lines of text\n');
        return 1;
      }
      await new TopScreen(host, view, delay).run((vcpus) => sample(host, daemon, vcpus), iterations);
      return 0;
    }
    let before: Sample | undefined;
    for (let n = 1; ; n++) {
      const now = await sample(host, daemon, view.vcpus);
      host.out(`${topTable(now, before, view).join('\n')}\n`);
      before = now;
      if (n === iterations) return 0;
      await new Promise<void>((resolve) => host.after(delay * 1000, resolve));
    }
  },
};
