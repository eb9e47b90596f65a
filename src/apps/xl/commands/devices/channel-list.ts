import { type Command, parseArguments } from '../../command.ts';
import { findDomain } from '../../find-domain.ts';
import { left } from '../../format.ts';

/** @xl channel-list #P[channels are reached with xl console -n; there is no pty] */
export const channelList: Command = {
  name: 'channel-list',
  usage: '<Domain(s)>',
  summary: 'Show the channels of domains; channel N is console N + 1.',
  async run(context, args) {
    const { host } = context;
    const { rest } = parseArguments(context, args, '', 1);
    const daemon = await host.daemon();
    host.out('Idx BE state evt-ch ring-ref connection                               \n');
    for (const given of rest) {
      const domid = await findDomain(host, daemon, given);
      for (const { devid, state, eventChannel, ringRef, connection } of await daemon.call('channels', { domid })) {
        const where = connection === 'socket' ? '' : `xl console -n ${devid + 1} ${domid}`;
        host.out(
          `${left(String(devid), 3)} 0  ${left(String(state), 5)} ${left(String(eventChannel), 6)} ${left(String(ringRef), 8)} ${left(connection, 10)} ${left(where, 30)} \n`,
        );
      }
    }
    return 0;
  },
};
