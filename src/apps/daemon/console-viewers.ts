import type { ByteStream } from '../../base/ports/local-socket.ts';
import type { ConsoleEnd, ConsoleOutput } from './api.ts';
import type { ConsoleViewer } from './consoles.ts';
import type { RpcConnection } from './rpc/rpc-server.ts';

/** Bytes of output in one notification: base64 of it stays well below the longest message. */
const PIECE = 1 << 18;

/** Bytes that may wait for a viewer; it holds what is kept of a console, as base64. More is left out, or the connection would be ended. */
const BACKLOG = 2 << 20;
/** Bytes of the end of what was left out that are shown after all: a prompt is among them. */
const TAIL = 4096;

/** What a viewer needs of its connection. */
type ViewerConnection = Pick<RpcConnection, 'backlog' | 'whenRead' | 'notify' | 'onEnd'>;

/** A client of the toolstack that has opened a console of a domain, by its number. One that does not keep up is told how much it missed. */
export function rpcViewer(connection: ViewerConnection, domid: number, number: number): ConsoleViewer {
  let missed = 0;
  let tail = new Uint8Array(0);
  const send = (bytes: Uint8Array): void => {
    const output: ConsoleOutput = { domid, number, base64: bytes.toBase64() };
    connection.notify('console', output);
  };
  const catchUp = (): void => {
    const lost = missed - tail.length;
    missed = 0;
    if (lost > 0) send(new TextEncoder().encode(`\r\n[${lost} bytes were lost: they came faster than they were read here]\r\n`));
    send(tail);
    tail = new Uint8Array(0);
  };
  const leaveOut = (bytes: Uint8Array): void => {
    if (missed === 0) connection.whenRead(catchUp);
    missed += bytes.length;
    const both = new Uint8Array(tail.length + bytes.length);
    both.set(tail);
    both.set(bytes, tail.length);
    tail = both.slice(-TAIL);
  };
  return {
    connection,
    show: (bytes) => {
      for (let at = 0; at < bytes.length; at += PIECE) {
        const piece = bytes.slice(at, at + PIECE);
        if (missed > 0 || connection.backlog > BACKLOG) leaveOut(piece);
        else send(piece);
      }
    },
    end: () => {
      const end: ConsoleEnd = { domid };
      connection.notify('consoleEnd', end);
    },
    onGone: (action) => void connection.onEnd(action),
  };
}

/** A program at a console's own socket: bytes as they are. One that does not keep up misses what came meanwhile. */
export function streamViewer(stream: ByteStream): ConsoleViewer {
  let full = false;
  stream.onDrain(() => {
    full = false;
  });
  return {
    connection: stream,
    show: (bytes) => {
      if (!full && bytes.length > 0) full = !stream.send(bytes);
    },
    end: () => stream.close(),
    onGone: (action) => stream.onClose(action),
  };
}
