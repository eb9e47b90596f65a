import type { DiskConfig } from '../xlcfg/disk-spec.ts';
import type { NicConfig } from '../xlcfg/nic-spec.ts';
import type { ChannelConfig } from './channels.ts';

/**
 * A domain's configuration in the form of libxl's JSON (`xl list -l`, `xl create -n`): names, order and the spelling of
 * booleans are libxl's. Members that hold their default are absent.
 * @see tools/libs/light/libxl_types.idl, libxl_domain_config
 */
export interface DomainConfig {
  readonly c_info: CreateInfo;
  readonly b_info: BuildInfo;
  readonly disks?: readonly DiskConfig[];
  readonly nics?: readonly NicConfig[];
  readonly channels?: readonly ChannelConfig[];
  /** Absent: destroy. */
  readonly on_poweroff?: Action;
  readonly on_reboot?: Action;
  readonly on_watchdog?: Action;
  readonly on_crash?: Action;
  readonly on_soft_reset?: Action;
}

export type DomainType = 'pv' | 'pvh' | 'hvm';

/** What becomes of a domain that has ended. */
export const ACTIONS = ['destroy', 'restart', 'rename_restart', 'preserve', 'coredump_destroy', 'coredump_restart', 'soft_reset'] as const;
export type Action = (typeof ACTIONS)[number];

export interface CreateInfo {
  readonly type: DomainType;
  readonly name: string;
  /** 4294967295 in stored configurations: any. */
  readonly domid?: number;
  readonly uuid: string;
  readonly run_hotplug_scripts?: 'True' | 'False';
}

type Nothing = Readonly<Record<string, never>>;

export interface BuildInfo {
  readonly max_vcpus?: number;
  /** Numbers of the vCPUs that are online at the start. */
  readonly avail_vcpus?: readonly number[];
  /** KiB. */
  readonly max_memkb: number;
  readonly target_memkb: number;
  readonly video_memkb?: number;
  readonly sched_params: { readonly sched?: string; readonly weight?: number; readonly cap?: number };
  readonly claim_mode?: 'True' | 'False';
  readonly kernel?: string;
  readonly cmdline?: string;
  readonly ramdisk?: string;
  readonly 'type.pv'?: Nothing;
  readonly 'type.pvh'?: Nothing;
  readonly 'type.hvm'?: Nothing;
  readonly arch_arm: Nothing;
  readonly arch_x86: { readonly msr_relaxed?: 'True' | 'False' };
}

/** Any domain id, in stored configurations. */
const DOMID_ANY = 0xffffffff;

/** The configuration as libxl keeps it for a domain that was created: defaults that creation settles are filled in; devices that it did not get are left out. */
export function storedConfig({ c_info, b_info, disks: _, nics: __, ...rest }: DomainConfig, sched: string): DomainConfig {
  const { max_vcpus, avail_vcpus, max_memkb, target_memkb, ...others } = b_info;
  return {
    c_info: { type: c_info.type, name: c_info.name, domid: DOMID_ANY, uuid: c_info.uuid, run_hotplug_scripts: c_info.run_hotplug_scripts ?? 'True' },
    b_info: {
      ...(max_vcpus === undefined ? {} : { max_vcpus }),
      ...(avail_vcpus === undefined ? {} : { avail_vcpus }),
      max_memkb,
      target_memkb,
      video_memkb: 0,
      ...others,
      sched_params: { sched, weight: 256, cap: 0, ...b_info.sched_params },
      arch_x86: { msr_relaxed: 'False', ...b_info.arch_x86 },
    },
    ...rest,
  };
}

/** A configuration whose paths mean the same from everywhere: whoever reads the images has another working directory. */
export function withAbsolutePaths(config: DomainConfig, resolve: (path: string) => string): DomainConfig {
  const { kernel, ramdisk } = config.b_info;
  const paths = { ...(kernel === undefined ? {} : { kernel: resolve(kernel) }), ...(ramdisk === undefined ? {} : { ramdisk: resolve(ramdisk) }) };
  const channels = config.channels?.map((channel) => {
    const path = channel['connection.socket']?.path;
    return path === undefined ? channel : { ...channel, 'connection.socket': { path: resolve(path) } };
  });
  return { ...config, b_info: { ...config.b_info, ...paths }, ...(channels === undefined ? {} : { channels }) };
}

/** JSON as libxl prints it: four spaces, and an empty line inside empty lists and maps. */
export function formatJson(value: unknown, indent = ''): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = `${indent}    `;
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  const items = Array.isArray(value)
    ? value.map((item) => inner + formatJson(item, inner))
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([key, item]) => `${inner}${JSON.stringify(key)}: ${formatJson(item, inner)}`);
  return `${open}\n${items.join(',\n')}\n${indent}${close}`;
}
