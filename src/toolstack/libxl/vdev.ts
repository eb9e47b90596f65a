/** Majors of Linux's disks, and partitions of each, by the letters of their names. */
const XVD = { major: 202, partitions: 16 };
const SD = { major: 8, partitions: 16 };
/** IDE: two disks a major. */
const IDE_MAJORS = [3, 22];
const IDE_PARTITIONS = 64;
/** Set in numbers of disks that have no place in the old scheme. */
const EXTENDED = 1 << 28;

/** `a` is 0, `z` 25, `aa` 26. */
const indexOfLetters = (letters: string): number => [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 96, 0) - 1;

const extended = (disk: number, partition: number): number | undefined => (disk < 1 << 20 && partition < 256 ? EXTENDED + disk * 256 + partition : undefined);

/**
 * The number under which a virtual disk stands in xenstore: of `xvda1`, `sda1`, `hda1`, `d0p1`, or a number. Undefined when
 * `text` names no disk.
 * @see docs/man/xen-vbd-interface.7.pandoc
 */
export function vdevNumber(text: string): number | undefined {
  if (/^(0x[0-9a-f]+|\d+)$/i.test(text)) return Number(text);
  const numbered = /^d(\d+)(?:p(\d+))?$/.exec(text);
  const named = /^(xvd|sd|hd)([a-z]{1,4})(\d*)$/.exec(text);
  const disk = numbered !== null ? Number(numbered[1]) : indexOfLetters(named?.[2] ?? '');
  const partition = Number((numbered !== null ? numbered[2] : named?.[3]) || 0);
  if (numbered === null && named === null) return undefined;
  const kind = named?.[1] ?? 'xvd';
  if (kind === 'hd') {
    const major = IDE_MAJORS[disk >> 1];
    return major === undefined || partition >= IDE_PARTITIONS ? undefined : major * 256 + (disk & 1) * IDE_PARTITIONS + partition;
  }
  const { major, partitions } = kind === 'sd' ? SD : XVD;
  if (disk < 16 && partition < partitions) return major * 256 + disk * partitions + partition;
  return kind === 'sd' ? undefined : extended(disk, partition);
}
