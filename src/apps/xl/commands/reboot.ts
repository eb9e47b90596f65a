import { askGuests } from '../ask-guests.ts';
import { type Command, parseArguments } from '../command.ts';

/** @xl reboot #P[PV control only: there is no ACPI reset to fall back to] */
export const reboot: Command = {
  name: 'reboot',
  usage: '[options] <-a|Domain>',
  summary: 'Ask the guest of a domain to reboot.',
  options: [
    '-a, --all               Reboot all guest domains',
    '-F                      Fall back to an ACPI reset event for guests without PV control',
    '-w, --wait              Wait until the domains have rebooted',
  ],
  run: (context, args) =>
    askGuests(context, parseArguments(context, args, 'awF', 0, { all: 'a', wait: 'w' }), { what: 'reboot', doing: 'Rebooting', name: 'reboot' }),
};
