import { rmSync } from 'node:fs';
import { chmod, lstat, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { OperatorError } from '../../base/operator-error.ts';
import type { ByteStream, LocalSockets } from '../../base/ports/local-socket.ts';

function stream(socket: Socket): ByteStream {
  // an error is followed by 'close', which is what everybody waits for
  socket.on('error', () => {});
  return {
    send: (bytes) => socket.destroyed || socket.write(bytes),
    onData: (listener) => {
      socket.on('data', listener);
    },
    onDrain: (listener) => {
      socket.on('drain', listener);
    },
    onClose: (listener) => {
      socket.on('close', listener);
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    // what was sent goes out first
    close: () => {
      if (socket.writableLength === 0) socket.destroy();
      else socket.destroySoon();
    },
  };
}

/** Clients of one socket. Stops: connections without end taking all of the process's files. */
const MOST_CONNECTIONS = 4096;

/** Unix sockets. */
export const unixSockets: LocalSockets = {
  async listen(path, onConnection) {
    const server = createServer((socket) => onConnection(stream(socket)));
    server.maxConnections = MOST_CONNECTIONS;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    // what a client does wrong is no end of the server
    server.on('error', () => {});
    await chmod(path, 0o600);
    return () => {
      server.close();
      rmSync(path, { force: true });
    };
  },
  connect: (path) =>
    new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('connect', () => resolve(stream(socket)));
      socket.once('error', (error: NodeJS.ErrnoException) => {
        // reset: whoever listened died with the connection waiting
        if (['ENOENT', 'ECONNREFUSED', 'ECONNRESET'].includes(error.code ?? '')) resolve(undefined);
        else reject(error);
      });
    }),
};

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'its folder does not exist',
  ENOTDIR: 'its folder is none',
  EACCES: 'its folder may not be written to',
  EROFS: 'the file system is read-only',
  EADDRINUSE: 'it exists already',
};

/** As `unixSockets.listen`, at a path that somebody named: a socket there that nobody serves is replaced, nothing else is. Throws an OperatorError. */
export async function listenAtPath(path: string, onConnection: (stream: ByteStream) => void): Promise<() => void> {
  const refuse = (reason: string, cause?: unknown): OperatorError =>
    new OperatorError(`the socket ${path} cannot be made: ${reason}`, { hint: 'Give another path.', cause });
  try {
    // (asked for by itself: a bind in a folder that is not there is EACCES to libuv)
    await stat(dirname(path));
    const there = await lstat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (there !== undefined && !there.isSocket()) throw refuse('there is a file of that name');
    if (there !== undefined) {
      const other = await unixSockets.connect(path);
      other?.close();
      if (other !== undefined) throw refuse('another program listens there');
      await rm(path, { force: true });
    }
    return await unixSockets.listen(path, onConnection);
  } catch (error) {
    if (error instanceof OperatorError) throw error;
    throw refuse(REASONS[(error as NodeJS.ErrnoException).code ?? ''] ?? (error as Error).message, error);
  }
}
