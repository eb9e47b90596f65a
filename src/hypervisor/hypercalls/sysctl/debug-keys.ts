import { EFAULT, ERESTART } from '../../../spec/xen/errno.ts';
import { xen_sysctl_debug_keys } from '../../../spec/xen/sysctl.ts';
import { printk } from '../../console-ring.ts';
import { KEYS } from '../../debug/keys.ts';
import { fail, mustPause, ok, weigh } from '../call.ts';
import { sysctlOperation } from './operation.ts';

/** What a key that prints costs, as elements of a list. */
const KEY_COST = 1024;

/**
 * As if keys were pressed on the hypervisor's console: what they show goes to its log. Unknown keys do nothing.
 * @xen sysctl 7 debug_keys #P[0 a d e g h m q r t u]
 * Fails: EFAULT (keys before that were pressed).
 */
export const debugKeys = sysctlOperation(xen_sysctl_debug_keys, (call, arg) => {
  const { hv, memory } = call;
  for (let i = 0; i < arg.nr_keys; i++) {
    const byte = memory.read(arg.keys + BigInt(i), 1);
    if (byte === undefined) return fail(EFAULT);
    const name = String.fromCharCode(byte[0] as number);
    const key = KEYS.get(name);
    if (key !== undefined) {
      for (const line of key.print(hv, name)) printk(hv, `(XEN) ${line}`);
      weigh(call, KEY_COST);
    }
    const done = i + 1;
    if (mustPause(call) && done < arg.nr_keys) return { errno: ERESTART, out: { keys: arg.keys + BigInt(done), nr_keys: arg.nr_keys - done } };
  }
  return ok();
});
