/** Bytes at a linear address that a debugger wants to see change. */
export interface WatchedRange {
  readonly address: bigint;
  readonly length: number;
}

/**
 * What the hypervisor needs of the engine that runs guest code. The translator's engine implements it; another engine
 * (hardware virtualisation) can stand behind it later.
 */
export interface Cpu {
  /** Run the vCPU context at `context` until something needs the hypervisor; an EXIT_* reason. */
  run(context: number): number;
  /**
   * Byte offset into `frames` of a guest virtual address as the context sees it now, or -1 when it is not mapped with
   * the right (or is no RAM). Never changes the guest's state, except accessed and dirty bits.
   */
  translate(context: number, va: bigint, write: boolean): number;
  /** Take an external interrupt now: the caller has made sure that the guest can. */
  interrupt(context: number, vector: number): void;
  nmi(context: number): void;
  /** Inject an exception before the next instruction; `error` undefined when it has no error code. */
  exception(context: number, vector: number, error?: number): void;
  /** The context's control registers, segments or flags were set from outside: bring the derived mode word up to date. */
  stateChanged(context: number): void;
  /** Drop every soft TLB entry of every context on this thread (second-stage change). */
  flushTlb(): void;
  /** A page was written from outside guest code: drop what was translated from it. */
  frameWritten(mfn: number): void;
  /**
   * Stop a context before the instructions at these linear addresses: `run` answers EXIT_BREAKPOINT then, and executes the
   * instruction when it is called again at the same instant. Guest memory is not changed. Replaces the list given before;
   * undefined when there will be none any more. With `watched`, it also stops behind each instruction that changed those bytes
   * (or others did); every instruction is looked at then, which costs some microseconds each.
   */
  setBreakpoints(context: number, addresses: readonly bigint[] | undefined, watched?: readonly WatchedRange[]): void;
}
