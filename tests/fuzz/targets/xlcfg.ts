import { formatJson } from '../../../src/toolstack/libxl/domain-config.ts';
import { ConfigError, domainConfigOf } from '../../../src/toolstack/xlcfg/domain-config-of.ts';
import { parseConfig } from '../../../src/toolstack/xlcfg/parse-config.ts';
import { mutateText } from '../mutate.ts';
import { refusing, type Target } from '../target.ts';

export const CONFIGS = [
  'name = "demo"\ntype = "pvh"\nkernel = "vmlinuz"\nramdisk = "initrd.gz"\nmemory = 512\nextra = "console=hvc0"\n',
  '# a comment\nname="x";memory=0x40;maxmem=128;vcpus=1\nkernel=\'/boot/k\'\non_crash="preserve"\non_reboot = "rename-restart"\n',
  'disk = [ "phy:/dev/sda,xvda,w",\n  \'file:x,hdc:cdrom,r\' ]\nvif = [ "mac=00:16:3e:00:00:01,bridge=br0", "" ]\nname="d"\nkernel="k"\ntype="pvh"\n',
  'name = "esc\\n\\x41\\101\\"q"\nuuid="01234567-89ab-cdef-0123-456789abcdef"\ncmdline += "a"\ncmdline += " b"\nlist = [ [ "1", 2 ], 3, ]\nkernel="k"\n',
  'maxvcpus=4\nvcpus=2\nmemory=32\nroot="/dev/xvda"\nextra="ro"\nname="r"\nkernel="k"\nbuilder="generic"\n',
];
const WORDS = [
  '"',
  "'",
  '[',
  ']',
  '=',
  '+=',
  ',',
  ';',
  '\n',
  '\\',
  '#',
  '\0',
  '__proto__',
  'constructor',
  '-1',
  '0x',
  '999999999999999999999',
  '08',
  '\\x',
  '\\777',
  'memory',
  'name',
  'type',
  'hvm',
  'toString',
  '[[[[[[[[',
  'é',
  '\r\n',
];
/** Characters of one file. */
const LIMIT = 4096;

export const xlcfgTarget: Target = {
  name: 'xlcfg',
  about: 'xl.cfg files: grammar, options, the domain they describe',
  prepare: () => ({
    run(random) {
      const { settings, errors } = parseConfig(mutateText(random, CONFIGS, WORDS, LIMIT), 'a.cfg');
      if (errors.some((line) => !/^a\.cfg:\d+: config parsing error /.test(line))) throw new Error(`an error without a place: ${errors.join('\n')}`);
      if (errors.length > 0) return 'refused';
      return refusing(() => {
        const { config } = domainConfigOf(settings, 'a.cfg', () => '01234567-89ab-cdef-0123-456789abcdef');
        JSON.parse(formatJson(config));
        if (!Number.isSafeInteger(config.b_info.max_memkb)) throw new Error(`max_memkb ${config.b_info.max_memkb}`);
      }, ConfigError);
    },
  }),
};
