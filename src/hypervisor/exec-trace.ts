import { MODE, MODE_SIZE_MASK } from '../machine/layout.ts';
import type { Memories } from '../machine/memories.ts';
import { ROWS } from '../spec/x86/opcodes.ts';
import { decode, MAX_LENGTH } from '../translator/decode/decode.ts';
import { disassemble } from '../translator/decode/disassemble.ts';
import { DECODE_OK, Insn } from '../translator/decode/insn.ts';
import type { WatchedInstruction } from '../translator/engine.ts';

const PAGE = 4096;

/**
 * `--trace exec`: a line for every instruction before it runs, `d1v0 exec ffffffff81000000 startup_64: lea rsp,[rip+0x1603fe0]`.
 * An instruction that starts again at the same instant (after an exit that answered it) is written once; the iterations
 * of a string instruction are one line. The machine's state does not depend on it.
 *
 * Cost: blocks of one instruction and a call out of the core for each; 1 to 2 us an instruction with its line, where
 * the interpreter needs some 5 ns, and about 70 bytes of text.
 */
export class ExecTrace {
  private readonly memories: Memories;
  private readonly decodeFlags: number;
  private readonly vcpu: () => string;
  private readonly describe: (address: bigint) => string | undefined;
  private readonly write: (line: string) => void;
  private readonly insn = new Insn(ROWS[0] as (typeof ROWS)[number]);
  private readonly bytes = new Uint8Array(MAX_LENGTH);
  private lastRetired = -1n;
  private lastLinear = -1n;

  /** `decodeFlags`: the CPU model's, as the translator has them. `vcpu` names the one that runs, `describe` names an address, undefined where there is no name. */
  constructor(memories: Memories, decodeFlags: number, vcpu: () => string, describe: (address: bigint) => string | undefined, write: (line: string) => void) {
    this.memories = memories;
    this.decodeFlags = decodeFlags;
    this.vcpu = vcpu;
    this.describe = describe;
    this.write = write;
  }

  instruction({ ctx, phys, phys2, retired }: WatchedInstruction, linear: bigint): void {
    if (retired === this.lastRetired && linear === this.lastLinear) return;
    this.lastRetired = retired;
    this.lastLinear = linear;
    const { frameBytes, stateWords } = this.memories;
    const first = Math.min(MAX_LENGTH, PAGE - (phys % PAGE));
    this.bytes.set(frameBytes.subarray(phys, phys + first));
    if (first < MAX_LENGTH && phys2 !== -1) this.bytes.set(frameBytes.subarray(phys2, phys2 + MAX_LENGTH - first), first);
    const size = (stateWords[ctx / 4 + MODE * 2] as number) & MODE_SIZE_MASK;
    const available = phys2 === -1 ? first : MAX_LENGTH;
    const text = decode(this.bytes, 0, available, size | this.decodeFlags, this.insn) === DECODE_OK ? disassemble(this.insn, linear) : '(bad)';
    const name = this.describe(linear);
    this.write(`${this.vcpu()} exec ${linear.toString(16).padStart(16, '0')}${name === undefined ? '' : ` ${name}`}: ${text}`);
  }
}
