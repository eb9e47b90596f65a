import { type Command, parseArguments } from '../command.ts';

/** @xl dmesg #Y */
export const dmesg: Command = {
  name: 'dmesg',
  usage: '[-c]',
  summary: "Print the hypervisor's log.",
  options: ['-c                      Empty the log as well'],
  async run(context, args) {
    const { host } = context;
    const { flags } = parseArguments(context, args, 'c');
    host.out((await (await host.daemon()).call('hypervisorLog', { clear: flags.has('c') })).text);
    return 0;
  },
};
