import type { ByteStream } from '../../base/ports/local-socket.ts';
import type { ConsoleEnd, ConsoleOutput } from './api.ts';
import type { ConsoleViewer } from './consoles.ts';
import type { RpcConnection } from './rpc/rpc-server.ts';

/** Bytes of output in one notification: base64 of it stays well below the longest message. */
const PIECE = 1 << 18;

/** A client of the toolstack that has opened a console of a domain, by its number. */
export function rpcViewer(connection: RpcConnection, domid: number, number: number): ConsoleViewer {
  return {
    connection,
    show: (bytes) => {
      for (let at = 0; at < bytes.length; at += PIECE) {
        const output: ConsoleOutput = { domid, number, base64: bytes.slice(at, at + PIECE).toBase64() };
        connection.notify('console', output);
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
