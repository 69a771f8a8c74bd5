export { createGPU, openFile, openFolder, readFile, version } from '#platform';
export { type Capabilities, type Device, type DeviceOptions, openDevice } from './gpu/device.ts';
export { DeviceLostError, GpuError, UserError } from './gpu/errors.ts';
export type { ModelFolder, RandomAccess } from './gpu/platform.ts';
