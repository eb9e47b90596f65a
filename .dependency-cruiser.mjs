// The ladder of rooms (docs/map.md): a room imports itself and lower rooms, type-only imports included.
const ladder = ['base', 'spec', 'machine', 'translator', 'hypervisor', 'xenstore', 'backends', 'toolstack', 'apps'];

/** What never ships: tests, what they stand on, and benchmarks. */
const testCode = ['\\.test\\.ts$', '\\.bench\\.ts$', '^src/.*/testing/', '^src/machine/core-harness\\.ts$', '^tests/', '^scripts/'];

/** Where the host may be named: its own room, entry files of the apps, and what never ships or runs beside a guest. */
const hostCode = ['^src/host/node/', '^src/apps/[^/]+/(main|command-line|[^/]*worker)\\.ts$', ...testCode];

const room = (name) => `^src/${name}/`;

export default {
  forbidden: [
    ...ladder.slice(0, -1).map((name, level) => ({
      name: `ladder-${name}`,
      comment: `src/${name} may import src/${[...ladder.slice(0, level + 1)].reverse().join(', src/')} only`,
      severity: 'error',
      from: { path: room(name) },
      to: { path: ladder.slice(level + 1).map(room) },
    })),
    {
      name: 'only-apps-choose-a-host',
      comment: 'a room asks for a port of src/base/ports; composition roots in src/apps and tests choose who implements it',
      severity: 'error',
      from: { path: '^src/', pathNot: ['^src/apps/', '^src/host/', ...testCode] },
      to: { path: '^src/host/' },
    },
    {
      name: 'hosts-know-base-only',
      severity: 'error',
      from: { path: '^src/host/', pathNot: testCode },
      to: { path: '^src/', pathNot: ['^src/base/', '^src/host/'] },
    },
    {
      name: 'hosts-are-strangers',
      severity: 'error',
      from: { path: '^src/host/([^/]+)/' },
      to: { path: '^src/host/', pathNot: '^src/host/$1/' },
    },
    {
      name: 'no-node-outside-hosts',
      severity: 'error',
      from: { path: '^src/', pathNot: hostCode },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'targets-are-strangers',
      severity: 'error',
      from: { path: '^src/translator/targets/([^/]+)/', pathNot: testCode },
      to: { path: '^src/translator/targets/', pathNot: '^src/translator/targets/$1/' },
    },
    {
      name: 'hypercalls-are-strangers',
      severity: 'error',
      from: { path: '^src/hypervisor/hypercalls/([^/]+)/' },
      to: { path: '^src/hypervisor/hypercalls/[^/]+/', pathNot: '^src/hypervisor/hypercalls/$1/' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-test-imports',
      comment: 'nothing that ships imports a test or what only tests stand on',
      severity: 'error',
      from: { path: '^src/', pathNot: testCode },
      to: { path: testCode },
    },
    { name: 'no-missing', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'no-undeclared',
      severity: 'error',
      from: { path: '^src/', pathNot: testCode },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^src/machine/assembly/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
