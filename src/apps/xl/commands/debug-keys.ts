import { type Command, parseArguments } from '../command.ts';

/** @xl debug-keys #P[the keys that the hypervisor knows; h lists them in xl dmesg] */
export const debugKeysCommand: Command = {
  name: 'debug-keys',
  usage: '<Keys>',
  summary: 'Send debug keys to the hypervisor; what they print is in its log.',
  async run(context, args) {
    const { host } = context;
    const [keys = ''] = parseArguments(context, args, '', 1).rest;
    await (await host.daemon()).call('debugKeys', { keys });
    return 0;
  },
};
