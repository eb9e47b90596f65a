/** Processors and memory nodes of the machine: one pCPU so far. */
export const PCPUS = 1;
export const NODES = 1;
