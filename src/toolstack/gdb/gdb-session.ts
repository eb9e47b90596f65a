import { EFAULT } from '../../spec/xen/errno.ts';
import { DomainTarget, type StopEvent, type WatchedMemory } from './domain-target.ts';
import { frame, fromHex, type Incoming, PACKET_MAX, toHex } from './packet.ts';
import { REGISTERS, readAll, readRegister, targetXml, writeRegister } from './registers.ts';

const SIGINT = 2;
const SIGTRAP = 5;
const SIGABRT = 6;
const STOP_BREAKPOINT = 3;
const ERROR = 'E01';
const BAD_ADDRESS = `E${EFAULT.toString(16).padStart(2, '0')}`;

/** What a session does to the guest: DomainTarget's methods. */
export type GdbTarget = Pick<
  DomainTarget,
  'attach' | 'detach' | 'pause' | 'resume' | 'stopped' | 'vcpus' | 'registers' | 'changeRegisters' | 'read' | 'write' | 'setBreakpoints'
>;

/** What a session tells whoever holds the connection. */
export interface GdbSessionEvents {
  send(bytes: Uint8Array): void;
  /** GDB let the guest go; the connection will be closed by it. */
  detached(): void;
  /** GDB wants the guest to end. */
  killed(): void;
}

type Handler = (rest: string) => string | undefined;

/**
 * GDB's remote serial protocol for one domain, on one connection: all-stop, one thread for each vCPU. GDB acts while the
 * guest stands still; breakpoints are the hypervisor's and leave guest memory alone. Everything inside turns.
 * @see GDB manual, appendix E, "GDB Remote Serial Protocol"
 */
export class GdbSession {
  private readonly target: GdbTarget;
  private readonly events: GdbSessionEvents;
  private acknowledges = true;
  private last: Uint8Array = new Uint8Array();
  private running = false;
  private ended = false;
  private reason = `T05thread:1;`;
  /** vCPU that registers and memory are asked of. */
  private vcpu = 0;
  private readonly breakpoints = new Map<string, bigint>();
  /** The target's breakpoints are taken out, for a step. */
  private passed = false;
  private readonly watchpoints = new Map<string, WatchedMemory>();
  /** What watched memory held when the guest went on. */
  private remembered = new Map<string, string>();
  /** GDB understands the reasons swbreak and hwbreak. */
  private understands = { swbreak: false, hwbreak: false };

  /** The domain is stopped now, if it was not. */
  constructor(target: GdbTarget, events: GdbSessionEvents) {
    this.target = target;
    this.events = events;
    target.attach();
  }

  /** Something came over the line. */
  take(incoming: Incoming): void {
    switch (incoming.kind) {
      case 'interrupt':
        if (this.running) this.stop(SIGINT, 0);
        return;
      case 'bad':
        if (this.acknowledges) this.events.send(Uint8Array.of(0x2d));
        return;
      case 'resend':
        if (this.acknowledges) this.events.send(this.last);
        return;
      case 'packet': {
        if (this.acknowledges) this.events.send(Uint8Array.of(0x2b));
        const answer = this.answer(incoming.data);
        if (answer !== undefined) this.reply(answer);
      }
    }
  }

  /** The hypervisor says that something stopped. */
  onDebugEvent(): void {
    if (!this.running) return;
    const event = this.target.stopped();
    if (event !== undefined) this.stopped(event);
  }

  /** The guest crashed: GDB may look at what is left of it. */
  crashed(): void {
    if (this.running) this.stop(SIGABRT, 0);
    this.ended = true;
  }

  /** The guest is gone, with this exit status. */
  exited(status: number): void {
    if (this.running) this.reply(`W${status.toString(16).padStart(2, '0')}`);
    this.running = false;
  }

  /** The connection is gone without a word: as if it had detached. */
  closed(): void {
    this.target.detach();
  }

  private reply(data: string): void {
    this.last = frame(data);
    this.events.send(this.last);
  }

  private stop(signal: number, vcpu: number, why = ''): void {
    this.target.pause();
    this.running = false;
    this.vcpu = vcpu;
    this.reason = `T${signal.toString(16).padStart(2, '0')}thread:${(vcpu + 1).toString(16)};${why}`;
    this.reply(this.reason);
  }

  private stopped({ vcpu, event }: StopEvent): void {
    this.stop(SIGTRAP, vcpu, this.why(event === STOP_BREAKPOINT ? this.target.registers(vcpu).rip : undefined));
  }

