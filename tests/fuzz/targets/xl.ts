import type { DaemonClient } from '../../../src/apps/daemon/connect.ts';
import { RpcError } from '../../../src/apps/daemon/rpc/rpc-error.ts';
import { runXl } from '../../../src/apps/xl/run-xl.ts';
import { XlEnd } from '../../../src/apps/xl/xl-host.ts';
import { mutateText } from '../mutate.ts';
import type { Random } from '../random.ts';
import type { Target } from '../target.ts';
import { CONFIGS } from './xlcfg.ts';

const WORDS = [
  'create',
  'list',
  'destroy',
  'shutdown',
  'reboot',
  'pause',
  'unpause',
  'console',
  'rename',
  'domid',
  'domname',
  'info',
  'vm-list',
  'vcpu-list',
  'mem-set',
  'mem-max',
  'dmesg',
  'sharing',
  'debug-keys',
  'sysrq',
  'uptime',
  'help',
  'config-update',
  'dump-core',
  'vcpu-pin',
  'vcpu-set',
  'trigger',
  'claims',
  'top',
  'completion',
  'block-attach',
  'block-list',
  'block-detach',
  'network-attach',
  'network-list',
  'network-detach',
  'getenforce',
  'setenforce',
  'loadpolicy',
  'nmi',
  'all,^0',
  '/a,raw,xvda,rw',
  'vdev=xvda',
  'xvda',
  'mac=00:16:3e:0:0:1',
  'rate=1Mb/s',
  'bash',
  '-b',
  '-d1',
  '-i2',
  'save',
  '-l',
  '-v',
  '-n',
  '-N',
  '-p',
  '-c',
  '-q',
  '-F',
  '-f',
  '-a',
  '-w',
  '-t',
  '--',
  '-',
  '--help',
  '-h',
  '--defconfig=a.cfg',
  'a.cfg',
  'missing',
  'name="x"',
  'memory=',
  '0',
  '1',
  '99999',
  '-1',
  'demo',
  '512',
  '512m',
  '1g',
  '0x10',
  'nan',
  '',
  '__proto__',
  'é\0',
  'pv',
  '-nconsole',
  '--long',
  '=',
  'n=',
];

const DOMAINS = [0, 1, 3].map((domid) => ({
  domid,
  name: domid === 0 ? 'Domain-0' : `demo${domid}`,
  uuid: '01234567-89ab-cdef-0123-456789abcdef',
  memoryKib: 4096,
  outstandingKib: 0,
  maxKib: 4096,
  vcpusOnline: 1,
  running: false,
  blocked: true,
  paused: false,
  shutdown: domid === 3,
  dying: false,
  ...(domid === 3 ? { reason: 0 } : {}),
  cpuTime: 1e9,
  startTime: 1e9,
}));

const CONSOLES = [0, 1, 3, 4];

/** Answers as a daemon does, or refuses. */
function daemon(random: Random): DaemonClient {
  const call = async (method: string, params: { readonly domid?: number }): Promise<unknown> => {
    if (random.once(8)) throw new RpcError(1, 'no', { rc: -3, lines: ['libxl: error: no'] });
    switch (method) {
      case 'list':
        return DOMAINS;
      case 'vcpus':
        return [{ domid: 0, vcpu: 0, online: true, blocked: false, running: true, cpuTime: 1e9, cpu: 0, hard: [0], soft: [0] }];
      case 'pinVcpu':
        return ['libxl: warning: hm'];
      case 'config':
        return { config: null };
      case 'create':
        return { domid: 4 };
      case 'wait':
        return { kind: 'shutdown', reason: 0 };
      case 'status':
        return { pid: 1, version: '0', startTime: 1e9, domains: 3, counters: {} };
      case 'hypervisorLog':
        return { text: '' };
      case 'consoleOpen':
        if (CONSOLES.includes(params.domid ?? -1)) return null;
        throw new RpcError(1, 'no', { rc: -3, lines: ['libxl: error: no such domain'] });
      case 'hostInfo':
        return {
          physinfo: { nr_cpus: 1, total_pages: 4096, free_pages: 1024, outstanding_pages: 0, cpu_khz: 1000000, hw_cap: [0], capabilities: 0 },
          version: { major: 4, minor: 17, extra: '', compile: {} },
          scheduler: 6,
          topology: [{ core: 0, socket: 0, node: 0 }],
          nodes: [{ memsize: 1, memfree: 1, distances: [10] }],
        };
      default:
        return null;
    }
  };
  return {
    call,
    on: (method: string, listener: (params: unknown) => void) =>
      method === 'consoleEnd' && queueMicrotask(() => CONSOLES.forEach((domid) => void listener({ domid }))),
    gone: () => new Promise(() => {}),
    close: () => {},
  } as unknown as DaemonClient;
}

export const xlTarget: Target = {
  name: 'xl',
  about: 'command lines of xl: every command ends with a status and whole lines',
  prepare: () => ({
    async run(random) {
      const args = Array.from({ length: 1 + random.below(5) }, () => (random.once(12) ? mutateText(random, WORDS, WORDS, 40) : random.pick(WORDS)));
      let text = '';
      const take = (more: string): void => {
        text += more;
      };
      const status = await runXl(
        {
          daemon: async () => daemon(random),
          runningDaemon: async () => daemon(random),
          out: take,
          err: take,
          readFile: async (path) =>
            path === 'missing' ? { failure: 'No such file or directory', directory: false } : { bytes: new TextEncoder().encode(random.pick(CONFIGS)) },
          resolve: (path) => path,
          uuid: () => '01234567-89ab-cdef-0123-456789abcdef',
          wall: () => 1.7e12,
          clock: () => '00:00:00',
          // whoever would wait is done
          after: () => {
            throw new XlEnd(0);
          },
          system: { host: 'h', release: 'r', version: 'v', machine: 'm' },
          terminal: { write: async () => {}, onInput: () => () => {}, onEnd: () => () => {}, size: () => undefined, setRaw: () => {} },
          onInterrupt: () => () => {},
        },
        args,
      );
      if (!Number.isInteger(status)) throw new Error(`status ${status}`);
      if (/\n\s+at .*:\d+:\d+/.test(text)) throw new Error(`a stack trace for people: ${text}`);
      return status === 0 ? 'done' : `status ${status}`;
    },
  }),
};
