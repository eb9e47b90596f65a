import { attempt } from '../attempt.ts';
import { type Command, parseArguments } from '../command.ts';
import { findDomain } from '../find-domain.ts';

/** @xl dump-core #Y */
export const dumpCoreCommand: Command = {
  name: 'dump-core',
  usage: '<Domain> <filename>',
  summary: "Write a domain's registers and memory to a file, in Xen's format. The domain runs on meanwhile; pause it first for a picture of one instant.",
  async run(context, args) {
    const { host, global } = context;
    const [given = '', path = ''] = parseArguments(context, args, '', 2).rest;
    const daemon = await host.daemon();
    const domid = await findDomain(host, daemon, given);
    let shown = -1;
    const progress = (report: unknown): void => {
      const { done, total } = report as { done: number; total: number };
      const percent = Math.floor((done / total) * 100);
      if (global.verbose > 0 && percent > shown) host.err(`xc: detail: dump-core: ${(shown = percent)}% of ${Math.ceil(total / 1048576)} MiB\n`);
    };
    const done = await attempt(host, () => daemon.call('dumpCore', { domid, path: host.resolve(path) }, { progress }));
    if ('value' in done) return 0;
    host.err(`core dump failed (rc=${done.rc})\n`);
    return 1;
  },
};
