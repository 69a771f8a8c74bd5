import { createGPU } from '#platform';
import { openDevice } from '../src/gpu/device.ts';

const status = document.querySelector('#adapter') as HTMLElement;

try {
  const device = await openDevice(await createGPU());
  const { adapter, isSoftware } = device.caps;
  status.textContent = `${adapter}${isSoftware ? ' (software: this computer’s processor)' : ''}`;
  device.destroy();
} catch (error) {
  status.classList.add('error');
  status.textContent = error instanceof Error ? error.message : String(error);
}
