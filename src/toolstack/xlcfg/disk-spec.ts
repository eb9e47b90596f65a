import { DeviceSpecError } from './device-spec-error.ts';

/** A disk as libxl's JSON has it; members that hold their default are absent. @see tools/libs/light/libxl_types.idl, libxl_device_disk */
export interface DiskConfig {
  backend_domname?: string;
  pdev_path?: string;
  vdev?: string;
  backend?: DiskBackend;
  format?: DiskFormat;
  script?: string;
  removable?: 1;
  readwrite?: 1;
  is_cdrom?: 1;
  direct_io_safe?: true;
  discard_enable?: 'True' | 'False';
  specification?: (typeof SPECIFICATIONS)[number];
  colo_enable?: 'True' | 'False';
  colo_host?: string;
  colo_port?: number;
  colo_export?: string;
  active_disk?: string;
  hidden_disk?: string;
  trusted?: 'True' | 'False';
}

const FORMATS = ['raw', 'qcow', 'qcow2', 'vhd', 'empty', 'qed'] as const;
type DiskFormat = (typeof FORMATS)[number];
const BACKENDS = ['phy', 'tap', 'qdisk', 'standalone'] as const;
type DiskBackend = (typeof BACKENDS)[number];
const SPECIFICATIONS = ['xen', 'virtio'] as const;

/** Members in the order of libxl's JSON. */
const ORDER: readonly (keyof DiskConfig)[] = [
  'backend_domname',
  'pdev_path',
  'vdev',
  'backend',
  'format',
  'script',
  'removable',
  'readwrite',
  'is_cdrom',
  'direct_io_safe',
  'discard_enable',
  'specification',
  'colo_enable',
  'colo_host',
  'colo_port',
  'colo_export',
  'active_disk',
  'hidden_disk',
  'trusted',
];

/** Parameters that are texts, by their names in a specification. */
const TEXTS: Readonly<Record<string, 'backend_domname' | 'vdev' | 'script' | 'colo_host' | 'colo_export' | 'active_disk' | 'hidden_disk'>> = {
  backend: 'backend_domname',
  vdev: 'vdev',
  script: 'script',
  'colo-host': 'colo_host',
  'colo-export': 'colo_export',
  'active-disk': 'active_disk',
  'hidden-disk': 'hidden_disk',
};

/** Parameters that stand by themselves. */
const WORDS: Readonly<Record<string, DiskConfig>> = {
  cdrom: { is_cdrom: 1 },
  'direct-io-safe': { direct_io_safe: true },
  discard: { discard_enable: 'True' },
  'no-discard': { discard_enable: 'False' },
  colo: { colo_enable: 'True' },
  'no-colo': { colo_enable: 'False' },
  trusted: { trusted: 'True' },
  untrusted: { trusted: 'False' },
};

/** Prefixes of the target from older times: a format, a script's name, or nothing. */
const PREFIX = /^(raw|qcow2?|vhd|iscsi|e?nbd|drbd|tapdisk|tap2?|aio|ioemu|file|phy):/;

class DiskReader {
  readonly disk: DiskConfig = {};
  private readonly where: string;
  private writable = true;
  private accessGiven = false;
  private prefixed = false;
  private spec = '';

  constructor(where: string) {
    this.where = where;
  }

  fail(what: string, near = ''): never {
    const at = near === '' ? '' : `: near \`${near}'`;
    throw new DeviceSpecError(`${this.where}: config parsing error in disk specification: ${what}${at} in \`${this.spec}'`);
  }

  private text(name: keyof typeof TEXTS, value: string): void {
    const member = TEXTS[name] as (typeof TEXTS)[string];
    if ((this.disk[member] ?? '') !== '') this.fail(`${name} respecified`, value);
    this.disk[member] = value;
  }

  private choose<M extends 'format' | 'backend' | 'specification'>(member: M, names: readonly NonNullable<DiskConfig[M]>[], parameter: string, value: string) {
    const found = names.find((name) => name === value);
    if (found === undefined) return this.fail(`unknown value for ${parameter}`, value);
    if (this.disk[member] !== undefined && this.disk[member] !== found) this.fail(`${member} respecified`, value);
    this.disk[member] = found;
  }

  private format(value: string): void {
    this.choose('format', FORMATS, 'format', value === '' ? 'raw' : value);
  }

  private access(value: string): void {
    if (['r', 'ro'].includes(value)) this.writable = false;
    else if (['rw', 'w', ''].includes(value)) this.writable = true;
    else this.fail('unknown value for access', value);
  }

  private target(value: string): void {
    if ((this.disk.pdev_path ?? '') !== '') this.fail('target respecified', value);
    this.disk.pdev_path = value;
  }

