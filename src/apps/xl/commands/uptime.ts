import { type Command, parseArguments } from '../command.ts';
import { listed } from '../find-domain.ts';
import { left, right, shownName, uptimeText } from '../format.ts';

/** @xl uptime #Y */
export const uptime: Command = {
  name: 'uptime',
  usage: '[-s] [Domain...]',
  summary: 'Show how long domains have been there.',
  options: ['-s                      Short output'],
  async run(context, args) {
    const { host } = context;
    const { flags, rest } = parseArguments(context, args, 's');
    const daemon = await host.daemon();
    const { startTime } = await daemon.call('status', {});
    const domains = (await Promise.all((rest.length === 0 ? [undefined] : rest).map((given) => listed(host, daemon, given)))).flat();
    const now = host.wall() / 1000;
    if (!flags.has('s')) host.out('Name                                ID Uptime\n');
    for (const each of domains) {
      const seconds = Math.max(0, now - (each.domid === 0 ? startTime : each.startTime));
      if (flags.has('s')) host.out(` ${host.clock()} up ${uptimeText(seconds, true)}, ${shownName(each)} (${each.domid})\n`);
      else host.out(`${left(shownName(each), 33)} ${right(each.domid, 4)} ${uptimeText(seconds)}\n`);
    }
    return 0;
  },
};
