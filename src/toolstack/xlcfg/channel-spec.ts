import type { ChannelConfig } from '../libxl/channels.ts';
import { DeviceSpecError } from './device-spec-error.ts';

/**
 * A channel from `connection=pty,name=NAME`. Throws DeviceSpecError.
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
  if (connection === undefined) throw new DeviceSpecError(`Channel '${spec}' has no connection; give connection=pty`);
  if (connection === 'socket') throw new DeviceSpecError('Channels with connection=socket cannot be made yet; give connection=pty');
  if (connection !== 'pty') throw new DeviceSpecError(`Unknown channel connection '${connection}'`);
  const name = values.get('name');
  return { devid, ...(name === undefined ? {} : { name }), 'connection.pty': {} };
}
