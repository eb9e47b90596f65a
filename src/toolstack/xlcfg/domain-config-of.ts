import { ACTIONS, type Action, type DomainConfig, type DomainType } from '../libxl/domain-config.ts';
import { parseChannel } from './channel-spec.ts';
import { DeviceSpecError } from './device-spec-error.ts';
import { parseDisk } from './disk-spec.ts';
import { addToNic, type NicConfig, nicConfigOf } from './nic-spec.ts';
import { HONOURED, NOT_YET } from './options.table.ts';
import type { Settings } from './parse-config.ts';
import { SettingsReader } from './read-settings.ts';

/** The file was read, but a domain cannot be made of it: what xl prints, and its exit status. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly status: number;
  constructor(message: string, status = 1) {
    super(message);
    this.status = status;
  }
}

/** Memory of a domain whose configuration names none, in MiB. */
const DEFAULT_MIB = 32;
const KIB = 1024;

function domainType(reader: SettingsReader): DomainType {
  const given = reader.text('type') ?? { generic: 'pv', linux: 'pv', hvm: 'hvm' }[reader.text('builder') ?? 'generic'] ?? reader.text('builder');
  if (given === 'pv' || given === 'pvh' || given === 'hvm') return given;
  throw new ConfigError(`Invalid domain type ${given}.`);
}

