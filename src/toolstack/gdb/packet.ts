/** Framing of GDB's remote serial protocol: `$data#checksum`, escapes, acknowledgements. @see GDB manual, appendix E */

const DOLLAR = 0x24;
const HASH = 0x23;
const ESCAPE = 0x7d;
const STAR = 0x2a;
const INTERRUPT = 0x03;

/** What came over the line. */
export type Incoming =
  | { readonly kind: 'packet'; readonly data: string }
  | { readonly kind: 'interrupt' }
  | { readonly kind: 'bad' }
  | { readonly kind: 'resend' };

/** Longest packet taken, in bytes. */
export const PACKET_MAX = 0x4000;

/** Takes a stream apart. Data is Latin-1: one character for each byte, escapes removed. */
export class PacketReader {
  private state: 'idle' | 'data' | 'escaped' | 'sum1' | 'sum2' = 'idle';
  private data = '';
  private sum = 0;
  private expected = 0;

  /** What is complete after these bytes, in order. */
  take(bytes: Uint8Array): Incoming[] {
    const out: Incoming[] = [];
    for (const byte of bytes) {
      const found = this.next(byte);
      if (found !== undefined) out.push(found);
    }
    return out;
  }

  private next(byte: number): Incoming | undefined {
    switch (this.state) {
      case 'idle':
        if (byte === DOLLAR) {
          this.state = 'data';
          this.data = '';
          this.sum = 0;
        } else if (byte === INTERRUPT) return { kind: 'interrupt' };
        else if (byte === 0x2d) return { kind: 'resend' };
        return undefined;
      case 'data':
        if (byte === HASH) {
          this.state = 'sum1';
          return undefined;
        }
        this.sum = (this.sum + byte) & 0xff;
        if (byte === ESCAPE) this.state = 'escaped';
        else this.append(byte);
        return undefined;
      case 'escaped':
        this.sum = (this.sum + byte) & 0xff;
        this.state = 'data';
        this.append(byte ^ 0x20);
        return undefined;
      case 'sum1':
        this.expected = digit(byte) << 4;
        this.state = 'sum2';
        return undefined;
      case 'sum2':
        this.state = 'idle';
        return (this.expected | digit(byte)) === this.sum && this.data.length <= PACKET_MAX ? { kind: 'packet', data: this.data } : { kind: 'bad' };
    }
  }

  /** What is too long is counted no further: it is refused at its end. */
  private append(byte: number): void {
    if (this.data.length <= PACKET_MAX) this.data += String.fromCharCode(byte);
  }
}

/** Value of a hexadecimal digit; 0x100, which no checksum has, for anything else. */
function digit(byte: number): number {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? 0x100 : value;
}

/** A packet of Latin-1 data as bytes. */
export function frame(data: string): Uint8Array {
  const body: number[] = [];
  for (let i = 0; i < data.length; i++) {
    const byte = data.charCodeAt(i) & 0xff;
    if (byte === DOLLAR || byte === HASH || byte === ESCAPE || byte === STAR) body.push(ESCAPE, byte ^ 0x20);
    else body.push(byte);
  }
  const sum = body.reduce((total, byte) => (total + byte) & 0xff, 0);
  return Uint8Array.from([DOLLAR, ...body, HASH, ...new TextEncoder().encode(sum.toString(16).padStart(2, '0'))]);
}

export const toHex = (bytes: Uint8Array): string => bytes.toHex();

/** Bytes of hexadecimal text, undefined when it is none. */
export function fromHex(text: string): Uint8Array | undefined {
  return text.length % 2 === 0 && /^[0-9a-fA-F]*$/.test(text) ? Uint8Array.fromHex(text) : undefined;
}
