/** Columns as C's printf makes them. */
export const left = (text: string, width: number): string => text.padEnd(width);
export const right = (value: string | number, width: number): string => String(value).padStart(width);

/** A domain's name in a table, as printf shows one that is not there: a domain that was destroyed waits for others to give its pages back. */
export const shownName = ({ name }: { readonly name: string }): string => (name === '' ? '(null)' : name);

/** Nanoseconds as seconds with one digit behind the point. */
export const tenths = (nanoseconds: number): string => (nanoseconds / 1e9).toFixed(1);

/** Bytes of a size that people write: a number of MiB, or with a unit b, k, m, g or t. Undefined when it is none. In KiB. */
export function parseSize(text: string): number | undefined {
  const match = /^(0x[0-9a-f]+|\d+)([bkmgt]?)$/i.exec(text);
  if (match === null) return undefined;
  const shift = { b: 1 / 1024, k: 1, m: 1024, g: 1024 ** 2, t: 1024 ** 3 }[(match[2] || 'm').toLowerCase() as 'b'];
  const kib = Math.floor(Number(match[1]) * shift);
  return Number.isSafeInteger(kib) ? kib : undefined;
}

/** Seconds as an uptime: [D day[s], ]H:MM:SS, hours at least two wide. */
export function uptimeText(seconds: number, short = false): string {
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor(seconds / 3600) % 24;
  const minutes = String(Math.floor(seconds / 60) % 60).padStart(2, '0');
  const rest = String(Math.floor(seconds) % 60).padStart(2, '0');
  return `${days > 0 ? `${days} day${days > 1 ? 's' : ''}, ` : ''}${right(hours, 2)}:${minutes}${short ? '' : `:${rest}`}`;
}
