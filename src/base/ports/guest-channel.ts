/**
 * A guest's shared page mapped into domain 0, and the event channel beside it: all that a program of domain 0 (xenstored,
 * xenconsoled) sees of a guest. The guest may write any byte of the page at any time; what stands there is an allegation.
 */
export interface GuestChannel {
  /** The page: 4096 bytes, backed by a SharedArrayBuffer. */
  readonly bytes: Uint8Array;
  /** The same page. */
  readonly view: DataView;
  /** The same page, for atomic access to its indexes: word 0 is byte 0 of the page. */
  readonly words: Int32Array;
  /** Send the event to the guest. */
  notify(): void;
  /** Unmap the page and close the event channel. Called once; nothing is called after it. */
  close(): void;
}
