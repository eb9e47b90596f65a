import type { DomainConfig } from '../../toolstack/libxl/domain-config.ts';

/** A configuration whose paths mean the same from everywhere: the daemon has another working directory. */
export function absolutePaths(config: DomainConfig, resolve: (path: string) => string): DomainConfig {
  const { kernel, ramdisk } = config.b_info;
  const paths = { ...(kernel === undefined ? {} : { kernel: resolve(kernel) }), ...(ramdisk === undefined ? {} : { ramdisk: resolve(ramdisk) }) };
  return { ...config, b_info: { ...config.b_info, ...paths } };
}
