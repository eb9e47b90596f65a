import type { Memories } from '../machine/memories.ts';
import {
  mailbox,
  REQUEST,
  REQUEST_NONE,
  REQUEST_POSTED,
  STOP,
  STOP_ENDED,
  STOP_WANTED,
  TURN,
  TURN_DONE,
  TURN_GRANTED,
  TURN_SHARED,
  WANT_TURN,
  waitForChange,
  wakePcpu,
} from './mailbox.ts';

/** How often a wait looks whether the pCPU thread still lives, in ms. */
const LIFE_CHECK_MS = 200;

/** The pCPU thread is gone; its own error was reported where it happened. */
export class MachineGoneError extends Error {
  override readonly name = 'MachineGoneError';
}

/**
 * The front door: the only way in for everything above the hypervisor. Domain 0's programs run on one host thread and
 * make domain 0's hypercalls here, inside turns (mailbox.ts). There is no other entrance.
 */
export class Door {
  private readonly memories: Memories;
  private readonly words: Int32Array;
  private readonly processors: number;
  private readonly waiting: (() => void)[] = [];
  private onTurn: () => void = () => {};
  private onSharedTurn: () => boolean = () => true;
  private turn: 'none' | 'own' | 'shared' = 'none';
  private ended = false;

  /** `processors`: how many threads of the host may run at once. */
  constructor(memories: Memories, processors: number) {
    this.memories = memories;
    this.words = memories.stateWords;
    this.processors = processors;
  }

  /**
   * Begin to take turns. `onTurn` runs in each one, after what was queued with `enter`. In one that the guests share,
   * `onSharedTurn` does what may be done beside them, and says whether there is more: then a turn of its own follows.
   */
  open(onTurn: () => void, onSharedTurn: () => boolean): void {
    this.onTurn = onTurn;
    this.onSharedTurn = onSharedTurn;
    void this.takeTurns();
  }

  /** The pCPU thread ended: nothing more will be granted. */
  close(): void {
    this.ended = true;
    Atomics.store(this.words, STOP, STOP_ENDED);
    Atomics.notify(this.words, TURN);
    Atomics.notify(this.words, REQUEST);
  }

  /** Ask the pCPU thread to end. */
  stop(): void {
    Atomics.store(this.words, STOP, STOP_WANTED);
    wakePcpu(this.memories);
  }

  private async takeTurns(): Promise<void> {
    while (!this.ended) {
      const turn = Atomics.load(this.words, TURN);
      if (turn === TURN_GRANTED || turn === TURN_SHARED) {
        this.takeTurn(turn === TURN_SHARED);
        continue;
      }
      const wait = Atomics.waitAsync(this.words, TURN, turn, LIFE_CHECK_MS);
      if (wait.async) await wait.value;
    }
  }

  private takeTurn(shared: boolean): void {
    this.turn = shared ? 'shared' : 'own';
    try {
      if (shared) {
        if (this.onSharedTurn()) this.wantTurn();
      } else {
        for (const action of this.waiting.splice(0)) action();
        this.onTurn();
      }
    } finally {
      this.turn = 'none';
      Atomics.store(this.words, TURN, TURN_DONE);
      wakePcpu(this.memories);
    }
  }

  private wantTurn(): void {
    Atomics.store(this.words, WANT_TURN, 1);
    wakePcpu(this.memories);
  }

  /** Run `action` in the next turn that guests do not share (at once when inside one) and give its answer. */
  enter<T>(action: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = (): void => {
        try {
          resolve(action());
        } catch (error) {
          reject(error);
        }
      };
      if (this.turn === 'own') {
        run();
        return;
      }
      this.waiting.push(run);
      this.wantTurn();
    });
  }

  /**
   * Make a hypercall of domain 0: pointers in `args` are guest-physical addresses of its RAM. Inside a turn only.
   * The answer is a value or a negative errno.
   */
  hypercall(nr: number, ...args: (number | bigint)[]): number {
    this.post(nr, ...args);
    return this.answer();
  }

  /** Begin a hypercall whose `answer` is asked for later, before any other is made: what the caller does meanwhile takes no time of its own. Inside a turn only. */
  post(nr: number, ...args: (number | bigint)[]): void {
    if (this.turn === 'none') throw new Error('a hypercall was made outside a turn');
    if (Atomics.load(this.words, REQUEST) !== REQUEST_NONE) throw new Error('a hypercall was made before the last one was answered');
    const box = mailbox(this.memories);
    box.nr = nr;
    for (let i = 0; i < 6; i++) box.args.set(i, BigInt.asUintN(64, BigInt(args[i] ?? 0)));
    Atomics.store(this.words, REQUEST, REQUEST_POSTED);
    wakePcpu(this.memories);
  }

  /** The answer of the hypercall that was posted, waited for. */
  answer(): number {
    while (Atomics.load(this.words, REQUEST) === REQUEST_POSTED) {
      waitForChange(this.words, REQUEST, REQUEST_POSTED, LIFE_CHECK_MS, this.processors);
      if (this.ended || Atomics.load(this.words, STOP) === STOP_ENDED) throw new MachineGoneError('the processor thread of the machine has ended');
    }
    Atomics.store(this.words, REQUEST, REQUEST_NONE);
    return Number(BigInt.asIntN(64, mailbox(this.memories).result));
  }
}