function uuidOf(reader: SettingsReader, random: () => string): string {
  const given = reader.text('uuid');
  if (given === undefined) return random();
  const hex = given.replaceAll('-', '').toLowerCase();
  if (!/^[0-9a-f]{32}$/.test(hex)) throw new ConfigError(`Failed to parse UUID: ${given}`);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

const EVENTS = ['on_poweroff', 'on_reboot', 'on_watchdog', 'on_crash', 'on_soft_reset'] as const;
const DEFAULTS: Readonly<Record<(typeof EVENTS)[number], Action>> = {
  on_poweroff: 'destroy',
  on_reboot: 'restart',
  on_watchdog: 'destroy',
  on_crash: 'destroy',
  on_soft_reset: 'soft_reset',
};

/** Actions, without those that are libxl's own default (destroy). */
function actions(reader: SettingsReader): Pick<DomainConfig, (typeof EVENTS)[number]> {
  const found: Partial<Record<(typeof EVENTS)[number], Action>> = {};
  for (const event of EVENTS) {
    const given = reader.text(event);
    const action = given === undefined ? DEFAULTS[event] : ACTIONS.find((name) => name.replaceAll('_', '-') === given);
    if (action === undefined) throw new ConfigError(`Unknown ${event} action "${given}" specified`);
    if (action !== 'destroy') found[event] = action;
  }
  return found;
}

/** The kernel's command line: `cmdline`, or `root=` and `extra`. */
function commandLine(reader: SettingsReader, warnings: string[]): string | undefined {
  const [cmdline, root, extra] = ['cmdline', 'root', 'extra'].map((name) => reader.text(name));
  if (cmdline !== undefined) {
    if (root !== undefined || extra !== undefined) warnings.push('Warning: ignoring root= and extra= in favour of cmdline=');
    return cmdline;
  }
  if (root !== undefined) return `root=${root}${extra === undefined ? '' : ` ${extra}`}`;
  return extra;
}

/** An option's list of texts. */
function texts(settings: Settings, name: string): string[] {
  const value = settings.get(name)?.value ?? [];
  return (typeof value === 'string' ? [value] : value).filter((each) => typeof each === 'string');
}

/** Devices, in the order of libxl's JSON. What is wrong with an interface is only warned of, as xl does. */
function devices(settings: Settings, file: string, warnings: string[]): Pick<DomainConfig, 'disks' | 'nics' | 'channels'> {
  const told = <T>(read: () => T): T => {
    try {
      return read();
    } catch (error) {
      throw error instanceof DeviceSpecError ? new ConfigError(error.message) : error;
    }
  };
  const disks = texts(settings, 'disk').map((spec) => told(() => parseDisk([spec], file)));
  const nics = texts(settings, 'vif').map((spec, devid) => {
    const nic: NicConfig = { devid };
    for (const token of spec.split(',').map((part) => part.trim())) {
      try {
        if (token !== '') addToNic(nic, token);
      } catch (error) {
        if (!(error instanceof DeviceSpecError)) throw error;
        warnings.push(error.message);
      }
    }
    return nicConfigOf(nic);
  });
  const channels = texts(settings, 'channel').map((spec, devid) => told(() => parseChannel(spec, devid)));
  if (channels.length > CHANNELS_MAX) throw new ConfigError(`${file}: a domain has ${CHANNELS_MAX} channels at most`);
  return { ...(disks.length > 0 ? { disks } : {}), ...(nics.length > 0 ? { nics } : {}), ...(channels.length > 0 ? { channels } : {}) };
}

/** Linux looks at the last digit of a console's number. */
const CHANNELS_MAX = 9;

/**
 * The domain that a configuration file describes, in libxl's form. `random`: a new UUID as text.
 * `warnings` are lines to be shown; `notHonoured` names the options that have no effect so far. Throws ConfigError.
 */
export function domainConfigOf(
  settings: Settings,
  file: string,
  random: () => string,
): { config: DomainConfig; warnings: readonly string[]; notHonoured: readonly string[] } {
  const reader = new SettingsReader(settings, file);
  const { warnings } = reader;
  const type = domainType(reader);
  const name = reader.text('name');
  if (name === undefined || name === '') throw new ConfigError('Domain name must be specified.');
  const uuid = uuidOf(reader, random);
  const vcpus = reader.number('vcpus');
  const maxvcpus = reader.number('maxvcpus');
  const most = maxvcpus ?? vcpus;
  const online = vcpus ?? (maxvcpus === undefined ? undefined : 1);
  if (vcpus !== undefined && maxvcpus !== undefined && maxvcpus < vcpus) throw new ConfigError('xl: maxvcpus < vcpus');
  const memory = reader.number('memory');
  const maxmem = reader.number('maxmem');
  const max_memkb = (maxmem ?? memory ?? DEFAULT_MIB) * KIB;
  if (!Number.isSafeInteger(max_memkb)) throw new ConfigError(`xl: ${maxmem ?? memory} MiB of memory are more than any machine has`);
  const kernel = reader.text('kernel');
  const cmdline = commandLine(reader, warnings);
  const ramdisk = reader.text('ramdisk');
  const events = actions(reader);
  if (kernel === undefined && type !== 'hvm' && !reader.has('bootloader')) throw new ConfigError('Neither kernel nor bootloader specified');
  const config: DomainConfig = {
    c_info: { type, name, uuid, run_hotplug_scripts: 'True' },
    b_info: {
      ...(most === undefined || most === 0 ? {} : { max_vcpus: most }),
      ...(online === undefined || online === 0 ? {} : { avail_vcpus: Array.from({ length: Math.min(online, MOST_VCPUS) }, (_, i) => i) }),
      max_memkb,
      target_memkb: Math.min(max_memkb, (memory ?? maxmem ?? DEFAULT_MIB) * KIB),
      sched_params: {},
      claim_mode: 'True',
      ...(kernel === undefined ? {} : { kernel }),
      ...(cmdline === undefined ? {} : { cmdline }),
      ...(ramdisk === undefined ? {} : { ramdisk }),
      [`type.${type}`]: {},
      arch_arm: {},
      arch_x86: {},
    },
    ...devices(settings, file, warnings),
    ...events,
  };
  const notHonoured = [...settings.keys()].filter((option) => NOT_YET.has(option) && !HONOURED.has(option));
  return { config, warnings, notHonoured };
}

/** vCPU numbers that are listed at most. Stops: `vcpus=999999999` filling memory. */
const MOST_VCPUS = 512;
