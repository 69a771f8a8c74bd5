import { effect, signal } from '@preact/signals';
import { proxy, type Remote, wrap } from 'comlink';
import type { Picked } from '../../src/model/picked_files.ts';
import type { Engine } from '../worker/engine.ts';
import type { AdapterInfo, Kept, ModelInfo, UploadProgress } from '../worker/session.ts';

/** Whether there is a GPU to work with. */
export type GpuState =
  | { readonly state: 'waiting' }
  | { readonly state: 'ready'; readonly info: AdapterInfo }
  /** `lost`: it was there and went away; a new worker may find it again. */
  | { readonly state: 'failed' | 'lost'; readonly problem: string };

export const gpu = signal<GpuState>({ state: 'waiting' });
/** The model on the GPU. */
export const model = signal<ModelInfo | undefined>(undefined);
/** The name of the model that is being loaded, the bytes of it that are on the GPU, and why the last one did not come. */
export const modelLoading = signal<string | undefined>(undefined);
export const modelProgress = signal<{ readonly done: number; readonly total: number } | undefined>(undefined);
export const modelProblem = signal<string | undefined>(undefined);

const BUDGET = 'trimtab.memoryBudget';
/** Bytes of GPU memory that may be allocated; undefined for no limit but the adapter's. */
export const memoryBudget = signal<number | undefined>(Math.max(0, Number(localStorage.getItem(BUDGET))) || undefined);
effect(() => localStorage.setItem(BUDGET, String(memoryBudget.value ?? '')));

let worker: Worker | undefined;
let remote: Remote<Engine> | undefined;

/** The engine in its worker. Each call is a promise; an error of the user's making has the name UserError. */
export function engine(): Remote<Engine> {
  if (!remote) throw new Error('the engine was not started');
  return remote;
}

/** How a model is had, and had again. */
export interface ModelSource {
  readonly name: string;
  load(onProgress: UploadProgress): Promise<ModelInfo>;
}

export const DEMO: ModelSource = {
  name: 'the demonstration model',
  load: (onProgress) => engine().models.loadDemo(onProgress),
};

/** Files of this computer: they are read by pieces, in the worker. */
export function pickedModel(name: string, picked: Picked): ModelSource {
  return { name, load: (onProgress) => engine().models.loadPicked(picked, onProgress) };
}

/** A model of the Hub whose files are in the page's storage. */
export function hubModel(name: string): ModelSource {
  return { name, load: (onProgress) => engine().models.loadHub(name, onProgress) };
}

/** Of the model that was loaded last: what a new worker loads first. */
export const source = signal(DEMO);

/** How long a worker whose GPU is lost may take to hand over what outlives it. */
const HANDOVER_MS = 1000;

/** Starts a worker, in place of the one before, opens the GPU in it, and loads the model that was there. */
export async function startEngine(): Promise<void> {
  const kept = await keptByTheLast();
  worker?.terminate();
  gpu.value = { state: 'waiting' };
  model.value = undefined;
  modelLoading.value = undefined;
  const created = new Worker(new URL('../worker/worker.ts', import.meta.url), {
    type: 'module',
    // What the engine finds the embedded model by: the worker itself only knows where its script is.
    name: new URL('./', document.baseURI).href,
  });
  worker = created;
  remote = wrap<Engine>(created);
  created.addEventListener('error', (event) => {
    gpu.value = { state: 'failed', problem: event.message || 'The worker could not be loaded: load the page again.' };
  });
  const events = proxy({
    lost(reason: string) {
      if (worker === created) gpu.value = { state: 'lost', problem: reason };
    },
  });
  const budget = memoryBudget.value;
  try {
    const info = await remote.session.open(budget === undefined ? {} : { memoryBudget: budget }, events);
    if (kept) await remote.session.restore(kept);
    gpu.value = { state: 'ready', info };
  } catch (error) {
    gpu.value = { state: 'failed', problem: inWords(error) };
    return;
  }
  await loadModel(source.value);
}

/** The vectors that a worker without its GPU still has. */
async function keptByTheLast(): Promise<Kept | undefined> {
  const late = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), HANDOVER_MS));
  return remote && Promise.race([remote.session.keep(), late]);
}

/**
 * Loads a model and tells the page of it. A failure is told as a notice of the page; the model before may have had to go.
 * @returns whether it is there
 */
export async function loadModel(wanted: ModelSource): Promise<boolean> {
  if (modelLoading.value !== undefined) {
    modelProblem.value = `${wanted.name} was not loaded, because ${modelLoading.value} is on its way: try again when it is there.`;
    return false;
  }
  const asked = remote;
  modelLoading.value = wanted.name;
  modelProgress.value = undefined;
  modelProblem.value = undefined;
  const onProgress = proxy((done: number, total: number) => {
    if (remote === asked) modelProgress.value = { done, total };
  });
  try {
    const loaded = await wanted.load(onProgress);
    if (remote !== asked) return false;
    model.value = loaded;
    source.value = wanted;
    return true;
  } catch (error) {
    const current = await engine().session.current();
    if (remote !== asked) return false;
    model.value = current;
    modelProblem.value = inWords(error);
    return false;
  } finally {
    if (remote === asked) modelLoading.value = undefined;
  }
}

export async function unloadModel(): Promise<void> {
  try {
    await engine().session.unload();
    model.value = undefined;
  } catch (error) {
    modelProblem.value = inWords(error);
  }
}

/** Counts at once, for what is allocated from now on. */
export async function setMemoryBudget(bytes: number | undefined): Promise<void> {
  memoryBudget.value = bytes;
  if (gpu.value.state === 'ready') await engine().session.setMemoryBudget(bytes);
}

/** A failure in plain words: the message of what the reader can mend, and for the rest that it is not their mistake. */
export function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (['UserError', 'GpuError', 'DeviceLostError'].includes(error.name)) return error.message;
  return `Something broke that should not have: ${error.name}: ${error.message}`;
}
