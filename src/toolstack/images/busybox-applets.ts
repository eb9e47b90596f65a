/**
 * The names under which a busybox program can be called, read out of the program: they lie in it one behind the other,
 * NUL-terminated and sorted, starting with `[` and `[[`.
 */
const START = [0, 0x5b, 0, 0x5b, 0x5b, 0];
/** A list with fewer names is not taken for one. */
const FEWEST = 10;
const LONGEST_NAME = 40;

/** The applet names of `busybox`, or undefined where none are found. */
export function readApplets(busybox: Uint8Array): string[] | undefined {
  for (let at = busybox.indexOf(0); at >= 0; at = busybox.indexOf(0, at + 1)) {
    if (!START.every((byte, i) => busybox[at + i] === byte)) continue;
    const names = namesAt(busybox, at + 1);
    if (names.length >= FEWEST) return names;
  }
  return undefined;
}

function namesAt(bytes: Uint8Array, start: number): string[] {
  const names: string[] = [];
  let at = start;
  for (;;) {
    const end = bytes.indexOf(0, at);
    if (end <= at || end - at > LONGEST_NAME) return names;
    const name = String.fromCharCode(...bytes.subarray(at, end));
    const previous = names.at(-1);
    if (!/^[[a-z0-9][a-zA-Z0-9_.[-]*$/.test(name) || (previous !== undefined && name <= previous)) return names;
    names.push(name);
    at = end + 1;
  }
}
