import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fromHex, toHex } from '../../src/toolstack/gdb/packet.ts';
import { GdbConnection } from './gdb-connection.ts';

const zendo = fileURLToPath(new URL('../../bin/zendo.js', import.meta.url));
/** How long a stub may take to listen, in ms. */
const PATIENCE_MS = 30_000;

/** Why a guest that was let go stands still again. */
export type Stop = 'stopped' | 'ended' | 'still running';

export type Registers = ReadonlyMap<string, bigint>;

interface RegisterPlace {
  readonly name: string;
  /** Number in packets, size in bytes. */
  readonly number: number;
  readonly bytes: number;
}

/** Little-endian bytes in hexadecimal as a number. */
function fromLittle(hex: string): bigint {
  const bytes = fromHex(hex) ?? new Uint8Array();
  return bytes.length === 0 ? 0n : BigInt(`0x${bytes.toReversed().toHex()}`);
}

/** A guest under a gdb stub, QEMU's or ours: registers by name as the stub's description gives them. */
export class GdbMachine {
  readonly connection: GdbConnection;
  private readonly child: ChildProcess;
  private readonly places: readonly RegisterPlace[];
  private breakpoints = new Set<bigint>();

  private constructor(connection: GdbConnection, child: ChildProcess, places: readonly RegisterPlace[]) {
    this.connection = connection;
    this.child = child;
    this.places = places;
  }

  /** Zendo with this kernel, held before its first instruction. `options`: more of `zendo boot`. */
  static async zendo(kernel: string, memory: number, options: readonly string[]): Promise<GdbMachine> {
    const args = ['boot', '--kernel', kernel, '--memory', String(memory), '--seed', '1', '--gdb', '0', ...options];
    const child = spawn(process.execPath, [zendo, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    const port = await new Promise<number>((resolve, reject) => {
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const found = /target remote 127\.0\.0\.1:(\d+)/.exec(said)?.[1];
        if (found !== undefined) resolve(Number(found));
      });
      child.on('close', (status) => reject(new Error(`zendo ${args.join(' ')} ended with status ${status}\n${said}`)));
    });
    return await GdbMachine.attach(child, await GdbConnection.open({ port }));
  }

  /** QEMU's TCG with this kernel, held before the firmware's first instruction. `socket`: a path for the stub. */
  static async qemu(kernel: string, memory: number, socket: string): Promise<GdbMachine> {
    const args = [
      ...['-accel', 'tcg', '-cpu', 'max', '-m', String(memory), '-M', 'pc', '-nodefaults', '-display', 'none', '-no-reboot', '-S'],
      ...['-debugcon', 'null', '-device', 'isa-debug-exit,iobase=0xf4,iosize=4', '-kernel', kernel],
      ...['-chardev', `socket,path=${socket},server=on,wait=off,id=gdb`, '-gdb', 'chardev:gdb'],
    ];
    rmSync(socket, { force: true });
    const child = spawn('qemu-system-x86_64', args, { stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    let gone = false;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    child.on('error', (error) => {
      said += error.message;
      gone = true;
    });
    child.on('close', () => {
      gone = true;
    });
    // the socket is there a moment before QEMU listens on it
    for (const until = performance.now() + PATIENCE_MS; ; await sleep(20)) {
      if (gone || performance.now() > until) throw new Error(`QEMU does not start: ${said.trim()}`);
      if (!existsSync(socket)) continue;
      const connection = await GdbConnection.open({ path: socket }).catch(() => undefined);
      if (connection !== undefined) return await GdbMachine.attach(child, connection);
    }
  }

  private static async attach(child: ChildProcess, connection: GdbConnection): Promise<GdbMachine> {
    try {
      return new GdbMachine(connection, child, await GdbMachine.describe(connection));
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  /** Where registers stand in the answer to `g`. */
  private static async describe(connection: GdbConnection): Promise<RegisterPlace[]> {
    await connection.ask('qSupported:xmlRegisters=i386');
    const read = async (annex: string): Promise<string> => {
      let text = '';
      for (;;) {
        const piece = await connection.ask(`qXfer:features:read:${annex}:${text.length.toString(16)},800`);
        if (piece === undefined || !/^[lm]/.test(piece)) throw new Error(`no description of registers (${annex}: ${piece})`);
        text += piece.slice(1);
        if (piece.startsWith('l')) return text;
      }
    };
    const target = await read('target.xml');
    let xml = target;
    for (const [, annex] of target.matchAll(/<xi:include href="([^"]+)"/g)) xml += await read(annex as string);
    const places: RegisterPlace[] = [];
    let number = 0;
    for (const [tag] of xml.replace(/<!--.*?-->/gs, '').matchAll(/<reg [^>]*>/g)) {
      const attribute = (name: string): string | undefined => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
      const bytes = Number(attribute('bitsize')) / 8;
      const given = attribute('regnum');
      if (given !== undefined) number = Number(given);
      places.push({ name: attribute('name') ?? '', number, bytes });
      number++;
    }
    return places;
  }

  async registers(): Promise<Registers> {
    const all = await this.connection.ask('g');
    if (all === undefined) throw new Error('the guest is gone');
    const values = new Map<string, bigint>();
    let at = 0;
    for (const { name, bytes } of this.places) {
      values.set(name, fromLittle(all.slice(at * 2, (at + bytes) * 2)));
      at += bytes;
    }
    return values;
  }

  /** Write a register, if the stub knows one of this name. */
  async setRegister(name: string, value: bigint): Promise<void> {
    const place = this.places.find((each) => each.name === name);
    if (place === undefined) return;
    const bytes = Uint8Array.fromHex(
      BigInt.asUintN(place.bytes * 8, value)
        .toString(16)
        .padStart(place.bytes * 2, '0'),
    ).toReversed();
    await this.connection.ask(`P${place.number.toString(16)}=${toHex(bytes)}`);
  }

  /** Memory by virtual address; empty where there is none. */
  async read(address: bigint, length: number): Promise<Uint8Array> {
    const answer = await this.connection.ask(`m${BigInt.asUintN(64, address).toString(16)},${length.toString(16)}`);
    return (answer === undefined || answer.startsWith('E') ? undefined : fromHex(answer)) ?? new Uint8Array();
  }

  /** One instruction. */
  async step(): Promise<Stop> {
    return this.understood(await this.connection.ask('s'));
  }

  /** Run to one of these addresses, at most `ms` milliseconds. */
  async runTo(addresses: ReadonlySet<bigint>, ms: number): Promise<Stop> {
    for (const [what, from, to] of [
      ['z', this.breakpoints, addresses],
      ['Z', addresses, this.breakpoints],
    ] as const) {
      for (const address of from) if (!to.has(address)) await this.connection.ask(`${what}1,${address.toString(16)},1`);
    }
    this.breakpoints = new Set(addresses);
    const answer = this.connection.ask('c');
    const timer = new AbortController();
    const late = sleep(ms, 'late' as const, { signal: timer.signal }).catch(() => 'late' as const);
    const first = await Promise.race([answer, late]);
    timer.abort();
    if (first !== 'late') return this.understood(first);
    this.connection.interrupt();
    await answer;
    return 'still running';
  }

  private understood(answer: string | undefined): Stop {
    // SIGABRT is how our stub tells of a crash
    return answer === undefined || /^[WX]|^T06/.test(answer) ? 'ended' : 'stopped';
  }

  /** End the guest and whoever runs it. */
  async close(): Promise<void> {
    this.connection.close();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.child.once('close', resolve));
    this.child.kill('SIGKILL');
    await gone;
  }
}
