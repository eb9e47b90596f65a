import type { ChannelConfig } from '../libxl/channels.ts';
import { DeviceSpecError } from './device-spec-error.ts';

/** Bytes of the path of a Unix socket. @see unix(7), sun_path */
const SOCKET_PATH_MAX = 107;

/**
 * A channel from `connection=pty,name=NAME` or `connection=socket,path=PATH,name=NAME`. Throws DeviceSpecError.
 * @see docs/man/xl.cfg.5.pod.in, channel
 */
export function parseChannel(spec: string, devid: number): ChannelConfig {
  const values = new Map<string, string>();
  for (const part of spec.split(',')) {
    const [, key = '', value = ''] = /^\s*([a-z]+)\s*=\s*(.*?)\s*$/.exec(part) ?? [];
    if (!['backend', 'name', 'connection', 'path'].includes(key)) throw new DeviceSpecError(`Unknown channel parameter '${part.trim()}'`);
    values.set(key, value);
  }
  const connection = values.get('connection');
  const name = values.get('name');
  const named = { devid, ...(name === undefined ? {} : { name }) };
  if (connection === undefined) throw new DeviceSpecError(`Channel '${spec}' has no connection; give connection=pty or connection=socket,path=PATH`);
  if (connection === 'pty') return { ...named, 'connection.pty': {} };
  if (connection !== 'socket') throw new DeviceSpecError(`Unknown channel connection '${connection}'`);
  const path = values.get('path') ?? '';
  if (path === '') throw new DeviceSpecError(`Channel '${spec}' has no path for its socket; give path=PATH`);
  if (new TextEncoder().encode(path).length > SOCKET_PATH_MAX) throw new DeviceSpecError(`A socket's path has at most ${SOCKET_PATH_MAX} bytes: '${path}'`);
  return { ...named, 'connection.socket': { path } };
}
