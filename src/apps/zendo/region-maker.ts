import type { Memories } from '../../machine/memories.ts';
import { chooseCpu } from '../../spec/x86/choose-cpu.ts';
import { makeRegions, type RegionJob, type RegionModule } from '../../translator/targets/wasm/region-module.ts';
import { BlockTranslator } from '../../translator/translate-block.ts';

/** Makes regions for guests with the CPU model that `chooseCpu` reads `cpuModel` as. */
export function regionMaker(cpuModel: string, memories: Memories): (job: RegionJob) => RegionModule {
  const model = chooseCpu(cpuModel);
  const translator = new BlockTranslator({ features: new Set(model.features), vendor: model.vendor === 'GenuineIntel' ? 'intel' : 'amd' });
  return (job) => makeRegions(job, translator, memories);
}
