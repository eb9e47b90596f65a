import type { Terminal } from '../../base/ports/terminal.ts';

/** The process's own stdin and stdout. Node makes each when it is first asked for, which takes some 5 ms: not before it is used. */
export function processTerminal(): Terminal {
  return {
    write: (bytes) =>
      new Promise((resolve) => {
        const { stdout } = process;
        // A reader that went away (EPIPE) is no error of ours: what is left is dropped.
        if (stdout.destroyed) resolve();
        else if (stdout.write(bytes, () => {})) resolve();
        else stdout.once('drain', resolve);
      }),
    onInput(listener) {
      const { stdin } = process;
      const on = (chunk: Buffer): void => listener(new Uint8Array(chunk));
      stdin.on('data', on);
      return () => {
        stdin.off('data', on);
        stdin.pause();
      };
    },
    onEnd(listener) {
      process.stdin.on('end', listener);
      return () => process.stdin.off('end', listener);
    },
    size: () => {
      const { stdout } = process;
      return stdout.isTTY ? { columns: stdout.columns, rows: stdout.rows } : undefined;
    },
    setRaw(raw) {
      if (process.stdin.isTTY) process.stdin.setRawMode(raw);
    },
  };
}
