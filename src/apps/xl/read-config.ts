import type { DomainConfig } from '../../toolstack/libxl/domain-config.ts';
import { ConfigError, domainConfigOf } from '../../toolstack/xlcfg/domain-config-of.ts';
import { parseConfig } from '../../toolstack/xlcfg/parse-config.ts';
import { XlEnd, type XlHost } from './xl-host.ts';

const INVALID = 'Failed to parse config: Invalid argument\n';

/** A domain's configuration from a file and `key=value` arguments, which count as lines at its end. Ends the program when it is none. */
export async function readConfig(host: XlHost, path: string, extra: readonly string[], quiet: boolean): Promise<DomainConfig> {
  const file = await host.readFile(path);
  if ('failure' in file) {
    if (file.directory) host.err(`libxl: error: ${path} is not a plain file: Success\n`);
    host.err(`Failed to read config file: ${path}: ${file.directory ? 'Inappropriate ioctl for device' : file.failure}\n`);
    throw new XlEnd(3);
  }
  if (!quiet) host.err(`Parsing config from ${path}\n`);
  let text = new TextDecoder('latin1').decode(file.bytes);
  if (text !== '' && !text.endsWith('\n')) text += '\n';
  const { settings, errors } = parseConfig(text + extra.map((line) => `${line}\n`).join(''), path);
  if (errors.length > 0) {
    host.err(`${errors.join('\n')}\n${INVALID}`);
    throw new XlEnd(1);
  }
  try {
    const { config, warnings, notHonoured } = domainConfigOf(settings, path, host.uuid);
    for (const warning of warnings) host.err(`${warning}\n`);
    for (const name of notHonoured) host.err(`${path}:${settings.get(name)?.line}: warning: option \`${name}' is known, but has no effect yet\n`);
    if ((config.b_info.max_vcpus ?? 1) > 1) host.err(`${path}: warning: domains have one vCPU so far; \`vcpus' and \`maxvcpus' beyond it have no effect\n`);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    host.err(`${error.message}\n`);
    throw new XlEnd(error.status);
  }
}
