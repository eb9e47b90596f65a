import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { vcpu_guest_context } from '../../src/spec/xen/arch-x86/xen.ts';
import * as C from '../../src/spec/xen/dump-core.ts';
import * as E from '../../src/spec/xen/elfnote.ts';
import {
  XENMAPSPACE_gmfn,
  XENMEM_add_to_physmap,
  XENMEM_decrease_reservation,
  XENMEM_populate_physmap,
  xen_add_to_physmap,
  xen_memory_reservation,
} from '../../src/spec/xen/memory.ts';
import { DOMID_SELF, __HYPERVISOR_memory_op as MEMORY } from '../../src/spec/xen/xen.ts';
import { R } from '../../src/toolstack/guests/assembler.ts';
import { CRASH_MARK, crashGuest, crashGuestAddress } from '../../src/toolstack/guests/crash.ts';
import { type ElfFile, readElf } from '../../src/toolstack/loader/elf/elf-file.ts';
import { PRESENT, WRITE, window } from '../guests/kit/address-space.ts';
import { TestGuest } from '../guests/kit/test-guest.ts';
import { Toolstack, until } from './toolstack.ts';

const stack = new Toolstack();
after(() => stack.close());
const MIB = 8;
function elfOf(bytes: Uint8Array): ElfFile {
  const elf = readElf(bytes);
  return 'wrong' in elf ? assert.fail(elf.wrong) : elf;
}
const path = join(stack.folder, 'core');

test('xl dump-core of a domain that crashed: registers, pages and notes as Xen writes them', async () => {
  const kernel = stack.file('crash', crashGuest('hypercall'));
  const config = stack.file('c.cfg', `name = "c"\ntype = "pvh"\nkernel = "${kernel}"\nmemory = ${MIB}\non_crash = "preserve"\n`);
  assert.match(await stack.quickXl('create', '-q', config), /^= 0$/);
  await until(async () => / ---sc- /.test(await stack.quickXl('list', 'c')), 'it crashes');
  assert.match(stack.xl('-v', 'dump-core', 'c', 'core'), /^! xc: detail: dump-core: \d+% of 9 MiB\n[\s\S]*100% of 9 MiB\n= 0$/);

  const bytes = readFileSync(path);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const elf = elfOf(bytes);
  assert.deepEqual([elf.bits, elf.type, elf.machine, elf.segments.length], [64, 4, 62, 0]);
  const section = (name: string) => elf.sections.find((each) => each.name === name) ?? assert.fail(`no ${name}`);
  assert.deepEqual(
    elf.sections.map(({ name }) => name).filter((name) => name !== '.xen_shared_info'),
    ['', '.shstrtab', '.note.Xen', '.xen_prstatus', '.xen_pages', '.xen_pfn'],
  );

  const notes = new Map<number, number>();
  const { offset: first, size } = section('.note.Xen');
  for (let at = first; at < first + size; at += 16 + view.getUint32(at + 4, true)) notes.set(view.getUint32(at + 8, true), at + 16);
  assert.deepEqual(
    [...notes.keys()],
    [E.XEN_ELFNOTE_DUMPCORE_NONE, E.XEN_ELFNOTE_DUMPCORE_HEADER, E.XEN_ELFNOTE_DUMPCORE_XEN_VERSION, E.XEN_ELFNOTE_DUMPCORE_FORMAT_VERSION],
  );
  const header = C.xen_dumpcore_elfnote_header_desc.read(view, notes.get(E.XEN_ELFNOTE_DUMPCORE_HEADER) ?? 0);
  const pages = section('.xen_pages');
  const frames = section('.xen_pfn');
  assert.deepEqual(header, { xch_magic: C.XC_CORE_MAGIC_HVM, xch_nr_vcpus: 1, xch_nr_pages: pages.size / 4096, xch_page_size: 4096 });
  assert.equal(frames.size, header.xch_nr_pages * 8);
  assert.equal(pages.offset % 4096, 0);
  const version = C.xen_dumpcore_elfnote_xen_version_desc.read(view, notes.get(E.XEN_ELFNOTE_DUMPCORE_XEN_VERSION) ?? 0);
  assert.deepEqual([version.major_version, version.minor_version, version.pagesize], [4, 17, 4096]);

  const { user_regs } = vcpu_guest_context.read(view, section('.xen_prstatus').offset);
  assert.equal(user_regs.rbx, CRASH_MARK);
  const pfns = Array.from({ length: header.xch_nr_pages }, (_, i) => view.getBigUint64(frames.offset + i * 8, true));
  assert.deepEqual(
    pfns,
    pfns.toSorted((a, b) => (a < b ? -1 : 1)),
  );
  assert.ok(!pfns.includes(C.XC_CORE_INVALID_PFN));
  // the instruction at which it stopped stands in its page
  const address = crashGuestAddress('hypercall', 'crash');
  const page = pfns.indexOf(BigInt(address >> 12));
  const code = elfOf(readFileSync(kernel));
  const loaded = code.segments[0] ?? assert.fail();
  const inKernel = loaded.offset + address - loaded.physicalAddress;
  const inCore = pages.offset + page * 4096 + (address & 4095);
  assert.deepEqual(bytes.subarray(inCore, inCore + 16), readFileSync(kernel).subarray(inKernel, inKernel + 16));
});

