import type { ByteStream } from '../../base/ports/local-socket.ts';
import { type Dom0Kernel, HypercallError } from '../../hypervisor/dom0/kernel.ts';
import type { Dom0Program, Privcmd, ProgramBuffer } from '../../hypervisor/dom0/privcmd.ts';
import { E2BIG, EINVAL, ENOMEM } from '../../spec/xen/errno.ts';

/**
 * The privcmd socket: what a program of domain 0 that runs as a process of its own asks of domain 0's kernel.
 *
 * A request is u32 type, u32 length and so many bytes; the answer is s32 errno (0: done), u32 length and so many bytes.
 * All numbers are little endian. Requests are
 * answered in their order; those that have arrived are done in one turn. The program's window (where its hypercall buffers must lie) is told first.
 *
 * | type | request | answer |
 * |---|---|---|
 * | 1 attach | u32 version (1) | u64 base, u64 size of the window |
 * | 2 hypercall | u64 number, u64 argument (5), u32 n, u32 0, (u64 address, u64 length) (n), their bytes | s64 result, the buffers' bytes |
 * | 3 map foreign | u32 domid, u32 n, u64 gfn (n) | u32 id, u32 n, u32 errno (n), 4096 bytes for each page |
 * | 4 map resource | u32 domid, u32 type, u32 id, u32 n, u64 first frame | as 3; n = 0: u32 size in frames |
 * | 5 write pages | u32 id, u32 n, u32 index (n), 4096 bytes for each page | |
 * | 6 unmap | u32 id | |
 * | 7 look | u32 domid, u32 n, u64 first gfn | u32 errno (n): what mapping each would say |
 */
const ATTACH = 1;
const HYPERCALL = 2;
const MAP_FOREIGN = 3;
const MAP_RESOURCE = 4;
const WRITE_PAGES = 5;
const UNMAP = 6;
const LOOK = 7;

const VERSION = 1;
const HEAD = 8;
const PAGE = 4096;
/** Longest request. Stops: a client that announces more than it may ever send filling the daemon's memory. */
const LONGEST_REQUEST = 32 << 20;
/** Requests done in one turn. Stops: a client that asks without end keeping the guests from running. */
const REQUESTS_AT_ONCE = 16;
/** Pages of one mapping: their bytes are one answer. */
const PAGES_MAX = 4096;
/** Buffers of one hypercall. */
const BUFFERS_MAX = 1024;

/** A request that no program makes: the connection is ended. */
class Nonsense extends Error {}

class Answer {
  readonly errno: number;
  readonly pieces: readonly Uint8Array[];
  constructor(errno: number, ...pieces: Uint8Array[]) {
    this.errno = errno;
    this.pieces = pieces;
  }
}

/** Reads a request's body from its begin. */
class Body {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  private step(size: number): number {
    const from = this.at;
    if (from + size > this.bytes.length) throw new Nonsense('a request is shorter than what it says');
    this.at = from + size;
    return from;
  }

  u32(): number {
    return this.view.getUint32(this.step(4), true);
  }

  u64(): bigint {
    return this.view.getBigUint64(this.step(8), true);
  }

  take(length: number): Uint8Array {
    const from = this.step(length);
    return this.bytes.slice(from, from + length);
  }

  list<T>(count: number, most: number, read: () => T): T[] {
    if (count > most) throw new Nonsense(`a list of ${count} is longer than ${most}`);
    return Array.from({ length: count }, read);
  }
}

const words = (...values: number[]): Uint8Array => new Uint8Array(Uint32Array.from(values).buffer);
const longs = (...values: bigint[]): Uint8Array => new Uint8Array(BigInt64Array.from(values).buffer);
/** An address or a frame number; those beyond what a number holds exactly are beyond every limit too. */
const whole = (value: bigint): number => Number(value);

