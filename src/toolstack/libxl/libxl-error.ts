import { HypercallError } from '../../hypervisor/dom0/kernel.ts';
import { EAGAIN, EBUSY, EEXIST, EINVAL, ENOMEM, ENOSYS, EPERM, ESRCH } from '../../spec/xen/errno.ts';

/** libxl's return codes that tools show. @see tools/libs/light/libxl_types.idl, libxl_error */
export const ERROR_FAIL = -3;
export const ERROR_INVAL = -6;
export const ERROR_TIMEDOUT = -9;

const TEXTS: ReadonlyMap<number, string> = new Map([
  [EPERM, 'Operation not permitted'],
  [ESRCH, 'No such process'],
  [EAGAIN, 'Resource temporarily unavailable'],
  [ENOMEM, 'Cannot allocate memory'],
  [EBUSY, 'Device or resource busy'],
  [EEXIST, 'File exists'],
  [EINVAL, 'Invalid argument'],
  [ENOSYS, 'Function not implemented'],
]);

/** What a C library says for an errno. */
export const errnoText = (errno: number): string => TEXTS.get(errno) ?? `Unknown error ${errno}`;

/** What was asked of libxl could not be done: its return code, and what libxl prints about it (without "libxl: error: "). */
export class LibxlError extends Error {
  override readonly name = 'LibxlError';
  readonly rc: number;
  /** Whole lines, as tools print them. */
  readonly lines: readonly string[];

  constructor(rc: number, lines: readonly string[], options?: ErrorOptions) {
    super(lines[0] ?? `libxl failed with ${rc}`, options);
    this.rc = rc;
    this.lines = lines;
  }
}

/** One line of libxl's own about a domain. Xen's names the place in libxl's C sources too; ours is another program. */
export const aboutDomain = (domid: number, text: string): string => (domid === 0 ? `libxl: error: ${text}` : `libxl: error: Domain ${domid}:${text}`);

/** Do what makes hypercalls; one that fails is told of as libxl does. `what`: what was being done. */
export function hypercalls<T>(domid: number, what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof HypercallError)) throw error;
    throw new LibxlError(ERROR_FAIL, [aboutDomain(domid, `${what}: ${errnoText(error.errno)}`)], { cause: error });
  }
}

/** There is no such domain. */
export const unknownDomain = (domid: number): LibxlError => new LibxlError(ERROR_INVAL, [aboutDomain(domid, 'Non-existant domain')]);
