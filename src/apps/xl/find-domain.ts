import type { DomainSummary } from '../../toolstack/libxl/domain-summary.ts';
import { ERROR_INVAL } from '../../toolstack/libxl/libxl-error.ts';
import type { DaemonClient } from '../daemon/connect.ts';
import { XlEnd, type XlHost } from './xl-host.ts';

/** The id that a command line names: a number (there need not be such a domain), or a name; undefined for an unknown name. */
export async function knownDomain(daemon: DaemonClient, given: string): Promise<number | undefined> {
  if (/^\d+$/.test(given)) return Number(given);
  return (await daemon.call('list', {})).find(({ name }) => name === given)?.domid;
}

/** As `knownDomain`. Ends the program for an unknown name. */
export async function findDomain(host: XlHost, daemon: DaemonClient, given: string): Promise<number> {
  const found = await knownDomain(daemon, given);
  if (found !== undefined) return found;
  host.err(`${given} is an invalid domain identifier (rc=${ERROR_INVAL})\n`);
  throw new XlEnd(1);
}

/** All domains, or the one that is named. Ends the program when there is none. */
export async function listed(host: XlHost, daemon: DaemonClient, given: string | undefined): Promise<DomainSummary[]> {
  const all = await daemon.call('list', {});
  if (given === undefined) return all;
  const domid = await findDomain(host, daemon, given);
  const found = all.filter((each) => each.domid === domid);
  if (found.length > 0) return found;
  host.err(`Error: Domain '${given}' does not exist.\n`);
  throw new XlEnd(1);
}
