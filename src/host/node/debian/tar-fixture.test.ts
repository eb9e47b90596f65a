/** Makes tar and ar archives for the tests of this folder. */

const BLOCK = 512;
const encoder = new TextEncoder();

/** A tar header and its data, padded. */
export function tarEntry(path: string, data: Uint8Array | string, type = '0', mode = 0o644): Uint8Array {
  const bytes = typeof data === 'string' ? encoder.encode(data) : data;
  const out = new Uint8Array(BLOCK + Math.ceil(bytes.length / BLOCK) * BLOCK);
  const put = (at: number, text: string): void => out.set(encoder.encode(text), at);
  put(0, path.slice(0, 100));
  put(100, `${mode.toString(8).padStart(7, '0')}\0`);
  put(124, `${bytes.length.toString(8).padStart(11, '0')}\0`);
  put(148, '        ');
  put(156, type);
  put(257, 'ustar\0' + '00');
  const sum = out.subarray(0, BLOCK).reduce((a, b) => a + b, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  out.set(bytes, BLOCK);
  return out;
}

export const concatenate = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
export const tarEnd = new Uint8Array(2 * BLOCK);

export function arArchive(members: readonly (readonly [name: string, data: Uint8Array | string])[]): Uint8Array {
  const parts: Uint8Array[] = [encoder.encode('!<arch>\n')];
  for (const [name, data] of members) {
    const bytes = typeof data === 'string' ? encoder.encode(data) : data;
    parts.push(
      encoder.encode(`${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(bytes.length).padEnd(10)}\`\n`),
      bytes,
    );
    if (bytes.length % 2 === 1) parts.push(encoder.encode('\n'));
  }
  return concatenate(...parts);
}

/** A package with these files, not compressed. */
export function plainDeb(control: string, files: Readonly<Record<string, string>>): Uint8Array {
  const content = Object.entries(files).map(([path, data]) => tarEntry(`./${path}`, data));
  return arArchive([
    ['debian-binary', '2.0\n'],
    ['control.tar', concatenate(tarEntry('./control', control), tarEnd)],
    ['data.tar', concatenate(tarEntry('./', '', '5'), ...content, tarEnd)],
  ]);
}
