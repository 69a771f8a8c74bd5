import { openFolder } from '#platform';
import type { Device } from '../../src/gpu/device.ts';
import { type LanguageModel, openLanguageModel } from '../../src/model/language_model.ts';

/** The demonstration model. */
export async function demoModel(device: Device): Promise<LanguageModel> {
  return openLanguageModel(device, await openFolder('models/demo'));
}
