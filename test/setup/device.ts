import { afterAll } from 'vitest';
import { createGPU } from '#platform';
import { Device, type DeviceOptions } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/gpu/open_device.ts';

const opened: Device[] = [];
/** Dawn's toggles that Node's tests run with: TRIMTAB_TOGGLES, such as allow_unsafe_apis for matrix units. */
const toggles = (globalThis.process?.env.TRIMTAB_TOGGLES ?? '').split(',').filter((name) => name !== '');
let shared: Promise<Device> | undefined;

/**
 * The device that the tests of one file share or, where options are given, one of its own. All are destroyed after the
 * file's last test.
 */
export function testDevice(options?: DeviceOptions): Promise<Device> {
  if (options) return open(options);
  shared ??= open().catch((error) => {
    shared = undefined;
    throw error;
  });
  return shared;
}

let other: Promise<Device> | undefined;

/** As `testDevice`, but kernels are launched on it as on a GPU where the adapter is a CPU, and the other way round. */
export function testDeviceOfOtherKind(): Promise<Device> {
  other ??= open().then(({ gpu, caps }) => new Device(gpu, { ...caps, isSoftware: !caps.isSoftware }));
  return other;
}

async function open(options?: DeviceOptions): Promise<Device> {
  const device = await openDevice(await createGPU({ toggles }), options);
  opened.push(device);
  return device;
}

afterAll(() => {
  for (const device of opened.splice(0)) device.destroy();
});
