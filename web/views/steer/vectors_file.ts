import { signal } from '@preact/signals';
import { engine, inWords } from '../../app/engine.ts';
import * as session from '../../app/vectors.ts';
import { download } from '../../ui/download.ts';
import { refreshVectors } from './run.ts';
import { notice, push } from './state.ts';

/** A file whose vectors are of other weights, and waits for a word. */
export const doubtful = signal<{ readonly file: File; readonly why: string } | undefined>(undefined);

/** Why a file of vectors could not be opened or saved: said beside its buttons. */
export const fileProblem = signal<string | undefined>(undefined);

/** Puts a file's vectors to use, or says why not. */
export async function openVectors(file: File, anyway = false): Promise<void> {
  fileProblem.value = undefined;
  notice.value = undefined;
  doubtful.value = undefined;
  try {
    const opened = await session.openVectors(file, anyway);
    if (opened.state === 'differs') doubtful.value = { file, why: opened.why };
  } catch (error) {
    fileProblem.value = inWords(error);
  }
}

export async function closeVectors(): Promise<void> {
  fileProblem.value = undefined;
  await session.closeVectors();
  await refreshVectors();
  notice.value = undefined;
}

/** Downloads the vectors: `adjusted` with strength and layers as they are set. */
export async function saveVectors(adjusted: boolean): Promise<void> {
  fileProblem.value = undefined;
  try {
    const { name, bytes } = await engine().steer.saveVectors(adjusted ? push.value : undefined);
    download(name, new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/octet-stream' }));
  } catch (error) {
    fileProblem.value = inWords(error);
  }
}
