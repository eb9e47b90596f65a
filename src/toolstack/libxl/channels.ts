import { GrantError, HypercallError } from '../../hypervisor/dom0/kernel.ts';
import type { StoreClient } from '../../xenstore/client.ts';
import { consoleDevicePaths, writeConsoleDevice } from '../../xenstore/domain-nodes.ts';
import type { Dom0Programs } from './dom0-programs.ts';

/** XenBus states. @see xen/include/public/io/xenbus.h */
const INIT_WAIT = 2;
const INITIALISED = 3;
const CONNECTED = 4;
const CLOSING = 5;
const CLOSED = 6;

/** A channel as libxl's JSON has it: a further console of the domain. @see tools/libs/light/libxl_types.idl, libxl_device_channel */
export interface ChannelConfig {
  readonly devid: number;
  readonly name?: string;
  /** One of the two: reached by `xl console -n`, or by a Unix socket at `path`. */
  readonly 'connection.pty'?: Readonly<Record<string, never>>;
  readonly 'connection.socket'?: { readonly path: string };
}

/** A channel as `xl channel-list` shows it. */
export interface ChannelSummary {
  readonly devid: number;
  readonly state: number;
  readonly eventChannel: number;
  readonly ringRef: number;
  readonly connection: 'pty' | 'socket';
}

/** A channel's console: the first channel is console 1. */
export const consoleOf = ({ devid }: { readonly devid: number }): number => devid + 1;

interface Device {
  readonly number: number;
  readonly connection: 'pty' | 'socket';
  readonly endWatch: () => void;
  connected: boolean;
}

/**
 * The backend of further consoles (xl.cfg `channel`): devices that a guest finds in its store, each with a page that the guest grants and an
 * event channel that it opens. Inside turns.
 */
export class Channels {
  private readonly programs: Dom0Programs;
  private readonly client: StoreClient;
  private readonly output: (domid: number, bytes: Uint8Array, number: number) => void;
  private readonly devices = new Map<number, Device[]>();

  constructor(programs: Dom0Programs, client: StoreClient, output: (domid: number, bytes: Uint8Array, number: number) => void) {
    this.programs = programs;
    this.client = client;
    this.output = output;
  }

  /** Give a new domain its channels. */
  add(domid: number, channels: readonly ChannelConfig[]): void {
    for (const channel of channels) {
      const number = consoleOf(channel);
      const path = channel['connection.socket']?.path;
      const connection = path === undefined ? 'pty' : 'socket';
      this.client.transaction((nodes) => writeConsoleDevice(nodes, { domid, number, name: channel.name, connection, path }));
      const { frontend } = consoleDevicePaths(domid, number);
      const device: Device = { number, connection, connected: false, endWatch: this.client.watch(`${frontend}/state`, () => this.onState(domid, device)) };
      this.devices.set(domid, [...(this.devices.get(domid) ?? []), device]);
      this.setState(domid, number, INIT_WAIT);
    }
  }

  /** Whether there is such a console. */
  has(domid: number, number: number): boolean {
    return this.devices.get(domid)?.some((device) => device.number === number) ?? false;
  }

  /** Pass on what is in the rings. */
  drain(domid: number): void {
    for (const { number } of this.devices.get(domid) ?? []) this.programs.drainConsole(domid, number);
  }

  /** Let go of a domain's channels. */
  end(domid: number): void {
    for (const { number, endWatch } of this.devices.get(domid) ?? []) {
      endWatch();
      this.programs.endConsole(domid, number);
    }
    this.devices.delete(domid);
  }

  list(domid: number): ChannelSummary[] {
    return (this.devices.get(domid) ?? []).map(({ number, connection }) => {
      const { frontend } = consoleDevicePaths(domid, number);
      const value = (name: string): number => this.numberAt(`${frontend}/${name}`) ?? -1;
      return { devid: number - 1, state: value('state'), eventChannel: value('port'), ringRef: value('ring-ref'), connection };
    });
  }

  private setState(domid: number, number: number, state: number): void {
    this.client.write(`${consoleDevicePaths(domid, number).backend}/state`, String(state));
  }

  /** What the guest wrote is its allegation: a whole number of 32 bits, or nothing. */
  private numberAt(path: string): number | undefined {
    const text = this.client.readIfThere(path) ?? '';
    const value = Number(text);
    return /^\d{1,10}$/.test(text) && value < 2 ** 32 ? value : undefined;
  }

  private onState(domid: number, device: Device): void {
    const { number } = device;
    const { frontend, backend } = consoleDevicePaths(domid, number);
    const state = this.numberAt(`${frontend}/state`);
    if (state === undefined && !this.client.exists(backend)) return; // the domain is going
    if (state === INITIALISED || state === CONNECTED) {
      if (!device.connected) this.connect(domid, device);
      return;
    }
    if (!device.connected) return;
    // the guest lets go of its page: so do we, and wait for it to come back
    this.programs.endConsole(domid, number);
    device.connected = false;
    this.setState(domid, number, state === CLOSING ? CLOSING : CLOSED);
    this.setState(domid, number, INIT_WAIT);
  }

  private connect(domid: number, device: Device): void {
    const { number } = device;
    const { frontend } = consoleDevicePaths(domid, number);
    const ref = this.numberAt(`${frontend}/ring-ref`);
    const port = this.numberAt(`${frontend}/port`);
    if (ref === undefined || port === undefined) return;
    try {
      this.programs.serveGrantedConsole(domid, number, { ref, port }, (bytes) => {
        this.output(domid, bytes, number);
        return true;
      });
    } catch (error) {
      // what the guest wrote is not so: it is its own loss
      if (!(error instanceof GrantError || error instanceof HypercallError)) throw error;
      return;
    }
    device.connected = true;
    this.setState(domid, number, CONNECTED);
    this.programs.drainConsole(domid, number);
  }
}
