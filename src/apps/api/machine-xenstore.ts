import type { StoreClient } from '../../xenstore/client.ts';
import { XenstoreError } from '../../xenstore/xenstore-error.ts';
import { XenstoreRequestError } from './errors.ts';

/** Requests on nodes inside a transaction; they are synchronous. */
export interface XenstoreTransaction {
  read(path: string): string;
  readBytes(path: string): Uint8Array;
  readIfThere(path: string): string | undefined;
  exists(path: string): boolean;
  write(path: string, value: string | Uint8Array): void;
  mkdir(path: string): void;
  rm(path: string): void;
  directory(path: string): string[];
  getPermissions(path: string): string[];
  setPermissions(path: string, permissions: readonly string[]): void;
}

/** The machine's xenstore with domain 0's rights. All calls throw XenstoreRequestError. */
export class MachineXenstore {
  private readonly client: StoreClient;
  private readonly enter: <T>(action: () => T) => Promise<T>;

  /** @internal */
  constructor(client: StoreClient, enter: <T>(action: () => T) => Promise<T>) {
    this.client = client;
    this.enter = enter;
  }

  /** A node's value as text. */
  read(path: string): Promise<string> {
    return this.request(() => this.client.read(path));
  }

  readBytes(path: string): Promise<Uint8Array> {
    return this.request(() => this.client.readBytes(path));
  }

  /** A node's value as text, undefined when there is no such node. */
  readIfThere(path: string): Promise<string | undefined> {
    return this.request(() => this.client.readIfThere(path));
  }

  /** Parents that are missing are made. */
  write(path: string, value: string | Uint8Array): Promise<void> {
    return this.request(() => this.client.write(path, value));
  }

  mkdir(path: string): Promise<void> {
    return this.request(() => this.client.mkdir(path));
  }

  /** Take a node away with all below it. */
  rm(path: string): Promise<void> {
    return this.request(() => this.client.rm(path));
  }

  /** Names of the children. */
  directory(path: string): Promise<string[]> {
    return this.request(() => this.client.directory(path));
  }

  /** Entries such as `n0`, `r5`, the owner's first. */
  getPermissions(path: string): Promise<string[]> {
    return this.request(() => this.client.getPermissions(path));
  }

  setPermissions(path: string, permissions: readonly string[]): Promise<void> {
    return this.request(() => this.client.setPermissions(path, permissions));
  }

  /** Do `work` as a whole, again when something it read or wrote changed meanwhile. Its answer; when it throws, nothing is done. */
  transaction<T>(work: (nodes: XenstoreTransaction) => T): Promise<T> {
    return this.request(() => this.client.transaction(work));
  }

  /**
   * Watch a node and all below it; `listener` is called once soon, then at each change, with the path that changed.
   * The answer ends the watch.
   */
  async watch(path: string, listener: (path: string) => void): Promise<() => Promise<void>> {
    let over = false;
    const end = await this.request(() =>
      this.client.watch(path, (changed) => {
        // outside of the turn, so that the listener may use the whole API
        queueMicrotask(() => {
          if (!over) listener(changed);
        });
      }),
    );
    return async () => {
      over = true;
      await this.request(end);
    };
  }

  private request<T>(action: () => T): Promise<T> {
    return this.enter(() => {
      try {
        return action();
      } catch (error) {
        if (error instanceof XenstoreError) throw new XenstoreRequestError(error.message, error.errno, error);
        throw error;
      }
    });
  }
}
