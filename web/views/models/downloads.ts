import { signal } from '@preact/signals';
import { proxy } from 'comlink';
import type { HubProgress } from '../../../src/model/hub.ts';
import { engine, inWords, loadModel } from '../../app/engine.ts';
import type { CachedModel } from '../../worker/models.ts';

/** The download of a Hub model that goes on, was paused, or broke off; undefined when there is none. */
export interface DownloadState {
  readonly name: string;
  readonly state: 'going' | 'paused' | 'broken';
  readonly progress?: HubProgress;
  /** Bytes a second, over the last seconds. */
  readonly rate?: number;
  readonly problem?: string;
}

export const download = signal<DownloadState | undefined>(undefined);
export const cached = signal<readonly CachedModel[] | undefined>(undefined);
export const storage = signal<{ usage: number; quota: number; persisted: boolean } | undefined>(undefined);

/** Seconds over which the rate is taken. */
const RATE_S = 5;

/** Brings a model of the Hub, or the rest of it, and loads it. */
export async function fetchModel(name: string): Promise<void> {
  const marks: { at: number; done: number }[] = [];
  download.value = { name, state: 'going' };
  const onProgress = proxy((progress: HubProgress) => {
    const at = performance.now() / 1000;
    marks.push({ at, done: progress.done });
    while ((marks[0]?.at ?? at) < at - RATE_S) marks.shift();
    const first = marks[0];
    const rate = first && at > first.at ? (progress.done - first.done) / (at - first.at) : undefined;
    if (download.value?.state === 'going') download.value = { name, state: 'going', progress, ...(rate && { rate }) };
  });
  try {
    if (await engine().models.bringHub(name, onProgress)) {
      download.value = undefined;
      await loadModel({ name, load: () => engine().models.loadHub(name) });
    } else download.value = { ...(download.value ?? { name }), name, state: 'paused' };
  } catch (error) {
    download.value = { ...(download.value ?? { name }), name, state: 'broken', problem: inWords(error) };
  }
  await refresh();
}

export function pause(): void {
  void engine().models.pauseHub();
}

/** What this browser keeps of models, and how much room the page has. */
export async function refresh(): Promise<void> {
  cached.value = await engine().models.cached();
  const [{ usage = 0, quota = 0 }, persisted] = await Promise.all([
    navigator.storage.estimate(),
    navigator.storage.persisted(),
  ]);
  storage.value = { usage, quota, persisted };
}

export async function remove(repo: string): Promise<void> {
  await engine().models.removeCached(repo);
  await refresh();
}
