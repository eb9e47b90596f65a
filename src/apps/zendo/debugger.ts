import { OperatorError } from '../../base/operator-error.ts';
import type { StreamConnection, StreamListener } from '../../base/ports/stream-server.ts';
import { DomainTarget } from '../../toolstack/gdb/domain-target.ts';
import { GdbSession } from '../../toolstack/gdb/gdb-session.ts';
import { PacketReader } from '../../toolstack/gdb/packet.ts';
import type { CommandHost } from './host.ts';
import type { MachineThread } from './machine-thread.ts';
import type { Session } from './session.ts';

/** `--gdb PORT`: a server for GDB on a guest that stands still until GDB lets it go on. */
export class Debugger {
  private readonly host: CommandHost;
  private readonly machine: MachineThread;
  private readonly session: Session;
  private readonly target: DomainTarget;
  private gdb: GdbSession | undefined;
  private connection: StreamConnection | undefined;
  private listener: StreamListener | undefined;
  private settle: () => void = () => {};

  /** Inside the turn that starts the guest: it is held before its first instruction. */
  constructor(host: CommandHost, machine: MachineThread, session: Session) {
    this.host = host;
    this.machine = machine;
    this.session = session;
    this.target = new DomainTarget(session.xc, session.guest.domid, () => this.gdb?.onDebugEvent());
    this.target.attach();
  }

  async listen(port: number): Promise<void> {
    const { streams } = this.host;
    if (streams === undefined) throw new OperatorError('gdb cannot connect on this host', { hint: 'Start without --gdb.' });
    try {
      this.listener = await streams.listen(port, (connection) => this.accept(connection));
    } catch (error) {
      throw new OperatorError(`port ${port} cannot be used for gdb`, {
        details: error instanceof Error ? error.message : String(error),
        hint: 'Give another port, or 0 for any that is free.',
      });
    }
    this.host.message(`zendo: the guest waits for gdb; in gdb: target remote 127.0.0.1:${this.listener.port}, then continue`);
  }

  private accept(connection: StreamConnection): void {
    if (this.connection !== undefined) {
      connection.close();
      return;
    }
    this.connection = connection;
    const reader = new PacketReader();
    this.inTurn(() => {
      this.gdb = new GdbSession(this.target, {
        send: (bytes) => connection.write(bytes),
        detached: () => this.end(),
        killed: () => {
          this.end();
          this.session.leave(() => {});
        },
      });
    });
    connection.onData((bytes) =>
      this.inTurn(() => {
        for (const incoming of reader.take(bytes)) this.gdb?.take(incoming);
      }),
    );
    connection.onClose(() =>
      this.inTurn(() => {
        if (this.connection !== connection) return;
        this.gdb?.closed();
        this.end();
      }),
    );
  }

  private end(): void {
    this.gdb = undefined;
    this.connection?.close();
    this.connection = undefined;
    this.settle();
  }

  private inTurn(action: () => void): void {
    this.machine.door.enter(action).catch((error: unknown) => this.host.message(`zendo: gdb: ${error instanceof Error ? error.message : String(error)}`));
  }

  /** The guest crashed: settles when GDB has seen enough, at once when there is none. */
  async crashed(): Promise<void> {
    if (this.gdb === undefined) return;
    const { gdb } = this;
    const seen = new Promise<void>((resolve) => {
      this.settle = resolve;
    });
    await this.machine.door.enter(() => gdb.crashed());
    await seen;
  }

  /** The run is over. Inside the last turn; the guest keeps nothing of the debugger. */
  finish(status: number): void {
    this.listener?.close();
    this.gdb?.exited(status);
    this.end();
    this.target.close();
  }
}
