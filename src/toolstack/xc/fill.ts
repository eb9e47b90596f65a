const PAGE_BYTES = 4096;
const PAGE_WORDS = PAGE_BYTES / 4;

function isZero(words: Int32Array, at: number): boolean {
  const end = at + PAGE_WORDS;
  // eight at a time: kernels have thousands of such pages
  for (let i = at; i < end; i += 8) {
    const four = (words[i] as number) | (words[i + 1] as number) | (words[i + 2] as number) | (words[i + 3] as number);
    if ((four | (words[i + 4] as number) | (words[i + 5] as number) | (words[i + 6] as number) | (words[i + 7] as number)) !== 0) return false;
  }
  return true;
}

/**
 * Copy `bytes` to `memory` from `at` on, where there are only zeros. Whole pages of zeros are passed over, so that the host need not find memory for
 * them: a third of Debian's kernel.
 */
export function fill(memory: Uint8Array, at: number, bytes: Uint8Array): void {
  const first = -at & (PAGE_BYTES - 1);
  const pages = Math.floor((bytes.length - first) / PAGE_BYTES);
  let done = 0;
  if (pages > 0 && (bytes.byteOffset + first) % 4 === 0) {
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + first, pages * PAGE_WORDS);
    for (let page = 0; page < pages; page++) {
      if (!isZero(words, page * PAGE_WORDS)) continue;
      const end = first + page * PAGE_BYTES;
      if (end > done) memory.set(bytes.subarray(done, end), at + done);
      done = end + PAGE_BYTES;
    }
  }
  if (done < bytes.length) memory.set(bytes.subarray(done), at + done);
}
