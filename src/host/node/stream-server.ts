import { createServer } from 'node:net';
import type { StreamServer } from '../../base/ports/stream-server.ts';

/** TCP servers by node:net. */
export const nodeStreamServer: StreamServer = {
  listen: (port, onConnection) =>
    new Promise((resolve, reject) => {
      const server = createServer((socket) => {
        socket.setNoDelay(true);
        // a connection that breaks ends as one that is closed
        socket.on('error', () => {});
        onConnection({
          write: (bytes) => {
            if (!socket.destroyed) socket.write(bytes);
          },
          onData: (listener) => void socket.on('data', (chunk: Buffer) => listener(new Uint8Array(chunk))),
          onClose: (listener) => void socket.once('close', () => listener()),
          close: () => void socket.end(),
        });
      });
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        const address = server.address();
        resolve({ port: typeof address === 'object' && address !== null ? address.port : port, close: () => void server.close() });
      });
    }),
};
