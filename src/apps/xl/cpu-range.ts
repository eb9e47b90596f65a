/** Most CPU numbers that a range may name. Stops: `0-999999999` filling memory. */
const MOST_CPUS = 4096;

/**
 * CPUs as people write them: `0,2-4`, `all`, `^1` taken away, `nodes:0` all of a node. `nodes`: the node of each CPU of the machine.
 * @see docs/man/xl.1.pod.in, vcpu-pin; docs/man/xl.cfg.5.pod.in, cpus
 */
export function cpuRange(text: string, nodes: readonly number[]): { readonly cpus: number[]; readonly error?: string } {
  const cpus = new Set<number>();
  for (const part of text.split(',').filter((each) => each !== '')) {
    const [, not = '', node = '', what = ''] = /^(\^?)(nodes?:)?(.*)$/.exec(part) ?? [];
    if (what === 'all') {
      if (not !== '') return { cpus: [], error: 'Can\'t combine "^" and "all".' };
      for (let cpu = 0; cpu < nodes.length; cpu++) cpus.add(cpu);
      continue;
    }
    const [, first = '', last = first] = /^(\d+)(?:-(\d+))?$/.exec(what) ?? [];
    if (first === '' || Number(last) < Number(first) || Number(last) - Number(first) >= MOST_CPUS) return { cpus: [], error: `Invalid pcpu range: ${what}.` };
    for (let n = Number(first); n <= Number(last); n++) {
      const named = node === '' ? [n] : nodes.flatMap((of, cpu) => (of === n ? [cpu] : []));
      for (const cpu of named) not === '' ? cpus.add(cpu) : cpus.delete(cpu);
    }
  }
  return { cpus: [...cpus].sort((a, b) => a - b) };
}

/** CPUs of a machine that has `count` as xl prints them: `all`, `none`, or ranges. */
export function cpuText(cpus: readonly number[], count: number): string {
  const there = cpus.filter((cpu) => cpu < count);
  if (there.length === count) return 'all';
  const ranges: string[] = [];
  for (let i = 0; i < there.length; ) {
    let end = i;
    while (there[end + 1] === (there[end] as number) + 1) end++;
    ranges.push(end === i ? `${there[i]}` : `${there[i]}-${there[end]}`);
    i = end + 1;
  }
  return ranges.join(',') || 'none';
}
