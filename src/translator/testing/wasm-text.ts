/** Region functions as text for people: WebAssembly's folded text format, with the guest's names for what it keeps where. */
import wabt from 'wabt';
import {
  ASID,
  BUDGET,
  CC_A,
  CC_B,
  CC_OP,
  CUR_BLOCK,
  CUR_UOP,
  EFLAGS_SYS,
  EXC,
  MISSED,
  MISSED_ACCESS,
  MODE,
  MXCSR,
  REGION_BAIL,
  RIP,
  TLB,
  VEC,
  VEC_STRIDE,
  VT0,
} from '../../machine/layout.ts';

const WIDTH = 120;
const REGISTERS = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi', ...Array.from({ length: 8 }, (_, n) => `r${n + 8}`)];
const OTHERS = { RIP, CC_OP, CC_A, CC_B, EFLAGS_SYS, BUDGET, ASID, TLB, CUR_BLOCK, CUR_UOP, MODE, MXCSR, REGION_BAIL, MISSED, MISSED_ACCESS, EXC };
const SLOTS: ReadonlyMap<number, string> = new Map([
  ...REGISTERS.map((name, n) => [n, name] as const),
  ...Object.entries(OTHERS).map(([name, slot]) => [slot, name.toLowerCase()] as const),
]);
/** Vector registers and temporaries. */
const VECTORS = 40;

type Node = string | readonly Node[];

/** Name of the context's bytes at `offset`. */
function place(offset: number): string | undefined {
  if (offset >= VEC && offset < VEC + VECTORS * VEC_STRIDE) {
    const rest = (offset - VEC) % VEC_STRIDE;
    const register = Math.floor((offset - VEC) / VEC_STRIDE);
    return `${register < VT0 ? `v${register}` : `vt${register - VT0}`}${rest === 0 ? '' : `+${rest}`}`;
  }
  return (offset & 7) === 0 ? SLOTS.get(offset / 8) : undefined;
}

function parse(text: string): Node[] {
  const tokens =
    text
      .replace(/;;.*$/gm, '')
      .replace(/\(;.*?;\)/g, '')
      .match(/"[^"]*"|[()]|[^\s()]+/g) ?? [];
  const stack: Node[][] = [[]];
  for (const token of tokens) {
    if (token === '(') stack.push([]);
    else if (token === ')') {
      const node = stack.pop() as Node[];
      (stack.at(-1) as Node[]).push(node);
    } else (stack.at(-1) as Node[]).push(token);
  }
  return stack[0] as Node[];
}

const isContext = (node: Node | undefined): boolean => Array.isArray(node) && node[0] === 'local.get' && node[1] === '0';

/** Offsets of accesses to the context by name, without what is always the same. */
function named(node: Node, locals: ReadonlyMap<string, string>, functions: readonly string[]): Node {
  if (typeof node === 'string') return node;
  const [head] = node;
  let rest = node.filter((each) => each !== 'align=1');
  if (typeof head === 'string' && /\.(load|store)/.test(head)) {
    const at = rest.findIndex((each) => Array.isArray(each));
    if (isContext(rest[at])) {
      const offset = rest.find((each): each is string => typeof each === 'string' && each.startsWith('offset='));
      const name = place(Number(offset?.slice(7) ?? 0));
      if (name !== undefined) rest = [head, `@${name}`, ...rest.slice(at + 1)];
    }
  }
  if (head === 'local.get' || head === 'local.set' || head === 'local.tee') {
    const name = locals.get(rest[1] as string);
    if (name !== undefined) rest = [head, name, ...rest.slice(2)];
  }
  if (head === 'call' || head === 'return_call') rest = [head, functions[Number(rest[1])] ?? (rest[1] as string), ...rest.slice(2)];
  return rest.map((each) => named(each, locals, functions));
}

const flat = (node: Node): string => (typeof node === 'string' ? node : `(${node.map(flat).join(' ')})`);

function print(node: Node, indent: string): string {
  const line = flat(node);
  if (typeof node === 'string' || indent.length + line.length <= WIDTH) return indent + line;
  const atoms = node.findIndex((each) => typeof each !== 'string');
  if (atoms === -1) return indent + line;
  const head = node.slice(0, atoms).join(' ');
  return `${indent}(${head}\n${node
    .slice(atoms)
    .map((each) => print(each, `${indent}  `))
    .join('\n')})`;
}

/** Locals by what they are loaded with first, from the context. */
function localNames(body: readonly Node[]): Map<string, string> {
  const names = new Map<string, string>([['0', '$ctx']]);
  const visit = (node: Node): void => {
    if (typeof node === 'string') return;
    const [head, local, value] = node;
    if (
      (head === 'local.set' || head === 'local.tee') &&
      typeof local === 'string' &&
      Array.isArray(value) &&
      /^(i64|i32|v128)\.load$/.test(value[0] as string)
    ) {
      const offset = value.find((each): each is string => typeof each === 'string' && each.startsWith('offset='));
      const name = isContext(value.at(-1)) ? place(Number(offset?.slice(7) ?? 0)) : undefined;
      if (name !== undefined && !names.has(local)) names.set(local, `$${name}`);
    }
    for (const each of node) visit(each);
  };
  for (const node of body) visit(node);
  return names;
}

/** The last function of a module. */
export async function functionText(module: Uint8Array): Promise<string> {
  const tool = await wabt();
  const read = tool.readWasm(module, { multi_memory: true, tail_call: true, threads: true, simd: true } as never);
  const text = read.toText({ foldExprs: true, inlineExport: false });
  read.destroy();
  const [root] = parse(text) as [readonly Node[]];
  const body = root.filter((node): node is readonly Node[] => Array.isArray(node) && node[0] === 'func').at(-1) ?? [];
  const content = body.filter((node) => Array.isArray(node) && !['type', 'param', 'result', 'local'].includes(node[0] as string));
  const names = localNames(content);
  const imported = root.flatMap((node) =>
    Array.isArray(node) && node[0] === 'import' && node[3]?.[0] === 'func' ? [`$${(node[2] as string).slice(1, -1)}`] : [],
  );
  return content.map((node) => print(named(node, names, [...imported, '$chain']), '  ')).join('\n');
}
