import type { Target } from './target.ts';
import { daemonTarget } from './targets/daemon.ts';
import { debTarget } from './targets/deb.ts';
import { gdbTarget } from './targets/gdb.ts';
import { decompressTarget, initrdTarget, kernelTarget } from './targets/images.ts';
import { misbehaving } from './targets/misbehaving.ts';
import { privcmdTarget } from './targets/privcmd.ts';
import { rpcTarget } from './targets/rpc.ts';
import { snapshotTarget, storeStateTarget } from './targets/snapshots.ts';
import { translationsTarget } from './targets/translations.ts';
import { vcpuContextTarget } from './targets/vcpu-context.ts';
import { wasmTarget } from './targets/wasm.ts';
import { xenstoreRingTarget, xenstoreSocketTarget } from './targets/xenstore.ts';
import { xlTarget } from './targets/xl.ts';
import { xlcfgTarget } from './targets/xlcfg.ts';

/** Everything that is tried, in the order of `npm run fuzz`. */
export const TARGETS: readonly Target[] = [
  xlcfgTarget,
  rpcTarget,
  daemonTarget,
  privcmdTarget,
  vcpuContextTarget,
  xenstoreSocketTarget,
  xenstoreRingTarget,
  storeStateTarget,
  snapshotTarget,
  kernelTarget,
  decompressTarget,
  initrdTarget,
  debTarget,
  gdbTarget,
  wasmTarget,
  translationsTarget,
  xlTarget,
];

export function targetNamed(name: string): Target {
  const found = [...TARGETS, ...misbehaving].find((target) => target.name === name);
  if (found === undefined) throw new Error(`there is no target ${name}`);
  return found;
}
