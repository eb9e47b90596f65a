import { EFAULT, EINVAL, ENOSYS, EPERM } from '../../spec/xen/errno.ts';
import { CONSOLEIO_read, CONSOLEIO_write } from '../../spec/xen/xen.ts';
import type { Call } from './call.ts';

/** Bytes taken from one call; a longer write is taken in pieces. */
const CHUNK = 4096;
/** Longest single write accepted, so that one call cannot hold the machine. */
const WRITE_MAX = 1 << 20;

/**
 * console_io(cmd, count, buffer): guests may write to the hypervisor's console; reading is domain 0's.
 * @xen console_io 0 write #Y
 * @xen console_io 1 read #P[no input device yet: reads nothing]
 */
export function consoleIo(call: Call, cmd: number, count: number, buffer: bigint): number {
  const { hv, caller, memory } = call;
  if (cmd === CONSOLEIO_read) return hv.isPrivileged(caller) ? 0 : -EPERM;
  if (cmd !== CONSOLEIO_write) return -ENOSYS;
  if (count > WRITE_MAX) return -EINVAL;
  for (let done = 0; done < count; done += CHUNK) {
    const bytes = memory.read(buffer + BigInt(done), Math.min(CHUNK, count - done));
    if (bytes === undefined) return -EFAULT;
    hv.host.console(caller.id, bytes);
  }
  return 0;
}