test("Debian's readelf reads it", (t) => {
  const { stdout, stderr, error } = spawnSync('readelf', ['-hSW', path], { encoding: 'utf8' });
  if (error !== undefined && process.env['CI'] !== 'true') return t.skip('readelf is not installed');
  assert.equal(stderr, '');
  assert.match(stdout, /Type: +CORE[\s\S]*X86-64[\s\S]*\.note\.Xen +NOTE[\s\S]*\.xen_prstatus +PROGBITS[\s\S]*\.xen_pages +PROGBITS[\s\S]*\.xen_pfn +PROGBITS/);
});

test('pages that the guest moved, gave back and took are in the core where they are now', async () => {
  const [MOVED, TAKEN] = [0x80000, 0x90001];
  const guest = TestGuest.build((g) => {
    g.page('moved', 0xa1);
    g.page('given', 0xa2);
    const list = (label: string): string => g.define((a) => a.ddShifted(label, 12).dd(0));
    const move = g.struct(xen_add_to_physmap, { domid: DOMID_SELF, space: XENMAPSPACE_gmfn, gpfn: MOVED }, { idx: { label: 'moved', shift: 12 } });
    g.call('move', MEMORY, XENMEM_add_to_physmap, move);
    const give = g.struct(xen_memory_reservation, { domid: DOMID_SELF, nr_extents: 1 }, { extent_start: list('given') });
    g.call('give', MEMORY, XENMEM_decrease_reservation, give);
    const taken = g.define((a) => a.dd(TAKEN).dd(0));
    const take = g.struct(xen_memory_reservation, { domid: DOMID_SELF, nr_extents: 1 }, { extent_start: taken });
    g.call('take', MEMORY, XENMEM_populate_physmap, take);
    g.map(0, BigInt(TAKEN) * 4096n, PRESENT | WRITE)
      .a.movq(R.bx, window(0))
      .storei32({ base: R.bx }, 0x5ca1ab1e);
    g.say('ready').a.sti().label('for_ever').hlt().jmp('for_ever');
  });
  const config = stack.file('m.cfg', `name = "m"\ntype = "pvh"\nkernel = "${stack.file('mover', guest)}"\nmemory = ${MIB}\n`);
  assert.match(await stack.quickXl('create', '-q', config), /^= 0$/);
  await until(() => /ready\n/.test(stack.log()), 'it has moved its pages');
  assert.match(stack.log(), /move 0\n.*give 1\n.*take 1\n/);
  assert.match(await stack.quickXl('dump-core', 'm', join(stack.folder, 'moved')), /= 0$/);
  const bytes = readFileSync(join(stack.folder, 'moved'));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const elf = elfOf(bytes);
  const section = (name: string) => elf.sections.find((each) => each.name === name) ?? assert.fail(`no ${name}`);
  const [pages, frames] = [section('.xen_pages'), section('.xen_pfn')];
  const pfns = Array.from({ length: frames.size / 8 }, (_, i) => Number(view.getBigUint64(frames.offset + i * 8, true)));
  assert.equal(pages.size, pfns.length * 4096);
  const client = await stack.client();
  assert.equal((await client.call('list', {})).find(({ name }) => name === 'm')?.memoryKib, pfns.length * 4, 'all that it has');
  client.close();
  assert.deepEqual(
    pfns,
    pfns.toSorted((a, b) => a - b),
  );
  const page = (pfn: number): Buffer => bytes.subarray(pages.offset + pfns.indexOf(pfn) * 4096).subarray(0, 4096);
  assert.ok(pfns.includes(MOVED) && pfns.includes(TAKEN));
  assert.ok(page(MOVED).every((byte) => byte === 0xa1));
  assert.equal(page(TAKEN).readUInt32LE(0), 0x5ca1ab1e);
  assert.ok(!bytes.includes(Buffer.alloc(4096, 0xa2)), 'what was given back is nowhere');
});

test('a core that cannot be written: the reason, and no file', async () => {
  assert.equal(
    await stack.quickXl('dump-core', 'c', stack.folder),
    [
      `! xc: error: Could not open corefile ${stack.folder} (21 = Is a directory): Internal error\n`,
      `! libxl: error: Domain 1:Core dumping domain to ${stack.folder}: Is a directory\n! core dump failed (rc=-3)\n= 1`,
    ].join(''),
  );
  assert.match(await stack.quickXl('dump-core', '99', join(stack.folder, 'other')), /Domain 99:Non-existant domain\n! core dump failed \(rc=-6\)\n= 1$/);
  assert.ok(!existsSync(join(stack.folder, 'other')));
});