  /** Why it stopped, at breakpoint `rip` or behind a step, in the protocol's words. */
  private why(rip: bigint | undefined): string {
    for (const [type, word] of [
      ['0', 'swbreak'],
      ['1', 'hwbreak'],
    ] as const) {
      if (this.understands[word] && this.breakpoints.has(`${type},${rip}`)) return `${word}:;`;
    }
    for (const [key, value] of this.watchedValues()) {
      if (this.remembered.get(key) !== value) return `watch:${this.watchpoints.get(key)?.address.toString(16)};`;
    }
    return '';
  }

  private watchedValues(): Map<string, string> {
    return new Map([...this.watchpoints].map(([key, { address, length }]) => [key, toHex(this.target.read(this.vcpu, address, length))]));
  }

  private resume(step?: number): undefined {
    if (this.ended) {
      this.reply(`X${SIGABRT.toString(16).padStart(2, '0')}`);
      this.events.detached();
      return undefined;
    }
    this.running = true;
    this.remembered = this.watchedValues();
    // Watched memory, from now on: what a step or GDB itself changed was seen already. A step does the instruction at a breakpoint, too.
    const passed = step !== undefined && this.breakpoints.size > 0;
    if (this.watchpoints.size > 0 || passed !== this.passed) this.place(passed ? [] : undefined);
    this.passed = passed;
    this.target.resume(step);
    return undefined;
  }

  /** The answer to a packet: empty where it is not understood, undefined where none is due yet. */
  private answer(data: string): string | undefined {
    const handler = this.handlers[data[0] ?? ''];
    if (handler === undefined) return '';
    try {
      return handler(data.slice(1));
    } catch (error) {
      if (DomainTarget.refused(error)) return ERROR;
      throw error;
    }
  }

  private readonly handlers: Readonly<Record<string, Handler>> = {
    '?': () => this.reason,
    g: () => toHex(readAll(this.target.registers(this.vcpu))),
    G: (rest) => this.writeAll(rest),
    p: (rest) => {
      const bytes = readRegister(this.target.registers(this.vcpu), Number.parseInt(rest, 16));
      return bytes === undefined ? ERROR : toHex(bytes);
    },
    P: (rest) => this.writeOne(rest),
    m: (rest) => this.readMemory(rest),
    M: (rest) => this.writeMemory(rest, fromHex),
    X: (rest) => this.writeMemory(rest, (text) => Uint8Array.from(text, (c) => c.charCodeAt(0))),
    Z: (rest) => this.changeBreakpoint(rest, true),
    z: (rest) => this.changeBreakpoint(rest, false),
    c: (rest) => this.resumeAt(rest),
    C: (rest) => this.resumeAt(rest.split(';')[1] ?? ''),
    s: (rest) => this.resumeAt(rest, this.vcpu),
    S: (rest) => this.resumeAt(rest.split(';')[1] ?? '', this.vcpu),
    v: (rest) => this.verbose(rest),
    H: (rest) => this.selectThread(rest),
    T: (rest) => (this.target.vcpus().includes(Number.parseInt(rest, 16) - 1) ? 'OK' : ERROR),
    q: (rest) => this.query(rest),
    Q: (rest) => {
      if (rest !== 'StartNoAckMode') return '';
      this.reply('OK');
      this.acknowledges = false;
      return undefined;
    },
    D: () => {
      this.reply('OK');
      this.target.detach();
      this.events.detached();
      return undefined;
    },
    k: () => {
      this.events.killed();
      return undefined;
    },
  };

  private writeAll(hex: string): string {
    const bytes = fromHex(hex);
    if (bytes === undefined) return ERROR;
    this.target.changeRegisters(this.vcpu, (values) => {
      let at = 0;
      for (const [index, { bits }] of REGISTERS.entries()) {
        if (at + bits / 8 > bytes.length) return;
        writeRegister(values, index, bytes.subarray(at, at + bits / 8));
        at += bits / 8;
      }
    });
    return 'OK';
  }

  private writeOne(rest: string): string {
    const [index, hex] = rest.split('=');
    const bytes = fromHex(hex ?? '');
    if (index === undefined || bytes === undefined) return ERROR;
    let done = false;
    this.target.changeRegisters(this.vcpu, (values) => {
      done = writeRegister(values, Number.parseInt(index, 16), bytes);
    });
    return done ? 'OK' : ERROR;
  }

  private readMemory(rest: string): string {
    const range = parseRange(rest);
    if (range === undefined) return ERROR;
    const bytes = this.target.read(this.vcpu, range.address, Math.min(range.length, PACKET_MAX / 2));
    return bytes.length === 0 && range.length > 0 ? BAD_ADDRESS : toHex(bytes);
  }

