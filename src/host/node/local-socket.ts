import { rmSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
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
        if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') resolve(undefined);
        else reject(error);
      });
    }),
};