  private parameter(name: string, value: string, whole: string): void {
    if (TEXTS[name] !== undefined) return this.text(name, value);
    switch (name) {
      case 'format':
        return this.format(value);
      case 'access':
        return this.access(value);
      case 'backendtype':
        return this.choose('backend', BACKENDS, 'backendtype', value);
      case 'specification':
        return this.choose('specification', SPECIFICATIONS, 'specification', value);
      case 'devtype':
        if (value === 'cdrom') this.disk.is_cdrom = 1;
        else if (value === 'disk') delete this.disk.is_cdrom;
        else this.fail('unknown value for type', whole);
        return;
      case 'colo-port':
        if (!/^[1-9]\d*$/.test(value)) this.fail('unknown value for colo_port', value);
        this.disk.colo_port = Number(value);
        return;
      default:
        this.fail('unknown parameter', whole);
    }
  }

  /** `vdev:cdrom` and `vdev:disk`, from older times. */
  private vdevWithType(value: string): boolean {
    const [, vdev, type] = /^(.*):(.*)$/.exec(value) ?? [];
    if (vdev === undefined) return false;
    this.text('vdev', vdev);
    if (type === 'cdrom') this.disk.is_cdrom = 1;
    else if (type !== 'disk') this.fail('unknown deprecated type', type);
    return true;
  }

  private positional(value: string): void {
    const { disk } = this;
    if (disk.pdev_path === undefined) disk.pdev_path = value;
    else if (!this.prefixed && disk.format === undefined) {
      if (disk.pdev_path === '' && this.vdevWithType(value)) disk.format = 'empty';
      else this.format(value);
    } else if (disk.vdev === undefined) {
      if (!this.vdevWithType(value)) this.text('vdev', value);
    } else if (!this.accessGiven) {
      this.accessGiven = true;
      this.access(value);
    } else this.fail('too many positional parameters', value);
  }

  /** Old prefixes of the target, taken off. */
  private withoutPrefixes(rest: string): string {
    for (;;) {
      const match = PREFIX.exec(rest);
      if (match === null) break;
      const name = match[1] as string;
      this.prefixed = true;
      if (/^(raw|qcow2?|vhd)$/.test(name)) this.format(name);
      else if (/^(iscsi|e?nbd|drbd)$/.test(name)) this.text('script', `block-${name}`);
      rest = rest.slice(match[0].length);
    }
    const unknown = /^[a-z][a-z0-9]*:(?![a-z0-9])/.exec(rest);
    if (unknown !== null) this.fail('unknown deprecated disk prefix', unknown[0]);
    return rest;
  }

  read(spec: string): void {
    this.spec = spec;
    for (let rest = spec.trimStart(); rest !== ''; rest = rest.trimStart()) {
      if (rest.startsWith('target=')) return this.target(rest.slice('target='.length).replace(/,$/, ''));
      if (this.disk.pdev_path === undefined) rest = this.withoutPrefixes(rest);
      const end = rest.indexOf(',');
      const part = end < 0 ? rest : rest.slice(0, end);
      const [, name, value] = /^([a-z][-a-z0-9]*)=(.*)$/s.exec(part) ?? [];
      if (WORDS[part] !== undefined) Object.assign(this.disk, WORDS[part]);
      else if (name !== undefined) this.parameter(name, value ?? '', part);
      else if (part.includes('=')) this.fail('bad disk syntax', rest);
      else this.positional(part);
      rest = end < 0 ? '' : rest.slice(end + 1);
    }
  }

  /** What follows from all of it. */
  finish(): DiskConfig {
    const { disk } = this;
    if (disk.is_cdrom === 1) {
      disk.removable = 1;
      this.writable = false;
      if ((disk.pdev_path ?? '') === '') disk.format = 'empty';
    }
    if (disk.vdev === undefined) this.fail('no vdev specified');
    if (disk.pdev_path === undefined && disk.is_cdrom === undefined) this.fail('no target specified');
    disk.format ??= 'raw';
    if (this.writable) disk.readwrite = 1;
    return Object.fromEntries(ORDER.flatMap((member) => (disk[member] === undefined ? [] : [[member, disk[member]]])));
  }
}

/**
 * A disk from its specification, which may come in several parts (arguments of a command line). `where`: what an error names as its place.
 * Throws DeviceSpecError.
 * @see docs/man/xl-disk-configuration.5.pod; tools/libs/util/libxlu_disk_l.l
 */
export function parseDisk(specs: readonly string[], where: string): DiskConfig {
  const reader = new DiskReader(where);
  for (const spec of specs) reader.read(spec);
  return reader.finish();
}
