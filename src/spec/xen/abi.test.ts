/**
 * Every size, offset, sign and number in this folder, compared with Xen 4.17's own headers by a C program that gcc compiles.
 * Headers: Debian's libxen-dev, installed, or fetched and unpacked into .cache without root.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { type AnyKind, type ArrayKind, type Fields, guestHandle, narrow, type Struct, struct, u8, u16, u32 } from '../../base/struct.ts';
import * as compat from './compat.ts';
import * as eventChannel from './event-channel.ts';
import * as grantTable from './grant-table.ts';
import * as hvmOp from './hvm/hvm-op.ts';
import * as hvmVcpu from './hvm/vcpu.ts';
import { ringSize } from './io/ring.ts';
import * as memory from './memory.ts';
import * as sched from './sched.ts';
import * as vcpu from './vcpu.ts';
import * as version from './version.ts';

/** A C expression and the value we declare for it, both as 64-bit numbers (negative ones modulo 2^64). */
interface Claim {
  readonly about: string;
  readonly expression: string;
  readonly declared: bigint;
}

/** Headers in an order in which they compile together. */
const headers = [
  ...['xen', 'event_channel', 'grant_table', 'physdev', 'memory', 'vcpu', 'sched', 'version', 'features', 'callback', 'nmi', 'elfnote', 'domctl', 'sysctl'],
  ...['hvm/hvm_op', 'hvm/params', 'hvm/hvm_vcpu', 'hvm/e820', 'hvm/hvm_info_table', 'hvm/save', 'arch-x86/hvm/start_info', 'arch-x86/cpuid'],
  ...['io/console', 'io/xs_wire', 'io/ring'],
];

