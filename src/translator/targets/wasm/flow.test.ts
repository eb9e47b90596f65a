/** The flow of random graphs: structured, with every edge and every way in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dice } from '../../decode/encodings.ts';
import { analyse, type Flow } from './flow.ts';

const GRAPHS = 3000;

/** Nodes on the way by number from the dispatcher to `target`, both included. */
function wayTo(flow: Flow, target: number): number[] {
  const way = [flow.dispatcher];
  for (let n = flow.dispatcher; n !== target && way.length < 100; ) {
    n = flow.hops.get(n)?.get(target) ?? assert.fail(`no way from ${n} to ${target}`);
    way.push(n);
  }
  return way;
}

test('random graphs', () => {
  const seed = Number(process.env['ZENDO_SEED'] ?? 1);
  const dice = new Dice(seed);
  for (let round = 0; round < GRAPHS; round++) {
    const count = 1 + dice.next(14);
    const successors = Array.from({ length: count }, () => [...new Set(Array.from({ length: dice.next(4) }, () => dice.next(count)))]);
    const entries = Array.from({ length: count }, (_, n) => n).filter((n) => n > 0 && dice.next(3) === 0);
    const flow = analyse({ successors, entries });
    const said = `seed ${seed}, round ${round}: ${JSON.stringify({ successors, entries })}`;
    const after = (n: number): number[] => {
      const hops = [...(flow.hops.get(n)?.values() ?? [])];
      if (n === flow.start) return flow.dispatchesFirst ? [flow.dispatcher] : entries.length > 0 ? [0, flow.dispatcher] : [0];
      return n === flow.dispatcher ? hops : [...(successors[n] as number[]).map((to) => flow.redirect(n, to)), ...hops];
    };
    const dominates = (x: number, y: number): boolean => {
      for (let n = y; n !== flow.start; n = flow.dominator[n] as number) if (n === x) return true;
      return x === flow.start;
    };
    const forward = new Map<number, number>();
    for (const n of flow.nodes) {
      for (const to of new Set(after(n))) {
        assert.ok((flow.order[to] as number) >= 0, said);
        if ((flow.order[to] as number) > (flow.order[n] as number)) forward.set(to, (forward.get(to) ?? 0) + 1);
        else assert.ok(flow.headers.has(to) && dominates(to, n), `back from ${n} to ${to}, ${said}`);
      }
    }
    for (const [n, ways] of forward) assert.ok(ways === 1 || flow.merges.has(n), said);
    for (const ways of flow.hops.values()) for (const to of ways.values()) assert.ok(flow.merges.has(to), said);
    // whatever is reached by number has its way, over headers only, and the one that an edge leads to instead is among them
    for (const target of [...entries, ...(flow.dispatchesFirst ? [0] : [])]) {
      for (const n of wayTo(flow, target).slice(1, -1)) assert.ok(flow.headers.has(n), said);
    }
    for (const n of flow.nodes) {
      for (const to of successors[n] ?? []) if (flow.redirect(n, to) !== to) assert.ok(wayTo(flow, to).slice(0, -1).includes(flow.redirect(n, to)), said);
    }
  }
});

test('a loop entered in its middle keeps its own edges', () => {
  // 0 -> 1 -> 2 -> 1, 2 -> 3; entered at 2, too
  const flow = analyse({ successors: [[1], [2], [1, 3], []], entries: [2] });
  assert.equal(flow.redirect(2, 1), 1);
  assert.equal(flow.dispatchesFirst, false);
  assert.deepEqual([...flow.headers], [1]);
  assert.deepEqual(wayTo(flow, 2), [flow.dispatcher, 1, 2]);
});

test('what is reached from another entry only goes into a loop by its header', () => {
  // 0 -> 1 -> 2 -> 1; 3 -> 2, entered at 3
  const flow = analyse({ successors: [[1], [2], [1], [2]], entries: [3] });
  assert.equal(flow.redirect(3, 2), 1);
  assert.equal(flow.redirect(2, 1), 1);
  assert.equal(flow.dispatchesFirst, false);
  assert.deepEqual(wayTo(flow, 2), [flow.dispatcher, 1, 2]);
});

test('a loop of two heads goes by number for one of them, by the header of the loop around both', () => {
  // 0 -> 1, 2; 1 -> 2; 2 -> 1
  const alone = analyse({ successors: [[1, 2], [2], [1]], entries: [] });
  assert.equal(alone.dispatchesFirst, true);
  assert.ok([alone.redirect(1, 2), alone.redirect(2, 1)].includes(alone.dispatcher));
  const inside = analyse({ successors: [[1, 2], [2, 0], [1]], entries: [] });
  assert.equal(inside.dispatchesFirst, false);
  assert.ok([inside.redirect(1, 2), inside.redirect(2, 1)].includes(0));
});
