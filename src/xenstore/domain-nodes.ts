import type { NodeRequests, StoreClient } from './client.ts';
import { domainPath } from './tree/path.ts';

/** What a domain is called in the store: the toolstack's description of it, as far as the store shows it. */
export interface DomainDescription {
  readonly domid: number;
  readonly name: string;
  /** Lower case, with hyphens. */
  readonly uuid: string;
  readonly type: 'pv' | 'pvh' | 'hvm';
  /** One entry for each vCPU: whether it is online at the start. */
  readonly vcpusOnline: readonly boolean[];
  /** KiB. */
  readonly memory: { readonly staticMax: number; readonly target: number; readonly videoram?: number };
  /** Wall clock at the creation: microseconds since 1970, at least to the hundredth of a second. */
  readonly startTime: number;
  readonly store: RingDescription;
  /** Without it there is no console node. */
  readonly console?: ConsoleDescription;
  /** Shown for PV domains. */
  readonly image?: { readonly kernel: string; readonly ramdisk?: string; readonly cmdline?: string };
}

/** A ring page and its event channel, by the guest's own numbers. */
export interface RingDescription {
  /** Guest frame number. */
  readonly ringRef: number;
  readonly port: number;
}

export interface ConsoleDescription extends RingDescription {
  /** Path of a terminal of the host, empty when there is none. */
  readonly tty?: string;
}

/** Bytes of console output that xenconsoled keeps for a reader. */
const CONSOLE_LIMIT = 1048576;
/** XenbusStateInitialising. @see xen/include/public/io/xenbus.h */
const INITIALISING = '1';

/**
 * Write what libxl writes for a new domain, from its creation to its console, in transactions.
 * @see xen/docs/misc/xenstore-paths.pandoc
 */
export function writeDomainNodes(client: StoreClient, domain: DomainDescription): void {
  client.transaction((nodes) => writeMadeDomain(nodes, domain));
  client.transaction((nodes) => writeBuiltDomain(nodes, domain));
  const { console } = domain;
  if (console !== undefined) client.transaction((nodes) => writeConsole(nodes, domain.domid, console));
}

/** Take away all that belongs to a domain. */
export function removeDomainNodes(client: StoreClient, domid: number, uuid: string): void {
  client.transaction((nodes) => {
    nodes.rmIfThere(domainPath(domid));
    nodes.rmIfThere(`/vm/${uuid}`);
    nodes.rmIfThere(`/libxl/${domid}`);
    const backends = `${domainPath(0)}/backend`;
    for (const kind of nodes.directoryIfThere(backends) ?? []) nodes.rmIfThere(`${backends}/${kind}/${domid}`);
  });
}

/** Write what domain 0 has from the start. `memory`: KiB. */
export function writeDomain0Nodes(client: StoreClient, memory: { readonly staticMax: number; readonly target: number }): void {
  client.transaction((nodes) => {
    const own = domainPath(0);
    nodes.write(`${own}/domid`, '0');
    nodes.write(`${own}/name`, 'Domain-0');
    nodes.write(`${own}/memory/target`, String(memory.target));
    nodes.write(`${own}/memory/static-max`, String(memory.staticMax));
    nodes.write('/local/pool/0/name', 'Pool-0');
  });
}

/** The domain's directories. Most the domain may only read; where it answers or publishes, it owns the node. */
function writeMadeDomain(nodes: NodeRequests, { domid, name, uuid, type }: DomainDescription): void {
  const own = domainPath(domid);
  const vm = `/vm/${uuid}`;
  const libxl = `/libxl/${domid}`;
  const none = ['n0'];
  const readable = ['n0', `r${domid}`];
  const owned = [`n${domid}`];
  const make = (path: string, permissions: readonly string[]): void => {
    nodes.write(path, '');
    nodes.setPermissions(path, permissions);
  };
  for (const [path, permissions] of [
    [own, readable],
    [vm, readable],
    [libxl, none],
  ] as const) {
    nodes.rmIfThere(path);
    make(path, permissions);
  }
  make(`${libxl}/device`, none);
  nodes.write(`${own}/vm`, vm);
  nodes.write(`${own}/name`, name);
  nodes.write(`${vm}/name`, name);
  for (const directory of ['cpu', 'memory', 'device']) make(`${own}/${directory}`, readable);
  make(`${own}/device/suspend/event-channel`, owned);
  make(`${own}/control`, readable);
  if (type === 'hvm') make(`${own}/hvmloader`, readable);
  for (const node of ['shutdown', 'feature-poweroff', 'feature-reboot', 'feature-suspend']) make(`${own}/control/${node}`, owned);
  if (type === 'hvm') for (const node of ['feature-s3', 'feature-s4']) make(`${own}/control/${node}`, owned);
  make(`${own}/control/sysrq`, owned);
  for (const directory of ['data', 'drivers', 'feature', 'attr', 'error']) make(`${own}/${directory}`, owned);
  nodes.write(`${vm}/uuid`, uuid);
  nodes.write(`${own}/control/platform-feature-multiprocessor-suspend`, '1');
  nodes.write(`${own}/control/platform-feature-xs_reset_watches`, '1');
  nodes.write(`${libxl}/type`, type);
  nodes.write(`${libxl}/dm-version`, 'qemu_xen');
}

