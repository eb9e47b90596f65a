/**
 * The report of npm test: node's own `spec` report, then the ten slowest tests, then one closing line.
 * @see https://nodejs.org/api/test.html#custom-reporters
 */
import { relative } from 'node:path';
import { Readable } from 'node:stream';
import { spec, type TestEvent } from 'node:test/reporters';

/** A test that ran: its file, relative to the repository, its name, its wall time in milliseconds. */
interface Timed {
  readonly file: string;
  readonly name: string;
  readonly milliseconds: number;
}

const slowest = (timed: readonly Timed[]): string => {
  const ten = timed.toSorted((a, b) => b.milliseconds - a.milliseconds).slice(0, 10);
  return ['', 'slowest tests:', ...ten.map(({ file, name, milliseconds }) => `${(milliseconds / 1000).toFixed(2).padStart(8)} s  ${file}: ${name}`), ''].join(
    '\n',
  );
};

/** Turns the runner's events into text. Suites are left out of the ten, their tests are in. */
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const timed: Timed[] = [];
  let closing = 'the runner gave no summary';
  const watched = async function* (): AsyncGenerator<TestEvent> {
    for await (const event of events) {
      if ((event.type === 'test:pass' || event.type === 'test:fail') && event.data.details.type === 'test') {
        timed.push({ file: relative('', event.data.file ?? ''), name: event.data.name, milliseconds: event.data.details.duration_ms });
      }
      if (event.type === 'test:summary' && event.data.file === undefined) {
        const { tests, passed, cancelled, skipped, todo } = event.data.counts;
        const failed = tests - passed - cancelled - skipped - todo;
        const seconds = (event.data.duration_ms / 1000).toFixed(1);
        closing = `tests ${tests}, pass ${passed}, fail ${failed}, cancelled ${cancelled}, skipped ${skipped}, todo ${todo}, ${seconds} s`;
      }
      yield event;
    }
  };
  for await (const text of Readable.from(watched()).pipe(new spec())) yield String(text);
  yield `${slowest(timed)}\n${closing}\n`;
}
