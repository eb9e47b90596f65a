import { connect, type Socket } from 'node:net';
import { frame, fromHex, PacketReader } from '../../src/toolstack/gdb/packet.ts';

/** A client of GDB's remote serial protocol: one packet, one answer. @see GDB manual, appendix E */
export class GdbConnection {
  private readonly socket: Socket;
  private readonly reader = new PacketReader();
  private readonly waiting: ((data: string | undefined) => void)[] = [];
  /** Packets that came before they were asked for: a monitor command has several. */
  private readonly early: string[] = [];
  private closed = false;
  private acknowledging = true;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      for (const incoming of this.reader.take(bytes)) {
        if (incoming.kind !== 'packet') continue;
        if (this.acknowledging) socket.write('+');
        const settle = this.waiting.shift();
        if (settle === undefined) this.early.push(incoming.data);
        else settle(incoming.data);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.closed = true;
      for (const settle of this.waiting.splice(0)) settle(undefined);
    });
  }

  /** Connect to a TCP port of this host or to a Unix socket. QEMU's stub wants its packets acknowledged, ours does not. */
  static async open(to: { readonly port: number } | { readonly path: string }): Promise<GdbConnection> {
    const socket = await new Promise<Socket>((resolve, reject) => {
      const made = 'port' in to ? connect(to.port, '127.0.0.1') : connect(to.path);
      made.once('connect', () => resolve(made));
      made.once('error', reject);
    });
    const connection = new GdbConnection(socket);
    connection.acknowledging = (await connection.ask('QStartNoAckMode')) !== 'OK';
    return connection;
  }

  /** The answer to a packet; undefined when the other side went away. */
  ask(data: string): Promise<string | undefined> {
    if (!this.closed) this.socket.write(frame(data));
    return this.next();
  }

  private next(): Promise<string | undefined> {
    const [first] = this.early.splice(0, 1);
    if (first !== undefined || this.closed) return Promise.resolve(first);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Output of a command of the stub's own (QEMU's monitor). */
  async monitor(command: string): Promise<string> {
    let text = '';
    let answer = await this.ask(`qRcmd,${new TextEncoder().encode(command).toHex()}`);
    while (answer?.startsWith('O') === true && answer !== 'OK') {
      text += new TextDecoder().decode(fromHex(answer.slice(1)));
      answer = await this.next();
    }
    return text;
  }

  /** Ask a running guest to stop. */
  interrupt(): void {
    this.socket.write(Uint8Array.of(3));
  }

  close(): void {
    this.socket.destroy();
  }
}