  private writeMemory(rest: string, decode: (text: string) => Uint8Array | undefined): string {
    const colon = rest.indexOf(':');
    const range = parseRange(rest.slice(0, colon));
    const bytes = decode(rest.slice(colon + 1));
    if (range === undefined || colon < 0 || bytes?.length !== range.length) return ERROR;
    return this.target.write(range.address, bytes) ? 'OK' : BAD_ADDRESS;
  }

  /** Z0 and Z1 are the same here. Z2 stops where memory changed; reads (Z3, Z4) are not seen. */
  private changeBreakpoint(rest: string, set: boolean): string {
    const [type, at, kind] = rest.split(/[,;]/);
    if (type !== '0' && type !== '1' && type !== '2') return '';
    const address = parseNumber(at ?? '');
    const length = Number(parseNumber(kind ?? '') ?? 0n);
    if (address === undefined || (type === '2' && !(length > 0 && length <= 64))) return ERROR;
    const key = type === '2' ? `2,${address},${length}` : `${type},${address}`;
    this.breakpoints.delete(key);
    this.watchpoints.delete(key);
    if (set && type === '2') this.watchpoints.set(key, { address, length });
    else if (set) this.breakpoints.set(key, address);
    this.place();
    return 'OK';
  }

  private place(addresses: Iterable<bigint> = this.breakpoints.values()): void {
    this.passed = false;
    this.target.setBreakpoints([...new Set(addresses)], [...this.watchpoints.values()]);
  }

  private resumeAt(at: string, step?: number): string | undefined {
    if (at !== '') {
      const address = parseNumber(at);
      if (address === undefined) return ERROR;
      this.target.changeRegisters(this.vcpu, (values) => Object.assign(values, { rip: address }));
    }
    return this.resume(step);
  }

  private verbose(rest: string): string | undefined {
    if (rest === 'Cont?') return 'vCont;c;C;s;S';
    if (rest.startsWith('Kill')) {
      this.reply('OK');
      this.events.killed();
      return undefined;
    }
    if (!rest.startsWith('Cont;')) return '';
    const actions = rest.slice(5).split(';');
    const step = actions.find((action) => /^s|^S/.test(action));
    if (step === undefined) return this.resume();
    const thread = Number.parseInt(step.split(':')[1] ?? '', 16);
    if (thread > 0 && !this.target.vcpus().includes(thread - 1)) return ERROR;
    return this.resume(thread > 0 ? thread - 1 : this.vcpu);
  }

  private selectThread(rest: string): string {
    const thread = Number.parseInt(rest.slice(1), 16);
    if (Number.isNaN(thread)) return ERROR;
    if (thread <= 0) return 'OK';
    if (!this.target.vcpus().includes(thread - 1)) return ERROR;
    if (rest[0] === 'g') this.vcpu = thread - 1;
    return 'OK';
  }

  private query(rest: string): string {
    const [name = '', ...parts] = rest.split(/[:,;]/);
    switch (name) {
      case 'Supported':
        this.understands = { swbreak: parts.includes('swbreak+'), hwbreak: parts.includes('hwbreak+') };
        return `PacketSize=${PACKET_MAX.toString(16)};qXfer:features:read+;QStartNoAckMode+;vContSupported+;swbreak+;hwbreak+`;
      case 'Xfer':
        return readFeatures(rest);
      case 'C':
        return `QC${(this.vcpu + 1).toString(16)}`;
      case 'fThreadInfo':
        return `m${this.target
          .vcpus()
          .map((vcpu) => (vcpu + 1).toString(16))
          .join(',')}`;
      case 'sThreadInfo':
        return 'l';
      case 'ThreadExtraInfo':
        return toHex(new TextEncoder().encode(`vCPU ${Number.parseInt(parts[0] ?? '1', 16) - 1}`));
      case 'Attached':
        return '1';
      default:
        return '';
    }
  }
}

/** qXfer:features:read:target.xml:offset,length */
function readFeatures(rest: string): string {
  const match = /^Xfer:features:read:target\.xml:([0-9a-f]+),([0-9a-f]+)$/.exec(rest);
  if (match === null) return '';
  const from = Number.parseInt(match[1] as string, 16);
  const to = from + Math.min(Number.parseInt(match[2] as string, 16), PACKET_MAX - 16);
  const text = targetXml();
  return (to >= text.length ? 'l' : 'm') + text.slice(from, to);
}

/** A hexadecimal number of at most 64 bits. */
function parseNumber(text: string): bigint | undefined {
  return /^[0-9a-fA-F]{1,16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}

function parseRange(text: string): { address: bigint; length: number } | undefined {
  const [at, size] = text.split(',');
  const address = parseNumber(at ?? '');
  const length = parseNumber(size ?? '');
  return address === undefined || length === undefined || length > 0xffff_ffffn ? undefined : { address, length: Number(length) };
}