/** Serve one program. `enter` runs an action in a turn of domain 0's. */
export function servePrivcmd(stream: ByteStream, kernel: Dom0Kernel, privcmd: Privcmd, enter: <T>(action: () => T) => Promise<T>): void {
  let program: Dom0Program | undefined;
  let busy = false;
  let ended = false;
  /** The program does not read its answers: it is asked for no more. */
  let full = false;
  let kept: Uint8Array[] = [];
  let length = 0;

  const perform = (type: number, body: Body): Answer => {
    if (type === ATTACH) {
      if (body.u32() !== VERSION || program !== undefined) return new Answer(EINVAL);
      program = privcmd.open();
      return program === undefined ? new Answer(ENOMEM) : new Answer(0, longs(BigInt(program.base), BigInt(program.size)));
    }
    if (program === undefined) throw new Nonsense('the first request must attach');
    try {
      return request(kernel, program, type, body);
    } catch (error) {
      if (error instanceof HypercallError) return new Answer(error.errno);
      throw error;
    }
  };

  const next = async (): Promise<void> => {
    if (busy || full) return;
    const first = take();
    if (first === undefined) return;
    busy = true;
    try {
      await enter(() => {
        let message: ReturnType<typeof take> = first;
        for (let n = 1; message !== undefined; n++) {
          const { errno, pieces } = perform(message.type, new Body(message.body));
          const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
          for (const piece of [words(errno, size), ...pieces]) full = !stream.send(piece) || full;
          message = n < REQUESTS_AT_ONCE && !full ? take() : undefined;
        }
      });
    } catch (error) {
      stream.close();
      if (!(error instanceof Nonsense)) throw error;
    } finally {
      busy = false;
    }
    if (!ended) await next();
  };

  /** The next whole request. */
  const take = (): { type: number; body: Uint8Array } | undefined => {
    if (length < HEAD) return undefined;
    if (kept.length > 1) {
      const first = kept[0] as Uint8Array;
      const wanted = first.length >= HEAD ? HEAD + new DataView(first.buffer, first.byteOffset).getUint32(4, true) : 0;
      if (wanted > length) return undefined;
      kept = [concatenate(kept, length)];
    }
    const bytes = kept[0] as Uint8Array;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const end = HEAD + view.getUint32(4, true);
    if (end > LONGEST_REQUEST) throw new Nonsense('a request is too long');
    if (end > length) return undefined;
    kept = [bytes.subarray(end)];
    length -= end;
    return { type: view.getUint32(0, true), body: bytes.subarray(HEAD, end) };
  };

  stream.onData((bytes) => {
    if (length + bytes.length > LONGEST_REQUEST + HEAD) {
      stream.close();
      return;
    }
    kept.push(bytes.slice());
    length += bytes.length;
    if (!busy) void next().catch(() => stream.close());
  });
  stream.onDrain(() => {
    full = false;
    if (!busy) void next().catch(() => stream.close());
  });
  stream.onClose(() => {
    ended = true;
    void enter(() => program?.close()).catch(() => {});
  });
}

function concatenate(pieces: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function request(kernel: Dom0Kernel, program: Dom0Program, type: number, body: Body): Answer {
  switch (type) {
    case HYPERCALL: {
      const nr = whole(body.u64());
      const args = body.list(5, 5, () => body.u64());
      const count = body.u32();
      body.u32();
      const places = body.list(count, BUFFERS_MAX, () => ({ address: whole(body.u64()), size: whole(body.u64()) }));
      const buffers: ProgramBuffer[] = places.map(({ address, size }) => ({ address, bytes: body.take(size) }));
      const result = program.hypercall(nr, args, buffers);
      return new Answer(0, longs(BigInt(result)), ...buffers.map(({ bytes }) => bytes));
    }
    case MAP_FOREIGN: {
      const domid = body.u32() & 0xffff;
      const gfns = body.list(body.u32(), PAGES_MAX, () => whole(body.u64()));
      return mapped(program, program.mapForeign(domid, gfns));
    }
    case MAP_RESOURCE: {
      const [domid, kind, id, count] = [body.u32() & 0xffff, body.u32(), body.u32(), body.u32()];
      const frame = whole(body.u64());
      if (count > PAGES_MAX) return new Answer(E2BIG);
      if (count === 0) return new Answer(0, words(kernel.resourceSize(domid, kind, id)));
      return mapped(program, program.mapResource(domid, kind, id, frame, count));
    }
    case WRITE_PAGES: {
      const id = body.u32();
      const indices = body.list(body.u32(), PAGES_MAX, () => body.u32());
      return new Answer(program.writePages(id, indices, body.take(indices.length * PAGE)));
    }
    case LOOK: {
      const [domid, count, first] = [body.u32() & 0xffff, body.u32(), whole(body.u64())];
      return count > PAGES_MAX ? new Answer(E2BIG) : new Answer(0, words(...program.look(domid, first, count)));
    }
    case UNMAP:
      return new Answer(program.unmap(body.u32()));
    default:
      throw new Nonsense(`there is no request ${type}`);
  }
}

function mapped(program: Dom0Program, { id, errors }: { readonly id: number; readonly errors: readonly number[] }): Answer {
  return new Answer(0, words(id, errors.length, ...errors), program.readPages(id) ?? new Uint8Array(0));
}
