import type { ByteStream } from '../../../../base/ports/local-socket.ts';

/** Two ends of a stream in this process. */
export function streamPair(): [ByteStream, ByteStream] {
  const ends = [0, 1].map(() => ({ data: [] as ((bytes: Uint8Array) => void)[], close: [] as (() => void)[] }));
  let open = true;
  const make = (mine: number): ByteStream => ({
    send: (bytes) => {
      const copy = bytes.slice();
      if (open) for (const listener of ends[1 - mine]?.data ?? []) listener(copy);
      return true;
    },
    onData: (listener) => void ends[mine]?.data.push(listener),
    onDrain: () => {},
    pause: () => {},
    resume: () => {},
    onClose: (listener) => void ends[mine]?.close.push(listener),
    close: () => {
      if (!open) return;
      open = false;
      for (const end of ends) for (const listener of end.close) listener();
    },
  });
  return [make(0), make(1)];
}