/** What is known once its memory is filled. */
function writeBuiltDomain(nodes: NodeRequests, domain: DomainDescription): void {
  const { domid, memory, store, image } = domain;
  const own = domainPath(domid);
  const vm = `/vm/${domain.uuid}`;
  nodes.write(`${own}/memory/static-max`, String(memory.staticMax));
  nodes.write(`${own}/memory/target`, String(memory.target));
  nodes.write(`${own}/memory/videoram`, String(memory.videoram ?? 0));
  nodes.write(`${own}/domid`, String(domid));
  nodes.write(`${own}/store/port`, String(store.port));
  nodes.write(`${own}/store/ring-ref`, String(store.ringRef));
  domain.vcpusOnline.forEach((online, vcpu) => {
    nodes.write(`${own}/cpu/${vcpu}/availability`, online ? 'online' : 'offline');
  });
  if (domain.type === 'pv' && image !== undefined) {
    nodes.write(`${vm}/image/ostype`, 'linux');
    nodes.write(`${vm}/image/kernel`, image.kernel);
    if (image.ramdisk !== undefined) nodes.write(`${vm}/image/ramdisk`, image.ramdisk);
    if (image.cmdline !== undefined) nodes.write(`${vm}/image/cmdline`, image.cmdline);
  }
  if (domain.type === 'hvm') {
    nodes.write(`${vm}/rtc/timeoffset`, '');
    nodes.write(`${vm}/image/ostype`, 'hvm');
  }
  nodes.write(`${vm}/start_time`, startTime(domain.startTime));
}

/** The first console: a frontend directory that the guest only reads, its backend, and libxl's copy of that. */
function writeConsole(nodes: NodeRequests, domid: number, console: ConsoleDescription): void {
  const frontend = `${domainPath(domid)}/console`;
  const backend = `${domainPath(0)}/backend/console/${domid}/0`;
  const libxl = `/libxl/${domid}/device/console/0`;
  const readable = ['n0', `r${domid}`];
  const backendNodes = { 'frontend-id': String(domid), online: '1', state: INITIALISING, protocol: 'vt100' };

  nodes.rmIfThere(libxl);
  nodes.write(`${libxl}/frontend`, frontend);
  nodes.write(`${libxl}/backend`, backend);

  nodes.rmIfThere(frontend);
  nodes.mkdir(frontend);
  nodes.setPermissions(frontend, readable);
  nodes.write(`${frontend}/backend`, backend);
  nodes.write(`${frontend}/backend-id`, '0');
  nodes.setPermissions(`${frontend}/backend-id`, [`n${domid}`, 'r0']);
  const frontendNodes = {
    limit: String(CONSOLE_LIMIT),
    type: 'xenconsoled',
    output: 'pty',
    tty: console.tty ?? '',
    port: String(console.port),
    'ring-ref': String(console.ringRef),
  };
  for (const [name, value] of Object.entries(frontendNodes)) {
    nodes.write(`${frontend}/${name}`, value);
    nodes.setPermissions(`${frontend}/${name}`, readable);
  }

  nodes.rmIfThere(backend);
  nodes.mkdir(backend);
  nodes.setPermissions(backend, readable);
  nodes.write(`${backend}/frontend`, frontend);
  for (const [name, value] of Object.entries(backendNodes)) {
    nodes.write(`${backend}/${name}`, value);
    nodes.write(`${libxl}/${name}`, value);
  }
}

/** A further console of a domain: a device that the guest connects to through its nodes. */
export interface ConsoleDeviceDescription {
  readonly domid: number;
  /** From 1. */
  readonly number: number;
  readonly name: string | undefined;
  /** How the host reaches it. */
  readonly connection: string;
  /** Of the socket, when it is one. */
  readonly path: string | undefined;
}

/** The nodes of a console device, by its number: the frontend's directory, which is the guest's, and the backend's. */
export const consoleDevicePaths = (domid: number, number: number) => ({
  frontend: `${domainPath(domid)}/device/console/${number}`,
  backend: `${domainPath(0)}/backend/console/${domid}/${number}`,
});

/** Write the nodes of a further console, as libxl does for a channel. */
export function writeConsoleDevice(nodes: NodeRequests, { domid, number, name, connection, path }: ConsoleDeviceDescription): void {
  const { frontend, backend } = consoleDevicePaths(domid, number);
  const libxl = `/libxl/${domid}/device/console/${number}`;
  const readable = ['n0', `r${domid}`];
  const owned = [`n${domid}`, 'r0'];
  const named = name === undefined ? {} : { name };
  nodes.rmIfThere(frontend);
  nodes.mkdir(frontend);
  nodes.setPermissions(frontend, owned);
  for (const [node, value] of Object.entries({ backend, 'backend-id': '0', state: INITIALISING, protocol: 'vt100' })) {
    nodes.write(`${frontend}/${node}`, value);
    nodes.setPermissions(`${frontend}/${node}`, owned);
  }
  for (const [node, value] of Object.entries({ ...named, limit: String(CONSOLE_LIMIT), type: 'ioemu', output: connection, tty: '' })) {
    nodes.write(`${frontend}/${node}`, value);
    nodes.setPermissions(`${frontend}/${node}`, readable);
  }
  nodes.rmIfThere(backend);
  nodes.mkdir(backend);
  nodes.setPermissions(backend, readable);
  nodes.rmIfThere(libxl);
  nodes.write(`${libxl}/frontend`, frontend);
  nodes.write(`${libxl}/backend`, backend);
  nodes.write(`${backend}/frontend`, frontend);
  for (const [node, value] of Object.entries({
    'frontend-id': String(domid),
    online: '1',
    state: INITIALISING,
    protocol: 'vt100',
    ...named,
    connection,
    ...(path === undefined ? {} : { path }),
  })) {
    nodes.write(`${backend}/${node}`, value);
    nodes.write(`${libxl}/${node}`, value);
  }
}

/** Seconds with two digits of their fraction, as libxl writes it. */
function startTime(microseconds: number): string {
  const hundredths = Math.floor((microseconds % 1_000_000) / 10_000);
  return `${Math.floor(microseconds / 1_000_000)}.${String(hundredths).padStart(2, '0')}`;
}
