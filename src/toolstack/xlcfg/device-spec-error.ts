/** A device's description cannot be read: what xl prints about it. */
export class DeviceSpecError extends Error {
  override readonly name = 'DeviceSpecError';
}
