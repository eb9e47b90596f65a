import { ACTIONS, type DomainConfig } from '../../toolstack/libxl/domain-config.ts';
import { INVALID_PARAMS, RpcError } from './rpc/rpc-error.ts';

type Fields = Readonly<Record<string, unknown>>;

const wrong = (what: string): RpcError => new RpcError(INVALID_PARAMS, `invalid params: ${what}`);

/** Longest name of a domain, in characters. */
const NAME_MAX = 256;

/** The params' fields; a client may have sent anything. */
export function fieldsOf(params: unknown): Fields {
  if (typeof params !== 'object' || params === null || Array.isArray(params)) throw wrong('an object is needed');
  return params as Fields;
}

export function wholeField(params: unknown, name: string, most = Number.MAX_SAFE_INTEGER): number {
  const value = fieldsOf(params)[name];
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > most) throw wrong(`"${name}" is a whole number`);
  return value;
}

/** A domain id. */
export const domidField = (params: unknown): number => wholeField(params, 'domid', 0x7ff0);

export function textField(params: unknown, name: string, longest: number): string {
  const value = fieldsOf(params)[name];
  if (typeof value !== 'string' || value.length > longest) throw wrong(`"${name}" is a text`);
  return value;
}

export function choiceField<T extends string>(params: unknown, name: string, choices: readonly T[]): T {
  const value = fieldsOf(params)[name];
  if (!choices.includes(value as T)) throw wrong(`"${name}" is one of ${choices.join(', ')}`);
  return value as T;
}

/** Whole numbers, or null. */
export function numbersField(params: unknown, name: string, most: number): number[] | undefined {
  const value = fieldsOf(params)[name];
  if (value === null) return undefined;
  if (!Array.isArray(value) || value.length > most || !value.every((n) => Number.isInteger(n) && n >= 0))
    throw wrong(`"${name}" is a list of whole numbers, or null`);
  return value;
}

export const flagField = (params: unknown, name: string): boolean => fieldsOf(params)[name] === true;

/** The number of a console: the first one, when there is none. */
export const consoleField = (params: unknown): number => (fieldsOf(params)['number'] === undefined ? 0 : wholeField(params, 'number', 255));

/** Channels of a domain, numbered from 0. */
function checkChannels(channels: unknown): void {
  if (channels === undefined) return;
  if (!Array.isArray(channels) || channels.length > 9) throw wrong('"channels" is a short list');
  for (const [i, channel] of channels.entries()) {
    if (wholeField(channel, 'devid') !== i) throw wrong('channels are numbered from 0');
    if (fieldsOf(channel)['name'] !== undefined) textField(channel, 'name', NAME_MAX);
    const socket = fieldsOf(channel)['connection.socket'];
    if (socket === undefined) fieldsOf(fieldsOf(channel)['connection.pty']);
    else if (!/^\/[^\0]+$/.test(textField(socket, 'path', 107))) throw wrong("a channel's socket has an absolute path");
  }
}

/** A domain's configuration, checked as far as it is used. */
export function configField(params: unknown): DomainConfig {
  const config = fieldsOf(fieldsOf(params)['config']);
  const create = fieldsOf(config['c_info']);
  const build = fieldsOf(config['b_info']);
  choiceField(create, 'type', ['pv', 'pvh', 'hvm']);
  if (textField(create, 'name', NAME_MAX) === '') throw wrong('"name" is not empty');
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(textField(create, 'uuid', 36))) throw wrong('"uuid" is a UUID');
  const KIB_MAX = 2 ** 34;
  if (wholeField(build, 'max_memkb', KIB_MAX) < wholeField(build, 'target_memkb', KIB_MAX)) throw wrong('"target_memkb" is at most "max_memkb"');
  for (const path of ['kernel', 'ramdisk', 'cmdline']) if (build[path] !== undefined) textField(build, path, 65536);
  if (build['sched_params'] === undefined) throw wrong('"sched_params" is missing');
  for (const event of ['on_poweroff', 'on_reboot', 'on_watchdog', 'on_crash', 'on_soft_reset']) {
    if (config[event] !== undefined) choiceField(config, event, ACTIONS);
  }
  checkChannels(config['channels']);
  return config as unknown as DomainConfig;
}
