/** CPU models as users name them: a model, then features added and taken away. */
import { CPU_MODELS, type CpuModel, withFeatures } from './cpu-models.ts';
import { type CpuFeature, cpuidFeature } from './cpuid.ts';

/** The model of guests that ask for none. */
export const DEFAULT_CPU = 'x86-64-v2';

/** Short names of models; AMD's are the default. */
export const CPU_NAMES: Readonly<Record<string, string>> = {
  'x86-64-v2': 'AMD x86-64-v2',
  'x86-64-v3': 'AMD x86-64-v3',
  'amd-x86-64-v2': 'AMD x86-64-v2',
  'amd-x86-64-v3': 'AMD x86-64-v3',
  'intel-x86-64-v2': 'Intel x86-64-v2',
  'intel-x86-64-v3': 'Intel x86-64-v3',
};

/** Features that make no sense without another one. */
const NEEDS: Readonly<Partial<Record<CpuFeature, CpuFeature>>> = {
  avx: 'xsave',
  xsaveopt: 'xsave',
  xsavec: 'xsave',
  xgetbv1: 'xsave',
  avx2: 'avx',
  fma: 'avx',
  f16c: 'avx',
  vaes: 'avx',
  vpclmulqdq: 'avx',
};

/** Vendors differ in what makes a processor safe and how it is told: these cannot be chosen, nor what the kernel lives on. */
const FIXED: ReadonlySet<string> = new Set(['arch_capabilities', 'bhi_ctrl', 'hypervisor', 'lm', 'pae', 'msr', 'apic', 'tsc', 'fpu', 'fxsr', 'cx8', 'syscall']);

const offered: ReadonlySet<CpuFeature> = new Set([...CPU_MODELS.values()].flatMap((model) => [...model.features]));

/** Features that may be added and taken away: those of some model. */
export const selectableFeatures = (): CpuFeature[] => [...offered].filter((name) => !FIXED.has(name)).sort();

function selectable(name: string): CpuFeature {
  if (cpuidFeature(name) === undefined) throw new RangeError(`no CPU feature is named ${name}`);
  if (!offered.has(name as CpuFeature)) throw new RangeError(`the CPU feature ${name} is not implemented`);
  if (FIXED.has(name)) throw new RangeError(`the CPU feature ${name} cannot be changed`);
  return name as CpuFeature;
}

const dependents = (name: CpuFeature): CpuFeature[] =>
  (Object.keys(NEEDS) as CpuFeature[]).filter((other) => NEEDS[other] === name).flatMap((other) => [other, ...dependents(other)]);

function prerequisites(name: CpuFeature): CpuFeature[] {
  const needed = NEEDS[name];
  return needed === undefined ? [] : [needed, ...prerequisites(needed)];
}

/**
 * The model that `text` names: `x86-64-v3`, `intel-x86-64-v2,+aes,-xsave`, or a model's full name. What an added feature needs is added too, what
 * needs a feature taken away goes with it. Throws a RangeError that says what is wrong.
 */
export function chooseCpu(text: string): CpuModel {
  const [name = '', ...changes] = text.split(',');
  let model = CPU_MODELS.get(CPU_NAMES[name] ?? name);
  if (model === undefined) throw new RangeError(`no CPU model is named ${name}; there are ${Object.keys(CPU_NAMES).join(', ')}`);
  for (const change of changes) {
    if (!/^[+-]/.test(change)) throw new RangeError(`"${change}" neither adds (+) nor takes away (-) a CPU feature`);
    const feature = selectable(change.slice(1));
    if (change.startsWith('+')) model = withFeatures(model, { add: [feature, ...prerequisites(feature)] });
    else model = withFeatures(model, { remove: [feature, ...dependents(feature)] });
  }
  return changes.length === 0 ? model : { ...model, name: text };
}
