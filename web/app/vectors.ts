import { signal } from '@preact/signals';
import type { OpenedVectors } from '../worker/steer_types.ts';
import { engine } from './engine.ts';

/**
 * Another number for other vectors in the worker's session: after each step of training, when a run is opened, and when a file is
 * opened or put away. Who shows the vectors reads it, and asks the worker anew.
 */
export const vectorsVersion = signal(0);

export function vectorsChanged(): void {
  vectorsVersion.value = vectorsVersion.peek() + 1;
}

/** Puts a file's vectors in the place of those in use, `anyway` also those that were trained on other weights. */
export async function openVectors(file: File, anyway = false): Promise<OpenedVectors> {
  const opened = await engine().steer.openVectors(file, anyway);
  if (opened.state === 'opened') vectorsChanged();
  return opened;
}

export async function closeVectors(): Promise<void> {
  await engine().steer.closeVectors();
  vectorsChanged();
}
