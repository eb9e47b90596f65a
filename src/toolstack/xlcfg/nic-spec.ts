import { DeviceSpecError } from './device-spec-error.ts';

/** A network interface as libxl's JSON has it; members that hold their default are absent. @see tools/libs/light/libxl_types.idl, libxl_device_nic */
export interface NicConfig {
  backend_domname?: string;
  devid?: number;
  mtu?: number;
  model?: string;
  mac?: string;
  ip?: string;
  bridge?: string;
  ifname?: string;
  script?: string;
  nictype?: 'vif' | 'vif_ioemu';
  rate_bytes_per_interval?: number;
  rate_interval_usecs?: number;
  gatewaydev?: string;
  coloft_forwarddev?: string;
  trusted?: 'True' | 'False';
}

/** Members in the order of libxl's JSON. */
const ORDER: readonly (keyof NicConfig)[] = [
  'backend_domname',
  'devid',
  'mtu',
  'model',
  'mac',
  'ip',
  'bridge',
  'ifname',
  'script',
  'nictype',
  'rate_bytes_per_interval',
  'rate_interval_usecs',
  'gatewaydev',
  'coloft_forwarddev',
  'trusted',
];

/** Parameters that are texts. */
const TEXTS: Readonly<Record<string, 'bridge' | 'gatewaydev' | 'ip' | 'script' | 'backend_domname' | 'ifname' | 'model' | 'coloft_forwarddev'>> = {
  bridge: 'bridge',
  netdev: 'gatewaydev',
  gatewaydev: 'gatewaydev',
  ip: 'ip',
  script: 'script',
  backend: 'backend_domname',
  vifname: 'ifname',
  model: 'model',
  forwarddev: 'coloft_forwarddev',
};

const invalid = (name: string): never => {
  throw new DeviceSpecError(`Invalid parameter \`${name}'.`);
};

function mac(text: string): string {
  const parts = text.split(':');
  if (parts.length < 6 || parts.slice(0, 6).some((part) => !/^[0-9a-f]{1,2}$/i.test(part))) return invalid('mac');
  return parts
    .slice(0, 6)
    .map((part) => part.toLowerCase().padStart(2, '0'))
    .join(':');
}

/** Length of the interval in which a rate is counted, when none is given, in microseconds. */
const RATE_INTERVAL = 50_000;

/** `10Mb/s@20ms` and the like: bits or bytes in a second, and the interval in which they are counted. */
function rate(text: string): Pick<NicConfig, 'rate_bytes_per_interval' | 'rate_interval_usecs'> {
  const [, amount, scale, unit, count, time] = /^(\d+)([GMK]?)([Bb])\/s(?:@(\d+)([mu]?s))?$/.exec(text) ?? [];
  if (amount === undefined) return invalid('rate');
  const bytes = (Number(amount) * 1000 ** ['', 'K', 'M', 'G'].indexOf(scale as string)) / (unit === 'b' ? 8 : 1);
  const interval = count === undefined ? RATE_INTERVAL : Number(count) * { s: 1_000_000, ms: 1000, us: 1 }[time as 's'];
  return { rate_bytes_per_interval: Math.floor((bytes * interval) / 1_000_000), rate_interval_usecs: interval };
}

/**
 * Take one `name=value` of an interface's description into it. Throws DeviceSpecError.
 * @see docs/man/xl-network-configuration.5.pod; tools/xl/xl_parse.c, parse_nic_config
 */
export function addToNic(nic: NicConfig, token: string): void {
  const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(token) ?? [];
  const member = TEXTS[name];
  if (member !== undefined) nic[member] = value;
  else if (name === 'type') nic.nictype = value === 'vif' ? 'vif' : value === 'ioemu' ? 'vif_ioemu' : invalid('type');
  else if (name === 'mac') nic.mac = mac(value);
  else if (name === 'rate') Object.assign(nic, rate(value));
  else if (name === 'devid' || name === 'mtu') {
    if (!/^\d+$/.test(value)) throw new DeviceSpecError(`xl: failed to convert "${value}" to number`);
    nic[name] = Number(value);
  } else if (name === 'trusted') nic.trusted = value === '0' ? 'False' : value === '1' ? 'True' : invalid('trusted');
  else if (name !== 'accel') throw new DeviceSpecError(`unrecognized argument \`${token}'`);
}

/** Its members as libxl's JSON has them. */
export const nicConfigOf = (nic: NicConfig): NicConfig =>
  Object.fromEntries(ORDER.flatMap((member) => (nic[member] === undefined ? [] : [[member, nic[member]]])));
