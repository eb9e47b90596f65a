import { E2BIG, EFAULT, ENOSYS, EPERM } from '../../spec/xen/errno.ts';
import { CONSOLEIO_read, CONSOLEIO_write } from '../../spec/xen/xen.ts';
import { GUEST_CONSOLE_CHUNK, writeGuestConsole } from '../guest-console.ts';
import { type Call, mustPause } from './call.ts';

/** Longest write: what a signed 32-bit number can say. */
const WRITE_MAX = 0x7fffffff;

/**
 * console_io(cmd, count, buffer): guests may write to the hypervisor's console; reading is domain 0's.
 * @xen console_io 0 write #Y
 * @xen console_io 1 read #P[no input device yet: reads nothing]
 * Fails: ENOSYS no such command; EPERM reading, not privileged; E2BIG; EFAULT (what is before that was written).
 */
export function consoleIo(call: Call, cmd: number, count: number, buffer: bigint): number {
  const { hv, caller, memory } = call;
  if (cmd === CONSOLEIO_read) return hv.isPrivileged(caller) ? 0 : -EPERM;
  if (cmd !== CONSOLEIO_write) return -ENOSYS;
  if (count > WRITE_MAX) return -E2BIG;
  for (let done = 0; done < count; ) {
    const size = Math.min(GUEST_CONSOLE_CHUNK, count - done);
    const bytes = memory.read(buffer + BigInt(done), size);
    if (bytes === undefined) return -EFAULT;
    const taken = writeGuestConsole(hv, caller, bytes);
    if (taken) done += size;
    if (!taken || (mustPause(call) && done < count)) {
      call.restart = [BigInt(cmd), BigInt(count - done), buffer + BigInt(done)];
      return 0;
    }
  }
  return 0;
}
