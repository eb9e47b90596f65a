import { type Command, parseArguments } from '../../command.ts';
import { findDomain } from '../../find-domain.ts';

/** Commands that show the devices of domains. There are no backends yet, so what they show is what Xen's show of domains without devices. */
function listCommand(name: string, summary: string, heading: string): Command {
  return {
    name,
    usage: '<Domain(s)>',
    summary,
    async run(context, args) {
      const { host } = context;
      const { rest } = parseArguments(context, args, '', 1);
      const daemon = await host.daemon();
      host.out(heading);
      for (const given of rest) await findDomain(host, daemon, given);
      return 0;
    },
  };
}

/** @xl network-list #P[no network devices yet: the table is empty] */
export const networkList = listCommand(
  'network-list',
  'Show the network interfaces of domains.',
  'Idx BE Mac Addr.         handle state evt-ch   tx-/rx-ring-ref BE-path                       \n',
);

/** @xl vtpm-list #P[no TPMs yet: the table is empty] */
export const vtpmList = listCommand(
  'vtpm-list',
  'Show the TPMs of domains.',
  'Idx BE Uuid                                 handle state evt-ch ring-ref BE-path   \n',
);

/** @xl vkb-list #P[no keyboards yet: the table is empty] */
export const vkbList = listCommand(
  'vkb-list',
  'Show the keyboards of domains.',
  'Idx BE handle state evt-ch    ref ID         BE-type    BE-path                       \n',
);

/** @xl vdispl-list #P[no displays yet: nothing is shown] */
export const vdisplList = listCommand('vdispl-list', 'Show the displays of domains.', '');

/** @xl vsnd-list #P[no sound cards yet: nothing is shown] */
export const vsndList = listCommand('vsnd-list', 'Show the sound cards of domains.', '');

/** @xl pci-list #P[no PCI devices yet: nothing is shown] */
export const pciList = listCommand('pci-list', 'Show the PCI devices of domains.', '');

/** @xl usb-list #P[no USB devices yet: nothing is shown] */
export const usbList = listCommand('usb-list', 'Show the USB devices of domains.', '');
