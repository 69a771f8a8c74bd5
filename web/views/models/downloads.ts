import { effect, signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { HubProgress } from '../../../src/model/hub.ts';
import { engine, hubModel, inWords, loadModel } from '../../app/engine.ts';
import type { CachedRepository } from '../../worker/models.ts';

/** The download of a Hub model that goes on, was paused, or broke off; undefined when there is none. */
export interface DownloadState {
  readonly name: string;
  readonly state: 'going' | 'paused' | 'broken';
  readonly progress?: HubProgress;
  readonly problem?: string;
}

const UNFINISHED = 'trimtab.download';
const unfinished = localStorage.getItem(UNFINISHED);

/** One that the page was closed over waits to be resumed. */
export const download = signal<DownloadState | undefined>(
  unfinished ? { name: unfinished, state: 'paused' } : undefined,
);
effect(() => localStorage.setItem(UNFINISHED, download.value?.name ?? ''));

export const cached = signal<readonly CachedRepository[] | undefined>(undefined);
export const storage = signal<{ usage: number; quota: number; persisted: boolean } | undefined>(undefined);
/** Why what is kept could not be listed or deleted. */
export const storageProblem = signal<string | undefined>(undefined);

/** Brings a model of the Hub, or the rest of it, and loads it. */
export async function fetchModel(name: string): Promise<void> {
  download.value = { name, state: 'going' };
  const onProgress = proxy((progress: HubProgress) => {
    if (download.value?.state === 'going') download.value = { name, state: 'going', progress };
  });
  const ended = (state: 'paused' | 'broken', problem?: string) => {
    const { progress } = download.value ?? {};
    download.value = { name, state, ...(progress && { progress }), ...(problem !== undefined && { problem }) };
  };
  try {
    if (await engine().models.bringHub(name, onProgress)) {
      download.value = undefined;
      await loadModel(hubModel(name));
    } else ended('paused');
  } catch (error) {
    ended('broken', inWords(error));
  }
  await refresh();
}

export function pause(): void {
  void engine().models.pauseHub();
}

/** Shows no download that does not go on. What has come of it stays in the list of what is kept. */
export function forget(): void {
  if (download.value?.state !== 'going') download.value = undefined;
}

/** What this browser keeps of models, and how much room the page has. */
export async function refresh(): Promise<void> {
  try {
    cached.value = await engine().models.cached();
    const [{ usage = 0, quota = 0 }, persisted] = await Promise.all([
      navigator.storage.estimate(),
      navigator.storage.persisted(),
    ]);
    storage.value = { usage, quota, persisted };
    storageProblem.value = undefined;
  } catch (error) {
    storageProblem.value = inWords(error);
  }
}

export async function remove(repo: string): Promise<void> {
  try {
    await engine().models.removeCached(repo);
  } catch (error) {
    storageProblem.value = inWords(error);
    return;
  }
  await refresh();
}

/** Asks the browser not to delete what is kept when the disk gets full: it may ask the reader, or decide by itself. */
export async function makePersistent(): Promise<void> {
  if (await navigator.storage.persist()) return refresh();
  storageProblem.value =
    'The browser did not agree to keep it: it does for pages that are bookmarked, installed or visited often.';
}
