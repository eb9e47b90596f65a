import type { Profile } from './profile.ts';

/** The profile as a file for speedscope: guest instructions by stack, host time by tier, exits and hypercalls by reason. @see https://www.speedscope.app/file-format-schema.json */
export function toSpeedscope({ title, guest, host, exits, hypercalls }: Profile): string {
  const frames = guest.names.map((name) => ({ name }));
  const counted = (name: string, unit: string, entries: Readonly<Record<string, number>>): object => {
    const list = Object.entries(entries).filter(([, count]) => count > 0);
    const first = frames.length;
    for (const [key] of list) frames.push({ name: key });
    return sampled(
      name,
      unit,
      list.map((_, k) => [first + k]),
      list.map(([, count]) => count),
    );
  };
  const profiles = [
    sampled(
      'guest instructions',
      'none',
      guest.stacks.map((stack) => stack.frames),
      guest.stacks.map(({ count }) => count * guest.interval),
    ),
    counted('host time', 'microseconds', host),
    counted('exits', 'none', exits),
    counted('hypercalls', 'none', hypercalls),
  ];
  return JSON.stringify({
    $schema: 'https://www.speedscope.app/file-format-schema.json',
    name: title,
    exporter: 'zendo',
    activeProfileIndex: 0,
    shared: { frames },
    profiles,
  });
}

function sampled(name: string, unit: string, samples: readonly (readonly number[])[], weights: readonly number[]): object {
  return { type: 'sampled', name, unit, startValue: 0, endValue: weights.reduce((sum, weight) => sum + weight, 0), samples, weights };
}