const prelude = `
#define __XEN_TOOLS__ 1
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <errno.h>
${headers.map((name) => `#include <xen/${name}.h>`).join('\n')}
#define XEN_ERRNO(name, value) enum { XEN_##name = value };
/* with Xen's internal ones */
#define __XEN__ 1
#include <xen/errno.h>
#undef __XEN__
DEFINE_RING_TYPES(zendo, uint32_t, uint32_t);
/* ring.h has no type for the header alone */
typedef struct { uint8_t bytes[offsetof(struct zendo_sring, ring)]; } sring_header;
`;

/** Where C's name is not the name of the export, or where a name is ours alone (undefined). */
const otherName: Readonly<Record<string, string | undefined>> = { RING_ENTRIES: 'offsetof(struct zendo_sring, ring)' };
/** Names that are typedefs of something we declare as a plain kind. */
const isTypedef = (name: string): boolean => name.endsWith('_t');

const isStruct = (value: unknown): value is Struct<Fields> =>
  typeof value === 'object' && value !== null && 'sort' in value && (value.sort === 'struct' || value.sort === 'union');
const isKind = (value: unknown): value is AnyKind => typeof value === 'object' && value !== null && 'sort' in value && 'size' in value;
const isArray = (kind: AnyKind): kind is ArrayKind<AnyKind> => kind.sort === 'array';

function cType(declared: Struct<Fields>): string {
  return declared.name === 'sring' ? 'struct zendo_sring' : `${declared.sort} ${declared.name}`;
}

/** Claims about the fields of one struct; unnamed members are followed into. */
function* fieldClaims(type: string, of: Struct<Fields>, path: string, base: number): Generator<Claim> {
  for (const [field, kind] of Object.entries(of.fields)) {
    if (kind.sort === 'pad') continue;
    const at = base + (of.offsets[field] ?? 0);
    const name = `${path}${field}`;
    const member = `((${type} *)0)->${name}`;
    const about = `${type}.${name}`;
    yield { about: `${about} offset`, expression: `offsetof(${type}, ${name})`, declared: BigInt(at) };
    if (kind.size > 0) yield { about: `${about} size`, expression: `sizeof(${member})`, declared: BigInt(kind.size) };
    if (kind.sort === 'scalar' && kind !== guestHandle) {
      const signed = kind.read(new DataView(new Uint8Array(8).fill(0xff).buffer), 0) as number | bigint;
      yield { about: `${about} sign`, expression: `((__typeof__(${member}))-1 < 0)`, declared: signed < 0 ? 1n : 0n };
    }
    if (isArray(kind) && isStruct(kind.element) && kind.element.name === '') yield* fieldClaims(type, kind.element, `${name}[0].`, at);
    if (isStruct(kind) && kind.name === '') yield* fieldClaims(type, kind, `${name}.`, at);
  }
}

/** Claims of one export. */
function* claimsOf(file: string, name: string, value: unknown): Generator<Claim> {
  if (typeof value === 'number' || typeof value === 'bigint') {
    const expression = otherName[name] ?? (file === 'errno.ts' ? `XEN_${name}` : name);
    yield { about: name, expression, declared: BigInt.asUintN(64, BigInt(value)) };
  } else if (typeof value === 'string') {
    yield { about: name, expression: `!strcmp(${name}, ${JSON.stringify(value)})`, declared: 1n };
  } else if (name === 'HVM_SAVE_CODE') {
    for (const [record, code] of Object.entries(value as Record<string, number>)) {
      const expression = record === 'CPU_XSAVE' || record === 'CPU_MSR' ? `${record}_CODE` : `HVM_SAVE_CODE(${record})`;
      yield { about: `HVM_SAVE_CODE(${record})`, expression, declared: BigInt(code) };
    }
  } else if (name === 'XSD_ERRORS') {
    const list = value as readonly string[];
    yield { about: 'xsd_errors length', expression: 'sizeof(xsd_errors) / sizeof(xsd_errors[0])', declared: BigInt(list.length) };
    for (const [i, error] of list.entries()) yield { about: error, expression: `!strcmp(xsd_errors[${i}].errstring, "${error}")`, declared: 1n };
  } else if (isStruct(value)) {
    const type = cType(value);
    assert.equal(value.name, name, `${file} exports ${value.name} as ${name}`);
    const whole = value.name === 'sring' ? 'sring_header' : type;
    yield { about: `sizeof ${type}`, expression: `sizeof(${whole})`, declared: BigInt(value.size) };
    if (value.name !== 'sring') yield { about: `alignof ${type}`, expression: `_Alignof(${type})`, declared: BigInt(value.align) };
    yield* fieldClaims(type, value, '', 0);
  } else if (isKind(value) && isTypedef(name)) {
    yield { about: `sizeof ${name}`, expression: `sizeof(${name})`, declared: BigInt(value.size) };
  } else {
    assert.equal(typeof value, 'function', `${file}: ${name} is of no sort that can be compared`);
  }
}

/** Files without counterpart in 4.17's headers. */
const notCompared = new Set(['after-4.17.ts', 'hypercall-names.ts', 'compat.ts', 'dump-core.ts']);

async function allClaims(): Promise<Claim[]> {
  const here = import.meta.dirname;
  const files = readdirSync(here, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts') && !f.endsWith('.test.ts') && !notCompared.has(f));
  const claims: Claim[] = [];
  for (const file of files.sort()) {
    const exports = (await import(join(here, file))) as Record<string, unknown>;
    for (const [name, value] of Object.entries(exports)) claims.push(...claimsOf(file, name, value));
  }
  claims.push({ about: 'ringSize', expression: '__CONST_RING_SIZE(zendo, 4096)', declared: BigInt(ringSize(4096, 4)) });
  return claims;
}

/** Folder that holds xen/xen.h, or why there is none. */
function findHeaders(): { readonly include: string } | { readonly missing: string } {
  const cache = resolve(import.meta.dirname, '../../../.cache/libxen-dev');
  for (const include of ['/usr/include', join(cache, 'usr/include')]) if (existsSync(join(include, 'xen/xen.h'))) return { include };
  mkdirSync(cache, { recursive: true });
  const download = spawnSync('apt-get', ['download', 'libxen-dev'], { cwd: cache, encoding: 'utf8' });
  const deb = readdirSync(cache).find((f) => f.endsWith('.deb'));
  if (deb === undefined) return { missing: `libxen-dev is not installed and cannot be fetched: ${download.stderr ?? download.error?.message ?? ''}` };
  const unpack = spawnSync('dpkg-deb', ['-x', deb, '.'], { cwd: cache, encoding: 'utf8' });
  return unpack.status === 0 ? { include: join(cache, 'usr/include') } : { missing: `dpkg-deb: ${unpack.stderr}` };
}

/** Compile and run; the differences as sentences. */
function differences(include: string, claims: readonly Claim[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'xen-abi-'));
  try {
    const prints = claims.map(({ expression }) => `  printf("%llu\\n", (unsigned long long)(${expression}));`).join('\n');
    writeFileSync(join(folder, 'abi.c'), `${prelude}\nint main(void) {\n${prints}\n  return 0;\n}\n`);
    const gcc = spawnSync('gcc', ['-std=gnu11', '-w', '-I', include, '-o', 'abi', 'abi.c'], { cwd: folder, encoding: 'utf8' });
    assert.equal(gcc.status, 0, `gcc refuses a declaration:\n${gcc.stderr}`);
    const run = spawnSync(join(folder, 'abi'), { encoding: 'utf8', maxBuffer: 1 << 26 });
    const values = run.stdout.trim().split('\n').map(BigInt);
    assert.equal(values.length, claims.length);
    return claims.flatMap((claim, i) => (values[i] === claim.declared ? [] : [`${claim.about}: C says ${values[i]}, we say ${claim.declared}`]));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

let include: string | undefined;
let missing = '';
before(() => {
  const found = findHeaders();
  if ('include' in found) include = found.include;
  else missing = found.missing;
  if (include !== undefined && spawnSync('gcc', ['--version']).status !== 0) {
    include = undefined;
    missing = 'gcc is not installed';
  }
});

/** The headers; without them the test is skipped, in CI it fails. */
function needHeaders(t: TestContext): string | undefined {
  if (include === undefined) {
    assert.notEqual(process.env['CI'], 'true', missing);
    t.skip(missing);
  }
  return include;
}

test('every declared struct, field and number is what Xen 4.17 says', async (t) => {
  const at = needHeaders(t);
  if (at === undefined) return;
  const claims = await allClaims();
  assert.ok(claims.length > 3000, `only ${claims.length} claims were found`);
  t.diagnostic(`${claims.length} claims compared`);
  assert.deepEqual(differences(at, claims), []);
});

test('the comparison notices a wrong size, offset, sign and number', (t) => {
  const at = needHeaders(t);
  if (at === undefined) return;
  const wrong = struct('evtchn_alloc_unbound', { dom: u16, remote_dom: u8, port: u32 });
  const signed = struct('gnttab_dump_table', { dom: u16, status: u16 });
  const short = struct('sched_shutdown', { reason: u8 });
  const claims = [
    ...claimsOf('', 'evtchn_alloc_unbound', wrong),
    ...claimsOf('', 'gnttab_dump_table', signed),
    ...claimsOf('', 'sched_shutdown', short),
    ...claimsOf('', 'EVTCHNOP_close', 4),
    ...claimsOf('errno.ts', 'ENOSYS', 37),
  ];
  assert.deepEqual(
    differences(at, claims).map((line) => line.split(':')[0]),
    [
      'struct evtchn_alloc_unbound.remote_dom size',
      'struct gnttab_dump_table.status sign',
      'sizeof struct sched_shutdown',
      'alignof struct sched_shutdown',
      'struct sched_shutdown.reason size',
      'EVTCHNOP_close',
      'ENOSYS',
    ],
  );
});

/** Structs that only tools exchange, with 64-bit numbers aligned as in 64-bit code, or only domain 0. */
const ofTools = new Set(['xen_mem_paging_op', 'xen_mem_access_op', 'xen_reserved_device_memory', 'xen_reserved_device_memory_map', 'xen_machphys_mapping']);
/** The answer is an unsigned long, which xen-version.ts writes as such. */
const longs = new Set(['xen_platform_parameters']);

/** What `narrow` makes of every argument struct of a guest's, and the shared memory of 32-bit guests. */
function narrowClaims(): Claim[] {
  const claims: Claim[] = [];
  const kindClaims = (name: string, value: Struct<Fields>): void => {
    const type = `${value.sort} ${value.name}`;
    const known = name.startsWith('compat_') ? value : narrow(value);
    claims.push({ about: `sizeof ${type}`, expression: `sizeof(${type})`, declared: BigInt(known.size) });
    claims.push({ about: `alignof ${type}`, expression: `_Alignof(${type})`, declared: BigInt(known.align) });
    for (const claim of fieldClaims(type, known, '', 0)) if (!claim.about.endsWith(' sign')) claims.push(claim);
  };
  for (const file of [eventChannel, grantTable, hvmOp, hvmVcpu, memory, sched, vcpu, version, compat]) {
    for (const [name, value] of Object.entries(file)) {
      if (isStruct(value) && value.name !== '' && !ofTools.has(name) && !longs.has(name) && !/altp2m/.test(name)) kindClaims(name, value as Struct<Fields>);
    }
  }
  return claims;
}

/** Let gcc check the claims as 32-bit code, without running it (no 32-bit C library is needed): the false ones. */
function narrowDifferences(include: string, claims: readonly Claim[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'xen-abi-'));
  try {
    const asserts = claims.map(({ about, expression, declared }) => `_Static_assert((${expression}) == ${declared}, "<${about}, we say ${declared}>");`);
    const head = `#include <stdint.h>\n#include <stddef.h>\n${['xen', 'event_channel', 'grant_table', 'memory', 'vcpu', 'sched', 'version', 'hvm/hvm_op', 'hvm/hvm_vcpu'].map((name) => `#include <xen/${name}.h>`).join('\n')}`;
    writeFileSync(join(folder, 'abi.c'), `${head}\n${asserts.join('\n')}\n`);
    const gcc = spawnSync(
      'gcc',
      [
        '-m32',
        '-ffreestanding',
        '-D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__',
        '-std=gnu11',
        '-w',
        '-fsyntax-only',
        '-fmax-errors=0',
        '-I',
        include,
        'abi.c',
      ],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    );
    const found = [...gcc.stderr.matchAll(/static assertion failed: "<(.*)>"/g)].map((match) => match[1] as string);
    assert.equal(gcc.status === 0, found.length === 0, gcc.stderr);
    return found;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('argument structs and shared memory of 32-bit guests are what Xen 4.17 says', (t) => {
  const at = needHeaders(t);
  if (at === undefined) return;
  const claims = narrowClaims();
  assert.ok(claims.length > 300, `only ${claims.length} claims were found`);
  t.diagnostic(`${claims.length} claims compared`);
  assert.deepEqual(narrowDifferences(at, claims), []);
  const wide = { about: 'a 64-bit layout', expression: 'sizeof(struct sched_poll)', declared: 24n };
  assert.deepEqual(narrowDifferences(at, [wide]), ['a 64-bit layout, we say 24'], 'the comparison notices');
});
